//! The text as the parser reads it.

use saphyr_parser::input::SkipTabs;
use saphyr_parser::{Input, StrInput};

/// A text in which tabs separate as spaces do.
///
/// YAML allows tabs between a `:` and its value (1.2, 6.2), and so does Compose. The parser asks
/// for a space among them; this input says that it saw one.
pub(super) struct Text<'a>(StrInput<'a>);

impl<'a> Text<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self(StrInput::new(text))
    }
}

impl Input for Text<'_> {
    fn skip_ws_to_eol(&mut self, skip_tabs: SkipTabs) -> (usize, Result<SkipTabs, &'static str>) {
        let (count, result) = self.0.skip_ws_to_eol(skip_tabs);
        let lenient = result.map(|seen| match seen {
            SkipTabs::Result(tab, space) => SkipTabs::Result(tab, space || tab),
            other => other,
        });
        (count, lenient)
    }

    fn lookahead(&mut self, count: usize) {
        self.0.lookahead(count);
    }

    fn buflen(&self) -> usize {
        self.0.buflen()
    }

    fn bufmaxlen(&self) -> usize {
        self.0.bufmaxlen()
    }

    fn raw_read_ch(&mut self) -> char {
        self.0.raw_read_ch()
    }

    fn raw_read_non_breakz_ch(&mut self) -> Option<char> {
        self.0.raw_read_non_breakz_ch()
    }

    fn skip(&mut self) {
        self.0.skip();
    }

    fn skip_n(&mut self, count: usize) {
        self.0.skip_n(count);
    }

    fn peek(&self) -> char {
        self.0.peek()
    }

    fn peek_nth(&self, n: usize) -> char {
        self.0.peek_nth(n)
    }

    fn peek_opt(&self) -> Option<char> {
        self.0.peek_opt()
    }

    fn next_2_are(&self, first: char, second: char) -> bool {
        self.0.next_2_are(first, second)
    }

    fn next_3_are(&self, first: char, second: char, third: char) -> bool {
        self.0.next_3_are(first, second, third)
    }

    fn next_is_document_indicator(&self) -> bool {
        self.0.next_is_document_indicator()
    }

    fn next_is_document_start(&self) -> bool {
        self.0.next_is_document_start()
    }

    fn next_is_document_end(&self) -> bool {
        self.0.next_is_document_end()
    }
}
