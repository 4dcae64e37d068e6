//! Logs what a sweep says: level, kind and fields of each event. The sentences are from `report`. Called by `watcher`.

use std::collections::BTreeSet;

use tracing::{Level, debug, error, info, warn};

use super::log::kind;
use crate::assess::{Assessment, Restraint};
use crate::mail::Recognition;
use crate::report::sweep::{followers, rules, sentence};
use crate::rules::VerdictName;
use crate::sweep::{Dealt, DigestEnd, End, News, Obstacle};

/// Logs it. Returns the trouble with a folder, if it is one; a trouble that is `known` already is logged for debugging only.
pub(super) fn log(news: &News, known: &BTreeSet<String>) -> Option<String> {
    let trouble = sentence(news);
    match news {
        News::Mail(dealt) => message(dealt, &trouble),
        News::Progress { folder, looked_at, part } => {
            info!(%folder, looked_at, percent = (part * 100.0) as u32, "looking through a folder");
        }
        News::PutBack { done, of } => info!(done, of, "{trouble}"),
        News::FirstLook { .. } => debug!("{trouble}"),
        News::Observing { .. } => warn!(message_id = kind::OBSERVED, trouble, "{trouble}"),
        News::Renamed { from, to } => info!(%from, %to, "{trouble}"),
        News::Trouble { folder, .. } | News::SentStale { folder, .. } => {
            if known.contains(&trouble) {
                debug!(%folder, trouble, "a folder is still in trouble");
            } else {
                warn!(message_id = kind::FOLDER, %folder, trouble, "{trouble}; the other folders are looked through");
            }
            return Some(trouble);
        }
        News::Unshown { folder, .. } | News::Restored { folder } => {
            warn!(message_id = kind::FOLDER, %folder, trouble, "{trouble}");
        }
        News::Uncertain { mail } | News::NotNow { mail, .. } => {
            warn!(message_id = kind::LEFT, folder = %mail.folder, uid = mail.uid.0, trouble, "{trouble}");
        }
        News::TooMany { messages } => warn!(message_id = kind::PUT_BACK, messages, trouble, "{trouble}"),
        News::HandFiled { messages, .. } => info!(messages, "{trouble}"),
        News::TooManyFiled { messages } => warn!(messages, trouble, "{trouble}"),
        News::Digest { end: DigestEnd::Sent, .. } => info!(message_id = kind::DIGEST, "{trouble}"),
        News::Digest { .. } => warn!(message_id = kind::DIGEST, trouble, "{trouble}"),
        News::HeldBack { messages, .. } => {
            warn!(message_id = kind::HELD_BACK, messages, why = trouble, "{trouble}");
        }
    }
    None
}

/// A message that was dealt with. One that has nothing to do with followers is not worth an event.
fn message(dealt: &Dealt, sentence: &str) {
    let Dealt { mail, assessment, end } = dealt;
    let Some((level, kind)) = level_and_kind(assessment, end) else { return };
    let (uid, folder, mail_id) =
        (mail.uid.0, &mail.folder, assessment.envelope.message_id.as_deref().unwrap_or_default());
    let (mut network, mut missing, mut follower, mut verdict, mut rule) = (None, None, None, None, None);
    match &assessment.recognition {
        Recognition::Recognised(notification) => {
            network = Some(notification.network.as_str());
            (follower, rule) = (Some(followers(dealt)), Some(rules(dealt)));
            verdict = Some(VerdictName::word(assessment.class.as_ref()));
        }
        Recognition::Incomplete { network: of, missing: facts } => {
            network = Some(of.as_str());
            missing = Some(facts.iter().map(|fact| fact.word()).collect::<Vec<_>>().join(" "));
        }
        Recognition::TooCostly | Recognition::Foreign => {}
    }
    let (to, why) = match end {
        End::Moved { to, .. } => (Some(to.as_str()), None),
        End::Kept(stay) => (None, Some(stay.to_string())),
        End::Left(Obstacle::Unshown) => (None, None),
        End::Left(why) => (None, Some(why.to_string())),
        _ => (None, None),
    };
    macro_rules! event {
        ($level:ident) => {
            // As the journal is shown, only the message is seen.
            $level!(
                message_id = kind, %folder, uid, mail_id, network, follower, verdict, rule, missing, to, why,
                "{sentence}"
            )
        };
    }
    match level {
        Level::ERROR => event!(error),
        Level::WARN => event!(warn),
        Level::INFO => event!(info),
        _ => event!(debug),
    }
}

fn level_and_kind(assessment: &Assessment, end: &End) -> Option<(Level, Option<&'static str>)> {
    let is_observed = matches!(assessment.restraint, Some(Restraint::Observed(_)));
    let (level, kind) = match (&assessment.recognition, end) {
        (Recognition::Incomplete { .. } | Recognition::TooCostly, _) => (Level::WARN, kind::INCOMPLETE),
        (Recognition::Foreign, End::Failed | End::Deadly) => return Some((Level::ERROR, None)),
        (Recognition::Foreign, _) => return None,
        (Recognition::Recognised(_), end) => match end {
            End::Moved { unkept, .. } if unkept.is_empty() => (Level::INFO, kind::MOVED),
            End::Moved { .. } => (Level::WARN, kind::MOVED),
            End::Waits => (Level::INFO, kind::HELD_BACK),
            End::Marked => (Level::INFO, kind::MARKED),
            End::Observed | End::Unsure => (Level::INFO, kind::OBSERVED),
            End::Stays if is_observed => (Level::INFO, kind::OBSERVED),
            End::Kept(_) => (Level::INFO, kind::PUT_BACK),
            End::Left(_) => (Level::WARN, kind::LEFT),
            End::Gone => (Level::INFO, kind::GONE),
            End::Stays | End::WaitsForLookUp | End::Failed | End::Deadly => (Level::DEBUG, kind::STAYS),
        },
    };
    Some((level, Some(kind)))
}
