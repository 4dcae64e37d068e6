//! What identifies a message however often and on whatever way it is delivered.

use sha2::{Digest as _, Sha256};

use crate::place::{MailDigest, MailIdentity};

/// The fields that the author's program writes (RFC 5322, section 3.6). Servers on the way add others, such as Received and
/// Authentication-Results, so that a second delivery of the message has other ones.
const WRITTEN: [&[u8]; 7] =
    [b"date", b"from", b"to", b"message-id", b"subject", b"reply-to", b"content-type"];

/// The digest of the fields that a message's author wrote and of its body, and how many bytes they are. Line ends do not count.
pub fn sent_identity(message: &[u8]) -> MailIdentity {
    let (mut digest, mut size) = (Sha256::new(), 0_u32);
    let mut add = |line: &[u8]| {
        digest.update(line);
        digest.update(b"\n");
        size = size.saturating_add(u32::try_from(line.len() + 1).unwrap_or(u32::MAX));
    };
    let (mut is_header, mut is_written) = (true, false);
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !is_header {
            add(line);
            continue;
        }
        is_header = !line.is_empty();
        let continues = line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
        if !continues {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii_end();
            is_written = !is_header || WRITTEN.iter().any(|field| name.eq_ignore_ascii_case(field));
        }
        if is_written {
            add(line);
        }
    }
    MailIdentity { digest: MailDigest(digest.finalize().into()), size }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = "From: a@x.example\r\nSubject: one\r\n two\r\nMessage-ID: <1@x>\r\n\r\nHello\r\n";

    #[test]
    fn what_servers_add_on_the_way_does_not_count() {
        let other_way = format!(
            "Return-Path: <a>\r\nReceived: from x\r\n\tby mx2\r\nAuthentication-Results: mx2; dkim=pass\r\n{SENT}"
        );
        assert_eq!(sent_identity(other_way.as_bytes()), sent_identity(SENT.as_bytes()));
        assert_eq!(sent_identity(SENT.replace("\r\n", "\n").as_bytes()), sent_identity(SENT.as_bytes()));
    }

    #[test]
    fn another_message_has_another_identity() {
        let all = [
            SENT.to_owned(),
            SENT.replace("Hello", "Hallo"),
            SENT.replace("two", "three"),
            SENT.replace("<1@x>", "<2@x>"),
            SENT.replace("Subject: one", "X-Other: one"),
            SENT.replace("\r\n\r\nHello", "\r\nHello: \r\n\r\n"),
            format!("{SENT}Received: in the body\r\n"),
            String::new(),
        ];
        for (at, one) in all.iter().enumerate() {
            for other in all.iter().skip(at + 1) {
                assert_ne!(
                    sent_identity(one.as_bytes()),
                    sent_identity(other.as_bytes()),
                    "{one:?} {other:?}"
                );
            }
        }
    }
}
