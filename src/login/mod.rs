//! How an account proves who it is.
