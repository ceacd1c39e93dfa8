//! URLs in responses, made valid for the client that asked; URLs in requests, turned back.
//!
//! Fields are typed: service, place in the document, kind of URL. Nothing is replaced by looking for
//! a text. Bytes outside of the replaced values stay as they were.

mod client;
mod fields;
mod json;
mod names;
mod request;
mod url;
mod xml;

use std::ops::Range;

use http::header::{self, HeaderMap, HeaderValue};

pub(crate) use client::Client;
pub(crate) use fields::{Fields, fields};
pub(crate) use request::{queue_path, turn_back, wants_body};
use url::Kind;
pub(crate) use url::Minter;

use crate::config::Urls;

impl Fields {
    /// Returns whether the body has to be read.
    pub(crate) fn in_body(&self, headers: &HeaderMap) -> bool {
        let plain = headers
            .get(header::CONTENT_ENCODING)
            .is_none_or(|v| v.as_bytes().eq_ignore_ascii_case(b"identity"));
        let may_be = |form| match form {
            Form::Json => !self.json.is_empty(),
            Form::Xml => !self.xml.is_empty(),
        };
        let readable = match Form::of_header(headers) {
            Some(form) => may_be(form),
            None => may_be(Form::Json) || may_be(Form::Xml),
        };
        plain && readable
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
        let form = Form::of_header(headers).or_else(|| Form::of_text(text))?;
        if form == Form::Json {
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

/// What a response is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Xml,
}

impl Form {
    fn of_header(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(header::CONTENT_TYPE)?.as_bytes();
        let says = |text: &str| memchr::memmem::find(value, text.as_bytes()).is_some();
        if says("json") {
            Some(Self::Json)
        } else if says("xml") {
            Some(Self::Xml)
        } else {
            None
        }
    }

    /// moto says `text/html` of its JSON.
    fn of_text(text: &str) -> Option<Self> {
        match text.trim_start().as_bytes().first()? {
            b'{' | b'[' => Some(Self::Json),
            b'<' => Some(Self::Xml),
            _ => None,
        }
    }
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
    fn every_service_has_its_own_places() {
        let (json, xml) = ("application/x-amz-json-1.1", "text/xml");
        let changes = |service, form, body: &str, old: &str, new: &str| {
            check(service, form, body, Some(&body.replace(old, new)));
        };
        changes(
            "ecr",
            json,
            r#"{"repositories":[{"repositoryUri":"123456789012.dkr.ecr.r-r-1.amazonaws.com/a"}],"x":"123456789012.dkr.ecr.r-r-1.aws/a"}"#,
            "r-r-1.amazonaws.com/a",
            "r-r-1.e:1/a",
        );
        changes(
            "appsync",
            json,
            r#"{"graphqlApi":{"name":"http://localhost:4566/graphql/i","uris":{"GRAPHQL":"http://localhost:4566/graphql/x"}}}"#,
            "localhost:4566/graphql/x",
            "e:1/graphql/x",
        );
        changes(
            "apigateway",
            json,
            r#"{"item":[{"domainName":"api.x.y","regionalDomainName":"d-1.execute-api.r-r-1.amazonaws.com"}]}"#,
            "execute-api.r-r-1.amazonaws.com",
            "execute-api.e",
        );
        // moto says `text/html` of this.
        changes(
            "apigatewayv2",
            "text/html; charset=utf-8",
            r#"{"apiEndpoint":"https://i.execute-api.r-r-1.amazonaws.com","name":"a"}"#,
            "https://i.execute-api.r-r-1.amazonaws.com",
            "http://e:1/_aws/execute-api/i",
        );
        changes(
            "elbv2",
            xml,
            "<R><LoadBalancers><member><DNSName>l-1.r-r-1.elb.amazonaws.com</DNSName></member></LoadBalancers></R>",
            "r-r-1.elb.amazonaws.com",
            "elb.e",
        );
        changes(
            "cloudfront",
            xml,
            "<Distribution><DomainName>i.cloudfront.net</DomainName><Origins><Origin><DomainName>o.cloudfront.net</DomainName></Origin></Origins></Distribution>",
            "i.cloudfront.net",
            "i.cloudfront.e",
        );
        changes(
            "ec2",
            xml,
            "<R><dnsEntrySet><item><dnsName>v-1.s3.r-r-1.vpce.amazonaws.com</dnsName></item></dnsEntrySet><dnsName>v.s3.r.vpce.x</dnsName></R>",
            "vpce.amazonaws.com",
            "vpce.e:1",
        );
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
