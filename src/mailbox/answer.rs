//! Holds the answer to a command: its untagged responses as values.
//!
//! Owns which of the responses count. Skips those that nobody asked for, since servers may send any response at any time (RFC
//! 9051, section 7). Proofs, flags and COPYUID come only from an answer in which nothing was passed over ([`Answer::require_whole`]).
//! Pure. Made by `line`, read by the parts of `session`.

use std::collections::BTreeMap;
use std::ops::Range;

use super::fault::Cause;
use super::framer::Frame;
use super::response::{self, Condition, Fetched, Listed, Response, StatusOf, condition};
use super::texts::{CONTRADICTION, Texts};
use crate::place::{Uid, UidValidity};

/// The result of SELECT or EXAMINE.
#[derive(Debug, Default)]
pub(super) struct Selected {
    pub(super) validity: Option<UidValidity>,
    pub(super) next: Option<Uid>,
    /// How many messages there are; a server must report it (RFC 9051, section 6.3.2).
    pub(super) exists: Option<u32>,
    pub(super) read_only: bool,
}

/// The UIDs of originals, and of their copies in the target with this UIDVALIDITY.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CopyUid {
    pub(super) validity: UidValidity,
    pub(super) pairs: Vec<(Uid, Uid)>,
}

/// An answer: the untagged responses, then the tagged one.
#[derive(Debug, Default)]
pub(super) struct Answer {
    frames: Vec<OwnedFrame>,
    /// The tagged line without its tag.
    done: Vec<u8>,
    passed_over: Option<&'static str>,
    /// What the EXPUNGE responses name.
    expunged: Vec<Option<u32>>,
}

#[derive(Debug)]
struct OwnedFrame {
    bytes: Vec<u8>,
    literals: Vec<Range<usize>>,
}

impl Answer {
    /// Adds an untagged response; an error if it cannot be read and it is not certain where it ends.
    pub(super) fn push(&mut self, frame: Frame<'_>) -> Result<(), Cause> {
        if frame.odd {
            self.pass_over("a line break after a literal");
        }
        match response::read(frame) {
            Response::Unreadable { why, ends: false } => return Err(Cause::Garbled(why)),
            Response::Unreadable { why, .. } => {
                self.pass_over(why);
                return Ok(());
            }
            Response::Expunge(number) => self.expunged.push(number),
            _ => {}
        }
        self.frames.push(OwnedFrame { bytes: frame.bytes.to_vec(), literals: frame.literals.to_vec() });
        Ok(())
    }

    /// Ends the answer with its tagged line, without the tag.
    pub(super) fn end(&mut self, line: &[u8]) {
        self.done = line.to_vec();
    }

    /// Notes that something in it could not be read.
    pub(super) fn pass_over(&mut self, why: &'static str) {
        self.passed_over.get_or_insert(why);
    }

    /// Why something in it was passed over, if it was.
    pub(super) fn passed_over(&self) -> Option<&'static str> {
        self.passed_over
    }

    /// The fault if something in it was passed over: then nothing in it proves anything.
    pub(super) fn require_whole(&self) -> Result<&Self, Cause> {
        self.passed_over.map_or(Ok(self), |why| Err(Cause::Unclear(why)))
    }

    /// Why the answer to a FETCH of `uids` proves nothing although all of it could be read, if that is so.
    pub(super) fn contradiction(&self, uids: &[Uid]) -> Option<&'static str> {
        let mut texts = Texts::of(uids.iter().copied());
        let is_odd = |response| matches!(response, Response::Fetch(fetched) if !texts.is_credible(&fetched));
        self.responses().any(is_odd).then_some(CONTRADICTION)
    }

    fn responses(&self) -> impl Iterator<Item = Response<'_>> {
        self.frames
            .iter()
            .map(|frame| response::read(Frame { bytes: &frame.bytes, literals: &frame.literals, odd: false }))
    }

    /// The codes of its status responses and of its tagged line.
    fn conditions(&self) -> impl Iterator<Item = Condition<'_>> {
        let untagged = self.responses().filter_map(|response| match response {
            Response::Condition(condition) => Some(condition),
            _ => None,
        });
        untagged.chain(std::iter::once(condition(&self.done)))
    }

    /// The data of each message from FETCH responses. The last response counts.
    pub(super) fn fetched(&self) -> BTreeMap<Uid, Fetched<'_>> {
        let mut messages: BTreeMap<Uid, Fetched<'_>> = BTreeMap::new();
        let mut numbers: BTreeMap<u32, Uid> = BTreeMap::new();
        for response in self.responses() {
            let fetched = match response {
                Response::Fetch(fetched) => fetched,
                Response::Expunge(_) => {
                    // An EXPUNGE renumbers the messages after it (RFC 9051, section 7.5.1).
                    numbers.clear();
                    continue;
                }
                _ => continue,
            };
            // A server may report a change of flags without the UID.
            let Some(uid) = fetched.uid.or_else(|| numbers.get(&fetched.number).copied()) else { continue };
            numbers.insert(fetched.number, uid);
            messages.entry(uid).or_default().update(fetched);
        }
        messages
    }

    /// The UIDs that a UID SEARCH found; `None` if the answer has no SEARCH line. iCloud omits it if there are no UIDs
    /// (https://github.com/home-assistant/core/issues/132042).
    pub(super) fn found(&self) -> Option<Vec<Uid>> {
        let mut uids: Option<Vec<Uid>> = None;
        for response in self.responses() {
            if let Response::Search(found) = response {
                uids.get_or_insert_default().extend(found);
            }
        }
        if let Some(uids) = &mut uids {
            uids.sort_unstable();
            uids.dedup();
        }
        uids
    }

    /// The result of SELECT or EXAMINE.
    pub(super) fn selected(&self) -> Selected {
        let mut selected = Selected::default();
        for response in self.responses() {
            if let Response::Exists(count) = response {
                selected.exists = Some(count);
            }
        }
        for condition in self.conditions() {
            let Some((word, arguments)) = condition.code() else { continue };
            match word.to_ascii_uppercase().as_slice() {
                b"UIDVALIDITY" => selected.validity = response::validity(arguments),
                b"UIDNEXT" => selected.next = response::uid(arguments),
                // The UIDs of a folder with UIDNOTSTICKY change with each session (RFC 4315, section 3), so later nothing could
                // be proven.
                b"READ-ONLY" | b"UIDNOTSTICKY" => selected.read_only = true,
                b"PERMANENTFLAGS" => {
                    // A \Deleted that does not persist cannot remove a message (RFC 9051, section 7.1).
                    let words = String::from_utf8_lossy(arguments).to_ascii_lowercase();
                    let mut words = words.split(|c: char| c.is_ascii_whitespace() || matches!(c, '(' | ')'));
                    selected.read_only |= !words.any(|word| word == "\\deleted");
                }
                _ => {}
            }
        }
        selected
    }

    /// The folders that LIST returned.
    pub(super) fn listed(&self) -> Vec<Listed> {
        self.responses()
            .filter_map(|response| match response {
                Response::List(listed) => Some(listed),
                _ => None,
            })
            .collect()
    }

    /// The states of folders from STATUS.
    pub(super) fn statuses(&self) -> Vec<StatusOf> {
        self.responses()
            .filter_map(|response| match response {
                Response::Status(state) => Some(state),
                _ => None,
            })
            .collect()
    }

    /// The line of a NAMESPACE.
    pub(super) fn namespace(&self) -> Option<Vec<u8>> {
        self.responses().find_map(|response| match response {
            Response::Namespace(line) => Some(line.to_vec()),
            _ => None,
        })
    }

    /// The names of the capabilities in upper case, from a CAPABILITY or a code.
    pub(super) fn capabilities(&self) -> Option<Vec<String>> {
        let listed = self.responses().find_map(|response| match response {
            Response::Capability(words) => Some(words),
            _ => None,
        });
        listed.or_else(|| {
            let words = self.conditions().find_map(|condition| condition.arguments("CAPABILITY"))?;
            let words = String::from_utf8_lossy(words).to_ascii_uppercase();
            Some(words.split_ascii_whitespace().map(str::to_owned).collect())
        })
    }

    /// The numbers of the messages that left the folder, in the server's order; `None` if it may have named others, too.
    pub(super) fn expunged(&self) -> Option<Vec<u32>> {
        let is_whole = self.passed_over.is_none();
        is_whole.then(|| self.expunged.iter().copied().collect::<Option<_>>()).flatten()
    }

    /// May a message have left the folder, so that others have new numbers?
    pub(super) fn renumbers(&self) -> bool {
        self.passed_over.is_some() || !self.expunged.is_empty()
    }

    /// The UID of an appended message (APPENDUID, RFC 4315, section 3), if the server reports it.
    pub(super) fn appended(&self) -> Option<Uid> {
        let mut words = condition(&self.done).arguments("APPENDUID")?.split(u8::is_ascii_whitespace);
        words.next().and_then(response::validity)?;
        words.next().and_then(response::uid).filter(|_| words.next().is_none())
    }

    /// The pairs of COPYUID (RFC 4315, section 3), tagged or, after MOVE, untagged (RFC 6851, section 4.3). Ignores sets that
    /// differ in length or have more than `most` members, and all of them if something in the answer was passed over.
    pub(super) fn copied(&self, most: usize) -> Vec<CopyUid> {
        let mut all = Vec::new();
        if self.passed_over.is_some() {
            return all;
        }
        for condition in self.conditions() {
            let Some(arguments) = condition.arguments("COPYUID") else { continue };
            let mut words = arguments.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            if let (Some(validity), Some(from), Some(to), None) =
                (words.next().and_then(response::validity), words.next(), words.next(), words.next())
                && let (Some(from), Some(to)) = (expand(from, most), expand(to, most))
                && from.len() == to.len()
            {
                all.push(CopyUid { validity, pairs: from.into_iter().zip(to).collect() });
            }
        }
        all
    }
}

impl<'a> Fetched<'a> {
    /// Takes over what a later response says.
    fn update(&mut self, later: Fetched<'a>) {
        if later.flags.is_some() {
            (self.flags, self.keywords) = (later.flags, later.keywords);
        }
        self.number = later.number;
        self.uid = later.uid.or(self.uid);
        self.size = later.size.or(self.size);
        self.received = later.received.or(self.received);
        self.section = later.section.or(self.section);
        self.body = later.body.or(self.body);
    }
}

/// The members of a UID set in its own order; `None` if there are more than `most`, or it is no set. A range means the same from
/// either end (RFC 9051, section 9, seq-range).
fn expand(set: &[u8], most: usize) -> Option<Vec<Uid>> {
    let mut uids = Vec::new();
    for member in set.split(|byte| *byte == b',') {
        let mut ends = member.splitn(2, |byte| *byte == b':').map(response::uid);
        let one = ends.next()??;
        let other = ends.next().map_or(Some(one), |other| other)?;
        let (low, high) = (one.0.min(other.0), one.0.max(other.0));
        let count = usize::try_from(high - low).ok()?.checked_add(1)?;
        if count > most.checked_sub(uids.len())? {
            return None;
        }
        uids.extend((low..=high).map(Uid));
    }
    Some(uids)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer that consists of these lines; the last is the tagged one.
    fn answer(text: &str) -> Answer {
        let mut answer = Answer::default();
        let mut lines: Vec<&str> = text.split_terminator("\r\n").collect();
        let done = lines.pop().unwrap();
        for line in lines {
            answer.push(Frame { bytes: line.as_bytes(), literals: &[], odd: false }).unwrap();
        }
        answer.end(done.split_once(' ').unwrap().1.as_bytes());
        answer
    }

    fn copied(code: &str, most: usize) -> Vec<(u32, u32)> {
        let copied = answer(&format!("* OK [{code}] moved\r\na1 OK done\r\n")).copied(most);
        copied.into_iter().flat_map(|copied| copied.pairs).map(|(from, to)| (from.0, to.0)).collect()
    }

    #[test]
    fn copyuid_pairs_source_and_target_in_order() {
        assert_eq!(copied("COPYUID 9 1,3:4 10:12", 3), [(1, 10), (3, 11), (4, 12)]);
        assert_eq!(copied("COPYUID 9 4:3,1 10:12", 3), [(3, 10), (4, 11), (1, 12)]);
    }

    #[test]
    fn a_copyuid_that_cannot_be_true_is_not_believed() {
        assert!(copied("COPYUID 9 1:2 10", 2).is_empty());
        assert!(copied("COPYUID 9 1:3 10:12", 2).is_empty());
        assert!(copied("COPYUID 9 0:4294967295 0:4294967295", 1000).is_empty());
        assert!(copied("COPYUID 1  ", 1000).is_empty());
    }

    #[test]
    fn what_does_not_begin_as_a_response_may_be_the_text_of_a_message() {
        for text in ["x", "", "** OK", "From: x"] {
            let frame = Frame { bytes: text.as_bytes(), literals: &[], odd: false };
            assert!(matches!(Answer::default().push(frame), Err(Cause::Garbled(_))), "{text:?}");
        }
    }

    /// The UIDs of the starred messages.
    fn starred(text: &str) -> Vec<u32> {
        let answer = answer(text);
        let messages = answer.fetched();
        messages.iter().filter(|(_, message)| message.flags.unwrap().flagged).map(|(uid, _)| uid.0).collect()
    }

    #[test]
    fn the_last_flags_of_a_message_count() {
        let begin = "* 3 FETCH (UID 7 FLAGS ())\r\n* 4 FETCH (UID 8 FLAGS (\\flagged))\r\n";
        assert_eq!(starred(&format!("{begin}* 3 FETCH (FLAGS (\\Flagged))\r\na1 OK done\r\n")), [7, 8]);
        assert_eq!(starred(&format!("{begin}* 4 FETCH (FLAGS ())\r\na1 OK done\r\n")), [0; 0]);
        // After the EXPUNGE, message 4 is number 3.
        let after =
            "* 1 EXPUNGE\r\n* 3 FETCH (FLAGS ())\r\n* 2 FETCH (UID 7 FLAGS (\\Flagged))\r\na1 OK done\r\n";
        assert_eq!(starred(&format!("{begin}{after}")), [7, 8]);
    }

    #[test]
    fn an_alert_in_a_select_does_not_panic() {
        let text = "* 4 EXISTS\r\n* NO [ALERT] disk is full\r\n* OK [UIDVALIDITY 5] x\r\n* OK [UIDNEXT 9] x\r\n\
                    * OK [PERMANENTFLAGS (\\Deleted \\*)] x\r\na1 OK [READ-WRITE] done\r\n";
        let selected = answer(text).selected();
        assert_eq!(
            (selected.validity, selected.next, selected.exists),
            (Some(UidValidity(5)), Some(Uid(9)), Some(4))
        );
        assert!(!selected.read_only);
    }

    #[test]
    fn a_folder_whose_flags_do_not_persist_is_read_only() {
        assert!(answer("* OK [PERMANENTFLAGS (\\Seen)] x\r\na1 OK done\r\n").selected().read_only);
        assert!(answer("a1 OK [READ-ONLY] done\r\n").selected().read_only);
    }

    #[test]
    fn names_lose_their_quotes() {
        let text = "* LIST (\\HasNoChildren \\All) \"\\\\\" \"a \\\"b\\\"\"\r\n* LIST (\\Noselect) NIL x\r\na1 OK done\r\n";
        let listed = answer(text).listed();
        assert_eq!(
            (listed[0].name.as_str(), listed[0].delimiter, listed[0].all),
            ("a \"b\"", Some('\\'), true)
        );
        assert!(!listed[1].selectable && listed[1].delimiter.is_none());
    }

    #[test]
    fn what_cannot_be_read_is_passed_over_and_then_nothing_proves_anything() {
        for text in ["* ", "* 1 FETCH (", "* LIST () \"", "* SEARCH 99999999999999", "* 1 FETCH (UID 4) x"] {
            let answer = answer(&format!("{text}\r\n* OK [COPYUID 9 1 10] x\r\na1 OK done\r\n"));
            assert!(answer.fetched().is_empty() && answer.listed().is_empty(), "{text:?}");
            assert!(answer.passed_over().is_some() && answer.copied(9).is_empty(), "{text:?}");
        }
    }
}
