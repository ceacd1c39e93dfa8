//! The table: in which responses URLs stand, and where in them.

use super::url::Kind;

/// A place in a document, and what stands there.
type Place = (&'static [&'static str], Kind);

/// Where URLs stand in the responses of one service.
#[derive(Debug)]
pub(crate) struct Fields {
    /// Keys from the top of a JSON document; `*` is any key.
    pub(super) json: &'static [Place],
    /// The last element names of an XML document.
    pub(super) xml: &'static [Place],
    /// Whether the `Location` header holds a URL of S3.
    pub(super) location: bool,
}

const fn json(json: &'static [Place]) -> Fields {
    Fields {
        json,
        xml: &[],
        location: false,
    }
}

const fn xml(xml: &'static [Place]) -> Fields {
    Fields {
        json: &[],
        xml,
        location: false,
    }
}

static SQS: Fields = Fields {
    json: &[
        (&["QueueUrl"], Kind::Queue),
        (&["QueueUrls"], Kind::Queue),
        (&["queueUrls"], Kind::Queue),
    ],
    xml: &[
        (&["CreateQueueResult", "QueueUrl"], Kind::Queue),
        (&["GetQueueUrlResult", "QueueUrl"], Kind::Queue),
        (&["ListQueuesResult", "QueueUrl"], Kind::Queue),
        (
            &["ListDeadLetterSourceQueuesResult", "QueueUrl"],
            Kind::Queue,
        ),
    ],
    location: false,
};

static S3: Fields = Fields {
    json: &[],
    xml: &[
        (
            &["CompleteMultipartUploadResult", "Location"],
            Kind::S3Location,
        ),
        (&["PostResponse", "Location"], Kind::S3Location),
    ],
    location: true,
};

static LAMBDA: Fields = json(&[
    (&["FunctionUrl"], Kind::FunctionUrl),
    (&["FunctionUrlConfigs", "FunctionUrl"], Kind::FunctionUrl),
    (&["Code", "Location"], Kind::Link),
    (&["Content", "Location"], Kind::Link),
]);

static API_GATEWAY: Fields = json(&[
    (&["regionalDomainName"], Kind::ApiDomain),
    (&["distributionDomainName"], Kind::Distribution),
    (&["item", "regionalDomainName"], Kind::ApiDomain),
    (&["item", "distributionDomainName"], Kind::Distribution),
]);

static API_GATEWAY_V2: Fields = json(&[
    (&["apiEndpoint"], Kind::ApiEndpoint),
    (&["items", "apiEndpoint"], Kind::ApiEndpoint),
    (
        &["domainNameConfigurations", "apiGatewayDomainName"],
        Kind::ApiDomain,
    ),
    (
        &["items", "domainNameConfigurations", "apiGatewayDomainName"],
        Kind::ApiDomain,
    ),
]);

static CLUSTERS: Fields = json(&[
    (&["DomainStatus", "Endpoint"], Kind::ClusterEndpoint),
    (&["DomainStatusList", "Endpoint"], Kind::ClusterEndpoint),
    (&["DomainStatus", "Endpoints", "*"], Kind::ClusterEndpoint),
    (
        &["DomainStatusList", "Endpoints", "*"],
        Kind::ClusterEndpoint,
    ),
]);

static ECR: Fields = json(&[
    (&["repository", "repositoryUri"], Kind::Repository),
    (&["repositories", "repositoryUri"], Kind::Repository),
    (&["authorizationData", "proxyEndpoint"], Kind::Repository),
]);

static APPSYNC: Fields = json(&[
    (&["graphqlApi", "uris", "*"], Kind::GraphQl),
    (&["graphqlApis", "uris", "*"], Kind::GraphQl),
]);

static LOAD_BALANCERS: Fields = xml(&[
    (&["CreateLoadBalancerResult", "DNSName"], Kind::LoadBalancer),
    (&["LoadBalancers", "member", "DNSName"], Kind::LoadBalancer),
    (
        &["LoadBalancerDescriptions", "member", "DNSName"],
        Kind::LoadBalancer,
    ),
]);

static CLOUDFRONT: Fields = xml(&[
    (&["Distribution", "DomainName"], Kind::Distribution),
    (&["DistributionSummary", "DomainName"], Kind::Distribution),
]);

static EC2: Fields = xml(&[(&["dnsEntrySet", "item", "dnsName"], Kind::VpcEndpoint)]);

static CLOUDFORMATION: Fields = xml(&[
    (&["Outputs", "member", "OutputValue"], Kind::Any),
    (&["PhysicalResourceId"], Kind::Any),
    (&["Exports", "member", "Value"], Kind::Any),
]);

/// The responses of `service` that carry URLs; `None` for all others.
pub(crate) fn fields(
    service: &str,
    method: &str,
    path: &str,
    query: &str,
) -> Option<&'static Fields> {
    Some(match service {
        "sqs" => &SQS,
        // Objects are never read: only uploads and the creation of buckets answer with a URL.
        "s3" if method == "POST" || (method == "PUT" && query.is_empty() && is_bucket(path)) => &S3,
        "lambda" if !path.ends_with("/invocations") => &LAMBDA,
        "apigateway" => &API_GATEWAY,
        "apigatewayv2" => &API_GATEWAY_V2,
        "es" | "opensearch" => &CLUSTERS,
        "ecr" => &ECR,
        "appsync" => &APPSYNC,
        "elb" | "elbv2" => &LOAD_BALANCERS,
        "cloudfront" => &CLOUDFRONT,
        "ec2" => &EC2,
        "cloudformation" => &CLOUDFORMATION,
        _ => return None,
    })
}

/// `/BUCKET` or `/BUCKET/`, or `/` at a virtual host.
fn is_bucket(path: &str) -> bool {
    !path.trim_matches('/').contains('/')
}
