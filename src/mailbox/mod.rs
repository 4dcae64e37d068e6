//! The only user of imap and native_tls: connect, fetch, wait, move safely.
