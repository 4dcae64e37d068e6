//! Parses the Authentication-Results header field (RFC 8601), in which a receiving server reports on a message.
//!
//! Never judges: `authenticity` does. We found crates that write this field (mail-auth) and none that parses it.

use crate::host::names_a_server;

/// How many results of one field are kept. Of those after them, only the first failure of each method that can demote a message is.
const RESULTS_LIMIT: usize = 50;
/// The methods of which a server reports at least one if it checks messages; only their failures can demote a message.
pub(super) const USUAL: [&str; 3] = ["dkim", "dmarc", "spf"];

/// One Authentication-Results field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// The server that reports, lower-cased; empty if it does not name itself.
    authserv_id: String,
    /// Empty where the server says `none`.
    pub(super) results: Vec<MethodResult>,
}

/// `dkim=pass header.d=example.org`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MethodResult {
    /// `spf`, `dkim`, `dmarc`, ..., lower-cased.
    pub(super) method: String,
    /// `pass`, `fail`, ..., lower-cased.
    pub(super) outcome: String,
    /// The properties checked, such as `header.d`, lower-cased, with their values.
    properties: Vec<(String, String)>,
}

impl MethodResult {
    /// Is the outcome a failure, and not only an error or a doubt?
    pub(super) fn has_failed(&self) -> bool {
        matches!(self.outcome.as_str(), "fail" | "hardfail")
    }

    /// The domain that the result is about: of a signature, of the envelope's sender, of From.
    pub(super) fn domain(&self) -> Option<&str> {
        let names: &[&str] = match self.method.as_str() {
            "dkim" => &["header.d", "header.i"],
            // `smtp.message` is an early spelling of `smtp.mailfrom`.
            "spf" => &["smtp.mailfrom", "smtp.mail", "smtp.helo"],
            "dmarc" => &["header.from"],
            _ => return None,
        };
        let value = names.iter().find_map(|name| {
            self.properties.iter().find(|(property, _)| property == name).map(|(_, value)| value.as_str())
        })?;
        Some(value.rsplit_once('@').map_or(value, |(_, domain)| domain))
    }
}

impl Report {
    /// The server that reports, if it names itself.
    pub(super) fn server(&self) -> Option<&str> {
        let name = self.authserv_id.as_str();
        names_a_server(name).then_some(name)
    }

    /// Does it leave the server's name out? A field in the name of a method does not, though that names no server.
    pub(super) fn is_unnamed(&self) -> bool {
        self.authserv_id.is_empty()
    }

    /// Does it report on one of these methods?
    pub(super) fn reports(&self, methods: &[&str]) -> bool {
        self.results.iter().any(|result| methods.contains(&result.method.as_str()))
    }

    /// Is it only about what servers report in fields of their own, beside what they found out about the sender?
    pub(super) fn is_beside(&self) -> bool {
        let is_beside = |method: &str| matches!(method, "arc" | "bimi") || method.starts_with("x-");
        !self.results.is_empty() && self.results.iter().all(|result| is_beside(&result.method))
    }

    /// What it reports as failed, and nothing else.
    pub(super) fn failures(&self) -> Self {
        let failures = self.results.iter().filter(|result| result.has_failed());
        Self { authserv_id: self.authserv_id.clone(), results: failures.cloned().collect() }
    }

    fn has_room_for(&self, result: &MethodResult) -> bool {
        let is_known = |kept: &MethodResult| kept.method == result.method && kept.has_failed();
        self.results.len() < RESULTS_LIMIT
            || USUAL.contains(&result.method.as_str())
                && result.has_failed()
                && !self.results.iter().any(is_known)
    }

    /// Parses the raw value of the field. Statements that break the grammar are ignored; `None` for a field that begins with
    /// neither an authserv-id nor a result.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let mut text = Text { rest: value };
        text.skip_blanks();
        let authserv_id = match text.rest.starts_with('"') {
            true => text.value()?,
            false => text.word().to_owned(),
        };
        if authserv_id.is_empty() {
            return None;
        }
        let mut report = Self { authserv_id: authserv_id.to_lowercase(), results: Vec::new() };
        text.skip_blanks();
        if text.rest.starts_with('=') {
            // Outlook and Microsoft 365 leave the authserv-id out, so this was the name of the first result's method.
            report.authserv_id.clear();
            text.rest = value;
        } else {
            // The first statement holds nothing else but the version (RFC 8601, section 2.2).
            let _ = text.statement();
        }
        while !text.rest.is_empty() {
            let result = text.statement().filter(|result| report.has_room_for(result));
            report.results.extend(result);
        }
        Some(report)
    }
}

/// The rest of the field, still to be parsed.
struct Text<'v> {
    rest: &'v str,
}

/// The blanks of the grammar (RFC 5234, section B.1, with the line breaks of folding). No other white space separates words: to
/// DNS, and to a server that copies a domain verbatim, U+00A0 or a vertical tab is an ordinary character.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

impl<'v> Text<'v> {
    /// Parses up to the next `;` or the end: a method's result, if it follows the grammar.
    fn statement(&mut self) -> Option<MethodResult> {
        let mut pairs = Vec::new();
        let mut is_sound = true;
        loop {
            self.skip_blanks();
            let Some(c) = self.rest.chars().next() else { break };
            if self.take(';') {
                break;
            }
            if c == '"' {
                is_sound &= self.value().is_some();
                continue;
            }
            let name = self.word();
            if name.is_empty() {
                // An unexpected character.
                self.rest = self.rest.get(c.len_utf8()..).unwrap_or_default();
                continue;
            }
            self.skip_blanks();
            if !self.take('=') {
                continue;
            }
            self.skip_blanks();
            // Servers write `dmarc=pass(p=REJECT)`. Senders cannot choose the outcome, unlike a domain.
            let value = if pairs.is_empty() { Some(self.word().to_owned()) } else { self.value() };
            match value {
                Some(value) => pairs.push((name.to_lowercase(), value.to_lowercase())),
                None => is_sound = false,
            }
        }
        let mut pairs = pairs.into_iter();
        let (method, outcome) = pairs.next().filter(|(_, outcome)| is_sound && !outcome.is_empty())?;
        // A method may have a version: `dkim/1`.
        let method = method.split('/').next().unwrap_or_default().to_owned();
        Some(MethodResult { method, outcome, properties: pairs.collect() })
    }

    /// Steps over blanks and comments.
    fn skip_blanks(&mut self) {
        loop {
            self.rest = self.rest.trim_start_matches(is_blank);
            match self.rest.strip_prefix('(') {
                Some(comment) => self.rest = after_comment(comment),
                None => return,
            }
        }
    }

    fn take(&mut self, c: char) -> bool {
        let after = self.rest.strip_prefix(c);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    /// A word that only the server chooses: a name, an outcome.
    fn word(&mut self) -> &'v str {
        self.run(|c| is_blank(c) || matches!(c, ';' | '=' | '(' | ')' | '"'))
    }

    fn run(&mut self, ends: impl Fn(char) -> bool) -> &'v str {
        let (run, rest) = self.rest.split_at(self.rest.find(ends).unwrap_or(self.rest.len()));
        self.rest = rest;
        run
    }

    /// A value, which a sender may have chosen: it ends at a blank, at `;` or with the field. `None` if it contains anything
    /// that another parser might take for its end: cut there, `twitter.com(.evil.example` would be Twitter's domain.
    fn value(&mut self) -> Option<String> {
        let quoted = match self.rest.strip_prefix('"') {
            Some(text) => Some(self.quoted(text)?),
            None => None,
        };
        let bare = self.run(|c| is_blank(c) || c == ';');
        let is_sound =
            !bare.contains(|c: char| matches!(c, '(' | ')' | '"') || c.is_whitespace() || c.is_control());
        match quoted {
            // It may be the local part of an address.
            Some(quoted) => {
                (is_sound && (bare.is_empty() || bare.starts_with('@'))).then(|| format!("{quoted}{bare}"))
            }
            None => is_sound.then(|| bare.to_owned()),
        }
    }

    /// A quoted string (RFC 5322, section 3.2.4); `text` starts after the opening quote. An unclosed one consumes the rest of
    /// the field and yields `None`.
    fn quoted(&mut self, text: &'v str) -> Option<String> {
        let mut word = String::new();
        let mut chars = text.char_indices();
        self.rest = "";
        while let Some((place, c)) = chars.next() {
            match c {
                '\\' => word.extend(chars.next().map(|(_, c)| c)),
                '"' => {
                    self.rest = text.get(place + 1..).unwrap_or_default();
                    return Some(word);
                }
                _ => word.push(c),
            }
        }
        None
    }
}

/// The text after a comment; comments nest (RFC 5322, section 3.2.2).
fn after_comment(text: &str) -> &str {
    let mut depth = 1_usize;
    let mut chars = text.char_indices();
    while let Some((place, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return text.get(place + 1..).unwrap_or_default();
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `id: method=outcome domain, ...`
    fn read(value: &str) -> String {
        let Some(report) = Report::parse(value) else { return "none".to_owned() };
        let results = report
            .results
            .iter()
            .map(|result| format!("{}={} {}", result.method, result.outcome, result.domain().unwrap_or("-")));
        format!("{}: {}", report.server().unwrap_or("nobody"), results.collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn results_are_read_with_comments_folding_and_quotes() {
        assert_eq!(
            read(
                "mx.google.com;\r\n       dkim=pass (good; really=fail \\) x (y)) header.i=@Twitter.com header.s=s;\r\n\tspf=pass smtp.mailfrom=\"b;x=y\"@bounce.twitter.com;\r\n dmarc=fail (p=REJECT dis=NONE) header.from=twitter.com"
            ),
            "mx.google.com: dkim=pass twitter.com, spf=pass bounce.twitter.com, dmarc=fail twitter.com"
        );
        assert_eq!(read("mx.example 1; dkim/1=pass header.d=x.example"), "mx.example: dkim=pass x.example");
        assert_eq!(
            read("\"mx.example\"; spf = hardfail smtp.mail=a@x.example"),
            "mx.example: spf=hardfail x.example"
        );
    }

    #[test]
    fn a_field_without_results_yields_none() {
        assert_eq!(read("mx.example; none"), "mx.example: ");
        assert_eq!(read("mx.example"), "mx.example: ");
        assert_eq!(read(""), "none");
        assert_eq!(read("(only a comment"), "none");
        assert_eq!(read("; dkim=pass"), "none");
    }

    #[test]
    fn a_method_is_never_taken_for_a_server() {
        assert_eq!(
            read(
                "spf=pass (sender IP is 192.0.2.7)\r\n smtp.mailfrom=x.example; dkim=pass (signature was verified)\r\n \
                 header.d=x.example;dmarc=pass action=none\r\n header.from=x.example;compauth=pass reason=100"
            ),
            "nobody: spf=pass x.example, dkim=pass x.example, dmarc=pass x.example, compauth=pass -"
        );
        assert_eq!(read("dkim/1 = fail header.d=x.example"), "nobody: dkim=fail x.example");
        assert_eq!(read("DKIM; dkim=pass header.d=x.example"), "nobody: dkim=pass x.example");
        assert_eq!(read("none"), "nobody: ");
        assert_eq!(read("spf.mx.example; spf=pass"), "spf.mx.example: spf=pass -");
    }

    #[test]
    fn a_result_in_a_comment_or_a_reason_does_not_count() {
        assert_eq!(read("mx.example; (dkim=pass header.d=x.example)"), "mx.example: ");
        assert_eq!(
            read("mx.example; dkim=fail reason=\"; dkim=pass\" header.d=x.example"),
            "mx.example: dkim=fail x.example"
        );
    }

    #[test]
    fn a_value_that_does_not_end_at_a_blank_is_ignored() {
        for after in [
            "(.evil.example",
            "\".evil.example",
            ").evil.example",
            "\u{a0}.evil.example",
            "\u{b}.evil.example",
        ] {
            let field =
                format!("mx.example; dkim=pass header.d=x.example{after}; spf=fail smtp.mailfrom=y.example");
            assert_eq!(read(&field), "mx.example: spf=fail y.example", "{after:?}");
        }
        assert_eq!(read("mx.example; dkim=pass header.d=\"x.example\".evil.example"), "mx.example: ");
        assert_eq!(read("mx.example; dkim=pass header.d=\"x.example"), "mx.example: ");
        assert_eq!(read("mx.example; dkim=pass reason=\"a\"b header.d=x.example"), "mx.example: ");
        // An equals sign is part of a value (BATV, base64).
        assert_eq!(
            read(
                "mx.example; spf=pass smtp.mailfrom=prvs=1=a@x.example; dkim=pass header.b=a= header.d=y.example"
            ),
            "mx.example: spf=pass x.example, dkim=pass y.example"
        );
    }

    #[test]
    fn a_comment_may_follow_an_outcome_at_once() {
        assert_eq!(
            read("mx.example; dmarc=fail(p=REJECT) header.from=x.example"),
            "mx.example: dmarc=fail x.example"
        );
    }

    #[test]
    fn of_many_results_no_kind_of_failure_is_lost() {
        let many = "dkim=pass header.d=x.example; x-a=fail;".repeat(100);
        let fields = format!(
            "mx.example; {many} spf=fail; dkim=fail header.d=y.example; {many} dmarc=fail; dmarc=fail"
        );
        let report = Report::parse(&fields).unwrap();
        assert_eq!(report.results.len(), RESULTS_LIMIT + USUAL.len());
        let failed: Vec<_> =
            report.results.iter().skip(RESULTS_LIMIT).map(|result| result.method.as_str()).collect();
        assert_eq!(failed, ["spf", "dkim", "dmarc"]);
    }

    #[test]
    fn several_signatures_are_several_results() {
        assert_eq!(
            read("mx.example; dkim=fail header.d=a.example; dkim=pass header.d=b.example"),
            "mx.example: dkim=fail a.example, dkim=pass b.example"
        );
    }

    /// Characters that are special to one parser or another.
    const SIGNS: &str = " \t\r\n;=()\"\\\\@.,:/<>'\u{a0}\u{b}\u{0}";

    proptest! {
        #[test]
        fn any_field_is_read_without_a_panic(value in any::<String>()) {
            let _ = Report::parse(&value);
        }

        /// A sender may choose a value, such as the local part of an address or a selector, but not the domain that the server
        /// reports: whatever the value contains, no other domain passes.
        #[test]
        fn what_a_sender_writes_into_a_value_never_lets_another_domain_pass(
            before in "[a-z]{0,5}",
            signs in prop::collection::vec(prop::sample::select(SIGNS.chars().collect::<Vec<_>>()), 0..6),
            after in prop_oneof![Just("twitter.example".to_owned()), Just("dkim=pass header.d=twitter.example".to_owned())],
        ) {
            let text = format!("{before}{}{after}", signs.iter().collect::<String>());
            // As a server writes what it was given: bare where the grammar allows it, else quoted.
            let needs_quotes = text.contains(|c: char| SIGNS.contains(c) && c != '.');
            let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
            let local = if needs_quotes { format!("\"{quoted}\"") } else { text };
            for field in [
                format!("mx.example; spf=pass smtp.mailfrom={local}@evil.example"),
                format!("mx.example; spf=fail reason=\"{quoted}\" smtp.mailfrom={local}@evil.example"),
                format!("mx.example; dkim=pass header.s={local} header.d=evil.example"),
                format!("mx.example; dkim=pass ({}) header.d=evil.example", quoted.replace(['(', ')'], "\\(")),
            ] {
                let report = Report::parse(&field).unwrap();
                for result in report.results.iter().filter(|result| result.outcome == "pass") {
                    prop_assert!(matches!(result.domain(), None | Some("evil.example")), "{:?}: {:?}", field, result);
                }
            }
        }

        /// Also where a server quotes nothing, as some do with a domain: a sign after a domain makes the statement unsound, or
        /// belongs to the domain; it never cuts the domain short.
        #[test]
        fn a_sign_in_a_bare_domain_never_cuts_it_to_another(
            sign in prop::sample::select(SIGNS.chars().filter(|c| !is_blank(*c) && *c != ';').collect::<Vec<_>>()),
        ) {
            let field = format!("mx.example; dkim=pass header.d=twitter.example{sign}.evil.example");
            let domains: Vec<_> = Report::parse(&field).unwrap().results;
            prop_assert!(domains.iter().all(|result| result.domain() != Some("twitter.example")), "{:?}", field);
        }
    }
}
