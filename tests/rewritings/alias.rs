//! What alias services make of a message's sender, in the forms that they document. All of them leave subject and body.

use super::mail::Mail;

/// The fields that survive: those that all of the services keep.
fn pass_on(mail: &mut Mail) {
    for name in ["List-ID", "Precedence", "X-Auto-Response-Suppress", "Auto-Submitted", "DKIM-Signature"] {
        mail.drop(name);
    }
}

fn send_from(mail: &mut Mail, written: impl Fn(&str, &str, &str) -> String) -> bool {
    let Some((name, local, domain)) = mail.sender() else { return false };
    pass_on(mail);
    mail.set("From", written(&name, &local, &domain));
    true
}

/// `"Site - notify at site.example" <notify_at_site_example_abc@simplelogin.co>`.
pub(crate) fn simple_login(mail: &mut Mail) -> bool {
    let sender = mail.sender().map(|(_, local, domain)| format!("{local}@{domain}")).unwrap_or_default();
    mail.set("X-SimpleLogin-Envelope-From", sender);
    mail.set("X-SimpleLogin-Type", "Forward".to_owned());
    send_from(mail, |name, local, domain| {
        let address = format!("{local} at {domain}");
        let shown = if name.is_empty() { address } else { format!("{name} - {address}") };
        let alias = format!("{local}_at_{domain}_qwertz").replace(['.', '-'], "_");
        format!("\"{shown}\" <{alias}@simplelogin.co>")
    })
}

/// The same with a random alias and the address in the other form that users may choose; Proton Pass sends so, too.
pub(crate) fn proton(mail: &mut Mail) -> bool {
    mail.set("X-SimpleLogin-Type", "Forward".to_owned());
    send_from(mail, |name, local, domain| {
        let address = format!("{local}(a){domain}");
        let shown = if name.is_empty() { address } else { format!("{name} - {address}") };
        format!("\"{shown}\" <ra+tinqwertzuiop@passmail.net>")
    })
}

/// `"Site - notify at site.example" <tin+notify=site.example@rob.anonaddy.com>`.
pub(crate) fn addy(mail: &mut Mail) -> bool {
    let sender = mail.sender().map(|(_, local, domain)| format!("{local}@{domain}")).unwrap_or_default();
    mail.set("X-AnonAddy-Original-Sender", sender);
    send_from(mail, |name, local, domain| {
        let name = if name.is_empty() { local } else { name };
        format!("\"{name} - {local} at {domain}\" <tin+{local}={domain}@rob.anonaddy.com>")
    })
}

/// `"notify@site.example [via Relay]" <abc123@mozmail.com>`.
pub(crate) fn firefox_relay(mail: &mut Mail) -> bool {
    let from = mail.field("From").unwrap_or_default().to_owned();
    mail.set("Resent-From", from);
    send_from(mail, |_, local, domain| format!("\"{local}@{domain} [via Relay]\" <qwertz123@mozmail.com>"))
}

/// `Site <notify_at_site.example_tin@duck.com>`.
pub(crate) fn duck_duck_go(mail: &mut Mail) -> bool {
    send_from(mail, |name, local, domain| format!("{name} <{local}_at_{domain}_tin@duck.com>"))
}

/// `Site <notify_at_site_example_abc_def@icloud.com>`.
pub(crate) fn hide_my_email(mail: &mut Mail) -> bool {
    send_from(mail, |name, local, domain| {
        let alias = format!("{local}_at_{domain}").replace('.', "_");
        format!("{name} <{alias}_a1b2c3d4_e5f6@icloud.com>")
    })
}

/// The sender stays, as do its signatures; only fields about the way are added.
pub(crate) fn fastmail(mail: &mut Mail) -> bool {
    mail.set("X-Delivered-to", "tin.tun1234@fastmail.example".to_owned());
    mail.set("To", "tin.tun1234@fastmail.example".to_owned());
    true
}

/// Forwarded by a rule of another mailbox, which keeps the message as it is.
pub(crate) fn forwarded_by_a_rule(mail: &mut Mail) -> bool {
    mail.set("X-Forwarded-For", "rob@work.example rob@home.example".to_owned());
    mail.set("X-Forwarded-To", "rob@home.example".to_owned());
    mail.set("Resent-From", "rob@work.example".to_owned());
    mail.set("Delivered-To", "rob@work.example".to_owned());
    true
}

pub(crate) fn drop_list_id(mail: &mut Mail) -> bool {
    mail.drop("List-ID")
}
