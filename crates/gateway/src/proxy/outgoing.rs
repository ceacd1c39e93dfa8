//! The request as the upstream gets it: where it goes, its path, host and authorization.

use super::*;
use crate::virtual_host::split_at;

pub(super) fn destination(state: &State, service: Option<&'static str>, host: &str) -> Destination {
    let config = &state.config;
    let name = without_port(host);
    let route = config
        .routes
        .iter()
        .find(|route| route.takes(service, name));
    match route {
        Some(route) => Destination {
            service,
            upstream: Arc::clone(&route.upstream),
            setting: match &route.matches {
                crate::config::Matcher::Service(name) => format!("the route of {name}").into(),
                crate::config::Matcher::Host(pattern) => format!("the route of {pattern}").into(),
            },
        },
        None => Destination {
            service,
            upstream: Arc::clone(&config.upstream),
            setting: "--upstream".into(),
        },
    }
}

pub(super) fn region(parts: &Parts, route: Option<&EdgeRoute<'_>>) -> String {
    let in_route = match route {
        Some(EdgeRoute::Queue { region, .. }) => *region,
        _ => None,
    };
    in_route
        .or_else(|| signing_region(text(&parts.headers, &header::AUTHORIZATION)?))
        .unwrap_or("us-east-1")
        .to_owned()
}

pub(super) fn rewrite_request(
    parts: &mut Parts,
    host: &str,
    peer: &Peer,
    id: &str,
    destination: &Destination,
    route: Option<&EdgeRoute<'_>>,
    configured: &Host,
) {
    let upstream = &destination.upstream;
    headers::remove_hop_by_hop(&mut parts.headers);
    // The `Host` that the client sent, where that is the one that counts.
    let asked = parts.headers.get(header::HOST);
    let asked = asked.filter(|asked| asked.as_bytes() == host.as_bytes());
    if let Some(asked) = asked.cloned().or_else(|| host.parse().ok()) {
        headers::set_forwarded(&mut parts.headers, peer, &asked);
        parts.headers.insert(header::HOST, asked);
    }
    let mut seen_host = Cow::Borrowed(host);
    if route.is_none() && upstream.profile.needs_path_style() {
        let path = parts.uri.path().to_owned();
        let (new_host, new_path) = to_path_style(host, &path);
        if let Cow::Owned(new_path) = new_path {
            set_path(&mut parts.uri, &new_path);
            seen_host = Cow::Owned(new_host.into_owned());
        }
    }
    if s3_bucket(host).is_none()
        && route.is_none()
        && destination.service == Some("s3")
        && upstream.profile != Profile::MinIo
        && let Some((bucket, rest)) = bucket_label(host, configured)
    {
        let path = format!("/{bucket}{}", parts.uri.path());
        set_path(&mut parts.uri, &path);
        seen_host = Cow::Borrowed(rest);
    }
    if let (Some(EdgeRoute::ExecuteApi { id, .. }), Some(below)) =
        (route, upstream.profile.host_of_apis())
        && split_at(host, ".execute-api.").is_some()
    {
        seen_host = Cow::Owned(format!("{id}.execute-api.{below}"));
    }
    if !upstream.profile.is_localstack() {
        add_authorization(parts, destination.service, route);
    }
    if upstream.profile.wants_own_host() {
        seen_host = Cow::Owned(upstream.url.address.to_string());
    }
    if *seen_host != *host
        && let Ok(value) = HeaderValue::from_str(&seen_host)
    {
        parts.headers.insert(header::HOST, value);
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        parts.headers.insert(REQUEST_ID, id);
    }
    let target = parts.uri.path_and_query().cloned();
    let target = target.unwrap_or(PathAndQuery::from_static("/"));
    let mut uri = http::uri::Parts::default();
    uri.path_and_query = Some(target);
    if upstream.url.scheme == Scheme::H2c {
        uri.scheme = Some(http::uri::Scheme::HTTP);
        uri.authority = seen_host.parse().ok();
    }
    parts.uri = Uri::from_parts(uri).unwrap_or_default();
    parts.version = if upstream.url.scheme == Scheme::H2c {
        Version::HTTP_2
    } else {
        Version::HTTP_11
    };
}

/// Names the service of an unsigned request, as LocalStack does for its own services: other emulators
/// find the service of a request nowhere else. S3 takes unsigned requests for anonymous ones.
pub(super) fn add_authorization(
    parts: &mut Parts,
    service: Option<&str>,
    route: Option<&EdgeRoute<'_>>,
) {
    let Some(service) = service.filter(|name| *name != "s3") else {
        return;
    };
    let data_plane = matches!(
        route,
        Some(
            EdgeRoute::ExecuteApi { .. } | EdgeRoute::LambdaUrl { .. } | EdgeRoute::Cluster { .. }
        )
    );
    if data_plane || parts.headers.contains_key(header::AUTHORIZATION) {
        return;
    }
    let name = Services::all()
        .named(service)
        .map_or(service, |s| s.signing_name);
    let region = region(parts, route);
    let value = format!(
        "AWS4-HMAC-SHA256 Credential=test/20250101/{region}/{name}/aws4_request, \
         SignedHeaders=host, Signature=0"
    );
    if let Ok(value) = HeaderValue::from_str(&value) {
        parts.headers.insert(header::AUTHORIZATION, value);
    }
}

/// Replaces the path and keeps the query's bytes.
pub(super) fn set_path(uri: &mut Uri, path: &str) {
    let target = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    if let Ok(target) = PathAndQuery::try_from(target) {
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(target);
        if let Ok(new) = Uri::from_parts(parts) {
            *uri = new;
        }
    }
}
