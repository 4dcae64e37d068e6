//! `explain`: what a message is, what the rules say of it, and why. Needs no account, and without settings takes what ships.
//! Of several files, each is a past for those named after it.

use std::fs::File;
use std::io::{self, BufReader};
use std::os::fd::AsFd as _;
use std::path::Path;

use super::message_file::{self, Unusable};
use super::output::{Output, shown};
use super::{Ending, Explain, context};
use crate::assess::{self, Arrival, Assessment, Mail, ReadMessage, Rulebook, weigh};
use crate::clock;
use crate::clock::Timestamp;
use crate::ledger::{Ledger, LedgerFault, Question};
use crate::lookup::{self, Inquiry, Unasked, Whose};
use crate::mail::{Nearest, Recognition};
use crate::mailbox::Stop;
use crate::report::{self, Paint, Tone};
use crate::rules::recall::Replay;
use crate::settings::{Lookup, Settings};

pub(super) fn explain(settings: Option<&Path>, options: &Explain, output: &mut Output) -> Ending {
    let Ok(settings) = context::settings(settings, output) else { return Ending::Settings };
    let (files, findings) = context::rule_files(settings.as_ref());
    output.findings(&findings);
    let Some(files) = files else { return Ending::Settings };
    let trust = context::trust(settings.as_ref(), &options.authserv_ids, &options.instances);
    let sent = context::sent(settings.as_ref(), &files);
    let rulebook = files.rulebook(trust, false, &sent);

    let mut replay = Replay::default();
    let mut ending = Ending::Well;
    let by_hand =
        settings.as_ref().map(|settings| Ok((context::known(settings)?, context::unwelcome(settings)?)));
    match by_hand.transpose() {
        Ok(by_hand) => {
            let (known, unwelcome) = by_hand.unwrap_or_default();
            known
                .into_iter()
                .for_each(|known| replay.know_follower(known.follower, known.origin.is_proven()));
            unwelcome.into_iter().for_each(|follower| replay.reject_follower(follower));
        }
        Err(fault) => {
            let fault: LedgerFault = fault;
            output.failure(&fault);
            ending = Ending::Fault;
        }
    }
    let Ok(stop) = Stop::new() else { return Ending::Fault };
    let mut inquiries = Vec::new();
    for account in settings.iter().filter(|_| options.lookup).flat_map(|settings| &settings.accounts) {
        match Inquiry::new(account, stop.as_fd()) {
            Ok(inquiry) => {
                let ledger = settings.as_ref().map(|settings| Ledger::open_read_only(&settings.state));
                inquiries.push(inquiry.minding(ledger.and_then(|ledger| ledger.ok()?)));
            }
            Err(fault) => output.failure(&fault),
        }
    }
    let asked = rulebook.rules.asked();
    let is_past_asked = asked.follows || asked.wave;
    let now = clock::now();
    // Each file is answered before the next one is opened, and only its followers are remembered.
    for file in &options.files {
        let name = shown(file);
        match read(file, &rulebook, now) {
            Ok((mut message, nearest)) => {
                let assessment =
                    match look_up(&mut message, &rulebook, settings.as_ref(), &replay, &inquiries) {
                        Ok(()) => weigh(message, &rulebook, &replay),
                        Err(fault) => {
                            output.failure(&fault);
                            return Ending::Fault;
                        }
                    };
                for inquiry in &inquiries {
                    super::lookup::say_what_failed(inquiry, output);
                }
                if let Some(why) =
                    unasked(&assessment, &rulebook, settings.as_ref(), &inquiries).filter(|_| options.lookup)
                {
                    output.error(&format!("note: {why}"));
                }
                say(&name, &assessment, nearest.as_ref(), (&rulebook, &replay), options, output);
                if is_past_asked && let Recognition::Recognised(notification) = &assessment.recognition {
                    replay.note(notification);
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

/// Completes a message with what the ledger remembers of its followers' profiles, and with what may be asked.
fn look_up(
    message: &mut ReadMessage,
    rulebook: &Rulebook,
    settings: Option<&Settings>,
    replay: &Replay,
    inquiries: &[Inquiry<'_>],
) -> Result<(), LedgerFault> {
    let Recognition::Recognised(notification) = &mut message.recognition else { return Ok(()) };
    let Some(settings) = settings.filter(|settings| settings.lookup.is_on()) else { return Ok(()) };
    let instances = &rulebook.trust.instances;
    super::lookup::remembered(Some(settings), instances, std::iter::once(&mut *notification))?;
    let whose = Whose { lookup: &settings.lookup, instances };
    let assessment = weigh(ReadMessage::from(notification.clone()), rulebook, replay);
    if lookup::wanted(&assessment, rulebook, whose).is_empty() {
        return Ok(());
    }
    lookup::complete(notification, whose, clock::now(), |question| {
        let is_its = |inquiry: &&Inquiry<'_>| inquiry.may_ask(question);
        Ok(inquiries.iter().find(is_its).and_then(|inquiry| inquiry.answer(question)))
    })
}

/// Why nobody was asked about a follower on whom the message depends, if nobody was.
fn unasked(
    assessment: &Assessment,
    rulebook: &Rulebook,
    settings: Option<&Settings>,
    inquiries: &[Inquiry<'_>],
) -> Option<String> {
    let Recognition::Recognised(notification) = &assessment.recognition else { return None };
    let off = Lookup::default();
    let lookup = settings.map_or(&off, |settings| &settings.lookup);
    let whose = Whose { lookup, instances: &rulebook.trust.instances };
    // An instance of an option is no account's.
    let is_nobodys = |question: &Question| !inquiries.iter().any(|inquiry| inquiry.may_ask(question));
    let why = lookup::unasked(assessment, rulebook, whose).or_else(|| {
        let wanted = lookup::wanted(assessment, rulebook, whose);
        wanted.iter().any(is_nobodys).then_some(Unasked::NotYourServer)
    })?;
    Some(report::lookup::not_looked_up(why, &notification.network, 1))
}

/// A message as it was read, and the network that it comes nearest to if it was not recognised.
type Read = (ReadMessage, Option<Nearest>);

fn say(
    name: &str,
    assessment: &Assessment,
    nearest: Option<&Nearest>,
    (rulebook, replay): (&Rulebook, &Replay),
    options: &Explain,
    output: &mut Output,
) {
    if options.json {
        return output.line(&report::json::assessed(name, assessment, nearest));
    }
    let rules = match &assessment.recognition {
        Recognition::Recognised(notification) if !options.brief => {
            let traces = assess::trace(notification, rulebook, replay);
            report::rule_trace::every_rule(notification, &assessment.verdicts, &traces, output.paint())
        }
        _ => String::new(),
    };
    let are_several = options.files.len() > 1;
    let verdict = in_words(name, assessment, nearest, are_several, output.paint());
    let end = if are_several { "\n" } else { "" };
    output.text(&format!("{verdict}{rules}{end}"));
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
