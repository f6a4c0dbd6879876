//! The HTTP server: routes by path, records every request, acts out the turn that `playback` picked.
//! Loopback only, on a port of the system's choice.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::ids::Ids;
use crate::playback::{Playback, Served};
use crate::request::{Asked, Protocol};
use crate::scenario::Scenario;
use crate::scripted_body::{EventStream, ScriptedBody};
use crate::turn::{Act, Ending, HttpError, Reply, Turn};
use crate::{anthropic, gemini, openai};

/// A running server. Dropping it closes every connection, those that hang included.
#[derive(Debug)]
pub struct ScriptedModels {
    address: SocketAddr,
    requests: watch::Receiver<Vec<Recorded>>,
    /// Its own runtime, so that synchronous tests can use it and nothing outlives it. `None` only
    /// while it is dropped.
    runtime: Option<Runtime>,
}

/// One request, as it came in and by what it was served.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    pub method: Method,
    /// The path without the query.
    pub path: String,
    pub headers: HeaderMap,
    /// `Null` if it is empty or not JSON.
    pub body: Value,
    /// What is asked of a model; `None` for every other request.
    pub asked: Option<Asked>,
    pub served: Served,
}

impl ScriptedModels {
    pub fn start(scenario: Scenario) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let (record, requests) = watch::channel(Vec::new());
        let stage = Arc::new(Stage {
            playback: Mutex::new(Playback::new(scenario)),
            ids: Ids::new(address.port()),
            record,
        });
        let listener = {
            let _context = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        runtime.spawn(async move { axum::serve(listener, router(stage)).await });
        Ok(Self { address, requests, runtime: Some(runtime) })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests so far, in order of arrival.
    pub fn requests(&self) -> Vec<Recorded> {
        self.requests.borrow().clone()
    }

    /// The requests that a turn of a rule served.
    pub fn turns(&self) -> Vec<Recorded> {
        let is_turn = |request: &Recorded| matches!(request.served, Served::Turn { .. });
        self.requests().into_iter().filter(is_turn).collect()
    }

    /// Waits until the requests so far are as wanted; the caller bounds the wait.
    pub async fn until(&self, wanted: impl FnMut(&Vec<Recorded>) -> bool) -> Vec<Recorded> {
        let mut requests = self.requests.clone();
        let seen = requests.wait_for(wanted).await;
        seen.expect("the sender lives as long as the runtime, which self holds").clone()
    }
}

impl Drop for ScriptedModels {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A plain drop would wait, and panics inside of another runtime.
            runtime.shutdown_background();
        }
    }
}

/// What all requests share.
#[derive(Debug)]
struct Stage {
    playback: Mutex<Playback>,
    ids: Ids,
    record: watch::Sender<Vec<Recorded>>,
}

/// A request before anything is known of it.
#[derive(Debug)]
struct Incoming {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Value,
}

impl<S: Send + Sync> FromRequest<S> for Incoming {
    type Rejection = StatusCode;

    async fn from_request(request: Request, _state: &S) -> Result<Self, StatusCode> {
        let (parts, body) = request.into_parts();
        // No limit: a conversation with a large tool result is a large request.
        let body = to_bytes(body, usize::MAX).await.map_err(|_broken_off| StatusCode::BAD_REQUEST)?;
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Ok(Self { method: parts.method, uri: parts.uri, headers: parts.headers, body })
    }
}

type Shared = State<Arc<Stage>>;

fn router(stage: Arc<Stage>) -> Router {
    Router::new()
        .route("/v1/messages", post(messages))
        .route("/v1/messages/count_tokens", post(count_tokens))
        .route("/v1/responses", post(responses))
        .route("/v1/models", get(models))
        .route("/v1beta/models/{call}", post(generate_content))
        .fallback(unknown)
        .with_state(stage)
}

async fn messages(stage: Shared, incoming: Incoming) -> Response<Body> {
    let session = incoming.headers.get("x-claude-code-session-id").and_then(|value| value.to_str().ok());
    let asked = Asked::anthropic(session, &incoming.body);
    let is_stream = incoming.body["stream"] == true;
    stage.answer(incoming, asked, is_stream).await
}

async fn responses(stage: Shared, incoming: Incoming) -> Response<Body> {
    let asked = Asked::openai(&incoming.body);
    let is_stream = incoming.body["stream"] == true;
    stage.answer(incoming, asked, is_stream).await
}

async fn generate_content(stage: Shared, Path(call): Path<String>, incoming: Incoming) -> Response<Body> {
    let (model, verb) = call.split_once(':').unwrap_or((&call, ""));
    let asked = Asked::gemini(model, &incoming.body);
    match verb {
        "generateContent" => stage.answer(incoming, asked, false).await,
        "streamGenerateContent" => stage.answer(incoming, asked, true).await,
        "countTokens" => stage.answer_aside(incoming, StatusCode::OK, &json!({"totalTokens": 100})),
        _ => stage.answer_unknown(incoming),
    }
}

async fn count_tokens(stage: Shared, incoming: Incoming) -> Response<Body> {
    stage.answer_aside(incoming, StatusCode::OK, &json!({"input_tokens": 100}))
}

async fn models(stage: Shared, incoming: Incoming) -> Response<Body> {
    stage.answer_aside(incoming, StatusCode::OK, &json!({"object": "list", "data": []}))
}

async fn unknown(stage: Shared, incoming: Incoming) -> Response<Body> {
    stage.answer_unknown(incoming)
}

impl Stage {
    async fn answer(&self, incoming: Incoming, asked: Asked, is_stream: bool) -> Response<Body> {
        // A poisoned lock means that another request panicked; its test fails by itself.
        let (served, turn) = self.playback.lock().unwrap_or_else(PoisonError::into_inner).next(&asked);
        let (protocol, model) = (asked.protocol, asked.model.clone());
        self.record(incoming, Some(asked), served);
        tokio::time::sleep(turn.delay_before()).await;
        self.act_out(&turn, protocol, &model, is_stream).await
    }

    /// Answers a request that does not ask a model for a turn.
    fn answer_aside(&self, incoming: Incoming, status: StatusCode, body: &Value) -> Response<Body> {
        self.record(incoming, None, Served::NoTurn);
        respond(status.as_u16(), "application/json", Body::from(body.to_string()))
    }

    /// Claude Code asks with HEAD whether the server is there at all.
    fn answer_unknown(&self, incoming: Incoming) -> Response<Body> {
        let status = if incoming.method == Method::HEAD { StatusCode::OK } else { StatusCode::NOT_FOUND };
        let error =
            json!({"error": {"type": "not_found_error", "message": "no such path in the scripted server"}});
        self.answer_aside(incoming, status, &error)
    }

    fn record(&self, incoming: Incoming, asked: Option<Asked>, served: Served) {
        let Incoming { method, uri, headers, body } = incoming;
        let request = Recorded { method, path: uri.path().to_owned(), headers, body, asked, served };
        self.record.send_modify(|requests| requests.push(request));
    }

    async fn act_out(&self, turn: &Turn, protocol: Protocol, model: &str, is_stream: bool) -> Response<Body> {
        match turn.act() {
            Act::Reply(reply) if is_stream => self.stream(reply, protocol, model),
            Act::Reply(reply) => self.respond_whole(reply, protocol, model).await,
            Act::HttpError(error) => http_error(error),
            Act::Hang => std::future::pending().await,
            Act::DropConnection => drop_connection(),
        }
    }

    fn stream(&self, reply: &Reply, protocol: Protocol, model: &str) -> Response<Body> {
        type Make = fn(&Reply, &str, &Ids) -> EventStream;
        let (make, error_event): (Make, fn(&Value) -> String) = match protocol {
            Protocol::Anthropic => (anthropic::stream, anthropic::error_event),
            Protocol::Openai => (openai::stream, openai::error_event),
            Protocol::Gemini => (gemini::stream, gemini::error_event),
        };
        let body = make(reply, model, &self.ids).into_body(&reply.ending, error_event);
        with_headers(respond(200, "text/event-stream", Body::new(body)), &reply.headers)
    }

    /// The same endings as in a stream, where one answer has no middle.
    async fn respond_whole(&self, reply: &Reply, protocol: Protocol, model: &str) -> Response<Body> {
        let make: fn(&Reply, &str, &Ids) -> Value = match protocol {
            Protocol::Anthropic => anthropic::message,
            Protocol::Openai => openai::response,
            Protocol::Gemini => gemini::response,
        };
        let (status, body) = match &reply.ending {
            Ending::Complete => (200, make(reply, model, &self.ids)),
            Ending::Error(error) => (500, json!({"type": "error", "error": error})),
            Ending::Hang => std::future::pending().await,
            Ending::Drop => return drop_connection(),
        };
        with_headers(respond(status, "application/json", Body::from(body.to_string())), &reply.headers)
    }
}

fn http_error(error: &HttpError) -> Response<Body> {
    let (kind, body) = match error.body.as_str() {
        Some(text) => ("text/plain", text.to_owned()),
        None => ("application/json", error.body.to_string()),
    };
    with_headers(respond(error.status, kind, Body::from(body)), &error.headers)
}

fn drop_connection() -> Response<Body> {
    Response::new(Body::new(ScriptedBody::drop_at_once()))
}

fn respond(status: u16, content_type: &str, body: Body) -> Response<Body> {
    let response = Response::builder().status(status).header("content-type", content_type).body(body);
    response.expect("the scenario gives a status between 100 and 999")
}

fn with_headers(mut response: Response<Body>, headers: &BTreeMap<String, String>) -> Response<Body> {
    for (name, value) in headers {
        let name: axum::http::HeaderName = name.parse().expect("the scenario gives a valid header name");
        response.headers_mut().insert(name, value.parse().expect("the scenario gives a valid header value"));
    }
    response
}
