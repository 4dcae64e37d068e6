//! `known`: who is known, and what becomes known only when its user confirms it. Works beside a running service: it asks no
//! server, and takes the ledger for a moment only.

use std::path::Path;

use super::output::Output;
use super::{Ending, Known as Options, KnownCommand, Person, context};
use crate::diagnostic::nearest;
use crate::host::HostName;
use crate::ledger::{Known, KnownBy, Ledger, LedgerFault, Unconfirmed};
use crate::mail::{Fact, Follower, FollowerKey, Network, NetworkSummary, Shown};
use crate::report::known::{KnownFollower, UnconfirmedMessage, list, waiting};
use crate::settings::Settings;
use crate::text;
use crate::{clock, rulebook};

pub(super) fn known(settings: Option<&Path>, options: &Options, output: &mut Output) -> Ending {
    let settings = match context::settings(settings, output) {
        Ok(Some(settings)) => settings,
        Ok(None) => {
            output.findings(&[context::no_settings()]);
            return Ending::Settings;
        }
        Err(ending) => return ending,
    };
    let done = match &options.command {
        None => show(&settings, output),
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
    let Held { known, unconfirmed } = Held::read(settings)?;
    let known: Vec<_> = known.iter().map(follower).collect();
    output.text(&list(&known, &unconfirmed.iter().map(message).collect::<Vec<_>>(), output.paint()));
    Ok(Ending::Well)
}

fn add(settings: &Settings, person: &Person, output: &mut Output) -> Result<Ending, LedgerFault> {
    // Somebody of a network that nothing recognises would never be met.
    let key = match key(settings, person, &[]) {
        Ok(key) => key,
        Err(words) => return Ok(usage(&words, output)),
    };
    let added = Ledger::open(&settings.state)?.add_known(&key, clock::now())?;
    let words = if added { "is known from now on" } else { "was known already" };
    output.line(&format!("{} {words}", in_words(&key)));
    Ok(Ending::Well)
}

fn forget(settings: &Settings, person: &Person, output: &mut Output) -> Result<Ending, LedgerFault> {
    let known = Held::read(settings)?.known;
    let keys: Vec<_> = known.iter().map(|one| &one.follower).collect();
    let key = match key(settings, person, &keys) {
        Ok(key) => key,
        Err(words) => return Ok(usage(&words, output)),
    };
    // Where nobody is known there may be no ledger, and none is made for it.
    if keys.is_empty() || !Ledger::open(&settings.state)?.forget_known(&key)? {
        let advice = or_near(&key, &keys, "`followsift known` lists who is");
        return Ok(usage(&format!("{} is not known\n  {advice}", in_words(&key)), output));
    }
    output.line(&format!(
        "{} is forgotten; messages about them that were put back stay where they are",
        in_words(&key)
    ));
    Ok(Ending::Well)
}

fn confirm(settings: &Settings, person: &Person, output: &mut Output) -> Result<Ending, LedgerFault> {
    let unconfirmed = Held::read(settings)?.unconfirmed;
    let keys: Vec<_> = unconfirmed.iter().flat_map(|one| &one.followers).collect();
    let key = match key(settings, person, &keys) {
        Ok(key) => key,
        Err(words) => return Ok(usage(&words, output)),
    };
    let confirmed = match keys.is_empty() {
        true => 0,
        false => Ledger::open(&settings.state)?.confirm(Some(&key), clock::now())?,
    };
    if confirmed == 0 {
        let advice = or_near(&key, &keys, "`followsift known` lists what is unconfirmed");
        let words = format!("no unconfirmed message names {}\n  {advice}", in_words(&key));
        return Ok(usage(&words, output));
    }
    tell_confirmed(confirmed, output);
    Ok(Ending::Well)
}

fn confirm_all(settings: &Settings, output: &mut Output) -> Result<Ending, LedgerFault> {
    let confirmed = match Held::read(settings)?.unconfirmed.as_slice() {
        [] => 0,
        _ => Ledger::open(&settings.state)?.confirm(None, clock::now())?,
    };
    tell_confirmed(confirmed, output);
    Ok(Ending::Well)
}

/// Nobody was named: shows what there is to confirm, and confirms nothing.
fn ask(settings: &Settings, output: &mut Output) -> Result<Ending, LedgerFault> {
    let unconfirmed = Held::read(settings)?.unconfirmed;
    if unconfirmed.is_empty() {
        tell_confirmed(0, output);
        return Ok(Ending::Well);
    }
    let shown = waiting(&unconfirmed.iter().map(message).collect::<Vec<_>>(), output.paint());
    output.error(&format!("error: nothing was confirmed; say which\n{}", shown.trim_end()));
    Ok(Ending::Usage)
}

fn tell_confirmed(messages: usize, output: &mut Output) {
    output.line(&match messages {
        0 => "nothing is unconfirmed".to_owned(),
        1 => "confirmed 1 message; its followers are known from now on".to_owned(),
        all => format!("confirmed {all} messages; their followers are known from now on"),
    });
}

fn usage(words: &str, output: &mut Output) -> Ending {
    output.error(&format!("error: {words}"));
    Ending::Usage
}

/// What the ledger holds; nothing where there is none yet.
#[derive(Default)]
struct Held {
    known: Vec<Known>,
    unconfirmed: Vec<Unconfirmed>,
}

impl Held {
    fn read(settings: &Settings) -> Result<Self, LedgerFault> {
        match Ledger::open_read_only(&settings.state)? {
            Some(ledger) => Ok(Self { known: ledger.known()?, unconfirmed: ledger.unconfirmed()? }),
            None => Ok(Self::default()),
        }
    }
}

fn follower(known: &Known) -> KnownFollower {
    let how = match known.origin {
        KnownBy::PutBack => "put back",
        KnownBy::Added => "added",
    };
    KnownFollower {
        network: known.follower.network().as_str().to_owned(),
        who: known.follower.as_str().to_owned(),
        how: how.to_owned(),
        since: known.noted_at,
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

fn in_words(key: &FollowerKey) -> String {
    format!("{} on {}", text::line(key.as_str()), key.network().as_str())
}

/// "Did you mean", where one of `keys` on the same network is near; else `advice`.
fn or_near(key: &FollowerKey, keys: &[&FollowerKey], advice: &str) -> String {
    let same_network = keys.iter().filter(|one| one.network() == key.network());
    match nearest(key.as_str(), same_network.map(|one| one.as_str())) {
        Some(near) => format!("did you mean `{}`?", text::line(near)),
        None => advice.to_owned(),
    }
}

/// Who is meant, of those that the ledger has (`keys`) or anybody; else what is wrong with how they are named.
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
        return as_listed(network, handle, keys).ok_or_else(|| {
            format!("`{}` on {word} is not listed by `followsift known`", text::line(handle))
        });
    }
    let known = networks.iter().map(|one| one.network.as_str());
    let advice = match nearest(word, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`followsift networks` lists those that are known".to_owned(),
    };
    Err(format!("no network is called `{}`\n  {advice}", text::line(word)))
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
    let shown = text::line(handle);
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
        return Err(format!(
            "messages of {} show no handles\n  give the profile link in place of `{shown}`, or `=NAME` where they show none",
            summary.title
        ));
    }
    let bare = handle.strip_prefix('@').unwrap_or(handle);
    let (local, host) = match bare.split_once('@') {
        Some((local, host)) => (local, Some(host)),
        None => (bare, None),
    };
    if local.is_empty() || local.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        return Err(format!("`{shown}` is not a handle\n  write it like `ann` or `@ann@toot.example`"));
    }
    let with_handle =
        |handle: &str| of(&Follower { handle: Shown::Value(handle.to_owned()), ..Follower::default() });
    match host {
        Some(host) if !is_host(host) => Err(format!("`{}` is not the name of a server", text::line(host))),
        None if summary.domains.is_empty() => {
            let listed = keys.iter().find(|key| {
                key.network() == network
                    && key.as_str().split('@').nth(1).is_some_and(|one| one == local.to_lowercase())
            });
            let example =
                listed.map_or_else(|| format!("@{local}@toot.example"), |key| key.as_str().to_owned());
            Err(format!(
                "{} runs on many servers, and `{shown}` may be somebody else on each\n  write the server too, like `{}`",
                summary.title,
                text::line(&example)
            ))
        }
        Some(host) if !summary.domains.is_empty() && !is_domain_of(summary, host) => Err(format!(
            "handles on {} have no server behind them\n  write `{}`",
            summary.title,
            text::line(local)
        )),
        // A site of its own: `@ann@twitter.com` is what people write, and messages print `ann`.
        Some(_) if !summary.domains.is_empty() => Ok(with_handle(local)),
        _ => Ok(with_handle(bare)),
    }
}

fn is_domain_of(summary: &NetworkSummary, host: &str) -> bool {
    let host = host.to_lowercase();
    summary.domains.iter().any(|domain| host == *domain || host.strip_prefix("www.") == Some(domain))
}

/// The name of a server, which a handle may bear with its port.
fn is_host(text: &str) -> bool {
    let name = match text.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => text,
    };
    HostName::parse(name).is_some()
}
