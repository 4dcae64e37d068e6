//! Checks the log filter in FOLLOWSIFT_LOG for misspelt levels. `check` calls it, and the service at its start.

use tracing_subscriber::EnvFilter;

use crate::diagnostic::nearest;

/// Finds a mistake in a filter. `tracing` accepts a misspelt level: it reads it as the name of a module.
pub fn doubt(filter: &str) -> Option<String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let is_level =
        |word: &str| LEVELS.iter().any(|level| word.eq_ignore_ascii_case(level)) || is_number(word);
    for part in filter.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let word = match part.rsplit_once('=').filter(|(_, level)| !level.contains(']')) {
            Some((_, level)) => level.trim(),
            None => part,
        };
        let names_part = word == part && (part.contains('[') || part.starts_with(env!("CARGO_PKG_NAME")));
        if !names_part && !is_level(word) {
            let meant = nearest(word, LEVELS).map(|level| format!("; did you mean `{level}`?"));
            return Some(format!("unknown level `{word}`{}", meant.unwrap_or_default()));
        }
    }
    EnvFilter::try_new(filter).err().map(|error| error.to_string())
}

/// The levels as `tracing` numbers them.
fn is_number(word: &str) -> bool {
    word.parse::<u8>().is_ok_and(|number| number <= 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_level_is_reported() {
        for filter in [
            "",
            "info",
            "DEBUG",
            "followsift=debug,warn",
            "followsift::sweep",
            "imap=0",
            "[account{account=home}]=debug",
        ] {
            assert_eq!(doubt(filter), None, "{filter}");
        }
        assert_eq!(doubt("debgu").as_deref(), Some("unknown level `debgu`; did you mean `debug`?"));
        assert_eq!(doubt("nonsense").as_deref(), Some("unknown level `nonsense`"));
        assert_eq!(doubt("info,followsift=loud").as_deref(), Some("unknown level `loud`"));
    }
}
