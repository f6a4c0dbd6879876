//! One exchange over HTTP, without redirects, and what its failures mean.

use std::error::Error;
use std::io;
use std::time::Duration;

use agents_domain::outcome::{Outcome, OutcomeClass};
use ureq::config::AutoHeaderValue;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Body, Proxy, Timeout, http};

/// How long it may take to reach a server: its name, the connection and TLS.
const CONNECT: Duration = Duration::from_secs(30);
/// How much the head of an answer may have.
const HEAD_BYTES: usize = 64 << 10;
/// How we call ourselves.
const USER_AGENT: &str = concat!("agents/", env!("CARGO_PKG_VERSION"));

/// How long an exchange may take.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Times {
    /// In all.
    pub whole: Option<Duration>,
    /// Without a byte.
    pub silence: Option<Duration>,
}

/// One request, with secrets in it.
pub(crate) struct Exchange<'a> {
    pub method: &'a str,
    pub url: &'a str,
    pub headers: Vec<(String, String)>,
    pub body: Option<&'a [u8]>,
    pub times: Times,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub class: OutcomeClass,
    pub text: String,
    /// Whether the request may have arrived.
    pub may_have_arrived: bool,
}

impl Trouble {
    pub(crate) fn outcome(self) -> Outcome {
        Outcome::failure(self.class, self.text)
    }
}

/// Sends the request and gives the answer, whatever its status is.
pub(crate) fn send(exchange: Exchange<'_>) -> Result<http::Response<Body>, Trouble> {
    let agent = agent(exchange.url, exchange.times);
    let mut request = http::Request::builder().method(exchange.method).uri(exchange.url);
    for (name, value) in &exchange.headers {
        request = request.header(name, value);
    }
    let sent = match exchange.body {
        Some(body) => request.body(body).map_err(ureq::Error::from).and_then(|request| agent.run(request)),
        None => request.body(()).map_err(ureq::Error::from).and_then(|request| agent.run(request)),
    };
    sent.map_err(|error| trouble(&error))
}

fn agent(url: &str, times: Times) -> Agent {
    let proxy = if is_local(url) { None } else { Proxy::try_from_env() };
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_response_header_size(HEAD_BYTES)
        .user_agent(USER_AGENT)
        .accept_encoding(AutoHeaderValue::None)
        .proxy(proxy)
        .timeout_connect(Some(CONNECT))
        .timeout_global(times.whole)
        .timeout_per_read(times.silence)
        .build();
    Agent::with_parts(config, DefaultConnector::default(), Names(DefaultResolver::default()))
}

/// Looks names up, and tells apart by a type that there is none: the system's error has no kind of its own.
#[derive(Debug)]
struct Names(DefaultResolver);

impl Resolver for Names {
    fn resolve(
        &self,
        uri: &http::Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.0.resolve(uri, config, timeout);
        found.map_err(|error| match matches!(error, ureq::Error::Io(_)) {
            true => ureq::Error::HostNotFound,
            false => error,
        })
    }
}

/// Whether the server is this machine, where no proxy leads.
fn is_local(url: &str) -> bool {
    let uri = url.parse::<http::Uri>().ok();
    let host = uri.as_ref().and_then(|uri| uri.host()).unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// What an error means. Its own words have no header and no body in them.
pub(crate) fn trouble(error: &ureq::Error) -> Trouble {
    let network =
        |text: String, may_have_arrived| Trouble { class: OutcomeClass::Network, text, may_have_arrived };
    if let ureq::Error::Timeout(timeout) = error {
        let before = matches!(timeout, Timeout::Resolve | Timeout::Connect);
        return network(format!("no answer in time ({timeout})"), !before);
    }
    if let ureq::Error::Io(error) = error {
        return network(words(error), may_have_arrived(error));
    }
    if matches!(error, ureq::Error::Http(_) | ureq::Error::BadUri(_)) {
        let class = OutcomeClass::InvalidRequest;
        return Trouble {
            class,
            text: format!("the request can't be made: {error}"),
            may_have_arrived: false,
        };
    }
    let before = matches!(
        error,
        ureq::Error::HostNotFound
            | ureq::Error::ConnectionFailed
            | ureq::Error::ConnectProxyFailed(_)
            | ureq::Error::InvalidProxyUrl
            | ureq::Error::Tls(_)
            | ureq::Error::Rustls(_)
            | ureq::Error::TlsRequired
    );
    network(error.to_string(), !before)
}

/// Whether a request may have arrived before that error. TLS that is refused comes as data that is invalid, before
/// anything was sent.
fn may_have_arrived(error: &io::Error) -> bool {
    !matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::NotFound
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::InvalidData
    )
}

fn words(error: &io::Error) -> String {
    match error.source() {
        Some(source) if source.to_string() != error.to_string() => format!("{error}: {source}"),
        Some(_) | None => error.to_string(),
    }
}
