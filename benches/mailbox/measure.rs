//! What one run of a program costs, and how the table shows it. The kernel counts a process's time in hundredths of a second.

use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// The first lines of the table.
pub(crate) const HEAD: &str = "\
| what | program | wall | idle turns | received | CPU | peak memory |
| --- | --- | ---: | ---: | ---: | ---: | ---: |";

/// The costs of a run; what was not measured is zero.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// Seconds from start to end.
    pub(crate) wall: f64,
    /// How often the line was idle while the client waited.
    pub(crate) turns: f64,
    /// Bytes.
    pub(crate) received: f64,
    /// Seconds of work.
    pub(crate) cpu: f64,
    /// Bytes at most in memory.
    pub(crate) memory: f64,
}

impl Cost {
    fn columns(&self) -> [f64; 5] {
        [self.wall, self.turns, self.received, self.cpu, self.memory]
    }

    /// The median of each column.
    pub(crate) fn median(costs: Vec<Self>) -> Self {
        let middle = |column: usize| {
            let mut all: Vec<f64> = costs.iter().map(|cost| cost.columns()[column]).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        Self { wall: middle(0), turns: middle(1), received: middle(2), cpu: middle(3), memory: middle(4) }
    }

    /// A row of the table; after each value how many times that of `floor` it is.
    pub(crate) fn row(&self, what: &str, program: &str, floor: Option<&Self>) -> String {
        let shown = [
            format!("{:.3} s", self.wall),
            format!("{}", self.turns),
            if self.received < 1e5 {
                format!("{} B", self.received)
            } else {
                format!("{:.2} MB", self.received / 1e6)
            },
            format!("{:.2} s", self.cpu),
            format!("{:.1} MB", self.memory / 1e6),
        ];
        let floor = floor.map(Self::columns).unwrap_or_default();
        let cells = shown.into_iter().zip(self.columns()).zip(floor).map(|((shown, value), floor)| {
            if value == 0.0 {
                "–".to_owned()
            } else if floor == 0.0 {
                shown
            } else {
                format!("{shown} (×{:.2})", value / floor)
            }
        });
        format!("| {what} | {program} | {} |", cells.collect::<Vec<_>>().join(" | "))
    }
}

/// Runs a program to its end, which has to be a good one.
pub(crate) fn measured(mut command: Command) -> Cost {
    let begun = Instant::now();
    let mut child = command.stderr(Stdio::inherit()).spawn().unwrap();
    let process = child.id();
    let (over, is_over) = channel::<()>();
    // The peak is forgotten when the process ends, so that it is looked at until then. (What `wait4` reports instead is at
    // least the peak of the process that started it.)
    let peak = std::thread::spawn(move || {
        let mut peak = 0.0;
        loop {
            peak = high_water(process).unwrap_or(peak);
            if is_over.recv_timeout(Duration::from_millis(3)) != Err(RecvTimeoutError::Timeout) {
                return peak;
            }
        }
    });
    waitid(WaitId::Pid(Pid::from_child(&child)), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
    let wall = begun.elapsed().as_secs_f64();
    let cpu = worked(process).unwrap();
    let status = child.wait().unwrap();
    drop(over);
    assert!(status.success(), "{command:?}: {status}");
    Cost { wall, cpu, memory: peak.join().unwrap(), ..Cost::default() }
}

/// The most memory that a living process has had, in bytes.
fn high_water(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let kilobytes = status.split_once("VmHWM:")?.1.split_whitespace().next()?;
    Some(kilobytes.parse::<f64>().ok()? * 1024.0)
}

/// How long a process has worked, in seconds, in its own code and in the kernel's; also after it has ended.
fn worked(process: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Its name, in parentheses, may hold anything; the fields after it are counted from the third.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<f64>().ok();
    Some((next()? + next()?) / 100.0)
}
