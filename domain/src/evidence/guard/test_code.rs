//! What tests look like: which files hold them, which lines begin one, which lines assert something, in the languages that
//! agents write most.

use crate::evidence::patch::{FileChange, LineKind};

/// A language, by the end of a file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Rust,
    Python,
    Go,
    Script,
    Jvm,
    Dotnet,
    Ruby,
    Php,
    Swift,
    Elixir,
    C,
    Shell,
    Other,
}

impl Language {
    pub fn of(path: &str) -> Self {
        match path.rsplit_once('.').map(|(_, end)| end).unwrap_or_default() {
            "rs" => Language::Rust,
            "py" => Language::Python,
            "go" => Language::Go,
            "js" | "jsx" | "ts" | "tsx" | "mjs" | "cjs" | "mts" | "cts" | "vue" | "svelte" => {
                Language::Script
            }
            "java" | "kt" | "kts" | "scala" | "groovy" => Language::Jvm,
            "cs" | "fs" | "vb" => Language::Dotnet,
            "rb" => Language::Ruby,
            "php" => Language::Php,
            "swift" => Language::Swift,
            "ex" | "exs" => Language::Elixir,
            "c" | "cc" | "cpp" | "cxx" | "h" | "hpp" => Language::C,
            "sh" | "bash" | "bats" => Language::Shell,
            _ => Language::Other,
        }
    }

    /// Whether the line is a remark, so that nothing in it is done.
    pub fn is_comment(self, line: &str) -> bool {
        let line = line.trim_start();
        match self {
            Language::Python | Language::Ruby | Language::Elixir | Language::Shell => line.starts_with('#'),
            Language::Other => false,
            Language::Rust
            | Language::Go
            | Language::Script
            | Language::Jvm
            | Language::Dotnet
            | Language::Php
            | Language::Swift
            | Language::C => line.starts_with("//") || line.starts_with("/*") || line.starts_with("* "),
        }
    }
}

/// Whether the file is one of tests, by its name.
pub(super) fn is_test_file(path: &str) -> bool {
    const FOLDERS: [&str; 7] = ["tests", "test", "__tests__", "spec", "specs", "e2e", "testing"];
    /// What stands in such folders and is no test.
    const DATA: [&str; 6] = ["fixtures", "fixture", "data", "testdata", "snapshots", "__snapshots__"];
    if Language::of(path) == Language::Other {
        return false;
    }
    let (folders, file) = path.rsplit_once('/').unwrap_or(("", path));
    let is_in = |names: &[&str]| folders.split('/').any(|folder| names.contains(&folder));
    let stem = file.split('.').next().unwrap_or(file);
    let has_mark = file.contains(".test.") || file.contains(".spec.") || file.contains(".cy.");
    let ends = ["_test", "_tests", "_spec", "Test", "Tests", "TestCase", "IT"]
        .iter()
        .any(|end| stem.strip_suffix(end).is_some_and(|rest| !rest.is_empty()));
    let is_named = has_mark || ends || stem.starts_with("test_") || ["test", "tests"].contains(&stem);
    is_named || file.ends_with(".bats") || (is_in(&FOLDERS) && !is_in(&DATA))
}

/// A test that begins, or has begun, in a changed line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Test {
    pub name: String,
    pub line: u32,
}

/// The tests of one side of a diff that the other side does not have in these lines.
pub(super) fn tests_of(file: &FileChange<'_>, side: LineKind) -> Vec<Test> {
    let language = Language::of(file.path());
    let mut found = Vec::new();
    // An attribute that makes a test of the function below it, and whether it is of this side only.
    let mut marked: Option<bool> = None;
    for line in &file.lines {
        let is_own = line.kind == side;
        if !is_own && line.kind != LineKind::Kept || language.is_comment(line.text) {
            continue;
        }
        if is_mark(language, line.text) {
            marked = Some(is_own || marked.unwrap_or(false));
        }
        let name = match marked.and_then(|of_side| Some((function(language, line.text)?, of_side))) {
            Some((name, of_side)) => {
                marked = None;
                (of_side || is_own).then_some(name)
            }
            None => test_name(language, line.text).filter(|_| is_own),
        };
        found.extend(name.map(|name| Test { name, line: line.number }));
    }
    found
}

/// Whether the line makes a test of the function below it.
fn is_mark(language: Language, line: &str) -> bool {
    let line = line.trim();
    match language {
        Language::Rust => line.strip_prefix("#[").is_some_and(|rest| {
            let path: String =
                rest.chars().take_while(|c| c.is_alphanumeric() || "_:".contains(*c)).collect();
            ["test", "rstest", "test_case", "wasm_bindgen_test", "quickcheck"]
                .contains(&path.rsplit("::").next().unwrap_or_default())
        }),
        Language::Jvm => ["@Test", "@ParameterizedTest", "@RepeatedTest"]
            .iter()
            .any(|mark| line.strip_prefix(mark).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))),
        Language::Dotnet => ["[Fact", "[Theory", "[Test]", "[Test(", "[TestCase", "[TestMethod"]
            .iter()
            .any(|mark| line.starts_with(mark)),
        Language::Python
        | Language::Go
        | Language::Script
        | Language::Ruby
        | Language::Php
        | Language::Swift
        | Language::Elixir
        | Language::C
        | Language::Shell
        | Language::Other => false,
    }
}

/// The name of the function that the line begins.
fn function(language: Language, line: &str) -> Option<String> {
    if language == Language::Rust {
        return word_after(line, "fn ");
    }
    if is_mark(language, line) && !line.contains('(') || line.trim_start().starts_with(['@', '[']) {
        return None;
    }
    let before = line.split_once('(')?.0.trim_end();
    let name = before.rsplit([' ', '\t']).next()?;
    (!name.is_empty() && before.contains([' ', '\t'])).then(|| name.trim_matches('`').to_owned())
}

/// The name of the test that the line begins by itself.
fn test_name(language: Language, line: &str) -> Option<String> {
    let line = line.trim_start();
    match language {
        Language::Python => {
            let rest = line.strip_prefix("async ").unwrap_or(line);
            word_after(rest, "def ").filter(|name| name.starts_with("test"))
        }
        Language::Go => word_after(line, "func ")
            .filter(|name| ["Test", "Fuzz", "Example"].iter().any(|begin| name.starts_with(begin))),
        Language::Script => {
            let begins =
                ["it", "test", "xit", "xtest", "fit", "specify", "Deno.test"].iter().find_map(|word| {
                    let rest = line.strip_prefix(word)?;
                    rest.starts_with(['(', '.', '`']).then_some(rest)
                })?;
            literal(begins)
        }
        Language::Ruby => {
            let by_text = ["it ", "test ", "specify ", "xit "]
                .iter()
                .find_map(|word| literal(line.strip_prefix(word)?));
            by_text.or_else(|| word_after(line, "def ").filter(|name| name.starts_with("test_")))
        }
        Language::Elixir => literal(line.strip_prefix("test ")?),
        Language::Shell => literal(line.strip_prefix("@test ")?),
        Language::Php => word_after(line, "function ").filter(|name| name.starts_with("test")),
        Language::Swift => word_after(line, "func ").filter(|name| name.starts_with("test")),
        Language::C => ["TEST(", "TEST_F(", "TEST_P(", "TEST_CASE(", "SCENARIO(", "BOOST_AUTO_TEST_CASE("]
            .iter()
            .find_map(|mark| line.strip_prefix(mark))
            .map(|rest| rest.trim_end_matches([')', '{', ' ']).to_owned()),
        Language::Rust | Language::Jvm | Language::Dotnet | Language::Other => None,
    }
}

fn word_after(line: &str, word: &str) -> Option<String> {
    let (before, rest) = line.split_once(word)?;
    if before.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// The first text in quotes.
fn literal(rest: &str) -> Option<String> {
    let begin = rest.find(['"', '\'', '`'])?;
    let quote = rest[begin..].chars().next()?;
    let inner = &rest[begin + 1..];
    Some(inner.split(quote).next().unwrap_or(inner).to_owned())
}

/// Whether the line asserts something.
pub(super) fn is_assertion(line: &str) -> bool {
    const MARKS: [&str; 12] = [
        "assert",
        "expect(",
        ".should",
        "t.error",
        "t.fatal",
        "require.",
        "expect_",
        "expect!",
        "verify(",
        "refute",
        "must_equal",
        "xctfail",
    ];
    let line = line.trim_start().to_ascii_lowercase();
    let is_import = ["use ", "import ", "from ", "require ", "const ", "#include"]
        .iter()
        .any(|begin| line.starts_with(begin));
    !is_import && MARKS.iter().any(|mark| line.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_tests_are_known_by_their_names() {
        let tests = [
            "tests/a.rs",
            "src/parse/tests.rs",
            "test_a.py",
            "pkg/a_test.go",
            "src/a.test.tsx",
            "src/a.spec.ts",
            "src/__tests__/a.js",
            "src/test/java/ATest.java",
            "A.Tests/ParserTests.cs",
            "spec/models/a_spec.rb",
            "test/a.bats",
        ];
        for path in tests {
            assert!(is_test_file(path), "{path}");
        }
        let others = [
            "src/a.rs",
            "tests/fixtures/a.py",
            "tests/data.json",
            "src/testament.py",
            "src/latest.ts",
            "Contest.java",
            "README.md",
        ];
        for path in others {
            assert!(!is_test_file(path), "{path}");
        }
    }
}
