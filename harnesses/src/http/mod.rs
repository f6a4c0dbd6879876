//! `http`: one request.

mod spec;

use agents_domain::harness::{Harness, HarnessError, HarnessRequest, Probe, StreamReader};
use agents_domain::invocation::Invocation;

use crate::call::{self, CALL_HTTP, CallReader};

pub use spec::{Again, HttpSpec, Method, REDIRECTS, RESPONSE_BYTES, StatusPattern};

/// The name in jobs.
pub const NAME: &str = "http";

/// The harness of requests.
#[derive(Debug, Default)]
pub struct Http;

impl Harness for Http {
    fn name(&self) -> &str {
        NAME
    }

    fn invocation(&self, request: &HarnessRequest) -> Result<Invocation, HarnessError> {
        HttpSpec::read(&request.prompt)?;
        Ok(call::invocation(request, CALL_HTTP, request.prompt.clone()))
    }

    fn reader(&self) -> Box<dyn StreamReader> {
        Box::new(CallReader::default())
    }

    fn can_resume(&self) -> bool {
        false
    }

    fn speaks_while_it_works(&self) -> bool {
        false
    }

    fn is_agent(&self) -> bool {
        false
    }

    fn probe(&self) -> Probe {
        call::probe(Vec::new())
    }
}
