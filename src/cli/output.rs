//! Where the commands print: the one user of standard output and standard error. A closed pipe ends the printing,
//! not the program.

use std::error::Error;
use std::io::{self, IsTerminal as _, Write};
use std::path::Path;

use crate::diagnostic::Diagnostic;
use crate::place::AccountName;
use crate::report::sweep::Told;
use crate::report::{Chain, Paint};
use crate::settings::Environment;
use crate::text::{self, screen};

/// Standard output and standard error.
pub(super) struct Output {
    out: io::Stdout,
    err: io::Stderr,
    closed: bool,
    failed: bool,
    paint: Paint,
    err_paint: Paint,
    /// Whether a line that says how far something is stands on standard error.
    progress: bool,
    /// Whether errors go to standard output, too.
    merged: bool,
    /// What takes findings and failures, if that is not standard error.
    log: Option<fn(&[Diagnostic])>,
}

impl Output {
    /// The process's own.
    pub(super) fn standard() -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        let allowed = Environment::of_process().allows_colour();
        let paint = |is_terminal| if allowed && is_terminal { Paint::Coloured } else { Paint::Plain };
        let (paint, err_paint) = (paint(out.is_terminal()), paint(err.is_terminal()));
        Self {
            out,
            err,
            closed: false,
            failed: false,
            paint,
            err_paint,
            progress: false,
            merged: false,
            log: None,
        }
    }

    /// Prints errors to standard output from now on: for a command whose findings are what it was asked for, so that a pipe
    /// or a log keeps everything in order.
    pub(super) fn merge(&mut self) {
        self.merged = true;
        self.err_paint = self.paint;
    }

    /// Hands findings and failures to `log` from now on, instead of printing them.
    pub(super) fn divert(&mut self, log: fn(&[Diagnostic])) {
        self.log = Some(log);
    }

    /// Whether standard output is to be coloured.
    pub(super) fn paint(&self) -> Paint {
        self.paint
    }

    /// How many places a line of standard output has; 100 where it is not a terminal.
    pub(super) fn width(&self) -> usize {
        let size = rustix::termios::tcgetwinsize(&self.out).map(|size| usize::from(size.ws_col));
        size.ok().filter(|places| *places > 0).unwrap_or(100)
    }

    /// Says how far something is, on a terminal alone, in a line that the next one replaces.
    pub(super) fn progress(&mut self, line: &str) {
        if self.err.is_terminal() {
            self.progress = true;
            // To the start of the line, and what is right of it cleared (ECMA-48, EL).
            let _ = write!(self.err, "\r{}\u{1b}[K", text::line(line)).and_then(|()| self.err.flush());
        }
    }

    /// Takes the line of [`Output::progress`] away.
    pub(super) fn end_progress(&mut self) {
        if std::mem::take(&mut self.progress) {
            let _ = write!(self.err, "\r\u{1b}[K").and_then(|()| self.err.flush());
        }
    }

    /// Prints text to standard output: lines, and colours if they are wanted. Whatever else a terminal would obey is shown as
    /// its escape, wherever it came from.
    pub(super) fn text(&mut self, text: &str) {
        let text = screen(text, self.paint == Paint::Coloured);
        match self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()) {
            Ok(()) => {}
            // The reader has seen enough (`followsift explain *.eml | head`).
            Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => self.closed = true,
            Err(cause) if !self.closed => {
                self.closed = true;
                self.failed = true;
                self.error(&format!("error: could not write to standard output: {cause}"));
            }
            Err(_) => {}
        }
    }

    /// Writes bytes to standard output as they are: a message that goes on to a program.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)
    }

    /// Writes what is left of the bytes.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(super) fn end_bytes(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Prints a line to standard output.
    pub(super) fn line(&mut self, line: &str) {
        self.text(&format!("{line}\n"));
    }

    /// Is some of the output missing, though there was a reader?
    pub(super) fn has_failed(&self) -> bool {
        self.failed
    }

    /// Has the reader of standard output gone?
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Prints a line to standard error, or to standard output where the two are [merged](Output::merge).
    pub(super) fn error(&mut self, line: &str) {
        if self.merged && !self.failed {
            self.line(line);
            return;
        }
        // If that fails, it cannot be reported anywhere.
        let _ = writeln!(self.err, "{}", screen(line, self.err_paint == Paint::Coloured));
    }

    /// Prints what a sweep tells.
    pub(super) fn told(&mut self, told: Told) {
        self.end_progress();
        match told {
            Told::Text(text) => self.text(&text),
            Told::Progress(line) => self.progress(&line),
            Told::Note(line) => self.error(&line),
        }
    }

    /// Prints an error with its causes, joined once, here.
    pub(super) fn failure(&mut self, error: &dyn Error) {
        let words = text::line(&Chain(error).to_string()).into_owned();
        match self.log {
            Some(log) => log(&[Diagnostic::unplaced(words)]),
            None => self.error(&format!("error: {words}")),
        }
    }

    /// Prints what went wrong with an account, with its causes.
    pub(super) fn account_failure(&mut self, account: &AccountName, error: &dyn Error) {
        self.error(&format!("error: {account}: {}", text::line(&Chain(error).to_string())));
    }

    /// Prints findings to standard error, each followed by an empty line.
    pub(super) fn findings(&mut self, findings: &[Diagnostic]) {
        if let Some(log) = self.log {
            return log(findings);
        }
        for finding in findings {
            let shown = match self.err_paint {
                Paint::Plain => finding.plain(),
                Paint::Coloured => finding.coloured(),
            };
            self.error(&format!("{shown}\n"));
        }
    }
}

/// A path on one line, without anything that a terminal would obey.
pub(super) fn shown(path: &Path) -> String {
    text::line(&path.display().to_string()).into_owned()
}
