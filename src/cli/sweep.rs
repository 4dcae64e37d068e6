//! `sweep`: one pass over the folders of each account, printed message by message.

use std::os::fd::AsFd as _;
use std::path::Path;
use std::thread::{Builder, ScopedJoinHandle};
use std::time::{Duration, Instant};

use super::context::Unsettled;
use super::output::Output;
use super::{Ending, Sweep as Options, context, drift, service};
use crate::control::Request;
use crate::ledger::{Ledger, LedgerFault, LockFault};
use crate::lookup;
use crate::mailbox::{Connector, Fault, Stop};
use crate::report;
use crate::report::totals::Totals;
use crate::rulebook::RuleFiles;
use crate::settings::{Account, Settings};
use crate::sweep::{
    AccountFault, Digest, News, Scope, Sweeper, Swept, connect, connect_with, former_name, paused_until,
    read_login,
};

/// So many sessions at most are begun to find a message over which the connection ends: each asks at once for an eighth of what
/// the one before did.
const SESSIONS: usize = 20;
/// How long the command looks followers up, before and after its sweep together; the service or the next sweep asks the rest.
const LOOK_UP: Duration = Duration::from_secs(60);

pub(super) fn sweep(settings: Option<&Path>, options: &Options, output: &mut Output) -> Ending {
    let unsettled = if options.dry_run { Unsettled::Taken } else { Unsettled::WaitedFor };
    let settings = match context::settings_to_act(settings, output) {
        Ok(settings) => settings,
        Err(ending) => return ending,
    };
    std::thread::scope(|scope| {
        // To read the certificates of the system's authorities takes as long as to read the rules and the networks.
        let wanted =
            |account: &&Account| options.account.as_ref().is_none_or(|name| account.name.as_str() == name);
        let trust = settings.accounts.iter().find(wanted).and_then(|account| {
            let thread = Builder::new().name("trust".to_owned());
            thread.spawn_scoped(scope, || Connector::of(account)).ok()
        });
        let files = match context::files_to_act(&settings, unsettled, output) {
            Ok(files) => files,
            Err(ending) => return ending,
        };
        all(&settings, &files, trust, options, output)
    })
}

/// Sweeps the accounts. `trust` gets that of the first.
fn all(
    settings: &Settings,
    files: &RuleFiles,
    mut trust: Option<ScopedJoinHandle<'_, Result<Connector, Fault>>>,
    options: &Options,
    output: &mut Output,
) -> Ending {
    let Some(accounts) = context::accounts(settings, options.account.as_deref(), output) else {
        return Ending::Usage;
    };
    let mut ending = Ending::Well;
    for account in accounts {
        output.line(&format!("{} ({})", account.name, account.host));
        let mut trust = trust.take();
        if let Some(until) = paused_until(account, settings).filter(|_| !options.dry_run) {
            output.line(&report::state::halted(until));
            continue;
        }
        let mut connector =
            || trust.take().and_then(|it| it.join().ok()).unwrap_or_else(|| Connector::of(account));
        let swept = one(account, settings, files, &mut connector, options, output);
        output.end_progress();
        match swept {
            Ok((swept, totals)) => {
                drift::tell(account, settings, output);
                if options.dry_run {
                    output.text(&format!("\n{}", totals.in_words()));
                }
                let only_looked = options.dry_run || !account.act;
                output.line(&format!("\n{}", report::sweep::sums(&swept, only_looked)));
                if swept.remains.is_work_left() {
                    ending = Ending::Later;
                }
            }
            Err(AccountFault::Lock(fault @ LockFault::Held { .. })) => {
                let since = options.since.map(|time| time.as_secs());
                let lookup = options.lookup;
                let request = Request::Sweep { account: account.name.to_string(), since, lookup };
                if service::ask(account, settings, &request, &fault, output) != Ending::Well {
                    ending = Ending::Later;
                }
            }
            Err(fault) => {
                context::account_failed(account, &fault, output);
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
    connector: &mut dyn FnMut() -> Result<Connector, Fault>,
    options: &Options,
    output: &mut Output,
) -> Result<(Swept, Totals), AccountFault> {
    let stop = Stop::new().map_err(AccountFault::Machine)?;
    let begin = if options.dry_run { Sweeper::dry_run } else { Sweeper::begin };
    // A dry run changes nothing in the ledger, so it goes by the name that the account has there.
    let former = if options.dry_run { former(account, settings)? } else { None };
    if let Some(former) = &former {
        output.told(report::sweep::told(
            &News::Renamed { from: former.name.clone(), to: account.name.clone() },
            true,
        ));
    }
    let account = former.as_ref().unwrap_or(account);
    let mut sweeper = begin(account, settings)?;
    if options.lookup
        && let Err(fault) = sweeper.look_up_old(settings, stop.as_fd())
    {
        output.failure(&fault);
    }
    // What an earlier sweep wanted to know, before this one judges what has waited for long enough.
    let (mut left, mut failures) = (LOOK_UP, Vec::new());
    look_up(&mut sweeper, &stop, &mut left, &mut failures);
    let mut login = read_login(account, settings, &stop)?;
    let mut session = connect_with(account, settings, connector, &mut login, &stop)?;
    drop(login);
    let scope = options.since.map_or(Scope::New, Scope::Since);
    let mut totals = Totals::default();
    let mut tell = |news: News| {
        output.end_progress();
        if let News::Mail(dealt) = &news {
            totals.count(&dealt.assessment);
        }
        output.told(report::sweep::told(&news, options.dry_run));
    };
    sweeper.leave_early();
    let mut sessions = 1;
    // What the pass before the answers of look-ups did.
    let mut first: Option<Swept> = None;
    let (session, swept) = loop {
        let scope = if first.is_some() { Scope::New } else { scope };
        sweeper.go_on(sweeper.begun());
        match sweeper.run(session, files, scope, &mut tell) {
            Err(fault)
                if sweeper.left_too_early(&fault) || sessions < SESSIONS && sweeper.can_part(&fault) =>
            {
                session = connect(account, settings, &stop)?;
                sessions += 1;
            }
            swept => {
                let (healthy, swept) = swept?;
                match first.take() {
                    Some(first) => break (healthy, swept.after(&first)),
                    None if look_up(&mut sweeper, &stop, &mut left, &mut failures) => {
                        first = Some(swept);
                        session = healthy;
                    }
                    None => break (healthy, swept),
                }
            }
        }
    };
    let write = |digest: &Digest<'_>| report::digest::message(digest, &files.networks());
    let session = sweeper.send_digest(session, &write, &mut tell)?;
    for failure in failures {
        output.error(&failure);
    }
    if let Some(inquiry) = sweeper.inquiry() {
        super::lookup::say_what_failed(inquiry, output);
    }
    // All was done; a server that does not say goodbye changes nothing. The session may have left already.
    let _ = session.logout();
    Ok((swept, totals))
}

/// The account under the name by which the ledger still remembers it, if it was renamed since the last sweep.
fn former(account: &Account, settings: &Settings) -> Result<Option<Account>, LedgerFault> {
    let Some(ledger) = Ledger::open_read_only(&settings.state)? else { return Ok(None) };
    let former = former_name(&ledger, account, settings)?;
    Ok(former.map(|name| Account { name, ..account.clone() }))
}

/// Asks what sweeps wanted to know, for as long as is `left`; returns whether there are answers, so that what waits for them can be
/// judged.
fn look_up(sweeper: &mut Sweeper<'_>, stop: &Stop, left: &mut Duration, failures: &mut Vec<String>) -> bool {
    let mut note = |news| {
        if let lookup::News::Failed { server, fault, until } = news {
            failures.push(format!("note: {}", report::lookup::failed(&server, &fault, until)));
        }
    };
    let begun = Instant::now();
    let looked_up = sweeper.look_up(stop, *left, &mut note);
    *left = left.saturating_sub(begun.elapsed());
    looked_up.unwrap_or_else(|stuck| {
        failures.push(format!("error: {}", report::Chain(&stuck)));
        false
    })
}
