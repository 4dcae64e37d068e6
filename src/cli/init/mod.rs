//! `init`: asks for what an account needs, tries the login, shows what the built-in rules would do with the inbox, and writes
//! settings and rules. Changes nothing in the mailbox, and no file that is there already.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use self::new_file::{NewFile, Pending};
use self::prompt::{NoAnswer, Prompt};
use super::arguments::init::Init;
use super::output::{Output, shown};
use super::{Ending, context, help, proof};
use crate::diagnostic::Diagnostic;
use crate::host::Instance;
use crate::login::forbid_dumps;
use crate::mail::{Notification, Recognition};
use crate::mailbox::{Session, Stop};
use crate::place::Folder;
use crate::report;
use crate::report::init::{self as words, Setup};
use crate::report::totals::Totals;
use crate::rulebook::RuleFiles;
use crate::settings::{self, Account, Environment, Settings, Site};
use crate::sweep::{AccountFault, News, Scope, Sweeper, connect};

mod account;
mod new_file;
mod prompt;

/// How far back the inbox is looked through.
const SPAN: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// So many sessions at most are begun to find a message over which the connection ends.
const SESSIONS: usize = 20;
/// What ships as the user's rules.
const RULES: &str = include_str!("../../../config/rules.toml");

/// Why `init` ends early.
enum Quit {
    /// A question has no answer.
    Unanswered(NoAnswer),
    /// Said already.
    Said(Ending),
}

impl From<NoAnswer> for Quit {
    fn from(no: NoAnswer) -> Self {
        Self::Unanswered(no)
    }
}

/// The account as it was last tried.
struct Tried {
    settings: Settings,
    account: Account,
    stop: Stop,
}

pub(super) fn init(path: Option<&Path>, options: &Init, output: &mut Output) -> Ending {
    let environment = Environment::of_process();
    let Some(file) = path.map(Path::to_owned).or_else(|| settings::own_file(&environment)) else {
        output.error(&format!("error: {}", words::NO_FOLDER));
        return Ending::Settings;
    };
    if file.symlink_metadata().is_ok() {
        output.error(&format!("error: {}", words::already(&file)));
        return Ending::Usage;
    }
    let pending = Pending::default();
    let prompt = Prompt::new(options.yes, &pending);
    let mut work = Work { file, environment, options, prompt, pending };
    match work.all(path, output) {
        Ok(()) => Ending::Well,
        Err(Quit::Said(ending)) => ending,
        Err(Quit::Unanswered(NoAnswer::Needs(option))) => {
            output.error(&format!("error: {}", words::needs(option)));
            Ending::Usage
        }
        Err(Quit::Unanswered(NoAnswer::Ended)) => {
            output.error(words::NOTHING_WRITTEN);
            Ending::Usage
        }
    }
}

struct Work<'a> {
    /// The settings file to be.
    file: PathBuf,
    environment: Environment,
    options: &'a Init,
    prompt: Prompt,
    pending: Pending,
}

impl Work<'_> {
    fn all(&mut self, path: Option<&Path>, output: &mut Output) -> Result<(), Quit> {
        forbid_dumps().map_err(|cause| self.failed(&cause, output))?;
        self.clear_way(output)?;
        self.pending.end_at_signals().map_err(|cause| self.failed(&cause, output))?;
        let (mut setup, password, tried, session) = self.account(output)?;
        let files = self.rule_files(&tried.settings, output)?;
        let session = self.learn(&mut setup, &tried, session, &files, output)?;

        let tried = self.read(&setup, output)?;
        let lacking = self.dry_run(&tried, session, &files, output)?;
        if let Some((sites, count)) = lacking {
            let question = words::look_up(count, &setup.instances);
            if self.options.look_up || self.prompt.agrees(&question, false, output)? {
                setup.look_ups = sites;
            }
        }
        setup.act = match (self.options.act, self.options.observe) {
            (true, _) => true,
            (_, true) => false,
            _ => !self.prompt.agrees(words::OBSERVE, true, output)?,
        };
        self.write(path, &setup, password, output)
    }

    /// What would keep the files from being written is said before the first question.
    fn clear_way(&self, output: &mut Output) -> Result<(), Quit> {
        let folder = self.file.parent().unwrap_or(Path::new(""));
        new_file::can_be_written(folder).map_err(|cause| self.not_written(folder, &cause, output))?;
        let options = self.options;
        let password = self.beside(&self.password_file());
        let is_elsewhere = options.password_file.is_some() || options.password_command.is_some();
        if !is_elsewhere && options.client_id.is_none() && password.symlink_metadata().is_ok() {
            output.error(&format!("error: {}", words::in_the_way(&password)));
            return Err(Quit::Said(Ending::Usage));
        }
        Ok(())
    }

    /// The settings that these answers are.
    fn read(&self, setup: &Setup, output: &mut Output) -> Result<Tried, Quit> {
        let (settings, findings) = settings::of_text(&self.file, setup.settings(), &self.environment);
        let named = settings.and_then(|settings| {
            let account =
                settings.accounts.iter().find(|account| account.name.as_str() == setup.name)?.clone();
            Some((settings, account))
        });
        let Some((settings, account)) = named else {
            output.findings(&findings);
            return Err(Quit::Said(Ending::Settings));
        };
        let stop = Stop::new().map_err(|cause| self.failed(&cause, output))?;
        Ok(Tried { settings, account, stop })
    }

    /// The built-in rules, or those that are there already.
    fn rule_files(&self, settings: &Settings, output: &mut Output) -> Result<RuleFiles, Quit> {
        let rules = Some(self.beside("rules.toml")).filter(|file| file.exists());
        let (files, findings) =
            context::rule_files_with(Some(&Settings { rules: None, ..settings.clone() }), rules.as_deref());
        if files.is_none() || findings.iter().any(Diagnostic::is_error) {
            output.findings(&findings);
        }
        files.ok_or(Quit::Said(Ending::Settings))
    }

    /// Asks what the messages show that only the user can confirm.
    fn learn(
        &self,
        setup: &mut Setup,
        tried: &Tried,
        mut session: Session,
        files: &RuleFiles,
        output: &mut Output,
    ) -> Result<Session, Quit> {
        let account = &tried.account;
        let looked = proof::look(account, &Folder::inbox(), files, &mut session);
        let shown = looked.map_err(|fault| account_failed(account, &fault, output))?;
        if !account.authserv_id.is_set()
            && let Some(id) = &shown.authserv_id
            && self.prompt.agrees(&words::authserv_id(id, &account.host), true, output)?
        {
            setup.authserv_id = Some(id.clone());
        }
        let given = self.options.instances.iter().cloned().map(Instance::new);
        setup.instances = given.collect();
        if setup.authserv_id.is_some() || account.authserv_id.is_set() {
            for (own, count) in shown.provable() {
                if !setup.instances.contains(own)
                    && self.prompt.agrees(&words::instance(own, *count), false, output)?
                {
                    setup.instances.push(own.clone());
                }
            }
        }
        Ok(session)
    }

    /// Shows what the rules would do with the inbox. Returns the networks of the user's own servers whose messages show no counts, and
    /// how many such messages there are.
    fn dry_run(
        &self,
        tried: &Tried,
        mut session: Session,
        files: &RuleFiles,
        output: &mut Output,
    ) -> Result<Option<(Vec<Site>, usize)>, Quit> {
        let Tried { settings, account, stop } = tried;
        let mut networks: BTreeMap<String, usize> = BTreeMap::new();
        let (mut totals, mut sites, mut lacking) = (Totals::default(), Vec::new(), 0);
        let mut tell = |news: News| match &news {
            News::Mail(dealt) => {
                totals.count(&dealt.assessment);
                let Recognition::Recognised(found) = &dealt.assessment.recognition else { return };
                *networks.entry(found.title.to_string()).or_default() += 1;
                if let Some(site) = could_be_looked_up(found, account) {
                    lacking += 1;
                    if !sites.contains(&site) {
                        sites.push(site);
                    }
                }
            }
            News::Progress { .. } => output.told(report::sweep::told(&news, true)),
            _ => {}
        };
        let swept = || {
            let mut sweeper = Sweeper::dry_run(account, settings)?;
            for _ in 1..SESSIONS {
                match sweeper.run(session, files, Scope::Since(SPAN), &mut tell) {
                    Err(fault) if sweeper.can_part(&fault) => session = connect(account, settings, stop)?,
                    swept => return swept,
                }
            }
            sweeper.run(session, files, Scope::Since(SPAN), &mut tell)
        };
        let swept = swept();
        output.end_progress();
        let (session, _) = swept.map_err(|fault| account_failed(account, &fault, output))?;
        // All was seen; a server that does not say goodbye changes nothing.
        let _ = session.logout();
        if networks.is_empty() {
            output.text(words::NOTHING_FOUND);
            output.text(&help::where_networks_send());
            return Ok(None);
        }
        output.text(&words::found(&networks, &totals, self.beside("rules.toml").exists()));
        output.line("");
        Ok((lacking > 0).then_some((sites, lacking)))
    }

    /// Writes settings and rules, keeps the password, and says what is next.
    fn write(
        &self,
        path: Option<&Path>,
        setup: &Setup,
        password: Option<NewFile>,
        output: &mut Output,
    ) -> Result<(), Quit> {
        let new = |path: &Path, text: &str, output: &mut Output| {
            self.pending.write(path, &[text], false).map_err(|cause| self.not_written(path, &cause, output))
        };
        let rules = self.beside("rules.toml");
        let rules = if rules.exists() { None } else { Some(new(&rules, RULES, output)?) };
        let settings = new(&self.file, &setup.settings(), output)?;
        let mut written = vec![(shown(settings.path()), "the settings")];
        let what = "the rules: what is spam, and where it goes";
        written.extend(rules.iter().map(|file| (shown(file.path()), what)));
        let what = "the password, which only you can read";
        written.extend(password.iter().map(|file| (shown(file.path()), what)));
        self.pending.keep();
        output.text(&words::written_files(&written));
        let settings = path.map_or_else(String::new, |path| {
            let path = path.display().to_string();
            format!(" --settings {}", shlex::try_quote(&path).map_or(path.clone(), Into::into))
        });
        output.text(&words::next(&settings, setup.act));
        Ok(())
    }

    /// A file beside the settings, or the file of this path.
    fn beside(&self, name: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(name)
    }

    fn failed(&self, cause: &io::Error, output: &mut Output) -> Quit {
        output.failure(cause);
        Quit::Said(Ending::Fault)
    }

    fn not_written(&self, path: &Path, cause: &io::Error, output: &mut Output) -> Quit {
        output.error(&format!("error: could not write {}: {cause}", shown(path)));
        Quit::Said(Ending::Fault)
    }
}

fn account_failed(account: &Account, fault: &AccountFault, output: &mut Output) -> Quit {
    output.end_progress();
    context::account_failed(account, fault, output);
    Quit::Said(Ending::Later)
}

/// The network whose server could be asked about a follower of this message, if the message shows no counts.
fn could_be_looked_up(found: &Notification, account: &Account) -> Option<Site> {
    let site = Site::of_network(found.network.as_str())?;
    let own = found.instance.as_deref()?;
    let is_own = account.instances.iter().any(|it| it.host.as_str() == own);
    let lacks = found.followers.iter().any(|follower| follower.followers.value().is_none());
    (is_own && lacks).then_some(site)
}
