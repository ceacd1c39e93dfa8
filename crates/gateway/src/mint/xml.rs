//! Finding the texts of XML elements by their names, without changing a byte.

use std::borrow::Cow;
use std::ops::Range;

/// Nesting beyond which a document is left alone.
const MAX_DEPTH: usize = 64;

/// Calls `visit` with the local names of the open elements and the bytes of every text that is the
/// only content of its element.
///
/// Returns `None` when the document is not well-formed as far as looked at, or too deep.
pub(crate) fn texts<'a>(
    text: &'a str,
    mut visit: impl FnMut(&[&'a str], Range<usize>),
) -> Option<()> {
    let mut open: Vec<&str> = Vec::new();
    let mut at = 0;
    // Where the content of the innermost element began, unless it has children.
    let mut content = None;
    while let Some(found) = memchr::memchr(b'<', text.get(at..)?.as_bytes()) {
        let tag = at + found;
        let rest = text.get(tag + 1..)?;
        let end = |close: &str| memchr::memmem::find(rest.as_bytes(), close.as_bytes());
        if rest.starts_with('?') {
            at = tag + 1 + end("?>")? + 2;
        } else if rest.starts_with("!--") {
            at = tag + 1 + end("-->")? + 3;
            content = None;
        } else if rest.starts_with("![CDATA[") {
            at = tag + 1 + end("]]>")? + 3;
            content = None;
        } else if rest.starts_with('!') {
            at = tag + 1 + end(">")? + 1;
        } else if let Some(name) = rest.strip_prefix('/') {
            let name = name.get(..memchr::memchr(b'>', name.as_bytes())?)?;
            if let Some(start) = content.take() {
                visit(&open, start..tag);
            }
            (open.pop()? == local(name.trim_end())).then_some(())?;
            at = tag + 1 + end(">")? + 1;
        } else {
            let close = tag_end(rest)?;
            let inside = rest.get(..close)?;
            at = tag + 1 + close + 1;
            content = None;
            if !inside.ends_with('/') {
                let name = inside.split(|c: char| c.is_ascii_whitespace()).next()?;
                if open.len() == MAX_DEPTH {
                    return None;
                }
                open.push(local(name));
                content = Some(at);
            }
        }
    }
    open.is_empty().then_some(())
}

/// Where a tag ends: the first `>` outside of quotes.
fn tag_end(text: &str) -> Option<usize> {
    let mut quote = None;
    text.bytes().position(|byte| match quote {
        None if byte == b'>' => true,
        None => {
            if byte == b'"' || byte == b'\'' {
                quote = Some(byte);
            }
            false
        }
        Some(open) => {
            if byte == open {
                quote = None;
            }
            false
        }
    })
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// Replaces the five entities of XML and decimal references; others stay.
pub(crate) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let entity = after.split_once(';').and_then(|(name, tail)| {
            let character = match name {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "apos" => '\'',
                _ => char::from_u32(name.strip_prefix('#')?.parse().ok()?)?,
            };
            Some((character, tail))
        });
        match entity {
            Some((character, tail)) => {
                out.push(character);
                rest = tail;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seen(text: &str) -> (Vec<String>, bool) {
        let mut seen = Vec::new();
        let whole = texts(text, |names, span| {
            seen.push(format!("{}={}", names.join("."), &text[span]));
        });
        (seen, whole.is_some())
    }

    #[test]
    fn texts_are_found_with_their_elements() {
        let text = "<?xml version='1.0'?>\n<!-- < --><r xmlns=\"a>b\"><n:q>u&amp;v</n:q><e/>\
            <m> <x>1</x> </m><c><![CDATA[<z>]]></c></r>";
        let (found, whole) = seen(text);
        assert_eq!(found, ["r.q=u&amp;v", "r.m.x=1"]);
        assert!(whole);
        for broken in ["<a>", "<a></b>", "</a>", "<a", "<!--"] {
            assert!(!seen(broken).1, "{broken}");
        }
        assert!(!seen(&"<a>".repeat(100_000)).1);
    }

    #[test]
    fn entities_are_replaced_once() {
        assert_eq!(unescape("a&amp;lt;&#65;&nope;&"), "a&lt;A&nope;&");
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "[<>/a!?\\-\\[\\]'\" ü&;]{0,40}") {
            seen(&text);
            unescape(&text);
        }
    }
}
