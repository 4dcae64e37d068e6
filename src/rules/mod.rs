//! Compiles the user's rules from TOML, and judges followers by them: a set of rules and a follower to a [`Verdict`].
//!
//! Pure: never touches a file, a socket or a clock. `rulebook` compiles the rules; `assess` judges with them.
//!
//! [`compile()`] compiles the file, and [`RuleSet::run_tests`] runs its tests; [`RuleSet::gather`] and
//! [`RuleSet::missing_lists`] collect the lists and report missing ones; [`RuleSet::judge`] judges a [`Case`].

mod bounds;
mod case;
mod compile;
mod condition;
mod example;
pub mod fact;
mod interests;
mod interval;
pub mod list;
pub mod recall;
mod run_tests;
mod schema;
pub mod score;
mod set;
pub mod suggest;
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
