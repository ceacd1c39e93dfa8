//! "Did you mean": the nearest of a few names.

/// How many edits a name may be away from the one that was meant.
const MAX_EDITS: usize = 3;

/// Returns the candidate that `name` probably means: nearest by edits, or one that contains it or
/// is contained in it.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    let name = name.to_ascii_lowercase().replace(['_', '.', ' '], "-");
    let near = candidates
        .clone()
        .map(|candidate| (strsim::osa_distance(&name, candidate), candidate))
        .filter(|(edits, _)| *edits <= MAX_EDITS.min(name.len() / 2))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate);
    near.or_else(|| {
        let mut candidates = candidates;
        candidates.find(|c| name.len() > 2 && (c.contains(&*name) || name.contains(c)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found() {
        let of = |name| nearest(name, ["sqs-queue", "s3-website", "lambda-url"].into_iter());
        assert_eq!(of("sqs-queu"), Some("sqs-queue"));
        assert_eq!(of("SQS_QUEUE"), Some("sqs-queue"));
        assert_eq!(of("queue"), Some("sqs-queue"));
        assert_eq!(of("lamdba-url"), Some("lambda-url"));
        assert_eq!(of("s3-website-url"), Some("s3-website"));
        assert_eq!(of("q"), None);
        assert_eq!(of("cloudfront"), None);
    }
}
