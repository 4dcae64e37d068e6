//! `status`: how the service and its accounts are, and what the ledger tells of the last days. Changes nothing, and asks no mail
//! server.

use std::path::Path;
use std::time::Duration;

use super::output::Output;
use super::{Ending, Status as Options, context};
use crate::clock;
use crate::control::{self, Answer, AskFault, Request, ServiceStatus};
use crate::ledger::{Ledger, LedgerFault, LookUps};
use crate::report::drift;
use crate::report::status::{self as report, AccountFacts};
use crate::settings::{Environment, Settings};
use crate::sweep::former_name;

/// How far back look-ups are counted: as long as an answer counts.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) fn status(path: Option<&Path>, options: &Options, output: &mut Output) -> Ending {
    let settings = match context::settings_to_act(path, output) {
        Ok(settings) => settings,
        Err(ending) => return ending,
    };
    let mut ending = Ending::Well;
    let service = match ask(&settings) {
        Ok(service) => service,
        Err(AskFault::NotRunning) => None,
        Err(fault) => {
            output.failure(&fault);
            ending = Ending::Later;
            None
        }
    };
    let (accounts, look_ups) = match facts(&settings) {
        Ok(facts) => facts,
        Err(fault) => {
            output.failure(&fault);
            return Ending::Fault;
        }
    };
    match options.json {
        true => output.line(&report::json(service.as_ref(), &accounts, &look_ups)),
        false => output.text(&report::in_words(service.as_ref(), &accounts, &look_ups)),
    }
    match &service {
        _ if ending != Ending::Well => ending,
        None => Ending::NotRunning,
        Some(service) if report::is_wrong(service) => Ending::Later,
        Some(_) => Ending::Well,
    }
}

fn ask(settings: &Settings) -> Result<Option<ServiceStatus>, AskFault> {
    let mut told = None;
    let runtimes = Environment::of_process().runtimes(&settings.state);
    control::ask(&runtimes, &settings.state, &Request::Status {}, &mut |answer| {
        if let Answer::Status(status) = answer {
            told = Some(*status);
        }
    })?;
    Ok(told)
}

/// What the ledger tells; without one, nothing.
fn facts(settings: &Settings) -> Result<(Vec<AccountFacts>, LookUps), LedgerFault> {
    let ledger = Ledger::open_read_only(&settings.state)?;
    let now = clock::now();
    let week_ago = now.before(drift::SPAN);
    let mut accounts = Vec::new();
    for account in &settings.accounts {
        let name = account.name.clone();
        accounts.push(match &ledger {
            None => AccountFacts {
                name,
                looked_at: None,
                paused_until: None,
                rules_changed: None,
                week: Vec::new(),
                incomplete: Vec::new(),
                held_back: 0,
            },
            Some(ledger) => {
                let former = former_name(ledger, account, settings)?;
                let known = former.as_ref().unwrap_or(&name);
                AccountFacts {
                    looked_at: ledger.looked_at(known)?,
                    paused_until: ledger.paused_until(&name, former.as_ref(), now)?,
                    rules_changed: ledger.rules_changed(known)?,
                    week: ledger.by_verdict(known, week_ago)?,
                    incomplete: ledger.incomplete(known, week_ago)?,
                    held_back: ledger.held_back(known)?,
                    name,
                }
            }
        });
    }
    let look_ups = ledger.map_or(Ok(LookUps::default()), |ledger| ledger.look_ups(now.before(DAY), now))?;
    Ok((accounts, look_ups))
}
