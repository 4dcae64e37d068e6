//! The written form of facts and reasons: JSON that stays readable, whatever becomes of our types.
//!
//! A fact that is not shown has no key, an empty one is null. Used by `judged` to write and by `history` to
//! read back.

use rusqlite::types::Type;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::diagnostic::Location;
use crate::mail::{Fact, FactMut, FactRef, Follower, LookedUp, Shown};
use crate::rules::{Evidence, Reason};

/// The key of a value that is not a fact: the network's own number for the account.
const ID: &str = "id";
/// The key of where facts were looked up.
const LOOKED_UP: &str = "looked-up";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenOrigin {
    host: String,
    at: i64,
    facts: Vec<String>,
}

/// The written form of a follower's facts.
pub(super) fn write_follower(follower: &Follower) -> String {
    let mut facts = Map::new();
    for fact in Fact::ALL {
        let shown = match follower.fact(fact) {
            FactRef::Text(text) => text.as_ref().map(|text| Value::from(text.as_str())),
            FactRef::Count(count) => count.as_ref().map(|count| Value::from(*count)),
            FactRef::Answer(answer) => answer.as_ref().map(|answer| Value::from(*answer)),
        };
        match shown {
            Shown::NotShown => None,
            Shown::Empty => facts.insert(fact.word().to_owned(), Value::Null),
            Shown::Value(value) => facts.insert(fact.word().to_owned(), value),
        };
    }
    if let Some(id) = &follower.id {
        facts.insert(ID.to_owned(), Value::from(id.as_str()));
    }
    if let Some(origin) = &follower.looked_up {
        let words: Vec<_> = origin.facts.iter().map(|fact| fact.word()).collect();
        let written = serde_json::json!({ "host": origin.host, "at": origin.at.0, "facts": words });
        facts.insert(LOOKED_UP.to_owned(), written);
    }
    Value::Object(facts).to_string()
}

/// The follower that [`write_follower`] wrote.
pub(super) fn read_follower(json: &str) -> rusqlite::Result<Follower> {
    let facts: Map<String, Value> = serde_json::from_str(json).map_err(unreadable)?;
    let mut follower = Follower::default();
    for (word, value) in facts {
        if word == ID {
            follower.id = serde_json::from_value(value).map_err(unreadable)?;
        } else if word == LOOKED_UP {
            let WrittenOrigin { host, at, facts } = serde_json::from_value(value).map_err(unreadable)?;
            let facts = facts.iter().filter_map(|word| Fact::from_word(word)).collect();
            follower.looked_up = Some(Box::new(LookedUp { host, at: Timestamp(at), is_today: false, facts }));
        } else if let Some(fact) = Fact::from_word(&word) {
            set(&mut follower, fact, value).map_err(unreadable)?;
        } else {
            return Err(unreadable(<serde_json::Error as serde::de::Error>::custom(format!(
                "{word:?} is not a fact"
            ))));
        }
    }
    Ok(follower)
}

fn set(follower: &mut Follower, fact: Fact, value: Value) -> serde_json::Result<()> {
    match follower.fact_mut(fact) {
        FactMut::Text(text) => *text = shown(value)?,
        FactMut::Count(count) => *count = shown(value)?,
        FactMut::Answer(answer) => *answer = shown(value)?,
    }
    Ok(())
}

fn shown<T: for<'de> Deserialize<'de>>(value: Value) -> serde_json::Result<Shown<T>> {
    let value: Option<T> = serde_json::from_value(value)?;
    Ok(value.map_or(Shown::Empty, Shown::Value))
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WrittenReason {
    rule: String,
    file: String,
    line: usize,
    column: usize,
    seen: Vec<String>,
    by_name_alone: bool,
    points: Option<f64>,
}

/// The written form of the reasons behind a verdict.
pub(super) fn write_reasons(reasons: &[Reason]) -> String {
    let written = reasons.iter().map(|reason| WrittenReason {
        rule: reason.rule.to_string(),
        file: reason.at.file.to_string(),
        line: reason.at.line,
        column: reason.at.column,
        seen: reason.evidence.seen.clone(),
        by_name_alone: reason.evidence.by_name_alone,
        points: reason.points,
    });
    let written: Vec<_> = written.collect();
    // Strings, numbers and a list of them: nothing that JSON could refuse.
    serde_json::to_string(&written).unwrap_or_default()
}

/// The reasons that [`write_reasons`] wrote.
pub(super) fn read_reasons(json: &str) -> rusqlite::Result<Vec<Reason>> {
    let written: Vec<WrittenReason> = serde_json::from_str(json).map_err(unreadable)?;
    let reasons = written.into_iter().map(|reason| Reason {
        rule: reason.rule.into(),
        at: Location { file: reason.file.into(), line: reason.line, column: reason.column },
        evidence: Evidence { seen: reason.seen, by_name_alone: reason.by_name_alone },
        points: reason.points,
    });
    Ok(reasons.collect())
}

fn unreadable(cause: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(cause))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::option;
    use proptest::prelude::*;

    fn any_shown<T: Clone + std::fmt::Debug + 'static>(
        value: impl Strategy<Value = T> + 'static,
    ) -> impl Strategy<Value = Shown<T>> {
        prop_oneof![Just(Shown::NotShown), Just(Shown::Empty), value.prop_map(Shown::Value)]
    }

    fn any_follower() -> impl Strategy<Value = Follower> {
        let facts = Fact::ALL.len();
        let texts = proptest::collection::vec(any_shown(".{0,20}"), facts);
        let counts = proptest::collection::vec(any_shown(any::<u64>()), facts);
        let answers = proptest::collection::vec(any_shown(any::<bool>()), facts);
        (texts, counts, answers, option::of(".{0,20}")).prop_map(|(texts, counts, answers, id)| {
            let mut follower = Follower { id, ..Follower::default() };
            for (fact, ((some_text, some_count), some_answer)) in
                Fact::ALL.into_iter().zip(texts.into_iter().zip(counts).zip(answers))
            {
                match follower.fact_mut(fact) {
                    FactMut::Text(text) => *text = some_text,
                    FactMut::Count(count) => *count = some_count,
                    FactMut::Answer(answer) => *answer = some_answer,
                }
            }
            follower
        })
    }

    proptest! {
        #[test]
        fn facts_are_read_back_as_they_were(follower in any_follower()) {
            prop_assert_eq!(read_follower(&write_follower(&follower)).unwrap(), follower);
        }

        #[test]
        fn reasons_are_read_back_as_they_were(
            rule in ".{0,20}", file in ".{1,20}", line: usize, seen in proptest::collection::vec(".{0,20}", 0..3),
            by_name_alone: bool, points in option::of(-1e6..1e6),
        ) {
            let at = Location { file: file.into(), line, column: 1 };
            let reasons = vec![Reason { rule: rule.into(), at, evidence: Evidence { seen, by_name_alone }, points }];
            prop_assert_eq!(read_reasons(&write_reasons(&reasons)).unwrap(), reasons);
        }
    }

    #[test]
    fn the_written_form_stays_as_it_was_released() {
        let text = |text: &str| Shown::Value(text.to_owned());
        let follower = Follower {
            handle: text("ann"),
            name: text("Ann"),
            url: text("https://a.example/@ann"),
            bio: Shown::Empty,
            location: text("Lima"),
            website: text("https://ann.example"),
            profile_fields: text("Languages: Rust"),
            address_host: text("ann.example"),
            followers: Shown::Value(1),
            following: Shown::Value(2001),
            posts: Shown::Value(3),
            lists: Shown::Value(4),
            mutuals: Shown::Value(5),
            default_picture: Shown::Value(true),
            verified: Shown::Value(false),
            private: Shown::Empty,
            age: Shown::Value(6),
            last_posted: Shown::Value(8),
            bot: Shown::Value(false),
            account_state: text("active"),
            id: Some("7".into()),
            looked_up: Some(Box::new(LookedUp {
                host: "toot.example".into(),
                at: Timestamp(1000),
                is_today: false,
                facts: vec![Fact::Lists, Fact::Bot],
            })),
        };
        let json = concat!(
            r#"{"account-state":"active","address-host":"ann.example","age":6,"bio":null,"bot":false,"default-picture":true,"#,
            r#""followers":1,"following":2001,"handle":"ann","id":"7","last-posted":8,"#,
            r#""lists":4,"location":"Lima","looked-up":{"at":1000,"facts":["lists","bot"],"host":"toot.example"},"#,
            r#""mutuals":5,"name":"Ann","posts":3,"private":null,"profile-fields":"Languages: Rust","#,
            r#""url":"https://a.example/@ann","verified":false,"website":"https://ann.example"}"#,
        );
        assert_eq!(write_follower(&follower), json);
        assert_eq!(read_follower(json).unwrap(), follower);
    }

    #[test]
    fn unknown_facts_and_values_of_a_wrong_type_are_refused() {
        for json in [r#"{"folowers":1}"#, r#"{"followers":"many"}"#, r#"{"followers":-1}"#, "[]", ""] {
            assert!(read_follower(json).is_err(), "{json}");
        }
    }
}
