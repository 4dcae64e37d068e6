//! Reads rules, profiles and lists from their files and compiles them: everything that messages are judged by.
//!
//! Whatever is wrong is a finding, all findings at once; with an error among them there is nothing to judge by.

pub mod list_files;
mod origin;
pub(crate) mod regular_file;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use self::list_files::{Earlier, ListFiles};
use self::regular_file::FEW;
use crate::assess::Rulebook;
use crate::diagnostic::document::Findings;
use crate::diagnostic::{Diagnostic, Source};
use crate::lookup::Way;
use crate::mail::{Fact, Network, NetworkSummary, Profiles, Trust};
use crate::rules::{self, ListSource, Person, RuleSet, Vocabulary};
use crate::settings::{Account, Settings, toml_files};

pub use origin::Origin;

/// The rules that ship, and what they are cited as: there is no such file beside the settings.
/// The rules that ship, commented.
pub const SHIPPED_RULES: &str = include_str!("../../config/rules.toml");
const BUILT_IN: &str = "built-in rules";

/// The people written to, by the list source that asks for them. A folder that has never been read is not in it.
pub type Sent = BTreeMap<ListSource, Vec<Person>>;

/// Rules and profiles as compiled, and the people of their lists as far as files hold them.
#[derive(Clone, Debug)]
pub struct RuleFiles {
    profiles: Arc<Profiles>,
    rules: Arc<RuleSet>,
    lists: ListFiles,
    edition: String,
}

/// Reads what the settings name; without settings, or where they name nothing, what ships.
///
/// The findings come beside them, since a warning refuses nothing; with an error among them, nothing else comes.
pub fn read(settings: Option<&Settings>) -> (Option<RuleFiles>, Vec<Diagnostic>) {
    read_with(settings, settings.and_then(|settings| settings.rules.as_deref()))
}

/// The same with another rules file than the settings name: to try one before it is put in force.
pub fn read_with(
    settings: Option<&Settings>,
    rules_file: Option<&Path>,
) -> (Option<RuleFiles>, Vec<Diagnostic>) {
    read_beside(settings, rules_file, &Earlier::default())
}

/// The same where the last good copies of list files are known.
pub fn read_beside(
    settings: Option<&Settings>,
    rules_file: Option<&Path>,
    earlier: &Earlier,
) -> (Option<RuleFiles>, Vec<Diagnostic>) {
    let findings = Findings::default();
    let profiles = profile_sources(settings, &findings);
    read_by(settings, profiles, rules_file, earlier, findings)
}

/// The same for one message alone, of which `header` is the beginning: without the profiles that cannot concern it, since to compile
/// all takes longer than to judge the message. `None` if no profile concerns it.
pub fn read_for(
    settings: Option<&Settings>,
    rules_file: Option<&Path>,
    header: &[u8],
) -> Option<(Option<RuleFiles>, Vec<Diagnostic>)> {
    let findings = Findings::default();
    let profiles = match settings.and_then(|settings| settings.networks.as_ref()) {
        // A profile of the user's own may replace any that ships.
        Some(_) => profile_sources(settings, &findings),
        None => Profiles::shipped_sources_for(header),
    };
    if profiles.is_empty() {
        return None;
    }
    Some(read_by(settings, profiles, rules_file, &Earlier::default(), findings))
}

fn read_by(
    settings: Option<&Settings>,
    profiles: Vec<Source>,
    rules_file: Option<&Path>,
    earlier: &Earlier,
    findings: Findings,
) -> (Option<RuleFiles>, Vec<Diagnostic>) {
    let rules_source = match rules_file {
        Some(file) => read_source(file, &findings),
        None => Some(Source::new(BUILT_IN, SHIPPED_RULES)),
    };
    let edition = edition(profiles.iter().chain(&rules_source));
    let profiles = Arc::new(Profiles::compile(&profiles, &findings));
    let Some(rules_source) = rules_source else { return (None, findings.into_sorted()) };
    read_rules((profiles, edition), &rules_source, rules_file, settings, earlier, findings)
}

/// Compiles rules, reads their lists and runs their tests, for these profiles and what identifies both.
fn read_rules(
    (profiles, edition): (Arc<Profiles>, String),
    source: &Source,
    file: Option<&Path>,
    settings: Option<&Settings>,
    earlier: &Earlier,
    findings: Findings,
) -> (Option<RuleFiles>, Vec<Diagnostic>) {
    refuse_emptied(source, &findings);
    let rules = rules::compile(source, &vocabulary_of(&profiles, settings), &findings);
    let folder = file.and_then(Path::parent).unwrap_or(Path::new("."));
    let lists = ListFiles::read(&rules, folder, earlier, &findings);
    if let Some(settings) = settings {
        refuse_watched_targets(&rules, &settings.accounts, &findings);
    }
    if !findings.any_error() {
        for failed in rules.run_tests() {
            findings.add(failed);
        }
    }
    let well = !findings.any_error();
    let files = RuleFiles { profiles, rules: Arc::new(rules), lists, edition };
    (well.then_some(files), findings.into_sorted())
}

/// The networks that the profiles know, with what their messages show; and what is wrong with the profiles.
pub fn vocabulary(settings: Option<&Settings>) -> (Vocabulary, Vec<Diagnostic>) {
    let findings = Findings::default();
    let profiles = Profiles::compile(&profile_sources(settings, &findings), &findings);
    (vocabulary_of(&profiles, settings), findings.into_sorted())
}

/// The networks that the profiles know, in their order; and what is wrong with the profiles.
pub fn networks(settings: Option<&Settings>) -> (Vec<NetworkSummary>, Vec<Diagnostic>) {
    let findings = Findings::default();
    let profiles = Profiles::compile(&profile_sources(settings, &findings), &findings);
    (profiles.networks(), findings.into_sorted())
}

/// The files of people that a rules file names, whether or not they are there and the rest of it is right.
pub fn list_files(rules_file: &Path) -> BTreeSet<PathBuf> {
    let findings = Findings::default();
    let Some(source) = read_source(rules_file, &findings) else { return BTreeSet::new() };
    let rules = rules::compile(&source, &Vocabulary::default(), &findings);
    let folder = rules_file.parent().unwrap_or(Path::new("."));
    let file = |source: &ListSource| match source {
        ListSource::File(name) | ListSource::Vcard(name) => Some(folder.join(name)),
        ListSource::FromSent(_) => None,
    };
    rules.sources().into_iter().filter_map(file).collect()
}

/// What the messages of each network show, and what may be looked up.
fn vocabulary_of(profiles: &Profiles, settings: Option<&Settings>) -> Vocabulary {
    let networks = profiles.networks();
    let is_on = |way: Way| settings.is_some_and(|settings| way.is_on(&settings.lookup));
    let looked_up: Vec<_> =
        networks.iter().map(|it| (it.network.clone(), supplied(&it.network, is_on).collect())).collect();
    let possible = networks.iter().flat_map(|it| supplied(&it.network, |_| true)).collect();
    let shown = networks.into_iter().map(|summary| (summary.network, summary.facts.into_iter().collect()));
    // Rules may name a network whose profile was left out.
    let shipped = Profiles::shipped_networks().map(|network| (network, BTreeSet::new()));
    Vocabulary::new(shown.chain(shipped)).with_look_ups(looked_up, possible)
}

/// The facts that the allowed ways to profiles of a network supply.
fn supplied(network: &Network, is_allowed: impl Fn(Way) -> bool) -> impl Iterator<Item = Fact> {
    Way::all(network.as_str(), is_allowed).flat_map(Way::supplies).copied()
}

impl RuleFiles {
    /// Those of these networks whose followers no rule can ever judge, with what these settings allow to look up.
    pub fn beyond_the_rules(&self, seen: &BTreeSet<Network>, settings: &Settings) -> Vec<NetworkSummary> {
        let mut networks = self.profiles.networks();
        networks.retain(|summary| {
            let looked_up = supplied(&summary.network, |way| way.is_on(&settings.lookup));
            let shown = summary.facts.iter().copied().chain(looked_up).collect();
            // The user has switched off a network without layouts.
            let is_on = !summary.layouts.is_empty();
            is_on && seen.contains(&summary.network) && !self.rules.can_judge(&summary.network, &shown)
        });
        networks
    }

    /// The same profiles with the rules of another file.
    pub fn with_rules(&self, rules_file: &Path) -> (Option<Self>, Vec<Diagnostic>) {
        let findings = Findings::default();
        let Some(source) = read_source(rules_file, &findings) else { return (None, findings.into_sorted()) };
        let profiles = Arc::clone(&self.profiles);
        let edition = edition(std::iter::once(&source));
        read_rules((profiles, edition), &source, Some(rules_file), None, &Earlier::default(), findings)
    }

    /// What one account's messages are judged by; `sent` are the people of folders of sent messages, as far as they are known.
    pub fn rulebook(&self, trust: Trust, require_authentic: bool, sent: &Sent) -> Rulebook {
        let mut people = self.lists.people().clone();
        people.extend(sent.iter().map(|(source, people)| (source.clone(), people.clone())));
        Rulebook {
            profiles: Arc::clone(&self.profiles),
            rules: Arc::clone(&self.rules),
            lists: Arc::new(self.rules.gather(&people)),
            trust,
            require_authentic,
            edition: self.edition.clone(),
        }
    }

    /// The same for an account, as its settings have it.
    pub fn rulebook_of(&self, account: &Account, sent: &Sent) -> Rulebook {
        let trust = Trust {
            authserv_id: account.authserv_id.clone(),
            instances: account.instances.clone(),
            relays: account.relays.clone(),
        };
        self.rulebook(trust, account.require_authentic, sent)
    }

    /// The folders of sent messages whose people the rules ask for.
    pub fn sent_folders(&self) -> BTreeSet<&ListSource> {
        let is_sent = |source: &&ListSource| matches!(source, ListSource::FromSent(_));
        self.rules.sources().into_iter().filter(is_sent).collect()
    }

    /// The files of people that the rules name, as they were read.
    pub fn lists(&self) -> &ListFiles {
        &self.lists
    }

    /// Does a list that comes from this source say that it may suddenly be empty, or name far fewer people?
    pub fn may_be_empty(&self, source: &ListSource) -> bool {
        self.rules.may_be_empty(source)
    }

    /// Would the other one judge every message alike?
    pub fn judges_like(&self, other: &Self) -> bool {
        self.edition == other.edition && self.lists == other.lists
    }

    /// The networks that the profiles know, in their order.
    pub fn networks(&self) -> Vec<NetworkSummary> {
        self.profiles.networks()
    }

    /// The rules as they were compiled.
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// How many networks, rules and rule tests there are, for a summary.
    pub fn sizes(&self) -> (usize, usize, usize) {
        (self.profiles.networks().len(), self.rules.rules().len(), self.rules.tests())
    }
}

/// The profiles that ship, then the user's own, in the order of their names.
fn profile_sources(settings: Option<&Settings>, findings: &Findings) -> Vec<Source> {
    let mut sources = Profiles::shipped_sources();
    let Some(folder) = settings.and_then(|settings| settings.networks.as_deref()) else { return sources };
    match toml_files(folder, "a network's file", findings) {
        Ok(files) => sources.extend(files.iter().filter_map(|file| read_source(file, findings))),
        Err(cause) => findings.add(unreadable(folder, &cause)),
    }
    sources
}

fn read_source(file: &Path, findings: &Findings) -> Option<Source> {
    match regular_file::read(file, FEW) {
        Ok(read) => Some(Source::new(file.display().to_string(), read.text)),
        Err(cause) => {
            findings.add(unreadable(file, &cause));
            None
        }
    }
}

/// A rules file in which nothing stands is one that a full disk or a moment of saving has emptied: by no rules at all every
/// message would be left, and never looked at again.
fn refuse_emptied(rules: &Source, findings: &Findings) {
    let mut lines = rules.text().trim_start_matches('\u{feff}').lines().map(str::trim);
    if lines.all(|line| line.is_empty() || line.starts_with('#')) {
        findings.add(Diagnostic::error(rules, 0..0, format!("{} holds no rules", rules.name())).help(
            "write a rule, or remove the file to go by the rules that ship; `act = false` in an account moves nothing",
        ));
    }
}

pub(super) fn unreadable(file: &Path, cause: &io::Error) -> Diagnostic {
    let name = file.display();
    if cause.kind() == io::ErrorKind::InvalidData {
        return Diagnostic::unplaced(format!("could not read {name}: it is not UTF-8; save it as that"));
    }
    Diagnostic::unplaced(format!("could not read {name}: {cause}"))
}

/// A message that is filed into a watched folder would look as if the user had put it there.
fn refuse_watched_targets(rules: &RuleSet, accounts: &[Account], findings: &Findings) {
    for account in accounts {
        for target in rules.targets() {
            if account.folders.contains(&target) {
                let message = format!(
                    "the rules move messages to `{target}`, which is one of the `folders` of account `{}`",
                    account.name
                );
                let finding = match rules.target_at(&target) {
                    Some(place) => Diagnostic::error(&place.source, place.span, message),
                    None => Diagnostic::unplaced(message),
                };
                findings.add(finding.help("take it out of `folders`, or name another folder in `move-to`"));
            }
        }
    }
}

/// A short word for the text of all files.
fn edition<'a>(sources: impl Iterator<Item = &'a Source>) -> String {
    let mut hash = Sha256::new();
    for source in sources {
        hash.update(source.text().len().to_le_bytes());
        hash.update(source.text());
    }
    let mut edition = HEXLOWER.encode(&hash.finalize());
    edition.truncate(16);
    edition
}
