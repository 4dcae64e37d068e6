//! `sweep`: one pass over the mail of each account, told mail by mail.

use std::path::Path;

use super::context::Unsettled;
use super::output::Output;
use super::{Ending, Sweep as Options, context, drift};
use crate::clock;
use crate::ledger::{Ledger, Limit};
use crate::mail::Recognition;
use crate::mailbox::Stop;
use crate::report;
use crate::report::remains::{self, messages};
use crate::report::totals::Totals;
use crate::rulebook::{Reading, Sent};
use crate::settings::{Account, Backlog, Settings};
use crate::sweep::{
    self, AccountFault, Dealt, End, Memory, News, Remains, Scope, Stale, Sweep, Tally, connect, lock,
};

pub(super) fn sweep(settings: Option<&Path>, options: &Options, output: &mut Output) -> Ending {
    let unsettled = if options.dry_run { Unsettled::Taken } else { Unsettled::WaitedFor };
    let (settings, reading) = match context::everything(settings, unsettled, output) {
        Ok(found) => found,
        Err(ending) => return ending,
    };
    let Some(accounts) = context::accounts(&settings, options.account.as_deref(), output) else {
        return Ending::Usage;
    };
    let mut ending = Ending::Well;
    for account in accounts {
        output.line(&format!("{} ({})", account.name, account.host));
        let swept = one(account, &settings, &reading, options, output);
        output.end_progress();
        match swept {
            Ok(Swept { tally, remains, totals }) => {
                drift::tell(account, &settings, output);
                if options.dry_run {
                    output.text(&format!("\n{}", totals.in_words()));
                }
                output.line(&sums(&tally, &remains, options.dry_run || !account.act));
                if remains.is_work_left() {
                    ending = Ending::Later;
                }
            }
            Err(fault) => {
                output.account_failure(&account.name, &fault);
                if let Some(advice) = fault.advice() {
                    output.error(&format!("  {advice}"));
                }
                ending = Ending::Later;
            }
        }
    }
    ending
}

/// What came of sweeping an account.
struct Swept {
    tally: Tally,
    remains: Remains,
    totals: Totals,
}

fn one(
    account: &Account,
    settings: &Settings,
    reading: &Reading,
    options: &Options,
    output: &mut Output,
) -> Result<Swept, AccountFault> {
    let stop = Stop::new().map_err(AccountFault::Machine)?;
    let sources = reading.sent_folders();
    let now = clock::now();
    let scope = options.since.map_or(Scope::New, Scope::Since);
    let mut told = Told::default();
    if options.dry_run {
        let ledger = Ledger::open_read_only(&settings.state)?;
        let sent = match &ledger {
            Some(ledger) => sweep::sent_people(ledger, account, &sources)?,
            None => Sent::new(),
        };
        let rulebook = reading.rulebook_of(account, &sent);
        let session = connect(account, settings, &stop)?;
        tell_of_beginning(account, ledger.as_ref(), options, output)?;
        let work = Sweep { account, rulebook: &rulebook, scope, now };
        let mut tell = |news: News| told.tell(news, options.dry_run, output);
        let (session, tally) = sweep::sweep(session, work, &mut Memory::Read(ledger.as_ref()), &mut tell)?;
        // All was read; a server that does not say goodbye changes nothing.
        let _ = session.logout();
        let remains = Remains { folders: told.troubles, ..sweep::remains(account, None, &rulebook, &tally)? };
        return Ok(Swept { tally, remains, totals: told.totals });
    }
    let _lock = lock(account, settings)?;
    let mut ledger = Ledger::open(&settings.state)?;
    reading.lists().keep(&mut ledger, now)?;
    let mut session = connect(account, settings, &stop)?;
    tell_of_beginning(account, Some(&ledger), options, output)?;
    let mut tell = |news: News| told.tell(news, options.dry_run, output);
    let may_be_empty = |source: &_| reading.may_be_empty(source);
    let stale = sweep::refresh_sent(&mut session, &mut ledger, account, &sources, &may_be_empty, now)?;
    for Stale { folder, doubt } in stale {
        let folders = if doubt.is_some() { Vec::new() } else { session.folders_now()? };
        tell(News::Trouble { folder, words: report::text::sent_words(doubt), folders });
    }
    let sent = sweep::sent_people(&ledger, account, &sources)?;
    let rulebook = reading.rulebook_of(account, &sent);
    let work = Sweep { account, rulebook: &rulebook, scope, now };
    let (session, tally) = sweep::sweep(session, work, &mut Memory::Kept(&mut ledger), &mut tell)?;
    let _ = session.logout();
    let ledger = account.act.then_some(&ledger);
    let Told { troubles: folders, uncertain, totals } = told;
    let remains = Remains { folders, uncertain, ..sweep::remains(account, ledger, &rulebook, &tally)? };
    Ok(Swept { tally, remains, totals })
}

/// What a sweep has told so far.
#[derive(Default)]
struct Told {
    totals: Totals,
    /// Folders with which something is wrong.
    troubles: usize,
    /// Interrupted moves of which the original cannot be told.
    uncertain: usize,
}

impl Told {
    fn tell(&mut self, news: News, dry_run: bool, output: &mut Output) {
        output.end_progress();
        match news {
            News::Mail(dealt) => {
                self.totals.count(&dealt.assessment);
                output.text(&in_words(&dealt, dry_run));
            }
            News::Progress { folder, looked_at, part } => {
                let messages = messages(looked_at);
                output.progress(&format!("{folder}: looked at {messages}, {:.0} %", part * 100.0));
            }
            News::Trouble { folder, words, folders } => {
                self.troubles += 1;
                let trouble = report::text::trouble(&folder, &words, &folders);
                output.error(&format!("error: {trouble}"));
            }
            News::Unshown { folder, uids } => {
                let uids: Vec<u32> = uids.iter().map(|uid| uid.0).collect();
                output.error(&format!("error: {}", report::text::unshown(&folder, &uids)));
            }
            News::Restored { folder } => output.error(&format!("note: {}", report::text::restored(&folder))),
            News::Uncertain { mail } => {
                self.uncertain += 1;
                output.error(&format!("note: {}", report::text::uncertain(&mail)));
            }
            News::TooMany { messages } => {
                output.error(&format!("note: {}", report::text::too_many(messages)));
            }
            News::HeldBack { mails, by, most } => output.error(&format!(
                "note: {}\n  `followsift resume` lets them through at once",
                report::text::held_back(mails, by == Limit::Change, most)
            )),
        }
    }
}

/// Says where the first look at a folder begins: without that, one that finds nothing looks broken.
fn tell_of_beginning(
    account: &Account,
    ledger: Option<&Ledger>,
    options: &Options,
    output: &mut Output,
) -> Result<(), AccountFault> {
    if options.since.is_some() {
        return Ok(());
    }
    let mut new = Vec::new();
    for folder in &account.folders {
        let cursor = ledger.map_or(Ok(None), |ledger| ledger.cursor(&account.name, folder))?;
        if cursor.is_none() {
            new.push(folder.as_str());
        }
    }
    if new.is_empty() {
        return Ok(());
    }
    let begins = match account.backlog {
        Backlog::None => {
            "followsift begins with messages that arrive from now on; with `--since 30d` it looks at those that are \
             already there"
                .to_owned()
        }
        Backlog::Since(time) => format!(
            "followsift begins with what arrived in the last {} (`backlog`)",
            humantime::format_duration(time)
        ),
        Backlog::All => "followsift begins with every message (`backlog`)".to_owned(),
    };
    output.line(&format!("first look at {}: {begins}", new.join(", ")));
    Ok(())
}

/// One mail: its subject, what it is, and how it ended.
fn in_words(dealt: &Dealt, dry_run: bool) -> String {
    let Dealt { mail, subject, assessment, end, .. } = dealt;
    let mut text = format!("\n{mail}: {subject}\n");
    if matches!(end, End::Failed | End::Deadly) {
        let why = match end {
            End::Deadly => "was left unread, since followsift ended twice while it read it; it stays",
            _ => "could not be assessed, by a fault of followsift; it stays",
        };
        text.push_str(&format!("  {why}\n"));
        return text;
    }
    for line in report::text::describe(assessment).lines() {
        text.push_str(&format!("  {line}\n"));
    }
    if matches!(assessment.recognition, Recognition::Recognised(_)) {
        text.push_str(&format!("    {}\n", ending(dealt, dry_run)));
    }
    text
}

fn ending(dealt: &Dealt, dry_run: bool) -> String {
    match &dealt.end {
        End::Moved { to, unkept, .. } if unkept.is_empty() => format!("moved to {to}"),
        End::Moved { to, unkept, .. } => {
            format!("moved to {to}, which does not keep its keywords: {}", unkept.join(", "))
        }
        End::Waits => "stays for now: more messages are to be moved than the fuse lets through".to_owned(),
        End::Marked => "stays, marked".to_owned(),
        End::Kept(stay) => format!("stays: {stay}"),
        End::Unshown => "stays for now: the server does not show it".to_owned(),
        End::Left(why) => format!("stays: {why}"),
        End::Gone => "was gone before it could be moved".to_owned(),
        End::Observed if !dry_run => {
            format!("{}; this account only looks (act = false)", report::text::consequence(&dealt.assessment))
        }
        End::Observed | End::Failed | End::Deadly => report::text::consequence(&dealt.assessment),
        End::Stays if dry_run => report::text::consequence(&dealt.assessment),
        End::Stays => match &dealt.assessment.restraint {
            Some(restraint) => format!("stays: {}", report::text::restraint_in_words(restraint)),
            None => "stays".to_owned(),
        },
    }
}

/// The last line: what was done, and what was left undone.
fn sums(tally: &Tally, remains: &Remains, only_looked: bool) -> String {
    let Tally { looked_at, plausible, recognised, incomplete, moved, marked, gone, settled, turns, .. } =
        *tally;
    let mut parts = vec![
        format!("looked at {}", messages(looked_at)),
        format!("read {plausible}"),
        format!("recognised {recognised}"),
    ];
    if !only_looked {
        parts.push(format!("moved {moved}"));
    }
    let more = [
        (incomplete, "could not read {} in full"),
        (marked, "marked {}"),
        (gone, "{} were gone before they could be moved"),
        (settled, "settled {} moves of an earlier session"),
    ];
    parts.extend(more.iter().filter(|(n, _)| *n > 0).map(|(n, words)| words.replace("{}", &n.to_string())));
    let trips = if turns == 1 { "1 round trip".to_owned() } else { format!("{turns} round trips") };
    let ending = match remains::in_words(remains) {
        Some(words) => format!("; left undone: {words}"),
        None if only_looked => String::new(),
        None => "; all is well".to_owned(),
    };
    format!("\n{} ({trips}){ending}", parts.join(", "))
}
