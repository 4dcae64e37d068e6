//! `networks`: whose mails are known, and how they are told apart.

use std::path::Path;

use super::output::Output;
use super::{Ending, Networks, context};
use crate::daemon::rulebook;
use crate::diagnostic::{Diagnostic, nearest};
use crate::report;

pub(super) fn networks(settings: Option<&Path>, options: &Networks, output: &mut Output) -> Ending {
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
                let known = networks.iter().map(|network| network.network.as_str());
                let advice = match nearest(name, known) {
                    Some(word) => format!("did you mean `{word}`?"),
                    None => "`followsift networks` lists those that are known".to_owned(),
                };
                output.error(&format!("error: no network is called `{name}`\n  {advice}"));
                return Ending::Usage;
            };
            output.text(&report::networks::one(network, output.paint()));
        }
    }
    if findings.iter().any(Diagnostic::is_error) { Ending::Settings } else { Ending::Well }
}
