//! Reads the `oauth2` table of an account: the user's own client, and where its provider gives tokens. Called by `read`.

use std::net::IpAddr;

use super::paths::Paths;
use super::secret_source::secret_of;
use super::section::{Section, Setting};
use super::{OAuth2, Provider, SecretSource, TokenIssuer};

/// The keys that say where the client's secret is.
const SECRET_KEYS: [&str; 3] = ["client-secret-file", "client-secret-command", "client-secret-credential"];

/// Reads the table. What it does not say comes from the provider.
pub(super) fn oauth2(entry: &Setting<'_>, provider: Option<&Provider>, paths: &Paths<'_>) -> Option<OAuth2> {
    let mut section = entry.section()?;
    let known = provider.and_then(|provider| provider.oauth2.as_ref());
    let client_id = section.require("client-id").and_then(|entry| client_id(&entry));
    let client_secret = client_secret(&mut section, paths);
    let issuer_entry = section.take("issuer");
    let issuer = issuer_entry.as_ref().and_then(address);
    let endpoint = |key| section.take(key).map(|entry| (address(&entry), entry));
    let written = ["authorization-endpoint", "token-endpoint", "device-endpoint"].map(endpoint);
    let scopes = section.take("scopes").map(|entry| scopes(&entry));
    let redirect_uri = section.take("redirect-uri").and_then(|entry| redirect_uri(&entry));
    let named: Vec<_> = written.iter().flatten().map(|(_, entry)| entry).collect();
    let from = match (&issuer_entry, named.as_slice()) {
        (Some(_), []) => issuer.map(TokenIssuer::Discovered),
        (Some(_), endpoints) => {
            for endpoint in endpoints {
                let message = format!("`issuer` and `{}` both say where tokens come from", endpoint.key());
                endpoint.key_error(message, "keep `issuer`, or all endpoints");
            }
            None
        }
        (None, []) => match known {
            Some(known) => Some(TokenIssuer::Known {
                authorization: Some(known.authorization_endpoint.clone()),
                token: known.token_endpoint.clone(),
                device: known.device_endpoint.clone(),
            }),
            None => {
                section.blame(
                    "nothing says where tokens come from",
                    "add `issuer`, or `token-endpoint` with `device-endpoint` or `authorization-endpoint`",
                );
                None
            }
        },
        (None, _) => {
            let [authorization, token, device] = written.each_ref().map(|it| it.as_ref().map(|(url, _)| url));
            match token {
                Some(token) if authorization.is_some() || device.is_some() => Some(TokenIssuer::Known {
                    authorization: authorization.cloned().flatten(),
                    token: token.clone()?,
                    device: device.cloned().flatten(),
                }),
                _ => {
                    section.blame(
                        "the endpoints are incomplete",
                        "`token-endpoint` is needed, and one of `device-endpoint` and `authorization-endpoint`",
                    );
                    None
                }
            }
        }
    };
    section.finish();
    let usual = || known.filter(|_| issuer_entry.is_none()).map(|known| known.scopes.clone());
    Some(OAuth2 {
        client_id: client_id?,
        client_secret: client_secret?,
        issuer: from?,
        scopes: scopes.or_else(usual).unwrap_or_default(),
        redirect_uri,
    })
}

/// What the provider calls the user's client; not the dots that stand for it in examples.
fn client_id(entry: &Setting<'_>) -> Option<String> {
    let text = entry.string()?;
    let fits = text.chars().any(char::is_alphanumeric);
    if !fits {
        entry.error(
            format!("`{text}` is not a client ID"),
            "write the one that the provider showed when you registered followsift (`followsift help oauth2`)",
        );
    }
    fits.then_some(text)
}

/// Where the client's secret is, if it has one; `None` where the keys are wrong. It stands in no settings, as a password does not.
fn client_secret(section: &mut Section<'_>, paths: &Paths<'_>) -> Option<Option<Box<SecretSource>>> {
    if let Some(literal) = section.take_forbidden("client-secret") {
        let label = "put it into a file that only you can read (chmod 600) and name the file: `client-secret-file = \
                     \"/path/to/file\"`";
        literal.key_error("a secret does not belong in the settings", label);
        return None;
    }
    let given: Vec<_> = SECRET_KEYS.into_iter().filter_map(|key| section.take(key)).collect();
    match given.as_slice() {
        [] => Some(None),
        [entry] => secret_of(entry, paths).map(|source| Some(Box::new(source))),
        [first, others @ ..] => {
            for other in others {
                let message = format!("`{}` and `{}` both say where the secret is", first.key(), other.key());
                other.key_error(message, "keep only one of them");
            }
            None
        }
    }
}

/// An https address, or an http address of this machine.
fn address(entry: &Setting<'_>) -> Option<String> {
    let text = entry.string()?;
    let host_of = |rest: &str| rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned();
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.contains(['@', '#', '\\']);
    let fits = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => !host_of(rest).is_empty(),
        (None, Some(rest)) => is_loopback(&host_of(rest)),
        (None, None) => false,
    };
    if !(fits && is_plain) {
        // A password may stand before an `@`.
        let shown = if text.contains('@') { "this".to_owned() } else { format!("`{text}`") };
        entry.error(
            format!("{shown} is not an address for tokens"),
            "write one that begins with https:// (http:// is for 127.0.0.1 and [::1] only)",
        );
    }
    (fits && is_plain).then_some(text)
}

/// Is it the address of this machine, perhaps with a port? A name could be resolved to another one.
fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The address to which the provider sends the browser back. Any that the provider has registered; nothing is asked of it.
fn redirect_uri(entry: &Setting<'_>) -> Option<String> {
    let text = entry.string()?;
    let fits = text.bytes().all(|byte| byte.is_ascii_graphic()) && text.contains(':') && !text.contains('#');
    if !fits {
        entry.error(
            format!("`{text}` is not an address"),
            "write it as you registered it at the provider: \"http://127.0.0.1:8400/\"",
        );
    }
    fits.then_some(text)
}

fn scopes(entry: &Setting<'_>) -> Vec<String> {
    let items = entry.items().unwrap_or_default();
    let scope = |item: &Setting<'_>| {
        let text = item.string()?;
        // RFC 6749, section 3.3.
        let fits = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
        if !fits {
            item.error(format!("`{text}` is not a scope"), "write each scope as an item of the list");
        }
        fits.then_some(text)
    };
    items.iter().filter_map(scope).collect()
}
