//! Recognises messages on all cores while the calling thread reads them. The result is the same for any number of cores.
//!
//! Never judges, since that depends on what came before. Holds only a few messages at a time. `backtest` calls it.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use super::mbox::Piece;
use crate::assess::{Arrival, Mail, ReadMessage};
use crate::clock::Timestamp;
use crate::mail::{Notification, Recognition};
use crate::place::{MailDigest, MailIdentity};

/// Another thread gets about so many bytes of messages at once; singly, handing over would cost as much as the work.
const PORTION: usize = 128 << 10;

/// What is done with each message.
struct Task<'a> {
    recognise: &'a (dyn Fn(Mail<'_>) -> ReadMessage + Sync),
    since: Option<Timestamp>,
    /// How many messages there were so far.
    looked_at: AtomicUsize,
}

/// Pieces, each with how many were read before it.
type Portion = Vec<(usize, Piece)>;

/// What was recognised.
#[derive(Default)]
pub(super) struct Recognised {
    /// How many messages there were.
    pub(super) looked_at: usize,
    /// Messages that look like notifications, but cannot be read in full.
    pub(super) incomplete: usize,
    /// The notifications in the order of their arrival, each with where it was (in which piece, and where in it), and with what
    /// identifies its message.
    found: Vec<((usize, usize), MailIdentity, Notification)>,
}

impl Recognised {
    /// The notifications in the order of their arrival; of those that arrived at the same time, as they were read.
    pub(super) fn notifications(self) -> impl Iterator<Item = (MailIdentity, Notification)> {
        self.found.into_iter().map(|(_, identity, notification)| (identity, notification))
    }

    /// The notifications, to be completed.
    pub(super) fn notifications_mut(&mut self) -> impl Iterator<Item = &mut Notification> {
        self.found.iter_mut().map(|(_, _, notification)| notification)
    }

    fn take(&mut self, portion: &Portion, task: &Task<'_>) {
        for (piece, messages) in portion {
            let mut index = 0;
            messages.messages(&mut |mail| {
                index += 1;
                self.take_message((*piece, index), mail, task);
            });
        }
    }

    fn take_message(&mut self, at: (usize, usize), mail: Mail<'_>, task: &Task<'_>) {
        task.looked_at.fetch_add(1, Ordering::Relaxed);
        let is_old = |arrived: Timestamp| task.since.is_some_and(|since| arrived < since);
        if matches!(mail.arrived, Arrival::At(arrived) if is_old(arrived)) {
            return;
        }
        let bytes = mail.bytes;
        // A message that followsift fails on costs itself alone.
        let Ok(message) = catch_unwind(AssertUnwindSafe(|| (task.recognise)(mail))) else {
            self.incomplete += 1;
            return;
        };
        if is_old(message.arrived) {
            return;
        }
        match message.recognition {
            Recognition::Recognised(notification) => {
                let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                let identity = MailIdentity { digest: MailDigest::of(bytes), size };
                self.found.push((at, identity, notification));
            }
            Recognition::Incomplete { .. } | Recognition::TooCostly => self.incomplete += 1,
            Recognition::Foreign => {}
        }
    }
}

/// Takes messages in as they are read.
pub(super) struct Intake<'a> {
    task: &'a Task<'a>,
    /// How many pieces were taken in.
    pieces: usize,
    portion: Portion,
    /// Bytes in the portion.
    size: usize,
    queue: SyncSender<Portion>,
    /// What the reading thread recognised itself.
    own: Recognised,
}

impl Intake<'_> {
    /// How many messages were looked at so far, by all threads.
    pub(super) fn looked_at(&self) -> usize {
        self.task.looked_at.load(Ordering::Relaxed)
    }

    /// Takes messages in.
    pub(super) fn put(&mut self, piece: Piece) {
        self.size += piece.size();
        self.portion.push((self.pieces, piece));
        self.pieces += 1;
        if self.size >= PORTION {
            self.hand_over();
        }
    }

    /// Queues the portion. If the other threads are all busy, this one recognises it: then it has read far enough ahead.
    fn hand_over(&mut self) {
        self.size = 0;
        match self.queue.try_send(std::mem::take(&mut self.portion)) {
            Ok(()) => {}
            Err(TrySendError::Full(portion) | TrySendError::Disconnected(portion)) => {
                self.own.take(&portion, self.task);
            }
        }
    }
}

/// Recognises every message that `read` puts in, on up to so many threads, this one included. Messages that arrived before
/// `since` are left out.
pub(super) fn recognise_all<T>(
    threads: NonZeroUsize,
    since: Option<Timestamp>,
    recognise: &(dyn Fn(Mail<'_>) -> ReadMessage + Sync),
    read: impl FnOnce(&mut Intake<'_>) -> T,
) -> (T, Recognised) {
    let task = Task { recognise, since, looked_at: AtomicUsize::new(0) };
    let others = threads.get() - 1;
    let (queue, portions) = sync_channel(others);
    let portions = Mutex::new(portions);
    let work = |mut all: Recognised| {
        while let Some(portion) = next(&portions) {
            all.take(&portion, &task);
        }
        all
    };
    thread::scope(|scope| {
        // With fewer threads than wanted, it takes longer.
        let spawn = |_| thread::Builder::new().spawn_scoped(scope, || work(Recognised::default())).ok();
        let workers: Vec<_> = (0..others).filter_map(spawn).collect();
        let (own, portion) = (Recognised::default(), Vec::new());
        let mut intake = Intake { task: &task, pieces: 0, portion, size: 0, queue, own };
        let outcome = read(&mut intake);
        intake.hand_over();
        let Intake { queue, own, .. } = intake;
        // So that the threads end once the queue is empty.
        drop(queue);
        let mut all = work(own);
        for worker in workers {
            let Recognised { incomplete, found, .. } =
                worker.join().unwrap_or_else(|panic| resume_unwind(panic));
            all.incomplete += incomplete;
            all.found.extend(found);
        }
        all.looked_at = task.looked_at.load(Ordering::Relaxed);
        all.found.sort_unstable_by_key(|(at, _, notification)| (notification.received, *at));
        (outcome, all)
    })
}

fn next(portions: &Mutex<Receiver<Portion>>) -> Option<Portion> {
    portions.lock().ok()?.recv().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Barrier;

    use super::*;
    use crate::mail::Envelope;

    fn threads(number: usize) -> NonZeroUsize {
        NonZeroUsize::new(number).unwrap()
    }

    fn foreign(_: Mail<'_>) -> ReadMessage {
        let recognition = Recognition::Foreign;
        ReadMessage { envelope: Envelope::default(), arrived: Timestamp(0), recognition }
    }

    /// A message of this many bytes.
    fn put(intake: &mut Intake<'_>, size: usize) {
        intake.put(Piece::Message(vec![b'x'; size], Arrival::At(Timestamp(0))));
    }

    #[test]
    fn a_message_that_panics_costs_itself_alone() {
        let recognise = |mail: Mail<'_>| match mail.bytes {
            b"deadly" => panic!("as a fault in recognition would"),
            _ => foreign(mail),
        };
        let count = AtomicUsize::new(0);
        let counted = |mail: Mail<'_>| {
            count.fetch_add(1, Ordering::Relaxed);
            recognise(mail)
        };
        for number in [1, 3] {
            count.store(0, Ordering::Relaxed);
            let ((), recognised) = recognise_all(threads(number), None, &counted, |intake| {
                for _ in 0..20 {
                    intake.put(Piece::Message(b"deadly".to_vec(), Arrival::At(Timestamp(0))));
                    put(intake, PORTION / 3);
                }
            });
            assert_eq!((count.load(Ordering::Relaxed), recognised.incomplete), (40, 20), "{number} threads");
        }
    }

    #[test]
    fn every_thread_takes_part() {
        let everyone = Barrier::new(3);
        let seen = Mutex::new(HashSet::new());
        let recognise = |mail: Mail<'_>| {
            let is_first = seen.lock().unwrap().insert(thread::current().id());
            if is_first {
                everyone.wait();
            }
            foreign(mail)
        };
        recognise_all(threads(3), None, &recognise, |intake| {
            (0..20).for_each(|_| put(intake, PORTION));
        });
        assert_eq!(seen.into_inner().unwrap().len(), 3);
    }

    #[test]
    fn only_a_few_messages_are_held_at_a_time() {
        let done = AtomicUsize::new(0);
        let recognise = |mail: Mail<'_>| {
            done.fetch_add(1, Ordering::SeqCst);
            foreign(mail)
        };
        recognise_all(threads(4), None, &recognise, |intake| {
            for taken in 1..2_000 {
                put(intake, PORTION / 4);
                // A portion is read, three are queued, and three threads have one each.
                let held = taken - done.load(Ordering::SeqCst);
                assert!(held <= 7 * 4, "{held} messages");
            }
        });
        assert_eq!(done.into_inner(), 1_999);
    }

    #[test]
    fn an_early_end_of_the_reading_ends_every_thread() {
        let (ended, recognised) = recognise_all(threads(4), None, &foreign, |intake| {
            put(intake, PORTION);
            Err::<(), _>("the line broke")
        });
        assert_eq!((ended, recognised.looked_at), (Err("the line broke"), 1));
        let panicked = catch_unwind(|| {
            recognise_all(threads(4), None, &foreign, |intake| {
                put(intake, PORTION);
                panic!("the reading panics");
            })
        });
        assert!(panicked.is_err());
    }
}
