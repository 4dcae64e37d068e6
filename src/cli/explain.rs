//! `explain`: what a message is, what the rules say of it, and why. Needs no account, and without settings takes what ships.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::output::{Output, shown};
use super::{Ending, Explain, context};
use crate::assess::{self, Assessment, Mail, Rulebook, assess};
use crate::clock;
use crate::clock::Timestamp;
use crate::mail::{Message, Recognition};
use crate::report::{self, Paint, Tone};
use crate::rules::Recall;
use crate::rules::recall::{Blank, Replay};

/// How much of a message is read: as much as the service fetches.
const MAIL_LIMIT: u64 = crate::sweep::MAIL_LIMIT as u64;

pub(super) fn explain(settings: Option<&Path>, options: &Explain, output: &mut Output) -> Ending {
    let Ok(settings) = context::settings(settings, output) else { return Ending::Settings };
    let (files, findings) = context::rule_files(settings.as_ref());
    output.findings(&findings);
    let Some(files) = files else { return Ending::Settings };
    let trust = context::trust(settings.as_ref(), options.authserv_id.as_deref(), &options.instances);
    let sent = context::sent(settings.as_ref(), &files);
    let rulebook = files.rulebook(trust, false, &sent);

    let mails: Vec<_> = options.files.iter().map(|file| (file, read(file))).collect();
    let now = clock::now();
    let mut replay = replay(&mails, &rulebook, now);
    let mut ending = Ending::Well;
    match settings.as_ref().map_or(Ok(Vec::new()), context::known) {
        Ok(known) => known.into_iter().for_each(|known| replay.know_follower(known.follower)),
        Err(fault) => {
            output.failure(&fault);
            ending = Ending::Fault;
        }
    }
    for (file, mail) in &mails {
        let name = shown(file);
        match mail {
            Ok(bytes) => {
                let assessment = assess(Mail { bytes, arrived: arrived(bytes, now) }, &rulebook, &replay);
                if options.json {
                    output.line(&report::json::assessed(&name, &assessment));
                } else {
                    let rules = match &assessment.recognition {
                        Recognition::Recognised(notification) if !options.brief => {
                            let traces = assess::trace(notification, &rulebook, &replay);
                            let verdicts = &assessment.verdicts;
                            report::trace::every_rule(notification, verdicts, &traces, output.paint())
                        }
                        _ => String::new(),
                    };
                    let verdict = in_words(&name, &assessment, mails.len() > 1, output.paint());
                    let end = if mails.len() > 1 { "\n" } else { "" };
                    output.text(&format!("{verdict}{rules}{end}"));
                }
            }
            Err(cause) => {
                ending = Ending::Data;
                let cause = format!("could not read {name}: {cause}");
                if options.json {
                    output.line(&report::json::unread(&name, &cause));
                } else {
                    output.error(&format!("error: {cause}"));
                }
            }
        }
        if output.is_closed() {
            break;
        }
    }
    ending
}

/// The notifications, as if they had come in one after the other, so that each has its past.
fn replay(mails: &[(&PathBuf, io::Result<Vec<u8>>)], rulebook: &Rulebook, now: Timestamp) -> Replay {
    let mut replay = Replay::default();
    if mails.len() > 1 {
        for bytes in mails.iter().filter_map(|(_, mail)| mail.as_ref().ok()) {
            let alone: &dyn Recall = &Blank;
            let assessment = assess(Mail { bytes, arrived: arrived(bytes, now) }, rulebook, alone);
            if let Recognition::Recognised(notification) = &assessment.recognition {
                replay.note(notification);
            }
        }
    }
    replay
}

/// When a message arrived: a file does not say, so what its Date says is taken, or now.
fn arrived(bytes: &[u8], now: Timestamp) -> Timestamp {
    Message::parse(bytes).ok().and_then(|message| message.date()).unwrap_or(now)
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        io::stdin().lock().take(MAIL_LIMIT).read_to_end(&mut bytes)?;
    } else {
        fs::File::open(file)?.take(MAIL_LIMIT).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn in_words(name: &str, assessment: &Assessment, several: bool, paint: Paint) -> String {
    let heading = if several { format!("{}\n", paint.paint(Tone::Strong, name)) } else { String::new() };
    let text = report::text::describe_painted(assessment, paint);
    let consequence = match assessment.recognition {
        Recognition::Recognised(_) => format!("  {}\n", report::text::consequence(assessment)),
        Recognition::Incomplete { .. } | Recognition::TooCostly | Recognition::Foreign => String::new(),
    };
    format!("{heading}{text}{consequence}")
}
