//! Messages in the shapes of real notifications, with invented people and the least markup that shows the facts; and
//! messages that are not notifications. For tests that need many, or some made to measure; `tests/corpus` holds the
//! ones to look at.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The name of the receiving server of the tests in Authentication-Results.
pub const AUTHSERV_ID: &str = "mx.post.example";

/// The user's own servers, from which the Mastodon messages below come; as the settings have them.
pub const INSTANCES: &str = r#"["toots.example", "troet.example", "umi.example"]"#;

/// A follower, as the shapes below print them.
#[derive(Clone, Debug)]
pub struct Person {
    pub name: String,
    pub handle: String,
    pub bio: String,
    pub followers: String,
    pub following: String,
    pub posts: String,
}

impl Person {
    pub fn new(name: &str, handle: &str, counts: [u64; 3]) -> Self {
        let [followers, following, posts] = counts.map(|count| count.to_string());
        Self { name: name.into(), handle: handle.into(), bio: String::new(), followers, following, posts }
    }

    pub fn bio(mut self, bio: &str) -> Self {
        self.bio = bio.into();
        self
    }

    /// Counts as the message prints them: `2,71 Tsd.`.
    pub fn printed(mut self, followers: &str, following: &str, posts: &str) -> Self {
        self.followers = followers.into();
        self.following = following.into();
        self.posts = posts.into();
        self
    }
}

/// A message under construction.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The subject as people read it.
    pub subject: String,
    headers: Vec<(String, String)>,
    text: Option<String>,
    html: Option<String>,
}

impl Letter {
    pub fn new(from: &str, subject: &str) -> Self {
        let headers = vec![
            ("Date".into(), "Mon, 23 Nov 2026 09:00:00 +0000".into()),
            ("From".into(), from.into()),
            ("To".into(), "kim@post.example".into()),
            ("Subject".into(), encoded(subject)),
            ("MIME-Version".into(), "1.0".into()),
        ];
        Self { subject: subject.into(), headers, text: None, html: None }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn text(mut self, text: &str) -> Self {
        self.text = Some(text.into());
        self
    }

    pub fn html(mut self, html: &str) -> Self {
        self.html = Some(html.into());
        self
    }

    /// Signed by `domain`, and found good by the receiving server of the tests.
    pub fn authentic(self, domain: &str) -> Self {
        let results = format!("{AUTHSERV_ID}; dkim=pass header.d={domain}; dmarc=pass header.from={domain}");
        self.signed(domain).on_top("Authentication-Results", &results)
    }

    /// Signed by `domain`, but the receiving server has not checked the signature.
    pub fn signed(self, domain: &str) -> Self {
        self.on_top("DKIM-Signature", &format!("v=1; a=rsa-sha256; d={domain}; s=a; h=From; bh=MA==; b=MA=="))
    }

    /// A header above all others, as a receiving server adds it.
    pub fn on_top(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(0, (name.into(), value.into()));
        self
    }

    /// The message as a mailbox holds it, with CRLF line ends. `number` makes it differ from every other.
    pub fn bytes(&self, number: usize) -> Vec<u8> {
        let mut message = String::new();
        for (name, value) in &self.headers {
            let _ = write!(message, "{name}: {value}\r\n");
        }
        let _ = write!(message, "Message-ID: <{number}.test@post.example>\r\n");
        match (&self.text, &self.html) {
            (Some(text), Some(html)) => {
                message.push_str("Content-Type: multipart/alternative; boundary=\"b0undary\"\r\n\r\n");
                for (kind, body) in [("plain", text), ("html", html)] {
                    let _ = write!(message, "--b0undary\r\n{}\r\n", part(kind, body));
                }
                message.push_str("--b0undary--\r\n");
            }
            (_, Some(html)) => message.push_str(&part("html", html)),
            (text, None) => message.push_str(&part("plain", text.as_deref().unwrap_or_default())),
        }
        message.into_bytes()
    }
}

/// A part of a message: base64 where it is not ASCII.
fn part(kind: &str, body: &str) -> String {
    let body = body.replace('\n', "\r\n");
    if body.is_ascii() {
        return format!("Content-Type: text/{kind}; charset=us-ascii\r\n\r\n{body}\r\n");
    }
    let lines: Vec<_> = STANDARD
        .encode(body)
        .as_bytes()
        .chunks(76)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    format!(
        "Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
        lines.join("\r\n")
    )
}

/// A header value; as encoded words of whole characters where it is not ASCII (RFC 2047).
fn encoded(value: &str) -> String {
    if value.is_ascii() {
        return value.to_owned();
    }
    let characters: Vec<char> = value.chars().collect();
    let words: Vec<_> = characters
        .chunks(10)
        .map(|chunk| format!("=?UTF-8?B?{}?=", STANDARD.encode(chunk.iter().collect::<String>())))
        .collect();
    words.join("\r\n ")
}

fn quoted(name: &str) -> String {
    if name.is_ascii() { format!("\"{name}\"") } else { encoded(name) }
}

/// Twitter, July 2009 to August 2010: counts in the HTML part.
pub fn twitter_2009(person: &Person) -> Letter {
    let Person { name, handle, followers, following, posts, .. } = person;
    let tweets = if posts == "1" { "tweet" } else { "tweets" };
    Letter::new(
        "Twitter <twitter-follow-kim=post.example@postmaster.twitter.com>",
        &format!("{name} is now following you on Twitter!"),
    )
    .header("X-Twitteremailtype", "is_following")
    .header("X-Twitterrecipientscreenname", "kim_p")
    .header("X-Twittersenderscreenname", handle)
    .text(&format!(
        "Hi, Kim (kim_p).\n\n{name} ({handle}) is now following your tweets on Twitter.\n\nCheck out {name}'s \
         profile here:\n  http://twitter.com/{handle}\n\nBest,\nTwitter\n"
    ))
    .html(&format!(
        "<html><body><h2>Hi, Kim.</h2><p><a href=\"http://twitter.com/{handle}?utm_source=follow&utm_campaign=\
         twitter20080331162631&utm_medium=email\">{name} ({handle})</a> is now following your tweets on Twitter.</p>\
         <p>A little information about {name}: </p><div class=\"user\"><table><tr><td><a href=\"http://twitter.com/\
         {handle}?utm_source=follow\"><img src=\"http://a2.twimg.com/profile_images/6/me_normal.jpg\"></a></td><td>\
         <span><span>{followers} followers</span><br/><span>{posts} {tweets}</span><br/><span>following {following} \
         people</span></span></td></tr></table></div></body></html>"
    ))
    .authentic("twitter.com")
}

/// Twitter, May 2011 to 2012: a bio, and three linked cells.
pub fn twitter_2011(person: &Person) -> Letter {
    let Person { name, handle, bio, followers, following, posts } = person;
    let link = |path: &str, nid: &str| {
        format!(
            "http://twitter.com/{handle}{path}?iid=am-1&amp;nid=23+{nid}&amp;uid=16&amp;utm_content=profile"
        )
    };
    let (profile, statuses) = (link("", "profile_user"), link("", "user_statuses"));
    let (their_following, their_followers) =
        (link("/following", "user_following"), link("/followers", "user_follower"));
    Letter::new(
        "Twitter <n-xvz=cbfg.rknzcyr-5efc8@postmaster.twitter.com>",
        &format!("{name} (@{handle}) is now following you on Twitter!"),
    )
    .header("X-Twitteremailtype", "is_following")
    .header("X-Twittersenderscreenname", handle)
    .text(&format!(
        "{name} (@{handle}) is now following you on Twitter!\n\n{name}'s profile: http://twitter.com/{handle}\n"
    ))
    .html(&format!(
        "<html><body><h2>{name} (<a href=\"{profile}\">@{handle}</a>) is now following you on Twitter!</h2><table>\
         <tbody><tr><td><table><tbody><tr><td><a href=\"{profile}\"><img src=\"http://a0.twimg.com/profile_images/1/\
         me_normal.jpg\"></a></td><td><div><a href=\"{profile}\">{handle} {name}</a></div>\n<div>{bio}</div></td></tr>\
         </tbody></table></td><td><table><tbody><tr><td><a href=\"{statuses}\">{posts}\nTweets</a></td><td><a \
         href=\"{their_following}\">{following}\nFollowing</a></td><td><a href=\"{their_followers}\">{followers}\n\
         Followers</a></td></tr></tbody></table></td></tr></tbody></table></body></html>"
    ))
    .authentic("twitter.com")
}

/// Twitter, 2013: a digest of several followers.
pub fn twitter_digest(people: &[Person]) -> Letter {
    let redirect = |path: &str, nid: &str| {
        format!(
            "https://twitter.com/i/redirect?url=https%3A%2F%2Ftwitter.com%2F{path}%3Frefsrc%3Demail&amp;nid=10+{nid}+20130917&amp;t=1"
        )
    };
    let mut text = String::from("Kim,\nYou have new followers on Twitter!\n\n------------------------\n\n");
    let mut html = String::from(
        "<html><body><table><tr><td class=\"main_name\">Kim,</td></tr><tr><td class=\"subtitle\">You have new \
         followers on Twitter!</td></tr></table>",
    );
    for Person { name, handle, bio, followers, following, .. } in people {
        let _ = write!(text, "{name} @{handle}\n{bio}\nhttps://twitter.com/{handle}\n\n\n");
        let (profile, to_handle) = (redirect(handle, "1120"), redirect(handle, "1110"));
        let their_following = redirect(&format!("{handle}%2Ffollowing"), "1150");
        let their_followers = redirect(&format!("{handle}%2Ffollowers"), "1140");
        let _ = write!(
            html,
            "<table class=\"media_main entry\"><tbody><tr><td class=\"fd_avatar\"><a href=\"{profile}\"><img \
             src=\"https://pbs.twimg.com/profile_images/9/a_reasonably_small.png\"></a></td><td \
             class=\"name_handler\"><a href=\"{profile}\"><span class=\"name\">{name}</span></a> <a \
             href=\"{to_handle}\"><span class=\"handle screen-name\">@{handle}</span></a></td></tr><tr><td \
             class=\"bio\">{bio}</td></tr><tr><td class=\"followed_by\"> Following: <a \
             href=\"{their_following}\">{following}</a> &middot; Followers: <a \
             href=\"{their_followers}\">{followers}</a> </td></tr></tbody></table>"
        );
    }
    text.push_str("See all your followers:\nhttps://twitter.com/kim_p/followers\n");
    html.push_str("</body></html>");
    Letter::new("Twitter <info@twitter.com>", "Kim, you have new followers on Twitter!")
        .text(&text)
        .html(&html)
        .authentic("twitter.com")
}

/// Twitter, 2015 and 2016: a bio and no counts.
pub fn twitter_2015(person: &Person) -> Letter {
    let Person { name, handle, bio, .. } = person;
    let link = |nid: &str| {
        format!(
            "https://twitter.com/i/redirect?url=https%3A%2F%2Ftwitter.com%2F{handle}%3Fcn%3DZm9sbG93ZXI%253D&amp;t=1&amp;cn=Zm9sbG93ZXI%3D&amp;nid=23+{nid}"
        )
    };
    let (avatar, to_name, to_handle) = (link("1100"), link("1120"), link("1110"));
    Letter::new(
        &format!("{} <notify@twitter.com>", quoted(&format!("{name} (via Twitter)"))),
        &format!("{name} (@{handle}) is now following you on Twitter!"),
    )
    .text(&format!(
        "Kim,\nYou have a new follower on Twitter.\n\n------------------------\n\n{name}\n@{handle}\n{bio}\n\n\n\
         Follow:\nhttps://twitter.com/{handle}\n\n\n-- \n"
    ))
    .html(&format!(
        "<html><body><table><tr><td class=\"subtitle\"> You have a new follower on Twitter. </td></tr><tr><td><a \
         href=\"{avatar}\"><img class=\"hero_avatar\" src=\"https://pbs.twimg.com/profile_images/1/a.png\"></a></td>\
         </tr><tr><td class=\"hero_name\"><a class=\"hero_name\" href=\"{to_name}\">{name}</a></td></tr><tr><td \
         class=\"hero_screen_name\"><a class=\"screen-name\" href=\"{to_handle}\">@{handle}</a></td></tr><tr><td \
         class=\"hero_bio\">{bio}</td></tr><tr><td class=\"followed_by\"></td></tr><tr><td class=\"follow_button\"><a href=\"{avatar}\">Follow</a></td>\
         </tr></table></body></html>"
    ))
    .authentic("twitter.com")
}

/// X, 2023 and later: followers alone.
pub fn x_2024(person: &Person) -> Letter {
    let Person { name, handle, bio, followers, .. } = person;
    let link = |path: &str| {
        format!(
            "https://t.co/redirect?url=https%3A%2F%2Fx.com%2F{handle}{path}&amp;t=1&amp;cn=Zm9sbG93ZXI%3D&amp;nid=296+1"
        )
    };
    let (profile, their_followers) = (link(""), link("%2Ffollowers"));
    Letter::new("X <notify@x.com>", &format!("{name} (@{handle}) is now following you on X"))
        .text(&format!(
            "{name} (@{handle}) is now following you on X\n{bio}\n{followers} Followers\nhttps://x.com/{handle}\n\n\
             We sent this email to @kim_p\n"
        ))
        .html(&format!(
            "<html><body><div><a href=\"{profile}\">{name}</a> <a href=\"{profile}\">@{handle}</a> is now following \
             you on X</div><div class=\"bio\">{bio}</div><div class=\"stats\"><a href=\"{their_followers}\">\
             {followers} Followers</a></div><a href=\"{profile}\">View profile</a></body></html>"
        ))
        .authentic("x.com")
}

/// The host and the words of a Mastodon server.
#[derive(Clone, Copy, Debug)]
pub struct Server {
    pub host: &'static str,
    pub language: &'static str,
    /// The subject after the handle.
    pub follows: &'static str,
    /// The words for posts, following and followers.
    pub words: [&'static str; 3],
}

pub const ENGLISH: Server = Server {
    host: "toots.example",
    language: "en",
    follows: " is now following you",
    words: ["Posts", "Following", "Followers"],
};
pub const GERMAN: Server = Server {
    host: "troet.example",
    language: "de",
    follows: " folgt dir jetzt",
    words: ["Beiträge", "Folge ich", "Follower"],
};
pub const JAPANESE: Server = Server {
    host: "umi.example",
    language: "ja",
    follows: "さんにフォローされています",
    words: ["投稿", "フォロー", "フォロワー"],
};

/// Mastodon 4.3 and later: a card with name, handle and rounded counts in the HTML part.
pub fn mastodon_card(server: &Server, person: &Person) -> Letter {
    let Person { name, handle, followers, following, posts, .. } = person;
    let host = server.host;
    let cells: String = server
        .words
        .iter()
        .zip([posts, following, followers])
        .map(|(word, count)| format!("<td>\n<b>{count}</b>\n<span>{word}</span>\n</td>"))
        .collect();
    mastodon(server, handle, "follow").html(&format!(
        "<!DOCTYPE html><html lang=\"{}\"><body><h1>kim</h1><table class=\"email-account-body-table\"><tr><td \
         class=\"email-account-body-td\"><p class=\"email-account-name\">{name}</p><p \
         class=\"email-account-handle\">@{handle}</p><table class=\"email-account-stats-table\"><tr>{cells}</tr>\
         </table></td></tr></table><a class=\"email-btn-a\" href=\"https://{host}/web/@{handle}\">→</a><a \
         href=\"https://{host}/settings/preferences/notifications\">·</a></body></html>",
        server.language,
    ))
}

/// Mastodon 4.2: no card, a List-ID that names the kind.
pub fn mastodon_4_2(server: &Server, handle: &str) -> Letter {
    let host = server.host;
    mastodon(server, handle, "follow").html(&format!(
        "<!DOCTYPE html><html lang=\"{}\"><body><a href=\"https://{host}/web/@{handle}\">{handle}</a></body></html>",
        server.language
    ))
}

/// A mention, for which the same server sends a message that looks the same.
pub fn mastodon_mention(server: &Server, handle: &str) -> Letter {
    let host = server.host;
    Letter::new(&format!("notifications@{host}"), &format!("You were mentioned by {handle}"))
        .header("List-ID", &format!("<mention.kim.{host}>"))
        .text(&format!(
            "Kim,\n\nYou were mentioned by {handle} in:\n\n> somebody is now following you\n\nView: \
             https://{host}/web/statuses/1\n"
        ))
        .authentic(host)
}

fn mastodon(server: &Server, handle: &str, kind: &str) -> Letter {
    let Server { host, follows, .. } = server;
    Letter::new(&format!("notifications@{host}"), &format!("{handle}{follows}"))
        .header("Auto-Submitted", "auto-generated")
        .header("Precedence", "list")
        .header("List-ID", &format!("<{kind}.kim.{host}>"))
        .header("List-Unsubscribe", &format!("<https://{host}/unsubscribe?token=x&type={kind}>"))
        .text(&format!(
            "Kim,\n\n{handle}{follows}!\n\nView: https://{host}/web/@{handle}\n\n---\n\nMastodon hosted on {host}\n\
             Change e-mail preferences: https://{host}/settings/preferences\n"
        ))
        .authentic(host)
}

/// An ordinary message from a person.
pub fn ordinary(from: &str, subject: &str, text: &str) -> Letter {
    Letter::new(from, subject).text(text)
}
