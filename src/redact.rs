//! Keeping secrets out of every output.

use std::borrow::Cow;
use std::sync::Arc;

use crate::variable;

/// What stands where a secret stood.
pub const REDACTED: &str = "<redacted>";

/// Parts of names that mark a secret, for variables that are in no table.
const SECRET_WORDS: [&str; 9] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "API_KEY",
    "APIKEY",
    "PRIVATE_KEY",
    "CREDENTIAL",
    "ACCESS_KEY",
];

/// Returns `value` as it may be shown for the variable `name`.
///
/// The value of a secret variable is replaced as a whole, the password of a URL (`http://u:p@h`)
/// within it. Names that are in no table are judged by their words, and by whether they look like
/// a misspelt secret.
#[must_use]
pub fn redact<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    if !value.is_empty() && is_secret(name) {
        Cow::Borrowed(REDACTED)
    } else {
        redact_text(value)
    }
}

/// Replaces every one of `secrets` in a text: what interpolation took from secret variables.
#[must_use]
pub fn conceal<'a>(text: impl Into<Cow<'a, str>>, secrets: &[Arc<str>]) -> Cow<'a, str> {
    let mut text = text.into();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        if text.contains(&**secret) {
            text = Cow::Owned(text.replace(&**secret, REDACTED));
        }
    }
    text
}

/// Returns whether the value of a name is a secret. Names that are in no table are judged by their
/// words, and by whether they look like a misspelt secret.
pub(crate) fn is_secret(name: &str) -> bool {
    let bare = name.strip_prefix("LOCALSTACK_").unwrap_or(name);
    match variable::lookup(name).or_else(|| variable::lookup(bare)) {
        Some(variable) => variable.secret,
        None => {
            SECRET_WORDS.iter().any(|word| contains(bare, word)) || variable::resembles_secret(name)
        }
    }
}

/// Returns whether a name contains a word, in any case.
fn contains(name: &str, word: &str) -> bool {
    let mut places = name.as_bytes().windows(word.len());
    places.any(|place| place.eq_ignore_ascii_case(word.as_bytes()))
}

/// Replaces the secrets within a text that is no secret itself: passwords of URLs and other user
/// information (`user:password@host`), and what follows the name of a secret (`-e API_TOKEN=x`).
#[must_use]
pub fn redact_text(text: &str) -> Cow<'_, str> {
    let spans = secret_spans(text);
    if spans.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for (start, end) in spans {
        out.push_str(&text[copied..start]);
        out.push_str(REDACTED);
        copied = end;
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// Masks the secrets on a line of a file. Every masked byte becomes `*`, so positions stay.
#[must_use]
pub fn mask_line(line: &str) -> String {
    let mut bytes = line.as_bytes().to_vec();
    for (start, end) in secret_spans(line) {
        bytes[start..end].fill(b'*');
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Finds the secrets in a text: byte ranges in order, without overlap, none empty.
fn secret_spans(text: &str) -> Vec<(usize, usize)> {
    let mut spans = named_secrets(text);
    spans.extend(passwords(text));
    spans.sort_unstable();
    let mut merged: Vec<(usize, usize)> = Vec::with_capacity(spans.len());
    for (start, end) in spans.into_iter().filter(|(start, end)| start < end) {
        match merged.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    merged
}

/// Finds what follows the name of a secret and `=` or `:`, to the end of its quotes or of the word.
fn named_secrets(text: &str) -> Vec<(usize, usize)> {
    let bytes = text.as_bytes();
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let mut spans = Vec::new();
    // Nearly no text assigns anything.
    let mut at = if bytes.iter().any(|b| matches!(b, b'=' | b':')) {
        0
    } else {
        bytes.len()
    };
    while at < bytes.len() {
        if !is_name(bytes[at]) {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && is_name(bytes[at]) {
            at += 1;
        }
        let mut value = at;
        while value < bytes.len()
            && matches!(bytes[value], b' ' | b'\t' | b'"' | b'\'' | b'=' | b':')
        {
            value += 1;
        }
        let between = &text[at..value];
        if !between.contains(['=', ':']) || !is_secret(&text[start..at]) {
            continue;
        }
        // A list or mapping is no value: `"secrets": [{`.
        if between.ends_with([':', ' ', '\t'])
            && !between.contains('=')
            && text[value..].starts_with(['[', '{'])
        {
            continue;
        }
        let end = match between.chars().next_back() {
            Some(quote @ ('"' | '\'')) => text[value..].find(quote),
            _ => text[value..].find([' ', '\t', '\n', '\r', '"', '\'', ',', '}', ']']),
        };
        at = end.map_or(bytes.len(), |length| value + length);
        spans.push((value, at));
    }
    spans
}

/// Finds the passwords in user information: between the first colon and the last `@` of an
/// authority. One stands behind every `://`, and where a word begins. Behind `://`, a password may
/// also hold what ends an authority (`http://u:a/b@h`), though no URL may.
fn passwords(text: &str) -> Vec<(usize, usize)> {
    let mut spans = Vec::new();
    // Nearly no text has a password, and every one that has it has an `@`.
    if !text.as_bytes().contains(&b'@') {
        return spans;
    }
    let ends = |c: char| matches!(c, '/' | '?' | '#' | ',') || c.is_whitespace();
    let schemes = text.match_indices("://").map(|(at, _)| at + 3);
    for start in schemes.clone() {
        let rest = &text[start..];
        let word = rest
            .split(|c: char| c.is_whitespace() || matches!(c, '"' | '\''))
            .next();
        let (authority, word) = (rest.split(ends).next(), word.unwrap_or_default());
        if let (Some((user, port)), Some(at)) =
            (authority.and_then(|a| a.split_once(':')), word.rfind('@'))
            && !port.bytes().all(|b| b.is_ascii_digit())
            && user.len() < at
        {
            spans.push((start + user.len() + 1, start + at));
        }
    }
    let words =
        text.match_indices(|c: char| matches!(c, ',' | '=' | '"' | '\'') || c.is_whitespace());
    let words = words.map(|(at, separator)| at + separator.len());
    for start in std::iter::once(0).chain(schemes).chain(words) {
        let length = text[start..].find(ends).unwrap_or(text.len() - start);
        let authority = &text[start..start + length];
        if let (Some(at), Some(colon)) = (authority.rfind('@'), authority.find(':'))
            && colon < at
        {
            spans.push((start + colon + 1, start + at));
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_never_show() {
        for (name, value, shown) in [
            ("LOCALSTACK_AUTH_TOKEN", "ls-abc", REDACTED),
            ("AWS_SECRET_ACCESS_KEY", "x", REDACTED),
            ("MY_DB_PASSWORD", "x", REDACTED),
            ("GATEWAY_LISTEN", ":4566", ":4566"),
            (
                "OUTBOUND_HTTP_PROXY",
                "http://u:p@x@h:1/",
                "http://u:<redacted>@h:1/",
            ),
            (
                "X",
                "a http://u:p@h b ftp://v:q@i",
                "a http://u:<redacted>@h b ftp://v:<redacted>@i",
            ),
            ("X", "http://h:1/p@q", "http://h:1/p@q"),
            ("X", "http://u:a/b?c@h/d", "http://u:<redacted>@h/d"),
            ("X", "http://h:x/p", "http://h:x/p"),
            ("X", "u:pw@h:1,[::1]:2", "u:<redacted>@h:1,[::1]:2"),
            (
                "DOCKER_FLAGS",
                "-e API_TOKEN=abc -p 1:2",
                "-e API_TOKEN=<redacted> -p 1:2",
            ),
            (
                "X",
                "http://http://u:p@h:1",
                "http://http://u:<redacted>@h:1",
            ),
            ("LOCALSTACK_AUTH_TOKE", "ls-abc", REDACTED),
        ] {
            assert_eq!(redact(name, value), shown, "{name}");
        }
    }

    #[test]
    fn secrets_on_a_line_are_masked_in_place() {
        for (line, masked) in [
            (
                "- LOCALSTACK_AUTH_TOKEN=ls-abc",
                "- LOCALSTACK_AUTH_TOKEN=******",
            ),
            (
                "{ MY_PASSWORD: \"abc\", EDGE_PORT: 1 }",
                "{ MY_PASSWORD: \"***\", EDGE_PORT: 1 }",
            ),
            (
                "-e API_KEY=é -e EDGE_PORT=1",
                "-e API_KEY=** -e EDGE_PORT=1",
            ),
            (
                "EDGE_PORT=1 # no secret here",
                "EDGE_PORT=1 # no secret here",
            ),
            ("X=http://u:pw@h/", "X=http://u:**@h/"),
            (
                "{ A_TOKEN: \"a,b c\", X: 1 }",
                "{ A_TOKEN: \"*****\", X: 1 }",
            ),
        ] {
            assert_eq!(mask_line(line), masked);
        }
    }
}
