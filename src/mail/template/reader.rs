//! Compares a text with a template, within the work that a message may cost. Pure; called by `template` alone.

use super::{Form, Piece};
use crate::mail::bindings::{
    Bindings, Hole, LONGEST_HANDLE, LONGEST_PATH, host_of_address, is_handle, is_path,
};
use crate::mail::fact::Fact;
use crate::mail::host;
use crate::mail::link::Link;
use crate::mail::numeral::{self, Numerals};
use crate::mail::work::Work;
use crate::mail::wrapper;

/// Decoding a host costs as much as reading each byte this many times.
const DECODING: usize = 32;
/// The work for an attempt, in addition to the bytes it reads.
const ATTEMPT: usize = 8;

/// The longest text that a hole can capture, in bytes.
fn longest(hole: Hole) -> usize {
    match hole {
        Hole::Host => host::LONGEST,
        Hole::Path => LONGEST_PATH,
        Hole::Fact(Fact::Handle) | Hole::Address => LONGEST_HANDLE,
        Hole::Fact(fact) if fact.is_count() => numeral::LONGEST,
        _ => usize::MAX,
    }
}

/// One comparison.
pub(super) struct Reader<'r> {
    pub(super) known: &'r Bindings,
    pub(super) numerals: &'r Numerals,
    pub(super) form: Form,
    pub(super) work: &'r Work,
}

impl Reader<'_> {
    /// Do the pieces take the whole text? What the holes capture is added to `taken`.
    pub(super) fn fits<'t>(
        &self,
        pieces: &[Piece],
        text: &'t str,
        taken: &mut Vec<(Hole, &'t str)>,
        attempts: &mut usize,
    ) -> bool {
        let Some((piece, rest)) = pieces.split_first() else { return text.is_empty() };
        let hole = match piece {
            Piece::Literal(literal) => {
                return self.work.look(literal.len())
                    && text
                        .strip_prefix(literal.as_str())
                        .is_some_and(|text| self.fits(rest, text, taken, attempts));
            }
            Piece::Hole(hole) => *hole,
        };
        if let Some(bound) = self.bound(hole) {
            let Some((candidate, tail)) = text.split_at_checked(bound.len()) else { return false };
            if !self.work.look(bound.len()) || candidate != bound || !self.takes(hole, candidate, taken) {
                return false;
            }
            taken.push((hole, candidate));
            let fits = self.fits(rest, tail, taken, attempts);
            if !fits {
                taken.pop();
            }
            return fits;
        }
        if hole == Hole::Fact(Fact::Handle) && matches!(rest.first(), Some(Piece::Hole(_))) {
            return self.fits_longest(hole, rest, text, taken, attempts);
        }
        // What comes next, if only one text can.
        let next_text = match rest.first() {
            None => None,
            Some(Piece::Literal(literal)) => Some(literal.as_str()),
            Some(Piece::Hole(next)) => self.bound(*next).filter(|bound| !bound.is_empty()),
        };
        let mut end = match (rest.first(), next_text) {
            (None, _) => text.len(),
            (_, Some(next)) => match self.find(next, text) {
                Some(end) => end,
                None => return false,
            },
            // A path is empty or begins with a slash, and a host has none.
            (Some(Piece::Hole(Hole::Path)), None) => text.find('/').unwrap_or(text.len()),
            (Some(_), None) => 0,
        };
        let longest = longest(hole);
        loop {
            let Some(left) = attempts.checked_sub(1) else { return false };
            *attempts = left;
            let Some((candidate, tail)) = text.split_at_checked(end) else { return false };
            // All further candidates are longer still.
            if candidate.len() > longest {
                return false;
            }
            if self.takes(hole, candidate, taken) && !self.goes_on(hole, text, end) {
                taken.push((hole, candidate));
                if self.fits(rest, tail, taken, attempts) {
                    return true;
                }
                taken.pop();
            }
            let Some(next) = tail.chars().next().map(|c| end + c.len_utf8()) else { return false };
            end = match (rest.first(), next_text) {
                (None, _) => return false,
                (_, Some(found)) => match text.get(next..).and_then(|tail| self.find(found, tail)) {
                    Some(offset) => next + offset,
                    None => return false,
                },
                (Some(Piece::Hole(Hole::Path)), None) => return false,
                (Some(_), None) => next,
            };
        }
    }

    /// Where a literal occurs next.
    fn find(&self, literal: &str, text: &str) -> Option<usize> {
        let found = text.find(literal);
        self.work.look(found.unwrap_or(text.len()) + literal.len()).then_some(found)?
    }

    /// Does the number continue after `end`? `12 450` is not 12, and `2 K` is not 2.
    fn goes_on(&self, hole: Hole, text: &str, end: usize) -> bool {
        let Hole::Fact(fact) = hole else { return false };
        if !fact.is_count() {
            return false;
        }
        let tail = text.get(end..).unwrap_or_default();
        let word = tail.trim_start();
        let start = tail.len() - word.len();
        let end = end + start + word.find(char::is_whitespace).unwrap_or(word.len());
        start > 0
            && end <= numeral::LONGEST
            && self.work.look(end)
            && text.get(..end).is_some_and(|longer| self.numerals.read(longer).is_some())
    }

    /// The one text that a hole can capture, since it captured it before; `None` if several forms of it would agree.
    fn bound(&self, hole: Hole) -> Option<&str> {
        match hole {
            Hole::Any | Hole::You | Hole::Host | Hole::Address | Hole::Fact(Fact::Handle) => None,
            _ => self.known.text(hole),
        }
    }

    /// A handle directly followed by another hole is as long as possible, so that it keeps its host.
    fn fits_longest<'t>(
        &self,
        hole: Hole,
        rest: &[Piece],
        text: &'t str,
        taken: &mut Vec<(Hole, &'t str)>,
        attempts: &mut usize,
    ) -> bool {
        // Most places cannot be where a known handle begins.
        let first = |text: &str| text.chars().next().map(|c| c.to_lowercase().collect::<String>());
        if self.known.text(hole).is_some_and(|known| first(known) != first(text)) {
            return false;
        }
        let mut end = text.find(char::is_whitespace).unwrap_or(text.len());
        if !self.work.look(end) {
            return false;
        }
        while end > LONGEST_HANDLE || !text.is_char_boundary(end) {
            end -= 1;
        }
        while let Some((candidate, tail)) = text.split_at_checked(end) {
            let Some(left) = attempts.checked_sub(1) else { return false };
            *attempts = left;
            if self.takes(hole, candidate, taken) {
                taken.push((hole, candidate));
                if self.fits(rest, tail, taken, attempts) {
                    return true;
                }
                taken.pop();
            }
            let Some(last) = candidate.chars().next_back() else { return false };
            end -= last.len_utf8();
        }
        false
    }

    /// Can the hole capture this, and does it agree with what the hole captured elsewhere?
    fn takes(&self, hole: Hole, candidate: &str, taken: &[(Hole, &str)]) -> bool {
        if !self.work.look(ATTEMPT + candidate.len())
            || (self.form == Form::Link
                && hole != Hole::Path
                && (candidate.is_empty() || candidate.contains('/')))
        {
            return false;
        }
        let is_possible = match hole {
            Hole::Any => return true,
            Hole::You | Hole::Site => !candidate.is_empty(),
            Hole::Host => host::is_host(candidate),
            Hole::Path => is_path(candidate),
            Hole::Id => candidate.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_')),
            Hole::Fact(Fact::Handle) => is_handle(candidate),
            Hole::Address => host_of_address(candidate).is_some(),
            Hole::Fact(Fact::Url) => Link::parse(candidate).is_some_and(|link| !wrapper::is_wrapper(&link)),
            Hole::Fact(Fact::Website) => !candidate.contains(' '),
            Hole::Fact(fact) if fact.is_count() => self.numerals.read(candidate).is_some(),
            Hole::Fact(_) => candidate.trim() == candidate,
        };
        // Comparing a host that is not plain decodes it, and a link has been decoded above.
        let decoded = match hole {
            Hole::Host | Hole::Address | Hole::Fact(Fact::Handle)
                if is_possible && !host::is_plain(candidate) =>
            {
                DECODING * candidate.len()
            }
            Hole::Fact(Fact::Url) => 2 * candidate.len(),
            _ => 0,
        };
        is_possible
            && (!candidate.is_empty() || hole == Hole::Path)
            && self.work.look(decoded)
            && taken.iter().all(|(other, text)| *other != hole || *text == candidate)
            && self.known.agree(hole, candidate, self.numerals)
    }
}
