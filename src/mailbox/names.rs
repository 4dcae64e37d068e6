//! Translates folder names between the user's form and the server's.
//!
//! Owns the delimiter and prefix of an account's folders, modified UTF-7 (RFC 3501, section 5.1.3), and quoting. Pure. Never
//! returns a wire name with a control character or a character outside ASCII. Called by `folders` and by every file that names a
//! folder. Own code, since utf7-imap would add an old base64 crate to replace 50 lines, and rejects no invalid name.

use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::fault::Cause;
use super::quoted::{escaped, is_quotable, take_quoted};
use crate::place::Folder;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &IMAP_MUTF7,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// First levels of other users' and shared folders on servers that keep the user's own below INBOX. They do not show where new
/// folders of the user go. Cyrus: `user`, `Other Users`, `Shared Folders`; Courier: `shared`, `#shared`; Dovecot's manual:
/// `shared`, `public`.
const NOT_OURS: [&str; 6] = ["user", "other users", "shared folders", "shared", "public", "#shared"];

/// How an account's server names folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Naming {
    /// The separator of levels; `None` if the server has no levels.
    delimiter: Option<char>,
    /// The prefix of the user's own folders: empty, or INBOX and the delimiter.
    prefix: String,
}

impl Naming {
    /// No prefix.
    pub(super) fn flat(delimiter: Option<char>) -> Self {
        Self { delimiter, prefix: String::new() }
    }

    /// All folders below the inbox, if the server has levels.
    pub(super) fn below_inbox(delimiter: Option<char>) -> Self {
        Self { delimiter, prefix: delimiter.map(|d| format!("INBOX{d}")).unwrap_or_default() }
    }

    /// From the first of the user's own namespaces: `* NAMESPACE (("INBOX." ".")) NIL NIL` (RFC 2342, section 5). `None` if that
    /// is anything but a quoted prefix and a quoted delimiter or NIL.
    pub(super) fn of_namespace(line: &[u8]) -> Option<Self> {
        const START: &[u8] = b"* NAMESPACE ((";
        let (start, rest) = line.split_at_checked(START.len())?;
        if !start.eq_ignore_ascii_case(START) {
            return None;
        }
        let (prefix, rest) = take_quoted(rest)?;
        let rest = rest.strip_prefix(b" ")?;
        let delimiter = match rest.get(..3) {
            Some(nil) if nil.eq_ignore_ascii_case(b"NIL") => None,
            _ => Some(take_quoted(rest)?.0.chars().next()?),
        };
        // With a prefix that is not a whole level, names could not be translated back.
        let is_whole = prefix.is_empty() || delimiter.is_some_and(|delimiter| prefix.ends_with(delimiter));
        is_whole.then_some(Self { delimiter, prefix })
    }

    /// Guesses from the existing names, without a round trip. `None` if there is only the inbox: then the caller asks the server.
    pub(super) fn guess<'a>(delimiter: Option<char>, names: impl Iterator<Item = &'a str>) -> Option<Self> {
        let below = Self::below_inbox(delimiter);
        let ours = |name: &&str| {
            let first = name.split(|c| Some(c) == delimiter).next().unwrap_or_default();
            !NOT_OURS.iter().any(|other| first.eq_ignore_ascii_case(other))
        };
        let mut others = names.filter(|name| !name.eq_ignore_ascii_case("INBOX")).filter(ours).peekable();
        others.peek()?;
        Some(if others.all(|name| below.tail(name).is_some()) { below } else { Self::flat(delimiter) })
    }

    /// The rest of a wire name after the prefix.
    fn tail<'a>(&self, name: &'a str) -> Option<&'a str> {
        let (head, tail) = name.split_at_checked(self.prefix.len())?;
        (head.eq_ignore_ascii_case(&self.prefix) && !tail.is_empty()).then_some(tail)
    }

    /// The wire name of `folder`, not yet quoted.
    ///
    /// # Errors
    /// If the server does not allow the name.
    pub(super) fn wire(&self, folder: &Folder) -> Result<String, Cause> {
        if folder.is_inbox() {
            return Ok("INBOX".to_owned());
        }
        let mut levels: Vec<&str> = folder.as_str().split('/').collect();
        // "INBOX/x" is a complete name: it gets no prefix, and INBOX its one spelling.
        let mut name = match levels.first() {
            Some(first) if first.eq_ignore_ascii_case("INBOX") => {
                levels.remove(0);
                let delimiter = self.delimiter.ok_or(Cause::Name("the server's folders have no levels"))?;
                format!("INBOX{delimiter}")
            }
            _ => self.prefix.clone(),
        };
        for (at, level) in levels.into_iter().enumerate() {
            if at > 0 {
                name.push(self.delimiter.ok_or(Cause::Name("the server's folders have no levels"))?);
            }
            if self.delimiter.is_some_and(|delimiter| level.contains(delimiter)) {
                return Err(Cause::Name("one of its levels contains the server's level delimiter"));
            }
            if level.chars().any(char::is_control) {
                return Err(Cause::Name("it contains a control character"));
            }
            name.push_str(&encode(level));
        }
        Ok(name)
    }

    /// The folder of a wire name; `None` if the user could not write it, because it is not valid modified UTF-7 or has a `/`
    /// inside a level.
    pub(super) fn folder(&self, name: &str) -> Option<Folder> {
        if name.eq_ignore_ascii_case("INBOX") {
            return Some(Folder::inbox());
        }
        let name = if self.prefix.is_empty() { name } else { self.tail(name).unwrap_or(name) };
        let levels: Option<Vec<String>> = match self.delimiter {
            Some(delimiter) => name.split(delimiter).map(decode).collect(),
            None => Some(vec![decode(name)?]),
        };
        let levels = levels?;
        if levels.iter().any(|level| level.contains('/')) {
            return None;
        }
        Folder::new(&levels.join("/"))
    }
}

/// A string in quotes (RFC 9051, section 9).
///
/// # Errors
/// If it is not ASCII or has a control character.
pub(super) fn quoted(text: &str) -> Result<String, Cause> {
    if !is_quotable(text) {
        return Err(Cause::Unsendable);
    }
    Ok(format!("\"{}\"", escaped(text).as_str()))
}

/// To modified UTF-7.
fn encode(level: &str) -> String {
    let mut wire = String::new();
    let mut foreign: Vec<u8> = Vec::new();
    let mut units = [0; 2];
    for c in level.chars() {
        if matches!(c, ' '..='~') {
            shift(&mut foreign, &mut wire);
            wire.push(c);
            if c == '&' {
                wire.push('-');
            }
        } else {
            foreign.extend(c.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    shift(&mut foreign, &mut wire);
    wire
}

fn shift(foreign: &mut Vec<u8>, wire: &mut String) {
    if !foreign.is_empty() {
        wire.push('&');
        wire.push_str(&BASE64.encode(&*foreign));
        wire.push('-');
        foreign.clear();
    }
}

/// From modified UTF-7; `None` if it is invalid.
fn decode(level: &str) -> Option<String> {
    let mut text = String::new();
    let mut rest = level;
    while let Some((plain, shifted)) = rest.split_once('&') {
        text.push_str(plain);
        let (code, after) = shifted.split_once('-')?;
        if code.is_empty() {
            text.push('&');
        } else {
            let bytes = BASE64.decode(code).ok()?;
            let (pairs, odd) = bytes.as_chunks::<2>();
            if !odd.is_empty() {
                return None;
            }
            let units: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
            text.push_str(&String::from_utf16(&units).ok()?);
        }
        rest = after;
    }
    text.push_str(rest);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::quoted::unescaped;
    use proptest::prelude::*;

    fn folder(name: &str) -> Folder {
        Folder::new(name).unwrap()
    }

    #[test]
    fn a_wire_name_has_the_servers_delimiter_prefix_and_encoding() {
        let slash = Naming::flat(Some('/'));
        let dot = Naming::below_inbox(Some('.'));
        for (naming, written, wire) in [
            (&slash, "Followers/Spam", "Followers/Spam"),
            (&dot, "Followers/Spam", "INBOX.Followers.Spam"),
            (&slash, "Entwürfe", "Entw&APw-rfe"),
            (&slash, "~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            (&slash, "R&D", "R&-D"),
            (&slash, "🎈", "&2DzfiA-"),
            (&slash, "a \"quoted\" \\ name", "a \"quoted\" \\ name"),
            (&slash, "inbox", "INBOX"),
            (&slash, "Inbox/x", "INBOX/x"),
            (&dot, "INBOX/x", "INBOX.x"),
        ] {
            assert_eq!(naming.wire(&folder(written)).unwrap(), wire);
        }
    }

    #[test]
    fn a_level_with_the_delimiter_in_it_is_refused() {
        let dot = Naming::below_inbox(Some('.'));
        assert!(matches!(dot.wire(&folder("v1.0")), Err(Cause::Name(_))));
        assert!(matches!(Naming::flat(None).wire(&folder("a/b")), Err(Cause::Name(_))));
        assert_eq!(Naming::flat(None).wire(&folder("a.b")).unwrap(), "a.b");
    }

    #[test]
    fn a_wire_name_that_the_user_cannot_write_is_not_a_folder() {
        let dot = Naming::below_inbox(Some('.'));
        assert_eq!(dot.folder("INBOX.a.b"), Some(folder("a/b")));
        assert_eq!(dot.folder("inbox"), Some(Folder::inbox()));
        assert_eq!(dot.folder("shared.bob"), Some(folder("shared/bob")));
        for name in ["INBOX.a/b", "INBOX.x&bad", "INBOX.&AAAA", "INBOX.&2D0-", "INBOX..", ""] {
            assert_eq!(dot.folder(name), None, "{name}");
        }
    }

    #[test]
    fn the_prefix_is_guessed_from_the_existing_names() {
        let dot = Some('.');
        for (names, naming) in [
            (&["INBOX", "INBOX.Sent", "INBOX.Trash"][..], Some(Naming::below_inbox(dot))),
            (&["INBOX", "INBOX.Sent", "user.bob", "Shared Folders.x"], Some(Naming::below_inbox(dot))),
            (&["INBOX", "Sent", "INBOX.Work"], Some(Naming::flat(dot))),
            (&["INBOX"], None),
            (&["INBOX", "shared.bob"], None),
        ] {
            assert_eq!(Naming::guess(dot, names.iter().copied()), naming, "{names:?}");
        }
    }

    #[test]
    fn a_namespace_gives_the_prefix_and_the_delimiter() {
        let of = |line: &str| Naming::of_namespace(line.as_bytes());
        let named = |delimiter, prefix: &str| Some(Naming { delimiter, prefix: prefix.to_owned() });
        for (line, naming) in [
            ("* NAMESPACE ((\"\" \"/\")) NIL NIL\r", named(Some('/'), "")),
            ("* NAMESPACE ((\"INBOX.\" \".\")) ((\"user.\" \".\")) NIL\r", named(Some('.'), "INBOX.")),
            ("* namespace ((\"\" \"/\")(\"#mhinbox\" NIL)(\"#mh/\" \"/\")) NIL NIL", named(Some('/'), "")),
            ("* NAMESPACE ((\"INBOX\\\\\" \"\\\\\" \"X\" (\"y\"))) NIL NIL", named(Some('\\'), "INBOX\\")),
            ("* NAMESPACE ((\"\" nil)) NIL NIL", named(None, "")),
            ("* NAMESPACE ((\"mail\" \"/\")) NIL NIL", None),
            ("* NAMESPACE NIL NIL ((\"\" \"/\"))", None),
            ("* NAMESPACE ((\"INBOX.", None),
            ("* NAMESPACE ((\"a\u{7}.\" \".\"))", None),
            ("* NAMESPACE ", None),
            ("", None),
        ] {
            assert_eq!(of(line), naming, "{line}");
        }
    }

    #[test]
    fn quoted_text_cannot_end_its_string() {
        assert_eq!(quoted("a\"b\\c").unwrap(), "\"a\\\"b\\\\c\"");
        for bad in ["a\r\nb", "a\0b", "ü"] {
            assert!(quoted(bad).is_err(), "{bad:?}");
        }
        assert_eq!(unescaped(r#"a\"b\\c"#), r#"a"b\c"#);
        assert_eq!(unescaped(r"a\b"), r"a\b");
    }

    proptest! {
        #[test]
        fn a_wire_name_is_quotable_and_translates_back(name in "[^\\p{Cc}./][^\\p{Cc}.]{0,40}") {
            let Some(written) = Folder::new(&name) else { return Ok(()) };
            let naming = Naming::below_inbox(Some('.'));
            let Ok(wire) = naming.wire(&written) else { return Ok(()) };
            prop_assert!(quoted(&wire).is_ok());
            let back = naming.folder(&wire).unwrap();
            prop_assert!(back == written || written.as_str().to_ascii_uppercase().starts_with("INBOX"));
        }

        #[test]
        fn no_namespace_panics(line in proptest::collection::vec(proptest::num::u8::ANY, 0..40)) {
            let _ = Naming::of_namespace(&[&b"* NAMESPACE (("[..], &line].concat());
            let _ = Naming::of_namespace(&line);
        }

        #[test]
        fn no_wire_name_panics(name in "\\PC{0,40}", delimiter in proptest::option::of(proptest::char::any())) {
            let _ = Naming::below_inbox(delimiter).folder(&name);
        }
    }
}
