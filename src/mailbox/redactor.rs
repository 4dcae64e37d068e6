//! Recognises the password or the access token in a server's words, for a whole session, so that it is never shown.
//!
//! Owns the forms in which a server can repeat a secret: plain, quoted, and in the base64 that was sent. Keeps only their
//! digests, never the secret. Called by `refusal` before it truncates the words, and by `wire` for capabilities.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use secrecy::ExposeSecret;
use secrecy::zeroize::Zeroizing;

use super::quoted::escaped;
use super::sasl::{Bearer, plain_payload};
use crate::login::{Login, SecretDigest};

/// A longer form is recognised by this many bytes at its start and at its end.
const END: usize = 64;

/// The forms of a password, as lengths and digests.
#[derive(Debug)]
pub(super) struct Redactor(Vec<(usize, SecretDigest)>);

impl Redactor {
    /// For a connection without a secret.
    pub(super) fn nothing() -> Self {
        Self(Vec::new())
    }

    /// For the secret of a login.
    pub(super) fn of(login: &Login) -> Self {
        let (secret, payloads) = match login {
            Login::Password { user, password } => {
                let password = password.expose_secret();
                (password, vec![plain_payload(user, password)])
            }
            Login::Token { user, token, .. } => {
                let token = token.expose_secret();
                (token, [Bearer::OAuthBearer, Bearer::XOAuth2].map(|it| it.payload(user, token)).into())
            }
        };
        let quoted = escaped(secret);
        let encoded: Vec<_> = payloads
            .iter()
            .map(|payload| payload.as_slice())
            .chain([secret.as_bytes()])
            .map(|bytes| Zeroizing::new(STANDARD_NO_PAD.encode(bytes)))
            .collect();
        let mut forms = Vec::new();
        let texts = [secret, quoted.as_str()].into_iter().chain(encoded.iter().map(|form| form.as_str()));
        for text in texts {
            let form = normal(text.as_bytes());
            let ends = [form.get(..END.min(form.len())), form.get(form.len().saturating_sub(END)..)];
            forms.extend(ends.into_iter().flatten().filter(|end| !end.is_empty()).map(digest));
        }
        forms.sort_unstable();
        forms.dedup();
        Self(forms)
    }

    /// Does a form of the secret begin in the first `shown` bytes of `text`? The work depends on `shown`, not on the length of
    /// the text.
    pub(super) fn is_in(&self, text: &[u8], shown: usize) -> bool {
        let text = normal(text.get(..text.len().min(shown + 2 * END)).unwrap_or_default());
        self.0.iter().any(|form| text.windows(form.0).any(|window| digest(window) == *form))
    }
}

fn digest(form: &[u8]) -> (usize, SecretDigest) {
    (form.len(), SecretDigest::of(&[form]))
}

/// Normalises text for comparison: ignores case, repeated blanks, and the form of characters outside ASCII, which a server may
/// encode differently and which `line_filter` replaces by question marks.
fn normal(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(text.len()));
    for byte in text {
        let byte = match byte {
            b'!'..=b'~' => byte.to_ascii_lowercase(),
            128.. => b'?',
            _ => b' ',
        };
        let left_out = match byte {
            b' ' => matches!(plain.last(), None | Some(b' ')),
            b'?' => plain.last() == Some(&b'?'),
            _ => false,
        };
        if !left_out {
            plain.push(byte);
        }
    }
    if plain.last() == Some(&b' ') {
        plain.pop();
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::SecretString;

    fn login(password: &str) -> Login {
        Login::Password { user: "ann".to_owned(), password: SecretString::from(password) }
    }

    #[test]
    fn every_form_of_a_password_is_found_wherever_it_begins() {
        let redactor = Redactor::of(&login("hun \"t\\er\" pä2"));
        for form in [
            "hun \"t\\er\" pä2",
            "HUN \"T\\ER\" PÄ2",
            "hun \\\"t\\\\er\\\" pä2",
            "hun  \"t\\er\"\t p?2",
            "AGFubgBodW4gInRcZXIiIHDDpDI=",
            "aHVuICJ0XGVyIiBww6Qy",
        ] {
            for before in [0, 1, 100, 199] {
                let text = format!("{}{form} is wrong", "x".repeat(before));
                assert!(redactor.is_in(text.as_bytes(), 200), "{text}");
            }
            assert!(!redactor.is_in(format!("{}{form}", "x".repeat(2_000)).as_bytes(), 200), "not shown");
        }
        for other in ["", " ", "hun ter", "\"t\\er\" pä2", "a wrong password", "AGFubgB="] {
            assert!(!redactor.is_in(other.as_bytes(), 200), "{other}");
        }
    }

    #[test]
    fn every_form_of_a_token_is_found() {
        let (user, token) = ("ann".to_owned(), "ya29.a0-token_of/ann");
        let redactor = Redactor::of(&Login::Token { user, token: SecretString::from(token), renewal: None });
        for form in [
            token,
            "eWEyOS5hMC10b2tlbl9vZi9hbm4=",
            "dXNlcj1hbm4BYXV0aD1CZWFyZXIgeWEyOS5hMC10b2tlbl9vZi9hbm4BAQ==",
            "bixhPWFubiwBYXV0aD1CZWFyZXIgeWEyOS5hMC10b2tlbl9vZi9hbm4BAQ==",
        ] {
            assert!(redactor.is_in(format!("you sent {form}").as_bytes(), 200), "{form}");
        }
        assert!(!redactor.is_in(b"ann has no valid token", 200));
    }

    #[test]
    fn the_beginning_and_the_end_of_a_long_secret_are_found() {
        let long: String = (0..4_000_u32).map(|at| char::from(b'a' + (at * at % 23) as u8)).collect();
        let redactor = Redactor::of(&login(&long));
        assert!(redactor.is_in(&long.as_bytes()[..100], 200));
        assert!(redactor.is_in(&long.as_bytes()[3_900..], 200));
        assert!(!redactor.is_in("no such token".as_bytes(), 200));
    }

    #[test]
    fn an_empty_redactor_finds_nothing_and_a_blank_password_hides_nothing() {
        assert!(!Redactor::nothing().is_in(b"hunter2", 200));
        assert!(!Redactor::of(&login(" ")).is_in(b"no such user", 200));
        assert!(!format!("{:?}", Redactor::of(&login("hunter2"))).contains("hunter"));
    }
}
