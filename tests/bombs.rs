//! Messages made to exhaust a reader: nested parts, parts, fields, senders, tags, entities, attributes, comments, scripts and accents by the
//! ten thousand. The counted work grows no faster than the message, and memory is bounded.

use std::process::Command;
use std::sync::LazyLock;

use followsift::clock::Timestamp;
use followsift::diagnostic::document::Findings;
use followsift::mail::{Cost, Message, Profiles, Recognition, Trust};

/// As much of a message as the service fetches.
const SIZE: usize = followsift::sweep::MAIL_LIMIT as usize;
/// The most memory that a run may take for its data, in bytes; a test build, which is wasteful.
const MEMORY: u64 = 128 << 20;

static PROFILES: LazyLock<Profiles> =
    LazyLock::new(|| Profiles::compile(&Profiles::shipped_sources(), &Findings::default()));

/// A message of X's with something in each of its places.
fn message(fields: &str, before: &str, bio: &str) -> String {
    format!(
        "DKIM-Signature: d=twitter.com; b=x\n{fields}From: A <notify@twitter.com>\nSubject: Ann (@ann) is now following you on \
         Twitter!\nContent-Type: multipart/mixed; boundary=outer\n\n{before}\n--outer\nContent-Type: text/html; \
         charset=utf-8\n\n<a href='https://twitter.com/i/redirect?url=https%3A%2F%2Ftwitter.com%2Fann&cn=Zm9sbG93ZXI%3D' \
         class=hero_name>Ann</a><p class=hero_bio>{bio}</p><p class=follow_button>x</p>\n--outer--\n"
    )
}

fn times(piece: &str, size: usize) -> String {
    piece.repeat(size / piece.len())
}

/// Each bomb of about a size, with whether the notification in it can still be read.
fn bombs(size: usize) -> Vec<(&'static str, String)> {
    let fields = |piece: &str| message(&times(piece, size), "", "x");
    let before = |text: String| message("", &text, "x");
    let bio = |text: String| message("", "", &text);
    let parts = |piece: &str| before(times(piece, size));
    let tags = |piece: &str| bio(times(piece, size));
    let nested: String = (0..size / 60)
        .map(|depth| format!("--b{depth}\nContent-Type: multipart/mixed; boundary=b{}\n\n", depth + 1))
        .collect();
    let nested = nested.replacen("--b0\n", "--outer\n", 1);
    vec![
        ("nested multiparts", before(nested)),
        (
            "nested multiparts with one boundary",
            parts("--outer\nContent-Type: multipart/mixed; boundary=outer\n\n"),
        ),
        ("nested multiparts whose boundaries begin alike", {
            let nested = (1..size / 200).map(|depth| {
                format!("--{0}\nContent-Type: multipart/mixed; boundary={0}x\n\n", "x".repeat(depth.min(60)))
            });
            before(nested.collect::<String>().replacen("--x\n", "--outer\n", 1))
        }),
        (
            "nested messages",
            parts("--outer\nContent-Type: message/rfc822\n\nContent-Type: message/rfc822\n\n"),
        ),
        ("parts", parts("--outer\n\nx\n")),
        ("parts without a body", parts("--outer\n")),
        ("parts in base64", parts("--outer\nContent-Transfer-Encoding: base64\n\nQQ==\n")),
        ("a boundary in every line", parts("--oute\n")),
        ("fields", fields("X: y\n")),
        ("one folded field", fields("X: y\n y\n")),
        ("fields of a part", before(format!("--outer\n{}\nx\n", times("X: y\n", size)))),
        ("parameters", before(format!("--outer\nContent-Type: text/plain{}\n\nx\n", times("; a=b", size)))),
        ("senders", fields("From: a@b.example\n")),
        ("senders in one field", message(&format!("From: {}\n", times("a@b.example, ", size)), "", "x")),
        ("groups", message(&format!("From: {}\n", times("a: b@c.example; ", size)), "", "x")),
        ("comments in a sender", message(&format!("From: {}\n", times("(", size)), "", "x")),
        ("encoded words", message(&format!("Subject: {}\n", times("=?utf-8?Q?=C3=A9?= ", size)), "", "x")),
        ("tags", tags("<b>")),
        ("end tags", tags("</b>")),
        ("tags of all names", bio((0..size / 8).map(|number| format!("<x{number:x}>")).collect())),
        ("tables", tags("<table><tr><td>")),
        ("entities", tags("&amp;")),
        ("entities without an end", tags("&am")),
        ("long entities", tags("&CounterClockwiseContourIntegral;")),
        ("numbers of characters", tags("&#x1F469;")),
        ("numbers beyond all characters", tags("&#99999999999;")),
        ("attributes", bio(format!("<p {}>x", times("a=b ", size)))),
        ("attributes of one name", bio(format!("<p {}>x", times("class=x ", size)))),
        (
            "attributes of all names",
            bio(format!(
                "<p {}>x",
                (0..size / 8).map(|number| format!("a{number:x}=b ")).collect::<String>()
            )),
        ),
        ("a long attribute", bio(format!("<p class='{}'>x", times("x ", size)))),
        ("a link without an end", bio(format!("<a href='{}", times("x", size)))),
        ("comments", tags("<!-- x -->")),
        ("comments without an end", tags("<!--")),
        ("dashes in a comment", bio(format!("<!--{}", times("-", size)))),
        ("declarations", tags("<!DOCTYPE a PUBLIC 'b' 'c'>")),
        ("sections of CDATA", tags("<![CDATA[x]]>")),
        ("scripts", tags("<script>x</script>")),
        ("scripts without an end", tags("<script>")),
        ("scripts in comments in scripts", tags("<script><!--<script>")),
        ("styles", tags("<style>p { color: red }</style>")),
        ("titles without an end", tags("<title></titl")),
        ("accents", tags("e\u{301}\u{35d}\u{308}")),
        ("accents on one letter", bio(format!("e{}", times("\u{301}\u{35d}\u{308}", size)))),
        ("accents in entities", tags("e&#x301;&#x35d;&#x308;")),
        ("letters of Hangul", tags("\u{1112}\u{1161}\u{11ab}")),
        ("letters that become many", tags("\u{fdfa}")),
        ("turns of direction", tags("\u{202e}\u{2066}")),
        ("line breaks", tags("<br>")),
        ("zeros", tags("\u{0}")),
    ]
}

fn cost(message: &str) -> Cost {
    match Message::parse(message.as_bytes()) {
        Ok(read) => PROFILES.recognise_counting(&read, &Trust::default(), Timestamp(0)).1,
        // Parts that nest deeper than the parser goes: the message is left alone.
        Err(_) => Cost { spent: 0, allowed: 0 },
    }
}

#[test]
fn the_message_that_the_bombs_are_made_of_is_recognised() {
    let message = message("X: y\n", "--outer\n\nx\n", "Gardener");
    let read = Message::parse(message.as_bytes()).unwrap();
    let recognition = PROFILES.recognise(&read, &Trust::default(), Timestamp(0));
    assert!(matches!(recognition, Recognition::Recognised(_)), "{recognition:?}");
}

#[test]
fn the_work_of_a_bomb_grows_with_its_size_and_no_faster() {
    for ((name, one), (_, two)) in bombs(SIZE / 4).iter().zip(bombs(SIZE / 2)) {
        let (one, two) = (cost(one), cost(&two));
        assert!(two.spent <= 5 * one.spent / 2 + (64 << 10), "{name}: {one:?} then {two:?}");
        assert!(two.spent <= two.allowed + 64 * SIZE as u64, "{name}: {two:?}");
    }
}

#[test]
fn no_bomb_takes_more_memory_than_a_run_may() {
    let folder = tempfile::tempdir().unwrap();
    let bombs = bombs(SIZE);
    let names: Vec<String> = (0..bombs.len()).map(|number| format!("{number}.eml")).collect();
    for (name, (_, bomb)) in names.iter().zip(&bombs) {
        std::fs::write(folder.path().join(name), bomb).unwrap();
    }
    let run = |names: &[String]| {
        let mut command = Command::new("prlimit");
        command
            .arg(format!("--data={MEMORY}"))
            .arg(env!("CARGO_BIN_EXE_followsift"))
            .args(["explain", "--json"]);
        command
            .args(names)
            .current_dir(folder.path())
            .env_clear()
            .env("HOME", folder.path())
            .env("PATH", "/usr/bin:/bin");
        command.output().unwrap()
    };
    let output = run(&names);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.lines().count(), bombs.len(), "{said}");
}
