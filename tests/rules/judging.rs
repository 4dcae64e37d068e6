//! What rules say of followers.

use std::collections::BTreeMap;

use followsift::clock::Timestamp;
use followsift::mail::{Authenticity, Follower, Kind, Network, Notification, Shown};
use followsift::rules::{Case, Fact, ListSource, Lists, Match, Past, Person, RuleSet, Verdict, VerdictName};

use super::rules;

const VERDICTS: &str = "\
[verdict.spam]
move-to = \"Followers/Spam\"
points-at = 5

[verdict.numbers-game]
move-to = \"Followers/Numbers game\"

[verdict.fans]

[list.friends]
people = [\"Ana Lima\", \"@bob@mastodon.example\"]
";

fn value<T>(value: T) -> Shown<T> {
    Shown::Value(value)
}

fn text(text: &str) -> Shown<String> {
    if text.is_empty() { Shown::Empty } else { value(text.to_owned()) }
}

/// A Mastodon mail about one follower.
pub(super) fn notification(follower: Follower) -> Notification {
    Notification {
        network: Network::new("mastodon").unwrap(),
        title: "Mastodon".into(),
        kind: Kind::Follow,
        layout: "card".into(),
        authentic: Authenticity::Unknown,
        instance: Some("home.example".to_owned()),
        followers: vec![follower],
        complete: true,
        received: Timestamp(1_000_000),
    }
}

pub(super) fn lists(rules: &RuleSet) -> Lists {
    rules.gather(&BTreeMap::new())
}

fn judge(rules: &RuleSet, follower: &Follower, past: &Past) -> Verdict {
    let notification = notification(follower.clone());
    rules.judge(&Case::of(&notification, follower, past), &lists(rules))
}

/// `spam by A (following 2001 >= 2000)`, `undecided with 3 points by B (posts 0)`.
fn words(verdict: &Verdict) -> String {
    let class = verdict.class.as_ref().map_or("undecided", VerdictName::as_str);
    let points =
        if verdict.points == 0.0 { String::new() } else { format!(" with {} points", verdict.points) };
    let reasons: Vec<_> =
        verdict.reasons.iter().map(|reason| format!(" by {} ({})", reason.rule, reason.evidence)).collect();
    format!("{class}{points}{}", reasons.join(" and"))
}

#[track_caller]
fn check(rule: &str, follower: &Follower, expected: &str) {
    check_with(rule, follower, &Past::default(), expected);
}

#[track_caller]
fn check_with(rule: &str, follower: &Follower, past: &Past, expected: &str) {
    let rules = rules(&format!("{VERDICTS}{rule}"));
    assert_eq!(words(&judge(&rules, follower, past)), expected, "{rule}");
}

/// A rule that makes a follower spam if `when` holds for them, and its verdict.
#[track_caller]
fn holds(when: &str, follower: &Follower, expected: &str) {
    let rule = format!("[[rule]]\nname = \"A\"\n{when}\nverdict = \"spam\"\n");
    check(&rule, follower, &format!("spam by A ({expected})"));
}

#[track_caller]
fn does_not_hold(when: &str, follower: &Follower) {
    let rule = format!("[[rule]]\nname = \"A\"\n{when}\nverdict = \"spam\"\n");
    check(&rule, follower, "undecided");
}

fn counts(following: u64, followers: u64) -> Follower {
    Follower { following: value(following), followers: value(followers), ..Follower::default() }
}

const TWO: &str = "
[[rule]]
name = \"Nobody\"
when.followers = \"<= 10\"
verdict = \"numbers-game\"

[[rule]]
name = \"Thousands\"
when.following = \">= 2000\"
verdict = \"spam\"

[[rule]]
name = \"Lopsided\"
when.ratio = \">= 30\"
points = 3

[[rule]]
name = \"Hundreds\"
when.following = \">= 300\"
points = 2
";

#[test]
fn the_first_rule_that_fires_decides() {
    check(TWO, &counts(2001, 3), "numbers-game by Nobody (followers 3 <= 10)");
    check(TWO, &counts(2001, 30), "spam by Thousands (following 2001 >= 2000)");
}

#[test]
fn points_are_summed_only_where_no_rule_decides() {
    check(
        TWO,
        &counts(400, 11),
        "spam with 5 points by Lopsided (ratio 36.364 >= 30) and by Hundreds (following 400 >= 300)",
    );
    check(TWO, &counts(400, 100), "undecided with 2 points by Hundreds (following 400 >= 300)");
}

#[test]
fn a_rule_that_cannot_tell_is_as_if_it_were_not_there() {
    let follower = Follower { following: value(2001), ..Follower::default() };
    check(TWO, &follower, "spam by Thousands (following 2001 >= 2000)");
    does_not_hold("when.not.followers = \">= 10\"", &follower);
}

#[test]
fn points_that_reach_exactly_the_least_are_enough() {
    let tenths = "[[rule]]\nname = \"A\"\nwhen.following = 1\npoints = 4.7\n[[rule]]\nname = \"B\"\npoints = 0.1\n\
                  [[rule]]\nname = \"C\"\npoints = 0.2\n";
    check(tenths, &counts(1, 1), "spam with 5 points by A (following 1) and by B (always) and by C (always)");
}

#[test]
fn a_fact_can_be_not_shown_empty_or_there() {
    let hidden = Follower::default();
    let empty = Follower { bio: Shown::Empty, ..Follower::default() };
    let there = Follower { bio: text("hello"), ..Follower::default() };
    holds("when.bio.shown = false", &hidden, "bio not shown");
    holds("when.bio = { empty = true }", &empty, "bio empty");
    holds("when.bio = { empty = false }", &there, "bio not empty");
    holds("when.bio = { shown = true }", &empty, "bio shown");
    holds("when.not.bio.has = \"x\"", &empty, "bio empty");
    holds("when.bio.matches = '^$'", &empty, "bio matches \"\"");
    does_not_hold("when.bio = { empty = true }", &hidden);
    does_not_hold("when.bio = { empty = false }", &hidden);
    does_not_hold("when.not.bio.has = \"x\"", &hidden);
    does_not_hold("when.bio = { empty = true }", &there);
}

#[test]
fn text_is_compared_folded() {
    let follower = Follower { bio: text("ＦＲＥＥ Aírdrop, join Straßenfest"), ..Follower::default() };
    holds("when.bio.has = \"free a\"", &follower, "bio has \"free a\"");
    holds("when.bio.word = [\"x\", \"STRASSENFEST\"]", &follower, "bio has word \"STRASSENFEST\"");
    holds("when.bio.starts = \"free\"", &follower, "bio starts with \"free\"");
    holds("when.bio.ends = \"fest\"", &follower, "bio ends with \"fest\"");
    holds(
        "when.bio = \"free aírdrop, join strassenfest\"",
        &follower,
        "bio is \"free aírdrop, join strassenfest\"",
    );
    holds("when.bio.matches = '(?i)j\\w+n'", &follower, "bio matches \"join\"");
    holds(
        "when.bio = { has = \"free\", word = \"join\" }",
        &follower,
        "bio has \"free\", bio has word \"join\"",
    );
    does_not_hold("when.bio = { has = \"free\", word = \"joi\" }", &follower);
    does_not_hold("when.bio.word = \"fest\"", &follower);
    does_not_hold("when.bio.matches = 'free'", &follower);
}

#[test]
fn any_all_and_not_nest() {
    let follower = Follower { posts: value(0), bio: Shown::Empty, ..counts(40, 2) };
    holds("when.any = [{ followers = \"> 5\" }, { posts = 0 }]", &follower, "posts 0");
    holds(
        "when.all = [{ not = { any = [{ followers = \"> 5\" }, { bio = { has = \"x\" } }] } }, { posts = 0 }]",
        &follower,
        "followers 2, not > 5, bio empty, posts 0",
    );
    holds("when.any = [{ location = \"x\" }, { posts = 0 }]", &follower, "posts 0");
    does_not_hold("when.all = [{ location = \"x\" }, { posts = 0 }]", &follower);
    does_not_hold("when.not.any = [{ location = \"x\" }, { posts = 1 }]", &follower);
}

#[test]
fn the_message_itself_can_be_asked() {
    holds("when.network = [\"twitter\", \"mastodon\"]", &counts(1, 1), "network mastodon");
    holds("when.not.network = \"twitter\"", &counts(1, 1), "network mastodon");
    holds("when.kind = \"follow\"", &counts(1, 1), "kind follow");
    holds("when.instance.ends = \".example\"", &counts(1, 1), "instance ends with \".example\"");
}

#[test]
fn what_came_before_can_be_asked() {
    let past = Past {
        known: true,
        times_followed: 3,
        last_followed: Some(Timestamp(1_000_000 - 7200)),
        wave: 12,
        ..Past::default()
    };
    let rule = |when: &str| format!("[[rule]]\nname = \"A\"\n{when}\nverdict = \"numbers-game\"\n");
    for (when, seen) in [
        ("when.known = true", "known yes"),
        ("when.times-followed = \">= 2\"", "times-followed 3 >= 2"),
        ("when.last-followed = \"< 30 days\"", "last-followed 2 hours < 30 days"),
        ("when.wave = \"10..\"", "wave 12 >= 10"),
    ] {
        check_with(&rule(when), &Follower::default(), &past, &format!("numbers-game by A ({seen})"));
    }
    check(&rule("when.last-followed = \"< 30 days\""), &Follower::default(), "undecided");
    check(
        &rule("when.last-followed.empty = true"),
        &Follower::default(),
        "numbers-game by A (last-followed empty)",
    );
}

#[test]
fn a_past_that_could_not_be_read_holds_no_rule_and_is_noticed_where_it_matters() {
    let past =
        Past { wave: 50, times_followed: 9, unread: &[Fact::Wave, Fact::TimesFollowed], ..Past::default() };
    let spam = "[[rule]]\nname = \"S\"\nwhen.following = \">= 2000\"\nverdict = \"spam\"\n";
    let protects = |when: &str| format!("[[rule]]\nname = \"A\"\n{when}\nverdict = \"real\"\n");
    let points = |when: &str| format!("[[rule]]\nname = \"P\"\n{when}\npoints = 1\n");
    let (many, few) = (counts(2_001, 3), counts(5, 3));
    for (rules, follower, hangs) in [
        (spam.to_owned(), &many, false),
        (protects("when.times-followed = \">= 2\"") + spam, &many, true),
        (protects("when.times-followed.shown = true") + spam, &many, true),
        (protects("when.not.wave = \">= 2\"") + spam, &few, true),
        // `any` needs one part alone, and the first one that is missing is another fact.
        (protects("when.any = [{ location = \"x\" }, { wave = \">= 9\" }]") + spam, &many, true),
        (points("when.wave = \">= 9\"") + spam, &many, true),
        (points("when.wave = \">= 9\""), &few, true),
        // It cannot hold, or comes after the verdict; `known` is not among what is missing.
        (protects("when.wave = \">= 9\"\nwhen.following = \">= 3000\"") + spam, &many, false),
        (spam.to_owned() + &protects("when.wave = \">= 9\""), &many, false),
        (protects("when.known = true") + spam, &many, false),
    ] {
        let rules = super::rules(&format!("{VERDICTS}{rules}"));
        let notification = notification(follower.clone());
        let case = Case::of(&notification, follower, &past);
        assert_eq!(rules.hangs_on_unread_past(&case, &lists(&rules)), hangs, "{}", rules.rules().len());
        let read = Past { unread: &[], ..past.clone() };
        assert!(!rules.hangs_on_unread_past(&Case::of(&notification, follower, &read), &lists(&rules)));
    }
    check_with(&protects("when.wave = \">= 9\""), &many, &past, "undecided");
    check_with(&protects("when.wave.shown = true"), &many, &past, "undecided");
}

#[test]
fn whom_the_user_filed_by_hand_is_unwelcome_unless_they_are_known_or_listed() {
    let rule = "[[rule]]\nname = \"A\"\nwhen.unwelcome = true\nverdict = \"spam\"\n";
    let unwelcome = Past { unwelcome: true, ..Past::default() };
    let eve = named("Eve", "eve@kiln.example");
    check_with(rule, &eve, &unwelcome, "spam by A (unwelcome yes)");
    check_with(rule, &eve, &Past::default(), "undecided");
    check_with(rule, &eve, &Past { known: true, ..unwelcome.clone() }, "undecided");
    // Whatever the order of the rules, and although no rule asks for the list.
    check_with(rule, &named("Ana Lima", "ana@kiln.example"), &unwelcome, "undecided");
    check_with(rule, &named("B", "bob@mastodon.example"), &unwelcome, "undecided");
}

#[test]
fn interests_that_a_follower_names_are_counted_and_told() {
    let rules = rules(
        "interests = [\"gardening\", \"tea\", \"rust\"]\n[[rule]]\nname = \"A\"\nwhen.shared-interests = \">= 2\"\nverdict = \"real\"\n",
    );
    let shares = |follower: &Follower| {
        let verdict = judge(&rules, follower, &Past::default());
        let evidence = verdict.reasons.first().map(|reason| reason.evidence.to_string());
        (verdict.shared_interests.join(", "), evidence)
    };
    let two =
        Follower { name: text("Kim, gardener"), bio: text("I garden, and drink TEA"), ..Follower::default() };
    assert_eq!(shares(&two), ("gardening, tea".to_owned(), Some("shared-interests 2 >= 2".to_owned())));
    let in_fields =
        Follower { profile_fields: text("Drinks: teas; Languages: Rust, Go"), ..Follower::default() };
    assert_eq!(shares(&in_fields), ("tea, rust".to_owned(), Some("shared-interests 2 >= 2".to_owned())));
    let one = Follower { bio: text("trust me, tea"), ..Follower::default() };
    assert_eq!(shares(&one), ("tea".to_owned(), None));
    assert_eq!(shares(&Follower::default()), (String::new(), None));
}

fn named(name: &str, handle: &str) -> Follower {
    Follower { name: text(name), handle: text(handle), ..Follower::default() }
}

/// Whether `when` holds for a follower, and whether only because of their name.
fn who(when: &str, follower: &Follower) -> Option<(String, bool)> {
    let rules = rules(&format!("{VERDICTS}[[rule]]\nname = \"A\"\n{when}\nverdict = \"real\"\n"));
    let verdict = judge(&rules, follower, &Past { known: when.contains("known"), ..Past::default() });
    let evidence = &verdict.reasons.first()?.evidence;
    Some((evidence.to_string(), evidence.by_name_alone))
}

#[test]
fn a_friend_is_known_by_handle_or_by_name_but_a_name_proves_nothing() {
    let friends = "when.who = { in = \"friends\" }";
    let both = format!("{friends}\nwhen.followers = \"<= 500\"");
    let found = |text: &str, alone: bool| Some((text.to_owned(), alone));
    assert_eq!(
        who(friends, &named("Anybody", "Bob@Mastodon.example")),
        found("who in friends (\"@bob@mastodon.example\")", false)
    );
    assert_eq!(
        who(friends, &named("ANA  LIMA", "x@evil.example")),
        found("who in friends (by name \"Ana Lima\")", true)
    );
    let ana = Follower { followers: value(3), ..named("Ana Lima", "x") };
    assert!(who(&both, &ana).unwrap().1, "other facts do not tell who it is");
    assert_eq!(who(friends, &named("Аna Lima", "x")), None, "a look-alike is not she");
    assert_eq!(who(friends, &named("Bob", "bob@evil.example")), None);
}

#[test]
fn a_name_is_not_alone_where_the_handle_tells_or_the_name_was_not_needed() {
    let alone = |when: &str, follower: &Follower| who(when, follower).unwrap().1;
    let ana = Follower { bio: text("rust"), url: text("https://x.example/ana"), ..named("Ana Lima", "ana") };
    assert!(alone("when.name.starts = \"ana\"", &ana));
    assert!(!alone("when.name.starts = \"ana\"\nwhen.handle = \"@ana@home.example\"", &ana));
    assert!(alone("when.name.starts = \"ana\"\nwhen.handle.has = \"an\"", &ana));
    assert!(!alone("when.any = [{ who.in = \"friends\" }, { bio.word = \"rust\" }]", &ana));
    assert!(!alone("when.known = true", &ana));
    assert!(alone("when.known = true", &Follower { name: text("Ana"), ..Follower::default() }));
}

#[test]
fn a_list_of_handles_cannot_tell_of_a_message_that_shows_none() {
    let nameless = Follower { handle: text("ana@x.example"), ..Follower::default() };
    does_not_hold("when.not.who = { in = \"friends\" }", &nameless);
    does_not_hold(
        "when.not.who = { in = \"friends\" }",
        &Follower { name: text("Bo"), ..Follower::default() },
    );
    holds("when.not.who = { in = \"friends\" }", &named("Bo", "bo@x.example"), "not who in friends");
}

#[test]
fn a_look_alike_of_a_friend_is_reported() {
    let when = "when.impersonates = { in = \"friends\" }";
    holds(when, &named("Аna Lima", "x"), "looks like \"Ana Lima\" in friends, but is not");
    holds(
        when,
        &named("Bob", "bob@rnastodon.example"),
        "looks like \"bob@mastodon.example\" in friends, but is not",
    );
    does_not_hold(when, &named("Ana Lima", "x"));
    does_not_hold(when, &named("Аna Lima", "bob@mastodon.example"));
}

#[test]
fn the_folder_of_real_is_not_one_for_unwanted_followers_even_if_it_is_shared() {
    let targets = |rules: &str| {
        let (rules, _) = crate::rules::load(rules);
        rules.unwanted_targets().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let spam = "[verdict.spam]\nmove-to = \"S\"\n[verdict.game]\nmove-to = \"G\"\n";
    assert_eq!(targets(spam), ["G", "S"]);
    assert_eq!(targets(&format!("{spam}[verdict.real]\nmove-to = \"R\"\n")), ["G", "S"]);
    assert_eq!(targets(&format!("{spam}[verdict.real]\nmove-to = \"G\"\n")), ["S"]);
}

#[test]
fn a_list_that_has_never_loaded_is_missing_and_a_part_of_it_does_not_do() {
    let rules = rules(
        "[list.friends]\npeople = [\"Ana Lima\"]\nfile = \"friends.txt\"\n[list.unused]\nvcard = \"a.vcf\"\n\
         [[rule]]\nname = \"A\"\nwhen.who.in = \"friends\"\nverdict = \"real\"\n",
    );
    let file = ListSource::File("friends.txt".to_owned());
    assert_eq!(rules.sources().len(), 2);
    assert_eq!(rules.named_at(&file).unwrap().location().line, 3);
    let mut loaded = BTreeMap::new();
    assert_eq!(rules.missing_lists(&rules.gather(&loaded)).into_iter().collect::<Vec<_>>(), ["friends"]);
    let follower = named("Ana Lima", "ana");
    let notification = notification(follower.clone());
    let past = Past::default();
    let case = Case::of(&notification, &follower, &past);
    assert_eq!(rules.judge(&case, &rules.gather(&loaded)).class, None);
    let trace = rules.trace(&case, &rules.gather(&loaded));
    let [Match::CannotTell(doubt)] = trace.iter().map(|rule| &rule.says).collect::<Vec<_>>()[..] else {
        panic!("{trace:?}")
    };
    assert_eq!(doubt.to_string(), "the list `friends` has never been loaded");
    loaded.insert(file, vec![Person::Name("Bo".to_owned())]);
    assert!(rules.missing_lists(&rules.gather(&loaded)).is_empty());
    assert!(rules.judge(&case, &rules.gather(&loaded)).class.is_some());
}

#[test]
fn a_rule_about_unwelcome_followers_needs_every_list_of_the_file() {
    let missing = |fact: &str| {
        let rules = rules(&format!(
            "[list.friends]\nfile = \"friends.txt\"\n[list.bots]\npeople = [\"Bo\"]\n\
             [[rule]]\nname = \"A\"\nwhen.{fact} = true\nverdict = \"real\"\n"
        ));
        let lists = rules.gather(&BTreeMap::new());
        rules.missing_lists(&lists).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(missing("unwelcome"), ["friends"]);
    assert!(missing("known").is_empty());
}

#[test]
fn every_rule_is_traced_whether_or_not_it_decides() {
    let rules = rules(&format!("{VERDICTS}{TWO}"));
    let follower = Follower { following: value(2001), ..Follower::default() };
    let notification = notification(follower.clone());
    let trace = rules.trace(&Case::of(&notification, &follower, &Past::default()), &lists(&rules));
    let said: Vec<_> = trace
        .iter()
        .map(|rule| match &rule.says {
            Match::Holds(evidence) => format!("{}: holds ({evidence})", rule.rule),
            Match::Fails(seen) => format!("{}: fails ({seen})", rule.rule),
            Match::CannotTell(doubt) => format!("{}: cannot tell ({doubt})", rule.rule),
        })
        .collect();
    assert_eq!(
        said,
        [
            "Nobody: cannot tell (followers is not shown)",
            "Thousands: holds (following 2001 >= 2000)",
            "Lopsided: cannot tell (ratio is not shown)",
            "Hundreds: holds (following 2001 >= 300)",
        ]
    );
    assert_eq!(trace.first().unwrap().at.to_string(), "rules.toml:13");
}

#[test]
fn a_batch_is_filed_only_where_all_agree_that_it_should_be() {
    let rules = rules(VERDICTS);
    for (classes, complete, expected) in [
        (["spam", "spam"].as_slice(), true, Some("spam")),
        (&["spam", "numbers-game"], true, Some("numbers-game")),
        (&["numbers-game", "spam", "spam"], true, Some("numbers-game")),
        (&["spam", "fans"], true, None),
        (&["spam", "real"], true, None),
        (&["spam", ""], true, None),
        (&["spam", "spam"], false, None),
        (&["real", "real"], true, Some("real")),
        (&["fans", "numbers-game"], true, None),
        (&["spam"], true, Some("spam")),
    ] {
        let verdicts: Vec<_> = classes
            .iter()
            .map(|class| Verdict { class: VerdictName::new(class), ..Verdict::default() })
            .collect();
        let batch = Notification {
            kind: Kind::FollowBatch,
            complete,
            followers: vec![Follower::default(); classes.len()],
            ..notification(Follower::default())
        };
        let combined = rules.combine(&batch, &verdicts);
        assert_eq!(combined.as_ref().map(VerdictName::as_str), expected, "{classes:?} {complete}");
    }
    let batch = Notification { followers: vec![Follower::default(); 2], ..notification(Follower::default()) };
    assert_eq!(rules.combine(&batch, &[]), None);
}

#[test]
fn a_verdict_without_a_table_stays_as_it_is() {
    let rules = rules(VERDICTS);
    let disposition = |word: &str| rules.disposition(&VerdictName::new(word).unwrap());
    assert_eq!(disposition("spam").move_to.unwrap().as_str(), "Followers/Spam");
    assert_eq!(disposition("real"), Default::default());
}

#[test]
fn evidence_shows_no_more_of_a_message_than_a_line() {
    let long = "x".repeat(5000) + "\u{1b}[31m";
    let rules = rules(&format!(
        "{VERDICTS}[[rule]]\nname = \"A\"\nwhen.bio.matches = '(?s).*'\nverdict = \"spam\"\n"
    ));
    let verdict = judge(&rules, &Follower { bio: text(&long), ..Follower::default() }, &Past::default());
    let shown = words(&verdict);
    assert!(shown.len() < 200 && !shown.contains('\u{1b}'), "{shown}");
}
