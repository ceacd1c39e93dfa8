//! What the gateway answers itself: `/_lsconfig/`, and `/_localstack/` for emulators without it.

use http::header::{self, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use lsconfig::addr::Host;
use lsconfig::resolve::CLOUD;
use serde_json::json;

use crate::answer;
use crate::body::Body;
use crate::peer::Peer;
use crate::shared::{Shared, State};
use crate::virtual_host::{EdgeRoute, without_port};

const JSON: &str = "application/json";

static STATUS_PAGE: &str = include_str!("../data/status.html");

/// Services that LocalStack's community edition has: what health checks of its users wait for.
const SERVICES: &str = "acm apigateway cloudformation cloudwatch config dynamodb dynamodbstreams \
    ec2 es events firehose iam kinesis kms lambda logs opensearch redshift resource-groups \
    resourcegroupstaggingapi route53 route53resolver s3 s3control scheduler secretsmanager ses sns \
    sqs ssm stepfunctions sts support swf transcribe";

/// Answers a request that is not for an AWS service; `None` when it goes to an upstream.
pub(crate) fn answer<B>(
    shared: &Shared,
    state: &State,
    request: &Request<B>,
    host: &str,
    route: Option<&EdgeRoute<'_>>,
    peer: &Peer,
) -> Option<Response<Body>> {
    let path = request.uri().path();
    if route == Some(&EdgeRoute::Internal) {
        let answered = !state.config.upstream.profile.is_localstack();
        return answered.then(|| localstack(shared, request.method(), path));
    }
    let page = path.strip_prefix("/_lsconfig")?;
    if !(page.is_empty() || page.starts_with('/')) {
        return None;
    }
    if !state.config.admin_from_anywhere && !is_here(state, host, peer) {
        return Some(answer::text(
            StatusCode::FORBIDDEN,
            "lsconfig gateway: /_lsconfig/ answers this machine only (see --admin-from-anywhere)",
        ));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Some(answer::text(
            StatusCode::METHOD_NOT_ALLOWED,
            "only GET is served here",
        ));
    }
    Some(lsconfig(shared, state, page.trim_start_matches('/'), host))
}

/// A client of this machine that asked for a name of this machine: a page of another site whose
/// name was pointed here is none.
fn is_here(state: &State, host: &str, peer: &Peer) -> bool {
    let name = without_port(host);
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let asked = Host::new(bare);
    let ours = asked.ip().is_some()
        || matches!(bare, "localhost" | CLOUD)
        || asked == state.config.urls.address.host;
    ours && peer.client().is_loopback()
}

fn localstack(shared: &Shared, method: &Method, path: &str) -> Response<Body> {
    let version = env!("CARGO_PKG_VERSION");
    let body = match (path, method) {
        ("/_localstack/health", &Method::HEAD) => {
            return answer::of(StatusCode::OK, "text/plain", "");
        }
        ("/_localstack/health", &Method::PUT) => json!({ "status": "OK" }),
        ("/_localstack/health", &Method::POST) => {
            return answer::text(StatusCode::BAD_REQUEST, "invalid request");
        }
        ("/_localstack/health", _) => {
            let services: serde_json::Map<_, _> = SERVICES
                .split_whitespace()
                .map(|name| (name.to_owned(), json!("available")))
                .collect();
            json!({ "services": services, "edition": "lsconfig", "version": version })
        }
        ("/_localstack/info", &Method::GET) => json!({
            "version": version,
            "edition": "lsconfig",
            "is_license_activated": false,
            "is_docker": false,
            "uptime": shared.uptime().as_secs(),
        }),
        _ => return answer::of(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", ""),
    };
    answer::of(StatusCode::OK, JSON, body.to_string())
}

fn lsconfig(shared: &Shared, state: &State, page: &str, host: &str) -> Response<Body> {
    let json = |body: serde_json::Value| answer::of(StatusCode::OK, JSON, body.to_string());
    match page {
        "" => {
            let mut response = answer::of(StatusCode::OK, "text/html; charset=utf-8", STATUS_PAGE);
            let policy = "default-src 'none'; style-src 'unsafe-inline'; \
                script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; \
                form-action 'none'; frame-ancestors 'none'";
            let headers = response.headers_mut();
            headers.insert(
                header::CONTENT_SECURITY_POLICY,
                HeaderValue::from_static(policy),
            );
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        "health" => answer::text(StatusCode::OK, "ok"),
        "ready" if shared.is_draining() => {
            answer::text(StatusCode::SERVICE_UNAVAILABLE, "draining")
        }
        "ready" => match shared.health.complaints() {
            none if none.is_empty() => answer::text(StatusCode::OK, "ready"),
            down => answer::text(StatusCode::SERVICE_UNAVAILABLE, &down.join("\n")),
        },
        "metrics" => answer::of(
            StatusCode::OK,
            "text/plain; version=0.0.4",
            shared.metrics.to_prometheus(&shared.health.conditions()),
        ),
        "requests" => json(json!(shared.metrics.recent())),
        "settings" => json(settings(shared, state, host)),
        "ca.pem" => match state.tls.authority() {
            Some(authority) => answer::of(
                StatusCode::OK,
                "application/x-pem-file",
                authority.cert_pem().to_owned(),
            ),
            None => answer::text(StatusCode::NOT_FOUND, "the certificate is yours, not ours"),
        },
        _ => answer::text(StatusCode::NOT_FOUND, "no such page"),
    }
}

fn settings(shared: &Shared, state: &State, host: &str) -> serde_json::Value {
    let config = &state.config;
    let authority = state.tls.authority();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_seconds": shared.uptime().as_secs(),
        "asked_host": host,
        "listen": config.listen,
        "bound": shared.bound(),
        "upstream": config.upstream,
        "routes": config.routes,
        "waits": config.waits,
        "health": shared.health.conditions(),
        "urls": config.urls,
        "cors": config.cors,
        "certificate": {
            "source": match &config.tls {
                crate::config::TlsSource::Own => "own authority".to_owned(),
                crate::config::TlsSource::Pem(path) => path.display().to_string(),
                crate::config::TlsSource::Pair { cert, .. } => cert.display().to_string(),
            },
            "authority": authority.map(|a| json!({
                "file": a.path().map(|p| p.display().to_string()),
                "leaves": a.leaves(),
            })),
            "warning": state.tls.warning(),
        },
    })
}
