//! A case for the rules to judge: a follower, their message and their past. Derives each fact once, when the first rule asks
//! for it.

use std::cell::OnceCell;

use super::bounds::DAY;
use super::fact::{Fact, Fact::*};
use super::interests::{self, Interests};
use super::list::{HandleForms, Lists};
use super::recall::Past;
use super::text::{Folded, fold, fold_host, lower};
use crate::clock::Timestamp;
use crate::mail::{self, Fact as MailFact, FactType, Follower, Kind, Network, Notification, Shown};

/// A follower to judge, with the context. Without a message (a table of facts, a `[[test]]`), the network and the kind may be
/// unknown.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The network that the message is from.
    pub network: Option<&'a Network>,
    /// The kind of the notification.
    pub kind: Option<Kind>,
    /// The recipient's own server, on networks that have many.
    pub instance: Option<&'a str>,
    /// The follower.
    pub follower: &'a Follower,
    /// What was known of them before.
    pub past: &'a Past,
    /// When the message arrived.
    pub received: Timestamp,
}

impl<'a> Case<'a> {
    /// For one of the followers of a notification.
    pub fn of(notification: &'a Notification, follower: &'a Follower, past: &'a Past) -> Self {
        Self {
            network: Some(&notification.network),
            kind: Some(notification.kind),
            instance: notification.instance.as_deref(),
            follower,
            past,
            received: notification.received,
        }
    }
}

/// A case while rules read it.
pub(crate) struct Sight<'a> {
    pub(crate) case: Case<'a>,
    pub(crate) lists: &'a Lists,
    interests: &'a Interests,
    /// By index in `MailFact::ALL`.
    texts: [OnceCell<Folded<'a>>; MailFact::ALL.len()],
    instance: OnceCell<Folded<'a>>,
    handle: OnceCell<HandleForms>,
}

impl<'a> Sight<'a> {
    pub(crate) fn new(case: Case<'a>, lists: &'a Lists, interests: &'a Interests) -> Self {
        Self {
            case,
            lists,
            interests,
            texts: Default::default(),
            instance: OnceCell::new(),
            handle: OnceCell::new(),
        }
    }

    /// A text fact. An empty one is an empty text.
    pub(crate) fn text(&self, fact: Fact) -> Shown<&Folded<'a>> {
        let (cell, fold): (_, fn(&str) -> String) = match fact {
            Mail(text) => (self.texts.get(text as usize), if fact.is_address() { lower } else { fold }),
            Instance => (Some(&self.instance), fold_host),
            _ => (None, fold),
        };
        let Some(cell) = cell else { return Shown::NotShown };
        self.plain(fact).map(|plain| cell.get_or_init(|| Folded::by(fold, plain)))
    }

    fn plain(&self, fact: Fact) -> Shown<&'a str> {
        match fact {
            Mail(fact) => self.case.follower.text(fact),
            Instance => self.case.instance.map_or(Shown::NotShown, Shown::Value),
            _ => Shown::NotShown,
        }
    }

    /// The forms of the follower's handle.
    pub(crate) fn handle(&self) -> Shown<&HandleForms> {
        // An email address at the recipient's own server is no account there.
        let is_address = self.case.follower.address_host.is_shown();
        let instance = self.case.instance.filter(|_| !is_address);
        self.plain(Mail(MailFact::Handle))
            .map(|handle| self.handle.get_or_init(|| HandleForms::new(handle, instance)))
    }

    /// A numeric fact; durations in seconds.
    pub(crate) fn number(&self, fact: Fact) -> Shown<f64> {
        let past = self.case.past;
        match fact {
            Mail(fact) if fact.type_of() == FactType::Days => self.count(fact).map(|days| days * DAY),
            Mail(fact) => self.count(fact),
            Ratio => self.quotient(MailFact::Following, MailFact::Followers, 1),
            Lopsided => self.quotient(MailFact::Following, MailFact::Followers, 2),
            FollowingPerPost => self.quotient(MailFact::Following, MailFact::Posts, 1),
            HandleDigits => self.plain(Mail(MailFact::Handle)).map(digits),
            NameLength => match self.plain(Mail(MailFact::Name)) {
                Shown::Empty => Shown::Value(0.0),
                name => name.map(|name| name.chars().count() as f64),
            },
            SharedInterests => self.shared_interests().map(|shared| shared.len() as f64),
            TimesFollowed => Shown::Value(past.times_followed as f64),
            LastFollowed => past
                .last_followed
                .map_or(Shown::Empty, |last| Shown::Value(self.case.received.since(last) as f64)),
            Wave => Shown::Value(past.wave as f64),
            _ => Shown::NotShown,
        }
    }

    /// The interests that the follower shares; not shown without a text that could name them.
    pub(crate) fn shared_interests(&self) -> Shown<Vec<&'a str>> {
        if interests::WHERE.iter().all(|fact| matches!(self.plain(Mail(*fact)), Shown::NotShown)) {
            return Shown::NotShown;
        }
        if self.interests.is_empty() {
            return Shown::Value(Vec::new());
        }
        let shown = interests::WHERE.map(|fact| self.text(Mail(fact)));
        let texts: Vec<_> = shown.iter().filter_map(|text| text.value().copied()).collect();
        Shown::Value(self.interests.shared(&texts))
    }

    fn count(&self, fact: mail::Fact) -> Shown<f64> {
        self.case.follower.count(fact).map(|count| count as f64)
    }

    /// `above / max(below, 1)^power`: not shown if one of the two is not shown, empty if one is empty.
    fn quotient(&self, above: mail::Fact, below: mail::Fact, power: i32) -> Shown<f64> {
        match (self.count(above), self.count(below)) {
            (Shown::Value(above), Shown::Value(below)) => Shown::Value(above / below.max(1.0).powi(power)),
            (Shown::NotShown, _) | (_, Shown::NotShown) => Shown::NotShown,
            _ => Shown::Empty,
        }
    }

    /// A boolean fact.
    pub(crate) fn answer(&self, fact: Fact) -> Shown<bool> {
        match fact {
            Mail(fact) => self.case.follower.answer(fact),
            Known => Shown::Value(self.case.past.known),
            Unwelcome => Shown::Value(self.case.past.unwelcome && !self.case.past.known && !self.is_listed()),
            _ => Shown::NotShown,
        }
    }

    /// Does a list name the follower? What the user filed by hand once outranks none of them.
    fn is_listed(&self) -> bool {
        let (handle, name) = (self.handle(), self.plain(Mail(MailFact::Name)));
        self.lists.all().any(|people| {
            handle.value().is_some_and(|forms| people.handle(forms).is_some())
                || name.value().is_some_and(|name| people.name(&fold(name)).is_some())
        })
    }

    /// A fact that is one of a few words.
    pub(crate) fn word(&self, fact: Fact) -> Shown<&'a str> {
        let word = match fact {
            Network => self.case.network.map(Network::as_str),
            Kind => self.case.kind.map(Kind::word),
            _ => None,
        };
        word.map_or(Shown::NotShown, Shown::Value)
    }

    /// Whether the fact is not shown, empty, or has a value.
    pub(crate) fn presence(&self, fact: Fact) -> Shown<()> {
        use super::fact::Type;
        match fact.type_of() {
            Type::Text => self.plain(fact).map(drop),
            Type::Count | Type::Quantity | Type::Duration => self.number(fact).map(drop),
            Type::Answer => self.answer(fact).map(drop),
            Type::Word => self.word(fact).map(drop),
            Type::People => match (self.plain(Mail(MailFact::Handle)), self.plain(Mail(MailFact::Name))) {
                (Shown::NotShown, Shown::NotShown) => Shown::NotShown,
                (Shown::Value(_), _) | (_, Shown::Value(_)) => Shown::Value(()),
                _ => Shown::Empty,
            },
        }
    }

    /// Is the display name the only thing that identifies the follower?
    pub(crate) fn keyed_by_name(&self) -> bool {
        let follower = self.case.follower;
        follower.handle.value().is_none() && follower.url.value().is_none() && follower.id.is_none()
    }
}

fn digits(handle: &str) -> f64 {
    let local = handle.trim_start_matches('@').split('@').next().unwrap_or_default();
    local.chars().filter(|c| c.is_numeric()).count() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(follower: &Follower, fact: Fact) -> Shown<f64> {
        let past = Past { last_followed: Some(Timestamp(100)), ..Past::default() };
        let case = Case {
            network: None,
            kind: None,
            instance: None,
            follower,
            past: &past,
            received: Timestamp(160),
        };
        Sight::new(case, &Lists::default(), &Interests::default()).number(fact)
    }

    #[test]
    fn an_interest_is_found_in_each_text_that_the_fact_needs() {
        assert_eq!(SharedInterests.needs(), interests::WHERE);
        let (past, lists, interests) = (Past::default(), Lists::default(), Interests::new(["tea"]));
        for fact in interests::WHERE {
            let mut follower = Follower::default();
            if let mail::FactMut::Text(place) = follower.fact_mut(fact) {
                *place = Shown::Value("https://tea.example/".to_owned());
            }
            let follower = &follower;
            let case = Case {
                network: None,
                kind: None,
                instance: None,
                follower,
                past: &past,
                received: Timestamp(0),
            };
            let sight = Sight::new(case, &lists, &interests);
            assert_eq!(sight.number(SharedInterests), Shown::Value(1.0), "{fact}");
        }
    }

    #[test]
    fn derived_facts_are_calculated_from_shown_facts() {
        let follower = Follower {
            handle: Shown::Value("bob1987@host2.example".into()),
            name: Shown::Empty,
            followers: Shown::Value(0),
            following: Shown::Value(300),
            posts: Shown::NotShown,
            age: Shown::Value(2),
            ..Follower::default()
        };
        for (fact, expected) in [
            (Ratio, Shown::Value(300.0)),
            (Lopsided, Shown::Value(300.0)),
            (FollowingPerPost, Shown::NotShown),
            (HandleDigits, Shown::Value(4.0)),
            (NameLength, Shown::Value(0.0)),
            (Mail(MailFact::Age), Shown::Value(2.0 * DAY)),
            (LastFollowed, Shown::Value(60.0)),
            (Wave, Shown::Value(0.0)),
        ] {
            assert_eq!(number(&follower, fact), expected, "{fact}");
        }
    }

    #[test]
    fn an_email_address_is_no_account_on_the_recipients_server() {
        let (past, lists, interests) = (Past::default(), Lists::default(), Interests::default());
        let mut follower =
            Follower { handle: Shown::Value("ann@home.example".into()), ..Follower::default() };
        let is_ann = |follower: &Follower| {
            let instance = Some("home.example");
            let case =
                Case { network: None, kind: None, instance, follower, past: &past, received: Timestamp(0) };
            let sight = Sight::new(case, &lists, &interests);
            matches!(sight.handle(), Shown::Value(forms) if forms.include("ann"))
        };
        assert!(is_ann(&follower));
        follower.address_host = Shown::Value("home.example".into());
        assert!(!is_ann(&follower));
    }

    #[test]
    fn an_empty_count_makes_an_empty_quotient() {
        let follower =
            Follower { followers: Shown::Empty, following: Shown::Value(3), ..Follower::default() };
        assert_eq!(number(&follower, Ratio), Shown::Empty);
    }
}
