//! `schema`: the JSON Schemas of the files that people write.

use std::path::Path;

use clap::ValueEnum;

use super::output::Output;
use super::{Ending, Schema, context};
use crate::mail::Profiles;
use crate::rulebook;
use crate::{rules, settings};

/// A file that people write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Which {
    /// The rules
    Rules,
    /// The settings
    Settings,
    /// A network
    Network,
}

pub(super) fn schema(path: Option<&Path>, options: &Schema, output: &mut Output) -> Ending {
    let schema = match options.file {
        Which::Settings => settings::schema(),
        Which::Network => Profiles::schema(),
        // Rules may name the networks of the user's own profiles too.
        Which::Rules => {
            let Ok(settings) = context::settings(path, output) else { return Ending::Settings };
            rules::schema(&rulebook::vocabulary(settings.as_ref()).0)
        }
    };
    output.line(&format!("{schema:#}"));
    Ending::Well
}
