//! What gateways, alias services, mail programs and odd sites do to messages: each rewriting is done to every notification of
//! `tests/corpus`, and of the folders that `FOLLOWSIFT_CORPUS` names, and what is no longer read the same is counted.
//! `losses.txt` holds the counts. `UPDATE_EXPECT=1` rewrites it; a loss more or less belongs to the change that made it.
//!
//! And no rewriting of another message makes it a notification.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic and print")]
#![expect(clippy::disallowed_methods, reason = "a test asks for its own environment")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use followsift::clock::Timestamp;
use followsift::diagnostic::document::Findings;
use followsift::mail::{
    Authenticity, Fact, Message, Notification, Profiles, Recognition, Trust, with_plain_line_ends,
};

use crate::ordinary::everyday;
use crate::support::golden;
use alias as a;
use mail::Mail;
use parts as p;
use site as s;

mod alias;
mod links;
mod mail;
mod parts;
mod site;

static PROFILES: LazyLock<Profiles> =
    LazyLock::new(|| Profiles::compile(&Profiles::shipped_sources(), &Findings::default()));

/// A way in which messages are rewritten. It says whether it changed anything.
type Rewrite = fn(&mut Mail) -> bool;

/// What may differ after a rewriting.
#[derive(Clone, Copy, PartialEq, Eq)]
enum May {
    Nothing,
    /// The link may be missing: its target is not in the message.
    LackUrl,
    /// Nothing proves or disproves the sender any more.
    BeUnproven,
    /// The name is blank.
    LackName,
}

/// The rewritings, and the most that may be lost in the end, of a hundred messages.
const REWRITINGS: &[(&str, Rewrite, May, Option<usize>)] = &[
    ("encoded anew, otherwise as it was", |_| true, May::Nothing, Some(0)),
    ("subject: [EXT] before", |m| tag(m, "[EXT] ", ""), May::Nothing, Some(0)),
    ("subject: [EXTERNAL] before", |m| tag(m, "[EXTERNAL] ", ""), May::Nothing, Some(0)),
    ("subject: ***SPAM*** before", |m| tag(m, "***SPAM*** ", ""), May::Nothing, Some(0)),
    ("subject: EXTERNAL: before", |m| tag(m, "EXTERNAL: ", ""), May::Nothing, Some(0)),
    ("subject: [list] before", |m| tag(m, "[list] ", ""), May::Nothing, Some(0)),
    ("subject: two tags before", |m| tag(m, "[EXT] {Spam?} ", ""), May::Nothing, Some(0)),
    ("subject: [EXT] after", |m| tag(m, "", " [EXT]"), May::Nothing, Some(0)),
    ("subject: [list] after", |m| tag(m, "", " [list]"), May::Nothing, Some(0)),
    ("subject: ***SPAM*** after", |m| tag(m, "", " ***SPAM***"), May::Nothing, Some(0)),
    ("alias: SimpleLogin", a::simple_login, May::BeUnproven, Some(10)),
    ("alias: Proton Pass", a::proton, May::BeUnproven, Some(10)),
    ("alias: addy.io", a::addy, May::BeUnproven, Some(10)),
    ("alias: Firefox Relay", a::firefox_relay, May::BeUnproven, Some(10)),
    ("alias: DuckDuckGo", a::duck_duck_go, May::BeUnproven, Some(10)),
    ("alias: Hide My Email", a::hide_my_email, May::BeUnproven, Some(10)),
    ("alias: Fastmail", a::fastmail, May::Nothing, Some(10)),
    ("forwarded by a rule", a::forwarded_by_a_rule, May::Nothing, Some(0)),
    ("List-ID missing", a::drop_list_id, May::Nothing, Some(10)),
    ("Safe Links, text", |m| links::in_text(m, links::safe_links), May::Nothing, Some(0)),
    ("Safe Links, HTML", |m| links::in_html(m, links::safe_links), May::Nothing, Some(0)),
    ("Safe Links", |m| wrap(m, links::safe_links), May::Nothing, Some(0)),
    ("Proofpoint 2", |m| wrap(m, links::proofpoint_2), May::Nothing, Some(0)),
    ("Proofpoint 3", |m| wrap(m, links::proofpoint_3), May::Nothing, Some(0)),
    ("Barracuda", |m| wrap(m, links::barracuda), May::Nothing, Some(0)),
    ("Cisco", |m| wrap(m, links::cisco), May::Nothing, Some(0)),
    ("Sophos", |m| wrap(m, links::sophos), May::Nothing, Some(0)),
    ("google.com/url", |m| wrap(m, links::google), May::Nothing, Some(0)),
    ("Safe Links around Proofpoint 2", |m| wrap(m, links::both), May::Nothing, Some(0)),
    ("Mimecast (the target's domain alone)", |m| wrap(m, links::mimecast), May::LackUrl, None),
    ("clicks tracked by SendGrid", |m| wrap(m, links::sendgrid), May::LackUrl, None),
    ("clicks tracked by Mailgun", |m| wrap(m, links::mailgun), May::LackUrl, None),
    ("clicks tracked in HTML alone", |m| links::in_html(m, links::sendgrid), May::LackUrl, None),
    ("HTML alone", p::html_alone, May::Nothing, Some(0)),
    ("text made from HTML", p::text_from_html, May::Nothing, Some(0)),
    ("warning as the first part", p::warning_first, May::Nothing, Some(0)),
    ("warning as the last part", p::warning_last, May::Nothing, Some(0)),
    ("warning inside both parts", p::warning_inside, May::Nothing, Some(0)),
    ("nested, beside an attachment", p::nested, May::Nothing, Some(0)),
    ("subject cut every 20 bytes, B", p::cut_base64, May::Nothing, Some(0)),
    ("subject cut every 20 bytes, Q", p::cut_quoted, May::Nothing, Some(0)),
    ("the same without blanks, B", p::joined_base64, May::Nothing, Some(0)),
    ("the same without blanks, Q", p::joined_quoted, May::Nothing, Some(0)),
    ("base64 in padded pieces", p::padded_pieces, May::Nothing, Some(0)),
    ("invisible name", p::invisible_name, May::LackName, Some(0)),
    ("From with a bare comma", p::comma, May::Nothing, Some(0)),
    ("From with a bare colon", p::colon, May::Nothing, Some(0)),
    ("From with a smiley", p::smiley, May::Nothing, Some(0)),
    ("lines end with CR CR LF", p::line_ends, May::Nothing, Some(0)),
    ("site below a path", s::below_a_path, May::Nothing, Some(0)),
    ("site below two paths", s::below_two_paths, May::Nothing, Some(0)),
    ("site on a port", s::on_a_port, May::Nothing, Some(0)),
    ("www. in links", s::www_in_links, May::Nothing, Some(0)),
    ("two domains, web below local", s::web_below_local, May::Nothing, Some(0)),
    ("two domains, web elsewhere", s::web_elsewhere, May::Nothing, Some(0)),
    ("two domains, sent from the web's", s::sent_from_web, May::Nothing, Some(0)),
];

/// A gateway writes its tag before or after the subject as it is, encoded or not.
fn tag(mail: &mut Mail, before: &str, after: &str) -> bool {
    let subject = format!("{before}{}{after}", mail.field("Subject").unwrap_or_default());
    mail.set("Subject", subject);
    true
}

fn wrap(mail: &mut Mail, wrapper: fn(&str) -> String) -> bool {
    let text = links::in_text(mail, wrapper);
    links::in_html(mail, wrapper) || text
}

fn recognise(bytes: &[u8]) -> Recognition {
    let plain = with_plain_line_ends(bytes);
    match Message::parse(plain.as_deref().unwrap_or(bytes)) {
        Ok(message) => PROFILES.recognise(&message, &Trust::default(), Timestamp(0)),
        Err(_) => Recognition::Foreign,
    }
}

/// How a message was read after a rewriting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Same,
    Differs,
    Incomplete,
    Foreign,
}

fn fate(genuine: &Notification, rewritten: &Mail, may: May) -> (Fate, String) {
    let bytes = rewritten.bytes();
    let found = match recognise(&bytes) {
        Recognition::Recognised(found) => found,
        Recognition::Foreign => return (Fate::Foreign, String::new()),
        other => return (Fate::Incomplete, format!("{other:?}")),
    };
    let is_plausible = PROFILES.plausible(&bytes);
    assert!(is_plausible, "recognised, but not plausible:\n{}", String::from_utf8_lossy(&bytes));
    let mut differences = Vec::new();
    let mut check = |what: &str, expected: String, found: String| {
        if expected != found {
            differences.push(format!("{what} {found:?} for {expected:?}"));
        }
    };
    check("network", genuine.network.to_string(), found.network.to_string());
    check("kind", genuine.kind.to_string(), found.kind.to_string());
    check("followers", genuine.followers.len().to_string(), found.followers.len().to_string());
    if may != May::BeUnproven {
        check("authentic", genuine.authentic.word().to_owned(), found.authentic.word().to_owned());
    }
    for (genuine, found) in genuine.followers.iter().zip(&found.followers) {
        for fact in Fact::ALL {
            let shown = |follower: &followsift::mail::Follower| {
                let text = follower.text(fact).value().map(|text| (*text).to_owned());
                let count = follower.count(fact).value().map(ToString::to_string);
                text.or(count).unwrap_or_default()
            };
            let (mut expected, found) = (shown(genuine), shown(found));
            if fact == Fact::Url {
                // Each move also stands with what follows the host.
                let whole = format!("{expected}\n");
                let moved = rewritten.moves.iter().fold(whole, |url, (from, to)| url.replace(from, to));
                expected = moved.trim_end().to_owned();
            }
            let is_excused = match (fact, may) {
                (Fact::Url, May::LackUrl) => found.is_empty(),
                (Fact::Name, May::LackName) => found.is_empty(),
                _ => false,
            };
            if !is_excused {
                check(fact.word(), expected, found);
            }
        }
    }
    let fate = if differences.is_empty() { Fate::Same } else { Fate::Differs };
    (fate, differences.join("; "))
}

/// A message with its name.
type Named = (String, Vec<u8>);

/// The messages of `tests/corpus`.
fn own() -> Vec<Named> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut found = Vec::new();
    for network in fs::read_dir(corpus).unwrap() {
        for case in fs::read_dir(network.unwrap().path()).unwrap() {
            let case = case.unwrap().path();
            // One that came through an alias service already loses its sender for good if a second one writes it anew.
            if case.file_name().is_some_and(|name| name.to_string_lossy().starts_with("relayed-")) {
                continue;
            }
            found.push((case.display().to_string(), fs::read(case.join("message.eml")).unwrap()));
        }
    }
    found.sort();
    found
}

/// The messages of the folders that the environment names; those that announce followers, and all others.
fn further() -> (Vec<Named>, Vec<Named>) {
    let corpora = std::env::var_os("FOLLOWSIFT_CORPUS").unwrap_or_default();
    let folders = std::env::split_paths(&corpora).filter(|folder| !folder.as_os_str().is_empty());
    let (mut follows, mut others) = (Vec::new(), Vec::new());
    for folder in folders {
        let labels = fs::read_to_string(folder.join("labels.tsv")).unwrap();
        for label in labels.lines().skip(1) {
            let mut cells = label.split('\t');
            let (file, kind) = (cells.next().unwrap(), cells.next().unwrap());
            let message = (file.to_owned(), fs::read(folder.join(file)).unwrap());
            match kind {
                "other" | "forged-follow" => others.push(message),
                _ => follows.push(message),
            }
        }
    }
    (follows, others)
}

/// How many messages met which fate, by rewriting.
type Tally = BTreeMap<&'static str, BTreeMap<Fate, usize>>;

fn tally(messages: &[Named]) -> Tally {
    let mut tally = Tally::new();
    let shown = std::env::var("FOLLOWSIFT_LOSSES").unwrap_or_default();
    for (name, bytes) in messages {
        let Recognition::Recognised(genuine) = recognise(bytes) else { continue };
        let Some(mail) = Mail::take_apart(bytes, Some(&genuine)) else { panic!("{name}") };
        for (rewriting, rewrite, may, _) in REWRITINGS {
            let mut rewritten = mail.clone();
            if !rewrite(&mut rewritten) {
                continue;
            }
            let (fate, why) = fate(&genuine, &rewritten, *may);
            *tally.entry(rewriting).or_default().entry(fate).or_default() += 1;
            if fate != Fate::Same && !shown.is_empty() && rewriting.contains(&shown) {
                println!("{rewriting}: {fate:?}: {name}: {why}");
            }
        }
    }
    tally
}

fn cells(fates: Option<&BTreeMap<Fate, usize>>) -> [usize; 4] {
    let of = |fate| fates.and_then(|fates| fates.get(&fate)).copied().unwrap_or_default();
    let tried = fates.map(|fates| fates.values().sum()).unwrap_or_default();
    [tried, of(Fate::Differs), of(Fate::Incomplete), of(Fate::Foreign)]
}

const LOSSES: &str = "tests/rewritings/losses.txt";
const HEAD: &str = "\
# How many notifications are not read the same after a rewriting: of those of tests/corpus, then of the folders that
# FOLLOWSIFT_CORPUS named when the table was written. tests/rewritings counts; UPDATE_EXPECT=1 rewrites the table, and
# FOLLOWSIFT_LOSSES=WORDS prints each loss of the rewritings whose names contain the words. At most the numbers of the second
# half may be lost of the folders. A star: more is lost than may be in the end.
#
# differ: recognised, but something is read differently
#
#  tried differ incomp foreign    tried differ incomp foreign   rewriting
";

#[test]
fn what_each_rewriting_loses_stands_in_the_table() {
    let (own, (follows, _)) = (tally(&own()), further());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(LOSSES);
    let listed = fs::read_to_string(&file).unwrap_or_default();
    let listed: BTreeMap<&str, Vec<usize>> = listed
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let (numbers, name) = line.split_at_checked(64)?;
            let numbers = numbers.replace('*', " ");
            Some((name, numbers.split_whitespace().filter_map(|it| it.parse().ok()).collect()))
        })
        .collect();
    let is_further = !follows.is_empty();
    let further = tally(&follows);
    let (mut table, mut found) = (HEAD.to_owned(), HEAD.to_owned());
    let mut worse = Vec::new();
    for (rewriting, _, _, most) in REWRITINGS {
        let here = cells(own.get(rewriting));
        let known = listed.get(rewriting).and_then(|numbers| numbers.get(4..8)?.try_into().ok());
        let known = known.unwrap_or([0; 4]);
        let there = if is_further { cells(further.get(rewriting)) } else { known };
        if there.iter().zip(&known).skip(1).any(|(now, known)| now > known) {
            worse.push(format!("{rewriting}: {there:?}, not {known:?}"));
        }
        let is_star = |[tried, differ, incomplete, foreign]: [usize; 4]| {
            most.is_some_and(|most| foreign > 0 || (differ + incomplete) * 100 > most * tried)
        };
        let row = |there: [usize; 4]| {
            let star = if is_star(here) || is_star(there) { '*' } else { ' ' };
            let [[a, b, c, d], [e, f, g, h]] = [here, there];
            format!("{star}{a:7}{b:7}{c:7}{d:8}   {e:6}{f:7}{g:7}{h:8}   {rewriting}\n")
        };
        found += &row(there);
        table += &row(if golden::is_updating() { there } else { known });
    }
    println!("{found}");
    golden::holds(LOSSES, &table);
    assert!(golden::is_updating() || worse.is_empty(), "{}", worse.join("\n"));
}

/// Without its List-ID nothing tells this one, which was written to look so, from a notification.
const DISGUISED: &str = "mastodon/subscription";

/// Messages that announce nobody: with the names that failures print.
fn ordinary() -> Vec<Named> {
    let is_none = |(name, bytes): &Named| !is_notification(bytes) && !name.ends_with(DISGUISED);
    let mut found: Vec<_> = own().into_iter().filter(is_none).collect();
    found.extend(further().1);
    for seed in 0..300 {
        let mut luck = fastrand::Rng::with_seed(seed);
        let (what, bytes) = everyday::mail(&mut luck);
        found.push((format!("made up {seed}, {what}"), bytes));
    }
    found
}

/// A forged one counts as none: nothing is ever done to it.
fn is_notification(bytes: &[u8]) -> bool {
    match recognise(bytes) {
        Recognition::Recognised(notification) => !matches!(notification.authentic, Authenticity::Fail(_)),
        _ => false,
    }
}

#[test]
fn no_rewriting_of_an_ordinary_message_makes_it_a_notification() {
    let mut wrong = Vec::new();
    let mut tried = 0;
    for (number, (name, bytes)) in ordinary().into_iter().enumerate() {
        assert!(!is_notification(&bytes), "{name}");
        let Some(mail) = Mail::take_apart(&bytes, None) else { continue };
        let mut luck = fastrand::Rng::with_seed(number as u64);
        let singles = REWRITINGS.iter().map(|(name, rewrite, ..)| (vec![*name], vec![*rewrite]));
        let mut pair = || REWRITINGS[luck.usize(..REWRITINGS.len())];
        let pairs: Vec<_> = (0..6).map(|_| [pair(), pair()]).collect();
        let pairs = pairs.iter().map(|[one, two]| (vec![one.0, two.0], vec![one.1, two.1]));
        for (names, rewrites) in singles.chain(pairs) {
            let mut rewritten = mail.clone();
            for rewrite in rewrites {
                rewrite(&mut rewritten);
            }
            tried += 1;
            let bytes = rewritten.bytes();
            if !is_notification(&bytes) {
                continue;
            }
            wrong.push(format!("{name}, {}\n{}", names.join(", then "), String::from_utf8_lossy(&bytes)));
        }
    }
    assert!(tried > 10_000, "{tried}");
    assert!(wrong.is_empty(), "{} of {tried}\n{}", wrong.len(), wrong.join("\n\n"));
}

/// The most ordinary messages that may seem to be notifications once a tracker rewrote their links, of a hundred: many of those made
/// up have the whole subject of one, and some have its lines, too.
const SEEMING: usize = 7;

#[test]
fn a_tracker_makes_few_ordinary_messages_seem_notifications() {
    let is_foreign = |bytes: &[u8]| recognise(bytes) == Recognition::Foreign;
    let is_tracker = |name: &str| name.starts_with("clicks tracked") || name.starts_with("Mimecast");
    let trackers: Vec<_> = REWRITINGS.iter().filter(|(name, ..)| is_tracker(name)).collect();
    let (mut tried, mut seeming) = (0, Vec::new());
    for (name, bytes) in ordinary().into_iter().filter(|(_, bytes)| is_foreign(bytes)) {
        let Some(mail) = Mail::take_apart(&bytes, None) else { continue };
        for (tracker, rewrite, ..) in &trackers {
            let mut rewritten = mail.clone();
            if rewrite(&mut rewritten) {
                tried += 1;
                if !is_foreign(&rewritten.bytes()) {
                    seeming.push(format!("{name}, {tracker}"));
                }
            }
        }
    }
    let many = seeming.len();
    assert!(tried > 500 && many * 100 <= tried * SEEMING, "{many} of {tried}\n{}", seeming.join("\n"));
}
