//! Plain scalars as Compose's YAML reader understands them and prints them again.
//!
//! `ENABLED: True` reaches the container as `true`, `MODE: 0755` as `493`. The rules are those of
//! go-yaml (`resolve.go`) followed by Go's `%v`; only time stamps, which Compose rewrites too, keep
//! their text.

use std::borrow::Cow;

/// Returns the text that a plain scalar without reference has after Compose has read it.
pub(super) fn render(text: &str) -> Cow<'_, str> {
    match text {
        "true" | "True" | "TRUE" => Cow::Borrowed("true"),
        "false" | "False" | "FALSE" => Cow::Borrowed("false"),
        _ => match text.as_bytes().first() {
            Some(b'0'..=b'9' | b'+' | b'-') => number(text),
            Some(b'.') => float(text).map_or(Cow::Borrowed(text), Cow::Owned),
            _ => Cow::Borrowed(text),
        },
    }
}

fn number(text: &str) -> Cow<'_, str> {
    if text == "-0" {
        return Cow::Borrowed(text);
    }
    let plain: Cow<'_, str> = if text.contains('_') {
        text.replace('_', "").into()
    } else {
        text.into()
    };
    if let Some(value) = integer(&plain) {
        return value.to_string().into();
    }
    float(&plain).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// A whole number with the prefixes of Go, within 64 bits.
fn integer(text: &str) -> Option<i128> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let (radix, digits) = match digits.get(..2) {
        Some("0x" | "0X") => (16, &digits[2..]),
        Some("0o" | "0O") => (8, &digits[2..]),
        Some("0b" | "0B") => (2, &digits[2..]),
        Some(_) if digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let value = sign * i128::from(u64::from_str_radix(digits, radix).ok()?);
    (value >= i128::from(i64::MIN)).then_some(value)
}

fn float(text: &str) -> Option<String> {
    let shape = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    let digits = text.trim_start_matches(['+', '-']);
    let well_formed = text.len() - digits.len() <= 1
        && text.chars().all(shape)
        && digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let value: f64 = text.parse().ok().filter(|_| well_formed)?;
    value.is_finite().then(|| go_float(value))
}

/// `%v` of a `float64`: the shortest digits, with an exponent unless it is -4 to 5.
fn go_float(value: f64) -> String {
    let scientific = format!("{value:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return value.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values were recorded from compose-go 2.
    #[test]
    fn numbers_and_booleans_print_as_go_does() {
        for (text, expected) in [
            ("true", "true"),
            ("TRUE", "true"),
            ("False", "false"),
            ("tRue", "tRue"),
            ("yes", "yes"),
            ("on", "on"),
            ("4566", "4566"),
            ("04566", "2422"),
            ("0777", "511"),
            ("0o17", "15"),
            ("0b11", "3"),
            ("0x1F", "31"),
            ("0X1f", "31"),
            ("+0x10", "16"),
            ("-0b11", "-3"),
            ("-0o17", "-15"),
            ("08", "8"),
            ("-08", "-8"),
            ("4_566", "4566"),
            ("4566_", "4566"),
            ("1__0", "10"),
            ("_1", "_1"),
            ("0_7", "7"),
            ("0x_1", "1"),
            ("+5", "5"),
            ("-0", "-0"),
            ("00", "0"),
            ("-00", "0"),
            ("0x", "0x"),
            ("0b", "0b"),
            ("0o8", "0o8"),
            ("9223372036854775808", "9223372036854775808"),
            ("18446744073709551616", "1.8446744073709552e+19"),
            ("-9223372036854775809", "-9.223372036854776e+18"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("1.0", "1"),
            ("1_0.5", "10.5"),
            ("1e3", "1000"),
            ("1e5", "100000"),
            ("1e6", "1e+06"),
            ("1e21", "1e+21"),
            ("1e400", "1e400"),
            ("1e-400", "0"),
            (".5", "0.5"),
            ("5.", "5"),
            ("+.5", "0.5"),
            ("-.5", "-0.5"),
            (".", "."),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("0.1e-7", "1e-08"),
            ("123456.0", "123456"),
            ("1234567.0", "1.234567e+06"),
            ("12345678.9", "1.23456789e+07"),
            ("-0.0", "-0"),
            ("1_e5", "100000"),
            ("+-5", "+-5"),
            ("1:30", "1:30"),
            ("1.2.3", "1.2.3"),
            ("127.0.0.1", "127.0.0.1"),
            (".1e", ".1e"),
            ("1,000", "1,000"),
            ("-", "-"),
            ("+", "+"),
            ("0xFFFFFFFFFFFFFFFFFF", "0xFFFFFFFFFFFFFFFFFF"),
            ("NaN", "NaN"),
            ("3.8.1", "3.8.1"),
            ("0é", "0é"),
            ("-é", "-é"),
            ("0x-1", "0x-1"),
            ("0+5", "0+5"),
        ] {
            assert_eq!(render(text), expected, "{text}");
        }
    }
}
