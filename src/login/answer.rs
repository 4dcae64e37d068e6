//! A provider's answer to a request for tokens (RFC 6749, section 5.1), read leniently: a refresh token that came must not be lost because
//! something beside it is not as it should be. Never judges what it reads. Read by the oauth2 crate; used by `authority`.

use std::time::Duration;

use oauth2::basic::BasicTokenType;
use oauth2::{AccessToken, RefreshToken, Scope, TokenResponse};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// What a provider gave. Any JSON object is one.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Answer {
    access: AccessToken,
    refresh: Option<RefreshToken>,
    #[serde(skip)]
    kind: BasicTokenType,
    lives: Option<Duration>,
}

impl TokenResponse for Answer {
    type TokenType = BasicTokenType;

    /// Empty where none came.
    fn access_token(&self) -> &AccessToken {
        &self.access
    }

    fn token_type(&self) -> &BasicTokenType {
        &self.kind
    }

    fn expires_in(&self) -> Option<Duration> {
        self.lives
    }

    /// Never empty.
    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh.as_ref()
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        None
    }
}

impl<'de> Deserialize<'de> for Answer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::deserialize(deserializer)?;
        let mut token = |name: &str| match fields.remove(name) {
            Some(Value::String(token)) if !token.is_empty() => Some(token),
            _ => None,
        };
        Ok(Self {
            access: AccessToken::new(token("access_token").unwrap_or_default()),
            refresh: token("refresh_token").map(RefreshToken::new),
            // Whatever it is called, a mail server takes no other kind.
            kind: BasicTokenType::Bearer,
            lives: fields.get("expires_in").and_then(seconds),
        })
    }
}

/// The answer to a request for a device's code (RFC 8628, section 3.2) with its two times as the oauth2 crate reads them: whole seconds,
/// at least one and at most `longest`; `lives` for a code whose life is not there or says nothing. Anything else stays as it is.
pub(super) fn with_plain_times(body: Vec<u8>, lives: Duration, longest: Duration) -> Vec<u8> {
    let Ok(mut fields) = serde_json::from_slice::<Map<String, Value>>(&body) else { return body };
    if !fields.contains_key("device_code") {
        return body;
    }
    for (name, usual) in [("expires_in", lives), ("interval", USUAL_INTERVAL)] {
        let said = fields.get(name).and_then(seconds).filter(|time| time.as_secs() > 0);
        fields.insert(name.to_owned(), said.unwrap_or(usual).min(longest).as_secs().into());
    }
    serde_json::to_vec(&fields).unwrap_or(body)
}

/// How often to ask whether the user has agreed, where the provider does not say it (RFC 8628, section 3.2).
const USUAL_INTERVAL: Duration = Duration::from_secs(5);

/// A life in seconds: a number, as RFC 6749 has it, or its digits as text. A negative one says nothing: some providers mean "for ever".
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = match value {
        Value::String(text) => text.trim().parse().ok()?,
        number => number.as_f64()?,
    };
    if seconds.is_nan() || seconds < 0.0 {
        return None;
    }
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, Option<String>, Option<u64>)> {
        let answer: Answer = serde_json::from_str(text).ok()?;
        Some((
            answer.access_token().secret().clone(),
            answer.refresh_token().map(|token| token.secret().clone()),
            answer.expires_in().map(|lives| lives.as_secs()),
        ))
    }

    #[test]
    fn the_times_of_a_code_are_read_whatever_form_they_have() {
        let (lives, longest) = (Duration::from_secs(900), Duration::from_secs(3600));
        for (said, expires, interval) in [
            (r#""expires_in": 600, "interval": 1"#, 600, 1),
            (r#""expires_in": "600", "interval": "7""#, 600, 7),
            (r#""expires_in": 600.5, "interval": 1.5"#, 600, 1),
            (r#""interval": -1"#, 900, 5),
            (r#""expires_in": null, "interval": null"#, 900, 5),
            (r#""expires_in": 0, "interval": 0"#, 900, 5),
            (r#""expires_in": 1e300, "interval": 1e300"#, 3600, 3600),
            (r#""expires_in": "soon", "interval": []"#, 900, 5),
        ] {
            let text = format!("{{\"device_code\": \"d\", {said}}}");
            let body = with_plain_times(text.clone().into_bytes(), lives, longest);
            let read: Value = serde_json::from_slice(&body).unwrap_or_default();
            let expected =
                serde_json::json!({"device_code": "d", "expires_in": expires, "interval": interval});
            assert_eq!(read, expected, "{text}");
        }
        for other in ["", "<html>", "[1]", r#"{"error": "invalid_scope"}"#] {
            assert_eq!(with_plain_times(other.into(), lives, longest), other.as_bytes(), "{other}");
        }
    }

    #[test]
    fn a_refresh_token_is_read_whatever_stands_beside_it() {
        let refresh = Some("r".to_owned());
        for (beside, access, lives) in [
            (r#""access_token": "a", "token_type": "Bearer", "expires_in": 3600"#, "a", Some(3600)),
            (r#""access_token": "a", "expires_in": "3600""#, "a", Some(3600)),
            (r#""access_token": "a", "expires_in": 3599.9"#, "a", Some(3599)),
            (r#""access_token": "a", "expires_in": -1"#, "a", None),
            (r#""access_token": "a", "expires_in": "soon""#, "a", None),
            (r#""access_token": "a", "expires_in": null, "token_type": 7"#, "a", None),
            (r#""access_token": "a", "expires_in": 1e300"#, "a", Some(u64::MAX)),
            (r#""access_token": "a", "access_token": "b", "scope": ["x"]"#, "b", None),
            (r#""access_token": """#, "", None),
            (r#""access_token": 1"#, "", None),
            (r#""error": "x""#, "", None),
        ] {
            let text = format!("{{{beside}, \"refresh_token\": \"r\"}}");
            assert_eq!(read(&text), Some((access.to_owned(), refresh.clone(), lives)), "{text}");
        }
        assert_eq!(read("{}"), Some((String::new(), None, None)));
        assert_eq!(read(r#"{"refresh_token": ""}"#), Some((String::new(), None, None)));
        for other in ["", "[]", "null", "\"a\"", "<html>"] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
