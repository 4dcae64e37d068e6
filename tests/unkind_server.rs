//! The service against a server that refuses a login which has just worked, and one that announces without end.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::daemon::Home;
use crate::support::pause;
use rustix::process::Signal;

const GREETING: &str = "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n";
const IN: &str = "TAG OK [CAPABILITY IMAP4rev1 MOVE UIDPLUS IDLE] in\r\n";

/// How a server answers AUTHENTICATE and IDLE, by the number of the connection.
type Answers = fn(usize, &str) -> &'static str;

/// A server with an empty inbox, for any number of connections. Notes the commands.
struct Server {
    port: u16,
    commands: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let commands: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = Arc::clone(&commands);
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().map_while(Result::ok).enumerate() {
                let noted = Arc::clone(&noted);
                std::thread::spawn(move || serve(stream, number, answers, &noted));
            }
        });
        Self { port, commands }
    }

    fn count(&self, verb: &str) -> usize {
        self.commands.lock().unwrap().iter().filter(|command| *command == verb).count()
    }
}

/// Answers until the other side hangs up, or an answer is empty.
fn serve(stream: TcpStream, number: usize, answers: Answers, noted: &Mutex<Vec<String>>) -> Option<()> {
    let mut writer = stream.try_clone().ok()?;
    let mut idle = String::new();
    writer.write_all(GREETING.as_bytes()).ok()?;
    for line in BufReader::new(stream).lines() {
        let line = line.ok()?;
        let mut words = line.split(' ').filter(|word| *word != "UID");
        let (tag, verb) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        noted.lock().unwrap().push(verb.to_owned());
        let answer = match verb {
            "SELECT" | "EXAMINE" => {
                format!("* 0 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 1] x\r\n{tag} OK\r\n")
            }
            "LIST" => format!("* LIST () \"/\" INBOX\r\n{tag} OK\r\n"),
            "AUTHENTICATE" => answers(number, verb).replace("TAG", tag),
            "IDLE" => {
                tag.clone_into(&mut idle);
                answers(number, verb).replace("TAG", tag)
            }
            "" => format!("{idle} OK\r\n"),
            _ => format!("{tag} OK\r\n"),
        };
        if answer.is_empty() {
            return None;
        }
        writer.write_all(answer.as_bytes()).ok()?;
    }
    None
}

fn home(server: &Server) -> Home {
    let home = Home::new();
    home.settings(server.port, "");
    home
}

#[test]
fn a_login_that_has_worked_is_tried_again_before_its_account_is_parked() {
    // The first connection works, and is lost as soon as it waits.
    let refusals: [Answers; 3] = [
        |number, verb| answer(number, verb, "TAG NO [AUTHENTICATIONFAILED] Authentication failed.\r\n"),
        |number, verb| answer(number, verb, "TAG NO something is wrong\r\n"),
        |number, verb| {
            answer(number, verb, "TAG NO [ALERT] Please log in via your web browser (Failure)\r\n")
        },
    ];
    let running: Vec<_> = refusals
        .into_iter()
        .map(|answers| {
            let server = Server::start(answers);
            let home = home(&server);
            let daemon = home.run();
            (server, home, daemon)
        })
        .collect();
    for (server, _home, daemon) in &running {
        daemon.logs("connecting again in 120 s: could not log in to 127.0.0.1");
        daemon.says("home is away: could not log in");
        assert!(!daemon.log().contains("parked"), "{}", daemon.log());
        assert_eq!(server.count("AUTHENTICATE"), 2);
        // A reload does not wait for the end of the pause: the user may have mended the password.
        daemon.signal(Signal::HUP);
        daemon.until("trying again", Duration::from_secs(10), |_| server.count("AUTHENTICATE") == 3);
        // The new thread knows that the login has worked.
        daemon.until("pausing again", Duration::from_secs(10), |it| {
            it.log().matches("connecting again in 120 s").count() == 2
        });
    }
}

fn answer(number: usize, verb: &str, refusal: &'static str) -> &'static str {
    match (number, verb) {
        (0, "AUTHENTICATE") => IN,
        (_, "AUTHENTICATE") => refusal,
        _ => "",
    }
}

#[test]
fn a_first_login_that_is_refused_parks_its_account_at_once_and_shows_the_servers_words() {
    let server = Server::start(|_, _| "TAG NO [ALERT] Application-specific password required (Failure)\r\n");
    let home = home(&server);
    let daemon = home.run();
    daemon.says("home is paused until you act: could not log in to 127.0.0.1");
    assert!(daemon.status().contains("Application-specific password required"), "{}", daemon.status());
    assert_eq!(server.count("AUTHENTICATE"), 1);
}

#[test]
fn a_server_that_announces_in_every_idle_is_asked_less_and_less() {
    let server = Server::start(|_, verb| match verb {
        "AUTHENTICATE" => IN,
        _ => "+ idling\r\n* 5 EXISTS\r\n",
    });
    let home = home(&server);
    let daemon = home.run();
    daemon.logs("woken again and again although there is nothing new; the next look is in 1 s");
    // A fourth wait brought nothing; the fifth begins after a second.
    assert_eq!(server.count("IDLE"), 4, "{}", daemon.log());
    daemon.until("waiting again", Duration::from_secs(10), |_| server.count("IDLE") == 5);
    let (status, took) = daemon.stop();
    assert!(status.success() && took < Duration::from_secs(2), "{took:?}");
    assert_eq!(server.count("IDLE"), 5);
}

#[test]
fn a_server_that_refuses_the_idle_that_it_advertises_is_looked_at_at_every_poll() {
    const REFUSALS: [Answers; 3] = [
        |_, verb| if verb == "AUTHENTICATE" { IN } else { "TAG OK done already\r\n" },
        |_, verb| if verb == "AUTHENTICATE" { IN } else { "TAG NO not here\r\n" },
        |_, verb| if verb == "AUTHENTICATE" { IN } else { "TAG BAD what is that\r\n" },
    ];
    for answers in REFUSALS {
        let server = Server::start(answers);
        let home = Home::new();
        home.settings(server.port, "poll = \"10s\"\n");
        let daemon = home.run();
        // Two commands at each look: what is new, and whether there is more.
        daemon.until("looked at", Duration::from_secs(40), |_| server.count("FETCH") >= 4);
        assert_eq!((server.count("AUTHENTICATE"), server.count("IDLE")), (1, 1), "{}", daemon.log());
    }
}

#[test]
fn a_server_whose_answer_to_idle_is_never_understood_is_tried_less_and_less_often() {
    let server = Server::start(|_, verb| match verb {
        "AUTHENTICATE" => IN,
        _ => {
            // Long enough for the connection to count as one that works.
            pause(Duration::from_secs(6));
            "* 1 FETCH (BODY[] {3}\r\nabcdef)\r\n"
        }
    });
    let home = home(&server);
    let daemon = home.run();
    let pauses = |log: &str| -> Vec<u64> {
        let after = log.split("connecting again in ").skip(1);
        after.filter_map(|rest| rest.split(' ').next()?.parse().ok()).collect()
    };
    daemon.until("trying again", Duration::from_secs(90), |it| pauses(&it.log()).len() >= 3);
    let pauses = pauses(&daemon.log());
    // Each pause is shortened by up to a half by chance: 2 to 5 s, 5 to 10 s, 10 to 20 s.
    assert!(pauses[1] >= 5 && pauses[2] >= 10, "{pauses:?}");
}
