//! `forget`: deletes from the ledger all that names a follower. Works beside a running service: it asks no server, and takes the
//! ledger for a moment only.

use std::path::Path;

use super::output::Output;
use super::{Ending, Person, context, known};
use crate::ledger::{Forgotten, Ledger, LedgerFault};
use crate::report::known as report;
use crate::settings::Settings;

pub(super) fn forget(settings: Option<&Path>, person: &Person, output: &mut Output) -> Ending {
    let settings = match context::settings_to_act(settings, output) {
        Ok(settings) => settings,
        Err(ending) => return ending,
    };
    forget_in(&settings, person, output).unwrap_or_else(|fault| {
        output.failure(&fault);
        Ending::Fault
    })
}

fn forget_in(settings: &Settings, person: &Person, output: &mut Output) -> Result<Ending, LedgerFault> {
    let key = match known::named(settings, person)? {
        Ok(key) => key,
        Err(words) => return Ok(known::wrong(&words, output)),
    };
    // Without a ledger nothing is remembered, and none is made for this.
    let forgotten = match Ledger::open_read_only(&settings.state)? {
        None => Forgotten::Done { messages: 0, otherwise: false, copies: 0 },
        Some(_) => Ledger::open(&settings.state)?.forget(&key)?,
    };
    match forgotten {
        Forgotten::Unsettled => {
            output.error(&format!("error: {}", report::forget_later(&key)));
            Ok(Ending::Later)
        }
        Forgotten::Done { messages: 0, otherwise: false, copies: 0 } => {
            Ok(known::wrong(&report::nothing_to_forget(&key), output))
        }
        Forgotten::Done { messages, copies, .. } => {
            output.line(&report::forgotten_for_good(&key, messages, copies));
            Ok(Ending::Well)
        }
    }
}
