//! `suggest`: rules that corrections suggest, tried on all that is remembered. Reads the ledger and the rules: works beside a running
//! service, asks no server, and changes nothing.

use std::collections::BTreeMap;
use std::path::Path;

use super::output::Output;
use super::{Ending, context};
use crate::assess;
use crate::clock::Timestamp;
use crate::ledger::{Fate, Ledger, LedgerFault, Remembered};
use crate::mail::{Authenticity, Trust};
use crate::place::AccountName;
use crate::report::suggestions as report;
use crate::rulebook::{self, RuleFiles};
use crate::rules::recall::{Asked, Replay};
use crate::rules::suggest::{self as rules, Correction, Suggestion};
use crate::settings::Settings;

pub(super) fn suggest(settings: Option<&Path>, output: &mut Output) -> Ending {
    let settings = match context::settings_to_act(settings, output) {
        Ok(settings) => settings,
        Err(ending) => return ending,
    };
    let (files, findings) = context::rule_files(Some(&settings));
    output.findings(&findings);
    let Some(files) = files else { return Ending::Settings };
    match suggestions(&settings, &files) {
        Ok(Suggested::Rules(found)) if found.is_empty() => output.line(report::NOTHING),
        Ok(Suggested::Rules(found)) => output.text(&report::suggestions(&found, &file(&settings))),
        Ok(Suggested::NoCorrections) => output.line(report::NO_CORRECTIONS),
        Ok(Suggested::ListMissing) => output.line(report::LIST_MISSING),
        Err(fault) => {
            output.failure(&fault);
            return Ending::Fault;
        }
    }
    Ending::Well
}

/// What corrections suggest.
pub(super) enum Suggested {
    /// These rules, if any.
    Rules(Vec<Suggestion>),
    /// There are no corrections.
    NoCorrections,
    /// A list has never been loaded, so nothing is decided at all.
    ListMissing,
}

impl Suggested {
    /// The rules.
    pub(super) fn rules(self) -> Vec<Suggestion> {
        match self {
            Self::Rules(rules) => rules,
            Self::NoCorrections | Self::ListMissing => Vec::new(),
        }
    }
}

/// What to call the rules file.
pub(super) fn file(settings: &Settings) -> String {
    settings.rules.as_deref().map_or_else(
        || "your rules file (copy config/rules.toml, and name it as `rules` in the settings)".to_owned(),
        |file| file.display().to_string(),
    )
}

/// The rules that the corrections in the ledger suggest.
pub(super) fn suggestions(settings: &Settings, files: &RuleFiles) -> Result<Suggested, LedgerFault> {
    let Some(ledger) = Ledger::open_read_only(&settings.state)? else { return Ok(Suggested::NoCorrections) };
    // All that is remembered is read only where there is something to learn.
    if ledger.corrections()?.is_empty() && ledger.unwelcome()?.is_empty() {
        return Ok(Suggested::NoCorrections);
    }
    let lists = files.rulebook(Trust::default(), false, &context::sent(Some(settings), files)).lists;
    if !files.rules().missing_lists(&lists).is_empty() {
        return Ok(Suggested::ListMissing);
    }
    let mut recalls: BTreeMap<AccountName, Replay> = BTreeMap::new();
    // Twice, so that never more of them is held than a rule is tried on.
    let is_forged = |it: &Remembered| matches!(it.entry.judged.notification.authentic, Authenticity::Fail(_));
    ledger.remembered(Timestamp(i64::MIN), &mut |message| {
        let judged = &message.entry.judged;
        if !is_forged(&message) {
            recalls.entry(judged.mail.account.clone()).or_default().note(&judged.notification);
        }
    })?;
    let (known, unwelcome) = (ledger.known()?, ledger.unwelcome()?);
    for recall in recalls.values_mut() {
        known.iter().for_each(|it| recall.know_follower(it.follower.clone(), it.origin.is_proven()));
        unwelcome.iter().for_each(|(follower, _)| recall.reject_follower(follower.clone()));
    }
    let mut remembered = Vec::new();
    ledger.remembered(Timestamp(i64::MIN), &mut |message| {
        if !is_forged(&message) {
            remembered.extend(remember(message, &recalls));
        }
    })?;
    let (vocabulary, _) = rulebook::vocabulary(Some(settings));
    Ok(Suggested::Rules(rules::suggest(files.rules(), &vocabulary, &lists, &remembered)))
}

fn remember(message: Remembered, recalls: &BTreeMap<AccountName, Replay>) -> Option<rules::Remembered> {
    let correction = match message.fate() {
        Fate::PutBack => Some(Correction::PutBack),
        Fate::Filed { to, by_user: true } => Some(Correction::Filed(to)),
        Fate::Filed { .. } | Fate::Stayed => None,
    };
    let judged = message.entry.judged;
    let recall = recalls.get(&judged.mail.account)?;
    let notification = judged.notification;
    let past = |follower| assess::past(&notification, follower, recall, Asked::ALL);
    let past = notification.followers.iter().map(past).collect();
    Some(rules::Remembered { notification, past, correction })
}
