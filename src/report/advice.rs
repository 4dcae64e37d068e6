//! What the user can do about a fault of an account, where the fault itself does not say it: one line, the same for the service and
//! the commands. For a known provider it names the page. Pure.

use std::io::ErrorKind;

use super::refusals::{Meaning, meaning};
use crate::clock::Timestamp;
use crate::ledger::{LedgerFault, LockFault};
use crate::mailbox::{Cause, Code, DistrustReason, Fault, Refusal, Status, Step};
use crate::settings::{Account, LoginKind, Provider, SecretSource};
use crate::sweep::AccountFault;

/// What to do about a fault of `account`. `now` is the time by the machine's clock.
pub fn advice(fault: &AccountFault, account: &Account, now: Timestamp) -> Option<String> {
    let cause = match fault {
        AccountFault::Mailbox(fault) => return of_mailbox(fault, account, now),
        AccountFault::Ledger(LedgerFault::Folder { cause, .. } | LedgerFault::File { cause, .. })
        | AccountFault::Lock(LockFault::Unusable { cause, .. }) => cause,
        AccountFault::Login(_) => return restart(account),
        AccountFault::Ledger(_) | AccountFault::Lock(_) | AccountFault::Machine(_) => return None,
    };
    // followsift's own words say what to do.
    cause.raw_os_error().map(|_| {
        "give the folder to the user who runs followsift, or name another with `state` in the settings"
            .to_owned()
    })
}

fn of_mailbox(fault: &Fault, account: &Account, now: Timestamp) -> Option<String> {
    match (&fault.cause, fault.doing) {
        (Cause::Unresolved(_) | Cause::NoAddress, _) => Some(match account.provider {
            Some(provider) if !provider.has_host(&account.host) => {
                format!("the server of {} is {}", provider.title, provider.host)
            }
            _ => "check `host`, and whether this machine is online".to_owned(),
        }),
        (Cause::Io(error), Step::Connect) if error.kind() == ErrorKind::ConnectionRefused => {
            Some(match account.provider {
                Some(provider) if provider.is_bridge() => format!("no server accepts connections there: start the bridge ({})", provider.title),
                _ => "no server accepts connections there: check `host` and `port`, which is usually 993, or 143 with `tls = \"starttls\"`"
                    .to_owned(),
            })
        }
        (Cause::Late, Step::Connect) => {
            Some("check `host` and `port`; a firewall may drop the connection".to_owned())
        }
        (Cause::Untrusted(distrust), _) => Some(of_certificate(&distrust.why, account, now)),
        (Cause::OtherCertificate(_), _) => Provider::of_host(&account.host).map(|provider| {
            format!(
                "remove `tls-fingerprint`: {} often replaces its certificates, which public authorities vouch for",
                provider.title
            )
        }),
        (Cause::NoStartTls, _) => Some("try `tls = \"implicit\"` and `port = 993`".to_owned()),
        (Cause::NoLogin, _) => account.provider.filter(|it| accepts_no_password(it)).map(|_| OAUTH2.to_owned()),
        (Cause::Refused(refusal), Step::LogIn) => of_login(refusal, account),
        (Cause::Refused(refusal), Step::Connect | Step::Open | Step::Ask) => {
            meaning(&refusal.words, account.provider).map(|meaning| of_meaning(meaning, account))
        }
        _ => None,
    }
}

/// What to do about a certificate that is not trusted. `check --connect` also prints the line that pins it, where that helps.
fn of_certificate(why: &DistrustReason, account: &Account, now: Timestamp) -> String {
    let public = Provider::of_host(&account.host);
    match (why, public, &account.ca_file) {
        (
            DistrustReason::OtherName | DistrustReason::UnknownIssuer | DistrustReason::SelfSigned,
            Some(provider),
            _,
        ) => {
            return format!(
                "{} has a certificate of a public authority, so a firewall, a virus scanner or someone else is intercepting the \
                 connection, unless this machine lacks the public authorities (Debian's package `ca-certificates`)",
                provider.title
            );
        }
        (DistrustReason::UnknownIssuer, None, Some(path)) => {
            return format!(
                "no certificate in {} is that of the issuer: add it there, or let the server send its intermediate certificates \
                 as well; if you do not know the issuer, someone may be intercepting the connection",
                path.display()
            );
        }
        _ => {}
    }
    match why {
        DistrustReason::OtherName => {
            "if it is your provider's, set `host` to a name that the certificate is for; if not, someone may be intercepting the \
             connection"
        }
        DistrustReason::UnknownIssuer => {
            "if the issuer is your own authority, name its certificate in `ca-file`; if it is a public one, let the server send its \
             intermediate certificates as well; otherwise someone may be intercepting the connection"
        }
        DistrustReason::SelfSigned => {
            "if it is your own server or bridge, `followsift check --connect` prints the line that trusts this certificate; \
             otherwise someone may be intercepting the connection"
        }
        DistrustReason::Expired => {
            return format!(
                "the server's operator has to renew it, unless this machine's clock is wrong, which says {}",
                now.rfc3339()
            );
        }
        DistrustReason::NotValidYet => return format!("check this machine's clock, which says {}", now.rfc3339()),
        DistrustReason::Other(_) => "the server's operator has to replace it, or someone may be intercepting the connection",
    }
    .to_owned()
}

/// What to do about a login that the server refused.
fn of_login(refusal: &Refusal, account: &Account) -> Option<String> {
    match (meaning(&refusal.words, account.provider), of_token(account)) {
        // What these words mean for a password, they do not mean for a token.
        (None | Some(Meaning::AppPassword | Meaning::ImapOrPassword | Meaning::Oauth2), Some(advice)) => {
            return Some(advice);
        }
        (Some(meaning), _) => return Some(of_meaning(meaning, account)),
        (None, None) => {}
    }
    let is_about_password = match refusal.code {
        Some(Code::AuthenticationFailed) => true,
        Some(Code::Other) | None => refusal.status == Status::No,
        Some(Code::Limit) => return Some(of_meaning(Meaning::TooMany, account)),
        Some(Code::ContactAdmin | Code::Alert) => return Some(of_meaning(Meaning::Blocked, account)),
        Some(Code::Expired) => return Some("set a new password on the provider's web site".to_owned()),
        Some(_) => false,
    };
    match account.provider {
        _ if !is_about_password => None,
        Some(provider) if accepts_no_password(provider) => Some(OAUTH2.to_owned()),
        Some(provider) if provider.wants_app_password() => Some(of_meaning(Meaning::AppPassword, account)),
        Some(provider) if provider.imap_page.is_some() => Some(of_meaning(Meaning::ImapOrPassword, account)),
        _ => Some(format!("check `user` and {}", source(account))),
    }
}

/// What to do about a token that the server refused though it is new.
fn of_token(account: &Account) -> Option<String> {
    let page = account.provider.and_then(|provider| provider.imap_page.as_deref());
    let page = page.map_or_else(String::new, |page| format!(" ({page})"));
    match &account.secret {
        SecretSource::OAuth2(_) => Some(format!(
            "check that IMAP is on in the provider's settings{page}; then run `followsift login {}` and sign in as {}",
            account.name, account.user
        )),
        SecretSource::TokenCommand(_) => Some(format!("check `user`, and {}", source(account))),
        SecretSource::File(_) | SecretSource::Command(_) | SecretSource::Credential(_) => None,
    }
}

const OAUTH2: &str =
    "this provider accepts no passwords, only OAuth2: `followsift help oauth2` says what to do";

fn accepts_no_password(provider: &Provider) -> bool {
    provider.login == [LoginKind::OAuth2]
}

fn of_meaning(meaning: Meaning, account: &Account) -> String {
    let page = |page: fn(&Provider) -> &Option<String>| {
        let page = account.provider.and_then(|provider| page(provider).as_deref());
        page.map_or_else(String::new, |page| format!(" ({page})"))
    };
    let imap = page(|provider| &provider.imap_page);
    let source = source(account);
    match meaning {
        Meaning::AppPassword => {
            let page = page(|provider| &provider.app_password_page);
            format!("make an app password{page}, which replaces the account's own here; then check `user` and {source}")
        }
        Meaning::ImapOff => format!("switch IMAP on in the provider's settings{imap}, or ask the administrator of the account"),
        Meaning::ImapOrPassword => {
            format!("check that IMAP is on in the provider's settings{imap}, `user`, and {source}")
        }
        Meaning::TooMany => "close other mail programs of this account; followsift connects again by itself".to_owned(),
        Meaning::Blocked => {
            "log in on the provider's web site, and confirm there what it asks; followsift tries again within an hour".to_owned()
        }
        Meaning::Oauth2 => OAUTH2.to_owned(),
        Meaning::NoId => {
            "the provider rejects programs that it does not know, although followsift sends its name: log in on its web site, and \
             allow it there"
                .to_owned()
        }
    }
}

/// Where the password is, for a sentence that says to check it.
fn source(account: &Account) -> String {
    match &account.secret {
        SecretSource::File(path) => format!("the password in {}", path.display()),
        SecretSource::OAuth2(_) => format!("run `followsift login {}`", account.name),
        SecretSource::Command(words) | SecretSource::TokenCommand(words) => {
            format!("what {} prints", words.first().map_or("the program", String::as_str))
        }
        SecretSource::Credential(name) => {
            format!(
                "the credential `{name}`; systemd reads it only when it starts the service: restart the service after a change"
            )
        }
    }
}

/// A credential cannot change while the service runs.
fn restart(account: &Account) -> Option<String> {
    matches!(account.secret, SecretSource::Credential(_)).then(|| {
        "systemd reads a credential only when it starts the service: restart the service after a change"
            .to_owned()
    })
}
