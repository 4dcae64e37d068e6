//! Order, points and `any`, `all`, `not`, against an evaluator that follows the words of the design and
//! nothing else.

use std::collections::BTreeMap;

use followsift::clock::Timestamp;
use followsift::mail::{Follower, Network, Shown};
use followsift::rules::{Case, Past, VerdictName};
use proptest::prelude::*;

use super::{load, rules};

/// A condition, as the test writes it and as it understands it.
#[derive(Clone, Debug)]
enum When {
    AtLeast(&'static str, u64),
    Below(&'static str, u64),
    Not(Box<When>),
    All(Vec<When>),
    Any(Vec<When>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Yes,
    No,
    Unknown,
}

#[derive(Clone, Debug)]
enum Effect {
    Verdict(&'static str),
    Points(i32),
}

const FACTS: [&str; 3] = ["followers", "following", "posts"];

type Facts = [Option<u64>; 3];

fn toml(when: &When) -> String {
    let list = |parts: &[When]| {
        parts.iter().map(|part| format!("{{ {} }}", toml(part))).collect::<Vec<_>>().join(", ")
    };
    match when {
        When::AtLeast(fact, least) => format!("{fact} = \">= {least}\""),
        When::Below(fact, limit) => format!("{fact} = \"< {limit}\""),
        When::Not(part) => format!("not = {{ {} }}", toml(part)),
        When::All(parts) => format!("all = [{}]", list(parts)),
        When::Any(parts) => format!("any = [{}]", list(parts)),
    }
}

fn answer(when: &When, facts: &Facts) -> Answer {
    let value =
        |fact: &str| FACTS.iter().position(|known| *known == fact).and_then(|index| *facts.get(index)?);
    let of = |holds: Option<bool>| match holds {
        Some(true) => Answer::Yes,
        Some(false) => Answer::No,
        None => Answer::Unknown,
    };
    match when {
        When::AtLeast(fact, least) => of(value(fact).map(|value| value >= *least)),
        When::Below(fact, limit) => of(value(fact).map(|value| value < *limit)),
        When::Not(part) => match answer(part, facts) {
            Answer::Yes => Answer::No,
            Answer::No => Answer::Yes,
            Answer::Unknown => Answer::Unknown,
        },
        When::All(parts) => {
            let answers: Vec<_> = parts.iter().map(|part| answer(part, facts)).collect();
            match () {
                () if answers.contains(&Answer::No) => Answer::No,
                () if answers.contains(&Answer::Unknown) => Answer::Unknown,
                () => Answer::Yes,
            }
        }
        When::Any(parts) => {
            let answers: Vec<_> = parts.iter().map(|part| answer(part, facts)).collect();
            match () {
                () if answers.contains(&Answer::Yes) => Answer::Yes,
                () if answers.contains(&Answer::Unknown) => Answer::Unknown,
                () => Answer::No,
            }
        }
    }
}

fn a_condition() -> impl Strategy<Value = When> {
    let fact = prop::sample::select(FACTS.to_vec());
    let leaf = (fact, 1..6_u64, any::<bool>()).prop_map(|(fact, number, at_least)| match at_least {
        true => When::AtLeast(fact, number),
        false => When::Below(fact, number),
    });
    leaf.prop_recursive(4, 24, 4, |part| {
        prop_oneof![
            part.clone().prop_map(|part| When::Not(Box::new(part))),
            prop::collection::vec(part.clone(), 1..4).prop_map(When::All),
            prop::collection::vec(part, 1..4).prop_map(When::Any),
        ]
    })
}

fn an_effect() -> impl Strategy<Value = Effect> {
    prop_oneof![
        Just(Effect::Verdict("spam")),
        Just(Effect::Verdict("real")),
        (1..4_i32).prop_map(Effect::Points),
        (-3..0_i32).prop_map(Effect::Points),
    ]
}

fn written(all: &[(When, Effect)]) -> String {
    let mut text = "[verdict.spam]\nmove-to = \"Spam\"\npoints-at = 3\n".to_owned();
    for (index, (when, effect)) in all.iter().enumerate() {
        let effect = match effect {
            Effect::Verdict(verdict) => format!("verdict = \"{verdict}\""),
            Effect::Points(points) => format!("points = {points}"),
        };
        text += &format!("[[rule]]\nname = \"{index}\"\nwhen = {{ {} }}\n{effect}\n", toml(when));
    }
    text
}

/// The verdict, the points and the rules that count, as the design says it.
fn expected(all: &[(When, Effect)], facts: &Facts) -> (Option<&'static str>, i32, Vec<String>) {
    let fired: Vec<_> =
        all.iter().enumerate().filter(|(_, (when, _))| answer(when, facts) == Answer::Yes).collect();
    for (index, (_, effect)) in &fired {
        if let Effect::Verdict(verdict) = effect {
            return (Some(verdict), 0, vec![index.to_string()]);
        }
    }
    let points = fired.iter().map(|(_, (_, effect))| match effect {
        Effect::Points(points) => *points,
        Effect::Verdict(_) => 0,
    });
    let points = points.sum();
    let names = fired.iter().map(|(index, _)| index.to_string()).collect();
    ((points >= 3).then_some("spam"), points, names)
}

fn follower(facts: &Facts) -> Follower {
    let [followers, following, posts] = facts.map(|fact| fact.map_or(Shown::NotShown, Shown::Value));
    Follower { followers, following, posts, ..Follower::default() }
}

fn facts() -> impl Strategy<Value = Facts> {
    prop::array::uniform3(prop::option::weighted(0.8, 0..7_u64))
}

/// One fact asked one thing, of texts so short that they often meet.
const LEAVES: [&str; 29] = [
    "name = \"a\"",
    "name = [\"a\", \"ab\"]",
    "name.has = \"a\"",
    "name.has = [\"ab\", \"b\"]",
    "name.word = \"a\"",
    "name.word = \"a b\"",
    "name.starts = \"a\"",
    "name.starts = \"ab\"",
    "name.ends = \"b\"",
    "name.matches = 'a'",
    "name.matches = '^$'",
    "name.empty = true",
    "name.empty = false",
    "name.shown = true",
    "name.shown = false",
    "name.in = \"a\"",
    "handle = \"a\"",
    "handle = \"@a@b.example\"",
    "handle.has = \"@\"",
    "handle.starts = \"ab\"",
    "who.in = \"a\"",
    "who.in = [\"a\", \"b\"]",
    "impersonates.in = \"a\"",
    "impersonates.in = [\"a\", \"b\"]",
    "verified = true",
    "verified = false",
    "network = \"twitter\"",
    "network = [\"mastodon\", \"twitter\"]",
    "name-length = \"..1\"",
];

/// A condition as it is written.
fn a_spelling() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(LEAVES.to_vec()).prop_map(str::to_owned);
    leaf.prop_recursive(2, 8, 3, |part| {
        let parts = prop::collection::vec(part.clone(), 1..4);
        let parts =
            parts.prop_map(|parts| parts.iter().map(|part| format!("{{ {part} }}")).collect::<Vec<_>>());
        prop_oneof![
            part.prop_map(|part| format!("not = {{ {part} }}")),
            parts.clone().prop_map(|parts| format!("all = [{}]", parts.join(", "))),
            parts.prop_map(|parts| format!("any = [{}]", parts.join(", "))),
        ]
    })
}

fn somebody() -> impl Strategy<Value = (Follower, usize)> {
    let text = |texts: &[&'static str]| {
        prop::sample::select(texts.to_vec()).prop_map(|text| match text {
            "-" => Shown::NotShown,
            "" => Shown::Empty,
            text => Shown::Value(text.to_owned()),
        })
    };
    let name = text(&["-", "", "a", "A", "b", "ab", "a b", "ba", "abb"]);
    let handle = text(&["-", "", "a", "ab", "a@b.example", "ab@c.example", "b"]);
    let verified = prop::sample::select(vec![Shown::NotShown, Shown::Value(true), Shown::Value(false)]);
    (name, handle, verified, 0..4_usize).prop_map(|(name, handle, verified, network)| {
        (Follower { name, handle, verified, ..Follower::default() }, network)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rules_are_judged_as_the_design_says(
        all in prop::collection::vec((a_condition(), an_effect()), 1..6),
        facts in facts(),
    ) {
        let rules = rules(&written(&all));
        let follower = follower(&facts);
        let past = Past::default();
        let case = Case {
            network: None, kind: None, instance: None,
            follower: &follower, past: &past, received: Timestamp(0),
        };
        let verdict = rules.judge(&case, &rules.gather(&BTreeMap::new()));
        let (class, points, names) = expected(&all, &facts);
        prop_assert_eq!(verdict.class.as_ref().map(VerdictName::as_str), class);
        prop_assert_eq!(verdict.points, f64::from(points));
        // What every rule says leads to the same, and to what the rest says where one is left out.
        let lists = rules.gather(&BTreeMap::new());
        let trace = rules.trace(&case, &lists);
        prop_assert_eq!(rules.conclude(&trace, None).map(VerdictName::as_str), class);
        let mut rest = all.clone();
        rest.remove(0);
        prop_assert_eq!(rules.conclude(&trace, Some(0)).map(VerdictName::as_str), expected(&rest, &facts).0);
        prop_assert_eq!(verdict.reasons.iter().map(|reason| reason.rule.to_string()).collect::<Vec<_>>(), names);
    }

    /// What the review says of rules is never wrong: one that can never fire does not, and one that is never
    /// reached is not.
    #[test]
    fn a_rule_that_is_called_unreachable_is(
        all in prop::collection::vec((a_condition(), an_effect()), 1..5),
        followers in prop::collection::vec(facts(), 40),
    ) {
        let text = written(&all);
        let (_, findings) = load(&text);
        for finding in findings {
            let Some(name) = finding.message.strip_prefix("rule `").and_then(|rest| rest.split('`').next()) else {
                continue;
            };
            for facts in &followers {
                let (_, _, reasons) = expected(&all, facts);
                prop_assert!(!reasons.iter().any(|reason| reason == name), "{} {:?}\n{}", finding.plain(), facts, text);
            }
        }
    }

    /// The same for texts, words, answers and what is not shown, with the engine itself as witness.
    #[test]
    fn a_rule_on_texts_that_is_called_unreachable_is(
        all in prop::collection::vec((a_spelling(), any::<bool>()), 1..5),
        followers in prop::collection::vec(somebody(), 30),
    ) {
        let mut text = String::new();
        for (index, (when, real)) in all.iter().enumerate() {
            let verdict = if *real { "real" } else { "spam" };
            text += &format!("[[rule]]\nname = \"{index}\"\nwhen = {{ {when} }}\nverdict = \"{verdict}\"\n");
        }
        text += "[verdict.spam]\n[list.a]\npeople = [\"ab\", \"@a\"]\n[list.b]\npeople = [\"b\", \"@ab@b.example\"]\n";
        let (rules, findings) = load(&text);
        prop_assert!(findings.iter().all(|finding| !finding.is_error()), "{}", text);
        let lists = rules.gather(&BTreeMap::new());
        let past = Past::default();
        let networks = ["twitter", "mastodon", "x"].map(|word| Network::new(word).unwrap());
        for finding in findings {
            let Some(name) = finding.message.strip_prefix("rule `").and_then(|rest| rest.split('`').next()) else {
                continue;
            };
            for (follower, network) in &followers {
                let case = Case {
                    network: networks.get(*network), kind: None, instance: Some("b.example"),
                    follower, past: &past, received: Timestamp(0),
                };
                let verdict = rules.judge(&case, &lists);
                prop_assert!(
                    !verdict.reasons.iter().any(|reason| *reason.rule == *name),
                    "{} {:?}\n{}", finding.plain(), case, text
                );
            }
        }
    }

    #[test]
    fn no_text_is_too_strange_to_be_compiled(text in "[\\[\\]{}a-z.=\"' \n0-9<>]{0,200}") {
        let _ = load(&text);
        let _ = load(&format!("[[rule]]\nname = \"x\"\nverdict = \"real\"\nwhen.{text}"));
    }
}
