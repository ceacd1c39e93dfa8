//! URLs in responses, made valid for the client that asked; URLs in requests, turned back.
//!
//! Fields are typed: service, place in the document, kind of URL. Nothing is replaced by looking for
//! a text. Bytes outside of the replaced values stay as they were.

mod client;
mod json;
mod request;
mod url;
mod xml;

use std::ops::Range;

use http::header::{self, HeaderMap, HeaderValue};

pub(crate) use client::Client;
pub(crate) use request::{queue_path, turn_back, wants_body};
use url::Kind;
pub(crate) use url::Minter;

use crate::config::Urls;

/// Where URLs stand in the responses of one service.
pub(crate) struct Fields {
    /// Keys from the top of a JSON document; `*` is any key.
    json: &'static [(&'static [&'static str], Kind)],
    /// The last element names of an XML document.
    xml: &'static [(&'static [&'static str], Kind)],
    /// Whether the `Location` header holds a URL of S3.
    location: bool,
}

/// The responses of `service` that carry URLs; `None` for all others.
pub(crate) fn fields(
    service: &str,
    method: &str,
    path: &str,
    query: &str,
) -> Option<&'static Fields> {
    Some(match service {
        "sqs" => &Fields {
            json: &[
                (&["QueueUrl"], Kind::Queue),
                (&["QueueUrls"], Kind::Queue),
                (&["queueUrls"], Kind::Queue),
            ],
            xml: &[
                (&["CreateQueueResult", "QueueUrl"], Kind::Queue),
                (&["GetQueueUrlResult", "QueueUrl"], Kind::Queue),
                (&["ListQueuesResult", "QueueUrl"], Kind::Queue),
                (
                    &["ListDeadLetterSourceQueuesResult", "QueueUrl"],
                    Kind::Queue,
                ),
            ],
            location: false,
        },
        // Objects are never read: only uploads and the creation of buckets answer with a URL.
        "s3" if method == "POST" || (method == "PUT" && query.is_empty() && is_bucket(path)) => {
            &Fields {
                json: &[],
                xml: &[
                    (
                        &["CompleteMultipartUploadResult", "Location"],
                        Kind::S3Location,
                    ),
                    (&["PostResponse", "Location"], Kind::S3Location),
                ],
                location: true,
            }
        }
        "lambda" if !path.ends_with("/invocations") => &Fields {
            json: &[
                (&["FunctionUrl"], Kind::FunctionUrl),
                (&["FunctionUrlConfigs", "FunctionUrl"], Kind::FunctionUrl),
                (&["Code", "Location"], Kind::Link),
                (&["Content", "Location"], Kind::Link),
            ],
            xml: &[],
            location: false,
        },
        "apigatewayv2" => &Fields {
            json: &[
                (&["apiEndpoint"], Kind::ApiEndpoint),
                (&["items", "apiEndpoint"], Kind::ApiEndpoint),
            ],
            xml: &[],
            location: false,
        },
        "es" | "opensearch" => &Fields {
            json: &[
                (&["DomainStatus", "Endpoint"], Kind::ClusterEndpoint),
                (&["DomainStatusList", "Endpoint"], Kind::ClusterEndpoint),
                (&["DomainStatus", "Endpoints", "*"], Kind::ClusterEndpoint),
                (
                    &["DomainStatusList", "Endpoints", "*"],
                    Kind::ClusterEndpoint,
                ),
            ],
            xml: &[],
            location: false,
        },
        "cloudformation" => &Fields {
            json: &[],
            xml: &[
                (&["Outputs", "member", "OutputValue"], Kind::Any),
                (&["PhysicalResourceId"], Kind::Any),
                (&["Exports", "member", "Value"], Kind::Any),
            ],
            location: false,
        },
        _ => return None,
    })
}

/// `/BUCKET` or `/BUCKET/`, or `/` at a virtual host.
fn is_bucket(path: &str) -> bool {
    !path.trim_matches('/').contains('/')
}

impl Fields {
    /// Returns whether the body has to be read.
    pub(crate) fn in_body(&self, headers: &HeaderMap) -> bool {
        let plain = headers
            .get(header::CONTENT_ENCODING)
            .is_none_or(|v| v.as_bytes().eq_ignore_ascii_case(b"identity"));
        let json = is_json(headers);
        plain && ((json && !self.json.is_empty()) || (!json && !self.xml.is_empty()))
    }

    /// Mints the `Location` header.
    pub(crate) fn mint_headers(&self, headers: &mut HeaderMap, minter: &Minter<'_>) -> bool {
        if !self.location {
            return false;
        }
        let minted = headers
            .get(header::LOCATION)
            .and_then(|v| minter.mint(Kind::S3Location, v.to_str().ok()?))
            .and_then(|text| HeaderValue::try_from(text).ok());
        let changed = minted.is_some();
        if let Some(minted) = minted {
            headers.insert(header::LOCATION, minted);
        }
        changed
    }

    /// Mints the URLs of a body; `None` when nothing changes.
    pub(crate) fn mint_body(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        minter: &Minter<'_>,
    ) -> Option<Vec<u8>> {
        let text = std::str::from_utf8(body).ok()?;
        let mut edits = Vec::new();
        if is_json(headers) {
            json::strings(text, |keys, span| {
                let edit = || {
                    let (_, kind) = self.json.iter().find(|(path, _)| is_path(path, keys))?;
                    let value: String = serde_json::from_str(text.get(span.clone())?).ok()?;
                    serde_json::to_string(&minter.mint(*kind, &value)?).ok()
                };
                edits.extend(edit().map(|new| (span.clone(), new)));
            })?;
        } else {
            xml::texts(text, |names, span| {
                let edit = || {
                    let (_, kind) = self.xml.iter().find(|(end, _)| names.ends_with(end))?;
                    let value = xml::unescape(text.get(span.clone())?);
                    Some(crate::answer::escape_xml(&minter.mint(*kind, &value)?))
                };
                edits.extend(edit().map(|new| (span.clone(), new)));
            })?;
        }
        (!edits.is_empty()).then(|| apply(text, &edits).into_bytes())
    }
}

fn is_path(path: &[&str], keys: &[&str]) -> bool {
    path.len() == keys.len() && path.iter().zip(keys).all(|(p, k)| *p == "*" || p == k)
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|v| memchr::memmem::find(v.as_bytes(), b"json").is_some())
}

/// Replaces ranges, which are in order and do not overlap.
fn apply(text: &str, edits: &[(Range<usize>, String)]) -> String {
    let mut out = String::with_capacity(text.len() + 64 * edits.len());
    let mut at = 0;
    for (span, new) in edits {
        out.push_str(text.get(at..span.start).unwrap_or_default());
        out.push_str(new);
        at = span.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// Makes length and checksums fit a changed body.
pub(crate) fn repair(headers: &mut HeaderMap, body: &[u8]) {
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    if headers.contains_key("x-amz-crc32") {
        headers.insert("x-amz-crc32", HeaderValue::from(crc32fast::hash(body)));
    }
    if headers.contains_key("content-md5") {
        headers.remove("content-md5");
    }
}

/// A minter for one request.
pub(crate) fn minter<'a>(client: &'a Client, urls: &'a Urls, region: &'a str) -> Minter<'a> {
    Minter {
        client,
        urls,
        region,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Mint;
    use lsconfig::addr::HostPort;

    #[track_caller]
    fn check(service: &str, content_type: &'static str, body: &str, expected: Option<&str>) {
        let urls = Urls {
            mint: Mint::Client,
            address: HostPort::new("localhost.localstack.cloud", 4566),
            scheme: "http",
            sqs_strategy: None,
            listen_port: 4566,
        };
        let client = Client::of("e:1", false, &urls);
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static(content_type));
        let fields = fields(service, "POST", "/", "").unwrap();
        assert!(fields.in_body(&headers));
        let minted = fields.mint_body(&headers, body.as_bytes(), &minter(&client, &urls, "r-r-1"));
        let minted = minted.map(|b| String::from_utf8(b).unwrap());
        assert_eq!(minted.as_deref(), expected);
    }

    #[test]
    fn only_typed_fields_change() {
        let json = "application/x-amz-json-1.0";
        check(
            "sqs",
            json,
            r#"{ "QueueUrls" : ["http://u:5/000000000000/q", "\u0068ttp://u:5/1/q"], "n": 1.0 }"#,
            Some(
                r#"{ "QueueUrls" : ["http://e:1/queue/r-r-1/000000000000/q", "http://e:1/queue/r-r-1/1/q"], "n": 1.0 }"#,
            ),
        );
        let message = r#"{"Messages": [{"Body": "http://u:5/000000000000/q", "QueueUrl": "http://u:5/000000000000/q"}]}"#;
        check("sqs", json, message, None);
        let xml =
            "<R><CreateQueueResult><QueueUrl>http://u/1/q&amp;</QueueUrl></CreateQueueResult>";
        check(
            "sqs",
            "text/xml",
            &format!("{xml}</R>"),
            Some(
                "<R><CreateQueueResult><QueueUrl>http://e:1/queue/r-r-1/1/q&amp;</QueueUrl></CreateQueueResult></R>",
            ),
        );
        check("sqs", "text/xml", xml, None);
    }

    #[test]
    fn objects_and_invocations_are_not_read() {
        assert!(fields("s3", "GET", "/b/k", "").is_none());
        assert!(fields("s3", "PUT", "/b/k", "").is_none());
        assert!(fields("s3", "PUT", "/b", "").is_some());
        assert!(fields("lambda", "POST", "/2015-03-31/functions/f/invocations", "").is_none());
        assert!(fields("dynamodb", "POST", "/", "").is_none());
    }

    #[test]
    fn lengths_and_checksums_fit_the_new_body() {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-crc32", HeaderValue::from_static("1"));
        headers.insert("content-md5", HeaderValue::from_static("x"));
        repair(&mut headers, b"123456789");
        assert_eq!(headers["content-length"], "9");
        assert_eq!(headers["x-amz-crc32"], "3421780262");
        assert!(!headers.contains_key("content-md5"));
    }
}
