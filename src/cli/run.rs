//! `run`: the service.

use std::path::Path;

use super::context::Unsettled;
use super::output::Output;
use super::{Ending, Run, context};
use crate::daemon;
use crate::daemon::log::{Level, Log};
use crate::rulebook::Origin;
use crate::settings::{self, Environment};

pub(super) fn run(file: Option<&Path>, options: &Run, output: &mut Output) -> Ending {
    let environment = Environment::of_process();
    let level = match options {
        Run { verbose: true, .. } => Level::Verbose,
        Run { quiet: true, .. } => Level::Quiet,
        _ => Level::Usual,
    };
    let (filter, journal) = (environment.log_filter(), environment.journal_stream());
    // What is printed is for people; a program reads the log.
    if daemon::log::start(&Log { level, filter: &filter, journal, is_json: options.json }) || options.json {
        output.divert(daemon::could_not_start);
    }
    let (settings, files) = match context::everything(file, Unsettled::Left, output) {
        Ok(found) => found,
        Err(ending) => return ending,
    };
    // Found once: a file that vanishes is not to put another in force.
    let file = file.map(Path::to_owned).or_else(|| settings::locate(&environment));
    let origin = Origin { file, environment };
    match daemon::run(&origin, settings, files) {
        Ok(()) => Ending::Well,
        Err(fault) => {
            output.failure(&fault);
            Ending::Fault
        }
    }
}
