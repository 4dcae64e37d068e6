//! A server's capabilities (RFC 9051, section 6.1.1), as far as followsift uses them. Parsed before the login for `line` and
//! after it for `session`. Pure.

/// How messages are moved on a server, chosen once after the login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relocation {
    /// UID MOVE (RFC 6851).
    Move,
    /// UID COPY, proof of arrival, \Deleted, UID EXPUNGE of only those messages (RFC 4315, section 2.1).
    CopyThenExpunge,
    /// UID COPY, proof of arrival, \Deleted. The original stays, since a plain EXPUNGE would also remove messages that the user
    /// marked.
    CopyThenFlag,
}

/// The capabilities of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// AUTH=LOGIN: logs in by AUTHENTICATE LOGIN, which asks for the user and the password one after the other.
    pub auth_login: bool,
    /// AUTH=OAUTHBEARER: logs in with an access token (RFC 7628).
    pub auth_oauthbearer: bool,
    /// AUTH=PLAIN: logs in by AUTHENTICATE PLAIN (RFC 4616).
    pub auth_plain: bool,
    /// AUTH=XOAUTH2: the same as AUTH=OAUTHBEARER, by the providers' older way.
    pub auth_xoauth2: bool,
    /// ID: takes the client's name (RFC 2971).
    pub id: bool,
    /// IDLE: announces new messages (RFC 2177).
    pub idle: bool,
    /// LIST-EXTENDED: accepts options of LIST (RFC 5258).
    pub list_extended: bool,
    /// LIST-STATUS: returns the status of many folders in one answer (RFC 5819).
    pub list_status: bool,
    /// LOGINDISABLED: refuses LOGIN on this connection (RFC 9051, section 6.2.3).
    pub login_disabled: bool,
    /// MOVE: moves messages in one command (RFC 6851).
    pub move_messages: bool,
    /// NAMESPACE: reports the prefix of the user's own folders (RFC 2342).
    pub namespace: bool,
    /// SASL-IR: accepts the initial response of AUTHENTICATE in the same line (RFC 4959).
    pub sasl_ir: bool,
    /// SPECIAL-USE: reports what folders are for (RFC 6154).
    pub special_use: bool,
    /// UIDPLUS: reports the UIDs of copies, and expunges only the named messages (RFC 4315).
    pub uidplus: bool,
    /// All the server's capability names, in upper case, for a person to read.
    pub words: Vec<String>,
}

impl Capabilities {
    /// From the server's capability names in upper case.
    pub(super) fn read(words: Vec<String>) -> Self {
        let has = |word: &str| words.iter().any(|known| known == word);
        Self {
            auth_login: has("AUTH=LOGIN"),
            auth_oauthbearer: has("AUTH=OAUTHBEARER"),
            auth_plain: has("AUTH=PLAIN"),
            auth_xoauth2: has("AUTH=XOAUTH2"),
            id: has("ID"),
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
    fn the_best_supported_way_to_move_is_chosen() {
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
