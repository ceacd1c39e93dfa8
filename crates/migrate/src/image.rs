//! What an image reference says about the server: which product, and which release.

use lsconfig::release::{NEWEST_KNOWN, TargetVersion};

/// What kind of software an image holds, as far as its name shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Product {
    /// An image of LocalStack itself: `localstack/localstack`, `localstack/localstack-pro`.
    LocalStack,
    /// An image of LocalStack's name that somebody else publishes; its own `ENV` may differ.
    Custom,
    /// Another emulator that honours the same names.
    Emulator,
    /// A database, mail server or the like: never reads these names.
    Unrelated,
    /// Anything else, or a reference that is a template as a whole.
    Other,
}

/// Which release runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Release {
    /// Named by a tag, a version pin or a flag.
    Known(TargetVersion),
    /// A tag that moves (`latest`, `4`, none): the newest release that this build knows of the line.
    Floating(TargetVersion),
    /// Not known; holds the reason, as a fragment.
    Unknown(&'static str),
}

impl Release {
    /// Returns the release to judge by, where there is one.
    #[must_use]
    pub fn version(&self) -> Option<TargetVersion> {
        match self {
            Self::Known(version) | Self::Floating(version) => Some(*version),
            Self::Unknown(_) => None,
        }
    }
}

/// An image reference, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The reference as written.
    pub text: String,
    /// What it holds.
    pub product: Product,
    /// Which release of LocalStack, if it is one.
    pub release: Release,
}

/// Repositories of the organisation `localstack` that hold the server.
const SERVERS: [&str; 5] = [
    "localstack",
    "localstack-pro",
    "localstack-full",
    "localstack-light",
    "localstack-arm",
];

/// Other emulators that keep LocalStack's old names.
const EMULATORS: [&str; 3] = ["floci", "ministack", "overcast"];

/// Images on which the names are certainly stray.
const UNRELATED: [&str; 14] = [
    "postgres",
    "postgis",
    "mysql",
    "mariadb",
    "mongo",
    "redis",
    "valkey",
    "rabbitmq",
    "mailhog",
    "mailpit",
    "maildev",
    "greenmail",
    "elasticsearch",
    "kafka",
];

impl Image {
    /// Takes a reference apart. Registry and organisation prefixes are allowed.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let trimmed = text.trim();
        let (standard, expression) = match default_of(trimmed) {
            Some(standard) => (standard, true),
            None => (trimmed, false),
        };
        let (name, tag, digest) = split(standard);
        let product = product(name);
        let release = match product {
            Product::LocalStack | Product::Custom if expression => {
                Release::Unknown("the image is an expression")
            }
            Product::Custom => Release::Unknown("the image is built by somebody else"),
            Product::LocalStack if digest => Release::Unknown("a digest names no release"),
            Product::LocalStack => tag_release(tag),
            _ => Release::Unknown("not an image of LocalStack"),
        };
        Self {
            text: trimmed.to_owned(),
            product,
            release,
        }
    }
}

/// Returns what `${NAME:-IMAGE}` holds when nothing sets the name.
fn default_of(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("${")?.strip_suffix('}')?;
    let (_, standard) = inner.split_once('-')?;
    (!inner.contains('}')).then_some(standard)
}

/// Splits a reference into repository, tag and whether a digest pins it.
fn split(text: &str) -> (&str, Option<&str>, bool) {
    let (text, digest) = match text.split_once('@') {
        Some((name, _)) => (name, true),
        None => (text, false),
    };
    // `${REGISTRY:-x}/localstack:1` has colons inside the expression.
    let mut depth = 0usize;
    let mut colon = None;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' | b'(' => depth += 1,
            b'}' | b')' => depth = depth.saturating_sub(1),
            b':' if depth == 0 => colon = Some(at),
            b'/' if depth == 0 => colon = None,
            _ => {}
        }
    }
    match colon {
        Some(at) => (&text[..at], Some(&text[at + 1..]), digest),
        None => (text, None, digest),
    }
}

fn product(name: &str) -> Product {
    let lower = name.to_ascii_lowercase();
    let mut parts = lower.rsplit('/');
    let last = parts.next().unwrap_or_default();
    let organisation = parts.next();
    if EMULATORS.iter().any(|e| lower.split('/').any(|p| p == *e)) {
        return Product::Emulator;
    }
    if organisation == Some("localstack") && SERVERS.contains(&last) {
        return Product::LocalStack;
    }
    if last == "localstack-persist" {
        return Product::Custom;
    }
    // `app-localstack` may as well be an application that is tested against it.
    if SERVERS.contains(&last) {
        return Product::Custom;
    }
    if is_unrelated(last) {
        return Product::Unrelated;
    }
    Product::Other
}

/// Returns whether the last part of an image's name is that of a database, a mail server or the
/// like.
pub(crate) fn is_unrelated(last: &str) -> bool {
    UNRELATED.contains(&last)
}

/// Reads the release out of a tag.
#[must_use]
pub fn tag_release(tag: Option<&str>) -> Release {
    let Some(tag) = tag else {
        return Release::Floating(NEWEST_KNOWN);
    };
    if tag.contains(['$', '{', '<', '(']) {
        return Release::Unknown("the tag is a template");
    }
    let architecture = ["-amd64", "-arm64"];
    let bare = architecture
        .iter()
        .find_map(|suffix| tag.strip_suffix(suffix))
        .unwrap_or(tag);
    if matches!(bare, "latest" | "stable" | "s3-latest") {
        return Release::Floating(NEWEST_KNOWN);
    }
    match bare.parse::<TargetVersion>() {
        Ok(version) if bare.contains('.') => Release::Known(version),
        Ok(version) => Release::Floating(version),
        Err(_) => Release::Unknown("the tag names no release"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, product: Product, version: Option<(u16, u16)>) {
        let image = Image::parse(text);
        assert_eq!(image.product, product, "{text}");
        let found = image.release.version().map(|v| (v.major, v.minor));
        assert_eq!(found, version, "{text}");
    }

    #[test]
    fn references_are_recognised() {
        use Product::*;
        check("localstack/localstack", LocalStack, Some((4, 14)));
        check("localstack/localstack:1.4.0", LocalStack, Some((1, 4)));
        check("localstack/localstack:2", LocalStack, Some((2, 3)));
        check("localstack/localstack-pro:3.0", LocalStack, Some((3, 0)));
        check(
            "docker.io/localstack/localstack:0.14.2",
            LocalStack,
            Some((0, 14)),
        );
        check(
            "reg:5000/localstack/localstack:2.1.0",
            LocalStack,
            Some((2, 1)),
        );
        check(
            "localstack/localstack:latest-arm64",
            LocalStack,
            Some((4, 14)),
        );
        check("localstack/localstack:${TAG:-3.0}", LocalStack, None);
        check("localstack/localstack:{{ .tag }}", LocalStack, None);
        check("localstack/localstack@sha256:00", LocalStack, None);
        check("localstack/localstack:3.0@sha256:00", LocalStack, None);
        check("localstack/localstack:community-archive", LocalStack, None);
        check("ghcr.io/acme/localstack:3", Custom, None);
        check("acme/my-localstack", Other, None);
        check("acme/localstack-init", Other, None);
        check("floci/floci:latest", Emulator, None);
        check("postgres:15", Unrelated, None);
        check("example/worker", Other, None);
        check("localstack/aws-replicator", Other, None);
        check("${IMAGE}", Other, None);
        check("${IMAGE:-localstack/localstack:3.0.2}", LocalStack, None);
        check("${IMAGE:-postgres:15}", Unrelated, None);
        check("gresau/localstack-persist:3", Custom, None);
    }
}
