//! The password: never in a server's words, and nowhere in memory once it was sent.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::FileExt as _;
use std::thread::JoinHandle;

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use super::*;

const HELLO: &str = "* OK [CAPABILITY IMAP4rev1 MOVE] hi\r\n";
const IN: &str = "TAG OK [CAPABILITY IMAP4rev1 MOVE] in\r\n";

/// All that a person could see of a fault.
fn all_of(fault: &Fault) -> String {
    format!("{fault} {fault:?} {}", fault.source().unwrap())
}

#[test]
fn a_server_that_repeats_the_password_later_is_withheld_too() {
    let long = "x".repeat(195);
    for answer in [
        "TAG NO your password is hunter2\r\n".to_owned(),
        "TAG NO [ALERT] hunter2\r\n".to_owned(),
        "TAG BAD HUNTER2\r\n".to_owned(),
        format!("TAG NO {long}hunter2 and more\r\n"),
        "TAG NO you sent AGFubgBodW50ZXIy\r\n".to_owned(),
        "* BYE hunter2 is out\r\nTAG OK x\r\n".to_owned(),
    ] {
        let fake = Fake::start(HELLO, &[("LOGIN", IN), ("SELECT", &answer)]);
        let account = fake.account();
        let password = SecretString::from("hunter2");
        let login = Login::Password { user: "ann".to_owned(), password };
        let fault = connect(&account, &login).unwrap().select(&Folder::inbox()).unwrap_err();
        let shown = all_of(&fault).to_lowercase();
        assert!(!shown.contains("hunter") && !shown.contains("hunte"), "{answer}: {shown}");
        assert!(!shown.contains("xh") && !shown.contains("agfubgb"), "{answer}: {shown}");
        assert!(shown.contains("repeats the password"), "{answer}: {shown}");
    }
}

#[test]
fn the_quoted_password_and_what_comes_before_the_login_are_withheld() {
    let quoted = [("LOGIN", "TAG NO LOGIN \"ann\" \"hun\\\"ter2\" is wrong\r\n")];
    let fault = connect(&Fake::start(HELLO, &quoted).account(), &login_with("hun\"ter2")).unwrap_err();
    assert!(!all_of(&fault).contains("ter2"), "{fault:?}");
    for (greeting, tls) in [("* BYE hunter2 was wrong\r\n", Tls::Off), ("* BYE hunter2\r\n", Tls::StartTls)] {
        let fake = Fake::start(greeting, &[]);
        let fault = connect(&Account { tls, ..fake.account() }, &login_with("hunter2")).unwrap_err();
        assert!(!all_of(&fault).contains("hunter2"), "{fault:?}");
    }
}

#[test]
fn a_capability_that_repeats_the_password_or_writes_on_the_terminal_is_not_one() {
    let login = [("LOGIN", "TAG OK [CAPABILITY IMAP4rev1 X-hunter2 \x1b[2JX IDLE] in\r\n")];
    let session = connect(&Fake::start(HELLO, &login).account(), &login_with("hunter2")).unwrap();
    assert_eq!(session.capabilities().words, ["IMAP4REV1", "IDLE"]);
}

/// Answers a login, and wipes what it read: the test looks for that in memory.
fn serve(mut stream: TcpStream, capabilities: &str) {
    let greeting = format!("* OK [CAPABILITY IMAP4rev1 MOVE {capabilities}] hi\r\n");
    stream.write_all(greeting.as_bytes()).unwrap();
    let mut line = Zeroizing::new(Vec::with_capacity(1 << 12));
    let mut byte = Zeroizing::new([0]);
    while stream.read_exact(&mut *byte).is_ok() {
        line.push(byte[0]);
        if byte[0] == b'\n' {
            let blank = line.iter().position(|byte| *byte == b' ');
            let tag = blank.map_or("a1".to_owned(), |at| String::from_utf8_lossy(&line[..at]).into_owned());
            let asked = line.ends_with(b"AUTHENTICATE PLAIN\r\n");
            let answer =
                if asked { "+ \r\n".to_owned() } else { format!("{tag} OK [CAPABILITY IMAP4rev1] in\r\n") };
            stream.write_all(answer.as_bytes()).unwrap();
            line.fill(0);
            line.clear();
        }
    }
}

/// A password that is nowhere in the program's text, from one letter, of a length of its own.
fn password(seed: u8) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(24));
    let mut state = u32::from(seed);
    for _ in 0..24 {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345) & 0x7fff_ffff;
        text.push(char::from(b'a' + ((state >> 16) % 26) as u8));
    }
    text
}

/// Veils bytes, so that what is looked for is not itself in memory.
fn veiled(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| byte ^ 0x55).collect()
}

/// How often each of `veiled` is in the memory that this process can write to. `None` where it may not look.
fn copies(veiled: &[Vec<u8>]) -> Option<Vec<usize>> {
    let memory = File::open("/proc/self/mem").ok()?;
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut counts = vec![0; veiled.len()];
    // One buffer for all, and what it held is veiled before anything else happens.
    let mut piece = vec![0_u8; 1 << 20];
    let own = piece.as_ptr() as u64..piece.as_ptr() as u64 + piece.len() as u64;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (from, to) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        let (mut at, end) = (u64::from_str_radix(from, 16).unwrap(), u64::from_str_radix(to, 16).unwrap());
        while at < end {
            // The buffer itself holds what was read before.
            if own.contains(&at) {
                at = own.end;
                continue;
            }
            let until = if at < own.start { end.min(own.start) } else { end };
            let length = (until - at).min(own.end - own.start) as usize;
            let Ok(read) = memory.read_at(&mut piece[..length], at) else { break };
            piece[..read].iter_mut().for_each(|byte| *byte ^= 0x55);
            for (count, needle) in counts.iter_mut().zip(veiled) {
                *count += piece[..read].windows(needle.len()).filter(|window| window == needle).count();
            }
            at += read.max(1) as u64;
        }
    }
    Some(counts)
}

/// What is sent to a server with these capabilities.
fn base64_of(capabilities: &str, user: &str, secret: &str) -> Zeroizing<String> {
    use base64::Engine as _;
    let parts = match capabilities {
        _ if capabilities.contains("XOAUTH2") => ["user=", user, "\x01auth=Bearer ", secret, "\x01\x01"],
        _ if capabilities.contains("OAUTHBEARER") => ["n,a=", user, ",\x01auth=Bearer ", secret, "\x01\x01"],
        _ => ["\0", user, "\0", secret, ""],
    };
    let mut plain = Zeroizing::new(Vec::with_capacity(128));
    parts.iter().for_each(|part| plain.extend_from_slice(part.as_bytes()));
    Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(&*plain))
}

#[test]
fn no_copy_of_the_password_stays_in_memory_after_the_login() {
    const THIS: &str = "mailbox::secrets::no_copy_of_the_password_stays_in_memory_after_the_login";
    // In a process of its own: other tests of this binary use hundreds of megabytes, and all of it is searched.
    if !std::env::args().any(|word| word == THIS) {
        let own = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", THIS])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&own.stdout);
        assert!(own.status.success() && said.contains("1 passed"), "{said}");
        std::io::stderr().write_all(&own.stderr).unwrap();
        return;
    }
    let ways = [
        "",
        "AUTH=PLAIN SASL-IR",
        "AUTH=PLAIN LOGINDISABLED",
        "AUTH=XOAUTH2 SASL-IR",
        "AUTH=OAUTHBEARER SASL-IR",
    ];
    for (seed, capabilities) in (1..).zip(ways) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server: JoinHandle<()> = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            serve(stream, capabilities);
        });
        let account = support::account("127.0.0.1", port, Tls::Off);
        let needles = {
            let password = password(seed);
            // Without the first bytes, which an allocator writes over.
            let encoded = base64_of(capabilities, "ann", &password);
            vec![veiled(&password.as_bytes()[8..]), veiled(&encoded.as_bytes()[16..])]
        };
        let session = {
            let password = SecretString::from(std::mem::take(&mut *password(seed)));
            let user = "ann".to_owned();
            let login = match capabilities.contains("OAUTH") {
                true => Login::Token { user, token: password, renewal: None },
                false => Login::Password { user, password },
            };
            if seed == 1 {
                let there = copies(&needles);
                assert!(there.is_none_or(|there| there[0] > 0), "the look finds nothing");
            }
            connect(&account, &login).unwrap()
        };
        match copies(&needles) {
            Some(counts) => assert_eq!(counts, [0, 0], "with \"{capabilities}\""),
            None => {
                writeln!(std::io::stderr(), "SKIPPED, since this process may not read its memory").unwrap()
            }
        }
        drop(session);
        server.join().unwrap();
    }
}

#[test]
fn each_way_to_log_in_sends_the_password_as_it_has_to() {
    let password = "hun\"t\\er 2";
    let encoded = base64_of("", support::USER, password);
    let initial = format!("AUTHENTICATE PLAIN {}", *encoded);
    let quoted = format!("LOGIN \"{}\" \"hun\\\"t\\\\er 2\"", support::USER);
    for (capabilities, sent) in [
        ("", vec![quoted.as_str()]),
        ("AUTH=PLAIN SASL-IR", vec![initial.as_str()]),
        ("AUTH=PLAIN LOGINDISABLED", vec!["AUTHENTICATE PLAIN", encoded.as_str()]),
    ] {
        let greeting = format!("* OK [CAPABILITY IMAP4rev1 {capabilities}] hi\r\n");
        let answers = ["LOGIN", "AUTHENTICATE PLAIN ", "AGFu", encoded.as_str()];
        let mut script: Vec<_> =
            answers.map(|command| (command, "a1 OK [CAPABILITY IMAP4rev1] in\r\n")).into();
        script.push(("AUTHENTICATE PLAIN", "+ \r\n"));
        let fake = Fake::start(&greeting, &script);
        drop(connect(&fake.account(), &login_with(password)).unwrap());
        assert_eq!(fake.commands(), sent, "{capabilities}");
    }
}

#[test]
fn a_password_cannot_write_a_command_of_its_own() {
    for password in
        ["hunter2\r\na9 DELETE INBOX", "hunter2\n", "\rhunter2", "hunter2\0", "hunter2\u{1b}[2J", "hünter2"]
    {
        // Where it has to be a quoted string.
        let fake = Fake::start(HELLO, &[]);
        let fault = connect(&fake.account(), &login_with(password)).unwrap_err();
        assert!(matches!(fault.cause, Cause::Unsendable), "{fault:?}");
        assert!(!all_of(&fault).contains("unter2"), "{fault:?}");
        assert_eq!(fake.commands(), Vec::<String>::new(), "{password:?}");
        // Where it can be in base64.
        let fake =
            Fake::start("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n", &[("AUTHENTICATE", IN)]);
        let session = connect(&fake.account(), &login_with(password));
        assert_eq!(session.is_ok(), !password.contains('\0'), "{session:?}");
        drop(session);
        let sent = if password.contains('\0') {
            vec![]
        } else {
            vec![format!("AUTHENTICATE PLAIN {}", *base64_of("", support::USER, password))]
        };
        assert_eq!(fake.commands(), sent, "{password:?}");
    }
}
