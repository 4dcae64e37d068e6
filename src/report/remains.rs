//! What a sweep could not do, in one line: for the last line of `sweep`, the journal and the state line. Pure.

/// What is left to do after a sweep.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Remains {
    /// Messages that could not be moved or marked, in this sweep or an earlier one, and are tried again.
    pub refused: usize,
    /// Messages that wait for a later sweep: their move was interrupted, a list has never been loaded, or they are judged
    /// again by other rules.
    pub later: usize,
    /// Messages that the fuse holds back.
    pub fuse: usize,
    /// Messages that the server says are there and does not show.
    pub unshown: usize,
    /// Interrupted moves of which the original cannot be told.
    pub uncertain: usize,
    /// Messages that could not be assessed.
    pub unassessed: usize,
    /// Folders that could not be used.
    pub folders: usize,
    /// Lists that have never been loaded, without which nothing is moved.
    pub lists: Vec<String>,
}

impl Remains {
    /// Is work left because of the server, the state or a fault of ours? What the fuse holds back is moved by itself.
    pub fn is_work_left(&self) -> bool {
        // Those for a later sweep wait for the fuse too, or for what else is counted here.
        let Self { refused, later: _, fuse: _, unshown, uncertain, unassessed, folders, lists } = self;
        [refused, unshown, uncertain, unassessed, folders].into_iter().any(|count| *count > 0)
            || !lists.is_empty()
    }

    /// All of it; `None` where nothing is left.
    pub fn in_words(&self) -> Option<String> {
        let mut parts = Vec::new();
        if self.refused > 0 {
            parts.push(format!(
                "{} could not be moved or marked; followsift tries again later",
                messages(self.refused)
            ));
        }
        if !self.lists.is_empty() {
            let lists: Vec<_> = self.lists.iter().map(|list| format!("`{list}`")).collect();
            let (noun, have) = if lists.len() == 1 { ("list", "has") } else { ("lists", "have") };
            parts.push(format!(
                "nothing is moved while the {noun} {} {have} never been loaded{}",
                lists.join(", "),
                if self.later > 0 { format!(" ({})", wait(self.later)) } else { String::new() }
            ));
        } else if self.later > 0 {
            parts.push(format!("{} for a later sweep", wait(self.later)));
        }
        if self.fuse > 0 {
            parts.push(format!("the fuse holds {} back", messages(self.fuse)));
        }
        if self.unshown > 0 {
            parts.push(format!("the server does not show {}", messages(self.unshown)));
        }
        if self.uncertain > 0 {
            let moves =
                if self.uncertain == 1 { "1 move".to_owned() } else { format!("{} moves", self.uncertain) };
            parts.push(format!("{moves} could not be settled, after an interruption"));
        }
        if self.unassessed > 0 {
            parts.push(format!(
                "{} could not be assessed, by a fault of followsift",
                messages(self.unassessed)
            ));
        }
        if self.folders > 0 {
            let folders =
                if self.folders == 1 { "1 folder".to_owned() } else { format!("{} folders", self.folders) };
            parts.push(format!("{folders} could not be used"));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
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
        assert_eq!(Remains::default().in_words(), None);
        assert!(!Remains::default().is_work_left());
    }

    #[test]
    fn everything_that_is_left_is_said() {
        let remains = Remains {
            refused: 1,
            later: 2,
            fuse: 3,
            unshown: 1,
            uncertain: 1,
            unassessed: 1,
            folders: 2,
            lists: Vec::new(),
        };
        let words = "1 message could not be moved or marked; followsift tries again later; 2 messages wait for a \
                     later sweep; the fuse holds 3 messages back; the server does not show 1 message; 1 \
                     move could not be settled, after an interruption; 1 message could not be assessed, by a fault of \
                     followsift; 2 folders could not be used";
        assert_eq!(remains.in_words().as_deref(), Some(words));
        let lists = Remains { later: 2, lists: vec!["friends".to_owned()], ..Remains::default() };
        assert_eq!(
            lists.in_words().as_deref(),
            Some("nothing is moved while the list `friends` has never been loaded (2 messages wait)")
        );
    }

    #[test]
    fn what_the_fuse_holds_back_is_no_failure() {
        let held = Remains { fuse: 1, later: 1, ..Remains::default() };
        assert!(!held.is_work_left() && held.in_words().is_some());
    }
}
