//! URLs that requests carry, turned back into what the upstream expects.
//!
//! A URL minted for one client works when another sends it: host and form do not matter, only
//! account, region and name do.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::json;
use super::url::{QueueParts, queue_parts};
use crate::config::{Profile, UpstreamUrl};
use crate::decide::{decoded, has_parameter, starts_with_ignore_case};
use crate::virtual_host::EdgeRoute;

/// Returns whether the body of a request may carry URLs.
pub(crate) fn wants_body(service: &str, method: &str, content_type: Option<&str>) -> bool {
    service == "sqs"
        && method == "POST"
        && content_type.is_some_and(|t| t.starts_with("application/x-amz-json") || is_form(t))
}

fn is_form(content_type: &str) -> bool {
    starts_with_ignore_case(content_type, "application/x-www-form-urlencoded")
}

/// Turns the queue URLs of a body back; `None` when nothing changes.
pub(crate) fn turn_back(
    content_type: &str,
    body: &[u8],
    upstream: &UpstreamUrl,
    profile: Profile,
) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(body).ok()?;
    let turned = |url: &str| {
        let url_of = queue_url(queue_parts(url)?, upstream, profile);
        (url_of != url).then_some(url_of)
    };
    if is_form(content_type) {
        return form(text, turned).map(String::into_bytes);
    }
    let mut edits = Vec::new();
    json::strings(text, |keys, span| {
        let edit = || {
            let value: String = serde_json::from_str(text.get(span.clone())?).ok()?;
            serde_json::to_string(&turned(&value)?).ok()
        };
        if keys == ["QueueUrl"] {
            edits.extend(edit().map(|new| (span.clone(), new)));
        }
    })?;
    (!edits.is_empty()).then(|| super::apply(text, &edits).into_bytes())
}

/// Turns the `QueueUrl` of a form or query back; other pairs keep their bytes.
pub(crate) fn form(text: &str, turned: impl Fn(&str) -> Option<String>) -> Option<String> {
    if !has_parameter(text, "QueueUrl") {
        return None;
    }
    let mut changed = false;
    let pairs: Vec<Cow<'_, str>> = text
        .split('&')
        .map(|pair| {
            let new = pair
                .split_once('=')
                .filter(|(name, _)| *name == "QueueUrl")
                .and_then(|(_, value)| turned(&decoded(value)));
            match new {
                Some(url) => {
                    changed = true;
                    Cow::Owned(format!("QueueUrl={}", encode(&url)))
                }
                None => Cow::Borrowed(pair),
            }
        })
        .collect();
    changed.then(|| pairs.join("&"))
}

fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// LocalStack reads the region from the URL; other emulators take account and name from its path.
fn queue_url(parts: QueueParts<'_>, upstream: &UpstreamUrl, profile: Profile) -> String {
    let QueueParts {
        region,
        account,
        queue,
    } = parts;
    let address = &upstream.address;
    match region.filter(|_| profile.is_localstack()) {
        Some(region) => format!("http://{address}/queue/{region}/{account}/{queue}"),
        None => format!("http://{address}/{account}/{queue}"),
    }
}

/// The path of a queue as the upstream knows it; `None` when it stays.
pub(crate) fn queue_path(route: &EdgeRoute<'_>, profile: Profile) -> Option<String> {
    match route {
        EdgeRoute::Queue { account, queue, .. } if !profile.is_localstack() => {
            Some(format!("/{account}/{queue}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content_type: &str, profile: Profile, body: &str, expected: Option<&str>) {
        let upstream = "http://u:5000".parse().unwrap();
        let turned = turn_back(content_type, body.as_bytes(), &upstream, profile);
        let turned = turned.map(|b| String::from_utf8(b).unwrap());
        assert_eq!(turned.as_deref(), expected);
    }

    #[test]
    fn queue_urls_of_any_form_reach_the_upstream_in_its_own() {
        let json = "application/x-amz-json-1.0";
        let body = r#"{"QueueUrl":"http://sqs.eu-west-1.foo.bar:1/000000000000/q","a":1}"#;
        let moto = r#"{"QueueUrl":"http://u:5000/000000000000/q","a":1}"#;
        let localstack = r#"{"QueueUrl":"http://u:5000/queue/eu-west-1/000000000000/q","a":1}"#;
        check(json, Profile::Moto, body, Some(moto));
        check(json, Profile::LocalStack, body, Some(localstack));
        check(json, Profile::Moto, moto, None);
        check(json, Profile::Moto, r#"{"Body":"http://x/1/q"}"#, None);
        check(json, Profile::Moto, "rubbish", None);
        check(
            "application/x-www-form-urlencoded; charset=utf-8",
            Profile::Moto,
            "Action=X&QueueUrl=http%3A%2F%2Fe%3A1%2Fqueue%2Fr%2F1%2Fq&B=%20+",
            Some("Action=X&QueueUrl=http%3A%2F%2Fu%3A5000%2F1%2Fq&B=%20+"),
        );
    }
}
