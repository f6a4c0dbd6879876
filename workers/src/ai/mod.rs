//! `ai`: one call of a model: asked in the form of its API, read as a stream, held against the schema.

mod answer;
mod anthropic;
mod gemini;
mod mock;
mod openai;
mod refusal;
mod sse;

use std::time::Duration;

use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::usage::TokenUsage;
use agents_harnesses::ai::{Api, ModelCall};
use agents_harnesses::call::{Saying, Tokens};
use serde_json::Value;

use crate::net::{self, Exchange, Times};
use crate::{Scene, Stop};
use answer::Schema;

/// How long a model may think without a byte.
const SILENCE: Duration = Duration::from_secs(600);

/// A request in the form of an API.
struct Request {
    url: String,
    headers: Vec<(String, String)>,
    body: Value,
}

/// A piece of what a model says.
enum Piece {
    Text(String),
    Thinking(String),
}

/// Why a model has stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ending {
    /// It is done.
    Done,
    /// It was cut at the limit of output.
    Length,
    /// It has refused, or what it said was kept back.
    Refused(String),
    /// Prompt and answer together no longer fit.
    Overflow,
    /// For a reason that nobody knows.
    Other(String),
}

/// What a stream has told so far.
#[derive(Debug, Default)]
struct Told {
    text: String,
    usage: Option<TokenUsage>,
    ending: Option<Ending>,
    /// What the provider says instead of going on.
    failure: Option<Outcome>,
    /// Whether nothing more comes.
    is_over: bool,
}

/// How one event of a stream is taken in.
type Take = fn(&Value, &mut Told) -> Vec<Piece>;

/// Where a schema is none, and why.
pub(crate) fn schema_problem(schema: &serde_json::Value) -> Option<(String, String)> {
    answer::Schema::problem(schema)
}

pub(crate) fn call(asked: &str, scene: &mut Scene<'_, '_>) -> Result<(), Stop> {
    let call: ModelCall = serde_json::from_str(asked).map_err(|error| {
        Outcome::failure(OutcomeClass::InvalidRequest, format!("no call of a model: {error}"))
    })?;
    let schema = call.spec.schema.as_ref().map(Schema::new).transpose()?;
    let target = call.provider.name.clone();
    scene.voice.say(Saying::Start { target, model: Some(call.model.clone()) })?;
    let told = match call.provider.api {
        Api::Mock => mock::answer(&call)?,
        Api::Anthropic => asked_of(&call, (anthropic::request, anthropic::take), scene)?,
        Api::Openai => asked_of(&call, (openai::request, openai::take), scene)?,
        Api::Gemini => asked_of(&call, (gemini::request, gemini::take), scene)?,
    };
    if let Some(usage) = told.usage {
        scene.voice.say(Saying::Usage { usage: Tokens::new(usage) })?;
    }
    let (text, structured) = answer::settle(told, schema.as_ref())?;
    Ok(scene.voice.say(Saying::Result { text, structured })?)
}

type Make = fn(&ModelCall, &str, Option<&str>) -> Request;

fn asked_of(call: &ModelCall, (make, take): (Make, Take), scene: &mut Scene<'_, '_>) -> Result<Told, Stop> {
    let base = base_url(call, scene);
    let key = call.provider.api_key.as_ref();
    let key = key.map(|key| scene.secrets.resolve(key, &mut scene.voice.mask)).transpose()?;
    let request = make(call, base.trim_end_matches('/'), key.as_deref());
    let body = request.body.to_string();
    let mut headers = request.headers;
    headers.push(("content-type".to_owned(), "application/json".to_owned()));
    headers.push(("accept".to_owned(), "text/event-stream".to_owned()));
    let exchange = Exchange {
        method: "POST",
        url: &request.url,
        headers,
        body: Some(body.as_bytes()),
        times: Times { whole: None, silence: Some(SILENCE) },
    };
    // A model is asked again whatever was lost: nothing is done twice by it.
    let mut response = net::send(exchange).map_err(net::Trouble::outcome)?;
    if !response.status().is_success() {
        let now = scene.clock.now();
        return Err(refusal::of(call, &mut response, now).into());
    }
    sse::read(response.body_mut(), take, &mut scene.voice)
}

/// Where the provider is: by the config, by the environment, or its maker's own server.
fn base_url(call: &ModelCall, scene: &Scene<'_, '_>) -> String {
    let api = call.provider.api;
    let variable = api.base_url_variable().filter(|_| call.provider.is_built_in());
    let of_environment = || variable.and_then(|name| scene.secrets.variable(name));
    call.provider.base_url.clone().or_else(of_environment).unwrap_or_else(|| api.base_url().to_owned())
}

/// A count in an event.
fn count(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_f64().map(|number| number as u64)).unwrap_or(0)
}

/// A text in an event, empty if there is none.
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
