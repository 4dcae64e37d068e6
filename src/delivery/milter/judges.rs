//! What messages are judged by: the rules of everybody, and those of recipients who have their own.
//!
//! A message with several recipients gets one header for all of them, so it has a verdict only where the rules of all agree.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::assess::Rulebook;
use crate::clock;
use crate::delivery::field::Field;
use crate::delivery::judgement::{Panicked, Remembered, Store, judge, judge_with_memory};
use crate::delivery::memory::{Delivery, MemoryCause, MemoryFault, PATIENCE, Recipient};
use crate::mail::Trust;
use crate::rulebook::{RuleFiles, Sent};

/// The most rules of recipients that are kept compiled.
const KEPT: usize = 500;
/// The longest name of a folder (`NAME_MAX` of Linux).
const NAME_LIMIT: usize = 255;

/// The rules of everybody and those of recipients.
pub struct Judges {
    files: RuleFiles,
    default: Arc<Rulebook>,
    trust: Trust,
    require_authentic: bool,
    users: Option<PathBuf>,
    /// What is known of followers at that moment. Only notifications ask, since it may be read from a ledger.
    remembered: Box<dyn Fn() -> Remembered + Send + Sync>,
    /// Where deliveries are remembered.
    store: Option<Store>,
    /// By the file; as it was when it was read, and what came of it.
    kept: Mutex<BTreeMap<PathBuf, ReadRules>>,
    /// Is told what is wrong.
    tell: Box<dyn Fn(&str) + Send + Sync>,
}

/// By what a message is judged for a recipient.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Case {
    /// Their own rules.
    rules: Option<PathBuf>,
    /// Whose memory is asked, if any.
    recipient: Option<Recipient>,
}

struct ReadRules {
    stamp: Stamp,
    /// `None` if the file has never been right.
    rulebook: Option<Arc<Rulebook>>,
}

/// Which file it is and when it was changed; a file that is saved has another.
type Stamp = (u64, u64, i64, i64);

impl Judges {
    /// With the folder `users`, a recipient's own rules are in `NAME/rules.toml` there.
    pub fn new(
        files: RuleFiles,
        (trust, require_authentic): (Trust, bool),
        users: Option<PathBuf>,
        remembered: impl Fn() -> Remembered + Send + Sync + 'static,
        tell: impl Fn(&str) + Send + Sync + 'static,
    ) -> Self {
        let default = Arc::new(files.rulebook(trust.clone(), require_authentic, &Sent::new()));
        Self {
            files,
            default,
            trust,
            require_authentic,
            users,
            remembered: Box::new(remembered),
            store: None,
            kept: Mutex::default(),
            tell: Box::new(tell),
        }
    }

    /// The same, with what deliveries remember.
    #[must_use]
    pub fn with_store(self, store: Option<Store>) -> Self {
        Self { store, ..self }
    }

    /// The field for a message, which is the same for all recipients. Without `recipients`, there are too many to tell.
    pub(super) fn judge(&self, message: &[u8], recipients: Option<&[String]>) -> Option<Field> {
        // Every other message needs no memory.
        self.judge_alone(message, &self.default, &Remembered { by_hand: None })?;
        let remembered = (self.remembered)();
        let default = self.judge_alone(message, &self.default, &remembered)?;
        if self.users.is_none() && self.store.is_none() {
            return Some(default);
        }
        let Some(recipients) = recipients else {
            // Nobody's memory is asked.
            return Some(if self.users.is_some() { default.withhold("recipients-differ") } else { default });
        };
        let deadline = Instant::now() + PATIENCE;
        let mut first_fault = None;
        let cases: BTreeSet<Case> = recipients.iter().map(|it| self.case(it)).collect();
        // All of them, since each is remembered.
        let fields: Vec<Option<Field>> = cases
            .iter()
            .map(|case| {
                let own = case.rules.as_ref().map(|file| self.rulebook(file));
                let is_wrong = matches!(own, Some(None));
                let rulebook = own.flatten().unwrap_or_else(|| Arc::clone(&self.default));
                let recipient = case.recipient.as_ref();
                let (field, asked) = self.judge_for(recipient, message, &rulebook, &remembered, deadline);
                first_fault = first_fault.take().or(asked.err());
                if is_wrong { field.map(|field| field.withhold("rules-wrong")) } else { field }
            })
            .collect();
        // That it rests follows a fault that was told.
        if let Some(fault) = first_fault.filter(|fault| fault.cause != MemoryCause::Resting) {
            (self.tell)(&format!("error: {fault}: {}", fault.cause));
        }
        match fields.split_first() {
            None => Some(default),
            Some((first, others)) if others.iter().all(|other| other == first) => first.clone(),
            Some(_) => Some(default.withhold("recipients-differ")),
        }
    }

    /// What tells a recipient from others.
    fn case(&self, recipient: &str) -> Case {
        Case {
            rules: self.users.as_deref().and_then(|users| own_rules(users, recipient)),
            recipient: self.store.as_ref().and_then(|_| Recipient::new(recipient)),
        }
    }

    /// Also says whether the memory did its work.
    fn judge_for(
        &self,
        recipient: Option<&Recipient>,
        message: &[u8],
        rulebook: &Rulebook,
        remembered: &Remembered,
        deadline: Instant,
    ) -> (Option<Field>, Result<(), MemoryFault>) {
        let (Some(recipient), Some(store)) = (recipient, &self.store) else {
            return (self.judge_alone(message, rulebook, remembered), Ok(()));
        };
        let here = (store, Delivery::of(message, recipient, deadline));
        let (judged, asked) = judge_with_memory(message, clock::now(), rulebook, remembered, here);
        (self.told(judged), asked)
    }

    fn judge_alone(&self, message: &[u8], rulebook: &Rulebook, remembered: &Remembered) -> Option<Field> {
        self.told(judge(message, clock::now(), rulebook, remembered))
    }

    /// Tells of a panic.
    fn told(&self, judged: Result<Option<Field>, Panicked>) -> Option<Field> {
        judged.unwrap_or_else(|_| {
            (self.tell)(
                "error: could not judge a message: a bug in followsift; it goes on without a verdict",
            );
            None
        })
    }

    /// A recipient's own rules; those that were last right, where the file is wrong now.
    fn rulebook(&self, file: &Path) -> Option<Arc<Rulebook>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = stamp(file);
        if let Some(known) = kept.get(file)
            && Some(known.stamp) == stamp
        {
            return known.rulebook.clone();
        }
        let (files, findings) = self.files.with_rules(file);
        findings
            .iter()
            .filter(|finding| finding.is_error())
            .for_each(|finding| (self.tell)(&finding.plain()));
        let read = files
            .map(|files| Arc::new(files.rulebook(self.trust.clone(), self.require_authentic, &Sent::new())));
        let before = kept.remove(file).and_then(|known| known.rulebook);
        let rulebook = read.or(before);
        if let Some(stamp) = stamp {
            if kept.len() >= KEPT {
                kept.clear();
            }
            kept.insert(file.to_owned(), ReadRules { stamp, rulebook: rulebook.clone() });
        }
        rulebook
    }
}

fn stamp(file: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec()))
}

/// The file of a recipient's own rules, if it is there: under the whole address, else under what stands before the `@`; each also
/// without what follows a `+`.
fn own_rules(users: &Path, recipient: &str) -> Option<PathBuf> {
    let (local, domain) = recipient.rsplit_once('@').unwrap_or((recipient, ""));
    let plain = local.split('+').next().unwrap_or(local);
    let names = [recipient.to_owned(), format!("{plain}@{domain}"), local.to_owned(), plain.to_owned()];
    let files = names.iter().filter(|name| is_name(name)).map(|name| users.join(name).join("rules.toml"));
    // A file that cannot be seen may be there: then these are the recipient's rules, and wrong.
    files.into_iter().find(|file| file.try_exists().unwrap_or(true))
}

/// Is it the name of a folder, and nothing else to a file system? An address may have a slash (RFC 5321, section 4.1.2).
fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '@' | '=');
    !name.starts_with('.') && !name.is_empty() && name.len() <= NAME_LIMIT && name.chars().all(fits)
}

impl std::fmt::Debug for Judges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Judges").field("users", &self.users).finish_non_exhaustive()
    }
}
