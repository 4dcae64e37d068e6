//! An overview for a person: who came, the real ones first, what was filed and by which rule, and how that changed over time.
//! Pure: [`Overview`] is put together from what the ledger remembers, and `table`, `page` and `json` print it. Called by the command
//! `report`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::history::harmless;
use super::link::Hosts;
use super::suggestions::in_words;
use crate::clock::Timestamp;
use crate::ledger::{Fate, Remembered};
use crate::mail::{Authenticity, Fact, FactMut, Follower, FollowerKey, Shown};
use crate::place::Folder;
use crate::rules::Verdict;
use crate::rules::suggest::Suggestion;
use crate::text;

mod bars;
mod json;
mod page;
mod period;
mod table;

pub use json::json;
pub use page::page;
pub use period::{Period, Unit};
pub use table::table;

/// The verdict that says that a follower is welcome.
const REAL: &str = "real";

/// What came, what was filed, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Overview {
    /// What came earlier is left out.
    pub since: Timestamp,
    /// When it was put together.
    pub until: Timestamp,
    /// All messages together.
    pub totals: Counts,
    /// Messages that failed authentication: they stay, and their followers are not shown.
    pub forged: u64,
    /// Messages that the user put back.
    pub put_back: u64,
    /// The followers who are surely real, those who came last first.
    pub real: Vec<Person>,
    /// All others whose messages stayed, those who share interests first.
    pub others: Vec<Person>,
    /// What was filed, by rule, the most frequent first.
    pub filed: Vec<FiledBy>,
    /// How long the periods are.
    pub unit: Unit,
    /// How many came in each, the earliest first.
    pub periods: Vec<Period>,
    /// Rules that corrections suggest.
    pub suggestions: Vec<Advice>,
}

/// A rule that corrections suggest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What it rests on, how it was tried, and where it belongs.
    pub words: [String; 3],
    /// What to add.
    pub toml: String,
}

/// How many messages there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// About real followers.
    pub real: u64,
    /// About others, in the inbox.
    pub others: u64,
    /// Filed.
    pub filed: u64,
}

impl Counts {
    /// All of them.
    pub fn all(self) -> u64 {
        self.real + self.others + self.filed
    }

    fn add(&mut self, group: Group) {
        match group {
            Group::Real => self.real += 1,
            Group::Others => self.others += 1,
            Group::Filed => self.filed += 1,
        }
    }
}

/// Where an overview shows a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Real,
    Others,
    Filed,
}

/// A follower whose message stayed. All texts are lines that are safe to print.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// The network's name in rules.
    pub network: String,
    /// The network's title.
    pub title: String,
    /// When their last message came.
    pub received: Timestamp,
    /// How many messages came about them.
    pub messages: u64,
    /// What the last one shows.
    pub follower: Follower,
    /// The link to their profile, if it leads where it has to.
    pub link: Option<String>,
    /// What the rules said of them.
    pub verdict: Verdict,
    /// The user put a message about them back.
    pub put_back: bool,
    /// The message is proven to come from the network.
    pub proven: bool,
}

impl Overview {
    /// What came in all, in a sentence each.
    fn in_words(&self) -> Vec<String> {
        let Counts { real, others, filed } = self.totals;
        let all = plural(self.totals.all(), "message");
        let whole = match self.totals.all() {
            0 => "No message about a new follower came in this time.".to_owned(),
            _ => format!("{all}: {real} about real people, {others} about others, {filed} filed."),
        };
        [vec![whole], self.notes()].concat()
    }

    /// What the numbers do not say.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.put_back > 0 {
            notes.push(format!("You put {} back.", plural(self.put_back, "message")));
        }
        if self.forged > 0 {
            let forged = plural(self.forged, "message");
            notes.push(format!("{forged} failed authentication and stayed; their followers are not shown."));
        }
        notes
    }
}

fn plural(count: u64, noun: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{s}")
}

impl Person {
    /// The network, when they came, and how often.
    pub fn origin(&self) -> String {
        let origin = format!("{} · {}", self.title, period::day(self.received));
        match self.messages {
            1 => origin,
            more => format!("{origin} · {more} messages"),
        }
    }

    /// The name, else the handle, else the link.
    pub fn called(&self) -> String {
        let handle = self.handle();
        let name = self.follower.name.value().cloned();
        name.or(handle)
            .or_else(|| self.follower.url.value().cloned())
            .unwrap_or_else(|| "somebody".to_owned())
    }

    /// The handle as people write it.
    pub fn handle(&self) -> Option<String> {
        let at = super::text::at(&self.follower);
        self.follower.handle.value().map(|handle| format!("{at}{handle}"))
    }

    /// The counts that are shown, each with its word.
    pub fn counts(&self) -> Vec<(&'static str, u64)> {
        let shown = [Fact::Followers, Fact::Following, Fact::Posts, Fact::Mutuals, Fact::Lists];
        let value = |fact: Fact| self.follower.count(fact).value().map(|count| (fact.word(), *count));
        shown.into_iter().filter_map(value).collect()
    }

    /// Why they are where they are, in words.
    pub fn why(&self) -> String {
        if self.put_back {
            return "you put their message back".to_owned();
        }
        let why = match deciding(std::slice::from_ref(&self.verdict)) {
            Some(rule) => format!("by \"{rule}\""),
            None => "no rule decided".to_owned(),
        };
        if self.proven { why } else { format!("{why}; not proven authentic") }
    }
}

/// What was filed for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiledBy {
    /// The rule, or the rules whose points decided; `None` if the user filed it.
    pub rule: Option<String>,
    /// How many messages.
    pub messages: u64,
    /// Where they went.
    pub folders: BTreeSet<Folder>,
    /// Who they were about, the last first; at most [`NAMED`].
    pub names: Vec<String>,
}

impl FiledBy {
    /// What to call it.
    pub fn name(&self) -> &str {
        self.rule.as_deref().unwrap_or("by you, by hand")
    }

    /// The folders, in words.
    pub fn places(&self) -> String {
        self.folders.iter().map(|folder| text::line(folder.as_str())).collect::<Vec<_>>().join(", ")
    }
}

/// How many names are kept for each rule.
pub const NAMED: usize = 50;

/// An overview that is being put together, from messages that are not held: of those that were filed, only counts and a few names
/// are.
pub struct Gathering<'a> {
    since: Timestamp,
    until: Timestamp,
    totals: Counts,
    forged: u64,
    put_back: u64,
    moments: Vec<(Timestamp, Group)>,
    filed: BTreeMap<Option<String>, FiledBy>,
    people: People<'a>,
}

impl<'a> Gathering<'a> {
    /// Begins with nothing. `interests` says which interests of the user a follower shares.
    pub fn new(
        since: Timestamp,
        until: Timestamp,
        hosts: &'a Hosts,
        interests: &'a dyn Fn(&Follower) -> Vec<String>,
    ) -> Self {
        Self {
            since,
            until,
            totals: Counts::default(),
            forged: 0,
            put_back: 0,
            moments: Vec::new(),
            filed: BTreeMap::new(),
            people: People { hosts, interests, known: BTreeMap::new() },
        }
    }

    /// Adds a message, which came no later than the one before it.
    pub fn add(&mut self, message: &Remembered) {
        if matches!(message.entry.judged.notification.authentic, Authenticity::Fail(_)) {
            self.forged += 1;
            return;
        }
        let fate = message.fate();
        let group = group(message, &fate);
        self.totals.add(group);
        self.put_back += u64::from(fate == Fate::PutBack);
        self.moments.push((message.entry.judged.notification.received, group));
        match fate {
            Fate::Filed { to, by_user } => note(&mut self.filed, message, to, by_user),
            Fate::Stayed | Fate::PutBack => self.people.add(message, group, fate == Fate::PutBack),
        }
    }

    /// The overview.
    pub fn finish(self) -> Overview {
        let Self { since, until, totals, forged, put_back, moments, filed, people } = self;
        let (mut real, mut others) = (Vec::new(), Vec::new());
        for (group, person) in people.known.into_values() {
            if group == Group::Real { real.push(person) } else { others.push(person) }
        }
        real.sort_by_key(|person| Reverse(person.received));
        others
            .sort_by_key(|person| (Reverse(person.verdict.shared_interests.len()), Reverse(person.received)));
        let mut filed: Vec<FiledBy> = filed.into_values().collect();
        filed.sort_by_key(|one| Reverse(one.messages));
        let (unit, periods) = period::periods(since, until, &moments);
        let suggestions = Vec::new();
        Overview { since, until, totals, forged, put_back, real, others, filed, unit, periods, suggestions }
    }
}

impl Overview {
    /// Adds what corrections suggest for a rules file of this name.
    pub fn suggest(&mut self, suggestions: &[Suggestion], file: &str) {
        self.suggestions.extend(suggestions.iter().map(|one| Advice {
            words: in_words(one, file),
            toml: text::screen(&one.toml, false).into_owned(),
        }));
    }
}

/// Real is whom the user put back, and whom the rules call that, if a message proves it by more than a name.
fn group(message: &Remembered, fate: &Fate) -> Group {
    let judged = &message.entry.judged;
    let mut reasons = judged.verdicts.iter().flat_map(|it| &it.reasons);
    let is_real = judged.verdict.as_ref().is_some_and(|class| class.as_str() == REAL);
    match fate {
        Fate::Filed { .. } => Group::Filed,
        Fate::PutBack => Group::Real,
        Fate::Stayed => {
            match is_real && is_proven(message) && !reasons.any(|reason| reason.evidence.by_name_alone) {
                true => Group::Real,
                false => Group::Others,
            }
        }
    }
}

fn is_proven(message: &Remembered) -> bool {
    matches!(message.entry.judged.notification.authentic, Authenticity::Pass(_))
}

/// The followers of messages that stayed.
struct People<'a> {
    hosts: &'a Hosts,
    interests: &'a dyn Fn(&Follower) -> Vec<String>,
    known: BTreeMap<FollowerKey, (Group, Person)>,
}

impl People<'_> {
    /// Adds those of a message. Later messages come first, and say what a follower is like now.
    fn add(&mut self, message: &Remembered, group: Group, put_back: bool) {
        let judged = &message.entry.judged;
        let notification = &judged.notification;
        for (follower, verdict) in notification.followers.iter().zip(&judged.verdicts) {
            let key = notification.key(follower);
            if let Some((known, person)) = self.known.get_mut(&key) {
                person.messages += 1;
                person.put_back |= put_back;
                if group == Group::Real {
                    *known = group;
                }
                continue;
            }
            let url = follower.url.value();
            let may_be_shown =
                |url: &&String| self.hosts.allow(&judged.mail.account, &notification.network, url);
            let shared_interests = (self.interests)(follower);
            let person = Person {
                network: notification.network.as_str().to_owned(),
                title: text::line(&notification.title).into_owned(),
                received: notification.received,
                messages: 1,
                follower: harmless_follower(follower),
                link: url.filter(may_be_shown).cloned(),
                verdict: harmless(&Verdict { shared_interests, ..verdict.clone() }),
                put_back,
                proven: is_proven(message),
            };
            self.known.insert(key, (group, person));
        }
    }
}

fn note(filed: &mut BTreeMap<Option<String>, FiledBy>, message: &Remembered, to: Folder, by_user: bool) {
    let rule = deciding(message.verdicts()).filter(|_| !by_user);
    let one = filed.entry(rule.clone()).or_insert_with(|| FiledBy {
        rule,
        messages: 0,
        folders: BTreeSet::new(),
        names: Vec::new(),
    });
    one.messages += 1;
    one.folders.insert(to);
    let names = message.entry.judged.notification.followers.iter().map(super::text::name);
    let room = NAMED.saturating_sub(one.names.len());
    one.names.extend(names.take(room).map(|name| text::line(&name).into_owned()));
}

/// The rule that decided, or those whose points did.
fn deciding(verdicts: &[Verdict]) -> Option<String> {
    let counts = |points: Option<f64>| points.is_none_or(|points| points > 0.0);
    let reasons = verdicts.iter().flat_map(|verdict| &verdict.reasons);
    let rules: BTreeSet<&str> =
        reasons.filter(|reason| counts(reason.points)).map(|reason| &*reason.rule).collect();
    let rules: Vec<_> = rules.into_iter().collect();
    (!rules.is_empty()).then(|| text::line(&rules.join(" + ")).into_owned())
}

/// A follower whose texts are lines, whatever the ledger holds.
fn harmless_follower(follower: &Follower) -> Follower {
    let mut follower = follower.clone();
    for fact in Fact::ALL {
        if let FactMut::Text(Shown::Value(shown)) = follower.fact_mut(fact) {
            *shown = text::line(shown).into_owned();
        }
    }
    follower
}
