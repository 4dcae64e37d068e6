//! Public profiles: which are to be looked up, the answers, and when each server may be asked again.
//!
//! The open questions are kept here and not in memory, so that they survive a restart, and so that the limits hold for all of the
//! user's processes together. `sweep` notes what it wants to know and reads answers, `lookup` asks and notes what came of it.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Ledger, LedgerFault, encoding};
use crate::clock::Timestamp;
use crate::host::HostName;
use crate::mail::{Follower, FollowerKey, Network};
use crate::place::AccountName;

/// For so long, in seconds, an answer counts and a follower is not asked about again.
const DAY: i64 = 24 * 60 * 60;
/// One question at a time for each server: the process that asks has it for so long. By ActivityPub, a question takes several
/// requests, which end within 30 seconds.
const LEASE: i64 = 40;
/// After so many seconds, at the earliest, a server is asked again about an account for which it failed; later each time.
const AGAIN: i64 = 60;
/// The next request to a server that answers comes no sooner: Mastodon allows 300 in five minutes.
const APART: i64 = 1;
/// The longest pause of a server. A later moment is a clock that was set back.
pub(super) const LONGEST_PAUSE: i64 = 2 * DAY;
/// After so many seconds, an answer is forgotten.
const KEPT: i64 = 400 * DAY;

/// An account about which a server is to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The follower.
    pub follower: FollowerKey,
    /// The server to ask.
    pub server: HostName,
    /// The name of the account.
    pub name: String,
    /// The server of the account, if it is another one.
    pub host: Option<HostName>,
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The server.
    pub server: String,
    /// When.
    pub at: Timestamp,
    /// The facts.
    pub follower: Follower,
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Facts.
    Facts(Box<Follower>),
    /// An answer without a use, such as one about another account. It is not asked for again that day.
    Nothing,
    /// No answer. The server is not asked before this moment.
    Later(Timestamp),
    /// The user's token is refused or cannot be read. The server has not failed; it is not asked before this moment, unless the file
    /// with the token has changed.
    Refused {
        /// When it may be asked again.
        until: Timestamp,
        /// What identifies the file as it is.
        token: String,
    },
}

impl Ledger {
    /// Notes that answers are wanted. Returns those of the questions that are open now: not those about a follower about whom a
    /// server was asked within the last day.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn want(
        &mut self,
        account: &AccountName,
        questions: &[Question],
        now: Timestamp,
    ) -> Result<Vec<FollowerKey>, LedgerFault> {
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        self.write("note what to look up", |transaction| {
            let mut open = Vec::new();
            for Question { follower, server, name, host } in questions {
                let host = host.as_ref().map(HostName::as_str);
                let wanted = transaction
                    .prepare_cached(
                        // A question that nobody answered for a day is closed, and may be opened again.
                        "INSERT INTO lookup (network, key, account, server, name, host, wanted_at)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                         ON CONFLICT (network, key) DO UPDATE SET account = ?3, server = ?4, name = ?5, host = ?6,
                             wanted_at = CASE WHEN wanted_at BETWEEN ?7 - ?8 + 1 AND ?7 THEN wanted_at ELSE ?7 END
                         WHERE (wanted_at BETWEEN ?7 - ?8 + 1 AND ?7)
                             OR tried_at IS NULL OR tried_at NOT BETWEEN ?7 - ?8 + 1 AND ?7",
                    )?
                    .execute(params![
                        follower.network(),
                        follower.as_str(),
                        account,
                        server.as_str(),
                        name,
                        host,
                        now,
                        DAY
                    ])?;
                if wanted > 0 {
                    open.push(follower.clone());
                }
            }
            Ok(open)
        })
    }

    /// The question of an account that can be asked first, and from when on. One that failed comes after the others, and each time it
    /// waits for as long as it has been open. A question that nobody answered for a day is not asked any more.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn next_question(
        &self,
        account: &AccountName,
        now: Timestamp,
    ) -> Result<Option<(Question, Timestamp)>, LedgerFault> {
        self.read("look for what to look up", |connection| {
            let question = |row: &Row<'_>| {
                let follower = FollowerKey::stored(row.get::<_, Network>(0)?, row.get(1)?);
                let host = |text: Option<String>| text.and_then(|text| HostName::parse(&text));
                let server: String = row.get(2)?;
                let question = HostName::parse(&server).map(|server| -> rusqlite::Result<_> {
                    Ok(Question { follower, server, name: row.get(3)?, host: host(row.get(4)?) })
                });
                Ok((question.transpose()?, Timestamp(row.get(5)?)))
            };
            let first = connection
                .prepare_cached(
                    "SELECT network, key, lookup.server, name, host, max(
                         iif(coalesce(not_before, 0) > ?2 + ?4, ?2, coalesce(not_before, 0)),
                         iif(tried_at BETWEEN wanted_at AND ?2, tried_at + max(?5, tried_at - wanted_at), 0)) AS due
                     FROM lookup LEFT JOIN lookup_server USING (server)
                     WHERE account = ?1 AND wanted_at BETWEEN ?2 - ?3 + 1 AND ?2
                     ORDER BY due, iif(tried_at >= wanted_at, tried_at, 0), wanted_at, key LIMIT 1",
                )?
                .query_row(params![account, now, DAY, LONGEST_PAUSE, AGAIN], question)
                .optional()?;
            Ok(first.and_then(|(question, due)| Some((question?, due))))
        })
    }

    /// Reserves the server of a question for it; returns for how many other accounts in a row it failed, or 0 if it failed for this
    /// one before, which says nothing more about the server. `None` if the server may not be asked now.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn claim_server(&mut self, question: &Question, now: Timestamp) -> Result<Option<u32>, LedgerFault> {
        self.write("note that a server is asked", |transaction| {
            let is_again = has_failed(transaction, question)?;
            let failures: Option<u32> = transaction
                .prepare_cached(
                    "INSERT INTO lookup_server (server, not_before, failures) VALUES (?1, ?2 + ?3, 0)
                     ON CONFLICT (server) DO UPDATE SET not_before = ?2 + ?3
                     WHERE not_before NOT BETWEEN ?2 + 1 AND ?2 + ?4 RETURNING failures",
                )?
                .query_row(params![question.server.as_str(), now, LEASE, LONGEST_PAUSE], |row| row.get(0))
                .optional()?;
            Ok(failures.map(|failures| if is_again { 0 } else { failures }))
        })
    }

    /// Notes what came of a question, and when the server may be asked again, if it said so. With an answer, the messages that wait
    /// for it are due.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn note_reply(
        &mut self,
        question: &Question,
        reply: &Reply,
        next: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), LedgerFault> {
        let Question { follower, server, .. } = question;
        self.write("note what was looked up", |transaction| {
            let (network, key) = (follower.network(), follower.as_str());
            let pause = match reply {
                Reply::Later(until) => {
                    let counts = !has_failed(transaction, question)?;
                    transaction
                        .prepare_cached("UPDATE lookup SET tried_at = ?3 WHERE network = ?1 AND key = ?2")?
                        .execute(params![network, key, now])?;
                    Some((until, counts, None))
                }
                Reply::Refused { until, token } => Some((until, false, Some(token))),
                Reply::Facts(_) | Reply::Nothing => None,
            };
            if let Some((not_before, counts, token)) = pause {
                return transaction
                    .prepare_cached(
                        "INSERT INTO lookup_server (server, not_before, failures, token) VALUES (?1, ?2, ?3, ?4)
                         ON CONFLICT (server) DO UPDATE SET not_before = ?2, failures = failures + ?3, token = ?4",
                    )?
                    .execute(params![server.as_str(), not_before, counts, token])
                    .map(drop);
            }
            transaction
                .prepare_cached(
                    "INSERT INTO lookup_server (server, not_before, failures) VALUES (?1, ?2, 0)
                     ON CONFLICT (server) DO UPDATE SET not_before = ?2, failures = 0, token = NULL",
                )?
                .execute(params![server.as_str(), next.map_or(0, |next| next.0).max(now.0 + APART)])?;
            let facts = match reply {
                Reply::Facts(facts) => Some(encoding::write_follower(facts)),
                Reply::Nothing | Reply::Later(_) | Reply::Refused { .. } => None,
            };
            transaction
                .prepare_cached(
                    "INSERT INTO lookup (network, key, account, server, name, host, tried_at, answered_at, answered_by, facts)
                     VALUES (?1, ?2, '', ?3, ?6, ?7, ?4, iif(?5 IS NULL, NULL, ?4), iif(?5 IS NULL, NULL, ?3), ?5)
                     ON CONFLICT (network, key) DO UPDATE SET wanted_at = NULL, tried_at = ?4,
                         answered_at = iif(?5 IS NULL, answered_at, ?4), answered_by = iif(?5 IS NULL, answered_by, ?3),
                         facts = coalesce(?5, facts)",
                )?
                .execute(params![
                    network,
                    key,
                    server.as_str(),
                    now,
                    facts,
                    question.name,
                    question.host.as_ref().map(HostName::as_str)
                ])?;
            transaction
                .prepare_cached(
                    "UPDATE waiting SET due_at = min(due_at, ?3) WHERE why = 'lookup' AND mail IN (
                         SELECT judgement.mail FROM follower CROSS JOIN judgement ON judgement.id = follower.judgement
                         WHERE follower.network = ?1 AND follower.key = ?2)",
                )?
                .execute(params![network, key, now])?;
            for forgotten in [
                "DELETE FROM lookup WHERE tried_at < ?1 AND coalesce(wanted_at, 0) < ?1",
                "DELETE FROM lookup WHERE tried_at IS NULL AND wanted_at < ?1",
            ] {
                transaction.prepare_cached(forgotten)?.execute([now.0 - KEPT])?;
            }
            Ok(())
        })
    }

    /// The last answer about a follower that came at `since` or later.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn looked_up(&self, follower: &FollowerKey, since: Timestamp) -> Result<Option<Answer>, LedgerFault> {
        self.read("look for what was looked up", |connection| {
            let answer = |row: &Row<'_>| {
                let (at, server, facts): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(Answer { server, at: Timestamp(at), follower: encoding::read_follower(&facts)? })
            };
            connection
                .prepare_cached(
                    "SELECT answered_at, answered_by, facts FROM lookup
                     WHERE network = ? AND key = ? AND answered_at >= ? AND facts IS NOT NULL",
                )?
                .query_row(params![follower.network(), follower.as_str(), since], answer)
                .optional()
        })
    }

    /// The last answer about a follower that still counts: from the last day.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn looked_up_lately(
        &self,
        follower: &FollowerKey,
        now: Timestamp,
    ) -> Result<Option<Answer>, LedgerFault> {
        self.looked_up(follower, Timestamp(now.0 - DAY))
    }
}

/// Has the server failed to answer this question before, since it was opened?
fn has_failed(transaction: &Connection, Question { follower, .. }: &Question) -> rusqlite::Result<bool> {
    transaction
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM lookup WHERE network = ? AND key = ? AND tried_at >= wanted_at)",
        )?
        .query_row(params![follower.network(), follower.as_str()], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Shown;

    const NOW: Timestamp = Timestamp(1_800_000_000);

    fn later(seconds: i64) -> Timestamp {
        Timestamp(NOW.0 + seconds)
    }

    fn question(name: &str) -> Question {
        let follower = FollowerKey::stored(Network::new("mastodon").unwrap(), format!("@{name}@far.example"));
        let host = |name| HostName::parse(name).unwrap();
        Question {
            follower,
            server: host("toot.example"),
            name: name.to_owned(),
            host: Some(host("far.example")),
        }
    }

    struct Scene {
        _folder: tempfile::TempDir,
        ledger: Ledger,
        account: AccountName,
    }

    fn scene() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        Scene { _folder: folder, ledger, account: AccountName::new("home").unwrap() }
    }

    impl Scene {
        fn want(&mut self, name: &str, now: Timestamp) -> bool {
            !self.ledger.want(&self.account, &[question(name)], now).unwrap().is_empty()
        }

        fn next(&self, now: Timestamp) -> Option<(String, i64)> {
            let next = self.ledger.next_question(&self.account, now).unwrap();
            next.map(|(question, due)| (question.name, due.0))
        }
    }

    #[test]
    fn a_follower_is_asked_about_once_a_day() {
        let mut scene = scene();
        assert!(scene.want("ann", NOW) && scene.want("ann", later(5)));
        assert_eq!(scene.next(later(5)), Some(("ann".to_owned(), 0)));
        let facts = Follower { followers: Shown::Value(3), ..Follower::default() };
        let reply = Reply::Facts(Box::new(facts.clone()));
        scene.ledger.note_reply(&question("ann"), &reply, None, later(10)).unwrap();
        assert_eq!(scene.next(later(10)), None);
        let key = question("ann").follower;
        let answer = Answer { server: "toot.example".to_owned(), at: later(10), follower: facts };
        assert_eq!(scene.ledger.looked_up_lately(&key, later(20)).unwrap(), Some(answer.clone()));
        assert!(!scene.want("ann", later(20)) && !scene.want("ann", later(10 + DAY - 1)));
        assert!(scene.want("ann", later(11 + DAY)));
        assert_eq!(scene.ledger.looked_up_lately(&key, later(11 + DAY)).unwrap(), None);
        // An answer without a use keeps what was known, and closes the question.
        scene.ledger.note_reply(&question("ann"), &Reply::Nothing, None, later(12 + DAY)).unwrap();
        assert!(!scene.want("ann", later(13 + DAY)));
        assert_eq!(scene.ledger.looked_up(&key, NOW).unwrap(), Some(answer));
    }

    #[test]
    fn a_question_that_failed_comes_after_the_others() {
        let mut scene = scene();
        for name in ["ann", "bob", "eve"] {
            scene.want(name, NOW);
        }
        let mut order = Vec::new();
        for minute in 0..5 {
            let now = later(60 * minute);
            let (name, _) = scene.next(now).unwrap();
            scene
                .ledger
                .note_reply(&question(&name), &Reply::Later(later(60 * minute + 60)), None, now)
                .unwrap();
            order.push(name);
        }
        assert_eq!(order, ["ann", "bob", "eve", "ann", "bob"]);
        scene.want("zoe", later(300));
        assert_eq!(scene.next(later(300)).unwrap().0, "zoe");
    }

    #[test]
    fn the_failures_for_one_account_count_once_and_it_is_asked_about_less_and_less_often() {
        let mut scene = scene();
        scene.want("ann", NOW);
        let mut attempts = Vec::new();
        for _ in 0..9 {
            let now = scene.next(later(DAY - 1)).unwrap().1.max(NOW.0);
            assert_eq!(scene.ledger.claim_server(&question("ann"), Timestamp(now)).unwrap(), Some(0));
            let pause = Reply::Later(Timestamp(now + 60));
            scene.ledger.note_reply(&question("ann"), &pause, None, Timestamp(now)).unwrap();
            attempts.push(now - NOW.0);
        }
        assert_eq!(attempts, [0, 60, 120, 240, 480, 960, 1920, 3840, 7680]);
        // Another account is asked about at once, and a failure for it counts.
        scene.want("bob", later(8000));
        assert_eq!(scene.next(later(8000)).unwrap().0, "bob");
        assert_eq!(scene.ledger.claim_server(&question("bob"), later(8000)).unwrap(), Some(1));
        let pause = Reply::Later(later(8120));
        scene.ledger.note_reply(&question("bob"), &pause, None, later(8001)).unwrap();
        assert_eq!(scene.ledger.claim_server(&question("eve"), later(8120)).unwrap(), Some(2));
        // An answer starts anew.
        scene.ledger.note_reply(&question("ann"), &Reply::Nothing, None, later(8121)).unwrap();
        assert_eq!(scene.ledger.claim_server(&question("eve"), later(8130)).unwrap(), Some(0));
    }

    #[test]
    fn a_moment_in_the_past_does_not_make_the_next_request_come_sooner() {
        let mut scene = scene();
        let next = Some(later(-100));
        scene.ledger.note_reply(&question("ann"), &Reply::Nothing, next, NOW).unwrap();
        assert_eq!(scene.ledger.claim_server(&question("bob"), NOW).unwrap(), None);
        assert_eq!(scene.ledger.claim_server(&question("bob"), later(APART)).unwrap(), Some(0));
    }

    #[test]
    fn a_question_without_an_answer_is_forgotten_in_the_end() {
        let mut scene = scene();
        scene.want("ann", NOW);
        let rows = |scene: &Scene| {
            let count = |connection: &rusqlite::Connection| {
                connection.query_row("SELECT count(*) FROM lookup", [], |row| row.get::<_, u32>(0))
            };
            scene.ledger.read("count", count).unwrap()
        };
        for (moment, expected) in [(later(KEPT), 2), (later(KEPT + 1), 1)] {
            scene.ledger.note_reply(&question("bob"), &Reply::Nothing, None, moment).unwrap();
            assert_eq!(rows(&scene), expected);
        }
    }

    #[test]
    fn a_token_that_is_refused_is_not_a_failure_of_the_server() {
        let mut scene = scene();
        let server = HostName::parse("toot.example").unwrap();
        let refused = Reply::Refused { until: later(900), token: "old".to_owned() };
        scene.ledger.note_reply(&question("ann"), &refused, None, NOW).unwrap();
        let rests = |scene: &Scene, token, now| scene.ledger.rests_until(&server, Some(token), now).unwrap();
        assert_eq!(rests(&scene, "old", later(1)), Some(later(900)));
        assert_eq!(scene.ledger.claim_server(&question("ann"), later(899)).unwrap(), None);
        assert_eq!(rests(&scene, "old", later(900)), None);
        assert_eq!(scene.ledger.claim_server(&question("ann"), later(900)).unwrap(), Some(0));
        // Another token is tried at once.
        scene.ledger.note_reply(&question("ann"), &refused, None, NOW).unwrap();
        scene.ledger.note_token(&server, "old").unwrap();
        assert_eq!(scene.ledger.claim_server(&question("ann"), later(1)).unwrap(), None);
        assert_eq!(rests(&scene, "new", later(1)), None);
        scene.ledger.note_token(&server, "new").unwrap();
        assert_eq!(scene.ledger.claim_server(&question("ann"), later(1)).unwrap(), Some(0));
        // A pause that has another cause stays.
        scene.ledger.note_reply(&question("ann"), &Reply::Later(later(600)), None, later(2)).unwrap();
        scene.ledger.note_token(&server, "newer").unwrap();
        assert_eq!(rests(&scene, "newer", later(3)), Some(later(600)));
    }

    #[test]
    fn one_request_at_a_time_for_each_server_and_none_before_its_pause_is_over() {
        let mut scene = scene();
        scene.want("ann", NOW);
        let (ann, bob) = (question("ann"), question("bob"));
        let elsewhere = Question { server: HostName::parse("b.example").unwrap(), ..bob.clone() };
        assert_eq!(scene.ledger.claim_server(&ann, NOW).unwrap(), Some(0));
        assert_eq!(scene.ledger.claim_server(&bob, later(1)).unwrap(), None);
        assert!(scene.ledger.claim_server(&elsewhere, later(1)).unwrap().is_some());
        scene.ledger.note_reply(&ann, &Reply::Later(later(600)), None, later(2)).unwrap();
        assert_eq!(scene.next(later(3)), Some(("ann".to_owned(), later(600).0)));
        assert_eq!(scene.ledger.claim_server(&bob, later(599)).unwrap(), None);
        assert_eq!(scene.ledger.claim_server(&bob, later(600)).unwrap(), Some(1));
        // A lease ends even if the process that holds it died; a clock that was set back closes no server.
        assert_eq!(scene.ledger.claim_server(&bob, later(700)).unwrap(), Some(1));
        assert_eq!(scene.ledger.claim_server(&bob, later(-10 * DAY)).unwrap(), Some(1));
        // After a day without an answer, nobody waits for it.
        assert_eq!(scene.next(later(DAY)), None);
        assert!(scene.want("ann", later(DAY + 10)));
    }
}
