//! Removes blocks with syntax errors from a TOML file, so that one missing bracket is one finding and causes no false findings
//! about the blocks after it.
//!
//! Only [`super::document`] calls it.

use std::ops::Range;

use toml::de::{DeTable, Error};

use super::findings::Findings;
use super::{Diagnostic, Source};

/// The lines from a `[header]` up to the next one, or those before the first.
struct Block<'a> {
    at: Range<usize>,
    /// The text between the brackets.
    name: &'a str,
}

/// The text of a file with syntax errors, with blanks in place of every block that cannot be parsed, each with one finding, and of
/// its subtables, such as `[rule.when]` after `[[rule]]`, which would otherwise become part of another.
pub(super) fn readable(source: &Source, findings: &Findings) -> String {
    let text = source.text();
    let groups = groups(text);
    // Parse each block by itself: an unclosed array would swallow the blocks after it.
    let broken = |group: &[Block<'_>]| {
        let wrong = group.iter().find_map(|block| {
            let (_, errors) = DeTable::parse_recoverable(text.get(block.at.clone())?.trim_end());
            let error = errors.into_iter().min_by_key(|error| error.span().map(|span| span.start))?;
            Some((error, block.at.start))
        });
        wrong.map(|(error, start)| findings.add(finding(source, &error, start))).is_some()
    };
    let mut left = text.as_bytes().to_vec();
    let mut whole = Vec::new();
    for group in groups {
        match broken(&group) {
            true => blank(&mut left, &group),
            false => whole.push(group),
        }
    }
    let mut left = String::from_utf8_lossy(&left).into_owned();
    // Blocks that parse alone can still conflict: a table defined twice, or `[rule]` before several `[[rule]]`, with an error for
    // each.
    let (_, errors) = DeTable::parse_recoverable(&left);
    if let Some(first) = errors.first() {
        findings.add(finding(source, first, 0));
        let starts: Vec<_> = errors.iter().filter_map(|error| Some(error.span()?.start)).collect();
        let mut rest = left.clone().into_bytes();
        for group in whole {
            let at = group.iter().any(|block| starts.iter().any(|start| block.at.contains(start)));
            if at {
                blank(&mut rest, &group);
            }
        }
        left = String::from_utf8_lossy(&rest).into_owned();
    }
    left
}

fn finding(source: &Source, error: &Error, start: usize) -> Diagnostic {
    let end = source.text().len();
    let span = error.span().map_or(end..end, |span| start + span.start..start + span.end);
    Diagnostic::error(source, span, error.message().replace('\n', ", "))
}

/// The blocks of a file, each grouped with its subtables.
fn groups(text: &str) -> Vec<Vec<Block<'_>>> {
    let mut groups = vec![vec![Block { at: 0..0, name: "" }]];
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let at = start..start + line.len();
        start = at.end;
        let name = header(line);
        let parent = groups.last().and_then(|group| group.first()).map_or("", |block| block.name);
        let within =
            name.and_then(|name| name.strip_prefix(parent)).is_some_and(|rest| rest.starts_with('.'));
        match (name, groups.last_mut()) {
            (Some(name), Some(group)) if within && !parent.is_empty() => group.push(Block { at, name }),
            (None, Some(group)) => {
                if let Some(block) = group.last_mut() {
                    block.at.end = at.end;
                }
            }
            (name, _) => groups.push(vec![Block { at, name: name.unwrap_or_default() }]),
        }
    }
    groups
}

/// The name in a line such as `[[rule]]`, even if a bracket is missing. The lines of an array do not begin like this.
fn header(line: &str) -> Option<&str> {
    let name = line.trim_start().strip_prefix('[')?.trim_start_matches(['[', ' ']);
    let name = name.split([']', '\n', '#']).next()?.trim();
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_').then_some(name)
}

/// Blanks out a group but keeps its line breaks, so that places in the file do not change.
fn blank(text: &mut [u8], group: &[Block<'_>]) {
    for block in group {
        for byte in text.get_mut(block.at.clone()).into_iter().flatten().filter(|byte| **byte != b'\n') {
            *byte = b' ';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_bracket_removes_only_its_own_block() {
        let cases = [
            // The text, the lines that are left, and the lines of the findings.
            ("a = 1\n[b]\nc = [1\n[d]\ne = 1\n", "1450", "3"),
            ("a = [\n[b]\nc = 1\n", "230", "1"),
            ("[[r]]\nn = 1\n[r.w]\nx = \"\n[[r]]\nn = \"ä\n[[r]]\nn = 3\n", "780", "46"),
            ("[[r]\nn = 1\n[r.w]\nx = 2\n[s]\n", "50", "1"),
            ("[a]\nb = 1\n[c]\n[a]\nb = 1\n[d]\n", "12360", "4"),
            ("[r]\nn = 1\n[[r]]\n[[r]]\n[[r]]\n", "120", "3"),
        ];
        for (text, left, lines) in cases {
            let source = Source::new("f.toml", text);
            let findings = Findings::default();
            let readable = readable(&source, &findings);
            assert_eq!(readable.len(), text.len());
            let kept: String = readable
                .split('\n')
                .zip(text.split('\n'))
                .enumerate()
                .filter(|(_, (now, before))| now == before)
                .map(
                    |(index, (now, _))| if now.is_empty() { "0".to_owned() } else { (index + 1).to_string() },
                )
                .collect();
            let found = findings.into_sorted();
            let cited: String = found
                .iter()
                .map(|finding| finding.place.as_ref().unwrap().location().line.to_string())
                .collect();
            assert_eq!((cited.as_str(), kept.as_str()), (lines, left), "{text}");
        }
    }
}
