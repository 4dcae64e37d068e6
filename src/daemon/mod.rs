//! The service: tokio owns signals and timers, one named thread per account owns its IMAP session.
