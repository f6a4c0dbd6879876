//! `agents call-http` and `agents call-model` (hidden): what the harnesses http and ai start. They read what is asked on
//! standard input and say what comes of it as JSON lines.

use std::io;

use agents_orchestrator::system::SystemClock;
use agents_workers::Around;

use crate::failure::Failure;

/// Which call.
#[derive(Debug, Clone, Copy)]
pub enum Call {
    Http,
    Model,
}

/// Makes the call.
pub fn run(call: Call) -> Result<(), Failure> {
    let around = Around {
        stdin: &mut io::stdin().lock(),
        stdout: &mut io::stdout().lock(),
        variable: &|name| std::env::var(name).ok(),
        clock: &SystemClock,
    };
    let made = match call {
        Call::Http => agents_workers::call_http(around),
        Call::Model => agents_workers::call_model(around),
    };
    made.map_err(|error| Failure::failed("saying what came of the call", error))
}
