//! The service as a whole: its threads, its signals, its end.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tracing::{error, info, info_span};

use super::rulebook::Reading;
use super::watcher::Watcher;
use crate::mailbox::Stop;
use crate::settings::{Account, Settings};

/// How long a watcher that died of a fault of ours is left dead.
const REVIVAL: Duration = Duration::from_secs(30);

/// Why the service could not be run.
#[derive(Debug)]
pub struct ServiceFault {
    doing: &'static str,
    cause: io::Error,
}

impl fmt::Display for ServiceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not {}", self.doing)
    }
}

impl Error for ServiceFault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

/// Watches all accounts until SIGTERM or SIGINT.
///
/// # Errors
/// Where the machine does not give what a service needs: threads, signals.
pub fn run(settings: Settings, reading: Reading) -> Result<(), ServiceFault> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|cause| ServiceFault { doing: "start the runtime", cause })?;
    runtime.block_on(serve(Arc::new(settings), Arc::new(reading)))
}

/// A watcher thread that runs.
struct Watched {
    account: Account,
    stop: Stop,
    thread: JoinHandle<()>,
}

async fn serve(settings: Arc<Settings>, reading: Arc<Reading>) -> Result<(), ServiceFault> {
    let hear = |kind| signal(kind).map_err(|cause| ServiceFault { doing: "listen for signals", cause });
    let mut terminate = hear(SignalKind::terminate())?;
    let mut interrupt = hear(SignalKind::interrupt())?;
    let (_readings, latest) = watch::channel(reading);
    let (over, mut is_over) = mpsc::unbounded_channel();

    let start = |account: &Account| start(account, &settings, &latest, &over);
    let mut watched = settings.accounts.iter().map(&start).collect::<Result<Vec<_>, _>>()?;
    info!(accounts = watched.len(), "watching");
    tell_systemd(&[NotifyState::Ready, NotifyState::Status("watching")]);
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            Some(name) = is_over.recv() => {
                error!(account = %name, "its thread has died, by a fault of followsift; it is started again");
                tokio::time::sleep(REVIVAL).await;
                if let Some(dead) = watched.iter_mut().find(|one| one.account.name == name) {
                    *dead = start(&dead.account)?;
                }
            }
        }
    }
    tell_systemd(&[NotifyState::Stopping]);
    info!("stopping");
    for one in &watched {
        one.stop.stop();
    }
    for one in watched {
        // A thread that panicked has been told of already.
        let _ = one.thread.join();
    }
    Ok(())
}

fn start(
    account: &Account,
    settings: &Arc<Settings>,
    reading: &watch::Receiver<Arc<Reading>>,
    over: &mpsc::UnboundedSender<crate::place::AccountName>,
) -> Result<Watched, ServiceFault> {
    let stop = Stop::new().map_err(|cause| ServiceFault { doing: "make a bell for an account", cause })?;
    let watcher = Watcher {
        account: account.clone(),
        settings: Arc::clone(settings),
        reading: reading.clone(),
        stop: stop.clone(),
    };
    let told = Obituary { name: account.name.clone(), over: over.clone(), stop: stop.clone() };
    let thread = thread::Builder::new()
        .name(account.name.to_string())
        .spawn(move || {
            let _span = info_span!("account", name = %told.name).entered();
            watcher.run();
            drop(told);
        })
        .map_err(|cause| ServiceFault { doing: "start a thread for an account", cause })?;
    Ok(Watched { account: account.clone(), stop, thread })
}

/// Dropped when a watcher thread ends, by a panic too.
struct Obituary {
    name: crate::place::AccountName,
    over: mpsc::UnboundedSender<crate::place::AccountName>,
    stop: Stop,
}

impl Drop for Obituary {
    fn drop(&mut self) {
        if !self.stop.is_stopped() {
            // Nobody listens any more where the service itself is ending.
            let _ = self.over.send(self.name.clone());
        }
    }
}

/// systemd is told where it listens, and not minded where it does not.
fn tell_systemd(states: &[NotifyState<'_>]) {
    if let Err(cause) = sd_notify::notify(states) {
        tracing::debug!(%cause, "systemd does not listen");
    }
}
