//! `pause` and `unpause`: note in the ledger until when nothing is judged or moved, and let a running service look there at once.

use std::path::Path;
use std::time::Duration;

use super::output::Output;
use super::{Ending, context};
use crate::clock::{self, Timestamp};
use crate::control::{self, Answer, AskFault, Request};
use crate::ledger::{Ledger, LedgerFault};
use crate::report::state;
use crate::settings::{Account, Environment, Settings};
use crate::sweep::former_name;

/// Pauses accounts for so long, or ends their pause.
pub(super) fn pause(
    path: Option<&Path>,
    time: Option<Duration>,
    account: Option<&str>,
    output: &mut Output,
) -> Ending {
    let settings = match context::settings_to_act(path, output) {
        Ok(settings) => settings,
        Err(ending) => return ending,
    };
    let Some(accounts) = context::accounts(&settings, account, output) else { return Ending::Usage };
    let now = clock::now();
    let until = time.map(|time| Timestamp(now.0.saturating_add_unsigned(time.as_secs())));
    let mut ending = Ending::Well;
    for account in accounts {
        match note(&settings, account, until, now) {
            Ok(was_paused) => output.line(&state::pause_changed(account.name.as_str(), until, was_paused)),
            Err(fault) => {
                output.failure(&fault);
                return Ending::Fault;
            }
        }
        match tell(&settings, account) {
            Ok(None) => {}
            Ok(Some(refusal)) => {
                output.error(&format!("error: {}: {refusal}", account.name));
                ending = Ending::Later;
            }
            Err(fault) => {
                output.account_failure(&account.name, &fault);
                ending = Ending::Later;
            }
        }
    }
    ending
}

/// Writes it into the ledger; returns whether the account was paused.
fn note(
    settings: &Settings,
    account: &Account,
    until: Option<Timestamp>,
    now: Timestamp,
) -> Result<bool, LedgerFault> {
    // Without a ledger nothing is paused, and none is made to say so.
    if until.is_none() && Ledger::open_read_only(&settings.state)?.is_none() {
        return Ok(false);
    }
    let mut ledger = Ledger::open(&settings.state)?;
    let former = former_name(&ledger, account, settings)?;
    ledger.pause(&account.name, former.as_ref(), until, now)
}

/// Lets a running service look at once; returns why it would not. Without one, the next finds it in the ledger.
fn tell(settings: &Settings, account: &Account) -> Result<Option<String>, AskFault> {
    let request = Request::Pause { account: account.name.to_string() };
    let runtimes = Environment::of_process().runtimes(&settings.state);
    let mut refusal = None;
    let asked = control::ask(&runtimes, &settings.state, &request, &mut |answer| {
        if let Answer::Refused(why) = answer {
            refusal = Some(why);
        }
    });
    match asked {
        Ok(()) | Err(AskFault::NotRunning) => Ok(refusal),
        Err(fault) => Err(fault),
    }
}
