//! How the service and its accounts are: the line of `systemctl status`, and the events of the log that are not about messages.
//! Pure. Called by `daemon`, which adds level, kind and fields.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::diagnostic::Diagnostic;
use crate::settings::MetricsAddress;

/// So many accounts are named; of more, the line gives only the number.
const NAMED: usize = 4;
/// systemd shows one line, of which nobody reads more. In bytes.
const LONGEST: usize = 499;
/// What ends a longer one.
const CUT: &str = "... (`followsift status` shows all of it)";

/// How one account is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Connecting to the server.
    Connecting,
    /// Connected: sweeping, or waiting for new messages.
    Watching,
    /// The same, and the last sweep left something undone.
    Hindered {
        /// What is left.
        left: String,
    },
    /// Something on this machine keeps it from working; followsift retries.
    Blocked {
        /// What.
        trouble: String,
    },
    /// The connection is lost; followsift retries.
    Away {
        /// Why.
        trouble: String,
    },
    /// The user has to do something.
    Parked {
        /// What is wrong.
        trouble: String,
    },
    /// The user has paused it: nothing is judged or moved.
    Halted {
        /// Until then.
        until: Timestamp,
    },
    /// Its thread crashed, by a bug of ours; it is started again in a while.
    Crashed,
}

impl State {
    /// All the words of [`State::word`].
    pub const WORDS: [&str; 8] =
        ["connecting", "watching", "hindered", "blocked", "away", "paused", "halted", "crashed"];

    /// In one word, for programs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Watching => "watching",
            Self::Hindered { .. } => "hindered",
            Self::Blocked { .. } => "blocked",
            Self::Away { .. } => "away",
            Self::Parked { .. } => "paused",
            Self::Halted { .. } => "halted",
            Self::Crashed => "crashed",
        }
    }

    /// What is wrong, or was left.
    pub fn trouble(&self) -> Option<&str> {
        match self {
            Self::Hindered { left: words }
            | Self::Blocked { trouble: words }
            | Self::Away { trouble: words }
            | Self::Parked { trouble: words } => Some(words),
            Self::Connecting | Self::Watching | Self::Halted { .. } | Self::Crashed => None,
        }
    }
}

/// What the line says beside the accounts.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// The last reload was refused: the first finding.
    pub refused: Option<String>,
    /// The last trouble, and when it was.
    pub last_trouble: Option<(Timestamp, String)>,
}

/// The state of all accounts in one line.
pub fn in_words<'a>(accounts: impl Iterator<Item = (&'a str, &'a State)>, notes: &Notes) -> String {
    let accounts: Vec<_> = accounts.collect();
    let mut text = String::new();
    if let Some(finding) = &notes.refused {
        let _ = write!(text, "reload failed; the previous configuration stays in use: {finding}; ");
    }
    let of = |wanted: fn(&State) -> bool| {
        let names: Vec<&str> =
            accounts.iter().filter(|(_, state)| wanted(state)).map(|(name, _)| *name).collect();
        (!names.is_empty()).then(|| named(&names))
    };
    let groups = [
        ("watching", of(|state| matches!(state, State::Watching | State::Hindered { .. }))),
        ("connecting to", of(|state| *state == State::Connecting)),
        ("restarting after a crash (a bug in followsift):", of(|state| *state == State::Crashed)),
    ];
    let mut parts: Vec<String> =
        groups.into_iter().filter_map(|(verb, names)| Some(format!("{verb} {}", names?))).collect();
    parts.extend(troubles(&accounts));
    parts.extend(halts(&accounts));
    text.push_str(&parts.join("; "));
    let troubled = |(_, state): &(&str, &State)| {
        matches!(state, State::Parked { .. } | State::Away { .. } | State::Blocked { .. })
    };
    if let Some((when, trouble)) = &notes.last_trouble
        && !accounts.iter().any(troubled)
    {
        let _ = write!(text, "; last trouble {}: {trouble}", when.rfc3339());
    }
    bounded(&text, CUT)
}

/// A text as one line that is not too long, or else ends with `cut`. A newline would begin another word of the protocol (sd_notify(3)).
fn bounded(text: &str, cut: &str) -> String {
    let line = crate::text::line(text);
    if line.len() <= LONGEST {
        return line.into_owned();
    }
    let ends = line.char_indices().map(|(at, letter)| at + letter.len_utf8());
    let end = ends.take_while(|end| end + cut.len() <= LONGEST).last().unwrap_or(0);
    format!("{}{cut}", line.get(..end).unwrap_or_default())
}

/// The accounts by name, or only how many they are.
fn named(names: &[&str]) -> String {
    if names.len() > NAMED { format!("{} accounts", names.len()) } else { names.join(", ") }
}

/// Each moment until which the user has paused accounts, with these.
fn halts(accounts: &[(&str, &State)]) -> Vec<String> {
    let mut alike: BTreeMap<Timestamp, Vec<&str>> = BTreeMap::new();
    for (name, state) in accounts {
        if let State::Halted { until } = state {
            alike.entry(*until).or_default().push(name);
        }
    }
    let are = |names: &[&str]| if names.len() == 1 { "is" } else { "are" };
    alike.iter().map(|(until, names)| format!("{} {} {}", named(names), are(names), halted(*until))).collect()
}

/// Each trouble once, with the accounts that have it. Those for which the user has to do something come first, since the line may be
/// cut.
fn troubles(accounts: &[(&str, &State)]) -> Vec<String> {
    let mut alike: BTreeMap<(u8, &str), Vec<&str>> = BTreeMap::new();
    for (name, state) in accounts {
        let key = match state {
            State::Parked { trouble } => (0, trouble.as_str()),
            State::Blocked { trouble } => (1, trouble.as_str()),
            State::Away { trouble } => (2, trouble.as_str()),
            State::Hindered { left } => (3, left.as_str()),
            State::Connecting | State::Watching | State::Halted { .. } | State::Crashed => continue,
        };
        alike.entry(key).or_default().push(name);
    }
    let words = |((kind, trouble), names): ((u8, &str), Vec<&str>)| {
        let (who, are) = (named(&names), if names.len() == 1 { "is" } else { "are" });
        match kind {
            0 => format!("{who} {are} paused until you act: {trouble}"),
            1 => format!("{who} cannot work: {trouble}"),
            2 => format!("{who} {are} away: {trouble}"),
            _ => format!("{who}: {trouble}"),
        }
    };
    alike.into_iter().map(words).collect()
}

/// The account's server has accepted the login.
pub const CONNECTED: &str = "connected";
/// A pause of the user's is over.
pub const GOES_ON: &str = "the pause is over";
/// The files were read again, and are in use.
pub const RELOADED: &str = "reloaded settings, rules and lists";
/// One of the files is wrong.
pub const NOT_RELOADED: &str = "reload failed; the previous configuration stays in use";
/// A reload ended without an answer.
pub const RELOAD_CRASHED: &str = "the reload crashed (a bug in followsift)";
/// The service was asked to end.
pub const STOPPING: &str = "stopping";
/// A command that waited for its turn has gone.
pub const UNWANTED: &str = "a command has gone before its turn came; what it asked for is not done";
/// A command no longer takes the answers to its request.
pub const UNHEARD: &str =
    "a command has gone, or reads its answers too slowly; what it asked for is finished without it";
/// The same, for the command.
pub const CUT_SHORT: &str = "the service ended its answers early: this command read them too slowly, or the account's thread ended; \
                             `followsift history` says what was done";
/// A thread has not said for too long that it works.
pub const HANGS: &str = "account thread hangs; the watchdog is not fed, so that systemd restarts followsift";
/// A thread did not end when it was asked to.
pub const DOES_NOT_END: &str = "account thread did not stop in time; followsift exits without it";
/// Idle connections are cut on the way.
pub const IDLE_CUT: &str = "idle connections are cut here; followsift renews IDLE sooner";
/// A panic; its own words may quote a message, and are not logged.
pub const PANIC: &str = "panic (a bug in followsift); please report this line";

/// An account that the user has paused.
pub fn halted(until: Timestamp) -> String {
    format!("paused until {} UTC; `followsift unpause` ends that", until.minute())
}

/// What the commands `pause` and `unpause` did with an account.
pub fn pause_changed(account: &str, until: Option<Timestamp>, was_halted: bool) -> String {
    match until {
        Some(until) => format!("{account}: {}", halted(until)),
        None if was_halted => format!("{account}: {GOES_ON}"),
        None => format!("{account}: it was not paused"),
    }
}

/// A service that could not start: the first finding.
pub fn not_started(finding: &Diagnostic) -> String {
    bounded(&format!("could not start: {}", in_brief(finding)), "...")
}

/// An account with which followsift does nothing until the user has acted.
pub fn paused(trouble: &str) -> String {
    format!("paused until you act: {trouble}")
}

/// An account that something on this machine keeps from working. Where that was said before, only when followsift retries.
pub fn blocked(trouble: &str, is_known: bool, pause: Duration) -> String {
    match is_known {
        true => format!("still cannot work; trying again in {} s", pause.as_secs()),
        false => format!("cannot work: {trouble}"),
    }
}

/// An account whose server cannot be reached, or refuses.
pub fn away(trouble: &str, pause: Duration) -> String {
    format!("connecting again in {} s: {trouble}", pause.as_secs())
}

/// A server that announces something again and again.
pub fn woken_in_vain(pause: Duration, longest: Duration) -> String {
    format!(
        "woken again and again although there is nothing new; the next look is in {} s, and each further one later, up to \
         {} s",
        pause.as_secs(),
        longest.as_secs()
    )
}

/// An account's thread that crashed. `pause`: when it is started again.
pub fn crashed(pause: Option<Duration>) -> String {
    let again = pause.map(|pause| format!("; restarting in {} s", pause.as_secs()));
    format!("account thread crashed (a bug in followsift){}", again.unwrap_or_default())
}

/// The address at which Prometheus can read the metrics from now on.
pub fn metrics_open(address: &MetricsAddress) -> String {
    match address {
        MetricsAddress::Port(address) => format!("metrics are at http://{address}/metrics"),
        MetricsAddress::Socket(path) => format!("metrics are at the socket {}", path.display()),
    }
}

/// The address at which nothing can be read, and why. Where the system forbids it, the advice is about that.
pub fn metrics_closed(address: &MetricsAddress, cause: &str, is_forbidden: bool) -> String {
    let (what, advice) = match address {
        MetricsAddress::Port(address) => (
            format!("port {address}"),
            "; the unit of the machine allows no port without the drop-in metrics.conf, and needs none for a socket",
        ),
        MetricsAddress::Socket(path) => (
            path.display().to_string(),
            "; the unit of the machine can make a socket in its own folder in /run, such as /run/followsift/metrics.sock",
        ),
    };
    let advice = if is_forbidden { advice } else { "" };
    format!("metrics cannot be read: could not listen at {what}: {cause}{advice}")
}

/// A finding of a reload, in one line: where, what, and what to do.
pub fn in_brief(finding: &Diagnostic) -> String {
    let advice = if finding.label.is_empty() { String::new() } else { format!(" ({})", finding.label) };
    match &finding.place {
        Some(place) => {
            let at = place.location();
            format!("{}:{}: {}{advice}", at.file, at.line, finding.message)
        }
        None => format!("{}{advice}", finding.message),
    }
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
    fn every_state_has_a_word_of_its_own() {
        let (left, trouble, until) = (String::new(), String::new(), Timestamp(0));
        let away = State::Away { trouble: trouble.clone() };
        let states = [
            State::Connecting,
            State::Watching,
            State::Hindered { left },
            State::Blocked { trouble },
            away,
            parked(""),
            State::Halted { until },
            State::Crashed,
        ];
        assert_eq!(states.map(|state| state.word()), State::WORDS);
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
            "watching home; work is paused until you act: could not log in: READY=1",
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
            "watching home; work cannot work: could not begin on account work: another followsift is working on this \
             mailbox; home: 2 messages could not be moved or marked",
        );
    }

    #[test]
    fn equal_troubles_are_said_once_and_the_line_is_never_too_long() {
        let away = || State::Away { trouble: "could not connect to mail.example: no answer".to_owned() };
        let accounts =
            [("a", away()), ("b", parked("wrong password")), ("c", away()), ("d", State::Watching)];
        check(
            &accounts,
            &Notes::default(),
            "watching d; b is paused until you act: wrong password; a, c are away: could not connect to mail.example: no \
             answer",
        );
        let names: Vec<String> = (0..168).map(|number| format!("user{number}@mail.example")).collect();
        let alike: Vec<_> = names.iter().map(|name| (name.as_str(), away())).collect();
        check(
            &alike,
            &Notes::default(),
            "168 accounts are away: could not connect to mail.example: no answer",
        );
        // Each with a trouble of its own, in letters that take several bytes.
        let unlike: Vec<_> =
            names.iter().map(|name| (name.as_str(), parked(&format!("größer: {name}")))).collect();
        let line = in_words(unlike.iter().map(|(name, state)| (*name, state)), &Notes::default());
        assert!(line.len() < 500 && line.ends_with(" shows all of it)"), "{} {line}", line.len());
        assert!(line.starts_with("user0@mail.example is paused until you act: größer"), "{line}");
        for length in 400..520 {
            let words = in_words([("x", &parked(&"ß".repeat(length / 2)))].into_iter(), &Notes::default());
            assert!(words.len() < 500, "{}", words.len());
        }
        let words = not_started(&Diagnostic::unplaced("ß".repeat(400)));
        assert!(words.len() < 500 && words.ends_with("ß..."), "{words}");
    }

    #[test]
    fn a_pause_of_the_users_is_said_with_its_end() {
        let halted = || State::Halted { until: Timestamp(1_800_000_000) };
        let accounts = [("a", halted()), ("b", State::Watching), ("c", halted())];
        check(
            &accounts,
            &Notes::default(),
            "watching b; a, c are paused until 2027-01-15 08:00 UTC; `followsift unpause` ends that",
        );
    }

    #[test]
    fn metrics_that_cannot_be_read_are_said_with_what_helps() {
        let port = MetricsAddress::Port("127.0.0.1:9188".parse().unwrap());
        assert_eq!(metrics_open(&port), "metrics are at http://127.0.0.1:9188/metrics");
        assert_eq!(
            metrics_closed(&port, "in use", false),
            "metrics cannot be read: could not listen at port 127.0.0.1:9188: in use"
        );
        assert!(metrics_closed(&port, "not permitted", true).contains("without the drop-in metrics.conf"));
        let socket = MetricsAddress::Socket("/srv/metrics.sock".into());
        let words = metrics_closed(&socket, "not permitted", true);
        assert!(words.contains("/srv/metrics.sock: not permitted; ") && words.contains("/run/followsift/"));
    }

    #[test]
    fn a_trouble_that_is_over_is_remembered() {
        let last_trouble = Some((Timestamp(1_800_000_000), "home: no answer".to_owned()));
        let notes = Notes { refused: None, last_trouble };
        let words = "watching home; last trouble 2027-01-15T08:00:00Z: home: no answer";
        check(&[("home", State::Watching)], &notes, words);
    }
}
