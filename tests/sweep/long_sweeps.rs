use super::*;
use crate::support::inbox::{Inbox, user_folder};
use crate::support::line::Line;
use crate::support::user_folder::UserFolder;
use followsift::mailbox::Stop;
use followsift::rulebook;
use followsift::settings::{Environment, load};
use followsift::sweep::{AccountFault, News, Scope, Sweeper, connect};

/// A sweep by the library, which `hear` may stop.
fn run(folder: &UserFolder, mut hear: impl FnMut(&News, &Stop)) -> Option<usize> {
    let file = folder.path().join("followsift.toml");
    let (settings, findings) = load(Some(&file), &Environment::of_process());
    let settings = settings.unwrap_or_else(|| panic!("{findings:?}"));
    let account = settings.accounts.first().unwrap();
    let (files, _) = rulebook::read(Some(&settings));
    let stop = Stop::new().unwrap();
    let mut sweeper = Sweeper::begin(account, &settings).unwrap();
    let session = connect(account, &settings, &stop).unwrap();
    let mut tell = |news: News| hear(&news, &stop);
    match sweeper.run(session, &files.unwrap(), Scope::New, &mut tell) {
        Ok((_, swept)) => Some(swept.tally.looked_at),
        Err(fault) => {
            assert!(matches!(&fault, AccountFault::Mailbox(fault) if fault.is_stop()), "{fault:?}");
            None
        }
    }
}

#[test]
fn a_long_first_sweep_reports_its_progress_and_keeps_what_is_done_when_it_is_stopped() {
    let Some(server) = Dovecot::start(&Home::server(&[])) else { return };
    let inbox = Inbox { size: 25_000, one_in: 4, seed: 2 };
    inbox.fill(&server, "long");
    let line = Line::before(server.port, server.path(), Duration::ZERO);
    let folder = user_folder(&server, line.port, "long");
    let mut parts = Vec::new();
    let stopped = run(&folder, |news, stop| {
        if let News::Progress { part, .. } = news {
            parts.push(*part);
            if *part > 0.5 {
                stop.stop();
            }
        }
    });
    assert_eq!(stopped, None, "it was stopped");
    assert!(parts.is_sorted() && parts.iter().all(|part| (0.1..1.0).contains(part)), "{parts:?}");
    // What was found in the first 20,000 is filed, and is not looked at again.
    let looked_at = run(&folder, |_, _| {}).unwrap();
    assert!(looked_at <= 5_000, "{looked_at} were looked at again");
    inbox.check(&server, "long", &[]);
}
