//! Hostile values through real shells: each comes out of every quoting, byte for byte, as one argument, and nothing else runs.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
#![allow(clippy::disallowed_methods, reason = "what a shell makes of a line, only the shell can say")]

use std::path::Path;
use std::process::Command;

use agents_definitions::{Given, accept, read, resolve};
use agents_harnesses::exec::ExecSpec;
use serde_json::{Map, json};

/// Values that a shell, or a program behind it, would like to read something into.
const HOSTILE: [&str; 52] = [
    "",
    " ",
    "plain",
    "two words",
    "  edges  ",
    "\t",
    "\n",
    "a\nb",
    "a\n\nb\n",
    "\r\n",
    "a\r\nb",
    "$(touch canary)",
    "`touch canary`",
    "${IFS}",
    "$HOME",
    "$0",
    "$$",
    "$((1+1))",
    "$",
    "\\",
    "\\\\",
    "\\n",
    "a\\",
    "'",
    "\"",
    "''",
    "\"\"",
    "'; touch canary; '",
    "\"; touch canary; \"",
    "; touch canary",
    "&& touch canary",
    "| touch canary",
    "& touch canary &",
    "> canary",
    "< /etc/passwd",
    "<<EOF",
    "EOF",
    "END",
    "# comment",
    "!history",
    "~",
    "*",
    "?",
    "[a-z]*",
    "{a,b}",
    "-rf",
    "--help",
    "../../etc/passwd",
    "%PATH%",
    "é ü 漢字 🦀 \u{202e}rtl",
    "a[$(touch canary)]",
    "'\"${AGENTS_ARG_1}\"'",
];

/// Lines that print their one piece of data: each quoting, each place.
const LINES: [(&str, &str); 12] = [
    ("sh", "printf '%s' {{ params.x }}"),
    ("sh", "printf '%s' \"{{ params.x }}\""),
    ("sh", "printf '%s' '{{ params.x }}'"),
    ("sh", "X={{ params.x }}; printf '%s' \"$X\""),
    ("sh", "if true; then for v in {{ params.x }}; do printf '%s' \"$v\"; done; fi"),
    ("sh", "f() { printf '%s' \"$1\"; }; f {{ params.x }} # {{ params.x }}"),
    ("sh", "case {{ params.x }} in *) printf '%s' {{ params.x }} ;; esac"),
    ("bash", "printf '%s' {{ params.x }}"),
    ("bash", "printf '%s' \"{{ params.x }}\""),
    ("bash", "printf '%s' '{{ params.x }}'"),
    ("bash", "if [[ {{ params.x }} == \"{{ params.x }}\" ]]; then printf '%s' {{ params.x }}; fi"),
    ("bash", "export X={{ params.x }}; (printf '%s' \"$X\")"),
];

fn spec(shell: &str, command: &str, value: &str) -> ExecSpec {
    let command = serde_json::to_string(command).unwrap();
    let yaml = format!("params: {{ x: {{}} }}\nexec: {{ shell: {shell}, command: {command} }}\n");
    let definition = read(&yaml, "job.yaml", "job").unwrap_or_else(|problems| panic!("{problems}"));
    let params = accept(&definition.params, &Map::from_iter([("x".to_owned(), json!(value))])).unwrap();
    let given = Given { params, input: None, today: String::new(), now: String::new() };
    ExecSpec::read(&resolve(&definition, &given).unwrap().context).unwrap()
}

/// What it prints.
fn run(spec: &ExecSpec, folder: &Path) -> Vec<u8> {
    let (program, args) = spec.words().unwrap();
    let output = Command::new(program).args(args).envs(&spec.args).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{spec:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn folder(name: &str) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    // What a `*` would find.
    std::fs::write(folder.join("bait"), "").unwrap();
    folder
}

fn nothing_else(folder: &Path, spec: &ExecSpec) {
    let names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["bait"], "{spec:?}");
}

#[test]
fn every_value_comes_out_of_every_quoting_as_it_was_and_nothing_else_runs() {
    let folder = folder("quoting");
    for (shell, command) in LINES {
        for value in HOSTILE {
            let spec = spec(shell, command, value);
            assert_eq!(run(&spec, &folder), value.as_bytes(), "{shell}: {command}: {value:?}");
            nothing_else(&folder, &spec);
        }
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn every_value_is_one_argument_beside_others_and_inside_of_a_word() {
    let folder = folder("arguments");
    for shell in ["sh", "bash"] {
        for value in HOSTILE {
            let command = "printf '<%s>' --a={{ params.x }}z {{ params.x }} \"-{{ params.x }}-\" end";
            let spec = spec(shell, command, value);
            let expected = format!("<--a={value}z><{value}><-{value}-><end>");
            assert_eq!(String::from_utf8(run(&spec, &folder)).unwrap(), expected, "{shell}: {value:?}");
            nothing_else(&folder, &spec);
        }
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn every_value_stands_in_a_here_document_and_does_not_end_it() {
    let folder = folder("document");
    for value in HOSTILE {
        let spec = spec("sh", "cat <<EOF\na {{ params.x }} b\nEOF\necho end", value);
        let expected = format!("a {value} b\nend\n");
        assert_eq!(String::from_utf8(run(&spec, &folder)).unwrap(), expected, "{value:?}");
        nothing_else(&folder, &spec);
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_substitution_has_quotes_of_its_own() {
    let folder = folder("substitution");
    for value in HOSTILE {
        // A substitution takes the line breaks at its end away.
        let spec = spec("sh", "printf '%s' \"$(printf '<%s>' {{ params.x }})\"", value);
        assert_eq!(String::from_utf8(run(&spec, &folder)).unwrap(), format!("<{value}>"), "{value:?}");
        nothing_else(&folder, &spec);
    }
    std::fs::remove_dir_all(folder).unwrap();
}
