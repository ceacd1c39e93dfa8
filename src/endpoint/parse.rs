//! The way back: from a URL or host name to the parts it was made from.
//!
//! [`parse_url`] recognises every form that [`Endpoints`](super::Endpoints) mints. [`sqs`] and
//! [`hosts`] hold the rules of LocalStack itself, faults included, for gateways and vectors.
//! Nothing here panics, and every function is linear in its input.

pub mod hosts;
mod recognise;
pub mod sqs;
mod target;
pub mod template;

use serde::{Serialize, Serializer};

use recognise::Url;

pub use target::Target;

/// A URL, authority or host name, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedUrl<'a> {
    /// The scheme, unless the text has none.
    pub scheme: Option<&'a str>,
    /// The whole host as written; empty when the text is a path.
    pub host: &'a str,
    /// The port, unless it was left out.
    pub port: Option<u16>,
    /// What it names.
    pub target: Target<'a>,
}

impl Serialize for ParsedUrl<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Flat<'a> {
            kind: &'static str,
            scheme: Option<&'a str>,
            host: &'a str,
            port: Option<u16>,
            #[serde(flatten)]
            target: &'a Target<'a>,
        }
        let Self {
            scheme,
            host,
            port,
            ref target,
        } = *self;
        let kind = target.kind();
        Flat {
            kind,
            scheme,
            host,
            port,
            target,
        }
        .serialize(serializer)
    }
}

/// Why a text is not one of the forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseUrlError {
    /// The text is empty.
    #[error("the URL is empty")]
    Empty,
    /// A scheme is followed by no host.
    #[error("the URL has no host")]
    NoHost,
    /// The host contains a character that no host has.
    #[error("the host contains {0:?}")]
    HostCharacter(char),
    /// What follows the host's colon is not a port.
    #[error("port is not a number from 0 to 65535")]
    Port,
}

/// Takes apart a URL, an authority, a host name, or a path such as CreateBucket returns.
///
/// The host is judged first, then the path; where two forms coincide, the one that LocalStack
/// serves first wins. `/000000000000/q` is a queue, although a bucket could be called like an
/// account. A port from 4510 to 4560 is that of an instance.
///
/// # Errors
///
/// [`ParseUrlError`] when the text cannot be a URL at all. Any other text has a target: a path that
/// is nothing else is an object in a bucket.
pub fn parse_url(text: &str) -> Result<ParsedUrl<'_>, ParseUrlError> {
    if text.is_empty() {
        return Err(ParseUrlError::Empty);
    }
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
        _ => (None, text),
    };
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if authority.is_empty() && (scheme.is_some() || !tail.starts_with('/')) {
        return Err(ParseUrlError::NoHost);
    }
    let (host, port) = split_authority(authority)?;
    let tail = tail.split_once('#').map_or(tail, |(tail, _)| tail);
    let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
    let url = Url {
        realtime: matches!(scheme, Some("ws" | "wss")),
        host,
        port,
        path,
        query,
    };
    Ok(ParsedUrl {
        scheme,
        host,
        port,
        target: url.target(),
    })
}

/// RFC 3986, 3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

/// Splits at the last colon, so that the unbracketed IPv6 literals of releases are taken too.
fn split_authority(authority: &str) -> Result<(&str, Option<u16>), ParseUrlError> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !authority.ends_with(']') => {
            let is_number = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
            let number = port.parse().ok().filter(|_| is_number);
            (host, Some(number.ok_or(ParseUrlError::Port)?))
        }
        _ => (authority, None),
    };
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '@' | '\\');
    match host.chars().find(|&c| odd(c)) {
        Some(c) => Err(ParseUrlError::HostCharacter(c)),
        None if host.is_empty() && port.is_some() => Err(ParseUrlError::NoHost),
        None => Ok((host, port)),
    }
}

/// Returns the host of a URL as LocalStack's `hostname_from_url` does: what follows the last `://`,
/// up to the first `/`, up to the first `:`. The host of `http://[::1]:80` is `[`.
#[must_use]
pub fn hostname_from_url(url: &str) -> &str {
    let rest = url.rsplit_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest
        .split_once('/')
        .map_or(rest, |(authority, _)| authority);
    authority
        .split_once(':')
        .map_or(authority, |(host, _)| host)
}

/// Returns path and query of a URL as LocalStack's `path_from_url` does. A text without `://` is a
/// path already.
#[must_use]
pub fn path_from_url(url: &str) -> &str {
    let Some((_, rest)) = url.split_once("://") else {
        return url;
    };
    rest.find('/').map_or("/", |at| &rest[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Target<'_>) {
        assert_eq!(parse_url(text).unwrap().target, expected, "{text}");
    }

    #[test]
    fn queues_are_found_in_every_form() {
        let queue = |region| Target::Queue {
            region,
            account: "000000000000",
            queue: "q",
        };
        check(
            "http://sqs.eu-west-1.h:1/000000000000/q",
            queue(Some("eu-west-1")),
        );
        check("http://queue.h:1/000000000000/q", queue(Some("us-east-1")));
        check(
            "http://eu-west-1.queue.h:1/000000000000/q",
            queue(Some("eu-west-1")),
        );
        check(
            "http://[::1]:1/queue/eu-west-1/000000000000/q",
            queue(Some("eu-west-1")),
        );
        check("http://localhost/000000000000/q?Action=x", queue(None));
    }

    #[test]
    fn a_path_that_is_nothing_else_is_an_object() {
        let key = |bucket, key: &'static str| Target::PathStyle {
            bucket,
            key: key.into(),
        };
        check("http://h:1/000000000000/a/b", key("000000000000", "a/b"));
        check("/bucket", key("bucket", ""));
        check("http://h/queue/us-east-1/x", key("queue", "us-east-1/x"));
        check("http://h/b/%C3%BC%2F%zz", key("b", "ü/%zz"));
        check("http://h/b/%ff", key("b", "%ff"));
    }

    #[test]
    fn texts_that_are_no_url_are_refused() {
        let error = |text: &str| parse_url(text).unwrap_err();
        assert_eq!(error(""), ParseUrlError::Empty);
        assert_eq!(error("http:///x"), ParseUrlError::NoHost);
        assert_eq!(error(":80"), ParseUrlError::NoHost);
        assert_eq!(error("?x"), ParseUrlError::NoHost);
        assert_eq!(error("h:65536"), ParseUrlError::Port);
        assert_eq!(error("h:+1"), ParseUrlError::Port);
        assert_eq!(error("a b"), ParseUrlError::HostCharacter(' '));
        assert_eq!(error("http://u@h"), ParseUrlError::HostCharacter('@'));
    }

    #[test]
    fn names_that_localstack_routes_first_win() {
        check(
            "https://vpce-0a1b2c3d.execute-api.us-east-1.vpce.h/dev/x",
            Target::Api {
                api_id: None,
                vpce: Some("vpce-0a1b2c3d"),
                stage: "dev",
                path: "/x",
            },
        );
        check(
            "http://d-34e15fd5.execute-api.h",
            Target::ApiDomain {
                hash: "34e15fd5",
                path: "",
            },
        );
        check("h:4511", Target::Instance { path: "" });
        check("http://h:4566/", Target::Gateway {});
    }
}
