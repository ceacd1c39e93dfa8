use proptest::prelude::*;

use super::*;

/// Writes a tree on one line: scalars as the bytes they were written with, lists in `[]`, mappings
/// in `{}`, aliases with `*`.
fn sketch(text: &str, node: Node<'_>) -> String {
    let mut out = String::new();
    if let Some(anchor) = node.anchor() {
        out += &format!("&{} ", &text[anchor]);
    }
    if let Some(tag) = node.tag() {
        out += &format!("<{tag}> ");
    }
    out += &match node.kind() {
        Kind::Scalar(..) => text[node.span()].to_owned(),
        Kind::Alias(_) => text[node.span()].to_owned(),
        Kind::Sequence(items) => {
            let items: Vec<_> = items.iter().map(|i| sketch(text, i.value)).collect();
            format!("[{}]", items.join(", "))
        }
        Kind::Mapping(entries) => {
            let pair =
                |e: &Entry<'_>| format!("{}: {}", sketch(text, e.key), sketch(text, e.value));
            let entries: Vec<_> = entries.iter().map(pair).collect();
            format!("{{{}}}", entries.join(", "))
        }
    };
    out
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let shown = match Tree::parse(text) {
        Ok(tree) => {
            let documents: Vec<_> = tree.documents().map(|d| sketch(text, d)).collect();
            documents.join(" --- ")
        }
        Err(error) => error.to_string(),
    };
    assert_eq!(shown, expected, "{text:?}");
}

#[test]
fn scalars_keep_their_source() {
    check("a: b", "{a: b}");
    check("a: \"b\\\"c\"  # d\n", "{a: \"b\\\"c\"}");
    check("'a''b' : 'c' # 'd'\n", "{'a''b': 'c'}");
    check("{\"a\":\"b\" , c : d}", "{\"a\": \"b\", c: d}");
    check("a: b c  # d\ne: f#g\n", "{a: b c, e: f#g}");
    check("ä: \"ö€\"\nü: 🎉 # é\nx: y", "{ä: \"ö€\", ü: 🎉, x: y}");
    check("a: b\r\nc: 'd'\r\n", "{a: b, c: 'd'}");
    check("\u{feff}a: b\nc: d", "{a: b, c: d}");
    check("a:\tb\t# c\nd:\t\"e\"\t\n", "{a: b, d: \"e\"}");
    check(
        "a: one\n  two\n\n  three\nb: c",
        "{a: one\n  two\n\n  three, b: c}",
    );
}

#[test]
fn block_scalars_run_from_header_to_last_content() {
    check("a: |\n  b\n   c\n\nd: e\n", "{a: |\n  b\n   c, d: e}");
    check(
        "a: >-  # x | y\n  b\n\n# z\nc: d\n",
        "{a: >-  # x | y\n  b, c: d}",
    );
    check(
        "- |+2\n   b\n\n- &x !!str >\n  c",
        "[|+2\n   b, &x <tag:yaml.org,2002:str> >\n  c]",
    );
    check("a: |\n\n\n  b", "{a: |\n\n\n  b}");
    check("a: |  # nothing\nb: c", "{a: |, b: c}");
    check("--- |\n a\n...\n", "|\n a");
    check("|\n # a\n", "|\n # a");
    check("? |\n  k\n: |\n  v\n", "{|\n  k: |\n  v}");
    check("\"a | b\": |\n  c\n", "{\"a | b\": |\n  c}");
    check("a: |\r\n  b\r\n  c\r\nd: e", "{a: |\r\n  b\r\n  c, d: e}");
}

#[test]
fn collections_nest_in_every_form() {
    check("a:\n- b\n-   c\nd: e", "{a: [b, c], d: e}");
    check(
        "a:\n  - b: c\n    d: e\n  -\n    f: g",
        "{a: [{b: c, d: e}, {f: g}]}",
    );
    check("- - a\n  - b\n- c", "[[a, b], c]");
    check(
        "[a, [b], {c: d}, e: f, ? g : h,]",
        "[a, [b], {c: d}, {e: f}, {g: h}]",
    );
    check(
        "{a, b: , ? c, : d, [e]: {f: g}}",
        "{a: , b: , c: , : d, [e]: {f: g}}",
    );
    check("{a: b}: c\nd: e", "{{a: b}: c, d: e}");
    check("[{a: b}: c]", "[{{a: b}: c}]");
    check("a: # x\n  # y\n  - # z\n    b\n  # w\n  - c", "{a: [b, c]}");
    check(
        "a: [ b, # x ]\n  c ] # ]\nd: {e: f} # }\n",
        "{a: [b, c], d: {e: f}}",
    );
}

#[test]
fn what_is_left_out_stands_after_its_indicator() {
    let text = "a:\nb: # c\nd: !!null\ne:\n-\n- # f\n";
    check(text, "{a: , b: , d: <tag:yaml.org,2002:null> , e: [, ]}");
    let tree = Tree::parse(text).unwrap();
    let root = tree.documents().next().unwrap();
    let spans: Vec<_> = root.entries().map(|e| (e.span, e.value.span())).collect();
    assert_eq!(
        spans,
        [
            (0..2, 2..2),
            (3..5, 5..5),
            (10..19, 19..19),
            (20..26, 23..26)
        ]
    );
    let items: Vec<_> = root.entries().nth(3).unwrap().value.items().collect();
    assert_eq!((items[0].span.clone(), items[0].dash), (23..24, Some(23)));
    assert_eq!((items[1].span.clone(), items[1].dash), (25..26, Some(25)));
    assert!(items.iter().all(|item| item.value.is_null()));
}

#[test]
fn entries_and_items_say_where_they_stand() {
    let text = "x:\n  - &a \"k=v\" # c\n  -   {p: 1}\n? q\n: r\n";
    let tree = Tree::parse(text).unwrap();
    let root = tree.documents().next().unwrap();
    let items: Vec<_> = root.get("x").unwrap().value.items().collect();
    assert_eq!(&text[items[0].span.clone()], "- &a \"k=v\"");
    assert_eq!(&text[items[0].value.span()], "\"k=v\"");
    assert_eq!(&text[items[0].value.full_span()], "&a \"k=v\"");
    assert_eq!(&text[items[1].span.clone()], "-   {p: 1}");
    assert_eq!(items[1].value.position(), (3, 7));
    let last = root.entries().last().unwrap();
    assert_eq!(&text[last.span.clone()], "? q\n: r");
    assert_eq!(last.colon, text.find(": r"));
    assert_eq!(&text[root.span()], text.trim_end());
}

#[test]
fn aliases_refer_and_never_copy() {
    check(
        "a: &x {b: c}\nd: *x\ne: [*x, *x ]",
        "{a: &x {b: c}, d: *x, e: [*x, *x]}",
    );
    check(
        "a: &x\n  b: c\nd:\n  <<: *x\n",
        "{a: &x {b: c}, d: {<<: *x}}",
    );
    check(
        "a: &x !!seq
- b",
        "{a: &x <tag:yaml.org,2002:seq> [b]}",
    );
    let tree = Tree::parse("a: &x 'y'\nb: *x").unwrap();
    let alias = tree.documents().next().unwrap().get("b").unwrap().value;
    assert!(alias.is_alias());
    assert_eq!(alias.as_str(), Some("y"));
    assert_eq!(alias.position(), (2, 4));
    assert_eq!(alias.target().position(), (1, 7));
}

#[test]
fn duplicates_and_documents_stay() {
    check("a: 1\na: 2\n", "{a: 1, a: 2}");
    check(
        "a: 1\n---\n# c\nb: 2\n--- \n- c\n...\n",
        "{a: 1} --- {b: 2} --- [c]",
    );
    check("", "");
    check("# only\n", "");
    check("---\n", "");
    check(
        "a: !reset null\nb: !override [c]\n",
        "{a: <!reset> null, b: <!override> [c]}",
    );
}

#[test]
fn errors_point_at_a_place() {
    check(
        "a: b: c",
        "mapping values are not allowed in this context at line 1, column 5",
    );
    check(
        "a: *x",
        "while parsing node, found unknown anchor at line 1, column 4",
    );
    check(
        "&x [*x]",
        "alias refers to a node that contains it at line 1, column 5",
    );
    // Compose's parser keeps anchors for the documents that follow, against YAML 1.2, 3.2.2.2.
    check("a: &x 1\n---\nb: *x", "{a: &x 1} --- {b: *x}");
    check(
        "ä: \"b",
        "while scanning a quoted scalar, found unexpected end of stream at line 1, column 4",
    );
    let error = Tree::parse("ä: \"b").unwrap_err();
    assert_eq!(error.offset, 4);
}

#[test]
fn bombs_fail_fast() {
    let mut laughs = String::from("a: &a [x,x,x,x,x,x,x,x,x]\n");
    for (of, name) in "abcdefghi".chars().zip("bcdefghij".chars()) {
        let list = vec![format!("*{of}"); 9].join(",");
        laughs += &format!("{name}: &{name} [{list}]\n");
    }
    let kind = |text: &str| Tree::parse(text).unwrap_err().kind;
    assert_eq!(kind(&laughs), YamlErrorKind::TooManyAliases);
    assert!(matches!(
        kind(&"[".repeat(100_000)),
        YamlErrorKind::Syntax(_)
    ));
    assert_eq!(kind(&"- ".repeat(100_000)), YamlErrorKind::TooDeep);
    assert_eq!(
        kind(&format!("{}a{}", "[".repeat(65), "]".repeat(65))),
        YamlErrorKind::TooDeep
    );
    assert_eq!(
        kind(&"a\n---\n".repeat(MAX_NODES + 1)),
        YamlErrorKind::TooManyNodes
    );
    assert_eq!(kind(&" ".repeat(MAX_BYTES + 1)), YamlErrorKind::TooLong);
    let mut deep = String::from("a: &a [x]\n");
    for n in 0..70 {
        let of = if n == 0 {
            "a".to_owned()
        } else {
            format!("a{}", n - 1)
        };
        deep += &format!("a{n}: &a{n} [*{of}]\n");
    }
    assert_eq!(kind(&deep), YamlErrorKind::TooDeep);
}

/// Checks what must hold for every node of every text.
fn law(text: &str, node: Node<'_>) {
    let (span, full) = (node.span(), node.full_span());
    assert!(full.start <= span.start && span.start <= span.end && span.end <= text.len());
    let source = text.get(span.clone()).expect("on character boundaries");
    match node.kind() {
        Kind::Scalar(value, Style::Plain) if !source.contains(['\n', '\r']) => {
            assert_eq!(source, value);
        }
        Kind::Scalar(_, Style::Plain) | Kind::Alias(_) => {}
        Kind::Scalar(value, style @ (Style::Single | Style::Double)) => {
            let quote = if style == Style::Single { '\'' } else { '"' };
            assert!(source.len() >= 2 && source.starts_with(quote) && source.ends_with(quote));
            if !source.contains(['\n', '\r']) {
                let again = Tree::parse(source).unwrap();
                assert_eq!(again.documents().next().unwrap().as_str(), Some(value));
            }
        }
        Kind::Scalar(value, style @ (Style::Literal | Style::Folded)) => {
            assert!(source.starts_with(if style == Style::Literal { '|' } else { '>' }));
            for word in value.split_whitespace() {
                assert!(source.contains(word));
            }
        }
        Kind::Sequence(items) => {
            for item in items {
                assert!(span.start <= item.span.start && item.span.end <= span.end);
                if let Some(dash) = item.dash {
                    assert_eq!(text.as_bytes()[dash], b'-');
                    assert!(dash < item.value.full_span().start);
                }
                law(text, item.value);
            }
        }
        Kind::Mapping(entries) => {
            for entry in entries {
                assert!(span.start <= entry.span.start && entry.span.end <= span.end);
                assert!(entry.key.span().end <= entry.value.full_span().start);
                if let Some(colon) = entry.colon {
                    assert_eq!(text.as_bytes()[colon], b':');
                }
                law(text, entry.key);
                law(text, entry.value);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_is_safe_and_spans_are_exact(
        parts in prop::collection::vec(prop::sample::select(vec![
            "a", "b:", " ", "  ", "\n", "\r\n", "\r", "\n  ", "\n- ", "- ", ": ", ":", "? ", "|\n", "|", ">-\n",
            "[", "]", "{", "}", ",", "'", "\"", "\\", "&a ", "*a", "!t ", "!!str ", "!<x,> ", "#", " # c",
            "---\n", "...\n", "%YAML 1.2\n", "\u{feff}", "ä", "€", "🎉", "\t", "~", "<<: ", "\0", "k: v\n", "- x\n",
            "''", "%", "@", "\u{85}", "\u{2028}",
        ]), 0..24)
    ) {
        let text = parts.concat();
        if let Ok(tree) = Tree::parse(&text) {
            tree.documents().for_each(|document| law(&text, document));
        }
    }

    #[test]
    fn any_bytes_are_safe(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(tree) = Tree::parse(&text) {
            tree.documents().for_each(|document| law(&text, document));
        }
    }
}
