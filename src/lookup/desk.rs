//! A thread of its own that asks what an account's sweeps want to know, so that no message waits for another one's look-up.

use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, thread};

use rustix::event::{EventfdFlags, eventfd};

use super::{Asker, LookupFault, Step};
use crate::clock::Timestamp;
use crate::ledger::{LedgerFault, Pool};
use crate::settings::Account;
use crate::web::WebFault;

/// While there is nothing to ask, the ledger is looked into again after this time: another process may have noted a question.
const LOOK: Duration = Duration::from_secs(60);

/// What the thread reports.
#[derive(Debug)]
pub enum News {
    /// There is an answer: messages that waited for it can be judged.
    Answered,
    /// A server did not answer.
    Failed {
        /// The server.
        server: String,
        /// Why.
        fault: LookupFault,
        /// When it is asked again.
        until: Timestamp,
    },
    /// Nothing can be asked, and nothing will be.
    Over(Stuck),
}

/// Why nothing can be asked.
#[derive(Debug)]
pub enum Stuck {
    /// The authorities or the proxy cannot be used.
    Web(WebFault),
    /// The ledger cannot be used.
    Ledger(LedgerFault),
}

impl std::fmt::Display for Stuck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Web(fault) => fault.fmt(f),
            Self::Ledger(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for Stuck {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Web(fault) => std::error::Error::source(fault),
            Self::Ledger(fault) => std::error::Error::source(fault),
        }
    }
}

impl From<WebFault> for Stuck {
    fn from(fault: WebFault) -> Self {
        Self::Web(fault)
    }
}

impl From<LedgerFault> for Stuck {
    fn from(fault: LedgerFault) -> Self {
        Self::Ledger(fault)
    }
}

/// The thread, as long as it is needed.
#[derive(Debug)]
pub struct Desk {
    stop: Arc<OwnedFd>,
    bell: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Desk {
    /// Starts the thread. `tell` gets its news, on that thread.
    ///
    /// # Errors
    /// If the system has no thread or descriptor left.
    pub fn open(account: &Account, ledgers: &Pool, tell: impl Fn(News) + Send + 'static) -> io::Result<Self> {
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let (bell, rung) = channel();
        let (account, ledgers, its_stop) = (account.clone(), ledgers.clone(), Arc::clone(&stop));
        let work = move || {
            let wait = |time| matches!(rung.recv_timeout(time), Err(RecvTimeoutError::Disconnected));
            let asker = match Asker::new(&account, its_stop.as_fd()) {
                Ok(asker) => asker,
                Err(fault) => return tell(News::Over(Stuck::Web(fault))),
            };
            let step = || {
                let mut ledger = ledgers.borrow()?;
                let step = asker.step(&mut ledger)?;
                // While it waits, it needs none.
                ledgers.put_back(ledger);
                Ok(step)
            };
            loop {
                let pause = match step() {
                    Ok(Step::Answered) => {
                        tell(News::Answered);
                        Duration::ZERO
                    }
                    Ok(Step::Failed { server, fault, until }) => {
                        tell(News::Failed { server, fault, until });
                        Duration::ZERO
                    }
                    Ok(Step::Idle(time)) => time.unwrap_or(LOOK).min(LOOK),
                    Err(fault) => return tell(News::Over(Stuck::Ledger(fault))),
                };
                if wait(pause) {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("lookup".to_owned()).spawn(work)?;
        Ok(Self { stop, bell: Some(bell), thread: Some(thread) })
    }

    /// There may be something new to ask.
    pub fn ring(&self) {
        // A thread that has ended asks nothing.
        let _ = self.bell.as_ref().map(|bell| bell.send(()));
    }
}

/// Ends the thread, and a request that it has sent.
impl Drop for Desk {
    fn drop(&mut self) {
        self.bell = None;
        let _ = rustix::io::write(&*self.stop, &1_u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
