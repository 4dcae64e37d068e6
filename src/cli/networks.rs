//! `networks`: which networks' messages followsift knows, and how it distinguishes them.

use std::path::Path;

use super::output::Output;
use super::{Ending, Networks, context};
use crate::diagnostic::{Diagnostic, Source};
use crate::mail::Profiles;
use crate::report;
use crate::rulebook;

pub(super) fn networks(settings: Option<&Path>, options: &Networks, output: &mut Output) -> Ending {
    if let (Some(name), true) = (&options.name, options.print) {
        return print(name, output);
    }
    let Ok(settings) = context::settings(settings, output) else { return Ending::Settings };
    let (networks, findings) = rulebook::networks(settings.as_ref());
    output.findings(&findings);
    match &options.name {
        None => output.text(&report::networks::list(&networks, output.paint())),
        Some(name) => {
            let is_meant = |network: &&crate::mail::NetworkSummary| {
                network.network.as_str() == name || network.title.eq_ignore_ascii_case(name)
            };
            let Some(network) = networks.iter().find(is_meant) else {
                return unknown(name, networks.iter().map(|network| network.network.as_str()), output);
            };
            output.text(&report::networks::one(network, output.paint()));
        }
    }
    if findings.iter().any(Diagnostic::is_error) { Ending::Settings } else { Ending::Well }
}

/// The file of a network as it ships.
fn print(name: &str, output: &mut Output) -> Ending {
    let sources = [Profiles::shipped_sources(), Profiles::offered_sources()].concat();
    let stem = |source: &Source| {
        let file = source.name().rsplit('/').next().unwrap_or_default();
        file.trim_end_matches(".toml").to_owned()
    };
    match sources.iter().find(|source| stem(source) == name) {
        Some(source) => {
            output.text(source.text());
            Ending::Well
        }
        None => {
            let known: Vec<_> = sources.iter().map(stem).collect();
            unknown(name, known.iter().map(String::as_str), output)
        }
    }
}

fn unknown<'k>(name: &str, known: impl Iterator<Item = &'k str>, output: &mut Output) -> Ending {
    output.error(&format!("error: {}", report::usage::no_network(name, known)));
    Ending::Usage
}
