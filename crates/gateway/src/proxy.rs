//! One request: who is it for, send it there, make the answer fit the client.
//!
//! ```text
//! bytes -> connection.rs (protocol, TLS) -> hyper (framing) -> Gateway::handle
//!     request is sound?        -> 400, 405
//!     /_lsconfig/, /_localstack/ -> internal.rs
//!     origin allowed?          -> cors.rs, 403, 204
//!     which service, upstream? -> decide.rs, virtual_host.rs, config.rs
//!     rewrite, send, rewrite   -> mint.rs, pool.rs
//! ```

mod buffered;
mod outgoing;

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Method, Request, Response, StatusCode, Uri, Version};
use hyper::body::Incoming;
use hyper::ext::on_informational;
use hyper_util::rt::TokioIo;
use lsconfig::addr::Host;
use smol_str::{SmolStr, format_smolstr};

use crate::body::{Body, Gate};
use crate::config::{Profile, Scheme, Upstream};
use crate::cors;
use crate::decide::{self, RequestView, Verdict, signing_region};
use crate::guard::Refusal;
use crate::metrics::{AccessRecord, Counted, add};
use crate::mint;
use crate::peer::Peer;
use crate::pool::{Pool, UpstreamError, Way};
use crate::service::Services;
use crate::shared::{Shared, State};
use crate::virtual_host::{
    EdgeRoute, bucket_label, edge_route, s3_bucket, to_path_style, without_port,
};
use crate::{answer, headers, internal, limits};

use buffered::{Buffered, Collected, collect};
use outgoing::{destination, region, rewrite_request, set_path};

/// The header that carries the id of a request to the upstream and back to the client.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-lsconfig-request-id");

// What every request is asked for, as names: a text would be read as one each time.
const API_ID: HeaderName = HeaderName::from_static("x-apigw-api-id");
const SMITHY_PROTOCOL: HeaderName = HeaderName::from_static("smithy-protocol");
const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// Characters of a path that a record keeps.
const RECORDED_PATH: usize = 256;

/// The gateway as a service: one request in, one response out.
///
/// Cheap to clone. Each worker has its own, with connections of its own.
#[derive(Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
    pool: Arc<Pool>,
}

/// Where a request goes.
struct Destination {
    service: Option<&'static str>,
    upstream: Arc<Upstream>,
    /// How the upstream is named to people: the setting that holds it.
    setting: Cow<'static, str>,
}

impl Gateway {
    /// A gateway with a pool of its own.
    #[must_use]
    pub fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            pool: Arc::default(),
        }
    }

    /// Answers a request.
    pub async fn handle(&self, request: Request<Incoming>, peer: Peer) -> Response<Body> {
        let started = Instant::now();
        let shared = &*self.shared;
        let _counted = Counted::new(&shared.metrics.in_flight);
        let id = request_id();
        let log = shared.wants_records() || !request.uri().path().starts_with("/_lsconfig/");
        let mut record = log.then(|| first_record(&request, &peer, id.clone()));
        let mut response = self.answer(request, &peer, &id, record.as_mut()).await;
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().append(REQUEST_ID, value);
        }
        let took = started.elapsed();
        shared.metrics.responded(response.status().as_u16(), took);
        if let Some(mut record) = record {
            record.status = response.status().as_u16();
            record.micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            shared.log(record);
        }
        response
    }

    /// Answers bytes that are no sound request.
    pub(crate) fn refuse(&self, refusal: Refusal, peer: &Peer) -> Response<Body> {
        let shared = &*self.shared;
        let status = refusal.status();
        add(&shared.metrics.rejected);
        shared.metrics.responded(status.as_u16(), Duration::ZERO);
        shared.log(AccessRecord {
            status: status.as_u16(),
            trace: vec![refusal.to_string()],
            ..AccessRecord::new(request_id(), peer.client(), peer.tls())
        });
        let mut response = answer::text(status, &format!("lsconfig gateway: {refusal}"));
        close(&mut response);
        response
    }

    async fn answer(
        &self,
        mut request: Request<Incoming>,
        peer: &Peer,
        id: &str,
        record: Option<&mut AccessRecord>,
    ) -> Response<Body> {
        let state = self.shared.state();
        let host = match sound_host(&request) {
            Ok(host) => host,
            Err(refused) => return *refused,
        };
        let path = request.uri().path().to_owned();
        let api_id = text(request.headers(), &API_ID).map(str::to_owned);
        let route = edge_route(request.method().as_str(), &host, &path, api_id.as_deref());
        if let Some(answered) =
            internal::answer(&self.shared, &state, &request, &host, route.as_ref(), peer)
        {
            return answered;
        }
        let client_upgrade = headers::upgrade(request.headers())
            .map(|protocol| (protocol, hyper::upgrade::on(&mut request)));
        let (mut parts, incoming) = request.into_parts();
        let mut body = Buffered::new(incoming);
        let (verdict, trace) = self.decide(&parts, &host, route.as_ref(), &mut body).await;
        let service = route
            .as_ref()
            .and_then(EdgeRoute::service)
            .or_else(|| verdict.service());
        let origin = judge_origin(&state, &parts, &host, service, route.as_ref());
        match origin {
            Origin::Refused => {
                return answer::of(StatusCode::FORBIDDEN, "text/plain", Bytes::new());
            }
            Origin::Preflight => {
                let mut response = Response::new(Body::Empty);
                *response.status_mut() = StatusCode::NO_CONTENT;
                let browser = state.cors.headers(&parts.headers);
                browser.add_to(response.headers_mut());
                return response;
            }
            Origin::Ours | Origin::Upstreams => {}
        }
        let destination = destination(&state, service, &host);
        if let Some(record) = record {
            record.service = service;
            record.upstream = Some(Arc::clone(&destination.upstream));
            record.trace = trace;
        }
        let fields = service.and_then(|s| {
            let query = parts.uri.query().unwrap_or_default();
            mint::fields(s, parts.method.as_str(), &path, query)
        });
        // What of the request the response needs, before it becomes the upstream's.
        let minting = fields.map(|fields| {
            let client = mint::Client::of(&host, peer.tls(), &state.config.urls);
            (fields, client, region(&parts, route.as_ref()))
        });
        let browser = (origin == Origin::Ours).then(|| state.cors.headers(&parts.headers));
        self.turn_back(&mut parts, &destination, route.as_ref(), &mut body)
            .await;
        let configured = &state.config.urls.address.host;
        let route_of = route.as_ref();
        rewrite_request(
            &mut parts,
            &host,
            peer,
            id,
            &destination,
            route_of,
            configured,
        );
        if browser.is_some() && destination.upstream.profile.is_localstack() {
            // LocalStack would judge the origin by its own ports.
            parts.headers.remove(header::ORIGIN);
            parts.headers.remove(header::REFERER);
        }
        if minting.is_some() {
            parts.headers.remove(header::ACCEPT_ENCODING);
        }
        if let Some((protocol, _)) = &client_upgrade {
            let connection = HeaderValue::from_static("upgrade");
            parts.headers.insert(header::CONNECTION, connection);
            parts.headers.insert(header::UPGRADE, protocol.clone());
        }
        let sent = self.send(&state, parts, body, &destination).await;
        let mut response = match sent {
            Ok(response) => response,
            Err(failed) => return failed,
        };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return match client_upgrade {
                Some((_, client)) => upgraded(client, response),
                None => answer::text(
                    StatusCode::BAD_GATEWAY,
                    "lsconfig gateway: the upstream switched protocols without being asked",
                ),
            };
        }
        if let Some((fields, client, region)) = &minting {
            let minter = mint::minter(client, &state.config.urls, region);
            response = Box::pin(self.mint(response, fields, &minter)).await;
        }
        if let Some(browser) = browser {
            browser.add_to(response.headers_mut());
        }
        response
    }

    /// Decides the service, reading the body where that matters.
    async fn decide(
        &self,
        parts: &Parts,
        host: &str,
        route: Option<&EdgeRoute<'_>>,
        body: &mut Buffered,
    ) -> (Verdict, Vec<String>) {
        let explained = self.shared.wants_traces();
        if route.is_some() && !explained {
            return (Verdict::Undecided, Vec::new());
        }
        let view = view_of(parts, host, &[]);
        if decide::needs_body(&view) {
            Box::pin(body.read()).await;
        }
        let view = RequestView {
            body: body.bytes(),
            ..view
        };
        if !explained {
            return (decide::decide(&view), Vec::new());
        }
        let (verdict, steps) = decide::explain(&view);
        let mut trace: Vec<String> = Vec::with_capacity(steps.len() + 1);
        trace.extend(route.map(|route| format!("edge route: {route:?}")));
        trace.extend(steps.iter().map(|s| format!("{}: {}", s.rule, s.found)));
        (verdict, trace)
    }

    async fn turn_back(
        &self,
        parts: &mut Parts,
        destination: &Destination,
        route: Option<&EdgeRoute<'_>>,
        body: &mut Buffered,
    ) {
        let upstream = &destination.upstream;
        let content_type = text(&parts.headers, &header::CONTENT_TYPE);
        if let (Some(service), Some(content_type)) = (destination.service, content_type)
            && mint::wants_body(service, parts.method.as_str(), Some(content_type))
            && Box::pin(body.read()).await
            && let Some(turned) =
                mint::turn_back(content_type, body.bytes(), &upstream.url, upstream.profile)
        {
            let length = HeaderValue::from(turned.len());
            parts.headers.insert(header::CONTENT_LENGTH, length);
            body.replace(turned.into());
        }
        if let Some(path) = route.and_then(|route| mint::queue_path(route, upstream.profile)) {
            set_path(&mut parts.uri, &path);
        }
    }

    async fn send(
        &self,
        state: &State,
        mut parts: Parts,
        body: Buffered,
        destination: &Destination,
    ) -> Result<Response<Body>, Response<Body>> {
        let waits = parts
            .headers
            .get(header::EXPECT)
            .is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        if let Some(fault) = &body.failed {
            return Err(answer::body_failed(fault));
        }
        if body.was_read() {
            // The client was told to continue already.
            parts.headers.remove(header::EXPECT);
        }
        let upstream = &destination.upstream;
        let gate = (waits && !body.was_read() && upstream.url.scheme != Scheme::H2c)
            .then(|| Arc::new(Gate::default()));
        let mut body = body.into_body();
        if let Some(gate) = &gate {
            body = body.behind(Arc::clone(gate));
        }
        let mut request = Request::from_parts(parts, body);
        if let Some(gate) = &gate {
            let (asked, late) = (Arc::clone(gate), Arc::clone(gate));
            on_informational(&mut request, move |response| {
                if response.status() == StatusCode::CONTINUE {
                    asked.open();
                }
            });
            tokio::spawn(async move {
                tokio::time::sleep(limits::CONTINUE_TIMEOUT).await;
                late.open();
            });
        }
        let way = Way {
            url: &upstream.url,
            tls: state.upstream_tls.as_ref(),
            waits: state.config.waits,
        };
        let sent = self.pool.send(way, request).await;
        if let Some(gate) = gate {
            gate.refuse();
        }
        match sent {
            Ok((response, on_end)) => {
                let (mut parts, incoming) = response.into_parts();
                if parts.status == StatusCode::SWITCHING_PROTOCOLS {
                    return Ok(Response::from_parts(parts, Body::Empty));
                }
                headers::remove_hop_by_hop(&mut parts.headers);
                let mut body = Body::stream(incoming, limits::DOWNLOAD_IDLE_TIMEOUT);
                if let Some(on_end) = on_end {
                    body = body.when_done(on_end);
                }
                Ok(Response::from_parts(parts, body))
            }
            Err(UpstreamError::Body(fault)) => Err(answer::body_failed(&fault)),
            Err(error) => {
                add(&self.shared.metrics.upstream_failures);
                tracing::warn!(%error, "upstream");
                let (service, setting) = (destination.service, &destination.setting);
                Err(answer::upstream_failed(&error, service, upstream, setting))
            }
        }
    }

    async fn mint(
        &self,
        response: Response<Body>,
        fields: &mint::Fields,
        minter: &mint::Minter<'_>,
    ) -> Response<Body> {
        let (mut parts, body) = response.into_parts();
        let mut changed = fields.mint_headers(&mut parts.headers, minter);
        let body = if fields.in_body(&parts.headers) {
            match collect(body, limits::MAX_RESPONSE_BUFFER).await {
                Ok(Collected::Whole(bytes)) => {
                    match fields.mint_body(&parts.headers, &bytes, minter) {
                        Some(minted) => {
                            changed = true;
                            mint::repair(&mut parts.headers, &minted);
                            Body::from(Bytes::from(minted))
                        }
                        None => Body::from(bytes),
                    }
                }
                Ok(Collected::TooLong(body)) => body,
                Err(error) => {
                    add(&self.shared.metrics.upstream_failures);
                    let line = format!("lsconfig gateway: the upstream's answer: {error}");
                    return answer::text(StatusCode::BAD_GATEWAY, &line);
                }
            }
        } else {
            body
        };
        if changed {
            add(&self.shared.metrics.minted);
        }
        Response::from_parts(parts, body)
    }
}

impl tower_service::Service<(Request<Incoming>, Peer)> for Gateway {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (request, peer): (Request<Incoming>, Peer)) -> Self::Future {
        let gateway = self.clone();
        Box::pin(async move { Ok(gateway.handle(request, peer).await) })
    }
}

/// Returns the host of a sound request, or the refusal.
///
/// HTTP/1.1 requires exactly one `Host` (RFC 9112, section 3.2); a target in absolute form replaces
/// it. HTTP/2 has `:authority`, which a `Host` may only repeat (RFC 9113, section 8.3.1).
fn sound_host(request: &Request<Incoming>) -> Result<String, Box<Response<Body>>> {
    let answered = |status, line: &str| {
        let mut response = answer::text(status, line);
        if request.version() != Version::HTTP_2 {
            // Who sends such a head may have meant something else with what follows.
            close(&mut response);
        }
        Err(Box::new(response))
    };
    let refused = |line| answered(StatusCode::BAD_REQUEST, line);
    if request.method() == Method::CONNECT {
        let line = "lsconfig gateway: CONNECT is not served";
        return answered(StatusCode::METHOD_NOT_ALLOWED, line);
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (first, more) = (hosts.next(), hosts.next().is_some());
    if more {
        return refused("lsconfig gateway: more than one Host header");
    }
    let written = match first.map(|host| host.to_str()) {
        Some(Err(_)) => return refused("lsconfig gateway: the Host header is no text"),
        Some(Ok(host)) => Some(host),
        None => None,
    };
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    let host = match (authority, written) {
        (Some(authority), Some(host)) if request.version() == Version::HTTP_2 => {
            if !authority.eq_ignore_ascii_case(host) {
                return refused("lsconfig gateway: Host and :authority differ");
            }
            authority
        }
        (Some(authority), _) => authority,
        (None, Some(host)) => host,
        (None, None) if request.version() == Version::HTTP_10 => "",
        (None, None) => return refused("lsconfig gateway: no Host header"),
    };
    let sound = |b| {
        matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b';' | b'$'..=b'.' | b'!' | b'=' | b'[' | b']')
            || matches!(b, b'_' | b'~')
    };
    if !host.bytes().all(sound) {
        return refused("lsconfig gateway: the Host header is no host");
    }
    Ok(host.to_owned())
}

fn close(response: &mut Response<Body>) {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

pub(crate) fn view_of<'a>(parts: &'a Parts, host: &'a str, body: &'a [u8]) -> RequestView<'a> {
    let header = |name| text(&parts.headers, name);
    RequestView {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        host,
        authorization: header(&header::AUTHORIZATION),
        target: header(&TARGET),
        content_type: header(&header::CONTENT_TYPE),
        user_agent: header(&header::USER_AGENT),
        smithy_protocol: header(&SMITHY_PROTOCOL),
        body,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Refused,
    Preflight,
    /// The response headers are ours.
    Ours,
    /// The service answers for itself.
    Upstreams,
}

fn judge_origin(
    state: &State,
    parts: &Parts,
    host: &str,
    service: Option<&str>,
    route: Option<&EdgeRoute<'_>>,
) -> Origin {
    let s3 = service == Some("s3")
        || host.starts_with("s3.")
        || crate::virtual_host::s3_bucket(host).is_some();
    let execute_api = matches!(route, Some(EdgeRoute::ExecuteApi { .. }));
    if !state.cors.applies(s3, execute_api) {
        return Origin::Upstreams;
    }
    match state.cors.judge(&parts.headers) {
        cors::Verdict::Refused => Origin::Refused,
        _ if parts.method == Method::OPTIONS && state.cors.answers_preflight() => Origin::Preflight,
        cors::Verdict::AllowedWithHeaders => Origin::Ours,
        cors::Verdict::Allowed => Origin::Upstreams,
    }
}

/// Joins both sides of an upgraded connection until one of them ends.
fn upgraded(client: hyper::upgrade::OnUpgrade, mut response: Response<Body>) -> Response<Body> {
    let upstream = hyper::upgrade::on(&mut response);
    tokio::spawn(async move {
        let (Ok(client), Ok(upstream)) = tokio::join!(client, upstream) else {
            return;
        };
        let (mut client, mut upstream) = (TokioIo::new(client), TokioIo::new(upstream));
        let copied = tokio::io::copy_bidirectional(&mut client, &mut upstream).await;
        if let Err(error) = copied {
            tracing::debug!(%error, "upgraded connection");
        }
    });
    response
}

/// Short ids that differ between processes and requests.
fn request_id() -> SmolStr {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    // Asking for the process is a system call.
    static PROCESS: LazyLock<u32> = LazyLock::new(std::process::id);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    format_smolstr!("{:x}-{n:x}", *PROCESS)
}

fn first_record(request: &Request<Incoming>, peer: &Peer, id: SmolStr) -> AccessRecord {
    let host = text(request.headers(), &header::HOST);
    let host = host.or_else(|| Some(request.uri().authority()?.as_str()));
    let path = request.uri().path();
    let path = if path.len() <= RECORDED_PATH {
        path.into()
    } else {
        path.chars().take(RECORDED_PATH).collect()
    };
    AccessRecord {
        method: Some(request.method().clone()),
        host: host.unwrap_or_default().into(),
        path,
        version: Some(request.version()),
        ..AccessRecord::new(id, peer.client(), peer.tls())
    }
}
