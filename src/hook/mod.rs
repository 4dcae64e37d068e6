//! Runs the user's programs that are told what happens (`[hooks]` in the settings): one at a time, on a thread of its own.
//!
//! Owns the queue, which is bounded: what does not fit is lost, and the caller says so. It never delays a sweep. What a program is
//! told is written by `report`, and when by `daemon`; this room knows neither.

use std::ffi::OsString;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

mod program;

pub use program::HookFault;

/// How many calls may wait.
const QUEUE: usize = 64;
/// How long a program may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A program to run once.
#[derive(Clone, Debug)]
pub struct Call {
    /// Which hook it is, for the log.
    pub hook: &'static str,
    /// The program and its arguments.
    pub words: Vec<String>,
    /// Its environment.
    pub environment: Vec<(OsString, OsString)>,
    /// What it reads from its standard input: one line.
    pub told: String,
}

/// The queue. When it is dropped, the program that runs is left to end by itself, and what waits is forgotten.
#[derive(Debug)]
pub struct Queue {
    calls: Option<SyncSender<Call>>,
}

impl Queue {
    /// Starts the thread. `failed` is called on it with each hook that failed, and why.
    pub fn start(failed: impl Fn(&'static str, &HookFault) + Send + 'static) -> Self {
        let (calls, queue) = sync_channel(QUEUE);
        let begun = thread::Builder::new().name("hooks".to_owned()).spawn(move || work(&queue, &failed));
        Self { calls: begun.is_ok().then_some(calls) }
    }

    /// Runs a program after those that wait. Returns whether there was room for it.
    pub fn call(&self, call: Call) -> bool {
        self.calls.as_ref().is_some_and(|calls| calls.try_send(call).is_ok())
    }
}

fn work(queue: &Receiver<Call>, failed: &dyn Fn(&'static str, &HookFault)) {
    while let Ok(call) = queue.recv() {
        if let Err(fault) = program::run(&call, PATIENCE) {
            failed(call.hook, &fault);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    fn call(script: &str) -> Call {
        let words = ["/bin/sh", "-c", script].map(str::to_owned).into();
        Call { hook: "on-trouble", words, environment: Vec::new(), told: "{}\n".to_owned() }
    }

    #[test]
    fn programs_run_one_after_the_other_and_what_does_not_fit_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let (sender, faults) = channel();
        let queue = Queue::start(move |hook, fault| sender.send(format!("{hook} {fault}")).unwrap());
        // It waits until this test lets it go on.
        let (gate, began, list) = (at("gate"), at("began"), at("list"));
        let first =
            format!(": > '{began}'; while ! [ -e '{gate}' ]; do sleep 0.01; done; echo first >> '{list}'");
        assert!(queue.call(call(&format!("PATH=/usr/bin:/bin; {first}"))));
        while !folder.path().join("began").exists() {
            thread::yield_now();
        }
        assert!((0..QUEUE).all(|_| queue.call(call(&format!("echo next >> '{list}'")))));
        assert!(!queue.call(call("true")));
        std::fs::write(&gate, "").unwrap();
        while !std::fs::read_to_string(&list).is_ok_and(|text| text.lines().count() > QUEUE) {
            thread::yield_now();
        }
        assert!(std::fs::read_to_string(&list).unwrap().starts_with("first\nnext\n"));
        assert!(queue.call(call("exit 3")));
        let fault = faults.recv().unwrap();
        assert_eq!(fault, "on-trouble /bin/sh ended with exit status: 3; run it by hand to see why");
    }
}
