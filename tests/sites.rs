//! Sites that do not live at the root of one host: what of a message has to agree all the same, and that a server which only
//! claims to be the user's own is never proven to be.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::sync::LazyLock;

use followsift::clock::Timestamp;
use followsift::diagnostic::document::Findings;
use followsift::host::{AuthservIds, HostName, Instance};
use followsift::mail::{Message, Profiles, Recognition, Trust};

static PROFILES: LazyLock<Profiles> =
    LazyLock::new(|| Profiles::compile(&Profiles::shipped_sources(), &Findings::default()));

/// The user's own servers in these tests: the links of the first have another domain than its sender.
fn trust() -> Trust {
    let host = |name: &str| HostName::parse(name).unwrap();
    let own = [("social.fosstodon.example", "fosstodon.example"), ("forum.example", "forum.example")];
    let instances = own.map(|(shown, from)| Instance { host: host(shown), from: host(from) });
    Trust {
        authserv_id: AuthservIds::parse(["mx.home.example"]).unwrap(),
        instances: instances.into(),
        ..Trust::default()
    }
}

/// What a fixture is once each text was replaced wherever it stands; a line goes on top of its header.
fn read(fixture: &str, on_top: &str, changes: &[(&str, &str)]) -> String {
    let mut message =
        fs::read_to_string(format!("{}/tests/corpus/{fixture}/message.eml", env!("CARGO_MANIFEST_DIR")))
            .unwrap();
    for (from, to) in changes {
        assert!(message.contains(from), "{fixture} has no {from}");
        message = message.replace(from, to);
    }
    let line_end = if message.contains("\r\n") { "\r\n" } else { "\n" };
    let message = if on_top.is_empty() { message } else { format!("{on_top}{line_end}{message}") };
    let message = Message::parse(message.as_bytes()).unwrap();
    match PROFILES.recognise(&message, &trust(), Timestamp(0)) {
        Recognition::Recognised(found) => {
            format!("{} of {}", found.authentic.word(), found.instance.unwrap_or_default())
        }
        Recognition::Incomplete { .. } => "incomplete".to_owned(),
        Recognition::TooCostly => "too costly".to_owned(),
        Recognition::Foreign => "foreign".to_owned(),
    }
}

const TWO: &str = "mastodon/two-domains";
/// Where the links of the fixture lead.
const LINKS: &str = "https://social.fosstodon.example/";
const FROM: &str = "notifications@fosstodon.example";

fn passed(domain: &str) -> String {
    format!(
        "Authentication-Results: mx.home.example; dkim=pass header.d={domain}; dmarc=pass header.from={domain}"
    )
}

#[test]
fn a_server_with_two_domains_is_proven_by_its_links_and_its_sender() {
    let (own, evil) = (passed("fosstodon.example"), passed("evil.test"));
    assert_eq!(read(TWO, &own, &[]), "pass of social.fosstodon.example");
    assert_eq!(read(TWO, "", &[]), "unknown of social.fosstodon.example");
    assert_eq!(read(TWO, &evil, &[]), "unknown of social.fosstodon.example");
    let failed = own.replace("=pass", "=fail");
    assert_eq!(read(TWO, &failed, &[]), "fail of social.fosstodon.example");
}

#[test]
fn a_server_that_only_claims_to_be_ones_own_is_never_proven() {
    let (own, evil) = (passed("fosstodon.example"), passed("evil.test"));
    let (leads_away, from_evil) = ((LINKS, "https://evil.test/"), (FROM, "notifications@evil.test"));
    // The user's server stands in the List-ID alone.
    for results in [&own, &evil, &String::new()] {
        assert_eq!(read(TWO, results, &[leads_away, from_evil]), "unknown of evil.test");
        assert_eq!(read(TWO, results, &[leads_away]), "unknown of evil.test");
    }
    // The links lead to it, but another sent the message.
    let listed = ("List-ID: <follow.mika.fosstodon.example>", "List-ID: <follow.mika.evil.test>");
    for results in [&evil, &String::new()] {
        assert_eq!(read(TWO, results, &[from_evil, listed]), "unknown of social.fosstodon.example");
        assert_eq!(read(TWO, results, &[from_evil]), "unknown of social.fosstodon.example");
        assert_eq!(read(TWO, results, &[listed]), "unknown of social.fosstodon.example");
    }
    // A name that begins or ends like it.
    for host in [
        "social.fosstodon.example.evil.test",
        "evil-social.fosstodon.example",
        "www.social.fosstodon.example",
    ] {
        assert_eq!(read(TWO, &own, &[(LINKS, &format!("https://{host}/"))]), format!("unknown of {host}"));
    }
}

#[test]
fn two_domains_need_the_recipients_name_twice_and_one_host_in_all_links() {
    for change in [
        ("To: mika <mika@home.example>", "To: ann <mika@home.example>"),
        ("List-ID: <follow.mika.", "List-ID: <follow.ann."),
        ("List-ID: <follow.mika.", "List-ID: <follow."),
        ("List-ID: <follow.mika.", "List-ID: <mention.mika."),
        ("<https://social.fosstodon.example/unsubscribe?", "<https://evil.test/unsubscribe?"),
        (
            "<https://social.fosstodon.example/unsubscribe?",
            "<https://evil.test/social.fosstodon.example/unsubscribe?",
        ),
        ("<https://social.fosstodon.example/unsubscribe?", "<https://social.fosstodon.example/?"),
    ] {
        assert_eq!(read(TWO, "", &[change]), "foreign", "{change:?}");
        assert_eq!(read("mastodon/two-domains-list", "", &[change]), "foreign", "{change:?}");
    }
    // Services that forward messages write the bare address anew. A list of a user called "follow" looks the same.
    let bare = ("To: mika <mika@home.example>", "To: mika@home.example");
    let unlisted = ("List-Unsubscribe:", "X-Unsubscribe:");
    for fixture in [TWO, "mastodon/two-domains-list"] {
        assert_eq!(read(fixture, "", &[bare]), "incomplete");
        assert_eq!(read(fixture, "", &[bare, unlisted]), "foreign");
    }
    // A link to settings elsewhere says nothing about the server.
    let elsewhere = [("social.fosstodon.example/settings", "evil.test/settings")];
    assert_eq!(read(TWO, "", &elsewhere), "foreign");
}

#[test]
fn a_link_that_a_follower_wrote_never_names_the_site() {
    // With every other link opaque, and without List-Unsubscribe.
    let changes = [
        (LINKS, "http://url1.fosstodon.example/ls/click?upn=x"),
        ("List-Unsubscribe:", "X-Unsubscribe:"),
        ("Linnea &quot;&lt;b&gt;&quot; :fox:", "https://evil.test/settings/preferences"),
    ];
    assert_eq!(read(TWO, "", &changes), "unknown of fosstodon.example");
    let (fixture, profile) = ("gnusocial/subscribe-without-bio", "Profile: https://feld.example/klaus");
    for line in ["Bio: See https://evil.test/settings/email", "Homepage: https://evil.test/settings/email"] {
        let with_line = format!("{profile}\r\n{line}");
        assert_eq!(read(fixture, "", &[(profile, &with_line)]), "unknown of gs.example", "{line}");
    }
}

#[test]
fn an_opaque_link_excuses_a_missing_one_only_outside_of_what_the_follower_wrote() {
    let (fixture, footer) = ("gnusocial/named-like-a-redirect", "https://gs.example/settings/email");
    let opaque = "http://url1.gs.example/ls/click?upn=def";
    assert_eq!(read(fixture, "", &[(footer, opaque)]), "incomplete");
    assert_eq!(read(fixture, "", &[(footer, "Bye")]), "foreign");
    // A website behind a tracker is the follower's.
    let (profile, homepage) = ("Profile: https://", format!("Homepage: {opaque}\r\nProfile: https://"));
    assert_eq!(read("gnusocial/subscribe-without-bio", "", &[(profile, &homepage)]), "unknown of gs.example");
    let gone = [(profile, homepage.as_str()), ("https://gs.example/settings/email", "Bye")];
    assert_eq!(read("gnusocial/subscribe-without-bio", "", &gone), "foreign");
    // So is a link in a bio of HTML, whatever its text.
    let (fixture, bio) = ("wordpress-activitypub/card-blog", "Tide watcher.");
    let linked = format!("<a href=\"{opaque}\">Tide</a> watcher.");
    assert_eq!(read(fixture, "", &[(bio, &linked)]), "unknown of blog.example");
    let list = "https://blog.example/wp-admin/options-general.php?page=activitypub&#038;tab=followers";
    assert_eq!(read(fixture, "", &[(list, opaque)]), "incomplete");
    assert_eq!(
        read(fixture, "", &[(bio, &linked), (list, "http://url1.gs.example/ls/click?upn=ghi")]),
        "incomplete"
    );
    assert_eq!(read(fixture, "", &[(bio, &linked), (list, "https://moana.example/")]), "foreign");
}

#[test]
fn a_website_behind_a_tracker_is_not_shown_and_not_empty() {
    use followsift::mail::Shown;
    let path =
        format!("{}/tests/corpus/gnusocial/subscribe-without-bio/message.eml", env!("CARGO_MANIFEST_DIR"));
    let website = |line: &str| {
        let message = fs::read_to_string(&path).unwrap().replace("Profile: https://", line);
        let message = Message::parse(message.as_bytes()).unwrap();
        let Recognition::Recognised(found) = PROFILES.recognise(&message, &trust(), Timestamp(0)) else {
            panic!("{line}")
        };
        found.followers.first().unwrap().website.clone()
    };
    assert_eq!(website("Profile: https://"), Shown::Empty);
    assert_eq!(
        website("Homepage: http://url1.gs.example/ls/click?upn=def\r\nProfile: https://"),
        Shown::NotShown
    );
    let own = "Homepage: https://klaus.example\r\nProfile: https://";
    assert_eq!(website(own), Shown::Value("https://klaus.example".to_owned()));
}

#[test]
fn a_site_is_itself_with_a_port_a_path_or_www_and_no_other() {
    let (fixture, site) = ("nodebb/port-and-path", "www.forum.example:4567/forums");
    let own = passed("forum.example");
    // `www.forum.example` is not the host in `instances`.
    assert_eq!(read(fixture, &own, &[]), "unknown of www.forum.example:4567");
    assert_eq!(read(fixture, &own, &[(site, "forum.example:4567/forums")]), "pass of forum.example:4567");
    assert_eq!(read(fixture, &own, &[(site, "forum.example/forums")]), "pass of forum.example");
    assert_eq!(read(fixture, "", &[(site, "forum.example/forums")]), "unknown of forum.example");
    let evil = passed("evil.test");
    assert_eq!(read(fixture, &evil, &[(site, "forum.example:4567/forums")]), "unknown of forum.example:4567");
    for other in [
        "forum.example.evil.test/forums",
        "evil.test/forum.example",
        "evil.test/www.forum.example:4567/forums",
        "www2.forum.example/forums",
        "forum.example:evil.test/forums",
        "forum.example:4567.evil.test/forums",
        "www.evil.test",
    ] {
        assert_eq!(read(fixture, &own, &[(site, other)]), "foreign", "{other}");
    }
}
