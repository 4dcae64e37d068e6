//! Nothing that a sender wrote reaches the terminal as a command.

use super::*;

#[test]
fn nothing_from_a_message_reaches_the_terminal_as_a_command() {
    let home = Home::new();
    let evil = Person::new("Evil \u{1b}[2J\u{202e}name", "evil", [1, 2400, 0]);
    home.mail("mail.eml", &twitter_2009(&evil));
    let run = home.run(&["explain", "mail.eml"]);
    assert!(run.exits(0).out().contains("evil"));
    let tricks = ['\u{1b}', '\u{7}', '\u{202e}', '\u{9b}'];
    assert!(!run.out().contains(tricks) && !run.err().contains(tricks), "{:?}", run.out());
}

/// What a terminal would obey, or what turns or hides text: C0, C1, directions, and what shows nothing.
const TRICKS: [char; 9] =
    ['\u{1b}', '\u{7}', '\u{8}', '\u{9b}', '\u{9d}', '\u{202e}', '\u{2066}', '\u{200b}', '\u{3164}'];

fn tricks(word: &str) -> String {
    let tricks: String = TRICKS.iter().map(|trick| format!("{trick}[2J")).collect();
    format!("{word}{tricks}")
}

fn assert_harmless(run: &Run, expected: &str) {
    let all = run.out() + &run.err();
    assert!(all.contains(expected), "{all}");
    assert!(!all.contains(TRICKS) && !all.contains(|c: char| c.is_control() && c != '\n'), "{all:?}");
}

#[test]
fn nothing_from_a_table_a_file_or_its_name_reaches_the_terminal_as_a_command() {
    let home = Home::new();
    let table = format!("{}.tsv", tricks("table"));
    home.write(&table, &format!("source\tlabel\tname\n{}\tspam\t{}\n", tricks("twitter/x"), tricks("name")));
    assert_harmless(&home.run(&["judge", "--facts", &table]), "followers");
    assert_harmless(&home.run(&["judge", "--json", "--facts", &table]), "\\u202e");
    let missing = tricks("missing");
    assert_harmless(&home.run(&["judge", "--facts", &missing]), "could not read missing");
    assert_harmless(&home.run(&["explain", &missing]), "could not read missing");
    assert_harmless(&home.run(&["backtest", &missing]), "no such file, or folder of an account: missing");
    let rules = format!("{}.toml", tricks("rules"));
    home.write(
        &rules,
        &format!(
            "{RULES}\n[[rule]]\nname = \"{}\"\nwhen.folowers = 1 # {}\n",
            tricks("name").replace(['\u{1b}', '\u{7}', '\u{8}'], ""),
            tricks("x")
        ),
    );
    assert_harmless(&home.run(&["judge", "--rules", &rules, "--facts", &table]), "rules");
    let settings = home.command(&["check", "--settings", &missing]).output().unwrap();
    assert_harmless(&Run(settings), "missing");
}
