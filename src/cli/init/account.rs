//! The first half of `init`: asks for an account, until its login works. Called by `init` alone.

use std::io::{self, IsTerminal as _};

use secrecy::{ExposeSecret as _, SecretString};

use super::new_file::NewFile;
use super::prompt::{self, NoAnswer};
use super::{Quit, Tried, Work};
use crate::cli::output::Output;
use crate::cli::{Ending, login};
use crate::mailbox::Session;
use crate::report;
use crate::report::init::{self as words, Secret, Server, Setup};
use crate::settings::{LoginKind, OAuth2, Provider, SecretSource, Tls};
use crate::sweep::{AccountFault, connect};

impl Work<'_> {
    /// Asks for an account until its login works.
    pub(super) fn account(
        &self,
        output: &mut Output,
    ) -> Result<(Setup, Option<NewFile>, Tried, Session), Quit> {
        let address = self.address(output)?;
        let domain = address.rsplit_once('@').map(|(_, domain)| domain.to_owned()).unwrap_or_default();
        if let (Some(title), None) = (Provider::without_imap(&domain), &self.options.host) {
            output.error(&format!("error: {}", words::no_imap(title)));
            return Err(Quit::Said(Ending::Usage));
        }
        let mut earlier: Option<Setup> = None;
        loop {
            let (mut setup, new) = self.ask(&address, &domain, earlier.as_ref(), output)?;
            loop {
                // The password is in its place before the login, which reads it from there.
                let password = match &new {
                    Some(secret) => Some(self.write_password(&setup, secret, output)?),
                    None => None,
                };
                let tried = self.read(&setup, output)?;
                let fault = match self.log_in(&tried, output) {
                    Ok(session) => {
                        output.line(&report::login::logged_in(&tried.account.host, tried.account.port));
                        return Ok((setup, password, tried, session));
                    }
                    Err(fault) => fault,
                };
                output.account_failure(&tried.account.name, &fault);
                let pin = report::check::pin(&tried.account, &fault);
                if let Some(advice) = report::advice(&fault, &tried.account, crate::clock::now())
                    && pin.as_ref().is_none_or(|pin| !pin.is_whole)
                {
                    output.error(&format!("  {advice}"));
                }
                if !self.prompt.asks() {
                    return Err(Quit::Said(Ending::Later));
                }
                if let Some(pin) = pin.filter(|_| setup.pin.is_none()) {
                    output.line(&pin.lines);
                    if self.prompt.agrees(words::TRUST, false, output)? {
                        setup.pin = Some(pin.fingerprint);
                        continue;
                    }
                }
                if !self.prompt.agrees(words::AGAIN, true, output)? {
                    output.error(words::NOTHING_WRITTEN);
                    return Err(Quit::Said(Ending::Later));
                }
                break;
            }
            earlier = Some(setup);
        }
    }

    fn address(&self, output: &mut Output) -> Result<String, Quit> {
        let mut given = self.options.address.clone();
        loop {
            let address = match given.take() {
                Some(address) => address,
                None => self.prompt.line(words::ADDRESS, None, "your mail address", output)?,
            };
            if words::is_address(&address) {
                return Ok(address);
            }
            output.error(words::NOT_AN_ADDRESS);
            if !self.prompt.asks() {
                return Err(Quit::Said(Ending::Usage));
            }
        }
    }

    /// Server, user and secret; a new password where it is to be kept in a file of its own.
    fn ask(
        &self,
        address: &str,
        domain: &str,
        earlier: Option<&Setup>,
        output: &mut Output,
    ) -> Result<(Setup, Option<SecretString>), Quit> {
        let provider = match &self.options.host {
            Some(host) => Provider::of_host(host),
            None => Provider::of_address(address),
        };
        let server = match provider {
            Some(provider) => Server::Of(provider),
            None => self.server(domain, earlier, output)?,
        };
        if let Some(provider) = provider.filter(|_| earlier.is_none()) {
            for line in words::provider(provider) {
                output.line(&line);
            }
        }
        let usual = earlier.map_or_else(
            || match provider.is_some_and(|provider| provider.user.is_some()) {
                true => address.rsplit_once('@').map_or(address, |(user, _)| user).to_owned(),
                false => address.to_owned(),
            },
            |earlier| earlier.user.clone(),
        );
        let user = match &self.options.user {
            Some(user) => user.clone(),
            None => self.prompt.line(words::USER, Some(&usual), "--user", output)?,
        };
        let (secret, new) = self.secret(provider, output)?;
        let trusted = earlier.filter(|earlier| earlier.server == server).and_then(|earlier| earlier.pin);
        let setup = Setup {
            name: self.options.name.to_string(),
            server,
            user,
            secret,
            pin: self.options.tls_fingerprint.or(trusted),
            authserv_id: None,
            instances: Vec::new(),
            look_ups: Vec::new(),
            act: false,
        };
        Ok((setup, new))
    }

    fn server(&self, domain: &str, earlier: Option<&Setup>, output: &mut Output) -> Result<Server, Quit> {
        let usual = match earlier.map(|earlier| &earlier.server) {
            Some(Server::Host { host, port, .. }) => {
                port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
            }
            _ => format!("imap.{domain}"),
        };
        let named = match &self.options.host {
            Some(host) => host.clone(),
            None => self.prompt.line(words::SERVER, Some(&usual), "--host", output)?,
        };
        let (host, port) = match named.rsplit_once(':').map(|(host, port)| (host, port.parse().ok())) {
            Some((host, Some(port))) => (host.to_owned(), Some(port)),
            _ => (named, None),
        };
        // What the port is for, unless the user says otherwise.
        let tls = match (self.options.starttls, port) {
            (true, _) | (_, Some(143 | 1143)) => Tls::StartTls,
            _ => Tls::Implicit,
        };
        Ok(Server::Host { host, port, tls })
    }

    fn secret(
        &self,
        provider: Option<&'static Provider>,
        output: &mut Output,
    ) -> Result<(Secret, Option<SecretString>), Quit> {
        let options = self.options;
        let wants_token = provider.is_some_and(|provider| provider.login == [LoginKind::OAuth2]);
        if let Some(client) = &options.client_id {
            return Ok((Secret::OAuth2(client.clone()), None));
        }
        if let Some(file) = &options.password_file {
            let file = std::path::absolute(file).map_err(|cause| self.failed(&cause, output))?;
            let Ok(file) = file.into_os_string().into_string() else {
                output.error(&format!("error: {}", words::NOT_UTF_8));
                return Err(Quit::Said(Ending::Usage));
            };
            return Ok((Secret::File(file), None));
        }
        if let Some(command) = &options.password_command {
            return self.command(command, output);
        }
        if wants_token {
            let client = self.prompt.line(words::CLIENT, None, "--client-id", output)?;
            return Ok((Secret::OAuth2(client), None));
        }
        let new = if options.password_stdin && io::stdin().is_terminal() {
            self.prompt.secret(&words::password(provider), output)?
        } else if options.password_stdin {
            prompt::secret_on_standard_input().map_err(|cause| self.failed(&cause, output))?
        } else {
            let needs = "--password-file, --password-command or --password-stdin";
            if !self.prompt.asks() {
                return Err(Quit::Unanswered(NoAnswer::Needs(needs)));
            }
            let command = self.prompt.line(words::PASSWORD_COMMAND, Some(""), needs, output)?;
            if !command.is_empty() {
                return self.command(&command, output);
            }
            self.prompt.secret(&words::password(provider), output)?
        };
        Ok((Secret::File(self.password_file()), Some(new)))
    }

    fn command(&self, line: &str, output: &mut Output) -> Result<(Secret, Option<SecretString>), Quit> {
        match shlex::split(line).filter(|words| !words.is_empty()) {
            Some(words) => Ok((Secret::Command(words), None)),
            None => {
                output.error(&format!("error: {}", words::NOT_A_COMMAND));
                Err(Quit::Said(Ending::Usage))
            }
        }
    }

    /// The name of the file for a new password, beside the settings.
    pub(super) fn password_file(&self) -> String {
        format!("{}.password", self.options.name)
    }

    fn write_password(
        &self,
        setup: &Setup,
        secret: &SecretString,
        output: &mut Output,
    ) -> Result<NewFile, Quit> {
        let Secret::File(name) = &setup.secret else { return Err(Quit::Said(Ending::Fault)) };
        let path = self.beside(name);
        self.pending
            .write(&path, &[secret.expose_secret(), "\n"], true)
            .map_err(|cause| self.not_written(&path, &cause, output))
    }

    fn log_in(&self, tried: &Tried, output: &mut Output) -> Result<Session, AccountFault> {
        let Tried { settings, account, stop } = tried;
        if let SecretSource::OAuth2(oauth2) = &account.secret {
            let oauth2: &OAuth2 = oauth2;
            login::grant(account, oauth2, settings, self.options.paste, output)?;
        }
        connect(account, settings, stop)
    }
}
