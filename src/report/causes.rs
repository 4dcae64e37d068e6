//! An error with its causes, joined into one line. Pure. Called wherever an error is printed or logged.

use std::error::Error;
use std::fmt;

/// An error with its causes, in one line: `could not log in to home: the server said: no such user`.
#[derive(Debug)]
pub struct Chain<'a>(pub &'a dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
