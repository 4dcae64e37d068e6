//! The labels of further corpora: where the environment variable `FOLLOWSIFT_CORPUS` names folders with messages and a
//! `labels.tsv`, separated by colons, each message is recognised as its label says.
//!
//! `UPDATE_EXPECT=1` writes the list of labels that do not hold yet anew.

#![expect(clippy::disallowed_methods, reason = "a test asks for its own environment")]

use super::*;

/// One line of `labels.tsv`, by column.
type Label = BTreeMap<String, String>;

fn labels(folder: &Path) -> Vec<Label> {
    let text = fs::read_to_string(folder.join("labels.tsv")).unwrap();
    let mut lines = text.lines();
    let columns: Vec<_> = lines.next().unwrap().split('\t').collect();
    let label = |line: &str| {
        let cells = line.split('\t').map(str::to_owned);
        columns.iter().map(|column| (*column).to_owned()).zip(cells).collect()
    };
    lines.map(label).collect()
}

/// Labels of further corpora that do not hold yet, one file a line.
const MISSES: &str = "tests/known-misses.txt";

#[test]
fn the_labels_of_the_corpora_named_by_the_environment_hold() {
    let Some(corpora) = std::env::var_os("FOLLOWSIFT_CORPUS") else {
        println!("skipped: FOLLOWSIFT_CORPUS names no folder with messages and labels.tsv");
        return;
    };
    let profiles = profiles();
    let required: Vec<_> = profiles.networks().iter().map(|network| network.network.to_string()).collect();
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join(MISSES);
    let listed = fs::read_to_string(&list).unwrap();
    let known: Vec<_> = listed.lines().filter(|line| !line.starts_with('#')).collect();
    let mut tally: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let (mut wrong, mut missed, mut mended) = (Vec::new(), Vec::new(), Vec::new());
    for (folder, label) in std::env::split_paths(&corpora)
        .flat_map(|folder| labels(&folder).into_iter().map(move |label| (folder.clone(), label)))
    {
        let file = label["file"].clone();
        let bytes = fs::read(folder.join(&file)).unwrap();
        check_cuts(&profiles, &file, &bytes);
        let differences = compare(&recognise(&profiles, &bytes, &Trust::default()), &label);
        let network = label["network"].clone();
        let is_other = label["kind"] == "other" || label["kind"] == "forged-follow";
        let is_known = known.contains(&file.as_str());
        let (met, all) = tally.entry(network.clone()).or_default();
        *all += 1;
        if differences.is_empty() {
            *met += 1;
            mended.extend(is_known.then_some(file));
        } else {
            println!("{file}: {}", differences.join("; "));
            if is_other || required.contains(&network) {
                missed.push(file.clone());
                if !is_known {
                    wrong.push(format!("{file}: {}", differences.join("; ")));
                }
            }
        }
    }
    for (network, (met, all)) in &tally {
        let is_required = if required.contains(network) { "required" } else { "" };
        println!("{network:24} {met:3} of {all:3} {is_required}");
    }
    println!(
        "{} labels that are required do not hold; {} of them are known",
        missed.len(),
        missed.len() - wrong.len()
    );
    if crate::support::golden::is_updating() {
        let head: String = listed.split_inclusive('\n').take_while(|line| line.starts_with('#')).collect();
        return fs::write(&list, missed.iter().fold(head, |text, file| text + file + "\n")).unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(mended.is_empty(), "these hold now; remove them from {MISSES}: {}", mended.join(", "));
}

fn compare(recognition: &Recognition, label: &Label) -> Vec<String> {
    let kind = label["kind"].as_str();
    let notification = match recognition {
        Recognition::Recognised(notification) => Some(notification),
        _ => None,
    };
    match (kind, notification) {
        ("other", None) | ("forged-follow", None) => return Vec::new(),
        ("forged-follow", Some(n)) if matches!(n.authentic, Authenticity::Fail(_)) => return Vec::new(),
        ("other" | "forged-follow", Some(n)) => {
            return vec![format!("taken for a {} of {}", n.kind, n.network)];
        }
        (_, None) => return vec![format!("not recognised: {recognition:?}")],
        _ => {}
    }
    let notification = notification.unwrap();
    let mut differences = Vec::new();
    let mut check = |what: &str, expected: String, found: String| {
        if expected != found {
            differences.push(format!("{what}: expected {expected:?}, found {found:?}"));
        }
    };
    check("kind", kind.to_owned(), notification.kind.to_string());
    check("network", label["network"].clone(), notification.network.to_string());
    check("authentic", "unknown".to_owned(), notification.authentic.word().to_owned());
    let columns = [
        ("handle", Fact::Handle),
        ("display_name", Fact::Name),
        ("profile_url", Fact::Url),
        ("bio", Fact::Bio),
        ("followers", Fact::Followers),
        ("following", Fact::Following),
        ("posts", Fact::Posts),
        ("lists", Fact::Lists),
    ];
    for (column, fact) in columns {
        let expected = label.get(column).cloned().unwrap_or_default();
        // A bio may hold the bar that separates the followers of a batch.
        let expected: Vec<_> =
            if kind == "follow-batch" { expected.split('|').collect() } else { vec![expected.as_str()] };
        for (place, follower) in notification.followers.iter().enumerate() {
            let expected = expected.get(place).copied().unwrap_or_default();
            let count = follower.count(fact).value().map(ToString::to_string);
            let found =
                follower.text(fact).value().map(|text| (*text).to_owned()).or(count).unwrap_or_default();
            // Deriving a handle that is not printed is not judged.
            if fact == Fact::Handle && expected.is_empty() {
                continue;
            }
            let normal = if fact == Fact::Url { normal_url } else { normal_text };
            check(column, normal(expected), normal(&found));
        }
    }
    let names = label["display_name"].split('|').count();
    if kind == "follow-batch" {
        check("followers named", names.to_string(), notification.followers.len().to_string());
    }
    differences
}

fn normal_text(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Scheme, `www.`, closing slash, percent-encoding and punycode are not judged.
fn normal_url(text: &str) -> String {
    let Ok(url) = url::Url::parse(text) else { return text.to_owned() };
    let host = url.host_str().unwrap_or_default().trim_start_matches("www.").to_owned();
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{host}{}{query}", url.path().trim_end_matches('/'))
}
