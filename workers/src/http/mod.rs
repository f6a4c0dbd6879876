//! `http`: one request, its redirects, and what its answer means.

mod redirect;
mod verdict;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::time::Duration;

use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::secret;
use agents_harnesses::call::Saying;
use agents_harnesses::http::HttpSpec;
use serde_json::Value;
use ureq::{Body, http};

use crate::net::{self, Exchange, Times};
use crate::{Scene, Stop};
use redirect::Redirect;

/// The headers of an answer that are said; the others may be anything, cookies too.
const SHOWN: [&str; 9] = [
    "content-type",
    "content-length",
    "date",
    "etag",
    "last-modified",
    "location",
    "retry-after",
    "request-id",
    "x-request-id",
];

/// A request as it goes out.
struct Ready {
    method: &'static str,
    url: String,
    headers: Vec<(String, String)>,
    /// Headers that are for the first server only.
    own: Vec<String>,
    body: Option<Vec<u8>>,
    body_has_secrets: bool,
}

pub(crate) fn call(asked: &str, scene: &mut Scene<'_, '_>) -> Result<(), Stop> {
    let spec = HttpSpec::read(asked)
        .map_err(|error| Outcome::failure(OutcomeClass::InvalidRequest, error.to_string()))?;
    let mut ready = ready(&spec, scene)?;
    // As it is written: without the values.
    let target = format!("{} {}", ready.method, spec.url);
    scene.voice.say(Saying::Start { target, model: None })?;
    let times = Times { whole: spec.timeout_ms.map(Duration::from_millis), silence: None };
    let mut followed = 0;
    loop {
        let exchange = Exchange {
            method: ready.method,
            url: &ready.url,
            headers: ready.headers.clone(),
            body: ready.body.as_deref(),
            times,
        };
        let response = net::send(exchange).map_err(|trouble| verdict::unanswered(&spec, trouble))?;
        let next = redirect::of(&ready.url, ready.method, &response);
        match next.filter(|_| followed < spec.follow_redirects) {
            Some(next) => {
                followed += 1;
                let text = format!("redirected by {} to {}", response.status().as_u16(), next.url);
                scene.voice.say(Saying::Notice { text })?;
                follow(&mut ready, next)?;
            }
            None => {
                let redirect = redirect::told(&ready.url, &response, followed);
                return answered(&spec, (response, redirect), scene);
            }
        }
    }
}

fn ready(spec: &HttpSpec, scene: &mut Scene<'_, '_>) -> Result<Ready, Outcome> {
    let (secrets, mask) = (&scene.secrets, &mut scene.voice.mask);
    let mut headers = Vec::new();
    let mut own = Vec::new();
    for (name, value) in &spec.headers {
        let has_secrets = secret::references(value).is_ok_and(|names| !names.is_empty());
        let is_credential =
            ["authorization", "cookie", "proxy-authorization"].contains(&name.to_ascii_lowercase().as_str());
        if has_secrets || is_credential {
            own.push(name.clone());
        }
        headers.push((name.clone(), secrets.resolve(value, mask)?));
    }
    let is_typed = spec.headers.keys().any(|name| name.eq_ignore_ascii_case("content-type"));
    let body = match spec.body.clone() {
        None => None,
        Some(Value::String(text)) => Some(secrets.resolve(&text, mask)?.into_bytes()),
        Some(mut json) => {
            secrets.resolve_json(&mut json, mask)?;
            if !is_typed {
                headers.push(("content-type".to_owned(), "application/json".to_owned()));
            }
            Some(json.to_string().into_bytes())
        }
    };
    let written = spec.body.as_ref().map(Value::to_string).unwrap_or_default();
    Ok(Ready {
        method: spec.method.as_str(),
        url: secrets.resolve(&spec.url, mask)?,
        headers,
        own,
        body,
        body_has_secrets: written.contains("${secret:"),
    })
}

/// What goes to the next server: no credential to one that is not the one it is for.
fn follow(ready: &mut Ready, next: Redirect) -> Result<(), Outcome> {
    if next.drops_body {
        ready.method = "GET";
        ready.body = None;
        ready.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
    }
    if next.is_elsewhere {
        ready.headers.retain(|(name, _)| !ready.own.contains(name));
        if ready.body.is_some() && ready.body_has_secrets {
            let text =
                format!("it was redirected to {}, and its body has secrets for another server", next.url);
            return Err(Outcome::failure(OutcomeClass::InvalidRequest, text)
                .with_fix("write the address that it was redirected to as the url, if it may have them"));
        }
    }
    ready.url = next.url;
    Ok(())
}

fn answered(
    spec: &HttpSpec,
    (mut response, redirect): (http::Response<Body>, Option<String>),
    scene: &mut Scene<'_, '_>,
) -> Result<(), Stop> {
    let status = response.status().as_u16();
    let read = read(response.body_mut(), spec.max_response_bytes);
    let headers = shown(response.headers());
    let (text, bytes, broken) = match read {
        Ok(read) => (read.text(), read.bytes, None),
        Err((read, error)) => (read.text(), read.bytes, Some(error)),
    };
    scene.voice.say(Saying::Response { status, headers, bytes })?;
    let is_expected = spec.expected_status.iter().any(|pattern| pattern.is(status));
    match broken {
        // What a server answers with in place of success counts even if its words are cut.
        Some(error) if is_expected => {
            Err(verdict::unanswered(spec, net::trouble(&ureq::Error::Io(error))).into())
        }
        Some(_) | None if !is_expected => {
            let now = scene.clock.now();
            // Where it leads says more than the page that few people see.
            let text = redirect.unwrap_or(text);
            Err(verdict::unexpected(spec, (status, response.headers(), &text), now).into())
        }
        Some(_) | None => Ok(scene.voice.say(Saying::Result { text, structured: None })?),
    }
}

fn shown(headers: &http::HeaderMap) -> BTreeMap<String, String> {
    let text = |name: &&str| {
        let value = headers.get(*name)?;
        Some(((*name).to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
    };
    SHOWN.iter().filter_map(text).collect()
}

/// What was read of a body.
struct Content {
    kept: Vec<u8>,
    bytes: u64,
}

impl Content {
    fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.kept);
        match self.bytes - self.kept.len() as u64 {
            0 => text.into_owned(),
            more => format!("{text}\n[{more} more bytes were not kept]"),
        }
    }
}

/// Reads all of it and keeps the beginning.
fn read(body: &mut Body, most: u64) -> Result<Content, (Content, io::Error)> {
    let mut reader = body.as_reader();
    let mut kept = Vec::new();
    if let Err(error) = reader.by_ref().take(most).read_to_end(&mut kept) {
        let bytes = kept.len() as u64;
        return Err((Content { kept, bytes }, error));
    }
    let begun = kept.len() as u64;
    let mut rest = 0;
    let mut piece = [0; 16 << 10];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return Ok(Content { kept, bytes: begun + rest }),
            Ok(count) => rest += count as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err((Content { kept, bytes: begun + rest }, error)),
        }
    }
}
