//! `facts`: what rules may ask for, and which networks' messages show it.

use std::path::Path;

use super::output::Output;
use super::{Ending, context};
use crate::report;
use crate::rulebook;

pub(super) fn facts(settings: Option<&Path>, output: &mut Output) -> Ending {
    let Ok(settings) = context::settings(settings, output) else { return Ending::Settings };
    let (vocabulary, findings) = rulebook::vocabulary(settings.as_ref());
    output.findings(&findings);
    output.text(&report::facts::facts(&vocabulary, output.paint()));
    if findings.iter().any(crate::diagnostic::Diagnostic::is_error) { Ending::Settings } else { Ending::Well }
}
