//! Formats the known mail providers: the table and one provider for `providers`, and the same as JSON. Pure.

use super::columns::{padded, widest};
use crate::settings::{LoginKind, Provider};

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
        LoginKind::Bridge => "password of the bridge",
    });
    words.collect::<Vec<_>>().join(", ")
}

/// One provider: the lines to write, what the user has to do, and its section of the file with the sources.
pub fn one(provider: &Provider) -> String {
    let name = &provider.name;
    let user = match (&provider.user, provider.domains.first()) {
        (Some(_), _) | (None, None) => "ann".to_owned(),
        (None, Some(domain)) => format!("ann@{domain}"),
    };
    let mut shown = format!(
        "[accounts.home]\nprovider = \"{name}\"\nuser = \"{user}\"\n{}\n\n",
        if provider.login.first() == Some(&LoginKind::OAuth2) {
            "oauth2 = { client-id = \"...\" }  # then run `followsift login home`; see `followsift help oauth2`"
        } else {
            "password-file = \"password\""
        }
    );
    let facts = [
        ("log in with", Some(ways(provider))),
        ("user", provider.user.clone()),
        ("app password", provider.app_password_page.clone()),
        ("switch IMAP on", provider.imap_page.clone()),
        ("note", provider.note.clone()),
    ];
    for (key, value) in facts {
        let Some(value) = value else { continue };
        shown.push_str(&format!("{}  {value}\n", padded(key, 14)));
    }
    format!("{shown}\nWhat followsift knows about it, with the sources:\n\n{}\n", provider.section())
}

/// One provider as JSON, on one line.
pub fn json(provider: &Provider) -> String {
    // Strings and numbers alone, which cannot fail.
    serde_json::to_string(provider).unwrap_or_default()
}
