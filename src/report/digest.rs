//! The digest: a message about the people who followed, and about what was filed.
//!
//! Owns its words, as text and as HTML (`html`), and the message around them. Names, bios and links are the follower's: one line each,
//! capped, and never in a header. Pure. `daemon` and the command `sweep` hand [`message`] to the sweep; the command `digest` prints
//! [`text`].

mod html;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address;
use mail_builder::headers::raw::Raw;

use super::link::Hosts;
use super::remains::messages;
use super::text::{counts, name};
use crate::clock::Timestamp;
use crate::ledger::{Came, Filed, HistoryEntry};
use crate::mail::{Authenticity, DIGEST, Follower, NetworkSummary, one_line};
use crate::rules::Verdict;
use crate::settings::{Account, DigestSchedule};
use crate::sweep::{Digest, DigestEnd};
use crate::text::line;

/// Nobody reads the answers to it, and no mail server takes them (RFC 2606, section 2).
const SENDER: (&str, &str) = ("followsift", "digest@followsift.invalid");
/// So many people of a kind are shown.
const PEOPLE: usize = 50;
/// The longest name and handle, and the longest bio, that are shown, in characters.
const NAME: usize = 200;
const BIO: usize = 400;

/// There is nothing to say, and no digest is sent.
pub const NOTHING: &str = "nothing to say yet: nobody new has come, and nothing was filed";

/// When the next one of an account is due, for the command that shows it.
pub fn when(account: &Account, schedule: &DigestSchedule, now: Timestamp) -> String {
    let day = schedule.zone().day(schedule.next(now).at);
    match &account.digest {
        Some(_) if account.act => format!("{}: the next digest is due on {day}", account.name),
        Some(_) => format!("{}: no digest is sent, since `act = false`", account.name),
        None => {
            format!("{}: no digest is sent; set `digest = \"weekly\"` in its settings for one", account.name)
        }
    }
}

/// What became of a digest, as one sentence.
pub(super) fn sentence(period: &str, end: &DigestEnd) -> String {
    match end {
        DigestEnd::Sent => format!("the digest of {period} is in the inbox"),
        DigestEnd::Refused(words) => {
            format!("the digest of {period} was not sent ({words}); followsift tries again in an hour")
        }
        DigestEnd::InDoubt => format!(
            "the connection failed while the digest of {period} was sent, and the digest is not in the inbox; followsift does \
             not send it a second time"
        ),
    }
}

/// What a digest says.
struct Words {
    /// `Monday 16 November 2026 to Monday 23 November 2026`.
    span: String,
    meet: People,
    others: People,
    /// A line for each verdict and folder, and what else is to be said of messages that are not about these people.
    filed: Vec<String>,
    /// How to bring filed messages back, where some were filed.
    back: Option<String>,
}

/// People of a kind.
#[derive(Default)]
struct People {
    shown: Vec<Person>,
    is_cut: bool,
}

/// One of them, in lines without markup.
struct Person {
    /// Their name and handle, and the network.
    who: String,
    /// Their profile.
    link: Option<Link>,
    bio: Option<String>,
    /// Numbers, and what else is to be known.
    facts: String,
}

/// A profile link, as the message says it.
struct Link {
    /// Without its scheme.
    shown: String,
    /// The whole, if it may be shown as a link.
    target: Option<String>,
}

/// The digest as text.
pub fn text(digest: &Digest<'_>, networks: &[NetworkSummary]) -> String {
    words(digest, networks).as_text()
}

/// The digest as a message for the inbox.
pub fn message(digest: &Digest<'_>, networks: &[NetworkSummary]) -> Vec<u8> {
    let words = words(digest, networks);
    let mut message = MessageBuilder::new()
        .from(Address::from(SENDER))
        .subject(words.subject())
        .date(digest.now.0)
        .message_id(digest.message_id.as_str())
        // RFC 3834, section 5: so that no program answers it.
        .header("Auto-Submitted", Raw::new("auto-generated"))
        .header(DIGEST, Raw::new(line(&digest.due.period)))
        .text_body(words.as_text())
        .html_body(html::page(&words));
    if let Some(address) = address(&digest.account.user) {
        message = message.to(Address::from(address));
    }
    // Writing to memory cannot fail.
    message.write_to_vec().unwrap_or_default()
}

/// A login name that is an address. Nothing else goes into a header.
fn address(user: &str) -> Option<&str> {
    let (local, domain) = user.rsplit_once('@')?;
    let fits = |c: char| c.is_ascii_alphanumeric() || ".-_+=".contains(c);
    let are_fit = !local.is_empty() && !domain.is_empty() && local.chars().chain(domain.chars()).all(fits);
    are_fit.then_some(user)
}

fn words(digest: &Digest<'_>, networks: &[NetworkSummary]) -> Words {
    let Digest { account, zone, since, due, came, .. } = digest;
    let hosts = Hosts::new(networks, std::slice::from_ref(*account));
    let mut words = Words {
        span: format!("{} to {}", zone.day(*since), zone.day(due.at)),
        meet: People::default(),
        others: People { is_cut: came.is_cut, ..People::default() },
        filed: filed(came),
        back: None,
    };
    let mut seen = BTreeSet::new();
    for entry in &came.stayed {
        let notification = &entry.judged.notification;
        for (follower, verdict) in notification.followers.iter().zip(&entry.judged.verdicts) {
            if seen.insert(notification.key(follower)) {
                let kind = if is_to_be_met(entry, verdict) { &mut words.meet } else { &mut words.others };
                kind.add(|| person(entry, follower, verdict, &hosts));
            }
        }
    }
    if !came.filed.is_empty() {
        let days = digest.now.since(*since) / 86_400 + 1;
        words.back = Some(format!("followsift restore --since {days}d --account {}", account.name));
    }
    words
}

/// Is this follower real: one whom the user put back, or one by a message that is proven to be the network's, and by more than a name,
/// which anybody can take?
fn is_to_be_met(entry: &HistoryEntry, verdict: &Verdict) -> bool {
    let by_name_alone = verdict.reasons.iter().any(|reason| reason.evidence.by_name_alone);
    let is_real = verdict.class.as_ref().is_some_and(|class| class.as_str() == "real");
    let is_proven = matches!(entry.judged.notification.authentic, Authenticity::Pass(_));
    entry.put_back.is_some() || is_real && is_proven && !by_name_alone
}

impl People {
    fn add(&mut self, person: impl FnOnce() -> Person) {
        if self.shown.len() < PEOPLE {
            self.shown.push(person());
        } else {
            self.is_cut = true;
        }
    }
}

fn person(entry: &HistoryEntry, follower: &Follower, verdict: &Verdict, hosts: &Hosts) -> Person {
    let notification = &entry.judged.notification;
    let mut facts = counts(follower);
    if let Some(location) = follower.location.value() {
        facts.push(format!("in {}", one_line(location, NAME)));
    }
    if let Some(class) = verdict.class.as_ref().filter(|class| class.as_str() != "real") {
        facts.push(format!("{class} by your rules"));
    }
    if entry.put_back.is_some() {
        facts.push("you put their message back".to_owned());
    } else if !matches!(notification.authentic, Authenticity::Pass(_)) {
        facts.push("not proven authentic".to_owned());
    }
    let link = |url: &String| {
        let target = line(url).into_owned();
        Link {
            shown: target.split_once("://").map_or(&*target, |(_, rest)| rest).to_owned(),
            target: hosts.allow(&entry.judged.mail.account, &notification.network, url).then_some(target),
        }
    };
    Person {
        who: format!("{}, {}", one_line(&name(follower), NAME), one_line(&notification.title, NAME)),
        link: follower.url.value().map(link),
        bio: follower.bio.value().map(|bio| one_line(bio, BIO)).filter(|bio| !bio.is_empty()),
        facts: facts.join(" · "),
    }
}

/// What was filed, and what else is not about the people who are shown.
fn filed(came: &Came) -> Vec<String> {
    let one = |Filed { verdict, to, by_user, messages: count }: &Filed| {
        let messages = messages(usize::try_from(*count).unwrap_or(usize::MAX));
        match (verdict, by_user) {
            (_, true) => format!("{messages} in {to}, moved by hand"),
            (Some(verdict), false) => format!("{messages} in {to}, as {verdict}"),
            (None, false) => format!("{messages} in {to}"),
        }
    };
    let mut lines: Vec<String> = came.filed.iter().map(one).collect();
    let count = |count: u64| messages(usize::try_from(count).unwrap_or(usize::MAX));
    if came.unfiled > 0 {
        lines.push(format!("{} that your rules file, not moved so far", count(came.unfiled)));
    }
    if came.forged > 0 {
        lines.push(format!(
            "{} that failed authentication, left in place and not shown here",
            count(came.forged)
        ));
    }
    lines.iter().map(|text| line(text).into_owned()).collect()
}

impl Words {
    /// Names nobody: a subject with a name in it may look like a notification.
    fn subject(&self) -> String {
        let (meet, others) = (self.meet.shown.len(), self.others.shown.len());
        let more = if self.meet.is_cut || self.others.is_cut { "+" } else { "" };
        match (meet, others) {
            (0, 0) => "followsift: what was filed".to_owned(),
            (0, others) => format!("followsift: {others}{more} new in the inbox"),
            (meet, 0) => format!("followsift: {meet}{more} worth meeting"),
            (meet, others) => format!("followsift: {meet} worth meeting, {others}{more} more"),
        }
    }

    /// The people of each kind that has some, below a heading.
    fn sections(&self) -> impl Iterator<Item = (&'static str, &People)> {
        [("Worth meeting", &self.meet), ("Others in your inbox", &self.others)]
            .into_iter()
            .filter(|(_, people)| !people.shown.is_empty())
    }

    fn as_text(&self) -> String {
        let mut text = format!("Your new followers, {}\n", self.span);
        for (heading, people) in self.sections() {
            let _ = writeln!(text, "\n{}", heading.to_uppercase());
            for Person { who, link, bio, facts } in &people.shown {
                let _ = writeln!(text, "\n  {who}");
                let link = link.as_ref().map(|link| link.target.as_ref().unwrap_or(&link.shown));
                let lines = link.into_iter().chain(bio).chain((!facts.is_empty()).then_some(facts));
                lines.for_each(|line| {
                    let _ = writeln!(text, "  {line}");
                });
            }
            if people.is_cut {
                let _ = writeln!(text, "\n  {MORE}");
            }
        }
        if !self.filed.is_empty() {
            text.push_str("\nFILED\n\n");
            for line in &self.filed {
                let _ = writeln!(text, "  {line}");
            }
        }
        if let Some(command) = &self.back {
            let _ = writeln!(text, "\n  {BACK}\n  {command}");
        }
        text
    }
}

/// There are more people than are shown.
const MORE: &str = "and more: `followsift history` lists them all";
/// What the command does.
const BACK: &str = "To put messages back; this lists them and asks first:";
