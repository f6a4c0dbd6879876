//! The language of templates and expressions, with bounds: names are strict, steps are counted, and no number that a value
//! gives makes a filter build what no machine holds.

use minijinja::value::{Kwargs, Rest, StringInput, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, Value, filters};

/// How many steps one text may take: a loop over loops ends.
const FUEL: u64 = 200_000;

/// The largest number that says how wide, or how many.
const WIDEST: usize = 10_000;

/// An environment of it.
pub fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_debug(false);
    environment.set_fuel(Some(FUEL));
    environment.add_filter("indent", indent);
    environment.add_filter("slice", slice);
    environment.add_filter("batch", batch);
    environment.add_filter("tojson", to_json);
    environment.add_filter("format", format);
    environment
}

fn bounded(number: usize) -> Result<(), Error> {
    if number <= WIDEST {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidOperation, format!("{number} is too large here: {WIDEST} is the most")))
}

fn indent(
    value: StringInput<'_>,
    width: Option<usize>,
    first: Option<bool>,
    blank: Option<bool>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let named = kwargs.peek::<Option<usize>>("width").ok().flatten();
    bounded(width.or(named).unwrap_or_default())?;
    filters::indent(value, width, first, blank, kwargs)
}

fn slice(state: &State<'_, '_>, value: Value, count: usize, fill: Option<Value>) -> Result<Value, Error> {
    bounded(count)?;
    filters::slice(state, value, count, fill)
}

fn batch(state: &State<'_, '_>, value: Value, count: usize, fill: Option<Value>) -> Result<Value, Error> {
    bounded(count)?;
    filters::batch(state, value, count, fill)
}

fn to_json(value: &Value, indent: Option<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let named = kwargs.peek::<Option<Value>>("indent").ok().flatten();
    let width = indent.as_ref().or(named.as_ref()).and_then(Value::as_usize);
    bounded(width.unwrap_or_default())?;
    filters::tojson(value, indent, kwargs)
}

fn format(state: &mut State<'_, '_>, text: &Value, values: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let told = text.as_str().unwrap_or_default();
    // A `*` takes the width from a value.
    if told.contains('*') {
        return Err(Error::new(ErrorKind::InvalidOperation, "write the width itself instead of `*`"));
    }
    for number in told.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty()) {
        bounded(number.parse().unwrap_or(usize::MAX))?;
    }
    filters::format(state, text, values)
}

#[cfg(test)]
mod tests {
    use minijinja::context;

    use super::*;

    #[test]
    fn numbers_that_would_build_too_much_are_refused() {
        let environment = environment();
        let of = |expression: &str| {
            let value = environment.compile_expression(expression).and_then(|told| told.eval(context! {}));
            value.map(|value| value.to_string()).map_err(|error| error.to_string())
        };
        assert_eq!(of("'a\nb' | indent(2)").as_deref(), Ok("a\n  b"));
        assert_eq!(of("[1, 2] | batch(1) | list").as_deref(), Ok("[[1], [2]]"));
        assert_eq!(of("[1, 2] | slice(2) | list").as_deref(), Ok("[[1], [2]]"));
        assert_eq!(of("'%5d|' | format(7)").as_deref(), Ok("    7|"));
        assert_eq!(of("[1] | tojson(indent=1)").as_deref(), Ok("[\n 1\n]"));
        for expression in [
            "'a\nb' | indent(18446744073709551615)",
            "'a\nb' | indent(width=18446744073709551615)",
            "[1] | slice(18446744073709551615) | list",
            "[1] | batch(18446744073709551615, 0) | list",
            "[1] | tojson(18446744073709551615)",
            "[1] | tojson(indent=18446744073709551615)",
            "'%99999999999999999999d' | format(7)",
            "'%1000000000d' | format(7)",
        ] {
            assert!(of(expression).is_err_and(|why| why.contains("too large here")), "{expression}");
        }
        assert!(of("'%*d' | format(1000000000, 7)").is_err());
    }
}
