//! Collects findings while files are read: up to a limit per file, sorted for a person to read.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::{Diagnostic, Severity};

/// The most findings shown per file. A file may have one on every line, and more would say nothing new.
const MOST: usize = 100;

/// The findings so far: at most a hundred per file, errors before warnings.
#[derive(Debug, Default)]
pub struct Findings(RefCell<Found>);

#[derive(Debug, Default)]
struct Found {
    unplaced: Vec<Diagnostic>,
    files: BTreeMap<String, File>,
}

/// The findings of one file, and how many there were including those dropped.
#[derive(Debug, Default)]
struct File {
    kept: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
}

impl Findings {
    /// Adds a finding.
    pub fn add(&self, finding: Diagnostic) {
        let found = &mut *self.0.borrow_mut();
        let Some(name) = finding.place.as_ref().map(|place| place.source.name()) else {
            found.unplaced.push(finding);
            return;
        };
        match found.files.get_mut(name) {
            Some(file) => file.add(finding),
            None => found.files.entry(name.to_owned()).or_default().add(finding),
        }
    }

    /// Is there an error?
    pub fn any_error(&self) -> bool {
        let found = self.0.borrow();
        found.unplaced.iter().any(Diagnostic::is_error) || found.files.values().any(|file| file.errors > 0)
    }

    /// All findings: first those without a place, then file by file, in order. If a file has more than a hundred, a last one says
    /// how many are omitted.
    pub fn into_sorted(self) -> Vec<Diagnostic> {
        let Found { unplaced, files } = self.0.into_inner();
        let mut sorted = unplaced;
        for (name, file) in files {
            file.append_to(&mut sorted, &name);
        }
        sorted
    }
}

impl File {
    fn add(&mut self, finding: Diagnostic) {
        let count = if finding.is_error() { &mut self.errors } else { &mut self.warnings };
        *count += 1;
        if *count <= MOST {
            self.kept.push(finding);
        }
    }

    fn append_to(mut self, all: &mut Vec<Diagnostic>, name: &str) {
        let mut room = MOST.saturating_sub(self.errors);
        self.kept.retain(|finding| {
            let fits = finding.is_error() || room > 0;
            room = room.saturating_sub(usize::from(!finding.is_error()));
            fits
        });
        self.kept.sort_by_key(|finding| finding.place.as_ref().map(|place| place.span.start));
        let more = self.errors + self.warnings - self.kept.len();
        all.append(&mut self.kept);
        if more > 0 {
            let severity = if self.errors > MOST { Severity::Error } else { Severity::Warning };
            let message = format!("and {} more in {name}", grouped(more));
            all.push(Diagnostic { severity, ..Diagnostic::unplaced(message) });
        }
    }
}

/// A number with a comma before each three digits.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Source;

    #[test]
    fn a_hundred_findings_of_a_file_are_shown_and_the_rest_are_counted() {
        let findings = Findings::default();
        let (friends, other) = (Source::new("friends.txt", "x\n".repeat(16_000)), Source::new("z.txt", "x"));
        findings.add(Diagnostic::warning(&other, 0..1, "alone"));
        for line in 0..16_000 {
            findings.add(Diagnostic::warning(&friends, line * 2..line * 2 + 1, "this line names nobody"));
        }
        let sorted = findings.into_sorted();
        assert_eq!(sorted.len(), 102);
        assert_eq!(sorted[100].plain(), "warning: and 15,900 more in friends.txt");
        assert_eq!(sorted[101].message, "alone");
    }

    #[test]
    fn an_error_after_many_warnings_still_rejects_the_file_and_is_shown() {
        let findings = Findings::default();
        let source = Source::new("friends.txt", "x\n".repeat(300));
        for line in 0..200 {
            findings.add(Diagnostic::warning(&source, line * 2..line * 2 + 1, "this line names nobody"));
        }
        findings.add(Diagnostic::error(&source, 400..401, "broken"));
        assert!(findings.any_error());
        let sorted = findings.into_sorted();
        assert_eq!(sorted.len(), 101);
        assert_eq!(sorted[99].message, "broken");
        assert_eq!(sorted[100].message, "and 101 more in friends.txt");
    }
}
