//! Reads the table `delivery`: where `filter` and `milter` keep what rules ask about a follower's past.

use std::path::PathBuf;

use super::SecretSource;
use super::paths::Paths;
use super::secret_source::secret_of;
use super::section::{Section, Setting};

/// The keys that say where the address of a database is, which contains its password.
const ADDRESSES: [&str; 2] = ["memory-address-file", "memory-address-credential"];

/// Where deliveries are remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryMemory {
    /// In a file in the state folder, for one machine.
    Sqlite,
    /// In a database of PostgreSQL, for several.
    Postgresql {
        /// Where its address is: a URL, or words such as `host=db.example.org user=followsift`.
        address: SecretSource,
        /// The authorities that its certificate is checked against besides the system's (PEM).
        ca_file: Option<PathBuf>,
    },
}

/// Reads the table. `None` where nothing is remembered, or a value is wrong, which is reported.
pub(super) fn delivery(mut section: Section<'_>, paths: &Paths<'_>) -> Option<DeliveryMemory> {
    const EXPECTED: &str = "\"sqlite\" or \"postgresql\"";
    let kind = section.require("memory").filter(|entry| !refuses_address(entry));
    let kind = kind.and_then(|entry| {
        let text = if entry.is_string() { entry.string() } else { entry.wrong_type(EXPECTED) }?;
        if !matches!(text.as_str(), "sqlite" | "postgresql") {
            entry.error(format!("`memory` cannot be `{text}`"), format!("expected {EXPECTED}"));
        }
        Some(text)
    });
    if let Some(literal) = section.take_forbidden("memory-address") {
        refuse_address(&literal);
    }
    let addresses: Vec<_> = ADDRESSES.into_iter().filter_map(|key| section.take(key)).collect();
    let is_address = addresses.iter().any(refuses_address);
    let ca_entry = section.take("memory-ca-file");
    let ca_file = ca_entry.as_ref().and_then(|entry| {
        let path = paths.read(entry)?;
        if !path.is_file() {
            entry.error(format!("there is no file {}", path.display()), "");
        }
        Some(path)
    });
    let memory = match (kind?.as_str(), addresses.as_slice()) {
        _ if is_address => None,
        ("sqlite", _) => {
            for entry in addresses.iter().chain(&ca_entry) {
                let message = format!(
                    "`memory = \"sqlite\"` is a file in the state folder and needs no `{}`",
                    entry.key()
                );
                entry.key_error(message, "remove it");
            }
            Some(DeliveryMemory::Sqlite)
        }
        ("postgresql", [address]) => {
            secret_of(address, paths).map(|address| DeliveryMemory::Postgresql { address, ca_file })
        }
        ("postgresql", [first, other, ..]) => {
            let message = format!("`{}` and `{}` both say where the address is", first.key(), other.key());
            other.key_error(message, "keep only one of them");
            None
        }
        ("postgresql", []) => {
            section
                .blame("no key says where the address of the database is", "add `memory-address-file = ...`");
            None
        }
        _ => None,
    };
    section.finish();
    memory
}

/// Reports an address that is written where something else belongs, without citing it.
fn refuses_address(entry: &Setting<'_>) -> bool {
    let text = if entry.is_string() { entry.string() } else { None };
    let is_address = text.is_some_and(|text| text.contains("://") || text.contains("password="));
    if is_address {
        refuse_address(entry);
    }
    is_address
}

fn refuse_address(entry: &Setting<'_>) {
    let label = "it contains a password: put it into a file that only you can read (chmod 600) and name the file: \
                 `memory-address-file = \"/path/to/file\"`";
    entry.key_error("the address of a database does not belong in the settings", label);
}
