//! `lookup`: what would be asked about a follower, of whom, and the answer.

use std::os::fd::AsFd as _;
use std::path::Path;

use super::output::Output;
use super::{Ending, Lookup as Options, context};
use crate::clock;
use crate::host::HostName;
use crate::ledger::Ledger;
use crate::lookup::{self, Asker, Stuck, Unasked, Whose};
use crate::mail::Network;
use crate::mailbox::Stop;
use crate::report;
use crate::settings::{Account, Settings};

pub(super) fn lookup(path: Option<&Path>, options: &Options, output: &mut Output) -> Ending {
    let settings = match context::settings(path, output) {
        Ok(Some(settings)) => settings,
        Ok(None) => {
            output.findings(&[context::no_settings()]);
            return Ending::Settings;
        }
        Err(ending) => return ending,
    };
    let Some(network) = Network::new(&options.network) else {
        output.error(&format!("error: {}", report::usage::no_network(&options.network, std::iter::empty())));
        return Ending::Usage;
    };
    let Some(accounts) = context::accounts(&settings, options.account.as_deref(), output) else {
        return Ending::Usage;
    };
    let Some((account, server)) = server(&accounts, options.instance.as_ref()) else {
        output.error(&format!("error: {}", report::lookup::unasked(Unasked::NotYourServer, &network)));
        return Ending::Settings;
    };
    let question = match lookup::about(&network, &options.handle, server, Whose::from(account)) {
        Ok(question) => question,
        Err(why) => {
            output.error(&format!("error: {}", report::lookup::unasked(why, &network)));
            return if why == Unasked::NoHandle { Ending::Usage } else { Ending::Settings };
        }
    };
    output.text(&report::lookup::asks(&question));
    let asked = (|| {
        let stop = Stop::new().map_err(|cause| Stuck::Web(crate::web::WebFault::Machine { cause }))?;
        let asker = Asker::new(account, stop.as_fd())?;
        Ok::<_, Stuck>(asker.ask_now(&question, &mut Ledger::open(&settings.state)?)?)
    })();
    match asked {
        Ok(Ok(answer)) => {
            output.text(&report::lookup::answer(&answer));
            Ending::Well
        }
        Ok(Err(fault)) => {
            match fault {
                Some(fault) => output.failure(&fault),
                None => output.error("error: the server cannot be asked now; try again later"),
            }
            Ending::Later
        }
        Err(fault) => {
            output.failure(&fault);
            Ending::Later
        }
    }
}

/// The account with this server of the user's own; without a name, the first server of an account that may look up.
fn server<'s>(accounts: &[&'s Account], name: Option<&HostName>) -> Option<(&'s Account, &'s HostName)> {
    let mut all =
        accounts.iter().flat_map(|account| account.instances.iter().map(|own| (*account, &own.host)));
    all.find(|(_, host)| name.is_none_or(|name| name == *host))
}

/// What followsift may look up for `explain` and `backtest`, from what the ledger remembers.
pub(super) fn remembered<'n>(
    settings: Option<&Settings>,
    instances: &[crate::host::Instance],
    notifications: impl Iterator<Item = &'n mut crate::mail::Notification>,
) -> Result<(), crate::ledger::LedgerFault> {
    let Some(settings) = settings.filter(|settings| settings.lookup.is_on()) else { return Ok(()) };
    let Some(ledger) = Ledger::open_read_only(&settings.state)? else { return Ok(()) };
    let (whose, now) = (Whose { lookup: &settings.lookup, instances }, clock::now());
    for notification in notifications {
        lookup::complete(notification, whose, now, |question| {
            ledger.looked_up(&question.follower, crate::clock::Timestamp(0))
        })?;
    }
    Ok(())
}
