//! What a URL can name.

use std::borrow::Cow;

use serde::Serialize;

use crate::endpoint::opensearch::Engine;

/// What a URL names. Fields are called like the inputs of the form that mints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "every field is documented by the input of its kind"
)]
pub enum Target<'a> {
    /// A queue; the region where the form holds one.
    Queue {
        region: Option<&'a str>,
        account: &'a str,
        queue: &'a str,
    },
    /// A bucket or object below `BUCKET.s3.HOST`. The key is decoded.
    VirtualHost { bucket: &'a str, key: Cow<'a, str> },
    /// A bucket or object below `HOST/BUCKET`. The key is decoded.
    PathStyle { bucket: &'a str, key: Cow<'a, str> },
    /// A static website.
    Website { bucket: &'a str, path: &'a str },
    /// A Lambda function URL. LocalStack does not route some regions that it mints, such as
    /// me-south-1.
    FunctionUrl {
        url_id: &'a str,
        region: &'a str,
        path: &'a str,
        routable: bool,
    },
    /// The code of a Lambda function.
    Code {
        region: &'a str,
        account: &'a str,
        function: &'a str,
        uuid: &'a str,
        presigned: &'a str,
    },
    /// The confirmation of a subscription.
    Subscribe { topic_arn: &'a str, token: &'a str },
    /// The end of a subscription.
    Unsubscribe { subscription_arn: &'a str },
    /// The certificate that signs notifications.
    SigningCert {},
    /// An API in its host form. Without `api_id` the request names the API in a header.
    Api {
        api_id: Option<&'a str>,
        vpce: Option<&'a str>,
        stage: &'a str,
        path: &'a str,
    },
    /// An API in its path form.
    ApiPath {
        api_id: &'a str,
        stage: &'a str,
        path: &'a str,
    },
    /// An API in its older path form.
    ApiLegacyPath {
        api_id: &'a str,
        stage: &'a str,
        path: &'a str,
    },
    /// A custom domain of API Gateway; `hash` is 8 hexadecimal digits.
    ApiDomain { hash: &'a str, path: &'a str },
    /// A domain of OpenSearch or Elasticsearch.
    Search {
        engine: Engine,
        region: &'a str,
        domain: &'a str,
        path: &'a str,
    },
    /// An interface endpoint in a VPC.
    VpcEndpoint {
        vpce: &'a str,
        uid: &'a str,
        service: &'a str,
        region: &'a str,
    },
    /// A distribution of CloudFront.
    Distribution {
        distribution: &'a str,
        path: &'a str,
    },
    /// A load balancer.
    LoadBalancer { name: &'a str, path: &'a str },
    /// A load balancer in its path form.
    LoadBalancerPath { name: &'a str, path: &'a str },
    /// A repository of ECR.
    Repository {
        account: &'a str,
        region: &'a str,
        repository: &'a str,
    },
    /// A user pool of Cognito.
    UserPool { pool: &'a str, path: &'a str },
    /// The token endpoint of Cognito.
    Token {},
    /// The login page of Cognito.
    Login {},
    /// A GraphQL API of AppSync.
    GraphQl { api_id: &'a str, realtime: bool },
    /// The broker of IoT.
    Broker { account: &'a str, region: &'a str },
    /// The root certificate of IoT.
    RootCa {},
    /// A repository of CodeArtifact.
    Packages {
        domain: &'a str,
        account: &'a str,
        region: &'a str,
        format: &'a str,
        repository: &'a str,
    },
    /// A container of MediaStore.
    Container { container: &'a str, path: &'a str },
    /// An instance on a port of its own: a database, cache, broker or registry.
    Instance { path: &'a str },
    /// The gateway itself.
    Gateway {},
}

impl Target<'_> {
    /// Returns the name of the form on the command line.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Queue { .. } => "sqs-queue",
            Self::VirtualHost { .. } => "s3-virtual-host",
            Self::PathStyle { .. } => "s3-path",
            Self::Website { .. } => "s3-website",
            Self::FunctionUrl { .. } => "lambda-url",
            Self::Code { .. } => "lambda-code",
            Self::Subscribe { .. } => "sns-subscribe",
            Self::Unsubscribe { .. } => "sns-unsubscribe",
            Self::SigningCert {} => "sns-cert",
            Self::Api { .. } => "apigateway",
            Self::ApiPath { .. } => "apigateway-path",
            Self::ApiLegacyPath { .. } => "apigateway-legacy-path",
            Self::ApiDomain { .. } => "apigateway-domain",
            Self::Search {
                engine: Engine::OpenSearch,
                ..
            } => "opensearch-endpoint",
            Self::Search {
                engine: Engine::Es, ..
            } => "es-endpoint",
            Self::VpcEndpoint { .. } => "ec2-vpc-endpoint",
            Self::Distribution { .. } => "cloudfront",
            Self::LoadBalancer { .. } => "elb",
            Self::LoadBalancerPath { .. } => "elb-path",
            Self::Repository { .. } => "ecr",
            Self::UserPool { .. } => "cognito-issuer",
            Self::Token {} => "cognito-token",
            Self::Login {} => "cognito-login",
            Self::GraphQl {
                realtime: false, ..
            } => "appsync",
            Self::GraphQl { realtime: true, .. } => "appsync-realtime",
            Self::Broker { .. } => "iot",
            Self::RootCa {} => "iot-ca",
            Self::Packages { .. } => "codeartifact",
            Self::Container { .. } => "mediastore",
            Self::Instance { .. } => "instance",
            Self::Gateway {} => "gateway",
        }
    }
}
