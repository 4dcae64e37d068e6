//! `followsift suggest`: what corrections have in common becomes a rule, which can be added as it is printed, passes `check`, and
//! decides as it was said to; and where there is nothing in common, or others have it too, nothing is suggested.

use super::home::{Home, NONE, THOUSANDS, person};

/// Rules that know what the user did, before and after the one that files.
const RULES: &str = "[verdict.spam]\nmove-to = \"Followers/Spam\"\n\n[[rule]]\nname = \"Known\"\nwhen.known = true\nverdict = \"real\"\n\n\
    # Nobody reads so much.\n[[rule]]\nname = \"Follows thousands\"\nwhen.following = \">= 2000\"\nverdict = \"spam\"\n\n\
    [[rule]]\nname = \"Unwelcome\"\nwhen.unwelcome = true\nverdict = \"spam\"\n";

/// What ordinary people write.
const BIOS: [&str; 6] = [
    "I write about gardens and bread",
    "Teacher, reader, cyclist",
    "free as in speech",
    "Photographs of the harbour",
    "",
    "today is a good day for tea",
];

/// A home with a dozen messages that stayed, and a dozen that were filed.
fn home(rules: &str) -> Home {
    let mut home = Home::new();
    home.folder.write("rules.toml", rules);
    for number in 0..12_u64 {
        let bio = BIOS[usize::try_from(number).unwrap() % BIOS.len()];
        let stays =
            person(&format!("reader_{number}"), &format!("Reader {number}"), bio, [90 + number, 100, 300]);
        home.came("x", 30, &NONE, stays).stays();
        let filed = person(
            &format!("deal_{number}"),
            &format!("Deals {number}"),
            bio,
            [3, 2_001 + number, number % 4],
        );
        home.came("x", 30, &THOUSANDS, filed).filed();
    }
    home
}

/// Adds what is suggested where it belongs; the file has to stay right.
fn adopt(home: &Home, rules: &str, suggested: &str) {
    let mut rules = rules.to_owned();
    for one in suggested.split("# Of the followers").skip(1) {
        let (words, toml) = one.split_once("\n\n").unwrap();
        let place = words.lines().last().unwrap();
        match place.split('"').nth(1) {
            Some(rule) => {
                let at = rules.find(&format!("[[rule]]\nname = \"{rule}\"")).unwrap();
                rules.insert_str(at, &format!("{toml}\n"));
            }
            None => rules.push_str(&format!("\n{toml}")),
        }
    }
    home.folder.write("rules.toml", &rules);
    let (code, out, err) = home.run(&["check", "--json"]).parts();
    let of_rules: Vec<_> = out.lines().filter(|line| line.contains("rules.toml")).collect();
    assert!(of_rules.is_empty(), "{code} {err}\n{out}\n{rules}");
}

/// The verdict of the rules in the file on a follower of X.
fn verdict(home: &Home, bio: &str, [followers, following, posts]: [u64; 3]) -> String {
    let table =
        format!("source\tbio\tfollowers\tfollowing\tposts\nx\t{bio}\t{followers}\t{following}\t{posts}\n");
    home.folder.write("table.tsv", table);
    let line = home.shown(&["judge", "--facts", "table.tsv", "--json"]);
    serde_json::from_str::<serde_json::Value>(&line).unwrap()["verdict"].as_str().unwrap().to_owned()
}

#[test]
fn without_corrections_there_is_nothing_to_learn_from() {
    let home = home(RULES);
    let nothing = "# nothing to learn from yet: you have neither put back a message nor filed one by hand\n";
    assert_eq!(home.shown(&["suggest"]), nothing);
    assert_eq!(home.json(&[])["suggestions"], serde_json::json!([]));
}

#[test]
fn a_word_that_only_those_write_whom_the_user_filed_becomes_a_rule() {
    let mut home = home(RULES);
    for (number, bio) in ["Free AIRDROP today!", "claim your airdrop", "airdrop: \"now\""].iter().enumerate()
    {
        let follower = person(&format!("a{number}"), &format!("A {number}"), bio, [90, 100, 300]);
        home.came("x", 5, &NONE, follower).by_hand();
    }
    let suggested = home.shown(&["suggest"]);
    let expected = "# Of the followers whose message you filed by hand, 3 of 3 say `airdrop` in the bio.\n\
        # Tried on 27 remembered messages: decides 3 as you did, and every other as before.\n\
        # Add it at the end of rules.toml:\n\n\
        [[rule]]\nname = \"Says in the bio: airdrop\"\nwhen.bio = { word = [\"airdrop\"] }\nverdict = \"spam\"\n";
    assert_eq!(suggested, expected);
    assert_eq!(verdict(&home, "AirDrop for all", [50, 60, 70]), "undecided");
    adopt(&home, RULES, &suggested);
    assert_eq!(verdict(&home, "AirDrop for all", [50, 60, 70]), "spam");
    assert_eq!(verdict(&home, "free for all today", [50, 60, 70]), "undecided");
    assert!(home.shown(&["suggest"]).starts_with("# no rule to suggest: "), "it has been taken");
}

#[test]
fn a_threshold_that_parts_what_was_put_back_from_what_was_filed_rightly_goes_above_the_rule() {
    let mut home = home(RULES);
    for (number, bio) in BIOS.iter().take(3).enumerate() {
        let posts = 1_234 + 100 * number as u64;
        let follower = person(&format!("b{number}"), &format!("B {number}"), bio, [3, 2_001, posts]);
        home.came("x", 5, &THOUSANDS, follower).put_back();
    }
    let suggested = home.shown(&["suggest"]);
    let expected = "# Of the followers whose message you put back, 3 of 3 have posts >= 1000.\n\
        # Tried on 27 remembered messages: decides 3 as you did, and every other as before.\n\
        # Add it to rules.toml above the rule \"Follows thousands\" (line 10):\n\n\
        [verdict.kept]  # these messages stay as they are\n\n\
        [[rule]]\nname = \"posts >= 1000\"\nwhen.posts = \">= 1000\"\nverdict = \"kept\"\n";
    assert_eq!(suggested, expected);
    adopt(&home, RULES, &suggested);
    assert_eq!(verdict(&home, "hi", [3, 2_500, 1_000]), "kept");
    assert_eq!(verdict(&home, "hi", [3, 2_500, 999]), "spam");
    // The report shows it, too.
    let report = home.shown(&["report"]);
    assert!(!report.contains("suggested rules"), "it has been taken: {report}");
    home.folder.write("rules.toml", RULES);
    let report = home.shown(&["report"]);
    assert!(
        report.contains("\nsuggested rules\n  Of the followers whose message you put back, 3 of 3"),
        "{report}"
    );
    let json = home.json(&[]);
    assert!(json["suggestions"][0]["toml"].as_str().unwrap().starts_with("[verdict.kept]"), "{json}");
    let page = home.shown(&["report", "--html", "-"]);
    assert!(page.contains("when.posts = &quot;&gt;= 1000&quot;"));
}

#[test]
fn two_numbers_together_and_a_server_become_rules() {
    let mut home = home(RULES);
    // Others follow as many, and others have as few followers; only these do both.
    for number in 0..10 {
        let busy = person(&format!("busy_{number}"), "Busy", "tea", [700 + number, 900, 300]);
        home.came("x", 20, &NONE, busy).stays();
        let small = person(&format!("small_{number}"), "Small", "tea", [number, 500, 300]);
        home.came("x", 20, &NONE, small).stays();
        let far = person(&format!("far_{number}@brew.example"), "Far", "tea", [80, 70, 300]);
        home.came("mastodon", 20, &NONE, far).stays();
    }
    for number in 0..4 {
        let follower =
            person(&format!("n{number}"), &format!("N {number}"), "", [2 + number, 880 + number, 300]);
        home.came("x", 5, &NONE, follower).by_hand();
    }
    for number in 0..2 {
        let follower =
            person(&format!("p{number}@cheap.example"), &format!("P {number}"), "tea", [80, 70, 300]);
        home.came("mastodon", 5, &NONE, follower).by_hand();
    }
    let suggested = home.shown(&["suggest"]);
    for part in [
        "4 of 6 have following >= 800 and followers <= 10.",
        "when.following = \">= 800\"\nwhen.followers = \"<= 10\"\n",
        "2 of 2 are at cheap.example.",
        "when.handle = { ends = \"@cheap.example\" }\n",
    ] {
        assert!(suggested.contains(part), "{part}\n{suggested}");
    }
    adopt(&home, RULES, &suggested);
    assert_eq!(verdict(&home, "", [7, 890, 1]), "spam");
    assert_eq!(verdict(&home, "", [70, 890, 1]), "undecided");
}

#[test]
fn what_others_have_too_is_not_suggested_and_little_is_learned_from_few() {
    let mut home = home(RULES);
    // One alone; and two who write what others write.
    home.came("x", 5, &NONE, person("one", "One", "win an airdrop", [90, 100, 300])).by_hand();
    home.came("x", 5, &NONE, person("two", "Two", "a free good day", [91, 100, 300])).by_hand();
    home.came("x", 5, &NONE, person("tri", "Tri", "free today", [92, 100, 300])).by_hand();
    let suggested = home.shown(&["suggest"]);
    assert!(suggested.starts_with("# no rule to suggest: "), "{suggested}");
}

#[test]
fn rules_that_never_ask_what_the_user_did_are_given_the_rules_that_do() {
    const BARE: &str = "[verdict.spam]\nmove-to = \"Followers/Spam\"\n\n[[rule]]\nname = \"Follows thousands\"\n\
        when.following = \">= 2000\"\nverdict = \"spam\"\n";
    let mut home = home(BARE);
    home.came("x", 5, &THOUSANDS, person("bo", "Bo", "mugs", [3, 2_001, 3])).put_back();
    home.came("x", 5, &NONE, person("eve", "Eve", "tea", [90, 100, 300])).by_hand();
    let suggested = home.shown(&["suggest"]);
    let expected = "# You put messages back, and no rule asks whether you know a follower.\n\
        # Tried on 26 remembered messages: decides 1 as you did, and every other as before.\n\
        # Add it to rules.toml above the rule \"Follows thousands\" (line 4):\n\n\
        [[rule]]\nname = \"People whose message I once put back\"\nwhen.known = true\nverdict = \"real\"\n\n\n\
        # You filed messages by hand, and no rule asks who is unwelcome.\n\
        # Tried on 26 remembered messages: decides 1 as you did, and every other as before.\n\
        # Add it at the end of rules.toml:\n\n\
        [[rule]]\nname = \"Followers whose message I once filed\"\nwhen.unwelcome = true\nverdict = \"spam\"\n";
    assert_eq!(suggested, expected);
}
