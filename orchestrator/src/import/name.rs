//! Names of definitions and schedules, made of what people call things elsewhere.

use std::collections::BTreeSet;

/// Shorter than a name may be, so that a number fits behind it.
const LONGEST: usize = 56;

/// The text as a name: lower case, everything else that can't be in one becomes `-`. `None`: nothing is left.
pub fn slug(text: &str) -> Option<String> {
    let mut name = String::new();
    for c in text.trim().chars().flat_map(char::to_lowercase) {
        if c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.') {
            name.push(c);
        } else if !name.ends_with('-') {
            name.push('-');
        }
        if name.len() >= LONGEST {
            break;
        }
    }
    let name = name.trim_start_matches(['-', '_', '.']).trim_end_matches(['-', '.']);
    (!name.is_empty()).then(|| name.to_owned())
}

/// The name, with a number behind it if it is taken.
pub fn unique(name: &str, taken: &BTreeSet<String>) -> String {
    let numbered = (2_u32..).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names.find(|name| !taken.contains(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_of_what_people_call_things() {
        let check =
            |text: &str, expected: Option<&str>| assert_eq!(slug(text).as_deref(), expected, "{text}");
        check("morning-brief", Some("morning-brief"));
        check("  Morning  Brief! ", Some("morning-brief"));
        check("--Größe", Some("gr-e"));
        check("_x.sh", Some("x.sh"));
        check("!!!", None);
        check("", None);
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let taken = BTreeSet::from(["backup".to_owned(), "backup-2".to_owned()]);
        assert_eq!(unique("backup", &taken), "backup-3");
        assert_eq!(unique("other", &taken), "other");
    }
}
