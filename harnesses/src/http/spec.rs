//! What an `http` is told: one request, and which answers are a success.

use std::collections::BTreeMap;
use std::fmt;

use agents_domain::secret;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::spec_error::{self, SpecError};

const WORKER: &str = "http";

/// The most of an answer that is kept, in bytes: what an attempt's answer may have.
pub const RESPONSE_BYTES: u64 = 1 << 20;
/// How many redirects are followed unless the spec says otherwise.
pub const REDIRECTS: u32 = 5;

/// One request. Its URL, the values of its headers and its body may refer to secrets; data in them must be
/// [`secret::escape`]d.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpSpec {
    #[serde(default)]
    pub method: Method,
    /// `http://…` or `https://…`.
    pub url: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// A text is sent as it is; anything else as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// Not set: any 2xx.
    #[serde(default = "successes", skip_serializing_if = "is_successes")]
    pub expected_status: Vec<StatusPattern>,
    /// How much of the answer is kept, in bytes, at most 1 MiB; the rest is only counted.
    #[serde(default = "response_bytes", skip_serializing_if = "is_response_bytes")]
    pub max_response_bytes: u64,
    /// How many redirects are followed; 0: none.
    #[serde(default = "redirects", skip_serializing_if = "is_redirects")]
    pub follow_redirects: u32,
    /// How long the whole exchange may take, in milliseconds. Not set: as long as the job may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Whether it may be sent again after it may have arrived.
    #[serde(default, skip_serializing_if = "Again::is_default")]
    pub retry: Again,
}

/// The method of a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    #[default]
    Get,
    Head,
    Put,
    Delete,
    Options,
    Post,
    Patch,
}

impl Method {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
            Method::Options => "OPTIONS",
            Method::Post => "POST",
            Method::Patch => "PATCH",
        }
    }

    /// Whether the same request twice is the same as once (RFC 9110, 9.2.2).
    pub fn is_idempotent(self) -> bool {
        match self {
            Method::Get | Method::Head | Method::Put | Method::Delete | Method::Options => true,
            Method::Post | Method::Patch => false,
        }
    }
}

/// Whether a request may be sent again after it may have arrived.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Again {
    /// If its method is idempotent: not for POST and PATCH.
    #[default]
    Auto,
    Always,
    Never,
}

impl Again {
    fn is_default(&self) -> bool {
        *self == Again::Auto
    }
}

/// Statuses that are expected: one, or a class like `2xx`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusPattern {
    One(u16),
    /// The first digit.
    Class(u16),
}

impl StatusPattern {
    /// Whether that status is one of them.
    pub fn is(self, status: u16) -> bool {
        match self {
            StatusPattern::One(one) => one == status,
            StatusPattern::Class(class) => status / 100 == class,
        }
    }
}

impl fmt::Display for StatusPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StatusPattern::One(status) => write!(f, "{status}"),
            StatusPattern::Class(class) => write!(f, "{class}xx"),
        }
    }
}

impl Serialize for StatusPattern {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            StatusPattern::One(status) => to.serialize_u16(*status),
            StatusPattern::Class(_) => to.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for StatusPattern {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Status;
        impl Visitor<'_> for Status {
            type Value = StatusPattern;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a status from 100 to 599, or a class like \"2xx\"")
            }

            fn visit_u64<E: de::Error>(self, status: u64) -> Result<StatusPattern, E> {
                match u16::try_from(status) {
                    Ok(status @ 100..=599) => Ok(StatusPattern::One(status)),
                    Ok(_) | Err(_) => Err(E::invalid_value(de::Unexpected::Unsigned(status), &self)),
                }
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<StatusPattern, E> {
                match (text.strip_suffix("xx"), text.parse::<u64>()) {
                    (Some(class), _) => match class.parse() {
                        Ok(class @ 1..=5) => Ok(StatusPattern::Class(class)),
                        Ok(_) | Err(_) => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                    },
                    (None, Ok(status)) => self.visit_u64(status),
                    (None, Err(_)) => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }
        }
        from.deserialize_any(Status)
    }
}

fn successes() -> Vec<StatusPattern> {
    vec![StatusPattern::Class(2)]
}

fn is_successes(patterns: &[StatusPattern]) -> bool {
    patterns == [StatusPattern::Class(2)]
}

fn response_bytes() -> u64 {
    RESPONSE_BYTES
}

fn is_response_bytes(bytes: &u64) -> bool {
    *bytes == RESPONSE_BYTES
}

fn redirects() -> u32 {
    REDIRECTS
}

fn is_redirects(count: &u32) -> bool {
    *count == REDIRECTS
}

impl HttpSpec {
    /// A GET of that URL, and everything else as it is by default.
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            method: Method::Get,
            url: url.into(),
            headers: BTreeMap::new(),
            body: None,
            expected_status: successes(),
            max_response_bytes: RESPONSE_BYTES,
            follow_redirects: REDIRECTS,
            timeout_ms: None,
            retry: Again::Auto,
        }
    }

    /// The spec in a job's context, if a worker can do it.
    pub fn read(text: &str) -> Result<Self, SpecError> {
        Self::read_all(text).map_err(|found| spec_error::first(found, WORKER))
    }

    /// The same, and everything for which no worker can do it.
    pub fn read_all(text: &str) -> Result<Self, Vec<SpecError>> {
        spec_error::read_all(WORKER, text, Self::problems)
    }

    /// Whether it may be sent again after it may have arrived.
    pub fn may_be_sent_again(&self) -> bool {
        match self.retry {
            Again::Auto => self.method.is_idempotent(),
            Again::Always => true,
            Again::Never => false,
        }
    }

    /// Whether a worker can do it; the error names the field.
    pub fn check(&self) -> Result<(), SpecError> {
        match self.problems() {
            found if found.is_empty() => Ok(()),
            found => Err(spec_error::first(found, WORKER)),
        }
    }

    /// Everything for which no worker can do it; each error names its field.
    pub fn problems(&self) -> Vec<SpecError> {
        let mut found = Vec::new();
        let mut bad = |field: &str, why: &str| found.push(SpecError::new(WORKER, field, why));
        let begins =
            |scheme: &str| self.url.get(..scheme.len()).is_some_and(|url| url.eq_ignore_ascii_case(scheme));
        let is_web = begins("http://") || begins("https://") || self.url.starts_with("${secret:");
        if !is_web {
            bad("url", &format!("`{}` is no web address: it begins with http:// or https://", self.url));
        }
        if self.url.chars().any(|c| c.is_whitespace() || c.is_control()) {
            bad("url", "it has a blank in it; write %20");
        }
        for (name, value) in &self.headers {
            if let Some(why) = header_problem(name, value) {
                bad(&format!("headers.{name}"), why);
            }
        }
        let has_no_body = matches!(self.method, Method::Get | Method::Head | Method::Options);
        if has_no_body && self.body.is_some() {
            bad("body", &format!("a {} has none", self.method.as_str()));
        }
        if self.expected_status.is_empty() {
            bad("expectedStatus", "name at least one status, or a class like \"2xx\"");
        }
        if !(1..=RESPONSE_BYTES).contains(&self.max_response_bytes) {
            bad("maxResponseBytes", "use 1 to 1048576");
        }
        if self.follow_redirects > 20 {
            bad("followRedirects", "use 0 to 20");
        }
        if self.timeout_ms == Some(0) {
            bad("timeoutMs", "use a number of milliseconds above 0");
        }
        self.check_secrets(&mut bad);
        found
    }

    fn check_secrets(&self, bad: &mut dyn FnMut(&str, &str)) {
        let mut check = |field: &str, text: &str| {
            if let Err(why) = secret::references(text) {
                bad(field, &why.to_string());
            }
        };
        check("url", &self.url);
        for (name, value) in &self.headers {
            check(&format!("headers.{name}"), value);
        }
        if let Some(body) = &self.body {
            check_texts(body, &mut check);
        }
    }
}

fn header_problem(name: &str, value: &str) -> Option<&'static str> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Some("no header can be called so");
    }
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return Some("a header is one line, without control characters");
    }
    ["connection", "content-length", "host", "transfer-encoding"]
        .contains(&name.to_ascii_lowercase().as_str())
        .then_some("it is made of the request itself; leave it out")
}

fn check_texts(value: &Value, check: &mut dyn FnMut(&str, &str)) {
    match value {
        Value::String(text) => check("body", text),
        Value::Array(values) => values.iter().for_each(|value| check_texts(value, check)),
        Value::Object(fields) => fields.values().for_each(|value| check_texts(value, check)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
