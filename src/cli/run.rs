//! `run`: the service.

use std::path::Path;

use super::context::Unsettled;
use super::output::Output;
use super::{Ending, Run, context};
use crate::daemon;
use crate::daemon::log::{Level, Log};
use crate::ledger::Ledger;
use crate::report;
use crate::rulebook::Origin;
use crate::settings::{self, Environment, Settings, Shard};

pub(super) fn run(file: Option<&Path>, options: &Run, output: &mut Output) -> Ending {
    let environment = Environment::of_process();
    let environment = match options.shard {
        Some(shard) => environment.with_shard(shard),
        None => environment,
    };
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
    let found = context::settings_in(file, &environment, output)
        .and_then(|settings| Ok((context::files_to_act(&settings, Unsettled::Left, output)?, settings)));
    let (files, settings) = match found {
        Ok(found) => found,
        Err(ending) => return ending,
    };
    if let Some(shard) = settings.shard
        && let Err(ending) = begin_shard(shard, &settings, &environment, output)
    {
        return ending;
    }
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

/// Notes in the ledger of this shard which accounts have gone to others. Refuses a pod that is not the one of this shard.
fn begin_shard(
    shard: Shard,
    settings: &Settings,
    environment: &Environment,
    output: &mut Output,
) -> Result<(), Ending> {
    if environment.is_pod() {
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        if !is_pod_of(shard, &name) {
            output.findings(&[report::shards::wrong_pod(shard, &name)]);
            return Err(Ending::Settings);
        }
    }
    let left =
        Ledger::open(&settings.state).and_then(|mut ledger| ledger.leave(|account| !shard.has(account)));
    left.map(drop).map_err(|fault| {
        output.failure(&fault);
        Ending::Fault
    })
}

/// Is this the name of the pod of this shard in a StatefulSet? It ends in the pod's ordinal. Kubernetes never runs two pods of one name, so
/// no account is ever watched twice; the pods of a Deployment have random names, and an old one may still run beside a new one.
fn is_pod_of(shard: Shard, name: &str) -> bool {
    name.rsplit_once('-').is_some_and(|(_, ordinal)| ordinal == shard.number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_runs_in_the_pod_with_its_ordinal_and_in_no_other() {
        let shard = "3/8".parse().unwrap();
        assert!(is_pod_of(shard, "followsift-3"));
        for wrong in ["followsift-13", "followsift-03", "followsift-7d9f8b6c5-x2x7k", "3", ""] {
            assert!(!is_pod_of(shard, wrong), "{wrong}");
        }
    }
}
