//! Parses the links of a message for comparison, and unwraps redirects whose target is in the link itself. Never fetches
//! anything.
//!
//! No crate keeps a link as the message has it: `url` normalises it like a browser and repairs what is refused here
//! (`https:/\host`); on some texts `linkify` takes time that grows with the square of their length.

use std::borrow::Cow;
use std::ops::Range;

use percent_encoding::percent_decode_str;

/// Longer links are ignored.
const LINK_LIMIT: usize = 4_096;

/// An http or https link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// As written, without the fragment.
    whole: String,
    /// Host (lower-cased) and path (percent-decoded), without a closing slash; compared with templates.
    address: String,
    /// Where the query begins in `whole`.
    query: usize,
}

impl Link {
    /// `None` for anything but http and https, and for links with user information, which serve only to fake a host
    /// (RFC 3986, section 7.6).
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        // The fragment does not count, but may not contain forbidden characters either: otherwise a `#` in a name would hide
        // everything after it.
        let hostile = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\\' | '<' | '>' | '"');
        if text.len() > LINK_LIMIT || text.contains(hostile) {
            return None;
        }
        let text = text.split_once('#').map_or(text, |(before, _)| before);
        let (scheme, rest) = text.split_once(':')?;
        if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
            return None;
        }
        let rest = rest.strip_prefix("//")?;
        let host_end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (host, tail) = rest.split_at_checked(host_end)?;
        if host.is_empty() || host.contains('@') {
            return None;
        }
        let path = tail.split_once('?').map_or(tail, |(path, _)| path);
        let query = text.find('?').unwrap_or(text.len());
        let mut address = host.to_lowercase();
        address.push_str(&percent_decode_str(path).decode_utf8_lossy());
        address.truncate(address.trim_end_matches('/').len());
        Some(Self { whole: text.to_owned(), address, query })
    }

    /// All links in running text, each with where it is.
    pub(super) fn find_all(text: &str) -> impl Iterator<Item = (Range<usize>, Link)> + '_ {
        let ends = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | ']');
        let mut next = 0;
        text.match_indices(':').filter_map(move |(colon, _)| {
            let (before, after) = text.split_at_checked(colon)?;
            if !after.starts_with("://") {
                return None;
            }
            // The word around it, unless it is in the one before.
            let begin = colon - before.get(next..)?.rsplit(ends).next()?.len();
            next = colon + after.split(ends).next()?.len();
            let word = text.get(begin..next)?;
            let found = || word.find("https://").or_else(|| word.find("http://"));
            let start = if word.starts_with("https://") { 0 } else { found()? };
            let link = word.get(start..)?;
            let link = link.get(..closing_bracket(link))?.trim_end_matches(['.', ',', ';', ':', '!', '\'']);
            let start = begin + start;
            Some((start..start + link.len(), Link::parse(link)?))
        })
    }

    /// Host and path; compared with templates.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// As in the message, without its fragment.
    pub(super) fn as_written(&self) -> &str {
        &self.whole
    }

    /// Its host in lower case, with its port if it has one.
    pub(super) fn host(&self) -> &str {
        self.address.split('/').next().unwrap_or_default()
    }

    /// Its path as in the message.
    pub(super) fn path(&self) -> &str {
        let after =
            self.bare().split_once(':').and_then(|(_, rest)| rest.strip_prefix("//")).unwrap_or_default();
        after.find('/').and_then(|start| after.get(start..)).unwrap_or_default()
    }

    /// Its length in bytes.
    pub(super) fn size(&self) -> usize {
        self.whole.len()
    }

    /// The link without its query: `twitter.com/ann?utm_source=x` leads where `twitter.com/ann` does.
    pub(super) fn bare(&self) -> &str {
        self.whole.get(..self.query).unwrap_or(&self.whole)
    }

    /// The link with only the named query parameters: others may be specific to the recipient, and some log in anyone who
    /// has them (LinkedIn's `otpToken`).
    pub(super) fn keeping(&self, parameters: &[String]) -> String {
        let query = self.whole.get(self.query + 1..).unwrap_or_default();
        let is_kept = |pair: &&str| {
            let name = pair.split_once('=').map_or(*pair, |(name, _)| name);
            parameters.iter().any(|parameter| parameter == name)
        };
        let kept: Vec<_> = query.split('&').filter(is_kept).collect();
        if kept.is_empty() { self.bare().to_owned() } else { format!("{}?{}", self.bare(), kept.join("&")) }
    }

    /// A parameter of the query, as in the message.
    pub(super) fn raw_parameter(&self, name: &str) -> Option<&str> {
        let query = self.whole.get(self.query + 1..)?;
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// A parameter of the query, decoded.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let value = self.raw_parameter(name)?;
        let value: Cow<'_, str> =
            if value.contains('+') { value.replace('+', " ").into() } else { value.into() };
        Some(percent_decode_str(&value).decode_utf8_lossy().into_owned())
    }

    /// The link in a parameter; a path alone is on the same host.
    pub(super) fn inner(&self, parameter: &str) -> Option<Link> {
        let target = self.parameter(parameter)?;
        if target.starts_with('/') {
            let (scheme, rest) = self.whole.split_once("://")?;
            let host = rest.split(['/', '?']).next()?;
            return Self::parse(&format!("{scheme}://{host}{target}"));
        }
        Self::parse(&target)
    }
}

/// Where the bracket around a link closes; brackets that the link itself opens belong to it.
fn closing_bracket(link: &str) -> usize {
    let mut open = 0_usize;
    let closing = link.char_indices().find(|(_, c)| match c {
        '(' => {
            open += 1;
            false
        }
        ')' => match open.checked_sub(1) {
            Some(left) => {
                open = left;
                false
            }
            None => true,
        },
        _ => false,
    });
    closing.map_or(link.len(), |(place, _)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_path_make_the_address() {
        let link = Link::parse("HTTPS://X.example/Ann%20Lima/?utm=1#top").unwrap();
        assert_eq!(link.address(), "x.example/Ann Lima");
        assert_eq!(link.bare(), "HTTPS://X.example/Ann%20Lima/");
    }

    #[test]
    fn a_link_that_fakes_a_host_is_refused() {
        for text in [
            "https://twitter.com@evil.test/x",
            "https://twitter.com\\@evil.test/x",
            "javascript://x",
            "mailto:a@b.example",
            "https:///x",
            "https://x.example/a b",
            "https://x.example/ann#x [https://x.example/bob",
            "https://x.example/ann#\u{1b}[2J",
            "https://x.example/ann#<b>",
        ] {
            assert_eq!(Link::parse(text), None, "{text}");
        }
        assert_eq!(
            Link::parse("http://twitter.com.evil.test/x").unwrap().address(),
            "twitter.com.evil.test/x"
        );
    }

    #[test]
    fn a_link_keeps_only_the_named_parameters() {
        let keeping = |text: &str, names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            Link::parse(text).unwrap().keeping(&names)
        };
        let link = "https://site.example/profile.php?otpToken=a&id=7&midToken=b&trk=c#top";
        assert_eq!(keeping(link, &["id"]), "https://site.example/profile.php?id=7");
        assert_eq!(keeping(link, &[]), "https://site.example/profile.php");
        assert_eq!(
            keeping("https://site.example/?author=2&author=3", &["author"]),
            "https://site.example/?author=2&author=3"
        );
        assert_eq!(keeping("https://site.example/ann", &["id"]), "https://site.example/ann");
    }

    #[test]
    fn redirects_are_unwrapped() {
        let inner = |text: &str, parameter: &str| {
            Link::parse(text).unwrap().inner(parameter).map(|link| link.bare().to_owned())
        };
        assert_eq!(
            inner(
                "https://twitter.com/i/redirect?url=https%3A%2F%2Ftwitter.com%2Fann%3Frefsrc%3Demail&t=1",
                "url"
            ),
            Some("https://twitter.com/ann".to_owned())
        );
        assert_eq!(
            inner("https://www.youtube.com/attribution_link?a=x&u=/channel/UC1%3Ffeature%3Dem", "u"),
            Some("https://www.youtube.com/channel/UC1".to_owned())
        );
        assert_eq!(inner("https://x.example/?url=javascript:alert(1)", "url"), None);
        assert_eq!(inner("https://x.example/", "url"), None);
    }

    #[test]
    fn a_plus_in_a_parameter_is_a_space() {
        let link = Link::parse("https://twitter.com/i/redirect?nid=23+1100&cn=Zm9%3D").unwrap();
        assert_eq!(link.parameter("nid").as_deref(), Some("23 1100"));
        assert_eq!(link.parameter("cn").as_deref(), Some("Zm9="));
        assert_eq!(link.parameter("id"), None);
    }

    #[test]
    fn links_are_found_in_running_text() {
        let text =
            "https://a.example/x. [http://b.example/y]を (https://c.example), View<https://d.example/(z)>.";
        let found: Vec<_> = Link::find_all(text)
            .map(|(place, link)| (text.get(place).unwrap(), link.address().to_owned()))
            .collect();
        let expected = [
            ("https://a.example/x", "a.example/x"),
            ("http://b.example/y", "b.example/y"),
            ("https://c.example", "c.example"),
            ("https://d.example/(z)", "d.example/(z)"),
        ];
        assert_eq!(found, expected.map(|(text, address)| (text, address.to_owned())));
    }
}
