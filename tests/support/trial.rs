//! Many cases of one kind: a seeded choice of them, tried some at a time.
//!
//! FOLLOWSIFT_FAULTS=all tries all of them, a number so many of each kind; FOLLOWSIFT_SEED chooses others.

use std::fmt::Debug;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use fastrand::Rng;

/// So many at the same time.
const WORKERS: usize = 4;

fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "it is the test's setting, not the program's")]
    std::env::var(name).ok()
}

/// The generator that FOLLOWSIFT_SEED chooses.
pub fn seeded() -> Rng {
    let seed = variable("FOLLOWSIFT_SEED").and_then(|seed| seed.parse().ok());
    Rng::with_seed(seed.unwrap_or(20_261_124))
}

/// The cases to try: all, or a choice.
pub fn choose<T>(mut cases: Vec<T>, usual: usize) -> Vec<T> {
    let most = match variable("FOLLOWSIFT_FAULTS").as_deref() {
        Some("all") => cases.len(),
        Some(number) => number.parse().unwrap(),
        None => usual,
    };
    seeded().shuffle(&mut cases);
    cases.truncate(most);
    cases
}

/// Tries each case, some at a time; fails with all that went wrong.
pub fn try_all<T: Debug + Sync>(
    name: &str,
    cases: &[T],
    one: impl Fn(usize, &T) -> Result<(), String> + Sync,
) {
    if let Err(what) = outcome(name, cases, one) {
        panic!("{what}");
    }
}

/// Tries each case, some at a time, and says what went wrong.
pub fn outcome<T: Debug + Sync>(
    name: &str,
    cases: &[T],
    one: impl Fn(usize, &T) -> Result<(), String> + Sync,
) -> Result<(), String> {
    let begin = Instant::now();
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(number) else { break };
                    if let Err(what) = one(number, case) {
                        wrong.lock().unwrap().push(format!("{case:?}\n{what}"));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    // Past the test runner, which would swallow it.
    let seconds = begin.elapsed().as_secs();
    let _ = writeln!(std::io::stderr(), "{name}: {} cases, {} wrong, {seconds} s", cases.len(), wrong.len());
    if wrong.is_empty() {
        return Ok(());
    }
    let shown = wrong[..wrong.len().min(5)].join("\n");
    Err(format!("{name}: {} of {} cases went wrong:\n{shown}", wrong.len(), cases.len()))
}
