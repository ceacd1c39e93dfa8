//! Names of container images.

use crate::release::TargetVersion;

/// Repositories of LocalStack, as the last two parts of an image's name.
const REPOSITORIES: [&str; 6] = [
    "localstack/localstack",
    "localstack/localstack-pro",
    "localstack/localstack-full",
    "localstack/localstack-light",
    "localstack/localstack-azure-alpha",
    "gresau/localstack-persist",
];

/// Suffixes of tags that name a build of the same release.
const BUILDS: [&str; 3] = ["-amd64", "-arm64", "-bigdata"];

/// An image by name: `registry/path/repository:tag@digest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Image<'a> {
    /// Everything before tag and digest.
    pub name: &'a str,
    /// The tag; may be empty where an interpolation gave nothing.
    pub tag: Option<&'a str>,
    /// The digest, `sha256:...`.
    pub digest: Option<&'a str>,
}

impl<'a> Image<'a> {
    /// Splits the name of an image. Any text is one.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        let text = text.trim();
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        // A colon before the last slash belongs to the port of a registry.
        let repository = rest.rfind('/').map_or(0, |at| at + 1);
        match rest.get(repository..).and_then(|last| last.find(':')) {
            Some(colon) => Self {
                name: rest.get(..repository + colon).unwrap_or_default(),
                tag: rest.get(repository + colon + 1..),
                digest,
            },
            None => Self {
                name: rest,
                tag: None,
                digest,
            },
        }
    }

    /// Returns the last two parts of the name, without registry and folders of a mirror.
    #[must_use]
    pub fn repository(&self) -> &'a str {
        let mut slashes = self.name.rmatch_indices('/').skip(1);
        match slashes.next() {
            Some((at, _)) => self.name.get(at + 1..).unwrap_or_default(),
            None => self.name,
        }
    }

    /// Returns whether the image is LocalStack, or a build of it that honours the same variables.
    #[must_use]
    pub fn is_localstack(&self) -> bool {
        REPOSITORIES.contains(&self.repository())
    }

    /// Returns whether the image is the licensed edition.
    #[must_use]
    pub fn is_pro(&self) -> bool {
        self.repository() == "localstack/localstack-pro"
    }

    /// Returns the release that the tag names. Without tag and digest that is `latest`.
    ///
    /// A digest alone, and a tag that is no version (`community-archive`), name no release.
    #[must_use]
    pub fn version(&self) -> Option<TargetVersion> {
        let tag = match (self.tag, self.digest) {
            (Some(tag), _) => tag,
            (None, None) => "latest",
            (None, Some(_)) => return None,
        };
        let build = BUILDS.iter().find_map(|suffix| tag.strip_suffix(suffix));
        build.unwrap_or(tag).parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, localstack: bool, version: Option<&str>) {
        let image = Image::parse(text);
        assert_eq!(image.is_localstack(), localstack, "{text}");
        let shown = image.version().map(|version| version.to_string());
        assert_eq!(shown.as_deref(), version, "{text}");
    }

    #[test]
    fn localstack_is_found_behind_any_registry() {
        check("localstack/localstack:3.8.1", true, Some("3.8.1"));
        check("localstack/localstack", true, Some("4.14.0"));
        check("localstack/localstack-pro:latest", true, Some("4.14.0"));
        check("localstack/localstack-full:0.14", true, Some("0.14.0"));
        check("gresau/localstack-persist:4", true, Some("4.14.0"));
        check("docker.io/localstack/localstack:1.4.0", true, Some("1.4.0"));
        check(
            "public.ecr.aws/localstack/localstack:2.3",
            true,
            Some("2.3.2"),
        );
        check(
            "mirror:5000/a/b/localstack/localstack:4.0.3@sha256:00",
            true,
            Some("4.0.3"),
        );
        check("mirror:5000/localstack/localstack", true, Some("4.14.0"));
        check(" localstack/localstack:stable ", true, Some("4.14.0"));
    }

    #[test]
    fn tags_that_are_no_version_name_no_release() {
        check("localstack/localstack@sha256:00", true, None);
        check("localstack/localstack:", true, None);
        check("localstack/localstack:community-archive", true, None);
        check("localstack/localstack:3.0-amd64", true, Some("3.0.2"));
        check("localstack/localstack:latest-arm64", true, Some("4.14.0"));
        check("localstack/localstack:s3-latest", true, None);
    }

    #[test]
    fn other_images_are_not_localstack() {
        for text in [
            "",
            "postgres:16",
            "localstack",
            "me/localstack:1.0",
            "localstack/lstk",
            "x/localstack/other",
            ":",
            "@",
            "/",
        ] {
            assert!(!Image::parse(text).is_localstack(), "{text}");
        }
        assert!(Image::parse("host/localstack/localstack-pro:4").is_pro());
    }
}
