//! The mailbox of one account: connect, read, wait, and move safely.
//!
//! The only user of the imap and native_tls crates. Blocking: one OS thread per account owns a [`Session`]. Everything in it is
//! bounded in time and bytes, and a [`Stop`] wakes every wait. Reading a message never marks it as read. The room never deletes
//! a message but the original of a proven copy, and never decides what to move. Imports `place`, `settings` and `login`.
//!
//! The order of a sweep: [`Session::connect`], [`Session::settle`] for interrupted moves, [`Session::revisit`], [`Session::skim`] if
//! there are many messages, [`Session::whole`], or [`Session::heads`] and [`Session::mails`], of the plausible ones, [`Session::prepare`], (the caller writes
//! the intents into the ledger), [`Session::act`], [`Session::mark`], now and then [`Session::append`], [`Session::wait`] or [`Session::logout`].

mod ahead;
mod answer;
mod append;
mod arrivals;
mod asking;
mod bounds;
mod capabilities;
mod comparison;
mod copies;
mod culprits;
mod date;
mod dial;
mod dialogue;
mod fate;
mod fault;
mod fetch;
mod filed;
mod finish;
mod flags;
mod folder_list;
mod folders;
mod framer;
mod head;
mod heads;
mod landing;
mod line;
mod line_filter;
mod moves;
mod names;
mod numbers;
mod outcome;
mod outcome_table;
mod plan;
mod proof;
mod quoted;
mod redactor;
mod refusal;
mod reported;
mod response;
mod revisit;
mod sasl;
mod scan;
mod session;
mod settle;
mod stop;
mod store;
mod texts;
mod uids;
mod whole;
mod wire;

pub use append::Unappended;
pub use capabilities::{Capabilities, Relocation};
pub use culprits::Suspects;
pub use dial::Connector;
pub use fate::Fate;
pub use fault::{Cause, Fault, Step, Subject};
pub use fetch::{Batch, FLIGHT, HEADS, Range};
pub use filed::{FiledAs, Presence};
pub use finish::Removal;
pub use flags::Flags;
pub use head::Head;
pub use heads::{Heads, Skimmed};
pub use landing::Landing;
pub use outcome::{Obstacle, Outcome, Relocated};
pub use plan::{Errand, Plan};
pub use refusal::{Code, Refusal, Status};
pub use session::{Opened, Session};
pub use settle::{Pending, Settled};
pub use stop::{Stop, Woken};
pub use store::{Deed, Note};
pub use whole::Whole;
