//! Scripts inside texts with escapes: what the shell gets, byte for byte in place.

use super::shell::FILLER;

/// Puts what escapes stand for in their place, filled to the same length.
///
/// Escapes that stand for no single sign of a script stay as they are.
pub(crate) fn plain(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (pair, len) = match rest.as_bytes().get(1) {
            Some(sign @ (b'"' | b'\'' | b'\\' | b'$' | b'/')) => ([FILLER, char::from(*sign)], 2),
            Some(b'n') => (['\n', FILLER], 2),
            Some(b't') => ([' ', ' '], 2),
            _ => {
                out.push('\\');
                rest = &rest[1..];
                continue;
            }
        };
        out.extend(pair);
        rest = &rest[len..];
    }
    out.push_str(rest);
    out
}

/// Returns whether a text has no other escapes than those of quotes: words and what is put in
/// their place are then written alike inside and outside.
pub(crate) fn is_simple(raw: &str) -> bool {
    only(raw, b"\"'")
}

/// Returns whether the same holds for a text of Groovy, where escapes may also join lines.
pub(crate) fn is_simple_groovy(raw: &str) -> bool {
    let joints = raw.replace("\\\\\r\n", "").replace("\\\\\n", "");
    only(&joints, b"\"'$\n\r")
}

fn only(raw: &str, signs: &[u8]) -> bool {
    let bytes = raw.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if *byte == b'\\' {
            if !bytes.get(at + 1).is_some_and(|next| signs.contains(next)) {
                return false;
            }
            at += 1;
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_of_the_same_length() {
        for raw in [r#"a \"b\" \\ \n \t \u0041 \"#, "", "\\"] {
            assert_eq!(plain(raw).len(), raw.len(), "{raw}");
        }
        assert_eq!(plain(r#"\"x\""#), "\u{1}\"x\u{1}\"");
    }

    #[test]
    fn escapes_of_quotes_are_simple() {
        assert!(is_simple(r#"docker run -e \"A=b\""#));
        assert!(!is_simple(r"a \n b"));
        assert!(!is_simple("a\\"));
        assert!(is_simple_groovy("a \\\\\n  b \\$c"));
        assert!(!is_simple_groovy(r"a \\ b"));
    }
}
