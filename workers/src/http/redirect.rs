//! Where an answer redirects to, and what may go there.

use ureq::{Body, http};

/// The next request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Redirect {
    pub url: String,
    /// Another server, or the same one without TLS.
    pub is_elsewhere: bool,
    /// It is asked with GET and without the body (RFC 9110, 15.4, and as browsers do).
    pub drops_body: bool,
}

/// Where the answer to that request redirects to, if it does.
pub(super) fn of(url: &str, method: &str, response: &http::Response<Body>) -> Option<Redirect> {
    let status = response.status().as_u16();
    if !matches!(status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get("location")?.to_str().ok()?;
    let next = joined(url, location)?;
    let drops_body = match status {
        303 => method != "HEAD",
        301 | 302 => method == "POST",
        _ => false,
    };
    Some(Redirect { is_elsewhere: origin(url)? != origin(&next)?, drops_body, url: next })
}

/// What a redirect says that is not followed: where it leads.
pub(super) fn told(url: &str, response: &http::Response<Body>, followed: u32) -> Option<String> {
    let status = response.status().as_u16();
    if !matches!(status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let Some(location) = response.headers().get("location") else {
        return Some("it is a redirect, and says not where to".to_owned());
    };
    let location = String::from_utf8_lossy(location.as_bytes());
    let Some(next) = joined(url, &location) else {
        return Some(format!("it is a redirect to `{location}`, which is no web address"));
    };
    Some(match followed {
        0 => format!("it is a redirect to {next}, and none is followed (followRedirects)"),
        1 => format!("it is a redirect to {next}, after one that was followed (followRedirects)"),
        _ => format!("it is a redirect to {next}, after {followed} that were followed (followRedirects)"),
    })
}

/// Scheme, host and port.
fn origin(url: &str) -> Option<(String, String, u16)> {
    let uri: http::Uri = url.parse().ok()?;
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let port = uri.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
    Some((scheme, uri.host()?.to_ascii_lowercase(), port))
}

/// The address that a reference means, seen from `base`. `None`: it is no web address.
fn joined(base: &str, reference: &str) -> Option<String> {
    let reference = reference.split('#').next().unwrap_or_default();
    let (scheme, rest) = base.split_once("://")?;
    let lower = reference.to_ascii_lowercase();
    if lower.starts_with("http://") || lower.starts_with("https://") {
        return Some(reference.to_owned());
    }
    if reference.split(['/', '?']).next().is_some_and(|first| first.contains(':')) {
        return None;
    }
    if let Some(rest) = reference.strip_prefix("//") {
        return Some(format!("{scheme}://{rest}"));
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let path = rest[authority.len()..].split(['?', '#']).next().unwrap_or_default();
    let path = if path.is_empty() { "/" } else { path };
    Some(match reference.chars().next() {
        None => format!("{scheme}://{authority}{path}"),
        Some('/') => format!("{scheme}://{authority}{reference}"),
        Some('?') => format!("{scheme}://{authority}{path}{reference}"),
        Some(_) => {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{scheme}://{authority}{folder}/{reference}")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_seen_from_the_address_that_it_came_from() {
        let check = |reference: &str, expected: Option<&str>| {
            let seen = joined("https://a.example:8443/one/two?x=1", reference);
            assert_eq!(seen.as_deref(), expected, "{reference}");
        };
        check("https://b.example/", Some("https://b.example/"));
        check("//b.example/x", Some("https://b.example/x"));
        check("/x?y#z", Some("https://a.example:8443/x?y"));
        check("x", Some("https://a.example:8443/one/x"));
        check("?y=2", Some("https://a.example:8443/one/two?y=2"));
        check("", Some("https://a.example:8443/one/two"));
        check("ftp://b.example/", None);
        check("javascript:alert(1)", None);
        assert_eq!(joined("http://a.example", "x").as_deref(), Some("http://a.example/x"));
    }

    #[test]
    fn another_port_or_scheme_is_another_server() {
        let same = |one: &str, other: &str| origin(one) == origin(other);
        assert!(same("https://A.example/x", "https://a.example:443/y"));
        assert!(!same("https://a.example/", "http://a.example/"));
        assert!(!same("http://a.example/", "http://a.example:8080/"));
        assert!(!same("http://a.example/", "http://b.a.example/"));
        assert!(!same("http://a.example/", "http://a.example@b.example/"));
    }
}
