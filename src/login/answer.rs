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
