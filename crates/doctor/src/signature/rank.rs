//! Which causes a failure has, the likeliest first: one row for each kind of failure, host and place.

use super::cause::{self, Advice};
use super::clean::Cleaned;
use super::host::{HostClass, Target};
use super::{Place, Signature};

/// One row. The first that fits counts; an empty list fits everything.
#[derive(Debug)]
pub(super) struct Row {
    signatures: &'static [Signature],
    classes: &'static [HostClass],
    places: &'static [Place],
    causes: &'static [&'static Advice],
}

macro_rules! ranking {
    ($([$($signature:ident)*] [$($class:ident)*] [$($place:ident)*] => [$($cause:ident)*];)*) => {
        /// The table.
        pub(super) static RANKING: &[Row] = &[$(Row {
            signatures: &[$(Signature::$signature),*],
            classes: &[$(HostClass::$class),*],
            places: &[$(Place::$place),*],
            causes: &[$(&cause::$cause),*],
        },)*];
    };
}

ranking! {
    [AwsAnswers] [] [] => [AWS];
    [BadHost] [] [] => [UNDERSCORE];
    [NoScheme] [] [] => [NO_SCHEME];
    [Proxy] [] [] => [PROXY NO_PROXY];
    [] [Aws] [] => [AWS];
    [CertName] [] [] => [CERT_NAME];
    [CertCa] [] [] => [CERT_CA];
    [CertExpired] [] [] => [CERT_OLD];
    [TlsPlain] [] [] => [PLAIN];
    [Vhost404] [] [] => [BUCKET_PATH BUCKET_MISSING];
    [VhostDns] [] [] => [BUCKET_HOST SUBDOMAIN];
    [QueueUrl] [] [] => [QUEUE_URL DNS_NOT_USED];
    [Stall] [] [] => [STALLED];

    [Refused] [Localhost] [Lambda] => [SELF_LAMBDA];
    [Refused] [Localhost] [Job] => [SELF_JOB NOT_READY];
    [Refused] [Localhost] [Container] => [SELF];
    [Refused] [Localhost] [Host] => [NOT_RUNNING NOT_PUBLISHED NOT_READY];
    [Refused] [Localhost] [] => [SELF NOT_RUNNING NOT_PUBLISHED];
    [V6Loop] [] [Lambda] => [SELF_LAMBDA];
    [V6Loop] [] [Container Job] => [SELF V6];
    [V6Loop] [] [] => [V6 NOT_RUNNING SELF];
    [Loopback Refused] [Domain] [Lambda] => [DNS_NOT_USED LAMBDA_DNS];
    [Loopback Refused] [Domain] [Container Job] => [DNS_NOT_USED];
    [Loopback Refused] [Domain] [Host] => [NOT_RUNNING NOT_PUBLISHED];
    [Loopback Refused] [Domain] [] => [DNS_NOT_USED NOT_RUNNING NOT_PUBLISHED];
    [Loopback] [] [] => [SELF NOT_RUNNING];
    [Refused] [DockerHost] [] => [PUBLISHED_ELSEWHERE NOT_RUNNING];
    [Refused] [PrivateIp] [] => [NOT_READY WRONG_PORT LOOPBACK_INSIDE STALE];
    [Refused] [Service Underscore BelowService BelowAddress Kubernetes Other] [] =>
        [NOT_READY WRONG_PORT LOOPBACK_INSIDE];
    [Refused] [] [] => [SELF NOT_RUNNING NOT_PUBLISHED NOT_READY];

    [NxDomain NoData DnsDead] [Service Underscore] [Host] => [ON_HOST];
    [NxDomain NoData DnsDead] [Service Underscore] [Container Job Lambda] =>
        [NO_SHARED_NETWORK NOT_RUNNING_NAME DEFAULT_BRIDGE NOBODY];
    [NxDomain NoData DnsDead] [Service Underscore] [] =>
        [NO_SHARED_NETWORK NOT_RUNNING_NAME ON_HOST DEFAULT_BRIDGE NOBODY];
    [NxDomain NoData DnsDead] [BelowService] [] => [SUBDOMAIN BUCKET_HOST];
    [NxDomain NoData DnsDead] [BelowAddress] [] => [BUCKET_HOST];
    [NxDomain NoData DnsDead] [DockerHost] [] => [HOST_GATEWAY];
    [NxDomain NoData] [Kubernetes] [] => [KUBERNETES_NAME];
    [DnsDead] [Kubernetes] [] => [OFFLINE KUBERNETES_NAME];
    [NxDomain NoData] [Domain] [Host] => [REBIND];
    [NxDomain NoData] [Domain] [] => [REBIND DNS_OFF];
    [DnsDead] [] [Host] => [OFFLINE REBIND];
    [DnsDead] [] [] => [DNS_GONE DNS_OFF OFFLINE];
    [NxDomain NoData] [Other] [] => [MINTED_HOST NOBODY];
    [NxDomain NoData] [] [] => [NO_SHARED_NETWORK REBIND];

    [Timeout] [Localhost LoopbackV6] [] => [STALLED];
    [Timeout] [Service Underscore] [] => [BLOCKED STALLED];
    [Timeout] [PrivateIp] [] => [ISOLATED STALE BLOCKED];
    [Timeout] [DockerHost] [] => [BLOCKED PUBLISHED_ELSEWHERE];
    [Timeout] [] [] => [ISOLATED BLOCKED STALLED];
    [NoRoute] [Service Underscore Domain BelowService] [] => [LINK NOT_RUNNING_NAME];
    [NoRoute] [Localhost LoopbackV6] [] => [NOT_RUNNING];
    [NoRoute] [PrivateIp] [] => [STALE NOT_RUNNING LINK];
    [NoRoute] [] [] => [STALE_NAME NOT_RUNNING LINK];
    [Empty] [Service Underscore PrivateIp Kubernetes] [] => [NOT_READY STALLED];
    [Empty] [] [] => [BEHIND_PUBLISHED LOOPBACK_INSIDE NOT_READY];
}

/// Returns the causes of a failure, the likeliest first.
pub(super) fn causes(
    signature: Signature,
    target: Option<&Target>,
    place: Place,
) -> Vec<&'static Advice> {
    let class = target.map(Target::class);
    let fits = |row: &&Row| {
        (row.signatures.is_empty() || row.signatures.contains(&signature))
            && (row.classes.is_empty() || class.is_some_and(|c| row.classes.contains(&c)))
            && (row.places.is_empty() || row.places.contains(&place))
    };
    let row = RANKING.iter().find(fits);
    let mut causes: Vec<_> = target.map_or(Vec::new(), |t| by_port(signature, t, place));
    causes.extend(row.into_iter().flat_map(|row| row.causes));
    if let Some(minted) = target.and_then(|t| minted(signature, t)) {
        causes.insert(causes.len().min(1), minted);
    }
    causes
}

/// What a port says whatever the host is.
fn by_port(signature: Signature, target: &Target, place: Place) -> Vec<&'static Advice> {
    use Signature::{Empty, Loopback, NoRoute, Refused, Timeout, V6Loop};
    let connects = matches!(
        signature,
        Refused | Loopback | V6Loop | Timeout | NoRoute | Empty
    );
    let by_host = matches!(target.class(), HostClass::Localhost | HostClass::Domain);
    match target.port {
        Some(4567..=4597) if connects => vec![&cause::ONE_PORT],
        Some(4510..=4559) if connects && by_host && place != Place::Container => {
            vec![&cause::SERVICE_PORT]
        }
        Some(port) if port != 4566 && connects && by_host && target.is_queue() => {
            vec![&cause::MINTED_PORT]
        }
        _ => Vec::new(),
    }
}

/// A URL of a queue comes from the emulator, not from the client's settings.
fn minted(signature: Signature, target: &Target) -> Option<&'static Advice> {
    use Signature::{DnsDead, Loopback, NoData, NxDomain, Refused};
    let fails = matches!(signature, NxDomain | NoData | DnsDead | Loopback | Refused);
    let minted = fails && target.is_queue() && target.class() != HostClass::Aws;
    minted.then_some(&cause::MINTED_HOST)
}

/// Texts that tell where a client runs, in lower case. The first that occurs counts.
const PLACES: &[(&str, Place)] = &[
    ("/var/task/", Place::Lambda),
    ("/var/runtime/", Place::Lambda),
    ("start requestid:", Place::Lambda),
    ("/__w/", Place::Job),
    ("127.0.0.11:53", Place::Container),
    ("/usr/src/app", Place::Container),
    ("/home/node/", Place::Container),
    ("(/app/", Place::Container),
    ("\"/app/", Place::Container),
    (" /app/", Place::Container),
    ("docker exec ", Place::Container),
    ("docker compose exec ", Place::Container),
    ("docker-compose exec ", Place::Container),
    ("127.0.0.53:53", Place::Host),
    ("c:\\users\\", Place::Host),
    ("/users/", Place::Host),
    ("/home/runner/", Place::Host),
];

/// Tells where the client runs, as far as the text shows it.
pub(super) fn place(text: &Cleaned) -> Place {
    let known = PLACES
        .iter()
        .find(|(needle, _)| text.lower.contains(needle));
    match known {
        Some((_, place)) => *place,
        None if text.composed => Place::Container,
        None => Place::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_can_be_reached_and_is_not_empty() {
        for (n, row) in RANKING.iter().enumerate() {
            assert!(!row.causes.is_empty(), "{row:?}");
            let covers = |earlier: &Row| {
                let signatures = earlier.signatures.is_empty()
                    || (!row.signatures.is_empty()
                        && row
                            .signatures
                            .iter()
                            .all(|s| earlier.signatures.contains(s)));
                let classes = earlier.classes.is_empty()
                    || (!row.classes.is_empty()
                        && row.classes.iter().all(|c| earlier.classes.contains(c)));
                let places = earlier.places.is_empty()
                    || (!row.places.is_empty()
                        && row.places.iter().all(|p| earlier.places.contains(p)));
                signatures && classes && places
            };
            assert!(
                !RANKING[..n].iter().any(covers),
                "covered by an earlier row: {row:?}"
            );
        }
    }

    #[test]
    fn every_failure_has_causes_wherever_it_happens() {
        for signature in Signature::ALL {
            assert!(
                !causes(*signature, None, Place::Unknown).is_empty(),
                "{signature:?}"
            );
        }
    }

    #[test]
    fn only_an_address_is_called_one() {
        for row in RANKING {
            let names_an_address = row.causes.iter().any(|c| std::ptr::eq(*c, &cause::STALE));
            assert!(
                !names_an_address || row.classes == [HostClass::PrivateIp],
                "{row:?}"
            );
        }
    }

    #[test]
    fn needles_are_in_lower_case() {
        for (needle, _) in PLACES {
            assert_eq!(*needle, needle.to_lowercase());
        }
    }
}
