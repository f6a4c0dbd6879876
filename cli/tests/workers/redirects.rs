//! Redirects: what follows them, and what never does.

use serde_json::{Value, json};

use crate::server::{Asked, Server, answer};
use crate::{Said, call};

fn http(asked: &Value) -> Said {
    call("call-http", asked, &[("TOKEN", "s3cret-value")])
}

fn spec(method: &str, url: &str) -> Value {
    json!({
        "method": method,
        "url": url,
        "headers": {"Authorization": "Basic eDp5", "X-Key": "${secret:TOKEN}", "X-Plain": "1"},
    })
}

fn sent(asked: &Asked) -> (&str, [Option<&str>; 3]) {
    (&asked.line, ["authorization", "x-key", "x-plain"].map(|name| asked.header(name)))
}

#[test]
fn credentials_and_secrets_follow_to_the_same_server_and_to_no_other() {
    let other = Server::saying(&[answer(200, &[], "there")]);
    let away = format!("{}/b", other.url());
    let server =
        Server::saying(&[answer(302, &[("location", "/a")], ""), answer(307, &[("location", &away)], "")]);
    let said = http(&spec("GET", &format!("{}/x", server.url())));
    assert_eq!(said.end()["text"], "there");
    let all = [Some("Basic eDp5"), Some("s3cret-value"), Some("1")];
    let seen = server.asked();
    assert_eq!(seen.iter().map(sent).collect::<Vec<_>>(), [("GET /x", all), ("GET /a", all)]);
    assert_eq!(sent(&other.asked()[0]), ("GET /b", [None, None, Some("1")]));
    assert_eq!(said.lines.iter().filter(|line| line["type"] == "notice").count(), 2);
}

#[test]
fn a_post_becomes_a_get_where_http_says_so_and_a_body_with_secrets_goes_to_no_other_server() {
    let other = Server::saying(&[answer(200, &[], "there")]);
    let check = |status: u16, body: Value, expected: &str, class: &str| {
        let location = [("location", other.url())];
        let location = location.each_ref().map(|(name, value)| (*name, value.as_str()));
        let server = Server::saying(&[answer(status, &location, "")]);
        let mut spec = spec("POST", &server.url());
        spec["body"] = body;
        let before = other.asked().len();
        let said = http(&spec);
        assert_eq!(said.class(), class, "{}", said.raw);
        let seen = other.asked();
        let seen = seen.get(before).map(|asked| format!("{} {}", asked.line, asked.body));
        assert_eq!(seen.unwrap_or_default(), expected, "{status}");
    };
    check(303, json!("hello"), "GET / ", "result");
    check(301, json!("hello"), "GET / ", "result");
    check(307, json!("hello"), "POST / hello", "result");
    check(308, json!("hello ${secret:TOKEN}"), "", "invalid_request");
    check(303, json!("hello ${secret:TOKEN}"), "GET / ", "result");
}

#[test]
fn more_redirects_than_are_wanted_are_not_followed() {
    let server = Server::saying(&[answer(302, &[("location", "/again")], "")]);
    let said = http(&json!({"url": server.url(), "followRedirects": 2}));
    assert_eq!(said.class(), "bad_answer");
    let told = format!("it is a redirect to {}/again, after 2 that were followed", server.url());
    assert!(said.raw.contains(&told), "{}", said.raw);
    assert_eq!(server.asked().len(), 3);
    let spec = json!({"url": server.url(), "followRedirects": 0, "expectedStatus": ["3xx"]});
    assert_eq!(http(&spec).class(), "result");
}
