//! What a request says about its service: credential scopes, paths, queries and forms.
//!
//! Each function reads one clue. Which of them counts is decided in [`super::decide`].

use std::borrow::Cow;

use super::RequestView;
use crate::virtual_host::s3_bucket;

/// Returns the service of a version 4 credential scope: `KEY/DATE/REGION/SERVICE/aws4_request`.
#[must_use]
pub fn signing_name(authorization: &str) -> Option<&str> {
    credential(authorization).map(|[_, _, _, service, _]| service)
}

/// Returns the region of a version 4 credential scope.
#[must_use]
pub fn signing_region(authorization: &str) -> Option<&str> {
    credential(authorization).map(|[_, _, region, _, _]| region)
}

fn credential(authorization: &str) -> Option<[&str; 5]> {
    let (scheme, rest) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("AWS4-HMAC-SHA256") {
        return None;
    }
    let scope = rest
        .split(',')
        .find_map(|pair| pair.trim().strip_prefix("Credential="))?;
    let mut parts = scope.trim().split('/');
    let scope = [
        parts.next()?,
        parts.next()?,
        parts.next()?,
        parts.next()?,
        parts.next()?,
    ];
    parts.next().is_none().then_some(scope)
}

/// The owner of a request whose signing name several services share, by the start of its path.
pub(super) fn shared_signing_name<'a>(name: &'a str, path: &str) -> Option<&'a str> {
    let by_prefix: &[(&str, &str)] = match name {
        "apigateway" => &[("/v2", "apigatewayv2")],
        "appconfig" => &[("/configuration", "appconfigdata")],
        "bedrock" => &[
            ("/guardrail/", "bedrock-runtime"),
            ("/model/", "bedrock-runtime"),
            ("/async-invoke", "bedrock-runtime"),
        ],
        "execute-api" => &[
            ("/@connections", "apigatewaymanagementapi"),
            ("/participant", "connectparticipant"),
            ("", "iot"),
        ],
        "ses" => &[("/v2", "sesv2"), ("/v1", "pinpoint-email")],
        "greengrass" => &[("/greengrass/v2/", "greengrassv2")],
        "cloudsearch" => &[("/2013-01-01", "cloudsearchdomain")],
        "s3" => &[("/v20180820", "s3control")],
        "iot1click" => &[
            ("/projects", "iot1click-projects"),
            ("/devices", "iot1click-devices"),
        ],
        "es" => &[("/2015-01-01", "es"), ("/2021-01-01", "opensearch")],
        "sagemaker" => &[
            ("/endpoints", "sagemaker-runtime"),
            ("/human-loops", "sagemaker-a2i-runtime"),
        ],
        "servicecatalog" if path != "/" => &[("", "servicecatalog-appregistry")],
        "servicecatalog" => &[],
        _ => return None,
    };
    let found = by_prefix.iter().find(|(start, _)| path.starts_with(start));
    Some(found.map_or(name, |(_, service)| service))
}

/// Reads `/service/PREFIX/operation/OPERATION` (Smithy RPC v2).
pub(super) fn rpc_v2_target<'a>(request: &RequestView<'a>) -> Option<(&'a str, &'a str)> {
    request.smithy_protocol?;
    let (before, operation) = request.path.rsplit_once("/operation/")?;
    let (_, prefix) = before.rsplit_once("/service/")?;
    (!operation.contains('/')).then_some((prefix, operation))
}

const PRESIGNED: [&str; 8] = [
    "AWSAccessKeyId",
    "Signature",
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
];

/// Names what in a request looks like S3, where nothing else says so.
pub(super) fn s3_shape(request: &RequestView<'_>) -> Option<&'static str> {
    let path = request.path.trim_matches('/');
    let (one_part, method) = (!path.is_empty() && !path.contains('/'), request.method);
    let posted = |name| {
        has_parameter(request.query, name)
            || request
                .content_type
                .is_some_and(|t| form_has(t, request.body, name))
    };
    Some(match method {
        "GET" | "HEAD" if !path.is_empty() => "a read of a path",
        "PUT" if one_part => "a PUT of a bucket",
        "POST" if one_part && posted("key") => "a form upload",
        _ if request
            .user_agent
            .is_some_and(|agent| agent.contains("aws-cli/")) =>
        {
            "an unsigned request of the AWS CLI"
        }
        _ if PRESIGNED
            .iter()
            .any(|name| has_parameter(request.query, name)) =>
        {
            "a presigned query"
        }
        "POST" if posted("delete") && is_multi_delete(request.body) => "a multi-delete",
        "PUT" if path.contains('/') => "a PUT of an object",
        _ if request.authorization.is_some_and(|a| a.starts_with("AWS ")) => {
            "a version 2 signature"
        }
        _ if s3_bucket(request.host).is_some() => "a virtual-host bucket",
        _ => return None,
    })
}

fn is_multi_delete(body: &[u8]) -> bool {
    memchr::memmem::find(body, b"<Delete").is_some()
        && memchr::memmem::find(body, b"<Key>").is_some()
}

fn form_has(content_type: &str, body: &[u8], name: &str) -> bool {
    if starts_with_ignore_case(content_type, "multipart/form-data") {
        return memchr::memmem::find(body, format!("name=\"{name}\"").as_bytes()).is_some();
    }
    starts_with_ignore_case(content_type, "application/x-www-form-urlencoded")
        && std::str::from_utf8(body).is_ok_and(|form| has_parameter(form, name))
}

pub(crate) fn starts_with_ignore_case(text: &str, start: &str) -> bool {
    text.get(..start.len())
        .is_some_and(|t| t.eq_ignore_ascii_case(start))
}

/// Returns whether a query or form has a parameter, with or without value.
pub(crate) fn has_parameter(query: &str, name: &str) -> bool {
    query
        .split('&')
        .any(|pair| decoded(pair.split_once('=').map_or(pair, |(n, _)| n)) == name)
}

/// Returns the first value of a parameter of a query or form.
pub(crate) fn parameter<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    query.split('&').find_map(|pair| {
        let (written, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(written) == name).then(|| decoded(value))
    })
}

/// Decodes `application/x-www-form-urlencoded` text; what is no UTF-8 stays encoded.
pub(crate) fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        let escaped = (byte == b'%')
            .then(|| std::str::from_utf8(tail.get(..2)?).ok())
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match escaped {
            Some(value) => {
                bytes.push(value);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => bytes.push(if byte == b'+' { b' ' } else { byte }),
        }
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credential_scopes_have_five_parts() {
        let check = |text, expected| assert_eq!(signing_name(text), expected, "{text}");
        check(
            "AWS4-HMAC-SHA256 Credential=k/d/r/sqs/aws4_request",
            Some("sqs"),
        );
        check(
            "aws4-hmac-sha256 Credential=k/d/r/s3/x, Signature=0",
            Some("s3"),
        );
        check(
            "AWS4-HMAC-SHA256 Signature=0,Credential=k/d/r/s3/x",
            Some("s3"),
        );
        check("AWS4-HMAC-SHA256 Credential=k/d/r/sqs", None);
        check("AWS4-HMAC-SHA256 Credential=k/d/r/sqs/a/b", None);
        check("Bearer x", None);
        check("", None);
    }

    #[test]
    fn forms_decode() {
        assert_eq!(decoded("a%2Fb+c%"), "a/b c%");
        assert_eq!(decoded("%FF"), "%FF");
        assert_eq!(parameter("a=1&b%20c=%2B", "b c").as_deref(), Some("+"));
        assert!(has_parameter("delete", "delete") && !has_parameter("x=delete", "delete"));
    }
}
