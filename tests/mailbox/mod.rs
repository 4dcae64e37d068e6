//! The mailbox against a real Dovecot, and against servers that lie.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

use std::collections::BTreeMap;
use std::error::Error as _;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::support;
use crate::support::fake::Fake;
use crate::support::{Dovecot, Options, folder, login, login_with, mail};
use followsift::login::Login;
use followsift::mailbox::{
    Cause, Code, Connector, Errand, Fate, Fault, Landing, Obstacle, Outcome, Pending, Range, Relocation,
    Removal, Session, Settled, Step, Stop, Woken,
};
use followsift::place::{Folder, MailDigest, MailIdentity, MailTrace, Marks, Uid, UidValidity};
use followsift::settings::{Account, Tls};

fn connect(account: &Account, login: &Login) -> Result<Session, Fault> {
    let connector = || Connector::new(account.ca_file.as_deref());
    Session::connect(account, login, connector, &Stop::new().unwrap())
}

/// The traces of messages, as the sweep has them from heads and bodies.
fn traces(session: &mut Session) -> Vec<MailTrace> {
    let mut sizes = Vec::new();
    session
        .heads(Range::From(Uid(1)), |heads| sizes.extend(heads.iter().map(|head| (head.uid, head.size))))
        .unwrap();
    let known: BTreeMap<Uid, u32> = sizes.iter().copied().collect();
    let mut traces = Vec::new();
    session
        .mails(&sizes, 262_144, |trace, bytes| {
            let identity = MailIdentity { size: known[&trace.uid], digest: MailDigest::of(bytes) };
            assert_eq!(trace.identity, identity);
            traces.push(trace);
        })
        .unwrap();
    traces
}

fn deliver(server: &Dovecot, count: usize) {
    let mut client = server.client();
    for number in 1..=count {
        client.deliver("INBOX", &mail(number, 2_000));
    }
}

/// Moves all of the inbox to `to`, and returns what became of each message.
fn move_all(session: &mut Session, to: &str) -> BTreeMap<Uid, Outcome> {
    session.select(&Folder::inbox()).unwrap();
    let mails = traces(session);
    let plans = session.prepare(vec![Errand { to: folder(to), mails, touched_too: false }]).unwrap();
    let mut outcomes: BTreeMap<Uid, Outcome> = plans[0].left.iter().cloned().collect();
    for relocated in session.act(plans, &mut |_, _| true).unwrap() {
        outcomes.extend(relocated.outcomes);
    }
    outcomes
}

mod certificates;
mod connecting;
mod folders;
mod lying;
mod moving;
mod numbers;
mod proof;
mod reading;
mod secrets;
mod settling;
mod tokens;
mod waiting;
