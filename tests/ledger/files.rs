//! Its files: locks, permissions, damage, and several programs at a time.

use super::*;

#[test]
fn a_damaged_ledger_is_refused_by_who_looks_for_damage() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let many: Vec<_> = (0..200).map(|number| judged(number, "ann", 1000)).collect();
    ledger.record(&many).unwrap();
    let file = ledger.file().to_owned();
    drop(ledger);
    let whole = fs::read(&file).unwrap();

    let middle = whole.len() / 2;
    let mut overwritten = whole.clone();
    overwritten[middle..middle + 8192].fill(0xff);
    let mut headless = whole.clone();
    headless[..100].fill(b'x');
    let half = whole[..middle].to_vec();
    for damaged in [overwritten, headless, half] {
        fs::write(&file, damaged).unwrap();
        let opened = Ledger::open(folder.path());
        let fault = opened.and_then(|ledger| ledger.require_whole()).unwrap_err();
        assert!(matches!(fault, LedgerFault::Damaged { .. }), "{fault:?}");
        assert!(fault.to_string().contains("it is damaged"), "{fault}");
    }
    fs::write(&file, whole).unwrap();
    Ledger::open(folder.path()).unwrap().require_whole().unwrap();
}

#[test]
fn a_daemon_and_a_command_write_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let write = |account: &'static str, numbers: std::ops::Range<u8>| {
        let folder = folder.path().to_owned();
        thread::spawn(move || {
            // Both also find a ledger that is not there yet.
            let mut ledger = Ledger::open(&folder).unwrap();
            for number in numbers {
                let mut judged = judged(number, "ann", i64::from(number));
                judged.mail.account = AccountName::new(account).unwrap();
                ledger.record(&[judged]).unwrap();
            }
        })
    };
    for writer in [write("home", 0..40), write("work", 40..80), write("bridge", 80..120)] {
        writer.join().unwrap();
    }
    assert_eq!(Ledger::open(folder.path()).unwrap().recent(999).unwrap().len(), 120);
}

#[test]
fn who_only_reads_changes_nothing_and_sees_what_a_writer_has_done() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Ledger::open_read_only(folder.path()).unwrap().is_none());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let mut writer = Ledger::open(folder.path()).unwrap();
    let mut reader = Ledger::open_read_only(folder.path()).unwrap().unwrap();
    writer.record(&[judged(1, "ann", 1000)]).unwrap();
    assert_eq!(reader.recent(9).unwrap().len(), 1);
    assert!(reader.record(&[judged(2, "bob", 1000)]).is_err());
    drop(writer);
    drop(reader);
    assert_eq!(Ledger::open_read_only(folder.path()).unwrap().unwrap().recent(9).unwrap().len(), 1);
}

#[test]
fn only_the_owner_can_read_the_ledger() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("state/followsift");
    let mut ledger = Ledger::open(&folder).unwrap();
    ledger.record(&[judged(1, "ann", 1000)]).unwrap();
    let _lock = lock(&folder, None, "home", "kim").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 5, "ledger, write-ahead log, its index and two locks: {files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

fn lock(state: &Path, shared: Option<&Path>, account: &str, user: &str) -> Result<AccountLock, LockFault> {
    let mailbox = MailboxKey::new("imap.example", 993, user);
    AccountLock::take(LockFolders { state, shared }, &AccountName::new(account).unwrap(), &mailbox)
}

#[test]
fn two_programs_never_work_on_one_account() {
    let folder = tempfile::tempdir().unwrap();
    let first = lock(folder.path(), None, "home", "kim").unwrap();
    let fault = lock(folder.path(), None, "home", "kim").unwrap_err();
    let us = std::process::id();
    assert!(matches!(fault, LockFault::Held { process: Some(process), .. } if process == us), "{fault}");
    assert!(lock(folder.path(), None, "work", "kim-at-work").is_ok());
    drop(first);
    assert!(lock(folder.path(), None, "home", "kim").is_ok());
}

#[test]
fn two_programs_of_one_user_never_work_on_one_mailbox_whatever_their_state_folders_and_account_names() {
    let folder = tempfile::tempdir().unwrap();
    let [shared, one, other] = ["shared", "one", "other"].map(|name| folder.path().join(name));
    let first = lock(&one, Some(&shared), "home", "kim").unwrap();
    let fault = lock(&other, Some(&shared), "work", "kim").unwrap_err();
    assert!(fault.to_string().contains("stop it, or wait until it is done"), "{fault}");
    assert!(lock(&other, Some(&shared), "work", "ann").is_ok());
    drop(first);
    assert!(lock(&other, Some(&shared), "work", "kim").is_ok());
    // Where the shared folder cannot be used, the state folder does.
    fs::write(folder.path().join("file"), "").unwrap();
    let unusable = folder.path().join("file/state");
    let _first = lock(&one, Some(&unusable), "home", "kim").unwrap();
    assert!(matches!(lock(&one, Some(&unusable), "work", "kim"), Err(LockFault::Held { .. })));
}

#[test]
fn one_mailbox_has_one_key() {
    let key = MailboxKey::new("imap.example", 993, "kim");
    assert_eq!(MailboxKey::new("IMAP.Example.", 993, "kim"), key);
    for other in
        [("imap.example", 143, "kim"), ("imap.example", 993, "Kim"), ("imap.other.example", 993, "kim")]
    {
        assert_ne!(MailboxKey::new(other.0, other.1, other.2), key);
    }
    assert!(!key.to_string().contains("kim"));
}

#[test]
fn files_that_others_could_read_are_closed_to_them() {
    let folder = tempfile::tempdir().unwrap();
    let writer = Ledger::open(folder.path()).unwrap();
    drop(lock(folder.path(), None, "home", "kim").unwrap());
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 5, "{files:?}");
    for file in &files {
        fs::set_permissions(file, fs::Permissions::from_mode(0o666)).unwrap();
    }
    let _ledger = Ledger::open(folder.path()).unwrap();
    let _lock = lock(folder.path(), None, "home", "kim").unwrap();
    for file in &files {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
    drop(writer);
}

#[test]
fn a_state_folder_in_which_others_can_write_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(Ledger::open(folder.path()).unwrap());
    for mode in [0o770, 0o777] {
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        for fault in [
            Ledger::open(folder.path()).map(drop).unwrap_err(),
            Ledger::open_read_only(folder.path()).map(drop).unwrap_err(),
            Ledger::examine(folder.path()).unwrap_err(),
        ] {
            let cause = std::error::Error::source(&fault).unwrap().to_string();
            assert!(cause.contains("`chmod go-w "), "{cause}");
        }
        assert!(matches!(lock(folder.path(), None, "home", "kim"), Err(LockFault::Unusable { .. })));
    }
}

#[test]
fn a_symlink_in_the_place_of_the_ledger_or_a_lock_is_refused_and_what_it_leads_to_is_left() {
    let parent = tempfile::tempdir().unwrap();
    let precious = parent.path().join("precious");
    fs::write(&precious, "precious").unwrap();
    for name in ["ledger.sqlite", "home.lock"] {
        let folder = parent.path().join(name);
        fs::create_dir(&folder).unwrap();
        std::os::unix::fs::symlink(&precious, folder.join(name)).unwrap();
        if name == "home.lock" {
            assert!(matches!(lock(&folder, None, "home", "kim"), Err(LockFault::Unusable { .. })));
        } else {
            assert!(Ledger::open(&folder).is_err());
            assert!(Ledger::open_read_only(&folder).is_err());
        }
    }
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
    // The folder itself may be reached by one.
    let (state, link) = (parent.path().join("state"), parent.path().join("link"));
    fs::create_dir(&state).unwrap();
    std::os::unix::fs::symlink(&state, &link).unwrap();
    assert!(Ledger::open(&link).is_ok());
}

#[test]
fn a_header_has_one_digest_with_and_without_the_line_that_ends_it() {
    let header = b"From: a@example.org\r\nSubject: x\r\n";
    let ended = [&header[..], b"\r\n"].concat();
    assert_eq!(MailDigest::of(header), MailDigest::of(&ended));
    assert_ne!(MailDigest::of(header), MailDigest::of(&header[..20]));
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(MailDigest::of(b"").to_string(), empty);
}
