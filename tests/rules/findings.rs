//! `tests/bad-rules/<case>/rules.toml` has exactly the findings of the `expected.txt` beside it;
//! `UPDATE_EXPECT=1` rewrites them.

use crate::support::golden;
use followsift::diagnostic::Diagnostic;

use super::load;

#[test]
fn every_finding_says_where_and_what_to_do() {
    golden::each_case("bad-rules", |case| {
        let text = std::fs::read_to_string(case.join("rules.toml")).unwrap();
        let (rules, mut found) = load(&text);
        if !found.iter().any(Diagnostic::is_error) {
            found.extend(rules.run_tests());
        }
        found.iter().map(|finding| finding.plain() + "\n\n").collect()
    });
}

#[test]
fn what_is_right_is_not_found_fault_with() {
    for text in [
        // He is on the other list himself, so that only the second rule holds for him.
        r#"
        [list.a]
        people = ["@modern"]
        [list.b]
        people = ["@rnodern"]
        [verdict.spam]
        move-to = "Spam"
        [[rule]]
        name = "one"
        when.impersonates.in = ["a", "b"]
        verdict = "real"
        [[rule]]
        name = "two"
        when.impersonates.in = "a"
        verdict = "spam"
        [[test]]
        follower = { handle = "rnodern" }
        expect = "spam"
        by = "two"
        "#,
        // 0.7 + 0.1 is a little less than 0.8.
        r#"
        [verdict.spam]
        move-to = "Spam"
        points-at = 0.8
        [[rule]]
        name = "one"
        when.followers = "< 10"
        points = 0.7
        [[rule]]
        name = "two"
        when.posts = 0
        points = 0.1
        [[test]]
        follower = { followers = 0, posts = 0 }
        expect = "spam"
        "#,
    ] {
        let (rules, mut found) = load(text);
        found.extend(rules.run_tests());
        assert!(found.is_empty(), "{}", found[0].plain());
    }
}
