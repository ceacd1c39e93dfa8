//! Keeping secrets out of every output.

use std::borrow::Cow;

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
    let bare = name.strip_prefix("LOCALSTACK_").unwrap_or(name);
    let secret = match variable::lookup(name).or_else(|| variable::lookup(bare)) {
        Some(variable) => variable.secret,
        None => {
            let upper = bare.to_ascii_uppercase();
            SECRET_WORDS.iter().any(|word| upper.contains(word)) || variable::resembles_secret(name)
        }
    };
    if secret && !value.is_empty() {
        Cow::Borrowed(REDACTED)
    } else {
        redact_urls(value)
    }
}

/// Replaces the password of every URL in `text`: what stands between `scheme://user:` and the last
/// `@` before the path.
#[must_use]
pub fn redact_urls(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    for (start, end) in url_passwords(text) {
        out.push_str(&text[copied..start]);
        out.push_str(REDACTED);
        copied = end;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// Masks the secrets on a line of a file: what follows a secret name and `=` or `:`, and passwords
/// in URLs. Every masked byte becomes `*`, so positions stay.
#[must_use]
pub fn mask_line(line: &str) -> String {
    let mut bytes = line.as_bytes().to_vec();
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let mut at = 0;
    while at < bytes.len() {
        if !is_name(bytes[at]) {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && is_name(bytes[at]) {
            at += 1;
        }
        if redact(&line[start..at], "x") == "x" {
            continue;
        }
        let quote_or_space = |b: u8| matches!(b, b' ' | b'\t' | b'"' | b'\'');
        let mut value = at;
        while value < bytes.len()
            && (quote_or_space(bytes[value]) || matches!(bytes[value], b'=' | b':'))
        {
            value += 1;
        }
        if !line[at..value].contains(['=', ':']) {
            continue;
        }
        at = value;
        while at < bytes.len()
            && !quote_or_space(bytes[at])
            && !matches!(bytes[at], b',' | b'}' | b']')
        {
            bytes[at] = b'*';
            at += 1;
        }
    }
    for (start, end) in url_passwords(line) {
        bytes[start..end].fill(b'*');
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Finds the passwords of URLs: from behind `scheme://user:` to the last `@` before the path.
fn url_passwords(text: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    // Nearly no text has a password, and every one that has it has an `@`.
    let mut from = if text.as_bytes().contains(&b'@') {
        0
    } else {
        text.len()
    };
    std::iter::from_fn(move || {
        while let Some(found) = text[from..].find("://") {
            let start = from + found + 3;
            let end = text[start..]
                .find(|c: char| matches!(c, '/' | '?' | '#') || c.is_whitespace())
                .map_or(text.len(), |n| start + n);
            // Not `end`: an authority may itself begin with a scheme, `http://http://u:p@h`.
            from = start;
            let authority = &text[start..end];
            if let (Some(at), Some(colon)) = (authority.rfind('@'), authority.find(':'))
                && colon < at
            {
                return Some((start + colon + 1, start + at));
            }
        }
        None
    })
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
        ] {
            assert_eq!(mask_line(line), masked);
        }
    }
}
