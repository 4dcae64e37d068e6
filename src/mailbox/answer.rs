//! Parses an answer: its untagged responses become values.
//!
//! Owns the reading, by imap-proto, of the few responses that we ask for. Skips all others, since servers may send any response
//! at any time (RFC 9051, section 7). Pure. Called by the parts of `session`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use imap_proto::types::{AttributeValue, NameAttribute, StatusAttribute};
use imap_proto::{MailboxDatum, Response, ResponseCode, UidSetMember};

use super::date;
use super::fault::Cause;
use super::line::Answer;
use super::quoted::unescaped;
use crate::place::{Uid, UidValidity};

/// The flags that followsift uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Read.
    pub seen: bool,
    /// Answered by the user.
    pub answered: bool,
    /// Starred by the user.
    pub flagged: bool,
    /// Marked for deletion.
    pub deleted: bool,
    /// Has keywords: flags that the protocol does not define.
    pub keywords: bool,
}

impl Flags {
    fn read<S: AsRef<str>>(words: &[S]) -> Self {
        let has = |flag: &str| words.iter().any(|word| word.as_ref().eq_ignore_ascii_case(flag));
        Self {
            seen: has("\\Seen"),
            answered: has("\\Answered"),
            flagged: has("\\Flagged"),
            deleted: has("\\Deleted"),
            keywords: words.iter().any(|word| !word.as_ref().starts_with('\\')),
        }
    }

    /// Did the user star or answer the message?
    pub fn is_touched(self) -> bool {
        self.answered || self.flagged
    }
}

/// The data of one message from FETCH responses.
#[derive(Debug, Default)]
pub(super) struct Fetched<'a> {
    pub(super) size: Option<u32>,
    /// Seconds since 1970 UTC.
    pub(super) received: Option<i64>,
    pub(super) flags: Option<Flags>,
    /// The flags that the protocol does not define, such as `$Label1`.
    pub(super) keywords: BTreeSet<String>,
    /// The one section that was requested.
    pub(super) section: Option<&'a [u8]>,
}

/// The result of SELECT or EXAMINE.
#[derive(Debug, Default)]
pub(super) struct Selected {
    pub(super) validity: Option<UidValidity>,
    pub(super) next: Option<Uid>,
    /// How many messages there are; a server must report it (RFC 9051, section 6.3.2).
    pub(super) exists: Option<u32>,
    pub(super) read_only: bool,
}

/// One line of LIST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// The server's name for it.
    pub(super) name: String,
    pub(super) delimiter: Option<char>,
    pub(super) selectable: bool,
    /// It contains all messages of the account, also those in other folders (RFC 6154).
    pub(super) all: bool,
}

/// The UIDs of originals, and of their copies in the target with this UIDVALIDITY.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CopyUid {
    pub(super) validity: UidValidity,
    pub(super) pairs: Vec<(Uid, Uid)>,
}

impl Answer {
    fn responses(&self) -> impl Iterator<Item = Result<Response<'_>, Cause>> {
        let mut rest = self.0.as_slice();
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            match imap_proto::parser::parse_response(rest) {
                Ok((after, response)) => {
                    rest = after;
                    Some(Ok(response))
                }
                Err(_) => {
                    rest = &[];
                    Some(Err(Cause::Garbled("not an IMAP response")))
                }
            }
        })
    }

    /// The data of each message from FETCH responses. The last response counts.
    pub(super) fn fetched(&self) -> Result<BTreeMap<Uid, Fetched<'_>>, Cause> {
        let mut messages: BTreeMap<Uid, Fetched<'_>> = BTreeMap::new();
        let mut numbers: BTreeMap<u32, Uid> = BTreeMap::new();
        for response in self.responses() {
            let (number, attributes) = match response? {
                Response::Fetch(number, attributes) => (number, attributes),
                Response::Expunge(_) => {
                    // An EXPUNGE renumbers the messages after it (RFC 9051, section 7.5.1).
                    numbers.clear();
                    continue;
                }
                _ => continue,
            };
            let named = attributes.iter().find_map(|attribute| match attribute {
                AttributeValue::Uid(uid) => Some(Uid(*uid)),
                _ => None,
            });
            // A server may report a change of flags without the UID.
            let Some(uid) = named.or_else(|| numbers.get(&number).copied()) else { continue };
            numbers.insert(number, uid);
            let message = messages.entry(uid).or_default();
            for attribute in attributes {
                match attribute {
                    AttributeValue::Rfc822Size(size) => message.size = Some(size),
                    AttributeValue::InternalDate(text) => message.received = date::seconds(&text),
                    AttributeValue::Flags(words) => {
                        message.flags = Some(Flags::read(&words));
                        let keywords = words.iter().filter(|word| !word.starts_with('\\'));
                        message.keywords = keywords.map(|word| word.to_string()).collect();
                    }
                    AttributeValue::BodySection { data, .. } => {
                        // Always borrowed: the parser does not copy. NIL counts as empty.
                        message.section = match data {
                            Some(Cow::Borrowed(bytes)) => Some(bytes),
                            Some(Cow::Owned(_)) | None => Some(&[]),
                        }
                    }
                    _ => {}
                }
            }
        }
        Ok(messages)
    }

    /// The UIDs that a UID SEARCH found; `None` if the answer has no SEARCH line. iCloud omits it if there are no UIDs
    /// (https://github.com/home-assistant/core/issues/132042).
    pub(super) fn found(&self) -> Result<Option<Vec<Uid>>, Cause> {
        let mut uids: Option<Vec<Uid>> = None;
        for response in self.responses() {
            if let Response::MailboxData(MailboxDatum::Search(found)) = response? {
                uids.get_or_insert_default().extend(found.into_iter().map(Uid));
            }
        }
        if let Some(uids) = &mut uids {
            uids.sort_unstable();
            uids.dedup();
        }
        Ok(uids)
    }

    /// The result of SELECT or EXAMINE.
    pub(super) fn selected(&self) -> Result<Selected, Cause> {
        let mut selected = Selected::default();
        for response in self.responses() {
            match response? {
                Response::MailboxData(MailboxDatum::Exists(count)) => selected.exists = Some(count),
                Response::Data { code: Some(code), .. } | Response::Done { code: Some(code), .. } => {
                    match code {
                        ResponseCode::UidValidity(validity) => {
                            selected.validity = Some(UidValidity(validity))
                        }
                        ResponseCode::UidNext(next) => selected.next = Some(Uid(next)),
                        ResponseCode::ReadOnly => selected.read_only = true,
                        // Its UIDs change with each session (RFC 4315, section 3), so later nothing could be proven.
                        ResponseCode::UidNotSticky => selected.read_only = true,
                        ResponseCode::PermanentFlags(words) => {
                            // A \Deleted that does not persist cannot remove a message (RFC 9051, section 7.1).
                            let stays = words.iter().any(|word| word.eq_ignore_ascii_case("\\Deleted"));
                            selected.read_only |= !stays;
                        }
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        Ok(selected)
    }

    /// The folders that LIST returned.
    pub(super) fn listed(&self) -> Result<Vec<Listed>, Cause> {
        let mut folders = Vec::new();
        for response in self.responses() {
            let Response::MailboxData(MailboxDatum::List { name_attributes, delimiter, name }) = response?
            else {
                continue;
            };
            let is = |word: &str, attribute: &NameAttribute<'_>| matches!(attribute, NameAttribute::Extension(other) if other.eq_ignore_ascii_case(word));
            folders.push(Listed {
                name: unescaped(&name),
                delimiter: delimiter.and_then(|text| unescaped(&text).chars().next()),
                selectable: !name_attributes
                    .iter()
                    .any(|attribute| *attribute == NameAttribute::NoSelect || is("\\NonExistent", attribute)),
                all: name_attributes.contains(&NameAttribute::All),
            });
        }
        Ok(folders)
    }

    /// UIDVALIDITY and UIDNEXT of folders from STATUS, by the server's name.
    pub(super) fn statuses(&self) -> Result<BTreeMap<String, (UidValidity, Uid)>, Cause> {
        let mut folders = BTreeMap::new();
        for response in self.responses() {
            let Response::MailboxData(MailboxDatum::Status { mailbox, status }) = response? else { continue };
            let (mut validity, mut next) = (None, None);
            for attribute in status {
                match attribute {
                    StatusAttribute::UidValidity(number) => validity = Some(UidValidity(number)),
                    StatusAttribute::UidNext(number) => next = Some(Uid(number)),
                    _ => {}
                }
            }
            if let (Some(validity), Some(next)) = (validity, next) {
                folders.insert(unescaped(&mailbox), (validity, next));
            }
        }
        Ok(folders)
    }

    /// The pairs of COPYUID (RFC 4315, section 3), tagged or, after MOVE, untagged (RFC 6851, section 4.3). Ignores sets that
    /// differ in length or have more than `most` members.
    pub(super) fn copied(&self, most: usize) -> Result<Vec<CopyUid>, Cause> {
        let mut all = Vec::new();
        for response in self.responses() {
            let (Response::Data { code: Some(code), .. } | Response::Done { code: Some(code), .. }) =
                response?
            else {
                continue;
            };
            if let ResponseCode::CopyUid(validity, from, to) = code
                && let (Some(from), Some(to)) = (expand(&from, most), expand(&to, most))
                && from.len() == to.len()
            {
                let pairs = from.into_iter().zip(to).collect();
                all.push(CopyUid { validity: UidValidity(validity), pairs });
            }
        }
        Ok(all)
    }
}

/// The members of a UID set in its own order; `None` if there are more than `most`. A range means the same from either end
/// (RFC 9051, section 9, seq-range).
fn expand(set: &[UidSetMember], most: usize) -> Option<Vec<Uid>> {
    let mut uids = Vec::new();
    for member in set {
        let (one, other) = match member {
            UidSetMember::Uid(uid) => (*uid, *uid),
            UidSetMember::UidRange(range) => (*range.start(), *range.end()),
        };
        let (low, high) = (one.min(other), one.max(other));
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

    fn answer(text: &str) -> Answer {
        Answer(text.as_bytes().to_vec())
    }

    fn copied(code: &str, most: usize) -> Vec<(u32, u32)> {
        let copied = answer(&format!("* OK [{code}] moved\r\na1 OK done\r\n")).copied(most).unwrap();
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

    /// The UIDs of the starred messages.
    fn starred(text: &str) -> Vec<u32> {
        let answer = answer(text);
        let messages = answer.fetched().unwrap();
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
        let selected = answer(text).selected().unwrap();
        assert_eq!(
            (selected.validity, selected.next, selected.exists),
            (Some(UidValidity(5)), Some(Uid(9)), Some(4))
        );
        assert!(!selected.read_only);
    }

    #[test]
    fn a_folder_whose_flags_do_not_persist_is_read_only() {
        assert!(answer("* OK [PERMANENTFLAGS (\\Seen)] x\r\na1 OK done\r\n").selected().unwrap().read_only);
        assert!(answer("a1 OK [READ-ONLY] done\r\n").selected().unwrap().read_only);
    }

    #[test]
    fn names_lose_their_quotes() {
        let text = "* LIST (\\HasNoChildren \\All) \"\\\\\" \"a \\\"b\\\"\"\r\n* LIST (\\Noselect) NIL x\r\na1 OK done\r\n";
        let listed = answer(text).listed().unwrap();
        assert_eq!(
            (listed[0].name.as_str(), listed[0].delimiter, listed[0].all),
            ("a \"b\"", Some('\\'), true)
        );
        assert!(!listed[1].selectable && listed[1].delimiter.is_none());
    }

    #[test]
    fn garbage_is_a_fault_and_does_not_panic() {
        for text in ["* ", "\r\n", "* 1 FETCH (", "x", "* LIST () \"", "* SEARCH 99999999999999\r\n"] {
            let answer = answer(text);
            assert!(
                answer.fetched().is_err() && answer.listed().is_err() && answer.copied(9).is_err(),
                "{text:?}"
            );
        }
    }
}
