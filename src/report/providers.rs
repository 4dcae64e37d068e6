//! Formats the known mail providers: the table and one provider for `providers`, and the same as JSON. Pure.

use super::columns::{padded, widest};
use crate::settings::{LoginKind, Provider};
use crate::text;

/// Every provider: its name, its title, its server and how to log in.
pub fn list(providers: &[Provider]) -> String {
    let heading = ["provider", "login", "server", "mail of"].map(str::to_owned);
    let row = |provider: &Provider| {
        let server = format!("{}:{}", provider.host, provider.port);
        [provider.name.clone(), ways(provider), server, provider.title.clone()]
    };
    let rows: Vec<_> = std::iter::once(heading).chain(providers.iter().map(row)).collect();
    let width = |column: usize| widest(rows.iter().filter_map(|row| row.get(column)).map(String::as_str));
    let widths = [width(0), width(1), width(2)];
    let mut shown = String::new();
    for [name, login, server, title] in &rows {
        let [first, second, third] = widths;
        let cells = [padded(name, first), padded(login, second), padded(server, third), title.clone()];
        shown.push_str(&format!("{}\n", cells.join("  ")));
    }
    shown.push_str("\n`followsift providers NAME` (or an address, or a server) shows the lines to write for one, what else followsift knows about it, and its sources.\n");
    shown
}

/// The ways to log in, the best first.
fn ways(provider: &Provider) -> String {
    let words = provider.login.iter().map(|kind| match kind {
        LoginKind::Password => "password",
        LoginKind::AppPassword => provider.app_password(),
        LoginKind::OAuth2 => "OAuth2",
        LoginKind::Bridge => "the bridge's password",
    });
    words.collect::<Vec<_>>().join(", ")
}

/// One provider: the lines to write, with the user's address and another of its servers where they gave them, what the user has to do, and its section of the file
/// with the sources.
pub fn one(provider: &Provider, address: Option<&str>, server: Option<&str>) -> String {
    let name = &provider.name;
    let domain = provider.domains.first().map_or("mail.example", String::as_str);
    let address = address.map_or_else(|| format!("ann@{domain}"), |address| text::line(address).into_owned());
    let user = match provider.user {
        Some(_) => address.rsplit_once('@').map_or(address.as_str(), |(user, _)| user),
        None => address.as_str(),
    };
    // A string of JSON is one of TOML.
    let user = serde_json::Value::from(user);
    let host = server.map_or_else(String::new, |server| format!("host = \"{server}\"\n"));
    let mut shown = format!(
        "[accounts.home]\nprovider = \"{name}\"\n{host}user = {user}\n{}\n\n",
        if provider.login.first() == Some(&LoginKind::OAuth2) {
            "oauth2 = { client-id = \"...\" }  # then run `followsift login home`; see `followsift help oauth2`"
        } else {
            "password-file = \"password\""
        }
    );
    let facts = [
        ("log in with", Some(ways(provider))),
        ("user", provider.user.clone()),
        (provider.app_password(), provider.app_password_page.clone()),
        ("switch IMAP on", provider.imap_page.clone()),
        ("note", provider.note.clone()),
    ];
    let facts: Vec<_> = facts.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    let width = widest(facts.iter().map(|(key, _)| *key));
    for (key, value) in facts {
        shown.push_str(&format!("{}  {value}\n", padded(key, width)));
    }
    format!("{shown}\nWhat followsift knows about it, with the sources:\n\n{}\n", provider.section())
}

/// One provider as JSON, on one line.
pub fn json(provider: &Provider) -> String {
    // Strings and numbers alone, which cannot fail.
    serde_json::to_string(provider).unwrap_or_default()
}
