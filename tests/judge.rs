//! `judge`, `facts`, `explain` in full, and `check --json`: the built binary on files of the test's own.

use crate::support::golden;
use crate::support::letters::{Person, twitter_2009};
use crate::support::user_folder::UserFolder;

const RULES: &str = r#"
[verdict.spam]
move-to = "Followers/Spam"
points-at = 3.0

[[rule]]
name = "Thousands"
note = "fits 46 of 3,466"
when.following = ">= 2000"
when.followers = "<= 10"
verdict = "spam"

[[rule]]
name = "No bio"
when.bio = { empty = true }
points = 2.0

[[rule]]
name = "No posts"
when.posts = 0
points = 1.0

[[rule]]
name = "Lists"
when.not = { location = "Lima" }
points = -1.0
"#;

/// Three people and five who are none, from two places.
const TABLE: &str = "source\tlabel\tfollowers\tfollowing\tposts\thas_bio\tdefault_avatar\n\
    twitter/a\tgenuine\t100\t200\t500\t1\t0\n\
    twitter/a\tgenuine\t3\t2001\t\t\t\n\
    twitter/a\tfake\t3\t2001\t1\t1\t\n\
    twitter/a\tfake\t\t\t0\t0\t\n\
    twitter/b\tfake\t9\t900\t0\t1\t1\n\
    twitter/b\tspambot\t5\t5000\t\t\t\n\
    instagram\tgenuine\t80\t90\t10\t0\t0\n\
    instagram\tfake\t\t2001\t\t0\t\n";

struct Desk(UserFolder);

impl Desk {
    fn new() -> Self {
        let desk = Self(UserFolder::new());
        desk.write("rules.toml", RULES);
        desk.write("facts.tsv", TABLE);
        desk.write(
            "followsift.toml",
            "state = \"state\"\n[accounts.home]\nhost = \"mail.example\"\nuser = \"kim\"\npassword-command = [\"true\"]\n",
        );
        desk
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        self.0.write(name, text);
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        self.0.run(arguments).parts()
    }

    #[track_caller]
    fn well(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.run(arguments);
        assert_eq!(code, 0, "{out}\n{err}");
        out
    }
}

#[test]
fn a_table_is_judged_row_by_row_and_summed_up_by_source() {
    golden::holds("tests/judge/table.txt", &Desk::new().well(&["judge", "--facts", "facts.tsv"]));
}

#[test]
fn json_is_an_object_a_row_and_says_why() {
    let out = Desk::new().well(&["judge", "--facts", "facts.tsv", "--json"]);
    let rows: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let verdicts: Vec<&str> = rows.iter().map(|row| row["verdict"].as_str().unwrap()).collect();
    assert_eq!(
        verdicts,
        ["undecided", "spam", "spam", "spam", "undecided", "spam", "undecided", "undecided"],
        "a fact that is not shown counts neither way"
    );
    assert_eq!(
        out.lines().nth(3).unwrap(),
        r#"{"line":5,"source":"twitter/a","label":"fake","verdict":"spam","points":3.0,"files":true,"rules":["No bio","No posts"]}"#
    );
}

#[test]
fn other_rules_are_tried_without_putting_them_in_force() {
    let desk = Desk::new();
    desk.write(
        "other.toml",
        "[verdict.spam]\nmove-to = \"Spam\"\n[[rule]]\nname = \"All\"\nverdict = \"spam\"\n",
    );
    let out = desk.well(&["judge", "--facts", "facts.tsv", "--rules", "other.toml"]);
    assert!(out.contains("       8  All\n"), "{out}");
    let (code, _, err) = desk.run(&["judge", "--facts", "facts.tsv", "--rules", "nowhere.toml"]);
    assert!(code == 78 && err.contains("could not read nowhere.toml"), "{code} {err}");
}

#[test]
fn a_table_without_labels_has_verdicts_and_no_scores() {
    let desk = Desk::new();
    desk.write("mine.tsv", "source\thandle\tfollowers\tfollowing\nmastodon\tann\t3\t2001\n");
    let out = desk.well(&["judge", "--facts", "mine.tsv"]);
    assert!(out.contains("       1  spam\n") && !out.contains("recall"), "{out}");
}

#[test]
fn a_wrong_cell_is_found_and_the_rest_is_judged() {
    let desk = Desk::new();
    desk.write("odd.tsv", "source\tfollowers\tfollowing\ntwitter\tmany\t1\ntwitter\t3\t2001\n");
    let (code, out, err) = desk.run(&["judge", "--facts", "odd.tsv"]);
    assert_eq!(code, 65);
    assert!(out.contains("       1  spam\n"), "{out}");
    assert!(err.contains("odd.tsv:2:9") && err.contains("`many` is not a whole number"), "{err}");
    assert_eq!(desk.run(&["judge", "--facts", "nowhere.tsv"]).0, 65);
}

#[test]
fn explain_shows_every_rule_and_colours_nothing_but_a_terminal() {
    let desk = Desk::new();
    desk.write("mail.eml", twitter_2009(&Person::new("Kim Sample", "kimsample", [3, 2001, 1])).bytes(1));
    let out = desk.well(&["explain", "mail.eml"]);
    golden::holds("tests/judge/explain.txt", &out);
    let brief = desk.well(&["explain", "--brief", "mail.eml"]);
    assert!(out.starts_with(&brief) && brief.ends_with("would move to Followers/Spam\n"), "{brief}");
    assert!(!out.contains('\u{1b}'));
}

#[test]
fn facts_lists_every_fact_with_the_networks_that_show_it() {
    let desk = Desk::new();
    let out = desk.well(&["facts"]);
    for fact in followsift::rules::Fact::all() {
        assert!(out.contains(&format!("\n  {:19} {}\n", fact.word(), fact.explanation())), "{fact}");
    }
    assert!(out.contains("shown by no known network"), "{out}");
    // A network of the user's own is among them.
    std::fs::create_dir(desk.0.path().join("networks")).unwrap();
    desk.write(
        "networks/mysite.toml",
        "network = \"mysite\"\ntitle = \"My site\"\nlocale.en.follow = \"{name} follows you\"\n[[layout]]\n\
         name = \"a\"\nkind = \"follow\"\nfrom = \"note@mysite.example\"\nneeds = \"name\"\n",
    );
    assert!(desk.well(&["facts"]).contains("mysite"));
    assert!(desk.well(&["schema", "rules"]).contains("mysite"));
}

#[test]
fn check_json_is_an_object_a_finding_and_nothing_where_all_is_well() {
    let desk = Desk::new();
    assert_eq!(desk.well(&["check", "--json"]), "");
    desk.write(
        "rules.toml",
        "[[rule]]\nname = \"x\"\nwhen.folowers = 3\nverdict = \"real\"\n[verdict.spam]\npoints-at = 9\n",
    );
    let (code, out, err) = desk.run(&["check", "--json"]);
    assert_eq!((code, err.as_str()), (78, ""));
    let findings: Vec<serde_json::Value> =
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [first, second] = findings.as_slice() else { panic!("{out}") };
    assert_eq!((&first["severity"], &second["severity"]), (&"error".into(), &"warning".into()));
    assert_eq!((&first["line"], &first["column"], &first["end-column"]), (&3.into(), &6.into(), &14.into()));
    assert_eq!(first["label"], "did you mean `followers`?");
    assert!(first["file"].as_str().unwrap().ends_with("rules.toml"));
    desk.write("followsift.toml", "stat = \"x\"\n");
    let (code, out, _) = desk.run(&["check", "--json"]);
    assert!(code == 78 && out.contains("\"line\":1,\"column\":1"), "{code} {out}");
}

#[test]
fn lists_that_cannot_be_read_name_nobody_or_are_broken_are_found() {
    let desk = Desk::new();
    desk.write("nobody.txt", "# nobody yet\n");
    desk.write("strange.txt", format!("Ana Lima\n{}\n", "x".repeat(300)));
    desk.write("half.vcf", "BEGIN:VCARD\r\nFN:Ana Lima\r\n");
    desk.write("diary.ics", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n");
    desk.write(
        "rules.toml",
        "[list.away]\nfile = \"nowhere.txt\"\n[list.nobody]\nfile = \"nobody.txt\"\n[list.strange]\nfile = \
         \"strange.txt\"\n[list.half]\nvcard = \"half.vcf\"\n[list.diary]\nvcard = \"diary.ics\"\n",
    );
    let (code, out, _) = desk.run(&["check"]);
    assert_eq!(code, 78);
    golden::holds("tests/judge/lists.txt", &out);
}

#[test]
fn a_folder_that_is_looked_through_is_refused_where_the_rules_name_it() {
    let desk = Desk::new();
    desk.write(
        "followsift.toml",
        "rules = \"rules.toml\"\n[accounts.home]\nhost = \"mail.example\"\nuser = \"kim\"\npassword-file = \
         \"password\"\nfolders = [\"INBOX\", \"Followers/Spam\"]\n",
    );
    let (code, out, err) = desk.run(&["check"]);
    assert!(code == 78 && out.contains("rules.toml:3:11"), "{out}{err}");
}

#[test]
fn a_handle_without_a_host_belongs_to_ones_own_server_where_that_is_named() {
    let desk = Desk::new();
    let friends = "[verdict.real]\nflag = true\n[list.friends]\npeople = [\"@bob@toot.example\"]\n\
                   [[rule]]\nname = \"Friends\"\nwhen.who = { in = \"friends\" }\nverdict = \"real\"\n";
    desk.write("rules.toml", friends);
    desk.write("followsift.toml", "state = \"state\"\nrules = \"rules.toml\"\n");
    desk.write("facts.tsv", "source\thandle\nmastodon/mine\tbob\ntwitter/mine\tbob\n");
    let verdicts = |more: &[&str]| {
        let out = desk.well(&[&["judge", "--facts", "facts.tsv", "--json"], more].concat());
        out.lines().map(|line| line.contains("\"verdict\":\"real\"")).collect::<Vec<_>>()
    };
    assert_eq!(verdicts(&[]), [false, false]);
    assert_eq!(verdicts(&["--instance", "toot.example", "--authserv-id", "mx.example"]), [true, false]);
    assert_eq!(verdicts(&["--instance", "pod.example"]), [false, false]);
    // Nobody knows to which of two it belongs.
    assert_eq!(verdicts(&["--instance", "toot.example", "--instance", "pod.example"]), [false, false]);
}
