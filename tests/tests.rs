//! All tests that need cargo's harness, in one binary: it links once. `cargo test --test tests rules::` runs those of one file
//! or folder. The demonstration alone (`tests/demo.rs`) is a binary of its own, since it brings its own `main`.
//!
//! A new file has to be declared here; `rooms::every_file_of_tests_is_declared` fails where one is missing.

mod support;

mod aliases;
mod assess;
mod backtest;
mod blank_names;
mod bombs;
mod circles;
mod cli;
mod cost;
mod daemon;
mod delivery;
mod export;
mod faults;
mod history;
mod hostile;
mod hostile_server;
mod judge;
mod known;
mod ledger;
mod licences;
mod lookup;
mod mailbox;
mod manual;
mod map;
mod memory;
mod metrics;
mod mishaps;
mod networks;
mod oauth2;
mod odd_answers;
mod ordinary;
mod past;
mod recognition;
mod report;
mod rewritings;
mod rooms;
mod rules;
mod schema;
mod secrecy;
mod senders;
mod servers;
mod settings;
mod sites;
mod sweep;
mod traffic;
mod units;
mod unkind_server;
mod web;
