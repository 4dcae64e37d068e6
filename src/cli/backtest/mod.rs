//! `backtest`: the rules over messages that are already there, replayed in the order of their arrival. Only reads: folders are
//! opened for looking only, files are never written, and the ledger is only asked.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use mbox::Piece;
use recognise::{Intake, Recognised, recognise_all};

use super::lookup::remembered;
use super::output::{Output, shown};
use super::{Backtest as Options, Ending, context};
use crate::assess::{self, Arrival, Mail, ReadMessage, Rulebook};
use crate::clock;
use crate::clock::Timestamp;
use crate::ledger::{HistoryEntry, Known, LedgerFault};
use crate::mail::{FollowerKey, Notification};
use crate::mailbox::{Range, Session, Stop};
use crate::place::{Folder, MailIdentity, MailTrace, Uid};
use crate::report::backtest::{Backtest, Correction};
use crate::report::usage;
use crate::rulebook::RuleFiles;
use crate::rules::Action;
use crate::rules::recall::{Blank, Replay};
use crate::settings::{Account, Settings};
use crate::sweep::{AccountFault, connect};

mod files;
mod mbox;
mod recognise;

/// After so many messages, the progress is printed.
const STEP: usize = 100;
/// Fewer notifications than these are not worth a thread.
const LEAST: usize = 100;

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

/// As many threads as the process may use cores.
fn cores() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

fn of_files(
    trial: &Trial<'_>,
    settings: Option<&Settings>,
    paths: &[PathBuf],
    output: &mut Output,
) -> Ending {
    let trust = context::trust(settings, &[], &[]);
    let make = |files: &RuleFiles| {
        let sent = context::sent(settings, files);
        files.rulebook(trust.clone(), false, &sent)
    };
    let rulebook = make(trial.in_force);
    let other = trial.other.map(make);
    let recognise = |mail: Mail<'_>| assess::recognise(mail, &rulebook);
    let (mut ending, mut recognised) = recognise_all(cores(), trial.since, &recognise, |intake| {
        let (mut ending, mut reported) = (Ending::Well, 0);
        for path in paths {
            let read = files::messages(path, trial.now, &mut |piece| {
                intake.put(piece);
                let looked_at = intake.looked_at();
                if looked_at >= reported + STEP {
                    reported = looked_at;
                    output.progress(&format!("read {looked_at} messages"));
                }
            });
            output.end_progress();
            match read {
                Ok(others) => {
                    for (file, what) in others {
                        output.error(&format!("note: {}", usage::not_a_message(&shown(&file), what)));
                    }
                }
                Err(cause) => {
                    output.error(&format!("error: {}", cause.in_words(&shown(path))));
                    ending = Ending::Data;
                }
            }
        }
        ending
    });
    let instances = &rulebook.trust.instances;
    let completed = remembered(settings, instances, recognised.notifications_mut());
    match completed.and_then(|()| settings.map_or(Ok(ByHand::default()), ByHand::read)) {
        Ok(by_hand) => {
            let report = replay(
                recognised.looked_at,
                recognised,
                (&rulebook, other.as_ref()),
                &by_hand,
                cores(),
                output,
            );
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
    let recognise = |mail: Mail<'_>| assess::recognise(mail, &rulebook);
    // The server has left out what is too old.
    let mut looked_at = 0;
    let (read, mut recognised) = recognise_all(cores(), None, &recognise, |intake| {
        let read =
            |folder| of_folder(&mut session, folder, trial.since, &rulebook, &mut looked_at, intake, output);
        named.iter().try_for_each(read)
    });
    read?;
    output.end_progress();
    // All was read; a server that does not say goodbye changes nothing.
    let _ = session.logout();
    remembered(Some(settings), &account.instances, recognised.notifications_mut())?;
    let report = replay(looked_at, recognised, (&rulebook, other.as_ref()), &by_hand, cores(), output);
    output.text(&report);
    Ok(())
}

fn of_folder(
    session: &mut Session,
    folder: &Folder,
    since: Option<Timestamp>,
    rulebook: &Rulebook,
    looked_at: &mut usize,
    intake: &mut Intake<'_>,
    output: &mut Output,
) -> Result<(), AccountFault> {
    let opened = session.examine(folder)?;
    let range = since.map_or(Range::From(Uid(1)), |since| Range::Since(since.0));
    let mut plausible = Vec::new();
    let mut arrivals = BTreeMap::new();
    session.heads(range, |heads| {
        *looked_at += heads.len();
        for head in heads {
            if rulebook.profiles.plausible(&head.fields) {
                plausible.push((head.uid, head.size));
                arrivals.insert(head.uid, Timestamp(head.received));
            }
        }
        output.progress(&format!("{folder}: looked at {looked_at} messages of {}", opened.exists));
    })?;
    let mut read = 0;
    session.mails(&plausible, crate::sweep::MAIL_LIMIT, |MailTrace { uid, .. }, bytes| {
        read += 1;
        if read % STEP == 0 {
            output.progress(&format!("{folder}: read {read} of {}", plausible.len()));
        }
        if let Some(arrived) = arrivals.get(&uid) {
            intake.put(Piece::Message(bytes.to_vec(), Arrival::At(*arrived)));
        }
    })?;
    Ok(())
}

/// What the user has put right by hand, as the ledger has it.
#[derive(Default)]
struct ByHand {
    /// Whom they know: of all accounts, as a sweep knows them.
    known: Vec<Known>,
    /// Whom they filed by hand.
    unwelcome: Vec<FollowerKey>,
    /// What they put back.
    corrections: Vec<HistoryEntry>,
}

impl ByHand {
    fn read(settings: &Settings) -> Result<Self, LedgerFault> {
        Ok(Self {
            known: context::known(settings)?,
            unwelcome: context::unwelcome(settings)?,
            corrections: context::corrections(settings)?,
        })
    }
}

/// Judges the notifications in the order of their arrival, on up to so many threads.
fn replay(
    looked_at: usize,
    recognised: Recognised,
    (in_force, other): (&Rulebook, Option<&Rulebook>),
    by_hand: &ByHand,
    threads: NonZeroUsize,
    output: &mut Output,
) -> String {
    let judged_by = other.unwrap_or(in_force);
    let mut recall = Replay::default();
    for known in &by_hand.known {
        recall.know_follower(known.follower.clone(), known.origin.is_proven());
    }
    by_hand.unwelcome.iter().for_each(|follower| recall.reject_follower(follower.clone()));
    let incomplete = recognised.incomplete;
    let notifications: Vec<(MailIdentity, Notification)> = recognised.notifications().collect();
    output.progress(&format!("judging {} notifications", notifications.len()));
    // The past of a message is only what arrived before it, so all can be noted first, and judged in any order.
    notifications.iter().for_each(|(identity, notification)| recall.note_message(*identity, notification));
    let new = || Backtest::new(&judged_by.rules, looked_at, incomplete, other.is_some());
    let judge = |portion: &[(MailIdentity, Notification)]| {
        let mut report = new();
        for (identity, notification) in portion {
            let recall = recall.without(identity);
            let traces = assess::trace(notification, judged_by, &recall);
            let message = ReadMessage::from(notification.clone());
            let before = other.map(|_| assess::weigh(message.clone(), in_force, &recall));
            let assessment = assess::weigh(message, judged_by, &recall);
            report.count(&assessment, &traces, before.as_ref(), &judged_by.rules);
        }
        report
    };
    let portions = notifications.chunks(notifications.len().div_ceil(threads.get()).max(LEAST));
    let mut report = new();
    thread::scope(|scope| {
        let judge = &judge;
        // Without a thread of its own, a portion is judged here.
        let begin = |portion| (portion, thread::Builder::new().spawn_scoped(scope, move || judge(portion)));
        for (portion, thread) in portions.map(begin).collect::<Vec<_>>() {
            report.append(match thread {
                Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
                Err(_) => judge(portion),
            });
        }
    });
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

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::fs;

    use super::*;
    use crate::host::AuthservIds;
    use crate::mail::Trust;

    const MAIL: &str = include_str!("../../../tests/corpus/twitter/box-2009/message.eml");

    /// What counts is who came before whom.
    const RULES: &str = "[verdict.spam]\nmove-to = \"Spam\"\n\
        [[rule]]\nname = \"Comes again\"\nwhen.times-followed = \">= 3\"\nverdict = \"spam\"\n\
        [[rule]]\nname = \"Wave\"\nwhen.wave = \">= 4\"\nverdict = \"spam\"\n";

    /// Messages about fifty followers, several of which arrive in the same second, in no order.
    fn mbox() -> String {
        let mut text = String::new();
        for number in 0..1_000 {
            let mail = MAIL.replace("tiff_snow", &format!("tiff{}", number % 50)).replace("\r\n", "\n");
            let (day, hour, minute) = (1 + number / 50 * 7 % 20, number * 7 % 24, number * 13 % 60);
            let _ = writeln!(text, "From a@b.example Tue Jan {day:2} {hour:02}:{minute:02}:00 2024");
            let _ = writeln!(text, "X-Number: {number}");
            let _ = writeln!(text, "Authentication-Results: mx.home.example; dkim=pass header.d=twitter.com");
            let _ = writeln!(text, "{mail}");
        }
        text
    }

    #[test]
    fn the_report_is_the_same_for_any_number_of_threads() {
        let folder = tempfile::tempdir().unwrap();
        let (rules, inbox) = (folder.path().join("rules.toml"), folder.path().join("inbox"));
        fs::write(&inbox, mbox()).unwrap();
        let authserv_id = AuthservIds::parse(["mx.home.example"]).unwrap();
        let trust = Trust { authserv_id, ..Trust::default() };
        let rulebook = |text: &str| {
            fs::write(&rules, text).unwrap();
            let (files, findings) = context::rule_files_with(None, Some(&rules));
            let files = files.unwrap_or_else(|| panic!("{findings:?}"));
            files.rulebook(trust.clone(), false, &Default::default())
        };
        let (rulebook, other) = (rulebook(RULES), rulebook(&RULES.replace(">= 4", ">= 9999")));
        let recognise = |mail: Mail<'_>| assess::recognise(mail, &rulebook);
        let report = |threads: usize| {
            let threads = NonZeroUsize::new(threads).unwrap();
            let (read, recognised) = recognise_all(threads, None, &recognise, |intake| {
                files::messages(&inbox, Timestamp(2_000_000_000), &mut |piece| intake.put(piece))
            });
            read.unwrap();
            replay(
                1_000,
                recognised,
                (&rulebook, Some(&other)),
                &ByHand::default(),
                threads,
                &mut Output::standard(),
            )
        };
        let alone = report(1);
        assert!(alone.contains("1000 messages, 1000 of them about followers"), "{alone}");
        assert!(alone.contains("by \"Comes again\""), "{alone}");
        assert!(alone.contains("currently to Spam; with these rules stays"), "{alone}");
        for threads in [2, 3, 8] {
            assert_eq!(report(threads), alone, "{threads} threads");
        }
    }
}
