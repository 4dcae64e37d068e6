//! `sweep`: one pass over the folders of each account, printed message by message.

use std::path::Path;

use super::context::Unsettled;
use super::output::Output;
use super::{Ending, Sweep as Options, context, drift};
use crate::clock;
use crate::mailbox::Stop;
use crate::report;
use crate::report::totals::Totals;
use crate::rulebook::RuleFiles;
use crate::settings::{Account, Settings};
use crate::sweep::{AccountFault, News, Scope, Sweeper, Swept, connect};

/// So many sessions at most are begun to find a message over which the connection ends: each asks at once for an eighth of what
/// the one before did.
const SESSIONS: usize = 20;

pub(super) fn sweep(settings: Option<&Path>, options: &Options, output: &mut Output) -> Ending {
    let unsettled = if options.dry_run { Unsettled::Taken } else { Unsettled::WaitedFor };
    let (settings, files) = match context::everything(settings, unsettled, output) {
        Ok(found) => found,
        Err(ending) => return ending,
    };
    let Some(accounts) = context::accounts(&settings, options.account.as_deref(), output) else {
        return Ending::Usage;
    };
    let mut ending = Ending::Well;
    for account in accounts {
        output.line(&format!("{} ({})", account.name, account.host));
        let swept = one(account, &settings, &files, options, output);
        output.end_progress();
        match swept {
            Ok((swept, totals)) => {
                drift::tell(account, &settings, output);
                if options.dry_run {
                    output.text(&format!("\n{}", totals.in_words()));
                }
                let only_looked = options.dry_run || !account.act;
                output.line(&format!("\n{}", report::sweep::sums(&swept, only_looked)));
                if swept.remains.is_work_left() {
                    ending = Ending::Later;
                }
            }
            Err(fault) => {
                output.account_failure(&account.name, &fault);
                if let Some(advice) = report::advice(&fault, account, clock::now()) {
                    output.error(&format!("  {advice}"));
                }
                ending = Ending::Later;
            }
        }
    }
    ending
}

fn one(
    account: &Account,
    settings: &Settings,
    files: &RuleFiles,
    options: &Options,
    output: &mut Output,
) -> Result<(Swept, Totals), AccountFault> {
    let stop = Stop::new().map_err(AccountFault::Machine)?;
    let begin = if options.dry_run { Sweeper::dry_run } else { Sweeper::begin };
    let mut sweeper = begin(account, settings)?;
    let mut session = connect(account, settings, &stop)?;
    let scope = options.since.map_or(Scope::New, Scope::Since);
    let mut totals = Totals::default();
    let mut tell = |news: News| {
        output.end_progress();
        let sentence = || report::sweep::sentence(&news);
        match &news {
            News::Mail(dealt) => {
                totals.count(&dealt.assessment);
                output.text(&report::sweep::block(dealt, options.dry_run));
            }
            News::FirstLook { .. } => output.line(&sentence()),
            News::Progress { .. } => output.progress(&sentence()),
            News::Trouble { .. } | News::SentStale { .. } | News::Unshown { .. } | News::NotNow { .. } => {
                output.error(&format!("error: {}", sentence()));
            }
            News::Restored { .. } | News::Uncertain { .. } | News::TooMany { .. } | News::HeldBack { .. } => {
                output.error(&format!("note: {}", sentence()));
            }
        }
    };
    let mut sessions = 1;
    let (session, swept) = loop {
        match sweeper.run(session, files, scope, &mut tell) {
            Err(fault) if sessions < SESSIONS && sweeper.can_part(&fault) => {
                session = connect(account, settings, &stop)?;
                sessions += 1;
            }
            swept => break swept?,
        }
    };
    // All was done; a server that does not say goodbye changes nothing.
    let _ = session.logout();
    Ok((swept, totals))
}
