//! Settings: what is right is read as it was meant, what is wrong is said at its place, all in one go.
//!
//! `tests/bad-settings/<case>/` has a `followsift.toml`, perhaps an `environment.txt`, and the findings in
//! `expected.txt`, which `UPDATE_EXPECT=1` rewrites.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::golden;
use followsift::diagnostic::Diagnostic;
use followsift::host::{AuthservIds, HostName, Relay, RelayService};
use followsift::place::Folder;
use followsift::settings::{self, Account, Backlog, Environment, Lookup, SecretSource, Settings, Tls};

const HOME: (&str, &str) = ("HOME", "/home/ann");

const SMALLEST: &str =
    "[accounts.home]\nhost = \"imap.example.org\"\nuser = \"ann\"\npassword-file = \"key\"\n";

fn load(text: &str, variables: &[(&str, &str)]) -> (Option<Settings>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("followsift.toml");
    fs::write(&file, text).unwrap();
    let environment = Environment::of(variables.iter().copied().chain([HOME]));
    let (settings, findings) = settings::load(Some(&file), &environment);
    (settings, plain(&findings))
}

fn plain(findings: &[Diagnostic]) -> String {
    findings.iter().map(|finding| finding.plain() + "\n").collect::<Vec<_>>().join("\n")
}

/// The settings of a file that is right.
fn read(text: &str, variables: &[(&str, &str)]) -> Settings {
    let (settings, findings) = load(text, variables);
    settings.unwrap_or_else(|| panic!("{findings}"))
}

fn account(settings: &Settings, name: &str) -> Account {
    settings.accounts.iter().find(|account| account.name.as_str() == name).unwrap().clone()
}

#[test]
fn bad_settings_are_reported_at_their_places() {
    golden::each_case("bad-settings", |case| {
        let variables = fs::read_to_string(case.join("environment.txt")).unwrap_or_default();
        let variables = variables.lines().filter_map(|line| line.split_once('='));
        let environment = Environment::of(variables.chain([HOME]));
        // The findings name the file as it was given.
        let case = Path::new("tests/bad-settings").join(case.file_name().unwrap());
        let (settings, findings) = settings::load(Some(&case.join("followsift.toml")), &environment);
        assert_eq!(settings.is_none(), findings.iter().any(Diagnostic::is_error), "{}", case.display());
        let found = plain(&findings);
        assert!(!found.contains("hunter2"), "a password is shown: {found}");
        found
    });
}

#[test]
fn three_lines_name_an_account_at_a_known_provider_and_every_key_takes_precedence() {
    let three = |more: &str| {
        let text = format!(
            "[accounts.home]\nprovider = \"gmail\"\nuser = \"ann@gmail.com\"\npassword-file = \"key\"\n{more}"
        );
        account(&read(&text, &[]), "home")
    };
    let is = |account: &Account| {
        (account.host.clone(), account.port, account.tls, account.authserv_id.to_string())
    };
    let provider = |account: &Account| account.provider.map(|provider| provider.name.as_str());
    let gmail = three("");
    assert_eq!(is(&gmail), ("imap.gmail.com".into(), 993, Tls::Implicit, "\"mx.google.com\"".into()));
    let own = three("host = \"relay.example\"\ntls = \"starttls\"\nauthserv-id = \"mx.example\"\n");
    assert_eq!(is(&own), ("relay.example".into(), 143, Tls::StartTls, "\"mx.example\"".into()));
    assert_eq!(three("port = 1993\n").port, 1993);
    assert!(
        !three("authserv-id = []\n".replace("[]", "\"\"").as_str()).authserv_id.include(&gmail.authserv_id)
    );
    assert_eq!((provider(&gmail), provider(&own)), (Some("gmail"), Some("gmail")));

    let bridge = read(
        "[accounts.home]\nprovider = \"proton-bridge\"\nuser = \"ann@proton.me\"\npassword-file = \"key\"\n",
        &[],
    );
    assert_eq!(
        is(&account(&bridge, "home")),
        ("127.0.0.1".into(), 1143, Tls::StartTls, AuthservIds::default().to_string())
    );

    // The server tells the provider too, but what the user did not ask for stays as it is.
    let host = read(&SMALLEST.replace("imap.example.org", "imap.gmail.com"), &[]);
    let host = account(&host, "home");
    assert_eq!((provider(&host), host.authserv_id.is_set()), (Some("gmail"), false));

    let variables = [
        ("FOLLOWSIFT__ACCOUNTS__HOME__PROVIDER", "fastmail"),
        ("FOLLOWSIFT__ACCOUNTS__HOME__USER", "ann@fastmail.com"),
        ("FOLLOWSIFT__ACCOUNTS__HOME__PASSWORD_FILE", "key"),
    ];
    assert_eq!(account(&read("", &variables), "home").host, "imap.fastmail.com");
}

#[test]
fn own_servers_are_named_by_their_host_and_where_their_messages_come_from() {
    let text = format!(
        "{SMALLEST}instances = [\"toot.example\", {{ host = \"social.example\", from = \"mail.example\" }}, \
         \"bücher.example\"]\n"
    );
    let written = |settings: &Settings| {
        let instances = account(settings, "home").instances;
        instances.iter().map(|own| format!("{} {}", own.host, own.from)).collect::<Vec<_>>()
    };
    let expected = [
        "toot.example toot.example",
        "social.example mail.example",
        "xn--bcher-kva.example xn--bcher-kva.example",
    ];
    assert_eq!(written(&read(&text, &[])), expected);
    assert!(written(&read(SMALLEST, &[])).is_empty());
    let variable = r#"["pod.example", { host = "social.example", from = "mail.example" }]"#;
    let laid_over = read(&text, &[("FOLLOWSIFT__ACCOUNTS__HOME__INSTANCES", variable)]);
    assert_eq!(written(&laid_over), ["pod.example pod.example", "social.example mail.example"]);
}

#[test]
fn alias_services_are_named_by_a_word_and_perhaps_a_domain_of_ones_own() {
    let text = format!(
        "{SMALLEST}relays = [\"simplelogin\", {{ service = \"addy\", domain = \"alias.example\" }}]\n"
    );
    let relays = account(&read(&text, &[]), "home").relays;
    let expected = [
        Relay { service: RelayService::SimpleLogin, domain: None },
        Relay { service: RelayService::Addy, domain: HostName::parse("alias.example") },
    ];
    assert_eq!(relays, expected);
    assert!(account(&read(SMALLEST, &[]), "home").relays.is_empty());
    let laid_over = read(&text, &[("FOLLOWSIFT__ACCOUNTS__HOME__RELAYS", "duckduckgo")]);
    assert_eq!(
        account(&laid_over, "home").relays,
        [Relay { service: RelayService::DuckDuckGo, domain: None }]
    );
}

#[test]
fn the_smallest_settings_have_sensible_values_for_the_rest() {
    let settings = read(SMALLEST, &[]);
    assert_eq!(settings.state, Path::new("/home/ann/.local/state/followsift"));
    assert_eq!((settings.rules.clone(), settings.networks.clone()), (None, None));
    let home = account(&settings, "home");
    assert_eq!((home.port, home.tls, home.ca_file.clone()), (993, Tls::Implicit, None));
    assert_eq!(home.folders, [Folder::inbox()]);
    assert!(home.act && !home.require_authentic && !home.authserv_id.is_set());
    assert_eq!((home.backlog, home.poll), (Backlog::None, Duration::from_secs(120)));
}

#[test]
fn paths_begin_at_the_settings_file_or_at_home() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("followsift.toml");
    fs::write(&file, format!("state = \"~/memory\"\n{SMALLEST}")).unwrap();
    fs::write(folder.path().join("rules.toml"), "").unwrap();
    fs::create_dir(folder.path().join("networks")).unwrap();
    let settings = settings::load(Some(&file), &Environment::of([HOME])).0.unwrap();
    assert_eq!(settings.state, Path::new("/home/ann/memory"));
    assert_eq!(settings.rules, Some(folder.path().join("rules.toml")));
    assert_eq!(settings.networks, Some(folder.path().join("networks")));
    assert_eq!(account(&settings, "home").secret, SecretSource::File(folder.path().join("key")));
}

#[test]
fn the_environment_counts_more_than_the_file() {
    let settings = read(
        SMALLEST,
        &[
            ("FOLLOWSIFT__ACCOUNTS__HOME__HOST", "::1"),
            ("FOLLOWSIFT__ACCOUNTS__HOME__TLS", "off"),
            ("FOLLOWSIFT__ACCOUNTS__HOME__ACT", "false"),
            ("FOLLOWSIFT__ACCOUNTS__HOME__FOLDERS", "[\"INBOX\", \"Social\"]"),
            ("FOLLOWSIFT__ACCOUNTS__HOME__BACKLOG", "30d"),
            ("FOLLOWSIFT__ACCOUNTS__HOME__PASSWORD_FILE", "/run/key"),
            ("FOLLOWSIFT__STATE", "/var/memory"),
            ("FOLLOWSIFT_CORPUS", "is another program's"),
        ],
    );
    let home = account(&settings, "home");
    assert_eq!((home.host.as_str(), home.port, home.tls, home.act), ("::1", 143, Tls::Off, false));
    assert_eq!(home.folders, [Folder::inbox(), Folder::new("Social").unwrap()]);
    assert_eq!(home.backlog, Backlog::Since(Duration::from_secs(30 * 86_400)));
    assert_eq!(home.secret, SecretSource::File("/run/key".into()));
    assert_eq!(settings.state, Path::new("/var/memory"));
}

#[test]
fn a_variable_means_the_account_of_the_file_whatever_the_shell_makes_of_its_name() {
    let text = SMALLEST.replace("home", "home-2");
    let settings = read(&text, &[("FOLLOWSIFT__ACCOUNTS__HOME_2__PORT", "1993")]);
    assert_eq!(settings.accounts.len(), 1);
    assert_eq!(account(&settings, "home-2").port, 1993);
}

#[test]
fn the_environment_alone_can_make_an_account() {
    let environment = Environment::of([
        HOME,
        ("CREDENTIALS_DIRECTORY", "/run/credentials/followsift.service"),
        ("STATE_DIRECTORY", "/var/lib/followsift:/var/lib/other"),
        ("FOLLOWSIFT__ACCOUNTS__HOME__HOST", "imap.example.org"),
        ("FOLLOWSIFT__ACCOUNTS__HOME__USER", "ann"),
        ("FOLLOWSIFT__ACCOUNTS__HOME__PASSWORD_CREDENTIAL", "home"),
    ]);
    let (settings, findings) = settings::load(None, &environment);
    let settings = settings.unwrap_or_else(|| panic!("{}", plain(&findings)));
    assert_eq!(account(&settings, "home").secret, SecretSource::Credential("home".into()));
    assert_eq!(settings.credentials, Some(PathBuf::from("/run/credentials/followsift.service")));
    assert_eq!(settings.state, Path::new("/var/lib/followsift"));
}

#[test]
fn without_any_account_there_are_settings_still() {
    assert!(read("", &[]).accounts.is_empty());
}

#[test]
fn accounts_can_have_files_of_their_own_with_the_keys_and_paths_of_the_settings() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("followsift.toml");
    fs::create_dir(folder.path().join("accounts.d")).unwrap();
    fs::write(&file, format!("lookup.newest = \"7d\"\n{SMALLEST}")).unwrap();
    let more = |name: &str, user: &str| {
        format!(
            "[accounts.{name}]\nhost = \"imap.example.org\"\nuser = \"{user}\"\npassword-file = \"key\"\n"
        )
    };
    fs::write(folder.path().join("accounts.d/two.toml"), more("lou-2", "lou") + &more("bea", "bea")).unwrap();
    fs::write(folder.path().join("accounts.d/kim.toml"), more("kim", "kim")).unwrap();
    let environment = Environment::of([HOME, ("FOLLOWSIFT__ACCOUNTS__LOU_2__PORT", "1993")]);
    let (settings, findings) = settings::load(Some(&file), &environment);
    let settings = settings.unwrap_or_else(|| panic!("{}", plain(&findings)));
    assert!(findings.is_empty(), "{}", plain(&findings));
    let names: Vec<_> = settings.accounts.iter().map(|account| account.name.as_str()).collect();
    assert_eq!(names, ["bea", "home", "kim", "lou-2"]);
    let lou = account(&settings, "lou-2");
    assert_eq!((lou.port, &lou.lookup), (1993, &settings.lookup));
    assert_eq!(lou.secret, SecretSource::File(folder.path().join("key")));
    // Every other value is as if they were in one file.
    let kim = account(&settings, "kim");
    let home = account(&settings, "home");
    assert_eq!(kim, Account { name: kim.name.clone(), user: "kim".to_owned(), ..home });
}

#[test]
fn a_loopback_server_may_be_asked_often() {
    let text = SMALLEST.replace("imap.example.org", "127.0.0.1") + "poll = \"1s\"\n";
    assert_eq!(load(&text, &[]).1, "");
}

#[test]
fn the_users_settings_are_found_before_the_machines() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().to_str().unwrap();
    let mine = folder.path().join(".config/followsift/followsift.toml");
    let located = || settings::locate(&Environment::of([("HOME", home), ("XDG_CONFIG_HOME", "relative")]));
    assert_ne!(located(), Some(mine.clone()));
    fs::create_dir_all(mine.parent().unwrap()).unwrap();
    fs::write(&mine, "").unwrap();
    assert_eq!(located(), Some(mine));
}

#[test]
fn without_a_home_the_state_folder_has_to_be_named() {
    let (settings, findings) = settings::load(None, &Environment::default());
    assert!(settings.is_none());
    assert!(plain(&findings).starts_with("error: there is no folder for the ledger"), "{}", plain(&findings));
    assert!(settings::load(None, &Environment::of([("FOLLOWSIFT__STATE", "/var/memory")])).0.is_some());
}

#[test]
fn a_file_that_is_not_there_is_a_finding() {
    let (settings, findings) = settings::load(Some(Path::new("no/such.toml")), &Environment::default());
    assert!(settings.is_none());
    assert!(plain(&findings).contains("could not read the settings no/such.toml"));
}

#[test]
fn the_settings_that_ship_are_right_with_and_without_their_examples() {
    let shipped = fs::read_to_string("config/followsift.toml").unwrap();
    assert!(read(&shipped, &[]).accounts.is_empty());

    // An example has no space after its `#`.
    let example = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => rest.to_owned(),
        _ => line.to_owned(),
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("followsift.toml");
    fs::write(&file, shipped.lines().map(|line| example(line) + "\n").collect::<String>()).unwrap();
    fs::write(folder.path().join("rules.toml"), "").unwrap();
    fs::create_dir(folder.path().join("networks")).unwrap();
    let (settings, findings) = settings::load(Some(&file), &Environment::of([HOME]));
    let settings = settings.unwrap_or_else(|| panic!("{}", plain(&findings)));
    assert!(findings.is_empty(), "{}", plain(&findings));
    assert_eq!(settings.accounts.len() + settings.elsewhere.len(), 7);
    // All accounts, whatever the shard.
    let (settings, _) = settings::load(Some(&file), &Environment::of([HOME, ("FOLLOWSIFT__SHARD", "0/1")]));
    let settings = settings.unwrap();

    // The values shown are the usual ones.
    let smallest = read(SMALLEST, &[]);
    let usual = account(&smallest, "home");
    let examples = account(&settings, "home");
    // Look-ups and digests are off, and no proxy is the usual one.
    let lookup = Lookup {
        proxy: None,
        own_server: Default::default(),
        ask: Default::default(),
        x_token: None,
        ..examples.lookup.clone()
    };
    let shown = Account {
        lookup,
        authserv_id: AuthservIds::default(),
        instances: Vec::new(),
        relays: Vec::new(),
        digest: None,
        ..examples
    };
    assert_eq!(shown, Account { user: shown.user.clone(), secret: shown.secret.clone(), ..usual });
    assert_eq!(settings.state, smallest.state.join("followsift-0"));
}

#[test]
fn each_shard_has_its_accounts_and_a_ledger_of_its_own() {
    let two = format!(
        "{SMALLEST}\n[accounts.ann]\nhost = \"imap.example.net\"\nuser = \"ann\"\npassword-file = \"p\"\n"
    );
    let whole = read(&two, &[]);
    let names = |settings: &Settings| settings.names().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!((names(&whole), &whole.elsewhere), (vec!["ann".to_owned(), "home".to_owned()], &Vec::new()));
    for (shard, here, elsewhere) in [("4/8", Some("ann"), 1), ("5/8", Some("home"), 1), ("0/8", None, 2)] {
        for settings in
            [read(&two, &[("FOLLOWSIFT__SHARD", shard)]), read(&format!("shard = \"{shard}\"\n{two}"), &[])]
        {
            assert_eq!(names(&settings), here.into_iter().collect::<Vec<_>>(), "{shard}");
            assert_eq!(settings.elsewhere.len(), elsewhere);
            let number = shard.split('/').next().unwrap();
            assert_eq!(settings.state, whole.state.join(format!("followsift-{number}")));
        }
    }
    let (settings, findings) = settings::load(None, &Environment::of([HOME, ("FOLLOWSIFT__SHARD", "8/8")]));
    assert!(settings.is_none());
    assert!(plain(&findings).contains("FOLLOWSIFT__SHARD: not a shard"), "{}", plain(&findings));
}
