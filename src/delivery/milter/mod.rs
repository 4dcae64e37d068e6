//! The mail filter that Postfix and Sendmail ask while they receive a message (the milter protocol).
//!
//! `protocol` reads and writes its packets, `conversation` follows one connection, `judges` has the rules of each recipient, and
//! `service` listens, reloads and stops. Nothing here rejects or delays a message: after any fault it is accepted unchanged.

mod address;
mod conversation;
mod judges;
mod protocol;
mod service;

pub use address::Address;
pub use judges::Judges;
pub use service::{Milter, MilterFault};
