//! Reads every key of the settings and checks its value. There is no other list of the keys.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::delivery::delivery;
use super::digest::{self, Zone};
use super::environment::Environment;
use super::hooks::hooks;
use super::instances::instances;
use super::layers::Layers;
use super::lookup::lookup;
use super::metrics::metrics;
use super::oauth2::oauth2;
use super::paths::Paths;
use super::relays::relays;
use super::secret_source::{command, secret_of};
use super::section::{Section, Setting};
use super::server::{is_loopback, server};
use super::{Account, Backlog, Fingerprint, Lookup, NotAShard, Provider, SecretSource, Settings, Shard, Tls};
use crate::diagnostic::document::list;
use crate::host::{AuthservId, AuthservIds};
use crate::place::{AccountName, Folder};

/// How long the ledger remembers what was not moved: by default, and at least. Years are of 365.25 days.
const REMEMBER: Duration = Duration::from_secs(2 * 31_557_600);
const SHORTEST_MEMORY: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// How long an account waits between two sweeps, by default.
const POLL: Duration = Duration::from_secs(120);

/// How long to wait in IDLE, by default: less than the time after which most routers drop a silent connection.
const IDLE: Duration = Duration::from_secs(9 * 60);
/// A server may disconnect a client that idles for half an hour (RFC 2177).
const LONGEST_IDLE: Duration = Duration::from_secs(29 * 60);

/// How many messages may be moved in an hour, and in the first hour after the rules changed, by default.
const MOVES_PER_HOUR: u16 = 500;
const MOVES_AFTER_CHANGE: u16 = 50;

/// Public servers begin to reject clients that poll more often than this.
const POLITE_POLL: Duration = Duration::from_secs(30);

/// Reads all the layers. `None` if a value without a default is missing or wrong; every other mistake is only reported.
pub(super) fn settings(layers: &Layers<'_>, base: &Path, environment: &Environment) -> Option<Settings> {
    let paths = Paths { base, home: environment.home() };
    let mut top = Section::top(layers);
    let rules = file_or_beside(&mut top, "rules", "rules.toml", &paths, ("file", Path::is_file));
    let networks = file_or_beside(&mut top, "networks", "networks", &paths, ("folder", Path::is_dir));
    let state = match top.take("state") {
        Some(entry) => paths.read(&entry),
        None => {
            let state = environment.state();
            if state.is_none() {
                top.blame("there is no folder for the ledger", "add `state = \"/path/to/a/folder\"`");
            }
            state
        }
    };
    let shard = top.take("shard").and_then(|entry| shard(&entry));
    let remember = top.take("remember").map_or(Some(REMEMBER), |entry| remember(&entry));
    let lookup = top.take("lookup").map_or(Some(Lookup::default()), |entry| lookup(entry.section()?, &paths));
    let lookup = lookup.unwrap_or_default();
    let zone = top.take("time-zone").map_or(Some(Zone::default()), |entry| digest::zone(&entry));
    let zone = zone.unwrap_or_default();
    let programs = top.take("hooks").and_then(|entry| entry.section());
    let hooks = programs.map(|section| hooks(section, &paths, environment.for_hooks())).unwrap_or_default();
    let metrics =
        top.take("metrics").and_then(|entry| entry.section()).and_then(|section| metrics(section, &paths));
    let delivery_memory =
        top.take("delivery").and_then(|entry| entry.section()).and_then(|section| delivery(section, &paths));
    let accounts = top.take("accounts").and_then(|entry| entry.section()).map(|mut section| {
        let entries = section.take_rest();
        let read = entries.iter().filter_map(|entry| Some((entry, account(entry, &paths, &lookup, &zone)?)));
        let accounts: Vec<_> = read.collect();
        refuse_shared_mailboxes(&accounts);
        accounts.into_iter().map(|(_, account)| account).collect::<Vec<_>>()
    });
    top.finish();
    let is_here = |account: &Account| shard.is_none_or(|shard| shard.has(&account.name));
    let (accounts, others): (_, Vec<_>) = accounts.unwrap_or_default().into_iter().partition(is_here);
    Some(Settings {
        rules,
        networks,
        shard,
        state: match shard {
            Some(shard) => state?.join(shard.folder()),
            None => state?,
        },
        shared: environment.shared(),
        credentials: environment.credentials(),
        programs: environment.programs(),
        proxy: environment.proxy(),
        remember: remember.unwrap_or(REMEMBER),
        lookup,
        zone,
        hooks,
        metrics,
        delivery_memory,
        accounts,
        elsewhere: others.into_iter().map(|account| account.name).collect(),
    })
}

fn shard(entry: &Setting<'_>) -> Option<Shard> {
    let shard: Result<Shard, NotAShard> = entry.string()?.parse();
    shard.map_err(|fault| entry.error("not a shard", fault.to_string())).ok()
}

/// Reports two accounts for one mailbox. Only one could lock the mailbox, and each would take the other's moves for the
/// user's own.
fn refuse_shared_mailboxes(accounts: &[(&Setting<'_>, Account)]) {
    for (at, (entry, account)) in accounts.iter().enumerate() {
        let mailbox = account.mailbox();
        let earlier = accounts.iter().take(at).find(|(_, earlier)| earlier.mailbox() == mailbox);
        if let Some((_, earlier)) = earlier {
            let message = format!(
                "accounts `{}` and `{}` use the same mailbox: same host, port and user",
                earlier.name, account.name
            );
            entry.key_error(message, "keep one of them; `folders` can name several folders");
        }
    }
}

/// The file or folder that `key` names, which must exist; without the key, the one with the usual name next to the settings
/// file, if it exists.
fn file_or_beside(
    top: &mut Section<'_>,
    key: &'static str,
    usual: &str,
    paths: &Paths<'_>,
    (kind, is_there): (&str, fn(&Path) -> bool),
) -> Option<PathBuf> {
    let Some(entry) = top.take(key) else {
        let path = paths.base.join(usual);
        if is_there(&path) {
            return Some(path);
        }
        // The user meant this one, so the built-in ones must not take its place in silence.
        if path.symlink_metadata().is_ok() {
            let what = if path.exists() { format!("not a {kind}") } else { "a dangling symlink".to_owned() };
            top.blame(&format!("{} is {what}", path.display()), &format!("fix it, or set `{key} = ...`"));
        }
        return None;
    };
    let path = paths.read(&entry)?;
    if !is_there(&path) {
        let what = if path.exists() { format!("is not a {kind}") } else { "does not exist".to_owned() };
        entry.error(format!("{} {what}", path.display()), "");
    }
    Some(path)
}

fn account(entry: &Setting<'_>, paths: &Paths<'_>, lookup: &Lookup, zone: &Zone) -> Option<Account> {
    let name = AccountName::new(entry.key());
    if name.is_none() {
        let label = "use lower-case letters, digits, `-` and `_`";
        entry.key_error(format!("invalid account name `{}`", entry.key()), label);
    }
    let mut section = entry.section()?;
    let server = server(&mut section);
    let (provider, tls) = (server.provider, server.tls);
    let ca_file = section.take("ca-file").and_then(|entry| {
        let path = paths.read(&entry)?;
        if !path.is_file() {
            entry.error(format!("there is no file {}", path.display()), "");
        }
        Some(path)
    });
    let pin_entry = section.take("tls-fingerprint");
    let pin = pin_entry.as_ref().map_or(Some(None), |entry| fingerprint(entry).map(Some));
    if let Some(entry) = &pin_entry {
        if tls == Some(Tls::Off) {
            entry.key_error(
                "without TLS there is no certificate to check",
                "remove it, or remove `tls = \"off\"`",
            );
        } else if ca_file.is_some() {
            entry.key_error(
                "`ca-file` and `tls-fingerprint` both say which certificate to trust",
                "keep only one of them",
            );
        }
    }
    let at = server.host.as_deref().and_then(Provider::of_host);
    let secret = secret(&mut section, provider, at, paths);
    let folders = section.take("folders").map_or_else(|| vec![Folder::inbox()], |entry| folders(&entry));
    let authserv_id = match section.take("authserv-id") {
        Some(entry) => authserv_ids(&entry),
        // Of a provider's own server alone: another one does not remove the field from what comes in under that name.
        None => provider
            .filter(|provider| server.host.as_deref().is_some_and(|host| provider.has_host(host)))
            .map(Provider::authserv_ids)
            .unwrap_or_default(),
    };
    let instances = section.take("instances").map(|entry| instances(&entry)).unwrap_or_default();
    let relays = section.take("relays").map(|entry| relays(&entry)).unwrap_or_default();
    let require_authentic = section.take("require-authentic").and_then(|entry| entry.boolean());
    let act = section.take("act").and_then(|entry| entry.boolean());
    let backlog = section.take("backlog").map_or(Some(Backlog::None), |entry| backlog(&entry));
    let limit = |entry: Option<Setting<'_>>, usual| entry.map_or(Some(usual), |it| it.whole(1, u16::MAX));
    let moves_per_hour = limit(section.take("moves-per-hour"), MOVES_PER_HOUR);
    let moves_after_change = limit(section.take("moves-after-change"), MOVES_AFTER_CHANGE);
    let poll =
        section.take("poll").map_or(Some(POLL), |entry| wait(&entry, Duration::MAX, server.host.as_deref()));
    let idle =
        section.take("idle").map_or(Some(IDLE), |entry| wait(&entry, LONGEST_IDLE, server.host.as_deref()));
    let digest = section.take("digest").map_or(Some(None), |entry| {
        if act == Some(false) {
            entry.warning("with `act = false` no digest is sent", "`followsift digest` prints it");
        }
        digest::schedule(&entry, zone).map(Some)
    });
    section.finish();
    Some(Account {
        name: name?,
        provider: provider.or_else(|| Provider::of_host(server.host.as_deref()?)),
        host: server.host?,
        port: server.port?,
        tls: tls?,
        ca_file,
        pin: pin?,
        user: server.user?,
        secret: secret?,
        folders,
        authserv_id,
        instances,
        relays,
        lookup: lookup.clone(),
        require_authentic: require_authentic.unwrap_or(false),
        act: act.unwrap_or(true),
        backlog: backlog?,
        poll: poll?,
        moves_per_hour: moves_per_hour?,
        moves_after_change: moves_after_change?,
        idle: idle?,
        digest: digest?,
    })
}

/// Where the password or the access token is: exactly one of these keys. A password in the settings is refused, since settings
/// are copied, shown and backed up. `at` is the provider whose server it is.
fn secret(
    section: &mut Section<'_>,
    provider: Option<&Provider>,
    at: Option<&Provider>,
    paths: &Paths<'_>,
) -> Option<SecretSource> {
    const KEYS: [&str; 5] =
        ["password-file", "password-command", "password-credential", "token-command", "oauth2"];
    let literal = section.take_forbidden("password");
    let given: Vec<_> = KEYS.into_iter().filter_map(|key| section.take(key)).collect();
    if let Some(literal) = &literal {
        let label = "put it into a file that only you can read (chmod 600) and name the file: \
                     `password-file = \"/path/to/file\"`";
        literal.key_error("a password does not belong in the settings", label);
    }
    match given.as_slice() {
        [] if literal.is_none() => {
            match at.filter(|at| at.wants_token()) {
                Some(at) => section.blame(
                    "no key says how to log in",
                    &format!(
                        "the server of {} accepts only OAuth2: add `oauth2` (`followsift help oauth2`)",
                        at.title
                    ),
                ),
                None => {
                    section
                        .blame("no key says where the password is", &format!("add one of {}", list(&KEYS)));
                }
            }
            None
        }
        [] => None,
        [entry] => match entry.key() {
            "token-command" => command(entry, paths).map(SecretSource::TokenCommand),
            "oauth2" => oauth2(entry, provider, paths).map(SecretSource::OAuth2),
            _ => {
                if let Some(at) = at.filter(|at| at.wants_token()) {
                    let message = format!("the server of {} accepts no passwords, only OAuth2", at.title);
                    entry.warning(message, "write `oauth2` in its place (`followsift help oauth2`)");
                }
                secret_of(entry, paths)
            }
        },
        [first, others @ ..] => {
            for other in others {
                let message = format!("`{}` and `{}` both say how to log in", first.key(), other.key());
                other.key_error(message, "keep only one of them");
            }
            None
        }
    }
}

/// The names that the account's server has in Authentication-Results; an empty one is a server without a name.
fn authserv_ids(entry: &Setting<'_>) -> AuthservIds {
    let items = entry.items().unwrap_or_default();
    if entry.is_list() && items.is_empty() {
        entry.error(
            "`authserv-id` is empty",
            "remove it to trust no server, or write \"\" for one without a name",
        );
    }
    let id = |item: &Setting<'_>| {
        let text = item.text()?;
        AuthservId::parse(&text)
            .map_err(|wrong| {
                let (message, label) = wrong.in_words(&text);
                item.error(message, label);
            })
            .ok()
    };
    items.iter().filter_map(id).collect()
}

/// The folders to watch. The inbox becomes `INBOX`, or the ledger would take `Inbox` for another folder.
fn folders(entry: &Setting<'_>) -> Vec<Folder> {
    let items = entry.items().unwrap_or_default();
    if entry.is_list() && items.is_empty() {
        entry.error("`folders` is empty", "remove it to watch the inbox");
    }
    let mut unique: Vec<Folder> = Vec::new();
    for item in items {
        let Some(name) = item.string() else { continue };
        match Folder::new(&name).map(|folder| if folder.is_inbox() { Folder::inbox() } else { folder }) {
            None => {
                let label = "write `/` between levels: \"Social/Mastodon\"";
                item.error(format!("invalid folder name {name:?}"), label);
            }
            Some(folder) if unique.contains(&folder) => item.error(format!("`{folder}` is listed twice"), ""),
            Some(folder) => unique.push(folder),
        }
    }
    unique
}

fn backlog(entry: &Setting<'_>) -> Option<Backlog> {
    match entry.string()?.as_str() {
        "none" => Some(Backlog::None),
        "all" => Some(Backlog::All),
        time => match humantime::parse_duration(time) {
            Ok(time) => Some(Backlog::Since(time)),
            Err(_) => {
                entry.error(
                    format!("invalid duration `{time}`"),
                    "expected \"none\", \"all\", or a duration such as \"30d\"",
                );
                None
            }
        },
    }
}

/// How long the ledger remembers.
fn remember(entry: &Setting<'_>) -> Option<Duration> {
    let text = entry.string()?;
    let time = humantime::parse_duration(&text).ok().filter(|time| *time >= SHORTEST_MEMORY);
    if time.is_none() {
        entry.error(
            format!("invalid duration `{text}`"),
            "write it like \"2y\" or \"180d\"; at least \"90d\"",
        );
    }
    time
}

fn fingerprint(entry: &Setting<'_>) -> Option<Fingerprint> {
    let text = entry.string()?;
    let pin = Fingerprint::parse(&text);
    if pin.is_none() {
        let label =
            "expected \"sha256:\" and 64 hexadecimal digits; `followsift check --connect` prints the line";
        entry.error("invalid certificate fingerprint", label);
    }
    pin
}

/// A duration to wait, from a second to `longest`.
fn wait(entry: &Setting<'_>, longest: Duration, host: Option<&str>) -> Option<Duration> {
    let text = entry.string()?;
    let time = humantime::parse_duration(&text).ok().filter(|time| *time >= Duration::from_secs(1));
    let Some(time) = time else {
        entry.error(format!("invalid duration `{text}`"), "write it like \"90s\" or \"2m\"; at least \"1s\"");
        return None;
    };
    if time > longest {
        let longest = humantime::format_duration(longest);
        entry.error(
            format!("duration `{text}` is too long"),
            format!("servers disconnect by then; use \"{longest}\" or less"),
        );
        return None;
    }
    if time < POLITE_POLL && !host.is_some_and(is_loopback) {
        entry.warning("many servers reject clients that poll this often", "use \"30s\" or more");
    }
    Some(time)
}
