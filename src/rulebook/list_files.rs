//! The people in the files that lists name, and the last good copy of each: a real person's message must not be filed
//! because a file was being saved, or is of another kind than it should be.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::regular_file::{self, MANY};
use crate::clock::Timestamp;
use crate::diagnostic::document::Findings;
use crate::diagnostic::{Diagnostic, Source, SourceSpan};
use crate::ledger::{Ledger, LedgerFault};
use crate::rules::list::load::{self, Doubt, Loaded};
use crate::rules::{ListSource, Person, RuleSet};
use crate::settings::Settings;

/// A list file is read once it has been unchanged for so long: some programs save in several steps, the first of which
/// leaves it empty.
pub const SETTLED: Duration = Duration::from_secs(2);

/// The people of list files when they were last good; files by their whole paths.
pub type Copies = BTreeMap<ListSource, Vec<Person>>;

/// What is known beside the files themselves.
#[derive(Clone, Debug, Default)]
pub struct Earlier {
    /// The last good copies.
    pub copies: Copies,
    /// For how long a file must have been unchanged. Nothing takes files as they are: for commands that move nothing.
    pub settled: Duration,
}

/// The list files of a rules file as they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListFiles {
    /// The people of each source that has loaded.
    people: BTreeMap<ListSource, Vec<Person>>,
    /// The same by whole paths, to be kept.
    good: Copies,
    /// The people of files that may still be written to. Not loaded; but that somebody was in them is known.
    unsettled: Copies,
}

/// The last good copies that the ledger has; none where it cannot be read, which a sweep finds out and
/// reports.
pub fn kept(settings: &Settings) -> Copies {
    let ledger = Ledger::open_read_only(&settings.state).ok().flatten();
    ledger.and_then(|ledger| ledger.list_copies().ok()).unwrap_or_default()
}

impl ListFiles {
    /// Reads the files that the rules name, relative to `folder`. One that cannot be read, or is not to be believed and has
    /// no good copy, leaves its list unloaded: an error, at the place that names it.
    pub(super) fn read(rules: &RuleSet, folder: &Path, earlier: &Earlier, findings: &Findings) -> Self {
        let mut files = Self::default();
        for source in rules.sources() {
            let (name, load): (_, fn(&Source, &Findings) -> Loaded) = match source {
                ListSource::File(name) => (name, load::text_file),
                ListSource::Vcard(name) => (name, load::vcard),
                ListSource::FromSent(_) => continue,
            };
            let file = folder.join(name);
            let at = rules.named_at(source);
            match regular_file::read(&file, MANY) {
                Ok(read) => {
                    let unsettled = read.age.is_some_and(|age| age < earlier.settled);
                    let text = Source::new(file.display().to_string(), read.text);
                    let own = Findings::default();
                    let loaded = load(&text, if unsettled { &own } else { findings });
                    let whole = whole_path(source, &file);
                    let before = earlier.copies.get(&whole);
                    if unsettled {
                        files.wait_for(source, whole, loaded, before);
                    } else {
                        let may_be_empty = rules.may_be_empty(source);
                        let good = believe(loaded, before, may_be_empty, &text, at, findings);
                        files.take(source, whole, good);
                    }
                }
                Err(cause) => findings.add(unreadable(&file, &cause, at)),
            }
        }
        files
    }

    fn take(&mut self, source: &ListSource, whole: ListSource, people: Option<Vec<Person>>) {
        if let Some(people) = people {
            self.people.insert(source.clone(), people.clone());
            self.good.insert(whole, people);
        }
    }

    fn wait_for(
        &mut self,
        source: &ListSource,
        whole: ListSource,
        loaded: Loaded,
        before: Option<&Vec<Person>>,
    ) {
        self.take(source, whole.clone(), before.cloned());
        self.unsettled.insert(whole, before.cloned().unwrap_or(loaded.people));
    }

    /// The people of each source that has loaded.
    pub(super) fn people(&self) -> &BTreeMap<ListSource, Vec<Person>> {
        &self.people
    }

    /// Is one of the files still being written to, as far as can be told?
    pub fn are_settling(&self) -> bool {
        !self.unsettled.is_empty()
    }

    /// What was in each file when it was last good.
    pub(super) fn copies(&self) -> Copies {
        let mut copies = self.unsettled.clone();
        copies.extend(self.good.clone());
        copies
    }

    /// Keeps the good copies in the ledger.
    ///
    /// # Errors
    /// Where the ledger cannot be written.
    pub fn keep(&self, ledger: &mut Ledger, now: Timestamp) -> Result<(), LedgerFault> {
        ledger.keep_list_copies(&self.good, now)
    }
}

/// The people to go by: those that were read, or those of the last good copy where what was read is not to be believed.
fn believe(
    loaded: Loaded,
    before: Option<&Vec<Person>>,
    may_be_empty: bool,
    text: &Source,
    at: Option<SourceSpan>,
    findings: &Findings,
) -> Option<Vec<Person>> {
    let name = text.name();
    let Some(doubt) = loaded.doubt(before.map(Vec::as_slice), may_be_empty) else {
        if loaded.people.is_empty() && !may_be_empty && !findings.any_error() {
            findings.add(Diagnostic::warning(text, 0..0, format!("nobody is in {name}")));
        }
        return Some(loaded.people);
    };
    let kept = before.filter(|before| !before.is_empty());
    let people = |count: usize| if count == 1 { "1 person".to_owned() } else { format!("{count} people") };
    let (what, label) = match doubt {
        Doubt::Unreadable { nobody, lines } => (
            format!("{nobody} of the {lines} lines of {name} name nobody"),
            "expected one name or handle a line, a CSV whose first line says what is in it, or contacts (vCard)",
        ),
        Doubt::Empty { before } => (
            format!("{name} no longer names anybody, and named {} before", people(before)),
            "if that is right, set `may-be-empty = true` in this table",
        ),
        Doubt::Fewer { now, before } => (
            format!("{name} names only {}, and named {before} before", people(now)),
            "if that is right, set `may-be-empty = true` in this table",
        ),
    };
    let message = match kept {
        Some(_) => format!("{what}; the list keeps the people of the last good copy"),
        None => format!("{what}, so the list is not loaded"),
    };
    let place = at.unwrap_or(SourceSpan { source: text.clone(), span: 0..0 });
    findings.add(match kept {
        Some(_) => Diagnostic::warning(&place.source, place.span, message).label(label),
        None => Diagnostic::error(&place.source, place.span, message).label(label),
    });
    kept.cloned()
}

fn unreadable(file: &Path, cause: &io::Error, at: Option<SourceSpan>) -> Diagnostic {
    let finding = super::unreadable(file, cause);
    match at {
        Some(place) => {
            Diagnostic::error(&place.source, place.span, finding.message).label(match cause.kind() {
                io::ErrorKind::NotFound => "name a file of people that is there, or remove this",
                _ => "it is named here",
            })
        }
        None => finding,
    }
}

/// The source by the whole path of its file, which says the same to every command.
fn whole_path(source: &ListSource, file: &Path) -> ListSource {
    let whole = std::path::absolute(file).unwrap_or_else(|_| file.to_owned()).to_string_lossy().into_owned();
    match source {
        ListSource::Vcard(_) => ListSource::Vcard(whole),
        ListSource::File(_) | ListSource::FromSent(_) => ListSource::File(whole),
    }
}
