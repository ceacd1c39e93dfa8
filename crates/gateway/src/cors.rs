//! Which origins browsers may call from, as LocalStack 4.12 decides it.
//!
//! The set is derived from the listen ports and the host of returned URLs, which itself is allowed
//! here: the one addition to LocalStack's list.

use std::collections::BTreeSet;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use lsconfig::addr::HostPort;
use lsconfig::listen::ListenSet;
use lsconfig::resolve::CLOUD;

use crate::config::{CorsConfig, Urls};

const METHODS: &str = "HEAD,GET,PUT,POST,DELETE,OPTIONS,PATCH";

const ALLOW_HEADERS: &str = "authorization,cache-control,content-length,content-md5,content-type,\
    etag,location,x-amz-acl,x-amz-content-sha256,x-amz-date,x-amz-request-id,x-amz-security-token,\
    x-amz-tagging,x-amz-target,x-amz-user-agent,x-amz-version-id,x-amzn-requestid,\
    x-localstack-target,amz-sdk-invocation-id,amz-sdk-request,x-amz-log-type";

const EXPOSE_HEADERS: &str = "etag,x-amz-version-id,x-amz-log-result,x-amz-executed-version,\
    x-amz-function-error";

const FIXED: [&str; 5] = [
    "https://app.localstack.cloud",
    "http://app.localstack.cloud",
    "https://localhost",
    "https://localhost.localstack.cloud",
    "file://",
];

/// The rules, derived once from the settings.
#[derive(Debug, Clone)]
pub struct Cors {
    settings: CorsConfig,
    origins: BTreeSet<String>,
    ports: Vec<u16>,
    minted: HostPort,
    allow_headers: HeaderValue,
    expose_headers: HeaderValue,
}

/// What the rules say about one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Not asked by a browser, or allowed to one without further headers.
    Allowed,
    /// Allowed; the response says so.
    AllowedWithHeaders,
    /// 403.
    Refused,
}

impl Cors {
    /// Derives the rules.
    #[must_use]
    pub fn new(settings: &CorsConfig, listen: &ListenSet, urls: &Urls) -> Self {
        let mut ports: Vec<u16> = listen.iter().map(|address| address.port).collect();
        ports.dedup();
        let mut origins: BTreeSet<String> = FIXED.iter().map(|&o| o.to_owned()).collect();
        for port in &ports {
            for host in ["localhost", CLOUD] {
                origins.insert(format!("http://{host}:{port}"));
                origins.insert(format!("https://{host}:{port}"));
            }
        }
        for scheme in ["http", "https"] {
            origins.insert(format!("{scheme}://{}", urls.address));
        }
        origins.extend(settings.extra_origins.iter().cloned());
        let list = |fixed: &str, extra: &[String]| {
            let all: Vec<&str> = std::iter::once(fixed)
                .chain(extra.iter().map(String::as_str))
                .collect();
            HeaderValue::from_str(&all.join(",")).unwrap_or(HeaderValue::from_static(""))
        };
        Self {
            origins,
            ports,
            minted: urls.address.clone(),
            allow_headers: list(ALLOW_HEADERS, &settings.extra_headers),
            expose_headers: list(EXPOSE_HEADERS, &settings.extra_expose_headers),
            settings: settings.clone(),
        }
    }

    /// Returns whether requests for S3 or to invoke an API are checked as well.
    #[must_use]
    pub fn applies(&self, s3: bool, execute_api: bool) -> bool {
        (!s3 || self.settings.check_s3) && (!execute_api || self.settings.check_api_gateway)
    }

    /// Judges a request by its `Origin`, or without one by its `Referer`.
    #[must_use]
    pub fn judge(&self, headers: &HeaderMap) -> Verdict {
        let text = |name| {
            headers
                .get(name)
                .and_then(|v: &HeaderValue| v.to_str().ok())
        };
        let with_headers = headers.contains_key(header::ORIGIN) && !self.settings.no_headers;
        let allowed = if self.settings.no_checks {
            true
        } else if let Some(origin) = headers.get(header::ORIGIN) {
            origin.to_str().is_ok_and(|o| self.is_allowed(o))
        } else if let Some(referer) = text(header::REFERER) {
            let end = referer.find("://").map_or(0, |scheme| scheme + 3);
            let path = referer[end..].find('/').map_or(referer.len(), |p| end + p);
            self.is_allowed(&referer[..path])
        } else {
            true
        };
        match (allowed, with_headers) {
            (false, _) => Verdict::Refused,
            (true, true) => Verdict::AllowedWithHeaders,
            (true, false) => Verdict::Allowed,
        }
    }

    /// Returns whether preflight requests are answered here.
    #[must_use]
    pub fn answers_preflight(&self) -> bool {
        !self.settings.no_preflight
    }

    fn is_allowed(&self, origin: &str) -> bool {
        self.origins.contains("*") || self.origins.contains(origin) || self.is_site(origin)
    }

    /// `*.s3-website.HOST[:port]` and `*.cloudfront.HOST[:port]`.
    fn is_site(&self, origin: &str) -> bool {
        let Some((_, authority)) = origin.split_once("://") else {
            return false;
        };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        };
        let port_is_ours =
            port.is_none_or(|p| p.parse().is_ok_and(|p: u16| self.ports.contains(&p)));
        let domain = [".s3-website.", ".cloudfront."]
            .iter()
            .find_map(|part| host.split_once(part).filter(|(site, _)| !site.is_empty()));
        port_is_ours
            && domain.is_some_and(|(_, domain)| {
                domain == "localhost" || domain == CLOUD || domain == self.minted.host.as_str()
            })
    }

    /// Returns the headers that tell the browser yes; none for a request without `Origin`.
    #[must_use]
    pub fn headers(&self, request: &HeaderMap) -> CorsHeaders {
        let mut headers = Vec::new();
        let Some(origin) = request.get(header::ORIGIN) else {
            return CorsHeaders(headers);
        };
        let any = self.settings.no_checks;
        let allowed = if any {
            HeaderValue::from_static("*")
        } else {
            origin.clone()
        };
        let methods = HeaderValue::from_static(METHODS);
        headers.extend([
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed),
            (header::ACCESS_CONTROL_ALLOW_METHODS, methods),
            (
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                self.allow_headers.clone(),
            ),
            (
                header::ACCESS_CONTROL_EXPOSE_HEADERS,
                self.expose_headers.clone(),
            ),
        ]);
        let yes = HeaderValue::from_static("true");
        if !any {
            headers.push((header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes.clone()));
        }
        if request.contains_key("access-control-request-private-network") {
            let private = HeaderName::from_static("access-control-allow-private-network");
            headers.push((private, yes));
        }
        CorsHeaders(headers)
    }
}

/// What a response says to a browser; taken from its request, which does not last as long.
#[derive(Debug)]
pub struct CorsHeaders(Vec<(HeaderName, HeaderValue)>);

impl CorsHeaders {
    /// Puts the headers into a response.
    pub fn add_to(self, response: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        for (name, value) in self.0 {
            response.insert(name, value);
        }
        response.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}
