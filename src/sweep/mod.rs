//! New mail through assess, ledger and mailbox: the only room that moves mail.
