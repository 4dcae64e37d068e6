//! The same message from a site that lives elsewhere: below a path, on a port, under `www.`, on two domains.

use super::mail::Mail;

/// Networks that can only live at the root of a host, since their software has fixed paths.
const AT_THE_ROOT: &[&str] =
    &["mastodon", "misskey", "diaspora", "hubzilla", "forem", "peertube", "openstreetmap", "socialhome"];

/// A network that anyone can host, by what a notification says.
fn is_self_hosted(mail: &Mail) -> bool {
    mail.genuine.as_ref().is_none_or(|genuine| genuine.instance.is_some())
}

fn network(mail: &Mail) -> String {
    mail.genuine.as_ref().map(|genuine| genuine.network.to_string()).unwrap_or_default()
}

/// Changes every link to the site.
fn move_to(mail: &mut Mail, site: impl Fn(&str) -> String) -> bool {
    // A fixture that shows such a site is left as it is.
    let is_plain = |host: &String| !host.contains(':') && !host.starts_with("www.");
    let Some(host) = mail.host().filter(is_plain).filter(|_| is_self_hosted(mail)) else { return false };
    let site = site(&host);
    let mut is_changed = false;
    if let Some(link) = mail.field("List-Unsubscribe").map(str::to_owned) {
        mail.set("List-Unsubscribe", link.replace(&format!("://{host}/"), &format!("://{site}/")));
    }
    for end in ["/", "\"", "\n", "\r", " ", ">", "<"] {
        let (from, to) = (format!("://{host}{end}"), format!("://{site}{end}"));
        is_changed |= mail.replace(&from, &to);
        mail.moves.push((from, to));
    }
    // Where a link is in a redirect.
    let escaped = |text: &str| text.replace(':', "%3A").replace('/', "%2F");
    mail.replace(&escaped(&format!("://{host}/")), &escaped(&format!("://{site}/")));
    is_changed
}

pub(crate) fn below_a_path(mail: &mut Mail) -> bool {
    !AT_THE_ROOT.contains(&network(mail).as_str()) && move_to(mail, |host| format!("{host}/notes"))
}

pub(crate) fn below_two_paths(mail: &mut Mail) -> bool {
    !AT_THE_ROOT.contains(&network(mail).as_str()) && move_to(mail, |host| format!("{host}/our/notes"))
}

pub(crate) fn on_a_port(mail: &mut Mail) -> bool {
    move_to(mail, |host| format!("{host}:4567"))
}

pub(crate) fn www_in_links(mail: &mut Mail) -> bool {
    move_to(mail, |host| format!("www.{host}"))
}

fn two_domains(mail: &mut Mail, web: impl Fn(&str) -> String) -> bool {
    // What has the one field has the other: Mastodon writes both since 4.2.
    if let (Some(host), Some(_), None) = (mail.host(), mail.field("List-ID"), mail.field("List-Unsubscribe"))
    {
        mail.set("List-Unsubscribe", format!("<https://{host}/unsubscribe?token=abc&type=follow>"));
    }
    (network(mail) == "mastodon" || mail.genuine.is_none()) && move_to(mail, web)
}

/// LOCAL_DOMAIN is `toot.example`, WEB_DOMAIN `social.toot.example`; it sends from the first.
pub(crate) fn web_below_local(mail: &mut Mail) -> bool {
    two_domains(mail, |host| format!("social.{host}"))
}

/// The two have nothing in common.
pub(crate) fn web_elsewhere(mail: &mut Mail) -> bool {
    two_domains(mail, |_| "web.elsewhere.example".to_owned())
}

/// It sends from the second.
pub(crate) fn sent_from_web(mail: &mut Mail) -> bool {
    let Some((name, local, _)) = mail.sender() else { return false };
    mail.set("From", format!("{name} <{local}@web.elsewhere.example>"));
    two_domains(mail, |_| "web.elsewhere.example".to_owned())
}
