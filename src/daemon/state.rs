//! How an account is, and how the service is as a whole, in words.

use std::fmt::Write as _;

use crate::clock::Timestamp;

/// So many accounts are named; of more only the number is told.
const NAMED: usize = 4;
/// systemd shows one line; what is longer than this nobody reads.
const LONGEST: usize = 500;

/// How one account is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// On its way to the server.
    Connecting,
    /// Connected: sweeping, or waiting for mail.
    Watching,
    /// The same, and the last sweep could not do all that was to be done.
    Hindered {
        /// What is left.
        left: String,
    },
    /// Something on this machine keeps it from working; it is tried again in a while.
    Blocked {
        /// What.
        trouble: String,
    },
    /// The line is lost; it is connected again in a while.
    Away {
        /// Why.
        trouble: String,
    },
    /// Its owner has to do something.
    Parked {
        /// What is wrong.
        trouble: String,
    },
    /// Its thread died of a fault of ours, and is started again in a while.
    Dead,
}

/// What is told of beside the accounts.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    /// The last reload was refused: the first finding.
    pub(super) refused: Option<String>,
    /// The last trouble, and when it was.
    pub(super) last_trouble: Option<(Timestamp, String)>,
}

/// The state of all accounts in one line.
pub(super) fn in_words<'a>(accounts: impl Iterator<Item = (&'a str, &'a State)>, notes: &Notes) -> String {
    let accounts: Vec<_> = accounts.collect();
    let mut text = String::new();
    if let Some(finding) = &notes.refused {
        let _ = write!(text, "reload failed; the previous configuration stays in use: {finding}; ");
    }
    let of = |wanted: fn(&State) -> bool| {
        let names: Vec<&str> =
            accounts.iter().filter(|(_, state)| wanted(state)).map(|(name, _)| *name).collect();
        match names.len() {
            0 => None,
            1..=NAMED => Some(names.join(", ")),
            many => Some(format!("{many} accounts")),
        }
    };
    let groups = [
        ("watching", of(|state| matches!(state, State::Watching | State::Hindered { .. }))),
        ("connecting to", of(|state| *state == State::Connecting)),
        ("restarting, after a fault of followsift,", of(|state| *state == State::Dead)),
    ];
    let mut parts: Vec<String> =
        groups.into_iter().filter_map(|(verb, names)| Some(format!("{verb} {}", names?))).collect();
    for (name, state) in &accounts {
        match state {
            State::Parked { trouble } => parts.push(format!("{name} is parked until you act: {trouble}")),
            State::Away { trouble } => parts.push(format!("{name} is away: {trouble}")),
            State::Blocked { trouble } => parts.push(format!("{name} cannot work: {trouble}")),
            State::Hindered { left } => parts.push(format!("{name}: {left}")),
            State::Connecting | State::Watching | State::Dead => {}
        }
    }
    text.push_str(&parts.join("; "));
    let troubled = |(_, state): &(&str, &State)| {
        matches!(state, State::Parked { .. } | State::Away { .. } | State::Blocked { .. })
    };
    if let Some((when, trouble)) = &notes.last_trouble
        && !accounts.iter().any(troubled)
    {
        let _ = write!(text, "; last trouble {}: {trouble}", when.rfc3339());
    }
    // A newline would begin another word of the protocol (sd_notify(3)).
    crate::text::line(&text).chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accounts: &[(&str, State)], notes: &Notes, expected: &str) {
        let words = in_words(accounts.iter().map(|(name, state)| (*name, state)), notes);
        assert_eq!(words, expected);
    }

    fn parked(trouble: &str) -> State {
        State::Parked { trouble: trouble.to_owned() }
    }

    #[test]
    fn all_is_well_in_few_words() {
        let two = [("home", State::Watching), ("work", State::Watching)];
        check(&two, &Notes::default(), "watching home, work");
        let many: Vec<_> = ["a", "b", "c", "d", "e"].map(|name| (name, State::Watching)).into();
        check(&many, &Notes::default(), "watching 5 accounts");
    }

    #[test]
    fn what_is_wrong_is_said_on_one_line() {
        let accounts = [("home", State::Watching), ("work", parked("could not log in:\nREADY=1"))];
        check(
            &accounts,
            &Notes::default(),
            "watching home; work is parked until you act: could not log in: READY=1",
        );
        let refused =
            Notes { refused: Some("rules.toml:3: unknown key `wen`".to_owned()), ..Notes::default() };
        check(
            &accounts[..1],
            &refused,
            "reload failed; the previous configuration stays in use: rules.toml:3: unknown key `wen`; \
             watching home",
        );
        assert!(in_words([("x", &parked(&"y".repeat(9_000)))].into_iter(), &refused).len() <= LONGEST);
    }

    #[test]
    fn what_could_not_be_done_is_said_beside_what_is_watched() {
        let left = "2 messages could not be moved or marked".to_owned();
        let trouble =
            "could not begin on account work: another followsift is working on this mailbox".to_owned();
        let accounts = [("home", State::Hindered { left }), ("work", State::Blocked { trouble })];
        check(
            &accounts,
            &Notes::default(),
            "watching home; home: 2 messages could not be moved or marked; work cannot work: could not begin on \
             account work: another followsift is working on this mailbox",
        );
    }

    #[test]
    fn a_trouble_that_is_over_is_remembered() {
        let last_trouble = Some((Timestamp(1_800_000_000), "home: no answer".to_owned()));
        let notes = Notes { refused: None, last_trouble };
        let words = "watching home; last trouble 2027-01-15T08:00:00Z: home: no answer";
        check(&[("home", State::Watching)], &notes, words);
    }
}
