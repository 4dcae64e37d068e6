//! `followsift login`, as a person sees it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Stdio};

use super::*;
use crate::support::authority::get;

/// A user at a mail server, who grants access.
struct Scene {
    desk: Desk,
    server: Dovecot,
    _conf: tempfile::TempDir,
}

impl Scene {
    fn new(setup: Setup, oauth2: impl Fn(&Authority) -> String) -> Option<Self> {
        let desk = Desk::new(setup);
        let (server, conf) = dovecot(&desk.authority)?;
        let settings = account(&desk.authority, server.port, &oauth2(&desk.authority));
        desk.folder.write("followsift.toml", settings);
        Some(Self { desk, server, _conf: conf })
    }

    fn begin(&self, arguments: &[&str]) -> Terminal {
        let words = [&["login", "home", "--settings", "followsift.toml"], arguments].concat();
        let mut command = self.desk.folder.command(&[], &words);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Terminal { child, out, said: String::new() }
    }

    /// Messages can be read afterwards.
    fn works(&self) {
        let run = self.desk.folder.run(&["check", "--connect"]);
        assert!(run.exits(0).out().contains("  logged in\n"), "{}", self.server.log());
    }
}

struct Terminal {
    child: Child,
    out: BufReader<ChildStdout>,
    said: String,
}

impl Terminal {
    /// Reads on until a line with this in it.
    fn until(&mut self, part: &str) -> String {
        loop {
            let mut line = String::new();
            if self.out.read_line(&mut line).unwrap() == 0 {
                let mut errors = String::new();
                self.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
                panic!("no {part:?} in {}\n{errors}", self.said);
            }
            self.said.push_str(&line);
            if line.contains(part) {
                return line.trim().to_owned();
            }
        }
    }

    fn types(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Its exit code, and all that it said.
    fn ends(mut self) -> (i32, String) {
        self.out.read_to_string(&mut self.said).unwrap();
        let mut errors = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        (self.child.wait().unwrap().code().unwrap(), self.said + &errors)
    }
}

fn usual(_: &Authority) -> String {
    String::new()
}

fn without_device(authority: &Authority) -> String {
    format!(
        "client-id = \"{CLIENT}\", token-endpoint = \"{}\", authorization-endpoint = \"{}\"",
        authority.url("/token"),
        authority.url("/authorize")
    )
}

/// The redirect address with its port.
fn bare(address: &str) -> &str {
    address.split('?').next().unwrap()
}

#[test]
fn the_device_flow_shows_a_page_and_a_code_and_tries_the_login_at_once() {
    let Some(scene) = Scene::new(Setup::default(), usual) else { return };
    let (code, said) = scene.begin(&[]).ends();
    let page = scene.desk.authority.url("/activate");
    let expected = format!(
        "1. Open this page in a browser, on this or any other device:\n\n   {page}\n\n2. Type this code there: ABCD-EFGH\n3. Sign in as \
         ann, and agree that the program may read and move your messages.\n\nfollowsift waits for that; Ctrl-C ends it.\naccess \
         granted; followsift keeps the grant in {}/tokens/home.json and renews it\nlogged in to 127.0.0.1:{}\n",
        scene.desk.folder.path().join("state").file_name().unwrap().to_str().unwrap(),
        scene.server.port
    );
    assert_eq!((code, said.as_str()), (0, expected.as_str()));
    scene.works();
}

#[test]
fn the_browser_comes_back_to_this_machine() {
    let Some(scene) = Scene::new(Setup::default(), without_device) else { return };
    let mut terminal = scene.begin(&[]);
    let page = terminal.until("/authorize?");
    for part in [
        "code_challenge_method=S256",
        "response_type=code",
        "login_hint=ann",
        "redirect_uri=http%3A%2F%2F127.0.0.1%3A",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let address = scene.desk.authority.agree(&page);
    // Others who know the port get nowhere.
    for other in ["/favicon.ico", "/?code=x", "/?code=x&state=wrong", "/?error=access_denied&state=wrong"] {
        let answer = get(&format!("{}{other}", bare(&address).trim_end_matches('/')));
        assert!(answer.starts_with("HTTP/1.1 404"), "{other}: {answer}");
    }
    let host = bare(&address).trim_start_matches("http://").trim_end_matches('/').to_owned();
    let mut rude = TcpStream::connect(&host).unwrap();
    rude.write_all(&[b'x'; 40_000]).unwrap_or_default();
    drop(TcpStream::connect(&host).unwrap());
    let answer = get(&address);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("Close this page"), "{answer}");
    let (code, said) = terminal.ends();
    assert_eq!(code, 0, "{said}");
    scene.works();
}

#[test]
fn a_browser_is_served_beside_connections_that_say_nothing_and_with_a_long_head() {
    let Some(scene) = Scene::new(Setup::default(), without_device) else { return };
    let mut terminal = scene.begin(&[]);
    let page = terminal.until("/authorize?");
    let address = scene.desk.authority.agree(&page);
    let host = bare(&address).trim_start_matches("http://").trim_end_matches('/').to_owned();
    let ask = |target: &str, cookies: usize| {
        let mut stream = TcpStream::connect(&host).unwrap();
        let head =
            format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nCookie: {}\r\n\r\n", "x".repeat(cookies));
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    };
    // A browser opens connections in advance.
    let silent: Vec<_> = (0..3).map(|_| TcpStream::connect(&host).unwrap()).collect();
    let begun = Instant::now();
    for cookies in [10, 30_000, 60_000] {
        assert!(ask("/favicon.ico", cookies).starts_with("HTTP/1.1 404"), "{cookies}");
    }
    assert!(begun.elapsed() < Duration::from_millis(1_500), "{:?}", begun.elapsed());
    let answer = ask(address.split(&host).nth(1).unwrap(), 20_000);
    assert!(answer.contains("Close this page"), "{answer}");
    drop(silent);
    let (code, said) = terminal.ends();
    assert_eq!(code, 0, "{said}");
}

#[test]
fn the_address_is_pasted_where_the_browser_is_elsewhere() {
    let Some(scene) = Scene::new(Setup::default(), usual) else { return };
    let mut terminal = scene.begin(&["--paste"]);
    let page = terminal.until("/authorize?");
    let address = scene.desk.authority.agree(&page);
    terminal.until("paste it here");
    terminal.types("http://127.0.0.1/?code=x&state=y");
    terminal.until("this is not the address");
    terminal.types("");
    terminal.until("this is not the address");
    terminal.types(&address);
    let (code, said) = terminal.ends();
    assert_eq!(code, 0, "{said}");
    scene.works();
}

#[test]
fn an_address_that_was_pasted_over_several_lines_is_put_together() {
    for pieces in 2..5 {
        let Some(scene) = Scene::new(Setup::default(), usual) else { return };
        let mut terminal = scene.begin(&["--paste"]);
        let page = terminal.until("/authorize?");
        let address = scene.desk.authority.agree(&page);
        terminal.until("paste it here");
        terminal.types("what is this");
        terminal.until("this is not the address");
        let length = address.len() / pieces + 1;
        let lines: Vec<&str> =
            address.as_bytes().chunks(length).map(|it| std::str::from_utf8(it).unwrap()).collect();
        terminal.types(&lines.join("\n  "));
        let (code, said) = terminal.ends();
        assert_eq!(code, 0, "{pieces}: {said}");
        assert_eq!(said.matches("this is not the address").count(), 1, "{said}");
    }
}

#[test]
fn standard_input_that_ends_before_the_address_is_said() {
    let desk = Desk::new(Setup::default());
    let run = desk.folder.run(&["login", "home", "--paste"]);
    assert!(
        run.exits(75).err().contains("standard input ended before the address was pasted"),
        "{}",
        run.err()
    );
}

#[test]
fn a_browser_that_comes_back_from_another_provider_ends_the_login() {
    for (signs, iss, is_good) in [
        (true, "right", true),
        (true, "", false),
        (true, "https://evil.example", false),
        (false, "right", true),
        (false, "", true),
        (false, "https://evil.example", false),
    ] {
        let desk = Desk::new(Setup::default());
        desk.configure(&format!("client-id = \"{CLIENT}\", issuer = \"{}\"", desk.authority.url("")));
        let body = format!(
            "{{\"issuer\": \"{}\", \"token_endpoint\": \"{}\", \"authorization_endpoint\": \"{}\", \
             \"authorization_response_iss_parameter_supported\": {signs}}}",
            desk.authority.url(""),
            desk.authority.url("/token"),
            desk.authority.url("/authorize")
        );
        desk.authority.fails(Fault::Says(
            "/.well-known/openid-configuration",
            200,
            Box::leak(body.into_boxed_str()),
        ));
        let mut address = None;
        let (reader, mut writer) = std::io::pipe().unwrap();
        let ended = desk.with(|account, settings, stop| {
            let SecretSource::OAuth2(oauth2) = &account.secret else { panic!("{account:?}") };
            let means = Means { paste: true, input: Some(reader.as_fd()), stop: stop.as_fd() };
            login::authorize(account, oauth2, settings, means, &mut |request| {
                let login::Request::Browser { page, .. } = request else { panic!("{request:?}") };
                let mut sent = desk.authority.agree(page);
                if !iss.is_empty() {
                    let name = if iss == "right" { desk.authority.url("") } else { iss.to_owned() };
                    sent = format!(
                        "{sent}&iss={}",
                        url::form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>()
                    );
                }
                writeln!(writer, "{sent}").unwrap();
                address = Some(sent);
            })
        });
        assert_eq!(ended.is_ok(), is_good, "{signs} {iss}: {ended:?}");
        if let Err(fault) = ended {
            assert!(fault.to_string().contains("came back from another provider"), "{fault}");
            assert_eq!(desk.authority.asked("/token"), 0);
        }
    }
}

#[test]
fn a_provider_whose_device_flow_refuses_mail_gets_the_browser() {
    let Some(scene) = Scene::new(Setup { refuses_device: true, ..Setup::default() }, usual) else { return };
    let mut terminal = scene.begin(&[]);
    let line = terminal.until("log in with a browser");
    assert!(line.contains("does not let this client log in with a code (invalid_scope"), "{line}");
    let page = terminal.until("/authorize?");
    get(&scene.desk.authority.agree(&page));
    assert_eq!(terminal.ends().0, 0);
    scene.works();
}

#[test]
fn an_answer_for_a_code_that_cannot_be_read_is_not_called_a_refusal() {
    let Some(scene) = Scene::new(Setup::default(), usual) else { return };
    scene.desk.authority.fails(Fault::Says("/device", 200, "<html>sign in</html>"));
    let mut terminal = scene.begin(&[]);
    let line = terminal.until("log in with a browser");
    assert!(
        line.contains("answer for a code could not be read") && !line.contains("let this client"),
        "{line}"
    );
    let page = terminal.until("/authorize?");
    scene.desk.authority.fails(None);
    get(&scene.desk.authority.agree(&page));
    assert_eq!(terminal.ends().0, 0);
}

#[test]
fn a_code_is_shown_whatever_form_its_times_have() {
    let desk = Desk::new(Setup { pending: 0, ..Setup::default() });
    for times in [r#", "expires_in": "600", "interval": "1""#, r#", "interval": -1"#, ""] {
        let body = format!(
            "{{\"device_code\": \"x\", \"user_code\": \"ABCD\", \"verification_uri\": \"{}\"{times}}}",
            desk.authority.url("/activate")
        );
        desk.authority.fails(Fault::Says("/device", 200, Box::leak(body.into_boxed_str())));
        desk.grant();
    }
    assert_eq!(desk.authority.asked("/authorize"), 0);
}

#[test]
fn a_wait_for_the_user_goes_on_though_the_provider_says_so_with_a_status_that_means_success() {
    let Some(scene) = Scene::new(Setup { pending: 0, ..Setup::default() }, usual) else { return };
    scene.desk.authority.fails(Fault::Says("/token", 200, "{\"error\": \"authorization_pending\"}"));
    let terminal = scene.begin(&[]);
    let begun = Instant::now();
    while scene.desk.authority.asked("/token") < 2 && begun.elapsed() < Duration::from_secs(20) {
        pause(Duration::from_millis(10));
    }
    scene.desk.authority.fails(None);
    let (code, said) = terminal.ends();
    assert!(code == 0 && scene.desk.authority.asked("/token") > 2, "{said}");
}

#[test]
fn who_does_not_agree_is_told_so_and_nothing_is_kept() {
    let Some(scene) = Scene::new(Setup::default(), without_device) else { return };
    let mut terminal = scene.begin(&[]);
    let page = terminal.until("/authorize?");
    let address = scene.desk.authority.agree(&page);
    let state = address.split("state=").nth(1).unwrap();
    let answer =
        get(&format!("{}?error=access_denied&error_description=no%1b[2J&state={state}", bare(&address)));
    assert!(answer.contains("Access was not granted"), "{answer}");
    let (code, said) = terminal.ends();
    assert_eq!(code, 75, "{said}");
    assert!(
        said.contains("error: home: could not log in: access was not granted (access_denied no [2J)\n"),
        "{said}"
    );
    assert!(!scene.desk.folder.state().join("tokens/home.json").exists());
    let fault = scene.desk.folder.run(&["check"]);
    assert!(fault.exits(78).out().contains("run `followsift login home`"), "{}", fault.out());
}

#[test]
fn a_server_that_refuses_a_fresh_token_is_said_with_its_reason() {
    let Some(scene) = Scene::new(Setup { lives: Duration::ZERO, ..Setup::default() }, usual) else { return };
    let (code, said) = scene.begin(&[]).ends();
    assert_eq!(code, 75, "{said}");
    assert!(said.contains("access granted"), "{said}");
    assert!(
        said.contains("could not log in to 127.0.0.1") && said.contains("status invalid_token"),
        "{said}"
    );
}

#[test]
fn an_account_that_logs_in_by_a_password_needs_no_grant() {
    let desk = Desk::new(Setup::default());
    desk.folder.write("password", "x");
    let text =
        account(&desk.authority, 1, "x = 1").replace("oauth2 = { x = 1 }", "password-file = \"password\"");
    desk.folder.write("followsift.toml", text);
    let run = desk.folder.run(&["login", "home"]);
    assert!(run.exits(64).err().contains("does not log in by OAuth2"), "{}", run.err());
    let run = desk.folder.run(&["login", "work"]);
    assert!(run.exits(64).err().contains("no account `work` (configured: home)"), "{}", run.err());
}

#[test]
fn a_grant_that_cannot_be_renewed_is_kept_with_a_warning() {
    let Some(scene) = Scene::new(Setup { pending: 0, ..Setup::default() }, usual) else { return };
    scene.desk.authority.fails(Fault::Writes("application/json", "\"refresh_token\"", "\"x\""));
    let (code, said) = scene.begin(&[]).ends();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("warning: the provider gave no refresh token"), "{said}");
    assert!(said.contains("`followsift login home` again") && said.contains("`offline_access`"), "{said}");
    assert!(said.contains("tokens/home.json\n") && !said.contains("renews it"), "{said}");
    scene.works();
}

#[test]
fn a_disk_that_is_full_is_found_out_before_the_user_is_asked() {
    let desk = Desk::new(Setup::default());
    // No file can grow beyond 16 KiB.
    let full = ["sh", "-c", "trap '' XFSZ; ulimit -f 16; exec \"$@\"", "sh"];
    let output =
        desk.folder.command(&full, &["login", "home", "--settings", "followsift.toml"]).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(75), "{said}");
    assert!(said.contains("could not keep the grant in ") && !said.contains("Open this page"), "{said}");
    assert_eq!(desk.authority.asked("/device"), 0);
}

#[test]
fn a_page_that_is_not_https_is_never_shown() {
    let desk = Desk::new(Setup::default());
    for page in ["http://evil.example/activate", "ftp://evil.example/", "https://good.example@evil.example/"]
    {
        let body = format!(
            "{{\"device_code\": \"x\", \"user_code\": \"x\", \"verification_uri\": \"{page}\", \"expires_in\": 600}}"
        );
        desk.authority.fails(Fault::Says("/device", 200, Box::leak(body.into_boxed_str())));
        let run = desk.folder.run(&["login", "home"]);
        assert!(run.exits(75).err().contains("could not use the address of "), "{}", run.err());
        assert!(!run.out().contains("Open this page"), "{}", run.out());
    }
    desk.configure(&format!("client-id = \"{CLIENT}\", issuer = \"{}\"", desk.authority.url("")));
    let body = format!(
        "{{\"issuer\": \"{}\", \"token_endpoint\": \"{}\", \"authorization_endpoint\": \"http://evil.example/\"}}",
        desk.authority.url(""),
        desk.authority.url("/token")
    );
    desk.authority.fails(Fault::Says(
        "/.well-known/openid-configuration",
        200,
        Box::leak(body.into_boxed_str()),
    ));
    let run = desk.folder.run(&["login", "home"]);
    assert!(run.exits(75).err().contains("could not use the address of evil.example"), "{}", run.err());
    assert!(!run.out().contains("Open this page"), "{}", run.out());
}

#[test]
fn while_the_provider_is_down_the_user_hears_of_it_and_the_wait_goes_on() {
    let Some(scene) = Scene::new(Setup { pending: 0, ..Setup::default() }, usual) else { return };
    scene.desk.authority.fails(Fault::Says("/token", 503, "down"));
    let mut terminal = scene.begin(&[]);
    let line = terminal.until("gave no usable answer (status 503)");
    assert!(line.ends_with("; followsift tries again until the code expires, Ctrl-C ends it"), "{line}");
    scene.desk.authority.fails(None);
    let (code, said) = terminal.ends();
    assert!(code == 0 && said.matches("status 503").count() == 1, "{said}");
}

#[test]
fn a_stop_ends_the_wait_for_the_user_at_once() {
    let desk = Desk::new(Setup { pending: usize::MAX, ..Setup::default() });
    let begun = Instant::now();
    let ended = desk.with(|account, settings, stop| {
        let SecretSource::OAuth2(oauth2) = &account.secret else { panic!("{account:?}") };
        let waker = stop.clone();
        let authority = desk.authority.clone();
        let waking = std::thread::spawn(move || {
            while authority.asked("/token") == 0 {
                pause(Duration::from_millis(10));
            }
            waker.stop();
        });
        let means = Means { paste: false, input: None, stop: stop.as_fd() };
        let ended = login::authorize(account, oauth2, settings, means, &mut |_| {});
        waking.join().unwrap();
        ended
    });
    assert!(ended.unwrap_err().is_temporary(), "it was stopped, not refused");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}
