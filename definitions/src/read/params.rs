//! The params that a definition declares.

use serde_json::Value;

use super::Reader;
use crate::node::{Content, Key, Node};
use crate::param::{Param, ParamType};

const PARAM_KEYS: [&str; 5] = ["type", "description", "default", "required", "choices"];

impl Reader {
    pub(super) fn params(&mut self, node: &Node) -> Vec<Param> {
        let entries = self.entries(node, "params");
        entries.iter().map(|(key, value)| self.param(key, value)).collect()
    }

    fn param(&mut self, key: &Key, node: &Node) -> Param {
        if !agents_domain::secret::is_variable(&key.name) {
            let message = format!("`{}` can't be the name of a param", key.name);
            self.problem(key.at, message, "use letters, digits and `_`, so that templates can name it");
        }
        let mut param = Param {
            name: key.name.clone(),
            kind: ParamType::String,
            description: None,
            default: None,
            is_required: false,
            choices: Vec::new(),
        };
        let known = PARAM_KEYS.map(str::to_owned);
        let (mut default_at, mut choices_at) = (None, Vec::new());
        for (key, value) in self.entries(node, &key.name) {
            match key.name.as_str() {
                "type" => {
                    let types = ParamType::ALL.map(ParamType::as_str);
                    let word = self.word("type", &types, value);
                    let kind = word.and_then(|word| ParamType::from_name(word.as_str()?));
                    param.kind = kind.unwrap_or(ParamType::Json);
                }
                "description" => param.description = self.text(value, "description"),
                "default" => {
                    default_at = Some(value);
                }
                "required" => match value.content {
                    Content::Bool(is) => param.is_required = is,
                    Content::Null
                    | Content::Number(_)
                    | Content::Text(_)
                    | Content::List(_)
                    | Content::Map(_) => {
                        self.problem(value.at, "`required` is true or false", "write required: true")
                    }
                },
                "choices" => match &value.content {
                    Content::List(nodes) => choices_at.extend(nodes),
                    Content::Null
                    | Content::Bool(_)
                    | Content::Number(_)
                    | Content::Text(_)
                    | Content::Map(_) => {
                        self.problem(value.at, "`choices` is a list", "write choices: [one, two]")
                    }
                },
                _ => self.unknown(key, &known),
            }
        }
        param.choices = choices_at.iter().map(|node| fitting(&param, node)).collect();
        let alone = Param { choices: Vec::new(), ..param.clone() };
        for node in choices_at {
            self.check_value(&alone, node, "the choice");
        }
        if let Some(node) = default_at {
            param.default = Some(fitting(&param, node));
            self.check_value(&param, node, "the default");
            if param.is_required {
                let hint = "leave one of the two out: a default makes it unneeded";
                self.problem(node.at, format!("param `{}` is required and has a default", key.name), hint);
            }
        }
        param
    }

    fn check_value(&mut self, param: &Param, node: &Node, what: &str) {
        if let Some(why) = param.refusal(&fitting(param, node)) {
            self.problem(
                node.at,
                format!("{what} doesn't fit: {why}"),
                "correct it, or the type or the choices",
            );
        }
    }
}

/// A number or a boolean is a text as it is written, where a text is wanted.
fn fitting(param: &Param, node: &Node) -> Value {
    match (param.kind, &node.content, &node.raw) {
        (ParamType::String, Content::Bool(_) | Content::Number(_), Some(raw)) => Value::String(raw.clone()),
        _ => node.json(),
    }
}
