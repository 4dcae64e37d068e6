//! Reads how an account's server is reached: `provider`, `host`, `port`, `tls`, `user`. A provider fills in what the others do not
//! say. Called by `read`.

use std::net::IpAddr;

use super::section::{Section, Setting};
use super::{Account, Provider, Tls};
use crate::diagnostic::document::list;

/// In how many letters a mistyped server differs at most.
const NEAR: usize = 2;

/// What the settings say of an account's server; `None` for what is missing or wrong.
pub(super) struct Server {
    /// The provider that the settings name.
    pub(super) provider: Option<&'static Provider>,
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) tls: Option<Tls>,
    pub(super) user: Option<String>,
}

/// Reads the keys.
pub(super) fn server(section: &mut Section<'_>) -> Server {
    let provider_entry = section.take("provider");
    let provider = provider_entry.as_ref().and_then(provider);
    let host_entry = section.take("host");
    let user_entry = section.take("user");
    let user = user_entry.as_ref().and_then(Setting::string);
    let host = match (&host_entry, provider) {
        (Some(entry), _) => host(entry),
        (None, Some(provider)) => Some(provider.host.clone()),
        (None, None) => None,
    };
    if let (Some(entry), Some(host), Some(provider)) = (&host_entry, &host, provider) {
        doubt_host(entry, host, provider);
    }
    let at = user.as_deref().and_then(Provider::of_address);
    match (at, &host_entry, &provider_entry) {
        (None, None, None) => {
            section
                .blame("`host` is missing", "add `host = ...`, or `provider = ...` (`followsift providers`)");
        }
        (Some(at), None, None) => {
            let label = format!("{}: add `provider = \"{}\"`", is_at(at, user.as_deref()), at.name);
            section.blame("`host` is missing", &label);
        }
        (Some(at), _, Some(entry)) if provider.is_some_and(|named| named != at) => {
            entry.warning(
                is_at(at, user.as_deref()),
                format!("write `provider = \"{}\"`, if the mailbox is there", at.name),
            );
        }
        (Some(at), Some(entry), None)
            if host.as_deref().is_some_and(|host| !at.has_host(host) && !is_loopback(host)) =>
        {
            entry.warning(
                is_at(at, user.as_deref()),
                format!("write `provider = \"{}\"` instead, if the mailbox is there", at.name),
            );
        }
        _ => {}
    }
    if user_entry.is_none() {
        section.blame("`user` is missing", "add `user = ...`");
    }
    let tls_entry = section.take("tls");
    let usual_tls = provider.map_or(Tls::Implicit, |provider| provider.tls);
    let tls = tls_entry.as_ref().map_or(Some(usual_tls), tls);
    let usual_port = match (provider, tls) {
        (Some(provider), tls) if tls == Some(provider.tls) => provider.port,
        (_, Some(Tls::Implicit)) => 993,
        _ => 143,
    };
    let port_entry = section.take("port");
    let port = port_entry.as_ref().map_or(Some(usual_port), |entry| entry.whole(1, u16::MAX));
    if let (Some(entry), Some(port), Some(tls)) = (&port_entry, port, tls)
        && !host.as_deref().is_some_and(is_loopback)
    {
        doubt_port(entry, port, tls);
    }
    if let (Some(Tls::Off), Some(entry), Some(host)) = (tls, &tls_entry, &host)
        && !is_loopback(host)
    {
        let label =
            "only for this machine itself (`localhost`, 127.0.0.1, ::1); use \"implicit\" or \"starttls\"";
        entry.error(format!("the password would go to {host} in clear text"), label);
    }
    Server { provider, host, port, tls, user }
}

fn provider(entry: &Setting<'_>) -> Option<&'static Provider> {
    if let Some(number) = entry.number() {
        let label = match Provider::named(&number) {
            Some(_) => format!("write `\"{number}\"`, with quotation marks"),
            None => "expected a string; `followsift providers` lists the names".to_owned(),
        };
        entry.error("`provider` cannot be a number", label);
        return None;
    }
    let written = entry.text()?;
    if written.is_empty() {
        entry.error(
            "`provider` is empty",
            "`followsift providers` lists the names; for any other, write `host`",
        );
        return None;
    }
    let provider = Provider::named(&written);
    if provider.is_none() {
        let label = match Provider::meant_by(&written) {
            Some(meant) => format!("did you mean `{}`?", meant.name),
            None => "`followsift providers` lists them; for any other, write `host`".to_owned(),
        };
        entry.error(format!("unknown provider `{written}`"), label);
    }
    provider
}

/// A server that is nearly the provider's, or another provider's, is most likely a mistake. Any other may be the user's own.
fn doubt_host(entry: &Setting<'_>, host: &str, provider: &Provider) {
    if provider.has_host(host) {
        return;
    }
    let (at, written) = (&provider.name, host.to_lowercase());
    if let Some(other) = Provider::of_host(host) {
        let message = format!("{written} is the server of provider `{}`", other.name);
        entry.warning(message, format!("remove `host`, or write `provider = \"{}\"`", other.name));
    } else if strsim::damerau_levenshtein(&written, &provider.host) <= NEAR {
        let message = format!("{written} is not the server of provider `{at}`");
        entry.warning(message, format!("did you mean {}? Then remove `host`", provider.host));
    }
}

/// The two usual ports have one kind of TLS each (RFC 8314, section 3.2, and RFC 9051, section 2.1).
fn doubt_port(entry: &Setting<'_>, port: u16, tls: Tls) {
    let (other, usual) = match (port, tls) {
        (143, Tls::Implicit) => ("starttls", 993),
        (993, Tls::StartTls) => ("implicit", 143),
        _ => return,
    };
    entry.warning(
        format!("port {port} is for `tls = \"{other}\"`"),
        format!("write `tls = \"{other}\"`, or `port = {usual}`"),
    );
}

/// Says at which provider a user's address is.
fn is_at(at: &Provider, user: Option<&str>) -> String {
    let domain = user.and_then(|user| user.rsplit('@').next()).unwrap_or_default();
    format!("{} is at provider `{}`", domain.to_lowercase(), at.name)
}

fn host(entry: &Setting<'_>) -> Option<String> {
    let host = entry.string()?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_address = bare.parse::<IpAddr>().is_ok();
    let is_name = host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
    if is_address {
        Some(bare.to_owned())
    } else if is_name {
        Some(host)
    } else {
        entry.error(
            format!("`{host}` is not the name of a server"),
            "write only the name; the port has its own key",
        );
        None
    }
}

impl Account {
    /// Does its server run on this machine, as a bridge does?
    pub fn is_on_this_machine(&self) -> bool {
        is_loopback(&self.host)
    }
}

/// Is it a loopback address or a name of one?
pub(super) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn tls(entry: &Setting<'_>) -> Option<Tls> {
    match entry.string()?.as_str() {
        "implicit" => Some(Tls::Implicit),
        "starttls" => Some(Tls::StartTls),
        "off" => Some(Tls::Off),
        other => {
            let label = format!("expected {}", list(&["implicit", "starttls", "off"]));
            entry.error(format!("unknown TLS mode `{other}`"), label);
            None
        }
    }
}
