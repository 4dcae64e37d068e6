//! What the command `known` prints: the known followers, what is unconfirmed, and how a change ended. Pure.

use std::fmt::Write as _;

use super::columns::{padded, widest};
use super::paint::{Paint, Tone};
use crate::clock::Timestamp;
use crate::diagnostic::nearest;
use crate::ledger::KnownBy;
use crate::mail::FollowerKey;
use crate::text;

/// Somebody who is known, or unwelcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownFollower {
    /// The network's word.
    pub network: String,
    /// The handle, or what stands for it.
    pub who: String,
    /// In the words of [`how`], or [`FILED`] of an unwelcome one.
    pub how: String,
    /// Since when.
    pub since: Timestamp,
}

/// A message that stays and teaches nothing until its user confirms it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnconfirmedMessage {
    /// The networks and handles that it names.
    pub followers: Vec<(String, String)>,
    /// Why it is uncertain that the user put it back.
    pub why: String,
    /// Since when.
    pub since: Timestamp,
}

/// All three lists. The unwelcome are known in no sense but this one.
pub fn list(
    known: &[KnownFollower],
    unwelcome: &[KnownFollower],
    unconfirmed: &[UnconfirmedMessage],
    paint: Paint,
) -> String {
    let mut shown = match known.len() {
        0 => "nobody is known yet\n".to_owned(),
        1 => "1 follower is known:\n".to_owned(),
        all => format!("{all} followers are known:\n"),
    };
    shown.push_str(&people(known, paint));
    if !unwelcome.is_empty() {
        let (noun, are) = if unwelcome.len() == 1 { ("follower", "is") } else { ("followers", "are") };
        let _ = writeln!(shown, "\n{} {noun} {are} unwelcome:", unwelcome.len());
        shown.push_str(&people(unwelcome, paint));
    }
    if !unconfirmed.is_empty() {
        shown.push('\n');
        shown.push_str(&waiting(unconfirmed, paint));
    }
    shown
}

fn people(all: &[KnownFollower], paint: Paint) -> String {
    let rows: Vec<[String; 2]> = all.iter().map(|one| [line(&one.network), line(&one.who)]).collect();
    let mut shown = String::new();
    for (one, columns) in all.iter().zip(aligned(&rows)) {
        let since = format!("{} since {}", line(&one.how), day(one.since));
        let _ = writeln!(shown, "  {columns}  {}", paint.paint(Tone::Faint, &since));
    }
    shown
}

/// What is unconfirmed, and how to confirm it.
pub fn waiting(unconfirmed: &[UnconfirmedMessage], paint: Paint) -> String {
    let mut shown = match unconfirmed.len() {
        1 => "1 message is unconfirmed: it stays where it is, and its followers become known once you confirm it\n".to_owned(),
        all => format!(
            "{all} messages are unconfirmed: they stay where they are, and their followers become known once you confirm them\n"
        ),
    };
    let rows: Vec<[String; 2]> = unconfirmed.iter().flat_map(columns).collect();
    let mut aligned = aligned(&rows).into_iter();
    for message in unconfirmed {
        let reason = format!("{}; since {}", line(&message.why), day(message.since));
        for at in 0..message.followers.len().max(1) {
            let Some(columns) = aligned.next() else { break };
            match at {
                0 => drop(writeln!(shown, "  {columns}  {}", paint.paint(Tone::Faint, &reason))),
                _ => drop(writeln!(shown, "  {}", columns.trim_end())),
            }
        }
    }
    shown.push_str(
        "`followsift known confirm NETWORK HANDLE` confirms the messages about one of them, `followsift known confirm --all` all \
         but second copies and what came back for its star\n",
    );
    shown
}

/// How somebody became known, in a word.
pub fn how(origin: KnownBy) -> &'static str {
    match origin {
        KnownBy::PutBack => "put back",
        KnownBy::PutBackUnproven => "put back (unproven messages only)",
        KnownBy::Added => "added",
    }
}

/// How somebody became unwelcome.
pub const FILED: &str = "filed by hand";

/// Somebody was added, unless they were known before.
pub fn added(key: &FollowerKey, is_new: bool) -> String {
    format!("{} {}", name(key), if is_new { "is known from now on" } else { "was known already" })
}

/// Somebody was forgotten.
pub fn forgotten(key: &FollowerKey) -> String {
    format!("{} is forgotten; messages about them that were put back stay where they are", name(key))
}

/// Nothing names somebody any more.
pub fn forgotten_for_good(key: &FollowerKey, messages: usize, copies: usize) -> String {
    let messages = match messages {
        0 => String::new(),
        1 => "; 1 message that named them is never moved again".to_owned(),
        many => format!("; {many} messages that named them are never moved again"),
    };
    let copies = if copies > 0 { "; the copy of an older ledger is deleted" } else { "" };
    format!("the ledger no longer names {}{messages}{copies}", name(key))
}

/// The ledger does not name somebody.
pub fn nothing_to_forget(key: &FollowerKey) -> String {
    format!("the ledger does not name {}", name(key))
}

/// A move is not settled.
pub fn forget_later(key: &FollowerKey) -> String {
    format!("a message about {} is being moved; try again after the next sweep", name(key))
}

/// So many messages were confirmed.
pub fn confirmed(messages: usize) -> String {
    match messages {
        0 => "nothing is unconfirmed".to_owned(),
        1 => "confirmed 1 message; its followers are known from now on".to_owned(),
        all => format!("confirmed {all} messages; their followers are known from now on"),
    }
}

/// Nothing was confirmed, since the command does not say what; `waiting` lists what there is.
pub fn say_which(waiting: &str) -> String {
    format!("nothing was confirmed; say which\n{}", waiting.trim_end())
}

/// Somebody is not among the known (`keys`).
pub fn not_known(key: &FollowerKey, keys: &[&FollowerKey]) -> String {
    format!("{} is not known\n  {}", name(key), or_near(key, keys, "`followsift known` lists who is"))
}

/// No message that is unconfirmed names this follower; they name `keys`.
pub fn not_unconfirmed(key: &FollowerKey, keys: &[&FollowerKey]) -> String {
    let advice = or_near(key, keys, "`followsift known` lists what is unconfirmed");
    format!("no unconfirmed message names {}\n  {advice}", name(key))
}

/// A handle on a network that is no longer configured, and that `known` does not list.
pub fn not_listed(handle: &str, network: &str) -> String {
    format!("`{}` on {network} is not listed by `followsift known`", line(handle))
}

/// A handle was given for a network whose messages show none.
pub fn no_handles(network: &str, handle: &str) -> String {
    format!(
        "messages of {network} show no handles\n  give the profile link in place of `{}`, or `=NAME` where they show none",
        line(handle)
    )
}

/// What was given cannot be a handle.
pub fn not_a_handle(handle: &str) -> String {
    format!("`{}` is not a handle\n  write it like `ann` or `@ann@toot.example`", line(handle))
}

/// Anything but an email address, on a network that names followers by theirs.
pub fn not_an_address(network: &str, handle: &str) -> String {
    format!("{network} names followers by their email address\n  write it in place of `{}`", line(handle))
}

/// The server in a handle cannot be one.
pub fn not_a_server(host: &str) -> String {
    format!("`{}` is not the name of a server", line(host))
}

/// A handle without its server, on a network that runs on many.
pub fn which_server(network: &str, handle: &str, example: &str) -> String {
    format!(
        "{network} runs on many servers, and `{}` may be somebody else on each\n  write the server too, like `{}`",
        line(handle),
        line(example)
    )
}

/// A handle with a server, on a network that has handles of its own.
pub fn no_server_in_handle(network: &str, local: &str) -> String {
    format!("handles on {network} have no server behind them\n  write `{}`", line(local))
}

fn name(key: &FollowerKey) -> String {
    format!("{} on {}", line(key.as_str()), key.network().as_str())
}

/// "Did you mean", where one of `keys` on the same network is near; else `advice`.
fn or_near(key: &FollowerKey, keys: &[&FollowerKey], advice: &str) -> String {
    let same_network = keys.iter().filter(|one| one.network() == key.network());
    match nearest(key.as_str(), same_network.map(|one| one.as_str())) {
        Some(near) => format!("did you mean `{}`?", line(near)),
        None => advice.to_owned(),
    }
}

fn columns(message: &UnconfirmedMessage) -> Vec<[String; 2]> {
    if message.followers.is_empty() {
        return vec![["?".to_owned(), "(not recorded)".to_owned()]];
    }
    message.followers.iter().map(|(network, who)| [line(network), line(who)]).collect()
}

fn line(text: &str) -> String {
    text::line(text).into_owned()
}

/// The day; version 1 of the ledger did not always note it.
fn day(at: Timestamp) -> String {
    if at.0 == 0 { "an unknown day".to_owned() } else { at.date() }
}

/// Two columns as one text, each padded to its widest.
fn aligned(rows: &[[String; 2]]) -> Vec<String> {
    let places =
        |column: fn(&[String; 2]) -> &String| widest(rows.iter().map(|row| column(row).as_str())).min(60);
    let (network, who) = (places(|[network, _]| network), places(|[_, who]| who));
    rows.iter().map(|[one, other]| format!("{}  {}", padded(one, network), padded(other, who))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_known_stands_in_columns_and_what_is_unconfirmed_below() {
        let known = |network: &str, who: &str, how: &str| KnownFollower {
            network: network.to_owned(),
            who: who.to_owned(),
            how: how.to_owned(),
            since: Timestamp(1_795_000_000),
        };
        let unconfirmed = UnconfirmedMessage {
            followers: vec![
                ("twitter".to_owned(), "@jo".to_owned()),
                ("twitter".to_owned(), "@a\u{1b}[2J".to_owned()),
            ],
            why: "too many filed messages came back at once".to_owned(),
            since: Timestamp(0),
        };
        let shown = list(
            &[
                known("x", "@ann", how(KnownBy::PutBack)),
                known("mastodon", "@bob@toot.example", how(KnownBy::Added)),
                known("x", "@cy", how(KnownBy::PutBackUnproven)),
            ],
            &[known("x", "@eve", FILED)],
            &[unconfirmed],
            Paint::Plain,
        );
        assert_eq!(
            shown,
            "3 followers are known:\n\
             \x20 x         @ann               put back since 2026-11-18\n\
             \x20 mastodon  @bob@toot.example  added since 2026-11-18\n\
             \x20 x         @cy                put back (unproven messages only) since 2026-11-18\n\n\
             1 follower is unwelcome:\n\
             \x20 x  @eve  filed by hand since 2026-11-18\n\n\
             1 message is unconfirmed: it stays where it is, and its followers become known once you confirm it\n\
             \x20 twitter  @jo          too many filed messages came back at once; since an unknown day\n\
             \x20 twitter  @a\\u{1b}[2J\n\
             `followsift known confirm NETWORK HANDLE` confirms the messages about one of them, `followsift known confirm --all` all but second copies and what came back for its star\n"
        );
        assert_eq!(list(&[], &[], &[], Paint::Plain), "nobody is known yet\n");
    }
}
