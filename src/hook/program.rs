//! Runs one program: without a shell, with nothing of our environment but what the settings name, with a time limit, killed with all
//! that it started. What it prints is dropped, since it may hold secrets of its own.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind, PipeWriter, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionbio};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::Call;
use crate::login::offspring;

/// Why a hook failed.
#[derive(Debug)]
pub enum HookFault {
    /// The program could not be run.
    NotRun {
        /// The program.
        program: String,
        /// Why.
        cause: io::Error,
    },
    /// It said that it failed.
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// It took too long, and was killed.
    TooSlow {
        /// The program.
        program: String,
        /// How long it had.
        given: Duration,
    },
}

impl fmt::Display for HookFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRun { program, .. } => write!(f, "could not run {program}"),
            Self::Failed { program, status } => {
                write!(f, "{program} ended with {status}; run it by hand to see why")
            }
            Self::TooSlow { program, given } => write!(f, "{program} did not finish within {given:?}"),
        }
    }
}

impl Error for HookFault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotRun { cause, .. } => Some(cause),
            Self::Failed { .. } | Self::TooSlow { .. } => None,
        }
    }
}

/// Runs the program to its end.
pub(super) fn run(call: &Call, patience: Duration) -> Result<(), HookFault> {
    let Some((program, arguments)) = call.words.split_first() else { return Ok(()) };
    let deadline = Instant::now() + patience;
    let ended = Running::start(program, arguments, call)
        .and_then(|mut running| running.feed(call.told.as_bytes(), deadline))
        .map_err(|cause| HookFault::NotRun { program: program.clone(), cause })?;
    match ended {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(HookFault::Failed { program: program.clone(), status }),
        None => Err(HookFault::TooSlow { program: program.clone(), given: patience }),
    }
}

/// A running program. Dropping it kills the program and all that it started, unless it has ended.
struct Running {
    child: Child,
    input: Option<PipeWriter>,
    mark: String,
    has_ended: bool,
}

impl Running {
    fn start(program: &str, arguments: &[String], call: &Call) -> io::Result<Self> {
        let mark = offspring::new_mark();
        let (reader, input) = io::pipe()?;
        ioctl_fionbio(&input, true)?;
        let child = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(call.environment.iter().map(|(name, value)| (name, value)))
            .env(offspring::MARK, &mark)
            .stdin(reader)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self { child, input: Some(input), mark, has_ended: false })
    }

    /// Writes what the program is told, as it reads, and waits until it ends; `None` when the time is up.
    fn feed(&mut self, mut told: &[u8], deadline: Instant) -> io::Result<Option<ExitStatus>> {
        let ended = pidfd_open(Pid::from_child(&self.child), PidfdFlags::empty())?;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            let mut watched = vec![PollFd::new(&ended, PollFlags::IN)];
            watched.extend(self.input.as_ref().map(|input| PollFd::new(input, PollFlags::OUT)));
            match poll(&mut watched, Some(&left)) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(cause) => return Err(cause.into()),
            }
            if watched.first().is_some_and(|it| !it.revents().is_empty()) {
                let status = self.child.wait()?;
                self.has_ended = true;
                return Ok(Some(status));
            }
            drop(watched);
            let Some(input) = &mut self.input else { continue };
            match input.write(told) {
                Ok(count) => told = told.get(count..).unwrap_or_default(),
                Err(cause) if [ErrorKind::WouldBlock, ErrorKind::Interrupted].contains(&cause.kind()) => {}
                // It wants no more; that is its own business.
                Err(_) => told = &[],
            }
            if told.is_empty() {
                self.input = None;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended {
            offspring::end(&mut self.child, &self.mark);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn call(script: &str, told: &str) -> Call {
        let words = ["/bin/sh", "-c", script].map(str::to_owned).into();
        let environment = vec![("PATH".into(), "/usr/bin:/bin".into())];
        Call { hook: "on-real", words, environment, told: told.to_owned() }
    }

    #[test]
    fn a_program_reads_the_whole_line_and_gets_no_other_environment() {
        let folder = tempfile::tempdir().unwrap();
        let (read, environment) = (folder.path().join("read"), folder.path().join("environment"));
        // More than a pipe holds, to a program that takes its time.
        let told = format!("{}\n", "x".repeat(300_000));
        let script = format!("sleep 0.1; cat > '{}'; env > '{}'", read.display(), environment.display());
        run(&call(&script, &told), LONG).unwrap();
        assert_eq!(std::fs::read_to_string(read).unwrap(), told);
        let environment = std::fs::read_to_string(environment).unwrap();
        let names: Vec<_> = environment.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
        // Cargo gives this process many more.
        let known = ["PATH", offspring::MARK, "PWD", "SHLVL", "_", "OLDPWD"];
        assert!(names.contains(&"PATH") && names.iter().all(|name| known.contains(name)), "{names:?}");
    }

    #[test]
    fn a_program_that_reads_nothing_and_closes_its_input_may_succeed() {
        let told = "x".repeat(300_000);
        run(&call("exec <&-; sleep 0.1", &told), LONG).unwrap();
        run(&call("true", &told), LONG).unwrap();
    }

    #[test]
    fn a_program_that_takes_too_long_is_killed_with_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let child = folder.path().join("child");
        let script = format!("setsid sh -c 'echo $$ > {}; exec sleep 1000' & wait", child.display());
        let begun = Instant::now();
        let fault = run(&call(&script, "{}\n"), Duration::from_secs(1)).unwrap_err();
        assert_eq!(fault.to_string(), "/bin/sh did not finish within 1s");
        assert!(begun.elapsed() < LONG);
        let number: i32 = std::fs::read_to_string(child).unwrap().trim().parse().unwrap();
        let stat = std::fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
        assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let words = vec!["/no/such/program".to_owned()];
        let fault = run(&Call { words, ..call("", "") }, LONG).unwrap_err();
        assert_eq!(fault.to_string(), "could not run /no/such/program");
    }
}
