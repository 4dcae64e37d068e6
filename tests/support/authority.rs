//! A small authorization server in clear text on loopback: device flow, authorization code with PKCE, refresh with rotation,
//! introspection for Dovecot, and faults on demand. It agrees to everything at once, as a user would in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::pause;

/// The client that it knows.
pub const CLIENT: &str = "followsift-test";
pub const SECRET: &str = "client-secret-of-the-tests";

/// What it does wrong from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answers with this status and body, to requests for this path.
    Says(&'static str, u16, &'static str),
    /// Answers with this status, and asks to be left alone for so many seconds.
    Busy(u16, u64),
    /// Takes this long for every answer.
    Slow(Duration),
    /// Redirects to itself.
    Redirects,
    /// Sends an endless answer.
    Endless,
    /// Does what it is asked, but calls the answer of the token endpoint this, and writes the second text in it for the first.
    Writes(&'static str, &'static str, &'static str),
    /// Closes the connection after it has done what it was asked, without an answer: to the token endpoint.
    Mute,
}

/// What it knows.
#[derive(Debug, Default)]
pub struct State {
    /// The requests that came: method and path, with the body.
    pub requests: Vec<(String, String)>,
    /// The access tokens, with the end of their lives.
    pub access: BTreeMap<String, Instant>,
    /// The refresh tokens that are good.
    pub refresh: BTreeSet<String>,
    /// Every secret that it ever gave out.
    pub given: Vec<String>,
    codes: BTreeMap<String, (String, String)>,
    device_polls: usize,
    count: usize,
}

/// How it is set up.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The life of an access token.
    pub lives: Duration,
    /// Every refresh gives a new refresh token, and the old one is worth nothing any more.
    pub rotates: bool,
    /// What `expires_in` says, if not the truth; `Some(None)` leaves it out.
    pub says: Option<Option<u64>>,
    /// How often the device flow says `authorization_pending`.
    pub pending: usize,
    /// Knows no device flow.
    pub without_device: bool,
    /// Refuses the device flow for these scopes.
    pub refuses_device: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            lives: Duration::from_secs(3600),
            rotates: true,
            says: None,
            pending: 1,
            without_device: false,
            refuses_device: false,
        }
    }
}

/// The server, for as long as the test runs.
#[derive(Clone)]
pub struct Authority {
    pub port: u16,
    state: Arc<Mutex<State>>,
    fault: Arc<Mutex<Option<Fault>>>,
    setup: Arc<Setup>,
}

impl Authority {
    pub fn start(setup: Setup) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let authority = Self { port, state: Arc::default(), fault: Arc::default(), setup: Arc::new(setup) };
        let server = authority.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let server = server.clone();
                std::thread::spawn(move || {
                    let _ = server.serve(stream);
                });
            }
        });
        authority
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// From now on.
    pub fn fails(&self, fault: impl Into<Option<Fault>>) {
        *self.fault.lock().unwrap() = fault.into();
    }

    /// How many requests for this path came.
    pub fn asked(&self, path: &str) -> usize {
        self.state().requests.iter().filter(|(line, _)| line.ends_with(path)).count()
    }

    /// The user takes everything back.
    pub fn revoke(&self) {
        let mut state = self.state();
        state.access.clear();
        state.refresh.clear();
    }

    /// Ends the access tokens, as their life would.
    pub fn expire(&self) {
        self.state().access.clear();
    }

    /// Agrees as the user does with a browser; returns the address to which the browser is sent.
    pub fn agree(&self, address: &str) -> String {
        let answer = get(address);
        let line = answer.lines().find_map(|line| line.strip_prefix("Location: "));
        line.unwrap_or_else(|| panic!("no redirect in {answer}")).to_owned()
    }

    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut words = line.split(' ');
        let (method, target) =
            (words.next().unwrap_or_default(), words.next().unwrap_or_default().to_owned());
        let mut length = 0;
        let mut basic = None;
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
                break;
            }
            let (name, value) = header.split_once(':').unwrap_or(("", ""));
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap_or(0),
                "authorization" => basic = Some(value.trim().to_owned()),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let body = String::from_utf8_lossy(&body).into_owned();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        self.state().requests.push((format!("{method} {path}"), body.clone()));
        let fault = self.fault.lock().unwrap().clone();
        let mut stream = stream;
        match fault {
            Some(Fault::Says(at, status, words)) if at == path => return say(&mut stream, status, "", words),
            Some(Fault::Busy(status, seconds)) => {
                return say(&mut stream, status, &format!("Retry-After: {seconds}\r\n"), "{}");
            }
            Some(Fault::Slow(time)) => pause(time),
            Some(Fault::Redirects) => {
                return say(&mut stream, 302, &format!("Location: {}\r\n", self.url("/")), "");
            }
            Some(Fault::Endless) => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"a\": \"")?;
                loop {
                    stream.write_all(&[b'x'; 1 << 16])?;
                }
            }
            _ => {}
        }
        let form: BTreeMap<String, String> =
            url::form_urlencoded::parse(if query.is_empty() { body.as_bytes() } else { query.as_bytes() })
                .into_owned()
                .collect();
        let (status, header, answer) = self.answer(path, &form, basic.as_deref());
        if fault == Some(Fault::Mute) && path == "/token" {
            return Ok(());
        }
        match fault {
            Some(Fault::Writes(kind, from, to)) if path == "/token" => {
                say(&mut stream, status, &format!("Content-Type: {kind}\r\n"), &answer.replace(from, to))
            }
            _ => say(&mut stream, status, &header, &answer),
        }
    }

    fn answer(
        &self,
        path: &str,
        form: &BTreeMap<String, String>,
        basic: Option<&str>,
    ) -> (u16, String, String) {
        let of = |key: &str| form.get(key).cloned().unwrap_or_default();
        let json =
            |status: u16, text: String| (status, "Content-Type: application/json\r\n".to_owned(), text);
        let refuse = |error: &str| {
            json(400, format!("{{\"error\": \"{error}\", \"error_description\": \"words \\u001b[2J\"}}"))
        };
        match path {
            // The issuer with a path describes itself by RFC 8414 alone.
            "/.well-known/openid-configuration" | "/.well-known/oauth-authorization-server/tenant" => {
                let issuer = if path.ends_with("/tenant") { self.url("/tenant") } else { self.url("") };
                let device = match self.setup.without_device {
                    true => String::new(),
                    false => format!(", \"device_authorization_endpoint\": \"{}\"", self.url("/device")),
                };
                json(
                    200,
                    format!(
                        "{{\"issuer\": \"{issuer}\", \"authorization_endpoint\": \"{}\", \"token_endpoint\": \"{}\"{device}}}",
                        self.url("/authorize"),
                        self.url("/token")
                    ),
                )
            }
            "/device" if self.setup.refuses_device => refuse("invalid_scope"),
            "/device" => {
                let code = self.secret("device");
                json(
                    200,
                    format!(
                        "{{\"device_code\": \"{code}\", \"user_code\": \"ABCD-EFGH\", \"verification_uri\": \"{}\", \
                         \"expires_in\": 600, \"interval\": 1}}",
                        self.url("/activate")
                    ),
                )
            }
            "/authorize" => {
                let code = self.secret("code");
                self.state().codes.insert(code.clone(), (of("code_challenge"), of("redirect_uri")));
                let location = format!("{}?code={code}&state={}", of("redirect_uri"), of("state"));
                (302, format!("Location: {location}\r\n"), String::new())
            }
            "/introspect" => {
                let state = self.state();
                let until = state.access.get(&of("token"));
                let active = until.is_some_and(|until| *until > Instant::now());
                json(200, format!("{{\"active\": {active}, \"username\": \"{}\"}}", super::USER))
            }
            "/token" => {
                let is_client = of("client_id") == CLIENT || basic.is_some();
                if !is_client {
                    return refuse("invalid_client");
                }
                match of("grant_type").as_str() {
                    "refresh_token" => {
                        let token = of("refresh_token");
                        let mut state = self.state();
                        if !state.refresh.contains(&token) {
                            return refuse("invalid_grant");
                        }
                        if self.setup.rotates {
                            state.refresh.remove(&token);
                        }
                        drop(state);
                        json(200, self.grant(self.setup.rotates))
                    }
                    "authorization_code" => {
                        let known = self.state().codes.remove(&of("code"));
                        let proof = URL_SAFE_NO_PAD.encode(Sha256::digest(of("code_verifier").as_bytes()));
                        match known {
                            Some((challenge, uri)) if challenge == proof && uri == of("redirect_uri") => {
                                json(200, self.grant(true))
                            }
                            _ => refuse("invalid_grant"),
                        }
                    }
                    _ => {
                        let mut state = self.state();
                        state.device_polls += 1;
                        if state.device_polls <= self.setup.pending {
                            return refuse("authorization_pending");
                        }
                        drop(state);
                        json(200, self.grant(true))
                    }
                }
            }
            _ => (404, String::new(), String::new()),
        }
    }

    fn secret(&self, kind: &str) -> String {
        let mut state = self.state();
        state.count += 1;
        let secret = format!("{kind}-{}-secret.of/the~tests", state.count);
        let secret =
            if kind == "access" || kind == "refresh" { secret } else { secret.replace(['/', '~'], "-") };
        state.given.push(secret.clone());
        secret
    }

    /// A new access token, and where `renews` a new refresh token, as JSON.
    fn grant(&self, renews: bool) -> String {
        let access = self.secret("access");
        let refresh = renews.then(|| self.secret("refresh"));
        let mut state = self.state();
        state.access.insert(access.clone(), Instant::now() + self.setup.lives);
        state.refresh.extend(refresh.clone());
        let refresh = refresh.map(|token| format!(", \"refresh_token\": \"{token}\"")).unwrap_or_default();
        let life = match self.setup.says {
            Some(None) => String::new(),
            Some(Some(life)) => format!(", \"expires_in\": {life}"),
            None => format!(", \"expires_in\": {}", self.setup.lives.as_secs()),
        };
        format!("{{\"access_token\": \"{access}\", \"token_type\": \"Bearer\"{life}{refresh}}}")
    }
}

fn say(stream: &mut TcpStream, status: u16, header: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} X\r\n{header}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// What a browser would get for this address.
pub fn get(address: &str) -> String {
    let rest = address.strip_prefix("http://").unwrap();
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut stream = TcpStream::connect(authority).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
