//! Runs a program that prints a password: without a shell, with a time limit, killed with all that it started.

use std::io::{self, ErrorKind, Read};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionbio};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use super::LoginFault;
use super::complaint::Complaint;
use super::file::{LONGEST, password};
use super::offspring;

/// How long a program may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The first line that the program prints. The program must exit successfully, within `patience` and before `stop` becomes
/// readable. A fault cites the last line of its standard error, unless it printed anything to its standard output.
pub(super) fn first_line(
    words: &[String],
    patience: Duration,
    stop: BorrowedFd<'_>,
) -> Result<SecretString, LoginFault> {
    let (program, arguments) = words.split_first().ok_or_else(|| LoginFault::Unfit {
        source: "password-command".to_owned(),
        why: "it names no program",
        said: None,
    })?;
    let not_run = |cause| LoginFault::NotRun { program: program.clone(), cause };
    let deadline = Instant::now() + patience;
    let mut running = Running::start(program, arguments).map_err(not_run)?;
    let mut output = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    let heard = running.listen(&mut output, deadline, stop).map_err(not_run)?;
    let program = program.clone();
    let said = || running.complaint.cited(&output);
    match heard {
        Heard::Ended(status) if status.success() => {
            password(&output).map_err(|why| LoginFault::Unfit { source: program, why, said: said() })
        }
        Heard::Ended(status) => Err(LoginFault::Failed { program, status, said: said() }),
        Heard::TooMuch => {
            Err(LoginFault::Unfit { source: program, why: "it prints more than a password", said: None })
        }
        Heard::Stopped => Err(LoginFault::Stopped { program }),
        Heard::TooLate => Err(LoginFault::TooSlow { program, given: patience, said: said() }),
    }
}

enum Heard {
    Ended(ExitStatus),
    TooMuch,
    TooLate,
    Stopped,
}

/// A running program. Dropping it kills the program and all that it started, unless it has ended.
struct Running {
    child: Child,
    stdout: ChildStdout,
    stderr: ChildStderr,
    complaint: Complaint,
    ended: OwnedFd,
    status: Option<ExitStatus>,
    mark: String,
}

/// Variables that systemd sets for this process alone: its notification socket, its credentials, its sockets.
const OURS: [&str; 9] = [
    "NOTIFY_SOCKET",
    "CREDENTIALS_DIRECTORY",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "LISTEN_PID",
    "LISTEN_PIDFDID",
    "FDSTORE",
];

/// The command that starts the program.
fn command(program: &str, arguments: &[String], mark: &str) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .env(offspring::MARK, mark)
        // Its own process group, so that a signal from the terminal to ours does not reach it.
        .process_group(0);
    OURS.iter().for_each(|name| {
        command.env_remove(name);
    });
    command
}

impl Running {
    fn start(program: &str, arguments: &[String]) -> io::Result<Self> {
        let mark = offspring::new_mark();
        let mut child = command(program, arguments, &mark).spawn()?;
        let watched = (|| {
            let stdout = child.stdout.take().ok_or(ErrorKind::BrokenPipe)?;
            let stderr = child.stderr.take().ok_or(ErrorKind::BrokenPipe)?;
            ioctl_fionbio(&stdout, true)?;
            ioctl_fionbio(&stderr, true)?;
            Ok::<_, io::Error>((stdout, stderr, pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?))
        })();
        match watched {
            Ok((stdout, stderr, ended)) => {
                let complaint = Complaint::default();
                Ok(Self { child, stdout, stderr, complaint, ended, status: None, mark })
            }
            Err(cause) => {
                child.kill().and_then(|()| child.wait())?;
                Err(cause)
            }
        }
    }

    /// Reads until the program ends; not until its output does, since a process that it left running (an agent) may hold
    /// the output open.
    fn listen(
        &mut self,
        output: &mut Zeroizing<Vec<u8>>,
        deadline: Instant,
        stop: BorrowedFd<'_>,
    ) -> io::Result<Heard> {
        let (mut open, mut complains) = (true, true);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Heard::TooLate);
            }
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            let mut listened =
                vec![PollFd::new(&self.ended, PollFlags::IN), PollFd::from_borrowed_fd(stop, PollFlags::IN)];
            // Not once they are closed: poll would return at once for ever.
            listened.extend(open.then(|| PollFd::new(&self.stdout, PollFlags::IN)));
            listened.extend(complains.then(|| PollFd::new(&self.stderr, PollFlags::IN)));
            let woken = poll(&mut listened, Some(&left));
            match woken {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(cause) => return Err(cause.into()),
            }
            let is_ready =
                |at: usize| listened.get(at).is_some_and(|it: &PollFd<'_>| !it.revents().is_empty());
            let (ended, stopped) = (is_ready(0), is_ready(1));
            drop(listened);
            if stopped {
                return Ok(Heard::Stopped);
            }
            // All that it printed before it ended can be read by now.
            // The complaint first, so that whatever it may repeat is in the output.
            complains = complains && self.complaint.read(&mut self.stderr)?;
            open = open && self.drain(output)?;
            if output.len() > LONGEST {
                return Ok(Heard::TooMuch);
            }
            if ended {
                let status = self.child.wait()?;
                self.status = Some(status);
                return Ok(Heard::Ended(status));
            }
        }
    }

    /// Reads what is available; `false` at the end of the output. Never reads more than `output` has room for, so that
    /// it is not reallocated and leaves no copy behind.
    fn drain(&mut self, output: &mut Zeroizing<Vec<u8>>) -> io::Result<bool> {
        let mut piece = Zeroizing::new([0; 4096]);
        while output.len() <= LONGEST {
            let room = (LONGEST + 1 - output.len()).min(piece.len());
            match self.stdout.read(piece.get_mut(..room).unwrap_or_default()) {
                Ok(0) => return Ok(false),
                Ok(length) => output.extend_from_slice(piece.get(..length).unwrap_or_default()),
                Err(cause) if cause.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(cause) if cause.kind() == ErrorKind::Interrupted => {}
                Err(cause) => return Err(cause),
            }
        }
        Ok(true)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.status.is_none() {
            offspring::end(&mut self.child, &self.mark);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{EventfdFlags, eventfd};
    use secrecy::ExposeSecret;
    use std::os::fd::{AsFd, AsRawFd};

    fn run(script: &str, patience: Duration) -> Result<String, LoginFault> {
        let words = ["sh", "-c", script].map(str::to_owned);
        first_line(&words, patience, silence().as_fd()).map(|secret| secret.expose_secret().to_owned())
    }

    const LONG: Duration = Duration::from_secs(20);

    /// A stop that never comes.
    fn silence() -> OwnedFd {
        eventfd(0, EventfdFlags::CLOEXEC).unwrap()
    }

    #[test]
    fn a_stop_does_not_wait_for_the_program() {
        let begun = Instant::now();
        let stop = eventfd(1, EventfdFlags::CLOEXEC).unwrap();
        let words = ["sleep", "30"].map(str::to_owned);
        let fault = first_line(&words, LONG, stop.as_fd()).unwrap_err();
        assert!(matches!(fault, LoginFault::Stopped { .. }), "{fault}");
        assert!(begun.elapsed() < LONG / 2);
    }

    #[test]
    fn the_first_line_that_a_program_prints_is_the_password() {
        assert_eq!(run("printf 'hunter2\\nuser: ann\\n'", LONG).unwrap(), "hunter2");
        assert_eq!(run("printf hun; exec printf ter2", LONG).unwrap(), "hunter2");
        assert_eq!(run("cat; echo hunter2", LONG).unwrap(), "hunter2", "stdin is empty");
    }

    #[test]
    fn no_shell_reads_the_arguments() {
        let words = ["printf", "%s", "$HOME; `id`"].map(str::to_owned);
        assert_eq!(first_line(&words, LONG, silence().as_fd()).unwrap().expose_secret(), "$HOME; `id`");
    }

    #[test]
    fn a_process_that_the_program_leaves_running_is_not_waited_for() {
        let begun = Instant::now();
        assert_eq!(run("sleep 30 & echo hunter2", LONG).unwrap(), "hunter2");
        assert!(begun.elapsed() < LONG);
    }

    #[test]
    fn a_program_is_killed_with_all_that_it_started_in_any_session() {
        let note = "echo $$ > \"$0\"; exec sleep 1000";
        for starts in [
            "sh -c '{note}' {child} &",
            "setsid sh -c '{note}' {child} &",
            // Its parents have ended by then.
            "(setsid setsid -f sh -c '{note}' {child} &);",
            "setsid env -i /bin/sh -c '{note}' {child} &",
        ] {
            let folder = tempfile::tempdir().unwrap();
            let child = folder.path().join("child");
            let starts = starts.replace("{note}", note).replace("{child}", &child.display().to_string());
            // It is killed for its endless output, once the child has written its process ID.
            let script = format!("{starts} while ! [ -s {} ]; do :; done; yes", child.display());
            let fault = run(&script, LONG).unwrap_err();
            assert!(matches!(fault, LoginFault::Unfit { .. }), "{fault}");
            let number = std::fs::read_to_string(child).unwrap().trim().to_owned();
            let number = Pid::from_raw(number.parse().unwrap()).unwrap();
            if let Ok(child) = pidfd_open(number, PidfdFlags::empty()) {
                let soon = Timespec { tv_sec: 2, tv_nsec: 0 };
                let ended = poll(&mut [PollFd::new(&child, PollFlags::IN)], Some(&soon)).unwrap();
                if ended == 0 {
                    let _ = rustix::process::kill_process(number, rustix::process::Signal::KILL);
                }
                assert_eq!(ended, 1, "a process that it started still runs: {starts}");
            }
        }
    }

    #[test]
    fn a_program_that_does_not_end_is_killed() {
        let fault = run("echo hunter2; exec >&-; sleep 1000", Duration::from_millis(200)).unwrap_err();
        assert!(matches!(fault, LoginFault::TooSlow { .. }), "{fault}");
    }

    #[test]
    fn the_program_inherits_no_descriptor_of_this_process() {
        use std::os::unix::fs::MetadataExt as _;
        let folder = tempfile::tempdir().unwrap();
        let _ledger = std::fs::File::create(folder.path().join("ledger")).unwrap();
        let (socket, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        let number = std::fs::metadata(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap().ino();
        let theirs = run("ls -l /proc/self/fd | tr '\\n' ' '", LONG).unwrap();
        assert!(theirs.contains("/dev/null"), "{theirs}");
        assert!(!theirs.contains("/ledger") && !theirs.contains(&format!("socket:[{number}]")), "{theirs}");
    }

    #[test]
    fn the_program_does_not_inherit_the_variables_of_systemd() {
        let command = command("true", &[], "mark");
        let removed: Vec<_> =
            command.get_envs().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
        for name in ["NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY", "WATCHDOG_USEC", "LISTEN_FDS"] {
            assert!(removed.contains(&std::ffi::OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn a_failure_says_how_the_program_ended_and_the_last_line_of_its_standard_error() {
        for (script, expected) in [
            (
                "echo asking >&2; printf 'gpg: no \\033[31msecret\\tkey\\n\\n' >&2; exit 2",
                "could not get the password from sh: it ended with exit status: 2 and said: gpg: no [31msecret key",
            ),
            (
                "exit 3",
                "could not get the password from sh: it ended with exit status: 3; run it by hand to see why",
            ),
            (
                "echo locked >&2",
                "could not use the password from sh: its first line is empty; it said: locked",
            ),
            ("true", "could not use the password from sh: its first line is empty"),
            ("yes hunter2", "could not use the password from sh: it prints more than a password"),
        ] {
            assert_eq!(run(script, LONG).unwrap_err().to_string(), expected);
        }
        let fault = run("echo unlock the key >&2; sleep 1000", Duration::from_millis(300)).unwrap_err();
        assert_eq!(
            fault.to_string(),
            "could not get the password from sh: it did not finish within 300ms; it must not prompt; it said: unlock the \
             key"
        );
        let missing = first_line(&["/no/such/program".to_owned()], LONG, silence().as_fd()).unwrap_err();
        assert_eq!(missing.to_string(), "could not run /no/such/program to get the password");
    }

    #[test]
    fn what_a_program_printed_is_never_cited_from_its_standard_error() {
        for script in [
            "echo hunter2; echo hunter2 >&2; exit 3",
            "echo hunter2; echo 'wrong: Hunter2!' >&2; exit 3",
            "printf 'abc\\n'; echo abc >&2; exit 3",
            "printf 'user: ann\\nhunter2 hunter3\\n'; echo got hunter3 >&2; exit 3",
            // The line is longer than what is kept of it.
            "echo hunter2; { printf hunter2; head -c 9000 /dev/zero | tr '\\0' x; } >&2; exit 3",
            "echo hunter2; { head -c 4093 /dev/zero | tr '\\0' x; printf hunter2; } >&2; exit 3",
            // A part of it, or another encoding.
            "echo hunter2; echo 'wrong: hunt...' >&2; exit 3",
            "echo hunter2; echo aHVudGVyMg== >&2; exit 3",
            "echo hunter2; echo 68756e74657232 >&2; exit 3",
            "echo hunter2; echo h u n t e r 2 >&2; exit 3",
            "echo hunter2; echo 2retnuh >&2; exit 3",
            "echo abc; echo nothing of it >&2; exit 3",
            // What is left out of a citation stands in the middle of it.
            "echo hunter2; printf 'hun\\033ter\\0012 hunter\\0012' >&2; exit 3",
            "{ printf hun; head -c 4094 /dev/zero | tr '\\0' x; } >&2; exit 3",
        ] {
            let fault = run(script, LONG).unwrap_err();
            assert_eq!(
                fault.to_string(),
                "could not get the password from sh: it ended with exit status: 3; run it by hand to see why",
                "{script}"
            );
            assert!(!format!("{fault:?}").to_lowercase().contains("hunter"), "{fault:?}");
        }
        // A program that never stops complaining is ended at its time, and costs no memory.
        let fault = run("yes complaint >&2", Duration::from_millis(300)).unwrap_err();
        assert!(matches!(fault, LoginFault::TooSlow { .. }), "{fault}");
    }
}
