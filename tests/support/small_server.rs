//! A small IMAP server in the test's own process, over clear text on loopback, with folders in memory. It answers truthfully what
//! followsift asks, and then a [`Distortion`] may change the answer: item by item, since the data of a message is kept apart until
//! it is sent. Thousands of odd answers are tried with it, which no real server gives on demand.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// A message of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Which message it is, also after a move.
    pub id: usize,
    pub uid: u32,
    pub bytes: Vec<u8>,
    pub flags: Vec<String>,
}

/// A folder.
#[derive(Clone, Debug)]
pub struct Mails {
    pub validity: u32,
    pub next: u32,
    pub mails: Vec<Mail>,
}

impl Mails {
    fn new(validity: u32) -> Self {
        Self { validity, next: 1, mails: Vec::new() }
    }

    /// Adds a message; its UID.
    pub fn add(&mut self, id: usize, bytes: &[u8], flags: &[String]) -> u32 {
        let uid = self.next;
        self.next += 1;
        self.mails.push(Mail { id, uid, bytes: bytes.to_vec(), flags: flags.to_vec() });
        uid
    }
}

/// An item of the data of a message, as it is sent.
#[derive(Clone, Debug)]
pub struct Item {
    pub name: String,
    pub value: Vec<u8>,
}

/// An untagged response.
#[derive(Clone, Debug)]
pub enum Part {
    /// The data of a message.
    Data { id: usize, number: usize, items: Vec<Item> },
    /// Anything else, with the end of its line.
    Line(Vec<u8>),
}

/// The answer to a command, before it is sent.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The command, without its tag.
    pub command: String,
    /// Another one was sent before it was answered. Known only after [`SmallServer::look_ahead`].
    pub is_followed: bool,
    /// Nothing is said if it is empty.
    pub tag: String,
    /// The folder that is open.
    pub folder: String,
    pub parts: Vec<Part>,
    /// The tagged line without its tag and its end; the server hangs up instead if it is empty.
    pub done: String,
}

impl Answer {
    /// The items of a message, in each response with data of it.
    pub fn items_of(&mut self, message: usize) -> impl Iterator<Item = &mut Vec<Item>> {
        self.parts.iter_mut().filter_map(move |part| match part {
            Part::Data { id, items, .. } if *id == message => Some(items),
            _ => None,
        })
    }

    /// Where the first response with data of a message is.
    pub fn place_of(&self, message: usize) -> Option<usize> {
        self.parts.iter().position(|part| matches!(part, Part::Data { id, .. } if *id == message))
    }

    pub fn line(&mut self, line: &str) {
        self.parts.push(Part::Line(format!("{line}\r\n").into_bytes()));
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in &self.parts {
            match part {
                Part::Line(line) => bytes.extend_from_slice(line),
                Part::Data { number, items, .. } => {
                    bytes.extend_from_slice(format!("* {number} FETCH (").as_bytes());
                    for (at, Item { name, value }) in items.iter().enumerate() {
                        bytes.extend_from_slice(if at == 0 { b"" } else { b" " });
                        bytes.extend_from_slice(name.as_bytes());
                        bytes.extend_from_slice(if name.is_empty() { b"" } else { b" " });
                        bytes.extend_from_slice(value);
                    }
                    bytes.extend_from_slice(b")\r\n");
                }
            }
        }
        bytes.extend_from_slice(format!("{} {}\r\n", self.tag, self.done).as_bytes());
        bytes
    }
}

/// What is done to an answer before it is sent.
pub type Distortion = Arc<dyn Fn(&mut Answer) + Send + Sync>;

struct State {
    capabilities: String,
    folders: BTreeMap<String, Mails>,
    distortion: Option<Distortion>,
    ends_short_answers: bool,
    looks_ahead: bool,
    commands: Vec<String>,
}

/// The server.
#[derive(Clone)]
pub struct SmallServer {
    pub port: u16,
    state: Arc<Mutex<State>>,
    /// One for each clone. Its connections have the state too, some for a moment longer.
    clones: Arc<()>,
}

impl SmallServer {
    /// Starts one with these capabilities beside IMAP4rev1.
    pub fn start(capabilities: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            capabilities: format!("IMAP4rev1 {capabilities}"),
            folders: BTreeMap::from([("INBOX".to_owned(), Mails::new(7))]),
            distortion: None,
            ends_short_answers: false,
            looks_ahead: false,
            commands: Vec::new(),
        }));
        let clones = Arc::new(());
        let (shared, is_used) = (Arc::downgrade(&state), Arc::downgrade(&clones));
        // It ends with the first connection after the server was dropped.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(state) = shared.upgrade().filter(|_| is_used.strong_count() > 0) else { return };
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        Self { port, state, clones }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// From now on answers are distorted so, or not at all.
    pub fn distort(&self, distortion: Option<Distortion>) {
        self.state().distortion = distortion;
    }

    /// From now on the connection ends where the client sends nothing for a moment after a distorted answer, as if it waited for the
    /// rest of a literal. Or not any more.
    pub fn end_short_answers(&self, ends: bool) {
        self.state().ends_short_answers = ends;
    }

    /// From the next connection on, the server waits for a moment whether a command is followed by another one.
    pub fn look_ahead(&self) {
        self.state().looks_ahead = true;
    }

    /// Looks at the folders, or changes them.
    pub fn folders<T>(&self, look: impl FnOnce(&mut BTreeMap<String, Mails>) -> T) -> T {
        look(&mut self.state().folders)
    }

    /// The commands since the last call, without their tags.
    pub fn take_commands(&self) -> Vec<String> {
        std::mem::take(&mut self.state().commands)
    }
}

impl Drop for SmallServer {
    fn drop(&mut self) {
        // Wakes the listener, which then ends.
        if Arc::strong_count(&self.clones) == 1 {
            self.clones = Arc::default();
            let _ = TcpStream::connect(("127.0.0.1", self.port));
        }
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>) -> Option<()> {
    let mut writer = stream.try_clone().ok()?;
    let greeting = format!("* OK [CAPABILITY {}] hello\r\n", state.lock().unwrap().capabilities);
    writer.write_all(greeting.as_bytes()).ok()?;
    let mut open = String::new();
    if state.lock().unwrap().ends_short_answers {
        stream.set_read_timeout(Some(Duration::from_millis(1500))).ok()?;
    }
    let looks_ahead = state.lock().unwrap().looks_ahead;
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let (tag, command) = line.trim_end_matches(['\r', '\n']).split_once(' ')?;
        if looks_ahead {
            super::pause(Duration::from_millis(20));
        }
        let mut is_followed = !reader.buffer().is_empty();
        if looks_ahead && !is_followed {
            writer.set_nonblocking(true).ok()?;
            is_followed = writer.peek(&mut [0]).is_ok_and(|count| count > 0);
            writer.set_nonblocking(false).ok()?;
        }
        let bytes = {
            let mut state = state.lock().unwrap();
            state.commands.push(command.to_owned());
            let mut answer = state.answer(tag, command, &mut open);
            answer.is_followed = is_followed;
            if let Some(distortion) = state.distortion.clone() {
                distortion(&mut answer);
            }
            if answer.done.is_empty() {
                return None;
            }
            if answer.tag.is_empty() { Vec::new() } else { answer.bytes() }
        };
        writer.write_all(&bytes).ok()?;
        if command == "LOGOUT" {
            return None;
        }
    }
}

impl State {
    fn answer(&mut self, tag: &str, command: &str, open: &mut String) -> Answer {
        let mut answer = Answer {
            command: command.to_owned(),
            is_followed: false,
            tag: tag.to_owned(),
            folder: String::new(),
            parts: Vec::new(),
            done: "OK done".to_owned(),
        };
        let words: Vec<&str> = command.split(' ').collect();
        let verb = if words[0] == "UID" { words[1] } else { words[0] };
        match verb {
            "LOGIN" => answer.done = format!("OK [CAPABILITY {}] in", self.capabilities),
            "LOGOUT" => answer.line("* BYE until later"),
            "LIST" => {
                let names: Vec<&String> =
                    if command == "LIST \"\" \"*\"" { self.folders.keys().collect() } else { Vec::new() };
                names
                    .iter()
                    .for_each(|name| answer.line(&format!("* LIST (\\HasNoChildren) \"/\" \"{name}\"")));
            }
            "SELECT" | "EXAMINE" => match self.folders.get(&name_in(command)) {
                Some(folder) => {
                    *open = name_in(command);
                    answer.line("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)");
                    answer
                        .line("* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] ok");
                    answer.line(&format!("* {} EXISTS", folder.mails.len()));
                    answer.line(&format!("* OK [UIDVALIDITY {}] ok", folder.validity));
                    answer.line(&format!("* OK [UIDNEXT {}] ok", folder.next));
                }
                None => answer.done = "NO [NONEXISTENT] no such folder".to_owned(),
            },
            "STATUS" => match self.folders.get(&name_in(command)) {
                Some(Mails { validity, next, .. }) => answer.line(&format!(
                    "* STATUS \"{}\" (UIDVALIDITY {validity} UIDNEXT {next})",
                    name_in(command)
                )),
                None => answer.done = "NO [NONEXISTENT] no such folder".to_owned(),
            },
            "CREATE" => {
                let validity = 90 + u32::try_from(self.folders.len()).unwrap();
                self.folders.entry(name_in(command)).or_insert_with(|| Mails::new(validity));
            }
            "SEARCH" => self.search(&mut answer, &words, open),
            "FETCH" => self.fetch(&mut answer, words[2], open),
            "STORE" => self.store(&mut answer, &words, open),
            "MOVE" | "COPY" => self.transfer(&mut answer, words[2], open, verb == "MOVE"),
            "EXPUNGE" => self.expunge(&mut answer, words[2], open),
            _ => {}
        }
        answer.folder.clone_from(open);
        answer
    }

    /// The messages of a set of the open folder.
    fn these(&self, set: &str, open: &str) -> Vec<(usize, Mail)> {
        let Some(folder) = self.folders.get(open) else { return Vec::new() };
        let last = folder.mails.last().map_or(0, |mail| mail.uid);
        let number = |text: &str| if text == "*" { last } else { text.parse().unwrap() };
        let within = |uid: u32| {
            set.split(',').any(|range| {
                let (one, other) = range.split_once(':').unwrap_or((range, range));
                let (one, other) = (number(one), number(other));
                (one.min(other)..=one.max(other)).contains(&uid)
            })
        };
        let numbered = folder.mails.iter().enumerate().map(|(at, mail)| (at + 1, mail.clone()));
        numbered.filter(|(_, mail)| within(mail.uid)).collect()
    }

    fn search(&self, answer: &mut Answer, words: &[&str], open: &str) {
        let after = |key: &str| words.iter().rposition(|word| *word == key).map(|at| words[at + 1]);
        let set = after("UID").filter(|word| word.starts_with(|first: char| first.is_ascii_digit()));
        let size = |key: &str| after(key).map(|size| size.parse::<usize>().unwrap());
        let (larger, smaller) = (size("LARGER"), size("SMALLER"));
        let mut found = "* SEARCH".to_owned();
        for (_, mail) in self.these(set.unwrap_or("1:*"), open) {
            let is_hidden = words.contains(&"UNDELETED") && mail.flags.iter().any(|flag| flag == "\\Deleted");
            let length = mail.bytes.len();
            if !is_hidden
                && larger.is_none_or(|size| length > size)
                && smaller.is_none_or(|size| length < size)
            {
                found.push_str(&format!(" {}", mail.uid));
            }
        }
        answer.line(&found);
    }

    fn fetch(&self, answer: &mut Answer, set: &str, open: &str) {
        let asked = answer.command.clone();
        for (number, mail) in self.these(set, open) {
            let mut items = Vec::new();
            let mut item =
                |name: &str, value: &[u8]| items.push(Item { name: name.to_owned(), value: value.to_vec() });
            let length = mail.bytes.len();
            item("UID", mail.uid.to_string().as_bytes());
            if asked.contains("FLAGS") {
                item("FLAGS", format!("({})", mail.flags.join(" ")).as_bytes());
            }
            if asked.contains("INTERNALDATE") {
                item("INTERNALDATE", b"\"17-Nov-2026 09:00:00 +0000\"");
            }
            if asked.contains("RFC822.SIZE") {
                item("RFC822.SIZE", length.to_string().as_bytes());
            }
            let header =
                mail.bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(length, |at| at + 4);
            for after in asked.split("BODY.PEEK").skip(1) {
                let (section, rest) = after.split_once(']').unwrap();
                let most = rest.strip_prefix("<0.").and_then(|rest| rest.split('>').next()?.parse().ok());
                let bytes = match section {
                    "[" => mail.bytes.clone(),
                    "[HEADER" => mail.bytes[..header].to_vec(),
                    fields => fields_of(&mail.bytes[..header], fields),
                };
                let bytes = &bytes[..bytes.len().min(most.unwrap_or(usize::MAX))];
                let name = format!("BODY{section}]{}", if most.is_some() { "<0>" } else { "" });
                item(&name, &literal(bytes));
            }
            answer.parts.push(Part::Data { id: mail.id, number, items });
        }
    }

    fn store(&mut self, answer: &mut Answer, words: &[&str], open: &str) {
        let flags: Vec<String> =
            words[4..].iter().map(|word| word.trim_matches(['(', ')']).to_owned()).collect();
        for (_, one) in self.these(words[2], open) {
            let mails = &mut self.folders.get_mut(open).unwrap().mails;
            let mail = mails.iter_mut().find(|mail| mail.uid == one.uid).unwrap();
            mail.flags.retain(|flag| !flags.contains(flag));
            if words[3].starts_with('+') {
                mail.flags.extend(flags.clone());
            }
        }
        if !words[3].contains("SILENT") {
            for (number, mail) in self.these(words[2], open) {
                answer.line(&format!("* {number} FETCH (UID {} FLAGS ({}))", mail.uid, mail.flags.join(" ")));
            }
        }
    }

    fn transfer(&mut self, answer: &mut Answer, set: &str, open: &str, removes: bool) {
        let these = self.these(set, open);
        let Some(target) = self.folders.get_mut(&name_in(&answer.command)) else {
            answer.done = "NO [TRYCREATE] no such folder".to_owned();
            return;
        };
        let (mut from, mut to) = (Vec::new(), Vec::new());
        for (_, mail) in &these {
            from.push(mail.uid.to_string());
            to.push(target.add(mail.id, &mail.bytes, &mail.flags).to_string());
        }
        let code = format!("[COPYUID {} {} {}]", target.validity, from.join(","), to.join(","));
        if self.capabilities.contains("UIDPLUS") && !these.is_empty() {
            if removes {
                answer.line(&format!("* OK {code} moved"));
            } else {
                answer.done = format!("OK {code} copied");
            }
        }
        if removes {
            let uids: Vec<u32> = these.iter().map(|(_, mail)| mail.uid).collect();
            self.remove(answer, open, &uids);
        }
    }

    fn expunge(&mut self, answer: &mut Answer, set: &str, open: &str) {
        let these = self.these(set, open).into_iter();
        let deleted = these.filter(|(_, mail)| mail.flags.iter().any(|flag| flag == "\\Deleted"));
        let uids: Vec<u32> = deleted.map(|(_, mail)| mail.uid).collect();
        self.remove(answer, open, &uids);
    }

    fn remove(&mut self, answer: &mut Answer, open: &str, uids: &[u32]) {
        let mails = &mut self.folders.get_mut(open).unwrap().mails;
        while let Some(at) = mails.iter().position(|mail| uids.contains(&mail.uid)) {
            mails.remove(at);
            answer.line(&format!("* {} EXPUNGE", at + 1));
        }
    }
}

/// A literal with its announcement.
pub fn literal(bytes: &[u8]) -> Vec<u8> {
    [format!("{{{}}}\r\n", bytes.len()).as_bytes(), bytes].concat()
}

/// The folder that a command names: its last word in quotes, or its second.
fn name_in(command: &str) -> String {
    let name = command.split('"').nth(1).or_else(|| command.split(' ').nth(1));
    name.unwrap_or_default().to_owned()
}

/// The lines of a header that `[HEADER.FIELDS (…)` names.
fn fields_of(header: &[u8], asked: &str) -> Vec<u8> {
    let asked = asked.split(['(', ')']).nth(1).unwrap_or_default().to_ascii_lowercase();
    let mut found = String::new();
    let mut wanted = false;
    for line in String::from_utf8_lossy(header).split_inclusive("\r\n") {
        if !line.starts_with([' ', '\t']) {
            let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
            wanted = asked.split(' ').any(|one| one == name);
        }
        if wanted {
            found.push_str(line);
        }
    }
    (found + "\r\n").into_bytes()
}
