//! What servers and programs make of a message's parts, its encoding and its header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::links::unescaped;
use super::mail::Mail;

const WARNING: &str = "CAUTION: This message comes from outside of the organisation. Do not open links or attachments unless \
                       you know the sender.";

pub(crate) fn warning_first(mail: &mut Mail) -> bool {
    mail.before.push(format!("{WARNING}\n"));
    true
}

pub(crate) fn warning_last(mail: &mut Mail) -> bool {
    mail.after.push(format!("_______________\n{WARNING}\nhttps://work.example/report\n"));
    true
}

pub(crate) fn warning_inside(mail: &mut Mail) -> bool {
    if let Some(text) = &mut mail.text {
        *text = format!("{WARNING}\n\nReport it: https://work.example/report\n\n{text}");
    }
    if let Some(html) = &mut mail.html {
        let body = html.find("<body").and_then(|body| Some(body + html.get(body..)?.find('>')? + 1));
        let banner = format!(
            "<div style=\"border:1px solid red\"><table><tr><td><strong>{WARNING}</strong> \
             <a href=\"https://work.example/report\">Report</a></td></tr></table></div>"
        );
        html.insert_str(body.unwrap_or(0), &banner);
    }
    true
}

pub(crate) fn nested(mail: &mut Mail) -> bool {
    mail.is_nested = true;
    true
}

pub(crate) fn html_alone(mail: &mut Mail) -> bool {
    mail.html.is_some() && mail.text.take().is_some()
}

/// As Exchange writes it: links behind their text, and what stood in the text part is lost.
pub(crate) fn text_from_html(mail: &mut Mail) -> bool {
    let Some(html) = &mail.html else { return false };
    let mut text = String::new();
    let mut targets: Vec<String> = Vec::new();
    let mut hidden: Option<&str> = None;
    for piece in html.split('<').skip(1) {
        let (tag, content) = piece.split_once('>').unwrap_or((piece, ""));
        let name =
            tag.split(|c: char| c.is_whitespace() || c == '>').next().unwrap_or_default().to_lowercase();
        match (name.as_str(), hidden) {
            ("style" | "script" | "head" | "title", None) => {
                hidden = ["style", "script", "head", "title"].into_iter().find(|it| *it == name);
            }
            (closing, Some(open)) if closing.strip_prefix('/') == Some(open) => hidden = None,
            ("a", None) => {
                let target = tag.split_once("href=").map(|(_, target)| target).unwrap_or_default();
                let quote = target.chars().next().unwrap_or('"');
                targets.push(unescaped(
                    target.trim_start_matches(quote).split(quote).next().unwrap_or_default(),
                ));
            }
            ("/a", None) => {
                if let Some(target) = targets.pop().filter(|target| target.starts_with("http")) {
                    text.push_str(&format!("<{target}>"));
                }
            }
            (
                "br" | "br/" | "p" | "/p" | "div" | "/div" | "tr" | "/tr" | "h1" | "/h1" | "h2" | "/h2"
                | "li",
                None,
            ) => {
                text.push('\n');
            }
            ("td" | "th", None) => text.push('\t'),
            _ => {}
        }
        if hidden.is_none() {
            text.push_str(&unescaped(content).split('\n').map(str::trim).collect::<Vec<_>>().join(" "));
        }
    }
    mail.text = Some(text);
    true
}

pub(crate) fn padded_pieces(mail: &mut Mail) -> bool {
    mail.is_in_padded_pieces = true;
    true
}

pub(crate) fn line_ends(mail: &mut Mail) -> bool {
    mail.line_end = "\r\r\n";
    true
}

fn cut_subject(mail: &mut Mail, between: &str, encode: fn(&[u8]) -> String) -> bool {
    let subject = mail.subject();
    let words: Vec<_> = subject.as_bytes().chunks(20).map(encode).collect();
    mail.set("Subject", words.join(between));
    true
}

fn base64(piece: &[u8]) -> String {
    format!("=?UTF-8?B?{}?=", STANDARD.encode(piece))
}

fn quoted(piece: &[u8]) -> String {
    let escaped = |byte: &u8| match byte {
        b' ' => "_".to_owned(),
        byte if byte.is_ascii_alphanumeric() => char::from(*byte).to_string(),
        byte => format!("={byte:02X}"),
    };
    format!("=?utf-8?Q?{}?=", piece.iter().map(escaped).collect::<String>())
}

pub(crate) fn cut_base64(mail: &mut Mail) -> bool {
    cut_subject(mail, "\n ", base64)
}

pub(crate) fn cut_quoted(mail: &mut Mail) -> bool {
    cut_subject(mail, "\n ", quoted)
}

pub(crate) fn joined_base64(mail: &mut Mail) -> bool {
    cut_subject(mail, "", base64)
}

pub(crate) fn joined_quoted(mail: &mut Mail) -> bool {
    cut_subject(mail, "", quoted)
}

fn name_sender(mail: &mut Mail, name: &str) -> bool {
    let Some((shown, local, domain)) = mail.sender() else { return false };
    // Another sender would be lost, and so would a follower whose name is there.
    let is_several = mail.field("From").is_some_and(|from| from.matches('@').count() > 1);
    let followers = mail.genuine.iter().flat_map(|genuine| &genuine.followers);
    // And some layouts look in the text for the site as From names it.
    let is_site = mail.text.as_deref().is_some_and(|text| text.contains(&format!("{shown}: ")));
    if is_several
        || is_site
        || followers.filter_map(|follower| follower.name.value()).any(|name| shown.contains(name))
    {
        return false;
    }
    mail.set("From", format!("{name} <{local}@{domain}>"));
    true
}

pub(crate) fn comma(mail: &mut Mail) -> bool {
    name_sender(mail, "Site, Friends")
}

pub(crate) fn colon(mail: &mut Mail) -> bool {
    name_sender(mail, "Site: News")
}

pub(crate) fn smiley(mail: &mut Mail) -> bool {
    name_sender(mail, "Site :)")
}

/// The follower calls themselves by characters that show nothing.
pub(crate) fn invisible_name(mail: &mut Mail) -> bool {
    const INVISIBLE: &str = "\u{200b}\u{200b}";
    let Some([follower]) = mail.genuine.as_ref().map(|genuine| genuine.followers.as_slice()) else {
        return false;
    };
    let Some(name) = follower.name.value().filter(|name| follower.handle.value() != Some(name)).cloned()
    else {
        return false;
    };
    // In a handle or in a link it would be another account's.
    if follower.handle.value().is_some_and(|handle| handle.contains(&name)) {
        return false;
    }
    let link = utf8_percent_encode(&name, NON_ALPHANUMERIC).to_string();
    if follower.url.value().is_some_and(|url| url.contains(&name) || url.contains(&link)) {
        return false;
    }
    let subject = mail.subject();
    if subject.contains(&name) {
        mail.set("Subject", base64(subject.replace(&name, INVISIBLE).as_bytes()));
    }
    mail.replace(&name, INVISIBLE) || subject.contains(&name)
}
