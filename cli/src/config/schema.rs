//! The JSON Schema of the configuration file: for editors, and for the names that a wrong key may have meant.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::file::ConfigFile;

/// The schema as one self-contained JSON value.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<ConfigFile>().to_value()
}

/// The keys that may stand at that path of the file.
pub(super) fn keys_at(path: &[String]) -> Vec<String> {
    let schema = schema();
    let mut here = &schema;
    for name in path {
        let named = here.get("properties").and_then(|properties| properties.get(name));
        match named.or_else(|| here.get("additionalProperties")) {
            Some(next) => here = next,
            None => return Vec::new(),
        }
    }
    let properties = here.get("properties").and_then(Value::as_object);
    properties.map(|properties| properties.keys().cloned().collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_every_level_are_found() {
        let keys = |path: &[&str]| keys_at(&path.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert!(keys(&[]).contains(&"timeoutMs".to_owned()));
        assert!(keys(&["harnesses", "mine"]).contains(&"command".to_owned()));
        assert_eq!(keys(&["limits"]), ["assignment", "attempt", "day", "expectedCost", "job", "maxJobs"]);
        assert_eq!(keys(&["nonsense", "deeper"]), [""; 0]);
    }

    #[test]
    fn the_schema_in_the_repository_is_the_one_made_from_the_types() {
        let stored: Value = serde_json::from_str(include_str!("../../../config.schema.json")).unwrap();
        assert!(
            stored == schema(),
            "config.schema.json is old: `cargo run -p agents-cli -- config schema > config.schema.json`"
        );
    }
}
