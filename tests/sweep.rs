//! The sweep against a real Dovecot: what it does to a mailbox, what it leaves alone, and what it says.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use support::home::{
    GAME, Home, Live, PASSWORD, RULES, SPAM, fill, game, live, printed, real, shown, spam, text,
};
use support::letters::ordinary;
use support::{Client, Dovecot, Options, Snapshot, pause};

const RUNGS: [&[&str]; 3] = [&[], &["MOVE"], &["MOVE", "UIDPLUS"]];

/// A user of a server, and that user's other client.
struct Scene {
    server: Dovecot,
    home: Home,
    client: Client,
}

impl Scene {
    fn set(options: &Options, more: &str) -> Option<Self> {
        let server = Dovecot::start(options)?;
        let home = Home::new(server.port, "kim", more);
        let client = home.client(server.port);
        Some(Self { server, home, client })
    }

    fn usual(more: &str) -> Option<Self> {
        Self::set(&Home::server(&[]), more)
    }

    fn deliver(&mut self, mails: &[String]) {
        for mail in mails {
            self.client.deliver("INBOX", mail);
        }
    }

    fn sweep(&self) -> String {
        self.home.well(&["sweep"])
    }

    /// How many mails live in a folder, by its name on the wire.
    fn count(&mut self, folder: &str) -> usize {
        live(&mut self.client).iter().filter(|mail| mail.0 == folder).count()
    }

    /// The wire's UIDs of a folder.
    fn uids(&mut self, folder: &str) -> Vec<u32> {
        self.client.mails(folder).iter().map(|mail| mail.uid).collect()
    }

    /// The ledger's own file, and its locks: SQLite's others come and go with whoever only reads.
    fn state(&self) -> BTreeMap<String, Vec<u8>> {
        let Ok(files) = std::fs::read_dir(self.home.state()) else { return BTreeMap::new() };
        files
            .map(|file| file.unwrap())
            .map(|file| {
                (file.file_name().to_string_lossy().into_owned(), std::fs::read(file.path()).unwrap())
            })
            .filter(|(name, _)| !name.ends_with("-shm") && !name.ends_with("-wal"))
            .collect()
    }

    /// Everything that a dry run must not change.
    fn everything(&mut self) -> (Snapshot, Vec<String>, BTreeMap<String, Vec<u8>>) {
        (self.client.snapshot(), self.client.subscribed(), self.state())
    }
}

const ALL: &str = "backlog = \"all\"";

mod filing {
    use super::*;

    #[test]
    fn each_mail_goes_where_the_rules_say_unaltered_on_every_rung() {
        let mut ends: Vec<Vec<Live>> = Vec::new();
        for without in RUNGS {
            let Some(mut scene) = Scene::set(&Home::server(without), ALL) else { return };
            fill(&mut scene.client);
            let before = live(&mut scene.client);
            scene.sweep();
            let after = live(&mut scene.client);
            assert_eq!(
                (scene.count(SPAM), scene.count(GAME), scene.count("INBOX")),
                (6, 2, 7),
                "{without:?}"
            );
            // Each is what it was: body and date the same, no flag lost, no keyword lost.
            for (_, date, flags, bytes) in &before {
                let same = after.iter().find(|mail| mail.1 == *date && mail.3 == *bytes);
                let kept = same.is_some_and(|mail| flags.iter().all(|flag| mail.2.contains(flag)));
                assert!(kept, "{without:?} {date} {flags:?}\n{}", shown(&after));
            }
            assert!(after.iter().all(|mail| mail.0 != SPAM || mail.2.contains(&"\\Seen".to_owned())));
            // Once more, and nothing happens.
            assert!(scene.sweep().contains("looked at 0 mails"), "{without:?}");
            assert!(live(&mut scene.client) == after, "{without:?}");
            ends.push(after);
        }
        assert!(ends.windows(2).all(|two| two[0] == two[1]), "the rungs differ");
    }

    #[test]
    fn a_dry_run_changes_nothing() {
        let Some(mut scene) = Scene::usual(ALL) else { return };
        fill(&mut scene.client);
        let before = scene.everything();
        let said = scene.home.well(&["sweep", "--dry-run"]);
        assert!(said.contains("Followers/Spam"), "{said}");
        assert!(scene.everything() == before, "the dry run changed something");
        scene.sweep();
        let before = scene.everything();
        scene.home.well(&["sweep", "--dry-run", "--since", "3650d"]);
        assert!(scene.everything() == before, "the dry run changed something");
    }

    #[test]
    fn an_account_that_only_looks_touches_no_mail() {
        let Some(mut scene) = Scene::usual("backlog = \"all\"\nact = false") else { return };
        fill(&mut scene.client);
        let before = scene.client.snapshot();
        assert!(scene.sweep().contains("act = false"));
        assert!(scene.client.snapshot() == before);
    }

    #[test]
    fn the_first_start_begins_with_new_mail() {
        let Some(mut scene) = Scene::usual("") else { return };
        fill(&mut scene.client);
        scene.sweep();
        scene.deliver(&[text(&spam(20), 20)]);
        scene.sweep();
        assert_eq!((scene.count(SPAM), scene.count("INBOX")), (1, 15));
    }

    #[test]
    fn a_backlog_of_some_days_leaves_what_is_older_for_ever() {
        let Some(mut scene) = Scene::usual("backlog = \"30d\"") else { return };
        scene.client.append("INBOX", "\"01-Jan-2020 09:00:00 +0000\"", &text(&spam(1), 1));
        scene.deliver(&[text(&spam(2), 2)]);
        scene.client.append("INBOX", "\"01-Jan-2020 09:00:00 +0000\"", &text(&spam(3), 3));
        scene.sweep();
        assert_eq!((scene.uids("INBOX"), scene.count(SPAM)), (vec![1, 3], 1));
        scene.deliver(&[text(&spam(4), 4)]);
        scene.sweep();
        assert_eq!((scene.uids("INBOX"), scene.count(SPAM)), (vec![1, 3], 2));
    }

    #[test]
    fn sweeping_since_a_time_judges_again_by_the_rules_of_today() {
        let Some(mut scene) = Scene::usual(ALL) else { return };
        scene.home.write("rules.toml", &RULES.replace("1000", "100000"));
        scene.deliver(&[text(&spam(1), 1), text(&game(2), 2)]);
        scene.sweep();
        assert_eq!(scene.count("INBOX"), 2);
        scene.home.write("rules.toml", RULES);
        scene.sweep();
        assert_eq!(scene.count("INBOX"), 2, "a change of rules is for new mail");
        scene.home.well(&["sweep", "--since", "1d"]);
        assert_eq!((scene.count("INBOX"), scene.count(SPAM), scene.count(GAME)), (0, 1, 1));
    }

    #[test]
    fn who_begins_with_a_look_back_misses_nothing_that_comes_after_it() {
        let Some(mut scene) = Scene::usual("") else { return };
        scene.deliver(&[text(&spam(1), 1)]);
        scene.home.well(&["sweep", "--dry-run", "--since", "30d"]);
        scene.home.well(&["sweep", "--since", "30d"]);
        scene.deliver(&[text(&spam(2), 2)]);
        scene.sweep();
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (0, 2));
    }

    #[test]
    fn a_mail_that_a_missing_list_holds_back_is_moved_once_the_list_is_there() {
        let Some(mut scene) = Scene::usual(ALL) else { return };
        let list = "[list.friends]\nfrom-sent = \"Posted\"\n\n[[rule]]\nname = \"Friends\"\n\
                    when.who = { in = \"friends\" }\nverdict = \"real\"\n";
        scene.home.write("rules.toml", &format!("{RULES}\n{list}"));
        scene.deliver(&[text(&spam(1), 1)]);
        for _ in 0..2 {
            let said = printed(&scene.home.run(&["sweep"]));
            assert!(
                said.contains("folder \"Posted\": the people whom you wrote to cannot be read"),
                "{said}"
            );
            assert!(said.contains("there are: INBOX"), "{said}");
            assert_eq!(scene.count("INBOX"), 1, "{said}");
        }
        scene.client.run("CREATE Posted");
        scene.sweep();
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (0, 1));
    }

    #[test]
    fn several_folders_are_looked_through_and_the_sent_one_is_not() {
        let Some(mut scene) = Scene::usual("backlog = \"all\"\nfolders = [\"INBOX\", \"Social/X y\"]") else {
            return;
        };
        for folder in ["Social/X y", "Other"] {
            scene.client.run(&format!("CREATE \"{folder}\""));
            scene.client.deliver(folder, &text(&spam(1), 1));
        }
        scene.deliver(&[text(&spam(2), 2)]);
        scene.sweep();
        assert_eq!((scene.count(SPAM), scene.count("Social/X y"), scene.count("Other")), (2, 0, 1));
    }

    #[test]
    fn a_thousand_new_mails_take_at_most_sixteen_turns() {
        let Some(mut scene) = Scene::usual(ALL) else { return };
        for number in 0..1000 {
            let letter = match number % 10 {
                0..4 => spam(number),
                4 => game(number),
                5..8 => ordinary("Jo <jo@bloom.example>", &format!("Lunch {number}"), "One o'clock?\n"),
                _ => {
                    support::letters::twitter_2009(&support::letters::Person::new("Ann", "ann", [50, 60, 70]))
                }
            };
            scene.client.deliver("INBOX", &text(&letter, number));
        }
        // Marks cost a turn for each folder more.
        scene.home.write("rules.toml", &RULES.replace("mark-read = true", ""));
        let said = scene.sweep();
        let turns: u32 =
            said.rsplit_once(" round trips)").unwrap().0.rsplit_once('(').unwrap().1.parse().unwrap();
        assert!(said.contains("looked at 1000 mails"), "{}", said.lines().last().unwrap());
        assert!(turns <= 16, "{turns} turns");
        assert_eq!((scene.count(SPAM), scene.count(GAME), scene.count("INBOX")), (400, 100, 500));
    }
}

mod long_sweeps {
    use super::*;
    use followsift::daemon::{clock, rulebook};
    use followsift::ledger::Ledger;
    use followsift::login::Login;
    use followsift::mailbox::{Connector, Session, Stop};
    use followsift::settings::{Environment, load};
    use followsift::sweep::{Memory, News, Scope, Sent, Sweep, sweep};

    /// A sweep by the library's own door, which `hear` may stop.
    fn run(scene: &Scene, mut hear: impl FnMut(&News, &Stop)) -> Option<usize> {
        let file = scene.home.path().join("followsift.toml");
        let (settings, findings) = load(Some(&file), &Environment::of_process());
        let settings = settings.unwrap_or_else(|| panic!("{findings:?}"));
        let account = settings.accounts.first().unwrap();
        let (reading, _) = rulebook::read(Some(&settings));
        let rulebook = reading.unwrap().rulebook_of(account, &Sent::new());
        let mut ledger = Ledger::open(&scene.home.state()).unwrap();
        let stop = Stop::new().unwrap();
        let login = Login::Password { user: "kim".to_owned(), password: PASSWORD.to_owned().into() };
        let session = Session::connect(account, &login, &Connector::new(None).unwrap(), &stop).unwrap();
        let work = Sweep { account, rulebook: &rulebook, scope: Scope::New, now: clock::now() };
        let mut tell = |news: News| hear(&news, &stop);
        match sweep(session, work, &mut Memory::Kept(&mut ledger), &mut tell) {
            Ok((_, tally)) => Some(tally.looked_at),
            Err(fault) => {
                assert!(fault.is_stop(), "{fault:?}");
                None
            }
        }
    }

    #[test]
    fn a_long_first_sweep_tells_how_far_it_is_and_keeps_what_is_done_when_it_is_stopped() {
        let Some(mut scene) = Scene::usual("backlog = \"all\"\nmoves-per-hour = 5000") else { return };
        let jo = ordinary("Jo <jo@bloom.example>", "Lunch", "One?\n");
        for number in 0..5600 {
            let letter = if number < 1200 { spam(number) } else { jo.clone() };
            scene.client.deliver("INBOX", &text(&letter, number));
        }
        let mut parts = Vec::new();
        let stopped = run(&scene, |news, stop| {
            if let News::Progress { part, .. } = news {
                parts.push(*part);
                stop.stop();
            }
        });
        assert_eq!(stopped, None, "it was stopped");
        assert!(parts.len() == 1 && parts.iter().all(|part| (0.5..1.0).contains(part)), "{parts:?}");
        let filed = scene.count(SPAM);
        assert!((1000..1200).contains(&filed), "{filed} were filed before the stop");
        let looked_at = run(&scene, |_, _| {}).unwrap();
        assert!(looked_at <= 5600 - 1000, "{looked_at} were looked at again");
        assert_eq!((scene.count(SPAM), scene.count("INBOX")), (1200, 4400));
    }
}

mod put_back {
    use super::*;

    #[test]
    fn a_mail_put_back_is_never_moved_again_and_its_follower_is_known() {
        for without in RUNGS {
            let Some(mut scene) = Scene::set(&Home::server(without), ALL) else { return };
            scene.deliver(&[text(&spam(1), 1), text(&spam(2), 2)]);
            scene.sweep();
            assert_eq!(scene.count(SPAM), 2);
            scene.client.select(SPAM);
            scene.client.run("UID MOVE 1 INBOX");
            // The same follower, in another mail; and known people are kept.
            let known = "[[rule]]\nname = \"Known\"\nwhen.known = true\nverdict = \"real\"\n\n[[rule]]\nname = \"Nobody";
            scene.home.write("rules.toml", &RULES.replacen("[[rule]]\nname = \"Nobody", known, 1));
            scene.deliver(&[text(&spam(1), 77), text(&spam(2), 78)]);
            let said = scene.sweep();
            assert!(said.contains("put back by hand") || said.contains("stays"), "{said}");
            assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (2, 2), "{without:?}\n{said}");
            for arguments in [&["sweep"][..], &["sweep", "--since", "1d"]] {
                scene.home.well(arguments);
                assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (2, 2), "{without:?}");
            }
        }
    }

    #[test]
    fn where_originals_are_only_marked_taking_the_mark_away_puts_back() {
        let Some(mut scene) = Scene::set(&Home::server(&["MOVE", "UIDPLUS"]), ALL) else { return };
        scene.deliver(&[text(&spam(1), 1)]);
        scene.sweep();
        scene.client.select("INBOX");
        scene.client.run("UID STORE 1 -FLAGS (\\Deleted)");
        for arguments in [&["sweep"][..], &["sweep", "--since", "1d"]] {
            scene.home.well(arguments);
            assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 1));
        }
        let known =
            "[[rule]]\nname = \"Known\"\nwhen.known = true\nverdict = \"real\"\n\n[[rule]]\nname = \"Nobody";
        scene.home.write("rules.toml", &RULES.replacen("[[rule]]\nname = \"Nobody", known, 1));
        scene.deliver(&[text(&spam(1), 2)]);
        scene.sweep();
        assert_eq!(scene.count("INBOX"), 2);
    }

    #[test]
    fn twins_of_which_one_was_moved_are_no_mails_put_back() {
        let more = "backlog = \"all\"\nmoves-per-hour = 1";
        let Some(mut scene) = Scene::usual(more) else { return };
        scene.deliver(&[text(&spam(1), 1), text(&spam(1), 1)]);
        scene.sweep();
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 1));
        scene.home.well(&["resume"]);
        let said = scene.sweep();
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (0, 2), "{said}");
    }

    #[test]
    fn a_mail_put_back_is_known_again_although_the_folder_was_numbered_anew() {
        let more = "backlog = \"all\"\nfolders = [\"Social\"]";
        let Some(mut scene) = Scene::usual(more) else { return };
        scene.client.run("CREATE Social");
        scene.client.append("Social", "\"20-Nov-2026 09:00:00 +0000\"", &text(&spam(1), 1));
        scene.client.append("Social", "\"20-Nov-2026 09:00:00 +0000\"", &text(&real(2), 2));
        scene.sweep();
        scene.client.select(SPAM);
        scene.client.run("UID MOVE 1 INBOX");
        scene.client.run("DELETE Social");
        pause(Duration::from_millis(1100));
        scene.client.run("CREATE Social");
        scene.client.select("INBOX");
        scene.client.run("UID MOVE 1 Social");
        let known =
            "[[rule]]\nname = \"Known\"\nwhen.known = true\nverdict = \"real\"\n\n[[rule]]\nname = \"Nobody";
        scene.home.write("rules.toml", &RULES.replacen("[[rule]]\nname = \"Nobody", known, 1));
        scene.sweep();
        scene.client.deliver("Social", &text(&spam(1), 3));
        let said = scene.sweep();
        assert_eq!((scene.count("Social"), scene.count(SPAM)), (2, 0), "{said}");
    }
}

mod fuse {
    use super::*;

    fn many(numbers: std::ops::Range<usize>) -> Vec<String> {
        numbers.map(|number| text(&spam(number), number)).collect()
    }

    #[test]
    fn beyond_the_fuse_mails_wait_and_are_let_through() {
        let Some(mut scene) = Scene::usual("backlog = \"all\"\nmoves-per-hour = 5") else { return };
        scene.deliver(&many(0..8));
        let said = scene.sweep();
        assert!(said.contains("3 mails wait") && said.contains("followsift resume"), "{said}");
        assert_eq!((scene.count(SPAM), scene.uids("INBOX")), (5, vec![6, 7, 8]), "the earliest go first");
        scene.deliver(&many(8..9));
        let said = scene.sweep();
        assert!(!said.contains("followsift resume"), "told twice: {said}");
        assert_eq!((scene.count(SPAM), scene.count("INBOX")), (5, 4));
        assert!(scene.home.well(&["resume"]).contains("4 mails go through"));
        scene.sweep();
        assert_eq!((scene.count(SPAM), scene.count("INBOX")), (9, 0));
        assert!(scene.home.well(&["resume"]).contains("no mail waits"));
        // What its user let through does not count; what the fuse counted does.
        scene.deliver(&many(9..10));
        assert!(scene.sweep().contains("1 mail waits"));
    }

    #[test]
    fn the_first_sweep_after_a_change_of_rules_moves_few() {
        let Some(mut scene) = Scene::usual("backlog = \"all\"\nmoves-after-change = 2") else { return };
        scene.deliver(&many(0..4));
        scene.sweep();
        assert_eq!(scene.count(SPAM), 4, "the first rules are no change");
        scene.home.write("rules.toml", &format!("{RULES}\n# Thought over.\n"));
        scene.deliver(&many(4..8));
        let said = scene.sweep();
        assert!(said.contains("the rules have changed"), "{said}");
        assert_eq!((scene.count(SPAM), scene.count("INBOX")), (6, 2));
        scene.sweep();
        assert_eq!((scene.count(SPAM), scene.count("INBOX")), (6, 2), "the next sweep moves no more");
        scene.home.well(&["resume"]);
        scene.deliver(&many(8..12));
        scene.sweep();
        assert_eq!((scene.count(SPAM), scene.count("INBOX")), (12, 0));
    }

    #[test]
    fn what_waits_is_judged_by_the_rules_of_the_day_it_goes() {
        let Some(mut scene) = Scene::usual("backlog = \"all\"\nmoves-per-hour = 1") else { return };
        scene.deliver(&many(0..3));
        scene.sweep();
        scene.home.write("rules.toml", &RULES.replace("1000", "100000"));
        scene.home.well(&["resume"]);
        scene.sweep();
        assert_eq!((scene.count(SPAM), scene.count("INBOX")), (1, 2));
        assert!(scene.home.well(&["resume"]).contains("no mail waits"));
    }

    #[test]
    fn a_mail_that_its_user_takes_in_hand_waits_no_longer() {
        let Some(mut scene) = Scene::usual("backlog = \"all\"\nmoves-per-hour = 1") else { return };
        scene.deliver(&many(0..4));
        scene.sweep();
        scene.client.select("INBOX");
        scene.client.run("UID STORE 2 +FLAGS (\\Flagged)");
        scene.client.run("UID STORE 3 +FLAGS (\\Deleted)");
        scene.client.run("UID EXPUNGE 3");
        scene.home.well(&["resume"]);
        scene.sweep();
        assert_eq!((scene.count(SPAM), scene.uids("INBOX")), (2, vec![2]));
    }
}

mod trouble {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_is_told_with_the_folders_there_are() {
        let Some(mut scene) = Scene::usual("backlog = \"all\"\nfolders = [\"Socail\", \"INBOX\"]") else {
            return;
        };
        scene.client.run("CREATE Social");
        scene.deliver(&[text(&spam(1), 1)]);
        let output = scene.home.run(&["sweep"]);
        let said = printed(&output);
        assert_eq!(output.status.code(), Some(75));
        assert!(said.contains("folder \"Socail\": ") && said.contains("there are: "), "{said}");
        assert!(said.contains("INBOX, Social"), "{said}");
        assert_eq!(scene.count(SPAM), 1, "the other folder is swept all the same");
    }

    #[test]
    fn a_target_that_cannot_be_made_leaves_the_mail_and_is_tried_again() {
        let options = Options { separator: '.', ..Home::server(&[]) };
        let Some(mut scene) = Scene::set(&options, ALL) else { return };
        scene.home.write("rules.toml", &RULES.replace("Followers/Spam", "v1.0"));
        scene.deliver(&[text(&spam(1), 1), text(&game(2), 2)]);
        let output = scene.home.run(&["sweep"]);
        let said = printed(&output);
        assert!(said.contains("folder \"v1.0\"") && said.contains("separates levels"), "{said}");
        assert_eq!((scene.count("INBOX"), scene.count("Followers.Numbers game")), (1, 1));
        scene.home.write("rules.toml", RULES);
        scene.home.run(&["sweep"]);
        assert_eq!(scene.count("INBOX"), 1, "it waits an hour first");
        scene.home.well(&["sweep", "--since", "1d"]);
        assert_eq!((scene.count("INBOX"), scene.count("Followers.Spam")), (0, 1));
    }

    #[test]
    fn a_full_mailbox_leaves_every_mail_and_says_so() {
        let conf = "mail_plugins = quota\nplugin {\n  quota = count:User\n  quota_vsizes = yes\n  quota_rule = *:messages=6\n  \
                    quota_grace = 0%%\n}\n";
        for (without, moved) in [(&[][..], 3), (&["MOVE"][..], 0)] {
            let usual = Home::server(without);
            let options = Options { conf: format!("{}{conf}", usual.conf), ..usual };
            let Some(mut scene) = Scene::set(&options, ALL) else { return };
            scene.deliver(&[text(&spam(1), 1), text(&spam(2), 2), text(&game(3), 3)]);
            scene.deliver(&(4..7).map(|number| text(&real(number), number)).collect::<Vec<_>>());
            let said = scene.sweep();
            // Dovecot lets a move pass where it refuses a copy.
            assert_eq!(scene.count("INBOX"), 6 - moved, "{without:?}\n{said}");
            assert_eq!(live(&mut scene.client).len(), 6);
            assert_eq!(said.contains("OVERQUOTA"), moved == 0, "{said}");
        }
    }

    #[test]
    fn a_read_only_folder_and_one_that_refuses_leave_every_mail() {
        for without in RUNGS {
            for rights in ["lrs", "lrswi", "lrswit"] {
                let acls = tempfile::NamedTempFile::new().unwrap();
                std::fs::set_permissions(acls.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
                std::fs::write(acls.path(), format!("Shared owner {rights}\n")).unwrap();
                let usual = Home::server(without);
                let conf =
                    format!("mail_plugins = acl\nplugin {{\n  acl = vfile:{}\n}}\n", acls.path().display());
                let options = Options { conf: format!("{}{conf}", usual.conf), ..usual };
                let Some(mut scene) = Scene::set(&options, "backlog = \"all\"\nfolders = [\"Shared\"]")
                else {
                    return;
                };
                // Delivered before the rights are narrow.
                std::fs::write(acls.path(), "").unwrap();
                scene.client.run("CREATE Shared");
                scene.client.deliver("Shared", &text(&spam(1), 1));
                scene.client.deliver("Shared", &text(&ordinary("Jo <jo@b.example>", "Lunch", "One?\n"), 2));
                std::fs::write(acls.path(), format!("Shared owner {rights}\n")).unwrap();
                pause(Duration::from_millis(1100));
                let said = printed(&scene.home.run(&["sweep"]));
                let mut fresh = scene.home.client(scene.server.port);
                let found = live(&mut fresh);
                assert_eq!(found.len(), 2, "{without:?} {rights}\n{}\n{said}", shown(&found));
            }
        }
    }

    #[test]
    fn a_target_renamed_or_deleted_between_two_sweeps_is_made_anew() {
        let Some(mut scene) = Scene::usual(ALL) else { return };
        scene.deliver(&[text(&spam(1), 1)]);
        scene.sweep();
        scene.client.run(&format!("RENAME \"{SPAM}\" Elsewhere"));
        scene.deliver(&[text(&spam(2), 2)]);
        scene.sweep();
        assert_eq!((scene.count("Elsewhere"), scene.count(SPAM), scene.count("INBOX")), (1, 1, 0));
        scene.client.run(&format!("DELETE \"{SPAM}\""));
        scene.deliver(&[text(&spam(3), 3)]);
        scene.sweep();
        assert_eq!((scene.count("Elsewhere"), scene.count(SPAM), scene.count("INBOX")), (1, 1, 0));
    }

    #[test]
    fn a_folder_numbered_anew_is_looked_at_by_time_and_not_from_the_beginning() {
        let Some(mut scene) = Scene::usual("folders = [\"Social\"]") else { return };
        scene.client.run("CREATE Social");
        scene.client.append("Social", "\"01-Jan-2024 09:00:00 +0000\"", &text(&spam(1), 1));
        scene.sweep();
        assert_eq!(scene.count("Social"), 1, "it was there before");
        scene.client.run("DELETE Social");
        pause(Duration::from_millis(1100));
        scene.client.run("CREATE Social");
        scene.client.deliver("Social", &text(&spam(2), 2));
        scene.client.append("Social", "\"01-Jan-2024 09:00:00 +0000\"", &text(&spam(1), 1));
        for _ in 0..2 {
            let said = scene.sweep();
            assert_eq!((scene.count("Social"), scene.count(SPAM)), (1, 1), "{said}");
        }
    }

    #[test]
    fn names_may_have_quotes_wildcards_and_other_letters() {
        let usual = Home::server(&[]);
        let Some(mut scene) = Scene::set(&Options { format: "sdbox", ..usual }, ALL) else { return };
        let rules = RULES.replace("\"Followers/Spam\"", "'Büro & \"Co\" 日本/50% * '");
        scene.home.write("rules.toml", &rules);
        scene.deliver(&[text(&spam(1), 1)]);
        scene.sweep();
        assert_eq!((scene.count("B&APw-ro &- \"Co\" &ZeVnLA-/50% * "), scene.count("INBOX")), (1, 0));
    }

    #[test]
    fn a_name_with_a_control_character_is_a_finding() {
        let Some(scene) = Scene::usual(ALL) else { return };
        scene.home.write("rules.toml", &RULES.replace("Followers/Spam", "a\\r\\nb"));
        let output = scene.home.run(&["sweep"]);
        assert_eq!(output.status.code(), Some(78), "{}", printed(&output));
        scene.home.write("rules.toml", RULES);
        scene.home.configure(scene.server.port, "folders = [\"IN\\u0000BOX\"]");
        let output = scene.home.run(&["sweep"]);
        assert_eq!(output.status.code(), Some(78), "{}", printed(&output));
    }

    #[test]
    fn a_folder_of_all_mails_is_refused_as_one_to_look_through() {
        let conf = "namespace inbox {\n  mailbox \"All Mail\" {\n    special_use = \\All\n    auto = subscribe\n  }\n}\n";
        let usual = Home::server(&[]);
        let options = Options { conf: format!("{}{conf}", usual.conf), ..usual };
        let Some(mut scene) = Scene::set(&options, "backlog = \"all\"\nfolders = [\"All Mail\"]") else {
            return;
        };
        scene.client.deliver("All Mail", &text(&spam(1), 1));
        let output = scene.home.run(&["sweep"]);
        let said = printed(&output);
        assert!(said.contains("holds all mails of the account"), "{said}");
        assert_eq!((output.status.code(), scene.count("All Mail")), (Some(75), 1));
    }

    #[test]
    fn keywords_that_a_target_does_not_keep_are_named() {
        for without in RUNGS {
            let acls = tempfile::NamedTempFile::new().unwrap();
            std::fs::set_permissions(acls.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
            // Mails may come, be seen and be deleted, but not be given flags.
            std::fs::write(acls.path(), "Followers* owner lrsiptek\n").unwrap();
            let usual = Home::server(without);
            let conf =
                format!("mail_plugins = acl\nplugin {{\n  acl = vfile:{}\n}}\n", acls.path().display());
            let options = Options { conf: format!("{}{conf}", usual.conf), ..usual };
            let Some(mut scene) = Scene::set(&options, ALL) else { return };
            scene.client.append("INBOX", "($Label1)", &text(&spam(1), 1));
            let said = scene.sweep();
            assert!(said.contains("does not keep its keywords: $Label1"), "{without:?}\n{said}");
            assert_eq!((scene.count(SPAM), scene.count("INBOX")), (1, 0));
        }
    }

    #[test]
    fn everything_below_the_inbox_works_the_same() {
        let options = Options { prefix: "INBOX.", separator: '.', ..Home::server(&["MOVE"]) };
        let Some(mut scene) = Scene::set(&options, ALL) else { return };
        fill(&mut scene.client);
        scene.sweep();
        assert_eq!(scene.count("INBOX.Followers.Spam"), 6);
        scene.client.select("INBOX.Followers.Spam");
        scene.client.run("UID MOVE 1 INBOX");
        assert!(scene.sweep().contains("put back by hand"));
        assert_eq!(scene.count("INBOX.Followers.Spam"), 5);
    }
}

mod connecting {
    use super::*;

    fn fails(home: &Home, code: i32, words: &str) {
        let output = home.run(&["sweep"]);
        let said = printed(&output);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(words), "{said}");
        assert!(!said.contains(PASSWORD) && !said.contains("hunter2"), "{said}");
    }

    #[test]
    fn a_wrong_password_a_wrong_certificate_and_no_server_are_told_and_change_nothing() {
        let Some(mut scene) = Scene::usual(ALL) else { return };
        fill(&mut scene.client);
        let before = live(&mut scene.client);
        scene.home.write("password", "hunter2");
        fails(&scene.home, 75, "could not log in");
        scene.home.write("password", PASSWORD);

        let port = scene.server.tls_port;
        let settings = |more: &str| {
            let text = std::fs::read_to_string(scene.home.path().join("followsift.toml")).unwrap();
            let text =
                text.replace("tls = \"off\"", more).replace("host = \"127.0.0.1\"", "host = \"localhost\"");
            text.replace(&format!("port = {}", scene.server.port), &format!("port = {port}"))
        };
        let clear = std::fs::read_to_string(scene.home.path().join("followsift.toml")).unwrap();
        scene.home.write("followsift.toml", &settings("tls = \"implicit\""));
        fails(&scene.home, 75, "could not connect to localhost");
        let after = live(&mut scene.client);
        assert_eq!(shown(&after), shown(&before));
        assert!(after == before);
        scene.home.write("followsift.toml", &clear);
        let trusted = format!("tls = \"implicit\"\nca-file = \"{}\"", scene.server.ca().display());
        scene.home.write("followsift.toml", &settings(&trusted));
        scene.sweep();
        assert_eq!(scene.count(SPAM), 6);
        scene.server.kill();
        fails(&scene.home, 75, "could not connect to localhost");
    }

    #[test]
    fn a_second_program_on_the_same_account_waits_for_nobody_and_does_nothing() {
        let Some(mut scene) = Scene::usual(ALL) else { return };
        fill(&mut scene.client);
        let name = followsift::place::AccountName::new("home").unwrap();
        let lock = followsift::ledger::AccountLock::take(&scene.home.state(), &name).unwrap();
        fails(&scene.home, 75, "another followsift");
        drop(lock);
        scene.sweep();
    }
}

mod company {
    use super::*;

    /// Two programs that know nothing of each other, as on two machines.
    #[test]
    fn two_followsifts_by_mistake_lose_and_double_nothing() {
        for without in [&[][..], &["MOVE"]] {
            let Some(server) = Dovecot::start(&Home::server(without)) else { return };
            for round in 0..4 {
                let user = format!("kim{round}");
                let homes = [Home::new(server.port, &user, ALL), Home::new(server.port, &user, ALL)];
                let mut client = homes[0].client(server.port);
                fill(&mut client);
                let mut said = Vec::new();
                std::thread::scope(|scope| {
                    let runs =
                        homes.each_ref().map(|home| scope.spawn(move || printed(&home.run(&["sweep"]))));
                    said.extend(runs.map(|run| run.join().unwrap()));
                });
                said.extend(homes.each_ref().map(|home| home.well(&["sweep"])));
                let found = live(&mut client);
                let filed = found.iter().filter(|mail| mail.0 == SPAM).count();
                assert_eq!(
                    (found.len(), filed),
                    (15, 6),
                    "{without:?}\n{}\n{}",
                    shown(&found),
                    said.join("\n----\n")
                );
            }
        }
    }

    /// Another client moves and deletes what followsift moves.
    #[test]
    fn another_client_that_moves_and_deletes_at_the_same_time_has_the_last_word() {
        for without in RUNGS {
            let Some(mut scene) = Scene::set(&Home::server(without), ALL) else { return };
            scene.client.run("CREATE Mine");
            for number in 0..60 {
                scene.client.deliver("INBOX", &text(&spam(number), number));
            }
            let mut other = scene.home.client(scene.server.port);
            std::thread::scope(|scope| {
                let sweep = scope.spawn(|| scene.home.run(&["sweep"]));
                other.select("INBOX");
                for uid in (1..=60).step_by(6) {
                    other.run(&format!("UID MOVE {uid} Mine"));
                    other.run(&format!("UID STORE {} +FLAGS (\\Flagged)", uid + 1));
                    pause(Duration::from_millis(15));
                }
                sweep.join().unwrap();
            });
            scene.home.run(&["sweep"]);
            let found = live(&mut scene.client);
            let mut bodies: Vec<&Vec<u8>> = found.iter().map(|mail| &mail.3).collect();
            bodies.sort();
            bodies.dedup();
            assert_eq!((found.len(), bodies.len()), (60, 60), "{without:?}\n{}", shown(&found));
        }
    }
}
