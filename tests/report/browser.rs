//! The page of the report, and that in the digest, in a real browser, which `tests/further/report.sh` brings: nothing leaves, nothing hostile lives, and it can
//! be read on a telephone and on a desk, in the light and in the dark. With FOLLOWSIFT_PICTURES=FOLDER it leaves pictures there.

use std::path::PathBuf;

use followsift::ledger::Ledger;
use followsift::mail::Message;
use followsift::report::digest;
use followsift::settings::{self, DigestSchedule, Environment};
use followsift::sweep::Digest;
use followsift::{clock, rulebook};

use super::{HOSTILE, garden, with_link};
use crate::report::home::{Home, SHARES, THOUSANDS, person};
use crate::support::browser::{Browser, TOO_FAINT};

/// The page of this home, as a file.
fn page(home: &Home) -> PathBuf {
    home.shown(&["report", "--html", "report.html"]);
    home.folder.path().join("report.html")
}

fn keep(browser: &mut Browser, name: &str) {
    #[expect(clippy::disallowed_methods, reason = "it is the test's environment, not the program's")]
    if let Some(folder) = std::env::var_os("FOLLOWSIFT_PICTURES") {
        std::fs::write(PathBuf::from(folder).join(name), browser.picture()).unwrap();
    }
}

/// What has to hold of every page, at this width and in this scheme.
fn is_readable(browser: &mut Browser, name: &str, width: u32, scheme: &str) {
    keep(browser, &format!("{name}-{width}-{scheme}.png"));
    // What is folded up is looked at, too.
    browser.evaluate("document.querySelectorAll('details').forEach((it) => { it.open = true; })");
    let overflow =
        browser.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
    assert_eq!(overflow, 0, "{name} {width}: it scrolls sideways");
    let outside = "[...document.body.querySelectorAll('*')].filter((it) => { \
        const box = it.getBoundingClientRect(); return box.right > innerWidth + 1 || box.left < -1; }).length";
    assert_eq!(browser.evaluate(outside), 0, "{name} {width}: something is cut off");
    let faint = browser.evaluate(TOO_FAINT);
    assert_eq!(faint, serde_json::json!([]), "{name} {width} {scheme}");
    let smallest = "Math.min(...[...document.body.querySelectorAll('*')].map((it) => parseFloat(getComputedStyle(it).fontSize)))";
    assert!(browser.evaluate(smallest).as_f64().unwrap() >= 13.0, "{name}: small print");
}

#[test]
#[ignore = "it needs a browser: `tests/run.sh --all` runs it, by tests/further/report.sh"]
fn the_page_is_readable_everywhere_asks_for_nothing_and_keeps_hostile_names_as_text() {
    let mut hostile = Home::new();
    let long = "x".repeat(190);
    for (number, name) in
        [HOSTILE, &long, "\u{5d0}\u{5d1}\u{5d2} abc", "&#x3c;b>&lt;"].into_iter().enumerate()
    {
        let handle = format!("evil{number}");
        let follower = person(&handle, name, &format!("{name} {HOSTILE}"), [u64::MAX, u64::MAX, u64::MAX]);
        let follower = with_link(follower, "https://x.com/\"onmouseover=\"alert(1)");
        let mut message = hostile.came("x", 1, &SHARES, follower.clone());
        message.judged.verdicts[0].reasons[0].rule = format!("rule {name}").into();
        message.stays();
        let mut message = hostile.came("x", 1, &THOUSANDS, follower);
        message.judged.verdicts[0].reasons[0].rule = format!("rule {name}").into();
        message.filed();
    }
    let mut browser = Browser::start();
    let homes = [("garden", garden()), ("hostile", hostile), ("empty", Home::new())];
    for (name, home) in &homes {
        let file = page(home);
        for (width, scheme) in [(360, "light"), (360, "dark"), (1280, "light"), (1280, "dark")] {
            browser.requests.clear();
            browser.show(&file, width, scheme);
            is_readable(&mut browser, name, width, scheme);
            assert_eq!(browser.requests, [format!("file://{}", file.display())], "{name}");
        }
        let title = browser.evaluate("document.title");
        assert!(title.as_str().unwrap().starts_with("Your new followers, "), "{title}");
        let foreign = "document.querySelectorAll('script, img, iframe, object, embed, link, form, base, audio, video').length";
        assert_eq!(browser.evaluate(foreign), 0, "{name}");
        let attributes = "[...document.querySelectorAll('*')].flatMap((it) => it.getAttributeNames()) \
            .filter((it) => it.startsWith('on') || ['style', 'src', 'srcset'].includes(it))";
        assert_eq!(browser.evaluate(attributes), serde_json::json!([]), "{name}");
        let headings = "document.documentElement.lang + document.querySelectorAll('h1').length + \
            document.querySelectorAll('main').length";
        assert_eq!(browser.evaluate(headings), "en11", "{name}");
        let links = "[...document.links].map((it) => it.href + ' ' + it.rel)";
        let expected = match *name {
            "garden" => vec![
                "https://toot.example/@ana@brew.example noreferrer noopener",
                "https://x.com/bo_pot noreferrer noopener",
            ],
            _ => Vec::new(),
        };
        assert_eq!(browser.evaluate(links), serde_json::json!(expected), "{name}");
    }
    browser.show(&page(&homes[1].1), 360, "light");
    let names = browser.evaluate("[...document.querySelectorAll('.people h3')].map((it) => it.textContent)");
    assert!(names.as_array().unwrap().contains(&HOSTILE.into()), "{names}");
    // The page's own policy: what could be brought into it would not be let out.
    assert_eq!(browser.connections(), 0, "the browser has asked something of the network");
    let smuggle = "new Promise((done) => { const it = new Image(); it.onload = it.onerror = () => done(1); \
        it.src = 'https://evil.example/x.png'; document.body.append(it); })";
    browser.evaluate(smuggle);
    assert_eq!(browser.connections(), 0, "the policy lets pictures in");
    // On a page without one, the same picture is asked for: this test would notice.
    let bare = homes[0].1.folder.path().join("bare.html");
    std::fs::write(&bare, "<!doctype html><p>bare").unwrap();
    browser.show(&bare, 360, "light");
    browser.evaluate(smuggle);
    assert_ne!(browser.connections(), 0, "the proxy counts nothing");
}

/// The page in the digest of this home, as a file.
fn digest_page(home: &Home) -> PathBuf {
    let file = home.folder.path().join("followsift.toml");
    let (settings, _) = settings::load(Some(&file), &Environment::of([("HOME", "/home/kim")]));
    let settings = settings.unwrap();
    let schedule = DigestSchedule::weekly(settings.zone.clone());
    let ledger = Ledger::open_read_only(&home.folder.state()).unwrap();
    let digest = Digest::preview(&settings.accounts[0], &schedule, ledger.as_ref(), clock::now()).unwrap();
    let message = digest::message(&digest, &rulebook::networks(None).0);
    let page = home.folder.path().join("digest.html");
    std::fs::write(&page, Message::parse(&message).unwrap().html().unwrap()).unwrap();
    page
}

#[test]
#[ignore = "it needs a browser: `tests/run.sh --all` runs it, by tests/further/report.sh"]
fn the_page_in_the_digest_is_readable_everywhere_and_asks_for_nothing() {
    let mut hostile = Home::new();
    for (number, name) in [HOSTILE, &"x".repeat(190), "\u{5d0}\u{5d1}\u{5d2} abc"].into_iter().enumerate() {
        let follower = person(&format!("evil{number}"), name, &format!("{name} {HOSTILE}"), [u64::MAX; 3]);
        let follower = with_link(follower, "https://x.com/\"onmouseover=\"alert(1)");
        hostile.came("x", 1, &SHARES, follower.clone()).stays();
        hostile.came("x", 1, &THOUSANDS, follower).filed();
    }
    let mut browser = Browser::start();
    for (name, home) in [("digest-garden", &garden()), ("digest-hostile", &hostile)] {
        let file = digest_page(home);
        for (width, scheme) in [(360, "light"), (360, "dark"), (1280, "light"), (1280, "dark")] {
            browser.requests.clear();
            browser.show(&file, width, scheme);
            is_readable(&mut browser, name, width, scheme);
            assert_eq!(browser.requests, [format!("file://{}", file.display())], "{name}");
        }
        let foreign =
            "document.querySelectorAll('script, img, iframe, object, embed, link, form, base').length";
        assert_eq!(browser.evaluate(foreign), 0, "{name}");
    }
    let names = browser.evaluate("[...document.querySelectorAll('strong')].map((it) => it.textContent)");
    let is_text = |name: &serde_json::Value| name.as_str().is_some_and(|name| name.starts_with(HOSTILE));
    assert!(names.as_array().unwrap().iter().any(is_text), "{names}");
    assert_eq!(browser.connections(), 0, "the browser has asked something of the network");
}
