//! `milter`: the service that Postfix and Sendmail ask about each message.

use std::fs;
use std::path::Path;
use std::sync::mpsc::{self, SyncSender};
use std::thread;

use super::judged_by::NoStore;
use super::output::Output;
use super::{Ending, Milter as Options, context, judged_by};
use crate::delivery::milter::{Judges, Milter};
use crate::diagnostic::Diagnostic;
use crate::report::Chain;

/// How many lines may wait to be printed. What does not fit is dropped, since no message may wait for a log.
const LINES: usize = 1_000;
/// How many connections to the memory of deliveries are open at most.
const CONNECTIONS: usize = 8;

pub(super) fn milter(settings: Option<&Path>, options: &Options, output: &mut Output) -> Ending {
    // A panic's own words could name what is in a message.
    std::panic::set_hook(Box::new(|_| {}));
    let (told, lines) = mpsc::sync_channel::<String>(LINES);
    let printing = thread::Builder::new().name("output".to_owned()).spawn(move || {
        let mut output = Output::standard();
        lines.iter().for_each(|line| output.error(&line));
    });
    let printing = match printing {
        Ok(printing) => printing,
        Err(cause) => {
            output.failure(&cause);
            return Ending::Fault;
        }
    };
    let first = match judges(settings, options, &told) {
        Ok(first) => first,
        Err(ending) => {
            // What is wrong is printed before the end.
            drop(told);
            let _ = printing.join();
            return ending;
        }
    };
    let milter = match Milter::listen(options.listen.as_ref(), first) {
        Ok(milter) => milter,
        Err(fault) => {
            output.failure(&fault);
            return Ending::Fault;
        }
    };
    let reload = || {
        let judges = judges(settings, options, &told).ok();
        let words = if judges.is_some() {
            "reloaded"
        } else {
            "error: reload failed; the previous rules stay in use"
        };
        tell(&told, words);
        judges
    };
    match milter.run(reload) {
        Ok(()) => Ending::Well,
        Err(fault) => {
            output.failure(&fault);
            Ending::Fault
        }
    }
}

/// What messages are judged by, as the files are now; or how to end, after telling what is wrong.
fn judges(path: Option<&Path>, options: &Options, told: &SyncSender<String>) -> Result<Judges, Ending> {
    let wrong = |words: String| {
        tell(told, &words);
        Ending::Settings
    };
    let (settings, findings) = context::settings_with_findings(path);
    findings.iter().for_each(|finding| tell(told, &finding.plain()));
    if settings.is_none() && findings.iter().any(Diagnostic::is_error) {
        return Err(Ending::Settings);
    }
    let by = &options.judged_by;
    let rules = by.rules.as_deref().or(settings.as_ref().and_then(|settings| settings.rules.as_deref()));
    let (files, findings) = context::rule_files_with(settings.as_ref(), rules);
    findings.iter().for_each(|finding| tell(told, &finding.plain()));
    let Some(files) = files else { return Err(Ending::Settings) };
    // Without the folder, the rules of everybody would count for recipients who have their own.
    if let Some(users) = &options.users
        && let Err(cause) = fs::read_dir(users)
    {
        return Err(wrong(format!("error: could not read the folder {}: {cause}", users.display())));
    }
    let account = judged_by::account(settings.as_ref(), by).map_err(wrong)?;
    let trust = judged_by::trust(settings.as_ref(), account, by);
    let require_authentic = account.is_some_and(|account| account.require_authentic);
    let store = judged_by::store(settings.as_ref(), CONNECTIONS).map_err(|fault| {
        tell(told, &fault.words());
        match fault {
            NoStore::Address(_) => Ending::Settings,
            // Such as a file that another program has locked: the next start may find it well.
            NoStore::Memory(_) => Ending::Later,
        }
    })?;
    let faults = told.clone();
    let remembered = move || {
        let (remembered, fault) = judged_by::remembered(settings.as_ref());
        if let Some(fault) = fault {
            tell(&faults, &format!("error: {}", Chain(&fault)));
        }
        remembered
    };
    let told = told.clone();
    let say = move |line: &str| tell(&told, line);
    let judges = Judges::new(files, (trust, require_authentic), options.users.clone(), remembered, say);
    Ok(judges.with_store(store))
}

fn tell(told: &SyncSender<String>, words: &str) {
    let _ = told.try_send(words.to_owned());
}
