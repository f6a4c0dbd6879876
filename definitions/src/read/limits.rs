//! The limits that a definition sets.

use agents_domain::limits::{LimitChange, Measure, Scope};
use agents_domain::usage::MicroUsd;

use super::Reader;
use crate::node::{Content, Key, Node};

impl Reader {
    pub(super) fn limits(&mut self, node: &Node) -> Vec<LimitChange> {
        let scopes = ["attempt", "job", "assignment"];
        let mut changes = Vec::new();
        for (key, value) in self.entries(node, "limits") {
            let Some(scope) = Scope::from_name(&key.name).filter(|scope| *scope != Scope::Day) else {
                self.unknown(key, &scopes.map(str::to_owned));
                continue;
            };
            for (key, value) in self.entries(value, &key.name) {
                changes.extend(self.limit(scope, key, value));
            }
        }
        changes
    }

    fn limit(&mut self, scope: Scope, key: &Key, node: &Node) -> Option<LimitChange> {
        let whole = || node.json().as_u64().filter(|number| *number > 0);
        let (measure, limit) = match key.name.as_str() {
            "cost" => {
                let dollars = node.json().as_f64().and_then(MicroUsd::from_dollars);
                (Measure::Cost, dollars.and_then(|cost| u64::try_from(cost.as_micros()).ok()))
            }
            "tokens" => (Measure::Tokens, whole()),
            "timeMs" => (Measure::Wall, whole()),
            "toolCalls" => (Measure::ToolCalls, whole()),
            _ => {
                self.unknown(key, &["cost", "tokens", "timeMs", "toolCalls"].map(str::to_owned));
                return None;
            }
        };
        if limit.is_none() && node.content != Content::Null {
            let hint = "cost is in US dollars, timeMs in milliseconds; null takes a limit of the config away";
            self.problem(node.at, format!("`{}` is a number above 0", key.name), hint);
            return None;
        }
        Some(LimitChange { scope, measure, limit })
    }
}
