//! A session with one account: connected, logged in, with or without an open folder.
//!
//! Owns the server's capabilities, the open folder, and the rule that a failed session is not used again: after any fault but a
//! refusal by the server, it rejects every call. Blocking; one OS thread per account owns it. `folders`, `fetch`, `moves` and
//! `settle` contain the rest of its methods. Called by `sweep`, `daemon` and `cli`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::ahead::Ahead;
use super::answer::Answer;
use super::bounds::Limits;
use super::capabilities::{Capabilities, Relocation};
use super::culprits::{Culprits, Suspects};
use super::dial::{Connector, Reached};
use super::fault::{Cause, Fault, Step, Subject};
use super::folder_list::FolderList;
use super::line::{Idled, LOGOUT, Line};
use super::names::quoted;
use super::numbers::Numbers;
use super::redactor::Redactor;
use super::stop::{Stop, Woken};
use crate::login::Login;
use crate::place::{Folder, MailIdentity, Uid, UidValidity};
use crate::settings::{Account, Tls};

/// ID (RFC 2971): the program's name and version.
pub(super) const NAME: &str =
    concat!("ID (\"name\" \"followsift\" \"version\" \"", env!("CARGO_PKG_VERSION"), "\")");

/// Identifies one SELECT or EXAMINE of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Selection(u64);

impl Selection {
    fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The folder that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The folder.
    pub folder: Folder,
    /// Its UIDVALIDITY.
    pub validity: UidValidity,
    /// The lowest UID that a new message can have (UIDNEXT); not every server reports it.
    pub next: Option<Uid>,
    /// How many messages it has.
    pub exists: u32,
    /// Can messages be moved out of it, as far as the server reports?
    pub writable: bool,
    /// Which SELECT or EXAMINE of the session opened it.
    pub(super) selection: Selection,
}

/// A session with one account.
#[derive(Debug)]
pub struct Session {
    pub(super) line: Line,
    pub(super) folders: Option<FolderList>,
    pub(super) open: Option<Opened>,
    /// The messages of the open folder whose size and header were fetched since it was selected.
    pub(super) seen: BTreeMap<Uid, MailIdentity>,
    /// The numbers of those that were looked at last.
    pub(super) numbers: Numbers,
    /// The messages of the open folder that the server could not show.
    pub(super) culprits: Culprits,
    /// What was read ahead of the question.
    pub(super) ahead: Ahead,
    /// The server wants to know the program's name (ID, RFC 2971), and was not told yet.
    pub(super) name_is_due: bool,
    /// The selection in which the remembered messages were found to be the same.
    same_in: Option<Selection>,
    /// The server shows nothing of a header if it is asked for the beginning.
    pub(super) whole_headers: bool,
    /// LOGOUT goes with the next flags that are read.
    pub(super) leaves: bool,
    selections: Selection,
    server: Subject,
    capabilities: Capabilities,
}

impl Session {
    /// Connects and logs in: one round trip if the server sends its capabilities with the greeting and at the login, else one
    /// more for each. Asks for the connector only when the server has been reached, so that another thread can make it meanwhile.
    ///
    /// # Errors
    /// A wrong password, an untrusted certificate, and forbidden clear text are [`super::Fate::Park`]. That of `connector`.
    pub fn connect(
        account: &Account,
        login: &Login,
        connector: impl FnOnce() -> Result<Connector, Fault>,
        stop: &Stop,
    ) -> Result<Self, Fault> {
        let server = Subject::Server { host: account.host.clone(), port: account.port };
        let fault = |doing, cause| Fault { doing, on: server.clone(), cause };
        let redactor = Redactor::of(login);
        let unreached = |cause| fault(Step::Connect, cause);
        let reached = Reached::reach(account, stop).map_err(unreached)?;
        let transport = reached.trust(&connector()?, stop, redactor).map_err(unreached)?;
        // After STARTTLS there is no second greeting (RFC 9051, section 6.2.1).
        let greets = account.tls != Tls::StartTls;
        let mut line = Line::open(transport, greets, login).map_err(|(step, cause)| fault(step, cause))?;
        // Servers advertise MOVE and UIDPLUS only after the login; many do it unasked.
        let capabilities = match line.take_capabilities() {
            Some(capabilities) => capabilities,
            None => {
                let answer =
                    line.run("CAPABILITY", Limits::SHORT).map_err(|cause| fault(Step::Ask, cause))?;
                line.capabilities_in(&answer).ok_or(fault(Step::Ask, Cause::Garbled("no capabilities")))?
            }
        };
        Ok(Self {
            line,
            folders: None,
            open: None,
            seen: BTreeMap::new(),
            numbers: Numbers::default(),
            culprits: Culprits::default(),
            ahead: Ahead::default(),
            name_is_due: capabilities.id,
            same_in: None,
            whole_headers: false,
            leaves: false,
            selections: Selection::default(),
            server,
            capabilities,
        })
    }

    /// The server's capabilities after the login.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Is it known that the open folder was not restored from a backup since it was last looked at? Its UIDs keep their meaning as
    /// long as it is open.
    pub fn is_known_same(&self) -> bool {
        self.open.as_ref().is_some_and(|open| self.same_in == Some(open.selection))
    }

    /// Notes that it was not.
    pub(super) fn note_same(&mut self) {
        self.same_in = self.open.as_ref().map(|open| open.selection);
    }

    /// Takes note of the messages over whose answer earlier sessions ended: they are asked for in parts. And of a server that has
    /// stalled on several commands: it gets them one at a time.
    pub fn beware(&mut self, suspects: Suspects) {
        if suspects.is_slow() {
            self.line.send_singly();
        }
        self.culprits.suspects = suspects;
    }

    /// The messages over whose answer this session or earlier ones ended, for [`Session::beware`].
    pub fn suspects(&self) -> Suspects {
        let mut suspects = self.culprits.suspects.clone();
        if self.line.has_stalled() {
            suspects.note_slow();
        }
        if let Some(asking) = self.culprits.in_flight.clone().filter(|_| self.is_spent()) {
            suspects.died_over(asking);
        }
        suspects
    }

    /// How messages are moved on this server.
    pub fn relocation(&self) -> Relocation {
        self.capabilities.relocation()
    }

    /// The number of round trips since the greeting, for the log and for tests.
    pub fn turns(&self) -> u32 {
        self.line.turns()
    }

    /// Has it failed, so that only a new session helps?
    pub fn is_spent(&self) -> bool {
        self.line.is_spent()
    }

    /// Opens a folder (SELECT), even if it is open already. [`Session::revisit`] reads what is new in one that is open. One round trip.
    ///
    /// # Errors
    /// If the folder does not exist or has no UIDVALIDITY.
    pub fn select(&mut self, folder: &Folder) -> Result<Opened, Fault> {
        self.open_by("SELECT", folder)
    }

    /// The folder opened for changes: as it is, if it is open, else by [`Session::select`].
    ///
    /// # Errors
    /// As [`Session::select`].
    pub fn stay_in(&mut self, folder: &Folder) -> Result<Opened, Fault> {
        match &self.open {
            Some(open) if same(&open.folder, folder) && open.writable => Ok(open.clone()),
            _ => self.select(folder),
        }
    }

    /// Opens a folder read-only (EXAMINE). One round trip.
    ///
    /// # Errors
    /// As [`Session::select`].
    pub fn examine(&mut self, folder: &Folder) -> Result<Opened, Fault> {
        self.open_by("EXAMINE", folder)
    }

    fn open_by(&mut self, verb: &str, folder: &Folder) -> Result<Opened, Fault> {
        let on = Subject::Folder(folder.clone());
        let name = self
            .wire_name(folder)
            .and_then(|name| quoted(&name).map_err(|cause| Fault::of(Step::Open, &on, cause)))?;
        // A SELECT that fails leaves nothing open (RFC 9051, section 6.3.2).
        self.open = None;
        // Proofs end with the selection.
        self.seen.clear();
        self.numbers = Numbers::default();
        self.ahead = Ahead::default();
        self.culprits.forget();
        self.selections = self.selections.next();
        let command = format!("{verb} {name}");
        let answer = match self.run(Step::Open, &on, &command, Limits::SHORT) {
            // 163.com, 126.com and 188.com refuse SELECT from a client without a name
            // (https://github.com/mscdex/node-imap/issues/908). Others get it beside the first messages that are read.
            Err(fault) if self.name_is_due && fault.is_refused_without_reason() && !self.is_spent() => {
                self.name_is_due = false;
                match self.run(Step::Ask, &on, NAME, Limits::SHORT) {
                    Err(other) if self.is_spent() => return Err(other),
                    _ => self.run(Step::Open, &on, &command, Limits::SHORT)?,
                }
            }
            answer => answer?,
        };
        // The EXISTS of this answer is about messages that the caller looks at.
        self.line.forget_announced();
        let selected = answer.selected();
        let exists = selected.exists.ok_or_else(|| Fault::of(Step::Open, &on, Cause::NoData))?;
        let validity = selected.validity.ok_or_else(|| Fault::of(Step::Open, &on, Cause::NoValidity))?;
        let opened = Opened {
            folder: folder.clone(),
            validity,
            next: selected.next,
            exists,
            writable: verb == "SELECT" && !selected.read_only,
            selection: self.selections,
        };
        self.open = Some(opened.clone());
        Ok(opened)
    }

    /// The open folder; a fault if there is none.
    pub(super) fn here(&self, doing: Step) -> Result<Opened, Fault> {
        let nothing = Cause::Garbled("no folder is open");
        self.open.clone().ok_or_else(|| Fault::of(doing, &self.server, nothing))
    }

    /// Opens the folder of `opened` again, unless it is open.
    ///
    /// # Errors
    /// If it no longer exists, or its UIDVALIDITY has changed.
    pub fn return_to(&mut self, opened: &Opened) -> Result<(), Fault> {
        match &self.open {
            Some(open) if same(&open.folder, &opened.folder) && open.validity == opened.validity => Ok(()),
            _ => self.reopen(Step::Open, &opened.folder, opened.validity).map(drop),
        }
    }

    /// Opens the folder for writing, unless it is open, and checks its UIDVALIDITY.
    pub(super) fn reopen(
        &mut self,
        doing: Step,
        folder: &Folder,
        validity: UidValidity,
    ) -> Result<Opened, Fault> {
        let opened = match &self.open {
            Some(opened) if same(&opened.folder, folder) && opened.writable => opened.clone(),
            _ => self.select(folder)?,
        };
        if opened.validity == validity {
            Ok(opened)
        } else {
            Err(Fault::of(doing, &Subject::Folder(folder.clone()), Cause::Void))
        }
    }

    /// Waits for messages in the open folder, by IDLE (RFC 2177) if the server supports it, until `deadline`, a probe or a stop.
    /// A probe succeeds only on a working connection. Search by UID after every wait: an announcement may be lost. `heard` is
    /// called when IDLE has begun and at each line that comes, and may set an earlier end. A server that refuses IDLE is not asked again in
    /// this session: then the wait is over at once, and [`Session::capabilities`] has no IDLE any more.
    ///
    /// # Errors
    /// If the connection fails.
    pub fn wait(
        &mut self,
        deadline: Instant,
        heard: &mut dyn FnMut(Instant) -> Option<Instant>,
    ) -> Result<Woken, Fault> {
        // Something came while commands were under way.
        if self.line.has_announced() {
            return Ok(Woken::Mail);
        }
        if !self.capabilities.idle {
            let woken = self.line.stop().wait(deadline);
            if woken == Woken::Probe {
                let on = self.server.clone();
                self.run(Step::Wait, &on, "NOOP", Limits::PROBE)?;
            }
            return Ok(woken);
        }
        let on = self
            .open
            .as_ref()
            .map_or_else(|| self.server.clone(), |open| Subject::Folder(open.folder.clone()));
        let idled = self.line.idle(deadline, heard).map_err(|cause| Fault::of(Step::Wait, &on, cause))?;
        Ok(match idled {
            _ if self.line.is_stopped() => Woken::Stop,
            Idled::Announced => Woken::Mail,
            Idled::Quiet if self.line.was_probed() => Woken::Probe,
            Idled::Quiet => Woken::Due,
            Idled::Refused => {
                self.capabilities.idle = false;
                Woken::Due
            }
        })
    }

    /// Logs out. The session ends in any case.
    ///
    /// # Errors
    /// If the server does not answer properly.
    pub fn logout(mut self) -> Result<(), Fault> {
        let patient = Limits { time: Duration::from_secs(5), ..Limits::SHORT };
        let limits = if self.line.is_stopped() { Limits::FAREWELL } else { patient };
        let on = self.server.clone();
        self.run(Step::LogOut, &on, LOGOUT, limits).map(drop)
    }

    pub(super) fn server(&self) -> &Subject {
        &self.server
    }

    pub(super) fn run(
        &mut self,
        doing: Step,
        on: &Subject,
        command: &str,
        limits: Limits,
    ) -> Result<Answer, Fault> {
        self.line.run(command, limits).map_err(|cause| Fault::of(doing, on, cause))
    }
}

/// Are they the same folder? The inbox has many spellings.
pub(super) fn same(one: &Folder, other: &Folder) -> bool {
    one == other || (one.is_inbox() && other.is_inbox())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_can_be_sent_to_the_thread_that_owns_it() {
        fn send<T: Send + 'static>() {}
        send::<Session>();
        send::<Fault>();
        send::<Connector>();
    }
}
