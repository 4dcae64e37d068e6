//! What the user can do about a fault of an account, where the fault itself does not say it: one line, the same for the service and
//! the commands. For a known provider it names the page. Pure.

use std::io::ErrorKind;

use super::refusals::{Meaning, meaning};
use crate::clock::Timestamp;
use crate::ledger::{LedgerFault, LockFault};
use crate::mailbox::{Cause, Code, Fault, Refusal, Status, Step};
use crate::settings::{Account, Provider, SecretSource};
use crate::sweep::AccountFault;
use crate::trust::{Distrust, DistrustReason};

/// What to do about a fault of `account`. `now` is the time by the machine's clock.
pub fn advice(fault: &AccountFault, account: &Account, now: Timestamp) -> Option<String> {
    let cause = match fault {
        AccountFault::Mailbox(fault) => return of_mailbox(fault, account, now),
        AccountFault::Ledger(LedgerFault::Folder { cause, .. } | LedgerFault::File { cause, .. })
        | AccountFault::Lock(LockFault::Unusable { cause, .. }) => cause,
        AccountFault::Login(fault) => {
            return match fault.distrust() {
                Some(distrust) => Some(of_certificate(distrust, Asked::Provider, account, now)),
                None => restart(account, fault.is_of_client()),
            };
        }
        AccountFault::Ledger(_)
        | AccountFault::Lock(_)
        | AccountFault::Machine(_)
        | AccountFault::Unobserved => return None,
    };
    // followsift's own words say what to do.
    cause.raw_os_error().map(|_| {
        "give the folder to the user who runs followsift, or name another with `state` in the settings"
            .to_owned()
    })
}

fn of_mailbox(fault: &Fault, account: &Account, now: Timestamp) -> Option<String> {
    let provider = account.provider;
    // The settings leave the server to the provider, or name one of its own.
    let known = provider.filter(|provider| provider.has_host(&account.host));
    match (&fault.cause, fault.doing) {
        (Cause::Unresolved(_) | Cause::NoAddress, _) => Some(match (known, provider) {
            (Some(_), _) => "check whether this machine is online".to_owned(),
            (None, Some(provider)) => format!("the server of {} is {}", provider.title, provider.host),
            (None, None) => "check `host`, and whether this machine is online".to_owned(),
        }),
        (Cause::Io(error), Step::Connect) if error.kind() == ErrorKind::ConnectionRefused => {
            Some(match provider {
                Some(provider) if provider.is_bridge() => {
                    format!("no server accepts connections there: start the bridge ({})", provider.title)
                }
                Some(provider) if known.is_some() && account.port == provider.port => {
                    "a firewall may block this port; try another network".to_owned()
                }
                _ => "no server accepts connections there: check `host` and `port`, which is usually 993, or 143 with `tls = \
                      \"starttls\"`"
                    .to_owned(),
            })
        }
        (Cause::Late, Step::Connect) => Some(match known {
            Some(provider) if account.port == provider.port => {
                "a firewall may drop the connection; try another network".to_owned()
            }
            _ => "check `host` and `port`; a firewall may drop the connection".to_owned(),
        }),
        (Cause::Untrusted(distrust), _) => Some(of_certificate(distrust, Asked::MailServer, account, now)),
        (Cause::OtherCertificate(_), _) => Provider::of_host(&account.host).map(|provider| {
            format!(
                "remove `tls-fingerprint`: the certificates of {} are replaced often, and public authorities vouch for them",
                provider.title
            )
        }),
        (Cause::NoStartTls, _) => Some("try `tls = \"implicit\"` and `port = 993`".to_owned()),
        (Cause::NoLogin, _) => provider.filter(|it| it.wants_token()).map(|_| OAUTH2.to_owned()),
        (Cause::Io(_) | Cause::Lost, Step::LogIn) => Some(CUT.to_owned()),
        (Cause::Refused(refusal), Step::LogIn) => Some(of_login(refusal, account)),
        (Cause::Refused(refusal), Step::Connect | Step::Open | Step::Ask | Step::List | Step::Search | Step::Fetch) => {
            let meaning = match meaning(&refusal.words, provider) {
                None if refusal.code == Some(Code::OverQuota) => Some(Meaning::Throttled),
                meaning => meaning,
            };
            let of_greeting = || (fault.doing == Step::Connect).then(|| GREETING.to_owned());
            meaning.map(|meaning| of_meaning(meaning, account)).or_else(of_greeting)
        }
        _ => None,
    }
}

/// Whose certificate it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    MailServer,
    /// An endpoint of OAuth2.
    Provider,
}

/// What to do about a certificate that is not trusted. `check --connect` also prints the line that pins it, where that helps.
fn of_certificate(distrust: &Distrust, asked: Asked, account: &Account, now: Timestamp) -> String {
    let public = match asked {
        Asked::MailServer => Provider::of_host(&account.host),
        Asked::Provider => account.provider.filter(|provider| provider.has_endpoint_at(&distrust.host)),
    };
    match (&distrust.why, public, &account.ca_file) {
        (
            DistrustReason::OtherName | DistrustReason::UnknownIssuer | DistrustReason::SelfSigned,
            Some(provider),
            _,
        ) => {
            return format!(
                "the server of {} has a certificate of a public authority, so a firewall, a virus scanner or someone else is intercepting the \
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
    match (&distrust.why, asked) {
        (DistrustReason::OtherName, Asked::Provider) => {
            "if it is your provider's, write its address in `oauth2` with a name that the certificate is for; if not, someone may be \
             intercepting the connection"
        }
        (DistrustReason::SelfSigned, Asked::Provider) => {
            "if it is your own server, name its certificate in `ca-file`; otherwise someone may be intercepting the connection"
        }
        (DistrustReason::OtherName, Asked::MailServer) => {
            "if it is your provider's, set `host` to a name that the certificate is for; if not, someone may be intercepting the \
             connection"
        }
        (DistrustReason::UnknownIssuer, _) => {
            "if the issuer is your own authority, name its certificate in `ca-file`; if it is a public one, let the server send its \
             intermediate certificates as well; otherwise someone may be intercepting the connection"
        }
        (DistrustReason::SelfSigned, Asked::MailServer) => {
            "if it is your own server or bridge, `followsift check --connect` prints the line that trusts this certificate; \
             otherwise someone may be intercepting the connection"
        }
        (DistrustReason::Expired, _) => {
            return format!(
                "the server's operator has to renew it, unless this machine's clock is wrong, which says {}",
                now.rfc3339()
            );
        }
        (DistrustReason::NotValidYet, _) => return format!("check this machine's clock, which says {}", now.rfc3339()),
        (DistrustReason::Other(_), _) => "the server's operator has to replace it, or someone may be intercepting the connection",
    }
    .to_owned()
}

/// What to do about a login that the server refused.
fn of_login(refusal: &Refusal, account: &Account) -> String {
    match (meaning(&refusal.words, account.provider), of_token(account)) {
        // What these words mean for a password, they do not mean for a token.
        (Some(Meaning::AppPassword | Meaning::ImapOrPassword | Meaning::Oauth2), Some(advice)) => advice,
        (Some(meaning), _) => of_meaning(meaning, account),
        (None, token) => {
            of_code(refusal, account).unwrap_or_else(|| token.unwrap_or_else(|| of_password(account)))
        }
    }
}

/// What the code and the status of a refused login say to do; `None` if the password, or the token, may be wrong.
fn of_code(refusal: &Refusal, account: &Account) -> Option<String> {
    let words = match (refusal.code, refusal.status) {
        (Some(Code::Limit), _) => return Some(of_meaning(Meaning::TooMany, account)),
        (Some(Code::OverQuota), _) => return Some(of_meaning(Meaning::Throttled, account)),
        (Some(Code::Alert), Status::No | Status::Bad) => return Some(of_meaning(Meaning::Blocked, account)),
        (Some(Code::Unavailable | Code::InUse | Code::ServerBug), _) => {
            "the server cannot check logins for now; followsift tries again by itself"
        }
        (Some(Code::ContactAdmin), _) => {
            "ask the administrator of the account or the server's operator, who has to do something first"
        }
        (Some(Code::AuthorizationFailed | Code::NoPerm), _) => {
            "ask the administrator of the account: the server knows the user, and does not let them in"
        }
        (Some(Code::PrivacyRequired), _) => "set `tls = \"implicit\"` or `tls = \"starttls\"`",
        (Some(Code::Expired), _) => "set a new password on the provider's web site",
        (Some(Code::AuthenticationFailed), _) | (_, Status::No) => return None,
        (_, Status::Bye) => {
            "the server closed the connection in place of an answer; it may be busy, or limit logins: followsift tries again by \
             itself"
        }
        (_, Status::Bad) => {
            return Some(format!(
                "some servers answer like this to a wrong name or password: check `user` and {}; if they are right, check that \
                 `host` and `port` are those of an IMAP server",
                source(account)
            ));
        }
    };
    Some(words.to_owned())
}

/// What to do about a password that may be wrong.
fn of_password(account: &Account) -> String {
    let source = source(account);
    match account.provider {
        Some(provider) if provider.wants_token() => OAUTH2.to_owned(),
        Some(provider) if provider.is_bridge() => format!(
            "check `user` and {source}: both have to be those that the bridge shows, not those of the account ({})",
            provider.title
        ),
        Some(provider) if provider.wants_app_password() => {
            let name = provider.app_password();
            format!(
                "check `user` and {source}: it has to be an {name}{}, not the account's own password; if it is one, make another: \
                 it may have ended with a change of the account's own password",
                page(provider.app_password_page.as_deref())
            )
        }
        Some(provider) if provider.imap_page.is_some() => of_meaning(Meaning::ImapOrPassword, account),
        _ => format!("check `user` and {source}"),
    }
}

/// A page in brackets.
fn page(page: Option<&str>) -> String {
    page.map_or_else(String::new, |page| format!(" ({page})"))
}

/// What to do about a token that the server refused though it is new.
fn of_token(account: &Account) -> Option<String> {
    let page = page(account.provider.and_then(|provider| provider.imap_page.as_deref()));
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

const CUT: &str = "the server ended the connection in place of an answer: it may be out of order or limit logins; followsift tries again by \
                   itself; if it stays so, ask its operator";

const GREETING: &str = "the server accepts no connection from this machine for now; followsift tries again by itself; if it stays so, \
                        ask its operator";

fn of_meaning(meaning: Meaning, account: &Account) -> String {
    let imap = page(account.provider.and_then(|provider| provider.imap_page.as_deref()));
    let source = source(account);
    match meaning {
        Meaning::AppPassword => {
            let name = account.provider.map_or("app password", Provider::app_password);
            let page = page(account.provider.and_then(|provider| provider.app_password_page.as_deref()));
            format!("make an {name}{page}, which replaces the account's own password here; then check `user` and {source}")
        }
        Meaning::ImapOff => format!("switch IMAP on in the provider's settings{imap}, or ask the administrator of the account"),
        Meaning::ImapOrPassword => {
            format!("check that IMAP is on in the provider's settings{imap}, `user`, and {source}")
        }
        Meaning::TooMany => "close other mail programs of this account; followsift connects again by itself".to_owned(),
        Meaning::Throttled => {
            "the server limits for a while how often an account logs in or reads; followsift waits and tries again by itself".to_owned()
        }
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

/// A credential cannot change while the service runs: the password, or for a fault of the client its secret.
fn restart(account: &Account, is_of_client: bool) -> Option<String> {
    let source = match &account.secret {
        SecretSource::OAuth2(oauth2) if is_of_client => oauth2.client_secret.as_deref()?,
        source => source,
    };
    matches!(source, SecretSource::Credential(_)).then(|| {
        "systemd reads a credential only when it starts the service: restart the service after a change"
            .to_owned()
    })
}
