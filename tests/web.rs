//! The HTTP client: what it asks, what it takes for an answer, and when it gives up.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use followsift::mailbox::Stop;
use followsift::settings::Proxy;
use followsift::web::{Reach, Web, WebFault};
use oauth2::http::Request;

use crate::support::authority::{Authority, Fault, Setup};
use crate::support::{Dovecot, Options, pause};

fn ask(address: &str) -> Request<Vec<u8>> {
    Request::builder().uri(address).body(Vec::new()).unwrap()
}

fn send(reach: Reach<'_>, address: &str) -> Result<(u16, String), WebFault> {
    let stop = Stop::new().unwrap();
    let web = Web::new(reach, stop.as_fd())?.patient_for(Duration::from_secs(2));
    let answer = web.send(ask(address))?;
    Ok((answer.status().as_u16(), String::from_utf8_lossy(answer.body()).into_owned()))
}

fn direct(address: &str) -> Result<(u16, String), WebFault> {
    send(Reach::default(), address)
}

#[test]
fn an_answer_is_read_whatever_its_status() {
    let server = Authority::start(Setup::default());
    let (status, body) = direct(&server.url("/.well-known/openid-configuration")).unwrap();
    assert!(status == 200 && body.contains("token_endpoint"), "{status} {body}");
    assert_eq!(direct(&server.url("/nothing")).unwrap().0, 404);
    server.fails(Fault::Says("/x", 503, "down"));
    assert_eq!(direct(&server.url("/x")).unwrap(), (503, "down".to_owned()));
}

#[test]
fn clear_text_goes_to_this_machine_alone() {
    for (address, why) in [
        ("http://mail.example/token", "https://"),
        ("http://localhost:1/token", "https://"),
        ("http://127.0.0.1.example/token", "https://"),
        ("http://192.0.2.1/token", "https://"),
        ("https://ann:hunter2@mail.example/token", "a user name"),
        ("ftp://mail.example/token", "https://"),
    ] {
        let fault = direct(address).unwrap_err();
        assert!(matches!(fault, WebFault::NotAllowed { .. }), "{address}: {fault:?}");
        let said = fault.to_string();
        assert!(said.contains(why) && !said.contains("token") && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn an_answer_that_is_slow_huge_or_a_redirect_is_given_up() {
    let server = Authority::start(Setup::default());
    let begun = Instant::now();
    server.fails(Fault::Slow(Duration::from_secs(20)));
    let fault = direct(&server.url("/token?secret=1")).unwrap_err();
    assert!(matches!(fault, WebFault::Late { .. }) && begun.elapsed() < Duration::from_secs(5), "{fault:?}");
    server.fails(Fault::Endless);
    assert!(matches!(direct(&server.url("/token")).unwrap_err(), WebFault::TooMuch { .. }));
    server.fails(Fault::Redirects);
    let fault = direct(&server.url("/token")).unwrap_err();
    assert!(matches!(fault, WebFault::Redirected { .. }), "{fault:?}");
    assert_eq!(server.asked("GET /"), 0, "a redirect was followed");
    // Nothing listens there.
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let fault = direct(&format!("http://127.0.0.1:{port}/token?secret=1")).unwrap_err();
    assert!(fault.is_temporary() && fault.is_of_network(), "{fault:?}");
    assert_eq!(fault.to_string(), "could not reach 127.0.0.1");
    assert!(!format!("{fault:?}").contains("secret"), "{fault:?}");
}

#[test]
fn a_server_that_drips_is_given_up_in_time() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(b"x").is_ok() {
            pause(Duration::from_millis(100));
        }
    });
    let begun = Instant::now();
    assert!(matches!(direct(&address).unwrap_err(), WebFault::Late { .. }));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn a_server_that_drips_before_it_can_be_trusted_is_given_up_in_time() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = format!("https://{}/", listener.local_addr().unwrap());
    let dripping = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let begun = Instant::now();
        // The head of a record of TLS with a handshake in it, and then its content, byte by byte.
        let _ = stream.write_all(&[22, 3, 3, 0x3f, 0xff, 2, 0, 0x3f, 0xfb]);
        while stream.write_all(b"x").is_ok() && begun.elapsed() < Duration::from_secs(20) {
            pause(Duration::from_millis(100));
        }
        begun.elapsed()
    });
    let fault = direct(&address).unwrap_err();
    assert!(matches!(fault, WebFault::Late { .. }), "{fault:?}");
    // The connection ends too, and with it the thread that had it.
    let ended = dripping.join().unwrap();
    assert!(ended < Duration::from_secs(5), "{ended:?}");
}

#[test]
fn a_stop_ends_a_request_at_once() {
    let server = Authority::start(Setup::default());
    server.fails(Fault::Slow(Duration::from_secs(20)));
    let stop = Stop::new().unwrap();
    let (waker, begun) = (stop.clone(), Instant::now());
    let waking = std::thread::spawn(move || {
        pause(Duration::from_millis(200));
        waker.stop();
    });
    let web = Web::new(Reach::default(), stop.as_fd()).unwrap();
    let fault = web.send(ask(&server.url("/token"))).unwrap_err();
    assert!(matches!(fault, WebFault::Stopped { .. }), "{fault:?}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    waking.join().unwrap();
}

#[test]
fn a_certificate_is_trusted_by_the_accounts_file_and_its_name_is_checked() {
    // Any server with TLS will do: it answers in its own protocol, which is no HTTP.
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let ca = server.ca();
    let trusting = Reach { ca_file: Some(&ca), proxy: None };
    let cause = |fault: WebFault| std::error::Error::source(&fault).unwrap().to_string();
    let trusted = cause(send(trusting, &format!("https://localhost:{}/", server.tls_port)).unwrap_err());
    assert!(!trusted.contains("certificate") && !trusted.contains("TLS"), "{trusted}");
    let unknown = cause(direct(&format!("https://localhost:{}/", server.tls_port)).unwrap_err());
    // What the server presents is shown.
    let shown = "this machine does not trust the issuer of its certificate (for localhost, issued by ";
    assert!(unknown.starts_with(shown) && unknown.contains(", valid 20"), "{unknown}");
    let other_name = cause(send(trusting, &format!("https://127.0.0.1:{}/", server.tls_port)).unwrap_err());
    let shown = "its certificate is not for 127.0.0.1 (for localhost, issued by ";
    assert!(other_name.starts_with(shown), "{other_name}");
    let missing = Reach { ca_file: Some(std::path::Path::new("/no/such/file")), proxy: None };
    assert!(matches!(send(missing, "https://localhost/").unwrap_err(), WebFault::Authorities { .. }));
}

#[test]
fn a_proxy_is_asked_for_other_machines_and_shows_no_password() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut byte = [0];
        while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
            request.push(byte[0]);
        }
        let _ = stream.write_all(b"HTTP/1.1 403 No\r\n\r\n");
        String::from_utf8_lossy(&request).into_owned()
    });
    let proxy = Proxy::new(
        "https_proxy",
        &format!("http://ann:hunter2@127.0.0.1:{port}"),
        "exempt.invalid, other.invalid",
    );
    let by = Reach { ca_file: None, proxy: Some(&proxy) };
    let fault = send(by, "https://mail.invalid/token").unwrap_err();
    assert!(asked.join().unwrap().starts_with("CONNECT mail.invalid:443 "), "{fault:?}");
    assert!(!format!("{proxy:?} {fault:?} {fault}").contains("hunter2"), "{fault:?}");
    // The proxy has gone; neither asks it.
    let server = Authority::start(Setup::default());
    assert_eq!(send(by, &server.url("/nothing")).unwrap().0, 404);
    let odd = Proxy::new("all_proxy", "::", "");
    let fault = send(Reach { ca_file: None, proxy: Some(&odd) }, "https://mail.invalid/").unwrap_err();
    assert!(
        matches!(fault, WebFault::Proxy { .. }) && fault.to_string().contains(" all_proxy "),
        "{fault:?}"
    );
}
