//! Finds out what `followsift --version` names: the commit and the target. Cargo tells a crate neither.
//!
//! FOLLOWSIFT_COMMIT in the environment sets the commit. Else it is that of the git repository of this folder, or of the crate that
//! Cargo packaged, for release builds alone: a build for tests would be made anew after each commit. The same sources, commit and
//! variable make the same binary.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

fn main() {
    let is_release = env_of("PROFILE").as_deref() == Some("release");
    let commit = env_of("FOLLOWSIFT_COMMIT").or_else(|| if is_release { of_sources() } else { None });
    let commit = commit.unwrap_or_else(|| {
        if is_release { "unknown (built without git)" } else { "unknown (not a release build)" }.to_owned()
    });
    println!("cargo::rustc-env=FOLLOWSIFT_COMMIT={commit}");
    println!("cargo::rustc-env=FOLLOWSIFT_TARGET={}", env_of("TARGET").unwrap_or_default());
    println!("cargo::rerun-if-env-changed=FOLLOWSIFT_COMMIT");
    // What the binary is made of, since a change that is not committed is told; and where git notes each commit and checkout.
    for path in ["src", "config", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={path}");
    }
    if is_release
        && let Some(log) =
            git(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|log| Path::new(log).exists())
    {
        println!("cargo::rerun-if-changed={log}");
    }
}

#[expect(clippy::disallowed_methods, reason = "these are Cargo's variables, not the program's")]
fn env_of(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty() && !value.contains(['\n', '\r']))
}

/// The commit of these sources.
fn of_sources() -> Option<String> {
    if let Ok(info) = fs::read_to_string(".cargo_vcs_info.json") {
        // {"git": {"sha1": "..."}, ...}
        let (_, rest) = info.split_once("\"sha1\"")?;
        return rest.split('"').nth(1).map(str::to_owned);
    }
    // A repository around an unpacked archive is another one.
    let top = fs::canonicalize(git(&["rev-parse", "--show-toplevel"])?).ok()?;
    if top != fs::canonicalize(".").ok()? {
        return None;
    }
    let commit = git(&["rev-parse", "HEAD"])?;
    let changed = !git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    Some(if changed { format!("{commit}, with changes") } else { commit })
}

/// What git prints, if it succeeds.
fn git(arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
