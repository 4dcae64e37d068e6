//! Decides the fate of an account after a fault.
//!
//! Decides by types and response codes (RFC 5530), never by a server's text, with one exception
//! (`Refusal::is_throttled`). Called by all of `mailbox`, by `sweep`, `daemon` and `cli`.

use super::fault::{Cause, Fault, Step};
use super::refusal::{Code, Refusal, Status};
use crate::trust::DistrustReason;

/// The fate of an account after a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Connect again after a while.
    Retry,
    /// Pause the account until its owner acts, and retry at long intervals. A wrong password is not retried often: that locks
    /// accounts.
    Park,
    /// Skip this one operation; the session still works.
    Leave,
}

impl Fault {
    /// The account's fate.
    pub fn fate(&self) -> Fate {
        match &self.cause {
            Cause::Io(_)
            | Cause::Unresolved(_)
            | Cause::NoAddress
            | Cause::Late
            | Cause::Stopped
            | Cause::Lost
            | Cause::Flood
            | Cause::Garbled(_)
            | Cause::NoData
            | Cause::NotNoted
            | Cause::Spent => match self.doing {
                // A file that cannot be read will not be readable later.
                Step::Trust => Fate::Park,
                _ => Fate::Retry,
            },
            // Most likely the machine has just started and its clock is not set yet.
            Cause::Untrusted(distrust) if distrust.why == DistrustReason::NotValidYet => Fate::Retry,
            Cause::Tls(_)
            | Cause::Untrusted(_)
            | Cause::NotTls
            | Cause::TlsAlready
            | Cause::Injected
            | Cause::OtherCertificate(_)
            | Cause::ClearText
            | Cause::NoStartTls
            | Cause::Greeting
            | Cause::NoLogin
            | Cause::NoTokenLogin => Fate::Park,
            Cause::Unsendable if self.doing == Step::LogIn => Fate::Park,
            Cause::Name(_)
            | Cause::Unsendable
            | Cause::Unclear(_)
            | Cause::NoValidity
            | Cause::Void
            | Cause::ReadOnly => Fate::Leave,
            Cause::Refused(refusal) => refused(self.doing, refusal),
        }
    }

    /// Did the server refuse the login without saying why? A server whose user database is down answers like that too. If the
    /// same login has worked before, it is worth a retry; if not, it is most likely wrong.
    pub fn is_refused_login(&self) -> bool {
        let Cause::Refused(refusal) = &self.cause else { return false };
        let says_little = match refusal.code {
            Some(Code::AuthenticationFailed | Code::Alert) => true,
            Some(Code::Other) | None => refusal.status == Status::No,
            Some(_) => false,
        };
        self.doing == Step::LogIn && self.fate() == Fate::Park && says_little
    }

    /// Did the server refuse without a code that says why?
    pub(super) fn is_refused_without_reason(&self) -> bool {
        let Cause::Refused(refusal) = &self.cause else { return false };
        refusal.status == Status::No && matches!(refusal.code, None | Some(Code::Other))
    }

    /// Is it about the network or the clock and not about the server's answer, so that another network or a set clock may help?
    pub fn is_of_network(&self) -> bool {
        match &self.cause {
            Cause::Io(_) | Cause::Unresolved(_) | Cause::NoAddress | Cause::Late | Cause::Lost => {
                self.doing != Step::Trust
            }
            // The captive portal of a network, as in hotels, has its own certificates.
            Cause::Tls(_)
            | Cause::Untrusted(_)
            | Cause::NotTls
            | Cause::TlsAlready
            | Cause::Injected
            | Cause::OtherCertificate(_)
            | Cause::Greeting
            | Cause::NoStartTls => self.doing == Step::Connect,
            Cause::Stopped
            | Cause::Flood
            | Cause::Garbled(_)
            | Cause::Refused(_)
            | Cause::ClearText
            | Cause::NoLogin
            | Cause::NoTokenLogin
            | Cause::Name(_)
            | Cause::Unsendable
            | Cause::NoData
            | Cause::Unclear(_)
            | Cause::NoValidity
            | Cause::NotNoted
            | Cause::Void
            | Cause::ReadOnly
            | Cause::Spent => false,
        }
    }

    /// Did the server refuse only for now, on a connection that still works?
    pub fn is_for_now(&self) -> bool {
        matches!(self.cause, Cause::NoData | Cause::Unclear(_) | Cause::Refused(_) | Cause::Void)
    }

    /// Did the server refuse a folder for now, on a connection that still works? Other folders may work.
    pub fn is_refused_folder(&self) -> bool {
        match (self.doing, &self.cause) {
            (Step::Open, Cause::Refused(refusal)) => {
                refusal.status == Status::No && refusal.code != Some(Code::Alert)
            }
            (Step::Open, Cause::NoData) => true,
            (Step::Search | Step::Fetch, Cause::Refused(refusal)) => {
                refusal.status == Status::No && refusal.code.is_some_and(|code| FOR_NOW.contains(&code))
            }
            _ => false,
        }
    }

    /// Did followsift give up because of a stop?
    pub fn is_stop(&self) -> bool {
        matches!(self.cause, Cause::Stopped)
    }
}

/// The codes by which a server refuses what it may do later.
const FOR_NOW: [Code; 4] = [Code::Unavailable, Code::InUse, Code::Limit, Code::ServerBug];

/// The commands that a server refuses when it throttles a client.
const THROTTLED: [Step; 5] = [Step::LogIn, Step::List, Step::Open, Step::Search, Step::Fetch];

/// The commands that concern one move, one target or one digest.
const OF_A_MOVE: [Step; 8] = [
    Step::Create,
    Step::Subscribe,
    Step::Inspect,
    Step::Move,
    Step::Copy,
    Step::Mark,
    Step::Remove,
    Step::Append,
];

/// Decides by the code. Without a decisive code, a refused login means a wrong password, and any other refusal concerns only
/// the one operation.
fn refused(doing: Step, refusal: &Refusal) -> Fate {
    match refusal.code {
        // The greeting. Nobody has tried to log in yet, so no code can be about the login (RFC 5530, section 3), a retry locks no
        // account, and servers that block an address or are full let it in later.
        _ if doing == Step::Connect => Fate::Retry,
        // A fault of one folder or one move must not stop the others; followsift retries it later anyway.
        Some(Code::Limit | Code::ServerBug) if refusal.status == Status::No && OF_A_MOVE.contains(&doing) => {
            Fate::Leave
        }
        Some(Code::Unavailable | Code::InUse | Code::Limit | Code::ServerBug) => Fate::Retry,
        Some(Code::Alert) => match (doing, refusal.status) {
            // An alert is for the user (RFC 9051, section 7.1): Gmail asks for an app password or a login on the web.
            (Step::LogIn, Status::No | Status::Bad) if !refusal.is_throttled() => Fate::Park,
            _ => Fate::Retry,
        },
        // Gmail answers like this to an account that is over its limit of bandwidth or commands: retry later. For a move, the
        // same code is about the mailbox's size.
        // Source: https://support.google.com/a/answer/1071518, https://github.com/ljmerza/ha-email-sensor/issues/16.
        Some(Code::OverQuota) if THROTTLED.contains(&doing) => Fate::Retry,
        Some(
            Code::AuthenticationFailed
            | Code::AuthorizationFailed
            | Code::Expired
            | Code::PrivacyRequired
            | Code::ContactAdmin,
        ) => Fate::Park,
        Some(
            Code::NoPerm
            | Code::ExpungeIssued
            | Code::Cannot
            | Code::OverQuota
            | Code::AlreadyExists
            | Code::NonExistent
            | Code::TryCreate
            | Code::ReadOnly
            | Code::Other,
        )
        | None => match (refusal.status, doing) {
            (Status::Bye, _) => Fate::Retry,
            (Status::No | Status::Bad, Step::LogIn) if refusal.is_throttled() => Fate::Retry,
            (Status::No | Status::Bad, Step::LogIn) => Fate::Park,
            // Outlook and Office 365 answer BAD without a code to any command of a session that they have given up ("User is
            // authenticated but not connected.") or that came too soon ("Request is throttled."): only a new session after a
            // while helps. No server has another reason to call our SELECT, SEARCH or FETCH bad.
            // Source: https://github.com/mscdex/node-imap/issues/689, https://github.com/imapsync/imapsync/issues/212.
            (Status::Bad, Step::Open | Step::Search | Step::Fetch) => Fate::Retry,
            (Status::No | Status::Bad, _) => Fate::Leave,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::fault::Subject;
    use super::super::redactor::Redactor;
    use super::*;
    use crate::place::Folder;

    fn refusal(doing: Step, status: Status, text: &str) -> Fate {
        let on = Subject::Folder(Folder::inbox());
        Fault { doing, on, cause: Cause::Refused(Refusal::read(status, text, &Redactor::nothing())) }.fate()
    }

    #[test]
    fn codes_decide_and_text_does_not() {
        use Status::{Bad, Bye, No};
        for (doing, status, text, fate) in [
            (Step::Connect, No, "LOGOUT Intrusion prevention active for 192.0.2.1", Fate::Retry),
            (Step::Connect, Bye, "[AUTHENTICATIONFAILED] too often from 192.0.2.1", Fate::Retry),
            (Step::Connect, Bye, "[CONTACTADMIN] blocked", Fate::Retry),
            (Step::Connect, Bad, "what", Fate::Retry),
            (Step::LogIn, No, "[AUTHENTICATIONFAILED] no", Fate::Park),
            (Step::LogIn, No, "no code at all, try again later", Fate::Park),
            (Step::LogIn, No, "[UNAVAILABLE] authentication failed", Fate::Retry),
            (Step::LogIn, No, "[LIMIT] too many connections", Fate::Retry),
            (Step::LogIn, Bad, "what", Fate::Park),
            (Step::LogIn, Bye, "bye", Fate::Retry),
            (Step::Open, No, "[INUSE] locked", Fate::Retry),
            (Step::LogIn, No, "[ALERT] Application-specific password required (Failure)", Fate::Park),
            (Step::LogIn, No, "[ALERT] Your account is not enabled for IMAP use. (Failure)", Fate::Park),
            (Step::LogIn, No, "[ALERT] Too many simultaneous connections. (Failure)", Fate::Retry),
            (Step::LogIn, No, "Too many simultaneous connections", Fate::Retry),
            (Step::LogIn, No, "Too many login failures", Fate::Retry),
            (Step::LogIn, No, "[ALERT] LOGIN DENIED -- TOO MANY FAILURES", Fate::Retry),
            (Step::LogIn, No, "[X-MINE] too many login attempts", Fate::Retry),
            (Step::LogIn, No, "too many mailboxes", Fate::Park),
            (Step::LogIn, No, "[AUTHENTICATIONFAILED] too many connections", Fate::Park),
            (Step::LogIn, Bye, "[ALERT] down for an hour", Fate::Retry),
            (Step::Open, No, "[ALERT] down for an hour", Fate::Retry),
            (Step::Fetch, No, "[SERVERBUG] oh", Fate::Retry),
            (Step::LogIn, No, "[EXPIRED] password", Fate::Park),
            (Step::LogIn, No, "[PRIVACYREQUIRED] TLS first", Fate::Park),
            (Step::LogIn, No, "[CONTACTADMIN] unpaid", Fate::Park),
            (Step::LogIn, Bye, "[AUTHENTICATIONFAILED] too often", Fate::Park),
            (Step::Move, No, "[OVERQUOTA] full", Fate::Leave),
            (Step::Create, No, "[LIMIT] too many mailboxes", Fate::Leave),
            (Step::Copy, No, "[SERVERBUG] internal error", Fate::Leave),
            (Step::Append, No, "[LIMIT] too large", Fate::Leave),
            (Step::Append, No, "[OVERQUOTA] full", Fate::Leave),
            (Step::Append, No, "[TRYCREATE] no such mailbox", Fate::Leave),
            (Step::Append, Bad, "what", Fate::Leave),
            (Step::Inspect, No, "[SERVERBUG] internal error", Fate::Leave),
            (Step::Move, No, "[INUSE] locked", Fate::Retry),
            (Step::Move, No, "[EXPIRED] password", Fate::Park),
            (Step::Fetch, No, "[OVERQUOTA] Account exceeded command or bandwidth limits.", Fate::Retry),
            (Step::Open, Bad, "User is authenticated but not connected.", Fate::Retry),
            (
                Step::Fetch,
                Bad,
                "Request is throttled. Suggested Backoff Time: 299961 milliseconds",
                Fate::Retry,
            ),
            (
                Step::Fetch,
                No,
                "Request is throttled. Suggested Backoff Time: 299961 milliseconds",
                Fate::Leave,
            ),
            (Step::Move, Bad, "what", Fate::Leave),
            (Step::Fetch, Bye, "[ALERT] going down", Fate::Retry),
        ] {
            assert_eq!(refusal(doing, status, text), fate, "{text}");
        }
    }

    #[test]
    fn a_folder_that_is_refused_for_now_is_told_from_a_server_that_is_not_well() {
        use Status::{Bad, Bye, No};
        let is_refused = |doing, status, text: &str| {
            let on = Subject::Folder(Folder::inbox());
            let cause = Cause::Refused(Refusal::read(status, text, &Redactor::nothing()));
            Fault { doing, on, cause }.is_refused_folder()
        };
        for text in ["[SERVERBUG] oh", "[INUSE] locked", "[LIMIT] later", "[UNAVAILABLE] later"] {
            for doing in [Step::Open, Step::Search, Step::Fetch] {
                assert!(is_refused(doing, No, text), "{doing:?} {text}");
                assert!(!is_refused(doing, Bad, text) && !is_refused(doing, Bye, text), "{doing:?} {text}");
            }
            assert!(!is_refused(Step::LogIn, No, text) && !is_refused(Step::List, No, text), "{text}");
        }
        assert!(is_refused(Step::Open, No, "not now") && !is_refused(Step::Open, No, "[ALERT] log in again"));
        // Gmail says that about the account.
        assert!(!is_refused(Step::Fetch, No, "[OVERQUOTA] Account exceeded bandwidth limits."));
    }

    #[test]
    fn a_login_refused_without_a_reason_is_recognised() {
        use Status::{Bad, Bye, No};
        let refused = |doing, status, text: &str| {
            let on = Subject::Folder(Folder::inbox());
            let cause = Cause::Refused(Refusal::read(status, text, &Redactor::nothing()));
            Fault { doing, on, cause }.is_refused_login()
        };
        for text in
            ["[AUTHENTICATIONFAILED] no", "no", "", "[X-MINE] no", "[ALERT] Please log in via the web"]
        {
            assert!(refused(Step::LogIn, No, text), "{text}");
            assert!(!refused(Step::Open, No, text), "{text}");
        }
        assert!(refused(Step::LogIn, Bye, "[AUTHENTICATIONFAILED] too often"));
        assert!(!refused(Step::LogIn, Bad, "what"));
        for text in [
            "[UNAVAILABLE] later",
            "[EXPIRED] password",
            "[CONTACTADMIN] unpaid",
            "[ALERT] Too many connections",
        ] {
            assert!(!refused(Step::LogIn, No, text), "{text}");
        }
    }
}
