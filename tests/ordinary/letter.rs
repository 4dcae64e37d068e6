//! Messages in the making: headers as they come, parts, and the words that they are made of.

use fastrand::Rng;

/// A message under construction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Letter {
    header: String,
    text: Option<String>,
    html: Option<String>,
    attached: Option<(String, String)>,
}

impl Letter {
    pub(crate) fn new(from: &str, subject: &str, luck: &mut Rng) -> Self {
        let day = luck.u8(1..29);
        let header = format!(
            "From: {from}\r\nTo: rob@home.example\r\nSubject: {subject}\r\nDate: {day} Mar 2026 09:12:35 +0000\r\n\
             Message-ID: <{}@mail.example>\r\nMIME-Version: 1.0\r\n",
            luck.u64(..)
        );
        Self { header, ..Self::default() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.header.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    pub(crate) fn html(mut self, html: impl Into<String>) -> Self {
        self.html = Some(html.into());
        self
    }

    /// Something of a type, as the last part.
    pub(crate) fn attached(mut self, kind: &str, content: impl Into<String>) -> Self {
        self.attached = Some((kind.to_owned(), content.into()));
        self
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        let Self { mut header, text, html, attached } = self;
        let text = text.map(|text| ("text/plain; charset=utf-8".to_owned(), text));
        let html = html.map(|html| ("text/html; charset=utf-8".to_owned(), html));
        let parts: Vec<_> = text.into_iter().chain(html).chain(attached.clone()).collect();
        if let [(kind, content)] = parts.as_slice() {
            header.push_str(&format!("Content-Type: {kind}\r\n\r\n{content}"));
            return header.into_bytes();
        }
        let kind = if attached.is_some() { "mixed" } else { "alternative" };
        header.push_str(&format!("Content-Type: multipart/{kind}; boundary=\"=_b\"\r\n\r\n"));
        for (kind, content) in parts {
            header.push_str(&format!("--=_b\r\nContent-Type: {kind}\r\n\r\n{content}\r\n"));
        }
        header.push_str("--=_b--\r\n");
        header.into_bytes()
    }
}

/// What people are called; some call themselves so to be taken for something else.
pub(crate) const NAMES: &[&str] = &[
    "Ann Lima",
    "Jórunn",
    "bob",
    "ann@far.example",
    "佐藤 花子",
    "Обувь",
    "مريم",
    "Twitter",
    "Ann Lima (@ann)",
    "Mastodon Social",
    "X",
    "null",
    "[Forum] Ann",
    "💰 VIP 💰",
    "Ann started following you.",
];

/// The phrases of notifications, in languages and systems of all kinds. `NAME` stands for one.
pub(crate) const PHRASES: &[&str] = &[
    "NAME is now following you",
    "NAME is now following you.",
    "NAME is now following you on Twitter!",
    "NAME (@ann) is now following you on Twitter!",
    "NAME (@ann) is now following you on X",
    "NAME is now following you on Strava.",
    "NAME is now following you on Quora",
    "NAME is now following you on Twitch",
    "NAME is now following you on Home.",
    "NAME is now listening to your notices on Home.",
    "NAME just followed you on DEV Community",
    "NAME just followed you",
    "NAME started following you",
    "NAME followed you",
    "NAME added you on Google+",
    "NAME added you as a friend on Facebook...",
    "NAME wants to be friends on Facebook",
    "NAME sent you a friend request.",
    "NAME wants to be your friend!",
    "NAME has made you a friend!",
    "NAME has subscribed to you on YouTube!",
    "NAME started sharing with you on diaspora*",
    "Pending follower: NAME",
    "You've got a new follower",
    "You've received a follow request",
    "You have new followers on Twitter!",
    "rob, you have new followers on Twitter!",
    "New follower on your channel Films",
    "[PeerTube] New follower on your channel Films",
    "[PeerTube] New follower for films.example",
    "[Socialhome] New follower: NAME",
    "[My Blog] New Follower: NAME",
    "[Site] New friendship request from NAME",
    "[Site] NAME is now following you",
    "[Forum] NAME started following you.",
    "[Friendica:Notify] You have a new follower (rob@home.example)",
    "[Friendica:Notify] Introduction received (rob@home.example)",
    "[Hubzilla:Notify] Introduction received",
    "[OpenStreetMap] NAME followed you",
    "snac notify for @rob@home.example",
    "Rob, please add me to your LinkedIn network",
    "I want to connect",
    "NAME folgt dir jetzt",
    "NAME folgt dir jetzt.",
    "NAME folgt dir jetzt auf Twitch",
    "NAME vous suit",
    "NAME vous suit désormais.",
    "NAME vous suit sur Home",
    "NAME te está siguiendo",
    "NAME ti sta seguendo",
    "NAMEさんにフォローされています",
    "NAMEさんがあなたをフォローしました",
    "NAME теперь подписан на вас",
    "NAME من متتبعيك الآن",
    "يتابعك",
    "NAME obserwuje cię teraz",
    "NAME segue você em Home",
];

/// One of the phrases, about one of the names.
pub(crate) fn phrase(luck: &mut Rng) -> (String, &'static str) {
    let name = luck.choice(NAMES).copied().unwrap_or_default();
    let phrase = luck.choice(PHRASES).copied().unwrap_or_default();
    (phrase.replace("NAME", name), name)
}

/// A sender who is no network.
pub(crate) fn sender(luck: &mut Rng) -> String {
    let names = ["", "\"Ann Lima\" ", "=?utf-8?Q?J=C3=B3runn?= ", "\"Twitter\" ", "\"notify@twitter.com\" "];
    let addresses = [
        "ann@home.example",
        "noreply@shop.example",
        "notify@twitter.com.evil.test",
        "twitter-follow-rob=home.example@postmaster.evil.test",
        "noreply@youtube.com.evil.test",
        "notification+x@facebookmail.com.evil.test",
        "invitations@linkedin.example",
        "notifications@forum.example",
        "bounce@lists.example",
    ];
    let name = luck.choice(names).unwrap_or_default();
    format!("{name}<{}>", luck.choice(addresses).unwrap_or_default())
}

/// A few words.
pub(crate) fn words(luck: &mut Rng) -> String {
    const WORDS: &[&str] = &[
        "the",
        "garden",
        "follow",
        "bread",
        "profile",
        "on",
        "Tuesday",
        "we",
        "Grüße",
        "list",
        "and",
        "новости",
        "写真",
        "account",
        "followers",
        "people",
        "of",
        "new",
        "is",
        "now",
    ];
    let count = luck.usize(3..25);
    (0..count).map(|_| *luck.choice(WORDS).unwrap_or(&"x")).collect::<Vec<_>>().join(" ")
}

/// A piece of HTML that looks like what notifications are made of.
pub(crate) fn markup(name: &str, luck: &mut Rng) -> String {
    let hosts = ["home.example", "shop.example", "forum.example", "github.example", "evil.test"];
    let paths = [
        "settings",
        "settings/preferences",
        "user/ann",
        "u/ann",
        "profile/ann",
        "@ann",
        "ann",
        "notifications",
        "unsubscribe?u=1",
        "web/@ann",
        "members/ann",
        "p/1",
        "my-account",
        "notification/entry?id=1",
    ];
    let mut html = String::from("<html lang=\"en\"><body>");
    for _ in 0..luck.usize(1..8) {
        let host = luck.choice(hosts).unwrap_or_default();
        let path = luck.choice(paths).unwrap_or_default();
        let piece = match luck.u8(0..6) {
            0 => format!("<p><a href=\"https://{host}/{path}\">{name}</a></p>"),
            1 => format!("<strong>{name}</strong>"),
            2 => format!("<table><tr><td>{name}</td></tr><tr><td>{}</td></tr></table>", words(luck)),
            3 => format!("<article><div>{name} (@ann@home.example)</div></article>"),
            4 => format!("<p>{}</p>", words(luck)),
            _ => format!("<a href=\"https://{host}/{path}\">{}</a>", words(luck)),
        };
        html.push_str(&piece);
    }
    html.push_str("</body></html>\r\n");
    html
}
