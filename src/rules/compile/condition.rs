//! Compiles `when`, the condition of a rule, key by key.

use regex::RegexBuilder;
use toml::de::DeValue;

use super::{Names, suggest};
use crate::diagnostic::document::{Table, Text, Value, list};
use crate::diagnostic::{Diagnostic, nearest};
use crate::mail::{ACCOUNT_STATES, Fact as MailFact, Kind};
use crate::rules::bounds::{Bounds, Unreadable};
use crate::rules::condition::{Condition, Leaf, Relation, Test, Wanted};
use crate::rules::fact::{Fact, Type};
use crate::rules::text::{fold, fold_handle, fold_host, lower};

/// How deep `any`, `all` and `not` may nest; deeper conditions are unreadable.
const DEEPEST: usize = 16;

/// The memory that one compiled pattern may take, in bytes.
const PATTERN_SIZE: usize = 1 << 21;

/// Compiles the table after `when`. `None` if a finding says why not.
pub(super) fn read(table: Table<'_>, names: &Names<'_>) -> Option<Condition> {
    Reader { names }.table(table, 0)
}

struct Reader<'a> {
    names: &'a Names<'a>,
}

impl Reader<'_> {
    fn table(&self, mut table: Table<'_>, depth: usize) -> Option<Condition> {
        if depth > DEEPEST {
            let finding =
                Diagnostic::error(table.source(), table.span(), "this condition is nested too deeply");
            table
                .findings()
                .add(finding.label(format!("expected at most {DEEPEST} levels; write several rules")));
            return None;
        }
        let parts: Vec<_> = table.take_rest().iter().map(|value| self.key(value, depth)).collect();
        let parts: Option<Vec<_>> = parts.into_iter().collect();
        Some(flat(parts?, Condition::All))
    }

    fn key(&self, value: &Value<'_>, depth: usize) -> Option<Condition> {
        match value.key() {
            "any" => Some(Condition::Any(self.parts(value, depth)?)),
            "all" => Some(flat(self.parts(value, depth)?, Condition::All)),
            "not" => {
                let table = value.table()?;
                let part = self.table(table, depth + 1)?;
                if matches!(&part, Condition::All(parts) if parts.is_empty()) {
                    value.error("this condition is empty", "expected a fact, such as { verified = true }");
                    return None;
                }
                Some(Condition::Not(Box::new(part)))
            }
            word => match Fact::from_word(word) {
                Some(fact) => self.fact(value, fact),
                None => {
                    let message = format!("unknown fact `{word}`");
                    let finding = Diagnostic::error(value.source(), value.key_span(), message);
                    let known = Fact::all().map(|fact| fact.word()).chain(["any", "all", "not"]);
                    value.findings().add(suggest(finding, word, known, "facts"));
                    None
                }
            },
        }
    }

    fn parts(&self, value: &Value<'_>, depth: usize) -> Option<Vec<Condition>> {
        let items = value.items()?;
        if items.is_empty() {
            let message = format!(
                "an empty `{}` {}",
                value.key(),
                match value.key() {
                    "any" => "can never hold",
                    _ => "always holds",
                }
            );
            value.error(message, "expected tables, such as [ { followers = 0 }, { posts = 0 } ]");
            return None;
        }
        let parts: Vec<_> = items
            .iter()
            .map(|item| {
                let part = self.table(item.table()?, depth + 1)?;
                if matches!(&part, Condition::All(parts) if parts.is_empty()) {
                    item.error("this condition is empty", "expected a fact, such as { followers = 0 }");
                    return None;
                }
                Some(part)
            })
            .collect();
        parts.into_iter().collect()
    }

    fn fact(&self, value: &Value<'_>, fact: Fact) -> Option<Condition> {
        let leaf = |test| Condition::Leaf(Leaf { fact, test, at: value.key_span().start..end(value) });
        if let DeValue::Table(_) = value.raw() {
            return self.operators(value, fact);
        }
        match fact.type_of() {
            Type::Text => {
                let wanted = self.wanted(value, fact, Relation::Is)?;
                Some(leaf(Test::Text(Relation::Is, wanted)))
            }
            unit @ (Type::Count | Type::Quantity | Type::Duration) => {
                bounds(value, unit).map(Test::Bounds).map(leaf)
            }
            Type::Answer => match value.raw() {
                DeValue::Boolean(answer) => Some(leaf(Test::Answer(*answer))),
                _ => value.wrong_type(Type::Answer.expects()),
            },
            Type::Word => self.words(value, fact).map(Test::Words).map(leaf),
            Type::People => {
                let label = match value.raw() {
                    DeValue::String(list) => format!("write {{ in = \"{list}\" }}"),
                    _ => format!("expected {}", Type::People.expects()),
                };
                value.error(format!("`{fact}` takes a list"), label);
                None
            }
        }
    }

    /// Compiles a table of operators, all of which must hold.
    fn operators(&self, value: &Value<'_>, fact: Fact) -> Option<Condition> {
        let mut table = value.table()?;
        let rest = table.take_rest();
        if rest.is_empty() {
            value.error("this condition is empty", format!("expected {}", operators(fact)));
            return None;
        }
        let parts: Vec<_> = rest.iter().map(|value| self.operator(value, fact)).collect();
        let parts: Option<Vec<_>> = parts.into_iter().collect();
        Some(flat(parts?, Condition::All))
    }

    fn operator(&self, value: &Value<'_>, fact: Fact) -> Option<Condition> {
        let at = value.key_span().start..end(value);
        let leaf = |test| Some(Condition::Leaf(Leaf { fact, test, at: at.clone() }));
        let text = fact.type_of() == Type::Text;
        let people = fact.type_of() == Type::People;
        if let Some(relation) =
            Relation::ALL.into_iter().find(|relation| text && relation.key() == value.key())
        {
            return leaf(Test::Text(relation, self.wanted(value, fact, relation)?));
        }
        match value.key() {
            "is" if fact.type_of() == Type::Word => leaf(Test::Words(self.words(value, fact)?)),
            "matches" if text => {
                let patterns: Vec<_> = some_strings(value)?.iter().map(|text| pattern(text, value)).collect();
                leaf(Test::Matches(patterns.into_iter().collect::<Option<_>>()?))
            }
            "in" if text || people => leaf(Test::In(self.lists(value)?)),
            "empty" if !people => leaf(Test::Empty(value.boolean()?)),
            "shown" => leaf(Test::Shown(value.boolean()?)),
            key => {
                let message = match OF_TEXT.contains(&key) {
                    true => format!("`{fact}` does not support `{key}`"),
                    false => format!("unknown operator `{key}`"),
                };
                let finding = Diagnostic::error(value.source(), value.key_span(), message);
                let word = if text { synonym(key).or_else(|| nearest(key, OF_TEXT)) } else { None };
                value.findings().add(match (word, fact.type_of()) {
                    (Some(word), _) => finding.label(format!("did you mean `{word}`?")),
                    (None, unit @ (Type::Count | Type::Quantity | Type::Duration)) => {
                        finding.label(format!("expected {}; or {}", unit.expects(), operators(fact)))
                    }
                    (None, _) => finding.label(format!("expected {}", operators(fact))),
                });
                None
            }
        }
    }

    fn wanted(&self, value: &Value<'_>, fact: Fact, relation: Relation) -> Option<Vec<Wanted>> {
        let mut whole = true;
        let mut wanted = Vec::new();
        for text in some_strings(value)? {
            let bare = match (fact, relation) {
                // Handles are stored without the leading `@` that people write.
                (Fact::Mail(MailFact::Handle), Relation::Is | Relation::Starts) => {
                    text.text.trim_start_matches('@')
                }
                _ => &text.text,
            };
            // Fold it as `Sight` folds the text of the message.
            let folded = match (fact, relation) {
                (Fact::Mail(MailFact::Handle), Relation::Is) => fold_handle(bare),
                (Fact::Instance, Relation::Is) => fold_host(bare),
                (fact, _) if fact == Fact::Instance || fact.is_address() => lower(bare),
                _ => fold(bare),
            };
            if folded.is_empty() {
                whole = false;
                let label = match relation {
                    Relation::Is => format!("write `{fact} = {{ empty = true }}` to match a blank one"),
                    _ => "expected something to look for".to_owned(),
                };
                let finding = Diagnostic::error(value.source(), text.span.clone(), "this text is empty");
                value.findings().add(finding.label(label));
            }
            let is_state = (fact, relation) == (Fact::Mail(MailFact::AccountState), Relation::Is);
            if is_state && !folded.is_empty() && !ACCOUNT_STATES.contains(&folded.as_str()) {
                whole = false;
                let message = format!("unknown state `{}`", text.text);
                let finding = Diagnostic::error(value.source(), text.span.clone(), message);
                value.findings().add(suggest(finding, &text.text, ACCOUNT_STATES, "states"));
            }
            let padded = bare.trim() != bare && !folded.is_empty();
            if padded && matches!(relation, Relation::Has | Relation::Starts | Relation::Ends) {
                let message = "leading and trailing blanks in this text are ignored";
                let finding = Diagnostic::warning(value.source(), text.span.clone(), message);
                value.findings().add(match relation {
                    Relation::Has => {
                        finding.label(format!("use `word = \"{}\"`, or remove them", bare.trim()))
                    }
                    _ => finding.label("remove them"),
                });
            }
            wanted.push(Wanted { written: text.text.clone(), folded });
        }
        whole.then_some(wanted)
    }

    fn words(&self, value: &Value<'_>, fact: Fact) -> Option<Vec<String>> {
        let words: Vec<_> = some_strings(value)?
            .into_iter()
            .map(|text| match fact {
                Fact::Network => self.names.network(&text, value).map(|_| text.text),
                _ => kind(&text, value).map(|kind| kind.word().to_owned()),
            })
            .collect();
        words.into_iter().collect()
    }

    fn lists(&self, value: &Value<'_>) -> Option<Vec<String>> {
        let lists: Vec<_> = some_strings(value)?
            .into_iter()
            .map(|text| {
                if self.names.lists.contains_key(&text.text) {
                    return Some(text.text);
                }
                if !self.names.whole {
                    return None;
                }
                let message = format!("unknown list `{}`", text.text);
                let finding = Diagnostic::error(value.source(), text.span, message);
                let known = self.names.lists.keys().map(String::as_str);
                let finding = suggest(finding, &text.text, known, "lists");
                value.findings().add(match self.names.lists.is_empty() {
                    true => {
                        finding.label(format!("declare it: [list.{}] with people = [\"...\"]", text.text))
                    }
                    false => finding,
                });
                None
            })
            .collect();
        lists.into_iter().collect()
    }
}

/// Joins parts; a single part stays as it is.
fn flat(parts: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    match <[Condition; 1]>::try_from(parts) {
        Ok([part]) => part,
        Err(parts) => join(parts),
    }
}

/// Where a condition ends: dotted keys create tables that have no bytes of their own.
fn end(value: &Value<'_>) -> usize {
    value.span().end.max(value.key_span().end)
}

/// A kind of notification; another word is a finding.
pub(super) fn kind(text: &Text, value: &Value<'_>) -> Option<Kind> {
    let found = Kind::ALL.into_iter().find(|kind| kind.word() == text.text);
    if found.is_none() {
        let message = format!("unknown kind `{}`", text.text);
        let finding = Diagnostic::error(value.source(), text.span.clone(), message);
        value.findings().add(suggest(finding, &text.text, Kind::ALL.iter().map(|kind| kind.word()), "kinds"));
    }
    found
}

/// One string or several; an empty list is a finding.
fn some_strings(value: &Value<'_>) -> Option<Vec<Text>> {
    if let DeValue::Array(items) = value.raw() {
        if items.is_empty() {
            value.error("an empty list can never hold", "expected at least one text");
            return None;
        }
        // A wrong item has been reported; dropping it would change the meaning of the condition.
        return value.strings().filter(|texts| texts.len() == items.len());
    }
    value.strings()
}

fn bounds(value: &Value<'_>, unit: Type) -> Option<Bounds> {
    let (read, at) = match value.raw() {
        DeValue::String(text) => (Bounds::parse(text, unit), value.span()),
        DeValue::Integer(_) | DeValue::Float(_) => (Bounds::exactly(value.number()?, unit), value.span()),
        _ => return value.wrong_type(unit.expects()),
    };
    match read {
        Ok(bounds) => Some(bounds),
        Err(Unreadable { message, label }) => {
            value.findings().add(Diagnostic::error(value.source(), at, message).label(label));
            None
        }
    }
}

/// Compiles a regular expression. An error is shown at its place in the pattern.
fn pattern(text: &Text, value: &Value<'_>) -> Option<regex::Regex> {
    let error = |range: std::ops::Range<usize>, message: &str, label: String| {
        value.findings().add(Diagnostic::error(value.source(), text.inside(range), message).label(label));
    };
    let whole = 0..text.text.len();
    const WRONG: &str = "invalid pattern";
    match regex_syntax::Parser::new().parse(&text.text) {
        Ok(_) if text.text.is_empty() => {
            error(whole, "an empty pattern matches every text", "expected something to look for".to_owned());
            return None;
        }
        Ok(_) => (),
        Err(regex_syntax::Error::Parse(wrong)) => {
            error(wrong.span().start.offset..wrong.span().end.offset, WRONG, wrong.kind().to_string());
            return None;
        }
        Err(regex_syntax::Error::Translate(wrong)) => {
            error(wrong.span().start.offset..wrong.span().end.offset, WRONG, wrong.kind().to_string());
            return None;
        }
        Err(wrong) => {
            error(whole, WRONG, wrong.to_string());
            return None;
        }
    }
    match RegexBuilder::new(&text.text).size_limit(PATTERN_SIZE).dfa_size_limit(PATTERN_SIZE).build() {
        Ok(pattern) => Some(pattern),
        Err(_) => {
            error(
                whole,
                "this pattern takes too much memory",
                "repeat less: `{1,50}`, or `\\w` in place of counts".to_owned(),
            );
            None
        }
    }
}

/// The operators for a text.
const OF_TEXT: [&str; 9] = ["is", "has", "word", "starts", "ends", "matches", "in", "empty", "shown"];

/// The operator that people who know other languages probably mean.
fn synonym(key: &str) -> Option<&'static str> {
    match key {
        "contains" | "includes" | "substring" => Some("has"),
        "equals" | "eq" => Some("is"),
        "regex" | "regexp" => Some("matches"),
        "begins" | "prefix" => Some("starts"),
        "suffix" => Some("ends"),
        _ => None,
    }
}

fn operators(fact: Fact) -> String {
    list(match fact.type_of() {
        Type::Text => &OF_TEXT,
        Type::People => &["in", "shown"],
        Type::Word => &["is", "shown"],
        Type::Count | Type::Quantity | Type::Duration | Type::Answer => &["empty", "shown"],
    })
}
