//! Compiles `[[test]]`: an invented follower and the verdict that the rules must give.

use super::rules::Rules;
use super::{Names, condition, finish};
use crate::clock::Timestamp;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::document::{Table, Value};
use crate::mail::{Fact as MailFact, FactMut, FactType, Follower, Shown};
use crate::rules::bounds::DAY;
use crate::rules::example::{Example, RECEIVED};
use crate::rules::fact::Fact;
use crate::rules::recall::Past;

const KEYS: [&str; 11] = [
    "follower",
    "expect",
    "by",
    "network",
    "kind",
    "instance",
    "known",
    "unwelcome",
    "times-followed",
    "last-followed",
    "wave",
];

/// Compiles the tables. Skips a table with a mistake, and reports the mistake.
pub(super) fn read(tables: Vec<Table<'_>>, names: &Names<'_>, rules: &Rules) -> Vec<Example> {
    tables.into_iter().filter_map(|table| example(table, names, rules)).collect()
}

fn example(mut table: Table<'_>, names: &Names<'_>, rules: &Rules) -> Option<Example> {
    let follower = table.require("follower").and_then(|value| follower(&value));
    let expect = table.require("expect");
    let expect_at = expect.as_ref().map(Value::span);
    let expect = expect.and_then(|value| match value.string()?.text.as_str() {
        "undecided" => Some(None),
        _ => names.verdict(&value).map(Some),
    });
    // A wrong key must not count as an absent one.
    let mut whole = true;
    let mut by = None;
    if let Some(value) = table.take("by") {
        by = rules.name(&value, names).map(|text| (text.text, text.span));
        whole &= by.is_some();
    }
    let mut network = None;
    if let Some(value) = table.take("network") {
        network = value.string().and_then(|text| names.network(&text, &value));
        whole &= network.is_some();
    }
    let mut kind = None;
    if let Some(value) = table.take("kind") {
        kind = value.string().and_then(|text| condition::kind(&text, &value));
        whole &= kind.is_some();
    }
    let instance = table.take("instance").and_then(|value| value.string()).map(|text| text.text);
    let past = Past {
        known: table.take("known").and_then(|value| value.boolean()).unwrap_or(false),
        unwelcome: table.take("unwelcome").and_then(|value| value.boolean()).unwrap_or(false),
        times_followed: table.take("times-followed").and_then(|value| value.whole()).unwrap_or(0),
        last_followed: table.take("last-followed").and_then(|value| {
            let ago = seconds(&value)?;
            Some(Timestamp(RECEIVED.0 - ago as i64))
        }),
        wave: table.take("wave").and_then(|value| value.whole()).unwrap_or(0),
        unread: &[],
    };
    finish(table, &KEYS, |key| match Fact::from_word(key)? {
        Fact::Mail(_) => {
            Some(format!("facts of the follower belong in `follower`: follower = {{ {key} = ... }}"))
        }
        _ => None,
    });
    whole.then_some(Example {
        network,
        kind,
        instance,
        follower: follower?,
        past,
        expect: expect?,
        expect_at: expect_at?,
        by,
    })
}

fn follower(value: &Value<'_>) -> Option<Follower> {
    let mut follower = Follower::default();
    let mut whole = true;
    for value in value.table()?.take_rest() {
        whole &= fact(&mut follower, &value).is_some();
    }
    whole.then_some(follower)
}

/// Sets one fact; `None` if a finding says why not.
fn fact(follower: &mut Follower, value: &Value<'_>) -> Option<()> {
    let word = value.key();
    let fact = match Fact::from_word(word) {
        Some(Fact::Mail(fact)) => fact,
        other => {
            let message = format!("`{word}` is not a fact that a message shows");
            let finding = Diagnostic::error(value.source(), value.key_span(), message);
            let needs: Vec<_> =
                other.map(Fact::needs).unwrap_or_default().iter().map(|need| need.word()).collect();
            value.findings().add(match other {
                None => super::suggest(finding, word, MailFact::ALL.iter().map(|fact| fact.word()), "facts"),
                Some(_) if needs.is_empty() => {
                    finding.label("write it beside `follower`, in the test itself")
                }
                Some(_) => finding.label(format!("it is calculated: write {}", needs.join(" and "))),
            });
            return None;
        }
    };
    match follower.fact_mut(fact) {
        FactMut::Text(place) => {
            let text = value.string()?.text;
            *place = if text.is_empty() { Shown::Empty } else { Shown::Value(text) };
        }
        FactMut::Count(days) if fact.type_of() == FactType::Days => {
            *days = Shown::Value((seconds(value)? / DAY) as u64);
        }
        FactMut::Count(count) => *count = Shown::Value(value.whole()?),
        FactMut::Answer(answer) => *answer = Shown::Value(value.boolean()?),
    }
    Some(())
}

/// A duration such as "3 days".
fn seconds(value: &Value<'_>) -> Option<f64> {
    let text = value.string()?;
    match humantime::parse_duration(&text.text) {
        Ok(length) => Some(length.as_secs_f64()),
        Err(_) => {
            value.error(format!("invalid duration `{}`", text.text), "write it like \"3 days\"");
            None
        }
    }
}
