//! What recognition costs, on one core, beside mailparse alone over the same mails.
//!
//! `cargo bench --bench recognise` takes the fixtures under `tests/corpus/` (and the mails of the folder that
//! `FOLLOWSIFT_CORPUS` names) and fails where recognising does less than 50 MB a second, where to reject an ordinary mail by
//! its header costs more than three times what parsing that header does, or where the profiles take 30 ms to load. The
//! fixtures alone are smaller than real mails, so that what each mail costs by itself weighs more: of them no speed is asked.
//! What rejecting by From and Subject costs is bounded by instructions, since parsing these two lines is over in too short a time
//! to be a measure: `tests/further/instructions.sh` compares with `tests/bench/instructions.txt`.
//! Run as a test, it does one short round and looks at no clock. `--count WHAT ROUNDS` does so many rounds of one thing alone
//! and prints how many messages a round has, for `tests/further/instructions.sh`, which counts instructions.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot set itself up has to stop, and it prints"
)]
#![expect(clippy::disallowed_methods, reason = "a benchmark asks for its own environment")]

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use followsift::clock::Timestamp;
use followsift::diagnostic::document::Findings;
use followsift::mail::{Message, Profiles, Recognition, Trust};

/// At least so many bytes a second.
const LEAST_SPEED: f64 = 50e6;
/// Mails of less than so many bytes, on average, are not like real ones.
const REAL_SIZE: usize = 3_000;
/// At most so many times what parsing the header costs.
const MOST_TIMES: f64 = 3.0;
/// At most so long to be ready.
const MOST_START: Duration = Duration::from_millis(30);

fn main() {
    let measured = std::env::args().any(|argument| argument == "--bench");
    let rounds = if measured { 60 } else { 1 };
    let profiles = load();
    let mails = mails();
    let ordinary: Vec<_> = ordinary().map(|mail| mail.into_bytes()).collect();
    let fetched: Vec<_> = ordinary.iter().map(|mail| from_and_subject(mail)).collect();
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, count, what, rounds, ..] = &arguments[..]
        && count == "--count"
    {
        let (messages, round): (usize, &dyn Fn()) = match what.as_str() {
            "start" => (1, &|| drop(black_box(load()))),
            "recognise" => {
                (mails.len(), &|| mails.iter().for_each(|mail| drop(black_box(recognise(&profiles, mail)))))
            }
            _ => (fetched.len(), &|| fetched.iter().for_each(|mail| _ = black_box(profiles.plausible(mail)))),
        };
        (0..rounds.parse().unwrap()).for_each(|_| round());
        return println!("{messages}");
    }
    let size: usize = mails.iter().map(Vec::len).sum();
    let recognised =
        mails.iter().filter(|mail| matches!(recognise(&profiles, mail), Recognition::Recognised(_)));
    let recognised = recognised.count();
    let (whole, parsing) = fastest(
        rounds,
        || mails.iter().for_each(|mail| drop(black_box(recognise(&profiles, mail)))),
        || mails.iter().for_each(|mail| plain(mail)),
    );
    let headers: usize = ordinary.iter().map(|mail| header(mail).len()).sum();
    let (rejecting, reading) = fastest(
        rounds * 4,
        || ordinary.iter().for_each(|mail| assert!(!black_box(profiles.plausible(header(mail))))),
        || ordinary.iter().for_each(|mail| drop(black_box(mailparse::parse_headers(header(mail)).unwrap()))),
    );
    let (rejecting_fetched, reading_fetched) = fastest(
        rounds * 4,
        || fetched.iter().for_each(|mail| assert!(!black_box(profiles.plausible(mail)))),
        || fetched.iter().for_each(|mail| drop(black_box(mailparse::parse_headers(mail).unwrap()))),
    );
    let (start, _) = fastest(rounds.min(20), || drop(black_box(load())), || ());
    if !measured {
        return;
    }
    let speed = size as f64 / whole.as_secs_f64();
    let ratio = |one: Duration, other: Duration| one.as_secs_f64() / other.as_secs_f64();
    println!("{} mails of {size} bytes, {recognised} of them recognised", mails.len());
    println!(
        "recognising: {:.0} MB/s, {:.2} times mailparse with the decoding of all text ({:.0} MB/s)",
        speed / 1e6,
        ratio(whole, parsing),
        size as f64 / parsing.as_secs_f64() / 1e6
    );
    println!(
        "rejecting by the whole header: {:.2} times parsing it ({} mails, {headers} bytes)",
        ratio(rejecting, reading),
        ordinary.len()
    );
    println!(
        "rejecting by From and Subject: {:.2} times parsing them (tests/bench/instructions.txt has the bound)",
        ratio(rejecting_fetched, reading_fetched)
    );
    println!("start: {start:?}");
    let like_real_ones = size / mails.len() >= REAL_SIZE;
    if !like_real_ones {
        println!("(mails of {} bytes on average: too small to ask for the least speed)", size / mails.len());
    }
    assert!(speed >= LEAST_SPEED || !like_real_ones, "recognising is too slow");
    assert!(ratio(rejecting, reading) <= MOST_TIMES, "rejecting by the whole header is too slow");
    assert!(start <= MOST_START, "the start is too slow");
}

/// The least time that each of two things takes, in turns, so that a busy machine slows both.
fn fastest(rounds: usize, mut one: impl FnMut(), mut other: impl FnMut()) -> (Duration, Duration) {
    let mut best = (Duration::MAX, Duration::MAX);
    for _ in 0..rounds {
        let start = Instant::now();
        one();
        best.0 = best.0.min(start.elapsed());
        let start = Instant::now();
        other();
        best.1 = best.1.min(start.elapsed());
    }
    best
}

fn load() -> Profiles {
    Profiles::compile(&Profiles::shipped_sources(), &Findings::default())
}

fn recognise(profiles: &Profiles, mail: &[u8]) -> Recognition {
    match Message::parse(mail) {
        Ok(message) => profiles.recognise(&message, &Trust::default(), Timestamp(0)),
        Err(_) => Recognition::Foreign,
    }
}

/// A mail parsed, and all that is text in it decoded, by mailparse alone.
fn plain(mail: &[u8]) {
    let Ok(mail) = mailparse::parse_mail(mail) else { return };
    for part in mail.parts() {
        if part.ctype.mimetype.starts_with("text/") {
            let _ = black_box(part.get_body());
        }
    }
}

/// The fixtures, and the messages of the folders that the environment names.
fn mails() -> Vec<Vec<u8>> {
    let files = |folder: &Path| -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    };
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let networks =
        files(&fixtures).into_iter().filter(|network| network.is_dir() && !network.ends_with("private"));
    let cases = networks.flat_map(|network| files(&network)).map(|case| case.join("message.eml"));
    let further = std::env::var_os("FOLLOWSIFT_CORPUS").unwrap_or_default();
    // An empty variable is one folder without a name.
    let further = std::env::split_paths(&further).filter(|folder| !folder.as_os_str().is_empty());
    let further = further.flat_map(|folder| files(&folder));
    let further = further.filter(|file| file.extension().is_some_and(|extension| extension == "eml"));
    cases.chain(further).map(|file| fs::read(file).unwrap()).collect()
}

/// Ordinary mails as servers hand them over, with the headers of the way they took.
fn ordinary() -> impl Iterator<Item = String> {
    const SUBJECTS: [&str; 12] = [
        "Re: [users] Is anybody now following you on the new list?",
        "Your receipt from the bakery",
        "=?utf-8?Q?Gr=C3=BC=C3=9Fe_aus_dem_Urlaub?=",
        "[tracker] Build 4711 failed: cannot find crate",
        "Weekly digest: 12 new posts",
        "Invitation: planning, Tuesday 10:00",
        "=?UTF-8?B?44GK55+l44KJ44Gb?=",
        "Your login code is 123456",
        "Delivery Status Notification (Failure)",
        "Anna started a discussion you may like",
        "Meeting notes",
        "Re: Re: Fwd: lunch?",
    ];
    SUBJECTS.into_iter().enumerate().map(|(place, subject)| {
        format!(
            "Return-Path: <bounce-{place}@lists.example>\r\n\
             Received: from mx{place}.lists.example (mx{place}.lists.example [192.0.2.{place}])\r\n\tby mx.home.example \
             (Postfix) with ESMTPS id 4F{place}ABC\r\n\tfor <rob@home.example>; Tue, 3 Mar 2026 09:12:35 +0000 (UTC)\r\n\
             Authentication-Results: mx.home.example; dkim=pass header.d=lists.example;\r\n\tspf=pass \
             smtp.mailfrom=lists.example\r\n\
             DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=lists.example; s=s1;\r\n\th=from:to:subject:date; \
             bh=AbCdEfGhIjKlMnOpQrStUvWxYz0123456789abcd=;\r\n\tb={}\r\n\
             From: \"Somebody {place}\" <somebody{place}@lists.example>\r\nTo: rob@home.example\r\n\
             Subject: {subject}\r\nDate: Tue, 3 Mar 2026 09:12:30 +0000\r\nMessage-ID: <{place}.4711@lists.example>\r\n\
             MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello\r\n",
            "q".repeat(340)
        )
    })
}

fn header(mail: &[u8]) -> &[u8] {
    let end = mail.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    mail.get(..end + 4).unwrap()
}

/// What a server returns for `BODY.PEEK[HEADER.FIELDS (FROM SUBJECT)]`.
fn from_and_subject(mail: &[u8]) -> Vec<u8> {
    let lines = mail.split_inclusive(|byte| *byte == b'\n');
    let wanted = lines.filter(|line| line.starts_with(b"From: ") || line.starts_with(b"Subject: "));
    let mut block = wanted.flatten().copied().collect::<Vec<_>>();
    block.extend(b"\r\n");
    block
}
