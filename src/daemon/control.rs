//! The socket on which commands ask the service: accepts connections, reads one request from each, and writes the answers.
//!
//! On threads of its own, few and bounded in time, so that no client delays the runtime. The service's user and group may open the
//! socket. Decides nothing: requests go to `service`.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;
use tracing::{debug, warn};

use super::caller::Caller;
use crate::control::{Answer, LONGEST_LINE, Request, socket};
use crate::report::state;

/// So many clients are served at once; further ones are sent away.
const CLIENTS: usize = 4;
/// How long a client may take to send its request, and to take each answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A request, and the command that sent it.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) request: Request,
    pub(super) caller: Caller,
}

/// The socket; its file is removed when it is dropped.
#[derive(Debug)]
pub(super) struct Control {
    file: PathBuf,
}

impl Control {
    /// Listens in the runtime folder for the service that works with the ledger in `state`. Without a socket, the service works all
    /// the same.
    pub(super) fn listen(runtime: Option<&Path>, state: &Path, calls: UnboundedSender<Call>) -> Option<Self> {
        let Some(runtime) = runtime else {
            debug!("no runtime folder, so commands cannot ask the service");
            return None;
        };
        let file = socket(runtime, state);
        match bind(runtime, &file).and_then(|listener| serve(listener, calls)) {
            Ok(()) => Some(Self { file }),
            Err(cause) => {
                warn!(%cause, "commands cannot ask the service: could not listen at {}: {cause}", file.display());
                None
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.file);
    }
}

fn bind(runtime: &Path, file: &Path) -> io::Result<UnixListener> {
    DirBuilder::new().recursive(true).mode(0o750).create(runtime)?;
    if UnixStream::connect(file).is_ok() {
        return Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            "another service with the same state listens there",
        ));
    }
    // Left behind by a service that was killed.
    match fs::remove_file(file) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
        _ => {}
    }
    let listener = UnixListener::bind(file)?;
    fs::set_permissions(file, Permissions::from_mode(0o660))?;
    Ok(listener)
}

fn serve(listener: UnixListener, calls: UnboundedSender<Call>) -> io::Result<()> {
    let present = Arc::new(());
    let accept = move || {
        for client in listener.incoming() {
            let client = match client {
                Ok(client) => client,
                // Without a descriptor left, the next one may be served again.
                Err(cause) => {
                    warn!(%cause, "a command could not reach the service");
                    thread::park_timeout(PATIENCE);
                    continue;
                }
            };
            if Arc::strong_count(&present) > CLIENTS {
                let _ =
                    write(&client, &Answer::Refused("too many commands ask the service at once".to_owned()));
                continue;
            }
            let (calls, present) = (calls.clone(), Arc::clone(&present));
            let begun = thread::Builder::new().name("client".to_owned()).spawn(move || {
                let _present = present;
                attend(client, &calls);
            });
            if begun.is_err() {
                debug!("no thread for a client");
            }
        }
    };
    thread::Builder::new().name("control".to_owned()).spawn(accept).map(drop)
}

/// Serves one client to its end.
fn attend(client: UnixStream, calls: &UnboundedSender<Call>) {
    let client = Arc::new(client);
    let request = match read(&client) {
        Ok(Some(request)) => request,
        Ok(None) => {
            let _ =
                write(&client, &Answer::Refused("the service does not understand the request".to_owned()));
            return;
        }
        Err(cause) => {
            debug!(%cause, "a client sent no request");
            return;
        }
    };
    let (caller, queue) = Caller::new(&client);
    if calls.send(Call { request, caller }).is_err() {
        return;
    }
    for answer in queue {
        if let Err(cause) = write(&client, &answer) {
            debug!(%cause, "a client has gone");
            return;
        }
        if answer.is_last() {
            return;
        }
    }
    // There is nobody left to answer, or the client was too slow for that.
    let _ = write(&client, &Answer::Refused(state::CUT_SHORT.to_owned()));
}

/// The request; `None` if it is not one.
fn read(mut client: &UnixStream) -> io::Result<Option<Request>> {
    let until = Instant::now() + PATIENCE;
    let mut line = Vec::new();
    let mut part = [0; 4096];
    while !line.contains(&b'\n') {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        client.set_read_timeout(Some(left))?;
        let count = client.read(&mut part)?;
        line.extend_from_slice(part.get(..count).unwrap_or_default());
        if count == 0 || line.len() > LONGEST_LINE {
            return Ok(None);
        }
    }
    Ok(serde_json::from_slice(&line).ok())
}

fn write(mut client: &UnixStream, answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_string(answer).map_err(io::Error::other)?;
    if line.len() >= LONGEST_LINE {
        line = serde_json::to_string(&Answer::Note("a line is too long to be shown".to_owned()))
            .map_err(io::Error::other)?;
    }
    line.push('\n');
    let until = Instant::now() + PATIENCE;
    let mut rest = line.as_bytes();
    while !rest.is_empty() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        client.set_write_timeout(Some(left))?;
        let count = client.write(rest)?;
        rest = rest.get(count..).unwrap_or_default();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_gone_after_its_last_answer_though_the_account_still_holds_the_order() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (calls, mut called) = tokio::sync::mpsc::unbounded_channel();
        (&ours).write_all(b"{\"verb\":\"status\"}\n").unwrap();
        let client = thread::spawn(move || attend(theirs, &calls));
        let call = called.blocking_recv().unwrap();
        call.caller.answer(Answer::Done(false));
        let until = Instant::now() + Duration::from_secs(20);
        while !client.is_finished() && Instant::now() < until {
            thread::park_timeout(Duration::from_millis(5));
        }
        assert!(client.is_finished());
        drop(call);
    }

    #[test]
    fn a_client_that_never_reads_delays_no_account_and_is_dropped() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (calls, mut called) = tokio::sync::mpsc::unbounded_channel();
        (&ours).write_all(b"{\"verb\":\"sweep\",\"account\":\"home\",\"since\":null}\n").unwrap();
        let client = thread::spawn(move || attend(theirs, &calls));
        let call = called.blocking_recv().unwrap();
        let begun = Instant::now();
        for _ in 0..100_000 {
            call.caller.answer(Answer::Text("a line about a message\n".repeat(10)));
        }
        // The account's thread works on while the client is still waited for.
        assert!(begun.elapsed() < PATIENCE && !client.is_finished());
        client.join().unwrap();
        assert!(begun.elapsed() < 2 * PATIENCE);
        assert!(!call.caller.is_there());
    }

    #[test]
    fn a_client_that_was_too_slow_hears_that_it_was() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (calls, mut called) = tokio::sync::mpsc::unbounded_channel();
        (&ours).write_all(b"{\"verb\":\"status\"}\n").unwrap();
        let client = thread::spawn(move || attend(theirs, &calls));
        let call = called.blocking_recv().unwrap();
        for _ in 0..100_000 {
            call.caller.answer(Answer::Text("a line about a message\n".repeat(10)));
        }
        let mut heard = String::new();
        (&ours).read_to_string(&mut heard).unwrap();
        client.join().unwrap();
        let last = heard.lines().last().unwrap();
        assert_eq!(
            serde_json::from_str::<Answer>(last).unwrap(),
            Answer::Refused(state::CUT_SHORT.to_owned()),
            "{last}"
        );
    }
}
