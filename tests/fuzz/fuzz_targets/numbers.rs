//! Any text in the place where a message prints a number, in any language: it is read as a number or not at all, and
//! the facts beside it stay what they are.
#![no_main]

use std::sync::LazyLock;

use followsift::diagnostic::document::Findings;
use followsift::clock::Timestamp;
use followsift::mail::{Message, Profiles, Recognition, Shown, Trust};
use libfuzzer_sys::fuzz_target;

static PROFILES: LazyLock<Profiles> =
    LazyLock::new(|| Profiles::compile(&Profiles::shipped_sources(), &Findings::default()));

static LANGUAGES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let networks = PROFILES.networks();
    networks.into_iter().filter(|it| it.network.as_str() == "mastodon").flat_map(|it| it.locales).collect()
});

fuzz_target!(|input: (u8, &str)| {
    let (language, number) = input;
    let Some(language) = LANGUAGES.get(usize::from(language) % LANGUAGES.len().max(1)) else { return };
    if number.contains(['<', '>', '&']) {
        return;
    }
    let mail = format!(
        "From: <notifications@tooting.example>\nSubject: ann@far.example is now following you\n\
         List-ID: <follow.mika.tooting.example>\nContent-Type: text/html; charset=utf-8\n\n\
         <html lang=\"{language}\"><body><p class=\"email-account-name\">Ann</p>\
         <p class=\"email-account-handle\">@ann@far.example</p><table class=\"email-account-stats-table\"><tr>\
         <td><b>7</b></td><td><b>9</b></td><td><b>{number}</b></td></tr></table>\
         <a href=\"https://tooting.example/settings/preferences\">x</a></body></html>\n"
    );
    let message = Message::parse(mail.as_bytes()).expect("a readable message");
    let recognition = PROFILES.recognise(&message, &Trust::default(), Timestamp(0));
    let follower = match recognition {
        Recognition::Recognised(notification) => notification.followers.into_iter().next(),
        // Text that is not a number in the language leaves the message unread, or the count unknown.
        _ => return,
    };
    let follower = follower.expect("a notification names somebody");
    assert_eq!(follower.following, Shown::Value(9));
    assert_eq!(follower.posts, Shown::Value(7));
    if let Shown::Value(_) = follower.followers {
        let digits = number.chars().filter(|c| c.is_numeric()).count();
        assert!(digits > 0, "{number:?} is no number");
    }
});
