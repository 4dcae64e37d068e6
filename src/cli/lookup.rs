//! `lookup`: what would be asked about a follower, of whom, and the answer.

use std::os::fd::AsFd as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::output::Output;
use super::{Ending, Lookup as Options, context};
use crate::clock;
use crate::ledger::{Answer, Ledger, Question};
use crate::lookup::{self, Asker, Inquiry, Stuck, Unasked, Whose};
use crate::mail::Network;
use crate::mailbox::Stop;
use crate::report;
use crate::rulebook;
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
    let (networks, _) = rulebook::networks(Some(&settings));
    let mut known = networks.iter().map(|summary| summary.network.as_str());
    let network =
        Network::new(&options.network).filter(|network| known.clone().any(|it| it == network.as_str()));
    let Some(network) = network else {
        output.error(&format!("error: {}", report::usage::no_network(&options.network, &mut known)));
        return Ending::Usage;
    };
    let Some(accounts) = context::accounts(&settings, options.account.as_deref(), output) else {
        return Ending::Usage;
    };
    let (account, question) = match choose(&accounts, &network, options) {
        Ok(chosen) => chosen,
        Err(why) => {
            output.error(&format!("error: {}", report::lookup::unasked(why, &network)));
            return if why == Unasked::NoHandle { Ending::Usage } else { Ending::Settings };
        }
    };
    let asked = (|| -> Result<Result<Answer, String>, Stuck> {
        let (mut ledger, now) = (Ledger::open(&settings.state)?, clock::now());
        let stop = Stop::new().map_err(|cause| Stuck::Web(crate::web::WebFault::Machine { cause }))?;
        if let Some(answer) = ledger.looked_up_lately(&question.follower, now)? {
            output.text(&report::lookup::would_ask(&question));
            return Ok(Ok(answer));
        }
        let asker = Asker::new(account, stop.as_fd())?;
        match ledger.rests_until(&question.server, asker.token().as_deref(), now)? {
            // Another question was asked just now.
            Some(until) if until.since(now) <= 2 => {
                let _ = stop.wait(Instant::now() + Duration::from_secs(until.since(now)));
            }
            Some(until) => return Ok(Err(report::lookup::rests(&question.server, until))),
            None => {}
        }
        output.text(&report::lookup::asks(&question));
        let answer = asker.ask_now(&question, &mut ledger)?;
        Ok(answer.map_err(|fault| match fault {
            Some(fault) => crate::text::line(&report::Chain(&fault).to_string()).into_owned(),
            None => "the server is being asked something else; try again".to_owned(),
        }))
    })();
    match asked {
        Ok(Ok(answer)) => {
            output.text(&report::lookup::answer(&answer));
            Ending::Well
        }
        Ok(Err(why)) => {
            output.error(&format!("error: {why}"));
            Ending::Later
        }
        Err(fault) => {
            output.failure(&fault);
            Ending::Later
        }
    }
}

/// The first account that may ask, and the question: of the server that is named, else of any of its own.
fn choose<'s>(
    accounts: &[&'s Account],
    network: &Network,
    options: &Options,
) -> Result<(&'s Account, Question), Unasked> {
    let mut why = Unasked::NotYourServer;
    for account in accounts {
        let servers = account.instances.iter().map(|own| Some(&own.host));
        for server in servers
            .chain([None])
            .filter(|own| options.instance.is_none() || *own == options.instance.as_ref())
        {
            match lookup::about(network, &options.handle, server, Whose::from(*account)) {
                Ok(question) => return Ok((account, question)),
                Err(Unasked::NotYourServer) => {}
                Err(other) => why = other,
            }
        }
    }
    Err(why)
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

/// Says which servers did not answer a command that looks up at once, which were not asked, and why nobody was.
pub(super) fn say_what_failed(inquiry: &Inquiry<'_>, output: &mut Output) {
    for (server, fault) in inquiry.take_faults() {
        output.error(&format!("note: {}", report::lookup::unanswered(server.as_str(), &fault)));
    }
    for (server, until) in inquiry.take_resting() {
        output.error(&format!("note: not looked up: {}", report::lookup::rests(&server, until)));
    }
    for ((why, network), count) in inquiry.take_unasked() {
        output.error(&format!("note: {}", report::lookup::not_looked_up(why, &network, count)));
    }
}
