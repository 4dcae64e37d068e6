//! The one rule on what the signs that are left of a layout excuse, where something on the way took others away. Never looks at a
//! message: `reading` counts the signs, and `recognise` decides by their weight.

use super::layout::Standing;

/// The fewest signs by which a message is recognised if its sender or another mark is gone.
const FEWEST: usize = 2;

/// The marks of a layout that a message lacks because somebody between the network and the inbox took them away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Gone {
    /// It has them all.
    #[default]
    Nothing,
    /// Links, which may be among those that do not show where they lead.
    Links,
    /// Header fields that were dropped, or From, which an alias service wrote anew.
    Fields,
    /// Both.
    LinksAndFields,
    /// The recipient's name in To, where a service wrote the bare address anew.
    Recipient,
}

impl Gone {
    /// With more of them gone; `None` if that is more than any message of the layout lacks.
    pub(super) fn and(self, more: Self) -> Option<Self> {
        match (self, more) {
            (Self::Nothing, gone) | (gone, Self::Nothing) => Some(gone),
            (one, other) if one == other => Some(one),
            (Self::Recipient, _) | (_, Self::Recipient) => None,
            _ => Some(Self::LinksAndFields),
        }
    }

    pub(super) fn has_links(self) -> bool {
        matches!(self, Self::Links | Self::LinksAndFields)
    }

    pub(super) fn has_fields(self) -> bool {
        matches!(self, Self::Fields | Self::LinksAndFields)
    }

    /// Is it so much that the message cannot be read, though it may be a notification? Then its signs are counted, and no more.
    pub(super) fn is_unclear(self) -> bool {
        matches!(self, Self::LinksAndFields | Self::Recipient)
    }
}

/// The signs of a layout that a message has, besides its subject.
///
/// What they excuse:
///
/// - Where all marks are there and the sender is one of the layout's, nothing needs to be excused.
/// - Where fields are gone, two other signs excuse them. Any count but the sender, since a field is often gone because somebody wrote
///   the sender anew. With fewer, the message may be of anybody.
/// - Where links are gone, those that are left may be of anybody: only the sender, marks, fields and elements count. Two of these excuse
///   the links, or three if the lines of the text part were found in the HTML part: an element there may have shown such a line
///   already. With fewer the message is incomplete, and with neither sender nor marks it may be of anybody.
/// - Nothing excuses that both are gone, or the recipient. With two marks, fields or elements the message is incomplete; else it may be
///   of anybody.
/// - Where an alias service wrote From, two signs of any kind excuse the sender. With fewer the message is incomplete.
/// - Nothing excuses another sender. A message from the network's domains is incomplete, and so is one of somebody else if another
///   field names a sender of the layout, two signs are there and no fields are gone.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Signs {
    /// 1 if the sender is one of the layout's, and they have a domain.
    pub(super) sender: usize,
    /// The marks that were found.
    pub(super) marks: usize,
    /// The same, where each of a mark's lines counts, and an element and its link count as two.
    pub(super) in_marks: usize,
    /// Header fields and elements that were read.
    pub(super) elements: usize,
    /// All that was read, counted as in marks.
    pub(super) read: usize,
}

/// What a message is by the marks that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// A message of this layout.
    Enough,
    /// Perhaps one, with too little left to read it by.
    Little,
    /// Nothing that this layout shows.
    Nothing,
}

/// How much a message that was read in full counts, by its sender too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// As a notification, whatever else it may be.
    Whole,
    /// As a notification, if no other layout reads it as a whole one.
    Weak,
    /// As incomplete.
    Little,
    /// As nothing.
    Nothing,
}

impl Signs {
    /// What is left of the message; `of_html` says that lines of the text part were found in the HTML part.
    pub(super) fn left(self, gone: Gone, of_html: bool) -> Left {
        let Self { sender, marks, elements, .. } = self;
        let (is_enough, is_little) = match gone {
            Gone::Nothing => (true, true),
            Gone::Fields => (self.are_enough(), false),
            Gone::Links => (sender + marks + elements >= FEWEST + usize::from(of_html), sender + marks > 0),
            Gone::LinksAndFields | Gone::Recipient => (false, marks + elements >= FEWEST),
        };
        match (is_enough, is_little) {
            (true, _) => Left::Enough,
            (false, true) => Left::Little,
            (false, false) => Left::Nothing,
        }
    }

    /// The weight of a message of which enough is left.
    pub(super) fn weight(self, gone: Gone, standing: Standing) -> Weight {
        match standing {
            Standing::Own if gone.has_fields() => Weight::Weak,
            Standing::Own => Weight::Whole,
            Standing::Relayed(_) if self.are_enough() => Weight::Weak,
            Standing::Rewritten if gone.has_fields() || !self.are_enough() => Weight::Nothing,
            Standing::Relayed(_) | Standing::OfDomain | Standing::Rewritten => Weight::Little,
            Standing::Stranger => Weight::Nothing,
        }
    }

    fn are_enough(self) -> bool {
        self.in_marks + self.read >= FEWEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::RelayService;

    #[test]
    fn of_several_kinds_of_marks_links_and_fields_may_be_gone_together() {
        assert_eq!(Gone::Nothing.and(Gone::Links), Some(Gone::Links));
        assert_eq!(Gone::Links.and(Gone::Links), Some(Gone::Links));
        assert_eq!(Gone::Links.and(Gone::Fields), Some(Gone::LinksAndFields));
        assert_eq!(Gone::LinksAndFields.and(Gone::Links), Some(Gone::LinksAndFields));
        assert_eq!(Gone::Recipient.and(Gone::Recipient), Some(Gone::Recipient));
        assert_eq!(Gone::Recipient.and(Gone::Links), None);
        assert_eq!(Gone::Fields.and(Gone::Recipient), None);
    }

    #[test]
    fn two_other_signs_excuse_what_is_gone() {
        let none = Signs::default();
        let (marks, lines) = (Signs { marks: 1, in_marks: 1, ..none }, Signs { read: 2, ..none });
        let both = Signs { elements: 1, read: 1, ..marks };
        for (signs, gone, of_html, expected) in [
            (none, Gone::Nothing, false, Left::Enough),
            (lines, Gone::Fields, false, Left::Enough),
            (marks, Gone::Fields, false, Left::Nothing),
            (Signs { sender: 1, ..marks }, Gone::Fields, false, Left::Nothing),
            (both, Gone::Links, false, Left::Enough),
            (both, Gone::Links, true, Left::Little),
            (Signs { sender: 1, ..both }, Gone::Links, true, Left::Enough),
            (marks, Gone::Links, false, Left::Little),
            (lines, Gone::Links, false, Left::Nothing),
            (both, Gone::LinksAndFields, false, Left::Little),
            (both, Gone::Recipient, false, Left::Little),
            (Signs { sender: 1, ..marks }, Gone::Recipient, false, Left::Nothing),
        ] {
            assert_eq!(signs.left(gone, of_html), expected, "{signs:?} {gone:?} {of_html}");
        }
    }

    #[test]
    fn the_sender_decides_what_a_message_that_was_read_counts_as() {
        let (few, enough) =
            (Signs { in_marks: 1, ..Signs::default() }, Signs { in_marks: 1, read: 1, ..Signs::default() });
        let relayed = Standing::Relayed(RelayService::Addy);
        for (signs, gone, standing, expected) in [
            (few, Gone::Nothing, Standing::Own, Weight::Whole),
            (few, Gone::Links, Standing::Own, Weight::Whole),
            (enough, Gone::Fields, Standing::Own, Weight::Weak),
            (enough, Gone::Nothing, relayed, Weight::Weak),
            (few, Gone::Nothing, relayed, Weight::Little),
            (enough, Gone::Nothing, Standing::OfDomain, Weight::Little),
            (enough, Gone::Nothing, Standing::Rewritten, Weight::Little),
            (enough, Gone::Fields, Standing::Rewritten, Weight::Nothing),
            (few, Gone::Nothing, Standing::Rewritten, Weight::Nothing),
            (enough, Gone::Nothing, Standing::Stranger, Weight::Nothing),
        ] {
            assert_eq!(signs.weight(gone, standing), expected, "{signs:?} {gone:?} {standing:?}");
        }
    }
}
