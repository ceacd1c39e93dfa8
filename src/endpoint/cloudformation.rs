//! CloudFormation: pseudo parameters and the rewriting of `execute-api` URLs in templates.

use std::borrow::Cow;

use super::Endpoints;
use super::kinds::{Input, Kind, MintedValue};
use super::minted::{Minted, Part, mint};
use super::parse::template::split_template_url;
use crate::aws::{ApiId, BucketName, QueueName};

/// Mints the texts of CloudFormation.
#[derive(Debug, Clone, Copy)]
pub struct CloudFormation<'a> {
    endpoints: Endpoints<'a>,
}

impl<'a> Endpoints<'a> {
    /// Returns what mints the texts of CloudFormation.
    #[must_use]
    pub fn cloudformation(self) -> CloudFormation<'a> {
        CloudFormation { endpoints: self }
    }
}

impl<'a> CloudFormation<'a> {
    /// Returns `AWS::URLSuffix`: the host of returned URLs.
    #[must_use]
    pub fn url_suffix(self) -> Minted<'a> {
        mint![self.endpoints.plain_host()]
    }

    /// Rewrites a text of a template as LocalStack does.
    ///
    /// `http(s)://ANYTHING.execute-api.REGION.SUFFIX[/PATH]`, where the suffix is `amazonaws.com`
    /// or [`url_suffix`](Self::url_suffix), loses its region and gets the port of returned URLs.
    /// The suffix `amazonaws.com` stays, so that such a URL still points to AWS. Texts of
    /// `CFN_STRING_REPLACEMENT_DENY_LIST`, and all others, stay as they are.
    ///
    /// In normalized text an IP address takes no labels, so its URLs get API Gateway's path form.
    #[must_use]
    pub fn rewrite<'t>(self, text: &'t str) -> Cow<'t, str> {
        if self
            .endpoints
            .cfn_deny_list
            .iter()
            .any(|denied| **denied == *text)
        {
            return Cow::Borrowed(text);
        }
        let own = self.url_suffix().to_url();
        let suffixes = ["amazonaws.com", &own];
        let Some(url) = split_template_url(text, &suffixes) else {
            return Cow::Borrowed(text);
        };
        let port: Part<'_> = self.endpoints.port.into();
        let slash = if url.path.is_empty() { "" } else { "/" };
        let rewritten = if self.endpoints.takes_labels() || url.suffix != own {
            let name = ".execute-api.";
            mint![
                url.scheme, "://", url.name, name, url.suffix, ":", port, "/", url.path
            ]
        } else {
            let form = "/_aws/execute-api/";
            mint![
                url.scheme, "://", url.suffix, ":", port, form, url.name, slash, url.path
            ]
        };
        Cow::Owned(rewritten.to_url())
    }
}

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "cloudformation.url_suffix",
        cli: "cloudformation-suffix",
        help: "`AWS::URLSuffix`",
        inputs: &[],
        mint: |endpoints, _| endpoints.cloudformation().url_suffix().into(),
    },
    Kind {
        name: "cloudformation.rewrite",
        cli: "cloudformation-rewrite",
        help: "a text of a template after the rewriting of `execute-api` URLs",
        inputs: &[Input::text("text", "the text")],
        mint: |endpoints, inputs| {
            let rewritten = endpoints.cloudformation().rewrite(inputs.text("text"));
            MintedValue::Text(rewritten.into_owned())
        },
    },
    Kind {
        name: "cloudformation.outputs",
        cli: "cloudformation-outputs",
        help: "URLs in the outputs of a stack with a bucket, a queue and an API",
        inputs: &[
            Input::REGION,
            Input::ACCOUNT,
            Input::name("bucket", "name of the bucket", |text| {
                BucketName::new(text).map(drop)
            }),
            Input::name("queue", "name of the queue", |text| {
                QueueName::new(text).map(drop)
            }),
            Input::name("api_id", "id of the API", |text| ApiId::new(text).map(drop)),
        ],
        mint: |endpoints, inputs| {
            let cloudformation = endpoints.cloudformation();
            let (region, id) = (inputs.text("region"), inputs.text("api_id"));
            let bucket = inputs.text("bucket");
            let suffix = cloudformation.url_suffix();
            let api = |suffix: &str, path: &str| {
                let text = format!("https://{id}.execute-api.{region}.{suffix}{path}");
                MintedValue::Text(cloudformation.rewrite(&text).into_owned())
            };
            let s3 = endpoints.s3();
            // A stack makes its queue through an internal client, whose request it answers.
            let client = mint!["localhost:", endpoints.listen_port].to_url();
            let sqs = endpoints.sqs().request_host(&client);
            let queue = sqs.queue_url(region, inputs.text("account"), inputs.text("queue"));
            MintedValue::Object(vec![
                ("ApiId", id.into()),
                ("ApiUrl", api(&suffix.to_url(), "/prod/")),
                ("ApiUrlHard", api("amazonaws.com", "/prod")),
                ("BucketDomain", s3.domain_name(bucket).into()),
                ("BucketDual", "unknown".into()),
                ("BucketRegional", s3.domain_name(bucket).into()),
                ("BucketWeb", s3.website_url(bucket).into()),
                ("QueueRef", queue.into()),
                ("UrlSuffix", suffix.into()),
            ])
        },
    },
];
