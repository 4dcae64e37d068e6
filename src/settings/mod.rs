//! Layered settings, accounts, and where their secrets are.
