//! Parses a table of followers' facts, as research data and exports provide them, and judges its rows. `judge` calls it.
//!
//! Pure: the caller reads the file and prints.

use std::collections::BTreeSet;
use std::ops::Range;

use csv::{ReaderBuilder, StringRecord};

use super::case::Case;
use super::fact::Vocabulary;
use super::list::Lists;
use super::recall::Past;
use super::set::RuleSet;
use super::verdict::Verdict;
use crate::clock::Timestamp;
use crate::diagnostic::document::Findings;
use crate::diagnostic::{Diagnostic, Source, nearest};
use crate::mail::{Fact as MailFact, FactMut, Follower, Network, Shown};

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The line of the file, counted from one.
    pub line: u64,
    /// The source of the row: the network, optionally with more after a `/`.
    pub source: String,
    /// The network.
    pub network: Network,
    /// Its label: `genuine` is a person, any other is not; `None` if it has none.
    pub label: Option<String>,
    /// The facts. If only the length of a text is known, a meaningless text of that length stands for it.
    pub follower: Follower,
}

impl Row {
    /// Whether this is a person; `None` without a label.
    pub fn genuine(&self) -> Option<bool> {
        self.label.as_ref().map(|label| label == "genuine")
    }
}

/// What a column contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Source,
    Label,
    /// A fact under its own name.
    Fact(MailFact),
    /// Whether there is a text, if the text itself is not given.
    Has(MailFact),
    /// The length of a text, if the text itself is not given.
    Length(MailFact),
    /// The number of digits in the handle, if the handle itself is not given.
    HandleDigits,
}

/// Column names of published tables that differ from the name of the fact.
const OTHER_NAMES: [(&str, Column); 11] = [
    ("source", Column::Source),
    ("label", Column::Label),
    ("has_bio", Column::Has(MailFact::Bio)),
    ("bio_length", Column::Length(MailFact::Bio)),
    ("has_location", Column::Has(MailFact::Location)),
    ("has_url", Column::Has(MailFact::Website)),
    ("default_avatar", Column::Fact(MailFact::DefaultPicture)),
    ("name_length", Column::Length(MailFact::Name)),
    ("handle_digits", Column::HandleDigits),
    ("account_age_days_at_capture", Column::Fact(MailFact::Age)),
    ("default_picture", Column::Fact(MailFact::DefaultPicture)),
];

/// Stands for each character of a text that is not given: neither a letter nor a digit, and never part of a word.
const UNKNOWN: &str = "…";

/// Parses a table: UTF-8, tab-separated, without quoting, with a header line. An empty cell is a fact that is not shown. Names of
/// networks are checked against `vocabulary`, unless it is empty.
pub fn read(source: &Source, vocabulary: &Vocabulary, findings: &Findings) -> Vec<Row> {
    let mut reader = ReaderBuilder::new()
        .delimiter(b'\t')
        .quoting(false)
        .flexible(true)
        .from_reader(source.text().as_bytes());
    let columns = match reader.headers() {
        Ok(head) => columns(head, source, findings),
        Err(_) => return Vec::new(),
    };
    if !columns.contains(&Some(Column::Source)) {
        findings.add(Diagnostic::error(source, 0..0, "the column `source` is missing").label(
            "expected a header line, with tabs between the columns; `source` begins with the network",
        ));
        return Vec::new();
    }
    let mut rows = Vec::new();
    let mut place = RowStart { start: 0, line: 1 };
    let mut strange = BTreeSet::new();
    let mut uneven: (u64, Option<Range<usize>>) = (0, None);
    for record in reader.records() {
        // Only invalid UTF-8 is an error here, and the text is valid.
        let Ok(record) = record else { break };
        let Some(position) = record.position() else { continue };
        place = place.at(usize::try_from(position.byte()).unwrap_or(usize::MAX), source.text());
        if record.len() != columns.len() {
            uneven.0 += 1;
            uneven.1.get_or_insert(
                place.start..place.start + (record.as_slice().len() + record.len()).saturating_sub(1),
            );
        }
        rows.extend(row(&record, place, &columns, source, findings));
        if let Some(row) = rows.last().filter(|row| row.line == place.line)
            && !vocabulary.is_empty()
            && strange.insert(row.network.clone())
        {
            let start = place.start + column_start(&record, &columns);
            strange_network(&row.network, start, vocabulary, source, findings);
        }
    }
    if let (count, Some(first)) = uneven {
        let message = match count {
            1 => "this row does not have one cell per column".to_owned(),
            _ => format!("{count} rows do not have one cell per column"),
        };
        let label =
            format!("the header has {} columns, this row has {}", columns.len(), cells(source, &first));
        findings.add(Diagnostic::warning(source, first, message).label(label));
    }
    rows
}

/// Where the source cell begins in a row.
fn column_start(record: &StringRecord, columns: &[Option<Column>]) -> usize {
    let before = record.iter().zip(columns).take_while(|(_, column)| **column != Some(Column::Source));
    before.map(|(cell, _)| cell.len() + 1).sum()
}

fn cells(source: &Source, row: &Range<usize>) -> usize {
    source.text().get(row.clone()).unwrap_or_default().split('\t').count()
}

/// Warns about an unknown network: rules that name a network do not hold for it, and nothing else would say why.
fn strange_network(
    network: &Network,
    start: usize,
    vocabulary: &Vocabulary,
    source: &Source,
    findings: &Findings,
) {
    if vocabulary.networks().any(|known| known == network) {
        return;
    }
    let word = network.as_str();
    let finding = Diagnostic::warning(source, start..start + word.len(), format!("unknown network `{word}`"));
    findings.add(match nearest(word, vocabulary.networks().map(Network::as_str)) {
        Some(word) => finding.label(format!("did you mean `{word}`?")),
        None => finding.label("rules that name a network do not apply to it"),
    });
}

/// Where a row begins.
#[derive(Clone, Copy)]
struct RowStart {
    /// In bytes.
    start: usize,
    /// Counted from one.
    line: u64,
}

impl RowStart {
    /// The next row, from the byte where the reader says it begins. That may be before blank lines or the LF of a CR LF, which the
    /// reader counts as part of the following row.
    fn at(self, byte: usize, text: &str) -> Self {
        let rest = text.get(byte..).unwrap_or_default();
        let start = byte + rest.len() - rest.trim_start_matches(['\r', '\n']).len();
        let between = text.get(self.start..start).unwrap_or_default();
        Self { start, line: self.line + between.matches('\n').count() as u64 }
    }
}

fn columns(head: &StringRecord, source: &Source, findings: &Findings) -> Vec<Option<Column>> {
    let text = source.text();
    let mut at = text.len() - text.trim_start_matches(['\u{feff}', '\r', '\n']).len();
    let mut columns = Vec::new();
    for name in head {
        let column = MailFact::from_word(name)
            .map(Column::Fact)
            .or_else(|| OTHER_NAMES.iter().find(|(known, _)| *known == name).map(|(_, column)| *column));
        if column.is_none() {
            let known = MailFact::ALL
                .iter()
                .map(|fact| fact.word())
                .chain(OTHER_NAMES.iter().map(|(known, _)| *known));
            let finding =
                Diagnostic::warning(source, at..at + name.len(), format!("unknown column `{name}`"));
            findings.add(match nearest(name, known) {
                Some(word) => finding.label(format!("did you mean `{word}`?")),
                None => finding.label("this column is ignored"),
            });
        }
        if column.is_some() && columns.contains(&column) {
            let finding =
                Diagnostic::warning(source, at..at + name.len(), "an earlier column has the same fact");
            findings.add(finding.label("remove one of them"));
        }
        at += name.len() + 1;
        columns.push(column);
    }
    columns
}

fn row(
    record: &StringRecord,
    place: RowStart,
    columns: &[Option<Column>],
    source: &Source,
    findings: &Findings,
) -> Option<Row> {
    let mut at = place.start;
    let mut follower = Follower::default();
    let (mut origin, mut label) = (None, None);
    let mut whole = true;
    for (cell, column) in record.iter().zip(columns) {
        let span = at..at + cell.len();
        at = span.end + 1;
        match column {
            _ if cell.is_empty() => (),
            None => (),
            Some(Column::Source) => origin = Some((cell, span)),
            Some(Column::Label) => label = Some(cell.to_owned()),
            Some(column) => whole &= fact(&mut follower, *column, cell, &span, source, findings).is_some(),
        }
    }
    let Some((origin, span)) = origin else {
        findings.add(Diagnostic::error(source, place.start..at.saturating_sub(1), "this row has no source"));
        return None;
    };
    let word = origin.split('/').next().unwrap_or_default();
    let Some(network) = Network::new(word) else {
        findings.add(
            Diagnostic::error(source, span, format!("`{word}` cannot be a network"))
                .label("expected one such as `twitter`, or `twitter/` with more after it"),
        );
        return None;
    };
    whole.then(|| Row { line: place.line, source: origin.to_owned(), network, label, follower })
}

/// Sets a fact; `None` if a finding says why not.
fn fact(
    follower: &mut Follower,
    column: Column,
    cell: &str,
    span: &Range<usize>,
    source: &Source,
    findings: &Findings,
) -> Option<()> {
    let number = || {
        let number = cell.parse::<u64>().ok();
        if number.is_none() {
            let finding = Diagnostic::error(source, span.clone(), format!("`{cell}` is not a whole number"));
            findings.add(finding.label("an unknown number is an empty cell"));
        }
        number
    };
    let answer = || {
        let answer = match cell {
            "1" | "true" => Some(true),
            "0" | "false" => Some(false),
            _ => None,
        };
        if answer.is_none() {
            let finding = Diagnostic::error(source, span.clone(), format!("`{cell}` is neither 1 nor 0"));
            findings.add(finding);
        }
        answer
    };
    // A greater length than that of any text in a message makes no difference.
    let unknown = |length: u64| UNKNOWN.repeat(usize::try_from(length).unwrap_or(500).min(500));
    match column {
        Column::Source | Column::Label => (),
        Column::Fact(fact) => match follower.fact_mut(fact) {
            FactMut::Text(text) => *text = Shown::Value(cell.to_owned()),
            FactMut::Count(count) => *count = Shown::Value(number()?),
            FactMut::Answer(yes) => *yes = Shown::Value(answer()?),
        },
        Column::Has(text) => {
            let has = answer()?;
            let FactMut::Text(place) = follower.fact_mut(text) else { return None };
            match (has, &place) {
                (false, place) if is_given(place) => (),
                (false, _) => *place = Shown::Empty,
                (true, Shown::Value(_)) => (),
                (true, _) => *place = Shown::Value(UNKNOWN.to_owned()),
            }
        }
        Column::Length(text) => {
            let length = number()?;
            let FactMut::Text(place) = follower.fact_mut(text) else { return None };
            if !is_given(place) {
                *place = if length == 0 { Shown::Empty } else { Shown::Value(unknown(length)) };
            }
        }
        Column::HandleDigits => {
            let digits = usize::try_from(number()?).unwrap_or(500).min(500);
            if !is_given(&follower.handle) {
                follower.handle = Shown::Value(format!("{UNKNOWN}{}", "0".repeat(digits)));
            }
        }
    }
    Some(())
}

/// Did a column further left give the text itself? Otherwise it is empty, or a placeholder, perhaps with the digits of a handle.
fn is_given(text: &Shown<String>) -> bool {
    text.value().is_some_and(|text| !text.trim_end_matches('0').trim_end_matches(UNKNOWN).is_empty())
}

impl RuleSet {
    /// Judges a row, with no past; `instance` is the server of a handle without a host.
    pub fn judge_row(&self, row: &Row, instance: Option<&str>, lists: &Lists) -> Verdict {
        let case = Case {
            network: Some(&row.network),
            kind: None,
            instance,
            follower: &row.follower,
            past: &Past::default(),
            received: Timestamp(0),
        };
        self.judge(&case, lists)
    }

    /// Would this verdict file the message?
    pub fn files(&self, verdict: &Verdict) -> bool {
        verdict.class.as_ref().is_some_and(|class| self.disposition(class).move_to.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary() -> Vocabulary {
        Vocabulary::new(["twitter", "instagram"].map(|word| (Network::new(word).unwrap(), BTreeSet::new())))
    }

    fn load(text: &str) -> (Vec<Row>, Vec<String>) {
        let source = Source::new("facts.tsv", text);
        let findings = Findings::default();
        let rows = read(&source, &vocabulary(), &findings);
        (rows, findings.into_sorted().iter().map(Diagnostic::plain).collect())
    }

    #[test]
    fn an_empty_cell_is_not_shown_and_a_length_of_zero_is_empty() {
        let (rows, findings) = load(
            "source\tlabel\tfollowers\thas_bio\tname_length\thandle_digits\tdefault_avatar\tprivate\n\
             twitter/a\tgenuine\t3\t0\t0\t4\t1\t\ninstagram\tfake\t\t1\t5\t\t0\t1\n",
        );
        assert_eq!(findings, Vec::<String>::new());
        let [first, second] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!((first.network.as_str(), first.genuine(), first.line), ("twitter", Some(true), 2));
        assert_eq!(first.follower.followers, Shown::Value(3));
        assert_eq!((&first.follower.bio, &first.follower.name), (&Shown::Empty, &Shown::Empty));
        assert_eq!(first.follower.handle, Shown::Value("…0000".into()));
        assert_eq!(first.follower.private, Shown::NotShown);
        assert_eq!(second.follower.followers, Shown::NotShown);
        assert_eq!(second.follower.bio, Shown::Value("…".into()));
        assert_eq!(second.follower.name, Shown::Value("…".repeat(5)));
    }

    #[test]
    fn a_text_takes_precedence_over_columns_about_it() {
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
            for columns in [
                [("bio", "… Airdrop"), ("bio_length", "9"), ("has_bio", "1")],
                [("handle", "bob1987"), ("handle_digits", "4"), ("followers", "3")],
                [("name", "Ana Lima"), ("name_length", "8"), ("followers", "3")],
            ] {
                let [head, cells] = [order.map(|at| columns[at].0), order.map(|at| columns[at].1)];
                let (rows, findings) =
                    load(&format!("source\t{}\ntwitter\t{}\n", head.join("\t"), cells.join("\t")));
                assert_eq!(findings, Vec::<String>::new());
                let fact = MailFact::from_word(columns[0].0).unwrap();
                assert_eq!(rows[0].follower.text(fact), Shown::Value(columns[0].1), "{head:?}");
            }
        }
    }

    #[test]
    fn findings_cite_rows_and_cells_at_their_place() {
        for end in ["\n", "\r\n", "\n\n", "\r\n\r\n", "\n\r\n\n"] {
            let lines = ["source\tfolowers\tposts", "twitter\t3\tmany", "twitter\t3\t4", "\t5\t6"];
            let text = format!("{}{}", if end == "\n" { "\u{feff}" } else { end }, lines.join(end));
            let source = Source::new("facts.tsv", text.as_str());
            let findings = Findings::default();
            let rows = read(&source, &vocabulary(), &findings);
            let starts = lines.map(|line| text.find(line).unwrap());
            let line = |at: usize| source.locate(at).line as u64;
            assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [line(starts[2])], "{end:?}");
            let cited: Vec<_> =
                findings.into_sorted().into_iter().filter_map(|one| Some(one.place?.span)).collect();
            let at = |row: usize, cells: std::ops::Range<usize>| {
                starts[row] + cells.start..starts[row] + cells.end
            };
            assert_eq!(cited, [at(0, 7..15), at(1, 10..14), at(3, 0..4)], "{end:?}");
        }
    }

    #[test]
    fn wrong_cells_are_found_all_at_once() {
        let (rows, findings) =
            load("source\tfollowers\tfolowing\nTwitter\t3\t\n\t4\t\ntwitter\tmany\t\ntwitter\t5\t\n");
        assert_eq!(rows.len(), 1);
        assert_eq!(findings.len(), 4, "{findings:?}");
        assert!(findings.iter().any(|one| one.contains("facts.tsv:4:9")), "{findings:?}");
        assert!(findings.iter().any(|one| one.contains("did you mean `following`?")), "{findings:?}");
    }

    #[test]
    fn each_oddity_of_a_table_gets_one_warning() {
        let (rows, findings) = load(
            "label\tsource\tposts\tdefault_avatar\tdefault_picture\n\
             fake\ttwiter/a\t1\t0\t0\nfake\ttwiter/b\t1\t0\t0\nfake\ttwitter\t1\nfake\ttwitter\t1\t0\t0\t7\n",
        );
        assert_eq!(rows.len(), 4);
        let [column, network, cells] = findings.as_slice() else { panic!("{findings:?}") };
        assert!(
            column.contains("facts.tsv:1:") && column.contains("an earlier column has the same fact"),
            "{column}"
        );
        assert!(
            network.contains("facts.tsv:2:6") && network.contains("did you mean `twitter`?"),
            "{network}"
        );
        assert!(cells.contains("facts.tsv:4:1") && cells.contains("2 rows"), "{cells}");
        assert!(cells.contains("has 5 columns, this row has 3"), "{cells}");
    }

    #[test]
    fn a_table_needs_a_source_column() {
        let (rows, findings) = load("followers,following\n1,2\n");
        assert!(rows.is_empty() && findings.iter().any(|one| one.contains("`source` is missing")));
    }
}
