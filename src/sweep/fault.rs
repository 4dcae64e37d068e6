//! Why a sweep ended early.

use std::error::Error;
use std::fmt;

use crate::ledger::LedgerFault;
use crate::mailbox::Fault;

/// Why a sweep ended early.
#[derive(Debug)]
pub enum SweepFault {
    /// The server, or the line to it.
    Mailbox(Fault),
    /// The ledger: without it nothing may be moved.
    Ledger(LedgerFault),
}

impl SweepFault {
    /// Did it end because it was asked to?
    pub fn is_stop(&self) -> bool {
        match self {
            Self::Mailbox(fault) => fault.is_stop(),
            Self::Ledger(_) => false,
        }
    }
}

impl fmt::Display for SweepFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mailbox(fault) => fault.fmt(f),
            Self::Ledger(fault) => fault.fmt(f),
        }
    }
}

impl Error for SweepFault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Mailbox(fault) => fault.source(),
            Self::Ledger(fault) => fault.source(),
        }
    }
}

impl From<Fault> for SweepFault {
    fn from(fault: Fault) -> Self {
        Self::Mailbox(fault)
    }
}

impl From<LedgerFault> for SweepFault {
    fn from(fault: LedgerFault) -> Self {
        Self::Ledger(fault)
    }
}
