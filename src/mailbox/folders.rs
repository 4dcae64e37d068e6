//! Lists an account's folders, translates their names, and creates a folder.
//!
//! Owns LIST, NAMESPACE, CREATE, SUBSCRIBE and STATUS, and what is done where STATUS says too little. Never deletes or renames a folder. Called by `session`, by `moves`, and by
//! `cli` to show them.

use std::collections::BTreeMap;

use super::bounds::Limits;
use super::fate::Fate;
use super::fault::{Cause, Fault, Step, Subject};
use super::folder_list::FolderList;
use super::landing::Landing;
use super::names::{Naming, quoted};
use super::refusal::Code;
use super::response::{Listed, StatusOf};
use super::session::{Session, same};
use crate::place::{Folder, Uid, UidValidity};

/// For the list of all folders, which may be tens of thousands.
const LIST: Limits = Limits { time: Limits::SHORT.time, bytes: 16 << 20 };

/// The number of names in one command, each of at most 255 bytes: servers accept lines of 8,000 octets (RFC 2683, section
/// 3.2.1.5), and few names are long.
const IN_ONE_LINE: usize = 60;

impl Session {
    /// The folders that can contain messages, as the user writes them; without those whose names the user cannot write. One
    /// round trip, once.
    ///
    /// # Errors
    /// If the server does not list them.
    pub fn folders(&mut self) -> Result<Vec<Folder>, Fault> {
        let folders = self.listing()?;
        let mut names: Vec<Folder> = folders
            .listed
            .iter()
            .filter(|listed| listed.selectable)
            .filter_map(|listed| folders.naming.folder(&listed.name))
            .collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Does `folder` contain all messages of the account, also those in other folders, like Gmail's "All Mail" (special-use \All,
    /// RFC 6154)? A message that is filed from there stays there.
    ///
    /// # Errors
    /// If the server does not list its folders.
    pub fn holds_all(&mut self, folder: &Folder) -> Result<bool, Fault> {
        let name = self.wire_name(folder)?;
        if folder.is_inbox() {
            return Ok(false);
        }
        Ok(self.listing()?.listed.iter().any(|listed| listed.all && listed.name == name))
    }

    /// Is `folder` the Trash, the Archive, the Junk folder or the one with all messages, by its special use or, if the server
    /// reports no such use of any folder, by its usual name? What is moved there says little about why.
    ///
    /// # Errors
    /// If the server does not list its folders.
    pub fn is_put_away(&mut self, folder: &Folder) -> Result<bool, Fault> {
        let name = self.wire_name(folder)?;
        Ok(self.listing()?.is_put_away(folder, &name))
    }

    /// Do two names mean the same folder on this server? `Work` and `INBOX/Work` do if the user's folders are below the inbox.
    ///
    /// # Errors
    /// If the server does not list its folders.
    pub fn is_one_folder(&mut self, one: &Folder, other: &Folder) -> Result<bool, Fault> {
        let names = (self.wire_name(one), self.wire_name(other));
        match names {
            (Ok(one), Ok(other)) => Ok(one == other),
            // A name that the server does not allow cannot be one of its folders.
            (Err(fault), _) | (_, Err(fault)) if fault.fate() == Fate::Leave => Ok(false),
            (Err(fault), _) | (_, Err(fault)) => Err(fault),
        }
    }

    /// The folders, listed again: for use after a fault with one of them.
    ///
    /// # Errors
    /// As [`Session::folders`].
    pub fn folders_now(&mut self) -> Result<Vec<Folder>, Fault> {
        self.folders = None;
        self.folders()
    }

    /// Did opening `folder` fail because it does not exist? A plain NO may be temporary and proves nothing.
    pub(super) fn is_gone(&mut self, folder: &Folder, fault: &Fault) -> Result<bool, Fault> {
        if fault.fate() != Fate::Leave || matches!(fault.cause, Cause::Void) {
            return Ok(false);
        }
        if fault.code() == Some(Code::NonExistent) || matches!(fault.cause, Cause::Name(_)) {
            return Ok(true);
        }
        Ok(!self.folders_now()?.iter().any(|listed| same(listed, folder)))
    }

    /// The folders except `other` that have this UIDVALIDITY. A renamed folder keeps it, but on some servers many folders have
    /// the same.
    pub(super) fn renamed(&mut self, validity: UidValidity, other: &[&Folder]) -> Result<Vec<Folder>, Fault> {
        let mut folders = self.folders_now()?;
        folders.retain(|folder| !other.iter().any(|known| same(known, folder)));
        let landings = self.landings(&folders)?;
        let mut found = Vec::new();
        for (folder, landing) in landings {
            if landing.validity == validity && !self.holds_all(&folder)? {
                found.push(folder);
            }
        }
        Ok(found)
    }

    /// Creates `folder` and subscribes to it, unless it exists. Returns whether it created it.
    ///
    /// # Errors
    /// If the server does not allow the name, or refuses to create the folder.
    pub fn ensure_folder(&mut self, folder: &Folder) -> Result<bool, Fault> {
        let mut name = self.wire_name(folder)?;
        if folder.is_inbox() || self.listing()?.has(&name) {
            return Ok(false);
        }
        if self.listing()?.guessed {
            self.ask_for_prefix()?;
            name = self.wire_name(folder)?;
        }
        let on = Subject::Folder(folder.clone());
        let made = self.create(&on, &name)?;
        let folders = self.listing()?;
        folders.guessed = false;
        let delimiter = folders.delimiter();
        folders.listed.push(Listed {
            name: name.clone(),
            delimiter,
            selectable: true,
            all: false,
            put_away: false,
        });
        if made {
            let command = format!(
                "SUBSCRIBE {}",
                quoted(&name).map_err(|cause| Fault::of(Step::Subscribe, &on, cause))?
            );
            match self.run(Step::Subscribe, &on, &command, Limits::SHORT) {
                // An unsubscribed folder works as well.
                Err(fault) if fault.fate() == Fate::Leave => {}
                done => drop(done?),
            }
        }
        Ok(made)
    }

    /// Asks for the prefix of the user's folders, for use if only the inbox exists. Never by trying CREATE: if a server refused
    /// a name once, for lack of space or time, followsift would create the folder below the inbox for good. One round trip.
    fn ask_for_prefix(&mut self) -> Result<(), Fault> {
        if !self.capabilities().namespace {
            return Ok(());
        }
        let on = self.server().clone();
        let line = match self.run(Step::List, &on, "NAMESPACE", Limits::SHORT) {
            Err(fault) if fault.fate() == Fate::Leave => None,
            answer => answer?.namespace(),
        };
        let naming = line.and_then(|line| Naming::of_namespace(&line));
        let folders = self.listing()?;
        if let Some(naming) = naming {
            folders.naming = naming;
        }
        Ok(())
    }

    /// CREATE; `false` if the folder existed already.
    fn create(&mut self, on: &Subject, name: &str) -> Result<bool, Fault> {
        let name = quoted(name).map_err(|cause| Fault::of(Step::Create, on, cause))?;
        match self.run(Step::Create, on, &format!("CREATE {name}"), Limits::SHORT) {
            Ok(_) => Ok(true),
            Err(fault) if fault.code() == Some(Code::AlreadyExists) => Ok(false),
            // Not every server says why; a folder that exists answers STATUS.
            Err(fault) if fault.fate() == Fate::Leave => {
                let status = format!("STATUS {name} (UIDVALIDITY UIDNEXT)");
                match self.run(Step::Inspect, on, &status, Limits::SHORT) {
                    Ok(_) => Ok(false),
                    Err(other) if other.fate() == Fate::Leave => Err(fault),
                    Err(other) => Err(other),
                }
            }
            Err(fault) => Err(fault),
        }
    }

    /// Where the next message that arrives in each of `folders` lands; without folders that do not exist. One round trip with
    /// LIST-STATUS (RFC 5819), else one for each folder.
    ///
    /// # Errors
    /// If the connection fails.
    pub fn landings(&mut self, folders: &[Folder]) -> Result<BTreeMap<Folder, Landing>, Fault> {
        let mut names = BTreeMap::new();
        for folder in folders {
            names.insert(self.wire_name(folder)?, folder.clone());
        }
        let on = match names.values().next() {
            Some(folder) => Subject::Folder(folder.clone()),
            None => return Ok(BTreeMap::new()),
        };
        let mut landings = BTreeMap::new();
        if names.len() > 1 && self.capabilities().list_status {
            let all: Result<Vec<String>, Cause> = names.keys().map(|name| quoted(name)).collect();
            let all = all.map_err(|cause| Fault::of(Step::Inspect, &on, cause))?;
            for some in all.chunks(IN_ONE_LINE) {
                let command = format!("LIST \"\" ({}) RETURN (STATUS (UIDVALIDITY UIDNEXT))", some.join(" "));
                self.inspect(&on, &command, &names, &mut landings)?;
            }
        }
        for (name, folder) in &names {
            if !landings.contains_key(folder) {
                let name = quoted(name).map_err(|cause| Fault::of(Step::Inspect, &on, cause))?;
                let status = format!("STATUS {name} (UIDVALIDITY UIDNEXT)");
                let is_there = self.inspect(&on, &status, &names, &mut landings)?;
                if is_there && !landings.contains_key(folder) {
                    landings
                        .extend(self.landing_by_looking(folder)?.map(|landing| (folder.clone(), landing)));
                }
            }
        }
        Ok(landings)
    }

    /// The same as far as it has been read beside messages, as a lower bound: messages may have landed there since. No round trip.
    pub fn landings_ahead(&self, folders: &[Folder]) -> BTreeMap<Folder, Landing> {
        folders.iter().filter_map(|folder| Some((folder.clone(), self.ahead.landing(folder)?))).collect()
    }

    /// The same for a folder of which the server does not say its UIDNEXT, as 163.com's: the UID after the highest. Opens the folder
    /// by EXAMINE.
    fn landing_by_looking(&mut self, folder: &Folder) -> Result<Option<Landing>, Fault> {
        let opened = match self.examine(folder) {
            Err(fault) if fault.fate() == Fate::Leave => return Ok(None),
            opened => opened?,
        };
        let on = Subject::Folder(folder.clone());
        let next = match opened.next {
            Some(next) => Some(next),
            None if opened.exists == 0 => Some(Uid(1)),
            None => {
                let answer = self.run(Step::Inspect, &on, "UID FETCH * (UID)", Limits::SHORT)?;
                let whole = answer.require_whole().map_err(|cause| Fault::of(Step::Inspect, &on, cause))?;
                whole.fetched().keys().next_back().map(|highest| Uid(highest.0.saturating_add(1)))
            }
        };
        Ok(next.map(|next| Landing { validity: opened.validity, next }))
    }

    /// One command about the state of folders; `false` if the server refuses it.
    fn inspect(
        &mut self,
        on: &Subject,
        command: &str,
        names: &BTreeMap<String, Folder>,
        landings: &mut BTreeMap<Folder, Landing>,
    ) -> Result<bool, Fault> {
        let answer = match self.run(Step::Inspect, on, command, LIST) {
            Err(fault) if fault.fate() == Fate::Leave => return Ok(false),
            answer => answer?,
        };
        for StatusOf { name, validity, next } in answer.statuses() {
            if let (Some(folder), Some(validity), Some(next)) = (names.get(&name), validity, next) {
                landings.insert(folder.clone(), Landing { validity, next });
            }
        }
        Ok(true)
    }

    /// Removes `folder` from the list: another client deleted or renamed it.
    pub(super) fn forget(&mut self, folder: &Folder) -> Result<(), Fault> {
        let name = self.wire_name(folder)?;
        self.listing()?.listed.retain(|listed| listed.name != name);
        Ok(())
    }

    /// The server's name for `folder`.
    pub(super) fn wire_name(&mut self, folder: &Folder) -> Result<String, Fault> {
        if folder.is_inbox() {
            return Ok("INBOX".to_owned());
        }
        let name = self.listing()?.naming.wire(folder);
        name.map_err(|cause| Fault::of(Step::Open, &Subject::Folder(folder.clone()), cause))
    }

    /// The command that lists all folders.
    pub(super) fn listing_command(&self) -> String {
        let plain = "LIST \"\" \"*\"";
        // Some servers report the special use of folders only on request.
        let special = self.capabilities().special_use && self.capabilities().list_extended;
        if special { format!("{plain} RETURN (SPECIAL-USE)") } else { plain.to_owned() }
    }

    /// Remembers what LIST returned beside another command, unless it is known already, or says too little.
    pub(super) fn note_listed(&mut self, listed: Vec<Listed>) {
        if self.folders.is_none() && listed.iter().any(|listed| listed.delimiter.is_some()) {
            self.folders = Some(FolderList::new(listed));
        }
    }

    fn listing(&mut self) -> Result<&mut FolderList, Fault> {
        if self.folders.is_none() {
            let on = self.server().clone();
            let command = self.listing_command();
            let answer = self.run(Step::List, &on, &command, LIST)?;
            let mut listed = answer.listed();
            if listed.iter().all(|listed| listed.delimiter.is_none()) {
                // An inbox without children has no delimiter, so this asks for the delimiter of the other folders (RFC 9051,
                // section 6.3.9). GNU Mailutils' imap4d needs it (3.15, tried).
                match self.run(Step::List, &on, "LIST \"\" \"\"", LIST) {
                    Err(fault) if fault.fate() == Fate::Leave => {}
                    answer => {
                        let root = answer?.listed();
                        listed.extend(root.into_iter().map(|root| Listed { selectable: false, ..root }));
                    }
                }
            }
            self.folders = Some(FolderList::new(listed));
        }
        let spent = Fault::of(Step::List, self.server(), Cause::Spent);
        self.folders.as_mut().ok_or(spent)
    }
}
