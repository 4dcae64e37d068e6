//! Public profiles: what is asked, of whom, what never is, and what becomes of the answers. Each test runs in a network namespace.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod namespace;
mod networks;
mod service;

use std::time::{Duration, Instant};

use followsift::clock::now;
use namespace::{CHANGING, Does, Site, changing_name, inside, profile};

use crate::support::home::{Home, SPAM};
use crate::support::letters::{ENGLISH, GERMAN, Letter, Person, mastodon_4_2, mastodon_card};
use crate::support::small_server::SmallServer;
use crate::support::user_folder::Run;

/// The messages of the tests are as old as they are.
const ON: &str = "mastodon = \"own-server\"\nnewest = \"36500d\"\n";

struct Scene {
    home: Home,
    mail: SmallServer,
    site: Site,
}

impl Scene {
    fn new(lookup: &str, inbox: &[Vec<u8>]) -> Self {
        let mail = SmallServer::start("MOVE UIDPLUS");
        let home = Home::new(mail.port, "kim", "");
        let site = Site::start(home.path());
        let scene = Self { home, mail, site };
        scene.configure(lookup, "");
        scene.add(inbox);
        scene
    }

    fn configure(&self, lookup: &str, account: &str) {
        let more = format!("backlog = \"all\"\nca-file = \"ca.pem\"\n{account}\n[lookup]\n{lookup}");
        self.home.configure(self.mail.port, &more);
    }

    fn add(&self, inbox: &[Vec<u8>]) {
        self.mail.folders(|folders| {
            for bytes in inbox {
                let mails = folders.get_mut("INBOX").unwrap();
                let id = mails.next as usize;
                mails.add(id, bytes, &[]);
            }
        });
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let mut command = self.home.command(&[], arguments);
        // Which do not apply to look-ups.
        command.env("HTTPS_PROXY", "http://127.0.0.1:9").env("ALL_PROXY", "http://127.0.0.1:9");
        Run(command.output().unwrap())
    }

    /// As if all pauses were over.
    fn reopen_servers(&self) {
        let ledger = rusqlite::Connection::open(self.home.state().join("ledger.sqlite")).unwrap();
        ledger.execute("UPDATE lookup_server SET not_before = 0", []).unwrap();
        ledger.execute("UPDATE lookup SET tried_at = NULL WHERE wanted_at IS NOT NULL", []).unwrap();
    }

    /// How many messages a folder has.
    fn count(&self, folder: &str) -> usize {
        self.mail.folders(|folders| folders.get(folder).map_or(0, |mails| mails.mails.len()))
    }
}

/// Answers with this.
fn says(body: &str) -> Does {
    Does::Says(200, "", body.to_owned())
}

fn message(handle: &str, number: usize) -> Vec<u8> {
    mastodon_4_2(&ENGLISH, handle).bytes(number)
}

#[test]
fn a_follower_is_looked_up_once_and_the_answer_decides() {
    inside("lookup::a_follower_is_looked_up_once_and_the_answer_decides", || {
        let inbox = [
            message("moon@openreg.example", 1),
            message("mira@clay.example", 2),
            message("gone@away.example", 3),
        ];
        let scene = Scene::new(ON, &inbox);
        scene.site.has("moon@openreg.example", [3, 7500, 0]);
        scene.site.has("mira@clay.example", [212, 180, 40]);
        let out = scene.run(&["sweep"]).exits(0).out();
        let origin = format!("(looked up {} at toots.example)", now().date());
        let evidence = format!("following 7500 >= 1000 {origin}, followers 3 <= 10 {origin}");
        assert!(out.contains(&evidence), "{out}");
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (2, 1), "{out}");
        let requests = scene.site.requests();
        assert_eq!(requests.len(), 3, "{requests:?}");
        let first = requests.iter().find(|request| request.contains("moon")).unwrap();
        assert!(
            first.starts_with("GET /api/v1/accounts/lookup?acct=moon@openreg.example HTTP/1.1\r\n"),
            "{first}"
        );
        let agent = format!("user-agent: followsift/{}\r\n", env!("CARGO_PKG_VERSION"));
        assert!(first.to_lowercase().contains(&agent) && !first.contains("kim"), "{first}");
        // Neither again, nor for another message about the same followers on the same day.
        scene.add(&[
            message("mira@clay.example", 4),
            message("moon@openreg.example", 5),
            message("gone@away.example", 6),
        ]);
        scene.run(&["sweep"]).exits(0);
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (4, 2));
        assert_eq!(scene.site.requests().len(), 3);
        // What the ledger remembers is known to `backtest` too.
        let out = scene.run(&["backtest"]).exits(0).out();
        assert!(out.contains(": 2 would move, 4 would stay"), "{out}");
        let shown = scene.run(&["lookup", "gone@away.example"]).exits(0).out();
        assert!(shown.contains("account-state    gone"), "{shown}");
        assert!(shown.starts_with("remembered; would ask toots.example: GET https://"), "{shown}");
        assert_eq!(scene.site.requests().len(), 3);
    });
}

#[test]
fn nothing_is_asked_for_what_is_forged_unproven_foreign_decided_old_or_off() {
    inside("lookup::nothing_is_asked_for_what_is_forged_unproven_foreign_decided_old_or_off", || {
        let letter = |handle: &str| mastodon_4_2(&ENGLISH, handle);
        let failed = |letter: Letter| {
            letter.on_top(
                "Authentication-Results",
                "mx.post.example; dkim=fail header.d=toots.example; dmarc=fail header.from=toots.example",
            )
        };
        let unproven = String::from_utf8(message("unproven@far.example", 2)).unwrap();
        let unproven = unproven
            .replace("Authentication-Results: mx.post.example;", "Authentication-Results: mx.evil.example;");
        let foreign = String::from_utf8(message("foreign@far.example", 3))
            .unwrap()
            .replace("toots.example", "elsewhere.example");
        let decided = mastodon_card(&ENGLISH, &Person::new("Moon", "decided@far.example", [3, 7500, 0]));
        let complete = mastodon_card(&ENGLISH, &Person::new("Mira", "complete@far.example", [200, 180, 40]));
        let inbox = [
            failed(letter("forged@far.example")).bytes(1),
            unproven.into_bytes(),
            foreign.into_bytes(),
            decided.bytes(4),
            complete.bytes(5),
        ];
        let scene = Scene::new(ON, &inbox);
        let out = scene.run(&["sweep", "--lookup"]).exits(0).out();
        assert!(out.contains("forged") && scene.count(SPAM) == 1, "{out}");
        // Off, older than `newest`, and only observed.
        for (lookup, account) in [
            ("", ""),
            ("mastodon = \"off\"\n", ""),
            ("mastodon = \"own-server\"\nnewest = \"1s\"\n", ""),
            (ON, "act = false"),
            (ON, "instances = []"),
        ] {
            let mail = SmallServer::start("MOVE");
            let home = Home::new(mail.port, "kim", "");
            std::fs::copy(scene.home.path().join("ca.pem"), home.path().join("ca.pem")).unwrap();
            let scene = Scene { home, mail, site: scene.site.clone() };
            scene.configure(lookup, account);
            if account.starts_with("instances") {
                let text = std::fs::read_to_string(scene.home.path().join("followsift.toml")).unwrap();
                let line = text.lines().find(|line| line.starts_with("instances = [\"")).unwrap().to_owned();
                scene.home.write("followsift.toml", &text.replace(&format!("{line}\n"), ""));
            }
            scene.add(&[message("moon@openreg.example", 1)]);
            scene.run(&["sweep"]);
            assert_eq!(scene.count("INBOX"), 1, "{lookup}{account}");
        }
        assert_eq!((scene.site.connections(), scene.site.requests()), (0, Vec::new()));
    });
}

#[test]
fn no_address_but_a_public_one_is_connected_to() {
    inside("lookup::no_address_but_a_public_one_is_connected_to", || {
        let scene = Scene::new(ON, &[]);
        let names = [
            "private.example",
            "carrier.example",
            "metadata.example",
            "loopback.example",
            "documentation.example",
            "loopback6.example",
            "local6.example",
            "link6.example",
            "nat64.example",
            "local-nat64.example",
            "sixtofour.example",
            "mapped.example",
        ];
        for name in names {
            let settings = std::fs::read_to_string(scene.home.path().join("followsift.toml")).unwrap();
            let line = settings.lines().find(|line| line.starts_with("instances")).unwrap().to_owned();
            scene
                .home
                .write("followsift.toml", &settings.replace(&line, &format!("instances = [\"{name}\"]")));
            let run = scene.run(&["lookup", "ann"]);
            let err = run.exits(75).err();
            assert!(
                err.contains(&format!("{name}: its name has no address on the public internet")),
                "{err}"
            );
        }
        assert_eq!(scene.site.connections(), 0);
        // Of several addresses, the public one.
        let settings = std::fs::read_to_string(scene.home.path().join("followsift.toml")).unwrap();
        scene.home.write("followsift.toml", &settings.replace("mapped.example", "both.example"));
        scene.site.has("ann", [1, 2, 3]);
        let out = scene.run(&["lookup", "@ann@both.example"]).exits(0).out();
        assert!(
            out.contains("asks both.example: GET https://both.example/api/v1/accounts/lookup?acct=ann\n"),
            "{out}"
        );
        assert!(out.contains("  followers        1\n") && out.contains("  bot              no\n"), "{out}");
    });
}

#[test]
fn a_name_that_changes_its_address_is_resolved_once_for_each_request() {
    inside("lookup::a_name_that_changes_its_address_is_resolved_once_for_each_request", || {
        let scene = Scene::new(ON, &[]);
        let settings = std::fs::read_to_string(scene.home.path().join("followsift.toml")).unwrap();
        let line = settings.lines().find(|line| line.starts_with("instances")).unwrap().to_owned();
        let own = format!("instances = [\"{CHANGING}\"]");
        scene.home.write("followsift.toml", &settings.replace(&line, &own));
        scene.site.has("ann", [1, 2, 3]);
        let asked = changing_name(CHANGING, [[11, 11, 11, 11].into(), [10, 1, 2, 3].into()]);
        // A second resolution, between the check and the connection, would lead to the private address.
        let out = scene.run(&["lookup", "ann"]).exits(0).out();
        assert!(out.contains("  followers        1\n"), "{out}");
        assert_eq!((*asked.lock().unwrap(), scene.site.connections()), (1, 1));
        let _ = std::fs::remove_dir_all(scene.home.state());
        let err = scene.run(&["lookup", "ann"]).exits(75).err();
        assert!(err.contains("its name has no address on the public internet"), "{err}");
        assert_eq!((*asked.lock().unwrap(), scene.site.connections()), (2, 1));
    });
}

#[test]
fn a_server_that_answers_oddly_is_not_believed() {
    inside("lookup::a_server_that_answers_oddly_is_not_believed", || {
        let scene = Scene::new(ON, &[]);
        let other = "{\"acct\": \"eve@far.example\", \"followers_count\": 1}".to_owned();
        let moved = "Location: https://elsewhere.example/x\r\n";
        let says = |status, header, body: &str| Does::Says(status, header, body.to_owned());
        for (name, does, words) in [
            ("other", says(200, "", &other), "not the profile of the account"),
            ("garbage", says(200, "", "<html>"), "not the profile of the account"),
            ("redirect", says(302, moved, ""), "redirects"),
            ("endless", Does::Endless, "far too large"),
            ("drips", Does::Drips, "did not answer in time"),
            ("login", says(401, "", "{\"error\": \"x\"}"), "without a login"),
            ("limit", says(429, "Retry-After: 600\r\n", "{}"), "fewer requests (429)"),
            ("down", says(503, "", "down"), "status 503"),
            ("portal", says(404, "", "<h1>Not found</h1>"), "status 404"),
        ] {
            // Each with a ledger of its own, since a server that fails is left alone.
            let _ = std::fs::remove_dir_all(scene.home.state());
            scene.site.does(&format!("{name}@far.example"), does);
            let begun = Instant::now();
            let err = scene.run(&["lookup", &format!("{name}@far.example")]).exits(75).err();
            assert!(err.contains(words) && begun.elapsed() < Duration::from_secs(15), "{name}: {err}");
        }
        let asked = scene.site.requests();
        assert!(
            asked
                .iter()
                .all(|request| request.contains("Host: toots.example")
                    || request.contains("host: toots.example")),
            "{asked:?}"
        );
        // The last one closed the server for a while.
        let err = scene.run(&["lookup", "ann@far.example"]).exits(75).err();
        assert!(err.contains("toots.example is left alone") && err.contains("; next attempt 2"), "{err}");
        assert_eq!(scene.site.requests().len(), asked.len());
    });
}

#[test]
fn a_profile_that_is_too_long_does_not_keep_the_server_from_being_asked() {
    inside("lookup::a_profile_that_is_too_long_does_not_keep_the_server_from_being_asked", || {
        let scene = Scene::new(ON, &[]);
        scene.site.does("long@far.example", Does::Endless);
        scene.site.has("ann@far.example", [1, 2, 3]);
        let err = scene.run(&["lookup", "long@far.example"]).exits(75).err();
        assert!(err.contains("far too large"), "{err}");
        crate::support::pause(Duration::from_millis(2100));
        let out = scene.run(&["lookup", "ann@far.example"]).exits(0).out();
        assert!(out.contains("  followers        1\n"), "{out}");
    });
}

#[test]
fn explain_and_a_dry_run_look_up_at_once_and_write_nothing() {
    inside("lookup::explain_and_a_dry_run_look_up_at_once_and_write_nothing", || {
        let scene = Scene::new(ON, &[message("moon@openreg.example", 1), message("moon@openreg.example", 2)]);
        scene.site.has("moon@openreg.example", [3, 7500, 0]);
        scene.home.write("message.eml", &String::from_utf8(message("moon@openreg.example", 3)).unwrap());
        let without = scene.run(&["explain", "message.eml"]).exits(0).out();
        assert!(without.contains("undecided") && without.contains("following is not shown"), "{without}");
        assert_eq!(scene.site.connections(), 0);
        let with = scene.run(&["explain", "--lookup", "message.eml"]).exits(0).out();
        let origin = format!("(looked up {} at toots.example)", now().date());
        assert!(with.contains(&format!("following 7500 >= 1000 {origin}")), "{with}");
        assert_eq!(scene.site.requests().len(), 1);
        let dry = scene.run(&["sweep", "--dry-run", "--lookup"]).exits(0).out();
        assert!(dry.contains(&origin) && dry.contains(SPAM), "{dry}");
        assert_eq!((scene.site.requests().len(), scene.count("INBOX")), (2, 2));
        assert!(!scene.home.state().join("ledger.sqlite").exists());
    });
}

#[test]
fn explain_asks_a_server_no_more_often_than_it_may() {
    inside("lookup::explain_asks_a_server_no_more_often_than_it_may", || {
        let scene = Scene::new(ON, &[message("one@far.example", 9)]);
        let names = ["one", "two", "three", "four"];
        let files = names.map(|name| format!("{name}.eml"));
        for (number, (name, file)) in names.iter().zip(&files).enumerate() {
            let letter = message(&format!("{name}@far.example"), number + 1);
            scene.home.write(file, &String::from_utf8(letter).unwrap());
            scene.site.has(&format!("{name}@far.example"), [3, 7500, 0]);
        }
        let last = "X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 300\r\n";
        scene
            .site
            .does("three@far.example", Does::Says(200, last, profile("three@far.example", [3, 7500, 0])));
        let arguments: Vec<_> =
            ["explain", "--lookup"].into_iter().chain(files.iter().map(String::as_str)).collect();
        let begun = Instant::now();
        let out = scene.run(&arguments).exits(0).out();
        assert_eq!((out.matches("undecided").count(), scene.site.requests().len()), (1, 3), "{out}");
        assert!(begun.elapsed() >= Duration::from_secs(2));
        // Nor while the ledger has a pause for it.
        scene.site.does("busy@far.example", Does::Says(429, "Retry-After: 600\r\n", "{}".to_owned()));
        scene.run(&["lookup", "busy@far.example"]).exits(75);
        for command in [&["explain", "--lookup", "one.eml"][..], &["sweep", "--dry-run", "--lookup"]] {
            let err = scene.run(command).exits(0).err();
            let note = "note: not looked up: toots.example is left alone after what it answered last, or since it did not; \
                        next attempt 2";
            assert!(err.contains(note), "{err}");
            assert_eq!(scene.site.requests().len(), 4);
        }
    });
}

#[test]
fn a_command_that_looks_up_says_why_it_asked_nobody() {
    inside("lookup::a_command_that_looks_up_says_why_it_asked_nobody", || {
        let unproven = |number| {
            let text = String::from_utf8(message("ann@far.example", number)).unwrap();
            text.replace(
                "Authentication-Results: mx.post.example;",
                "Authentication-Results: mx.evil.example;",
            )
        };
        let decided = mastodon_card(&ENGLISH, &Person::new("Moon", "decided@far.example", [3, 7500, 0]));
        let inbox = [unproven(1).into_bytes(), unproven(2).into_bytes(), decided.bytes(3)];
        let scene = Scene::new(ON, &inbox);
        let err = scene.run(&["sweep", "--dry-run", "--lookup"]).exits(0).err();
        assert_eq!(err, "note: not looked up: the message is not proven authentic (2 messages)\n");
        scene.home.write("unproven.eml", &unproven(4));
        scene.home.write("proven.eml", &String::from_utf8(message("ann@far.example", 5)).unwrap());
        scene.home.write("decided.eml", &String::from_utf8(decided.bytes(6)).unwrap());
        let notes = |file| scene.run(&["explain", "--lookup", file]).exits(0).err();
        assert_eq!(notes("unproven.eml"), "note: not looked up: the message is not proven authentic\n");
        assert_eq!(notes("decided.eml"), "");
        scene.configure("", "");
        assert!(
            notes("proven.eml")
                .starts_with("note: not looked up: look-ups for mastodon are off; to switch them on, set `")
        );
        assert_eq!(scene.run(&["explain", "proven.eml"]).exits(0).err(), "");
        assert_eq!(scene.site.connections(), 0);
    });
}

#[test]
fn a_message_waits_for_an_answer_no_longer_than_it_may() {
    inside("lookup::a_message_waits_for_an_answer_no_longer_than_it_may", || {
        let scene = Scene::new(&format!("{ON}wait = \"1s\"\n"), &[message("moon@openreg.example", 1)]);
        scene.site.does("moon@openreg.example", Does::Says(503, "Retry-After: 3000\r\n", String::new()));
        let err = scene.run(&["sweep"]).exits(0).err();
        assert!(
            err.contains(
                "could not look up a follower at toots.example: the server answered with status 503"
            ),
            "{err}"
        );
        crate::support::pause(Duration::from_millis(2100));
        // Its time is up: it is judged without the answer, stays, and waits for nothing.
        scene.run(&["sweep"]).exits(0);
        assert_eq!((scene.count("INBOX"), scene.site.requests().len()), (1, 1));
        let ledger = followsift::ledger::Ledger::open(&scene.home.state()).unwrap();
        let account = followsift::place::AccountName::new("home").unwrap();
        assert!(!ledger.waits(&account, &[followsift::place::Folder::inbox()]).unwrap());
        // Nor is it asked about any more.
        scene.reopen_servers();
        scene.run(&["sweep"]).exits(0);
        assert_eq!(scene.site.requests().len(), 1);
    });
}

#[test]
fn the_next_sweep_asks_before_it_judges_what_has_waited_for_long_enough() {
    inside("lookup::the_next_sweep_asks_before_it_judges_what_has_waited_for_long_enough", || {
        let scene = Scene::new(&format!("{ON}wait = \"1s\"\n"), &[message("moon@openreg.example", 1)]);
        scene.site.does("moon@openreg.example", Does::Says(503, "Retry-After: 3000\r\n", String::new()));
        let run = scene.run(&["sweep"]);
        let (out, err) = (run.exits(0).out(), run.err());
        assert!(out.contains("    stays for now: waits for a look-up\n"), "{out}");
        assert!(out.contains("; 1 message waits for a look-up\n") && !out.contains("all is well"), "{out}");
        assert!(err.contains("note: could not look up a follower at toots.example: "), "{err}");
        crate::support::pause(Duration::from_millis(2100));
        scene.site.has("moon@openreg.example", [3, 7500, 0]);
        scene.reopen_servers();
        let out = scene.run(&["sweep"]).exits(0).out();
        assert_eq!(
            (scene.count("INBOX"), scene.count(SPAM), scene.site.requests().len()),
            (0, 1, 2),
            "{out}"
        );
        assert!(out.contains("moved 1") && out.contains("; all is well\n"), "{out}");
    });
}

#[test]
fn one_server_of_several_is_asked_for_each_message() {
    inside("lookup::one_server_of_several_is_asked_for_each_message", || {
        let inbox = [message("moon@openreg.example", 1), mastodon_4_2(&GERMAN, "mira@clay.example").bytes(2)];
        let scene = Scene::new(ON, &inbox);
        scene.run(&["sweep"]).exits(0);
        let mut hosts: Vec<_> = scene.site.requests().iter().map(|request| request.to_lowercase()).collect();
        hosts.retain(|request| request.contains("host: toots.example") == request.contains("moon"));
        assert_eq!(hosts.len(), 2);
    });
}
