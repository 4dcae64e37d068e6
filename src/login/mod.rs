//! How an account proves who it is.

use secrecy::SecretString;

/// What is sent to the server to log in. Its `Debug` shows no secret.
#[derive(Clone, Debug)]
pub enum Login {
    /// A user name and a password: AUTHENTICATE PLAIN (RFC 4616), or LOGIN where the server lacks it.
    Password {
        /// The login name.
        user: String,
        /// The password.
        password: SecretString,
    },
}
