use super::*;

/// Messages of the inbox that are not notifications. They have its lowest UIDs, so that a lie about low UIDs is about the target.
const LETTERS: usize = 4;
/// A line that the server adds to the header.
const ADDED: &str = "X-Copied: yes\r\n";

/// A server's answer in which messages with low UIDs are larger by so many bytes, and with `change` done to what is shown of them
/// under a section's name.
fn lie(answer: &[u8], larger: usize, change: impl Fn(&str, &mut Vec<u8>)) -> Vec<u8> {
    let (mut told, mut rest, mut is_low) = (Vec::new(), answer, false);
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let (line, after) = rest.split_at(end + 2);
        let mut line = String::from_utf8_lossy(line).into_owned();
        rest = after;
        if let Some((_, uid)) = line.split_once(" FETCH (UID ") {
            let digits: String = uid.chars().take_while(char::is_ascii_digit).collect();
            is_low = digits.parse::<usize>().unwrap() <= LETTERS;
        }
        let size = |line: &str| -> Option<usize> {
            line.split_once("RFC822.SIZE ")?.1.split([' ', ')']).next()?.parse().ok()
        };
        if let Some(size) = size(&line).filter(|_| is_low) {
            line = line.replace(&format!("SIZE {size}"), &format!("SIZE {}", size + larger));
        }
        let literal = line.trim_end().strip_suffix('}').and_then(|line| line.rsplit_once('{'));
        let Some((before, count)) = literal else {
            told.extend(line.as_bytes());
            continue;
        };
        let (bytes, after) = rest.split_at(count.parse().unwrap());
        rest = after;
        let mut bytes = bytes.to_vec();
        if is_low {
            change(before.rsplit(' ').find(|word| word.starts_with("BODY[")).unwrap_or_default(), &mut bytes);
        }
        told.extend(format!("{before}{{{}}}\r\n", bytes.len()).as_bytes());
        told.extend(bytes);
    }
    told
}

/// The copy's size is counted otherwise.
const RESIZED: How = How::Lie("another size", |_, answer| lie(answer, 3, |_, _| {}));
/// The copy has one more line in its header.
const ADDS_A_LINE: How = How::Lie("a line added to the header", |_, answer| {
    lie(answer, ADDED.len(), |section, bytes| {
        if section.starts_with("BODY[HEADER]") || section.starts_with("BODY[]") {
            bytes.splice(0..0, ADDED.bytes());
        }
    })
});
/// The copy's subject is written in capitals.
const CHANGES_A_LINE: How = How::Lie("a line of the header changed", |_, answer| {
    lie(answer, 0, |section, bytes| {
        let at =
            bytes.windows(9).position(|nine| nine == b"Subject: ").filter(|_| !section.contains("FIELDS"));
        if let Some(at) = at {
            let subject = bytes[at..].iter().position(|byte| *byte == b'\r').unwrap();
            bytes[at + 9..at + subject].make_ascii_uppercase();
        }
    })
});
/// The copy's text ends otherwise.
const CHANGES_THE_TEXT: How = How::Lie("another text", |_, answer| {
    lie(answer, 3, |section, bytes| {
        if section.starts_with("BODY[]") {
            bytes.extend(b"--\n");
        }
    })
});

const fn always(how: How) -> Fault {
    Fault { begin: "UID FETCH", at: 0, when: When::After, how }
}

/// A server without MOVE, with letters and two notifications of spam followers in the inbox.
fn scene(without: &'static [&'static str]) -> Option<(Scene, Proxy)> {
    let mut scene = Scene::set(&Home::server(without), ALL)?;
    let proxy = scene.proxy();
    for number in 0..LETTERS {
        scene.deliver(&[text(&ordinary("Jo <jo@bloom.example>", "Lunch?", "One o'clock? Jo\n"), number)]);
    }
    scene.deliver(&[text(&spam(11), 11), text(&spam(12), 12)]);
    Some((scene, proxy))
}

#[test]
fn a_copy_of_another_size_is_proven_by_its_bytes() {
    for without in &RUNGS[1..] {
        let Some((mut scene, proxy)) = scene(without) else { return };
        let before = live(&mut scene.client).into_iter().map(|message| message.3).collect::<Vec<_>>();
        proxy.arm([always(RESIZED)]);
        let said = scene.sweep();
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (LETTERS, 2), "{without:?} {said}");
        let mut after = live(&mut scene.client).into_iter().map(|message| message.3).collect::<Vec<_>>();
        after.sort();
        assert!(after.len() == before.len() && before.iter().all(|one| after.contains(one)));
        assert!(said.contains("moved 2"), "{said}");
        assert!(scene.sweep().contains("moved 0"));
    }
}

#[test]
fn what_is_to_be_marked_is_marked_also_if_its_size_differs_there() {
    let Some((mut scene, proxy)) = scene(RUNGS[1]) else { return };
    assert!(RULES.contains("mark-read = true"));
    proxy.arm([always(RESIZED)]);
    let said = scene.sweep();
    let filed: Vec<_> = live(&mut scene.client).into_iter().filter(|message| message.0 == SPAM).collect();
    assert_eq!(filed.len(), 2, "{said}");
    assert!(filed.iter().all(|message| message.2.contains(&"\\Seen".to_owned())), "{said}");
}

#[test]
fn a_message_that_the_server_changes_stays_without_a_double_and_is_tried_once() {
    for without in &RUNGS[1..] {
        for how in [ADDS_A_LINE, CHANGES_THE_TEXT] {
            stays_and_is_tried_once(without, how);
        }
    }
    // Only COPYUID shows that this one is ours.
    stays_and_is_tried_once(RUNGS[1], CHANGES_A_LINE);
}

fn stays_and_is_tried_once(without: &'static [&'static str], how: How) {
    let Some((mut scene, proxy)) = scene(without) else { return };
    proxy.arm([always(how)]);
    let output = scene.home.run(&["sweep"]);
    let said = printed(&output);
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (LETTERS + 2, 0), "{without:?} {how:?} {said}");
    assert_eq!(output.status.code(), Some(75), "{said}");
    let why = "stays: the server changes messages when it copies them; followsift removed the copy";
    assert_eq!(said.matches(why).count(), 2, "{said}");
    assert!(
        said.contains("2 messages could not be moved or marked; followsift does not try again"),
        "{said}"
    );
    let copies = |proxy: &Proxy| proxy.commands().iter().filter(|it| it.starts_with("UID COPY")).count();
    assert_eq!(copies(&proxy), 1, "{:?}", proxy.commands());
    let said = scene.sweep();
    assert!(!said.contains("stays") && said.contains("; all is well"), "{said}");
    let said = printed(&scene.home.run(&["sweep", "--since", "1d"]));
    assert_eq!((scene.count("INBOX"), scene.count(SPAM), copies(&proxy)), (LETTERS + 2, 0, 1), "{said}");
}

#[test]
fn a_doubtful_copy_stays_and_that_is_said() {
    let Some((mut scene, proxy)) = scene(RUNGS[2]) else { return };
    // Dovecot names the copies even if it does not advertise that.
    let unnamed = Fault::first("UID COPY", When::After, How::Say("TAG OK copied\r\n"));
    proxy.arm([always(CHANGES_A_LINE), unnamed]);
    let output = scene.home.run(&["sweep"]);
    let said = printed(&output);
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (LETTERS + 2, 2), "{said}");
    assert_eq!(output.status.code(), Some(75), "{said}");
    assert_eq!(
        said.matches("its arrival could not be proven; it may be in both folders").count(),
        2,
        "{said}"
    );
}

#[test]
fn a_cut_in_the_middle_of_a_comparison_loses_and_doubles_nothing() {
    for without in &RUNGS[1..] {
        for (how, filed) in [(RESIZED, 2), (ADDS_A_LINE, 0)] {
            for (begin, when) in [
                ("UID COPY", When::After),
                ("UID FETCH 1:2 (UID RFC822.SIZE BODY.PEEK[]", When::Before),
                ("UID FETCH 5:6 (UID RFC822.SIZE BODY.PEEK[]<0.65536>)", When::Before),
                ("UID STORE", When::Before),
                ("UID STORE", When::After),
            ] {
                let Some((mut scene, proxy)) = scene(without) else { return };
                proxy.arm([always(how), Fault { begin, at: 1, when, how: How::Close }]);
                let output = scene.home.run(&["sweep"]);
                let met = proxy.struck().iter().any(|fault| matches!(fault.how, How::Close));
                assert!(met, "{begin} {:?} {:?}", proxy.commands(), printed(&output));
                proxy.arm([always(how)]);
                let said = printed(&scene.home.run(&["sweep"]));
                let counts = (scene.count("INBOX"), scene.count(SPAM));
                assert_eq!(
                    counts,
                    (LETTERS + 2 - filed, filed),
                    "{without:?} {how:?} {begin} {when:?} {said}"
                );
            }
        }
    }
}
