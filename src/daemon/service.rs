//! The service as a whole: its signals, its timers, its end.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep_until, timeout};
use tracing::{error, info, warn};

use super::control::{Call, Control};
use super::descriptors;
use super::file_watch::FileWatch;
use super::fleet::Fleet;
use super::hooks::Hooks;
use super::log::kind;
use super::metrics::Metrics;
use super::network_watch::{self, Change};
use super::orders::{Order, Work};
use super::panics;
use super::reload::{Progress, ReadAgain, Reload};
use super::systemd::{self, Systemd};
use super::thread_event::ThreadEvent;
use crate::clock::{self, Timestamp};
use crate::control::{Answer, Request, ServiceStatus};
use crate::diagnostic::{Diagnostic, Severity};
use crate::ledger::IntentId;
use crate::login;
use crate::metrics::Scrape;
use crate::report::hook::Cause;
use crate::report::state::{self, Notes, in_brief};
use crate::rulebook::{Origin, RuleFiles};
use crate::settings::Settings;
use crate::sweep::Restore;

/// One change of the network brings others with it: after this much time, they count as one.
const TOGETHER: Duration = Duration::from_secs(1);
/// However often the network changes, threads are asked to probe no more often than this.
const RARELY: Duration = Duration::from_secs(10);
/// How long threads have to end once asked to: as long as a command in flight may take, and a little.
const FAREWELL: Duration = Duration::from_secs(25);

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

/// Watches all accounts until SIGTERM or SIGINT. At SIGHUP, and when one of its files is saved, `origin` is read again. When the file
/// of a password is saved, its account logs in again, if it is not connected.
///
/// # Errors
/// Where the machine does not give what a service needs: threads, signals.
pub fn run(origin: &Origin, settings: Settings, rule_files: RuleFiles) -> Result<(), ServiceFault> {
    panics::tell();
    descriptors::raise();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|cause| ServiceFault { doing: "start the runtime", cause })?;
    runtime.block_on(serve(origin, settings, rule_files))
}

async fn serve(origin: &Origin, settings: Settings, rule_files: RuleFiles) -> Result<(), ServiceFault> {
    let listen = |kind| signal(kind).map_err(|cause| ServiceFault { doing: "listen for signals", cause });
    let terminate = listen(SignalKind::terminate())?;
    let interrupt = listen(SignalKind::interrupt())?;
    let hangup = listen(SignalKind::hangup())?;
    let files = FileWatch::watch(origin.files());
    let secrets = FileWatch::watch(secret_files(&settings));
    let (rule_files, latest) = watch::channel(Arc::new(rule_files));
    let (callers, calls) = mpsc::unbounded_channel();
    let control =
        Control::listen(origin.environment.service_runtime().as_deref(), &settings.state, callers.clone());
    let (scrapers, scrapes) = mpsc::unbounded_channel();
    let metrics = Metrics::open(settings.metrics.as_ref(), scrapers);
    let (fleet, threads) =
        Fleet::launch(Arc::new(settings), latest, metrics.counts.clone()).map_err(no_thread)?;
    let service = Service {
        origin,
        rule_files,
        fleet,
        notes: Notes::default(),
        hooks: Hooks::new(),
        status: String::new(),
        systemd: Systemd::new(),
        reload: None,
        again: None,
        control,
        callers,
        metrics,
        started: clock::now(),
        rules_since: clock::now(),
    };
    service
        .run(Receivers {
            terminate,
            interrupt,
            hangup,
            files,
            secrets,
            threads,
            calls,
            scrapes,
            changes: network_watch::listen(),
        })
        .await
}

/// Logs findings that concern the start, and shows the first error where systemd shows the status: for the journal, in which what is
/// printed has no priority.
pub fn could_not_start(findings: &[Diagnostic]) {
    log(findings);
    if let Some(error) = findings.iter().find(|finding| finding.severity == Severity::Error) {
        systemd::status_of_the_end(&state::not_started(error));
    }
}

/// Logs each finding in one line, and as it is printed in the field FINDING.
fn log(findings: &[Diagnostic]) {
    for finding in findings {
        let text = finding.plain();
        match finding.severity {
            Severity::Error => {
                error!(message_id = kind::REFUSED, finding = text, "error: {}", in_brief(finding));
            }
            Severity::Warning => warn!(finding = text, "warning: {}", in_brief(finding)),
        }
    }
}

/// The files that the accounts' passwords depend on; a change counts at once.
fn secret_files(settings: &Settings) -> BTreeMap<PathBuf, Duration> {
    let files = settings.accounts.iter().flat_map(|account| login::files(account, settings));
    files.map(|file| (file, Duration::ZERO)).collect()
}

fn no_thread(cause: io::Error) -> ServiceFault {
    ServiceFault { doing: "start a thread for an account", cause }
}

/// What the service listens to.
struct Receivers {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    files: FileWatch,
    /// Those that the accounts' passwords depend on.
    secrets: FileWatch,
    threads: mpsc::UnboundedReceiver<ThreadEvent>,
    /// What commands ask for.
    calls: mpsc::UnboundedReceiver<Call>,
    /// What Prometheus asks for.
    scrapes: mpsc::UnboundedReceiver<Scrape>,
    changes: mpsc::UnboundedReceiver<Change>,
}

struct Service<'a> {
    origin: &'a Origin,
    rule_files: watch::Sender<Arc<RuleFiles>>,
    fleet: Fleet,
    notes: Notes,
    hooks: Hooks,
    /// The status line that systemd was sent last.
    status: String,
    systemd: Systemd,
    /// The reload that goes on.
    reload: Option<Reload>,
    /// Another is to follow it; whether a signal asked for that.
    again: Option<bool>,
    /// The socket on which commands ask; gone when dropped.
    control: Option<Control>,
    callers: mpsc::UnboundedSender<Call>,
    metrics: Metrics,
    started: Timestamp,
    /// Since when the rules are in force.
    rules_since: Timestamp,
}

impl Service<'_> {
    async fn run(mut self, mut receivers: Receivers) -> Result<(), ServiceFault> {
        let feeding = systemd::feeding();
        // Without a watchdog, the timer below is never asked.
        let mut watchdog = interval(feeding.unwrap_or(Duration::from_secs(3600)));
        watchdog.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut probe: Option<(Change, Instant)> = None;
        let mut probed = Instant::now();
        self.systemd.ready();
        self.tell_status();
        loop {
            let revival = self.fleet.next_revival();
            tokio::select! {
                _ = receivers.terminate.recv() => break,
                _ = receivers.interrupt.recv() => break,
                _ = receivers.hangup.recv() => self.begin_reload(true)?,
                _ = receivers.files.changed() => self.begin_reload(false)?,
                changed = receivers.secrets.changed() => self.fleet.log_in_again(&changed),
                step = Reload::step(self.reload.as_mut()) => match step {
                    Progress::Begins(files, _hold) => drop(receivers.files.see(files)),
                    Progress::Ends(outcome) => {
                        self.end_reload(outcome.map(|outcome| *outcome))?;
                        let changed = receivers.secrets.see(secret_files(&self.fleet.settings()));
                        self.fleet.log_in_again(&changed);
                    }
                },
                Some(event) = receivers.threads.recv() => {
                    if let Some(trouble) = self.fleet.take_event(event, &mut self.hooks).map_err(no_thread)? {
                        self.notes.last_trouble = Some((clock::now(), trouble));
                    }
                }
                Some(call) = receivers.calls.recv() => self.answer(call),
                Some(scrape) = receivers.scrapes.recv() => scrape.answer(self.metrics.counts.text(&self.as_told())),
                Some(change) = receivers.changes.recv() => {
                    let due = (Instant::now() + TOGETHER).max(probed + RARELY);
                    probe = probe.map(|(earlier, due)| (earlier.max(change), due)).or(Some((change, due)));
                }
                () = at(probe.map(|(_, due)| due)) => {
                    match probe.take() {
                        Some((Change::Clock, _)) => self.fleet.probe_unconnected(),
                        Some((Change::Network, _)) | None => self.fleet.probe(),
                    }
                    probed = Instant::now();
                }
                () = at(revival) => self.fleet.revive(Instant::now()).map_err(no_thread)?,
                _ = watchdog.tick(), if feeding.is_some() => self.feed(),
            }
            self.tell_status();
        }
        self.end(receivers.threads).await;
        Ok(())
    }

    /// Answers a command, or lets the thread of the account answer.
    fn answer(&self, Call { request, caller }: Call) {
        let (account, work) = match request {
            Request::Status {} => {
                return caller.answer(Answer::Status(Box::new(self.as_told())));
            }
            Request::Sweep { account, since, lookup } => {
                (account, Work::Sweep { since: since.map(Duration::from_secs), lookup })
            }
            Request::Pause { account } => {
                self.fleet.probe_account(&account);
                return caller.answer(Answer::Done(false));
            }
            Request::Restore { account, moves, learns } => {
                let moves = moves.into_iter().map(IntentId::numbered).collect();
                (account, Work::Restore(Restore { moves, learns }))
            }
        };
        self.fleet.order(&account, Order { work, caller });
    }

    /// How the service is, for the command `status`.
    fn as_told(&self) -> ServiceStatus {
        ServiceStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            process: std::process::id(),
            started: self.started.0,
            rules_since: self.rules_since.0,
            refused: self.notes.refused.clone(),
            accounts: self.fleet.statuses(),
        }
    }

    /// Begins to read everything again. `asked` for by a signal, or else because a file was saved.
    fn begin_reload(&mut self, asked: bool) -> Result<(), ServiceFault> {
        if self.reload.is_some() {
            // It may have read what has changed since.
            self.again = Some(asked || self.again == Some(true));
            return Ok(());
        }
        self.systemd.reloading();
        let in_force = (self.fleet.settings(), Arc::clone(&self.rule_files.borrow()));
        match Reload::begin(self.origin.clone(), in_force, asked) {
            Ok(reload) => self.reload = Some(reload),
            Err(cause) => {
                let finding =
                    Diagnostic::unplaced(format!("could not start a thread for the reload: {cause}"));
                self.end_reload(Some((None, vec![finding])))?;
            }
        }
        Ok(())
    }

    /// Goes on with what was read, if it is right.
    fn end_reload(&mut self, outcome: Option<ReadAgain>) -> Result<(), ServiceFault> {
        let asked = self.reload.take().is_some_and(|reload| reload.asked);
        let (read, findings) =
            outcome.unwrap_or_else(|| (None, vec![Diagnostic::unplaced(state::RELOAD_CRASHED)]));
        log(&findings);
        match read {
            Some((settings, new)) => {
                self.notes.refused = None;
                self.hooks.over(None, Cause::Reload);
                let alike = new.judges_like(&self.rule_files.borrow());
                self.rule_files.send_replace(Arc::new(new));
                if !alike {
                    self.rules_since = clock::now();
                }
                if settings.state != self.fleet.settings().state {
                    let runtime = self.origin.environment.service_runtime();
                    self.control = None;
                    self.control = Control::listen(runtime.as_deref(), &settings.state, self.callers.clone());
                }
                self.metrics.go_on(settings.metrics.as_ref());
                self.fleet.take(Arc::new(settings), asked).map_err(no_thread)?;
                if !alike {
                    // Messages may wait for this: for a list, or to be judged again after a mistake.
                    self.fleet.probe();
                }
                info!(message_id = kind::RELOADED, "{}", state::RELOADED);
            }
            None => {
                self.notes.refused =
                    findings.iter().find(|one| one.severity == Severity::Error).map(in_brief);
                error!(message_id = kind::REFUSED, "{}", state::NOT_RELOADED);
                let finding = self.notes.refused.as_deref().unwrap_or_default();
                let words = format!("{}: {finding}", state::NOT_RELOADED);
                self.hooks.trouble(&self.fleet.settings().hooks, None, Cause::Reload, &words);
            }
        }
        self.tell_status();
        self.systemd.ready();
        self.again.take().map_or(Ok(()), |asked| self.begin_reload(asked))
    }

    /// Feeds the watchdog, if every thread works.
    fn feed(&self) {
        let overdue = self.fleet.overdue(Instant::now());
        if overdue.is_empty() {
            self.systemd.feed();
        }
        for account in overdue {
            error!(message_id = kind::HANGS, %account, "{}", state::HANGS);
        }
    }

    fn tell_status(&mut self) {
        let words = state::in_words(self.fleet.states(), &self.notes);
        if words != self.status {
            self.systemd.status(&words);
            self.status = words;
        }
    }

    async fn end(mut self, mut threads: mpsc::UnboundedReceiver<ThreadEvent>) {
        self.systemd.stopping();
        info!("{}", state::STOPPING);
        self.fleet.stop();
        let over = async {
            while !self.fleet.running().is_empty() {
                let Some(event) = threads.recv().await else { return };
                // No account is wanted any more, so that no thread is started.
                let _ = self.fleet.take_event(event, &mut self.hooks);
            }
        };
        let in_time = timeout(FAREWELL, over).await.is_ok();
        for account in self.fleet.running() {
            if !in_time {
                // What it had begun is in the ledger, and settled at the next start.
                error!(message_id = kind::HANGS, %account, "{}", state::DOES_NOT_END);
            }
        }
    }
}

/// Waits until `moment`; for ever where there is none.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}
