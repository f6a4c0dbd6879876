//! Signatures of webhooks: GitHub's, and that of Standard Webhooks. Pure; the comparison takes the same time wherever two
//! signatures begin to differ.
//!
//! GitHub: `X-Hub-Signature-256: sha256=<hex>`, HMAC-SHA256 over the body. Standard Webhooks: `webhook-signature: v1,<base64>`, with
//! several separated by blanks, HMAC-SHA256 over `<webhook-id>.<webhook-timestamp>.<body>`; the key is what follows `whsec_` in base64.

use std::time::Duration;

use agents_domain::timestamp::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// How far the time of a request may be from ours, in either direction.
pub const REPLAY_WINDOW: Duration = Duration::from_secs(5 * 60);

/// What marks a secret of Standard Webhooks that is in base64.
const BASE64_SECRET: &str = "whsec_";

/// A request is not what its sender would have signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("a header is missing or makes no sense")]
    Headers,
    #[error("the signature is wrong")]
    Signature,
    #[error("its time is too far from ours")]
    Time,
}

/// The three headers of Standard Webhooks.
#[derive(Debug, Clone, Copy)]
pub struct Standard<'a> {
    pub id: &'a str,
    /// Seconds since the epoch.
    pub timestamp: &'a str,
    pub signature: &'a str,
}

/// Checks GitHub's signature.
pub fn check_github(secret: &str, header: &str, body: &[u8]) -> Result<(), Refusal> {
    let given = header.strip_prefix("sha256=").and_then(from_hex).ok_or(Refusal::Headers)?;
    let mut mac = mac(secret.as_bytes());
    mac.update(body);
    mac.verify_slice(&given).map_err(|_| Refusal::Signature)
}

/// Checks the signature of Standard Webhooks, and then that it is not old.
pub fn check_standard(
    secret: &str,
    headers: Standard<'_>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), Refusal> {
    let sent: i64 = headers.timestamp.parse().map_err(|_| Refusal::Headers)?;
    let is_right = headers.signature.split(' ').filter_map(|one| one.strip_prefix("v1,")).any(|one| {
        from_base64(one).is_some_and(|given| {
            let mut mac = standard_mac(secret, headers.id, headers.timestamp);
            mac.update(body);
            mac.verify_slice(&given).is_ok()
        })
    });
    if !is_right {
        return Err(Refusal::Signature);
    }
    let sent = Timestamp::from_seconds(sent);
    let apart = now.since(sent).max(sent.since(now));
    if apart > REPLAY_WINDOW { Err(Refusal::Time) } else { Ok(()) }
}

/// GitHub's header for that body.
pub fn sign_github(secret: &str, body: &[u8]) -> String {
    let mut mac = mac(secret.as_bytes());
    mac.update(body);
    format!("sha256={}", hex(&mac.finalize().into_bytes()))
}

/// The signature of Standard Webhooks for that body.
pub fn sign_standard(secret: &str, id: &str, timestamp: &str, body: &[u8]) -> String {
    let mut mac = standard_mac(secret, id, timestamp);
    mac.update(body);
    format!("v1,{}", base64(&mac.finalize().into_bytes()))
}

/// What tells two bodies apart.
pub fn digest(body: &[u8]) -> String {
    hex(&Sha256::digest(body))
}

fn standard_mac(secret: &str, id: &str, timestamp: &str) -> Hmac<Sha256> {
    let decoded = secret.strip_prefix(BASE64_SECRET).and_then(from_base64);
    let mut mac = mac(decoded.as_deref().unwrap_or(secret.as_bytes()));
    for part in [id, ".", timestamp, "."] {
        mac.update(part.as_bytes());
    }
    mac
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for part in bytes.chunks(3) {
        let word =
            part.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - part.len()));
        for place in 0..4 {
            let index = word >> (18 - 6 * place) & 63;
            text.push(if place <= part.len() { char::from(ALPHABET[index as usize]) } else { '=' });
        }
    }
    text
}

/// With or without `=` at the end.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut word, mut bits) = (0u32, 0);
    for byte in text.bytes() {
        let value = ALPHABET.iter().position(|known| *known == byte)?;
        word = word << 6 | u32::try_from(value).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(word >> bits & 255).ok()?);
        }
    }
    (text.len() % 4 != 1).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of GitHub's documents.
    const HELLO: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    #[test]
    fn the_example_of_github_holds_and_everything_else_does_not() {
        let secret = "It's a Secret to Everybody";
        assert_eq!(sign_github(secret, b"Hello, World!"), HELLO);
        assert_eq!(check_github(secret, HELLO, b"Hello, World!"), Ok(()));
        assert_eq!(check_github(secret, HELLO, b"Hello, World"), Err(Refusal::Signature));
        assert_eq!(check_github("other", HELLO, b"Hello, World!"), Err(Refusal::Signature));
        for header in ["", "sha256=", "sha256=00", &HELLO[..HELLO.len() - 2]] {
            assert!(check_github(secret, header, b"Hello, World!").is_err(), "{header}");
        }
        assert_eq!(check_github(secret, &HELLO.replace("sha256", "sha1"), b""), Err(Refusal::Headers));
        assert_eq!(check_github(secret, "sha256=xy", b""), Err(Refusal::Headers));
    }

    /// The example of the documents of Standard Webhooks' reference libraries.
    #[test]
    fn the_example_of_standard_webhooks_holds_and_everything_else_does_not() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let (id, timestamp) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330");
        let body = br#"{"test": 2432232314}"#;
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let now = Timestamp::from_seconds(1_614_265_330);
        assert_eq!(sign_standard(secret, id, timestamp, body), signature);
        let check = |headers: Standard<'_>, body: &[u8], now| check_standard(secret, headers, body, now);
        let right = Standard { id, timestamp, signature };
        assert_eq!(check(right, body, now), Ok(()));
        let several = format!("v1a,xxxx v1,AAAA {signature}");
        assert_eq!(check(Standard { signature: &several, ..right }, body, now), Ok(()));
        assert_eq!(check(right, b"{}", now), Err(Refusal::Signature));
        assert_eq!(check(Standard { id: "other", ..right }, body, now), Err(Refusal::Signature));
        assert_eq!(check(Standard { timestamp: "1614265331", ..right }, body, now), Err(Refusal::Signature));
        assert_eq!(check(Standard { signature: "v1,", ..right }, body, now), Err(Refusal::Signature));
        assert_eq!(
            check(Standard { signature: &signature[3..], ..right }, body, now),
            Err(Refusal::Signature)
        );
        assert_eq!(check(Standard { timestamp: "now", ..right }, body, now), Err(Refusal::Headers));
        assert_eq!(check(right, body, now.after(REPLAY_WINDOW)), Ok(()));
        assert_eq!(check(right, body, now.after(REPLAY_WINDOW + Duration::from_secs(1))), Err(Refusal::Time));
        let early = Timestamp::from_seconds(1_614_265_330 - 301);
        assert_eq!(check(right, body, early), Err(Refusal::Time));
    }

    #[test]
    fn base64_and_hex_read_back() {
        for length in 0..20u8 {
            let bytes: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(37)).collect();
            assert_eq!(from_base64(&base64(&bytes)), Some(bytes.clone()));
            assert_eq!(from_hex(&hex(&bytes)), Some(bytes));
        }
        assert_eq!((from_base64("a"), from_base64("a-b"), from_hex("abc")), (None, None, None));
    }
}
