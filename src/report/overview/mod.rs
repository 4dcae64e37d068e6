//! An overview for a person: who came, the real ones first, what was filed and by which rule, and how that changed over time.
//! Pure: [`Gathering`] takes what the ledger remembers, [`Overview`] is what comes of it, and `table`, `page` and `json` print
//! that. Called by the command `report`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::history::harmless;
use super::link::Hosts;
use crate::clock::Timestamp;
use crate::ledger::{Filing, HistoryEntry, Settlement};
use crate::mail::{Authenticity, Fact, FactMut, Follower, FollowerKey, Notification, Shown};
use crate::place::{AccountName, Folder, MailIdentity};
use crate::rules::Verdict;
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

/// What the ledger remembers, before it is put together.
#[derive(Debug, Default)]
pub struct Gathering {
    messages: Vec<Message>,
    /// Where in `messages` each is.
    places: BTreeMap<(AccountName, MailIdentity), usize>,
}

#[derive(Debug)]
struct Message {
    account: AccountName,
    notification: Notification,
    verdicts: Vec<Verdict>,
    is_real: bool,
    moves: Vec<Filing>,
    put_back: Option<Timestamp>,
    /// The rule that led to the moves.
    rule: Option<String>,
}

impl Gathering {
    /// Takes the next entry. Those of one message come the newest first: it shows how the message is judged, and an earlier one
    /// may have led to its move.
    pub fn add(&mut self, entry: HistoryEntry) {
        let HistoryEntry { judged, moves, put_back, .. } = entry;
        let rule = deciding(&judged.verdicts);
        let place = (judged.mail.account.clone(), judged.identity);
        if let Some(known) = self.places.get(&place).and_then(|at| self.messages.get_mut(*at)) {
            if known.moves.is_empty() {
                known.moves = moves;
                known.rule = rule;
            }
            return;
        }
        self.places.insert(place, self.messages.len());
        self.messages.push(Message {
            account: judged.mail.account,
            is_real: judged.verdict.as_ref().is_some_and(|class| class.as_str() == REAL),
            notification: judged.notification,
            verdicts: judged.verdicts,
            moves,
            put_back,
            rule,
        });
    }

    /// Puts together what came from `since` on. `interests` says which interests of the user a follower shares.
    pub fn overview(
        mut self,
        since: Timestamp,
        until: Timestamp,
        hosts: &Hosts,
        interests: &dyn Fn(&Follower) -> Vec<String>,
    ) -> Overview {
        self.messages.retain(|message| message.notification.received >= since);
        self.messages.sort_by_key(|message| Reverse(message.notification.received));
        let is_forged = |message: &Message| matches!(message.notification.authentic, Authenticity::Fail(_));
        let all = self.messages.len();
        self.messages.retain(|message| !is_forged(message));
        let mut totals = Counts::default();
        let mut moments = Vec::new();
        let mut filed = BTreeMap::<Option<String>, FiledBy>::new();
        let mut people = BTreeMap::<FollowerKey, (Group, Person)>::new();
        let forged = (all - self.messages.len()) as u64;
        let put_back = self.messages.iter().filter(|message| message.put_back.is_some()).count() as u64;
        for message in self.messages {
            let group = message.group();
            totals.add(group);
            moments.push((message.notification.received, group));
            match message.filed() {
                Some(filing) => note(&mut filed, &message, filing),
                None => message.people(group, hosts, interests, &mut people),
            }
        }
        let mut real = Vec::new();
        let mut others = Vec::new();
        for (group, person) in people.into_values() {
            if group == Group::Real { real.push(person) } else { others.push(person) }
        }
        real.sort_by_key(|person| Reverse(person.received));
        others
            .sort_by_key(|person| (Reverse(person.verdict.shared_interests.len()), Reverse(person.received)));
        let mut filed: Vec<FiledBy> = filed.into_values().collect();
        filed.sort_by_key(|one| Reverse(one.messages));
        let (unit, periods) = period::periods(since, until, &moments);
        Overview { since, until, totals, forged, put_back, real, others, filed, unit, periods }
    }
}

impl Message {
    /// The move that took it out of the inbox, if it still is where that took it.
    fn filed(&self) -> Option<&Filing> {
        let done = |filing: &&Filing| {
            matches!(filing.settled, Some((Settlement::Moved { .. } | Settlement::Doubled { .. }, _)))
        };
        let last = self.moves.iter().rfind(done)?;
        let is_back = last.returns || self.put_back.is_some_and(|at| at >= last.stated_at);
        (!is_back).then_some(last)
    }

    /// Real is whom the user put back, and whom the rules call that, if a message proves it by more than a name.
    fn group(&self) -> Group {
        let by_name_alone =
            self.verdicts.iter().flat_map(|it| &it.reasons).any(|reason| reason.evidence.by_name_alone);
        match self.filed() {
            Some(_) => Group::Filed,
            None if self.put_back.is_some() => Group::Real,
            None if self.is_real && self.is_proven() && !by_name_alone => Group::Real,
            None => Group::Others,
        }
    }

    fn is_proven(&self) -> bool {
        matches!(self.notification.authentic, Authenticity::Pass(_))
    }

    /// Adds its followers. Later messages come first, and say what the follower is like now.
    fn people(
        self,
        group: Group,
        hosts: &Hosts,
        interests: &dyn Fn(&Follower) -> Vec<String>,
        people: &mut BTreeMap<FollowerKey, (Group, Person)>,
    ) {
        let proven = self.is_proven();
        let keys: Vec<_> = self.notification.keys().collect();
        let Self { account, notification, verdicts, put_back, .. } = self;
        for ((key, follower), verdict) in keys.into_iter().zip(&notification.followers).zip(&verdicts) {
            if let Some((known, person)) = people.get_mut(&key) {
                person.messages += 1;
                person.put_back |= put_back.is_some();
                if group == Group::Real {
                    *known = group;
                }
                continue;
            }
            let url = follower.url.value();
            let link = url.filter(|url| hosts.allow(&account, &notification.network, url)).cloned();
            let shared_interests = interests(follower);
            let person = Person {
                network: notification.network.as_str().to_owned(),
                title: text::line(&notification.title).into_owned(),
                received: notification.received,
                messages: 1,
                follower: harmless_follower(follower),
                link,
                verdict: harmless(&Verdict { shared_interests, ..verdict.clone() }),
                put_back: put_back.is_some(),
                proven,
            };
            people.insert(key, (group, person));
        }
    }
}

fn note(filed: &mut BTreeMap<Option<String>, FiledBy>, message: &Message, filing: &Filing) {
    let rule = message.rule.clone().filter(|_| !filing.by_user);
    let one = filed.entry(rule.clone()).or_insert_with(|| FiledBy {
        rule,
        messages: 0,
        folders: BTreeSet::new(),
        names: Vec::new(),
    });
    one.messages += 1;
    one.folders.insert(filing.to.clone());
    let names = message.notification.followers.iter().map(super::text::name);
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
