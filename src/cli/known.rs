//! `known`: lists the known followers, and adds, forgets and confirms them. Works beside a running service: it asks no server,
//! and takes the ledger for a moment only.

use std::path::Path;

use super::output::Output;
use super::{Ending, Known as Options, KnownCommand, Person, context};
use crate::clock::{self, Timestamp};
use crate::host::HostName;
use crate::ledger::{Known, Ledger, LedgerFault, Unconfirmed};
use crate::mail::{Fact, Follower, FollowerKey, Network, NetworkSummary, Shown};
use crate::report::known::{self as report, KnownFollower, UnconfirmedMessage};
use crate::report::usage;
use crate::rulebook;
use crate::settings::Settings;

pub(super) fn known(settings: Option<&Path>, options: &Options, output: &mut Output) -> Ending {
    let settings = match context::settings_to_act(settings, output) {
        Ok(settings) => settings,
        Err(ending) => return ending,
    };
    let done = match &options.command {
        // `help` needs no settings, and has been answered before.
        None | Some(KnownCommand::Help(_)) => show(&settings, output),
        Some(KnownCommand::Add(person)) => add(&settings, person, output),
        Some(KnownCommand::Forget(person)) => forget(&settings, person, output),
        Some(KnownCommand::Confirm(options)) => match options.person() {
            Some(person) => confirm(&settings, &person, output),
            None if options.all => confirm_all(&settings, output),
            None => ask(&settings, output),
        },
    };
    done.unwrap_or_else(|fault| {
        output.failure(&fault);
        Ending::Fault
    })
}

fn show(settings: &Settings, output: &mut Output) -> Result<Ending, LedgerFault> {
    let Held { known, unwelcome, unconfirmed } = Held::read(settings)?;
    let known: Vec<_> = known.iter().map(follower).collect();
    let unwelcome: Vec<_> = unwelcome.iter().map(rejected).collect();
    let unconfirmed: Vec<_> = unconfirmed.iter().map(message).collect();
    output.text(&report::list(&known, &unwelcome, &unconfirmed, output.paint()));
    Ok(Ending::Well)
}

fn add(settings: &Settings, person: &Person, output: &mut Output) -> Result<Ending, LedgerFault> {
    // No message is recognised of a network that followsift does not know.
    let key = match key(settings, person, &[]) {
        Ok(key) => key,
        Err(words) => return Ok(wrong(&words, output)),
    };
    let added = Ledger::open(&settings.state)?.add_known(&key, clock::now())?;
    output.line(&report::added(&key, added));
    Ok(Ending::Well)
}

fn forget(settings: &Settings, person: &Person, output: &mut Output) -> Result<Ending, LedgerFault> {
    let Held { known, unwelcome, .. } = Held::read(settings)?;
    let keys: Vec<_> =
        known.iter().map(|one| &one.follower).chain(unwelcome.iter().map(|(follower, _)| follower)).collect();
    let key = match key(settings, person, &keys) {
        Ok(key) => key,
        Err(words) => return Ok(wrong(&words, output)),
    };
    // Without such followers there may be no ledger, and none is made for this.
    if keys.is_empty() || !Ledger::open(&settings.state)?.forget_known(&key)? {
        return Ok(wrong(&report::not_known(&key, &keys), output));
    }
    output.line(&report::forgotten(&key));
    Ok(Ending::Well)
}

fn confirm(settings: &Settings, person: &Person, output: &mut Output) -> Result<Ending, LedgerFault> {
    let unconfirmed = Held::read(settings)?.unconfirmed;
    let keys: Vec<_> = unconfirmed.iter().flat_map(|one| &one.followers).collect();
    let key = match key(settings, person, &keys) {
        Ok(key) => key,
        Err(words) => return Ok(wrong(&words, output)),
    };
    let confirmed = match keys.is_empty() {
        true => 0,
        false => Ledger::open(&settings.state)?.confirm(Some(&key), clock::now())?,
    };
    if confirmed == 0 {
        return Ok(wrong(&report::not_unconfirmed(&key, &keys), output));
    }
    output.line(&report::confirmed(confirmed));
    Ok(Ending::Well)
}

fn confirm_all(settings: &Settings, output: &mut Output) -> Result<Ending, LedgerFault> {
    let confirmed = match Held::read(settings)?.unconfirmed.as_slice() {
        [] => 0,
        _ => Ledger::open(&settings.state)?.confirm(None, clock::now())?,
    };
    output.line(&report::confirmed(confirmed));
    Ok(Ending::Well)
}

/// Without a name: shows what there is to confirm, and confirms nothing.
fn ask(settings: &Settings, output: &mut Output) -> Result<Ending, LedgerFault> {
    let unconfirmed = Held::read(settings)?.unconfirmed;
    if unconfirmed.is_empty() {
        output.line(&report::confirmed(0));
        return Ok(Ending::Well);
    }
    let shown = report::waiting(&unconfirmed.iter().map(message).collect::<Vec<_>>(), output.paint());
    Ok(wrong(&report::say_which(&shown), output))
}

/// Finds the follower that a word names; the inner error says what is wrong with the word.
pub(super) fn named(
    settings: &Settings,
    person: &Person,
) -> Result<Result<FollowerKey, String>, LedgerFault> {
    let Held { known, unwelcome, .. } = Held::read(settings)?;
    let keys: Vec<_> =
        known.iter().map(|one| &one.follower).chain(unwelcome.iter().map(|(follower, _)| follower)).collect();
    Ok(key(settings, person, &keys))
}

pub(super) fn wrong(words: &str, output: &mut Output) -> Ending {
    output.error(&format!("error: {words}"));
    Ending::Usage
}

/// What the ledger holds; nothing where there is none yet.
#[derive(Default)]
struct Held {
    known: Vec<Known>,
    unwelcome: Vec<(FollowerKey, Timestamp)>,
    unconfirmed: Vec<Unconfirmed>,
}

impl Held {
    fn read(settings: &Settings) -> Result<Self, LedgerFault> {
        match Ledger::open_read_only(&settings.state)? {
            Some(ledger) => Ok(Self {
                known: ledger.known()?,
                unwelcome: ledger.unwelcome()?,
                unconfirmed: ledger.unconfirmed()?,
            }),
            None => Ok(Self::default()),
        }
    }
}

fn follower(known: &Known) -> KnownFollower {
    let how = report::how(known.origin);
    KnownFollower {
        network: known.follower.network().as_str().to_owned(),
        who: known.follower.as_str().to_owned(),
        how: how.to_owned(),
        since: known.noted_at,
    }
}

fn rejected((follower, since): &(FollowerKey, Timestamp)) -> KnownFollower {
    KnownFollower {
        network: follower.network().as_str().to_owned(),
        who: follower.as_str().to_owned(),
        how: report::FILED.to_owned(),
        since: *since,
    }
}

fn message(unconfirmed: &Unconfirmed) -> UnconfirmedMessage {
    let pair = |key: &FollowerKey| (key.network().as_str().to_owned(), key.as_str().to_owned());
    UnconfirmedMessage {
        followers: unconfirmed.followers.iter().map(pair).collect(),
        why: unconfirmed.why.to_string(),
        since: unconfirmed.noted_at,
    }
}

/// Finds the follower that a word names, among those in the ledger (`keys`) or any other; the error says what is wrong with
/// the word.
fn key(settings: &Settings, person: &Person, keys: &[&FollowerKey]) -> Result<FollowerKey, String> {
    let (networks, _) = rulebook::networks(Some(settings));
    let word = person.network.as_str();
    let is_meant = |one: &&NetworkSummary| {
        one.network.as_str() == word.to_lowercase() || one.title.eq_ignore_ascii_case(word)
    };
    let handle = person.handle.trim();
    if let Some(summary) = networks.iter().find(is_meant) {
        return of_network(summary, handle, keys);
    }
    // A network of the user's own may be gone; whom the ledger has of it can be forgotten and confirmed all the same.
    let former = keys.iter().find(|one| one.network().as_str() == word);
    if let Some(network) = former.map(|one| one.network()) {
        return as_listed(network, handle, keys).ok_or_else(|| report::not_listed(handle, word));
    }
    Err(usage::no_network(word, networks.iter().map(|one| one.network.as_str())))
}

/// Who is meant by just what `known` lists.
fn as_listed(network: &Network, handle: &str, keys: &[&FollowerKey]) -> Option<FollowerKey> {
    let written = handle.to_lowercase();
    let same = |key: &&&FollowerKey| {
        key.network() == network
            && (key.as_str() == written || key.as_str().strip_prefix('@') == Some(&written))
    };
    keys.iter().find(same).map(|key| (*key).clone())
}

fn of_network(summary: &NetworkSummary, handle: &str, keys: &[&FollowerKey]) -> Result<FollowerKey, String> {
    let network = &summary.network;
    if let Some(key) = as_listed(network, handle, keys) {
        return Ok(key);
    }
    let of = |follower: &Follower| FollowerKey::new(network, None, follower);
    if handle.starts_with("https://") || handle.starts_with("http://") {
        return Ok(of(&Follower { url: Shown::Value(handle.to_owned()), ..Follower::default() }));
    }
    if let Some(id) = handle.strip_prefix('#').filter(|id| !id.is_empty()) {
        return Ok(of(&Follower { id: Some(id.to_owned()), ..Follower::default() }));
    }
    if let Some(name) = handle.strip_prefix('=').filter(|name| !name.is_empty()) {
        return Ok(of(&Follower { name: Shown::Value(name.to_owned()), ..Follower::default() }));
    }
    if !summary.facts.contains(&Fact::Handle) {
        return Err(report::no_handles(&summary.title, handle));
    }
    let bare = handle.strip_prefix('@').unwrap_or(handle);
    let (local, host) = match bare.split_once('@') {
        Some((local, host)) => (local, Some(host)),
        None => (bare, None),
    };
    if local.is_empty() || local.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        return Err(report::not_a_handle(handle));
    }
    let with_handle =
        |handle: &str| of(&Follower { handle: Shown::Value(handle.to_owned()), ..Follower::default() });
    // An email address is the whole handle there, wherever its host is.
    if summary.facts.contains(&Fact::AddressHost) {
        return match host {
            Some(host) if is_host(host) => Ok(with_handle(bare)),
            _ => Err(report::not_an_address(&summary.title, handle)),
        };
    }
    match host {
        Some(host) if !is_host(host) => Err(report::not_a_server(host)),
        None if summary.domains.is_empty() => {
            let listed = keys.iter().find(|key| {
                key.network() == network
                    && key.as_str().split('@').nth(1).is_some_and(|one| one == local.to_lowercase())
            });
            let example =
                listed.map_or_else(|| format!("@{local}@toot.example"), |key| key.as_str().to_owned());
            Err(report::which_server(&summary.title, handle, &example))
        }
        Some(host) if !summary.domains.is_empty() && !is_domain_of(summary, host) => {
            Err(report::no_server_in_handle(&summary.title, local))
        }
        // A site of its own: `@ann@twitter.com` is what people write, and messages print `ann`.
        Some(_) if !summary.domains.is_empty() => Ok(with_handle(local)),
        _ => Ok(with_handle(bare)),
    }
}

fn is_domain_of(summary: &NetworkSummary, host: &str) -> bool {
    let host = host.to_lowercase();
    summary.domains.iter().any(|domain| host == *domain || host.strip_prefix("www.") == Some(domain))
}

/// The name of a server, which may have its port in a handle.
fn is_host(text: &str) -> bool {
    let name = match text.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => text,
    };
    HostName::parse(name).is_some()
}
