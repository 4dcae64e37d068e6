//! Messages that the server says are there and does not show.

use super::*;
use crate::mishaps::maildir::Maildir;

/// Leaves the message of UID 3 out of every answer to a FETCH, and says OK.
pub(super) const HIDDEN: Fault = Fault {
    begin: "UID FETCH",
    at: 0,
    when: When::After,
    how: How::Lie("UID 3 is left out", |_, answer| without_third(answer)),
};

fn without_third(answer: &[u8]) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut rest = answer;
    while !rest.is_empty() {
        let length = response(rest);
        let (one, after) = rest.split_at(length);
        let shown = String::from_utf8_lossy(one);
        if !(shown.contains(" FETCH (") && (shown.contains("UID 3 ") || shown.contains("UID 3)"))) {
            kept.extend_from_slice(one);
        }
        rest = after;
    }
    kept
}

/// How long the first response is, with its literals.
fn response(text: &[u8]) -> usize {
    let mut end = 0;
    loop {
        let Some(line) = text[end..].iter().position(|byte| *byte == b'\n') else { return text.len() };
        let line = &text[end..=end + line];
        end += line.len();
        let literal = line.strip_suffix(b"}\r\n").and_then(|line| {
            let open = line.iter().rposition(|byte| *byte == b'{')?;
            std::str::from_utf8(&line[open + 1..]).ok()?.parse::<usize>().ok()
        });
        match literal {
            Some(length) => end += length,
            None => return end,
        }
    }
}

/// Announces the literals of the message of UID 3 as ten bytes shorter than they are.
const MISCOUNTED: Fault = Fault {
    begin: "UID FETCH",
    at: 0,
    when: When::After,
    how: How::Lie("UID 3 is miscounted", |_, answer| with_third_miscounted(answer)),
};

fn with_third_miscounted(answer: &[u8]) -> Vec<u8> {
    let mut told = Vec::new();
    let mut rest = answer;
    while !rest.is_empty() {
        let (one, after) = rest.split_at(response(rest));
        let line = String::from_utf8_lossy(one.split(|byte| *byte == b'\n').next().unwrap()).into_owned();
        let length = line
            .rsplit_once('{')
            .and_then(|(_, end)| end.trim_end().trim_end_matches('}').parse::<usize>().ok());
        match length.filter(|_| line.contains("UID 3 ")) {
            Some(length) => {
                let (begin, _) = line.rsplit_once('{').unwrap();
                told.extend_from_slice(format!("{begin}{{{}}}\r", length - 10).as_bytes());
                told.extend_from_slice(&one[line.len()..]);
            }
            None => told.extend_from_slice(one),
        }
        rest = after;
    }
    told
}

#[test]
fn a_message_that_is_miscounted_is_found_and_the_others_are_filed() {
    let Some(mut scene) = Scene::set(&Home::server(RUNGS[0]), ALL) else { return };
    let proxy = scene.proxy();
    let all: Vec<String> = (1..=20).map(|number| text(&spam(number), number)).collect();
    scene.deliver(&all);
    proxy.arm([MISCOUNTED]);
    let output = scene.home.run(&["sweep"]);
    let said = printed(&output);
    assert_eq!(output.status.code(), Some(75), "{said}");
    assert!(
        said.contains("INBOX uid 3 is there and does not show it: its answer could not be read"),
        "{said}"
    );
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 19), "{said}");
    proxy.arm([]);
    scene.sweep();
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (0, 20));
}

#[test]
fn a_message_that_is_not_shown_is_asked_for_three_times_then_daily_and_filed_when_it_comes() {
    for without in RUNGS {
        let Some(mut scene) = Scene::set(&Home::server(without), ALL) else { return };
        let proxy = scene.proxy();
        scene.deliver(&[text(&spam(1), 1), text(&spam(2), 2), text(&spam(3), 3)]);
        for sweep in 0..5 {
            proxy.arm([HIDDEN]);
            let output = scene.home.run(&["sweep"]);
            let said = printed(&output);
            assert_eq!(output.status.code(), Some(75), "{sweep} {without:?}\n{said}");
            assert!(said.contains("does not show"), "{sweep} {without:?}\n{said}");
            assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 2), "{sweep} {without:?}\n{said}");
            let asked = proxy.commands().iter().any(|command| command.starts_with("UID FETCH 3 "));
            assert_eq!(asked, (1..=3).contains(&sweep), "{sweep} {without:?} {:?}", proxy.commands());
            assert_eq!(said.contains("INBOX uid 3"), sweep < 4, "{sweep} {without:?}\n{said}");
        }
        // It is not due before a day has passed.
        proxy.arm([]);
        assert_eq!(scene.home.run(&["sweep"]).status.code(), Some(75));
        assert_eq!(scene.count("INBOX"), 1);
        let Some(output) = scene.sweep_later(2) else { return };
        assert!(output.status.success(), "{}", printed(&output));
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (0, 3), "{without:?}");
        assert_eq!(scene.known(), (vec![], vec![]));
    }
}

#[test]
fn a_message_whose_interrupted_move_cannot_be_settled_is_not_moved_twice() {
    for without in [RUNGS[1], RUNGS[2]] {
        let Some(mut scene) = Scene::set(&Home::server(without), ALL) else { return };
        let proxy = scene.proxy();
        scene.deliver(&[text(&spam(1), 1)]);
        proxy.arm([Fault::first("UID COPY", When::After, How::Close)]);
        assert_eq!(scene.home.run(&["sweep"]).status.code(), Some(75));
        // The server shows it nothing while it settles, and everything after that.
        let nothing = How::Say("TAG OK done\r\n");
        proxy.arm([Fault::first("UID FETCH", When::Before, nothing)]);
        let output = scene.home.run(&["sweep"]);
        assert!(proxy.wait_until_struck(1, Duration::from_secs(1)));
        assert_eq!(output.status.code(), Some(75), "{}", printed(&output));
        let copies = |scene: &mut Scene| scene.client.messages(SPAM).len();
        assert_eq!((scene.count("INBOX"), copies(&mut scene)), (1, 1), "{without:?}\n{}", printed(&output));
        proxy.arm([]);
        for _ in 0..2 {
            let said = scene.sweep();
            assert_eq!((scene.count("INBOX"), copies(&mut scene)), (0, 1), "{without:?}\n{said}");
        }
    }
}

#[test]
fn an_interrupted_move_whose_original_is_not_shown_is_asked_for_three_times_then_daily() {
    for without in [RUNGS[1], RUNGS[2]] {
        let Some(mut scene) = Scene::set(&Home::server(without), ALL) else { return };
        let proxy = scene.proxy();
        // The copy has another UID, so that it is shown.
        scene.deliver(&[text(&real(1), 1), text(&real(2), 2), text(&spam(3), 3)]);
        proxy.arm([Fault::first("UID COPY", When::After, How::Close)]);
        assert_eq!(scene.home.run(&["sweep"]).status.code(), Some(75));
        let mut asked = Vec::new();
        for sweep in 0..6 {
            proxy.arm([HIDDEN]);
            let output = scene.home.run(&["sweep"]);
            let said = printed(&output);
            assert_eq!(output.status.code(), Some(75), "{sweep} {without:?}\n{said}");
            assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (3, 1), "{sweep} {without:?}\n{said}");
            asked.push(proxy.commands().iter().any(|command| command.starts_with("UID FETCH 3 ")));
            assert_eq!(said.contains("INBOX uid 3"), asked[sweep], "{sweep}\n{said}");
        }
        // In the first of them, the look at new messages meets it too.
        assert_eq!(asked, [true, true, true, false, false, false], "{without:?}");
        proxy.arm([]);
        let Some(output) = scene.sweep_later(2) else { return };
        assert!(output.status.success(), "{}", printed(&output));
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (2, 1), "{without:?}");
        assert_eq!(scene.known(), (vec![], vec![]));
    }
}

#[test]
fn a_twin_of_a_message_whose_move_is_not_settled_does_not_prove_that_move() {
    for without in RUNGS {
        let Some(mut scene) = Scene::set(&Home::server(without), ALL) else { return };
        let proxy = scene.proxy();
        scene.deliver(&[text(&real(1), 1), text(&real(2), 2), text(&spam(3), 3)]);
        // No copy is made.
        let begin = if without.is_empty() { "UID MOVE" } else { "UID COPY" };
        proxy.arm([Fault::first(begin, When::Before, How::Close)]);
        assert_eq!(scene.home.run(&["sweep"]).status.code(), Some(75));
        scene.deliver(&[text(&spam(3), 3)]);
        proxy.arm([HIDDEN]);
        let output = scene.home.run(&["sweep"]);
        let said = printed(&output);
        assert_eq!(output.status.code(), Some(75), "{without:?}\n{said}");
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (4, 0), "{without:?}\n{said}");
        // Both are shown, and both are filed.
        proxy.arm([]);
        let said = scene.sweep();
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (2, 2), "{without:?}\n{said}");
        assert_eq!(scene.known(), (vec![], vec![]));
    }
}

#[test]
fn a_message_that_was_not_shown_is_filed_after_its_folder_was_renumbered() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    let proxy = scene.proxy();
    scene.deliver(&[text(&real(1), 1), text(&real(2), 2)]);
    scene.sweep();
    scene.deliver(&[text(&spam(3), 3)]);
    proxy.arm([HIDDEN]);
    assert_eq!(scene.home.run(&["sweep"]).status.code(), Some(75));
    // What came after it was looked at, so that it is old by its time of arrival.
    pause(Duration::from_millis(1_200));
    scene.deliver(&[text(&real(4), 4)]);
    proxy.arm([HIDDEN]);
    assert_eq!(scene.home.run(&["sweep"]).status.code(), Some(75));
    proxy.arm([]);
    scene.client.run("LOGOUT");
    Maildir::of(&scene.server, "kim").renumber(None);
    scene.client = scene.home.client(scene.server.port);
    let said = scene.sweep();
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (3, 1), "{said}");
    assert!(scene.sweep().ends_with("; all is well\n"));
}

#[test]
fn a_message_of_a_folder_that_is_not_watched_any_more_is_not_work_left() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    let proxy = scene.proxy();
    let folders = |folders: &str| scene.home.configure(proxy.port, &format!("{ALL}\nfolders = [{folders}]"));
    folders("\"INBOX\", \"Social\"");
    scene.client.run("CREATE Social");
    for number in 1..=3 {
        scene.client.deliver("Social", &text(&spam(number), number));
    }
    proxy.arm([HIDDEN]);
    assert_eq!(scene.home.run(&["sweep"]).status.code(), Some(75));
    proxy.arm([]);
    folders("\"INBOX\"");
    assert!(scene.sweep().ends_with("; all is well\n"));
}
