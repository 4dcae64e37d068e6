//! `backtest`: the rules over messages that are already there, replayed in the order of their arrival. Only reads: folders are
//! opened for looking only, files are never written, and the ledger is only asked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::output::{Output, shown};
use super::{Backtest as Options, Ending, context};
use crate::assess::{self, Arrival, Mail, ReadMessage, Rulebook};
use crate::clock;
use crate::clock::Timestamp;
use crate::ledger::{HistoryEntry, Known, LedgerFault};
use crate::mail::{Notification, Recognition};
use crate::mailbox::{Range, Session, Stop};
use crate::place::{Folder, MailTrace, Uid};
use crate::report::backtest::{Backtest, Correction};
use crate::report::usage;
use crate::rulebook::RuleFiles;
use crate::rules::Action;
use crate::rules::recall::{Blank, Replay};
use crate::settings::{Account, Settings};
use crate::sweep::{AccountFault, connect};

mod files;

/// After so many messages, the progress is printed.
const STEP: usize = 100;

pub(super) fn backtest(path: Option<&Path>, options: &Options, output: &mut Output) -> Ending {
    let Ok(settings) = context::settings(path, output) else { return Ending::Settings };
    let (in_force, findings) = context::rule_files(settings.as_ref());
    output.findings(&findings);
    let Some(in_force) = in_force else { return Ending::Settings };
    let other = match &options.rules {
        None => None,
        Some(file) => {
            let (files, findings) = context::rule_files_with(settings.as_ref(), Some(file));
            output.findings(&findings);
            let Some(files) = files else { return Ending::Settings };
            Some(files)
        }
    };
    let (paths, folders): (Vec<&String>, Vec<&String>) =
        options.places.iter().partition(|place| Path::new(place).exists());
    let mut named = Vec::new();
    for name in folders {
        match Folder::new(name).filter(|_| !name.starts_with(['/', '.', '~'])) {
            Some(folder) => named.push(folder),
            None => {
                output.error(&format!("error: {}", usage::no_place(shown(Path::new(name)))));
                return Ending::Usage;
            }
        }
    }
    let folders = named;
    let now = clock::now();
    let since = options.since.map(|time| now.before(time));
    let trial = Trial { in_force: &in_force, other: other.as_ref(), since, now };
    let mut ending = Ending::Well;
    if !paths.is_empty() {
        let paths: Vec<_> = paths.into_iter().map(PathBuf::from).collect();
        ending = of_files(&trial, settings.as_ref(), &paths, output);
    }
    if folders.is_empty() && !options.places.is_empty() {
        return ending;
    }
    let Some(settings) = settings.filter(|settings| !settings.accounts.is_empty()) else {
        output.error(&format!("error: {}", usage::NOTHING_TO_READ));
        return Ending::Settings;
    };
    let Some(accounts) = context::accounts(&settings, options.account.as_deref(), output) else {
        return Ending::Usage;
    };
    for account in accounts {
        output.line(&format!("{} ({})", account.name, account.host));
        if let Err(fault) = of_account(&trial, &settings, account, &folders, output) {
            output.end_progress();
            output.failure(&fault);
            ending = Ending::Later;
        }
    }
    ending
}

/// By which rules messages are judged, and which messages.
#[derive(Clone, Copy)]
struct Trial<'a> {
    in_force: &'a RuleFiles,
    other: Option<&'a RuleFiles>,
    since: Option<Timestamp>,
    now: Timestamp,
}

/// The notifications that were read so far, kept until all are there and can be put in order.
#[derive(Default)]
struct Notifications {
    looked_at: usize,
    /// Messages that look like notifications, but cannot be read in full.
    incomplete: usize,
    found: Vec<Notification>,
}

impl Notifications {
    /// Takes a message in, unless it arrived before `since`.
    fn take(&mut self, mail: Mail<'_>, since: Option<Timestamp>, rulebook: &Rulebook) {
        let is_old = |arrived: Timestamp| since.is_some_and(|since| arrived < since);
        if let Arrival::At(arrived) = mail.arrived
            && is_old(arrived)
        {
            return;
        }
        let message = assess::recognise(mail, rulebook);
        if is_old(message.arrived) {
            return;
        }
        match message.recognition {
            Recognition::Recognised(notification) => self.found.push(notification),
            Recognition::Incomplete { .. } | Recognition::TooCostly => self.incomplete += 1,
            Recognition::Foreign => {}
        }
    }
}

fn of_files(
    trial: &Trial<'_>,
    settings: Option<&Settings>,
    paths: &[PathBuf],
    output: &mut Output,
) -> Ending {
    let trust = context::trust(settings, None, &[]);
    let make = |files: &RuleFiles| {
        let sent = context::sent(settings, files);
        files.rulebook(trust.clone(), false, &sent)
    };
    let rulebook = make(trial.in_force);
    let other = trial.other.map(make);
    let mut notifications = Notifications::default();
    let mut ending = Ending::Well;
    for path in paths {
        let read = files::messages(path, trial.now, &mut |bytes, arrived| {
            notifications.looked_at += 1;
            if notifications.looked_at.is_multiple_of(STEP) {
                output.progress(&format!("read {} messages", notifications.looked_at));
            }
            notifications.take(Mail { bytes, arrived }, trial.since, &rulebook);
        });
        if let Err(cause) = read {
            output.end_progress();
            output.error(&format!("error: could not read {}: {cause}", path.display()));
            ending = Ending::Data;
        }
    }
    output.end_progress();
    match settings.map_or(Ok(ByHand::default()), ByHand::read) {
        Ok(by_hand) => {
            let report = replay(notifications, &rulebook, other.as_ref(), &by_hand, output);
            output.text(&report);
        }
        Err(fault) => {
            output.failure(&fault);
            ending = Ending::Fault;
        }
    }
    ending
}

fn of_account(
    trial: &Trial<'_>,
    settings: &Settings,
    account: &Account,
    folders: &[Folder],
    output: &mut Output,
) -> Result<(), AccountFault> {
    let make = |files: &RuleFiles| files.rulebook_of(account, &context::sent(Some(settings), files));
    let rulebook = make(trial.in_force);
    let other = trial.other.map(make);
    let mut by_hand = ByHand::read(settings)?;
    by_hand.corrections.retain(|entry| entry.judged.mail.account == account.name);
    let stop = Stop::new().map_err(AccountFault::Machine)?;
    let mut session = connect(account, settings, &stop)?;
    let named: Vec<Folder> = if folders.is_empty() {
        // What was moved came in too.
        let there = session.folders()?;
        let targets = rulebook.rules.targets().into_iter().filter(|target| there.contains(target));
        account.folders.iter().cloned().chain(targets).collect()
    } else {
        folders.to_vec()
    };
    let mut notifications = Notifications::default();
    for folder in &named {
        of_folder(&mut session, folder, trial.since, &rulebook, &mut notifications, output)?;
    }
    output.end_progress();
    // All was read; a server that does not say goodbye changes nothing.
    let _ = session.logout();
    let report = replay(notifications, &rulebook, other.as_ref(), &by_hand, output);
    output.text(&report);
    Ok(())
}

fn of_folder(
    session: &mut Session,
    folder: &Folder,
    since: Option<Timestamp>,
    rulebook: &Rulebook,
    notifications: &mut Notifications,
    output: &mut Output,
) -> Result<(), AccountFault> {
    let opened = session.examine(folder)?;
    let range = since.map_or(Range::From(Uid(1)), |since| Range::Since(since.0));
    let mut plausible = Vec::new();
    let mut arrivals = BTreeMap::new();
    session.heads(range, |heads| {
        for head in heads {
            notifications.looked_at += 1;
            if rulebook.profiles.plausible(&head.fields) {
                plausible.push((head.uid, head.size));
                arrivals.insert(head.uid, Timestamp(head.received));
            }
        }
        output.progress(&format!(
            "{folder}: looked at {} messages of {}",
            notifications.looked_at, opened.exists
        ));
    })?;
    let mut read = 0;
    session.mails(&plausible, crate::sweep::MAIL_LIMIT, |MailTrace { uid, .. }, bytes| {
        read += 1;
        if read % STEP == 0 {
            output.progress(&format!("{folder}: read {read} of {}", plausible.len()));
        }
        if let Some(arrived) = arrivals.get(&uid) {
            notifications.take(Mail { bytes, arrived: Arrival::At(*arrived) }, None, rulebook);
        }
    })?;
    Ok(())
}

/// What the user has put right by hand, as the ledger has it.
#[derive(Default)]
struct ByHand {
    /// Whom they know: of all accounts, as a sweep knows them.
    known: Vec<Known>,
    /// What they put back.
    corrections: Vec<HistoryEntry>,
}

impl ByHand {
    fn read(settings: &Settings) -> Result<Self, LedgerFault> {
        Ok(Self { known: context::known(settings)?, corrections: context::corrections(settings)? })
    }
}

/// Judges the notifications in the order of their arrival.
fn replay(
    mut notifications: Notifications,
    in_force: &Rulebook,
    other: Option<&Rulebook>,
    by_hand: &ByHand,
    output: &mut Output,
) -> String {
    notifications.found.sort_by_key(|notification| notification.received);
    let all = notifications.found.len();
    let judged_by = other.unwrap_or(in_force);
    let mut recall = Replay::default();
    for known in &by_hand.known {
        recall.know_follower(known.follower.clone());
    }
    let mut report =
        Backtest::new(&judged_by.rules, notifications.looked_at, notifications.incomplete, other.is_some());
    for (index, notification) in notifications.found.into_iter().enumerate() {
        if index.is_multiple_of(STEP) {
            output.progress(&format!("judged {index} of {all}"));
        }
        let traces = assess::trace(&notification, judged_by, &recall);
        let message = ReadMessage::from(notification.clone());
        let before = other.map(|_| assess::weigh(message.clone(), in_force, &recall));
        let assessment = assess::weigh(message, judged_by, &recall);
        report.count(&assessment, &traces, before.as_ref(), &judged_by.rules);
        recall.note(&notification);
    }
    output.end_progress();
    for entry in &by_hand.corrections {
        report.correct(correction(entry, judged_by));
    }
    report.in_words(output.paint())
}

/// What the rules alone would do with a message that was put back, if they did not know that.
fn correction(entry: &HistoryEntry, rulebook: &Rulebook) -> Correction {
    let notification = entry.judged.notification.clone();
    let assessment = assess::weigh(notification.into(), rulebook, &Blank);
    let agrees = !matches!(assessment.action, Action::File { .. });
    Correction { agrees, assessment }
}
