//! Asks for messages of the open folder so that one that the server cannot show costs only itself.
//!
//! Owns how a FETCH that fails is parted: what came for other messages is used, and the rest is asked for in halves until the
//! culprits stand alone, with a limited number of commands in a sweep. Remembers why each was not shown. Changes nothing. Called
//! by `fetch` and `proof`.

use std::collections::BTreeSet;

use super::bounds::Limits;
use super::culprits::{Asking, Failure};
use super::fate::Fate;
use super::fault::{Cause, Fault, Step, Subject};
use super::line::{LOGOUT, Piece};
use super::refusal::{Code, Refusal, Status};
use super::response::{Fetched, Response};
use super::session::{Opened, Session};
use super::texts::{CONTRADICTION, Texts};
use super::uids;
use crate::place::Uid;

/// If so many parts fail one after the other and nothing ever comes, it is not about single messages. Because of the first message
/// of a batch alone, nine fail one after the other, each half of the one before.
const HOPELESS: u32 = 16;

/// The messages of one FETCH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Those from the first UID to the second; some may have been deleted.
    Within(Uid, Uid),
    /// These.
    These(Vec<Uid>),
}

impl Asked {
    /// Their UIDs.
    pub(super) fn uids(&self) -> Vec<Uid> {
        match self {
            Self::Within(low, high) => (low.0..=high.0).map(Uid).collect(),
            Self::These(uids) => uids.clone(),
        }
    }

    /// The parts for commands; one, unless the UIDs lie far apart.
    fn parts(&self) -> Vec<Self> {
        match self {
            Self::Within(..) => vec![self.clone()],
            Self::These(uids) => uids::split(uids).into_iter().map(Self::These).collect(),
        }
    }

    /// The set for a command, if this is a part.
    fn set(&self) -> String {
        match self {
            Self::Within(low, high) => format!("{low}:{high}"),
            Self::These(uids) => uids::sets(uids.iter().copied()).join(","),
        }
    }
}

/// A FETCH: what is asked, by which step, on what.
#[derive(Clone, Copy, Debug)]
struct Request<'r> {
    doing: Step,
    on: &'r Subject,
    items: &'r str,
    /// For each command.
    limits: Limits,
    /// The limits are for so many messages.
    most: usize,
}

impl Request<'_> {
    /// These messages in commands of no more than the limits are for.
    fn commands(&self, uids: &[Uid]) -> Vec<Asked> {
        uids.chunks(self.most).map(|some| Asked::These(some.to_vec())).collect()
    }
}

/// What came in answer to a FETCH.
#[derive(Debug, Default)]
struct Came {
    shown: BTreeSet<Uid>,
    /// Those of them before the end of whose command's answer something could not be read.
    doubtful: BTreeSet<Uid>,
}

impl Session {
    /// Begins a sweep: as many commands as ever may be spent on messages that the server cannot show.
    pub fn begin_sweep(&mut self) {
        self.culprits.begin();
    }

    /// Why the server did not show a message of the open folder, if that is known.
    pub fn why_unshown(&self, uid: Uid) -> Option<&str> {
        self.culprits.why.get(&uid).map(String::as_str)
    }

    /// Those of `uids` in the open folder that are not asked for any more, since earlier sessions of this process ended over them.
    pub fn left_out(&self, uids: &[Uid]) -> Vec<Uid> {
        let found = |open: &Opened| self.culprits.suspects.found_among(&open.folder, open.validity, uids);
        self.open.as_ref().map(found).unwrap_or_default()
    }

    /// Fetches `items` of messages, with several commands ahead of the answers, and gives `each` the data as it comes. Returns
    /// the messages in whose command's answer something could not be read: what came of them proves nothing.
    pub(super) fn ask(
        &mut self,
        doing: Step,
        asked: &[Asked],
        items: &str,
        limits: Limits,
        each: &mut dyn FnMut(Uid, Fetched<'_>),
    ) -> Result<BTreeSet<Uid>, Fault> {
        let on = Subject::Folder(self.here(doing)?.folder);
        let most = asked.iter().map(|asked| asked.uids().len()).max().unwrap_or(1).max(1);
        let request = Request { doing, on: &on, items, limits, most };
        let mut came = Came::default();
        let all: Vec<Uid> = asked.iter().flat_map(Asked::uids).collect();
        let failure = self.fly_warily(request, asked, &all, &mut came, each)?;
        if !self.culprits.is_clear() {
            self.culprits.clear(&Vec::from_iter(came.shown.iter().copied()));
        }
        let Some(failure) = failure else { return Ok(came.doubtful) };
        // Those over which sessions ended are not asked for in parts either.
        let here = self.here(doing)?;
        let deadly = self.culprits.suspects.found_among(&here.folder, here.validity, &all);
        let missing: Vec<Uid> =
            all.into_iter().filter(|uid| !came.shown.contains(uid) && !deadly.contains(uid)).collect();
        let missing = Vec::from_iter(self.present(&missing)?);
        self.culprits.in_vain = u32::from(came.shown.is_empty());
        // One that is left over need not be the culprit: what follows an unreadable response may have been dropped.
        if let [one] = missing.as_slice() {
            self.culprits.left = self.culprits.left.saturating_sub(1);
            if let Some(failure) = self.fly(request, &request.commands(&[*one]), &mut came, each)?
                && !came.shown.contains(one)
            {
                self.culprits.note(&[*one], &failure);
            }
        } else {
            self.part(request, &missing, failure, &mut came, each)?;
        }
        Ok(came.doubtful)
    }

    /// A flight, or several if sessions have ended over some of these messages: the suspects first, in parts.
    fn fly_warily(
        &mut self,
        request: Request<'_>,
        asked: &[Asked],
        all: &[Uid],
        came: &mut Came,
        each: &mut dyn FnMut(Uid, Fetched<'_>),
    ) -> Result<Option<Failure>, Fault> {
        if self.culprits.suspects.is_empty() {
            return self.fly(request, asked, came, each);
        }
        let here = self.here(request.doing)?;
        let found = self.culprits.suspects.found_among(&here.folder, here.validity, all);
        self.culprits.note(&found, &Failure::Deadly);
        let mut others: Vec<Uid> = all.iter().copied().filter(|uid| !found.contains(uid)).collect();
        let parts = self.culprits.suspects.part(&here.folder, here.validity, request.items, &mut others);
        // What is asked beside them could be what a session ends over, and an innocent message would be suspect.
        self.ahead.beside = None;
        let mut failure = None;
        for part in &parts {
            failure = self.fly(request, &request.commands(part), came, each)?.or(failure);
        }
        if !parts.is_empty() {
            self.culprits.suspects.acquit();
        }
        Ok(self.fly(request, &request.commands(&others), came, each)?.or(failure))
    }

    /// Asks in halves for messages of which a FETCH has shown none.
    fn part(
        &mut self,
        request: Request<'_>,
        uids: &[Uid],
        why: Failure,
        came: &mut Came,
        each: &mut dyn FnMut(Uid, Fetched<'_>),
    ) -> Result<(), Fault> {
        if uids.len() <= 1 || self.culprits.left == 0 {
            self.culprits.note(uids, &why);
            return Ok(());
        }
        let (one, other) = uids.split_at(uids.len() / 2);
        for half in [one, other] {
            self.culprits.left = self.culprits.left.saturating_sub(1);
            let failure = self.fly(request, &request.commands(half), came, each)?;
            let Some(failure) = failure else {
                self.culprits.in_vain = 0;
                continue;
            };
            let missing: Vec<Uid> = half.iter().copied().filter(|uid| !came.shown.contains(uid)).collect();
            self.require_hope(request, missing.len() == half.len(), &failure)?;
            self.part(request, &missing, failure, came, each)?;
        }
        Ok(())
    }

    /// Fails if part after part fails and nothing comes.
    fn require_hope(&mut self, request: Request<'_>, in_vain: bool, failure: &Failure) -> Result<(), Fault> {
        self.culprits.in_vain = if in_vain { self.culprits.in_vain + 1 } else { 0 };
        if self.culprits.in_vain < HOPELESS {
            return Ok(());
        }
        let cause = match failure {
            Failure::Refused(refusal) => Cause::Refused(refusal.clone()),
            Failure::Unclear(why) => Cause::Unclear(why),
            Failure::Deadly => Cause::NoData,
        };
        Err(Fault::of(request.doing, request.on, cause))
    }

    /// One flight of FETCH commands; notes the messages that came, and returns what failed, if anything did.
    fn fly(
        &mut self,
        request: Request<'_>,
        asked: &[Asked],
        came: &mut Came,
        each: &mut dyn FnMut(Uid, Fetched<'_>),
    ) -> Result<Option<Failure>, Fault> {
        let Request { doing, on, items, .. } = request;
        let mut parts: Vec<Asked> = asked.iter().flat_map(Asked::parts).collect();
        if parts.is_empty() {
            return Ok(None);
        }
        let here = self.here(doing)?;
        let uids = asked.iter().flat_map(Asked::uids).collect();
        self.culprits.in_flight =
            Some(Asking { folder: here.folder, validity: here.validity, items: items.to_owned(), uids });
        let fetches = parts.len();
        let (also, more) = self.ahead.beside.take().unwrap_or_default();
        parts.extend(Asked::These(also).parts());
        let fetch = |(at, part): (usize, &Asked)| {
            format!("UID FETCH {} ({})", part.set(), if at < fetches { items } else { &more })
        };
        let mut commands: Vec<String> = parts.iter().enumerate().map(fetch).collect();
        let (beside, names) = self.beside();
        commands.extend(beside);
        self.name_is_due = false;
        let mut texts = Texts::of(parts.iter().flat_map(Asked::uids));
        let (mut listed, mut states, mut unclear, mut is_contradictory) =
            (Vec::new(), Vec::new(), None, false);
        let flown = self.line.flight(&commands, request.limits, &mut |piece| match piece {
            Piece::Response(Response::Fetch(fetched)) => {
                if !texts.is_credible(&fetched) {
                    is_contradictory = true;
                    unclear.get_or_insert(Failure::Unclear(CONTRADICTION));
                }
                // A change of flags alone is not what was asked for.
                let is_data = fetched.section.is_some() || fetched.body.is_some() || fetched.size.is_some();
                if let Some(uid) = fetched.uid.filter(|_| is_data) {
                    came.shown.insert(uid);
                    each(uid, fetched);
                }
            }
            Piece::Response(Response::List(folder)) => listed.push(folder),
            Piece::Response(Response::Status(state)) => states.push(state),
            Piece::Response(_) => {}
            Piece::PassedOver(why) => drop(unclear.get_or_insert(Failure::Unclear(why))),
        });
        let mut flown = flown.map_err(|cause| Fault::of(doing, on, cause))?;
        self.culprits.in_flight = None;
        if flown.len() < commands.len() {
            return Err(Fault::of(doing, on, Cause::Stopped));
        }
        for (part, one) in parts.iter().zip(&flown) {
            if is_contradictory || one.is_unclear {
                came.doubtful.extend(part.uids().into_iter().filter(|uid| came.shown.contains(uid)));
            }
        }
        // What was asked beside the messages is asked again where it is needed.
        if flown.split_off(fetches).iter().all(|one| one.refusal.is_none()) && unclear.is_none() {
            self.note_listed(listed);
            states.into_iter().for_each(|state| self.ahead.note_landing(&names, state));
        }
        let refused = flown.into_iter().find_map(|one| one.refusal);
        if let Some(refusal) = &refused {
            self.require_partable(request, refusal)?;
        }
        Ok(refused.map(Failure::Refused).or(unclear))
    }

    /// Fetches `items` of messages by several commands ahead of the answers, and gives `each` what comes. Returns whether everything
    /// could be read: if not, what came proves nothing. `false` without a command if one is enough. Where the session leaves, LOGOUT
    /// is the last of the commands.
    pub(super) fn ask_at_once(
        &mut self,
        doing: Step,
        uids: &[Uid],
        items: &str,
        limits: Limits,
        each: &mut dyn FnMut(Uid, &Fetched<'_>),
    ) -> Result<bool, Fault> {
        let on = Subject::Folder(self.here(doing)?.folder);
        let sets = uids::sets(uids.iter().copied());
        let leaves = std::mem::take(&mut self.leaves) && self.line.sends_ahead() && !sets.is_empty();
        if sets.len() < 2 && !leaves {
            return Ok(false);
        }
        let mut commands: Vec<String> = sets.iter().map(|set| format!("UID FETCH {set} ({items})")).collect();
        commands.extend(leaves.then(|| LOGOUT.to_owned()));
        let (mut texts, mut is_clear) = (Texts::of(uids.iter().copied()), true);
        let flown = self.line.flight(&commands, limits, &mut |piece| match piece {
            Piece::Response(Response::Fetch(fetched)) => {
                // Without a UID it says something of a message that only its number names.
                is_clear &= fetched.uid.is_some() && texts.is_credible(&fetched);
                fetched.uid.into_iter().for_each(|uid| each(uid, &fetched));
            }
            Piece::PassedOver(_) => is_clear = false,
            Piece::Response(_) => {}
        });
        // A session that wanted to leave is spent also where the server left earlier.
        let spent = |cause| if leaves { Cause::Spent } else { cause };
        let flown = flown.map_err(|cause| Fault::of(doing, &on, spent(cause)))?;
        let is_done =
            flown.len() == commands.len() && flown.iter().take(sets.len()).all(|one| one.refusal.is_none());
        let is_clear = is_clear && is_done;
        if is_clear {
            self.culprits.clear(uids);
        }
        Ok(is_clear)
    }

    /// Fetches `items` of messages by commands of at most `most` messages each, and gives `each` only what came in an answer of
    /// which everything could be read: for proofs and flags. Returns the messages of which no such answer came.
    pub(super) fn ask_strictly(
        &mut self,
        doing: Step,
        uids: &[Uid],
        most: usize,
        items: &str,
        limits: Limits,
        each: &mut dyn FnMut(Uid, &Fetched<'_>),
    ) -> Result<Vec<Uid>, Fault> {
        let on = Subject::Folder(self.here(doing)?.folder);
        let request = Request { doing, on: &on, items, limits, most };
        self.culprits.in_vain = 0;
        let mut unclear = Vec::new();
        for some in uids.chunks(most) {
            for set in uids::split(some) {
                self.ask_part(request, &set, each, &mut unclear)?;
            }
        }
        Ok(unclear)
    }

    fn ask_part(
        &mut self,
        request: Request<'_>,
        uids: &[Uid],
        each: &mut dyn FnMut(Uid, &Fetched<'_>),
        unclear: &mut Vec<Uid>,
    ) -> Result<(), Fault> {
        let Some(set) = uids::sets(uids.iter().copied()).pop() else { return Ok(()) };
        let Request { doing, on, items, limits, .. } = request;
        let failure = match self.run(doing, on, &format!("UID FETCH {set} ({items})"), limits) {
            Ok(answer) => match answer.passed_over().or(answer.contradiction(uids)) {
                None => {
                    answer.fetched().iter().for_each(|(uid, fetched)| each(*uid, fetched));
                    self.culprits.clear(uids);
                    self.culprits.in_vain = 0;
                    return Ok(());
                }
                Some(why) => Failure::Unclear(why),
            },
            Err(Fault { cause: Cause::Refused(refusal), .. }) if !self.is_spent() => {
                self.require_partable(request, &refusal)?;
                Failure::Refused(refusal)
            }
            Err(fault) => return Err(fault),
        };
        if uids.len() == 1 || self.culprits.left == 0 {
            self.culprits.note(uids, &failure);
            unclear.extend(uids);
            return Ok(());
        }
        self.require_hope(request, true, &failure)?;
        let (one, other) = uids.split_at(uids.len() / 2);
        for half in [one, other] {
            self.culprits.left = self.culprits.left.saturating_sub(1);
            self.ask_part(request, half, each, unclear)?;
        }
        Ok(())
    }

    /// May a refused command be repeated in parts? Not if the server says that it is busy, or if the session is at its end.
    fn require_partable(&mut self, request: Request<'_>, refusal: &Refusal) -> Result<(), Fault> {
        let Request { doing, on, .. } = request;
        let fault = || Fault::of(doing, on, Cause::Refused(refusal.clone()));
        match (refusal.status, refusal.code) {
            (_, Some(Code::Unavailable | Code::InUse | Code::Limit | Code::OverQuota | Code::Alert)) => {
                Err(fault())
            }
            // About the login or the account, and not about a message.
            _ if fault().fate() == Fate::Park => Err(fault()),
            // Exchange says BAD about one message (https://github.com/jstedfast/MailKit/issues/358), and Outlook to any command
            // of a session that it has given up (https://github.com/mscdex/node-imap/issues/689).
            (Status::Bad, _) => match self.run(doing, on, "NOOP", Limits::SHORT) {
                Ok(_) => Ok(()),
                Err(_) => Err(fault()),
            },
            (Status::No | Status::Bye, _) => Ok(()),
        }
    }
}
