//! An inbox of six messages, four of them spam, on a small server whose answers are distorted; and what a sweep makes of it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::support::home::{RULES, SPAM, real, spam};
use crate::support::letters::{AUTHSERV_ID, ordinary};
use crate::support::small_server::{Distortion, SmallServer};
use crate::support::user_folder::UserFolder;
use crate::support::{account, login_with, pause};
use followsift::host::AuthservIds;
use followsift::ledger::Ledger;
use followsift::mailbox::{Connector, Session, Stop};
use followsift::place::Folder;
use followsift::report;
use followsift::rulebook::{self, RuleFiles};
use followsift::settings::{Lookup, Settings, Tls, Zone};
use followsift::sweep::{AccountFault, News, Scope, Sweeper};

/// What a server may offer beyond the necessary: each leads to another way of moving.
pub(super) const RUNGS: [&str; 3] = ["MOVE UIDPLUS", "UIDPLUS", ""];

/// The messages of the inbox that are spam. The second is a person's, and the fourth tells of no follower.
pub(super) const SPAMS: [usize; 4] = [1, 3, 5, 6];
/// All messages of the inbox; their numbers are their UIDs.
pub(super) const ALL: [usize; 6] = [1, 2, 3, 4, 5, 6];

/// A user of the server.
pub(super) struct Scene {
    pub(super) server: SmallServer,
    folder: UserFolder,
    settings: Settings,
}

/// How a sweep has ended, and what it has said.
#[derive(Debug)]
pub(super) struct Run {
    /// All is well: the exit code is 0.
    pub(super) well: bool,
    pub(super) said: String,
}

impl Run {
    fn of(ended: Result<bool, AccountFault>, mut said: String) -> Self {
        let mut cause: Option<&dyn std::error::Error> = ended.as_ref().err().map(|fault| fault as _);
        while let Some(error) = cause {
            said.push_str(&format!("{error}\n"));
            cause = error.source();
        }
        Self { well: ended.is_ok_and(|is_work_left| !is_work_left), said }
    }
}

/// A process that keeps its session from one sweep to the next while it is healthy, as the service does.
pub(super) struct Process<'a> {
    scene: &'a Scene,
    sweeper: Sweeper<'a>,
    session: Option<Session>,
}

impl Process<'_> {
    /// A sweep of one session while answers are distorted so.
    pub(super) fn sweep(&mut self, scope: Scope, distortion: Option<Distortion>) -> Run {
        self.scene.server.distort(distortion);
        let mut said = String::new();
        let ended = self.run(scope, &mut said);
        self.scene.server.distort(None);
        Run::of(ended, said)
    }

    fn run(&mut self, scope: Scope, said: &mut String) -> Result<bool, AccountFault> {
        let account = &self.scene.settings.accounts[0];
        let session = match self.session.take() {
            Some(session) => session,
            None => Session::connect(
                account,
                &login_with("x"),
                || Ok(connector().clone()),
                &Stop::new().unwrap(),
            )?,
        };
        let mut tell = |news: News| match &news {
            News::Mail(dealt) => said.push_str(&report::sweep::block(dealt, false)),
            news => said.push_str(&format!("{}\n", report::sweep::sentence(news))),
        };
        let (session, swept) = self.sweeper.run(session, rules(), scope, &mut tell)?;
        self.session = Some(session);
        said.push_str(&format!("{}\n", report::sweep::sums(&swept, false)));
        Ok(swept.remains.is_work_left())
    }
}

/// The message of this number.
pub(super) fn message(number: usize) -> Vec<u8> {
    match number {
        2 => real(2).bytes(2),
        4 => ordinary("Mum <mum@home.example>", "Sunday", "Are you coming?\n").bytes(4),
        _ => spam(number).bytes(number),
    }
}

impl Scene {
    /// With those six messages.
    pub(super) fn set(capabilities: &str) -> Self {
        Self::with(capabilities, &ALL.map(message))
    }

    /// With these messages.
    pub(super) fn with(capabilities: &str, messages: &[Vec<u8>]) -> Self {
        let server = SmallServer::start(capabilities);
        server.folders(|folders| {
            let inbox = folders.get_mut("INBOX").unwrap();
            for (at, bytes) in messages.iter().enumerate() {
                inbox.add(at + 1, bytes, &[]);
            }
        });
        let folder = UserFolder::new();
        let (name, ledger) = empty_ledger();
        folder.write(&format!("state/{name}"), ledger);
        let mut account = account("127.0.0.1", server.port, Tls::Off);
        account.authserv_id = AuthservIds::parse([AUTHSERV_ID]).unwrap();
        account.moves_per_hour = u16::MAX;
        let settings = Settings {
            rules: None,
            networks: None,
            state: folder.state(),
            shared: None,
            credentials: None,
            programs: Vec::new(),
            proxy: None,
            remember: std::time::Duration::from_secs(63_000_000),
            lookup: Lookup::default(),
            hooks: followsift::settings::Hooks::default(),
            metrics: None,
            delivery_memory: None,
            zone: Zone::default(),
            shard: None,
            elsewhere: Vec::new(),
            accounts: vec![account],
        };
        Self { server, folder, settings }
    }

    /// Watches a folder before the inbox, in which there are these messages.
    pub(super) fn watch(&mut self, name: &str, messages: &[usize]) {
        self.server.folders(|folders| {
            let mut folder = folders["INBOX"].clone();
            (folder.next, folder.mails) = (1, Vec::new());
            for number in messages {
                folder.add(*number, &message(*number), &[]);
            }
            folders.insert(name.to_owned(), folder);
        });
        self.settings.accounts[0].folders.insert(0, Folder::new(name).unwrap());
    }

    /// A message comes into the inbox.
    pub(super) fn add(&self, number: usize, bytes: &[u8]) {
        self.server.folders(|folders| folders.get_mut("INBOX").unwrap().add(number, bytes, &[]));
    }

    /// A sweep while answers are distorted so, as the command does it: with another session where that may find the culprit.
    pub(super) fn sweep(&self, distortion: Option<Distortion>) -> Run {
        self.server.distort(distortion);
        let mut process = self.process();
        let mut said = String::new();
        process.sweeper.leave_early();
        let mut sessions = 1;
        let ended = loop {
            match process.run(Scope::New, &mut said) {
                Err(fault)
                    if process.sweeper.left_too_early(&fault)
                        || sessions < 20 && process.sweeper.can_part(&fault) =>
                {
                    sessions += 1;
                }
                ended => break ended,
            }
        };
        process.session.map(Session::logout);
        self.server.distort(None);
        Run::of(ended, said)
    }

    /// A process that works for this user.
    pub(super) fn process(&self) -> Process<'_> {
        let begin = || Sweeper::begin(&self.settings.accounts[0], &self.settings);
        // A program that another test is just starting has the lock too, for the moment until it runs.
        let mut sweeper = begin();
        for _ in 0..100 {
            if !sweeper.as_ref().is_err_and(AccountFault::is_held_by_us) {
                break;
            }
            pause(Duration::from_millis(20));
            sweeper = begin();
        }
        Process { scene: self, sweeper: sweeper.unwrap(), session: None }
    }

    /// Where each message is that is not marked \Deleted: the folder and the number.
    pub(super) fn live(&self) -> Vec<(String, usize)> {
        let mut live: Vec<(String, usize)> = self.server.folders(|folders| {
            let all =
                folders.iter().flat_map(|(name, folder)| folder.mails.iter().map(move |mail| (name, mail)));
            all.filter(|(_, mail)| !mail.flags.iter().any(|flag| flag == "\\Deleted"))
                .map(|(name, mail)| (name.clone(), mail.id))
                .collect()
        });
        live.sort_by_key(|(_, id)| *id);
        live
    }

    /// The places of one message.
    pub(super) fn places_of(&self, message: usize) -> Vec<String> {
        self.live().into_iter().filter(|(_, id)| *id == message).map(|(folder, _)| folder).collect()
    }

    /// What is wrong with the messages but `victim`: the spam has to be filed once, and the rest has to be in the inbox.
    pub(super) fn healthy(&self, victim: Option<usize>) -> Result<(), String> {
        for message in ALL.into_iter().filter(|message| Some(*message) != victim) {
            let right = if SPAMS.contains(&message) { SPAM } else { "INBOX" };
            let places = self.places_of(message);
            if places != [right] {
                return Err(format!("message {message} is in {places:?} and not in {right}"));
            }
        }
        Ok(())
    }

    /// What is wrong in any case: each message is in one place, and none has other bytes.
    pub(super) fn safe(&self, messages: &[Vec<u8>]) -> Result<(), String> {
        let doubled = (1..=messages.len()).find(|id| self.places_of(*id).len() > 1);
        doubled.map_or(Ok(()), |id| Err(format!("message {id} is in {:?}", self.places_of(id))))?;
        self.nothing_lost(messages)
    }

    /// The same in the middle of a move: a message that is copied may be in both places.
    pub(super) fn nothing_lost(&self, messages: &[Vec<u8>]) -> Result<(), String> {
        for (at, bytes) in messages.iter().enumerate() {
            let id = at + 1;
            if self.places_of(id).is_empty() {
                return Err(format!("message {id} is lost"));
            }
            let same = self.server.folders(|folders| {
                let mut all = folders.values().flat_map(|folder| &folder.mails).filter(|mail| mail.id == id);
                all.all(|mail| mail.bytes == *bytes)
            });
            if !same {
                return Err(format!("message {id} has changed"));
            }
        }
        Ok(())
    }

    /// The known followers.
    pub(super) fn known(&self) -> usize {
        Ledger::open_read_only(&self.folder.state()).unwrap().unwrap().known().unwrap().len()
    }
}

/// The system's authorities, read once, since that takes longer than a sweep.
fn connector() -> &'static Connector {
    static CONNECTOR: OnceLock<Connector> = OnceLock::new();
    CONNECTOR.get_or_init(|| Connector::new(None).unwrap())
}

/// The file of an empty ledger, made once for the same reason.
fn empty_ledger() -> &'static (String, Vec<u8>) {
    static LEDGER: OnceLock<(String, Vec<u8>)> = OnceLock::new();
    LEDGER.get_or_init(|| {
        let folder = UserFolder::new();
        drop(Ledger::open(&folder.state()).unwrap());
        let mut files = std::fs::read_dir(folder.state()).unwrap().map(|file| file.unwrap().path());
        let file =
            files.find(|file| file.extension().is_some_and(|end| end == "db" || end == "sqlite")).unwrap();
        (file.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(file).unwrap())
    })
}

/// The rules of the tests, read once.
fn rules() -> &'static RuleFiles {
    static FILES: OnceLock<RuleFiles> = OnceLock::new();
    FILES.get_or_init(|| {
        let folder = UserFolder::new();
        folder.write("rules.toml", RULES);
        rulebook::read_with(None, Some(&folder.path().join("rules.toml"))).0.unwrap()
    })
}

/// A distortion of the answers that `holds` chooses.
pub(super) fn distortion(
    change: impl Fn(&mut crate::support::small_server::Answer) + Send + Sync + 'static,
) -> Option<Distortion> {
    Some(Arc::new(change))
}
