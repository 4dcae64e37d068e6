//! What else is in an inbox: letters, lists, newsletters, receipts, invitations, phishing, broken messages, and what
//! networks write about other things than followers.

use fastrand::Rng;

use super::letter::{Letter, NAMES, markup, phrase, sender, words};

/// The name of a network's message about something else.
pub(crate) const OF_A_NETWORK: &str = "another message of a network";

/// One message, with what it is.
pub(crate) fn mail(luck: &mut Rng) -> (String, Vec<u8>) {
    let (what, mail) = match luck.u8(0..12) {
        0 => ("a newsletter", newsletter(luck)),
        1 => ("a list post", list_post(luck)),
        2 => ("a look-alike", look_alike(luck)),
        3 => ("a phrase as a name", phrase_as_name(luck)),
        4 => ("another notification of a self-hosted network", other_notification(luck)),
        5 | 6 => (OF_A_NETWORK, network_mail(luck)),
        7 => ("a receipt", letter(luck, "Your receipt", "Total: 12,450\r\nfollowers 3 following 2001\r\n")),
        8 => ("a login code", letter(luck, "123456 is your code", "NAME (@ann) signed in.\r\n")),
        9 => ("an invitation", invitation(luck)),
        10 => ("an odd charset", odd_charset(luck)),
        _ => ("a broken message", broken(luck)),
    };
    (what.to_owned(), mail)
}

fn letter(luck: &mut Rng, subject: &str, text: &str) -> Vec<u8> {
    let from = sender(luck);
    Letter::new(&from, subject, luck).text(format!("{text}{}\r\n", words(luck))).bytes()
}

fn newsletter(luck: &mut Rng) -> Vec<u8> {
    let (phrase, name) = phrase(luck);
    let subject = luck
        .choice([
            "This week: NEWS",
            "NEWS - and more",
            "You follow us, so: NEWS",
            "NEWS",
            "📰 NEWS",
            "[News] NEWS",
        ])
        .unwrap()
        .replace("NEWS", &phrase);
    let text = format!("{phrase}\r\n{}\r\nhttps://shop.example/unsubscribe\r\n", words(luck));
    Letter::new(&sender(luck), &subject, luck)
        .header("List-Unsubscribe", "<https://shop.example/unsubscribe>")
        .header("List-Id", "<news.shop.example>")
        .header("Precedence", "bulk")
        .text(text)
        .html(markup(name, luck))
        .bytes()
}

fn list_post(luck: &mut Rng) -> Vec<u8> {
    let (phrase, name) = phrase(luck);
    let letter = Letter::new("Ann Lima via Users <users@lists.example>", &format!("[Users] {phrase}"), luck)
        .header("List-Id", "<follow.rob.lists.example>")
        .header("List-Post", "<mailto:users@lists.example>");
    letter.text(format!("{phrase}\r\n{name}\r\nhttps://lists.example/user/ann\r\n")).bytes()
}

/// The phrase as the subject, from a stranger, with a body that has some of the marks.
fn look_alike(luck: &mut Rng) -> Vec<u8> {
    let (phrase, name) = phrase(luck);
    let ids =
        ["<notification.1.forum.example>", "<follow.home.example>", "<mention.rob.home.example>", "<users>"];
    let lines = [
        format!("{name} just followed you. Say hello!"),
        format!("{name} ({phrase})"),
        format!("Hello Rob: {name} (https://home.example/u/ann)."),
        format!("{name}: https://home.example/ann"),
        "URL: https://home.example/ann".to_owned(),
        "https://home.example/profile/ann".to_owned(),
        "View profile: https://home.example/@ann".to_owned(),
        words(luck),
    ];
    let text: Vec<_> = (0..luck.usize(1..6)).map(|_| luck.choice(&lines).unwrap().as_str()).collect();
    let letter = Letter::new(&sender(luck), &phrase, luck);
    let letter = if luck.bool() { letter.header("List-Id", luck.choice(ids).unwrap()) } else { letter };
    let letter = letter.text(text.join("\r\n"));
    if luck.bool() { letter.html(markup(name, luck)).bytes() } else { letter.bytes() }
}

fn phrase_as_name(luck: &mut Rng) -> Vec<u8> {
    let (phrase, name) = phrase(luck);
    let from = format!("\"{}\" <news@shop.example>", phrase.replace('"', ""));
    Letter::new(&from, &phrase, luck).text(format!("{phrase}\r\n")).html(markup(name, luck)).bytes()
}

/// What Mastodon, NodeBB, HumHub, PeerTube, Friendica and others write about other things.
fn other_notification(luck: &mut Rng) -> Vec<u8> {
    let (phrase, name) = phrase(luck);
    let (from, subject, id, path) = luck
        .choice([
            (
                "notifications@toot.example",
                "You were mentioned by NAME",
                "<mention.rob.toot.example>",
                "settings/preferences",
            ),
            (
                "notifications@toot.example",
                "NAME boosted your post",
                "<reblog.rob.toot.example>",
                "settings/preferences",
            ),
            (
                "notifications@toot.example",
                "NAME favorited your post",
                "<favourite.rob.toot.example>",
                "settings/preferences",
            ),
            (
                "noreply@forum.example",
                "[Forum] NAME has posted a reply to: PHRASE",
                "<notification.1.forum.example>",
                "user/ann",
            ),
            (
                "noreply@forum.example",
                "[Forum] NAME posted a new topic: \"PHRASE\"",
                "<notification.1.forum.example>",
                "user/ann",
            ),
            ("noreply@hub.example", "NAME likes your post \"PHRASE\"", "<hub.example>", "notification/user"),
            ("noreply@hub.example", "NAME commented PHRASE", "<hub.example>", "notification/user"),
            (
                "tube@tube.example",
                "[PeerTube] New comment on your video PHRASE",
                "<tube.example>",
                "my-account/notifications",
            ),
            (
                "friendica@net.example",
                "[Friendica:Notify] NAME commented on PHRASE",
                "<notification.net.example>",
                "display/1",
            ),
            ("pod@pod.example", "NAME mentioned you on diaspora*", "<pod.example>", "user/edit"),
            ("pod@pod.example", "NAME commented on your post", "<pod.example>", "user/edit"),
            (
                "dev@dev.example",
                "NAME replied to your post PHRASE",
                "<dev.example>",
                "email_subscriptions/unsubscribe",
            ),
            ("noreply@elgg.example", "NAME commented PHRASE", "<elgg.example>", "profile/ann"),
            (
                "wordpress@blog.example",
                "[Blog] Comment: \"PHRASE\"",
                "<blog.example>",
                "wp-admin/users.php?page=activitypub-followers-list",
            ),
            (
                "wordpress@blog.example",
                "[Blog] New message from NAME",
                "<blog.example>",
                "members/ann/?bpf_read=1",
            ),
            (
                "wordpress@blog.example",
                "[Blog] NAME accepted your friendship request",
                "<blog.example>",
                "members/rob/friends/requests",
            ),
        ])
        .unwrap();
    let subject = subject.replace("NAME", name).replace("PHRASE", &phrase);
    let host = from.split_once('@').map_or("x.example", |(_, host)| host);
    let text =
        format!("{subject}\r\n{name}\r\n{phrase}\r\nhttps://{host}/{path}\r\nhttps://{host}/web/@ann\r\n");
    let html = format!(
        "<html lang=\"en\"><body><strong>{name}</strong><p>{phrase}</p><a href=\"https://{host}/{path}\">x</a>\
         <a href=\"https://{host}/user/ann\">{name}</a><a href=\"https://{host}/u/ann\">{name}</a></body></html>"
    );
    Letter::new(&format!("Home <{from}>"), &subject, luck).header("List-Id", id).text(text).html(html).bytes()
}

/// What the big networks write about other things, from their own addresses and signed.
fn network_mail(luck: &mut Rng) -> Vec<u8> {
    let (phrase, name) = phrase(luck);
    let (from, subject) = luck
        .choice([
            ("info@twitter.com", "NAME tweeted: PHRASE"),
            ("notify@twitter.com", "NAME mentioned you on Twitter!"),
            ("notify@twitter.com", "NAME (@ann) favorited your Tweet!"),
            ("password@twitter.com", "Reset your Twitter password"),
            ("n-abc@postmaster.twitter.com", "NAME (@ann) sent you a direct message on Twitter!"),
            ("twitter-dm-rob=home.example@postmaster.twitter.com", "Direct message from NAME"),
            ("info@x.com", "NAME posted: PHRASE"),
            ("notify@x.com", "Suggestions based on NAME"),
            ("notification+x@facebookmail.com", "NAME confirmed you as a friend on Facebook..."),
            ("notification@facebookmail.com", "NAME accepted your friend request"),
            ("notification@facebookmail.com", "NAME commented on PHRASE"),
            ("friendsuggestion@facebookmail.com", "NAME, do you know NAME?"),
            ("invitations@linkedin.com", "NAME accepted your invitation"),
            ("messages-noreply@linkedin.com", "You appeared in 9 searches this week"),
            ("invitations@linkedin.com", "Reminder: NAME is waiting for your response"),
            ("no-reply@twitch.tv", "NAME is live: PHRASE"),
            ("no-reply@mail.instagram.com", "We've made it easy to get back on Instagram"),
            ("no-reply@mail.instagram.com", "NAME mentioned you in a comment"),
            ("noreply@youtube.com", "NAME just uploaded a video"),
            ("noreply@youtube.com", "NAME replied to your comment on PHRASE"),
            ("noreply-abc@plus.google.com", "NAME shared a post with you"),
            ("noreply@quora.com", "NAME answered your question: PHRASE?"),
            ("digest-noreply@quora.com", "PHRASE?"),
            ("mail@strava.com", "NAME gave you kudos"),
            ("mail@strava.com", "NAME commented on your activity"),
            ("web@noreply.openstreetmap.org", "[OpenStreetMap] NAME commented on one of your changesets"),
        ])
        .unwrap();
    let domain = from.rsplit_once('@').map_or("x.example", |(_, domain)| domain);
    let subject = subject.replace("NAME", name).replace("PHRASE", &phrase);
    let text = format!(
        "{phrase}\r\n{name}\r\nhttps://{domain}/ann\r\nhttps://www.{domain}/i/redirect?cn=Zm9sbG93ZXI%3D\r\n"
    );
    Letter::new(&format!("\"{domain}\" <{from}>"), &subject, luck)
        .header("DKIM-Signature", &format!("v=1; d={domain}; s=x; b=abc"))
        .text(text)
        .html(markup(name, luck))
        .bytes()
}

fn invitation(luck: &mut Rng) -> Vec<u8> {
    let (phrase, name) = phrase(luck);
    let calendar = format!(
        "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:{phrase}\r\nEND:VEVENT\r\nEND:VCALENDAR"
    );
    let letter = Letter::new(&sender(luck), &phrase, luck).text(format!("{name} invites you.\r\n"));
    letter.attached("text/calendar; method=REQUEST", calendar).bytes()
}

fn odd_charset(luck: &mut Rng) -> Vec<u8> {
    let (phrase, _) = phrase(luck);
    let charsets = [
        "utf-16",
        "utf-7",
        "iso-2022-jp",
        "koi8-r",
        "x-unknown",
        "",
        "us-ascii",
        "gb18030",
        "utf-8; format=flowed",
    ];
    let charset = luck.choice(charsets).unwrap();
    let subject = match luck.u8(0..4) {
        0 => format!("=?{charset}?Q?{}?=", phrase.replace(' ', "_")),
        1 => format!("=?{charset}?B?////?= {phrase}"),
        2 => "=?utf-8?Q?_is_now_following_you?=".to_owned(),
        _ => phrase.clone(),
    };
    let mut mail = format!(
        "From: {}\r\nSubject: {subject}\r\nContent-Type: text/plain; charset={charset}\r\n\
         Content-Transfer-Encoding: {}\r\n\r\n{phrase}\r\n",
        sender(luck),
        luck.choice(["base64", "quoted-printable", "8bit", "x-uuencode", "binary"]).unwrap()
    )
    .into_bytes();
    mail.extend((0..luck.usize(0..200)).map(|_| luck.u8(..)));
    mail
}

/// What the test sets of mail programs are full of.
fn broken(luck: &mut Rng) -> Vec<u8> {
    let (phrase, name) = phrase(luck);
    let whole = look_alike(luck);
    let text = String::from_utf8_lossy(&whole).into_owned();
    match luck.u8(0..12) {
        0 => Vec::new(),
        1 => (0..luck.usize(1..3_000)).map(|_| luck.u8(..)).collect(),
        2 => format!("From ann@home.example Tue Mar  3 09:12:35 2026\n{text}").into_bytes(),
        3 => text.replace("\r\n", "\r").into_bytes(),
        4 => text.replace("\r\n", "\n").into_bytes(),
        5 => whole.get(..luck.usize(0..whole.len())).unwrap_or_default().to_vec(),
        6 => text.replace("From: ", "X-From: ").into_bytes(),
        7 => text.replace("Subject: ", "Subject: \r\nSubject: ").into_bytes(),
        8 => format!("Subject: {phrase}\r\n\r\n{phrase}").into_bytes(),
        9 => format!("From: \"{name}\" <>, <a@b@c>, ;\r\nSubject:{phrase}\r\n\r\n").into_bytes(),
        10 => {
            format!("From: {}\r\nSubject: {}\r\n\r\n", sender(luck), luck.choice(NAMES).unwrap()).into_bytes()
        }
        _ => text.replace(' ', "\0").into_bytes(),
    }
}
