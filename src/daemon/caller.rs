//! The command at the other end of the socket: takes the answers to its request. Made by `control`; `service`, `fleet` and `watcher`
//! answer.
//!
//! Owns that nobody waits for a command: answers queue up to a bound, and a command that reads so slowly that the queue is full gets
//! no more.

use std::cell::RefCell;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Weak};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tracing::info;

use crate::control::Answer;
use crate::report::state;

/// So many answers wait for a command that reads slowly. A sweep tells of hundreds of messages within a moment.
const QUEUE: usize = 4096;

/// A command that waits for answers.
#[derive(Debug)]
pub(super) struct Caller {
    /// `None` once it has its last answer, or gets no more.
    answers: RefCell<Option<SyncSender<Answer>>>,
    /// Its connection, which the thread that writes the answers holds open.
    connection: Weak<UnixStream>,
}

impl Caller {
    /// The command at the other end of this connection, and the answers to write to it.
    pub(super) fn new(connection: &Arc<UnixStream>) -> (Self, Receiver<Answer>) {
        let (answers, queue) = sync_channel(QUEUE);
        let answers = RefCell::new(Some(answers));
        (Self { answers, connection: Arc::downgrade(connection) }, queue)
    }

    /// Answers, without ever waiting. A command that has gone, or reads too slowly, misses it.
    pub(super) fn answer(&self, answer: Answer) {
        let mut answers = self.answers.borrow_mut();
        let Some(to) = answers.as_ref() else { return };
        let is_last = answer.is_last();
        // Asked first: after its last answer, a command goes.
        let is_lost = !self.is_there() || to.try_send(answer).is_err();
        if is_lost {
            info!("{}", state::UNHEARD);
        }
        if is_lost || is_last {
            *answers = None;
        }
    }

    /// Does the command still wait? It may have been ended, or have given up.
    pub(super) fn is_there(&self) -> bool {
        let Some(connection) = self.connection.upgrade() else { return false };
        // Whatever is asked for, poll(2) reports a hangup, and does so at once.
        let mut polled = [PollFd::new(&*connection, PollFlags::empty())];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        matches!(poll(&mut polled, Some(&now)), Ok(0) | Err(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_does_not_read_is_never_waited_for_and_gets_a_bounded_number_of_answers() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let connection = Arc::new(ours);
        let (caller, queue) = Caller::new(&connection);
        // Would never end if it waited, since nobody takes them.
        for number in 0..3 * QUEUE {
            caller.answer(Answer::Note(number.to_string()));
        }
        caller.answer(Answer::Done(false));
        assert_eq!(queue.iter().count(), QUEUE);
    }

    #[test]
    fn a_command_that_has_ended_is_not_there() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let connection = Arc::new(ours);
        let (caller, queue) = Caller::new(&connection);
        assert!(caller.is_there());
        drop(theirs);
        assert!(!caller.is_there());
        caller.answer(Answer::Done(false));
        assert_eq!(queue.iter().count(), 0);
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let connection = Arc::new(ours);
        let (caller, _queue) = Caller::new(&connection);
        drop(connection);
        assert!(!caller.is_there(), "the thread that served it has given it up");
    }
}
