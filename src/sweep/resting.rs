//! A sweeper while its account waits. Called by `daemon`.

use super::memory::Memory;
use super::sweeper::Sweeper;
use crate::ledger::{LedgerFault, LedgerFile};
use crate::rules::recall::Replay;

/// A sweeper that waits, without a connection to the ledger. It keeps the account's locks.
#[derive(Debug)]
pub struct Resting<'a> {
    /// Its memory is empty.
    sweeper: Sweeper<'a>,
    /// The ledger that it had.
    ledger: Option<LedgerFile>,
}

impl<'a> Resting<'a> {
    /// Goes on, with a connection to the same ledger.
    ///
    /// # Errors
    /// If the ledger cannot be opened, or is another file than it was: then everything begins again.
    pub fn resume(mut self) -> Result<Sweeper<'a>, LedgerFault> {
        if let Some(before) = self.ledger {
            let ledger = self.sweeper.ledgers.borrow()?;
            ledger.require_same(before)?;
            self.sweeper.memory = Memory::Kept(ledger);
        }
        Ok(self.sweeper)
    }
}

impl<'a> Sweeper<'a> {
    /// Gives its connection to the ledger back, for a wait.
    pub fn rest(mut self) -> Resting<'a> {
        let nothing = Memory::Read { ledger: None, seen: Replay::default() };
        let ledger = match std::mem::replace(&mut self.memory, nothing) {
            Memory::Kept(ledger) => {
                let file = ledger.which();
                self.ledgers.put_back(ledger);
                Some(file)
            }
            // A dry run waits for nothing.
            memory @ Memory::Read { .. } => {
                self.memory = memory;
                None
            }
        };
        Resting { sweeper: self, ledger }
    }
}
