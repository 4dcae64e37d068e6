//! Formats an assessment for people. `explain`, `sweep` and `backtest` print it.

use std::fmt::Write as _;

use super::paint::{Paint, Tone};
use crate::assess::{Assessment, Restraint};
use crate::mail::{Authenticity, Fact, FactType, Follower, Notification, Recognition, Shown};
use crate::rules::{Action, Verdict};

/// The longest part shown of a bio, and of the fields of a profile, in characters.
const BIO_SHOWN: usize = 60;

/// The message, each follower and the verdicts, one line each, without the closing line on the action.
pub fn describe(assessment: &Assessment) -> String {
    describe_painted(assessment, Paint::Plain)
}

/// The same, in colour if `paint` says so.
pub fn describe_painted(assessment: &Assessment, paint: Paint) -> String {
    match &assessment.recognition {
        Recognition::Foreign => "not a notification about a new follower\n".to_owned(),
        Recognition::Incomplete { network, missing } => {
            let missing: Vec<_> = missing.iter().map(|fact| fact.word()).collect();
            let trouble = match missing.as_slice() {
                [] => "matches no known layout".to_owned(),
                missing => format!("does not show {}", missing.join(", ")),
            };
            format!("{network} · looks like a follower notification, but {trouble}: it stays\n")
        }
        Recognition::TooCostly => "too costly to read, unlike any notification: it stays\n".to_owned(),
        Recognition::Recognised(notification) => {
            let mut text = format!("{}\n", heading(notification, paint));
            for (follower, verdict) in notification.followers.iter().zip(&assessment.verdicts) {
                let _ = write!(text, "  {}", person(follower));
                if !verdict.shared_interests.is_empty() {
                    let _ = write!(text, " · shares {}", verdict.shared_interests.join(", "));
                }
                text.push('\n');
                text.push_str(&reasons(verdict, paint));
            }
            text
        }
    }
}

/// The action in the conditional: the closing line of `explain`.
pub fn consequence(assessment: &Assessment) -> String {
    let deed = action_words(&assessment.action, "would stay", "would move to");
    match &assessment.restraint {
        Some(restraint) => format!("{deed}: {}", restraint_in_words(restraint)),
        None => deed,
    }
}

/// An action in words; `stay` and `move_to` are the verbs in the tense of the sentence.
pub fn action_words(action: &Action, stay: &str, move_to: &str) -> String {
    match action {
        Action::Leave => stay.to_owned(),
        Action::Mark(marks) if marks.flagged => format!("{stay}, starred"),
        Action::Mark(_) => format!("{stay}, marked read"),
        Action::File { to, marks } if marks.seen => format!("{move_to} {to}, marked read"),
        Action::File { to, .. } => format!("{move_to} {to}"),
    }
}

/// Why the action does less than the verdict asks for.
pub fn restraint_in_words(restraint: &Restraint) -> String {
    match restraint {
        Restraint::Forged => "it failed authentication".to_owned(),
        Restraint::Unproven => "it is not proven authentic".to_owned(),
        Restraint::Relayed(service) => format!(
            "it came through {}, which is not confirmed (see `relays` in the settings)",
            service.title()
        ),
        Restraint::NameAlone => "only the name is on the list, and a name is the sender's choice".to_owned(),
        Restraint::ListNotLoaded(list) => format!("the list `{list}` has never been loaded"),
        Restraint::PastUnread => "what came before from this follower could not be looked up".to_owned(),
        Restraint::NotAllNamed => "it does not name every follower it is about".to_owned(),
        Restraint::Divided => "the verdicts on its followers differ".to_owned(),
        Restraint::Observed(rule) => format!("the rule \"{rule}\" only observes (act = false)"),
    }
}

/// `Twitter · follow · authentic (mx.example.org: dkim=pass twitter.com)`.
pub(super) fn heading(notification: &Notification, paint: Paint) -> String {
    let authentic = match &notification.authentic {
        Authenticity::Pass(evidence) => format!("authentic ({evidence})"),
        Authenticity::Fail(evidence) => paint.paint(Tone::Bad, &format!("forged ({evidence})")),
        Authenticity::Unknown => "not proven authentic".to_owned(),
        Authenticity::Relayed { by, is_vouched: true } => {
            format!("relayed by {}, which your server confirms", by.title())
        }
        Authenticity::Relayed { by, is_vouched: false } => {
            format!("relayed by {}, not confirmed", by.title())
        }
    };
    let title = paint.paint(Tone::Strong, &notification.title);
    format!("{title} · {} · {authentic}", notification.kind)
}

/// `Kim Sample (@kimsample) · followers 3 · following 2001 · posts 1 · no bio`.
pub fn person(follower: &Follower) -> String {
    let mut parts = vec![name(follower)];
    parts.extend(counts(follower));
    match &follower.bio {
        Shown::Value(bio) => parts.push(format!("bio \"{}\"", shortened(bio))),
        Shown::Empty => parts.push("no bio".to_owned()),
        Shown::NotShown => {}
    }
    if let Some(fields) = follower.profile_fields.value() {
        parts.push(format!("fields \"{}\"", shortened(fields)));
    }
    if let Some(location) = follower.location.value() {
        parts.push(format!("in {location}"));
    }
    if follower.default_picture.value() == Some(&true) {
        parts.push("default picture".to_owned());
    }
    if let Some(origin) = &follower.looked_up {
        let facts: Vec<_> = origin.facts.iter().map(|fact| fact.word()).collect();
        parts.push(format!("{origin}: {}", facts.join(", ")));
    }
    parts.join(" · ")
}

/// `Kim Sample (@kimsample)`: name and handle, else the link.
pub(super) fn name(follower: &Follower) -> String {
    match (follower.name.value(), follower.handle.value()) {
        (Some(name), Some(handle)) => format!("{name} ({}{handle})", at(follower)),
        (Some(name), None) => name.clone(),
        (None, Some(handle)) => format!("{}{handle}", at(follower)),
        (None, None) => follower.url.value().map_or_else(|| "somebody".to_owned(), String::clone),
    }
}

/// The counts that are shown, each with its name.
pub(super) fn counts(follower: &Follower) -> Vec<String> {
    let counts = Fact::ALL.into_iter().filter(|fact| fact.type_of() == FactType::Count);
    counts.filter_map(|fact| Some(format!("{fact} {}", follower.count(fact).value()?))).collect()
}

/// What a handle is written with; nothing before an email address.
pub(super) fn at(follower: &Follower) -> &'static str {
    if follower.address_host.is_shown() { "" } else { "@" }
}

/// A follower in brief, for logs: the handle, else the name, else the link. Of an email address, which is never logged, only
/// the host.
pub fn handle(follower: &Follower) -> String {
    let or = |text: &Shown<String>| text.value().cloned();
    if let Some(host) = follower.address_host.value() {
        return or(&follower.name).unwrap_or_else(|| format!("…@{host}"));
    }
    let handle = follower.handle.value().map(|handle| format!("@{handle}"));
    handle.or_else(|| or(&follower.name)).or_else(|| or(&follower.url)).unwrap_or_default()
}

/// The verdict and each rule behind it, one indented line each.
pub(super) fn reasons(verdict: &Verdict, paint: Paint) -> String {
    let class = paint.verdict(verdict.class.as_ref());
    if let [reason] = verdict.reasons.as_slice()
        && reason.points.is_none()
    {
        return format!("  {class}, by \"{}\" ({}): {}\n", reason.rule, reason.at, reason.evidence);
    }
    let mut text = match verdict.reasons.as_slice() {
        [] => format!("  {class}: no rule fired\n"),
        _ => format!("  {class}, with {} points\n", verdict.points),
    };
    for reason in &verdict.reasons {
        let points = reason.points.unwrap_or_default();
        let _ = writeln!(text, "    {points:+} by \"{}\" ({}): {}", reason.rule, reason.at, reason.evidence);
    }
    text
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= BIO_SHOWN {
        return text.to_owned();
    }
    let kept: String = text.chars().take(BIO_SHOWN).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_a_profile_are_shown_beside_the_bio_and_cut() {
        let follower = Follower {
            name: Shown::Value("Ann".to_owned()),
            bio: Shown::Value("Potter".to_owned()),
            profile_fields: Shown::Value(format!("Languages: {}", "Rust, ".repeat(20))),
            ..Follower::default()
        };
        let cut = format!("Languages: {}R…", "Rust, ".repeat(8));
        assert_eq!(person(&follower), format!("Ann · bio \"Potter\" · fields \"{cut}\""));
    }

    #[test]
    fn an_email_address_has_no_at_sign_before_it_and_is_never_in_a_log() {
        let mut follower = Follower {
            handle: Shown::Value("ann@mail.example".to_owned()),
            address_host: Shown::Value("mail.example".to_owned()),
            ..Follower::default()
        };
        assert_eq!(
            (person(&follower), handle(&follower)),
            ("ann@mail.example".into(), "…@mail.example".into())
        );
        follower.name = Shown::Value("Ann".to_owned());
        assert_eq!((person(&follower), handle(&follower)), ("Ann (ann@mail.example)".into(), "Ann".into()));
        follower.address_host = Shown::NotShown;
        assert_eq!(handle(&follower), "@ann@mail.example");
    }
}
