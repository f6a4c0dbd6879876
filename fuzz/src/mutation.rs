//! What is done to a recorded stream before it is read: bytes and lines are changed, moved, lost, doubled or taken from
//! another stream, and values of the JSON are replaced by others of any type.

use agents_domain::harness::ProcessEnd;
use bolero::TypeGenerator;
use serde_json::{Value, json};

/// One input of a target.
#[derive(Debug, Clone, TypeGenerator)]
pub struct Case {
    stream: u16,
    changes: Vec<Change>,
    pieces: Vec<u16>,
    exit: Exit,
}

#[derive(Debug, Clone, TypeGenerator)]
enum Exit {
    Good,
    GoodToo,
    Code(u8),
    Signal(u8),
    Unknown,
}

/// Numbers are taken modulo the length of what they point into.
#[derive(Debug, Clone, TypeGenerator)]
enum Change {
    SetByte { at: u32, to: u8 },
    Insert { at: u32, what: Piece },
    Remove { at: u32, length: u8 },
    CutOff { at: u32 },
    DropLine { line: u16 },
    DoubleLine { line: u16, to: u16 },
    SwapLines { one: u16, other: u16 },
    Borrow { stream: u16, line: u16, to: u16 },
    SetValue { line: u16, node: u16, to: Replacement },
}

#[derive(Debug, Clone, TypeGenerator)]
enum Piece {
    LineFeed,
    Return,
    Nul,
    NoUtf8,
    HalfCharacter,
    Quote,
    Nested(u8),
    Bytes([u8; 3]),
}

#[derive(Debug, Clone, TypeGenerator)]
enum Replacement {
    Null,
    Bool(bool),
    Integer(i64),
    Float,
    Blank,
    /// That many times 16 characters.
    Long(u16),
    List,
    Map,
    /// The value of another node of the same line.
    Node(u16),
}

impl Case {
    /// The changed stream.
    pub fn bytes(&self, streams: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = pick(streams, self.stream).clone();
        for change in &self.changes {
            change.apply(&mut bytes, streams);
        }
        bytes
    }

    /// The lengths of the pieces that it comes in; the last one is repeated.
    pub fn pieces(&self) -> Vec<usize> {
        self.pieces.iter().map(|length| usize::from(*length % 512)).chain([200]).collect()
    }

    pub fn exit(&self) -> ProcessEnd {
        match self.exit {
            Exit::Good | Exit::GoodToo => ProcessEnd::Exited(0),
            Exit::Code(code) => ProcessEnd::Exited(code.into()),
            Exit::Signal(signal) => ProcessEnd::Signaled(signal.into()),
            Exit::Unknown => ProcessEnd::Unknown,
        }
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>, streams: &[Vec<u8>]) {
        let end = bytes.len();
        let place = |at: u32| at as usize % (end + 1);
        match self {
            Change::SetByte { at, to } => {
                if let Some(byte) = bytes.get_mut(place(*at)) {
                    *byte = *to;
                }
            }
            Change::Insert { at, what } => {
                bytes.splice(place(*at)..place(*at), what.bytes());
            }
            Change::Remove { at, length } => {
                bytes.drain(place(*at)..(place(*at) + usize::from(*length)).min(end));
            }
            Change::CutOff { at } => bytes.truncate(place(*at)),
            Change::DropLine { line } => change_lines(bytes, |lines| {
                lines.remove(index(lines.len(), *line));
                // There is always one line at least, be it empty.
                if lines.is_empty() {
                    lines.push(Vec::new());
                }
            }),
            Change::DoubleLine { line, to } => change_lines(bytes, |lines| {
                lines.insert(index(lines.len(), *to), lines[index(lines.len(), *line)].clone());
            }),
            Change::SwapLines { one, other } => {
                change_lines(bytes, |lines| {
                    let count = lines.len();
                    lines.swap(index(count, *one), index(count, *other));
                });
            }
            Change::Borrow { stream, line, to } => {
                let others: Vec<&[u8]> = pick(streams, *stream).split(|byte| *byte == b'\n').collect();
                let borrowed = pick(&others, *line).to_vec();
                change_lines(bytes, |lines| lines.insert(index(lines.len(), *to), borrowed));
            }
            Change::SetValue { line, node, to } => change_lines(bytes, |lines| {
                let index = index(lines.len(), *line);
                let line = &mut lines[index];
                if let Ok(mut value) = serde_json::from_slice::<Value>(line) {
                    set_value(&mut value, *node, to);
                    *line = value.to_string().into_bytes();
                }
            }),
        }
    }
}

impl Piece {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Piece::LineFeed => b"\n".to_vec(),
            Piece::Return => b"\r".to_vec(),
            Piece::Nul => b"\0".to_vec(),
            Piece::NoUtf8 => b"\xff\xfe".to_vec(),
            Piece::HalfCharacter => br"\ud83d".to_vec(),
            Piece::Quote => b"\"".to_vec(),
            Piece::Nested(depth) => b"[".repeat(usize::from(*depth)),
            Piece::Bytes(bytes) => bytes.to_vec(),
        }
    }
}

fn pick<T>(all: &[T], which: u16) -> &T {
    &all[index(all.len(), which)]
}

fn index(count: usize, which: u16) -> usize {
    usize::from(which) % count
}

fn change_lines(bytes: &mut Vec<u8>, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let mut lines: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    change(&mut lines);
    *bytes = lines.join(&b'\n');
}

fn set_value(value: &mut Value, node: u16, to: &Replacement) {
    let count = nodes(value);
    let new = match to {
        Replacement::Null => Value::Null,
        Replacement::Bool(bool) => json!(bool),
        Replacement::Integer(integer) => json!(integer),
        Replacement::Float => json!(1e300),
        Replacement::Blank => json!(" "),
        Replacement::Long(times) => json!("0123456789abcdé".repeat(usize::from(*times % 4096))),
        Replacement::List => json!([]),
        Replacement::Map => json!({}),
        Replacement::Node(other) => {
            nth(value, &mut (usize::from(*other) % count)).cloned().unwrap_or_default()
        }
    };
    if let Some(place) = nth(value, &mut (usize::from(node) % count)) {
        *place = new;
    }
}

fn nodes(value: &Value) -> usize {
    let below: usize = match value {
        Value::Array(items) => items.iter().map(nodes).sum(),
        Value::Object(fields) => fields.values().map(nodes).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    };
    below + 1
}

/// The node that comes after so many others, from the outside in.
fn nth<'a>(value: &'a mut Value, before: &mut usize) -> Option<&'a mut Value> {
    if *before == 0 {
        return Some(value);
    }
    *before -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, before)),
        Value::Object(fields) => fields.values_mut().find_map(|field| nth(field, before)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}
