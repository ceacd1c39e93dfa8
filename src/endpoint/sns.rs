//! SNS: the URLs in notifications.

use super::kinds::{Input, Kind};
use super::minted::{Minted, Part, mint};
use super::{Endpoints, Port};

/// The certificate that signs notifications. The digits spell `localstacksnice`.
pub(super) const CERTIFICATE_PATH: &str =
    "/_aws/sns/SimpleNotificationService-6c6f63616c737461636b69736e696365.pem";

/// Mints the URLs of SNS (`sns/publisher.py`).
#[derive(Debug, Clone, Copy)]
pub struct Sns<'a> {
    endpoints: Endpoints<'a>,
}

impl<'a> Endpoints<'a> {
    /// Returns what mints the URLs of SNS.
    #[must_use]
    pub fn sns(self) -> Sns<'a> {
        Sns { endpoints: self }
    }
}

impl<'a> Sns<'a> {
    /// Returns `SubscribeURL`, which confirms a subscription. The ARN is not encoded.
    #[must_use]
    pub fn subscribe_url(self, topic_arn: &'a str, token: &'a str) -> Minted<'a> {
        let [scheme, slashes, host, colon, port] = self.base();
        let action = "/?Action=ConfirmSubscription&TopicArn=";
        mint![
            scheme, slashes, host, colon, port, action, topic_arn, "&Token=", token
        ]
    }

    /// Returns `UnsubscribeURL`. The ARN is not encoded.
    #[must_use]
    pub fn unsubscribe_url(self, subscription_arn: &'a str) -> Minted<'a> {
        let [scheme, slashes, host, colon, port] = self.base();
        let action = "/?Action=Unsubscribe&SubscriptionArn=";
        mint![scheme, slashes, host, colon, port, action, subscription_arn]
    }

    /// Returns `SigningCertURL`.
    #[must_use]
    pub fn signing_cert_url(self) -> Minted<'a> {
        let [scheme, slashes, host, colon, port] = self.base();
        mint![scheme, slashes, host, colon, port, CERTIFICATE_PATH]
    }

    /// What every URL begins with: `SNS_CERT_URL_HOST` over https when that is set, whose name
    /// promises less (`get_cert_base_url`).
    fn base(self) -> [Part<'a>; 5] {
        if let Some(host) = self.endpoints.sns_cert_url_host
            && self.endpoints.rules.sns_cert_url_host
        {
            return ["https", "://", host, "", ""].map(Part::Text);
        }
        let (host, port) = self.authority();
        let scheme = self.endpoints.scheme;
        [scheme.into(), "://".into(), host, ":".into(), port.into()]
    }

    /// Up to 2.3 `HOSTNAME_EXTERNAL` with `EDGE_PORT_HTTP or EDGE_PORT`.
    fn authority(self) -> (Part<'a>, Port<'a>) {
        let legacy = &self.endpoints.legacy;
        match self.endpoints.rules.legacy {
            Some(_) => (Part::Text(legacy.external), legacy.url_port),
            None => (self.endpoints.plain_host(), self.endpoints.port),
        }
    }
}

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "sns.subscribe_url",
        cli: "sns-subscribe",
        help: "`SubscribeURL` of a confirmation",
        inputs: &[
            Input::text("topic_arn", "ARN of the topic"),
            Input::defaulted("token", "<token>", "token, by default a placeholder"),
        ],
        mint: |endpoints, inputs| {
            let sns = endpoints.sns();
            sns.subscribe_url(inputs.text("topic_arn"), inputs.text("token"))
                .into()
        },
    },
    Kind {
        name: "sns.unsubscribe_url",
        cli: "sns-unsubscribe",
        help: "`UnsubscribeURL` of a notification",
        inputs: &[Input::text("subscription_arn", "ARN of the subscription")],
        mint: |endpoints, inputs| {
            endpoints
                .sns()
                .unsubscribe_url(inputs.text("subscription_arn"))
                .into()
        },
    },
    Kind {
        name: "sns.signing_cert_url",
        cli: "sns-cert",
        help: "`SigningCertURL` of a notification",
        inputs: &[],
        mint: |endpoints, _| endpoints.sns().signing_cert_url().into(),
    },
];
