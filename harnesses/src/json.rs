//! JSON as the CLIs print it, read without copying: flat structs of optional fields, in any order.
//!
//! Not `derive(Deserialize)`: it refuses an object that has a key twice, which real CLIs print (Codex gives a
//! web search two `id`s), and it does not borrow through `Option<Cow<str>>`.

use std::borrow::Cow;
use std::fmt;

use memchr::memchr;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde_json::value::RawValue;

/// A JSON string: borrowed from the line unless it has escapes.
///
/// It is found first and decoded then: serde_json's own decoding grows a buffer for each line and copies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        decode(raw).map(Text).ok_or_else(|| D::Error::custom("not a string"))
    }
}

/// A string, or something else that is passed over: for keys that mean different things in different events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Loose<'a>(pub(crate) Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(|raw| Loose(decode(raw)))
    }
}

/// The text of a JSON string; `None` of any other value. Half of a surrogate pair, which a CLI in JavaScript prints
/// when it cuts a text between the halves, becomes U+FFFD.
pub(crate) fn decode(raw: &RawValue) -> Option<Cow<'_, str>> {
    let text = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    let bytes = text.as_bytes();
    let Some(first) = memchr(b'\\', bytes) else { return Some(Cow::Borrowed(text)) };
    let mut decoded = Vec::with_capacity(bytes.len());
    decoded.extend_from_slice(&bytes[..first]);
    let mut at = first;
    while at < bytes.len() {
        at += copy_to_escape(&bytes[at..], &mut decoded);
        if at < bytes.len() {
            at += decode_escape(&bytes[at + 1..], &mut decoded) + 1;
        }
    }
    // What came in is UTF-8 and escapes are decoded into characters, so nothing is lost here.
    Some(Cow::Owned(
        String::from_utf8(decoded).unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned()),
    ))
}

/// Copies up to the next backslash and returns how much that was. Eight bytes at a time: in code there is an escape
/// every twenty bytes or so, too near for a search that is made for long distances.
fn copy_to_escape(bytes: &[u8], decoded: &mut Vec<u8>) -> usize {
    const BACKSLASHES: u64 = u64::from_le_bytes([b'\\'; 8]);
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let mut at = 0;
    while let Some(chunk) = bytes[at..].first_chunk::<8>() {
        // The lowest byte of `found` that is set is the first backslash (the zero-byte test of Mycroft, 1987).
        let zero_where_equal = u64::from_le_bytes(*chunk) ^ BACKSLASHES;
        let found = zero_where_equal.wrapping_sub(ONES) & !zero_where_equal & (ONES << 7);
        decoded.extend_from_slice(chunk);
        if found != 0 {
            let before = found.trailing_zeros() as usize / 8;
            decoded.truncate(decoded.len() - 8 + before);
            return at + before;
        }
        at += 8;
    }
    let rest = bytes[at..].iter().position(|byte| *byte == b'\\').unwrap_or(bytes.len() - at);
    decoded.extend_from_slice(&bytes[at..at + rest]);
    at + rest
}

/// Decodes one escape, given what follows its backslash, and returns how much of that belongs to it. serde_json has
/// checked that it is one.
fn decode_escape(escape: &[u8], decoded: &mut Vec<u8>) -> usize {
    decoded.push(match escape.first() {
        Some(b'n') => b'\n',
        Some(b't') => b'\t',
        Some(b'r') => b'\r',
        Some(b'b') => 8,
        Some(b'f') => 12,
        Some(b'u') => return decode_unit(&escape[1..], decoded) + 1,
        // A quote, a slash or a backslash stands for itself.
        Some(other) => *other,
        None => return 0,
    });
    1
}

/// Decodes the escape of a code unit, given its digits and what follows, and of the second one of a pair.
fn decode_unit(digits: &[u8], decoded: &mut Vec<u8>) -> usize {
    let unit = |digits: &[u8]| {
        let digits = std::str::from_utf8(digits.get(..4)?).ok()?;
        u16::from_str_radix(digits, 16).ok()
    };
    let first = unit(digits).unwrap_or(0xFFFD);
    let second = digits.get(4..).and_then(|rest| rest.strip_prefix(b"\\u")).and_then(unit);
    let (character, length) = match (char::from_u32(u32::from(first)), second) {
        (Some(single), _) => (single, 4),
        (None, Some(second)) => match char::decode_utf16([first, second]).next() {
            Some(Ok(paired)) => (paired, 10),
            Some(Err(_)) | None => (char::REPLACEMENT_CHARACTER, 4),
        },
        (None, None) => (char::REPLACEMENT_CHARACTER, 4),
    };
    decoded.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    length
}

/// A key of an object: as [`Text`], which can't stand in that place.
pub(crate) struct Key<'a>(pub(crate) Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;

        impl<'de> Visitor<'de> for Words {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Words)
    }
}

/// A whole number that is not negative, also where it is printed with a fraction or a sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Count(pub(crate) u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;

        impl Visitor<'_> for Number {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Count, E> {
                Ok(Count(number))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Count, E> {
                Ok(Count(u64::try_from(number).unwrap_or(0)))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Count, E> {
                // `as` saturates at both ends.
                Ok(Count(number as u64))
            }
        }

        deserializer.deserialize_u64(Number)
    }
}

/// Declares a struct of optional fields that reads one JSON object: keys in any order, unknown keys passed over,
/// `null` the same as absent, the last of two equal keys kept.
macro_rules! wire {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $field:ident = $key:literal: $kind:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Default)]
        pub(crate) struct $name<'a> {
            $($(#[$doc])* pub(crate) $field: Option<$kind>,)*
            line: std::marker::PhantomData<&'a ()>,
        }

        impl<'de: 'a, 'a> serde::Deserialize<'de> for $name<'a> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Object<'a>(std::marker::PhantomData<&'a ()>);

                impl<'de: 'a, 'a> serde::de::Visitor<'de> for Object<'a> {
                    type Value = $name<'a>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name<'a>, A::Error> {
                        let mut read = $name::default();
                        while let Some(key) = map.next_key::<$crate::json::Key<'de>>()? {
                            match &*key.0 {
                                $($key => read.$field = map.next_value()?,)*
                                _ => {
                                    map.next_value::<serde::de::IgnoredAny>()?;
                                }
                            }
                        }
                        Ok(read)
                    }
                }

                deserializer.deserialize_map(Object(std::marker::PhantomData))
            }
        }
    };
}

pub(crate) use wire;

/// The words of an optional text.
pub(crate) fn words<'t>(text: &'t Option<Text<'_>>) -> Option<&'t str> {
    text.as_ref().map(|text| &*text.0)
}

/// Takes an optional text out of its wrapper.
pub(crate) fn take<'a>(text: &mut Option<Text<'a>>) -> Option<Cow<'a, str>> {
    text.take().map(|text| text.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    wire! {
        /// A line of the tests.
        Sample { kind = "type": Text<'a>, count = "count": Count, either = "either": Loose<'a>, }
    }

    #[test]
    fn a_plain_string_is_borrowed_and_an_escaped_one_is_not() {
        let read: Sample<'_> = serde_json::from_str(r#"{"type":"plain","either":"a\nb"}"#).unwrap();
        assert!(matches!(read.kind, Some(Text(Cow::Borrowed("plain")))));
        assert_eq!(read.either, Some(Loose(Some(Cow::Owned("a\nb".to_owned())))));
    }

    #[test]
    fn keys_may_come_twice_and_be_null_or_unknown() {
        let read: Sample<'_> =
            serde_json::from_str(r#"{"type":"a","x":{"y":[1,2,{}]},"type":"b","count":null,"either":[1]}"#)
                .unwrap();
        assert_eq!(words(&read.kind), Some("b"));
        assert_eq!((read.count, read.either), (None, Some(Loose(None))));
    }

    #[test]
    fn escapes_are_decoded_and_lone_surrogates_replaced() {
        let check = |json: &str, expected: &str| {
            let raw: &RawValue = serde_json::from_str(json).unwrap();
            assert_eq!(decode(raw).as_deref(), Some(expected), "{json}");
        };
        check(r#""a\n\t\r\b\f\"\\\/z""#, "a\n\t\r\u{8}\u{c}\"\\/z");
        check(r#""\u00e4\ud83d\ude00\u0000""#, "ä😀\0");
        check(r#""\ud83d""#, "\u{fffd}");
        check(r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}");
        check(r#""\ud83d\n\ud83d\ud83d\ude00""#, "\u{fffd}\n\u{fffd}😀");
        check(r#""\\ud83d""#, "\\ud83d");
        check(r#""\u00e4ä""#, "ää");
    }

    #[test]
    fn a_count_takes_fractions_and_signs_but_no_words() {
        let count = |json: &str| serde_json::from_str::<Count>(json).ok().map(|count| count.0);
        assert_eq!(count("7"), Some(7));
        assert_eq!(count("7.9"), Some(7));
        assert_eq!(count("-3"), Some(0));
        assert_eq!(count("1e30"), Some(u64::MAX));
        assert_eq!(count("\"7\""), None);
    }
}
