//! The rules the user writes: TOML to a compiled set, and a set with a follower to a [`Verdict`].
//!
//! Pure. Imports `mail` for what a follower is, `diagnostic` for findings, and `place` for what a folder is
//! called.
//!
//! [`compile()`] reads the file; [`RuleSet::run_tests`] proves it on its own cases; [`RuleSet::gather`] and
//! [`RuleSet::missing_lists`] tell whether the lists are there; [`RuleSet::judge`] judges a [`Case`].

mod bounds;
mod case;
mod compile;
mod condition;
mod example;
pub mod fact;
mod interval;
pub mod list;
pub mod recall;
mod run_tests;
mod schema;
pub mod score;
mod set;
pub mod table;
mod text;
pub mod verdict;

pub use case::Case;
pub use compile::compile;
pub use condition::Doubt;
pub use fact::{Fact, Vocabulary};
pub use list::{ListSource, Lists, People, Person};
pub use recall::{Past, Recall};
pub use schema::schema;
pub use set::{Disposition, Effect, Match, Rule, RuleSet, RuleTrace};
pub use verdict::{Action, Evidence, Reason, Verdict, VerdictName};
