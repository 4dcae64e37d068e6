//! followsift watches an IMAP inbox for messages about new followers, judges each follower by the user's own
//! rules, and files the spam into folders, so that the people who really want to connect stay visible.
//!
//! # The flow
//!
//! ```text
//! bytes -> Message -> Notification -> Verdict -> Action -> Outcome
//!      mail        mail          rules      assess    sweep
//! ```
//!
//! Each arrow is one function in one file, and nothing flows back. [`assess`] is the single pure path from
//! bytes to an action; the service, `sweep` and `explain` all take it, so that they cannot disagree.
//!
//! # The rooms
//!
//! | room | owns | may import |
//! | --- | --- | --- |
//! | [`place`] | where a message is, and what it is known by | nothing |
//! | [`host`] | names of hosts in the one form in which they are compared, and of alias services; the only user of idna | nothing |
//! | [`text`] | text made harmless: the one rule for every output | nothing |
//! | [`clock`] | a moment, and the only reader of the wall clock | nothing |
//! | [`owner`] | folders and files that are ours alone | nothing |
//! | [`diagnostic`] | a finding in a file; TOML read with places | nothing |
//! | [`mail`] | bytes to a message to a notification; the only user of mailparse and html5gum | host, clock, diagnostic |
//! | [`rules`] | TOML to a rule set; rule set and follower to a verdict | mail, host, clock, diagnostic, place |
//! | [`assess`] | networks, rules and recall: bytes to an action | mail, rules, host, clock, diagnostic, place |
//! | [`settings`] | layered settings, accounts, where secrets are; the only user of config and jiff | host, clock, diagnostic, place |
//! | [`trust`] | why a server is not trusted: its certificate, and errors of TLS; the only user of openssl | clock, settings |
//! | [`web`] | the only HTTP client, for logins and look-ups; the only user of ureq, and with `mailbox` and `trust` of native_tls | trust, settings, clock |
//! | [`login`] | how an account proves who it is: passwords, OAuth2; the only user of oauth2 | web, trust, settings, owner, clock, place |
//! | [`mailbox`] | connect, fetch, wait, move safely; the only user of imap | place, clock, settings, login, trust |
//! | [`ledger`] | intents, outcomes, facts judged on, corrections, history; with `delivery` the only user of rusqlite | owner, place, clock, host, mail, rules, diagnostic |
//! | [`lookup`] | public profiles: whom to ask, and what came of it | web, login, ledger, assess, mail, rules, settings, host, clock, place |
//! | [`rulebook`] | files to what messages are judged by: rules, networks and lists read together | assess, ledger, lookup, mail, rules, settings, clock, diagnostic |
//! | [`sweep`] | new messages through assess, ledger, mailbox; the only room that moves messages | rulebook, lookup, assess, mailbox, ledger, mail, rules, settings, login, web, host, clock, place, diagnostic |
//! | [`delivery`] | one message at its delivery: out with a sender's `X-Followsift`, in with ours; the milter protocol; what is remembered there; the only user of tokio_postgres and, with `ledger`, of rusqlite | rulebook, assess, mail, rules, trust, owner, host, clock, place |
//! | [`control`] | what commands and the running service say to each other over its socket | nothing |
//! | [`hook`] | runs the user's programs that are told what happens, one at a time | login |
//! | [`report`] | every sentence, table, page and digest that a person reads; the only user of mail_builder | control, sweep, lookup, mailbox, trust, ledger, settings, host, mail, rules, assess, clock, diagnostic, place |
//! | [`metrics`] | what the service counts, shown to Prometheus on a port or socket of this machine; the only user of prometheus_client and hyper | report, control, sweep, settings, mail, rules, clock, place |
//! | [`daemon`] | the service: tokio, signals, reload; one thread per account | all of these |
//! | [`cli`] | one file per command; `run.rs` alone imports `daemon` | all |
//!
//! Every room may import `text`. Pure rooms (`place`, `host`, `text`, `diagnostic`, `mail`, `rules`, `assess`, `report`) are
//! handed bytes, text and time as values; they never touch a file, a socket, a clock or tokio. What `report` imports of other
//! rooms are values. `tests/rooms.rs` reads the `use` lines and holds the table.
//!
//! # Invariants
//!
//! Each names the test that guards it.
//!
//! 1. A room imports what the table allows, and nothing flows back
//!    (`tests/rooms.rs::every_room_imports_only_what_the_table_allows`).
//! 2. A message that failed authentication is never acted on (`tests/assess.rs::a_forged_message_is_never_acted_on`).
//! 3. A message that is not proven is never starred
//!    (`tests/assess.rs::an_unproven_message_may_be_filed_but_is_never_starred`).
//!    A self-hosted network's message is proven only as one of the user's own servers
//!    (`tests/cli/explain.rs::a_strangers_server_that_claims_to_be_ones_own_stars_nobody`), and an unproven
//!    message gives its follower no past (`tests/past.rs::an_unproven_message_gives_its_follower_no_past`).
//!    A message of an alias service is never proven, and is filed only if the user names the service and their own server confirms
//!    it (`tests/aliases.rs::a_from_that_only_looks_like_an_alias_gets_nothing_filed`).
//! 4. A list that has never been loaded stops every move
//!    (`tests/assess.rs::a_list_that_was_never_loaded_stops_every_move`).
//! 5. A move is on the disk before it is made (`tests/ledger/moves.rs::an_intent_survives_a_crash_and_is_settled_after_it`).
//! 6. No command changes a message without a proof of identity from the same selection
//!    (`tests/mailbox/proof.rs::no_command_changes_a_uid_that_holds_another_message_since_its_folder_was_opened_again`).
//! 7. Without proof of arrival nothing is flagged or expunged
//!    (`tests/mailbox/lying.rs::without_proof_nothing_is_flagged_or_expunged`).
//! 8. What the user starred, answered or marked as deleted is left
//!    (`tests/mailbox/moving.rs::what_the_user_marked_is_never_expunged_and_what_they_touched_is_left`).
//! 9. Killed at any moment, every message is in one folder
//!    (`tests/faults.rs::a_line_that_fails_or_a_kill_at_any_command_loses_and_doubles_nothing`).
//! 10. A message counts as put back only if its filed copy has left its folder
//!     (`tests/mishaps/mod.rs::the_same_bytes_come_twice`).
//! 11. What a name or the recipient plants never becomes a fact
//!     (`tests/recognition.rs::a_planted_number_handle_or_link_never_becomes_the_followers`).
//! 12. Nothing from a message reaches a terminal as a command
//!     (`tests/cli/terminal.rs::nothing_from_a_message_reaches_the_terminal_as_a_command`), or a page as a tag
//!     (`tests/report/mod.rs::nothing_from_a_message_becomes_a_command_a_line_or_a_tag`).
//! 13. A wrong file never changes what is in use
//!     (`tests/daemon/reload.rs::a_reload_takes_new_rules_and_a_wrong_file_keeps_the_old`).
//! 14. Reading a message costs no more than its size allows, and what costs more is left and named
//!     (`tests/cost.rs::no_message_costs_more_than_it_may_whatever_is_in_it`).
//! 15. No digest is sent twice, whatever fails
//!     (`tests/sweep/digest.rs::whatever_fails_while_a_digest_is_sent_it_is_never_sent_twice`).
//! 16. What was put back stays put back when an account moves to another provider
//!     (`tests/sweep/imported.rs::what_was_put_back_at_another_provider_stays_and_no_digest_is_sent_twice`).

pub mod assess;
pub mod cli;
pub mod clock;
pub mod control;
pub mod daemon;
pub mod delivery;
pub mod diagnostic;
pub mod hook;
pub mod host;
pub mod ledger;
pub mod login;
pub mod lookup;
pub mod mail;
pub mod mailbox;
pub mod metrics;
pub mod owner;
pub mod place;
pub mod report;
pub mod rulebook;
pub mod rules;
pub mod settings;
pub mod sweep;
pub mod text;
pub mod trust;
pub mod web;
