//! What a receiving server says about a mail: the Authentication-Results header field (RFC 8601).
//!
//! Reads, and never judges: see `authenticity` for what it means.

/// How many results of one field are read.
const RESULTS_LIMIT: usize = 50;

/// One Authentication-Results field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// Who says so, lower-cased.
    pub(super) authserv_id: String,
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
    /// What was looked at: `header.d`, lower-cased, with its value.
    properties: Vec<(String, String)>,
}

impl MethodResult {
    /// The domain that the result is about: of a signature, of the envelope's sender, of From.
    pub(super) fn domain(&self) -> Option<&str> {
        let names: &[&str] = match self.method.as_str() {
            "dkim" => &["header.d", "header.i"],
            // `smtp.mail` is an early spelling of `smtp.mailfrom`.
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
    /// Reads the raw value of the field. What does not follow the grammar is passed over; a field without an
    /// authserv-id is none.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let mut tokens = Tokens { rest: value };
        let Some(Token::Word(authserv_id)) = tokens.next() else { return None };
        let mut report = Self { authserv_id: authserv_id.to_lowercase(), results: Vec::new() };
        let mut statement = Vec::new();
        // The first statement holds but the version (RFC 8601, section 2.2).
        let mut is_first = true;
        loop {
            match tokens.next() {
                Some(Token::End) | None if is_first => is_first = false,
                Some(Token::End) => {
                    report.add(&statement);
                    statement.clear();
                }
                None => {
                    report.add(&statement);
                    return Some(report);
                }
                Some(token) if !is_first => statement.push(token),
                Some(_) => {}
            }
        }
    }

    fn add(&mut self, statement: &[Token]) {
        let mut pairs = Vec::new();
        let mut tokens = statement.iter().peekable();
        while let Some(token) = tokens.next() {
            if let Token::Word(name) = token
                && tokens.next_if(|next| **next == Token::Equals).is_some()
                && let Some(Token::Word(value)) = tokens.next()
            {
                pairs.push((name.to_lowercase(), value.to_lowercase()));
            }
        }
        let mut pairs = pairs.into_iter();
        if self.results.len() < RESULTS_LIMIT
            && let Some((method, outcome)) = pairs.next()
        {
            // A method may bear a version: `dkim/1`.
            let method = method.split('/').next().unwrap_or_default().to_owned();
            self.results.push(MethodResult { method, outcome, properties: pairs.collect() });
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Equals,
    End,
}

struct Tokens<'v> {
    rest: &'v str,
}

impl<'v> Iterator for Tokens<'v> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            self.rest = self.rest.trim_start();
            let c = self.rest.chars().next()?;
            let tail: &'v str = self.rest.get(c.len_utf8()..).unwrap_or_default();
            match c {
                '(' => self.rest = after_comment(tail),
                ';' | '=' => {
                    self.rest = tail;
                    return Some(if c == ';' { Token::End } else { Token::Equals });
                }
                '"' => return Some(self.quoted(tail)),
                ')' => self.rest = tail,
                _ => {
                    let (word, rest) = self.rest.split_at_checked(word_end(self.rest))?;
                    self.rest = rest;
                    return Some(Token::Word(word.to_owned()));
                }
            }
        }
    }
}

impl<'v> Tokens<'v> {
    /// A quoted string (RFC 5322, section 3.2.4), with what follows it at once: it may be the local part of an
    /// address. An unclosed one ends with the field.
    fn quoted(&mut self, text: &'v str) -> Token {
        let mut word = String::new();
        let mut chars = text.char_indices();
        self.rest = "";
        while let Some((place, c)) = chars.next() {
            match c {
                '\\' => word.extend(chars.next().map(|(_, c)| c)),
                '"' => {
                    let tail = text.get(place + 1..).unwrap_or_default();
                    let (more, rest) = tail.split_at_checked(word_end(tail)).unwrap_or((tail, ""));
                    word.push_str(more);
                    self.rest = rest;
                    break;
                }
                _ => word.push(c),
            }
        }
        Token::Word(word)
    }
}

/// Where an unquoted word ends.
fn word_end(text: &str) -> usize {
    text.find(|c: char| c.is_whitespace() || matches!(c, ';' | '=' | '(' | ')' | '"')).unwrap_or(text.len())
}

/// What follows a comment; comments nest (RFC 5322, section 3.2.2).
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
    use super::*;

    /// `id: method=outcome domain, ...`
    fn read(value: &str) -> String {
        let Some(report) = Report::parse(value) else { return "none".to_owned() };
        let results = report
            .results
            .iter()
            .map(|result| format!("{}={} {}", result.method, result.outcome, result.domain().unwrap_or("-")));
        format!("{}: {}", report.authserv_id, results.collect::<Vec<_>>().join(", "))
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
    fn no_result_is_no_result() {
        assert_eq!(read("mx.example; none"), "mx.example: ");
        assert_eq!(read("mx.example"), "mx.example: ");
        assert_eq!(read(""), "none");
        assert_eq!(read("(only a comment"), "none");
        assert_eq!(read("; dkim=pass"), "none");
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
    fn several_signatures_are_several_results() {
        assert_eq!(
            read("mx.example; dkim=fail header.d=a.example; dkim=pass header.d=b.example"),
            "mx.example: dkim=fail a.example, dkim=pass b.example"
        );
    }
}
