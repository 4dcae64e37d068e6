//! What the costliest messages cost, on one core, against their size.
//!
//! `cargo bench --bench cost` fills every fixture under `tests/corpus/` with what templates, selectors and links have to look
//! at in vain, at 1 KB to 256 KB, and fails where a message costs more than 1 ms for each of its KB or 0.3 s in all, or where
//! one of 256 KB takes more than eight times as long as one of 64 KB. It prints the slowest of each filling, what a byte that is
//! looked at takes, how long the worst inputs take that fuzzing found (`tests/fuzz/worst/`), and how much of its allowance a
//! genuine message needs (those of the folders that `FOLLOWSIFT_CORPUS` names too). Run as a test, it does one short round and
//! looks at no clock.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot set itself up has to stop, and it prints"
)]
#![expect(clippy::disallowed_methods, reason = "a benchmark asks for its own environment")]

#[path = "../tests/support/costly.rs"]
mod costly;

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Duration;

use costly::{fillings, message, openings, subjects};
use followsift::clock::Timestamp;
use followsift::diagnostic::document::Findings;
use followsift::mail::{Cost, Message, Profiles, Recognition, Trust};

/// The sizes that are measured, in bytes.
const SIZES: [usize; 5] = [1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10];
/// At most so long for each KB.
const MOST_PER_KB: Duration = Duration::from_millis(1);
/// At most so long for any message.
const MOST: Duration = Duration::from_millis(300);
/// At most so many times as long where a message is four times as long.
const MOST_TIMES: f64 = 8.0;

fn main() {
    let measured = std::env::args().any(|argument| argument == "--bench");
    let profiles = Profiles::compile(&Profiles::shipped_sources(), &Findings::default());
    let all = openings();
    genuine(&profiles, &all);
    if !measured {
        return;
    }
    let mut wrong = Vec::new();
    for filling in fillings() {
        // The costliest fixture at one size stands for the others at all sizes.
        let worst = all.iter().max_by_key(|opening| read(&profiles, &message(opening, &filling, 64 << 10)).0);
        let worst = worst.unwrap();
        let times = SIZES.map(|size| {
            let mail = message(worst, &filling, size);
            let (time, cost, recognition) =
                (0..5).map(|_| read(&profiles, &mail)).min_by_key(|it| it.0).unwrap();
            let kilobytes = (mail.len() as f64 / 1024.0).max(1.0);
            if time.as_secs_f64() > MOST_PER_KB.as_secs_f64() * kilobytes || time > MOST {
                wrong.push(format!("{}: {time:?} for {kilobytes:.0} KB", filling.name));
            }
            (time, cost, recognition)
        });
        let slope = times[4].0.as_secs_f64() / times[3].0.as_secs_f64();
        let took =
            times.iter().map(|(time, ..)| format!("{:8.2}", time.as_secs_f64() * 1e3)).collect::<String>();
        let (_, cost, recognition) = &times[4];
        let left = if *recognition == Recognition::TooCostly { "left" } else { "" };
        println!(
            "{:32}{took} ms, 64 to 256 KB {slope:4.1} times, {:5.2} ns a look, {:3.0} % {left:4} ({})",
            filling.name,
            times[4].0.as_secs_f64() * 1e9 / cost.spent.max(1) as f64,
            cost.spent as f64 / cost.allowed as f64 * 100.0,
            worst.name,
        );
        if slope > MOST_TIMES && times[4].0 > Duration::from_millis(20) {
            wrong.push(format!("{}: {slope:.1} times as long for four times the size", filling.name));
        }
    }
    let (name, time) = subjects(&all)
        .into_iter()
        .map(|(name, mail)| (name, (0..2).map(|_| both(&profiles, &mail)).min().unwrap()))
        .max_by_key(|(_, time)| *time)
        .unwrap();
    println!("the costliest subject: {time:?} ({name})");
    if time > 2 * MOST_PER_KB {
        wrong.push(format!("the subject {name}: {time:?}"));
    }
    for file in files_in(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/worst")) {
        let mail = fs::read(&file).unwrap();
        let time = (0..5).map(|_| read(&profiles, &mail).0).min().unwrap();
        let kilobytes = (mail.len() as f64 / 1024.0).max(1.0);
        println!("{}: {time:?} for {kilobytes:.1} KB", file.display());
        if time.as_secs_f64() > MOST_PER_KB.as_secs_f64() * kilobytes {
            wrong.push(format!("{}: {time:?} for {kilobytes:.1} KB", file.display()));
        }
    }
    assert!(wrong.is_empty(), "too slow:\n{}", wrong.join("\n"));
}

/// Stage one and stage two.
fn both(profiles: &Profiles, mail: &[u8]) -> Duration {
    let start = cpu();
    black_box(profiles.plausible(mail));
    let _ = read(profiles, mail);
    cpu() - start
}

fn read(profiles: &Profiles, mail: &[u8]) -> (Duration, Cost, Recognition) {
    let start = cpu();
    let message = Message::parse(mail).unwrap();
    let (recognition, cost) = profiles.recognise_counting(&message, &Trust::default(), Timestamp(0));
    (cpu() - start, cost, black_box(recognition))
}

/// What this thread has worked so far: on a busy machine the clock on the wall tells something else.
fn cpu() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(now).unwrap()
}

/// The messages of a folder.
fn files_in(folder: PathBuf) -> impl Iterator<Item = PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|file| file.extension().is_some_and(|extension| extension == "eml"))
}

/// How much of its allowance the costliest genuine message needs.
fn genuine(profiles: &Profiles, all: &[costly::Opening]) {
    let nothing = fillings().into_iter().next().unwrap();
    let own = all.iter().map(|opening| (opening.name.clone(), message(opening, &nothing, 0)));
    let named = std::env::var_os("FOLLOWSIFT_CORPUS").unwrap_or_default();
    let folders = std::env::split_paths(&named).filter(|folder| !folder.as_os_str().is_empty());
    let files = folders.flat_map(files_in);
    let further = files.map(|file| (file.display().to_string(), fs::read(&file).unwrap()));
    let all = own.chain(further).map(|(name, mail)| {
        let (_, cost, recognition) = read(profiles, &mail);
        assert_ne!(recognition, Recognition::TooCostly, "{name}");
        (cost.spent * 1_000 / cost.allowed, cost.spent / mail.len() as u64, name)
    });
    let (share, looks, name) = all.max().unwrap();
    println!(
        "a genuine message needs at most {:.1} % of its allowance, {looks} looks a byte ({name})",
        share as f64 / 10.0
    );
}
