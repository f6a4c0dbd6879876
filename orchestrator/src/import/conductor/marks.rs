//! `{{name}}` and `${NAME}` in hs-conductor's texts, as ours.

use std::collections::{BTreeMap, BTreeSet};

use agents_definitions::{At, Problem};

use crate::import::literal;

/// What `{{…}}` may mean in a workload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// The inputs that it declares, and the params that they become.
    pub inputs: BTreeMap<String, String>,
    /// Names that stand in texts and are declared nowhere.
    pub undeclared: BTreeSet<String>,
}

/// Names that mean the same with us, unless an input is called so.
const SAME: [&str; 3] = ["today", "now", "input"];

/// A name that a param can have.
pub fn param_name(name: &str) -> Option<String> {
    let fit = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' };
    let name: String = name.trim().chars().map(fit).collect();
    agents_domain::secret::is_variable(&name).then_some(name)
}

impl Marks {
    /// The text with our marks. hs-conductor puts in what is `{{a word}}`; anything else in braces is text to it.
    pub fn text(&mut self, text: &str, at: At) -> Result<String, Problem> {
        let mut made = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(begin) = rest.find("{{") {
            let Some(length) = rest[begin..].find("}}") else { break };
            let inner = rest[begin + 2..begin + length].trim();
            let Some(meant) = self.meaning(inner) else {
                // Only the braces are text: a mark may begin within.
                made.push_str(&literal::escape(&rest[..begin + 2], at)?);
                rest = &rest[begin + 2..];
                continue;
            };
            made.push_str(&literal::escape(&rest[..begin], at)?);
            made.push_str(&format!("{{{{ {meant} }}}}"));
            rest = &rest[begin + length + 2..];
        }
        made.push_str(&literal::escape(rest, at)?);
        Ok(made)
    }

    fn meaning(&mut self, inner: &str) -> Option<String> {
        if let Some(param) = self.inputs.get(inner) {
            return Some(format!("params.{param}"));
        }
        if SAME.contains(&inner) {
            return Some(inner.to_owned());
        }
        if !agents_domain::secret::is_variable(inner) {
            return None;
        }
        self.undeclared.insert(inner.to_owned());
        Some(format!("params.{inner}"))
    }
}

/// `${NAME}` as the reference to a secret, which is what it mostly is; or what can't be kept.
pub fn secrets(text: &str) -> Result<String, String> {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find("${") {
        let Some(length) = rest[begin..].find('}') else { break };
        let inner = &rest[begin + 2..begin + length];
        if !agents_domain::secret::is_variable(inner) {
            return Err(format!("`${{{inner}}}` is more than the name of a variable"));
        }
        made.push_str(&rest[..begin]);
        made.push_str(&format!("${{secret:{inner}}}"));
        rest = &rest[begin + length + 1..];
    }
    made.push_str(rest);
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::fields::BEGINNING;

    #[test]
    fn a_word_in_braces_is_a_param_and_anything_else_is_text() {
        let inputs = BTreeMap::from([
            ("topic".to_owned(), "topic".to_owned()),
            ("per-page".to_owned(), "per_page".to_owned()),
        ]);
        let mut marks = Marks { inputs, undeclared: BTreeSet::new() };
        let mut check = |text: &str, expected: &str| {
            assert_eq!(marks.text(text, BEGINNING).as_deref(), Ok(expected), "{text}");
        };
        check("plain { } text", "plain { } text");
        check("a {{topic}} joke, {{ topic }}", "a {{ params.topic }} joke, {{ params.topic }}");
        check("{{per-page}}", "{{ params.per_page }}");
        check("on {{today}} for {{city}}", "on {{ today }} for {{ params.city }}");
        check("{{a.b}} and {{topic}}", "{% raw %}{{{% endraw %}a.b}} and {{ params.topic }}");
        check("open {{ only", "{% raw %}open {{ only{% endraw %}");
        check("100 {% of it", "{% raw %}100 {% of it{% endraw %}");
        assert_eq!(marks.undeclared, BTreeSet::from(["city".to_owned()]));
    }

    #[test]
    fn a_variable_becomes_a_secret_and_more_than_a_variable_is_refused() {
        assert_eq!(secrets("Bearer ${TOKEN}, ${X}").as_deref(), Ok("Bearer ${secret:TOKEN}, ${secret:X}"));
        assert_eq!(secrets("${open").as_deref(), Ok("${open"));
        assert!(secrets("${CITY:-Berlin}").is_err());
    }
}
