//! Messages about a notification: answers, forwards, posts, bounces, copies by strangers. They contain its words, its
//! layout or all of it, and are none.

use fastrand::Rng;
use followsift::mail::Message;

use super::letter::{Letter, sender};

/// A message that a person made from a notification, with what it is.
pub(crate) fn mail(notification: &[u8], luck: &mut Rng) -> (&'static str, Vec<u8>) {
    let message = Message::parse(notification).unwrap();
    let subject = message.subject().to_owned();
    let text = message.text().unwrap_or_default().to_owned();
    let html = message.html().unwrap_or_default().to_owned();
    let from = message.from().unwrap_or_default();
    let source = String::from_utf8_lossy(notification).into_owned();
    let quoted: String = text.lines().map(|line| format!("> {line}\r\n")).collect();
    let quoted_html = format!("<div>Ann wrote:<blockquote type=\"cite\">{html}</blockquote></div>");
    let header = format!(
        "From: {from}\r\nSent: Tuesday, 3 March 2026 09:12\r\nTo: rob@home.example\r\nSubject: {subject}\r\n\r\n"
    );
    let stranger = "Ann Lima <ann@home.example>";
    let prefix = luck.choice(["Re: ", "RE: ", "AW: ", "Sv: ", "Réf : ", "回复：", "Antw: ", "R: "]).unwrap();
    let forwarded =
        luck.choice(["Fwd: ", "FW: ", "WG: ", "Tr : ", "RV: ", "I: ", "转发: ", "Fwd: Re: "]).unwrap();
    match luck.u8(0..15) {
        0 => {
            let letter = Letter::new(stranger, &format!("{prefix}{subject}"), luck);
            let letter =
                letter.header("In-Reply-To", "<x@mail.example>").header("References", "<x@mail.example>");
            ("an answer", letter.text(format!("Who is that?\r\n\r\n{quoted}")).html(quoted_html).bytes())
        }
        1 => {
            let letter = Letter::new(stranger, &format!("{prefix}{subject}"), luck);
            (
                "an answer without a reference",
                letter.text(format!("{quoted}\r\n{text}")).html(quoted_html).bytes(),
            )
        }
        2 => {
            // Some programs keep the subject.
            let letter = Letter::new(stranger, &subject, luck).header("In-Reply-To", "<x@mail.example>");
            ("an answer with the same subject", letter.text(text).html(html).bytes())
        }
        3 => {
            let letter = Letter::new(stranger, &format!("{forwarded}{subject}"), luck);
            let html = format!("<p>{}</p>{html}", header.replace("\r\n", "<br>"));
            (
                "a forward",
                letter.text(format!("-------- Forwarded --------\r\n{header}{text}")).html(html).bytes(),
            )
        }
        4 => {
            let letter = Letter::new(stranger, &format!("{forwarded}{subject}"), luck).text("See below.\r\n");
            ("a forward as an attachment", letter.attached("message/rfc822", source).bytes())
        }
        5 => {
            let letter = Letter::new(stranger, &subject, luck).text("See below.\r\n");
            ("an attachment under its own subject", letter.attached("message/rfc822", source).bytes())
        }
        6 => {
            let letter = Letter::new(stranger, &subject, luck)
                .header("List-Id", "Users <users.lists.example>")
                .header("List-Post", "<mailto:users@lists.example>");
            ("a post to a list", letter.text(source).bytes())
        }
        7 => {
            let letter = Letter::new(stranger, &format!("What is this? \"{subject}\""), luck);
            ("the source in a letter", letter.text(format!("I got this:\r\n\r\n{source}")).bytes())
        }
        8 => {
            let subject = luck.choice(["Undelivered Mail Returned to Sender", "failure notice"]).unwrap();
            let letter = Letter::new("MAILER-DAEMON@mx.home.example", subject, luck)
                .header("Auto-Submitted", "auto-replied")
                .text("Your mail could not be delivered.\r\n");
            ("a bounce", letter.attached("message/rfc822", source).bytes())
        }
        9 => {
            let subject =
                luck.choice(["Undeliverable: ", "Automatic reply: ", "Out of office: "]).unwrap().to_owned()
                    + &subject;
            let letter = Letter::new(stranger, &subject, luck).header("Auto-Submitted", "auto-replied");
            (
                "an automatic answer",
                letter.text(format!("I am away.\r\n\r\n{quoted}")).html(quoted_html).bytes(),
            )
        }
        10 => {
            // Unlike for a network's own domain, a stranger's copy cannot be told from a self-hosted network's message;
            // so the words come alone.
            let letter = Letter::new(&sender(luck), &subject, luck);
            (
                "its subject from a stranger",
                letter.text(format!("{}\r\n", super::letter::words(luck))).bytes(),
            )
        }
        11 => {
            // Without the usual prefix: some take it away, and some programs never add one.
            let letter = Letter::new(stranger, &subject, luck);
            let line = luck
                .choice(["---------- Forwarded message ---------", "-----Ursprüngliche Nachricht-----"])
                .unwrap();
            let html = format!("<p>Look at this!</p><div>{line}<br></div>{html}");
            (
                "a forward under its own subject",
                letter.text(format!("Look at this!\r\n\r\n{line}\r\n{header}{text}")).html(html).bytes(),
            )
        }
        12 => {
            let letter = Letter::new(stranger, &subject, luck).header("References", "<x@mail.example>");
            ("an answer that only refers", letter.text(text).html(html).bytes())
        }
        13 => {
            let letter = Letter::new(stranger, &subject, luck);
            ("quoted under its own subject", letter.text(format!("Who is that?\r\n\r\n{quoted}")).bytes())
        }
        _ => {
            let letter =
                Letter::new(&format!("\"{}\" <ann@home.example>", subject.replace('"', "")), "Hello", luck);
            ("its phrase as a name", letter.text(text).html(html).bytes())
        }
    }
}
