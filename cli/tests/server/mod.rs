//! A server of webhooks as a process of its own, and a client that can misbehave.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Stdio};

use agents_domain::timestamp::Clock;
use agents_orchestrator::system::SystemClock;
use agents_orchestrator::trigger::signature::{sign_github, sign_standard};
use serde_json::Value;

use crate::support::Run;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A server that listens.
pub struct Served {
    child: Child,
    /// It stays open, so that the server can write to it.
    _output: BufReader<ChildStdout>,
    address: String,
    /// What it has said at its start.
    pub told: Value,
}

/// A server's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub body: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Whether a sender waits until it is asked for the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    Asked,
    Unasked,
}

/// A request whose body has not come yet.
pub struct Begun(TcpStream);

/// Seconds since the epoch.
pub fn now() -> i64 {
    SystemClock.now().as_millis() / 1000
}

/// The headers of GitHub for that body.
pub fn github(id: &str, body: &str) -> Vec<(String, String)> {
    vec![
        ("X-GitHub-Delivery".to_owned(), id.to_owned()),
        ("X-GitHub-Event".to_owned(), "push".to_owned()),
        ("X-Hub-Signature-256".to_owned(), sign_github(SECRET, body.as_bytes())),
    ]
}

/// The headers of Standard Webhooks for that body.
pub fn standard(id: &str, seconds: i64, body: &str) -> Vec<(String, String)> {
    let timestamp = seconds.to_string();
    let signature = sign_standard(SECRET, id, &timestamp, body.as_bytes());
    vec![
        ("webhook-id".to_owned(), id.to_owned()),
        ("webhook-timestamp".to_owned(), timestamp),
        ("webhook-signature".to_owned(), signature),
    ]
}

impl Served {
    /// Starts it, and waits until it listens.
    pub fn start(command: Run<'_>) -> Self {
        let mut child = command.env("HOOK_SECRET", SECRET).start(Stdio::piped(), Stdio::null());
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.ends_with("\n}\n") {
            assert_ne!(output.read_line(&mut said).unwrap(), 0, "it has ended: {said}");
        }
        let told: Value = serde_json::from_str(&said).unwrap();
        let address = told["listening"].as_str().unwrap().to_owned();
        Self { child, _output: output, address, told }
    }

    pub fn post(&self, path: &str, headers: &[(String, String)], body: &str) -> Reply {
        let mut begun = self.send_head(path, headers, (body.len(), Body::Unasked));
        begun.send(body);
        begun.reply()
    }

    pub fn get(&self, path: &str) -> Reply {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").unwrap();
        reply(stream)
    }

    /// A request that has said how long its body is, and waits to be asked for it.
    pub fn begin(&self, path: &str, headers: &[(String, String)], length: usize) -> Begun {
        self.send_head(path, headers, (length, Body::Asked))
    }

    fn send_head(&self, path: &str, headers: &[(String, String)], (length, body): (usize, Body)) -> Begun {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let mut head = format!("POST {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n");
        if body == Body::Asked {
            head.push_str("Expect: 100-continue\r\n");
        }
        head.push_str(&format!("Content-Type: application/json\r\nContent-Length: {length}\r\n"));
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all((head + "\r\n").as_bytes()).unwrap();
        Begun(stream)
    }

    /// A request whose body never comes.
    pub fn declare(&self, path: &str, length: usize) -> Reply {
        self.send_head(path, &[], (length, Body::Unasked)).reply()
    }

    /// A request that does not say how long its body is.
    pub fn chunked(&self, path: &str, headers: &[(String, String)], body: &str) -> Reply {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let mut head = format!("POST {path} HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let sent = format!("{head}\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        // The server may have enough before all of it is sent.
        stream.write_all(sent.as_bytes()).ok();
        reply(stream)
    }

    #[allow(clippy::cast_possible_wrap, reason = "process ids are small")]
    pub fn terminate(&self) {
        let pid = rustix::process::Pid::from_raw(self.child.id() as i32).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    /// Its exit code.
    pub fn ended(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Begun {
    /// Waits until the server asks for the body: then it is at work on the request.
    pub fn until_awaited(&mut self) {
        let mut said = [0; 25];
        self.0.read_exact(&mut said).unwrap();
        assert_eq!(&said, b"HTTP/1.1 100 Continue\r\n\r\n");
    }

    pub fn send(&mut self, body: &str) {
        self.0.write_all(body.as_bytes()).unwrap();
    }

    pub fn reply(self) -> Reply {
        reply(self.0)
    }
}

/// Read to its end, or to the length that it names.
fn reply(stream: TcpStream) -> Reply {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("no answer: `{line}`")).parse().unwrap();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Reply { status, body: String::from_utf8(body).unwrap() }
}

/// Receives one request, and answers 200. Its head and its body.
pub fn receive_one(server: &std::net::TcpListener) -> (String, String) {
    let (stream, _) = server.accept().unwrap();
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        head.push_str(&line);
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().unwrap()
            }
            _ if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
    (head, String::from_utf8(body).unwrap())
}
