//! What the hidden commands `call-http` and `call-model` do: read what is asked on standard input, put secrets in from the
//! environment, make the call over HTTP, and say what comes of it as JSON lines.
//!
//! No async runtime, no file, no process. Nothing that is said has the value of a secret in it. Memory is bounded whatever
//! the server sends.

mod ai;
mod http;
mod mask;
mod net;
mod secrets;
mod voice;
mod wait;

use std::io::{self, Read, Write};

use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::timestamp::Clock;
use agents_harnesses::call::Saying;

use secrets::Secrets;
use voice::Voice;

/// What a call gets from around it.
#[allow(missing_debug_implementations, reason = "ports have nothing to show")]
pub struct Around<'a> {
    pub stdin: &'a mut dyn Read,
    pub stdout: &'a mut dyn Write,
    /// The variable of that name.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    pub clock: &'a dyn Clock,
}

/// Makes one request. An error is one of standard output: everything else is said there.
pub fn call_http(around: Around<'_>) -> io::Result<()> {
    call(around, http::call)
}

/// Calls a model. An error is one of standard output: everything else is said there.
pub fn call_model(around: Around<'_>) -> io::Result<()> {
    call(around, ai::call)
}

/// Where in a text that is to be a JSON Schema it is none (a JSON pointer), and why.
pub fn schema_problem(schema: &serde_json::Value) -> Option<(String, String)> {
    ai::schema_problem(schema)
}

/// What a call is made with.
struct Scene<'a, 'o> {
    secrets: Secrets<'a>,
    voice: Voice<'o>,
    clock: &'a dyn Clock,
}

/// Why a call has come to nothing.
enum Stop {
    /// There is no answer.
    Failed(Box<Outcome>),
    /// Nobody reads what is said.
    Unheard(io::Error),
}

impl From<Outcome> for Stop {
    fn from(outcome: Outcome) -> Self {
        Stop::Failed(Box::new(outcome))
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Unheard(error)
    }
}

type Call = for<'a, 'o> fn(&str, &mut Scene<'a, 'o>) -> Result<(), Stop>;

fn call(around: Around<'_>, make: Call) -> io::Result<()> {
    let mut asked = String::new();
    let read = around.stdin.read_to_string(&mut asked);
    let mut scene = Scene {
        secrets: Secrets::new(around.variable),
        voice: Voice::new(around.stdout),
        clock: around.clock,
    };
    let ended = match read {
        Ok(_) => make(&asked, &mut scene),
        Err(error) => {
            let why = format!("what it is asked can't be read: {error}");
            Err(Outcome::failure(OutcomeClass::RunnerError, why).into())
        }
    };
    match ended {
        Ok(()) => Ok(()),
        Err(Stop::Failed(outcome)) => scene.voice.say(failed(*outcome)),
        Err(Stop::Unheard(error)) => Err(error),
    }
}

fn failed(outcome: Outcome) -> Saying {
    Saying::Failed {
        class: outcome.class.as_str().to_owned(),
        text: outcome.text,
        resets_at: outcome.resets_at.map(|at| at.as_millis()),
        fix: outcome.fix,
    }
}
