//! `settings --print`: the commented files to start one's own from, which the binary brings. Reads nothing, needs no settings.

use super::output::Output;
use super::{Ending, Settings};
use crate::rulebook;

/// The settings to begin with.
const SETTINGS: &str = include_str!("../../config/followsift.toml");

pub(super) fn template(options: &Settings, output: &mut Output) -> Ending {
    output.text(if options.rules { rulebook::SHIPPED_RULES } else { SETTINGS });
    Ending::Well
}
