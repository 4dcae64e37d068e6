//! `check`: what it finds before the service starts.

use super::*;

#[test]
fn check_finds_damage_in_the_ledger_that_opening_it_does_not() {
    let home = Home::new();
    let settings = std::fs::read_to_string(home.0.path().join("followsift.toml")).unwrap();
    home.write("followsift.toml", &format!("state = \"state\"\n{settings}"));
    let state = home.0.path().join("state");
    let file = followsift::ledger::Ledger::open(&state).unwrap().file().to_owned();
    home.run(&["check"]).exits(0);
    let mut bytes = std::fs::read(&file).unwrap();
    // The roots of tables, which opening does not read.
    let last = bytes.len() - 8_192;
    bytes.get_mut(last..).unwrap().fill(0xff);
    std::fs::write(&file, bytes).unwrap();
    assert!(followsift::ledger::Ledger::open(&state).is_ok());
    let run = home.run(&["check"]);
    assert!(run.exits(70).out().contains("it is damaged"));
}

#[test]
fn check_shows_every_finding_with_its_line_and_exits_78() {
    let home = Home::new();
    home.write(
        "rules.toml",
        &RULES.replace("when.followers", "when.folowers").replace("\">= 2000\"", "\">= x\""),
    );
    let run = home.run(&["check"]);
    let findings = run.exits(78).out();
    assert!(findings.contains("error: unknown fact `folowers`"), "{findings}");
    assert!(findings.contains("--> rules.toml:19:6"), "{findings}");
    assert!(findings.contains("did you mean `followers`?"), "{findings}");
    assert!(findings.contains("--> rules.toml:18:"), "{findings}");
}

#[test]
fn check_says_what_it_checked() {
    let checked = Home::new().run(&["check"]).exits(0).out();
    assert!(checked.starts_with("all is well: account home; "), "{checked}");
    assert!(checked.contains(" rules of rules.toml; "), "{checked}");
}

/// What `check` says where one thing is wrong.
fn finding(expected: &str, code: i32, spoil: impl FnOnce(&Home)) {
    let home = Home::new();
    spoil(&home);
    let run = home.run(&["check"]);
    let said = run.exits(code).out();
    assert!(said.contains(expected), "no {expected:?} in {said}");
    assert_eq!(run.err(), "", "findings are printed to one stream");
    let last = said.lines().last().unwrap_or_default();
    assert_eq!(last.starts_with("all is well: "), code == 0, "{said}");
    assert!(code != 0 || last.ends_with("; 1 warning"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn check_reports_a_ledger_that_cannot_work() {
    let state = |home: &Home, text: &str| {
        let folder = home.0.path().join(".local/state/followsift");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("ledger.sqlite"), text).unwrap();
    };
    finding("it is damaged", 70, |home| state(home, &"x".repeat(9_000)));
    finding("other users can write in it; run `chmod go-w ", 70, |home| {
        state(home, "");
        home.mode(".local/state/followsift", 0o777);
    });
    finding("it is not a folder", 70, |home| {
        std::fs::create_dir_all(home.0.path().join(".local/state")).unwrap();
        home.write(".local/state/followsift", "");
    });
    // One that is only older, or not there, is brought up to date by the next sweep, and check makes none.
    let home = Home::new();
    home.run(&["check"]).exits(0);
    assert!(!home.0.path().join(".local").exists());
    state(&home, "");
    home.run(&["check"]).exits(0);
}

#[test]
fn check_reports_a_password_that_cannot_work() {
    finding("password: there is no such file; make it with `install -m 600 /dev/null ", 78, |home| {
        std::fs::remove_file(home.0.path().join("password")).unwrap();
    });
    finding("other users can read it; run `chmod 600 ", 78, |home| home.mode("password", 0o644));
    finding("its first line is empty", 78, |home| home.write("password", "\n"));
    finding("begins with a blank", 0, |home| home.write("password", " hunter2\n"));
    finding("begins with a byte order mark", 0, |home| home.write("password", "\u{feff}hunter2\n"));
}

#[test]
fn check_reports_a_client_secret_that_cannot_work_beside_a_grant_that_is_missing() {
    let with = |home: &Home, secret: &str| {
        let settings = std::fs::read_to_string(home.0.path().join("followsift.toml")).unwrap();
        let oauth2 = "provider = \"gmail\"\noauth2 = { client-id = \"c\", client-secret-file = \"client\" }";
        home.write("followsift.toml", &settings.replace("password-file = \"password\"", oauth2));
        home.write("client", secret);
    };
    finding("client: there is no such file; make it with `install -m 600 /dev/null ", 78, |home| {
        with(home, "");
        std::fs::remove_file(home.0.path().join("client")).unwrap();
    });
    finding("account `home`: could not use the client secret in ", 78, |home| {
        with(home, "hunter2");
        home.mode("client", 0o604);
    });
    finding("account `home`: could not read the client secret in ", 78, |home| {
        with(home, "");
        std::fs::remove_file(home.0.path().join("client")).unwrap();
        std::fs::create_dir(home.0.path().join("client")).unwrap();
    });
    finding("client: its first line is empty", 78, |home| with(home, "\n"));
    finding("the client secret in ", 78, |home| with(home, "hunter2 \n"));
    for secret in ["", "hunter2", "hunter2 "] {
        finding("has not granted access with these settings yet; run `followsift login home`", 78, |home| {
            with(home, secret);
        });
    }
}

#[test]
fn check_reports_a_token_for_look_ups_that_cannot_be_read() {
    let with_token = |home: &Home| {
        let settings = std::fs::read_to_string(home.0.path().join("followsift.toml")).unwrap();
        let look_ups = "\n[lookup]\nx = { token-file = \"x-token\" }\n";
        home.write("followsift.toml", &format!("{settings}{look_ups}"));
    };
    finding("look-ups on X: could not read the access token in ", 78, with_token);
    finding("look-ups on X: could not use the access token in ", 78, |home| {
        with_token(home);
        home.write("x-token", "hunter2");
        home.mode("x-token", 0o644);
    });
}

#[test]
fn check_reports_authorities_that_are_none() {
    finding("it contains no certificate", 78, |home| {
        let settings = std::fs::read_to_string(home.0.path().join("followsift.toml")).unwrap();
        home.write("followsift.toml", &format!("{settings}ca-file = \"ca.pem\"\n"));
        home.write("ca.pem", "hello\n");
    });
}

#[test]
fn check_says_once_why_an_account_is_not_connected() {
    let home = Home::new();
    home.write("company.pem", "not a certificate");
    let settings = std::fs::read_to_string(home.0.path().join("followsift.toml")).unwrap();
    home.write("followsift.toml", &format!("{settings}ca-file = \"company.pem\"\n"));
    let run = home.run(&["check", "--connect"]);
    let said = run.exits(78).out();
    assert_eq!(said.matches("company.pem").count(), 1, "{said}");
    assert!(said.contains("  not connected, because of the error above\n"), "{said}");
    assert_eq!(run.err(), "");
}

#[test]
fn settings_of_any_name_are_not_taken_for_rules() {
    for (name, is_near) in [("rust.toml", false), ("rulez.toml", true)] {
        let home = Home::new();
        let settings = std::fs::read_to_string(home.0.path().join("followsift.toml")).unwrap();
        let settings = settings.replace("rules = \"rules.toml\"\n", "");
        std::fs::remove_file(home.0.path().join("rules.toml")).unwrap();
        ["followsift.toml", name].iter().for_each(|file| home.write(file, &settings));
        // As the settings, whatever the name, and beside the settings, where only a near name is one.
        let check = |name| Run(home.command(&["check", "--settings", name]).output().unwrap()).exits(0).out();
        let said = check(name);
        assert!(!said.contains("is not read"), "{said}");
        let said = check("followsift.toml");
        assert_eq!(said.contains("is not read"), is_near, "{said}");
    }
}

#[test]
fn check_reports_files_that_are_not_read() {
    let network = |home: &Home, name: &str| {
        std::fs::create_dir_all(home.0.path().join("networks")).unwrap();
        home.write(&format!("networks/{name}"), "network = \"potters\"\n");
    };
    finding("networks/potters.tml is not read: the name of a network's file ends in `.toml`", 0, |home| {
        network(home, "potters.tml");
        // What an editor leaves behind is no mistake.
        network(home, "potters.toml~");
        network(home, ".potters.toml.swp");
        // Emacs makes this one while a change is not saved; it leads to no file.
        std::os::unix::fs::symlink("ann@machine.1", home.0.path().join("networks/.#potters.toml")).unwrap();
    });
    finding("`networs` is not read: followsift looks for `networks` beside the settings", 0, |home| {
        std::fs::create_dir(home.0.path().join("networs")).unwrap();
    });
}

#[test]
fn check_and_run_agree_that_without_an_account_there_is_nothing_to_do() {
    let home = Home::new();
    home.write("followsift.toml", "rules = \"rules.toml\"\n");
    for command in [&["check"][..], &["check", "--connect"], &["check", "--json"]] {
        let said = home.run(command).exits(78).out();
        assert!(said.contains("the settings name no account") && !said.contains("all is well"), "{said}");
    }
    assert!(home.run(&["run"]).exits(78).err().contains("the settings name no account"));
    std::fs::remove_file(home.0.path().join("followsift.toml")).unwrap();
    for command in [&["check"][..], &["check", "--connect"]] {
        let said = Run(home.command(command).output().unwrap());
        assert!(said.exits(78).out().contains("there are no settings"), "{}", said.out());
    }
}

#[test]
fn check_warns_of_an_environment_that_says_less_than_it_should() {
    let home = Home::new();
    let check = |name: &str, value: Option<&str>| {
        let mut command = home.command(&["check", "--settings", "followsift.toml"]);
        match value {
            Some(value) => command.env(name, value),
            None => command.env("XDG_STATE_HOME", home.0.path()).env_remove(name),
        };
        Run(command.output().unwrap()).exits(0).out()
    };
    assert!(check("HOME", None).contains("warning: HOME is not set"));
    let said = check("FOLLOWSIFT_LOG", Some("debgu"));
    assert!(said.contains("FOLLOWSIFT_LOG: unknown level `debgu`; did you mean `debug`?"), "{said}");
    // The locks of mailboxes are in the home, wherever the state folder is.
    home.write("file", "");
    home.write(
        "followsift.toml",
        &format!(
            "state = \"state\"\n{}",
            std::fs::read_to_string(home.0.path().join("followsift.toml")).unwrap()
        ),
    );
    let said = check("XDG_STATE_HOME", Some(home.0.path().join("file").to_str().unwrap()));
    assert!(said.contains("for the locks of mailboxes"), "{said}");
}

#[test]
fn a_link_to_rules_that_leads_nowhere_does_not_put_others_in_force() {
    let home = Home::new();
    home.write(
        "followsift.toml",
        "[accounts.home]\nhost = \"mail.example\"\nuser = \"kim\"\npassword-file = \"password\"\n",
    );
    std::fs::remove_file(home.0.path().join("rules.toml")).unwrap();
    std::os::unix::fs::symlink("nowhere", home.0.path().join("rules.toml")).unwrap();
    let findings = home.run(&["check"]).exits(78).out();
    assert!(findings.contains("is a dangling symlink"), "{findings}");
}

#[test]
fn rules_that_file_into_a_watched_folder_are_refused() {
    let home = Home::new();
    home.write(
        "followsift.toml",
        "rules = \"rules.toml\"\n[accounts.home]\nhost = \"mail.example\"\nuser = \"kim\"\npassword-file = \
         \"password\"\nfolders = [\"INBOX\", \"Followers/Spam\"]\n",
    );
    let findings = home.run(&["check"]).exits(78).out();
    assert!(findings.contains("`Followers/Spam`, which is one of the `folders`"), "{findings}");
}

#[test]
fn check_says_what_look_ups_lack() {
    let home = Home::new();
    let settings = std::fs::read_to_string(home.0.path().join("followsift.toml")).unwrap();
    let settings: Vec<_> = settings
        .lines()
        .filter(|it| !it.starts_with("authserv-id") && !it.starts_with("instances"))
        .collect();
    let settings = settings.join("\n");
    let check = |lookup: &str, account: &str| {
        home.write("followsift.toml", &format!("{settings}\n{account}{lookup}\n"));
        home.run(&["check"]).exits(0).out()
    };
    let own = "[lookup]\nmastodon = \"own-server\"\nask = [\"far.example\"]";
    let (id, instances) = ("authserv-id = \"mx.example\"\n", "instances = [\"toot.example\"]\n");
    let unproven = "warning: nothing is looked up: without `authserv-id`, no message is proven authentic";
    let strange = "warning: no server is asked for `mastodon`, `ask` in `[lookup]`: no account with `authserv-id` names";
    assert!(check(own, "").contains(unproven));
    assert!(check(own, instances).contains(unproven));
    assert!(check(own, id).contains(strange));
    for (lookup, account) in [(own, &*format!("{id}{instances}")), ("", "")] {
        let said = check(lookup, account);
        assert!(!said.contains("warning"), "{said}");
    }
}

#[test]
fn check_reports_a_hook_that_cannot_run() {
    let with = |home: &Home, program: &str| {
        let settings = std::fs::read_to_string(home.0.path().join("followsift.toml")).unwrap();
        home.write("followsift.toml", &format!("{settings}\n[hooks]\non-trouble = [\"{program}\"]\n"));
    };
    finding("hook `on-trouble`: there is no file ", 78, |home| with(home, "./tell"));
    finding("hook `on-trouble`: there is no program no-such-program in PATH", 78, |home| {
        with(home, "no-such-program")
    });
    finding("tell is not executable", 78, |home| {
        with(home, "./tell");
        home.write("tell", "#!/bin/sh\n");
        home.mode("tell", 0o600);
    });
    let home = Home::new();
    with(&home, "true");
    home.run(&["check"]).exits(0);
}

#[test]
fn check_reads_the_accounts_of_files_of_their_own_and_says_what_is_wrong_at_which_place() {
    let kim = "[accounts.kim]\nhost = \"mail.example\"\nuser = \"ann\"\npassword-file = \"password\"\n";
    let home = Home::new();
    home.write("accounts.d/kim.toml", kim);
    // What editors leave behind is passed over in silence; of a symlink that Emacs makes while a file is edited, the target is no file.
    ["kim.toml~", ".kim.toml.swp", "kim.toml.swp", "kim.toml.bak", "#kim.toml#", ".kim.toml"]
        .iter()
        .for_each(|name| home.write(&format!("accounts.d/{name}"), "[accounts"));
    std::os::unix::fs::symlink("ann@machine.1", home.0.path().join("accounts.d/.#kim.toml")).unwrap();
    let said = home.run(&["check"]).exits(0).out();
    assert!(said.starts_with("all is well: accounts home, kim; "), "{said}");
    home.write("accounts.d/README", "");
    let said = home.run(&["check"]).exits(0).out();
    let unread = "warning: accounts.d/README is not read: the name of a file of accounts ends in `.toml`\n";
    assert!(said.starts_with(unread), "{said}");

    finding("--> accounts.d/kim.toml:3:1\n", 78, |home| {
        home.write("accounts.d/kim.toml", &kim.replace("user", "usr"));
    });
    finding("account `home` is in two files", 78, |home| {
        home.write("accounts.d/kim.toml", &kim.replace("kim", "home"));
    });
    finding("accounts.d/kim.toml holds no account", 0, |home| home.write("accounts.d/kim.toml", "# kim\n"));
    finding("could not read accounts.d/kim.toml: it is not a regular file", 78, |home| {
        std::fs::create_dir_all(home.0.path().join("accounts.d/kim.toml")).unwrap();
    });
    finding("could not read accounts.d/kim.toml: No such file or directory", 78, |home| {
        std::fs::create_dir(home.0.path().join("accounts.d")).unwrap();
        std::os::unix::fs::symlink("kim", home.0.path().join("accounts.d/kim.toml")).unwrap();
    });
    finding("could not read accounts.d: Not a directory", 78, |home| home.write("accounts.d", ""));
    finding("`account.d` is not read: followsift looks for `accounts.d` beside the settings", 0, |home| {
        home.write("account.d/kim.toml", "");
    });
}

#[test]
fn a_network_is_switched_off_by_a_file_without_layouts() {
    let home = Home::new();
    home.mail("mail.eml", &twitter_2009(&Person::new("Jo Bloom", "jo_bloom", [120, 180, 40])));
    let explained = |home: &Home| home.run(&["explain", "--brief", "mail.eml"]).exits(0).out();
    assert!(explained(&home).starts_with("Twitter"), "{}", explained(&home));
    home.write(
        "networks/twitter.toml",
        "network = \"twitter\"\ntitle = \"Twitter\"\nlocale = {}\nlayout = []\n",
    );
    assert!(!explained(&home).contains("Twitter"), "{}", explained(&home));
    let said = home.run(&["check"]).exits(0).out();
    assert!(said.starts_with("all is well"), "{said}");
    for arguments in [&["networks"][..], &["networks", "twitter"]] {
        let said = home.run(arguments).exits(0).out();
        assert!(said.contains("switched off, by a file of yours without layouts"), "{said}");
    }
    finding("did you mean `network = \"twitter\"`?", 0, |home| {
        home.write(
            "networks/twitter.toml",
            "network = \"twiter\"\ntitle = \"Twitter\"\nlocale = {}\nlayout = []\n",
        );
    });
}
