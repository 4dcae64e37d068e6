//! Recognises messages on all cores while the calling thread reads them. The result is the same for any number of cores.
//!
//! Never judges, since that depends on what came before. Holds only a few messages at a time. `backtest` calls it.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use crate::assess::{Arrival, Mail, ReadMessage};
use crate::clock::Timestamp;
use crate::mail::{Notification, Recognition};

/// Another thread gets about so many bytes of messages at once; singly, handing over would cost as much as the work.
const PORTION: usize = 128 << 10;

/// Recognises one message.
pub(super) type Recognise<'a> = &'a (dyn Fn(Mail<'_>) -> ReadMessage + Sync);

/// A message that waits to be recognised.
struct Waiting {
    /// How many messages were taken in before it.
    index: usize,
    bytes: Vec<u8>,
    arrived: Arrival,
}

/// What was recognised.
#[derive(Default)]
pub(super) struct Recognised {
    /// Messages that look like notifications, but cannot be read in full.
    pub(super) incomplete: usize,
    /// The notifications in the order of their arrival, each with its index.
    found: Vec<(usize, Notification)>,
}

impl Recognised {
    /// How many notifications there are.
    pub(super) fn count(&self) -> usize {
        self.found.len()
    }

    /// The notifications in the order of their arrival; of those that arrived at the same time, as they were read.
    pub(super) fn notifications(self) -> impl Iterator<Item = Notification> {
        self.found.into_iter().map(|(_, notification)| notification)
    }

    fn take(&mut self, portion: Vec<Waiting>, since: Option<Timestamp>, recognise: Recognise<'_>) {
        for Waiting { index, bytes, arrived } in portion {
            let mail = Mail { bytes: &bytes, arrived };
            // A message that followsift fails on costs itself alone.
            let Ok(message) = catch_unwind(AssertUnwindSafe(|| recognise(mail))) else {
                self.incomplete += 1;
                continue;
            };
            if is_old(message.arrived, since) {
                continue;
            }
            match message.recognition {
                Recognition::Recognised(notification) => self.found.push((index, notification)),
                Recognition::Incomplete { .. } | Recognition::TooCostly => self.incomplete += 1,
                Recognition::Foreign => {}
            }
        }
    }
}

fn is_old(arrived: Timestamp, since: Option<Timestamp>) -> bool {
    since.is_some_and(|since| arrived < since)
}

/// Takes messages in as they are read.
pub(super) struct Intake<'a> {
    recognise: Recognise<'a>,
    since: Option<Timestamp>,
    /// How many messages were taken in.
    taken: usize,
    portion: Vec<Waiting>,
    /// Bytes in the portion.
    size: usize,
    queue: SyncSender<Vec<Waiting>>,
    /// What the reading thread recognised itself.
    own: Recognised,
}

impl Intake<'_> {
    /// Takes a message in, unless it arrived too early.
    pub(super) fn put(&mut self, bytes: Vec<u8>, arrived: Arrival) {
        if let Arrival::At(arrived) = arrived
            && is_old(arrived, self.since)
        {
            return;
        }
        self.size += bytes.len();
        self.portion.push(Waiting { index: self.taken, bytes, arrived });
        self.taken += 1;
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
                self.own.take(portion, self.since, self.recognise);
            }
        }
    }
}

/// Recognises every message that `read` puts in, on up to so many threads, this one included. Messages that arrived before
/// `since` are left out.
pub(super) fn recognise_all<T>(
    threads: NonZeroUsize,
    since: Option<Timestamp>,
    recognise: Recognise<'_>,
    read: impl FnOnce(&mut Intake<'_>) -> T,
) -> (T, Recognised) {
    let others = threads.get() - 1;
    let (queue, portions) = sync_channel(others);
    let portions = Mutex::new(portions);
    let work = |mut all: Recognised| {
        while let Some(portion) = next(&portions) {
            all.take(portion, since, recognise);
        }
        all
    };
    thread::scope(|scope| {
        // With fewer threads than wanted, it takes longer.
        let spawn = |_| thread::Builder::new().spawn_scoped(scope, || work(Recognised::default())).ok();
        let workers: Vec<_> = (0..others).filter_map(spawn).collect();
        let (own, portion) = (Recognised::default(), Vec::new());
        let mut intake = Intake { recognise, since, taken: 0, portion, size: 0, queue, own };
        let outcome = read(&mut intake);
        intake.hand_over();
        let Intake { queue, own, .. } = intake;
        // So that the threads end once the queue is empty.
        drop(queue);
        let mut all = work(own);
        for worker in workers {
            let Recognised { incomplete, found } = worker.join().unwrap_or_else(|panic| resume_unwind(panic));
            all.incomplete += incomplete;
            all.found.extend(found);
        }
        all.found.sort_unstable_by_key(|(index, notification)| (notification.received, *index));
        (outcome, all)
    })
}

fn next(portions: &Mutex<Receiver<Vec<Waiting>>>) -> Option<Vec<Waiting>> {
    portions.lock().ok()?.recv().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

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
        intake.put(vec![b'x'; size], Arrival::At(Timestamp(0)));
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
                    intake.put(b"deadly".to_vec(), Arrival::At(Timestamp(0)));
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
        assert_eq!((ended, recognised.count()), (Err("the line broke"), 0));
        let panicked = catch_unwind(|| {
            recognise_all(threads(4), None, &foreign, |intake| {
                put(intake, PORTION);
                panic!("the reading panics");
            })
        });
        assert!(panicked.is_err());
    }
}
