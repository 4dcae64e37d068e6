//! What Prometheus reads of the service: that it is true, and that reading it disturbs nothing.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};

use super::*;
use crate::support::letters::{Person, twitter_2009};
use crate::support::prometheus::{Scrape, ask, scrape};

/// A port at which nothing listens.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn metrics(address: &str) -> String {
    format!("state = \"state\"\n[metrics]\nlisten = \"{address}\"\n")
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(seconds(30))).unwrap();
    stream
}

fn text_of(home: &Home, name: &str) -> String {
    fs::read_to_string(home.path().join(name)).unwrap()
}

#[test]
fn the_counts_are_what_was_filed_and_a_paused_account_is_visible() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    // The same server at another port is another mailbox.
    let proxy = Proxy::before(server.port);
    let (home, port) = (Home::new(), free_port());
    home.write("wrong", "wrong");
    let settings = metrics(&format!("127.0.0.1:{port}"))
        + &account("home", server.port, "")
        + &account("work", proxy.port, "password-file = \"wrong\"")
        + &account("gone", free_port(), "");
    home.write("followsift.toml", &settings);
    let daemon = home.run();
    daemon.says("watching home");
    daemon.says("work is paused");
    let before = scrape(connect(port));
    assert_eq!(before.value("followsift_moves_total{account=\"home\"}"), Some(0.0));
    assert_eq!(before.value("followsift_failures_total{account=\"home\",cause=\"network\"}"), Some(0.0));
    let mut client = server.client();
    let undecided = twitter_2009(&Person::new("Jo Bloom", "jo_bloom", [120, 180, 40])).bytes(9);
    client.deliver("INBOX", &String::from_utf8(undecided).unwrap());
    deliver(&server, 1..=3);
    let read = || scrape(connect(port));
    let judged = |verdict: &str| {
        read().value(&format!("followsift_notifications_total{{network=\"twitter\",verdict=\"{verdict}\"}}"))
    };
    daemon.until("counted", SOON, |_| (judged("spam"), judged("undecided")) == (Some(3.0), Some(1.0)));
    assert_eq!(whereabouts(&mut client).1, [1, 2, 3]);
    let scrape = read();
    let value = |series: &str| scrape.value(series).unwrap_or_else(|| panic!("no {series}: {scrape:?}"));
    for (series, expected) in [
        ("followsift_moves_total{account=\"home\"}", 3.0),
        ("followsift_moves_total{account=\"work\"}", 0.0),
        ("followsift_failed_moves_total{account=\"home\"}", 0.0),
        ("followsift_sweeps_total{account=\"work\"}", 0.0),
        ("followsift_held_back_messages{account=\"home\"}", 0.0),
        ("followsift_move_lag_seconds_count", 3.0),
        ("followsift_move_lag_seconds_bucket{le=\"60\"}", 3.0),
        ("followsift_account_state{account=\"home\",state=\"watching\"}", 1.0),
        ("followsift_account_state{account=\"home\",state=\"paused\"}", 0.0),
        ("followsift_account_state{account=\"work\",state=\"paused\"}", 1.0),
        ("followsift_account_state{account=\"work\",state=\"watching\"}", 0.0),
        ("followsift_failures_total{account=\"work\",cause=\"login\"}", 1.0),
        ("followsift_failures_total{account=\"work\",cause=\"network\"}", 0.0),
        ("followsift_failures_total{account=\"home\",cause=\"login\"}", 0.0),
        ("followsift_account_state{account=\"gone\",state=\"watching\"}", 0.0),
        ("followsift_lookups_total{outcome=\"answered\"}", 0.0),
        ("followsift_unassessed_messages_total", 0.0),
        ("followsift_config_last_reload_successful", 1.0),
        (concat!("followsift_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), 1.0),
    ] {
        assert_eq!(value(series), expected, "{series}");
    }
    assert!(value("followsift_sweeps_total{account=\"home\"}") >= 2.0);
    assert!(value("followsift_failures_total{account=\"gone\",cause=\"network\"}") >= 1.0);
    let now = followsift::clock::now().0 as f64;
    let swept = value("followsift_last_sweep_timestamp_seconds{account=\"home\"}");
    assert!(swept <= now && swept > now - 60.0 && value("followsift_start_time_seconds") <= swept);
    assert_eq!(scrape.series("followsift_last_sweep_timestamp_seconds").len(), 1);
    assert_eq!(scrape.series("followsift_account_state{").len(), 3 * 8);
}

#[test]
fn a_reload_moves_the_metrics_and_shows_whether_it_failed() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let (home, port) = (Home::new(), free_port());
    let socket = home.path().join("metrics.sock");
    let both = account("home", server.port, "");
    home.write("followsift.toml", &format!("state = \"state\"\n{both}"));
    let daemon = home.run();
    daemon.says("watching home");
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "off by default");
    // One that a service left behind when it was killed.
    drop(UnixListener::bind(&socket).unwrap());
    home.write("followsift.toml", &(metrics("./metrics.sock") + &both));
    daemon.logs("metrics are at the socket");
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o660);
    let through = || scrape(UnixStream::connect(&socket).unwrap());
    assert_eq!(through().value("followsift_config_last_reload_successful"), Some(1.0));
    home.write("rules.toml", "[[rule]]\nname = 1\n");
    daemon.logs("reload failed");
    assert_eq!(through().value("followsift_config_last_reload_successful"), Some(0.0));
    home.write("rules.toml", RULES);
    let all_is_well = |scrape: &Scrape| scrape.value("followsift_config_last_reload_successful") == Some(1.0);
    daemon.until("well again", SOON, |_| all_is_well(&through()));
    home.write("followsift.toml", &(metrics(&format!("127.0.0.1:{port}")) + &both));
    daemon.logs(&format!("metrics are at http://127.0.0.1:{port}/metrics"));
    assert!(all_is_well(&scrape(connect(port))) && !socket.exists());
    // A file of the user's is never replaced, and the service works without metrics.
    home.write("metrics.sock", "of the user");
    home.write("followsift.toml", &(metrics("./metrics.sock") + &both));
    daemon.logs("metrics cannot be read: could not listen at");
    assert_eq!(text_of(&home, "metrics.sock"), "of the user");
    daemon.until("closed", SOON, |_| TcpStream::connect(("127.0.0.1", port)).is_err());
    deliver(&server, [1]);
    filed(&server, &daemon, 1, SOON);
    // What could not be opened is tried again at the next reload, and the socket goes with the service.
    fs::remove_file(&socket).unwrap();
    daemon.signal(Signal::HUP);
    // The file is there a moment before anybody listens.
    daemon.until("open", SOON, |_| UnixStream::connect(&socket).is_ok());
    assert_eq!(through().series("followsift_moves_total"), ["followsift_moves_total{account=\"home\"}"]);
    home.write("followsift.toml", &(metrics("./metrics.sock") + &account("work", server.port, "")));
    daemon.says("watching work");
    assert_eq!(through().series("followsift_moves_total"), ["followsift_moves_total{account=\"work\"}"]);
    daemon.stop();
    assert!(!socket.exists());
}

#[test]
fn clients_that_are_slow_or_talk_nonsense_disturb_nothing() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let (home, port) = (Home::new(), free_port());
    home.write(
        "followsift.toml",
        &(metrics(&format!("127.0.0.1:{port}")) + &account("home", server.port, "")),
    );
    let daemon = home.run();
    daemon.says("watching home");
    for (request, expected) in [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 Not Found"),
        ("GET /metrics/more HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 Not Found"),
        ("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 405 Method Not Allowed"),
        ("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK"),
        ("\0\r\n\r\n", "HTTP/1.1 400 Bad Request"),
    ] {
        assert_eq!(ask(connect(port), request).0, expected, "{request:?}");
    }
    let long = format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(15 << 10));
    assert_eq!(ask(connect(port), &long).0, "HTTP/1.1 200 OK", "within the bound");
    // It says no more than it has to, whoever goes on talking.
    let mut flood = connect(port);
    let endless = std::io::Write::write_all(&mut flood, format!("GET /{} ", "x".repeat(1 << 20)).as_bytes());
    let mut said = String::new();
    let heard = std::io::Read::read_to_string(&mut flood, &mut said);
    assert!(endless.is_err() || heard.is_err() || said.starts_with("HTTP/1.1 4"), "{said:?}");

    // More clients than there is room for, which send nothing or half a request.
    let mut slow: Vec<TcpStream> = (0..12).map(|_| connect(port)).collect();
    for client in slow.iter_mut().take(6) {
        std::io::Write::write_all(client, b"GET /metrics HT").unwrap();
    }
    deliver(&server, 1..=2);
    let took = filed(&server, &daemon, 2, SOON);
    assert!(took < seconds(5), "{took:?}");
    // They are sent away after five seconds each, four at a time.
    let begun = Instant::now();
    scrape(connect(port));
    assert!(begun.elapsed() < seconds(25), "{:?}", begun.elapsed());
    drop(slow);
}
