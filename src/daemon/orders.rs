//! What commands want the thread of an account to do, and whom it tells how that goes. Given by `fleet`, taken by `watcher`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tracing::info;

use super::caller::Caller;
use crate::control::Answer;
use crate::report::state;
use crate::report::sweep::{Told, told};
use crate::sweep::{News, Restore};

/// What a thread is to do.
#[derive(Clone, Debug)]
pub(super) enum Work {
    /// A sweep.
    Sweep {
        /// Of what arrived within this time, too; without it, only of what is new.
        since: Option<Duration>,
        /// Followers of old messages are looked up, too.
        lookup: bool,
    },
    /// Put messages back.
    Restore(Restore),
}

/// Work, and the command that wants it.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) work: Work,
    pub(super) caller: Caller,
}

impl Order {
    /// Passes on what a sweep tells.
    pub(super) fn tell(&self, news: &News) {
        self.caller.answer(match told(news, false) {
            Told::Text(text) => Answer::Text(text),
            Told::Progress(line) => Answer::Progress(line),
            Told::Note(line) => Answer::Note(line),
        });
    }
}

/// The orders of one thread, the oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders(Arc<Mutex<VecDeque<Order>>>);

impl Orders {
    pub(super) fn give(&self, order: Order) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(order);
    }

    /// The next order. One whose command has gone before it began is not carried out: its user may have turned to something else.
    pub(super) fn take(&self) -> Option<Order> {
        loop {
            let order = self.pop()?;
            if order.caller.is_there() {
                return Some(order);
            }
            info!("{}", state::UNWANTED);
        }
    }

    pub(super) fn are_none(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Refuses all that wait.
    pub(super) fn refuse(&self, why: &str) {
        while let Some(order) = self.pop() {
            order.caller.answer(Answer::Refused(why.to_owned()));
        }
    }

    fn pop(&self) -> Option<Order> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}
