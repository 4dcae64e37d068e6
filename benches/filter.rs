//! What `followsift filter` takes for one message, as a whole process, beside the start of a process that does nothing.
//!
//! `cargo bench --bench filter` takes every fixture under `tests/corpus/`, and an ordinary message, and fails where the median of
//! either is 5 ms or more beyond that of a start which only prints the version: what it takes to load a program with OpenSSL depends on
//! the machine alone, and most on what a page fault costs there. Run as a test, it does one short round and looks at no clock.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot set itself up has to stop, and it prints"
)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// At most so long for a message, without the start.
const MOST: Duration = Duration::from_millis(5);

fn main() {
    let measured = std::env::args().any(|argument| argument == "--bench");
    let fixtures = fixtures();
    let folder = tempfile::tempdir().unwrap();
    let ordinary = folder.path().join("ordinary.eml");
    let text =
        "From: Jo <jo@bloom.example>\r\nTo: kim@home.example\r\nSubject: Lunch?\r\n\r\nOne o'clock?\r\n";
    fs::write(&ordinary, text).unwrap();
    let followsift = env!("CARGO_BIN_EXE_followsift");
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/config/rules.toml");
    let judging = ["filter", "--rules", rules, "--authserv-id", "mx.example.org"];
    let count = if measured { fixtures.len() } else { 3 };
    let times = |program: &str, arguments: &[&str], message: &dyn Fn(usize) -> PathBuf| {
        let mut times: Vec<Duration> =
            (0..count).map(|round| run(program, arguments, &message(round), folder.path())).collect();
        times.sort_unstable();
        (times.get(count / 2).copied().unwrap(), times.last().copied().unwrap())
    };
    let of_corpus = |round: usize| fixtures.get(round).unwrap().clone();
    let start = times(followsift, &["--version"], &|_| ordinary.clone());
    let runs = [
        ("a process that does nothing (true)", times("true", &[], &|_| ordinary.clone())),
        ("followsift --version", start),
        ("filter, an ordinary message", times(followsift, &judging, &|_| ordinary.clone())),
        ("filter, a message of tests/corpus", times(followsift, &judging, &of_corpus)),
    ];
    if !measured {
        return;
    }
    for (what, (median, longest)) in runs {
        let more = median.saturating_sub(start.0);
        println!("{what}: {median:.2?}, at most {longest:.2?}; {more:.2?} beyond the start");
        assert!(more < MOST, "{what} is too slow");
    }
}

/// From the start of the process to its end.
fn run(program: &str, arguments: &[&str], message: &Path, home: &Path) -> Duration {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin");
    command.stdin(File::open(message).unwrap()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let ended = command.status().unwrap();
    let time = start.elapsed();
    assert!(ended.success(), "{}: {ended}", message.display());
    time
}

fn fixtures() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.extension() {
                _ if entry.is_dir() => folders.push(entry),
                Some(extension) if extension == "eml" => files.push(entry),
                _ => {}
            }
        }
    }
    files.sort();
    files
}
