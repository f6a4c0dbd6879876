//! The JSON Schema of workflows and modules, for editors.

use serde_json::{Value, json};

/// That of a workflow.
pub fn schema() -> Value {
    json!({})
}

/// That of a module.
pub fn module_schema() -> Value {
    json!({})
}
