//! `explain`: what a message is, what the rules say of it, and why. Needs no account, and without settings takes what ships.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use super::message_file::{self, Unusable};
use super::output::{Output, shown};
use super::{Ending, Explain, context};
use crate::assess::{self, Arrival, Assessment, Mail, ReadMessage, Rulebook, weigh};
use crate::clock;
use crate::clock::Timestamp;
use crate::mail::{Nearest, Recognition};
use crate::report::{self, Paint, Tone};
use crate::rules::recall::Replay;

pub(super) fn explain(settings: Option<&Path>, options: &Explain, output: &mut Output) -> Ending {
    let Ok(settings) = context::settings(settings, output) else { return Ending::Settings };
    let (files, findings) = context::rule_files(settings.as_ref());
    output.findings(&findings);
    let Some(files) = files else { return Ending::Settings };
    let trust = context::trust(settings.as_ref(), options.authserv_id.as_deref(), &options.instances);
    let sent = context::sent(settings.as_ref(), &files);
    let rulebook = files.rulebook(trust, false, &sent);

    let now = clock::now();
    let messages: Vec<_> = options.files.iter().map(|file| (file, read(file, &rulebook, now))).collect();
    let mut replay = replay(&messages);
    let mut ending = Ending::Well;
    match settings.as_ref().map_or(Ok(Vec::new()), context::known) {
        Ok(known) => known.into_iter().for_each(|known| replay.know_follower(known.follower)),
        Err(fault) => {
            output.failure(&fault);
            ending = Ending::Fault;
        }
    }
    let are_several = messages.len() > 1;
    for (file, message) in messages {
        let name = shown(file);
        match message {
            Ok((message, nearest)) => {
                let assessment = weigh(message, &rulebook, &replay);
                if options.json {
                    output.line(&report::json::assessed(&name, &assessment, nearest.as_ref()));
                } else {
                    let rules = match &assessment.recognition {
                        Recognition::Recognised(notification) if !options.brief => {
                            let traces = assess::trace(notification, &rulebook, &replay);
                            let verdicts = &assessment.verdicts;
                            report::rule_trace::every_rule(notification, verdicts, &traces, output.paint())
                        }
                        _ => String::new(),
                    };
                    let verdict = in_words(&name, &assessment, nearest.as_ref(), are_several, output.paint());
                    let end = if are_several { "\n" } else { "" };
                    output.text(&format!("{verdict}{rules}{end}"));
                }
            }
            Err(cause) => {
                ending = Ending::Data;
                let cause = cause.in_words(&name);
                if options.json {
                    output.line(&report::json::unreadable(&name, &cause));
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

/// A message as it was read, and the network that it comes nearest to if it was not recognised.
type Read = (ReadMessage, Option<Nearest>);

/// The notifications as if they had come in one after the other, so that each has its past.
fn replay(messages: &[(&PathBuf, Result<Read, Unusable>)]) -> Replay {
    let mut replay = Replay::default();
    if messages.len() > 1 {
        for (message, _) in messages.iter().filter_map(|(_, message)| message.as_ref().ok()) {
            if let Recognition::Recognised(notification) = &message.recognition {
                replay.note(notification);
            }
        }
    }
    replay
}

fn read(file: &Path, rulebook: &Rulebook, now: Timestamp) -> Result<Read, Unusable> {
    let bytes = match file == Path::new("-") {
        true => message_file::one(io::stdin().lock())?,
        false => message_file::one(BufReader::new(File::open(file)?))?,
    };
    // A file does not say when its message arrived.
    let mail = Mail { bytes: &bytes, arrived: Arrival::Dated { otherwise: now } };
    Ok(assess::recognise_closely(mail, rulebook))
}

fn in_words(
    name: &str,
    assessment: &Assessment,
    nearest: Option<&Nearest>,
    are_several: bool,
    paint: Paint,
) -> String {
    let heading = if are_several { format!("{}\n", paint.paint(Tone::Strong, name)) } else { String::new() };
    let text = match &assessment.recognition {
        Recognition::Foreign => report::nearest::foreign(nearest),
        _ => report::text::describe_painted(assessment, paint),
    };
    let more = match (&assessment.recognition, nearest) {
        (Recognition::Recognised(_), _) => format!("  {}\n", report::text::consequence(assessment)),
        (Recognition::Incomplete { .. }, Some(nearest)) => {
            format!("  {}\n", report::nearest::in_words(nearest))
        }
        (Recognition::Incomplete { .. } | Recognition::TooCostly | Recognition::Foreign, _) => String::new(),
    };
    format!("{heading}{text}{more}")
}
