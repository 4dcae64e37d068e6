//! What an account's thread reports to the service: the account's state, and at last that the thread is over. Sent by
//! `watcher`, received by `fleet`.

use std::thread;
use std::time::Duration;

use tokio::sync::mpsc;

use super::hooks::Notice;
use crate::clock::{self, Timestamp};
use crate::report::state::State;

/// What a thread reports.
#[derive(Debug)]
pub(super) struct ThreadEvent {
    /// Which thread.
    pub(super) number: u64,
    pub(super) what: Change,
}

#[derive(Debug)]
pub(super) enum Change {
    /// The account is in this state now.
    Is(State),
    /// A sweep ended at this moment.
    Swept(Timestamp),
    /// It is tried again at this moment.
    TriesAgain(Timestamp),
    /// A look-up has an answer, for which messages of other accounts may wait too.
    Answered,
    /// A hook is to be called.
    Notice(Notice),
    /// The thread is over.
    Over { panicked: bool },
}

/// The sender of one thread. When it is dropped, it reports that the thread is over.
#[derive(Debug)]
pub(super) struct EventSender {
    number: u64,
    events: mpsc::UnboundedSender<ThreadEvent>,
}

impl EventSender {
    /// The sender of the thread with this number.
    pub(super) fn new(number: u64, events: mpsc::UnboundedSender<ThreadEvent>) -> Self {
        Self { number, events }
    }

    /// The account is in this state now.
    pub(super) fn state(&self, state: State) {
        self.send(Change::Is(state));
    }

    /// A sweep has ended.
    pub(super) fn swept(&self) {
        self.send(Change::Swept(clock::now()));
    }

    /// It is tried again after this time.
    pub(super) fn tries_again(&self, pause: Duration) {
        self.send(Change::TriesAgain(Timestamp(clock::now().0.saturating_add_unsigned(pause.as_secs()))));
    }

    /// A hook is to be called, if the user has one.
    pub(super) fn notice(&self, notice: Notice) {
        self.send(Change::Notice(notice));
    }

    /// What the thread that looks followers up calls at each answer.
    pub(super) fn on_answer(&self) -> impl Fn() + Send + use<> {
        let (number, events) = (self.number, self.events.clone());
        move || {
            let _ = events.send(ThreadEvent { number, what: Change::Answered });
        }
    }

    fn send(&self, what: Change) {
        // Once the service itself has ended, there is no receiver any more.
        let _ = self.events.send(ThreadEvent { number: self.number, what });
    }
}

impl Drop for EventSender {
    fn drop(&mut self) {
        self.send(Change::Over { panicked: thread::panicking() });
    }
}
