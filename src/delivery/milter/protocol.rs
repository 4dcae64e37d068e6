//! The packets of the milter protocol, as libmilter's `mfdef.h` and Postfix's `milter8.c` have them: a length of four bytes, a
//! command of one byte, and its data. Whatever a client sends takes no more memory than two of the longest packets.
//!
//! No crate reads them here. miltr-common 0.1 (MIT) comes closest, and gives names and values of fields only as text in which bytes
//! that are not UTF-8 are replaced, so that a message with such bytes would get another answer than from `filter`; it also needs 16
//! more crates, an asynchronous codec among them, and miltr-server answers fields and recipients that want no answer. indymilter is
//! under the GPL.

use std::io::{self, Read};

/// The longest packet, in bytes. Postfix sends 64 KB of a body and a header field of 100 KB.
const PACKET_LIMIT: u32 = 512 << 10;

/// The version of the protocol that is spoken here.
const VERSION: u32 = 6;
/// May add fields (`SMFIF_ADDHDRS`), and change or delete them (`SMFIF_CHGHDRS`).
const ACTIONS: u32 = 0x01 | 0x10;
/// Not wanted: what is said about the connection, HELO, MAIL, the end of the header, unknown commands and DATA (`SMFIP_NO...`).
/// Not answered: fields and recipients (`SMFIP_NR_HDR`, `SMFIP_NR_RCPT`).
const STEPS: u32 = 0x01
    | 0x02
    | 0x04
    | 0x40
    | 0x100
    | 0x200
    | NO_ANSWER_TO_FIELDS
    | NO_ANSWER_TO_RECIPIENTS
    | SKIP
    | LEADING_SPACE;
const NO_ANSWER_TO_FIELDS: u32 = 0x80;
const NO_ANSWER_TO_RECIPIENTS: u32 = 0x8000;
/// The rest of a body need not be sent (`SMFIP_SKIP`).
const SKIP: u32 = 0x400;
/// Values of fields have the blank after the colon (`SMFIP_HDR_LEADSPC`).
const LEADING_SPACE: u32 = 0x10_0000;

/// What a mail server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// What it can do (`SMFIC_OPTNEG`).
    Negotiate { version: u32, actions: u32, steps: u32 },
    /// `SMFIC_RCPT`: the address, in angle brackets.
    Recipient(Vec<u8>),
    /// `SMFIC_HEADER`.
    Field { name: Vec<u8>, value: Vec<u8> },
    /// `SMFIC_BODY`.
    Body(Vec<u8>),
    /// `SMFIC_BODYEOB`, with the last part of the body.
    End(Vec<u8>),
    /// `SMFIC_ABORT`: the message is over, the connection is not. `SMFIC_QUIT_NC` is the same for a connection of a client.
    Abort,
    /// `SMFIC_QUIT`.
    Quit,
    /// `SMFIC_MACRO`, which is never answered.
    Macros,
    /// Any other command; each wants an answer.
    Other,
}

/// What was agreed on with a mail server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Agreement {
    actions: u32,
    steps: u32,
}

impl Agreement {
    /// With a server that can do this, and the packet that says so. It gets nothing but what it offers.
    pub(super) fn with(version: u32, actions: u32, steps: u32) -> (Self, Vec<u8>) {
        let (actions, steps) = (actions & ACTIONS, steps & STEPS);
        let words = [version.min(VERSION), actions, steps];
        (Self { actions, steps }, packet(b'O', &words.map(u32::to_be_bytes).concat()))
    }

    /// May fields be added and deleted?
    pub(super) fn may_change(self) -> bool {
        self.actions == ACTIONS
    }

    pub(super) fn may_skip(self) -> bool {
        self.steps & SKIP != 0
    }

    pub(super) fn answers_fields(self) -> bool {
        self.steps & NO_ANSWER_TO_FIELDS == 0
    }

    pub(super) fn answers_recipients(self) -> bool {
        self.steps & NO_ANSWER_TO_RECIPIENTS == 0
    }

    /// What stands between the colon and a value.
    pub(super) fn gap(self) -> &'static str {
        if self.steps & LEADING_SPACE == 0 { " " } else { "" }
    }
}

/// Goes on (`SMFIR_CONTINUE`).
pub(super) fn go_on() -> Vec<u8> {
    packet(b'c', b"")
}

/// Needs no more of the body (`SMFIR_SKIP`).
pub(super) fn skip() -> Vec<u8> {
    packet(b's', b"")
}

/// Adds a field at the end of the header (`SMFIR_ADDHEADER`).
pub(super) fn add(name: &str, value: &str) -> Vec<u8> {
    packet(b'h', &[name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat())
}

/// Deletes a field, counted from one among those with its name (`SMFIR_CHGHEADER` without a value).
pub(super) fn delete(name: &str, index: u32) -> Vec<u8> {
    packet(b'm', &[&index.to_be_bytes(), name.as_bytes(), b"\0\0"].concat())
}

fn packet(command: u8, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len() + 1).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], &[command], data].concat()
}

/// Reads the next packet; `None` where the connection ends between two.
///
/// # Errors
///
/// If the connection fails or is not that of a mail server.
pub(super) fn read(stream: &mut impl Read) -> io::Result<Option<Request>> {
    let mut length = [0; 4];
    let first = loop {
        match stream.read(&mut length) {
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            read => break read?,
        }
    };
    if first == 0 {
        return Ok(None);
    }
    stream.read_exact(length.get_mut(first..).unwrap_or_default())?;
    let length = u32::from_be_bytes(length);
    if length > PACKET_LIMIT {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a packet is too long"));
    }
    let mut data = Vec::new();
    stream.take(length.into()).read_to_end(&mut data)?;
    let is_whole = u32::try_from(data.len()) == Ok(length);
    let request = data.split_first().filter(|_| is_whole).and_then(|(command, data)| request(*command, data));
    request.map(Some).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a packet is cut off"))
}

fn request(command: u8, data: &[u8]) -> Option<Request> {
    Some(match command {
        b'O' => {
            let mut words =
                data.chunks_exact(4).map(|word| word.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)));
            Request::Negotiate { version: words.next()?, actions: words.next()?, steps: words.next()? }
        }
        b'R' => Request::Recipient(data.split(|byte| *byte == 0).next()?.to_owned()),
        b'L' => {
            let mut parts = data.splitn(2, |byte| *byte == 0);
            let (name, value) = (parts.next()?, parts.next()?);
            Request::Field {
                name: name.to_owned(),
                value: value.strip_suffix(b"\0").unwrap_or(value).to_owned(),
            }
        }
        b'B' => Request::Body(data.to_owned()),
        b'E' => Request::End(data.to_owned()),
        b'A' | b'K' => Request::Abort,
        b'Q' => Request::Quit,
        b'D' => Request::Macros,
        _ => Request::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_read_as_mail_servers_write_them() {
        let bytes = [
            &b"\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff"[..],
            b"\0\0\0\x09DR{a}\0b\0\0",
            b"\0\0\0\x12R<ann@a.example>\0\0",
            b"\0\0\0\x0cLSubject\0 a\0",
            b"\0\0\0\x03B\0\xff",
            b"\0\0\0\x01T",
            b"\0\0\0\x01E",
            b"\0\0\0\x01A",
            b"\0\0\0\x01Q",
        ]
        .concat();
        let mut stream = bytes.as_slice();
        let mut all = Vec::new();
        while let Some(request) = read(&mut stream).unwrap() {
            all.push(request);
        }
        assert_eq!(
            all,
            [
                Request::Negotiate { version: 6, actions: 0x1ff, steps: 0x1f_ffff },
                Request::Macros,
                Request::Recipient(b"<ann@a.example>".to_vec()),
                Request::Field { name: b"Subject".to_vec(), value: b" a".to_vec() },
                Request::Body(b"\0\xff".to_vec()),
                Request::Other,
                Request::End(Vec::new()),
                Request::Abort,
                Request::Quit,
            ]
        );
    }

    #[test]
    fn what_is_no_packet_ends_the_connection() {
        for bytes in [
            &b"\0\0\0\0"[..],
            b"\0\0\0",
            b"\0\0\0\x05B",
            b"\xff\xff\xff\xffB",
            b"\0\x08\0\x01B",
            b"GET / HTTP/1.1\r\n\r\n",
            b"\0\0\0\x05O\0\0\0\x06",
            b"\0\0\0\x02La",
        ] {
            assert!(read(&mut &bytes[..]).is_err(), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn nothing_is_asked_of_a_server_that_it_does_not_offer() {
        assert!(!Agreement::default().may_change() && !Agreement::with(6, 0x01, 0).0.may_change());
        let (agreement, packet) = Agreement::with(2, 0x3f, 0x7f);
        assert_eq!(packet, b"\0\0\0\x0dO\0\0\0\x02\0\0\0\x11\0\0\0\x47");
        assert!(
            agreement.may_change()
                && !agreement.may_skip()
                && agreement.answers_fields()
                && agreement.gap() == " "
        );
        let (agreement, packet) = Agreement::with(7, 0x1ff, 0xffff_ffff);
        assert!(agreement.may_skip() && !agreement.answers_fields() && agreement.gap().is_empty());
        assert!(packet.starts_with(b"\0\0\0\x0dO\0\0\0\x06"));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(0..=255_u8, 0..200)) {
            let mut stream = bytes.as_slice();
            while let Ok(Some(_)) = read(&mut stream) {}
        }
    }
}
