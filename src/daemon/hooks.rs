//! When the user's hooks are called: each cause of a trouble once while it lasts, each real follower once.
//!
//! Accounts' threads send [`Notice`]s; `service` hands them on. Runs nothing itself; `hook` does.

use std::collections::BTreeSet;

use tracing::{debug, warn};

use super::log::kind;
use crate::clock::{self, Timestamp};
use crate::hook::{Call, Queue};
use crate::mail::Recognition;
use crate::place::{AccountName, MailRef};
use crate::report::Chain;
use crate::report::hook::{Cause, real, trouble};
use crate::report::state::State;
use crate::settings::Hooks as Programs;
use crate::sweep::{News, Scope};

/// No hook is called for a real follower whose message is older, in seconds: a first look through a large inbox would tell of hundreds.
const NEWS: u64 = 24 * 60 * 60;
/// So many messages are remembered as told.
const REMEMBERED: usize = 4096;

/// What an account's thread wants told.
#[derive(Clone, Debug)]
pub(super) enum Notice {
    /// Something needs a person.
    Trouble(Cause, String),
    /// A real follower; what the program is told.
    Real(String),
}

/// The real followers of a thread's messages for whom the hook has run.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeSet<MailRef>);

impl Told {
    /// What a sweep's news is worth to a hook. A sweep that a command asked for judges old messages.
    pub(super) fn notice(
        &mut self,
        news: &News,
        scope: Scope,
        words: impl FnOnce() -> String,
    ) -> Option<Notice> {
        match news {
            News::HeldBack { .. } => Some(Notice::Trouble(Cause::Fuse, words())),
            News::Mail(dealt) if scope == Scope::New => {
                let Recognition::Recognised(notification) = &dealt.assessment.recognition else {
                    return None;
                };
                if is_old(notification.received, clock::now()) || self.0.contains(&dealt.mail) {
                    return None;
                }
                let told = real(dealt)?;
                if self.0.len() >= REMEMBERED {
                    self.0.clear();
                }
                self.0.insert(dealt.mail.clone());
                Some(Notice::Real(told))
            }
            _ => None,
        }
    }
}

fn is_old(received: Timestamp, now: Timestamp) -> bool {
    received < now && now.since(received) > NEWS
}

/// The hooks of the service.
#[derive(Debug)]
pub(super) struct Hooks {
    queue: Queue,
    /// The troubles that last, and have been told.
    told: BTreeSet<(Option<AccountName>, Cause)>,
    /// Calls that found no room since the last one that did.
    lost: u64,
}

impl Hooks {
    /// No trouble so far.
    pub(super) fn new() -> Self {
        let queue = Queue::start(|hook, fault| {
            warn!(message_id = kind::HOOK, hook, "the hook {hook} failed: {}", Chain(fault));
        });
        Self { queue, told: BTreeSet::new(), lost: 0 }
    }

    /// An account is in this state from now on.
    pub(super) fn state(&mut self, programs: &Programs, account: &AccountName, state: &State) {
        match state {
            State::Parked { trouble } => self.trouble(programs, Some(account), Cause::Paused, trouble),
            State::Blocked { trouble } => self.trouble(programs, Some(account), Cause::Blocked, trouble),
            State::Watching | State::Hindered { .. } => {
                self.over(Some(account), Cause::Paused);
                self.over(Some(account), Cause::Blocked);
            }
            State::Connecting | State::Away { .. } | State::Halted { .. } | State::Crashed => {}
        }
    }

    /// What an account's thread wants told.
    pub(super) fn notice(&mut self, programs: &Programs, account: &AccountName, notice: Notice) {
        match notice {
            // Its thread says it once a week, and at the start.
            Notice::Trouble(cause, words) => {
                self.over(Some(account), cause);
                self.trouble(programs, Some(account), cause, &words);
            }
            Notice::Real(told) => self.call("on-real", programs.on_real.as_ref(), programs, told),
        }
    }

    /// A trouble that lasts until [`Hooks::over`]; it is told once.
    pub(super) fn trouble(
        &mut self,
        programs: &Programs,
        account: Option<&AccountName>,
        cause: Cause,
        words: &str,
    ) {
        if programs.on_trouble.is_some() && self.told.insert((account.cloned(), cause)) {
            let told = trouble(cause, account, words, clock::now());
            self.call("on-trouble", programs.on_trouble.as_ref(), programs, told);
        }
    }

    /// A trouble is over.
    pub(super) fn over(&mut self, account: Option<&AccountName>, cause: Cause) {
        self.told.remove(&(account.cloned(), cause));
    }

    fn call(&mut self, hook: &'static str, words: Option<&Vec<String>>, programs: &Programs, told: String) {
        let Some(words) = words.cloned() else { return };
        debug!(hook, "calling a hook");
        let has_room = self.queue.call(Call { hook, words, environment: programs.environment.clone(), told });
        if has_room {
            self.lost = 0;
        } else {
            self.lost += 1;
            if self.lost == 1 {
                warn!(
                    message_id = kind::HOOK,
                    hook, "too many calls of hooks wait; {hook} is not called until there is room"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_yesterday_is_old_and_one_from_a_clock_that_is_ahead_is_not() {
        let now = Timestamp(1_800_000_000);
        assert!(!is_old(Timestamp(now.0 - 86_400), now) && is_old(Timestamp(now.0 - 86_401), now));
        assert!(!is_old(Timestamp(now.0 + 900), now));
    }
}
