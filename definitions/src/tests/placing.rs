//! Data stands where it was put and is nothing else there: in lines of shell, URLs, headers, bodies.

use agents_domain::secret;
use serde_json::{Value, json};

use super::{resolved, spec};

fn line(shell: &str, command: &str) -> Result<String, String> {
    let yaml = format!(
        "params: {{ x: {{}}, y: {{}} }}\nexec:\n  shell: {shell}\n  command: {}\n",
        serde_json::to_string(command).unwrap()
    );
    let read = crate::read(&yaml, "job.yaml", "job").map_err(|problems| problems.to_string())?;
    let given = super::given(&read, &json!({"x": "1", "y": "2"}), None);
    let resolved = crate::resolve(&read, &given).map_err(|problems| problems.join("; "))?;
    let told: Value = serde_json::from_str(&resolved.context).unwrap();
    Ok(told["command"].as_str().unwrap().to_owned())
}

#[test]
fn a_reference_is_quoted_for_the_place_where_it_stands() {
    let check = |shell: &str, command: &str, expected: &str| {
        assert_eq!(line(shell, command).as_deref(), Ok(expected), "{command}");
    };
    check("sh", "echo {{ params.x }}", "echo \"${AGENTS_ARG_1}\"");
    check("sh", "echo {{ params.x }} {{ params.y }}", "echo \"${AGENTS_ARG_1}\" \"${AGENTS_ARG_2}\"");
    check("sh", "echo --a={{ params.x }}z", "echo --a=\"${AGENTS_ARG_1}\"z");
    check("sh", "echo \"a {{ params.x }} b\"", "echo \"a ${AGENTS_ARG_1} b\"");
    check("sh", "echo 'a {{ params.x }} b'", "echo 'a '\"${AGENTS_ARG_1}\"' b'");
    check("sh", "echo \"$(echo {{ params.x }})\"", "echo \"$(echo \"${AGENTS_ARG_1}\")\"");
    check("sh", "X={{ params.x }} make", "X=\"${AGENTS_ARG_1}\" make");
    check(
        "sh",
        "for f in {{ params.x }}; do echo $f; done",
        "for f in \"${AGENTS_ARG_1}\"; do echo $f; done",
    );
    check("sh", "if [ {{ params.x }} = a ]; then ls; fi", "if [ \"${AGENTS_ARG_1}\" = a ]; then ls; fi");
    check("sh", "ls # {{ params.x }}\npwd", "ls # AGENTS_ARG_1\npwd");
    check(
        "sh",
        "cat > {{ params.x }} <<END\na {{ params.y }} $(date)\nEND\n",
        "cat > \"${AGENTS_ARG_1}\" <<END\na ${AGENTS_ARG_2} $(date)\nEND\n",
    );
    check(
        "bash",
        "if [[ {{ params.x }} == a ]]; then echo {{ params.y }}; fi",
        "if [[ \"${AGENTS_ARG_1}\" == a ]]; then echo \"${AGENTS_ARG_2}\"; fi",
    );
    check("bash", "cat <<< {{ params.x }}", "cat <<< \"${AGENTS_ARG_1}\"");
    check(
        "sh",
        "case {{ params.x }} in a) echo {{ params.y }} ;; esac",
        "case \"${AGENTS_ARG_1}\" in a) echo \"${AGENTS_ARG_2}\" ;; esac",
    );
    check(
        "sh",
        "echo ${HOME:-'x'} $((1 + 2)) `date` {{ params.x }}",
        "echo ${HOME:-'x'} $((1 + 2)) `date` \"${AGENTS_ARG_1}\"",
    );
    check("sh", "f() { echo {{ params.x }}; }; f", "f() { echo \"${AGENTS_ARG_1}\"; }; f");
    check(
        "pwsh",
        "Write-Output {{ params.x }} \"a {{ params.y }}\"",
        "Write-Output ${env:AGENTS_ARG_1} \"a ${env:AGENTS_ARG_2}\"",
    );
    check("cmd", "echo {{ params.x }} \"a {{ params.y }}\"", "echo \"!AGENTS_ARG_1!\" \"a !AGENTS_ARG_2!\"");
}

#[test]
fn where_no_quoting_is_safe_the_line_is_refused() {
    let check = |shell: &str, command: &str, part: &str| {
        let why = line(shell, command).map(|line| panic!("{command}: {line}")).unwrap_err();
        assert!(why.contains(part), "{command}: `{part}` is not in: {why}");
    };
    check("sh", "echo $(( {{ params.x }} + 1 ))", "in arithmetic");
    check("bash", "(( {{ params.x }} ))", "in arithmetic");
    check("bash", "echo $[ {{ params.x }} ]", "in arithmetic");
    check("sh", "echo ${A:-{{ params.x }}}", "in `${…}`");
    check("sh", "echo `echo {{ params.x }}`", "inside of backquotes");
    check("bash", "echo $'{{ params.x }}'", "in `$'…'`");
    check("sh", "echo \\{{ params.x }}", "behind a `\\`");
    check("sh", "echo \"\\{{ params.x }}\"", "behind a `\\`");
    check("sh", "echo ${{ params.x }}", "behind a `$`");
    check("sh", "echo \"${{ params.x }}\"", "behind a `$`");
    check("sh", "eval {{ params.x }}", "in what `eval` reads as code");
    check("sh", "ls; FOO=1 eval \"echo {{ params.x }}\"", "in what `eval` reads as code");
    check("sh", "sh -c 'echo {{ params.x }}'", "reads as code");
    check("sh", "sudo -u me /bin/bash -ec \"echo {{ params.x }}\"", "reads as code");
    check("sh", "bash <<END\necho {{ params.x }}\nEND", "a here-document that is code");
    check("sh", "cat <<'END'\necho {{ params.x }}\nEND", "whose end word is quoted");
    check("sh", "cat <<END\n$(echo {{ params.x }})\nEND", "a here-document that is code");
    check("sh", "cat <<{{ params.x }}\nEND", "in the end word of a here-document");
    check("sh", "{{ params.x }} a", "the name of a command");
    check("sh", "\"{{ params.x }}\" a", "the name of a command");
    check("sh", "ls && {{ params.x }}", "the name of a command");
    check("bash", "[[ {{ params.x }} -eq 1 ]]", "compares numbers");
    check("bash", "[[ $(eval {{ params.x }}) == 1 ]]", "`eval`");
    check("bash", "[ -v {{ params.x }} ]", "the name of a variable");
    check("bash", "a[{{ params.x }}]=1", "the index of an array");
    check("bash", "declare -i n={{ params.x }}", "a declaration");
    check("bash", "printf -v {{ params.x }} a", "the name of a variable");
    check("sh", "echo \"{{ params.x }}", "a quote without its end");
    check("sh", "echo '{{ params.x }}", "a quote without its end");
    check("sh", "(echo {{ params.x }}", "a `(` without its end");
    check("sh", "echo $(case a in\na) echo {{ params.x }};; esac)", "behind a `case`");
    check("sh", "{% set a %}{{ params.x }}{% endset %}echo {{ a }}", "NUL");
    check("pwsh", "Write-Output '{{ params.x }}'", "single quotes");
    check("pwsh", "iex {{ params.x }}", "`iex`");
    check("pwsh", "& {{ params.x }}", "behind");
    check("cmd", "call x {{ params.x }}", "`call`");
    check("cmd", "echo hi! {{ params.x }}", "`!`");
    check("cmd", "echo ^{{ params.x }}", "behind a `^`");
}

#[test]
fn cmd_is_given_no_value_that_its_programs_would_split() {
    let yaml = "params: { x: {} }\nexec: { shell: cmd, command: \"echo {{ params.x }}\" }";
    let of = |value: &str| resolved(yaml, json!({"x": value}), None).map(|_| ());
    assert_eq!(of("a&b|c>%PATH%!x!^"), Ok(()));
    for value in ["a\"b", "a\nb", "a\\"] {
        assert!(of(value).is_err_and(|why| why[0].contains("cmd can't pass on")), "{value}");
    }
}

#[test]
fn a_value_that_no_variable_holds_is_refused() {
    let yaml = "params: { x: {} }\nexec: { command: \"echo {{ params.x }}\" }";
    let why = resolved(yaml, json!({"x": "x".repeat(200_000)}), None).unwrap_err();
    assert!(why[0].contains("a variable holds 122880") && why[0].contains("standard input"), "{why:?}");
}

#[test]
fn data_in_a_url_can_not_leave_its_place() {
    let url = |template: &str, value: &str| {
        let yaml = format!("params: {{ x: {{}} }}\nhttp: {{ url: \"{template}\" }}");
        resolved(&yaml, json!({"x": value}), None)
            .map(|resolved| {
                serde_json::from_str::<Value>(&resolved.context).unwrap()["url"].as_str().unwrap().to_owned()
            })
            .map_err(|why| why.join("; "))
    };
    let check = |template: &str, value: &str, expected: &str| {
        assert_eq!(url(template, value).as_deref(), Ok(expected), "{template} {value}");
    };
    let path = "https://a.example/x/{{ params.x }}/y?q={{ params.x }}";
    check(path, "a b", "https://a.example/x/a%20b/y?q=a%20b");
    check(path, "../../etc", "https://a.example/x/..%2F..%2Fetc/y?q=..%2F..%2Fetc");
    check(path, "?a=1&b#c", "https://a.example/x/%3Fa%3D1%26b%23c/y?q=%3Fa%3D1%26b%23c");
    check(path, "é\r\n", "https://a.example/x/%C3%A9%0D%0A/y?q=%C3%A9%0D%0A");
    check(path, "${secret:A}", "https://a.example/x/%24%7Bsecret%3AA%7D/y?q=%24%7Bsecret%3AA%7D");
    check("https://{{ params.x }}/p", "h.example:80", "https://h.example:80/p");
    check("{{ params.x }}/p", "http://h.example/a?b=1", "http://h.example/a?b=1/p");
    let refused = |template: &str, value: &str, part: &str| {
        let why = url(template, value).map(|url| panic!("{url}")).unwrap_err();
        assert!(why.contains(part), "{template} {value}: {why}");
    };
    refused(path, "..", "leads out of it");
    refused(path, ".", "leads out of it");
    refused("https://a.example/{{ params.x }}.", ".", "leads out of it");
    for host in ["a/b", "user@host", "", "a b", "${secret:A}"] {
        refused("https://{{ params.x }}/p", host, "can be no host");
    }
    for beginning in
        ["file:///etc/passwd", "https://me@h.example", "https://", "x", "http://a b", "http://${secret:A}"]
    {
        refused("{{ params.x }}/p", beginning, "can't be the beginning of a URL");
    }
    let yaml = "params: { x: {} }\nhttp: { url: \"http{{ params.x }}://a\" }";
    let why = crate::read(yaml, "job.yaml", "job").unwrap_err().to_string();
    assert!(why.starts_with("job.yaml:2:14: an expression stands in the scheme of a URL"), "{why}");
}

#[test]
fn data_in_headers_and_bodies_is_data_and_refers_to_no_secret() {
    let yaml = "params: { x: {}, n: { type: json } }\nhttp:\n  method: POST\n  url: https://a.example\n  headers: { X-A: \"b {{ params.x }}\", Authorization: \"Bearer ${secret:TOKEN}\" }\n  body: { a: \"<{{ params.x }}>\", n: \"{{ params.n }}\", deep: [\"{{ params.x }}\", 5] }\n";
    let told = spec(yaml, json!({"x": "\"}, ${secret:A} {", "n": {"k": ["${secret:B}", 1]}}));
    let plain =
        |text: &Value| secret::resolve(text.as_str().unwrap(), &|name| Some(format!("<<{name}>>"))).unwrap();
    assert_eq!(plain(&told["headers"]["X-A"]), "b \"}, ${secret:A} {");
    assert_eq!(plain(&told["headers"]["Authorization"]), "Bearer <<TOKEN>>");
    assert_eq!(plain(&told["body"]["a"]), "<\"}, ${secret:A} {>");
    assert_eq!(plain(&told["body"]["n"]["k"][0]), "${secret:B}");
    assert_eq!(told["body"]["n"]["k"][1], 1);
    assert_eq!(
        (plain(&told["body"]["deep"][0]), &told["body"]["deep"][1]),
        ("\"}, ${secret:A} {".to_owned(), &json!(5))
    );
    for value in ["a\r\nX-Evil: 1", "a\nb", "a\u{7}b"] {
        let why = resolved(yaml, json!({"x": value}), None).unwrap_err();
        assert!(why[0].starts_with("http.headers.X-A: ") && why[0].contains("line break"), "{why:?}");
    }
}

#[test]
fn a_body_that_is_a_text_of_json_stays_json_whatever_is_put_in() {
    let yaml = "params: { x: {}, n: { type: json } }\nhttp:\n  method: POST\n  url: https://a.example\n  body: '{\"a\": \"<{{ params.x }}>\", \"b\": {{ params.x }}, \"n\": {{ params.n }}, \"t\": {{ params.n | tojson }}}'\n";
    for value in ["\"", "\\", "\"}, \"evil\": {\"", "a\nb", "${secret:A}", "</script>"] {
        let told = spec(yaml, json!({"x": value, "n": [1, {"k": value}]}));
        let sent =
            secret::resolve(told["body"].as_str().unwrap(), &|name| Some(format!("<<{name}>>"))).unwrap();
        let sent: Value = serde_json::from_str(&sent).unwrap_or_else(|error| panic!("{error}: {sent}"));
        let n = json!([1, {"k": value}]);
        assert_eq!(sent, json!({"a": format!("<{value}>"), "b": value, "n": n, "t": n}));
    }
}

#[test]
fn data_in_a_variable_or_an_argument_is_no_secret() {
    let yaml = "params: { x: {} }\nexec:\n  argv: [p, \"{{ params.x }}\"]\n  env: { A: \"{{ params.x }}\", T: \"${secret:TOKEN}\" }\n  input: \"{{ params.x }}\"\n";
    let told = spec(yaml, json!({"x": "${secret:A}"}));
    assert_eq!((&told["argv"][1], &told["input"]), (&json!("${secret:A}"), &json!("${secret:A}")));
    let of = |name: &str| {
        secret::resolve(told["env"][name].as_str().unwrap(), &|name| Some(format!("<<{name}>>"))).unwrap()
    };
    assert_eq!((of("A"), of("T")), ("${secret:A}".to_owned(), "<<TOKEN>>".to_owned()));
}
