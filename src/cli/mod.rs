//! The commands: one file each. This one hands the command line over, and turns the result into an exit code.

use std::ffi::OsString;

use clap::{CommandFactory as _, Parser as _};

mod arguments;
mod backtest;
mod check;
mod completions;
mod context;
mod digest;
mod drift;
mod explain;
mod export;
mod facts;
mod filter;
mod forget;
mod help;
mod history;
mod import;
mod init;
mod judge;
mod judged_by;
mod known;
mod login;
mod lookup;
mod message_file;
mod milter;
mod networks;
mod output;
mod pause;
mod private_file;
mod proof;
mod providers;
mod rebalance;
mod report;
mod restore;
mod resume;
mod run;
mod sample;
mod schema;
mod selection;
mod service;
mod status;
mod suggest;
mod sweep;
mod template;
mod version;

use arguments::delivery::{Filter, JudgedBy, Milter};
use arguments::people::{Known, KnownCommand, Person};
use arguments::{
    Arguments, Backtest, Check, Command, Completions, Digest, Explain, Export, Help, History, Import, Judge,
    Login, Lookup, Networks, Providers, Rebalance, Report, Restore, Resume, Run, Sample, Schema, Settings,
    Status, Sweep,
};
use output::Output;

/// How a command ended, as an exit code (sysexits.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All is well: 0.
    Well,
    /// The verdict of `filter --exit-code` is `real`: 10.
    Real,
    /// It is `spam`: 11.
    Spam,
    /// It is another verdict of the rules: 12.
    OtherVerdict,
    /// The command line is wrong: 64.
    Usage,
    /// A file that was named could not be read: 65.
    Data,
    /// The service is not running: 69.
    NotRunning,
    /// An account could not be dealt with, and it may go better later: 75.
    Later,
    /// Our own fault, or the machine's: 70.
    Fault,
    /// Settings, rules or profiles are wrong: 78.
    Settings,
}

impl Ending {
    /// The number that the process exits with.
    pub fn code(self) -> u8 {
        match self {
            Self::Well => 0,
            // Those of `filter --exit-code` are none of sysexits.h, which mail programs read: 75 is a temporary failure.
            Self::Real => 10,
            Self::Spam => 11,
            Self::OtherVerdict => 12,
            Self::Usage => 64,
            Self::Data => 65,
            Self::NotRunning => 69,
            Self::Fault => 70,
            Self::Later => 75,
            Self::Settings => 78,
        }
    }
}

/// The definition of the command line, from which manual pages and completions are made.
pub fn definition() -> clap::Command {
    let mut definition = Arguments::command();
    definition.build();
    definition
}

/// Reads the command line and does what it says.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> Ending {
    let mut output = Output::standard();
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let arguments = match Arguments::try_parse_from(&arguments) {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => {
            output.error(error.render().to_string().trim_end());
            // A delivery agent must not lose a message over its own mistake.
            return if filter::is_named(&arguments) {
                filter::pass_through(&mut output)
            } else {
                Ending::Usage
            };
        }
        Err(help) => {
            output.text(&help.render().to_string());
            return Ending::Well;
        }
    };
    let settings = arguments.settings.as_deref();
    let ending = match &arguments.command {
        Command::Init(options) => init::init(settings, options, &mut output),
        Command::Run(options) => run::run(settings, options, &mut output),
        Command::Sweep(options) => sweep::sweep(settings, options, &mut output),
        Command::Resume(options) => resume::resume(settings, options, &mut output),
        Command::Pause(options) => {
            pause::pause(settings, Some(options.time), options.account.as_deref(), &mut output)
        }
        Command::Unpause(options) => pause::pause(settings, None, options.account.as_deref(), &mut output),
        Command::Known(Known { command: Some(KnownCommand::Help(options)) }) => {
            help::help("known", options, &mut output)
        }
        Command::Known(options) => known::known(settings, options, &mut output),
        Command::Forget(person) => forget::forget(settings, person, &mut output),
        Command::Export(options) => export::export(settings, options, &mut output),
        Command::Import(options) => import::import(settings, options, &mut output),
        Command::Rebalance(options) => rebalance::rebalance(settings, options, &mut output),
        Command::History(options) => history::history(settings, options, &mut output),
        Command::Report(options) => report::report(settings, options, &mut output),
        Command::Digest(options) => digest::digest(settings, options, &mut output),
        Command::Suggest => suggest::suggest(settings, &mut output),
        Command::Status(options) => status::status(settings, options, &mut output),
        Command::Restore(options) => restore::restore(settings, options, &mut output),
        Command::Login(options) => login::login(settings, options, &mut output),
        Command::Check(options) => check::check(settings, options, &mut output),
        Command::Explain(options) => explain::explain(settings, options, &mut output),
        Command::Filter(options) => filter::filter(settings, options, &mut output),
        Command::Milter(options) => milter::milter(settings, options, &mut output),
        Command::Sample(options) => sample::sample(settings, options, &mut output),
        Command::Backtest(options) => backtest::backtest(settings, options, &mut output),
        Command::Facts => facts::facts(settings, &mut output),
        Command::Lookup(options) => lookup::lookup(settings, options, &mut output),
        Command::Networks(options) => networks::networks(settings, options, &mut output),
        Command::Providers(options) => providers::providers(options, &mut output),
        Command::Judge(options) => judge::judge(settings, options, &mut output),
        Command::Schema(options) => schema::schema(settings, options, &mut output),
        Command::Settings(options) => template::template(options, &mut output),
        Command::Completions(options) => completions::completions(options, &mut output),
        Command::Help(options) => help::help("", options, &mut output),
    };
    // A schema cut short by a full disk is none.
    if ending == Ending::Well && output.has_failed() { Ending::Fault } else { ending }
}
