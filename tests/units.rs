//! The units in `systemd/`, as far as that needs no systemd that runs: systemd-analyze(1), where it is installed, and what the
//! files say of each other and of the program. `tests/further/systemd.sh` runs them.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its own fixtures has to stop")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use followsift::cli;

/// Units of the machine that run followsift.
const OF_THE_MACHINE: [&str; 3] =
    ["followsift-system.service", "followsift@.service", "followsift-sweep.service"];

/// Keys that systemd 252 (Debian 12) does not know, as the units say.
const NEWER: [&str; 3] = ["RestartSteps", "RestartMaxDelaySec", "ImportCredential"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd")
}

fn text(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap()
}

/// The settings of a unit, without its comments.
fn settings(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.contains('=') && !line.starts_with('#')).collect()
}

fn analyze(arguments: &[&str], unit: &Path) -> Option<String> {
    let output = Command::new("systemd-analyze").args(arguments).arg(unit).output().ok()?;
    Some(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// A copy of a unit in a folder of its own; of a template, an instance.
fn instance(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join(name.replace('@', "@ann"));
    fs::write(&unit, text).unwrap();
    (folder, unit)
}

#[test]
fn systemd_knows_every_line_of_the_units() {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let units = files
        .filter(|file| file.extension().is_some_and(|it| it == "service" || it == "timer" || it == "socket"));
    let mut checked = 0;
    for unit in units {
        // It exits 0 on unknown keys; only its words tell.
        let Some(words) = analyze(&["verify", "--man=no"], &unit) else { return };
        let is_expected = |line: &&str| {
            let is_newer = NEWER.iter().any(|key| line.contains(&format!("Unknown key '{key}'")))
                || NEWER.iter().any(|key| line.contains(&format!("Unknown key name '{key}'")));
            is_newer || line.contains("followsift is not executable: No such file")
        };
        let unexpected: Vec<_> = words.lines().filter(|line| !is_expected(line)).collect();
        assert!(unexpected.is_empty(), "{}: {unexpected:?}", unit.display());
        checked += 1;
    }
    assert!(checked >= 8, "{checked} units");
}

/// The exposure that systemd counts, and each setting that it counts.
fn exposure(unit: &Path) -> Option<(f64, Vec<String>)> {
    let words = analyze(&["security", "--offline=true", "--no-pager"], unit)?;
    let last = words.lines().find(|line| line.contains("Overall exposure level"))?;
    let number = last.split_whitespace().find_map(|word| word.parse().ok())?;
    let counted = words.lines().filter_map(|line| line.strip_prefix('✗')?.split_whitespace().next());
    Some((number, counted.map(str::to_owned).collect()))
}

/// `RestrictAddressFamilies=~AF_(INET|INET6)` is explained by its family, others by their key.
fn explained_by(counted: &str) -> String {
    match counted.split_once("=~AF_") {
        Some((_, family)) => format!("AF_{}", family.trim_start_matches('(').split('|').next().unwrap()),
        None => format!("{}=", counted.split('=').next().unwrap()),
    }
}

#[test]
fn a_unit_is_as_closed_as_it_says_and_explains_what_is_left() {
    let explanation = text("followsift-system.service");
    for name in OF_THE_MACHINE {
        let (_folder, unit) = instance(name, &text(name));
        let Some((number, counted)) = exposure(&unit) else { return };
        assert!(number <= 1.1, "{name}: {number}");
        for setting in counted {
            let words = explained_by(&setting);
            assert!(explanation.contains(&format!("{words} ")), "{name} does not explain {setting}");
        }
    }
    // The milter is given its socket, and needs no network.
    let milter = text("followsift-milter.service");
    let (_folder, unit) = instance("followsift-milter.service", &milter);
    let Some((number, counted)) = exposure(&unit) else { return };
    assert!(number <= 0.6, "followsift-milter.service: {number}");
    for setting in counted {
        assert!(
            milter.contains(&format!("{} ", explained_by(&setting))),
            "the milter does not explain {setting}"
        );
    }
    let hardening = text("hardening.conf");
    let (_folder, unit) = instance("followsift.service", &(text("followsift.service") + &hardening));
    let Some((number, counted)) = exposure(&unit) else { return };
    assert!(number <= 1.8, "with hardening.conf: {number}");
    for setting in counted {
        let words = format!("{} ", explained_by(&setting));
        let is_explained = hardening.contains(&words) || explanation.contains(&words);
        assert!(is_explained, "hardening.conf does not explain {setting}");
    }
}

#[test]
fn the_units_of_the_machine_have_one_sandbox() {
    let sandbox = |name: &str| {
        let text = text(name);
        let (_, sandbox) = text.split_once("\nUMask=").unwrap();
        let sandbox = sandbox.split("\n[Install]").next().unwrap().trim_end().to_owned();
        assert!(sandbox.contains("ProtectSystem=strict"), "{name}");
        sandbox
    };
    let first = sandbox(OF_THE_MACHINE[0]);
    OF_THE_MACHINE.iter().for_each(|name| assert_eq!(sandbox(name), first, "{name}"));
    // And the two services of the machine differ in their folders alone.
    let one = text("followsift-system.service");
    let many = text("followsift@.service").replace("-%i", "");
    let (one, many) = (settings(&one), settings(&many));
    let more: Vec<_> = many.iter().filter(|line| !one.contains(line)).collect();
    let locks = "ReadWritePaths=-/var/lib/followsift";
    assert_eq!(more, [&"Description=Files the follower spam of social accounts (%i)", &locks]);
    assert_eq!(one.len() + 1, many.len());
}

#[test]
fn the_units_run_commands_that_there_are() {
    for name in OF_THE_MACHINE.iter().copied().chain(["followsift.service", "followsift-milter.service"]) {
        let text = text(name);
        let lines = settings(&text);
        let commands = lines.iter().filter_map(|line| line.strip_prefix("Exec")?.split_once('='));
        let ours: Vec<_> = commands.filter(|(_, command)| command.contains("followsift ")).collect();
        assert!(!ours.is_empty(), "{name}");
        for (_, command) in &ours {
            let words = command.split(' ').skip_while(|word| !word.ends_with("followsift"));
            let parsed = cli::definition().try_get_matches_from(words);
            assert!(parsed.is_ok(), "{name}: {command}");
        }
        if name == "followsift-milter.service" {
            // It has no settings that `check` would read; it keeps its rules where the new ones are wrong.
            assert!(lines.contains(&"ExecReload=kill -HUP $MAINPID"), "{name}");
        } else if name != "followsift-sweep.service" {
            // A reload begins with a check, which fails where a file is wrong.
            let reloads: Vec<_> = lines.iter().filter(|line| line.starts_with("ExecReload=")).collect();
            assert!(
                matches!(reloads.as_slice(), [check, kill] if check.contains("followsift check")
                && kill.ends_with("kill -HUP $MAINPID")),
                "{name}: {reloads:?}"
            );
        }
    }
}

/// Postfix asks where systemd listens.
#[test]
fn the_lines_for_postfix_name_the_socket_of_the_milter() {
    let socket = text("followsift-milter.socket");
    let address =
        settings(&socket).iter().find_map(|line| line.strip_prefix("ListenStream=")).unwrap().to_owned();
    let lines = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/delivery/postfix-main.cf");
    let lines = fs::read_to_string(lines).unwrap();
    assert!(lines.contains(&format!(", inet:{address}\n")), "{address}");
    assert!(settings(&lines).contains(&"milter_default_action = accept"));
}

#[test]
fn every_file_of_the_folder_is_in_the_manual_and_in_the_package() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/man/followsift.8.md");
    let manual = fs::read_to_string(manual).unwrap();
    let package = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let names: BTreeSet<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for name in &names {
        assert!(manual.contains(name.as_str()), "followsift(8) does not name systemd/{name}");
        let folder = if name == "followsift.service" { "systemd/package" } else { "systemd" };
        assert!(package.contains(&format!("\"{folder}/{name}\"")), "the package has no {folder}/{name}");
    }
}

#[test]
fn the_unit_of_the_package_differs_in_the_program_alone() {
    let own = text("followsift.service")
        .replace("%h/.cargo/bin/followsift run", "followsift run")
        .replace("%h/.cargo/bin/followsift check", "env -u CREDENTIALS_DIRECTORY followsift check");
    assert_eq!(settings(&own), settings(&text("package/followsift.service")));
}

#[test]
fn a_sweep_that_tries_again_at_the_next_one_is_not_a_failure() {
    assert!(settings(&text("followsift-sweep.service")).contains(&"SuccessExitStatus=75"));
}

/// The drop-in for shards replaces what the template says about one settings file for each instance.
#[test]
fn the_drop_in_for_shards_names_no_other_settings_than_the_machines() {
    let (template, drop_in) = (text("followsift@.service"), text("shards.conf"));
    let replaced: BTreeSet<_> = settings(&drop_in).iter().filter_map(|line| line.strip_suffix('=')).collect();
    for line in settings(&template).iter().filter(|line| line.contains("-%i")) {
        let (key, _) = line.split_once('=').unwrap();
        // The socket has a folder for each instance, with shards too.
        assert!(replaced.contains(key) || key == "RuntimeDirectory", "{line}");
    }
    assert!(!drop_in.contains("followsift-%i"));
    let (folder, unit) = instance("followsift@.service", &template);
    let more = folder.path().join("followsift@ann.service.d");
    fs::create_dir(&more).unwrap();
    fs::write(more.join("shards.conf"), drop_in).unwrap();
    let Some(words) = analyze(&["verify", "--man=no"], &unit) else { return };
    assert!(!words.contains("shards.conf"), "{words}");
}

/// The drop-in for a database that the milter asks.
#[test]
fn systemd_knows_every_line_of_the_drop_in_for_a_database() {
    let (folder, unit) = instance("followsift-milter.service", &text("followsift-milter.service"));
    let more = folder.path().join("followsift-milter.service.d");
    fs::create_dir(&more).unwrap();
    fs::write(more.join("postgresql.conf"), text("milter-postgresql.conf")).unwrap();
    let Some(words) = analyze(&["verify", "--man=no"], &unit) else { return };
    assert!(!words.contains("postgresql.conf"), "{words}");
}

#[test]
fn every_unit_and_the_image_set_the_same_variables_of_glibc() {
    let mut expected = None;
    let units = [
        "followsift-system.service",
        "followsift@.service",
        "followsift.service",
        "package/followsift.service",
    ];
    for unit in units.into_iter().chain(["followsift-sweep.service", "followsift-milter.service"]) {
        let lines: Vec<String> = settings(&text(unit)).iter().map(|line| (*line).to_owned()).collect();
        let set = lines.iter().find_map(|line| line.strip_prefix("Environment=MALLOC")).unwrap().to_owned();
        assert_eq!(expected.get_or_insert(set.clone()), &set, "{unit}");
    }
    let image = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/config/Containerfile")).unwrap();
    assert!(image.contains(&format!("ENV MALLOC{}", expected.unwrap())));
}
