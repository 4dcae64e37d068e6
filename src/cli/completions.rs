//! `completions`: what a shell reads to complete the command line. Reads nothing, needs no settings.
//!
//! The files of `config/completions/` are made from the definition of the command line by `tests/manual.rs`, so that a package can
//! install them without running the program.

use clap::ValueEnum;

use super::output::Output;
use super::{Completions, Ending};

/// A shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Shell {
    /// Bash
    Bash,
    /// Zsh
    Zsh,
    /// Fish
    Fish,
}

pub(super) fn completions(options: &Completions, output: &mut Output) -> Ending {
    output.text(match options.shell {
        Shell::Bash => include_str!("../../config/completions/followsift.bash"),
        Shell::Zsh => include_str!("../../config/completions/_followsift"),
        Shell::Fish => include_str!("../../config/completions/followsift.fish"),
    });
    Ending::Well
}
