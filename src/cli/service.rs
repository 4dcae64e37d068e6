//! Asks the running service to do what it keeps a command from doing, and prints what it answers. Called by `sweep` and
//! `restore`.

use super::Ending;
use super::output::Output;
use crate::control::{self, Answer, AskFault, Request};
use crate::ledger::LockFault;
use crate::report::usage;
use crate::settings::{Account, Environment, Settings};

/// Asks the service, which may be what holds the lock of the account.
pub(super) fn ask(
    account: &Account,
    settings: &Settings,
    request: &Request,
    held: &LockFault,
    output: &mut Output,
) -> Ending {
    let mut ending = Ending::Later;
    let runtimes = Environment::of_process().runtimes(&settings.state);
    let asked = control::ask(&runtimes, &settings.state, request, &mut |answer| {
        output.end_progress();
        match answer {
            Answer::Text(text) => output.text(&text),
            Answer::Note(line) => output.error(&line),
            Answer::Progress(line) => output.progress(&line),
            Answer::Done(is_work_left) => ending = if is_work_left { Ending::Later } else { Ending::Well },
            Answer::Refused(why) => output.error(&format!("error: {}: {why}", account.name)),
            Answer::Status(_) => {}
        }
    });
    output.end_progress();
    match asked {
        Ok(()) => return ending,
        Err(AskFault::NotRunning) => {
            output.account_failure(&account.name, held);
            output.error(&format!("  {}", usage::NO_SOCKET));
        }
        Err(fault) => output.account_failure(&account.name, &fault),
    }
    Ending::Later
}
