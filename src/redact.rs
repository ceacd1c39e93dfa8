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
/// within it. Names that are in no table are judged by their words.
#[must_use]
pub fn redact<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    let bare = name.strip_prefix("LOCALSTACK_").unwrap_or(name);
    let secret = match variable::lookup(name).or_else(|| variable::lookup(bare)) {
        Some(variable) => variable.secret,
        None => {
            let upper = bare.to_ascii_uppercase();
            SECRET_WORDS.iter().any(|word| upper.contains(word))
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
    let mut out: Option<String> = None;
    let mut copied = 0;
    let mut from = 0;
    while let Some(found) = text[from..].find("://") {
        let start = from + found + 3;
        let end = text[start..]
            .find(|c: char| matches!(c, '/' | '?' | '#') || c.is_whitespace())
            .map_or(text.len(), |n| start + n);
        let authority = &text[start..end];
        if let (Some(at), Some(colon)) = (authority.rfind('@'), authority.find(':'))
            && colon < at
        {
            let out = out.get_or_insert_default();
            out.push_str(&text[copied..=start + colon]);
            out.push_str(REDACTED);
            copied = start + at;
        }
        from = end;
    }
    match out {
        None => Cow::Borrowed(text),
        Some(mut out) => {
            out.push_str(&text[copied..]);
            Cow::Owned(out)
        }
    }
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
        ] {
            assert_eq!(redact(name, value), shown, "{name}");
        }
    }
}
