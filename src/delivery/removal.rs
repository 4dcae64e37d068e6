//! Takes every `X-Followsift` out of the header of a message that comes in pieces, and leaves each other byte as it is.
//!
//! A sender who writes the field must never decide where their message is filed, however they write it: in any case, with blanks
//! before the colon (RFC 5322, section 4.5.2), folded (section 2.2.3), or more than once. Only whole lines are removed, so that no
//! line of the body becomes one of the header. It takes no more memory than a field's name, so that no message is too large for it.

use super::field::NAME;

/// More blanks than this between the name and the colon are part of an attack.
const BLANKS_LIMIT: usize = 4 << 10;

/// The removal of the fields from one message.
#[derive(Debug, Default)]
pub struct Removal {
    state: State,
    /// The beginning of a line, as long as it may be the field's name.
    pending: Vec<u8>,
    /// Whether the field before was removed, so that the lines which continue it are removed, too.
    removes: bool,
    /// Whether the lines before are a field, with a colon, which a line that begins with a blank continues.
    is_field: bool,
    /// Whether the header has begun: some programs pass over blank lines before it.
    has_begun: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    LineStart,
    /// Within a line.
    Line,
    Body,
}

impl Removal {
    /// Takes the next piece of the message, and appends to `out` what stays of it.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut rest = piece;
        while let Some((byte, tail)) = rest.split_first() {
            match self.state {
                State::Body => return out.extend_from_slice(rest),
                State::LineStart => {
                    self.start(*byte, out);
                    rest = tail;
                }
                State::Line => {
                    let end = rest.iter().position(|byte| *byte == b'\n').map(|end| end + 1);
                    let (line, tail) =
                        rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, b""));
                    self.keep(line, out);
                    self.is_field |= line.contains(&b':');
                    if end.is_some() {
                        self.state = State::LineStart;
                    }
                    rest = tail;
                }
            }
        }
    }

    /// At the end of the message.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if !is_name(&self.pending) {
            out.append(&mut self.pending);
        }
        self.pending.clear();
    }

    /// Within a line that is kept or removed.
    fn keep(&self, bytes: &[u8], out: &mut Vec<u8>) {
        if !self.removes {
            out.extend_from_slice(bytes);
        }
    }

    /// A byte at the start of a line, where its field's name is not known yet.
    fn start(&mut self, byte: u8, out: &mut Vec<u8>) {
        if self.pending.is_empty() && self.is_field && matches!(byte, b' ' | b'\t') {
            self.state = State::Line;
            return self.keep(&[byte], out);
        }
        self.pending.push(byte);
        match byte {
            b'\n' => {
                // Nothing else ends a header for every program: some take a line of blanks, or of a CR too many, for part of it.
                let is_empty = matches!(self.pending.as_slice(), b"\n" | b"\r\n");
                self.end_line(out);
                if is_empty && self.has_begun {
                    self.state = State::Body;
                }
            }
            b'\r' if self.pending.len() <= BLANKS_LIMIT => {}
            b':' if is_name(&self.pending) => self.enter_line(true, out),
            _ if may_become_name(&self.pending) => {
                if self.pending.len() > BLANKS_LIMIT {
                    self.enter_line(!self.pending.trim_ascii().is_empty(), out);
                }
            }
            _ => self.enter_line(false, out),
        }
    }

    /// The line ends before it turns out to be another field.
    fn end_line(&mut self, out: &mut Vec<u8>) {
        let has_begun = self.has_begun || !self.pending.trim_ascii().is_empty();
        self.enter_line(is_name(&self.pending), out);
        self.has_begun = has_begun;
        self.state = State::LineStart;
    }

    fn enter_line(&mut self, removes: bool, out: &mut Vec<u8>) {
        let start = std::mem::take(&mut self.pending);
        self.removes = removes;
        self.is_field = removes || start.contains(&b':');
        self.has_begun = true;
        self.state = State::Line;
        self.keep(&start, out);
    }
}

/// Is it the whole name, with its colon or without?
fn is_name(start: &[u8]) -> bool {
    let name = start.strip_suffix(b":").unwrap_or(start);
    name.trim_ascii().eq_ignore_ascii_case(NAME.as_bytes())
}

/// Is it the start of the name, or the name with blanks around it?
fn may_become_name(start: &[u8]) -> bool {
    let (name, start) = (NAME.as_bytes(), start.trim_ascii_start());
    match start.split_at_checked(name.len()) {
        Some((start, blanks)) => {
            start.eq_ignore_ascii_case(name) && blanks.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
        }
        None => name.get(..start.len()).is_some_and(|name| name.eq_ignore_ascii_case(start)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removed(message: &[u8], pieces: usize) -> Vec<u8> {
        let (mut removal, mut out) = (Removal::default(), Vec::new());
        message.chunks(pieces.max(1)).for_each(|piece| removal.push(piece, &mut out));
        removal.finish(&mut out);
        out
    }

    #[track_caller]
    fn check(message: &[u8], expected: &[u8]) {
        for pieces in [1, 2, 3, 7, message.len()] {
            let out = removed(message, pieces);
            assert_eq!(
                out.escape_ascii().to_string(),
                expected.escape_ascii().to_string(),
                "in pieces of {pieces}"
            );
        }
    }

    #[test]
    fn the_field_is_removed_however_its_sender_wrote_it() {
        let rest = "Subject: a\r\nTo: b\r\n\r\nX-Followsift: body\r\n";
        for field in [
            "X-Followsift: verdict=spam\r\n",
            "x-FOLLOWSIFT: verdict=real\r\n",
            "X-Followsift \t : verdict=real\r\n",
            "X-Followsift: network=x;\r\n verdict=real;\r\n\trule=\"a\"\r\n \r\n",
            "X-Followsift:\r\n  verdict=real\r\n",
            "X-Followsift:\n",
            "X-Followsift\r\n : verdict=real\r\n",
            "X-Followsift: a\rX-Followsift: b\r\n",
            "X-Followsift: a\r b\r c\r\n",
            "X-Followsift: one\r\nX-Followsift: two\r\nx-followsift:\r\n three\r\n",
        ] {
            check(format!("{field}{rest}").as_bytes(), rest.as_bytes());
            let (first, others) = rest.split_at(12);
            check(format!("{first}{field}{others}").as_bytes(), rest.as_bytes());
            check(
                format!("From ann Mon Jan  1\n{field}{rest}").as_bytes(),
                format!("From ann Mon Jan  1\n{rest}").as_bytes(),
            );
        }
        check(
            b"\r\n\r\nX-Followsift: a\r\nTo: b\r\n\r\nX-Followsift: c",
            b"\r\n\r\nTo: b\r\n\r\nX-Followsift: c",
        );
        check(b"\tX-Followsift: a\r\nTo: b\r\n\r\n", b"To: b\r\n\r\n");
        for no_end in ["\r\r\n", " \r\n", "\t\n"] {
            let message = format!("A: b\r\n{no_end}X-Followsift: a\r\n\r\nc");
            check(message.as_bytes(), format!("A: b\r\n{no_end}\r\nc").as_bytes());
        }
        check(b"no field\n X-Followsift: a\nB: c\n\n", b"no field\nB: c\n\n");
        check(b"A: b\r\nX-Followsift", b"A: b\r\n");
        check(b"A: b\r\nX-Followsift: c", b"A: b\r\n");
        let blanks = format!("X-Followsift{}: real\r\nTo: a\r\n\r\n", " ".repeat(100_000));
        check(blanks.as_bytes(), b"To: a\r\n\r\n");
    }

    #[test]
    fn every_other_byte_stays() {
        for message in [
            &b""[..],
            b"\n",
            b"\r\n",
            b"\r",
            b"A: b",
            b"X-Follow",
            b"X-Followsifted: a\r\nX-Followsift-Other: b\r\nX-Follow: c\r\n\r\nd",
            b"X-Followsift : a, they said\r\n\r\n",
            b"From x@y Mon Jan  1 00:00:00 2024\nA: \xff\0\x80\n\tb\n\n\0\r\r\n.\r\nno end",
            b"A: b\r\n\r\nX-Followsift: body\r\n\r\nX-Followsift: body\r\n",
            b" \tX: a\r\n\r\nb",
            b"Subject: a\r\n X-Followsift: b\r\n\r\nc",
            b"not a header\nX: a\n\n",
            // A bare CR ends no line: removing what follows it would join this line with the end of the header.
            b"Subject: a\rX-Followsift: b\r\n\r\nX-Followsift: body",
            b"A: b\r\r\nC: d\r\r\n\r\r\nbody",
        ] {
            let expected: &[u8] = if message.starts_with(b"X-Followsift :") { b"\r\n" } else { message };
            check(message, expected);
        }
    }
}
