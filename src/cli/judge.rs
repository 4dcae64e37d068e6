//! `judge`: rules tried on a table of followers' facts. Needs no account, and without settings takes what ships.

use std::io::{self, Read as _};
use std::path::Path;
use std::{fs, iter};

use super::output::Output;
use super::{Ending, Judge, context};
use crate::diagnostic::document::Findings;
use crate::diagnostic::{Diagnostic, Source};
use crate::report;
use crate::rulebook;
use crate::rules::score;
use crate::rules::table::{self, Row};

/// The largest table that is read, in bytes: some millions of rows.
const TABLE_LIMIT: u64 = 512 << 20;

pub(super) fn judge(settings: Option<&Path>, options: &Judge, output: &mut Output) -> Ending {
    let Ok(settings) = context::settings(settings, output) else { return Ending::Settings };
    let (files, findings) = match &options.rules {
        Some(file) => context::rule_files_with(settings.as_ref(), Some(file)),
        None => context::rule_files(settings.as_ref()),
    };
    output.findings(&findings);
    let Some(files) = files else { return Ending::Settings };
    let sent = context::sent(settings.as_ref(), &files);
    let trust = context::trust(settings.as_ref(), &options.authserv_ids, &options.instances);
    let own_server = match trust.instances.as_slice() {
        [only] => Some(only.host.to_unicode().into_owned()),
        _ => None,
    };
    let rulebook = files.rulebook(trust, false, &sent);
    let networks = rulebook.profiles.networks();
    let is_hosted_by_anybody = |row: &Row| {
        networks
            .iter()
            .any(|known| known.network == row.network && known.domains.is_empty() && !known.is_guess)
    };
    let own_server_of = |row: &Row| own_server.as_deref().filter(|_| is_hosted_by_anybody(row));

    let text = match read(&options.facts) {
        Ok(text) => text,
        Err(cause) => {
            output.error(&format!("error: could not read {}: {cause}", options.facts.display()));
            return Ending::Data;
        }
    };
    let findings = Findings::default();
    // What is wrong with the profiles has been said with the rules.
    let (vocabulary, _) = rulebook::vocabulary(settings.as_ref());
    let rows = table::read(&Source::new(options.facts.display().to_string(), text), &vocabulary, &findings);
    let findings = findings.into_sorted();
    output.findings(&findings);
    let ending = if findings.iter().any(Diagnostic::is_error) { Ending::Data } else { Ending::Well };

    let (rules, lists) = (&rulebook.rules, &rulebook.lists);
    let verdicts: Vec<_> = rows.iter().map(|row| rules.judge_row(row, own_server_of(row), lists)).collect();
    if options.json {
        for (row, verdict) in iter::zip(&rows, &verdicts) {
            output.line(&report::judged::line(row, verdict, rules.files(verdict)));
            if output.is_closed() {
                break;
            }
        }
        return ending;
    }
    output.text(&report::judged::tally(verdicts.iter()));
    let filed = iter::zip(&rows, &verdicts).map(|(row, verdict)| (row, rules.files(verdict)));
    let scores = score::scores(filed);
    if !scores.is_empty() {
        output.text(&format!("\n{}", report::judged::scores(&scores)));
    }
    ending
}

fn read(file: &Path) -> io::Result<String> {
    match file == Path::new("-") {
        true => read_up_to(TABLE_LIMIT, io::stdin().lock()),
        false => read_up_to(TABLE_LIMIT, fs::File::open(file)?),
    }
}

/// The whole of it; a part would be summed up as if it were all there is.
fn read_up_to(limit: u64, from: impl io::Read) -> io::Result<String> {
    let mut text = String::new();
    if from.take(limit + 1).read_to_string(&mut text)? as u64 > limit {
        return Err(io::Error::other(format!("it is larger than {} MiB", limit >> 20)));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_whole_or_not_at_all() {
        assert_eq!(read_up_to(3, b"abc".as_slice()).unwrap(), "abc");
        assert!(read_up_to(3, b"abcd".as_slice()).is_err());
    }
}
