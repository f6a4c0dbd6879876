//! One request.

use serde_json::{Value, json};

use crate::server::{Server, answer};
use crate::{Said, call};

fn http(asked: &Value) -> Said {
    call("call-http", asked, &[("TOKEN", "s3cret-value")])
}

#[test]
fn the_answer_is_the_body_and_secrets_go_out_and_are_not_said() {
    let echo = answer(201, &[("x-request-id", "r1"), ("set-cookie", "a=b")], "made by s3cret-value");
    let server = Server::saying(&[echo]);
    let said = http(&json!({
        "method": "POST",
        "url": format!("{}/things?key=${{secret:TOKEN}}", server.url()),
        "headers": {"Authorization": "Bearer ${secret:TOKEN}"},
        "body": {"name": "a ${dollar}{secret:TOKEN}", "key": "${secret:TOKEN}"},
        "expectedStatus": [201, "3xx"],
    }));
    let asked = server.asked().remove(0);
    assert_eq!(asked.line, "POST /things?key=s3cret-value");
    assert_eq!(asked.header("authorization"), Some("Bearer s3cret-value"));
    assert_eq!(asked.header("content-type"), Some("application/json"));
    assert_eq!(asked.json(), json!({"name": "a ${secret:TOKEN}", "key": "s3cret-value"}));
    assert_eq!(said.line("start")["target"], format!("POST {}/things?key=${{secret:TOKEN}}", server.url()));
    let response = said.line("response");
    assert_eq!((&response["status"], &response["bytes"]), (&json!(201), &json!(20)));
    assert_eq!(response["headers"], json!({"content-length": "20", "x-request-id": "r1"}));
    assert_eq!(said.end(), &json!({"type": "result", "text": "made by ***"}));
    assert!(!said.raw.contains("s3cret-value"), "{}", said.raw);
}

#[test]
fn every_status_that_was_not_expected_has_its_class() {
    let check = |method: &str, status: u16, headers: &[(&str, &str)], class: &str| {
        let server = Server::saying(&[answer(status, headers, "no")]);
        let said = http(&json!({"method": method, "url": server.url()}));
        assert_eq!(said.class(), class, "{method} {status}: {}", said.raw);
        if class != "result" {
            let text = said.end()["text"].as_str().unwrap();
            assert!(text.contains(&format!("status {status}")), "{text}");
        }
        said
    };
    check("GET", 204, &[], "result");
    check("GET", 400, &[], "invalid_request");
    check("GET", 401, &[], "auth");
    check("GET", 403, &[], "auth");
    check("GET", 404, &[], "invalid_request");
    check("GET", 408, &[], "network");
    check("GET", 429, &[], "overloaded");
    check("PUT", 500, &[], "server_error");
    check("DELETE", 502, &[], "server_error");
    let busy = check("GET", 503, &[("retry-after", "120")], "overloaded");
    assert!(busy.end()["resetsAt"].is_i64(), "{}", busy.raw);
    check("GET", 304, &[], "bad_answer");
    // What may have been done is not done again by itself.
    check("POST", 500, &[], "command_failed");
    check("POST", 503, &[], "command_failed");
    check("POST", 503, &[("retry-after", "1")], "overloaded");
    check("POST", 429, &[], "overloaded");
    check("PATCH", 408, &[], "command_failed");
    check("POST", 422, &[], "invalid_request");
}

#[test]
fn a_connection_that_breaks_is_the_network_unless_the_request_may_have_been_done() {
    let broken = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_owned();
    let nothing = String::new();
    for answer in [broken, nothing] {
        let server = Server::saying(std::slice::from_ref(&answer));
        let class = |method: &str, retry: &str| {
            let said = http(&json!({"method": method, "url": server.url(), "retry": retry}));
            said.class().to_owned()
        };
        assert_eq!(class("GET", "auto"), "network", "{answer}");
        assert_eq!(class("POST", "auto"), "command_failed", "{answer}");
        assert_eq!(class("POST", "always"), "network", "{answer}");
        assert_eq!(class("GET", "never"), "command_failed", "{answer}");
    }
    // Nobody is there any more, so nothing has arrived.
    let gone = Server::saying(&[String::new()]).url();
    assert_eq!(http(&json!({"method": "POST", "url": gone})).class(), "network");
    let plain = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let tls = format!("https://{}", plain.local_addr().unwrap());
    // It answers without TLS, and without having read anything.
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = plain.accept().unwrap();
        std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 X\r\n\r\n").unwrap();
        stream
    });
    assert_eq!(http(&json!({"method": "POST", "url": tls})).class(), "network", "no TLS there");
    drop(answering.join().unwrap());
    let nowhere = http(&json!({"method": "POST", "url": "http://nowhere.invalid/"}));
    assert_eq!(nowhere.class(), "network", "{}", nowhere.raw);
}

#[test]
fn an_answer_that_does_not_come_in_time_is_the_network() {
    // The connection is taken by the system, and nobody ever looks at it.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", deaf.local_addr().unwrap());
    let said = http(&json!({"url": url, "timeoutMs": 50}));
    assert_eq!(said.class(), "network", "{}", said.raw);
    assert_eq!(http(&json!({"method": "POST", "url": url, "timeoutMs": 50})).class(), "command_failed");
}

#[test]
fn of_a_large_answer_the_beginning_is_kept_and_all_of_it_is_counted() {
    let server = Server::saying(&[answer(200, &[], &"x".repeat(3_000_000))]);
    let said = http(&json!({"url": server.url(), "maxResponseBytes": 10}));
    assert_eq!(said.line("response")["bytes"], 3_000_000);
    assert_eq!(said.end()["text"], "xxxxxxxxxx\n[2999990 more bytes were not kept]");
    assert_eq!(http(&json!({"url": server.url()})).end()["text"].as_str().unwrap().len(), (1 << 20) + 35);
}

#[test]
fn what_can_not_be_asked_is_refused_before_anybody_is_asked() {
    let server = Server::saying(&[answer(200, &[], "")]);
    let check = |mut spec: Value, class: &str, part: &str| {
        if spec["url"].is_null() {
            spec["url"] = json!(server.url());
        }
        let said = http(&spec);
        let text = said.end()["text"].as_str().unwrap();
        assert_eq!(said.class(), class, "{}", said.raw);
        assert!(text.contains(part), "`{part}` is not in: {text}");
    };
    check(json!({"headers": {"A": "${secret:NOBODY}"}}), "auth", "the secret NOBODY is not set");
    check(json!({"url": "ftp://x"}), "invalid_request", "`url`: `ftp://x` is no web address");
    check(json!({"url": "file:///etc/passwd"}), "invalid_request", "is no web address");
    check(json!({"method": "GET", "body": "x"}), "invalid_request", "`body`: a GET has none");
    check(json!({"headers": {"A b": "x"}}), "invalid_request", "`headers.A b`");
    check(json!({"headers": {"A": "x\r\nB: y"}}), "invalid_request", "a header is one line");
    check(json!({"headers": {"Host": "x"}}), "invalid_request", "`headers.Host`");
    check(json!({"expectedStatus": ["9xx"]}), "invalid_request", "a class like \"2xx\"");
    check(json!({"verb": "GET"}), "invalid_request", "unknown field `verb`");
    assert_eq!(server.asked(), []);
}
