//! Keeps grants: one file for each account, in a folder of the state folder that only its owner can enter.
//!
//! A provider may make the old refresh token worthless as soon as it has sent a new one, so a new grant is on the disk before the
//! old one is dropped: space for it is reserved before the provider is asked; it is written beside the old one, synced, and renamed
//! over it; and what a crash left beside it takes its place, if it is whole. A lock (flock(2)) lets one process at a time do that.
//! Called by `renewal` and `authorization`.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::BorrowedFd;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{FallocateFlags, OFlags, fallocate};
use secrecy::zeroize::Zeroizing;

use super::grant::{Grant, RESERVED};
use super::wait::wait;
use super::{GrantFault, SecretDigest};
use crate::owner;
use crate::place::AccountName;

/// The folder in the state folder.
const FOLDER: &str = "tokens";
/// How long another process may hold the lock: it sends four requests at most.
const PATIENCE: Duration = Duration::from_secs(160);
/// How often the lock is tried.
const AGAIN: Duration = Duration::from_millis(50);

/// Grants that could not be saved, by the files that they belong in: they are saved when that works again.
static UNSAVED: Mutex<BTreeMap<PathBuf, Unsaved>> = Mutex::new(BTreeMap::new());

/// A grant that could not be saved.
#[derive(Clone, Debug)]
struct Unsaved {
    grant: Grant,
    /// What its file contained before: anything else was kept later, by another process.
    before: Option<SecretDigest>,
}

fn unsaved() -> MutexGuard<'static, BTreeMap<PathBuf, Unsaved>> {
    UNSAVED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where the grant of an account is kept.
#[derive(Clone, Debug)]
pub(super) struct GrantStore {
    state: PathBuf,
    account: AccountName,
}

/// The same, while no other process can change it.
#[derive(Debug)]
pub(super) struct Locked {
    store: GrantStore,
    _lock: File,
}

/// Space for the next grant.
#[derive(Debug)]
pub(super) struct Prepared<'a> {
    locked: &'a Locked,
    file: File,
    before: Option<SecretDigest>,
}

/// The steps by which a grant is saved. Killed between any two of them, what is kept is the old grant or the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Write,
    Cut,
    Sync,
    Rename,
    SyncFolder,
}

impl Step {
    const ALL: [Self; 5] = [Self::Write, Self::Cut, Self::Sync, Self::Rename, Self::SyncFolder];
}

impl GrantStore {
    pub(super) fn new(state: &Path, account: &AccountName) -> Self {
        Self { state: state.to_owned(), account: account.clone() }
    }

    /// The file.
    pub(super) fn path(&self) -> PathBuf {
        self.named("json")
    }

    /// The file that changes when `followsift login` has kept a grant: a service that waits for one watches it. The grant's own file
    /// changes whenever the service renews it.
    pub(super) fn note_of_login(&self) -> PathBuf {
        self.named("granted")
    }

    fn named(&self, extension: &str) -> PathBuf {
        self.state.join(FOLDER).join(format!("{}.{extension}", self.account))
    }

    fn fault(&self, cause: io::Error) -> GrantFault {
        GrantFault::Store { path: self.path(), cause }
    }

    /// The grant, as it is now. Does not look for what a crash may have left.
    pub(super) fn read(&self) -> Result<Option<Grant>, GrantFault> {
        let path = self.path();
        if unsaved().contains_key(&path) {
            return Ok(None);
        }
        let bytes = read(&path).map_err(|cause| self.fault(cause))?;
        Ok(bytes.and_then(|bytes| Grant::of_bytes(&bytes)))
    }

    /// Takes the lock; waits for the process that has it. Creates the folder.
    pub(super) fn lock(&self, stop: BorrowedFd<'_>) -> Result<Locked, GrantFault> {
        owner::claim(&self.state)
            .and_then(|()| owner::claim(&self.state.join(FOLDER)))
            .map_err(|cause| self.fault(cause))?;
        let lock = open(&self.named("lock")).map_err(|cause| self.fault(cause))?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Locked { store: self.clone(), _lock: lock }),
                Err(TryLockError::Error(cause)) => return Err(self.fault(cause)),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(GrantFault::Busy { account: self.account.clone() });
                }
                Err(TryLockError::WouldBlock) => {}
            }
            if wait(stop, AGAIN) {
                return Err(GrantFault::Stopped { account: self.account.clone() });
            }
        }
    }
}

impl Locked {
    /// The grant. One that could not be saved, or that a crash left beside the old one, takes its place.
    pub(super) fn read(&self) -> Result<Option<Grant>, GrantFault> {
        let store = &self.store;
        let held = unsaved().get(&store.path()).cloned();
        if let Some(held) = held {
            if !self.is_newer_than(&held)? {
                self.prepare()?.save(&held.grant)?;
                return Ok(Some(held.grant));
            }
            unsaved().remove(&store.path());
        }
        let beside = store.named("new");
        let left = read(&beside).map_err(|cause| store.fault(cause))?;
        if let Some(grant) = left.and_then(|bytes| Grant::of_bytes(&bytes)) {
            let file = open(&beside).map_err(|cause| store.fault(cause))?;
            let prepared = Prepared { locked: self, file, before: self.digest() };
            prepared.save(&grant)?;
            return Ok(Some(grant));
        }
        store.read()
    }

    /// Has another process kept a grant since this one could not be saved? No clock decides that: it may have been set.
    fn is_newer_than(&self, held: &Unsaved) -> Result<bool, GrantFault> {
        let bytes = read(&self.store.path()).map_err(|cause| self.store.fault(cause))?;
        Ok(bytes.is_some_and(|bytes| {
            let now = SecretDigest::of(&[&bytes]);
            let is_known = held.before == Some(now) || SecretDigest::of(&[&held.grant.to_bytes()]) == now;
            !is_known && Grant::of_bytes(&bytes).is_some()
        }))
    }

    /// A digest of what is kept.
    fn digest(&self) -> Option<SecretDigest> {
        let bytes = read(&self.store.path()).ok()??;
        Some(SecretDigest::of(&[&bytes]))
    }

    /// Reserves the space for the next grant. Call [`Locked::read`] first: what a crash left is written over.
    pub(super) fn prepare(&self) -> Result<Prepared<'_>, GrantFault> {
        let reserved = (|| {
            let file = open(&self.store.named("new"))?;
            file.set_len(0)?;
            match fallocate(&file, FallocateFlags::empty(), 0, RESERVED as u64) {
                // Not every file system can; then zeros do.
                Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
                    (&file).write_all(&[0; RESERVED])?
                }
                reserved => reserved?,
            }
            Ok(file)
        })();
        let file = reserved.map_err(|cause| self.store.fault(cause))?;
        Ok(Prepared { locked: self, file, before: self.digest() })
    }

    /// Notes that `followsift login` has kept a grant.
    pub(super) fn note_login(&self) -> Result<(), GrantFault> {
        let noted = open(&self.store.note_of_login()).and_then(|mut file| {
            file.set_len(0)?;
            writeln!(file, "{:016x}", fastrand::u64(..))
        });
        noted.map_err(|cause| self.store.fault(cause))
    }
}

impl Prepared<'_> {
    /// Saves a grant in place of the old one. If that fails, this process keeps it and saves it when it is read next.
    pub(super) fn save(mut self, grant: &Grant) -> Result<(), GrantFault> {
        let store = &self.locked.store;
        let bytes = grant.to_bytes();
        match Step::ALL.into_iter().try_for_each(|step| take(step, &mut self.file, store, &bytes)) {
            Ok(()) => {
                unsaved().remove(&store.path());
                Ok(())
            }
            Err(cause) => {
                let held = Unsaved { grant: grant.clone(), before: self.before };
                unsaved().insert(store.path(), held);
                Err(store.fault(cause))
            }
        }
    }
}

fn take(step: Step, file: &mut File, store: &GrantStore, bytes: &[u8]) -> io::Result<()> {
    match step {
        Step::Write => {
            file.rewind()?;
            file.write_all(bytes)
        }
        Step::Cut => file.set_len(bytes.len() as u64),
        Step::Sync => file.sync_all(),
        Step::Rename => fs::rename(store.named("new"), store.path()),
        Step::SyncFolder => File::open(store.state.join(FOLDER))?.sync_all(),
    }
}

/// Opens a file of the folder for ourselves alone, and creates it if it is missing. Follows no symlink, and waits for no pipe.
fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(flags)
        .open(path)?;
    owner::close_open_to_others(&file)?;
    Ok(file)
}

/// What is in a file that only its owner can read; `None` if it is missing.
fn read(path: &Path) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.mode() & 0o077 != 0 {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("other users can read it; run `chmod 600 {}`", path.display()),
        ));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(RESERVED + 1));
    file.take(RESERVED as u64).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::super::grant::tests::grant;
    use super::*;
    use rustix::event::{EventfdFlags, eventfd};
    use secrecy::ExposeSecret as _;
    use std::os::fd::AsFd as _;
    use std::os::unix::fs::PermissionsExt as _;

    struct Desk {
        _folder: tempfile::TempDir,
        store: GrantStore,
    }

    impl Desk {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store = GrantStore::new(&folder.path().join("state"), &AccountName::new("home").unwrap());
            Self { _folder: folder, store }
        }

        fn lock(&self) -> Locked {
            self.store.lock(eventfd(0, EventfdFlags::CLOEXEC).unwrap().as_fd()).unwrap()
        }

        fn save(&self, grant: &Grant) {
            self.lock().prepare().unwrap().save(grant).unwrap();
        }

        /// The refresh token that the next start finds.
        fn next(&self) -> Option<String> {
            let found = self.lock().read().unwrap();
            assert_eq!(
                self.store.read().unwrap().map(|grant| grant.to_bytes().to_vec()),
                found.as_ref().map(|grant| grant.to_bytes().to_vec())
            );
            found?.refresh.map(|token| token.expose_secret().to_owned())
        }
    }

    #[test]
    fn killed_at_any_step_the_old_grant_or_the_new_one_is_kept_and_the_new_one_once_it_is_written() {
        for before in [None, Some("old")] {
            for steps in 0..=Step::ALL.len() {
                let desk = Desk::new();
                if before.is_some() {
                    desk.save(&grant("a", before));
                }
                let bytes = grant("b", Some("new")).to_bytes();
                let locked = desk.lock();
                let mut prepared = locked.prepare().unwrap();
                for step in &Step::ALL[..steps] {
                    take(*step, &mut prepared.file, &desk.store, &bytes).unwrap();
                }
                // As if the process had been killed.
                drop(locked);
                let expected = if steps == 0 { before } else { Some("new") };
                assert_eq!(desk.next().as_deref(), expected, "{steps} steps");
                // And it goes on from there.
                desk.save(&grant("c", Some("newest")));
                assert_eq!(desk.next().as_deref(), Some("newest"));
                assert!(!desk.store.named("new").exists());
            }
        }
    }

    #[test]
    fn killed_in_the_middle_of_a_write_the_old_grant_is_kept() {
        let bytes = grant("b", Some("new")).to_bytes();
        for length in 0..bytes.len() {
            // With the space reserved, and without, as after a crash of the machine.
            for reserved in [RESERVED, 0] {
                let desk = Desk::new();
                desk.save(&grant("a", Some("old")));
                drop(desk.lock().prepare().unwrap());
                let mut torn = bytes[..length].to_vec();
                torn.resize(length.max(reserved), 0);
                fs::write(desk.store.named("new"), torn).unwrap();
                assert_eq!(desk.next().as_deref(), Some("old"), "{length} of {} bytes", bytes.len());
            }
        }
    }

    #[test]
    fn a_grant_that_cannot_be_saved_stays_in_memory_until_it_can() {
        let desk = Desk::new();
        desk.save(&grant("a", Some("old")));
        let locked = desk.lock();
        let prepared = locked.prepare().unwrap();
        // Something stands where the grant goes, which no rename replaces.
        fs::remove_file(desk.store.path()).unwrap();
        fs::create_dir_all(desk.store.path().join("x")).unwrap();
        assert!(matches!(prepared.save(&grant("b", Some("new"))), Err(GrantFault::Store { .. })));
        assert!(locked.read().is_err());
        fs::remove_dir_all(desk.store.path()).unwrap();
        drop(locked);
        assert_eq!(desk.next().as_deref(), Some("new"));
        assert!(unsaved().get(&desk.store.path()).is_none());
    }

    #[test]
    fn a_grant_that_was_kept_later_is_not_replaced_by_one_that_could_not_be_saved() {
        let desk = Desk::new();
        desk.save(&grant("a", Some("old")));
        let text = fs::read(desk.store.path()).unwrap();
        let cannot_save = || {
            let locked = desk.lock();
            let prepared = locked.prepare().unwrap();
            fs::remove_file(desk.store.path()).unwrap();
            fs::create_dir_all(desk.store.path().join("x")).unwrap();
            assert!(prepared.save(&grant("b", Some("new"))).is_err());
            fs::remove_dir_all(desk.store.path()).unwrap();
        };
        let put = |bytes: &[u8]| {
            fs::write(desk.store.path(), bytes).unwrap();
            fs::set_permissions(desk.store.path(), fs::Permissions::from_mode(0o600)).unwrap();
        };
        // As before.
        cannot_save();
        put(&text);
        assert_eq!(desk.next().as_deref(), Some("new"));
        // `followsift login` in another process; its clock is behind.
        cannot_save();
        let login = Grant { received: crate::clock::Timestamp(1), ..grant("c", Some("of the login")) };
        put(&login.to_bytes());
        fs::remove_file(desk.store.named("new")).unwrap();
        assert_eq!(desk.next().as_deref(), Some("of the login"));
        // What is no grant is not taken for one.
        cannot_save();
        put(b"torn");
        assert_eq!(desk.next().as_deref(), Some("new"));
    }

    #[test]
    fn only_the_owner_can_read_what_is_kept_and_a_file_open_to_others_is_refused() {
        let desk = Desk::new();
        desk.save(&grant("a", Some("old")));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&desk.store.state.join(FOLDER)), 0o700);
        assert_eq!(mode(&desk.store.path()), 0o600);
        fs::set_permissions(desk.store.path(), fs::Permissions::from_mode(0o640)).unwrap();
        let fault = desk.store.read().unwrap_err();
        assert!(std::error::Error::source(&fault).unwrap().to_string().contains("`chmod 600 "), "{fault:?}");
    }

    #[test]
    fn a_symlink_in_the_folder_is_not_followed() {
        let desk = Desk::new();
        desk.save(&grant("a", Some("old")));
        let elsewhere = desk.store.state.join("elsewhere");
        fs::write(&elsewhere, "mine").unwrap();
        std::os::unix::fs::symlink(&elsewhere, desk.store.named("new")).unwrap();
        assert!(desk.lock().prepare().is_err());
        assert_eq!(fs::read_to_string(elsewhere).unwrap(), "mine");
    }

    #[test]
    fn one_process_at_a_time_has_the_lock_and_a_stop_ends_the_wait() {
        let desk = Desk::new();
        let held = desk.lock();
        let stop = eventfd(1, EventfdFlags::CLOEXEC).unwrap();
        assert!(matches!(desk.store.lock(stop.as_fd()), Err(GrantFault::Stopped { .. })));
        let store = desk.store.clone();
        let waiting = std::thread::spawn(move || {
            store.lock(eventfd(0, EventfdFlags::CLOEXEC).unwrap().as_fd()).map(drop).is_ok()
        });
        drop(held);
        assert!(waiting.join().unwrap());
    }
}
