//! A place in a response, and the steps over what a response consists of: blanks, atoms, quoted strings, literals, lists.
//!
//! Pure. Looks only forward, at each byte a bounded number of times. Used by `response`.

use std::ops::Range;

use super::framer::Frame;

/// A value of an item.
#[derive(Debug)]
pub(super) enum Value<'a> {
    Atom(&'a [u8]),
    Quoted(&'a [u8]),
    Literal(&'a [u8]),
    List,
}

/// A value, or what is wrong.
pub(super) type Read<T> = Result<T, &'static str>;

/// A place in a response.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan<'a> {
    pub(super) frame: Frame<'a>,
    /// What is before it was read.
    pub(super) at: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn rest(&self) -> &'a [u8] {
        self.frame.bytes.get(self.at..).unwrap_or_default()
    }

    pub(super) fn skip_blanks(&mut self) {
        self.at += self.rest().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    }

    pub(super) fn take(&mut self, byte: u8) -> bool {
        let is_next = self.rest().first() == Some(&byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// The bytes up to the first that `ends` names.
    pub(super) fn until(&mut self, ends: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let count = rest.iter().position(|byte| ends(*byte)).unwrap_or(rest.len());
        self.at += count;
        rest.get(..count).unwrap_or_default()
    }

    /// The literal that is announced here.
    pub(super) fn literal(&mut self) -> Read<&'a [u8]> {
        let at = self.at;
        let range: &Range<usize> = self
            .frame
            .literals
            .get(self.frame.literals.partition_point(|literal| literal.start <= at))
            .ok_or("a brace without a literal")?;
        // Between the brace and the literal stand only the length and the end of the line.
        let between = self.frame.bytes.get(at + 1..range.start).unwrap_or_default();
        if !between.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'}' | b'\r' | b'\n')) {
            return Err("a brace without a literal");
        }
        self.at = range.end;
        self.frame.bytes.get(range.clone()).ok_or("a literal without an end")
    }

    pub(super) fn value(&mut self) -> Read<Value<'a>> {
        self.skip_blanks();
        match self.rest().first() {
            Some(b'"') => {
                self.at += 1;
                let begin = self.at;
                loop {
                    match self.rest().first() {
                        Some(b'"') => break,
                        Some(b'\\') => self.at += 2,
                        Some(_) => self.at += 1,
                        None => return Err("a quoted string without an end"),
                    }
                }
                let inside = self.frame.bytes.get(begin..self.at).unwrap_or_default();
                self.at += 1;
                Ok(Value::Quoted(inside))
            }
            Some(b'{') => self.literal().map(Value::Literal),
            Some(b'(') => self.skip_list().map(|()| Value::List),
            Some(_) => {
                let atom = self.until(|byte| byte.is_ascii_whitespace() || matches!(byte, b'(' | b')'));
                if atom.is_empty() { Err("a value is missing") } else { Ok(Value::Atom(atom)) }
            }
            None => Err("it ends too early"),
        }
    }

    /// Skips a list with the lists in it.
    pub(super) fn skip_list(&mut self) -> Read<()> {
        let mut depth = 0_usize;
        loop {
            match self.rest().first() {
                Some(b'(') => (depth, self.at) = (depth + 1, self.at + 1),
                Some(b')') => {
                    (depth, self.at) = (depth.saturating_sub(1), self.at + 1);
                    if depth == 0 {
                        return Ok(());
                    }
                }
                Some(b'"' | b'{') => {
                    self.value()?;
                }
                Some(_) => self.at += 1,
                None => return Err("a list without an end"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::framer::{Extent, Framer};
    use super::*;

    /// How many values a response has.
    fn values(text: &[u8]) -> usize {
        let mut framer = Framer::default();
        let Extent { length, .. } = framer.advance(text, 1 << 30).unwrap().unwrap();
        let frame = Frame { bytes: &text[..length], literals: framer.literals(), odd: false };
        let mut scan = Scan { frame, at: 2 };
        std::iter::from_fn(|| scan.value().ok()).count()
    }

    /// A look through all literals for each of them would take minutes.
    #[test]
    fn a_line_of_very_many_literals_and_parentheses_is_read() {
        let text = format!("* {}{}\r\n", "{0}\r\n ".repeat(400_000), "() ".repeat(400_000));
        assert_eq!(values(text.as_bytes()), 800_000);
    }
}
