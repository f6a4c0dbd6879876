//! A URL with data in it. In the path and behind it data is percent-encoded; as a host or a port it must look like one; a
//! URL that begins with data must be given a whole one.

use agents_domain::secret;

use crate::place::BadPlace;
use crate::template::{Piece, Rendered};

/// Where in a URL we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Scheme,
    Authority,
    Path,
    /// The query and the fragment.
    Rest,
}

/// The URL with its data in it.
pub fn place(rendered: &Rendered) -> Result<String, BadPlace> {
    let mut url = String::with_capacity(rendered.text.len());
    let mut dots: Vec<(usize, usize)> = Vec::new();
    for piece in rendered.pieces() {
        match piece {
            Piece::Char(c) => url.push(c),
            Piece::Mark(number) => {
                let text = &rendered.data[number].text;
                let begin = url.len();
                let part = part(&url);
                let data = match part {
                    Part::Scheme if url.is_empty() => beginning(text)?,
                    Part::Scheme => {
                        return Err(BadPlace::new(
                            "an expression stands in the scheme of a URL",
                            "begin with http:// or https://, or let one param be the whole beginning",
                        ));
                    }
                    Part::Authority => authority(text)?,
                    Part::Path | Part::Rest => encoded(text),
                };
                url.push_str(&data);
                dots.extend((part == Part::Path).then_some((begin, url.len())));
            }
        }
    }
    refuse_dots(&url, &dots)?;
    Ok(url)
}

fn part(before: &str) -> Part {
    let Some((_, rest)) = before.split_once("://") else {
        // A secret may be the beginning; what follows it is a path.
        return if before.starts_with("${secret:") { Part::Path } else { Part::Scheme };
    };
    match rest.find(['/', '?', '#']) {
        None => Part::Authority,
        Some(_) if rest.contains(['?', '#']) => Part::Rest,
        Some(_) => Part::Path,
    }
}

fn beginning(text: &str) -> Result<String, BadPlace> {
    let lower = text.to_ascii_lowercase();
    let host = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://"));
    let authority = host.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let is_legal = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{}|$".contains(&byte));
    match authority {
        Some(host) if is_legal && !host.is_empty() && !host.contains('@') => Ok(secret::escape(text)),
        Some(_) | None => Err(BadPlace::new(
            format!("`{}` can't be the beginning of a URL", shown(text)),
            "give a whole one without a user name in it: https://example.com/path",
        )),
    }
}

fn authority(text: &str) -> Result<String, BadPlace> {
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_host) {
        return Ok(text.to_owned());
    }
    Err(BadPlace::new(
        format!("`{}` can be no host of a URL", shown(text)),
        "a host has letters, digits, `.` and `-`; a port follows `:`",
    ))
}

fn shown(text: &str) -> String {
    text.chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// RFC 3986: everything but the unreserved characters.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// `.` and `..` can't be encoded: whoever reads the URL would leave the folder.
fn refuse_dots(url: &str, data: &[(usize, usize)]) -> Result<(), BadPlace> {
    for (begin, end) in data {
        let path_end = url.find(['?', '#']).unwrap_or(url.len());
        let from = url[..*begin].rfind('/').map_or(0, |slash| slash + 1);
        let to = url[*end..path_end.max(*end)].find('/').map_or(path_end.max(*end), |slash| end + slash);
        if matches!(&url[from..to], "." | "..") {
            return Err(BadPlace::new(
                "a value makes a part of the path `.` or `..`, which leads out of it",
                "give another value",
            ));
        }
    }
    Ok(())
}
