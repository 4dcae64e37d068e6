//! What a server says that it can do (RFC 9051, section 6.1.1), as far as followsift makes use of it. Read once from the server's
//! words: before the login by `line`, after it by `session`. Pure.

/// How mails are moved on a server, chosen once after the login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relocation {
    /// UID MOVE (RFC 6851).
    Move,
    /// UID COPY, proof of arrival, \Deleted, UID EXPUNGE of exactly those (RFC 4315, section 2.1).
    CopyThenExpunge,
    /// UID COPY, proof of arrival, \Deleted. Plain EXPUNGE would also remove what the user marked, so the original stays.
    CopyThenFlag,
}

/// What a server can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// AUTH=PLAIN: logs in by AUTHENTICATE PLAIN (RFC 4616).
    pub auth_plain: bool,
    /// IDLE: announces new messages (RFC 2177).
    pub idle: bool,
    /// LIST-EXTENDED: takes options to LIST (RFC 5258).
    pub list_extended: bool,
    /// LIST-STATUS: says the state of many folders in one answer (RFC 5819).
    pub list_status: bool,
    /// LOGINDISABLED: refuses LOGIN on this connection (RFC 9051, section 6.2.3).
    pub login_disabled: bool,
    /// MOVE: moves messages in one command (RFC 6851).
    pub move_messages: bool,
    /// NAMESPACE: says where a user's folders go (RFC 2342).
    pub namespace: bool,
    /// SASL-IR: takes the first answer of a login in the same line (RFC 4959).
    pub sasl_ir: bool,
    /// SPECIAL-USE: says what folders are for (RFC 6154).
    pub special_use: bool,
    /// UIDPLUS: says the UIDs of copies, and expunges exactly those that are named (RFC 4315).
    pub uidplus: bool,
    /// All the words as the server says them, in upper case, for a person to read.
    pub words: Vec<String>,
}

impl Capabilities {
    /// From the server's words, which are in upper case.
    pub(super) fn read(words: Vec<String>) -> Self {
        let has = |word: &str| words.iter().any(|known| known == word);
        Self {
            auth_plain: has("AUTH=PLAIN"),
            idle: has("IDLE"),
            list_extended: has("LIST-EXTENDED"),
            list_status: has("LIST-STATUS"),
            login_disabled: has("LOGINDISABLED"),
            move_messages: has("MOVE"),
            namespace: has("NAMESPACE"),
            sasl_ir: has("SASL-IR"),
            special_use: has("SPECIAL-USE"),
            uidplus: has("UIDPLUS"),
            words,
        }
    }

    /// The best way to move messages.
    pub(super) fn relocation(&self) -> Relocation {
        if self.move_messages {
            Relocation::Move
        } else if self.uidplus {
            Relocation::CopyThenExpunge
        } else {
            Relocation::CopyThenFlag
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_way_to_move_is_chosen() {
        for (words, relocation) in [
            ("IMAP4REV1 UIDPLUS MOVE", Relocation::Move),
            ("IMAP4REV1 MOVE", Relocation::Move),
            ("IMAP4REV1 UIDPLUS", Relocation::CopyThenExpunge),
            ("IMAP4REV1 XMOVE MOVED", Relocation::CopyThenFlag),
        ] {
            let words = words.split(' ').map(str::to_owned).collect();
            assert_eq!(Capabilities::read(words).relocation(), relocation);
        }
    }
}
