//! Responses of our own, worded so that an SDK shows the cause.

use http::header::{self, HeaderValue};
use http::{Response, StatusCode};

use crate::body::{Body, BodyError};
use crate::config::Upstream;
use crate::pool::UpstreamError;
use crate::service::Services;

/// A response with a body of `content_type`.
pub(crate) fn of(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<bytes::Bytes>,
) -> Response<Body> {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A response with one line of text.
pub(crate) fn text(status: StatusCode, line: &str) -> Response<Body> {
    of(status, "text/plain; charset=utf-8", format!("{line}\n"))
}

/// 502 or 504 for a request whose upstream failed: what happened, and which setting names it.
pub(crate) fn upstream_failed(
    error: &UpstreamError,
    service: Option<&str>,
    upstream: &Upstream,
    setting: &str,
) -> Response<Body> {
    let status = match error {
        UpstreamError::Connect(..) => StatusCode::BAD_GATEWAY,
        UpstreamError::Broken(..) => StatusCode::BAD_GATEWAY,
        UpstreamError::ConnectTimeout(..) | UpstreamError::ResponseTimeout(..) => {
            StatusCode::GATEWAY_TIMEOUT
        }
        UpstreamError::Body(fault) => return body_failed(fault),
    };
    let service = service.unwrap_or("no known service");
    let message = format!(
        "lsconfig gateway: {error}. The request is for {service}, its upstream {} is set by \
         {setting}.",
        upstream.url
    );
    explained(status, "UpstreamFailed", &message, Some(service))
}

/// 400 or 408 for a request whose body did not come as announced.
pub(crate) fn body_failed(fault: &BodyError) -> Response<Body> {
    let status = match fault {
        BodyError::Idle(_) => StatusCode::REQUEST_TIMEOUT,
        _ => StatusCode::BAD_REQUEST,
    };
    text(status, &format!("lsconfig gateway: the request: {fault}"))
}

/// An error in the form that clients of `service` read.
pub(crate) fn explained(
    status: StatusCode,
    code: &str,
    message: &str,
    service: Option<&str>,
) -> Response<Body> {
    let protocol = service
        .and_then(|name| Services::all().named(name))
        .map_or(Some("json"), |service| service.protocol);
    let message = message.to_owned();
    if matches!(protocol, Some("rest-xml" | "query" | "ec2")) {
        let message = escape_xml(&message);
        let body = if protocol == Some("rest-xml") {
            format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>\n")
        } else {
            format!(
                "<ErrorResponse><Error><Type>Receiver</Type><Code>{code}</Code>\
                 <Message>{message}</Message></Error></ErrorResponse>\n"
            )
        };
        return of(status, "application/xml", body);
    }
    let body = serde_json::json!({ "__type": code, "message": message });
    of(status, "application/json", format!("{body}\n"))
}

/// Escapes text for an XML element.
pub(crate) fn escape_xml(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
