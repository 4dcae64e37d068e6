//! A server that says what its script says, over clear text on loopback: for what no real server does on demand.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use followsift::settings::{Account, Tls};

/// A scripted server for one connection.
pub struct Fake {
    port: u16,
    thread: JoinHandle<Vec<String>>,
}

/// The beginning of a command, tag apart, and the answer to it, in which `TAG` stands for the tag. A command that no line
/// begins is answered with a plain OK; where several do, the first that is left, so that an answer is given once.
pub type Script<'a> = &'a [(&'a str, &'a str)];

impl Fake {
    /// Listens, greets, and answers by `script`. An empty answer closes the connection, and so does a BYE without a tagged line.
    pub fn start(greeting: &str, script: Script<'_>) -> Self {
        let greeting = greeting.to_owned();
        let script =
            script.iter().map(|(begin, answer)| ((*begin).to_owned(), (*answer).to_owned())).collect();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            serve(stream, &greeting, script)
        });
        Self { port, thread }
    }

    /// An account on it.
    pub fn account(&self) -> Account {
        super::account("127.0.0.1", self.port, Tls::Off)
    }

    /// The commands that it was sent, without their tags, after the connection has ended.
    pub fn commands(self) -> Vec<String> {
        self.thread.join().unwrap()
    }
}

fn serve(stream: TcpStream, greeting: &str, mut script: Vec<(String, String)>) -> Vec<String> {
    let mut commands = Vec::new();
    let mut last = String::new();
    let mut writer = stream.try_clone().unwrap();
    if writer.write_all(greeting.as_bytes()).is_err() {
        return commands;
    }
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { break };
        // A line without a tag goes on with the command before it: a message of SASL, or DONE.
        let (tag, command) = line.split_once(' ').unwrap_or((&last, &line));
        commands.push(command.to_owned());
        let at = script.iter().position(|(begin, _)| command.starts_with(begin));
        let answer = at.map_or_else(|| "TAG OK done\r\n".to_owned(), |at| script.remove(at).1);
        let is_over = answer.is_empty() || answer.starts_with("* BYE") && !answer.contains("TAG");
        if writer.write_all(answer.replace("TAG", tag).as_bytes()).is_err() || is_over {
            break;
        }
        last = tag.to_owned();
    }
    commands
}
