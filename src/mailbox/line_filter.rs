//! Filters the server's bytes before the imap crate parses them: the greeting and the login.
//!
//! Owns three corrections. Text that is not ASCII becomes `?` (RFC 9051 allows UTF-8 there, the parser does not). An answer nested
//! too deeply, or a literal larger than the budget, is refused before it does harm. The filter keeps what the crate drops: the
//! capabilities in a greeting or in the answer to a login, and the text of a BYE. Never changes a literal. Called by `wire`.

use super::bounds::Cut;

/// No answer that we request nests deeper than five; the parser recurses on BODYSTRUCTURE, which we never request.
const DEEPEST: u32 = 24;
/// Part of a literal may have arrived with the bytes that announce it, which are already subtracted from the budget.
const SLACK: u64 = 64 << 10;
/// How many bytes of a line are kept.
const KEPT: usize = 8 << 10;

#[derive(Clone, Copy, Debug)]
enum Brace {
    None,
    Open(u64),
    Closed(u64),
}

/// The filter of one connection.
#[derive(Debug)]
pub(super) struct LineFilter {
    line: Vec<u8>,
    literal: u64,
    brace: Brace,
    quoted: bool,
    escaped: bool,
    depth: u32,
    /// This line continues after a literal.
    resumed: bool,
    capabilities: Option<Vec<String>>,
    bye: Option<Vec<u8>>,
}

impl LineFilter {
    pub(super) fn new() -> Self {
        Self {
            line: Vec::new(),
            literal: 0,
            brace: Brace::None,
            quoted: false,
            escaped: false,
            depth: 0,
            resumed: false,
            capabilities: None,
            bye: None,
        }
    }

    /// Takes the capabilities last received, in upper case.
    pub(super) fn take_capabilities(&mut self) -> Option<Vec<String>> {
        self.capabilities.take()
    }

    /// Takes the line of a BYE.
    pub(super) fn take_bye(&mut self) -> Option<Vec<u8>> {
        self.bye.take()
    }

    /// Filters the next bytes, after which `budget` more may come.
    ///
    /// # Errors
    /// The reason to give the connection up.
    pub(super) fn apply(&mut self, bytes: &mut [u8], budget: u64) -> Result<(), Cut> {
        for byte in bytes {
            if self.literal > 0 {
                self.literal -= 1;
                continue;
            }
            if !byte.is_ascii() {
                *byte = b'?';
            }
            self.next(*byte, budget)?;
        }
        Ok(())
    }

    fn next(&mut self, byte: u8, budget: u64) -> Result<(), Cut> {
        if byte == b'\n' {
            return self.end_line(budget);
        }
        if self.line.len() < KEPT {
            self.line.push(byte);
        }
        self.brace = match (self.brace, byte) {
            (_, b'{') => Brace::Open(0),
            (Brace::Open(n), b'0'..=b'9') => {
                Brace::Open(n.saturating_mul(10).saturating_add(u64::from(byte - b'0')))
            }
            (Brace::Open(n), b'}') => Brace::Closed(n),
            (Brace::Closed(n), b'\r') => Brace::Closed(n),
            _ => Brace::None,
        };
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.quoted => self.escaped = true,
            b'"' => self.quoted = !self.quoted,
            b'(' if !self.quoted => {
                self.depth += 1;
                if self.depth > DEEPEST && !self.is_text() {
                    return Err(Cut::Nested);
                }
            }
            b')' if !self.quoted => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        Ok(())
    }

    fn end_line(&mut self, budget: u64) -> Result<(), Cut> {
        let text = self.is_text();
        self.quoted = false;
        self.escaped = false;
        if let (Brace::Closed(length), false) = (self.brace, text) {
            if length > budget.saturating_add(SLACK) {
                return Err(Cut::Flood);
            }
            self.literal = length;
            self.resumed = true;
        } else {
            if !self.resumed {
                self.keep(text);
            }
            self.resumed = false;
            self.depth = 0;
        }
        self.brace = Brace::None;
        self.line.clear();
        Ok(())
    }

    /// Is this the text of a status response, in which parentheses have no meaning?
    fn is_text(&self) -> bool {
        let untagged = self.line.strip_prefix(b"* ");
        !self.resumed
            && untagged.is_none_or(|rest| {
                let word = rest.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
                [&b"OK"[..], b"NO", b"BAD", b"BYE", b"PREAUTH"]
                    .iter()
                    .any(|status| word.eq_ignore_ascii_case(status))
            })
    }

    fn keep(&mut self, text: bool) {
        let line = String::from_utf8_lossy(&self.line);
        let line = line.trim_end().to_ascii_uppercase();
        let list = if text {
            line.split_once("[CAPABILITY ").and_then(|(_, rest)| rest.split_once(']')).map(|(list, _)| list)
        } else {
            line.strip_prefix("* CAPABILITY ")
        };
        if let Some(list) = list {
            self.capabilities = Some(list.split_ascii_whitespace().map(str::to_owned).collect());
        }
        if line.starts_with("* BYE") {
            self.bye = Some(std::mem::take(&mut self.line));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filtered(text: &str) -> (LineFilter, Result<(), Cut>, String) {
        let mut filter = LineFilter::new();
        let mut bytes = text.as_bytes().to_vec();
        let result = filter.apply(&mut bytes, 1000);
        (filter, result, String::from_utf8_lossy(&bytes).into_owned())
    }

    #[test]
    fn capabilities_are_kept_from_a_greeting_a_login_and_an_answer() {
        for line in [
            "* OK [CAPABILITY imap4rev1 MOVE] hi\r\n",
            "a1 OK [CAPABILITY IMAP4rev1 MOVE] in\r\n",
            "* CAPABILITY IMAP4rev1 MOVE\r\n",
        ] {
            let (mut filter, _, _) = filtered(line);
            assert_eq!(filter.take_capabilities().unwrap(), ["IMAP4REV1", "MOVE"], "{line}");
        }
    }

    #[test]
    fn the_text_of_a_message_is_neither_kept_nor_changed() {
        let body = "* BYE é\r\n* CAPABILITY X\r\n((((((((((((((((((((((((((((((";
        let line = format!("* 1 FETCH (BODY[] {{{}}}\r\n{body})\r\n", body.len());
        let (mut filter, result, after) = filtered(&line);
        assert_eq!(result, Ok(()));
        assert_eq!(after, line);
        assert!(filter.take_bye().is_none() && filter.take_capabilities().is_none());
    }

    #[test]
    fn text_that_is_not_ascii_becomes_question_marks() {
        let (_, result, after) = filtered("a1 NO [AUTHENTICATIONFAILED] ungültig\r\n");
        assert_eq!((result, after.as_str()), (Ok(()), "a1 NO [AUTHENTICATIONFAILED] ung??ltig\r\n"));
    }

    #[test]
    fn a_deep_answer_is_refused_but_text_may_have_parentheses() {
        let deep = "(".repeat(30);
        assert_eq!(filtered(&format!("* 1 FETCH (BODYSTRUCTURE {deep}")).1, Err(Cut::Nested));
        assert_eq!(filtered(&format!("* OK {{9}}\r\n* 1 FETCH (BODYSTRUCTURE {deep}")).1, Err(Cut::Nested));
        assert_eq!(filtered(&format!("* OK {deep}\r\n")).1, Ok(()));
        assert_eq!(filtered(&format!("* LIST () \"/\" \"{deep}\"\r\n")).1, Ok(()));
    }

    #[test]
    fn a_literal_beyond_the_budget_is_refused_before_it_comes() {
        assert_eq!(filtered("* 1 FETCH (BODY[] {4294967295}\r\n").1, Err(Cut::Flood));
    }

    #[test]
    fn the_text_of_a_bye_is_kept() {
        let (mut filter, _, _) = filtered("* BYE [UNAVAILABLE] going down\r\n");
        assert_eq!(filter.take_bye().unwrap(), b"* BYE [UNAVAILABLE] going down\r");
    }

    /// Pieces of a server's output: valid lines, parts of lines, literals, and bytes of any kind.
    fn piece() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::sample::select(vec![
                &b"* OK [CAPABILITY imap4rev1 MOVE] gr\xc3\xbc\xc3\x9fe\r\n"[..],
                b"* CAPABILITY IMAP4rev1 IDLE\r\n",
                b"* BYE [UNAVAILABLE] later\r\n",
                b"a1 OK done\r\n",
                b"* 1 FETCH (UID 1 BODY[] {5}\r\nab\xffcd FLAGS ())\r\n",
                b"* 1 FETCH (UID 1 BODY[] {",
                b"{12}\r\n",
                b"{4294967295}\r\n",
                b"\"quoted \\\" (\"",
                b"((((((((((((((",
                b"\r\n",
            ])
            .prop_map(<[u8]>::to_vec),
            prop::collection::vec(any::<u8>(), 0..20),
        ]
    }

    proptest! {
        /// A read may end anywhere: what is passed on, kept and refused never depends on where.
        #[test]
        fn the_result_does_not_depend_on_how_the_bytes_are_split_into_reads(
            pieces in prop::collection::vec(piece(), 0..12),
            lengths in prop::collection::vec(1_usize..9, 1..40),
        ) {
            let bytes = pieces.concat();
            let (mut whole, mut at_once) = (LineFilter::new(), bytes.clone());
            let result = whole.apply(&mut at_once, 1000);
            let (mut split, mut by_parts, mut from) = (LineFilter::new(), bytes.clone(), 0);
            let mut lengths = lengths.iter().cycle();
            let mut result_by_parts = Ok(());
            while from < bytes.len() && result_by_parts.is_ok() {
                let to = bytes.len().min(from + lengths.next().unwrap());
                result_by_parts = split.apply(&mut by_parts[from..to], 1000);
                from = to;
            }
            prop_assert_eq!(result, result_by_parts);
            prop_assert_eq!(at_once, by_parts);
            prop_assert_eq!(whole.take_capabilities(), split.take_capabilities());
            prop_assert_eq!(whole.take_bye(), split.take_bye());
        }
    }
}
