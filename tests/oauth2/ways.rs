//! Other ways to a token, and to the provider: a program that prints the token, a server that checks it by itself, and a proxy.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use openssl::ssl::{SslAcceptor, SslFiletype, SslMethod};

use super::*;
use crate::support::PASSWORD;
use crate::support::daemon::{Home, deliver, filed};

const SOON: Duration = Duration::from_secs(30);

/// An account whose tokens a program prints.
fn by_command(port: u16, program: &str) -> String {
    format!(
        "state = \"state\"\n\n[accounts.home]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"off\"\nuser = \"{USER}\"\nbacklog = \
         \"all\"\ntoken-command = {program}\n"
    )
}

#[test]
fn a_service_logs_in_with_the_tokens_that_a_program_prints() {
    let authority = Authority::start(Setup::default());
    let Some((mut server, _conf)) = dovecot(&authority) else { return };
    let allow = |token: &str| {
        let mut state = authority.state();
        state.access.clear();
        state.access.insert(token.to_owned(), Instant::now() + Duration::from_secs(3600));
    };
    let home = Home::new();
    home.write("token", "the-first-token\n");
    let file = home.path().join("token");
    home.write("followsift.toml", &by_command(server.port, &format!("[\"cat\", \"{}\"]", file.display())));
    allow("the-first-token");
    let daemon = home.run();
    deliver(&server, [1]);
    filed(&server, &daemon, 1, SOON);
    // Another token: the program is run again for the next connection.
    home.write("token", "the-second-token\n");
    allow("the-second-token");
    server.kill();
    server.restart();
    deliver(&server, [2]);
    filed(&server, &daemon, 2, SOON);
    // One that the server refuses pauses the account; a new one in the file ends that.
    allow("the-third-token");
    server.kill();
    server.restart();
    daemon.says("could not log in to 127.0.0.1");
    assert!(daemon.log().contains("check `user`, and what cat prints"), "{}", daemon.log());
    home.write("token", "the-third-token\n");
    deliver(&server, [3]);
    filed(&server, &daemon, 3, SOON);
    for token in ["the-first-token", "the-second-token", "the-third-token"] {
        assert!(!daemon.log().contains(token), "{}", daemon.log());
    }
}

#[test]
fn a_program_that_is_found_through_path_is_watched() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let home = Home::new();
    let settings = by_command(server.port, "[\"secret-of-ann\"]");
    home.write("followsift.toml", &settings.replace("token-command", "password-command"));
    let programs = home.path().join("programs");
    std::fs::create_dir(&programs).unwrap();
    let mut command = home.command(&["run"]);
    command.env("PATH", format!("{}:/usr/bin:/bin", programs.display()));
    let daemon = home.run_as(command);
    daemon.says("could not run secret-of-ann to get the password");
    let install = |password: &str| {
        home.write("new", &format!("#!/bin/sh\necho {password}\n"));
        let new = home.path().join("new");
        std::fs::set_permissions(&new, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        std::fs::rename(new, programs.join("secret-of-ann")).unwrap();
    };
    install("wrong");
    daemon.says("could not log in to 127.0.0.1");
    install(&format!("'{PASSWORD}'"));
    deliver(&server, [1]);
    filed(&server, &daemon, 1, SOON);
}

/// A token that a server can check by itself (RFC 7519, with HS256 of RFC 7518).
fn signed(key: &[u8], claims: &str) -> String {
    let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let content = format!("{}.{}", encoded("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"), encoded(claims));
    let key = PKey::hmac(key).unwrap();
    let mut signer = Signer::new(MessageDigest::sha256(), &key).unwrap();
    let mac = signer.sign_oneshot_to_vec(content.as_bytes()).unwrap();
    format!("{content}.{}", URL_SAFE_NO_PAD.encode(mac))
}

#[test]
fn a_server_that_checks_signed_tokens_by_itself_takes_them_and_says_why_not() {
    let key = b"a key of the tests, long enough";
    let conf = tempfile::tempdir().unwrap();
    let keys = conf.path().join("keys/default/HS256");
    std::fs::create_dir_all(&keys).unwrap();
    std::fs::write(keys.join("default"), STANDARD.encode(key)).unwrap();
    let file = conf.path().join("oauth2.conf");
    std::fs::write(
        &file,
        format!(
            "introspection_mode = local\nlocal_validation_key_dict = fs:posix:prefix={}/keys/\nusername_attribute = sub\n",
            conf.path().display()
        ),
    )
    .unwrap();
    // Its processes read the keys as another user.
    let opened = Command::new("chmod").args(["-R", "a+rX"]).arg(conf.path()).status().unwrap();
    assert!(opened.success());
    let passdb = format!(
        "auth_mechanisms = plain login xoauth2 oauthbearer\npassdb {{\n  driver = oauth2\n  mechanisms = xoauth2 \
         oauthbearer\n  args = {}\n}}\n",
        file.display()
    );
    let Some(server) = Dovecot::start(&Options { conf: passdb, ..Options::default() }) else { return };
    let folder = UserFolder::new();
    let token = folder.path().join("token");
    folder.write("followsift.toml", by_command(server.port, &format!("[\"cat\", \"{}\"]", token.display())));
    let now = followsift::clock::now().0;
    let good = signed(key, &format!("{{\"sub\":\"{USER}\",\"iat\":{},\"exp\":{}}}", now - 5, now + 600));
    folder.write("token", &good);
    let run = folder.run(&["check", "--connect"]);
    assert!(run.exits(0).out().contains("  logged in\n"), "{}\n{}", run.out(), server.log());
    for (key, claims) in [
        (&key[..], format!("{{\"sub\":\"{USER}\",\"iat\":{},\"exp\":{}}}", now - 900, now - 300)),
        (b"another key", format!("{{\"sub\":\"{USER}\",\"iat\":{},\"exp\":{}}}", now - 5, now + 600)),
        (&key[..], format!("{{\"sub\":\"somebody\",\"iat\":{},\"exp\":{}}}", now - 5, now + 600)),
    ] {
        let bad = signed(key, &claims);
        folder.write("token", &bad);
        let run = folder.run(&["check", "--connect"]);
        let said = run.exits(75).out() + &run.err();
        assert!(said.contains("check `user`, and what cat prints"), "{claims}: {said}");
        assert!(!said.contains(&bad) && !said.contains(bad.split('.').next_back().unwrap()), "{said}");
    }
}

#[test]
fn a_token_is_sent_after_starttls() {
    let desk = Desk::new(long_lived());
    let Some((server, _conf)) = dovecot(&desk.authority) else { return };
    let tls = format!("host = \"localhost\"\ntls = \"starttls\"\nca-file = \"{}\"", server.ca().display());
    let settings = account(&desk.authority, server.port, "");
    desk.folder.write(
        "followsift.toml",
        settings.replace("host = \"127.0.0.1\"", &tls).replace("tls = \"off\"\n", ""),
    );
    desk.grant();
    let run = desk.folder.run(&["check", "--connect"]);
    assert!(run.exits(0).out().contains("  logged in\n"), "{}\n{}", run.out(), server.log());
    // One that the server refuses is renewed on a second connection, under TLS too.
    desk.authority.expire();
    let before = desk.authority.asked("/token");
    desk.folder.run(&["check", "--connect"]).exits(0);
    assert_eq!(desk.authority.asked("/token"), before + 1);
}

/// TLS in front of an authorization server: one request on each connection.
fn secured(port: u16, folder: &std::path::Path) -> u16 {
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
    acceptor.set_private_key_file(folder.join("login.key"), SslFiletype::PEM).unwrap();
    acceptor.set_certificate_chain_file(folder.join("login.pem")).unwrap();
    let acceptor = acceptor.build();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let own = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let Ok(mut tls) = acceptor.accept(stream) else { continue };
            let mut request = Vec::new();
            let mut piece = [0; 4096];
            // The body comes with its head, or after it.
            let is_whole = |request: &[u8]| {
                let text = String::from_utf8_lossy(request).to_ascii_lowercase();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                body.len() >= length.map_or(0, |length| length.trim().parse().unwrap())
            };
            while !is_whole(&request) {
                match tls.read(&mut piece) {
                    Ok(count @ 1..) => request.extend(piece.iter().take(count)),
                    _ => break,
                }
            }
            let mut behind = TcpStream::connect(("127.0.0.1", port)).unwrap();
            behind.write_all(&request).unwrap();
            let _ = std::io::copy(&mut behind, &mut tls);
            let _ = tls.shutdown();
        }
    });
    own
}

/// The next bytes of a connection.
fn taken<const N: usize>(stream: &mut TcpStream) -> [u8; N] {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

/// A SOCKS5 proxy (RFC 1928) that leads to this port, wherever it is asked to go; and where that was.
fn socks(port: u16) -> (u16, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let own = listener.local_addr().unwrap().port();
    let (asked, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let [_, methods] = taken(&mut stream);
            std::io::copy(&mut (&stream).take(methods.into()), &mut std::io::sink()).unwrap();
            stream.write_all(&[5, 0]).unwrap();
            assert_eq!(taken(&mut stream), [5, 1, 0, 3], "to connect to a name");
            let [length] = taken(&mut stream);
            let mut name = String::new();
            (&stream).take(length.into()).read_to_string(&mut name).unwrap();
            let _ = asked.send(format!("{name}:{}", u16::from_be_bytes(taken(&mut stream))));
            stream.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]).unwrap();
            let mut there = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let (mut back, mut other) = (there.try_clone().unwrap(), stream.try_clone().unwrap());
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut back, &mut other);
                let _ = other.shutdown(std::net::Shutdown::Write);
            });
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut stream, &mut there);
            });
        }
    });
    (own, heard)
}

#[test]
fn access_is_granted_and_renewed_by_way_of_a_socks_proxy() {
    let authority = Authority::start(Setup { pending: 0, ..Setup::default() });
    let Some((server, _conf)) = dovecot(&authority) else { return };
    let folder = UserFolder::new();
    let openssl = |arguments: &str| {
        let made =
            Command::new("openssl").args(arguments.split(' ')).current_dir(folder.path()).output().unwrap();
        assert!(made.status.success(), "{arguments}: {}", String::from_utf8_lossy(&made.stderr));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(&format!(
        "req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=followsift-test-authority"
    ));
    folder.write("extensions", "subjectAltName=DNS:login.example");
    openssl(&format!("req {key} -keyout login.key -out login.csr -subj /CN=login.example"));
    openssl(
        "x509 -req -in login.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out login.pem",
    );
    let (proxy, asked) = socks(secured(authority.port, folder.path()));
    // The page for the user is not asked by followsift.
    authority.fails(Fault::Says(
        "/device",
        200,
        "{\"device_code\": \"x\", \"user_code\": \"ABCD\", \"verification_uri\": \"https://login.example/activate\", \"expires_in\": 600, \
         \"interval\": 1}",
    ));
    let oauth2 = format!(
        "client-id = \"{CLIENT}\", token-endpoint = \"https://login.example/token\", device-endpoint = \"https://login.example/device\""
    );
    let settings = account(&authority, server.port, &oauth2);
    folder.write("followsift.toml", settings.replace("tls = \"off\"", "tls = \"off\"\nca-file = \"ca.pem\""));
    let run = |arguments: &[&str]| {
        let mut command = folder.command(&[], arguments);
        command
            .args(["--settings", "followsift.toml"])
            .env("all_proxy", format!("socks5h://127.0.0.1:{proxy}"));
        let output = command.output().unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    };
    run(&["login", "home"]);
    authority.expire();
    run(&["check", "--connect"]);
    let asked: Vec<String> = asked.try_iter().collect();
    // The code, the grant, and the renewal.
    assert_eq!(asked, vec!["login.example:443"; 3]);
}
