//! The SASL messages of a login: which mechanism, what it sends, and what the server says against a token.
//!
//! Owns PLAIN (RFC 4616), LOGIN, OAUTHBEARER (RFC 7628) and XOAUTH2 (Google's, which Microsoft uses too). Knows no commands and sends
//! nothing. Called by `dialogue`, and by `redactor`, which recognises these messages in a server's words.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::zeroize::Zeroizing;
use serde_json::Value;

use super::capabilities::Capabilities;

/// A mechanism that sends an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bearer {
    /// The standard (RFC 7628).
    OAuthBearer,
    /// What there was before: <https://developers.google.com/workspace/gmail/imap/xoauth2-protocol>.
    XOAuth2,
}

impl Bearer {
    /// The mechanism to use with a server: the standard where it offers both.
    pub(super) fn of(known: &Capabilities) -> Option<Self> {
        match (known.auth_oauthbearer, known.auth_xoauth2) {
            (true, _) => Some(Self::OAuthBearer),
            (false, true) => Some(Self::XOAuth2),
            (false, false) => None,
        }
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::OAuthBearer => "OAUTHBEARER",
            Self::XOAuth2 => "XOAUTH2",
        }
    }

    /// Its only message, in a buffer that never grows and so leaves no copy behind. OAUTHBEARER may name the server too (RFC 7628,
    /// section 3.1), which only signed tokens need.
    pub(super) fn payload(self, user: &str, token: &str) -> Zeroizing<Vec<u8>> {
        let begin = match self {
            Self::OAuthBearer => {
                // A `saslname` (RFC 5801, section 4).
                format!("n,a={},\x01", user.replace('=', "=3D").replace(',', "=2C"))
            }
            Self::XOAuth2 => format!("user={user}\x01"),
        };
        let mut payload = Zeroizing::new(Vec::with_capacity(begin.len() + token.len() + 32));
        for part in [begin.as_str(), "auth=Bearer ", token, "\x01\x01"] {
            payload.extend_from_slice(part.as_bytes());
        }
        payload
    }

    /// The answer to a challenge that says why the token is refused: the server ends the exchange only then.
    pub(super) fn farewell(self) -> &'static [u8] {
        match self {
            // RFC 7628, section 3.2.3.
            Self::OAuthBearer => b"\x01",
            Self::XOAuth2 => b"",
        }
    }
}

/// Can a token, or the name of a user, stand in these messages? A token is printable ASCII (RFC 6750, section 2.1); the fields are
/// separated by a control character.
pub(super) fn is_bearable(user: &str, token: &str) -> bool {
    !user.chars().any(char::is_control) && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The message of PLAIN (RFC 4616, section 2), in a buffer that never grows and so leaves no copy behind.
pub(super) fn plain_payload(user: &str, password: &str) -> Zeroizing<Vec<u8>> {
    let mut payload = Zeroizing::new(Vec::with_capacity(user.len() + password.len() + 2));
    for part in [user, password] {
        payload.push(0);
        payload.extend_from_slice(part.as_bytes());
    }
    payload
}

/// A message in base64, as it is sent.
pub(super) fn encoded(payload: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(STANDARD.encode(payload).into_bytes())
}

/// What a server says against a token, from the JSON of its challenge (RFC 7628, section 3.2.2): `status invalid_token, scope mail`.
/// XOAUTH2 has the same keys, with a number for the status.
pub(super) fn reason(challenge: &[u8]) -> Option<String> {
    let said: Value = serde_json::from_slice(challenge).ok()?;
    let of = |key: &str| match said.get(key)? {
        Value::String(text) if !text.is_empty() => Some(format!("{key} {text}")),
        Value::Number(number) => Some(format!("{key} {number}")),
        _ => None,
    };
    let parts: Vec<String> =
        ["status", "error", "error_description", "scope"].into_iter().filter_map(of).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_sent_as_each_mechanism_wants_it() {
        let payload = |bearer: Bearer, user: &str| {
            String::from_utf8(bearer.payload(user, "ya29.Pä~".trim_end_matches("ä~")).to_vec()).unwrap()
        };
        assert_eq!(
            payload(Bearer::XOAuth2, "ann@a.example"),
            "user=ann@a.example\x01auth=Bearer ya29.P\x01\x01"
        );
        assert_eq!(payload(Bearer::OAuthBearer, "a=n,n"), "n,a=a=3Dn=2Cn,\x01auth=Bearer ya29.P\x01\x01");
    }

    #[test]
    fn a_token_or_user_that_could_write_a_field_of_its_own_is_not_sent() {
        assert!(is_bearable("änn@a.example", "ya29.A-b_~+/="));
        for (user, token) in
            [("ann\x01", "t"), ("ann", "a\x01b"), ("ann", "a b"), ("ann", "ä"), ("ann\n", "t")]
        {
            assert!(!is_bearable(user, token), "{user:?} {token:?}");
        }
    }

    #[test]
    fn the_standard_is_preferred() {
        let of = |words: &str| Bearer::of(&Capabilities::read(words.split(' ').map(str::to_owned).collect()));
        assert_eq!(of("AUTH=XOAUTH2 AUTH=OAUTHBEARER"), Some(Bearer::OAuthBearer));
        assert_eq!(of("AUTH=PLAIN AUTH=XOAUTH2"), Some(Bearer::XOAuth2));
        assert_eq!(of("AUTH=PLAIN"), None);
    }

    #[test]
    fn the_json_of_a_challenge_is_said_in_words() {
        for (challenge, words) in [
            (
                r#"{"status":"401","schemes":"bearer mac","scope":"https://mail.example/"}"#,
                Some("status 401, scope https://mail.example/"),
            ),
            (r#"{"status":400,"scope":""}"#, Some("status 400")),
            (
                r#"{"status":"invalid_token","openid-configuration":"https://a.example/x"}"#,
                Some("status invalid_token"),
            ),
            (r#"{"schemes":"bearer"}"#, None),
            ("[1]", None),
            ("", None),
            ("not JSON", None),
        ] {
            assert_eq!(reason(challenge.as_bytes()).as_deref(), words, "{challenge}");
        }
    }
}
