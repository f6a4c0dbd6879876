//! What a model and an agent are told of the outputs that are wanted of them.

use serde_json::{Map, Value, json};

use crate::workflow::{From, Kind, Output};

/// The JSON Schema of an answer with these outputs. `None`: none of them comes from the answer's JSON.
pub(crate) fn schema(outputs: &[Output]) -> Option<Value> {
    let wanted: Vec<&Output> = outputs.iter().filter(|output| output.from == From::Answer).collect();
    if wanted.is_empty() {
        return None;
    }
    let mut properties = Map::new();
    for output in &wanted {
        let mut property = of_kind(&output.field.kind);
        if let (Some(text), Value::Object(fields)) = (&output.field.description, &mut property) {
            fields.insert("description".to_owned(), json!(text));
        }
        properties.insert(output.field.name.clone(), property);
    }
    let required: Vec<&str> = wanted
        .iter()
        .filter(|output| output.field.is_required)
        .map(|output| output.field.name.as_str())
        .collect();
    Some(
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false}),
    )
}

fn of_kind(kind: &Kind) -> Value {
    match kind {
        Kind::Any => json!({}),
        Kind::String => json!({"type": "string"}),
        Kind::Number => json!({"type": "number"}),
        Kind::Integer => json!({"type": "integer"}),
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Object(fields) => {
            let properties: Map<String, Value> =
                fields.iter().map(|(name, kind)| (name.clone(), of_kind(kind))).collect();
            if properties.is_empty() {
                json!({"type": "object"})
            } else {
                json!({"type": "object", "properties": properties})
            }
        }
        Kind::Array(kind) => json!({"type": "array", "items": of_kind(kind)}),
    }
}

/// The sentence that an agent is told of them. `None`: nothing is wanted as JSON.
pub(crate) fn sentence(outputs: &[Output]) -> Option<String> {
    let wanted: Vec<&Output> = outputs.iter().filter(|output| output.from == From::Answer).collect();
    if wanted.is_empty() {
        return None;
    }
    let fields: Vec<String> = wanted
        .iter()
        .map(|output| format!("{}: {}", Value::String(output.field.name.clone()), form(&output.field.kind)))
        .collect();
    let mut text = format!(
        "\n\nYour last message must end with one line of JSON that has exactly this form, and nothing after it:\n\n{{{}}}\n",
        fields.join(", ")
    );
    for output in wanted {
        if let Some(description) = output.field.description.as_deref().filter(|text| !text.trim().is_empty())
        {
            text.push_str(&format!("\n- `{}`: {}", output.field.name, description.trim()));
        }
        if !output.field.is_required {
            text.push_str(&format!("\n- `{}` may be left out.", output.field.name));
        }
    }
    Some(text)
}

fn form(kind: &Kind) -> String {
    match kind {
        Kind::Any => "<any JSON>".to_owned(),
        Kind::String => "\"<text>\"".to_owned(),
        Kind::Number => "<number>".to_owned(),
        Kind::Integer => "<whole number>".to_owned(),
        Kind::Boolean => "<true or false>".to_owned(),
        Kind::Object(fields) if fields.is_empty() => "{<object>}".to_owned(),
        Kind::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, kind)| format!("{}: {}", Value::String(name.clone()), form(kind)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        Kind::Array(kind) => format!("[{}, …]", form(kind)),
    }
}
