//! `execute-api` URLs in CloudFormation templates.

use crate::aws;

/// A URL of a template, taken apart for rewriting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TemplateUrl<'a> {
    /// `http` or `https`.
    pub scheme: &'a str,
    /// What stands before `.execute-api.`.
    pub name: &'a str,
    /// The suffix, one of those asked for.
    pub suffix: &'a str,
    /// The path without its first slash.
    pub path: &'a str,
}

/// Recognises `http(s)://NAME.execute-api.REGION.SUFFIX[/PATH]` with one of `suffixes`. The name is
/// as long as possible, and the whole text is one line.
#[must_use]
pub fn split_template_url<'a>(text: &'a str, suffixes: &[&str]) -> Option<TemplateUrl<'a>> {
    let (scheme, rest) = text.split_once("://")?;
    if !matches!(scheme, "http" | "https") || text.contains('\n') {
        return None;
    }
    rest.rmatch_indices(".execute-api.")
        .find_map(|(at, label)| {
            let name = &rest[..at];
            let (region, rest) = rest[at + label.len()..].split_once('.')?;
            if name.is_empty() || !aws::is_region_shaped(region) {
                return None;
            }
            suffixes.iter().find_map(|suffix| {
                let path = rest.strip_prefix(suffix)?;
                if !path.is_empty() && !path.starts_with('/') {
                    return None;
                }
                Some(TemplateUrl {
                    scheme,
                    name,
                    suffix: &rest[..suffix.len()],
                    path: path.strip_prefix('/').unwrap_or(path),
                })
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(&str, &str, &str)>) {
        let url = split_template_url(text, &["amazonaws.com", "foo.bar", "::1"]);
        assert_eq!(url.map(|u| (u.name, u.suffix, u.path)), expected, "{text}");
    }

    #[test]
    fn urls_need_region_and_suffix() {
        check(
            "https://a.execute-api.us-east-1.foo.bar/prod/",
            Some(("a", "foo.bar", "prod/")),
        );
        check(
            "http://a.b.execute-api.us-gov-west-1.amazonaws.com",
            Some(("a.b", "amazonaws.com", "")),
        );
        check("http://a.execute-api.x-y-9.::1/p", Some(("a", "::1", "p")));
        check("http://a.execute-api.foo.bar/prod", None);
        check("http://a.execute-api.us-east-1.other/prod", None);
        check("http://a.execute-api.us-east-1.foo.bars", None);
        check("wss://a.execute-api.us-east-1.foo.bar", None);
        check("see http://a.execute-api.us-east-1.foo.bar", None);
        check("http://.execute-api.us-east-1.foo.bar", None);
        check("http://a.execute-api.us-east-1.foo.bar/\nx", None);
    }
}
