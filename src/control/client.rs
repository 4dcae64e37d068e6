//! Asks the running service. Called by the commands.

use std::error::Error;
use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::encoding::{Answer, Request};
use super::{LONGEST_LINE, socket};

/// How long the service may take to say something. It gives up a server that is silent earlier.
const SILENCE: Duration = Duration::from_secs(10 * 60);

/// Why the service could not be asked.
#[derive(Debug)]
pub enum AskFault {
    /// No service of these settings has a socket where the command looks.
    NotRunning,
    /// The socket or the connection to it.
    Socket {
        /// The socket.
        file: PathBuf,
        /// What is wrong.
        cause: io::Error,
    },
    /// The service ended before it had said how the request ended.
    CutOff,
    /// The service has said nothing for too long.
    Silent,
    /// The service said something that this version does not understand.
    Unclear,
}

impl fmt::Display for AskFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning => f.write_str("the service is not running, or has no socket"),
            Self::Socket { file, .. } => write!(f, "could not ask the service at {}", file.display()),
            Self::CutOff => f.write_str(
                "the service no longer answers, and may not be done; `followsift history` says what it did",
            ),
            Self::Silent => write!(
                f,
                "the service has not answered for {} minutes, so this command gives up: what has not begun by now is not done, and \
                 `followsift history` says what was",
                SILENCE.as_secs() / 60
            ),
            Self::Unclear => f.write_str("the service is of another version; restart it"),
        }
    }
}

impl Error for AskFault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Socket { cause, .. } => Some(cause),
            Self::NotRunning | Self::CutOff | Self::Silent | Self::Unclear => None,
        }
    }
}

/// Asks the service that works with the ledger in the folder `state`, and hands over what it answers, to the last line. It is looked
/// for in these runtime folders, in this order.
///
/// # Errors
/// If there is none, or it does not answer to the end.
pub fn ask(
    runtimes: &[PathBuf],
    state: &Path,
    request: &Request,
    each: &mut dyn FnMut(Answer),
) -> Result<(), AskFault> {
    let (file, mut stream) = connect(runtimes, state)?;
    let broken = |cause| AskFault::Socket { file: file.clone(), cause };
    stream.set_read_timeout(Some(SILENCE)).map_err(broken)?;
    stream.set_write_timeout(Some(SILENCE)).map_err(broken)?;
    let mut line = serde_json::to_string(request).map_err(|_| AskFault::Unclear)?;
    line.push('\n');
    match stream.write_all(line.as_bytes()) {
        // A service that refuses a command says why without reading its request.
        Err(cause) if cause.kind() != io::ErrorKind::BrokenPipe => return Err(broken(cause)),
        _ => {}
    }
    let mut answers = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        let most = u64::try_from(LONGEST_LINE).unwrap_or(u64::MAX);
        match answers.by_ref().take(most).read_until(b'\n', &mut line) {
            // Half a line is what is left of an answer when the connection ends in it.
            Ok(count) if count < LONGEST_LINE && line.last() != Some(&b'\n') => return Err(AskFault::CutOff),
            Ok(_) => {}
            Err(cause) if cause.kind() == io::ErrorKind::ConnectionReset => return Err(AskFault::CutOff),
            Err(cause) if [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut].contains(&cause.kind()) => {
                return Err(AskFault::Silent);
            }
            Err(cause) => return Err(broken(cause)),
        }
        let answer: Answer = serde_json::from_slice(&line).map_err(|_| AskFault::Unclear)?;
        let is_last = answer.is_last();
        each(answer);
        if is_last {
            return Ok(());
        }
    }
}

fn connect(runtimes: &[PathBuf], state: &Path) -> Result<(PathBuf, UnixStream), AskFault> {
    let mut fault = AskFault::NotRunning;
    for (before, runtime) in runtimes.iter().enumerate() {
        let file = socket(runtime, state);
        match UnixStream::connect(&file) {
            Ok(stream) => return Ok((file, stream)),
            Err(cause)
                if [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused].contains(&cause.kind()) => {}
            // The machine's folder belongs to the machine's service, and says nothing about the user's own.
            Err(cause) if before > 0 && cause.kind() == io::ErrorKind::PermissionDenied => {}
            Err(cause) => fault = AskFault::Socket { file, cause },
        }
    }
    Err(fault)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;

    /// What a command makes of a service that says this and ends the connection.
    fn asked(says: &[u8]) -> Result<Vec<Answer>, AskFault> {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(socket(folder.path(), folder.path())).unwrap();
        thread::scope(|threads| {
            threads.spawn(|| {
                let (mut client, _) = listener.accept().unwrap();
                let mut request = [0; 1024];
                assert!(client.read(&mut request).unwrap() > 0);
                client.write_all(says).unwrap();
            });
            let mut answers = Vec::new();
            let runtimes = [folder.path().to_owned()];
            ask(&runtimes, folder.path(), &Request::Status {}, &mut |answer| answers.push(answer))?;
            Ok(answers)
        })
    }

    #[test]
    fn a_connection_that_ends_in_an_answer_is_cut_off_and_of_no_other_version() {
        let whole = b"{\"note\":\"one\"}\n{\"done\":false}\n";
        assert_eq!(asked(whole).unwrap(), [Answer::Note("one".into()), Answer::Done(false)]);
        for end in [0, 5, 15, 16, 20, whole.len() - 1] {
            let fault = asked(&whole[..end]).unwrap_err();
            assert!(matches!(fault, AskFault::CutOff), "{end}: {fault:?}");
        }
        assert!(matches!(asked(b"{\"later\":1}\n").unwrap_err(), AskFault::Unclear));
    }
}
