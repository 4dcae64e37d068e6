//! `sample`: a message with other names, addresses and tokens, for a report of a layout that followsift does not read. Needs no account;
//! writes to standard output alone.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use super::message_file::{self, Unusable};
use super::output::{Output, shown};
use super::{Ending, Sample, context};
use crate::mail::{self, Likeness, Trust};
use crate::rulebook::Sent;

pub(super) fn sample(settings: Option<&Path>, options: &Sample, output: &mut Output) -> Ending {
    let Ok(settings) = context::settings(settings, output) else { return Ending::Settings };
    let (files, findings) = context::rule_files(settings.as_ref());
    let Some(files) = files else {
        output.findings(&findings);
        return Ending::Settings;
    };
    let rulebook = files.rulebook(Trust::default(), false, &Sent::default());
    let name = shown(&options.file);
    let bytes = match read(&options.file) {
        Ok(bytes) => bytes,
        Err(cause) => {
            output.error(&format!("error: {}", cause.in_words(&name)));
            return Ending::Data;
        }
    };
    match mail::Sample::of(&bytes, &rulebook.profiles, &options.hide, fastrand::u64(..)) {
        Ok(sample) => {
            output.text(&sample.text);
            output.error(&format!("note: {}", in_words(sample.likeness)));
            Ending::Well
        }
        Err(cause) => {
            output.failure(&cause);
            Ending::Data
        }
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Unusable> {
    match file == Path::new("-") {
        true => message_file::one(io::stdin().lock()),
        false => message_file::one(BufReader::new(File::open(file)?)),
    }
}

/// What to know before it is sent.
fn in_words(likeness: Likeness) -> &'static str {
    match likeness {
        Likeness::Same => {
            "followsift reads the sample like the message. It may still have a name, an address or a site of yours, so look \
             through it before you send it; `--hide WORD` replaces another word"
        }
        Likeness::Differs => {
            "followsift does not read the sample like the message, which uses words of a name elsewhere. It may still \
             have a name, an address or a site of yours, so look through it before you send it; `--hide WORD` replaces another word"
        }
        Likeness::Unknown => {
            "followsift does not recognise the message, so it can only guess which words are names, and what a follower writes \
             about themselves stays. Read the sample before you send it; `--hide WORD` replaces another word"
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::clock::Timestamp;
    use crate::diagnostic::document::Findings;
    use crate::mail::{Fact, Message, Notification, Profiles, Recognition, Shown};

    fn shipped() -> Profiles {
        Profiles::compile(&Profiles::shipped_sources(), &Findings::default())
    }

    fn folders(path: &Path) -> Vec<PathBuf> {
        let mut entries: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.retain(|entry| entry.is_dir());
        entries.sort();
        entries
    }

    fn recognise(profiles: &Profiles, bytes: &[u8]) -> Option<Notification> {
        let plain = mail::with_plain_line_ends(bytes);
        let message = Message::parse(plain.as_deref().unwrap_or(bytes)).ok()?;
        match profiles.recognise(&message, &Trust::default(), Timestamp(0)) {
            Recognition::Recognised(notification) => Some(notification),
            _ => None,
        }
    }

    /// The recipient's addresses, and each follower's name and handle.
    fn personal(bytes: &[u8], notification: &Notification) -> Vec<String> {
        let mut words: Vec<String> =
            mail::correspondents(bytes).into_iter().map(|(_, address)| address).collect();
        for follower in &notification.followers {
            let texts = [Fact::Name, Fact::Handle].map(|fact| follower.text(fact));
            words.extend(texts.into_iter().filter_map(|text| match text {
                Shown::Value(text) => Some(text.to_owned()),
                _ => None,
            }));
        }
        words.retain(|word| word.chars().filter(|c| c.is_alphabetic()).count() > 1);
        words
    }

    /// Every form in which a program could read the text.
    fn decoded(text: &str) -> String {
        let mut all = text.to_owned();
        let message = Message::parse(text.as_bytes()).unwrap();
        for part in [message.text(), message.html(), Some(message.subject())].into_iter().flatten() {
            all.push_str(part);
            all.push_str(&mail::text_of_html(part, usize::MAX).0);
        }
        for header in text.split("\n\n").next().unwrap_or_default().split("=?utf-8?B?").skip(1) {
            let digits = header.split("?=").next().unwrap_or_default();
            let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, digits).unwrap();
            all.push_str(&String::from_utf8_lossy(&bytes));
        }
        let percent = percent_encoding::percent_decode_str(&all).decode_utf8_lossy().into_owned();
        let twice = percent_encoding::percent_decode_str(&percent).decode_utf8_lossy().into_owned();
        format!("{all}{percent}{twice}").to_lowercase()
    }

    #[test]
    fn a_sample_of_every_fixture_is_read_the_same_and_names_nobody() {
        let profiles = shipped();
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
        let (mut count, mut wrong, mut left) = (0, Vec::new(), Vec::new());
        for case in folders(&corpus).iter().flat_map(|network| folders(network)) {
            let bytes = fs::read(case.join("message.eml")).unwrap();
            let name = case.strip_prefix(&corpus).unwrap().display().to_string();
            let sample = mail::Sample::of(&bytes, &profiles, &[], 7).unwrap();
            assert!(sample.text.is_ascii(), "{name}");
            let Some(genuine) = recognise(&profiles, &bytes) else {
                assert_eq!(sample.likeness, Likeness::Unknown, "{name}");
                continue;
            };
            count += 1;
            if sample.likeness != Likeness::Same {
                wrong.push(name.clone());
            }
            let text = decoded(&sample.text);
            for word in personal(&bytes, &genuine) {
                if text.contains(&word.to_lowercase()) {
                    left.push(format!("{name}: {word}"));
                }
            }
        }
        assert!(count > 100, "{count}");
        assert!(
            wrong.is_empty() && left.is_empty(),
            "read otherwise:\n{}\nleft:\n{}",
            wrong.join("\n"),
            left.join("\n")
        );
    }

    #[test]
    fn nothing_of_a_person_is_left_where_it_hides_and_what_networks_write_stays() {
        let message = "Received: from out.toot.example (out.toot.example [192.0.2.44]) by mx.lima.example with ESMTPS id 4XyZ9q for <zoe@lima.example>; Fri, 27 Nov 2026 10:00:00 +0000\n\
            Delivered-To: zoe@lima.example\nReturn-Path: <bounce+zoe=lima.example@toot.example>\n\
            DKIM-Signature: v=1; a=rsa-sha256; d=toot.example; s=key1; h=from:to; bh=AbC+/=; b=QwErTy12\n zUiOp==\n\
            From: =?utf-8?Q?Mastodon?= <notifications@toot.example>\nTo: Zoe Quint <zoe@lima.example>\n\
            Subject: =?utf-8?B?w5ZtZXJ6IHdhbnRz?= something new\nMessage-ID: <secretword.5f0c12ab@toot.example>\n\
            X-Campaign: weekly-zoe-8842\nList-Unsubscribe: <https://toot.example/unsubscribe?token=eyJhbGciOi>\n\
            MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"=_zoe_88\"\n\n\
            --=_zoe_88\nContent-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n\
            <p class=3D\"card\">Hi Z&#111;e Quint, <a href=3D\"https://toot.example/web/@=F6merz?utm_source=3Dzoe\">&Ouml;merz</a> \
            (@=D6merz, =F6merz@solo.example) asks.<!-- zoe --><img src=3D\"data:image/png;base64,AAAA\"></p>\n\
            --=_zoe_88\nContent-Type: image/png; name=\"zoe.png\"\nContent-Transfer-Encoding: base64\n\nAAAAAAAA\n--=_zoe_88--\n";
        let sample = mail::Sample::of(message.as_bytes(), &shipped(), &["asks".to_owned()], 7).unwrap();
        assert_eq!(sample.likeness, Likeness::Unknown);
        let all = decoded(&sample.text);
        for gone in [
            "zoe",
            "quint",
            "secretword",
            "lima.",
            "ömerz",
            "192.0.2",
            "4xyz",
            "5f0c",
            "8842",
            "eyjh",
            "qwer",
            "zuio",
            "abc+",
            "aaaa",
            "solo.ex",
            "asks",
            "iso-8859",
        ] {
            assert!(!all.contains(gone), "{gone}: {}", sample.text);
        }
        for stays in [
            "delivered-to: <",
            "d=toot.example; s=key1; h=from:to",
            "notifications@toot.example",
            "wants",
            "something new",
            "@toot.example>",
            "https://toot.example/unsubscribe?token=",
            "<p class=\"card\">hi ",
            "https://toot.example/web/@",
            "utm_source=",
            "x-campaign: ",
            "(left out)",
            "data:,",
        ] {
            let stays = stays.trim_end_matches('<');
            assert!(all.contains(stays), "{stays}: {}", sample.text);
        }
        // Another seed, other words.
        let other = mail::Sample::of(message.as_bytes(), &shipped(), &[], 8).unwrap();
        assert_ne!(other.text, sample.text);
    }

    #[test]
    fn what_a_recipient_is_called_goes_wherever_a_network_writes_it() {
        let message = "DKIM-Signature: v=1; d=mail.home.example; i=@home.example; z=From:rob; s=key1; b=QwErTy12\n\
            From: Toot <notifications@toot.example>\nTo: =?utf-8?B?UsOzYg==?= <rob@home.example>\nSubject: news\n\
            X-Recipientscreenname: qirrel_m\nImportance: high; to=qirrel\nContent-Language: en-qirrel\n\
            Content-Type: text/html; charset=utf-8; x-for=qirrel\n\n\
            <p onclick=\"greet('robbin')\" data-for=\"sallow\">Hi, Qirrel (qirrel_m), 5f0c12ab-77de-4bcd-9e01-fedcba987654\n\
            <img alt=\"Rob Meier\"> at home.example and https://mail.home.example/x\n\
            qirrel.example/sorrel //toot.example/tansy toot://profile/yarrow ROB Ro\u{301}b</p>\n";
        let sample = mail::Sample::of(message.as_bytes(), &shipped(), &[], 7).unwrap();
        let all = decoded(&sample.text);
        for gone in [
            "rob",
            "qirrel",
            "meier",
            "home.example",
            "robbin",
            "sallow",
            "z=from",
            "5f0c12ab",
            "4bcd",
            "77de",
            "sorrel",
            "tansy",
            "yarrow",
            "ro\u{301}b",
        ] {
            assert!(!all.contains(gone), "{gone}: {}", sample.text);
        }
        for stays in ["v=1;", "s=key1", "importance: high", "content-language: en\n", "charset=utf-8", "hi, "]
        {
            assert!(all.contains(stays), "{stays}: {}", sample.text);
        }
    }

    #[test]
    fn the_recipients_host_at_an_alias_service_goes_where_it_is_the_senders_too() {
        let message = "From: Toot <notifications=toot.example@ilka.alias.example>\nTo: <shop@ilka.alias.example>\n\
            Subject: news\n\nFor shop@ilka.alias.example, see https://ilka.alias.example/x\n";
        let sample = mail::Sample::of(message.as_bytes(), &shipped(), &[], 7).unwrap();
        let all = decoded(&sample.text);
        assert!(!all.contains("ilka") && all.contains(".alias.example>"), "{}", sample.text);
    }

    #[test]
    fn no_message_is_too_strange_to_be_sampled() {
        let links = format!("Subject: x\n\n{}", "http://a@b/?c=http%3A%2F%2F".repeat(5_000));
        let names = format!("To: {}\n\n{}", "名前@a.example, ".repeat(2_000), "名前".repeat(20_000));
        let tags = format!("Content-Type: text/html\n\n{}", "<a href=http://x/@y>@z<".repeat(20_000));
        for message in
            [links, names, tags, "\n".to_owned(), "Subject: =?utf-8?B?/w==?=\n\n\0\u{1b}".to_owned()]
        {
            let sample = mail::Sample::of(message.as_bytes(), &shipped(), &[], 7).unwrap();
            assert!(sample.text.is_ascii());
        }
    }
}
