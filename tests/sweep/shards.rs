//! An account that moves to another shard, with its ledger and without.

use std::process::{Command, Stdio};

use super::*;

/// A command of one of the shards.
fn at(scene: &Scene, shard: &str, arguments: &[&str]) -> Output {
    scene.home.command(&[], arguments).env("FOLLOWSIFT__SHARD", shard).output().unwrap()
}

fn well(scene: &Scene, shard: &str, arguments: &[&str]) -> String {
    let output = at(scene, shard, arguments);
    let said = printed(&output);
    assert!(output.status.success(), "{shard} {arguments:?}: {said}");
    said
}

/// Runs the commands that `rebalance` printed.
fn move_ledgers(scene: &Scene, script: &str) {
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_followsift")).parent().unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", script]).current_dir(scene.home.path()).env_clear();
    let output = shell.env("HOME", scene.home.path()).env("PATH", path).output().unwrap();
    assert!(output.status.success(), "{script}{}", printed(&output));
}

/// Starts the service of a shard, and stops it when it waits.
fn start_and_stop(scene: &Scene, shard: &str) {
    let mut command = scene.home.command(&[], &["run", "--shard", shard]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    pause(Duration::from_secs(2));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let status = child.wait().unwrap();
    assert!(status.success(), "{status}");
}

#[test]
fn an_account_moves_to_another_shard_under_mail_that_arrives_and_nothing_is_moved_again() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    scene.deliver(&[text(&spam(1), 1), text(&spam(2), 2), text(&real(3), 3)]);
    well(&scene, "0/1", &["sweep"]);
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 2));
    // One is put back, and noticed.
    scene.client.select(SPAM);
    scene.client.run("UID MOVE 1 INBOX");
    well(&scene, "0/1", &["sweep"]);
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (2, 1));

    scene.deliver(&[text(&spam(4), 4)]);
    let script = scene.home.well(&["rebalance", "--from", "1", "--to", "8"]);
    assert!(script.starts_with("# From 1 shard to 8: 1 of 1 account moves\n"), "{script}");
    move_ledgers(&scene, &script);
    scene.deliver(&[text(&spam(5), 5)]);
    for arguments in [&["sweep"][..], &["sweep"], &["sweep", "--since", "9999d"]] {
        let said = well(&scene, "5/8", arguments);
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (2, 3), "{said}");
    }
    // It is nowhere else.
    let other = at(&scene, "0/8", &["sweep", "--account", "home"]);
    let said = printed(&other);
    assert_eq!(other.status.code(), Some(64), "{said}");
    assert!(said.contains("account `home` is in shard 5/8, and this is shard 0/8"), "{said}");
    assert!(well(&scene, "0/8", &["sweep"]).contains("no account of this shard"));
}

#[test]
fn an_account_that_comes_back_without_its_ledger_is_observed_until_the_user_says_otherwise() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    scene.deliver(&[text(&spam(1), 1), text(&spam(2), 2)]);
    well(&scene, "0/1", &["sweep"]);
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (0, 2));
    let script = scene.home.well(&["rebalance", "--from", "1", "--to", "8"]);
    move_ledgers(&scene, &script);
    // Where it was, the service starts again with more shards, and without this account.
    start_and_stop(&scene, "0/8");
    well(&scene, "5/8", &["sweep"]);
    // There, both are put back.
    scene.client.select(SPAM);
    scene.client.run("UID MOVE 1:* INBOX");
    well(&scene, "5/8", &["sweep"]);
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (2, 0));
    // Back to one shard, and the user has forgotten to move the ledger.
    pause(Duration::from_millis(1100));
    let said = well(&scene, "0/1", &["sweep", "--since", "9999d"]);
    assert!(said.contains("account home was in another shard"), "{said}");
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (2, 0), "{said}");
    pause(Duration::from_millis(1100));
    scene.deliver(&[text(&spam(3), 3)]);
    let said = well(&scene, "0/1", &["sweep", "--since", "9999d"]);
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (2, 1), "{said}");
    // With the ledger, it knows what was put back there.
    let script = scene.home.well(&["rebalance", "--from", "8", "--to", "1"]);
    move_ledgers(&scene, &script);
    well(&scene, "0/1", &["resume"]);
    let said = well(&scene, "0/1", &["sweep", "--since", "9999d"]);
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (2, 1), "{said}");
}

#[test]
fn a_shard_does_not_run_in_a_pod_of_a_deployment() {
    let Some(scene) = Scene::usual(ALL) else { return };
    let mut command = scene.home.command(&[], &["run", "--shard", "3/8"]);
    let output = command.env("KUBERNETES_SERVICE_HOST", "10.0.0.1").output().unwrap();
    let said = printed(&output);
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(
        said.contains("shard 3/8 runs only in the pod of a StatefulSet whose name ends in `-3`"),
        "{said}"
    );
    assert!(said.contains("a Deployment may run two pods at once"), "{said}");
}
