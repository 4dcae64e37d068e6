//! Layered settings, accounts, and where their secrets are.

pub mod account;

pub use account::{Account, Backlog, SecretSource, Tls};
