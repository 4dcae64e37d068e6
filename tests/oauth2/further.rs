//! The whole of it with a real authorization server, npm's oidc-provider, which `tests/further/oauth.sh` sets up.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::support::clock;
use crate::support::daemon::{Home, deliver, filed};

/// The life of an access token.
const LIFE: u64 = 8;
const SOON: Duration = Duration::from_secs(60);

/// The server, behind a door that can be closed: it forgets everything when it ends.
struct Provider {
    server: Child,
    port: u16,
    closed: Arc<AtomicBool>,
}

impl Provider {
    fn start() -> Self {
        #[expect(clippy::disallowed_methods, reason = "it is the test's environment, not the program's")]
        let modules = PathBuf::from(std::env::var_os("FOLLOWSIFT_OIDC_PROVIDER").unwrap());
        let door = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = door.local_addr().unwrap().port();
        let behind = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/further/oidc-provider.mjs");
        let mut server = Command::new("node")
            .arg(script)
            .arg(modules)
            .args([port.to_string(), behind.to_string(), LIFE.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == "listening"), "oidc-provider does not start");
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = writeln!(std::io::stderr(), "oidc-provider: {line}");
            }
        });
        let closed = Arc::new(AtomicBool::new(false));
        let is_closed = Arc::clone(&closed);
        std::thread::spawn(move || {
            for stream in door.incoming().map_while(Result::ok) {
                if !is_closed.load(Ordering::SeqCst) {
                    forward(stream, behind);
                }
            }
        });
        Self { server, port, closed }
    }

    fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn forward(one: TcpStream, port: u16) {
    let other = TcpStream::connect(("127.0.0.1", port)).unwrap();
    for (mut from, mut to) in [(one.try_clone().unwrap(), other.try_clone().unwrap()), (other, one)] {
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(std::net::Shutdown::Write);
        });
    }
}

/// A browser with a person before it, who signs in and agrees to everything.
struct Browser {
    issuer: String,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    fn new(provider: &Provider) -> Self {
        Self { issuer: provider.issuer(), cookies: BTreeMap::new() }
    }

    /// Goes to an address and through all pages; returns the address outside of the provider to which it is sent in the end, or the
    /// last page.
    fn agrees(&mut self, address: &str) -> String {
        let (mut method, mut address, mut body) = ("GET", address.to_owned(), String::new());
        for _ in 0..20 {
            let answer = self.asks(method, &address, &body);
            let header =
                |name: &str| answer.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            if let Some(location) = header("Location: ").or_else(|| header("location: ")) {
                if !location.starts_with('/') && !location.starts_with(&self.issuer) {
                    return location;
                }
                (method, address, body) = ("GET", self.whole(&location), String::new());
            } else if let Some(form) = answer.split("<form").nth(1) {
                (method, body) = ("POST", fields(form.split("</form>").next().unwrap()));
                address = self.whole(&attribute(form, "action").unwrap());
            } else {
                return answer;
            }
        }
        panic!("no end of pages at {address}");
    }

    fn whole(&self, location: &str) -> String {
        if location.starts_with('/') { format!("{}{location}", self.issuer) } else { location.to_owned() }
    }

    fn asks(&mut self, method: &str, address: &str, body: &str) -> String {
        let host = self.issuer.strip_prefix("http://").unwrap();
        let path = address.strip_prefix(&self.issuer).unwrap();
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut stream = TcpStream::connect(host).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nCookie: {}\r\nContent-Type: \
             application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            cookies.join("; "),
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        for line in answer.lines().take_while(|line| !line.is_empty()) {
            if let Some((name, value)) =
                line.strip_prefix("Set-Cookie: ").and_then(|cookie| cookie.split_once('='))
            {
                self.cookies.insert(name.to_owned(), value.split(';').next().unwrap().to_owned());
            }
        }
        answer
    }
}

/// The fields of a form, filled in.
fn fields(form: &str) -> String {
    let mut filled = BTreeMap::new();
    for input in form.split("<input").skip(1) {
        if let (Some(name), Some(value)) = (attribute(input, "name"), attribute(input, "value")) {
            filled.insert(name, value);
        }
    }
    for (name, value) in [("login", USER), ("password", "x"), ("confirm", "yes")] {
        filled.insert(name.to_owned(), value.to_owned());
    }
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&filled).finish()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split('>').next()?.split(&format!("{name}=\"")).nth(1)?.split('"').next()?;
    Some(value.replace("&amp;", "&"))
}

struct Scene {
    provider: Provider,
    server: Dovecot,
    home: Home,
    _conf: tempfile::TempDir,
}

impl Scene {
    /// By the issuer's own description; `more` are further keys of `oauth2`.
    fn configure(&self, more: &str) {
        let text = format!(
            "state = \"state\"\n\n[accounts.home]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"off\"\nuser = \"{USER}\"\nbacklog = \
             \"all\"\noauth2 = {{ client-id = \"followsift\", scopes = [\"openid\", \"offline_access\"], {more} }}\n",
            self.server.port
        );
        self.home.write("followsift.toml", &text);
    }

    /// Runs `followsift login`; a person follows the address in the line with `mark`.
    fn log_in(&self, mark: &str) {
        let mut command = self.home.command(&["login", "home"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let page = lines.by_ref().find(|line| line.contains(mark)).unwrap().trim().to_owned();
        let mut browser = Browser::new(&self.provider);
        if mark == "/device" {
            let code =
                lines.by_ref().find_map(|line| line.split("there: ").nth(1).map(str::to_owned)).unwrap();
            let end = browser.agrees(&format!("{page}?user_code={code}"));
            assert!(end.contains("success") || end.contains("Success"), "{end}");
        } else {
            let end = browser.agrees(&page);
            if !end.starts_with("http://127.0.0.1:") {
                let _ = child.kill();
                panic!("the browser is not sent back: {end}");
            }
            crate::support::authority::get(&end);
        }
        let rest: Vec<String> = lines.collect();
        assert!(child.wait().unwrap().success(), "{rest:?}\n{}", self.server.log());
    }
}

#[test]
#[ignore = "it needs npm's oidc-provider: `tests/run.sh --all` runs it"]
fn a_year_with_a_real_provider_in_two_minutes() {
    let provider = Provider::start();
    let address = format!("http://dovecot:dovecot-secret@127.0.0.1:{}/token/introspection", provider.port);
    let (server, conf) = dovecot_asking(&address, "sub").unwrap();
    let home = Home::new();
    let mut scene = Scene { provider, server, home, _conf: conf };
    scene.configure(&format!("issuer = \"{}\"", scene.provider.issuer()));

    // The device flow, renewals with rotation while the service waits.
    scene.log_in("/device");
    let daemon = scene.home.run();
    deliver(&scene.server, [1]);
    filed(&scene.server, &daemon, 1, SOON);
    pause(Duration::from_secs(3 * LIFE));
    deliver(&scene.server, [2]);
    filed(&scene.server, &daemon, 2, SOON);
    assert_eq!(daemon.log().matches(" connected").count(), 1, "{}", daemon.log());

    // Another connection, with a token that did not exist when the service began.
    scene.server.kill();
    scene.server.restart();
    deliver(&scene.server, [3]);
    filed(&scene.server, &daemon, 3, SOON);

    // The provider is down for many lives of a token, and the connection breaks meanwhile.
    scene.provider.closed.store(true, Ordering::SeqCst);
    pause(Duration::from_secs(2 * LIFE));
    scene.server.kill();
    scene.server.restart();
    daemon.says("home is away: could not get an access token");
    pause(Duration::from_secs(LIFE));
    assert!(!daemon.log().contains("paused"), "{}", daemon.log());
    scene.provider.closed.store(false, Ordering::SeqCst);
    deliver(&scene.server, [4]);
    filed(&scene.server, &daemon, 4, SOON);

    // The user takes it back.
    let kept = std::fs::read(scene.home.state().join("tokens/home.json")).unwrap();
    let kept: serde_json::Value = serde_json::from_slice(&kept).unwrap();
    let token = kept["refresh-token"].as_str().unwrap();
    let revoked = Browser::new(&scene.provider).asks(
        "POST",
        &format!("{}/token/revocation", scene.provider.issuer()),
        &format!("client_id=followsift&token={token}"),
    );
    assert!(revoked.starts_with("HTTP/1.1 200"), "{revoked}");
    daemon.says("home is paused until you act: could not log in: the provider's grant has ended or was revoked (invalid_grant");

    // And grants it again, by the browser; the service goes on by itself.
    let issuer = scene.provider.issuer();
    scene.configure(&format!(
        "authorization-endpoint = \"{issuer}/auth\", token-endpoint = \"{issuer}/token\""
    ));
    daemon.signal(rustix::process::Signal::HUP);
    daemon.logs("reloaded settings");
    scene.log_in("/auth?");
    deliver(&scene.server, [5]);
    filed(&scene.server, &daemon, 5, SOON);
    let (status, _) = daemon.stop();
    assert!(status.success());

    // By a clock that is a day behind, and one that is a day ahead.
    let Some(library) = clock() else { return };
    for time in ["-1d", "+1d", "+0d"] {
        scene.home.write("time", time);
        let mut command = scene.home.command(&["check", "--connect"]);
        command.env("LD_PRELOAD", &library).env("FAKETIME_TIMESTAMP_FILE", scene.home.path().join("time"));
        command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        let checked = command.output().unwrap();
        assert!(checked.status.success(), "{time}: {}", String::from_utf8_lossy(&checked.stdout));
    }
}
