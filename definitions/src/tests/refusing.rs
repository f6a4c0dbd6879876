//! What is wrong with a definition is said with its place, all of it at once.

use serde_json::json;

use super::resolved;
use crate::read;

fn said(yaml: &str) -> String {
    read(yaml, "job.yaml", "job").map(|read| panic!("{read:?}")).unwrap_err().to_string()
}

#[test]
fn all_that_is_wrong_is_said_at_once_with_the_line_and_what_to_do() {
    let said = said("descripton: x\nexec:\n  comand: ls\n  shell: zsh\ntimeout: soon\nparams:\n  a b: {}\n");
    assert_eq!(
        said,
        "job.yaml:1:1: unknown key `descripton`\n  1 | descripton: x\n    | ^\n  did you mean `description`?\n\
         job.yaml:3:3: unknown key `comand`\n  3 |   comand: ls\n    |   ^\n  did you mean `command`?\n\
         job.yaml:4:10: `shell` can't be `zsh`\n  4 |   shell: zsh\n    |          ^\n  did you mean `sh`?\n\
         job.yaml:5:10: `soon` is no time\n  5 | timeout: soon\n    |          ^\n  \
         use 90s, 30m, 2h, 1h30m, or a number of milliseconds above 0\n\
         job.yaml:7:3: `a b` can't be the name of a param\n  7 |   a b: {}\n    |   ^\n  \
         use letters, digits and `_`, so that templates can name it"
    );
}

#[test]
fn each_mistake_has_its_place() {
    let check = |yaml: &str, place: &str, part: &str| {
        let said = said(yaml);
        assert!(said.starts_with(&format!("job.yaml:{place}: ")), "{yaml}\n{said}");
        assert!(said.contains(part), "`{part}` is not in: {said}");
    };
    check("", "1:1", "a definition is a map of keys, and this is nothing");
    check("- a\n", "1:1", "this is a list");
    check("description: x\n", "1:1", "nothing says what does the job");
    check("exec: { command: ls }\nhttp: { url: \"https://a\" }\n", "2:1", "it has `exec` already");
    check("exec: { command: ls }\nexec: { command: pwd }\n", "2:1", "the first one is in line 1");
    check("exec: { command: ls\n", "2:1", "not YAML");
    check("exec:\n  command: {{ params.x }}\n", "2:13", "needs quotes");
    check("exec: { command: ls }\n---\nexec: { command: ls }\n", "2:1", "a second document");
    check("exec: { command: !!binary ls }\nname: !x y\n", "2:7", "means nothing here");
    check("name: Job\nexec: { command: ls }\n", "1:7", "can't be the name of a definition");
    check("name: other\nexec: { command: ls }\n", "1:7", "`other` here and `job` outside");
    check("exec: { argv: ls }\n", "1:15", "`argv` is a list of texts");
    check("exec: { command: ls, argv: [ls] }\n", "1:28", "either `command` or `argv`");
    check("exec: {}\n", "1:7", "say what to run");
    check("exec: { command: ls, successExitCodes: [300] }\n", "1:41", "300 is no exit code");
    check("http: { method: GET }\n", "1:7", "`http` needs `url`");
    check("http: { url: \"ftp://x\" }\n", "1:14", "no web address");
    check("http: { url: \"https://x\", maxResponseBytes: 0 }\n", "1:45", "a whole number, 1 or more");
    check("ai: { provider: openai, prompt: p, temperature: 3 }\n", "1:49", "use 0 to 2");
    check("limits: { day: { cost: 1 } }\nexec: { command: ls }\n", "1:11", "unknown key `day`");
    check("limits: { job: { cost: lots } }\nexec: { command: ls }\n", "1:24", "`cost` is a number above 0");
    check("params: { a: { type: text } }\nexec: { command: ls }\n", "1:22", "`type` can't be `text`");
    check(
        "params: { a: { type: integer, default: x } }\nexec: { command: ls }\n",
        "1:40",
        "must be a whole number",
    );
    check("params: { a: { default: x, required: true } }\nexec: { command: ls }\n", "1:25", "has a default");
    check(
        "params: { a: { choices: [b], default: c } }\nexec: { command: ls }\n",
        "1:39",
        "can't be `c`: use `b`",
    );
    check("exec: { command: \"a\\0b\" }\n", "1:18", "NUL");
    check("exec: { command: \"x ${secret:A}\" }\n", "1:18", "lists processes");
}

#[test]
fn the_mistakes_of_a_spec_are_all_said_at_once_and_without_positions_inside_of_us() {
    let check = |yaml: &str, places: &[&str]| {
        let said = said(yaml);
        let found: Vec<&str> = said
            .lines()
            .filter_map(|line| line.strip_prefix("job.yaml:"))
            .filter_map(|line| line.split(": ").next())
            .collect();
        assert_eq!(found, places, "{said}");
        assert!(!said.contains("job's context") && !said.contains("at line"), "{said}");
    };
    check(
        "http:\n  url: ftp://x\n  headers: { \"a b\": x, Host: y }\n  body: z\n  expectedStatus: [999, abc]\n  followRedirects: 99\n",
        &["2:8", "3:21", "3:30", "4:9", "5:20", "6:20"],
    );
    check(
        "ai:\n  provider: openai\n  prompt: \"{{ params.x }}\"\n  temperature: 3\n  schema: [1]\n  mock: { reply: x, fail: nothing }\n",
        &["3:11", "4:16", "5:11", "6:9", "6:27"],
    );
    check(
        "exec:\n  comand: ls\n  shell: zsh\n  env: { \"a b\": c }\n  successExitCodes: [300, -1]\ntimeout: soon\n",
        &["2:3", "3:10", "4:17", "5:22", "5:27", "6:10"],
    );
}

#[test]
fn templates_are_checked_before_anything_runs() {
    let check = |body: &str, place: &str, part: &str| {
        let yaml = format!("params: {{ target: {{}} }}\nexec:\n  {body}\n");
        let said = said(&yaml);
        assert!(said.starts_with(&format!("job.yaml:{place}: ")), "{yaml}\n{said}");
        assert!(said.contains(part), "`{part}` is not in: {said}");
    };
    check("command: make {{ params.tarket }}", "3:12", "did you mean `target`?");
    check("command: make {{ target }}", "3:12", "write {{ params.target }}");
    check("command: make {{ todai }}", "3:12", "did you mean `today`?");
    check("command: make {{ params.target", "3:12", "syntax error");
    check("command: \"make {{ params.target | uper }}\"", "3:12", "unknown filter");
    check("command: |\n    make\n    echo {{ params.x }}", "5:1", "there is no param `x`");
    check("command: echo $(( {{ params.target }} ))", "3:12", "in arithmetic");
    check("command: echo ${#target}", "3:12", "{% raw %}${#NAME}{% endraw %}");
    check("command: |\n    x=1\n    echo ${#x} {{ params.target }}", "5:1", "begins a comment");
    check("argv: [echo, \"{{ params.x }}\"]", "3:16", "there is no param `x`");
    check("command: \"{% if today == 'x' %}{{ params.y }}{% endif %}\"", "3:12", "there is no param `y`");
}

#[test]
fn a_document_that_is_meant_to_be_huge_is_refused() {
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, before) in ["b", "c", "d", "e", "f", "g"].iter().zip(["a", "b", "c", "d", "e", "f"]) {
        bomb.push_str(&format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 10].join(", ")));
    }
    assert!(said(&bomb).contains("too large"), "{}", said(&bomb));
    let deep = format!("a: {}{}", "[".repeat(80), "]".repeat(80));
    assert!(said(&deep).contains("too deep"), "{}", said(&deep));
    assert!(said(&format!("# {}", "x".repeat(300_000))).contains("larger than 256 KiB"));
}

#[test]
fn a_name_that_nothing_was_given_for_is_said_when_it_runs() {
    let why = resolved("ai: { provider: mock, prompt: \"{{ input.who }}\" }", json!({}), None).unwrap_err();
    assert_eq!(why.len(), 1);
    assert!(
        why[0].starts_with("ai.prompt: template: undefined value") && why[0].contains("--input"),
        "{why:?}"
    );
}
