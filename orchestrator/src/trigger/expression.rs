//! Expressions and templates over `event`: a subscription's filter, and the params that it makes. Pure.
//!
//! The language is Jinja's (minijinja), as in prompts. What an event brings is data: it is never read as a template.

use std::collections::BTreeMap;

use agents_domain::happening::Happening;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use serde_json::{Map, json};

/// An expression or a template can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    #[error("the filter `{text}` can't be read: {why}")]
    Filter { text: String, why: String },
    #[error("the filter `{text}` names `{name}`; an event is all there is, as in event.data.branch")]
    FilterNames { text: String, name: String },
    #[error("the template of param `{param}`, `{text}`, can't be read: {why}")]
    Template { param: String, text: String, why: String },
    #[error(
        "the template of param `{param}` names `{name}`; an event is all there is, as in {{{{ event.data.branch }}}}"
    )]
    TemplateNames { param: String, name: String },
    #[error("the filter `{text}` failed: {why}")]
    FilterFailed { text: String, why: String },
    #[error("param `{param}` can't be made by `{text}`: {why}")]
    TemplateFailed { param: String, text: String, why: String },
}

/// A happening as expressions see it, and as runs get it: `event`.
pub fn event_json(happening: &Happening) -> serde_json::Value {
    let what = &happening.what;
    // What was stored was checked; what can't be read all the same is a text.
    let data = serde_json::from_str(&what.data).unwrap_or_else(|_| json!(what.data));
    json!({
        "id": what.id.to_string(),
        "name": what.name.as_str(),
        "namespace": what.namespace.as_str(),
        "source": what.source.as_str(),
        "cause": what.cause,
        "at": happening.at.to_string(),
        "data": data,
    })
}

/// Checks a filter and the templates of params before they are stored.
pub fn check(filter: Option<&str>, mapping: &BTreeMap<String, String>) -> Result<(), ExpressionError> {
    if let Some(text) = filter {
        let environment = environment(UndefinedBehavior::Chainable);
        let compiled = environment
            .compile_expression(text)
            .map_err(|error| ExpressionError::Filter { text: text.to_owned(), why: said(&error) })?;
        if let Some(name) = unknown(compiled.undeclared_variables(false)) {
            return Err(ExpressionError::FilterNames { text: text.to_owned(), name });
        }
    }
    let environment = environment(UndefinedBehavior::Strict);
    for (param, text) in mapping {
        let compiled = environment.template_from_str(text).map_err(|error| ExpressionError::Template {
            param: param.clone(),
            text: text.clone(),
            why: said(&error),
        })?;
        if let Some(name) = unknown(compiled.undeclared_variables(false)) {
            return Err(ExpressionError::TemplateNames { param: param.clone(), name });
        }
    }
    Ok(())
}

fn unknown(names: impl IntoIterator<Item = String>) -> Option<String> {
    names.into_iter().find(|name| name != "event")
}

/// Whether the filter holds. What an event does not have is false, and no error.
pub fn holds(filter: &str, event: &serde_json::Value) -> Result<bool, ExpressionError> {
    let failed = |error: &minijinja::Error| ExpressionError::FilterFailed {
        text: filter.to_owned(),
        why: said(error),
    };
    let environment = environment(UndefinedBehavior::Chainable);
    let compiled = environment.compile_expression(filter).map_err(|error| failed(&error))?;
    let value = compiled.eval(context! { event => Value::from(Serde(event)) });
    Ok(value.map_err(|error| failed(&error))?.is_true())
}

/// The params with those that the mapping makes: a JSON object.
pub fn params(
    given: &str,
    mapping: &BTreeMap<String, String>,
    event: &serde_json::Value,
) -> Result<String, ExpressionError> {
    let mut params: Map<String, serde_json::Value> = serde_json::from_str(given).unwrap_or_default();
    let environment = environment(UndefinedBehavior::Strict);
    for (param, text) in mapping {
        let rendered = environment.render_str(text, context! { event => Value::from(Serde(event)) });
        let rendered = rendered.map_err(|error| ExpressionError::TemplateFailed {
            param: param.clone(),
            text: text.clone(),
            why: said(&error),
        })?;
        params.insert(param.clone(), rendered.into());
    }
    Ok(serde_json::Value::Object(params).to_string())
}

fn environment(undefined: UndefinedBehavior) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(undefined);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment
}

/// What is wrong, without the made-up name of the template.
fn said(error: &minijinja::Error) -> String {
    let kind = error.kind().to_string();
    match error.detail() {
        Some(detail) => format!("{kind}: {detail}"),
        None => kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> serde_json::Value {
        json!({"name": "deploy.done", "data": {"branch": "main", "count": 3, "who": "{{ event.name }}", "tags": ["a"]}})
    }

    #[test]
    fn a_filter_holds_or_not_and_what_is_missing_is_false() {
        let check =
            |filter: &str, expected: bool| assert_eq!(holds(filter, &event()), Ok(expected), "{filter}");
        check("event.data.branch == \"main\"", true);
        check("event.data.branch == 'dev'", false);
        check("event.data.count > 2 and event.name == 'deploy.done'", true);
        check("event.data.nothing.at.all == 'x'", false);
        check("event.data.nothing", false);
        check("'a' in event.data.tags", true);
    }

    #[test]
    fn params_are_made_out_of_the_event_whose_own_text_is_no_template() {
        let mapping = BTreeMap::from([
            ("branch".to_owned(), "{{ event.data.branch }}-x".to_owned()),
            ("who".to_owned(), "{{ event.data.who }}".to_owned()),
        ]);
        let made = params(r#"{"branch": "dev", "kept": 1}"#, &mapping, &event()).unwrap();
        let made: serde_json::Value = serde_json::from_str(&made).unwrap();
        assert_eq!(made, json!({"branch": "main-x", "kept": 1, "who": "{{ event.name }}"}));
    }

    #[test]
    fn what_can_not_be_read_is_refused_when_it_is_written() {
        let said = |filter: Option<&str>, template: Option<&str>| {
            let mapping = template.map(|text| ("p".to_owned(), text.to_owned())).into_iter().collect();
            check(filter, &mapping).unwrap_err().to_string()
        };
        assert!(said(Some("event.data =="), None).starts_with("the filter `event.data ==` can't be read: "));
        assert!(said(Some("data.branch == 'x'"), None).contains("names `data`"));
        assert!(
            said(None, Some("{{ event.data "))
                .starts_with("the template of param `p`, `{{ event.data `, can't")
        );
        assert!(
            said(None, Some("{{ branch }}"))
                .contains("names `branch`; an event is all there is, as in {{ event")
        );
        assert_eq!(
            check(
                Some("event.data.x == 1"),
                &BTreeMap::from([("p".to_owned(), "{{ event.at }}".to_owned())])
            ),
            Ok(())
        );
    }

    #[test]
    fn a_param_out_of_what_an_event_does_not_have_is_an_error() {
        let mapping = BTreeMap::from([("p".to_owned(), "{{ event.data.nothing }}".to_owned())]);
        let said = params("{}", &mapping, &event()).unwrap_err().to_string();
        assert!(said.starts_with("param `p` can't be made by `{{ event.data.nothing }}`: "), "{said}");
    }
}
