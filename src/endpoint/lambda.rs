//! Lambda: function URLs, code locations, and what a function sees of the gateway.

use super::kinds::{Input, Kind, MintedValue};
use super::minted::{Minted, Part, mint};
use super::{Brackets, Endpoints, HostRef};
use crate::addr::Host;
use crate::aws::{AccountId, FunctionName, FunctionUrlId, NameOf, Region};
use crate::release::TargetVersion;

/// The release that stopped returning function URLs of AWS.
const OWN_FUNCTION_URLS: TargetVersion = TargetVersion::exact(1, 3, 0);

/// Mints the URLs of Lambda.
#[derive(Debug, Clone, Copy)]
pub struct Lambda<'a> {
    endpoints: Endpoints<'a>,
}

impl<'a> Endpoints<'a> {
    /// Returns what mints the URLs of Lambda.
    #[must_use]
    pub fn lambda(self) -> Lambda<'a> {
        Lambda { endpoints: self }
    }
}

impl<'a> Lambda<'a> {
    /// Returns the URL of a function: always `http`, and with the first *listen* port, whatever
    /// port `LOCALSTACK_HOST` has (`lambda_/provider.py`).
    #[must_use]
    pub fn function_url(
        self,
        region: &'a (impl NameOf<Region> + ?Sized),
        id: &'a (impl NameOf<FunctionUrlId> + ?Sized),
    ) -> Minted<'a> {
        let (endpoints, region, id) = (&self.endpoints, region.as_text(), id.as_text());
        match endpoints.rules.legacy {
            Some(version) if version < OWN_FUNCTION_URLS => {
                mint!["https://", id, ".lambda-url.", region, ".on.aws/"]
            }
            _ => {
                let (parent, fallback) = endpoints.parent(endpoints.host());
                let port = endpoints.listen_port;
                mint![
                    "http://",
                    id,
                    ".lambda-url.",
                    region,
                    ".",
                    parent,
                    ":",
                    port,
                    "/"
                ]
                .with_fallback(fallback)
            }
        }
    }

    /// Returns `Code.Location` of GetFunction. `uuid` and the query `presigned` are drawn for each
    /// call.
    #[must_use]
    pub fn code_location(
        self,
        region: &'a (impl NameOf<Region> + ?Sized),
        account: &'a (impl NameOf<AccountId> + ?Sized),
        function: &'a (impl NameOf<FunctionName> + ?Sized),
        uuid: &'a str,
        presigned: &'a str,
    ) -> Minted<'a> {
        let Endpoints {
            scheme,
            legacy,
            rules,
            ..
        } = self.endpoints;
        let (host, port) = match rules.legacy {
            Some(_) => (Part::Text(legacy.hostname), legacy.url_port),
            None => (self.endpoints.plain_host(), self.endpoints.port),
        };
        mint![
            scheme,
            "://",
            host,
            ":",
            port,
            "/awslambda-",
            region.as_text(),
            "-tasks/snapshots/",
            account.as_text(),
            "/",
            function.as_text(),
            "-",
            uuid,
            "?",
            presigned,
        ]
    }

    /// Returns the endpoint that GetFunction refuses to presign, where it answers 500 instead of a
    /// location: the client library takes host names of letters, digits and hyphens only, and a
    /// release writes IPv6 without brackets.
    #[must_use]
    pub fn refused_endpoint(self) -> Option<Minted<'a>> {
        let endpoints = &self.endpoints;
        let refused = endpoints.rules.brackets != Brackets::Always
            && endpoints.rules.legacy.is_none()
            && !is_botocore_host(endpoints.host.text);
        refused.then(|| endpoints.url())
    }

    /// Returns `AWS_ENDPOINT_URL` inside a function, where `host` is the emulator's address in the
    /// function's network: always `http`, and the first listen port (4.14, semantics 8.1).
    #[must_use]
    pub fn endpoint_url(self, host: &'a Host) -> Minted<'a> {
        let brackets = self.endpoints.rules.brackets == Brackets::Always;
        let host = HostRef::of(host).part(brackets);
        mint!["http://", host, ":", self.endpoints.listen_port]
    }

    /// Returns `EDGE_PORT` inside a function.
    #[must_use]
    pub fn edge_port(self) -> Minted<'a> {
        mint![self.endpoints.listen_port]
    }
}

/// What `is_valid_endpoint_url` of botocore accepts as the host of an endpoint, as far as a host
/// can differ here: labels of 1 to 63 letters, digits and inner hyphens, 255 characters in all.
fn is_botocore_host(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        matches!(label.len(), 1..=63)
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 255 && name.split('.').all(is_label)
}

const FUNCTION: Input = Input::name("function", "name of the function", |text| {
    FunctionName::new(text).map(drop)
});

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "lambda.function_url",
        cli: "lambda-url",
        help: "URL of a function",
        inputs: &[
            Input::REGION,
            Input::name(
                "url_id",
                "id of the function URL, or the tag `_custom_id_`",
                |text| FunctionUrlId::new(text).map(drop),
            ),
        ],
        mint: |endpoints, inputs| {
            let lambda = endpoints.lambda();
            lambda
                .function_url(inputs.text("region"), inputs.text("url_id"))
                .into()
        },
    },
    Kind {
        name: "lambda.code_location",
        cli: "lambda-code",
        help: "`Code.Location` of GetFunction",
        inputs: &[
            Input::REGION,
            Input::ACCOUNT,
            FUNCTION,
            Input::defaulted(
                "uuid",
                "<uuid>",
                "random id of the code, by default a placeholder",
            ),
            Input::defaulted(
                "presigned",
                "<presigned>",
                "query, by default a placeholder",
            ),
        ],
        mint: |endpoints, inputs| {
            let lambda = endpoints.lambda();
            if let Some(endpoint) = lambda.refused_endpoint() {
                let body = format!(
                    "{{\"__type\": \"InternalError\", \"message\": \"exception while calling \
                     lambda.GetFunction: Invalid endpoint: {endpoint}\"}}"
                );
                return MintedValue::Object(vec![
                    ("error", MintedValue::Number(500)),
                    ("body", MintedValue::Text(body)),
                ]);
            }
            let location = lambda.code_location(
                inputs.text("region"),
                inputs.text("account"),
                inputs.text("function"),
                inputs.text("uuid"),
                inputs.text("presigned"),
            );
            location.into()
        },
    },
    Kind {
        name: "lambda.aws_endpoint_url",
        cli: "lambda-endpoint",
        help: "`AWS_ENDPOINT_URL` inside a function",
        inputs: &[Input::text(
            "host",
            "address of the emulator in the function's network",
        )],
        mint: |endpoints, inputs| {
            let host = Host::new(inputs.text("host"));
            endpoints.lambda().endpoint_url(&host).into()
        },
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addr::HostPort;
    use crate::endpoint::EndpointConfig;

    #[test]
    fn hosts_that_cannot_be_presigned_are_found() {
        let refused = |host: &str, version: TargetVersion| {
            let config = EndpointConfig::new(HostPort::new(host, 5000), version);
            config
                .endpoints()
                .lambda()
                .refused_endpoint()
                .map(|url| url.to_url())
        };
        let v4 = TargetVersion::new(4, 12);
        assert_eq!(refused("::1", v4).as_deref(), Some("http://::1:5000"));
        assert_eq!(
            refused("local_stack", v4).as_deref(),
            Some("http://local_stack:5000")
        );
        assert_eq!(refused("foo.bar.", v4), None);
        assert_eq!(refused("127.0.0.1", v4), None);
        let normalized = EndpointConfig::new(
            HostPort::new("::1", 1),
            crate::release::Semantics::Normalized,
        );
        assert!(normalized.endpoints().lambda().refused_endpoint().is_none());
    }
}
