//! `followsift report`: who is shown where, on a terminal, as JSON and as a page; and that nothing from a message leaves its place.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::os::unix::fs::PermissionsExt as _;

use followsift::mail::{Authenticity, Follower, Shown};
use serde_json::Value;

use home::{Home, NONE, SHARES, THOUSANDS, person};

mod browser;
mod home;
mod suggest;

/// The handles of the people of a kind, in order.
fn handles(report: &Value, kind: &str) -> Vec<String> {
    let people = report[kind].as_array().unwrap();
    people.iter().map(|it| it["follower"]["handle"].as_str().unwrap().to_owned()).collect()
}

fn with_link(follower: Follower, url: &str) -> Follower {
    Follower { url: Shown::Value(url.to_owned()), ..follower }
}

/// A quarter of a year of somebody with a garden.
fn garden() -> Home {
    let mut home = Home::new();
    let ana = person(
        "ana@brew.example",
        "Ana Lima",
        "Writes Rust by day, bakes sourdough by night. Gardening in between, on a roof in Porto.",
        [212, 180, 951],
    );
    let ana = with_link(ana, "https://toot.example/@ana@brew.example");
    home.came("mastodon", 3, &SHARES, ana.clone()).stays();
    home.came("mastodon", 40, &SHARES, ana).stays();
    let bo = person("bo_pot", "Bo Potter", "Wheel-thrown mugs and a little gardening", [3_400, 2_410, 5_120]);
    home.came("x", 12, &THOUSANDS, with_link(bo, "https://x.com/bo_pot")).put_back();
    let others = [
        ("mastodon", 1, "ines@sea.example", "Inês", "Rust at sea", [31, 44, 12]),
        ("x", 8, "tomq", "Tom Quill", "", [180, 240, 1_022]),
        (
            "mastodon",
            33,
            "yuki@tsuki.example",
            "\u{5c71}\u{7530}\u{96ea}",
            "\u{304a}\u{8336}\u{3068}\u{732b}",
            [88, 90, 2_210],
        ),
    ];
    for (network, days, handle, name, bio, counts) in others {
        home.came(network, days, &NONE, person(handle, name, bio, counts)).stays();
    }
    for number in 0..31 {
        let follower =
            person(&format!("deal_{number}"), &format!("Deals {number}"), "", [3, 2_001 + number, 1]);
        home.came("x", i64::try_from(number).unwrap() * 2 + 1, &THOUSANDS, follower).filed();
    }
    let promo = person("promo@cheap.example", "Promo", "cheap followers", [900, 100, 4]);
    home.came("mastodon", 6, &NONE, promo).by_hand();
    home
}

#[test]
fn without_a_ledger_there_is_nothing_and_none_is_made() {
    let folder = crate::support::user_folder::UserFolder::new();
    folder.write("password", "hunter2\n");
    let account = "[accounts.home]\nhost = \"mail.example\"\nuser = \"kim\"\npassword-file = \"password\"\n";
    folder.write("followsift.toml", format!("state = \"state\"\n{account}"));
    let out = folder.run(&["report"]).exits(0).out();
    assert!(out.ends_with("\nNo message about a new follower came in this time.\n"), "{out}");
    assert!(!folder.state().exists());
    let err = folder.run(&["report", "--account", "wrk"]).exits(64).err();
    assert!(err.contains("no account `wrk` (configured: home)"), "{err}");
    folder.run(&["report", "--html", "x.html", "--json"]).exits(64);
}

#[test]
fn the_real_ones_come_first_then_the_others_and_what_was_filed_is_counted_by_rule() {
    let home = garden();
    let report = home.json(&[]);
    assert_eq!(handles(&report, "real"), ["ana@brew.example", "bo_pot"]);
    // Who shares an interest comes before who came later.
    assert_eq!(handles(&report, "others"), ["ines@sea.example", "tomq", "yuki@tsuki.example"]);
    let ana = &report["real"][0];
    assert_eq!(
        (&ana["messages"], &ana["put-back"], &ana["proven"]),
        (&2.into(), &false.into(), &true.into())
    );
    assert_eq!(ana["link"], "https://toot.example/@ana@brew.example");
    assert_eq!(ana["follower"]["shared_interests"], serde_json::json!(["rust", "gardening", "sourdough"]));
    assert_eq!(report["real"][1]["put-back"], true);
    let filed = serde_json::json!([
        {"rule": "Follows thousands", "messages": 31, "folders": ["Followers/Spam"]},
        {"rule": null, "messages": 1, "folders": ["Followers/Spam"]}
    ]);
    assert_eq!(report["filed"], filed);
    assert_eq!(report["messages"], serde_json::json!({"real": 3, "others": 3, "filed": 32}));
    let periods = report["periods"].as_array().unwrap();
    assert_eq!(report["unit"], "week");
    let sum = |kind: &str| periods.iter().map(|it| it["messages"][kind].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("real"), sum("others"), sum("filed")), (3, 3, 32));
    assert_eq!((&report["put-back"], &report["forged"]), (&1.into(), &0.into()));
    // Of the last week.
    let week = home.json(&["--since", "7d"]);
    assert_eq!((handles(&week, "real").len(), handles(&week, "others").len()), (1, 1));
    assert_eq!((&week["unit"], &week["real"][0]["messages"]), (&"day".into(), &1.into()));
}

#[test]
fn only_a_proven_message_makes_a_follower_real_and_a_forged_one_shows_nobody() {
    let mut home = Home::new();
    let follower = |handle: &str| person(handle, "Ann", "rust and gardening", [1, 1, 1]);
    home.came("x", 1, &SHARES, follower("proven")).stays();
    home.came("x", 1, &SHARES, follower("unproven")).is(Authenticity::Unknown).stays();
    home.came("x", 1, &SHARES, follower("forged")).is(Authenticity::Fail("two From".into())).stays();
    let mut by_name = home.came("x", 1, &SHARES, follower("namesake"));
    by_name.judged.verdicts[0].reasons[0].evidence.by_name_alone = true;
    by_name.stays();
    let report = home.json(&[]);
    assert_eq!(handles(&report, "real"), ["proven"]);
    let mut others = handles(&report, "others");
    others.sort();
    assert_eq!(others, ["namesake", "unproven"]);
    assert_eq!(report["forged"], 1);
    let shown = home.shown(&["report"]);
    assert!(shown.contains("1 message failed authentication and stayed"), "{shown}");
    assert!(shown.contains("by \"Shares my interests\"; not proven authentic"), "{shown}");
    assert!(!shown.contains("@forged"), "{shown}");
}

#[test]
fn a_message_is_shown_where_it_is_and_for_the_reason_it_is_there() {
    let mut home = Home::new();
    let follower = |handle: &str| person(handle, "Ann", "", [3, 2_001, 1]);
    home.came("x", 2, &THOUSANDS, follower("twin")).filed_with_a_twin();
    home.came("x", 2, &THOUSANDS, follower("again")).filed_and_judged_again();
    let report = home.json(&[]);
    assert_eq!(handles(&report, "others"), ["twin"]);
    let filed =
        serde_json::json!([{"rule": "Follows thousands", "messages": 1, "folders": ["Followers/Spam"]}]);
    assert_eq!(report["filed"], filed);
}

#[test]
fn the_table_fits_its_width_and_has_bars() {
    let home = garden();
    let shown = home.shown(&["report"]);
    for line in [
        "38 messages: 3 about real people, 3 about others, 32 filed.",
        "You put 1 message back.",
        "real people (2)",
        "    followers 212 · following 180 · posts 951 · shares rust, gardening, sourdough",
        "    https://toot.example/@ana@brew.example",
        "    you put their message back",
        "others in your inbox (3)",
        "  `followsift restore` puts messages back",
        "by week  █ real  ▓ others  ░ filed",
    ] {
        assert!(shown.lines().any(|it| it == line), "{line}\n{shown}");
    }
    let bar = |name: &str| shown.lines().find(|it| it.contains(name)).unwrap().matches('█').count();
    assert_eq!((bar("Follows thousands"), bar("by you, by hand")), (25, 1), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 100), "{shown}");
}

#[test]
fn the_page_is_written_whole_for_its_owner_alone_or_to_standard_output() {
    let home = garden();
    home.folder.write("report.html", "an earlier one");
    home.folder.mode("report.html", 0o644);
    let out = home.shown(&["report", "--html", "report.html"]);
    assert_eq!(out, "written to report.html\n");
    let file = home.folder.path().join("report.html");
    let page = std::fs::read_to_string(&file).unwrap();
    assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">") && page.ends_with("</html>"), "{page}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let left: Vec<_> = std::fs::read_dir(home.folder.path())
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains(".new"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    let link = "<a href=\"https://toot.example/@ana@brew.example\" rel=\"noreferrer noopener\">Profile on toot.example</a>";
    assert!(page.contains(link), "{page}");
    assert_eq!(home.shown(&["report", "--html", "-"]), page);
    let err = home.run(&["report", "--html", "missing/report.html"]).exits(70).err();
    assert!(err.starts_with("error: could not write missing/report.html: "), "{err}");
}

#[test]
fn nothing_from_a_message_becomes_a_command_a_line_or_a_tag() {
    const TRICK: &str = "\u{1b}[2J\u{202e}\u{9b}x\n  real people (99)";
    let mut home = Home::new();
    for url in [
        "javascript:alert(1)",
        "https://evil.example/",
        "http://x.com/a",
        "https://x.com@evil.example/",
        "https://x.com/\"><script>alert(1)</script>",
    ] {
        let mut evil = person(&format!("{TRICK}{}", url.len()), HOSTILE, HOSTILE, [1, 1, 1]);
        evil.location = Shown::Value(format!("{HOSTILE}{TRICK}"));
        let mut message = home.came("x", 1, &SHARES, with_link(evil.clone(), url));
        message.judged.notification.title = format!("X{TRICK}{HOSTILE}").into();
        message.judged.verdicts[0].reasons[0].rule = format!("rule{TRICK}{HOSTILE}").into();
        message.stays();
        home.came("x", 2, &THOUSANDS, evil).filed();
    }
    for arguments in [&["report"][..], &["report", "--json"], &["report", "--html", "-"]] {
        let shown = home.shown(arguments);
        assert!(!shown.contains(|c: char| c.is_control() && c != '\n' || c == '\u{202e}'), "{shown:?}");
        assert!(shown.lines().all(|line| !line.starts_with("  real people (99)")), "{shown}");
    }
    let page = home.shown(&["report", "--html", "-"]);
    for tag in ["<script", "<img", "<a ", " onerror=\"", " href=\""] {
        assert!(!page.contains(tag), "{tag}");
    }
    assert!(page.contains("&lt;script&gt;") && page.contains("&lt;img"), "{page}");
}

/// What a follower may call themselves.
const HOSTILE: &str = "<script>document.title='x'</script><img src=https://evil.example/x.png onerror=alert(1)>\
    </style></bdi>\"'><a href=https://evil.example/>&amp;";
