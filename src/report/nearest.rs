//! Formats the nearest network of a message that was not recognised, and the marks that the message lacks. `explain` prints it.

use crate::mail::{MissingMark, Nearest};

/// The most senders listed.
const SENDERS_SHOWN: usize = 3;

/// The line of `explain` for a message that is not a notification.
pub fn foreign(nearest: Option<&Nearest>) -> String {
    match nearest {
        Some(nearest) => format!("not a notification; {}\n", in_words(nearest)),
        None => "not a notification: no known network sends such messages\n".to_owned(),
    }
}

/// `nearest: Mastodon (subject matches; no header field List-ID)`.
pub fn in_words(nearest: &Nearest) -> String {
    let matching = match (nearest.sender_matches, nearest.subject_matches) {
        (true, true) => "sender and subject match",
        (true, false) => "sender matches",
        (false, _) => "subject matches",
    };
    let missing = nearest.missing.iter().map(|mark| match mark {
        MissingMark::Sender(senders) => match senders.as_slice() {
            [] => "no sender".to_owned(),
            senders => format!("sender is not {}", some_of(senders)),
        },
        MissingMark::Subject => "subject differs".to_owned(),
        MissingMark::Mark(mark) => format!("no {mark}"),
        MissingMark::Excluded(mark) => format!("unexpected {mark}"),
        MissingMark::Correspondence => "is a reply, a forwarded message or a list post".to_owned(),
        MissingMark::Authentication => "failed authentication".to_owned(),
    });
    let missing: Vec<_> = missing.collect();
    format!("nearest: {} ({matching}; {})", nearest.title, missing.join(", "))
}

/// The missing marks for `explain --json`: what a notification of the network would have.
pub(super) fn missing(nearest: &Nearest) -> Vec<String> {
    let one = |mark: &MissingMark| match mark {
        MissingMark::Sender(_) => "sender".to_owned(),
        MissingMark::Subject => "subject".to_owned(),
        MissingMark::Mark(mark) => mark.clone(),
        MissingMark::Excluded(mark) => format!("no {mark}"),
        MissingMark::Correspondence => "not a reply, forward or list post".to_owned(),
        MissingMark::Authentication => "authentication".to_owned(),
    };
    nearest.missing.iter().map(one).collect()
}

fn some_of(senders: &[String]) -> String {
    let shown: Vec<_> = senders.iter().take(SENDERS_SHOWN).map(String::as_str).collect();
    let others = if senders.len() > SENDERS_SHOWN { " or another of its senders" } else { "" };
    format!("{}{others}", shown.join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::diagnostic::document::Findings;
    use crate::mail::{Message, Profiles, Trust};

    fn check(message: &str, expected: &str, expected_missing: &[&str]) {
        let profiles = Profiles::compile(&Profiles::shipped_sources(), &Findings::default());
        let message = Message::parse(message.as_bytes()).unwrap();
        let (recognition, nearest) = profiles.recognise_closely(&message, &Trust::default(), Timestamp(0));
        assert_eq!(recognition, profiles.recognise(&message, &Trust::default(), Timestamp(0)));
        assert_eq!(foreign(nearest.as_ref()), format!("{expected}\n"));
        assert_eq!(nearest.map_or_else(Vec::new, |nearest| missing(&nearest)), expected_missing);
    }

    #[test]
    fn a_missing_mark_is_named() {
        check(
            "From: notifications@toot.example\nSubject: ann@far.example is now following you\n\n\
             Ann is following you.\nhttps://toot.example/settings/preferences\n",
            "not a notification; nearest: Mastodon (subject matches; no line of text `{}{handle}{}` then \
             `{}//{host}/web/{}`)",
            &["line of text `{}{handle}{}` then `{}//{host}/web/{}`"],
        );
    }

    #[test]
    fn a_matching_sender_or_subject_alone_names_its_network() {
        check(
            "From: ann@mail.example\nSubject: Ann (@ann) is now following you on Twitter!\n\nHi\n",
            "not a notification; nearest: Twitter (subject matches; sender is not n-*@postmaster.twitter.com or \
             noreply@twitter.com or notify@twitter.com or another of its senders)",
            &["sender"],
        );
        check(
            "From: notify@twitter.com\nSubject: Ann mentioned you\n\nHi\n",
            "not a notification; nearest: Twitter (sender matches; subject differs)",
            &["subject"],
        );
    }

    #[test]
    fn a_reply_is_not_a_notification() {
        check(
            "From: notify@twitter.com\nSubject: Ann (@ann) is now following you on Twitter!\nIn-Reply-To: <1@a.example>\n\nHi\n",
            "not a notification; nearest: Twitter (sender and subject match; is a reply, a forwarded message or a \
             list post)",
            &["not a reply, forward or list post"],
        );
    }

    #[test]
    fn without_a_match_no_network_is_named() {
        check(
            "From: ann@mail.example\nSubject: Lunch?\n\nAt noon?\n",
            "not a notification: no known network sends such messages",
            &[],
        );
    }
}
