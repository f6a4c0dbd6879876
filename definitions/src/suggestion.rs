//! "Did you mean": the known name nearest to one that is not known. For everything that has names.

/// How alike two names must be to be taken for one another, from 0 to 1.
const ALIKE: f64 = 0.6;

/// The known name that was probably meant; never the very one that was given.
pub fn nearest<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    let given = name;
    let name = name.to_lowercase();
    let likeness =
        |candidate: &String| strsim::normalized_damerau_levenshtein(&name, &candidate.to_lowercase());
    known
        .iter()
        .filter(|candidate| *candidate != given)
        .map(|candidate| (likeness(candidate), candidate.as_str()))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// A hint: the nearest name, or all of them.
pub fn did_you_mean(name: &str, known: &[String], all: &str) -> String {
    match nearest(name, known) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("{all}: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_its_name_and_nonsense_finds_none() {
        let known: Vec<String> = ["timeoutMs", "namespace", "harnesses"].map(str::to_owned).to_vec();
        assert_eq!(nearest("timeoutms", &known), Some("timeoutMs"));
        assert_eq!(nearest("namspace", &known), Some("namespace"));
        assert_eq!(nearest("xyz", &known), None);
        assert_eq!(nearest("namespace", &known), None, "what was given is no suggestion");
        assert_eq!(did_you_mean("xyz", &known[..2], "known are"), "known are: timeoutMs, namespace");
    }
}
