//! Asks on the terminal. Where there is none, or the user wants no questions, each question takes its default answer, and one
//! without a default is a fault that names the option to give. Called by `init` alone.

use std::io::{self, BufRead as _, IsTerminal as _};

use secrecy::SecretString;
use tokio::signal::unix::SignalKind;

use super::new_file::Pending;
use crate::cli::output::Output;

/// Whom the questions are put to.
#[derive(Clone, Debug)]
pub(super) struct Prompt {
    asks: bool,
    pending: Pending,
}

/// A question has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// It was not asked, and has no default: the option to give instead.
    Needs(&'static str),
    /// The terminal ended (Ctrl-D), or the password is empty.
    Ended,
}

impl Prompt {
    /// On this process's terminal, if it has one and `yes` was not given.
    pub(super) fn new(yes: bool, pending: &Pending) -> Self {
        Self { asks: !yes && io::stdin().is_terminal(), pending: pending.clone() }
    }

    /// Are questions asked?
    pub(super) fn asks(&self) -> bool {
        self.asks
    }

    /// A line of text. An empty one is the default.
    pub(super) fn line(
        &self,
        question: &str,
        default: Option<&str>,
        option: &'static str,
        output: &mut Output,
    ) -> Result<String, NoAnswer> {
        if !self.asks {
            return default.map(str::to_owned).ok_or(NoAnswer::Needs(option));
        }
        loop {
            let shown = default.filter(|it| !it.is_empty()).map_or_else(String::new, |it| format!(" [{it}]"));
            output.text(&format!("{question}{shown}: "));
            let answer = read_line(output)?;
            match (answer.trim(), default) {
                ("", Some(default)) => return Ok(default.to_owned()),
                ("", None) => {}
                (answer, _) => return Ok(answer.to_owned()),
            }
        }
    }

    /// Yes or no.
    pub(super) fn agrees(
        &self,
        question: &str,
        default: bool,
        output: &mut Output,
    ) -> Result<bool, NoAnswer> {
        if !self.asks {
            return Ok(default);
        }
        loop {
            output.text(&format!("{question} {} ", if default { "[Y/n]" } else { "[y/N]" }));
            match read_line(output)?.trim().to_lowercase().as_str() {
                "" => return Ok(default),
                "y" | "yes" => return Ok(true),
                "n" | "no" => return Ok(false),
                _ => {}
            }
        }
    }

    /// A password, which the terminal does not show.
    pub(super) fn secret(&self, question: &str, output: &mut Output) -> Result<SecretString, NoAnswer> {
        output.text(&format!("{question}: "));
        match self.pending.unseen(rpassword::read_password) {
            Ok(secret) if !secret.is_empty() => Ok(SecretString::from(secret)),
            // Ctrl-C, which sends no signal during this question.
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {
                self.pending.end(SignalKind::interrupt())
            }
            Ok(_) | Err(_) => Err(NoAnswer::Ended),
        }
    }
}

/// The first line of standard input, as a password.
pub(super) fn secret_on_standard_input() -> io::Result<SecretString> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(SecretString::from(line))
}

fn read_line(output: &mut Output) -> Result<String, NoAnswer> {
    let mut answer = String::new();
    match io::stdin().lock().read_line(&mut answer) {
        Ok(1..) => Ok(answer),
        Ok(0) | Err(_) => {
            output.line("");
            Err(NoAnswer::Ended)
        }
    }
}
