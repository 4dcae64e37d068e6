use super::*;
use followsift::mailbox::Stop;
use followsift::rulebook;
use followsift::settings::{Environment, load};
use followsift::sweep::{AccountFault, News, Scope, Sweeper, connect};

/// A sweep by the library, which `hear` may stop.
fn run(scene: &Scene, mut hear: impl FnMut(&News, &Stop)) -> Option<usize> {
    let file = scene.home.path().join("followsift.toml");
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
    let Some(mut scene) = Scene::usual("backlog = \"all\"\nmoves-per-hour = 5000") else { return };
    let jo = ordinary("Jo <jo@bloom.example>", "Lunch", "One?\n");
    for number in 0..5600 {
        let letter = if number < 1200 { spam(number) } else { jo.clone() };
        scene.client.deliver("INBOX", &text(&letter, number));
    }
    let mut parts = Vec::new();
    let stopped = run(&scene, |news, stop| {
        if let News::Progress { part, .. } = news {
            parts.push(*part);
            stop.stop();
        }
    });
    assert_eq!(stopped, None, "it was stopped");
    assert!(parts.len() == 1 && parts.iter().all(|part| (0.5..1.0).contains(part)), "{parts:?}");
    let filed = scene.count(SPAM);
    assert!((1000..1200).contains(&filed), "{filed} were filed before the stop");
    let looked_at = run(&scene, |_, _| {}).unwrap();
    assert!(looked_at <= 5600 - 1000, "{looked_at} were looked at again");
    assert_eq!((scene.count(SPAM), scene.count("INBOX")), (1200, 4400));
}
