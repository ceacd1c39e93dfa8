//! Queue URLs as LocalStack takes them apart, faults included (`sqs/utils.py`).

use std::borrow::Cow;

use crate::endpoint::SqsStrategy;
use crate::python;

/// The parts of a queue URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueUrl {
    /// The account; not validated.
    pub account: String,
    /// The region, where the URL holds one; the region of the request counts otherwise.
    pub region: Option<String>,
    /// The name; not validated.
    pub name: String,
}

/// Why LocalStack does not take a text as a queue URL. The display form is the message of its
/// `ValueError`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueueUrlError {
    /// The path or host has another form; holds the text.
    #[error("Not a valid queue URL: {0}")]
    Form(Box<str>),
    /// A bracket of the host has no partner.
    #[error("Invalid IPv6 URL")]
    Brackets,
    /// The text in brackets is no IPv6 address; holds it.
    #[error("{} does not appear to be an IPv4 or IPv6 address", python::repr(.0))]
    Address(Box<str>),
}

/// Takes a queue URL apart: trailing slashes go, the path has two parts (`ACCOUNT/QUEUE`) or four
/// (`queue/REGION/ACCOUNT/QUEUE`), and the host says the region of the former.
///
/// `sqs.foo.bar` gives the region `foo`, and any host that begins with `queue` us-east-1.
///
/// # Errors
///
/// [`QueueUrlError`] where LocalStack raises `ValueError`.
pub fn parse_queue_url(url: &str) -> Result<QueueUrl, QueueUrlError> {
    let malformed = || QueueUrlError::Form(url.into());
    let trimmed = url.trim_end_matches('/');
    let cleaned = clean(trimmed);
    let (host, path) = split_url(&cleaned)?;
    let parts: Vec<&str> = path.trim_start_matches('/').splitn(5, '/').collect();
    let (region, account, name) = match *parts.as_slice() {
        [account, name] => (region_of_host(host).ok_or_else(malformed)?, account, name),
        ["queue", region, account, name] => (Some(region), account, name),
        _ => return Err(malformed()),
    };
    Ok(QueueUrl {
        account: account.to_owned(),
        region: region.map(str::to_owned),
        name: name.to_owned(),
    })
}

/// Returns the region that a host holds, if any; the outer `None` is an error.
#[expect(
    clippy::option_option,
    reason = "no region is different from no queue host"
)]
fn region_of_host(host: &str) -> Option<Option<&str>> {
    let mut labels = host.split('.');
    let (first, second) = (labels.next(), labels.next());
    if host.starts_with("sqs.") {
        Some(second)
    } else if host.contains(".queue.") {
        (second == Some("queue")).then_some(first)
    } else if host.starts_with("queue") {
        Some(Some("us-east-1"))
    } else {
        Some(None)
    }
}

/// Removes what `urlsplit` removes: controls and spaces in front, tabs and line ends anywhere.
fn clean(text: &str) -> Cow<'_, str> {
    let text = text.trim_start_matches(|c: char| c <= ' ');
    if text.contains(['\t', '\r', '\n']) {
        text.replace(['\t', '\r', '\n'], "").into()
    } else {
        text.into()
    }
}

/// Returns network location and path as Python's `urlparse` (3.11) splits them.
fn split_url(url: &str) -> Result<(&str, &str), QueueUrlError> {
    let is_scheme = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    };
    let (scheme, rest) = match url.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme, rest),
        _ => ("", url),
    };
    let (host, rest) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len())),
        None => ("", rest),
    };
    check_brackets(host)?;
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    Ok((host, without_parameters(scheme, path)))
}

fn check_brackets(host: &str) -> Result<(), QueueUrlError> {
    match (host.split_once('['), host.contains(']')) {
        (None, false) => Ok(()),
        (Some((_, inside)), true) => {
            let address = inside.split_once(']').map_or("", |(address, _)| address);
            if python::parse_ipv6(address).is_some() {
                Ok(())
            } else {
                Err(QueueUrlError::Address(address.into()))
            }
        }
        _ => Err(QueueUrlError::Brackets),
    }
}

/// `urlparse` cuts `;parameters` off the last segment for the schemes that had them.
fn without_parameters<'a>(scheme: &str, path: &'a str) -> &'a str {
    const SCHEMES: [&str; 13] = [
        "", "ftp", "hdl", "prospero", "http", "https", "shttp", "rtsp", "sip", "sips", "mms",
        "sftp", "tel",
    ];
    if !SCHEMES
        .iter()
        .any(|known| known.eq_ignore_ascii_case(scheme))
    {
        return path;
    }
    let segment = path.rfind('/').unwrap_or(0);
    match path[segment..].find(';') {
        Some(at) => &path[..segment + at],
        None => path,
    }
}

/// Returns whether a text looks like a queue URL to LocalStack's service router.
///
/// It searches `[^:]+:\d{4,5}/(queue/[a-z0-9-]+/)?\d{12}/[a-zA-Z0-9_-]+(.fifo)?$`: there has to be
/// a port of four or five digits, and the dot of `.fifo` is any character. The router hands it
/// paths, which therefore never match.
#[must_use]
pub fn is_sqs_queue_url(url: &str) -> bool {
    // `$` also matches before a final line end.
    let url = url.strip_suffix('\n').unwrap_or(url);
    let stem = url.strip_suffix("fifo").and_then(|front| {
        let (dot, _) = front.char_indices().next_back()?;
        (!front.ends_with('\n')).then(|| &front[..dot])
    });
    [Some(url), stem].into_iter().flatten().any(|text| {
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let front = text.trim_end_matches(is_word);
        front.len() < text.len() && front.strip_suffix('/').is_some_and(ends_with_account)
    })
}

/// `[^:]+:\d{4,5}/(queue/[a-z0-9-]+/)?\d{12}$`
fn ends_with_account(text: &str) -> bool {
    let Some(front) = without_digits(text, 12).and_then(|front| front.strip_suffix('/')) else {
        return false;
    };
    if ends_with_port(front) {
        return true;
    }
    let is_region = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let before = front.trim_end_matches(is_region);
    before.len() < front.len() && before.strip_suffix("/queue/").is_some_and(ends_with_port)
}

/// `[^:]+:\d{4,5}$`
fn ends_with_port(text: &str) -> bool {
    [4, 5].into_iter().any(|count| {
        let host = without_digits(text, count).and_then(|front| front.strip_suffix(':'));
        host.is_some_and(|host| !host.is_empty() && !host.ends_with(':'))
    })
}

/// Returns `text` without its last `count` characters, if these are decimal digits.
fn without_digits(text: &str, count: usize) -> Option<&str> {
    let mut chars = text.chars();
    for _ in 0..count {
        python::decimal_digit(chars.next_back()?)?;
    }
    Some(chars.as_str())
}

/// Guesses strategy and base from a `Host` header, as `dynamic` does. The first rule wins: `sqs.`
/// is `standard` on what follows the second label, `queue.` and `X.queue.` are `domain`, anything
/// else is `path` on the whole host.
#[must_use]
pub fn guess_strategy(host: &str) -> (SqsStrategy, &str) {
    let after = |labels: usize| host.splitn(labels + 1, '.').nth(labels).unwrap_or("");
    if host.starts_with("sqs.") {
        return (SqsStrategy::Standard, after(2));
    }
    if host.starts_with("queue.") {
        return (SqsStrategy::Domain, after(1));
    }
    let mut labels = host.split('.').skip(1);
    if labels.next() == Some("queue") && labels.next().is_some() {
        return (SqsStrategy::Domain, after(2));
    }
    (SqsStrategy::Path, host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: Result<(&str, Option<&str>, &str), &str>) {
        let parsed = parse_queue_url(url);
        let shown = match &parsed {
            Ok(q) => Ok((&*q.account, q.region.as_deref(), &*q.name)),
            Err(error) => Err(error.to_string()),
        };
        assert_eq!(shown, expected.map_err(str::to_owned), "{url:?}");
    }

    #[test]
    fn odd_urls_follow_urlparse() {
        check("a:1/q", Ok(("1", None, "q")));
        check("http://h/1/q;v=1?x/y", Ok(("1", None, "q")));
        check("x+y://h/1/q;v", Ok(("1", None, "q;v")));
        check(" http://sqs./1/q\n", Ok(("1", Some(""), "q")));
        check("http://h/1/q#f", Ok(("1", None, "q")));
        check(
            "http://h/1/q/?a",
            Err("Not a valid queue URL: http://h/1/q/?a"),
        );
        check("http://[::1/1/q", Err("Invalid IPv6 URL"));
        check(
            "http://[x]/1/q",
            Err("'x' does not appear to be an IPv4 or IPv6 address"),
        );
    }

    #[test]
    fn the_router_wants_a_port() {
        for url in [
            "http://h:4566/000000000000/q.fifo",
            "h:10000/queue/eu-west-1/000000000000/q\n",
            "h:4566/000000000000/q!fifo",
            "h:4566/000000000000/q/fifo",
        ] {
            assert!(is_sqs_queue_url(url), "{url}");
        }
        for url in [
            "http://h:80/000000000000/q",
            "http://h:456600/000000000000/q",
            "http://h:4566/0000000000000/q",
            ":4566/000000000000/q",
            "h:4566/queue/EU/000000000000/q",
            "h:4566/000000000000/.fifo",
        ] {
            assert!(!is_sqs_queue_url(url), "{url}");
        }
    }
}
