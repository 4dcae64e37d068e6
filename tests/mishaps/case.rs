//! What goes wrong: the kinds of mishap, and the cases of each.

use super::stage::Rung;
use crate::support::proxy::{Fault, How, When};

/// What happens while a sweep is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The line is cut between two commands, and nothing else.
    Cut,
    /// The line is cut, and the inbox is put back to a backup from before the messages arrived. Others take their UIDs.
    RestoredSource,
    /// The same with the folders that messages are filed in.
    RestoredTarget,
    /// The same with everything.
    RestoredBoth,
    /// The inbox is put back to a backup from before anything was ever filed: all of it comes back at once.
    RestoredEarly,
    /// The inbox gets a new UIDVALIDITY and other UIDs.
    RenumberedSource,
    /// The folders that messages are filed in get them.
    RenumberedTarget,
    /// The same bytes are delivered once more.
    Twins,
    /// The user stars messages while a command is on its way.
    Star,
    /// A FETCH is answered OK, with nothing in it.
    EmptyFetch,
    /// A SELECT or an EXAMINE is answered OK, with nothing in it.
    EmptySelect,
    /// A CREATE is refused, or answered OK and not done.
    CreateRefused,
    /// The line is cut while `restore` puts filed messages back, and nothing else.
    PuttingBack,
    /// The same, and the inbox is put back to a backup from before that.
    PuttingBackRestoredSource,
    /// The same with the folders from which they come.
    PuttingBackRestoredTarget,
    /// Those folders get a new UIDVALIDITY and other UIDs.
    PuttingBackRenumbered,
}

/// Whether the process dies, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kill {
    /// The process goes on.
    Never,
    /// It is killed where the fault strikes.
    There,
    /// The next process is killed, at a command of its own.
    Next,
}

const KILLS: [Kill; 3] = [Kill::Never, Kill::There, Kill::Next];

/// One case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) kind: Kind,
    /// The command, counted from 1, and the fault there.
    pub(crate) fault: Fault,
    pub(crate) kill: Kill,
}

const NOTHING: How = How::Say("TAG OK done\r\n");

const REFUSALS: [How; 7] = [
    NOTHING,
    How::Say("TAG NO no such luck\r\n"),
    How::Say("TAG BAD what\r\n"),
    How::Say("TAG NO [UNAVAILABLE] later\r\n"),
    How::Say("TAG NO [OVERQUOTA] full\r\n"),
    How::Say("TAG NO [SERVERBUG] oops\r\n"),
    How::Say("TAG NO [NOPERM] no\r\n"),
];

impl Kind {
    /// Whether the folders in which messages are filed exist already.
    pub(crate) fn is_furnished(self) -> bool {
        self != Self::CreateRefused
    }

    /// Whether it strikes while messages are put back.
    pub(crate) fn is_putting_back(self) -> bool {
        use Kind::{
            PuttingBack, PuttingBackRenumbered, PuttingBackRestoredSource, PuttingBackRestoredTarget,
        };
        matches!(
            self,
            PuttingBack | PuttingBackRenumbered | PuttingBackRestoredSource | PuttingBackRestoredTarget
        )
    }

    /// The commands at which it can strike, counted from 1.
    fn commands(self, rung: &Rung) -> Vec<usize> {
        let commands = rung.commands(self);
        let those = |begins: fn(&str) -> bool| {
            (1..=commands.len()).filter(|at| begins(&commands[at - 1])).collect::<Vec<_>>()
        };
        match self {
            Self::EmptyFetch => {
                those(|command| command.starts_with("UID FETCH") || command.starts_with("FETCH"))
            }
            Self::EmptySelect => {
                those(|command| command.starts_with("SELECT") || command.starts_with("EXAMINE"))
            }
            Self::CreateRefused => those(|command| command.starts_with("CREATE")),
            // Afterwards there is nothing left in the inbox that a star could keep there.
            Self::Star => {
                let is_last =
                    |command: &str| command.starts_with("UID MOVE") || command.contains("(\\Deleted)");
                let moves = those(is_last);
                (1..=moves.last().copied().unwrap_or_default()).collect()
            }
            _ => (1..=commands.len()).collect(),
        }
    }

    fn faults(self) -> Vec<(When, How)> {
        match self {
            Self::Star => vec![(When::Before, How::Hold)],
            Self::EmptyFetch | Self::EmptySelect => vec![(When::Before, NOTHING)],
            Self::CreateRefused => REFUSALS.map(|how| (When::Before, how)).to_vec(),
            _ => vec![(When::Before, How::Reset), (When::After, How::Reset)],
        }
    }

    /// All of its cases on a rung, and how many they are.
    pub(crate) fn cases(self, rung: &Rung) -> (Vec<Case>, String) {
        let (commands, faults) = (self.commands(rung), self.faults());
        let mut cases = Vec::new();
        for at in &commands {
            for (when, how) in &faults {
                let fault = Fault::at(*at, *when, *how);
                cases.extend(KILLS.map(|kill| Case { kind: self, fault, kill }));
            }
        }
        let count = format!(
            "{} commands x {} faults x {} kills = {} cases",
            commands.len(),
            faults.len(),
            KILLS.len(),
            cases.len()
        );
        (cases, count)
    }
}
