//! What may be odd about the data of one message, or about a line around it. Each has a name, and changes an answer.

use std::fmt;
use std::sync::Arc;

use crate::support::small_server::{Answer, Item, Part, literal};

type Change = Arc<dyn Fn(usize, &mut Answer) + Send + Sync>;

/// A change of the answers that show the victim.
#[derive(Clone)]
pub(super) struct Mutation {
    pub(super) name: String,
    change: Change,
}

impl fmt::Debug for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Mutation {
    fn new(name: String, change: impl Fn(usize, &mut Answer) + Send + Sync + 'static) -> Self {
        Self { name, change: Arc::new(change) }
    }

    pub(super) fn apply(&self, victim: usize, answer: &mut Answer) {
        (self.change)(victim, answer);
    }
}

/// The items that followsift asks for. `BODY[` is a part of the header, or the message.
const ITEMS: [&str; 5] = ["UID", "FLAGS", "RFC822.SIZE", "INTERNALDATE", "BODY["];

/// Values that no server may send, and that cannot be taken for true ones.
const VALUES: [&str; 24] = [
    "NIL",
    "nil",
    "",
    "()",
    "(NIL)",
    "-1",
    "+5",
    "1.5",
    "0x10",
    "4294967296",
    "18446744073709551616",
    "99999999999999999999999999",
    "\"\"",
    "\" \"",
    "\"-1\"",
    "[]",
    "<>",
    "*",
    "%",
    "((((",
    "))",
    "gr\u{fc}n",
    "\\",
    "{0}\r\n",
];

/// What is done to the items of a message, given the place of one of them.
type Operation = fn(&mut Vec<Item>, usize);

/// What is done to an item, by its name.
const OPERATIONS: [(&str, Operation); 21] = [
    ("dropped", |items, at| drop(items.remove(at))),
    ("doubled", |items, at| items.push(items[at].clone())),
    ("said twice, first as NIL", |items, at| {
        let other = Item { value: b"NIL".to_vec(), ..items[at].clone() };
        items.insert(at, other);
    }),
    ("first", |items, at| {
        let item = items.remove(at);
        items.insert(0, item);
    }),
    ("last", |items, at| {
        let item = items.remove(at);
        items.push(item);
    }),
    ("in lower case", |items, at| items[at].name.make_ascii_lowercase()),
    ("without its name", |items, at| items[at].name.clear()),
    ("alone", |items, at| *items = vec![items[at].clone()]),
    ("cut off", |items, at| {
        // Half of a number is another number.
        if items[at].value.starts_with(b"(") || items[at].value.starts_with(b"\"") {
            items[at].value.pop();
        }
    }),
    ("after two blanks", |items, at| items[at].name.insert(0, ' ')),
    ("before two blanks", |items, at| items[at].value.insert(0, b' ')),
    ("after a tab", |items, at| items[at].name.insert(0, '\t')),
    ("after a word that nobody knows", |items, at| {
        items.insert(at, Item { name: "X-ODD".to_owned(), value: b"odd".to_vec() });
    }),
    ("after a list that nobody knows", |items, at| {
        items.insert(at, Item { name: "MODSEQ".to_owned(), value: b"(12 (\"a)\" b))".to_vec() });
    }),
    ("after an envelope", |items, at| {
        let value = b"(NIL \"(\" ((NIL NIL \"a\" \"b\")) NIL NIL NIL NIL NIL NIL \"<x@y>\")".to_vec();
        items.insert(at, Item { name: "ENVELOPE".to_owned(), value });
    }),
    ("after a literal that nobody asked for", |items, at| {
        items.insert(at, Item { name: "RFC822.TEXT".to_owned(), value: literal(b")\r\n* 1 EXPUNGE\r\n") });
    }),
    ("after a stray parenthesis", |items, at| items[at].name.insert(0, '(')),
    ("before a stray parenthesis", |items, at| items[at].value.push(b')')),
    ("before a stray quote", |items, at| items[at].value.push(b'"')),
    ("before a stray bracket", |items, at| items[at].value.push(b']')),
    ("before a blank line", |items, at| {
        if items[at].value.starts_with(b"{") {
            items[at].value.extend_from_slice(b"\r\n");
        }
    }),
];

/// Keywords that some server has sent. None of them is a flag that matters.
const FLAGS: [&str; 26] = [
    "Projekt(alt)",
    "(",
    ")",
    "a)b",
    "(()",
    "a(b",
    "\"",
    "\"a b\"",
    "a\"b",
    "gr\u{fc}n",
    "\u{2603}",
    "[Gmail]/All",
    "a]b",
    "{3}",
    "a{b",
    "\\",
    "\\\\",
    "\\*",
    "%",
    "*",
    "NIL",
    "$Label1  $Label2",
    " $Label1 ",
    "\t$Label1",
    "\u{7f}",
    "UID",
];

/// Lines that may come before or after the data of a message, or inside an answer without any.
const LINES: [&str; 34] = [
    "",
    " ",
    "*",
    "* ",
    "**",
    "? what",
    "*  2 EXISTS",
    "* 2  EXISTS",
    "* OK",
    "* OK still here",
    "* NO [ALERT] the disk is nearly full",
    "* BAD what was that",
    "* X-ODD",
    "* THREAD (1)(2)",
    "* METADATA \"\" (/shared/comment)",
    "* FLAGS (",
    "* FLAGS (a)b)",
    "* 0 RECENT",
    "* -1 EXISTS",
    "* 99999999999 EXISTS",
    "* 1 FETCH",
    "* 1 FETCH (",
    "* 1 FETCH ()",
    "* 1 FETCH (UID)",
    "* 0 FETCH (UID 0)",
    "* 9 FETCH (FLAGS ())",
    "* 9 FETCH (FLAGS (a)b))",
    "* FETCH (UID 1)",
    "* LIST () NIL",
    "* STATUS",
    "* NAMESPACE NIL NIL",
    "* VANISHED 1",
    "* \u{fc}",
    "* ESEARCH (TAG \"f1\") UID",
];

/// Refusals of a command that asks for the victim.
const REFUSALS: [&str; 7] = [
    "NO some messages could not be fetched",
    "NO",
    "NO [SERVERBUG] internal error",
    "NO [CORRUPTION] cannot be read",
    "NO [NONSENSE \"x\" (y)] odd",
    "BAD parse error",
    "BAD",
];

/// Could a server that is right send this? An empty list of flags says that a mark was taken away again.
fn may_be_true(item: &str, value: &str) -> bool {
    match item {
        "FLAGS" => value.starts_with('('),
        "BODY[" => value.starts_with('"') && value.len() > 2,
        _ => false,
    }
}

/// The items of the victim with a name that begins so.
fn each(victim: usize, answer: &mut Answer, name: &str, change: impl Fn(&mut Vec<Item>, usize)) {
    for items in answer.items_of(victim) {
        if let Some(at) = items.iter().position(|item| item.name.starts_with(name)) {
            change(items, at);
        }
    }
}

/// All that may be odd about the data of one message.
pub(super) fn of_a_message() -> Vec<Mutation> {
    let mut all = Vec::new();
    for item in ITEMS {
        for value in VALUES.into_iter().filter(|value| !may_be_true(item, value)) {
            all.push(Mutation::new(format!("{item} is {value:?}"), move |victim, answer| {
                each(victim, answer, item, |items, at| items[at].value = value.as_bytes().to_vec());
            }));
        }
        for (name, operation) in OPERATIONS {
            all.push(Mutation::new(format!("{item} {name}"), move |victim, answer| {
                each(victim, answer, item, operation);
            }));
        }
    }
    for flags in FLAGS {
        all.push(Mutation::new(format!("the flags {flags:?}"), move |victim, answer| {
            each(victim, answer, "FLAGS", |items, at| {
                items[at].value.pop();
                items[at].value.extend_from_slice(format!(" {flags})").as_bytes());
            });
        }));
        all.push(Mutation::new(format!("the flags {flags:?} at the end"), move |victim, answer| {
            each(victim, answer, "FLAGS", |items, at| {
                let Item { name, value } = items.remove(at);
                let value = [format!("({flags} ").as_bytes(), &value[1..]].concat();
                items.push(Item { name, value });
            });
        }));
    }
    all.push(Mutation::new("the items backwards".to_owned(), |victim, answer| {
        answer.items_of(victim).for_each(|items| items.reverse());
    }));
    all.push(Mutation::new("no items".to_owned(), |victim, answer| {
        answer.items_of(victim).for_each(Vec::clear);
    }));
    all.push(Mutation::new("not shown".to_owned(), |victim, answer| {
        answer.parts.retain(|part| !matches!(part, Part::Data { id, .. } if *id == victim));
    }));
    all.push(Mutation::new("a response for each item".to_owned(), |victim, answer| {
        let Some(at) = answer.place_of(victim) else { return };
        let Part::Data { id, number, items } = answer.parts.remove(at) else { return };
        let uid = items.iter().find(|item| item.name == "UID").cloned();
        for item in items.into_iter().filter(|item| item.name != "UID") {
            let items = uid.iter().cloned().chain([item]).collect();
            answer.parts.insert(at, Part::Data { id, number, items });
        }
    }));
    all.push(Mutation::new("the response twice".to_owned(), |victim, answer| {
        let Some(at) = answer.place_of(victim) else { return };
        answer.parts.push(answer.parts[at].clone());
    }));
    all.push(Mutation::new("the response last".to_owned(), |victim, answer| {
        let Some(at) = answer.place_of(victim) else { return };
        let part = answer.parts.remove(at);
        answer.parts.push(part);
    }));
    all
}

/// Odd lines before, after and instead of the data of the victim, and refusals because of it.
pub(super) fn around_a_message() -> Vec<Mutation> {
    let mut all = Vec::new();
    let line = |text: &str| Part::Line(format!("{text}\r\n").into_bytes());
    for text in LINES {
        all.push(Mutation::new(format!("the line {text:?} before"), move |victim, answer| {
            if let Some(at) = answer.place_of(victim) {
                answer.parts.insert(at, line(text));
            }
        }));
        all.push(Mutation::new(format!("the line {text:?} after"), move |victim, answer| {
            if let Some(at) = answer.place_of(victim) {
                answer.parts.insert(at + 1, line(text));
            }
        }));
        all.push(Mutation::new(format!("the line {text:?} instead"), move |victim, answer| {
            if let Some(at) = answer.place_of(victim) {
                answer.parts[at] = line(text);
            }
        }));
    }
    for refusal in REFUSALS {
        let refuse = |answer: &mut Answer, refusal: &str| refusal.clone_into(&mut answer.done);
        all.push(Mutation::new(format!("{refusal:?} and nothing"), move |victim, answer| {
            if answer.place_of(victim).is_some() {
                answer.parts.clear();
                refuse(answer, refusal);
            }
        }));
        all.push(Mutation::new(format!("{refusal:?} and the others"), move |victim, answer| {
            if let Some(at) = answer.place_of(victim) {
                answer.parts.remove(at);
                refuse(answer, refusal);
            }
        }));
        all.push(Mutation::new(format!("{refusal:?} and those before it"), move |victim, answer| {
            if let Some(at) = answer.place_of(victim) {
                answer.parts.truncate(at);
                refuse(answer, refusal);
            }
        }));
        all.push(Mutation::new(format!("{refusal:?} and all but its body"), move |victim, answer| {
            if answer.place_of(victim).is_some() {
                each(victim, answer, "BODY[", |items, at| items[at].value = b"NIL".to_vec());
                refuse(answer, refusal);
            }
        }));
    }
    all
}
