//! `sweep`: one pass over the mail of each account, told mail by mail.

use std::path::Path;

use super::context::Unsettled;
use super::output::Output;
use super::{Ending, Sweep as Options, context, drift};
use crate::daemon::rulebook::Reading;
use crate::daemon::{AccountFault, clock, connect, lock};
use crate::ledger::{Ledger, Limit};
use crate::mail::Recognition;
use crate::mailbox::Stop;
use crate::report;
use crate::settings::{Account, Settings};
use crate::sweep::{self, Dealt, End, Memory, News, Scope, Sent, Stale, Sweep, Tally};

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
            Ok(tally) => {
                output.line(&sums(&tally, options.dry_run || !account.act));
                drift::tell(account, &settings, output);
                if tally.troubles > 0 {
                    ending = Ending::Later;
                }
            }
            Err(fault) => {
                output.account_failure(&account.name, &fault);
                ending = Ending::Later;
            }
        }
    }
    ending
}

fn one(
    account: &Account,
    settings: &Settings,
    reading: &Reading,
    options: &Options,
    output: &mut Output,
) -> Result<Tally, AccountFault> {
    let stop = Stop::new().map_err(AccountFault::Machine)?;
    let sources = reading.sent_folders();
    let now = clock::now();
    let scope = options.since.map_or(Scope::New, Scope::Since);
    let mut tell = |news: News| {
        output.end_progress();
        match news {
            News::Mail(dealt) => output.text(&in_words(&dealt, options.dry_run)),
            News::Progress { folder, looked_at, part } => {
                output.progress(&format!("{folder}: looked at {looked_at} mails, {:.0} %", part * 100.0));
            }
            News::Trouble { folder, words, folders } => {
                let trouble = report::text::trouble(&folder, &words, &folders);
                output.error(&format!("error: {trouble}"));
            }
            News::Unshown { folder, uids } => {
                let uids: Vec<u32> = uids.iter().map(|uid| uid.0).collect();
                output.error(&format!("error: {}", report::text::unshown(&folder, &uids)));
            }
            News::Restored { folder } => output.error(&format!("note: {}", report::text::restored(&folder))),
            News::Uncertain { mail } => output.error(&format!("note: {}", report::text::uncertain(&mail))),
            News::TooMany { messages } => {
                output.error(&format!("note: {}", report::text::too_many(messages)));
            }
            News::HeldBack { mails, by, most } => output.error(&format!(
                "note: {}\n  `followsift resume` lets them through at once",
                report::text::held_back(mails, by == Limit::Change, most)
            )),
        }
    };
    if options.dry_run {
        let ledger = Ledger::open_read_only(&settings.state)?;
        let sent = match &ledger {
            Some(ledger) => sweep::sent_people(ledger, account, &sources)?,
            None => Sent::new(),
        };
        let rulebook = reading.rulebook_of(account, &sent);
        let session = connect(account, settings, &stop)?;
        let work = Sweep { account, rulebook: &rulebook, scope, now };
        let (session, tally) = sweep::sweep(session, work, &mut Memory::Read(ledger.as_ref()), &mut tell)?;
        // All was read; a server that does not say goodbye changes nothing.
        let _ = session.logout();
        return Ok(tally);
    }
    let _lock = lock(account, settings)?;
    let mut ledger = Ledger::open(&settings.state)?;
    reading.lists().keep(&mut ledger, now)?;
    let mut session = connect(account, settings, &stop)?;
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
    Ok(tally)
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
        End::Waits => "stays for now: more mails are to be moved than the fuse lets through".to_owned(),
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

fn sums(tally: &Tally, only_looked: bool) -> String {
    let Tally {
        looked_at,
        plausible,
        recognised,
        incomplete,
        moved,
        marked,
        left,
        unshown,
        waiting,
        settled,
        turns,
        troubles: _,
    } = *tally;
    let mut parts = vec![
        format!("looked at {looked_at} mails"),
        format!("read {plausible}"),
        format!("recognised {recognised}"),
    ];
    if !only_looked {
        parts.push(format!("moved {moved}"));
    }
    let more = [
        (incomplete, "could not read {} in full"),
        (marked, "marked {}"),
        (left, "could not move {}"),
        (unshown, "{} not shown by the server"),
        (waiting, "{} wait"),
        (settled, "settled {} moves of an earlier session"),
    ];
    parts.extend(more.iter().filter(|(n, _)| *n > 0).map(|(n, words)| words.replace("{}", &n.to_string())));
    format!("\n{} ({turns} round trips)", parts.join(", "))
}
