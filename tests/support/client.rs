//! A bare IMAP client: the user's other client, which delivers, stars and deletes messages, and looks at everything.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// What followsift may never change of a message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kept {
    /// Its UID.
    pub uid: u32,
    /// Its flags, sorted, without \Recent.
    pub flags: Vec<String>,
    /// Its INTERNALDATE as the server writes it.
    pub date: String,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// Every message of every folder, by the server's name of the folder.
pub type Snapshot = BTreeMap<String, Vec<Kept>>;

/// A connection in clear text over loopback.
pub struct Client {
    stream: BufReader<TcpStream>,
    tag: u32,
}

impl Client {
    /// Connects and logs in.
    pub fn log_in(port: u16) -> Self {
        Self::log_in_as(port, super::USER, super::PASSWORD)
    }

    /// Connects and logs in as this user.
    pub fn log_in_as(port: u16, user: &str, password: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut client = Self { stream: BufReader::new(stream), tag: 0 };
        client.response();
        let password = password.replace('"', "\\\"");
        client.run(&format!("LOGIN {user} \"{password}\""));
        client
    }

    /// Runs a command and returns its untagged responses. It must succeed.
    pub fn run(&mut self, command: &str) -> Vec<Vec<u8>> {
        self.send(command.as_bytes())
    }

    fn send(&mut self, command: &[u8]) -> Vec<Vec<u8>> {
        let tag = self.begin(command);
        self.end(&tag, command)
    }

    fn begin(&mut self, command: &[u8]) -> String {
        self.tag += 1;
        let tag = format!("c{} ", self.tag);
        self.stream.get_mut().write_all(&[tag.as_bytes(), command, b"\r\n"].concat()).unwrap();
        tag
    }

    /// The untagged responses up to the tagged one, which must be good.
    fn end(&mut self, tag: &str, command: &[u8]) -> Vec<Vec<u8>> {
        let mut untagged = Vec::new();
        loop {
            let response = self.response();
            if let Some(status) = response.strip_prefix(tag.as_bytes()) {
                let shown = String::from_utf8_lossy(status);
                assert!(status.starts_with(b"OK"), "{}: {shown}", String::from_utf8_lossy(command));
                return untagged;
            }
            untagged.push(response);
        }
    }

    /// One response with its literals.
    fn response(&mut self) -> Vec<u8> {
        let mut response = Vec::new();
        loop {
            let before = response.len();
            self.stream.read_until(b'\n', &mut response).unwrap();
            assert!(response.len() > before, "the server closed the connection");
            match literal(&response) {
                Some(length) => {
                    let mut bytes = vec![0; length];
                    self.stream.read_exact(&mut bytes).unwrap();
                    response.extend(bytes);
                }
                None => return response,
            }
        }
    }

    /// Delivers a message into a folder, by its name on the wire.
    pub fn deliver(&mut self, folder: &str, message: &str) {
        self.append(folder, "", message);
    }

    /// Delivers a message with flags and a date, such as `(\Seen) "01-Jan-2024 10:00:00 +0000"`.
    pub fn append(&mut self, folder: &str, how: &str, message: &str) {
        let how = if how.is_empty() { String::new() } else { format!("{} ", how.trim()) };
        let command = format!("APPEND \"{folder}\" {how}{{{}}}", message.len());
        let tag = self.begin(command.as_bytes());
        // The server says when it is ready for the message (RFC 9051, section 4.3); not all of them know the shorter way.
        loop {
            let response = self.response();
            if response.starts_with(b"+") {
                break;
            }
            assert!(response.starts_with(b"* "), "{command}: {}", String::from_utf8_lossy(&response));
        }
        self.stream.get_mut().write_all(&[message.as_bytes(), b"\r\n"].concat()).unwrap();
        self.end(&tag, command.as_bytes());
    }

    /// Selects a folder.
    pub fn select(&mut self, folder: &str) {
        self.run(&format!("SELECT \"{folder}\""));
    }

    /// The folders that the user is subscribed to, on the wire.
    pub fn subscribed(&mut self) -> Vec<String> {
        names(&self.run("LSUB \"\" \"*\""))
    }

    /// All folders with all their messages.
    pub fn snapshot(&mut self) -> Snapshot {
        let folders = names(&self.run("LIST \"\" \"*\""));
        folders.into_iter().map(|folder| (folder.clone(), self.messages(&folder))).collect()
    }

    /// The messages of one folder, by UID.
    pub fn messages(&mut self, folder: &str) -> Vec<Kept> {
        let quoted = folder.replace('\\', "\\\\").replace('"', "\\\"");
        self.run(&format!("EXAMINE \"{quoted}\""));
        let fetched = self.run("UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])");
        let mut messages: Vec<Kept> = fetched.iter().filter_map(|response| kept(response)).collect();
        messages.sort();
        messages
    }
}

/// The length of the literal that is to follow.
fn literal(response: &[u8]) -> Option<usize> {
    let line = response.strip_suffix(b"}\r\n")?;
    let open = line.iter().rposition(|byte| *byte == b'{')?;
    std::str::from_utf8(&line[open + 1..]).ok()?.parse().ok()
}

fn kept(response: &[u8]) -> Option<Kept> {
    let end = response.windows(3).position(|three| three == b"}\r\n")?;
    let head = String::from_utf8_lossy(&response[..end]).into_owned();
    let length: usize = head.rsplit_once('{')?.1.parse().ok()?;
    let bytes = response[end + 3..end + 3 + length].to_vec();
    // Some servers send the other items before the message, others after it.
    let items = format!("{head} {}", String::from_utf8_lossy(&response[end + 3 + length..]));
    let between =
        |from: &str, to: &str| items.split_once(from)?.1.split_once(to).map(|(text, _)| text.to_owned());
    let mut flags: Vec<String> = between("FLAGS (", ")")?.split(' ').map(str::to_owned).collect();
    flags.retain(|flag| !flag.is_empty() && flag != "\\Recent");
    flags.sort();
    let uid: String = items.split_once("UID ")?.1.chars().take_while(char::is_ascii_digit).collect();
    Some(Kept { uid: uid.parse().ok()?, flags, date: between("INTERNALDATE \"", "\"")?, bytes })
}

fn names(responses: &[Vec<u8>]) -> Vec<String> {
    let name = |response: &Vec<u8>| {
        let text = String::from_utf8_lossy(response).trim_end().to_owned();
        let last = match text.strip_suffix('"') {
            // A quoted name begins after the delimiter and its quote.
            Some(quoted) => quoted.splitn(4, '"').nth(3)?.replace("\\\"", "\"").replace("\\\\", "\\"),
            None => text.rsplit(' ').next()?.to_owned(),
        };
        (!text.contains("\\Noselect")).then_some(last)
    };
    responses.iter().filter_map(name).collect()
}
