//! What decides how a check runs: its own script, and the configuration of the runner that it calls. Only looked at where
//! there are checks.

use super::test_code::is_test_file;
use super::{Sighting, name};
use crate::evidence::patch::{FileChange, Line, LineKind, Patch};
use crate::evidence::{Check, Guard};

/// What a check is run by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Rust,
    Python,
    Script,
    Jvm,
    Php,
    Ruby,
}

const ALL: [Family; 6] =
    [Family::Rust, Family::Python, Family::Script, Family::Jvm, Family::Php, Family::Ruby];

pub(super) fn look(patch: &Patch<'_>, checks: &[Check]) -> Vec<Sighting> {
    if checks.is_empty() {
        return Vec::new();
    }
    let words: Vec<&str> = checks.iter().flat_map(|check| words(&check.command)).collect();
    let run: Vec<&str> = checks.iter().flat_map(|check| run_files(&check.command)).collect();
    let families = families(checks);
    let sighting = |file: &FileChange<'_>, (line, what): (Option<u32>, String)| Sighting {
        guard: Guard::CheckChanged,
        file: Some(file.path().to_owned()),
        line: line.filter(|_| !file.is_deleted()),
        text: what,
    };
    let seen = patch.files.iter().filter_map(|file| {
        Some(sighting(file, script(file, &run).or_else(|| configuration(file, (&words, &families)))?))
    });
    seen.collect()
}

/// The words of a command, without what the shell makes of them.
fn words(command: &str) -> impl Iterator<Item = &str> {
    command.split(|c: char| c.is_whitespace() || ";&|()<>\"'=`$".contains(c)).filter(|word| !word.is_empty())
}

/// The files that a command runs: what stands where a program stands, or behind an interpreter, and what it is configured
/// with. What it only reads is work like any other.
fn run_files(command: &str) -> Vec<&str> {
    const INTERPRETERS: [&str; 13] = [
        "sh", "bash", "zsh", "dash", "python", "python3", "node", "ruby", "perl", "php", "bun", "source", ".",
    ];
    const BEFORE: [&str; 6] = ["!", "exec", "time", "env", "nice", "xvfb-run"];
    const CONFIGURE: [&str; 5] = ["-f", "--file", "--makefile", "-c", "--config"];
    let mut found = Vec::new();
    for part in command.split([';', '&', '|', '(', ')', '\n', '"', '\'']) {
        let mut words =
            part.split(|c: char| c.is_whitespace() || "<>".contains(c)).filter(|word| !word.is_empty());
        let is_before = |word: &str| BEFORE.contains(&word) || (word.contains('=') && !word.starts_with('-'));
        let program = words.by_ref().find(|word| !is_before(word)).unwrap_or_default();
        found.push(program);
        let rest: Vec<&str> = words.flat_map(|word| word.split('=')).collect();
        if INTERPRETERS.contains(&program.rsplit('/').next().unwrap_or(program)) {
            found.extend(rest.iter().find(|word| !word.starts_with('-')));
        }
        found.extend(rest.windows(2).filter(|pair| CONFIGURE.contains(&pair[0])).map(|pair| pair[1]));
    }
    found.retain(|word| word.contains(['/', '.']) && *word != ".");
    found
}

/// Which runners the checks call. What calls something else may call any.
fn families(checks: &[Check]) -> Vec<Family> {
    let mut found = Vec::new();
    for check in checks {
        let first = words(&check.command).next().unwrap_or_default();
        match first.rsplit('/').next().unwrap_or(first) {
            "cargo" => found.push(Family::Rust),
            "pytest" | "tox" | "nox" | "python" | "python3" | "uv" | "poetry" => found.push(Family::Python),
            "npm" | "npx" | "yarn" | "pnpm" | "node" | "bun" | "jest" | "vitest" => {
                found.push(Family::Script)
            }
            "mvn" | "mvnw" | "gradle" | "gradlew" => found.push(Family::Jvm),
            "phpunit" | "composer" => found.push(Family::Php),
            "rspec" | "rake" | "bundle" => found.push(Family::Ruby),
            "go" | "test" | "grep" | "true" | "false" => {}
            _ => found.extend(ALL),
        }
    }
    found
}

type Found = (Option<u32>, String);

/// A file that a command runs. Tests that it runs are work like any other.
fn script(file: &FileChange<'_>, run: &[&str]) -> Option<Found> {
    let is_it = |path: &str| {
        run.iter().any(|word| {
            let word = word.trim_start_matches("./");
            !word.is_empty()
                && (path == word || path.strip_suffix(word).is_some_and(|rest| rest.ends_with('/')))
        })
    };
    let paths = [file.old.as_deref(), file.new.as_deref()];
    let named = paths.into_iter().flatten().find(|path| is_it(path) && !is_program(path))?;
    let how = if file.is_deleted() { "is gone" } else { "has changed" };
    Some((
        first_change(file).map(|line| line.number),
        format!("{} is what a check runs, and {how}", name(named)),
    ))
}

/// A file of tests, or a source that is run as it is (`node src/index.js`), is what is checked.
fn is_program(path: &str) -> bool {
    let is_script = path.ends_with(".sh") || path.ends_with(".bash");
    !is_script && (is_test_file(path) || path.starts_with("src/"))
}

fn configuration(file: &FileChange<'_>, (words, families): (&[&str], &[Family])) -> Option<Found> {
    let path = file.path();
    let base = path.rsplit('/').next().unwrap_or(path);
    let has = |family: Family| families.contains(&family);
    let begins = |names: &[&str]| names.iter().any(|name| base.starts_with(name));
    let whole = |what: &str| Some((first_change(file).map(|line| line.number), what.to_owned()));
    if path == ".agents/config.json" || path.ends_with("/.agents/config.json") {
        return whole("the configuration of agents has changed");
    }
    if path.contains(".github/workflows/") && file.was_there() {
        return whole("what runs the tests on every push has changed");
    }
    let of_runner = "the configuration of a test runner has changed";
    match base {
        "nextest.toml" if has(Family::Rust) => whole(of_runner),
        "config.toml" | "config" if path.contains(".cargo/") && has(Family::Rust) => whole(of_runner),
        "pytest.ini" | "tox.ini" | "noxfile.py" if has(Family::Python) => whole(of_runner),
        "phpunit.xml" | "phpunit.xml.dist" if has(Family::Php) => whole(of_runner),
        ".rspec" | "Rakefile" if has(Family::Ruby) => whole(of_runner),
        "Cargo.toml" if has(Family::Rust) => in_cargo(file),
        "pyproject.toml" | "setup.cfg" if has(Family::Python) => in_python(file),
        "conftest.py" if has(Family::Python) => in_conftest(file),
        "package.json" if has(Family::Script) => in_package(file, words),
        "pom.xml" if has(Family::Jvm) => {
            with_words(file, &["surefire", "failsafe", "skipTests", "maven.test.skip"])
        }
        "build.gradle" | "build.gradle.kts" if has(Family::Jvm) => with_words(
            file,
            &["useJUnit", "excludeTestsMatching", "failOnNoDiscoveredTests", "ignoreFailures", "test {"],
        ),
        "Makefile" | "makefile" | "GNUmakefile" | "justfile" | "Justfile" => in_makefile(file, words),
        _ if has(Family::Script)
            && begins(&[
                "jest.config",
                "vitest.config",
                "playwright.config",
                ".mocharc",
                "karma.conf",
                "cypress.config",
            ]) =>
        {
            whole(of_runner)
        }
        _ => None,
    }
}

fn first_change<'a, 'b>(file: &'b FileChange<'a>) -> Option<&'b Line<'a>> {
    file.lines.iter().find(|line| is_change(line.kind))
}

fn is_change(kind: LineKind) -> bool {
    matches!(kind, LineKind::Added | LineKind::Removed)
}

/// The first changed line for which that holds, of itself and the nearest heading above it.
fn changed_below<'a>(
    file: &FileChange<'a>,
    heading: impl Fn(&'a str) -> bool,
    is_it: impl Fn(&'a str, Option<&'a str>) -> bool,
) -> Option<Found> {
    let mut above: Option<&str> = None;
    for line in &file.lines {
        if line.kind == LineKind::Section {
            above = Some(line.text).filter(|text| heading(text));
        } else if heading(line.text) {
            above = Some(line.text);
        }
        let says_something = !line.text.trim().is_empty() && !line.text.trim_start().starts_with('#');
        if is_change(line.kind) && says_something && is_it(line.text, above) {
            return Some((Some(line.number), format!("what a check runs has changed: {}", name(line.text))));
        }
    }
    None
}

fn is_section(line: &str) -> bool {
    line.trim_start().starts_with('[')
}

fn in_cargo(file: &FileChange<'_>) -> Option<Found> {
    changed_below(file, is_section, |line, section| {
        let section = section.unwrap_or_default().trim();
        let key = line.split('=').next().unwrap_or_default().trim();
        section.starts_with("[profile.test")
            || section.starts_with("[[test]]")
            || ["harness", "autotests", "doctest", "test"].contains(&key)
    })
}

fn in_python(file: &FileChange<'_>) -> Option<Found> {
    const KEYS: [&str; 8] = [
        "addopts",
        "testpaths",
        "python_files",
        "python_functions",
        "python_classes",
        "norecursedirs",
        "filterwarnings",
        "xfail_strict",
    ];
    changed_below(file, is_section, |line, section| {
        let key = line.split('=').next().unwrap_or_default().trim();
        section.is_some_and(|section| section.contains("pytest")) || KEYS.contains(&key)
    })
}

/// Fixtures are work like any other; what leaves tests out is not.
fn in_conftest(file: &FileChange<'_>) -> Option<Found> {
    with_words(
        file,
        &[
            "collect_ignore",
            "pytest_collection",
            "pytest_ignore_collect",
            "pytest_runtest",
            "pytest_sessionfinish",
            "os._exit",
        ],
    )
}

fn with_words(file: &FileChange<'_>, words: &[&str]) -> Option<Found> {
    changed_below(file, |_| false, |line, _| words.iter().any(|word| line.contains(word)))
}

/// A script of `package.json`: one in `scripts` where that can be seen, else one that a check calls or that is called
/// beside it.
fn in_package(file: &FileChange<'_>, words: &[&str]) -> Option<Found> {
    let opens = |line: &str| line.trim_end().ends_with('{') && line.contains("\":");
    changed_below(file, opens, |line, object| {
        let Some((key, value)) = line.trim().split_once(':') else { return false };
        let key = key.trim().trim_matches('"');
        if !value.trim_start().starts_with('"') {
            return key == "jest" && value.trim_start().starts_with('{');
        }
        let object =
            object.map(|object| object.trim().split(':').next().unwrap_or_default().trim_matches('"'));
        let is_called = ["test", "pretest", "posttest"].contains(&key)
            || words.iter().any(|word| {
                *word == key || key.strip_prefix("pre").or(key.strip_prefix("post")) == Some(word)
            });
        match object {
            Some("scripts" | "jest" | "mocha") => true,
            Some(object) if object.to_ascii_lowercase().contains("dependencies") => false,
            Some(_) | None => is_called,
        }
    })
}

/// The recipe of a target that a check makes.
fn in_makefile(file: &FileChange<'_>, words: &[&str]) -> Option<Found> {
    let maker = words.iter().position(|word| ["make", "gmake", "just"].contains(word))?;
    let named: Vec<&str> = words[maker + 1..].iter().filter(|word| !word.starts_with('-')).copied().collect();
    let is_rule = |line: &str| {
        !line.starts_with(['\t', ' ', '#', '.'])
            && line.split_once(':').is_some_and(|(_, rest)| !rest.starts_with('='))
    };
    changed_below(file, is_rule, |line, rule| {
        let rule = rule.filter(|_| line.starts_with(['\t', ' ']) || is_rule(line));
        let Some((targets, _)) = rule.and_then(|rule| rule.split_once(':')) else { return false };
        let is_wanted = |target: &str| match named.is_empty() {
            true => ["all", "test", "check"].contains(&target),
            false => named.contains(&target),
        };
        targets.split_whitespace().any(is_wanted)
    })
}
