//! Streams like those of agents: words, calls with their input, and results from a hundred bytes to a hundred thousand.

use std::fmt::Write;

use agents_harnesses::StreamKind;

/// A piece of code as it stands in JSON.
const CODE: &str = r#"fn main() {\n    println!(\"hello, world\");\n}\n// a comment that goes on for a while, as comments do\n"#;

/// A stream of that many bytes, or a little more.
pub fn stream(kind: StreamKind, bytes: usize) -> String {
    let turn = match kind {
        StreamKind::Claude => claude,
        StreamKind::Codex => codex,
        StreamKind::Gemini | StreamKind::Text => gemini,
    };
    let mut stream = String::new();
    for number in 0.. {
        if stream.len() >= bytes {
            break;
        }
        let output = CODE.repeat([1, 4, 20, 80, 1000][number % 5]);
        turn(&mut stream, number, &output);
    }
    stream
}

fn claude(stream: &mut String, turn: usize, output: &str) {
    let head = r#""parent_tool_use_id":null,"session_id":"e1e82bc6-6489-4494-9ade-ca1b52d33cd3","uuid":"0ab50345-243c-45d3-b4c0-e9d37e54c352""#;
    let usage = r#""usage":{"input_tokens":100,"cache_creation_input_tokens":0,"cache_read_input_tokens":9000,"output_tokens":1,"service_tier":"standard"}"#;
    let message = format!(r#""id":"msg_{turn}","type":"message","role":"assistant","model":"m""#);
    writeln!(
        stream,
        r#"{{"type":"assistant","message":{{{message},"content":[{{"type":"text","text":"I will look at the code and then change what has to be changed. Turn {turn}."}}],{usage}}},{head}}}
{{"type":"assistant","message":{{{message},"content":[{{"type":"tool_use","id":"toolu_{turn}","name":"Edit","input":{{"file_path":"/workspace/main.rs","new_string":"{CODE}"}}}}],{usage}}},{head}}}
{{"type":"user","message":{{"role":"user","content":[{{"tool_use_id":"toolu_{turn}","type":"tool_result","content":"{output}","is_error":false}}]}},{head}}}"#
    )
    .unwrap();
}

fn codex(stream: &mut String, turn: usize, output: &str) {
    writeln!(
        stream,
        r#"{{"type":"item.completed","item":{{"id":"item_{turn}0","type":"agent_message","text":"I will look at the code and then change what has to be changed. Turn {turn}."}}}}
{{"type":"item.started","item":{{"id":"item_{turn}1","type":"command_execution","command":"/bin/bash -lc 'cat src/main.rs'","aggregated_output":"","exit_code":null,"status":"in_progress"}}}}
{{"type":"item.completed","item":{{"id":"item_{turn}1","type":"command_execution","command":"/bin/bash -lc 'cat src/main.rs'","aggregated_output":"{output}","exit_code":0,"status":"completed"}}}}"#
    )
    .unwrap();
}

fn gemini(stream: &mut String, turn: usize, output: &str) {
    let at = r#""timestamp":"2026-11-21T10:11:12.345Z""#;
    writeln!(
        stream,
        r#"{{"type":"message",{at},"role":"assistant","content":"I will look at the code and then change what has to be changed. Turn {turn}.","delta":true}}
{{"type":"tool_use",{at},"tool_name":"replace","tool_id":"replace-{turn}","parameters":{{"file_path":"/workspace/main.rs","new_string":"{CODE}"}}}}
{{"type":"tool_result",{at},"tool_id":"replace-{turn}","status":"success","output":"{output}"}}"#
    )
    .unwrap();
}
