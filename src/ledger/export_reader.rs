//! Reads an export line by line, and says where one is wrong. Used by `import`; `cli` opens it, to see whose it is.

use std::error::Error;
use std::fmt;
use std::io::{self, BufRead, Read as _};

use serde_json::{Map, Value};

use super::LedgerFault;
use super::export_encoding::{LONGEST, MOST, VERSION};
use super::import_parts::Wrong;
use crate::clock::Timestamp;
use crate::place::{AccountName, MailboxKey};

/// An export that is being read.
#[derive(Debug)]
pub struct Export<R> {
    reader: R,
    /// So many lines were read.
    read: usize,
    account: AccountName,
    id: String,
    mailbox: Option<String>,
    pub(super) observed_before: Option<Timestamp>,
}

/// Why an export could not be taken in.
#[derive(Debug)]
pub enum ImportFault {
    /// The ledger could not be written.
    Ledger(LedgerFault),
    /// The file could not be read.
    Read(io::Error),
    /// It is not an export.
    Foreign,
    /// A newer followsift has written it.
    Newer {
        /// Its version.
        found: u64,
    },
    /// A line is wrong.
    Line {
        /// Its number.
        line: usize,
        /// What is wrong with it.
        words: String,
    },
}

impl<R: BufRead> Export<R> {
    /// Reads the first line, which says whose export it is.
    ///
    /// # Errors
    ///
    /// If it is not an export that this followsift can read.
    pub fn open(mut reader: R) -> Result<Self, ImportFault> {
        let line = next_line(&mut reader, 1)?.unwrap_or_default();
        let mut head: Map<String, Value> = serde_json::from_slice(&line).map_err(|_| ImportFault::Foreign)?;
        let version = head.remove("followsift-export").and_then(|version| version.as_u64());
        match version {
            None | Some(0) => return Err(ImportFault::Foreign),
            Some(found) if found > VERSION => return Err(ImportFault::Newer { found }),
            Some(_) => {}
        }
        let wrong = |key: &str| ImportFault::Line { line: 1, words: format!("`{key}` is missing or wrong") };
        let hexadecimal = |text: &str| {
            text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let text = |key: &str| head.get(key).and_then(Value::as_str);
        let account = text("account").and_then(AccountName::new).ok_or_else(|| wrong("account"))?;
        let id = text("id").filter(|id| hexadecimal(id)).ok_or_else(|| wrong("id"))?.to_owned();
        let mailbox = match head.get("mailbox") {
            None | Some(Value::Null) => None,
            Some(_) => {
                let key = text("mailbox").filter(|key| hexadecimal(key));
                Some(key.ok_or_else(|| wrong("mailbox"))?.to_owned())
            }
        };
        let observed_before = match head.get("observed-before") {
            None | Some(Value::Null) => None,
            Some(_) => {
                let moment = text("observed-before").and_then(Timestamp::from_rfc3339);
                Some(moment.ok_or_else(|| wrong("observed-before"))?)
            }
        };
        Ok(Self { reader, read: 1, account, id, mailbox, observed_before })
    }

    /// What the account was called.
    pub fn account(&self) -> &AccountName {
        &self.account
    }

    /// Which account it is, whatever its name (`Ledger::account_with`).
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Is it of this mailbox?
    pub fn is_of(&self, mailbox: &MailboxKey) -> bool {
        self.mailbox.as_ref() == Some(&mailbox.to_string())
    }

    /// Hands over each line after the first, with its key, until the last one is there.
    pub(super) fn each(
        &mut self,
        mut each: impl FnMut(&str, Value) -> Result<(), Wrong>,
    ) -> Result<Result<(), rusqlite::Error>, ImportFault> {
        loop {
            let number = self.read + 1;
            let wrong = |words: String| ImportFault::Line { line: number, words };
            let Some(line) = next_line(&mut self.reader, number)? else {
                return Err(wrong("the export ends before its last line: it is not whole".to_owned()));
            };
            self.read = number;
            let object: Map<String, Value> = serde_json::from_slice(&line)
                .map_err(|cause| wrong(format!("column {}: it is not a JSON object", cause.column())))?;
            let mut entries = object.into_iter();
            let (Some((kind, value)), None) = (entries.next(), entries.next()) else {
                return Err(wrong("it must have one key, such as `message`".to_owned()));
            };
            if kind == "end" {
                if value.as_u64() != u64::try_from(number - 1).ok() {
                    return Err(wrong("lines before it are missing".to_owned()));
                }
                return match next_line(&mut self.reader, number + 1)? {
                    None => Ok(Ok(())),
                    Some(_) => Err(wrong("lines follow the last one".to_owned())),
                };
            }
            match each(&kind, value) {
                Ok(()) => {}
                Err(Wrong::Words(words)) => return Err(wrong(words)),
                Err(Wrong::Sql(cause)) => return Ok(Err(cause)),
            }
        }
    }
}

/// A line without its end; `None` at the end of the file.
fn next_line(reader: &mut impl BufRead, number: usize) -> Result<Option<Vec<u8>>, ImportFault> {
    let longest = u64::try_from(LONGEST).unwrap_or(u64::MAX);
    let mut line = Vec::new();
    reader.take(longest).read_until(b'\n', &mut line).map_err(ImportFault::Read)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.len() >= LONGEST || number > MOST {
        let words = if number > MOST { "there are too many lines" } else { "it is too long" };
        return Err(ImportFault::Line { line: number, words: words.to_owned() });
    }
    Ok(Some(line))
}

impl fmt::Display for ImportFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ledger(fault) => fault.fmt(f),
            Self::Read(_) => f.write_str("could not read the export"),
            Self::Foreign => f.write_str("it is not an export of followsift"),
            Self::Newer { found } => write!(
                f,
                "a newer followsift has written it (version {found}, this one knows {VERSION}); use the newer one"
            ),
            Self::Line { line, words } => write!(f, "line {line}: {words}; nothing was imported"),
        }
    }
}

impl Error for ImportFault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Ledger(fault) => fault.source(),
            Self::Read(cause) => Some(cause),
            Self::Foreign | Self::Newer { .. } | Self::Line { .. } => None,
        }
    }
}
