//! A password that a program prints: started without a shell, watched, and killed when its time is up.

use std::io::{self, ErrorKind, Read};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionbio};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use super::LoginFault;
use super::file::{LONGEST, password};
use super::offspring;

/// How long a program may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The first line that the program prints, which has to end well, within `patience` and before `stop` rings. What it prints as
/// errors is thrown away: nobody knows whether that bears the secret.
pub(super) fn first_line(
    words: &[String],
    patience: Duration,
    stop: BorrowedFd<'_>,
) -> Result<SecretString, LoginFault> {
    let (program, arguments) = words.split_first().ok_or_else(|| LoginFault::Unfit {
        source: "password-command".to_owned(),
        why: "it names no program",
    })?;
    let not_run = |cause| LoginFault::NotRun { program: program.clone(), cause };
    let deadline = Instant::now() + patience;
    let mut running = Running::start(program, arguments).map_err(not_run)?;
    let mut output = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    match running.listen(&mut output, deadline, stop).map_err(not_run)? {
        Heard::Ended(status) if status.success() => password(&output, || program.clone()),
        Heard::Ended(status) => Err(LoginFault::Failed { program: program.clone(), status }),
        Heard::TooMuch => {
            Err(LoginFault::Unfit { source: program.clone(), why: "it prints more than a password" })
        }
        Heard::Stopped => Err(LoginFault::Stopped { program: program.clone() }),
        Heard::TooLate => Err(LoginFault::TooSlow { program: program.clone(), given: patience }),
    }
}

enum Heard {
    Ended(ExitStatus),
    TooMuch,
    TooLate,
    Stopped,
}

/// A program that is killed, with all that it has started, unless it ends by itself.
struct Running {
    child: Child,
    stdout: ChildStdout,
    ended: OwnedFd,
    status: Option<ExitStatus>,
    mark: String,
}

/// Variables that systemd sets for this process alone: its line to systemd, its credentials, its sockets.
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

/// The program as it is to be started.
fn command(program: &str, arguments: &[String], mark: &str) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .env(offspring::MARK, mark)
        // A group of its own, so that a signal from a terminal to ours does not end it.
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
            ioctl_fionbio(&stdout, true)?;
            Ok::<_, io::Error>((stdout, pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?))
        })();
        match watched {
            Ok((stdout, ended)) => Ok(Self { child, stdout, ended, status: None, mark }),
            Err(cause) => {
                child.kill().and_then(|()| child.wait())?;
                Err(cause)
            }
        }
    }

    /// Reads until the program ends. Its end counts and not that of its output, which something that it has
    /// left running (an agent) may hold open.
    fn listen(
        &mut self,
        output: &mut Zeroizing<Vec<u8>>,
        deadline: Instant,
        stop: BorrowedFd<'_>,
    ) -> io::Result<Heard> {
        let mut open = true;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Heard::TooLate);
            }
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            // Last, so that it can be left out once it has ended: it would be heard for ever.
            let mut listened = [
                PollFd::new(&self.ended, PollFlags::IN),
                PollFd::from_borrowed_fd(stop, PollFlags::IN),
                PollFd::new(&self.stdout, PollFlags::IN),
            ];
            let listening = if open { 3 } else { 2 };
            let woken = poll(listened.get_mut(..listening).unwrap_or_default(), Some(&left));
            match woken {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(cause) => return Err(cause.into()),
            }
            let [end, waker, _] = &listened;
            if !waker.revents().is_empty() {
                return Ok(Heard::Stopped);
            }
            let ended = !end.revents().is_empty();
            // What it printed before its end is there by now.
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

    /// Reads what is there; `false` at the end of the output. Never more than `output` has room for, so that
    /// no copy of it is left behind elsewhere.
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
            // It has not been waited for, so that its number is still its own. First what it has started, as long as it is
            // its parent; then its group, where /proc cannot be read. If it is gone already, so much the better.
            let program = Pid::from_child(&self.child);
            offspring::kill(program, &self.mark);
            let _ = kill_process_group(program, Signal::KILL);
            let _ = self.child.wait();
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

    /// A waker that nobody rings.
    fn silence() -> OwnedFd {
        eventfd(0, EventfdFlags::CLOEXEC).unwrap()
    }

    #[test]
    fn a_stop_does_not_wait_for_the_program() {
        let begun = Instant::now();
        let waker = eventfd(1, EventfdFlags::CLOEXEC).unwrap();
        let words = ["sleep", "30"].map(str::to_owned);
        let fault = first_line(&words, LONG, waker.as_fd()).unwrap_err();
        assert!(matches!(fault, LoginFault::Stopped { .. }), "{fault}");
        assert!(begun.elapsed() < LONG / 2);
    }

    #[test]
    fn the_first_line_that_a_program_prints_is_the_password() {
        assert_eq!(run("printf 'hunter2\\nuser: ann\\n'", LONG).unwrap(), "hunter2");
        assert_eq!(run("printf hun; exec printf ter2", LONG).unwrap(), "hunter2");
        assert_eq!(run("cat; echo hunter2", LONG).unwrap(), "hunter2", "nothing can be asked");
    }

    #[test]
    fn no_shell_reads_the_arguments() {
        let words = ["printf", "%s", "$HOME; `id`"].map(str::to_owned);
        assert_eq!(first_line(&words, LONG, silence().as_fd()).unwrap().expose_secret(), "$HOME; `id`");
    }

    #[test]
    fn what_the_program_leaves_running_is_not_waited_for() {
        let begun = Instant::now();
        assert_eq!(run("sleep 30 & echo hunter2", LONG).unwrap(), "hunter2");
        assert!(begun.elapsed() < LONG);
    }

    #[test]
    fn a_program_is_killed_with_what_it_started_in_whatever_session() {
        let note = "echo $$ > \"$0\"; exec sleep 1000";
        for starts in [
            "sh -c '{note}' {child} &",
            "setsid sh -c '{note}' {child} &",
            // Its parents are gone by then.
            "(setsid setsid -f sh -c '{note}' {child} &);",
            "setsid env -i /bin/sh -c '{note}' {child} &",
        ] {
            let folder = tempfile::tempdir().unwrap();
            let child = folder.path().join("child");
            let starts = starts.replace("{note}", note).replace("{child}", &child.display().to_string());
            // It is killed for its endless output, once the child has noted its number.
            let script = format!("{starts} while ! [ -s {} ]; do :; done; yes", child.display());
            let fault = run(&script, LONG).unwrap_err();
            assert!(matches!(fault, LoginFault::Unfit { .. }), "{fault}");
            let number = std::fs::read_to_string(child).unwrap().trim().to_owned();
            let number = Pid::from_raw(number.parse().unwrap()).unwrap();
            if let Ok(child) = pidfd_open(number, PidfdFlags::empty()) {
                let soon = Timespec { tv_sec: 2, tv_nsec: 0 };
                let ended = poll(&mut [PollFd::new(&child, PollFlags::IN)], Some(&soon)).unwrap();
                if ended == 0 {
                    let _ = rustix::process::kill_process(number, Signal::KILL);
                }
                assert_eq!(ended, 1, "what it started still runs: {starts}");
            }
        }
    }

    #[test]
    fn a_program_that_does_not_end_is_killed() {
        let fault = run("echo hunter2; exec >&-; sleep 1000", Duration::from_millis(200)).unwrap_err();
        assert!(matches!(fault, LoginFault::TooSlow { .. }), "{fault}");
    }

    #[test]
    fn no_descriptor_of_this_process_is_handed_on() {
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
    fn what_systemd_gave_to_this_process_is_not_handed_on() {
        let command = command("true", &[], "mark");
        let removed: Vec<_> =
            command.get_envs().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
        for name in ["NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY", "WATCHDOG_USEC", "LISTEN_FDS"] {
            assert!(removed.contains(&std::ffi::OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn a_failure_says_how_it_ended_and_nothing_of_what_was_printed() {
        for (script, expected) in [
            ("echo hunter2; echo hunter2 >&2; exit 3", "it ended with exit status: 3"),
            ("yes hunter2", "it prints more than a password"),
            ("true", "its first line is empty"),
        ] {
            let fault = run(script, LONG).unwrap_err();
            assert!(fault.to_string().contains(expected), "{fault}");
            assert!(!format!("{fault} {fault:?}").contains("hunter2"), "{fault:?}");
        }
        let missing = first_line(&["/no/such/program".to_owned()], LONG, silence().as_fd()).unwrap_err();
        assert_eq!(missing.to_string(), "could not run /no/such/program for the password");
    }
}
