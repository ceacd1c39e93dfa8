//! From parser events to a tree.
//!
//! The parser is pulled, so that limits stop it early. `at` is the end of what was taken so far;
//! between it and the next node stand only space, comments and indicators, which `locate` reads.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span};

use super::{
    Content, Data, MAX_BYTES, MAX_DEPTH, MAX_EXPANDED, MAX_NODES, RawEntry, RawItem, Style,
    TextIndex, Tree, YamlError, YamlErrorKind, input::Text,
};

pub(super) fn build(text: &str) -> Result<Tree, YamlError> {
    let mut builder = Builder {
        text,
        index: TextIndex::new(if text.len() > MAX_BYTES { "" } else { text }),
        nodes: Vec::new(),
        sizes: Vec::new(),
        documents: Vec::new(),
        stack: Vec::new(),
        anchors: Vec::new(),
        at: 0,
    };
    if text.len() > MAX_BYTES {
        return Err(builder.error(0, YamlErrorKind::TooLong));
    }
    let mut parser = Parser::new(Text::new(text));
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| builder.syntax(&error))?;
        builder.event(event, span)?;
    }
    Ok(Tree {
        nodes: builder.nodes,
        documents: builder.documents,
        index: builder.index,
    })
}

struct Builder<'a> {
    text: &'a str,
    index: TextIndex,
    nodes: Vec<Data>,
    /// For each node, how many nodes it has and how deep it is, aliases followed.
    sizes: Vec<(u64, usize)>,
    documents: Vec<usize>,
    stack: Vec<Frame>,
    /// By the parser's number of an anchor.
    anchors: Vec<Option<usize>>,
    at: usize,
}

/// A collection that is still open.
struct Frame {
    id: usize,
    shape: Shape,
    items: Vec<RawItem>,
    entries: Vec<RawEntry>,
    /// Start, key and colon of an entry whose value is to come.
    pending: Option<(usize, usize)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    BlockSequence,
    FlowSequence,
    BlockMapping,
    FlowMapping,
    /// `[a: b]`: a mapping of one entry without braces.
    Pair,
}

/// What stands before a node.
#[derive(Clone, Copy)]
struct Located {
    /// The indicator of its item or entry: `-`, `?` or `:`.
    indicator: Option<usize>,
    /// Where the node is when it is empty.
    empty_at: usize,
    /// Where it, or its anchor or tag, begins otherwise.
    start: usize,
}

impl Builder<'_> {
    fn error(&self, offset: usize, kind: YamlErrorKind) -> YamlError {
        let (line, column) = self.index.position(offset);
        YamlError {
            kind,
            offset,
            line,
            column,
        }
    }

    fn syntax(&self, error: &ScanError) -> YamlError {
        let offset = self.byte(*error.marker());
        self.error(offset, YamlErrorKind::Syntax(error.info().into()))
    }

    fn byte(&self, mark: Marker) -> usize {
        self.index.byte_of_char(mark.index())
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd => Ok(()),
            Event::DocumentStart(explicit) => {
                if explicit {
                    self.at = self.byte(span.end);
                }
                Ok(())
            }
            Event::DocumentEnd => {
                let dots = self.byte(span.start)..self.byte(span.end);
                if self.text.get(dots.clone()) == Some("...") {
                    self.at = dots.end;
                }
                Ok(())
            }
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::Scalar(value, style, anchor, tag) => {
                let tag = tag.map(|t| format!("{}{}", t.handle, t.suffix).into());
                self.scalar(&value, style, anchor, tag, span)
            }
            Event::SequenceStart(anchor, tag) => {
                let tag = tag.map(|t| format!("{}{}", t.handle, t.suffix).into());
                self.open(true, anchor, tag, span)
            }
            Event::MappingStart(anchor, tag) => {
                let tag = tag.map(|t| format!("{}{}", t.handle, t.suffix).into());
                self.open(false, anchor, tag, span)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.close(span);
                Ok(())
            }
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), YamlError> {
        let located = self.locate();
        let bytes = self.byte(span.start)..self.byte(span.end);
        // The parser has refused unknown names; an anchor whose node is still to come is a cycle.
        let target = self.anchors.get(anchor).copied().flatten();
        let Some(target) = target else {
            return Err(self.error(bytes.start, YamlErrorKind::Cycle));
        };
        if self.stack.iter().any(|frame| frame.id == target) {
            return Err(self.error(bytes.start, YamlErrorKind::Cycle));
        }
        let size = self.sizes.get(target).copied().unwrap_or((1, 1));
        self.at = bytes.end;
        let data = Data {
            content: Content::Alias(target),
            start: bytes.start,
            span: bytes,
            anchor: None,
            tag: None,
        };
        let id = self.push(data, size)?;
        self.attach(id, located);
        Ok(())
    }

    fn scalar(
        &mut self,
        value: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<Box<str>>,
        span: Span,
    ) -> Result<(), YamlError> {
        let located = self.locate();
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::Single,
            ScalarStyle::DoubleQuoted => Style::Double,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Folded => Style::Folded,
        };
        let properties = anchor > 0 || tag.is_some();
        let left_out = value.is_empty() && style == Style::Plain;
        let (start, begin, name) = if left_out && !properties {
            (located.empty_at, located.empty_at, None)
        } else {
            let start = match (properties, style) {
                (false, Style::Literal | Style::Folded) => located.start,
                _ => self.byte(span.start),
            };
            let (begin, name) = self.properties(start, anchor > 0, tag.is_some());
            (start, begin, name)
        };
        let (begin, end) = match style {
            Style::Plain if left_out => {
                let at = if properties {
                    self.byte(span.end)
                } else {
                    begin
                };
                (at, at)
            }
            Style::Plain => (begin, self.byte(span.end)),
            Style::Single | Style::Double => (begin, self.quoted_end(begin)),
            Style::Literal | Style::Folded => (begin, self.block_end(begin, self.byte(span.end))),
        };
        self.at = end.max(self.at);
        let data = Data {
            content: Content::Scalar(value.into(), style),
            span: begin..end,
            anchor: name,
            tag,
            start,
        };
        let id = self.push(data, (1, 1))?;
        self.register(anchor, id);
        self.attach(id, located);
        Ok(())
    }

    fn open(
        &mut self,
        sequence: bool,
        anchor: usize,
        tag: Option<Box<str>>,
        span: Span,
    ) -> Result<(), YamlError> {
        let located = self.locate();
        let start = match (sequence, anchor > 0 || tag.is_some()) {
            // Only here the parser reports a place after the `-`: a sequence as deep as its key.
            (true, false) => located.start,
            _ => self.byte(span.start),
        };
        let (begin, name) = self.properties(start, anchor > 0, tag.is_some());
        if self.stack.len() >= MAX_DEPTH {
            return Err(self.error(begin, YamlErrorKind::TooDeep));
        }
        let shape = match (sequence, self.text.as_bytes().get(begin)) {
            (true, Some(b'[')) => Shape::FlowSequence,
            (true, _) => Shape::BlockSequence,
            (false, Some(b'{')) if !self.is_key_in_braces(begin, span) => Shape::FlowMapping,
            (false, _) if self.in_flow() => Shape::Pair,
            (false, _) => Shape::BlockMapping,
        };
        self.at = match shape {
            Shape::FlowSequence | Shape::FlowMapping => begin + 1,
            _ => begin,
        };
        let flow = !matches!(shape, Shape::BlockSequence | Shape::BlockMapping);
        let content = match sequence {
            true => Content::Sequence(Vec::new(), flow),
            false => Content::Mapping(Vec::new(), flow),
        };
        let data = Data {
            content,
            span: begin..begin,
            anchor: name,
            tag,
            start,
        };
        let id = self.push(data, (1, 1))?;
        self.register(anchor, id);
        self.attach(id, located);
        self.stack.push(Frame {
            id,
            shape,
            items: Vec::new(),
            entries: Vec::new(),
            pending: None,
        });
        Ok(())
    }

    /// Whether a `{` at the start of a mapping belongs to its first key: `{a: b}: c`. The parser
    /// gives such a mapping an empty span, and the bracket itself a span of its own.
    fn is_key_in_braces(&self, begin: usize, span: Span) -> bool {
        self.byte(span.end) <= begin
    }

    fn in_flow(&self) -> bool {
        self.stack
            .last()
            .is_some_and(|frame| !matches!(frame.shape, Shape::BlockSequence | Shape::BlockMapping))
    }

    fn close(&mut self, span: Span) {
        let Some(frame) = self.stack.pop() else {
            return;
        };
        if matches!(frame.shape, Shape::FlowSequence | Shape::FlowMapping) {
            self.at = (self.byte(span.start) + 1).min(self.text.len());
        }
        let mut size = (1u64, 0usize);
        let children = frame.items.iter().map(|item| item.value);
        let pairs = frame.entries.iter().flat_map(|e| [e.key, e.value]);
        for child in children.chain(pairs) {
            let (nodes, depth) = self.sizes.get(child).copied().unwrap_or((1, 1));
            size = (size.0.saturating_add(nodes), size.1.max(depth));
        }
        if let Some(slot) = self.sizes.get_mut(frame.id) {
            *slot = (size.0, size.1 + 1);
        }
        if let Some(data) = self.nodes.get_mut(frame.id) {
            data.span.end = self.at.max(data.span.start);
            match &mut data.content {
                Content::Sequence(items, _) => *items = frame.items,
                Content::Mapping(entries, _) => *entries = frame.entries,
                Content::Scalar(..) | Content::Alias(_) => {}
            }
        }
    }

    fn push(&mut self, data: Data, size: (u64, usize)) -> Result<usize, YamlError> {
        if self.nodes.len() >= MAX_NODES {
            return Err(self.error(data.span.start, YamlErrorKind::TooManyNodes));
        }
        if self.stack.len() + size.1 > MAX_DEPTH + 1 {
            return Err(self.error(data.span.start, YamlErrorKind::TooDeep));
        }
        if size.0 > MAX_EXPANDED {
            return Err(self.error(data.span.start, YamlErrorKind::TooManyAliases));
        }
        self.nodes.push(data);
        self.sizes.push(size);
        Ok(self.nodes.len() - 1)
    }

    fn register(&mut self, anchor: usize, id: usize) {
        if anchor > 0 {
            if self.anchors.len() <= anchor {
                self.anchors.resize(anchor + 1, None);
            }
            if let Some(slot) = self.anchors.get_mut(anchor) {
                *slot = Some(id);
            }
        }
    }

    /// Gives a node to the collection it stands in, or makes it a document.
    fn attach(&mut self, id: usize, located: Located) {
        let start = self.nodes.get(id).map_or(0, |data| data.start);
        let Some(frame) = self.stack.last_mut() else {
            self.documents.push(id);
            return;
        };
        match frame.shape {
            Shape::BlockSequence | Shape::FlowSequence => frame.items.push(RawItem {
                value: id,
                dash: located.indicator,
            }),
            _ => match frame.pending.take() {
                None => frame.pending = Some((located.indicator.unwrap_or(start), id)),
                Some((start, key)) => frame.entries.push(RawEntry {
                    key,
                    value: id,
                    start,
                    colon: located.indicator,
                }),
            },
        }
    }

    /// Reads what stands between `at` and the next node of the open collection.
    fn locate(&self) -> Located {
        let bytes = self.text.as_bytes();
        let mut at = self.at;
        let mut located = Located {
            indicator: None,
            empty_at: at,
            start: self.skip_space(at),
        };
        let Some(frame) = self.stack.last() else {
            located.start = self.skip_prefix(located.start);
            return located;
        };
        at = located.start;
        let flow = !matches!(frame.shape, Shape::BlockSequence | Shape::BlockMapping);
        let expects_value = frame.pending.is_some();
        if flow && !expects_value && bytes.get(at) == Some(&b',') {
            located.empty_at = at + 1;
            at = self.skip_space(at + 1);
            located.start = at;
        }
        let indicator = match frame.shape {
            Shape::BlockSequence => b'-',
            Shape::FlowSequence => return located,
            _ if expects_value => b':',
            _ => b'?',
        };
        let stands_alone = matches!(indicator, b':')
            || matches!(bytes.get(at + 1), None | Some(b' ' | b'\t' | b'\r' | b'\n'));
        if bytes.get(at) == Some(&indicator) && stands_alone {
            located.indicator = Some(at);
            located.empty_at = at + 1;
            located.start = self.skip_space(at + 1);
        } else if !expects_value {
            located.empty_at = at;
        }
        located
    }

    /// Returns where byte order marks and document ends before a document end (YAML 1.2, 9.2).
    fn skip_prefix(&self, mut at: usize) -> usize {
        loop {
            let rest = self.rest(at);
            let before = self.text.get(..at).unwrap_or_default();
            let line_start = before.is_empty() || before.ends_with(['\n', '\r', '\u{feff}']);
            let after = if let Some(after) = rest.strip_prefix('\u{feff}') {
                after
            } else if let Some(after) = rest.strip_prefix("...").filter(|after| {
                line_start && after.is_empty() | after.starts_with([' ', '\t', '\r', '\n'])
            }) {
                after
            } else {
                return at;
            };
            at = self.skip_space(self.text.len() - after.len());
        }
    }

    fn rest(&self, at: usize) -> &str {
        self.text.get(at..).unwrap_or_default()
    }

    /// Returns where space, line breaks and comments from `at` on end.
    fn skip_space(&self, mut at: usize) -> usize {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(at) {
                Some(b' ' | b'\t' | b'\r' | b'\n') => at += 1,
                Some(b'#') => {
                    let line = bytes.get(at..).unwrap_or_default();
                    let ends = |b: &u8| matches!(b, b'\r' | b'\n');
                    at += line.iter().position(ends).unwrap_or(line.len());
                }
                _ => return at,
            }
        }
    }

    /// Returns where the node begins after its anchor and tag, and the bytes of the anchor's name.
    fn properties(
        &self,
        start: usize,
        mut anchor: bool,
        mut tag: bool,
    ) -> (usize, Option<std::ops::Range<usize>>) {
        let bytes = self.text.as_bytes();
        let (mut at, mut name) = (start, None);
        loop {
            let rest = self.rest(at);
            let verbatim = rest.starts_with("!<");
            let ends = |c: char| match c {
                ' ' | '\t' | '\r' | '\n' => true,
                ',' | '[' | ']' | '{' | '}' => !verbatim,
                _ => false,
            };
            let end = at + rest.find(ends).unwrap_or(rest.len());
            match bytes.get(at) {
                Some(b'&') if anchor => (anchor, name) = (false, Some(at + 1..end)),
                Some(b'!') if tag => tag = false,
                _ => return (at, name),
            }
            at = self.skip_space(end);
        }
    }

    /// Returns the byte after the quote that closes the scalar at `start`.
    fn quoted_end(&self, start: usize) -> usize {
        let bytes = self.text.as_bytes();
        let Some(&quote) = bytes.get(start) else {
            return start;
        };
        let mut at = start + 1;
        while let Some(&byte) = bytes.get(at) {
            at += 1;
            match byte {
                b'\\' if quote == b'"' => at += 1,
                b'\'' if quote == b'\'' && bytes.get(at) == Some(&b'\'') => at += 1,
                _ if byte == quote => return at,
                _ => {}
            }
        }
        self.text.len()
    }

    /// Returns the end of the last line with content of the block scalar at `start`, or of its
    /// header; `limit` is where the parser stopped.
    fn block_end(&self, start: usize, limit: usize) -> usize {
        let rest = self.rest(start);
        let ends = |c: char| matches!(c, '\r' | '\n');
        let header = start + rest.find(ends).unwrap_or(rest.len());
        let blank = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
        let body = self.text.get(header..limit).unwrap_or_default();
        let content = body.trim_end_matches(blank);
        if content.is_empty() {
            let signs = |c: char| !matches!(c, '|' | '>' | '+' | '-' | '0'..='9');
            return start + rest.find(signs).unwrap_or(rest.len());
        }
        let last = body.get(content.len()..).unwrap_or_default();
        header + content.len() + last.find(ends).unwrap_or(last.len())
    }
}
