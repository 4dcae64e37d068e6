//! Logging in: passwords, certificates, and servers that refuse for a while. Here it is about when the service tries again, and
//! when it never does; the faults themselves are tested in `mailbox/connecting.rs`.

use super::*;

#[test]
fn a_wrong_password_parks_its_account_and_no_other_and_a_reload_looks_again() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let (right, wrong) = (Proxy::before(server.port), Proxy::before(server.port));
    let home = Home::new();
    home.write("wrong", "not it");
    let tables = account("home", right.port, "folders = [\"Other\"]")
        + &account("work", wrong.port, "password-file = \"wrong\"");
    home.write("followsift.toml", &format!("state = \"state\"\n{tables}"));
    server.client().run("CREATE Other");
    let daemon = home.run();
    daemon.says("watching home; work is paused until you act: could not log in to 127.0.0.1");
    assert!(daemon.status().contains("[AUTHENTICATIONFAILED]"), "{}", daemon.status());
    server.client().deliver("Other", &spam(1));
    filed(&server, &daemon, 1, SOON);
    deliver(&server, [2]);
    pause(seconds(8));
    assert_eq!(wrong.connections(), 1, "a wrong password was tried again: {}", daemon.log());
    assert!(!daemon.log().contains("not it"));
    home.write("rules.toml", &format!("{}# saved\n", support::daemon::RULES));
    daemon.logs("reloaded settings");
    pause(seconds(3));
    assert_eq!(wrong.connections(), 1, "a wrong password was tried again since a file was saved");
    home.write("wrong", support::PASSWORD);
    daemon.signal(Signal::HUP);
    // The other account filed into its folder before it was known, so what was there waits for the user.
    daemon.says("watching home, work; work: 1 message from before this ledger stays");
    assert_eq!(right.connections(), 1, "an account that did not change was started anew");
}

#[test]
fn a_login_that_is_refused_for_a_while_is_tried_again() {
    let server = Dovecot::start(&Options::default());
    let Some(server) = server else { return };
    for words in ["TAG NO [UNAVAILABLE] x\r\n", "TAG NO [LIMIT] x\r\n", "* BYE x\r\n"] {
        let proxy = Proxy::before(server.port);
        let home = Home::new();
        home.settings(proxy.port, "");
        proxy.arm([Fault::first("AUTHENTICATE", When::Before, How::Say(words))]);
        let daemon = home.run();
        daemon.until("connected", SOON, |it| proxy.has_struck() && it.log().contains(" connected"));
        assert_eq!(proxy.count("LOGIN") + proxy.count("AUTHENTICATE"), 2, "{words}");
    }
}

#[test]
fn a_certificate_of_its_own_is_trusted_by_its_fingerprint_alone() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let home = Home::new();
    let settings = |port: u16, tls: &str, more: &str| {
        let table = account("bridge", port, more).replace("\"off\"", tls);
        home.write("followsift.toml", &format!("state = \"state\"\n{table}"));
    };
    for (port, tls) in [(server.tls_port, "\"implicit\""), (server.port, "\"starttls\"")] {
        settings(port, tls, "");
        let shown = home.command(&["check", "--connect"]).output().unwrap();
        let text = String::from_utf8_lossy(&shown.stdout).into_owned();
        let line = text.lines().map(str::trim).find(|line| line.starts_with("tls-fingerprint = \"sha256:"));
        let line = line.unwrap_or_else(|| panic!("no line to add in {text}"));
        assert_eq!(shown.status.code(), Some(75));

        settings(port, tls, line);
        let shown = home.command(&["check", "--connect"]).output().unwrap();
        assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));

        // The last digit differs: the certificate of a man in the middle.
        let last = line.chars().nth_back(1).unwrap();
        let other = if last == '0' { "1\"" } else { "0\"" };
        settings(port, tls, &format!("{}{other}", line.strip_suffix(&format!("{last}\"")).unwrap()));
        let daemon = home.run();
        daemon.says("bridge is paused until you act: could not connect");
        assert!(daemon.status().contains("does not match `tls-fingerprint`"), "{}", daemon.status());
    }
    assert!(!server.log().contains("auth failed"), "something was sent to a server that is not trusted");
}

#[test]
fn a_password_that_is_saved_lets_its_account_log_in_at_once_and_no_other() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let proxies = ["file", "command", "other"].map(|name| (name, Proxy::before(server.port)));
    let home = Home::new();
    for (name, _) in &proxies {
        home.write(name, "not it");
    }
    let read = |name: &str| match name {
        // A name in the folder in which the service runs.
        "command" => "password-command = [\"cat\", \"command\"]".to_owned(),
        name => format!("password-file = \"{name}\""),
    };
    let tables: String = proxies.iter().map(|(name, proxy)| account(name, proxy.port, &read(name))).collect();
    home.write("followsift.toml", &format!("state = \"state\"\n{tables}"));
    let daemon = home.run();
    let paused = |daemon: &Daemon| daemon.status().matches("is paused until you act").count();
    daemon.until("all are paused", seconds(30), |it| paused(it) == 3);
    let logins = |name: &str| {
        let (_, proxy) = proxies.iter().find(|(other, _)| *other == name).unwrap();
        proxy.count("LOGIN") + proxy.count("AUTHENTICATE")
    };
    let before = logins("other");
    for (rest, name) in [(2, "file"), (1, "command")] {
        // As an editor saves: a new file takes the name.
        home.write("new", support::PASSWORD);
        std::fs::rename(home.path().join("new"), home.path().join(name)).unwrap();
        daemon.until(name, seconds(20), |it| paused(it) == rest);
        daemon.until(name, seconds(20), |it| {
            it.status().starts_with("watching ") && it.status().contains(name)
        });
    }
    assert_eq!(logins("other"), before, "a password that is wrong is not sent again");
    // A connected account stays connected.
    let before = logins("file");
    home.write("file", "not it again");
    support::pause(seconds(2));
    assert_eq!(logins("file"), before);
    assert!(daemon.status().starts_with("watching command, file; other is paused"), "{}", daemon.status());
}

#[test]
fn logins_to_one_host_are_spread() {
    let Some(server) = Dovecot::start(&support::home::Home::server(&[])) else { return };
    let proxy = Proxy::before(server.port);
    let home = Home::new();
    home.write("password", support::home::PASSWORD);
    let tables: String = ["a0", "a1", "a2", "a3"]
        .map(|name| account(name, proxy.port, "").replace(&format!("\"{USER}\""), &format!("\"{name}\"")))
        .concat();
    home.write("followsift.toml", &format!("state = \"state\"\n{tables}"));
    let begun = Instant::now();
    let daemon = home.run();
    daemon.until("all watched", SOON, |it| it.status() == "watching a0, a1, a2, a3");
    assert!(begun.elapsed() > Duration::from_millis(1500), "all at once: {:?}", begun.elapsed());
}

#[test]
fn a_clock_that_is_behind_is_named_and_one_that_is_set_lets_the_account_connect() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let Some(clock) = support::clock() else { return };
    let home = Home::new();
    let trusting = format!("ca-file = \"{}\"", server.ca().display());
    let table = account("home", server.tls_port, &trusting)
        .replace("\"off\"", "\"implicit\"")
        .replace("127.0.0.1", "localhost");
    home.write("followsift.toml", &format!("state = \"state\"\n{table}"));
    home.write("time", "-10d");
    // The certificates are from now, which is ten days from now for the program.
    let behind = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        command.env("LD_PRELOAD", &clock).env("FAKETIME_TIMESTAMP_FILE", home.path().join("time"));
        command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        command
    };
    let day = followsift::clock::now().before(seconds(10 * 86_400)).date();
    let advice = format!("check this machine's clock, which says {day}");

    let checked = behind(&["check", "--connect"]).output().unwrap();
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert_eq!(checked.status.code(), Some(75), "{said}");
    assert!(said.contains("its certificate is not valid yet") && said.contains(&advice), "{said}");
    assert!(!said.contains("tls-fingerprint"), "{said}");

    let daemon = home.run_as(behind(&["run"]));
    daemon.says("home is away: could not connect to localhost");
    let status = daemon.status();
    assert!(status.contains("its certificate is not valid yet") && status.contains(&advice), "{status}");
    deliver(&server, [1]);
    home.write("time", "+0d");
    filed(&server, &daemon, 1, seconds(30));
}
