//! What a sweep could not do, in one line: for the last line of `sweep`, the journal and the state line. Pure.

use crate::sweep::Remains;

/// All that a sweep has left undone; `None` where nothing is left. What waits for a look-up is not among it: that is usual.
pub fn in_words(remains: &Remains) -> Option<String> {
    let mut parts = Vec::new();
    if remains.refused > 0 {
        parts.push(format!(
            "{} could not be moved or marked; followsift tries again later",
            messages(remains.refused)
        ));
    }
    if remains.stuck > 0 {
        parts.push(format!(
            "{} could not be moved or marked; followsift does not try again",
            messages(remains.stuck)
        ));
    }
    if !remains.lists.is_empty() {
        let lists: Vec<_> = remains.lists.iter().map(|list| format!("`{list}`")).collect();
        let (noun, have) = if lists.len() == 1 { ("list", "has") } else { ("lists", "have") };
        parts.push(format!(
            "nothing is moved while the {noun} {} {have} never been loaded{}",
            lists.join(", "),
            if remains.later > 0 { format!(" ({})", wait(remains.later)) } else { String::new() }
        ));
    } else if remains.later > 0 {
        parts.push(format!("{} for a later sweep", wait(remains.later)));
    }
    if remains.fuse > 0 {
        parts.push(format!("the fuse holds {} back", messages(remains.fuse)));
    }
    if remains.observed > 0 {
        parts.push(format!(
            "{} from before this ledger {} until you run `followsift resume`",
            messages(remains.observed),
            if remains.observed == 1 { "stays" } else { "stay" }
        ));
    }
    if remains.unshown > 0 {
        parts.push(format!("the server does not show {}", messages(remains.unshown)));
    }
    if remains.uncertain > 0 {
        let moves =
            if remains.uncertain == 1 { "1 move".to_owned() } else { format!("{} moves", remains.uncertain) };
        parts.push(format!("{moves} could not be settled, after an interruption"));
    }
    if remains.unsettled > 0 {
        let moves = if remains.unsettled == 1 {
            "1 interrupted move".to_owned()
        } else {
            format!("{} interrupted moves", remains.unsettled)
        };
        parts.push(format!("{moves} could not be settled yet; followsift tries again later"));
    }
    if remains.unassessed > 0 {
        parts.push(format!("{} could not be assessed (a bug in followsift)", messages(remains.unassessed)));
    }
    if remains.folders > 0 {
        let folders =
            if remains.folders == 1 { "1 folder".to_owned() } else { format!("{} folders", remains.folders) };
        parts.push(format!("{folders} could not be used"));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// What waits for look-ups, if anything does.
pub fn look_ups(remains: &Remains) -> Option<String> {
    let look_ups = if remains.look_up == 1 { "a look-up" } else { "look-ups" };
    (remains.look_up > 0).then(|| format!("{} for {look_ups}", wait(remains.look_up)))
}

/// `1 message waits`, `2 messages wait`.
fn wait(count: usize) -> String {
    format!("{} {}", messages(count), if count == 1 { "waits" } else { "wait" })
}

/// `1 message`, `2 messages`.
pub fn messages(count: usize) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{count} messages") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_left_is_nothing_said() {
        assert_eq!(in_words(&Remains::default()), None);
        assert!(!Remains::default().is_work_left());
    }

    #[test]
    fn everything_that_is_left_is_said() {
        let remains = Remains {
            refused: 1,
            stuck: 2,
            later: 2,
            fuse: 3,
            look_up: 1,
            observed: 2,
            unshown: 1,
            uncertain: 1,
            unsettled: 1,
            unassessed: 1,
            folders: 2,
            lists: Vec::new(),
        };
        let words = "1 message could not be moved or marked; followsift tries again later; 2 messages could not be moved or \
                     marked; followsift does not try again; 2 messages wait for a later sweep; the fuse holds 3 messages back; 2 messages \
                     from before this ledger stay until you run `followsift resume`; the server does not show 1 message; 1 move could not be settled, after an interruption; 1 interrupted \
                     move could not be settled yet; followsift tries again later; 1 message could not be assessed (a bug \
                     in followsift); 2 folders could not be used";
        assert_eq!(in_words(&remains).as_deref(), Some(words));
        let lists = Remains { later: 2, lists: vec!["friends".to_owned()], ..Remains::default() };
        assert_eq!(
            in_words(&lists).as_deref(),
            Some("nothing is moved while the list `friends` has never been loaded (2 messages wait)")
        );
    }

    #[test]
    fn what_the_fuse_holds_back_is_no_failure() {
        let held = Remains { fuse: 1, later: 1, ..Remains::default() };
        assert!(!held.is_work_left() && in_words(&held).is_some());
    }
}
