//! Rules and lists that no person writes by hand: 100,000 levels, patterns that other engines choke on, a million people. They
//! are read, or refused with a finding; nothing crashes.

use followsift::diagnostic::document::Findings;
use followsift::diagnostic::{Diagnostic, Source};
use followsift::mail::{Follower, Shown};
use followsift::rules::list::load::{Loaded, text_file, vcard};
use followsift::rules::{Case, Past};

use super::{load, rules};

const LEVELS: usize = 100_000;
const VERDICT: &str = "[verdict.spam]\nmove-to = \"Spam\"\n\n";

fn rule(when: &str) -> String {
    format!("{VERDICT}[[rule]]\nname = \"A\"\n{when}\nverdict = \"spam\"\n")
}

#[test]
fn a_hundred_thousand_levels_of_any_kind_are_refused() {
    let within =
        |open: &str, close: &str| format!("{}following = 1{}", open.repeat(LEVELS), close.repeat(LEVELS));
    for (kind, text) in [
        ("not", rule(&format!("when = {{ {} }}", within("not = { ", " }")))),
        ("any", rule(&format!("when = {{ {} }}", within("any = [{ ", " }]")))),
        ("all and not", rule(&format!("when = {{ {} }}", within("all = [{ not = { ", " } }]")))),
        ("dotted keys", rule(&format!("when.{}following = 1", "not.".repeat(LEVELS)))),
        ("tables", rule(&format!("[{}not]\nfollowing = 1", "rule.when.".repeat(LEVELS)))),
        ("arrays", format!("x = {}{}", "[".repeat(LEVELS), "]".repeat(LEVELS))),
        ("arrays without end", format!("x = {}", "[".repeat(LEVELS))),
        ("inline tables without end", format!("x = {}", "{ a = ".repeat(LEVELS))),
        (
            "parentheses in a pattern",
            rule(&format!("when.bio.matches = '{}{}'", "(".repeat(LEVELS), ")".repeat(LEVELS))),
        ),
        (
            "alternatives in a pattern",
            rule(&format!("when.bio.matches = '{}x{}'", "(?:a|".repeat(LEVELS), ")".repeat(LEVELS))),
        ),
        ("repetitions in a pattern", rule(&format!("when.bio.matches = 'x{}'", "{2}".repeat(LEVELS)))),
        (
            "classes in a pattern",
            rule(&format!("when.bio.matches = '{}a{}'", "[".repeat(LEVELS), "]".repeat(LEVELS))),
        ),
    ] {
        let (_, findings) = load(&text);
        assert!(findings.iter().any(Diagnostic::is_error), "{kind}: {findings:?}");
    }
}

#[test]
fn a_pattern_that_other_engines_choke_on_is_matched_or_refused() {
    let bio = "a".repeat(1_900);
    let follower = Follower { bio: Shown::Value(bio.clone()), ..Follower::default() };
    let notification = super::judging::notification(follower.clone());
    for (pattern, holds) in [
        ("(a+)+b", Some(false)),
        ("(a|a)*b", Some(false)),
        ("(a|aa)+$", Some(true)),
        ("(.*)*b", Some(false)),
        ("(a*)*(a*)*(a*)*(a*)*b", Some(false)),
        ("^(([a-z])+.)+[A-Z]([a-z])+$", Some(false)),
        // As large as a program, all of them.
        ("(x{1000}){1000}", None),
        ("((a{100}){100}){100}", None),
        (r"(\pL{1000}){100}", None),
        ("a{4294967295}", None),
        ("a{99999999999999999999}", None),
    ] {
        let text = rule(&format!("when.bio.matches = '{pattern}'"));
        let (_, findings) = load(&text);
        let is_refused = findings.iter().any(Diagnostic::is_error);
        assert_eq!(is_refused, holds.is_none(), "{pattern}: {findings:?}");
        if let Some(holds) = holds {
            let rules = rules(&text);
            let lists = super::judging::lists(&rules);
            let verdict = rules.judge(&Case::of(&notification, &follower, &Past::default()), &lists);
            assert_eq!(verdict.class.is_some(), holds, "{pattern}");
        }
    }
}

fn read(load: impl Fn(&Source, &Findings) -> Loaded, text: String) -> (Loaded, Vec<Diagnostic>) {
    let findings = Findings::default();
    let loaded = load(&Source::new("list", text), &findings);
    (loaded, findings.into_sorted())
}

/// No more people are read than make sense, and a finding says so; a hundred findings at most, and one for the rest.
#[track_caller]
fn is_cut((loaded, findings): &(Loaded, Vec<Diagnostic>)) {
    assert!((90_000..=100_100).contains(&loaded.people.len()), "{}", loaded.people.len());
    assert!((1..=101).contains(&findings.len()), "{}", findings.len());
}

#[test]
fn of_a_million_names_as_many_are_read_as_make_sense() {
    is_cut(&read(text_file, (0..1_000_000).map(|number| format!("Ann {number}\n")).collect()));
    is_cut(&read(text_file, format!("name,handle\n{}", "Ann Lima,@ann\n".repeat(1_000_000))));
}

#[test]
fn of_three_hundred_thousand_contacts_as_many_are_read_as_make_sense() {
    is_cut(&read(vcard, "BEGIN:VCARD\nFN:Ann Lima\nEND:VCARD\n".repeat(300_000)));
}

#[test]
fn a_line_that_is_folded_without_end_is_one_name_or_none() {
    for folded in [
        format!("BEGIN:VCARD\nFN:{}Ann\nEND:VCARD\n", "A\n ".repeat(LEVELS)),
        format!("BEGIN:VCARD\nFN:{}Ann\nEND:VCARD\n", "\n ".repeat(LEVELS)),
        format!("BEGIN:VCARD\nFN;ENCODING=QUOTED-PRINTABLE:{}Ann\nEND:VCARD\n", "A=\n".repeat(LEVELS)),
        format!("BEGIN:VCARD\n{}FN:Ann\nEND:VCARD\n", "X-A:\n".repeat(LEVELS)),
        format!("BEGIN:VCARD\nFN{}:Ann\nEND:VCARD\n", ";TYPE=x".repeat(LEVELS)),
        "BEGIN:VCARD\n".repeat(LEVELS),
        "END:VCARD\n".repeat(LEVELS),
    ] {
        let (loaded, findings) = read(vcard, folded);
        assert!(
            loaded.people.len() <= 1 && findings.len() <= 101,
            "{} {}",
            loaded.people.len(),
            findings.len()
        );
    }
    for line in [
        "\"".repeat(LEVELS),
        "a,".repeat(LEVELS),
        "\t".repeat(LEVELS),
        "@".repeat(LEVELS),
        "a ".repeat(LEVELS),
    ] {
        let (loaded, findings) = read(text_file, format!("{line}\nAnn Lima\n"));
        assert!(
            loaded.people.len() <= 2 && findings.len() <= 101,
            "{} {}",
            loaded.people.len(),
            findings.len()
        );
    }
}
