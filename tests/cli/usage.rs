//! The command line: exit codes, help, and `networks`.

use super::*;

#[test]
fn what_cannot_be_written_is_no_success() {
    let home = Home::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let run = Run(home.command(&["schema", "rules"]).stdout(full).output().unwrap());
    assert!(run.exits(70).err().contains("could not write to standard output"), "{}", run.err());
}

#[test]
fn a_service_with_a_broken_file_exits_78_and_so_does_one_without_settings() {
    let home = Home::new();
    home.write("rules.toml", "[[rule]]\nname = 7\n");
    home.run(&["run"]).exits(78);
    let run = Run(home.command(&["run"]).output().unwrap());
    assert!(run.exits(78).err().contains("there are no settings"), "{}", run.err());
}

#[test]
fn a_wrong_command_line_exits_64() {
    let home = Home::new();
    home.run(&["sweeep"]).exits(64);
    home.run(&["sweep", "--since", "thirty"]).exits(64);
    home.run(&["explain"]).exits(64);
}

#[test]
fn help_and_version_are_no_errors() {
    let home = Home::new();
    assert!(Run(home.command(&["--help"]).output().unwrap()).exits(0).out().contains("explain"));
    assert!(Run(home.command(&["--version"]).output().unwrap()).exits(0).out().starts_with("followsift "));
}

#[test]
fn the_version_names_what_it_was_built_from() {
    let home = Home::new();
    let release = format!("followsift {}", env!("CARGO_PKG_VERSION"));
    assert_eq!(home.run(&["-V"]).exits(0).out(), format!("{release}\n"));
    let version = home.run(&["--version"]).exits(0).out();
    let lines: Vec<_> = version.lines().collect();
    let [first, commit, target, openssl] = lines.as_slice() else { panic!("{version}") };
    assert_eq!(*first, release);
    assert!(commit.strip_prefix("commit ").is_some_and(|commit| !commit.is_empty()), "{version}");
    assert!(
        target.strip_prefix("target ").is_some_and(|it| it.contains(std::env::consts::ARCH)),
        "{version}"
    );
    assert!(openssl.starts_with("OpenSSL "), "{version}");
}

#[test]
fn the_files_to_start_from_are_printed_as_they_ship_and_are_right() {
    let home = Home::new();
    for (option, file) in [(&[][..], "followsift.toml"), (&["--rules"], "rules.toml")] {
        let printed = home.run(&[&["settings", "--print"], option].concat()).exits(0).out();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(file);
        assert_eq!(printed, std::fs::read_to_string(shipped).unwrap(), "{file}");
        home.write(file, &printed);
    }
    home.run(&["settings"]).exits(64);
    let message = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/twitter/box-2009/message.eml");
    let explained = home.run(&["explain", "--brief", message]).exits(0).out();
    assert!(explained.contains("(rules.toml:"), "{explained}");
}

#[test]
fn a_sample_is_a_message_that_is_read_the_same_with_other_names() {
    let home = Home::new();
    let message = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/twitter/box-2009/message.eml");
    let run = home.run(&["sample", message]);
    assert!(run.err().starts_with("note: followsift reads the sample like the message."), "{}", run.err());
    home.write("sample.eml", &run.out());
    let explained = home.run(&["explain", "--brief", "sample.eml"]).exits(0).out();
    assert!(
        explained.contains("Twitter · follow")
            && explained.contains("followers 3 · following 2001 · posts 1"),
        "{explained}"
    );
    assert!(!run.out().contains("Tiffani") && !run.out().contains("tiff_snow"), "{}", run.out());
    home.write("other.eml", "From: ann@x.example\nSubject: Hello Bobbington\n\nHello\n");
    let run = home.run(&["sample", "other.eml", "--hide", "bobbington"]);
    assert!(
        run.err().contains("does not recognise the message") && !run.out().contains("Bobbington"),
        "{}",
        run.out()
    );
    assert!(run.out().contains("Subject: Hello "), "{}", run.out());
    home.run(&["sample", "nowhere.eml"]).exits(65);
}

#[test]
fn a_missing_settings_file_is_named() {
    let home = Home::new();
    let run = Run(home.command(&["check", "-s", "nowhere.toml"]).output().unwrap());
    assert!(run.exits(78).out().contains("nowhere.toml"), "{}", run.out());
    assert!(!Path::new("nowhere.toml").exists());
}

#[test]
fn providers_lists_all_providers_and_shows_one_with_the_lines_to_write_and_the_sources() {
    let home = Home::new();
    let all = home.run(&["providers"]).exits(0).out();
    let row = |name: &str| all.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap_or_default();
    assert_eq!(
        row("gmail").split("  ").filter(|cell| !cell.is_empty()).map(str::trim).collect::<Vec<_>>(),
        ["gmail", "app password, OAuth2", "imap.gmail.com:993", "Gmail, Google Workspace"]
    );
    for name in ["outlook", "icloud", "yahoo", "aol", "fastmail", "gmx", "web.de", "posteo", "mailbox.org"] {
        assert_ne!(row(name), "", "{name}: {all}");
    }
    let one = home.run(&["providers", "fastmail"]).exits(0).out();
    let begin = "[accounts.home]\nprovider = \"fastmail\"\nuser = \"ann@fastmail.com\"\npassword-file = \"password\"\n\n\
                 log in with   app password\n\
                 app password  https://fastmail.help/hc/en-us/articles/1500000279921\n\
                 note          the app password needs access to mail (IMAP)\n\n\
                 What followsift knows about it, with the sources:\n\n[fastmail]\ntitle = \"Fastmail\"\n# https://";
    assert!(one.starts_with(begin), "{one}");
    // The lines to write are settings.
    let lines: String = one.split("\n\n").next().unwrap_or_default().into();
    home.write("followsift.toml", &lines);
    home.run(&["check"]).exits(0);
    let json = home.run(&["providers", "--json"]).exits(0).out();
    for line in json.lines() {
        let provider: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(provider["name"].is_string() && provider["port"].is_number(), "{line}");
        assert!(["implicit", "starttls"].contains(&provider["tls"].as_str().unwrap()), "{line}");
    }
    assert_eq!(json.lines().count() + 3, all.lines().count());
    let err = home.run(&["providers", "gmial"]).exits(64).err();
    assert_eq!(err, "error: no provider is called `gmial`\n  did you mean `gmail`?\n");
    assert_eq!(home.run(&["providers", "IMAP.fastmail.com"]).exits(0).out(), one);
    assert_eq!(home.run(&["providers", "imap.fastmail.com:993"]).exits(0).out(), one);
    home.run(&["providers", "imap.fastmail.com:imap"]).exits(64);
    // Another of its servers is in the lines to write.
    for name in ["imappro.zoho.com", "IMAPPRO.zoho.com:993"] {
        let other = home.run(&["providers", name]).exits(0).out();
        assert!(
            other.starts_with("[accounts.home]\nprovider = \"zoho\"\nhost = \"imappro.zoho.com\"\nuser = "),
            "{other}"
        );
        home.write("followsift.toml", other.split("\n\n").next().unwrap());
        home.run(&["check"]).exits(0);
    }
    home.write("followsift.toml", &lines);
    // With an address, the lines need no change.
    let own = home.run(&["providers", "bea@Fastmail.FM"]).exits(0).out();
    assert_eq!(own, one.replacen("ann@fastmail.com", "bea@Fastmail.FM", 1));
    let own = home.run(&["providers", "o\"dd@me.com"]).exits(0).out();
    assert!(own.contains("provider = \"icloud\"\nuser = \"o\\\"dd\"\n"), "{own}");
    let err = home.run(&["providers", "ann@mail.example"]).exits(64).err();
    assert_eq!(
        err,
        "error: the provider of `ann@mail.example` is not known\n  `followsift providers` lists them; at any other, write \
         `host` in the settings\n"
    );
}

#[test]
fn networks_lists_all_networks_and_describes_one_in_detail() {
    let home = Home::new();
    let all = home.run(&["networks"]).exits(0).out();
    let snac = "\
snac (snac; any site that runs it)
  reports    followers
  layouts    follow
  languages  en
  shows      url
  marks      subject; sender snac-daemon@*; line of text `User : @{you}@{host}` then `Type
             : Follow` then `Actor : {url}`
  look-up    a server that `ask` lists, below `[lookup]`
";
    assert!(all.contains(snac) && all.contains("37 networks."), "{all}");
    // What only some layouts show is listed with them.
    let mastodon = "\n  shows      handle, url; name, followers, following, posts, default-picture (card,\n             card-two-domains)\n";
    assert!(all.contains(mastodon), "{all}");
    let strava = "\
Strava · strava
  known from Strava, 2026: sender and subject from a public test, the layout at second hand
  sent by    strava.com
  languages  en
  look-up    no: the network shows profiles to its own apps and to logins only
  subjects   \"{name} is now following you on Strava.\"

  2026 · follow
  shows      name, url
";
    let one = home.run(&["networks", "strava"]).exits(0).out();
    assert!(one.starts_with(strava), "{one}");
}

#[test]
fn a_network_that_is_not_known_is_a_misuse_with_a_suggestion() {
    let home = Home::new();
    let err = home.run(&["networks", "mastodno"]).exits(64).err();
    assert_eq!(err, "error: no network is called `mastodno`\n  did you mean `mastodon`?\n");
}
