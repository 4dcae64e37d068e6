//! What a sweep does and what is in its way, as the command `sweep` prints it and the service logs it. Pure.

use std::collections::BTreeSet;

use super::remains::{self, messages};
use super::text;
use crate::ledger::{Gap, Limit};
use crate::mail::{FollowerKey, Recognition};
use crate::place::{AccountName, Folder, Uid};
use crate::rules::VerdictName;
use crate::rules::list::load::Doubt;
use crate::settings::Backlog;
use crate::sweep::{Dealt, DigestEnd, End, News, Obstacle, Swept, Tally};

/// How many folders are named where one is in trouble.
const FOLDERS_SHOWN: usize = 30;
/// So many UIDs are named.
const UIDS_SHOWN: usize = 10;

/// What is wrong with a folder of sent messages whose people a list asks for.
pub const SENT_UNREAD: &str =
    "followsift cannot read from it whom you wrote to; nothing is moved until it has been read once";

/// Something that a sweep tells, as one sentence.
pub fn sentence(news: &News) -> String {
    match news {
        News::Mail(dealt) => event(dealt),
        News::Trouble { folder, words, folders } => trouble(folder, words, folders),
        News::SentStale { folder, doubt, folders } => trouble(folder, &sent_words(*doubt), folders),
        News::FirstLook { folders, backlog } => first_look(folders, *backlog),
        News::Observing { account, gap, folders, filed } => observing(account, *gap, folders, *filed),
        News::Renamed { from, to } => renamed(from, to),
        News::Progress { folder, looked_at, part } => {
            format!("{folder}: looked at {}, {:.0} %", messages(*looked_at), part * 100.0)
        }
        News::PutBack { done, of } => format!("put back {done} of {}", messages(*of)),
        News::Unshown { folder, uids, why } => unshown(folder, uids, why.as_deref()),
        News::Restored { folder } => format!(
            "folder \"{folder}\" was restored from a backup: its messages are numbered anew, so followsift goes on by \
             their time of arrival"
        ),
        News::Uncertain { mail } => format!(
            "the move of {mail} was interrupted and the folder was renumbered; followsift cannot tell which message is \
             the original, so it removed nothing"
        ),
        News::NotNow { mail, to } => format!(
            "the interrupted move of {mail} to \"{to}\" cannot be settled now, since the server does not open or show both \
             folders; followsift tries again in the next sweep"
        ),
        News::TooMany { messages } => format!(
            "{messages} messages that had been filed came back at once; they stay, and their followers become known only \
             after `followsift known confirm --all`"
        ),
        News::HandFiled { messages, known } => hand_filed(*messages, known),
        News::TooManyFiled { messages } => format!(
            "{messages} messages were moved to folders of the rules at once, too many to have been moved by hand; followsift \
             learns nothing from them"
        ),
        News::Digest { period, end } => super::digest::sentence(period, end),
        News::HeldBack { messages, by, most } => held_back(*messages, *by, *most),
    }
}

/// Something that a sweep tells, and how a command prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Lines for standard output.
    Text(String),
    /// How far it is: a line that the next one replaces.
    Progress(String),
    /// A line for standard error.
    Note(String),
}

/// Something that a sweep tells, as a command prints it.
pub fn told(news: &News, dry_run: bool) -> Told {
    let sentence = || sentence(news);
    match news {
        News::Mail(dealt) => Told::Text(block(dealt, dry_run)),
        News::FirstLook { .. } | News::Digest { end: DigestEnd::Sent, .. } => {
            Told::Text(format!("{}\n", sentence()))
        }
        News::Progress { .. } | News::PutBack { .. } => Told::Progress(sentence()),
        News::Trouble { .. } | News::SentStale { .. } | News::Unshown { .. } | News::NotNow { .. } => {
            Told::Note(format!("error: {}", sentence()))
        }
        News::Restored { .. }
        | News::Observing { .. }
        | News::Renamed { .. }
        | News::Uncertain { .. }
        | News::TooMany { .. }
        | News::HandFiled { .. }
        | News::TooManyFiled { .. }
        | News::Digest { .. }
        | News::HeldBack { .. } => Told::Note(format!("note: {}", sentence())),
    }
}

/// A message that a sweep dealt with, as a block of lines: where it is, its subject, what it is, and how it ended.
pub fn block(dealt: &Dealt, dry_run: bool) -> String {
    let Dealt { mail, assessment, end } = dealt;
    let subject = &assessment.envelope.subject;
    let mut text = format!("\n{mail}: {subject}\n");
    if let Some(why) = unassessed(end) {
        text.push_str(&format!("  {why}\n"));
        return text;
    }
    for line in text::describe(assessment).lines() {
        text.push_str(&format!("  {line}\n"));
    }
    if matches!(assessment.recognition, Recognition::Recognised(_)) {
        text.push_str(&format!("    {}\n", ending(dealt, dry_run)));
    }
    text
}

/// The same as one line, which says first how it ended. Follower and rules may be logged; bodies and addresses never.
fn event(dealt: &Dealt) -> String {
    let Dealt { assessment, end, .. } = dealt;
    match &assessment.recognition {
        Recognition::Recognised(notification) => {
            let verdict = VerdictName::word(assessment.class.as_ref());
            let by = match rules(dealt).as_str() {
                "" => String::new(),
                rules => format!(" by \"{rules}\""),
            };
            let (ending, network) = (ending(dealt, false), &notification.network);
            format!("message {ending}: {network} {}, {verdict}{by}", followers(dealt))
        }
        Recognition::Incomplete { .. } => {
            "message looks like a follower notification, but cannot be read in full; it stays".to_owned()
        }
        Recognition::TooCostly => {
            "message costs more to read than any notification does; it stays unread".to_owned()
        }
        Recognition::Foreign => match unassessed(end) {
            Some(why) => format!("message {why}"),
            None => "message is not a notification about a new follower; it stays".to_owned(),
        },
    }
}

/// The followers of a message, each in one word.
pub fn followers(dealt: &Dealt) -> String {
    match &dealt.assessment.recognition {
        Recognition::Recognised(notification) => {
            notification.followers.iter().map(text::handle).collect::<Vec<_>>().join(", ")
        }
        Recognition::Incomplete { .. } | Recognition::TooCostly | Recognition::Foreign => String::new(),
    }
}

/// The rules behind the verdicts on a message.
pub fn rules(dealt: &Dealt) -> String {
    let reasons = dealt.assessment.verdicts.iter().flat_map(|verdict| &verdict.reasons);
    reasons.map(|reason| &*reason.rule).collect::<Vec<_>>().join(", ")
}

fn unassessed(end: &End) -> Option<&'static str> {
    match end {
        End::Deadly => Some("was not read, since followsift crashed twice while reading it; it stays"),
        End::Failed => Some("could not be assessed (a bug in followsift); it stays"),
        _ => None,
    }
}

/// How it ended for a recognised message.
fn ending(dealt: &Dealt, dry_run: bool) -> String {
    match &dealt.end {
        End::Moved { to, unkept, .. } if unkept.is_empty() => format!("moved to {to}"),
        End::Moved { to, unkept, .. } => {
            format!("moved to {to}, which does not keep its keywords: {}", unkept.join(", "))
        }
        End::Waits => "stays for now: the fuse, a rate limit on moves, holds it back".to_owned(),
        End::WaitsForLookUp => "stays for now: waits for a look-up".to_owned(),
        End::Unsure => {
            "stays until you run `followsift resume`: it was there before this ledger, and you may have put it back"
                .to_owned()
        }
        End::Marked => "stays, marked".to_owned(),
        End::Kept(stay) => format!("stays: {stay}"),
        End::Left(Obstacle::Unshown) => "stays for now: the server does not show it".to_owned(),
        End::Left(why) => format!("stays: {why}"),
        End::Gone => "was gone before it could be moved".to_owned(),
        End::Observed if !dry_run => {
            format!(
                "{}; nothing is moved in this account (act = false)",
                text::consequence(&dealt.assessment)
            )
        }
        End::Observed | End::Failed | End::Deadly => text::consequence(&dealt.assessment),
        End::Stays if dry_run => text::consequence(&dealt.assessment),
        End::Stays => match &dealt.assessment.restraint {
            Some(restraint) => format!("stays: {}", text::restraint_in_words(restraint)),
            None => "stays".to_owned(),
        },
    }
}

/// The last line of `sweep`: what was done, and what was left undone.
pub fn sums(Swept { tally, remains }: &Swept, only_looked: bool) -> String {
    let Tally { looked_at, plausible, recognised, incomplete, moved, marked, gone, settled, turns, .. } =
        *tally;
    let mut parts = vec![
        format!("looked at {}", messages(looked_at)),
        format!("read {plausible}"),
        format!("recognised {recognised}"),
    ];
    if !only_looked {
        parts.push(format!("moved {moved}"));
    }
    let more = [
        (incomplete, "could not read {} in full"),
        (marked, "marked {}"),
        (gone, "{} were gone before they could be moved"),
        (settled, "settled {} moves of an earlier session"),
    ];
    parts.extend(more.iter().filter(|(n, _)| *n > 0).map(|(n, words)| words.replace("{}", &n.to_string())));
    let trips = if turns == 1 { "1 round trip".to_owned() } else { format!("{turns} round trips") };
    let undone = remains::in_words(remains).map(|words| format!("left undone: {words}"));
    let ending = match Vec::from_iter(remains::look_ups(remains).into_iter().chain(undone)) {
        words if !words.is_empty() => format!("; {}", words.join("; ")),
        _ if only_looked => String::new(),
        _ => "; all is well".to_owned(),
    };
    format!("{} ({trips}){ending}", parts.join(", "))
}

/// What is wrong with a folder, and which folders there are, on one line.
pub fn trouble(folder: &Folder, words: &str, folders: &[Folder]) -> String {
    let there: Vec<_> = folders.iter().take(FOLDERS_SHOWN).map(Folder::as_str).collect();
    let more = folders.len().saturating_sub(FOLDERS_SHOWN);
    let list = match (there.is_empty(), more) {
        (true, _) => String::new(),
        (false, 0) => format!(" (folders: {})", there.join(", ")),
        (false, more) => format!(" (folders: {}, and {more} more)", there.join(", ")),
    };
    format!("folder \"{folder}\": {words}{list}")
}

/// What is wrong with a folder of sent messages whose last copy stays in use: it could not be read, or what was read is in
/// `doubt`.
fn sent_words(doubt: Option<Doubt>) -> String {
    let advice =
        "the list keeps the earlier people; if the change is right, set `may-be-empty = true` in its table";
    match doubt {
        Some(Doubt::Empty { before }) => {
            format!("it no longer names anybody you wrote to, and named {before} before; {advice}")
        }
        Some(Doubt::Fewer { now, before }) => {
            format!("it names only {now} people you wrote to, and named {before} before; {advice}")
        }
        Some(Doubt::Unreadable { .. }) | None => SENT_UNREAD.to_owned(),
    }
}

fn first_look(folders: &[Folder], backlog: Backlog) -> String {
    let begins = match backlog {
        Backlog::None => {
            "followsift begins with messages that arrive from now on; with `--since 30d` it looks at those that are \
             already there"
                .to_owned()
        }
        Backlog::Since(time) => format!(
            "followsift begins with what arrived in the last {} (`backlog`)",
            humantime::format_duration(time)
        ),
        Backlog::All => "followsift begins with every message (`backlog`)".to_owned(),
    };
    let folders: Vec<_> = folders.iter().map(Folder::as_str).collect();
    format!("first look at {}: {begins}", folders.join(", "))
}

fn observing(account: &AccountName, gap: Option<Gap>, folders: &[Folder], filed: usize) -> String {
    let named: Vec<_> = folders.iter().map(|folder| format!("\"{folder}\"")).collect();
    let (named, one) = (named.join(", "), folders.len() == 1);
    let why = match gap {
        None => {
            format!(
                "the ledger is new to account {account}, but {named} {} used before",
                if one { "was" } else { "were" }
            )
        }
        Some(Gap::Older) => format!("an older ledger was put back, which lacks moves of account {account}"),
        Some(Gap::Away) => {
            format!(
                "account {account} was in another shard, whose ledger knows what happened there and this one does not"
            )
        }
        // Of what is left to be read, no note is told.
        Some(Gap::Copied | Gap::Unread) => format!(
            "the ledger is a copy, and messages of account {account} came to {named} of which it does not know"
        ),
    };
    let found = match filed {
        0 => String::new(),
        1 => "; 1 notification that lies there is remembered as filed".to_owned(),
        many => format!("; {many} notifications that lie there are remembered as filed"),
    };
    format!(
        "{why}, so followsift cannot tell which messages you had put back; what arrived before now is judged and stays, and new \
         messages are moved as ever{found}; `followsift resume --account {account}` moves the old ones too, or put back a newer \
         copy of the ledger"
    )
}

/// The account has another name than before.
pub fn renamed(from: &AccountName, to: &AccountName) -> String {
    format!("account {from} is now called {to}: followsift goes on with what it remembers of it")
}

fn unshown(folder: &Folder, uids: &[Uid], why: Option<&str>) -> String {
    let shown: Vec<String> = uids.iter().take(UIDS_SHOWN).map(|uid| uid.0.to_string()).collect();
    let more = match uids.len().saturating_sub(UIDS_SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let (are, them) = if uids.len() == 1 { ("is", "it") } else { ("are", "them") };
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    format!(
        "the server says that {folder} uid {}{more} {are} there and does not show {them}{why}; followsift asks again later",
        shown.join(", ")
    )
}

fn hand_filed(messages: usize, known: &[FollowerKey]) -> String {
    let unwelcome = match messages {
        0 => None,
        1 => Some(
            "1 message was filed by hand; its follower is unwelcome from now on (`when.unwelcome = true`)"
                .to_owned(),
        ),
        _ => Some(format!(
            "{messages} messages were filed by hand; their followers are unwelcome from now on (`when.unwelcome = true`)"
        )),
    };
    let known: BTreeSet<&str> = known.iter().map(FollowerKey::as_str).collect();
    let stay = known.into_iter().map(|who| {
        format!(
            "a message about {} was filed by hand, but they are known (`followsift known forget` ends that)",
            crate::text::line(who)
        )
    });
    unwelcome.into_iter().chain(stay).collect::<Vec<_>>().join("; ")
}

fn held_back(messages: u64, by: Limit, most: u16) -> String {
    let wait = if messages == 1 { "1 message waits".to_owned() } else { format!("{messages} messages wait") };
    let limit = match by {
        Limit::Change => format!(
            "the rules have changed, and in the first hour after that at most {most} messages are moved \
             (moves-after-change)"
        ),
        Limit::Hour => format!("at most {most} messages are moved in an hour (moves-per-hour)"),
    };
    format!("{wait}: {limit}; the rest follows by itself, and `followsift resume` lets it through at once")
}

/// So many messages of an account that were only observed are judged again in the next sweep.
pub fn observing_ended(account: &AccountName, waiting: usize) -> String {
    let messages = match waiting {
        0 => "no message from before this ledger waits".to_owned(),
        1 => "1 message from before this ledger is judged again in the next sweep".to_owned(),
        many => format!("{many} messages from before this ledger are judged again in the next sweep"),
    };
    format!("{account}: {messages}, and old messages are moved like new ones from now on")
}

/// How many messages of an account the next sweep moves, past the fuse.
pub fn resumed(account: &AccountName, released: usize) -> String {
    match released {
        0 => format!("{account}: no message waits for the fuse"),
        1 => format!("{account}: 1 message goes through with the next sweep"),
        many => format!("{account}: {many} messages go through with the next sweep"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::assess::Assessment;
    use crate::mail::Envelope;
    use crate::place::{MailRef, UidValidity};
    use crate::sweep::Remains;

    fn folder(name: &str) -> Folder {
        Folder::new(name).unwrap()
    }

    #[track_caller]
    fn says(news: &News, expected: &str) {
        assert_eq!(sentence(news), expected);
    }

    #[test]
    fn each_piece_of_news_is_one_sentence() {
        let folders = vec![folder("INBOX"), folder("Work")];
        let words = "it is not there".to_owned();
        says(
            &News::Trouble { folder: folder("Wrok"), words, folders: folders.clone() },
            "folder \"Wrok\": it is not there (folders: INBOX, Work)",
        );
        says(
            &News::SentStale { folder: folder("Sent"), doubt: None, folders: Vec::new() },
            "folder \"Sent\": followsift cannot read from it whom you wrote to; nothing is moved until it has been read once",
        );
        says(
            &News::FirstLook { folders, backlog: Backlog::Since(Duration::from_secs(86_400)) },
            "first look at INBOX, Work: followsift begins with what arrived in the last 1day (`backlog`)",
        );
        says(
            &News::Progress { folder: Folder::inbox(), looked_at: 1, part: 0.25 },
            "INBOX: looked at 1 message, 25 %",
        );
        says(
            &News::Unshown { folder: Folder::inbox(), uids: (1..=12).map(Uid).collect(), why: None },
            "the server says that INBOX uid 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more are there and does not show them; \
             followsift asks again later",
        );
        let why = Some("the server refused: cannot read".to_owned());
        says(
            &News::Unshown { folder: Folder::inbox(), uids: vec![Uid(2)], why },
            "the server says that INBOX uid 2 is there and does not show it: the server refused: cannot read; followsift asks \
             again later",
        );
        says(
            &News::HeldBack { messages: 1, by: Limit::Hour, most: 50 },
            "1 message waits: at most 50 messages are moved in an hour (moves-per-hour); the rest follows by itself, and \
             `followsift resume` lets it through at once",
        );
    }

    #[test]
    fn a_message_that_was_not_assessed_is_named_with_the_reason() {
        let mail = MailRef {
            account: AccountName::new("home").unwrap(),
            folder: Folder::inbox(),
            validity: UidValidity(1),
            uid: Uid(7),
        };
        let dealt = Dealt {
            mail,
            assessment: Assessment {
                envelope: Envelope { subject: "Hello".to_owned(), ..Envelope::default() },
                ..Assessment::foreign()
            },
            end: End::Failed,
        };
        assert!(
            block(&dealt, false)
                .ends_with("Hello\n  could not be assessed (a bug in followsift); it stays\n")
        );
        let end = End::Deadly;
        says(
            &News::Mail(Box::new(Dealt { end, ..dealt })),
            "message was not read, since followsift crashed twice while reading it; it stays",
        );
    }

    #[test]
    fn the_sums_say_what_was_done_and_what_is_left() {
        let tally =
            Tally { looked_at: 3, plausible: 2, recognised: 1, moved: 1, turns: 1, ..Tally::default() };
        let swept = Swept { tally, remains: Remains::default() };
        assert_eq!(
            sums(&swept, false),
            "looked at 3 messages, read 2, recognised 1, moved 1 (1 round trip); all is well"
        );
        let remains = Remains { look_up: 1, ..Remains::default() };
        assert!(
            sums(&Swept { remains, ..swept.clone() }, false)
                .ends_with("(1 round trip); 1 message waits for a look-up")
        );
        let remains = Remains { look_up: 2, folders: 1, ..Remains::default() };
        assert!(
            sums(&Swept { remains, ..swept.clone() }, false)
                .ends_with("; 2 messages wait for look-ups; left undone: 1 folder could not be used")
        );
        let remains = Remains { folders: 1, ..Remains::default() };
        assert_eq!(
            sums(&Swept { remains, ..swept }, true),
            "looked at 3 messages, read 2, recognised 1 (1 round trip); left undone: 1 folder could not be used"
        );
    }
}
