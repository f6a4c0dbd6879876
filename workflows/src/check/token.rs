//! The words of a template: what stands between `{{` and `}}`, and between `{%` and `%}`. It takes every text; what isn't
//! the language is said by the language's own parser.

/// What a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Name,
    Number,
    /// With its quotes.
    Text,
    Sign,
}

/// A word and where it begins, in bytes of the whole text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    pub kind: Kind,
    pub text: &'a str,
    pub at: usize,
}

impl Token<'_> {
    /// Where it ends.
    pub fn end(&self) -> usize {
        self.at + self.text.len()
    }

    /// Whether it is that sign.
    pub fn is_sign(&self, sign: &str) -> bool {
        self.kind == Kind::Sign && self.text == sign
    }

    /// Whether it is that word.
    pub fn is_name(&self, name: &str) -> bool {
        self.kind == Kind::Name && self.text == name
    }
}

/// One `{{ … }}` or `{% … %}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region<'a> {
    pub is_statement: bool,
    pub tokens: Vec<Token<'a>>,
    /// From its first brace to behind its last one.
    pub span: (usize, usize),
}

/// All of them in a text.
pub fn regions(text: &str) -> Vec<Region<'_>> {
    let mut regions = Vec::new();
    let mut at = 0;
    while let Some(found) = text[at..].find('{') {
        let start = at + found;
        let rest = &text[start..];
        if rest.starts_with("{#") {
            at = rest.find("#}").map_or(text.len(), |end| start + end + 2);
        } else if rest.starts_with("{{") || rest.starts_with("{%") {
            let region = region(text, start, rest.starts_with("{%"));
            at = region.span.1;
            let is_raw =
                region.is_statement && region.tokens.first().is_some_and(|token| token.is_name("raw"));
            regions.push(region);
            if is_raw {
                at = text[at..].find("endraw").map_or(text.len(), |end| at + end);
            }
        } else {
            at = start + 1;
        }
    }
    regions
}

fn region(text: &str, start: usize, is_statement: bool) -> Region<'_> {
    let close = if is_statement { "%}" } else { "}}" };
    let mut at = start + 2;
    if text[at..].starts_with(['-', '+']) {
        at += 1;
    }
    let (mut tokens, mut braces) = (Vec::new(), 0_usize);
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let is_close = braces == 0 && (rest.starts_with(close) || is_trimming(rest, close));
        if is_close {
            at += rest.find(close).unwrap_or(0) + 2;
            return Region { is_statement, tokens, span: (start, at) };
        }
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let token = token(text, at, first);
        if token.is_sign("{") {
            braces += 1;
        } else if token.is_sign("}") {
            braces = braces.saturating_sub(1);
        }
        at = token.end();
        tokens.push(token);
    }
    Region { is_statement, tokens, span: (start, at) }
}

fn is_trimming(rest: &str, close: &str) -> bool {
    rest.strip_prefix(['-', '+']).is_some_and(|rest| rest.starts_with(close))
}

fn token(text: &str, at: usize, first: char) -> Token<'_> {
    let rest = &text[at..];
    let end_of = |is_in: &dyn Fn(char) -> bool| rest.find(|c: char| !is_in(c)).unwrap_or(rest.len());
    let (kind, length) = if first.is_alphabetic() || first == '_' {
        (Kind::Name, end_of(&|c| c.is_alphanumeric() || c == '_'))
    } else if first.is_ascii_digit() {
        (Kind::Number, number_length(rest))
    } else if first == '"' || first == '\'' {
        (Kind::Text, text_length(rest, first))
    } else {
        let double = ["==", "!=", "<=", ">=", "//", "**"].iter().any(|sign| rest.starts_with(sign));
        (Kind::Sign, if double { 2 } else { first.len_utf8() })
    };
    Token { kind, text: &rest[..length], at }
}

fn number_length(rest: &str) -> usize {
    let digits =
        |text: &str| text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let whole = digits(rest);
    let fraction = rest[whole..].strip_prefix('.').map_or(0, |after| match after.as_bytes().first() {
        Some(byte) if byte.is_ascii_digit() => 1 + digits(after),
        Some(_) | None => 0,
    });
    whole + fraction
}

fn text_length(rest: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (index, c) in rest.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            c if c == quote => return index + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_into_the_words_of_its_expressions() {
        let words = |text: &str| -> Vec<Vec<String>> {
            let words =
                |region: &Region<'_>| region.tokens.iter().map(|token| token.text.to_owned()).collect();
            regions(text).iter().map(words).collect()
        };
        assert_eq!(words("a {{- b.c-d == 1.5 -}} {# {{ e }} #}"), [["b", ".", "c", "-", "d", "==", "1.5"]]);
        assert_eq!(
            words("{{ {\"a\": {'}}': 1}}.a }}"),
            [["{", "\"a\"", ":", "{", "'}}'", ":", "1", "}", "}", ".", "a"]]
        );
        assert_eq!(words("{% raw %}{{ x }}{% endraw %}{% if y"), [vec!["raw"], vec!["if", "y"]]);
        assert_eq!(words("{{ \"ü\\\"}}"), [["\"ü\\\"}}"]]);
    }
}
