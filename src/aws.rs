//! Names that AWS gives to things, as types of their own.
//!
//! `new` checks a text by AWS's rules and says what is wrong with it. `verbatim` takes a text that
//! an emulator has accepted already: LocalStack is more lenient than AWS. A function that needs a
//! name takes [`NameOf`] it: the newtype, or a plain text that the caller vouches for. Two newtypes
//! cannot be swapped.

use std::fmt;

use serde::Serialize;

/// A text that stands for a `T`: a `T` itself, or a plain text taken verbatim.
pub trait NameOf<T> {
    /// Returns the text.
    fn as_text(&self) -> &str;
}

impl<T> NameOf<T> for str {
    fn as_text(&self) -> &str {
        self
    }
}

impl<T> NameOf<T> for String {
    fn as_text(&self) -> &str {
        self
    }
}

impl<T, N: NameOf<T> + ?Sized> NameOf<T> for &N {
    fn as_text(&self) -> &str {
        (**self).as_text()
    }
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $what:literal, $check:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Box<str>);

        impl $name {
            /// Checks `text` by AWS's rules.
            ///
            /// # Errors
            ///
            /// [`NameError`] with the first rule that the text breaks.
            pub fn new(text: impl Into<Box<str>>) -> Result<Self, NameError> {
                let text = text.into();
                let check: fn(&str) -> Result<(), NameErrorKind> = $check;
                match check(&text) {
                    Ok(()) => Ok(Self(text)),
                    Err(kind) => Err(NameError { what: $what, text, kind }),
                }
            }

            /// Takes a text that an emulator has accepted, without a check.
            #[must_use]
            pub fn verbatim(text: impl Into<Box<str>>) -> Self {
                Self(text.into())
            }

            /// Returns the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl NameOf<$name> for $name {
            fn as_text(&self) -> &str {
                &self.0
            }
        }
    )*};
}

names! {
    /// A region: `us-east-1`, `us-gov-west-1`. Two or three words and a number of one or two
    /// digits, joined by hyphens; whether the region exists is not checked.
    Region = "region", check_region;
    /// An account: exactly 12 ASCII digits.
    AccountId = "account id", |text| {
        length(text, 12, 12)?;
        characters(text, "digits", |b| b.is_ascii_digit())
    };
    /// A bucket for general purposes, by the rules of the S3 user guide, "Bucket naming rules".
    BucketName = "bucket name", check_bucket;
    /// A queue: 1 to 80 letters, digits, hyphens and underscores; `.fifo` at the end counts too.
    QueueName = "queue name", |text| {
        length(text, 1, 80)?;
        let stem = text.strip_suffix(".fifo").unwrap_or(text);
        length(stem, 1, 80)?;
        characters(stem, "letters, digits, `-` and `_`", is_word)
    };
    /// A Lambda function: 1 to 64 letters, digits, hyphens and underscores.
    FunctionName = "function name", |text| {
        length(text, 1, 64)?;
        characters(text, "letters, digits, `-` and `_`", is_word)
    };
    /// The first label of a Lambda function URL. LocalStack draws 32 letters and digits, or takes
    /// the tag `_custom_id_`.
    FunctionUrlId = "function URL id", check_label;
    /// The id of an API of API Gateway, also from the tag `_custom_id_`.
    ApiId = "API id", check_label;
    /// The name of an OpenSearch or Elasticsearch domain: 3 to 28 lower-case letters, digits and
    /// hyphens, a letter first.
    SearchDomain = "domain name", |text| {
        length(text, 3, 28)?;
        characters(text, "lower-case letters, digits and `-`", |b| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'
        })?;
        if text.starts_with(|c: char| c.is_ascii_lowercase()) {
            Ok(())
        } else {
            Err(NameErrorKind::Edge("has to begin with a lower-case letter"))
        }
    };
    /// The id of a VPC endpoint: `vpce-` and 8 or 17 hexadecimal digits.
    VpcEndpointId = "VPC endpoint id", |text| {
        let shape = || NameErrorKind::Shape("`vpce-` and 8 or 17 hexadecimal digits");
        let id = text.strip_prefix("vpce-").ok_or_else(shape)?;
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if matches!(id.len(), 8 | 17) && id.bytes().all(hex) { Ok(()) } else { Err(shape()) }
    };
}

/// Why a text is not a name of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} `{text}` {kind}")]
pub struct NameError {
    /// The kind of name, for people: `bucket name`.
    pub what: &'static str,
    /// The text as given.
    pub text: Box<str>,
    /// The rule that it breaks.
    pub kind: NameErrorKind,
}

/// A rule that a name breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameErrorKind {
    /// The length, in characters, is out of range.
    #[error("has {found} characters; {} allowed", range(*.min, *.max))]
    Length {
        /// The shortest length allowed.
        min: usize,
        /// The longest length allowed.
        max: usize,
        /// The length found.
        found: usize,
    },
    /// A character is not allowed.
    #[error("contains {character:?} at character {position}; allowed are {allowed}")]
    Character {
        /// The first character that is not allowed.
        character: char,
        /// Where it stands, in characters, from 1.
        position: usize,
        /// What is allowed, for people.
        allowed: &'static str,
    },
    /// The first or last character is not allowed there.
    #[error("{0}")]
    Edge(&'static str),
    /// Two dots are adjacent.
    #[error("contains `..`")]
    AdjacentDots,
    /// The text is formed like an IPv4 address.
    #[error("is formed like an IP address")]
    IpAddress,
    /// The text begins with something AWS keeps for itself.
    #[error("begins with `{0}`, which is reserved")]
    ReservedPrefix(&'static str),
    /// The text ends with something AWS keeps for itself.
    #[error("ends with `{0}`, which is reserved")]
    ReservedSuffix(&'static str),
    /// The text as a whole has another form.
    #[error("is not formed as {0}")]
    Shape(&'static str),
}

fn range(min: usize, max: usize) -> String {
    if min == max {
        format!("exactly {min} are")
    } else {
        format!("{min} to {max} are")
    }
}

fn length(text: &str, min: usize, max: usize) -> Result<(), NameErrorKind> {
    let found = text.chars().count();
    if (min..=max).contains(&found) {
        Ok(())
    } else {
        Err(NameErrorKind::Length { min, max, found })
    }
}

fn characters(
    text: &str,
    allowed: &'static str,
    is_allowed: impl Fn(u8) -> bool,
) -> Result<(), NameErrorKind> {
    let fault =
        |&(_, c): &(usize, char)| !u8::try_from(c).is_ok_and(|b| b.is_ascii() && is_allowed(b));
    match text.chars().enumerate().find(fault) {
        None => Ok(()),
        Some((n, character)) => Err(NameErrorKind::Character {
            character,
            position: n + 1,
            allowed,
        }),
    }
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')
}

/// Two or three words of lower-case letters and a number of one or two digits: what 5.5 calls
/// `x-y-9` and `x-y-z-9`.
fn check_region(text: &str) -> Result<(), NameErrorKind> {
    characters(text, "lower-case letters, digits and `-`", |b| {
        b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'
    })?;
    let shape = || NameErrorKind::Shape("words and a number joined by `-`, such as `us-east-1`");
    let (words, number) = text.rsplit_once('-').ok_or_else(shape)?;
    let is_number = matches!(number.len(), 1..=2) && number.bytes().all(|b| b.is_ascii_digit());
    let mut count = 0;
    let all_words = words.split('-').all(|word| {
        count += 1;
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase())
    });
    if is_number && all_words && matches!(count, 2..=3) {
        Ok(())
    } else {
        Err(shape())
    }
}

/// Returns whether `text` could be a region, without saying why not.
pub(crate) fn is_region(text: &str) -> bool {
    check_region(text).is_ok()
}

/// Returns whether `text` has the shape `x-y-9` or `x-y-z-9`, whatever `x`, `y` and `z` are.
pub(crate) fn is_region_shaped(text: &str) -> bool {
    let mut parts = text.rsplit('-');
    let digit = parts
        .next()
        .is_some_and(|n| n.len() == 1 && n.bytes().all(|b| b.is_ascii_digit()));
    let mut words = 0;
    digit
        && parts.all(|word| {
            words += 1;
            !word.is_empty()
        })
        && matches!(words, 2..=3)
}

fn check_bucket(text: &str) -> Result<(), NameErrorKind> {
    const PREFIXES: [&str; 3] = ["xn--", "sthree-", "amzn-s3-demo-"];
    const SUFFIXES: [&str; 5] = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];
    length(text, 3, 63)?;
    characters(text, "lower-case letters, digits, `.` and `-`", |b| {
        b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-')
    })?;
    if text.starts_with(['.', '-']) || text.ends_with(['.', '-']) {
        return Err(NameErrorKind::Edge(
            "has to begin and end with a letter or digit",
        ));
    }
    if text.contains("..") {
        return Err(NameErrorKind::AdjacentDots);
    }
    let mut parts = 0;
    let numeric = |part: &str| {
        parts += 1;
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())
    };
    if text.split('.').all(numeric) && parts == 4 {
        return Err(NameErrorKind::IpAddress);
    }
    if let Some(prefix) = PREFIXES.into_iter().find(|p| text.starts_with(p)) {
        return Err(NameErrorKind::ReservedPrefix(prefix));
    }
    if let Some(suffix) = SUFFIXES.into_iter().find(|s| text.ends_with(s)) {
        return Err(NameErrorKind::ReservedSuffix(suffix));
    }
    Ok(())
}

/// A host label (RFC 1123, 2.1).
fn check_label(text: &str) -> Result<(), NameErrorKind> {
    length(text, 1, 63)?;
    characters(text, "letters, digits and `-`", |b| {
        b.is_ascii_alphanumeric() || b == b'-'
    })?;
    if text.starts_with('-') || text.ends_with('-') {
        return Err(NameErrorKind::Edge(
            "has to begin and end with a letter or digit",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: fmt::Display>(result: Result<T, NameError>, expected: &str) {
        let shown = result.map_or_else(|e| e.to_string(), |name| name.to_string());
        assert_eq!(shown, expected);
    }

    #[test]
    fn bucket_names_follow_the_user_guide() {
        for good in [
            "abc",
            "my.dotted.us-east-1",
            "1.2.3",
            "1.2.3.4.5",
            "a-.b",
            &"a".repeat(63),
        ] {
            check(BucketName::new(good), good);
        }
        let bad = |text: &str, why: &str| {
            check(
                BucketName::new(text),
                &format!("bucket name `{text}` {why}"),
            );
        };
        bad("ab", "has 2 characters; 3 to 63 are allowed");
        bad(
            "my_bucket",
            "contains '_' at character 3; allowed are lower-case letters, digits, `.` and `-`",
        );
        bad(
            "büro",
            "contains 'ü' at character 2; allowed are lower-case letters, digits, `.` and `-`",
        );
        bad("-abc", "has to begin and end with a letter or digit");
        bad("abc.", "has to begin and end with a letter or digit");
        bad("a..b", "contains `..`");
        bad("192.168.5.4", "is formed like an IP address");
        bad("xn--abc", "begins with `xn--`, which is reserved");
        bad("abc--ol-s3", "ends with `--ol-s3`, which is reserved");
    }

    #[test]
    fn queue_names_may_end_in_fifo() {
        check(QueueName::new("orders.fifo"), "orders.fifo");
        check(QueueName::new("A_b-1"), "A_b-1");
        check(
            QueueName::new(".fifo"),
            "queue name `.fifo` has 0 characters; 1 to 80 are allowed",
        );
        check(
            QueueName::new("a.b"),
            "queue name `a.b` contains '.' at character 2; allowed are letters, digits, `-` and `_`",
        );
        assert!(QueueName::new(format!("{}.fifo", "q".repeat(75))).is_ok());
        assert!(QueueName::new(format!("{}.fifo", "q".repeat(76))).is_err());
    }

    #[test]
    fn regions_are_words_and_a_number() {
        for good in [
            "us-east-1",
            "us-gov-west-1",
            "mx-central-1",
            "us-isob-east-1",
            "eusc-de-east-1",
        ] {
            check(Region::new(good), good);
        }
        for bad in [
            "",
            "us",
            "us-1",
            "us-east",
            "us-east-100",
            "US-EAST-1",
            "us--east-1",
            "a-b-c-d-1",
            "us-east-1.foo",
        ] {
            assert!(Region::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_have_their_shapes() {
        assert!(AccountId::new("000000000000").is_ok());
        check(
            AccountId::new("123"),
            "account id `123` has 3 characters; exactly 12 are allowed",
        );
        check(
            AccountId::new("00000000000x"),
            "account id `00000000000x` contains 'x' at character 12; allowed are digits",
        );
        assert!(VpcEndpointId::new("vpce-2c380487813767506").is_ok());
        assert!(VpcEndpointId::new("vpce-2C380487").is_err());
        assert!(SearchDomain::new("my-domain").is_ok() && SearchDomain::new("1domain").is_err());
        assert!(ApiId::new("i3hzhafami").is_ok() && ApiId::new("a.b").is_err());
        assert!(FunctionUrlId::new("-a").is_err() && FunctionName::new("f n").is_err());
    }

    #[test]
    fn verbatim_takes_any_text() {
        assert_eq!(
            BucketName::verbatim("Not_A.Bucket").as_str(),
            "Not_A.Bucket"
        );
    }
}
