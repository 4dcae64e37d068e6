//! Where the commands print: the one user of standard output and standard error. A closed pipe ends the printing,
//! not the program.

use std::error::Error;
use std::io::{self, Write};

use crate::diagnostic::Diagnostic;

/// Standard output and standard error.
pub(super) struct Output {
    out: io::Stdout,
    err: io::Stderr,
    closed: bool,
}

impl Output {
    /// The process's own.
    pub(super) fn standard() -> Self {
        Self { out: io::stdout(), err: io::stderr(), closed: false }
    }

    /// Prints text as it is to standard output.
    pub(super) fn text(&mut self, text: &str) {
        // Whoever reads has seen enough (`followsift explain *.eml | head`).
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        self.closed |= written.is_err();
    }

    /// Prints a line to standard output.
    pub(super) fn line(&mut self, line: &str) {
        self.text(&format!("{line}\n"));
    }

    /// Has the reader of standard output gone?
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Prints a line to standard error; there is nobody to tell if that fails.
    pub(super) fn error(&mut self, line: &str) {
        let _ = writeln!(self.err, "{line}");
    }

    /// Prints an error with its causes, joined once, here.
    pub(super) fn failure(&mut self, error: &dyn Error) {
        self.error(&format!("error: {}", chain(error)));
    }

    /// Prints findings to standard error, each followed by an empty line.
    pub(super) fn findings(&mut self, findings: &[Diagnostic]) {
        for finding in findings {
            self.error(&format!("{}\n", finding.plain()));
        }
    }
}

/// An error and its causes in one line: `could not log in to home: the server said: no such user`.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
