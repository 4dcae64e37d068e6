//! Finds where each response of the server ends.
//!
//! Pure. Owns the one rule by which an answer is split: a response ends with its line, and literals (RFC 9051, section 4.3) are
//! skipped by their announced length. What follows a literal must be able to follow one; otherwise the length was wrong, and the next
//! "line" may be the body of a message. Never looks into a literal. Called by `wire`.

use std::ops::Range;

use super::bounds::Cut;

/// Part of a literal may have arrived with the bytes that announce it, which are already subtracted from the budget.
const SLACK: u64 = 64 << 10;

/// So many bytes at the begin of a response show what it is.
const BEGIN: usize = 32;

/// The search for the end of one response.
#[derive(Debug, Default)]
pub(super) struct Framer {
    /// The bytes before this one, counted from the response's first, have been looked at.
    at: usize,
    /// The begin of the line that is looked at.
    line: usize,
    literals: Vec<Range<usize>>,
    /// The next byte follows a literal.
    fresh: bool,
    odd: bool,
}

/// One response without the end of its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) bytes: &'a [u8],
    /// Where its literals are.
    pub(super) literals: &'a [Range<usize>],
    /// A line break stood where none may be.
    pub(super) odd: bool,
}

/// The extent of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// Its length without the end of its line.
    pub(super) length: usize,
    /// Its length with it.
    pub(super) whole: usize,
}

impl Framer {
    /// Begins the next response.
    pub(super) fn begin(&mut self) {
        (self.at, self.line, self.fresh, self.odd) = (0, 0, false, false);
        self.literals.clear();
    }

    /// The literals of the response.
    pub(super) fn literals(&self) -> &[Range<usize>] {
        &self.literals
    }

    /// Did a line break stand where none may be?
    pub(super) fn is_odd(&self) -> bool {
        self.odd
    }

    /// Where the response ends that begins with `bytes`; `None` if more bytes are needed. `budget` more bytes may come.
    ///
    /// # Errors
    /// A literal that is too large, or one that was not as long as announced.
    pub(super) fn advance(&mut self, bytes: &[u8], budget: u64) -> Result<Option<Extent>, Cut> {
        loop {
            let Some(rest) = bytes.get(self.at..).filter(|rest| !rest.is_empty()) else { return Ok(None) };
            if self.fresh && !matches!(rest.first(), Some(b' ' | b')' | b'\r' | b'\n')) {
                return Err(Cut::Miscounted);
            }
            self.fresh = false;
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
                self.at = bytes.len();
                return Ok(None);
            };
            let end = self.at + end;
            let line = bytes.get(self.line..end).unwrap_or_default();
            let text = line.strip_suffix(b"\r").unwrap_or(line);
            if let Some(length) = announced(text).filter(|_| self.may_have_literals(bytes)) {
                if length > budget.saturating_add(SLACK) {
                    return Err(Cut::Flood);
                }
                let length = usize::try_from(length).map_err(|_| Cut::Flood)?;
                let begin = end + 1;
                self.literals.push(begin..begin.saturating_add(length));
                self.at = begin.saturating_add(length);
                self.line = self.at;
                self.fresh = true;
                continue;
            }
            // The answer to FETCH ends with a parenthesis, so a line that ends with a literal is not its end.
            let after_literal = self.literals.last().is_some_and(|literal| literal.end == self.line);
            if text.is_empty() && after_literal && is_fetch(bytes) {
                let Some(next) = bytes.get(end + 1) else {
                    self.at = end;
                    return Ok(None);
                };
                if !matches!(next, b' ' | b')') {
                    return Err(Cut::Miscounted);
                }
                self.odd = true;
                self.at = end + 1;
                self.line = self.at;
                continue;
            }
            return Ok(Some(Extent { length: self.line + text.len(), whole: end + 1 }));
        }
    }

    /// Braces have no meaning in the text of a status response, in a tagged line, and after a plus.
    fn may_have_literals(&self, bytes: &[u8]) -> bool {
        let Some(rest) = bytes.strip_prefix(b"* ") else { return false };
        let begin = rest.get(..BEGIN).unwrap_or(rest);
        let word = begin.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
        ![&b"OK"[..], b"NO", b"BAD", b"BYE", b"PREAUTH"]
            .iter()
            .any(|status| word.eq_ignore_ascii_case(status))
    }
}

/// The length of the literal that a line announces at its end.
fn announced(line: &[u8]) -> Option<u64> {
    let line = line.strip_suffix(b"}")?;
    let begin = line.iter().rposition(|byte| *byte == b'{')?;
    let digits = line.get(begin + 1..).filter(|digits| !digits.is_empty())?;
    digits.iter().try_fold(0_u64, |length, digit| {
        digit.is_ascii_digit().then(|| length.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
    })
}

/// Does a response begin as the data of a message does?
fn is_fetch(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(b"* ") else { return false };
    let rest = rest.get(..BEGIN).unwrap_or(rest);
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    rest.get(digits..)
        .is_some_and(|rest| rest.get(..7).is_some_and(|word| word.eq_ignore_ascii_case(b" FETCH ")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A response, its literals, and whether it is odd.
    type Found = (Vec<u8>, Vec<Vec<u8>>, bool);

    /// The responses in `bytes` as they are found if the bytes come in pieces of this size.
    fn split(bytes: &[u8], piece: usize) -> Result<Vec<Found>, Cut> {
        let mut framer = Framer::default();
        let mut found = Vec::new();
        let (mut start, mut end) = (0, 0);
        loop {
            match framer.advance(&bytes[start..end], 1000)? {
                Some(Extent { length, whole }) => {
                    let response = &bytes[start..start + length];
                    let literals =
                        framer.literals().iter().map(|one| response[one.clone()].to_vec()).collect();
                    found.push((response.to_vec(), literals, framer.is_odd()));
                    start += whole;
                    framer.begin();
                }
                None if end == bytes.len() => return Ok(found),
                None => end = bytes.len().min(end + piece),
            }
        }
    }

    #[test]
    fn a_response_ends_with_its_line_and_a_literal_by_its_length() {
        let text = b"* 1 FETCH (BODY[] {9}\r\n)\r\n* BYE\r\n FLAGS ())\r\n* OK {5}\r\na1 OK done\n";
        let found = split(text, 1000).unwrap();
        assert_eq!(found.len(), 3);
        assert_eq!(found[0].1, [b")\r\n* BYE\r"]);
        assert_eq!(found[1].0, b"* OK {5}");
        assert_eq!(found[2].0, b"a1 OK done");
    }

    #[test]
    fn an_empty_literal_has_an_end() {
        let found =
            split(b"* 1 FETCH (BODY[] {0}\r\n UID 4)\r\n* LIST () NIL {0}\r\n\r\nx\r\n", 1000).unwrap();
        assert_eq!((found.len(), found[0].1.len(), found[1].1.len()), (3, 1, 1));
    }

    #[test]
    fn a_blank_line_after_a_literal_is_passed_over_and_noted() {
        let found = split(b"* 1 FETCH (BODY[] {3}\r\nabc\r\n)\r\na1 OK\r\n", 1000).unwrap();
        assert_eq!((found.len(), found[0].2, found[1].2), (2, true, false));
        assert_eq!(split(b"* 1 FETCH (BODY[] {3}\r\nabc\r\nFrom: x\r\n", 1000), Err(Cut::Miscounted));
    }

    #[test]
    fn a_literal_that_was_announced_too_short_or_too_large_ends_the_connection() {
        assert_eq!(split(b"* 1 FETCH (BODY[] {3}\r\nabcdef)\r\n", 1000), Err(Cut::Miscounted));
        assert_eq!(split(b"* 1 FETCH (BODY[] {4294967295}\r\n", 1000), Err(Cut::Flood));
        assert_eq!(split(b"* 1 FETCH (BODY[] {99999999999999999999999}\r\n", 1000), Err(Cut::Flood));
    }

    fn piece() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::sample::select(vec![
                &b"* OK [ALERT] gr\xc3\xbc {3}\r\n"[..],
                b"* 1 FETCH (UID 1 BODY[] {5}\r\nab\xffcd FLAGS ())\r\n",
                b"* 1 FETCH (UID 1 BODY[] {5}\r\nab\xffcd\r\n)\r\n",
                b"* LIST () \"/\" {3}\r\na{1\r\n",
                b"{2}\r\n",
                b"{0}\r\n",
                b"a1 OK done\r\n",
                b"\r\n",
            ])
            .prop_map(<[u8]>::to_vec),
            prop::collection::vec(any::<u8>(), 0..20),
        ]
    }

    proptest! {
        /// A read may end anywhere: what is found never depends on where.
        #[test]
        fn the_result_does_not_depend_on_how_the_bytes_are_split_into_reads(
            pieces in prop::collection::vec(piece(), 0..12),
            size in 1_usize..9,
        ) {
            let bytes = pieces.concat();
            let (whole, split) = (split(&bytes, bytes.len().max(1)), split(&bytes, size));
            // A flood or a wrong length is noticed as early as it can be, and then nothing before it counts.
            prop_assert_eq!(whole, split);
        }
    }
}
