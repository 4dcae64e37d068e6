//! followsift watches an IMAP inbox for mails about new followers, judges each follower by the user's own
//! rules, and files the spam into folders, so that the people who really want to connect stay visible.
//!
//! # The flow
//!
//! ```text
//! bytes -> Message -> Notification -> Verdict -> Action -> Outcome
//!      mail        mail          rules      assess    sweep
//! ```
//!
//! Each arrow is one function in one file, and nothing flows back. [`assess`] is the single pure path from
//! bytes to an action; the service, `sweep` and `explain` all take it, so that they cannot disagree.
//!
//! # The rooms
//!
//! | room | owns | may import |
//! | --- | --- | --- |
//! | [`place`] | where a mail is | nothing |
//! | [`diagnostic`] | a finding in a file; TOML read with places | nothing |
//! | [`mail`] | bytes to a message to a notification; the only user of mailparse | diagnostic |
//! | [`rules`] | TOML to a rule set; rule set and follower to a verdict | mail, diagnostic, place |
//! | [`assess`] | profiles, rules and recall: bytes to an action | mail, rules |
//! | [`settings`] | layered settings, accounts, where secrets are | diagnostic, place |
//! | [`login`] | how an account proves who it is | settings |
//! | [`mailbox`] | the only user of imap and native_tls: connect, fetch, wait, move safely | place, settings, login |
//! | [`ledger`] | SQLite: intents, outcomes, facts judged on, corrections, history | place, mail, rules, diagnostic |
//! | [`sweep`] | new mail through assess, ledger, mailbox; the only room that moves mail | assess, mailbox, ledger, and what they import |
//! | [`report`] | what came and what was filed, as text; pure | mail, rules, assess |
//! | [`daemon`] | tokio: accounts, signals, reload; one thread per account | all of these |
//! | [`cli`] | one file per command | all |
//!
//! Pure rooms (`mail`, `rules`, `assess`, `report`) are handed bytes, text and time as values; they never touch a
//! file, a socket, a clock or tokio. `tests/rooms.rs` reads the `use` lines and holds the table.

pub mod assess;
pub mod cli;
pub mod daemon;
pub mod diagnostic;
pub mod ledger;
pub mod login;
pub mod mail;
pub mod mailbox;
pub mod place;
pub mod report;
pub mod rules;
pub mod settings;
pub mod sweep;
