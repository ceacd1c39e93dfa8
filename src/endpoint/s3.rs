//! S3: locations of buckets and objects.

use super::kinds::{Input, Kind, MintedValue};
use super::minted::{Escape, Fallback, Minted, Part, mint};
use super::{Endpoints, Port};
use crate::aws::{BucketName, NameOf, Region};
use crate::python::is_space;
use crate::release::{Line, TargetVersion};
use crate::resolve::CLOUD;

/// From here on CloudFormation's `WebsiteURL` has the port of `EDGE_PORT_HTTP or EDGE_PORT`; the
/// constant before had `EDGE_PORT`.
const WEBSITES_FOLLOW_HTTP_PORT: TargetVersion = TargetVersion::exact(2, 3, 0);

/// Mints the URLs of S3.
#[derive(Debug, Clone, Copy)]
pub struct S3<'a> {
    endpoints: Endpoints<'a>,
}

impl<'a> Endpoints<'a> {
    /// Returns what mints the URLs of S3.
    #[must_use]
    pub fn s3(self) -> S3<'a> {
        S3 { endpoints: self }
    }
}

impl<'a> S3<'a> {
    /// Returns the `Location` header of CreateBucket: a path in us-east-1, a URL elsewhere.
    #[must_use]
    pub fn create_bucket_location(
        self,
        region: &'a (impl NameOf<Region> + ?Sized),
        bucket: &'a (impl NameOf<BucketName> + ?Sized),
    ) -> Minted<'a> {
        match region.as_text() {
            "us-east-1" => mint!["/", bucket.as_text()],
            _ => self.header(bucket.as_text(), ""),
        }
    }

    /// Returns `Location` in the answer of CompleteMultipartUpload. A full URL in every region.
    ///
    /// Before 4.14.0 the key stands there as it is; the XML around it needs its own escaping.
    #[must_use]
    pub fn multipart_location(
        self,
        bucket: &'a (impl NameOf<BucketName> + ?Sized),
        key: &'a str,
    ) -> Minted<'a> {
        let escape = if self.endpoints.rules.encoded_keys {
            Escape::Path
        } else {
            Escape::Nothing
        };
        self.location(bucket.as_text(), Part::Key(key, escape), false)
    }

    /// Returns the `Location` header of a POST upload.
    #[must_use]
    pub fn post_object_header(
        self,
        bucket: &'a (impl NameOf<BucketName> + ?Sized),
        key: &'a str,
    ) -> Minted<'a> {
        self.header(bucket.as_text(), key)
    }

    /// Returns `Location` in the XML answer of a POST upload.
    #[must_use]
    pub fn post_object_xml(
        self,
        bucket: &'a (impl NameOf<BucketName> + ?Sized),
        key: &'a str,
    ) -> Minted<'a> {
        self.multipart_location(bucket, key)
    }

    /// Returns the path-style URL of an object, its key percent-encoded.
    #[must_use]
    pub fn path_url(
        self,
        bucket: &'a (impl NameOf<BucketName> + ?Sized),
        key: &'a str,
    ) -> Minted<'a> {
        self.path_style(bucket.as_text(), Part::Key(key, Escape::Path))
    }

    /// Returns the virtual-host URL of an object, its key percent-encoded.
    #[must_use]
    pub fn virtual_host_url(
        self,
        bucket: &'a (impl NameOf<BucketName> + ?Sized),
        key: &'a str,
    ) -> Minted<'a> {
        let key = Part::Key(key, Escape::Path);
        if self.endpoints.takes_labels() {
            let (host, port) = (self.endpoints.host(), self.virtual_port());
            let bucket = Part::Text(bucket.as_text());
            self.virtual_host(bucket, host, [":".into(), port.into()], key)
        } else {
            let path = self.path_style(bucket.as_text(), key);
            path.with_fallback(Some(Fallback::PathForm))
        }
    }

    /// Returns the URL of a website. Its port is `EDGE_PORT` up to 2.2. Its scheme is `http` whatever `USE_SSL` says
    /// (`s3/resource_providers/aws_s3_bucket.py`), and an IPv6 host has no brackets in a release.
    #[must_use]
    pub fn website_url(self, bucket: &'a (impl NameOf<BucketName> + ?Sized)) -> Minted<'a> {
        let (parent, fallback) = self.endpoints.parent(self.endpoints.plain_host());
        let port = match self.endpoints.rules.legacy {
            Some(version) if version < WEBSITES_FOLLOW_HTTP_PORT => self.endpoints.legacy.edge_port,
            _ => self.endpoints.port,
        };
        mint![
            "http://",
            bucket.as_text(),
            ".s3-website.",
            parent,
            ":",
            port
        ]
        .with_fallback(fallback)
    }

    /// Returns `DomainName` and `RegionalDomainName` of a bucket: no port, no region.
    #[must_use]
    pub fn domain_name(self, bucket: &'a (impl NameOf<BucketName> + ?Sized)) -> Minted<'a> {
        let (parent, fallback) = self.endpoints.parent(self.endpoints.plain_host());
        mint![bucket.as_text(), ".s3.", parent].with_fallback(fallback)
    }

    /// A `Location` header. From 3.0 on Werkzeug writes it anew (`iri_to_uri`); what came with
    /// older releases passes ASCII without white space as it is.
    fn header(self, bucket: &'a str, key: &'a str) -> Minted<'a> {
        let rules = &self.endpoints.rules;
        let plain = key.is_ascii() && !key.contains(is_space);
        let rewritten = rules.rewrites_headers && !(rules.legacy.is_some() && plain);
        let escape = match (rules.encoded_keys, rewritten) {
            (true, _) => Escape::Path,
            (false, true) => Escape::Header,
            (false, false) => Escape::Nothing,
        };
        self.location(bucket, Part::Key(key, escape), rewritten)
    }

    /// Virtual-host style where names below the host are known to resolve, else path style
    /// (`s3/utils.py`). Rewriting makes the authority lower-case and drops a port of 0.
    fn location(self, bucket: &'a str, key: Part<'a>, rewritten: bool) -> Minted<'a> {
        let endpoints = &self.endpoints;
        let legacy = &endpoints.legacy;
        let (host, port, below) = match endpoints.rules.legacy {
            Some(_) if legacy.external != "localhost" => {
                (Part::Text(legacy.external), legacy.url_port, false)
            }
            Some(version) if version.line() == Line::V1 => {
                (endpoints.host(), legacy.url_port, true)
            }
            Some(_) => (endpoints.host(), legacy.edge_port, true),
            None => (
                endpoints.host(),
                endpoints.port,
                endpoints.host.text == CLOUD,
            ),
        };
        let port = match port {
            Port::Number(0) if rewritten => ["".into(), "".into()],
            port => [":".into(), port.into()],
        };
        let name = |part: Part<'a>| if rewritten { part.lower() } else { part };
        if below {
            self.virtual_host(name(bucket.into()), name(host), port, key)
        } else {
            let ([colon, port], scheme) = (port, endpoints.scheme);
            mint![
                scheme,
                "://",
                name(host),
                colon,
                port,
                "/",
                bucket,
                "/",
                key
            ]
        }
    }

    /// The port in virtual-host names: up to 2.3 the one constant that uses `EDGE_PORT`.
    fn virtual_port(self) -> Port<'a> {
        match self.endpoints.rules.legacy {
            Some(_) => self.endpoints.legacy.edge_port,
            None => self.endpoints.port,
        }
    }

    fn virtual_host(
        self,
        bucket: Part<'a>,
        host: Part<'a>,
        [colon, port]: [Part<'a>; 2],
        key: Part<'a>,
    ) -> Minted<'a> {
        mint![
            self.endpoints.scheme,
            "://",
            bucket,
            ".s3.",
            host,
            colon,
            port,
            "/",
            key
        ]
    }

    fn path_style(self, bucket: &'a str, key: Part<'a>) -> Minted<'a> {
        let Endpoints { scheme, port, .. } = self.endpoints;
        mint![
            scheme,
            "://",
            self.endpoints.host(),
            ":",
            port,
            "/",
            bucket,
            "/",
            key
        ]
    }
}

const BUCKET: Input = Input::name("bucket", "name of the bucket", |text| {
    BucketName::new(text).map(drop)
});
const KEY: Input = Input::text("key", "key of the object");
const OPTIONAL_KEY: Input = Input::defaulted("key", "", "key of the object");

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "s3.create_bucket_location",
        cli: "s3-bucket",
        help: "`Location` of CreateBucket",
        inputs: &[Input::REGION, Input::ACCOUNT, BUCKET],
        mint: |endpoints, inputs| {
            let s3 = endpoints.s3();
            s3.create_bucket_location(inputs.text("region"), inputs.text("bucket"))
                .into()
        },
    },
    Kind {
        name: "s3.complete_multipart_location",
        cli: "s3-multipart",
        help: "`Location` of CompleteMultipartUpload",
        inputs: &[Input::REGION, Input::ACCOUNT, BUCKET, KEY],
        mint: |endpoints, inputs| {
            let s3 = endpoints.s3();
            s3.multipart_location(inputs.text("bucket"), inputs.text("key"))
                .into()
        },
    },
    Kind {
        name: "s3.post_object_location",
        cli: "s3-post",
        help: "`Location` of a POST upload, in header and XML",
        inputs: &[Input::REGION, Input::ACCOUNT, BUCKET, KEY],
        mint: |endpoints, inputs| {
            let s3 = endpoints.s3();
            let (bucket, key) = (inputs.text("bucket"), inputs.text("key"));
            MintedValue::Object(vec![
                ("header", s3.post_object_header(bucket, key).into()),
                ("xml", s3.post_object_xml(bucket, key).into()),
                ("status", MintedValue::Number(201)),
            ])
        },
    },
    Kind {
        name: "s3.path_url",
        cli: "s3-path",
        help: "path-style URL of a bucket or object",
        inputs: &[BUCKET, OPTIONAL_KEY],
        mint: |endpoints, inputs| {
            let s3 = endpoints.s3();
            s3.path_url(inputs.text("bucket"), inputs.text("key"))
                .into()
        },
    },
    Kind {
        name: "s3.virtual_host_url",
        cli: "s3-virtual-host",
        help: "virtual-host URL of a bucket or object",
        inputs: &[BUCKET, OPTIONAL_KEY],
        mint: |endpoints, inputs| {
            let s3 = endpoints.s3();
            s3.virtual_host_url(inputs.text("bucket"), inputs.text("key"))
                .into()
        },
    },
    Kind {
        name: "s3.website_url",
        cli: "s3-website",
        help: "URL of a static website",
        inputs: &[BUCKET],
        mint: |endpoints, inputs| endpoints.s3().website_url(inputs.text("bucket")).into(),
    },
    Kind {
        name: "s3.bucket_domain_name",
        cli: "s3-domain",
        help: "domain name of a bucket, as CloudFormation returns it",
        inputs: &[BUCKET],
        mint: |endpoints, inputs| endpoints.s3().domain_name(inputs.text("bucket")).into(),
    },
];
