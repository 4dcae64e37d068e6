//! What commands want the thread of an account to do, and whom it tells how that goes. Given by `fleet`, taken by `watcher`.

use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::control::Answer;
use crate::report::sweep::{Told, told};
use crate::sweep::{News, Restore};

/// What a thread is to do.
#[derive(Clone, Debug)]
pub(super) enum Work {
    /// A sweep: of what is new, or also of what arrived within this time.
    Sweep(Option<Duration>),
    /// Put messages back.
    Restore(Restore),
}

/// Work, and who wants it.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) work: Work,
    pub(super) answers: SyncSender<Answer>,
}

impl Order {
    /// Passes on what a sweep tells. A command that has gone misses it.
    pub(super) fn tell(&self, news: &News) {
        self.answer(match told(news, false) {
            Told::Text(text) => Answer::Text(text),
            Told::Progress(line) => Answer::Progress(line),
            Told::Note(line) => Answer::Note(line),
        });
    }

    pub(super) fn answer(&self, answer: Answer) {
        let _ = self.answers.send(answer);
    }
}

/// The orders of one thread, the oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders(Arc<Mutex<VecDeque<Order>>>);

impl Orders {
    pub(super) fn give(&self, order: Order) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(order);
    }

    pub(super) fn take(&self) -> Option<Order> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    pub(super) fn are_none(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Refuses all that wait.
    pub(super) fn refuse(&self, why: &str) {
        while let Some(order) = self.take() {
            order.answer(Answer::Refused(why.to_owned()));
        }
    }
}
