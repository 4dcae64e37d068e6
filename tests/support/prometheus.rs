//! Reads metrics as strictly as the text format 0.0.4 is described: anything that Prometheus or promtool would complain about
//! fails the test.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};

/// A scrape: the samples, each by its name and labels as they are written, and the type of each metric.
#[derive(Debug, Default)]
pub struct Scrape {
    pub types: BTreeMap<String, String>,
    samples: BTreeMap<String, f64>,
}

impl Scrape {
    /// Reads the text of a scrape.
    #[track_caller]
    pub fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has no end: {text}");
        let mut scrape = Self::default();
        let mut helped = BTreeSet::new();
        let mut current = String::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(!help.trim().is_empty() && helped.insert(name.to_owned()), "{line}");
                current = name.to_owned();
                continue;
            }
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert_eq!(name, current, "TYPE does not follow its HELP: {line}");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                assert_eq!(scrape.types.insert(name.to_owned(), kind.to_owned()), None, "{line}");
                continue;
            }
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let base = match scrape.types.get(&current).map(String::as_str) {
                Some("histogram") => {
                    let suffix = name.strip_prefix(&current).unwrap_or_else(|| panic!("{line}"));
                    assert!(["_bucket", "_sum", "_count"].contains(&suffix), "{line}");
                    &current
                }
                _ => name,
            };
            assert_eq!(base, current, "a sample is not below its TYPE: {line}");
            assert!(is_name(name) && name.starts_with("followsift_"), "{line}");
            labels_of(labels.strip_suffix('}').unwrap_or_else(|| panic!("{line}")));
            let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
            assert!(value >= 0.0, "{line}");
            assert_eq!(scrape.samples.insert(series.to_owned(), value), None, "twice: {line}");
        }
        scrape.check_histograms();
        scrape
    }

    /// The value of a series, as `name` or `name{label="value"}`, whatever the order of its labels.
    pub fn value(&self, series: &str) -> Option<f64> {
        let wanted = parts(series);
        self.samples.iter().find(|(series, _)| parts(series) == wanted).map(|(_, value)| *value)
    }

    /// The series that begin like this.
    pub fn series(&self, start: &str) -> Vec<&str> {
        self.samples.keys().map(String::as_str).filter(|series| series.starts_with(start)).collect()
    }

    fn check_histograms(&self) {
        for (name, _) in self.types.iter().filter(|(_, kind)| *kind == "histogram") {
            let mut buckets: Vec<(f64, f64)> = self
                .samples
                .iter()
                .filter_map(|(series, value)| {
                    let bound = series.strip_prefix(&format!("{name}_bucket{{le=\""))?.strip_suffix("\"}")?;
                    Some((bound.replace("+Inf", "inf").parse().unwrap(), *value))
                })
                .collect();
            buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
            assert!(buckets.is_sorted_by(|one, other| one.0 < other.0 && one.1 <= other.1), "{buckets:?}");
            let (bound, all) = *buckets.last().unwrap();
            assert!(bound.is_infinite() && self.value(&format!("{name}_count")) == Some(all), "{buckets:?}");
            assert!(self.value(&format!("{name}_sum")).is_some());
        }
    }
}

fn is_name(name: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    name.starts_with(|letter: char| letter.is_ascii_lowercase()) && name.chars().all(fits)
}

/// The name of a series, and its labels.
fn parts(series: &str) -> (&str, BTreeMap<&str, &str>) {
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    (name, labels_of(labels.trim_end_matches('}')))
}

/// The labels, in the order of their names. No value has a letter that would have to be escaped.
fn labels_of(text: &str) -> BTreeMap<&str, &str> {
    let mut labels = BTreeMap::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or_else(|| panic!("{text}"));
        let value = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap();
        assert!(is_name(name) && !value.contains(['"', '\\']), "{text}");
        assert_eq!(labels.insert(name, value), None, "{text}");
    }
    labels
}

/// Sends a request, and reads the whole answer: its first line, its other fields, its body.
pub fn ask(mut stream: impl Read + Write, request: &str) -> (String, String, String) {
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let (status, fields) = head.split_once("\r\n").unwrap_or((head, ""));
    (status.to_owned(), fields.to_ascii_lowercase(), body.to_owned())
}

/// Reads the metrics as Prometheus does.
#[track_caller]
pub fn scrape(stream: impl Read + Write) -> Scrape {
    let request = "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/plain;version=0.0.4\r\n\r\n";
    let (status, fields, body) = ask(stream, request);
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(fields.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{fields}");
    Scrape::read(&body)
}
