//! The lines on the socket. A command and a service of different versions may meet: what one does not know, it refuses.

use serde::{Deserialize, Serialize};

/// Seconds since 1970 (UTC).
pub type Moment = i64;

/// What a command asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// How the service is.
    Status {},
    /// A sweep of an account.
    Sweep {
        /// The account.
        account: String,
        /// Judge again what arrived within so many seconds; without it, only what is new.
        since: Option<u64>,
        /// Look up followers of old messages, too. Left out without it, so that an earlier service understands the request.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        lookup: bool,
    },
    /// An account was paused, or goes on: the ledger says which, and the service looks there at once.
    Pause {
        /// The account.
        account: String,
    },
    /// Put filed messages back.
    Restore {
        /// The account.
        account: String,
        /// The numbers of the moves that filed them.
        moves: Vec<i64>,
        /// Their followers are known from then on.
        learns: bool,
    },
}

/// What the service answers: to `status` one line, else any number of lines, of which the last is `done` or `refused`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// How it is.
    Status(Box<ServiceStatus>),
    /// A message that was dealt with, or what came of it all: text for standard output.
    Text(String),
    /// Something that the user should know.
    Note(String),
    /// How far it is.
    Progress(String),
    /// It is done; whether work was left.
    Done(bool),
    /// It was not done, or not to its end: why.
    Refused(String),
}

impl Answer {
    /// Does nothing come after it?
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Status(_) | Self::Done(_) | Self::Refused(_))
    }
}

/// How the service is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ServiceStatus {
    /// Its version.
    pub version: String,
    /// Its process.
    pub process: u32,
    /// When it was started.
    pub started: Moment,
    /// Since when its rules, networks and lists are in force.
    pub rules_since: Moment,
    /// Why the last reload was refused, if it was.
    pub refused: Option<String>,
    /// Its accounts.
    pub accounts: Vec<AccountStatus>,
}

/// How an account is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AccountStatus {
    /// Its name.
    pub name: String,
    /// Its state in one word: `watching`, `hindered`, `connecting`, `away`, `blocked`, `paused`, `halted`,
    /// `crashed`.
    pub state: String,
    /// What is wrong, or was left.
    pub trouble: Option<String>,
    /// Since when it is in this state.
    pub since: Moment,
    /// When the last sweep ended.
    pub last_sweep: Option<Moment>,
    /// When it is tried again.
    pub next_try: Option<Moment>,
    /// The last trouble that is over, and when it was.
    pub last_error: Option<(Moment, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_anything_else_is_refused() {
        for request in [
            Request::Status {},
            Request::Sweep { account: "home".into(), since: Some(86_400), lookup: false },
            Request::Sweep { account: "home".into(), since: None, lookup: true },
            Request::Pause { account: "home".into() },
            Request::Restore { account: "home".into(), moves: vec![1, 9], learns: true },
        ] {
            let line = serde_json::to_string(&request).unwrap();
            assert_eq!(serde_json::from_str::<Request>(&line).unwrap(), request, "{line}");
        }
        for wrong in ["", "{}", r#"{"verb":"stop"}"#, r#"{"verb":"sweep"}"#, r#"{"verb":"status","more":1}"#]
        {
            assert!(serde_json::from_str::<Request>(wrong).is_err(), "{wrong}");
        }
    }
}
