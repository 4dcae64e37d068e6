//! A world of the test's own: a network namespace in which public addresses lead to this process, names that only /etc/hosts
//! knows, and a server with certificates of our own authority. The program under test is the one that ships: no switch relaxes its
//! check of addresses.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a test says why it is skipped, is told by a variable that it is inside, and fails by panicking"
)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use native_tls::{Identity, TlsAcceptor};

use crate::support::pause;

/// Set for the process in the namespace.
const INSIDE: &str = "FOLLOWSIFT_TEST_NAMESPACE";

/// The names that are known there. Each address is one of this machine.
const HOSTS: &str = "\
11.11.11.11 toots.example
11.11.11.11 troet.example
11.11.11.12 elsewhere.example
11.11.11.13 api.x.com
11.11.11.14 pixel.example
10.1.2.3 private.example
100.64.1.2 carrier.example
169.254.169.254 metadata.example
127.0.0.1 loopback.example
192.0.2.7 documentation.example
::1 loopback6.example
fd00::7 local6.example
fe80::7 link6.example
64:ff9b::b0b:b0b nat64.example
64:ff9b:1::b0b:b0b local-nat64.example
2002:b0b:b0b::1 sixtofour.example
::ffff:11.11.11.11 mapped.example
10.1.2.3 both.example
11.11.11.11 both.example
";

/// A name that `changing_name` may serve.
pub(super) const CHANGING: &str = "changing.example";

/// Runs `test` in a namespace of its own: this process starts itself there for the test of that name.
pub(super) fn inside(name: &str, test: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        set_up();
        return test();
    }
    // Root needs no namespace of users, in which there would be no user for Dovecot.
    let ways: [&[&str]; 2] = [&["--net", "--mount"], &["--map-root-user", "--net", "--mount"]];
    let works = |way: &&&[&str]| {
        let output = Command::new("unshare").args(**way).arg("true").output();
        output.is_ok_and(|output| output.status.success())
    };
    let Some(unshare) = ways.iter().find(works).copied() else {
        assert!(
            std::env::var_os("FOLLOWSIFT_REQUIRE_DOVECOT").is_none(),
            "there are no namespaces for {name}"
        );
        eprintln!("skipped: there are no namespaces for {name}");
        return;
    };
    let output = Command::new("unshare")
        .args(unshare)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{name}\n{out}\n{err}");
}

fn set_up() {
    let folder = tempfile::tempdir().unwrap().keep();
    let (hosts, order) = (folder.join("hosts"), folder.join("nsswitch.conf"));
    std::fs::write(&hosts, HOSTS).unwrap();
    let resolver = folder.join("resolv.conf");
    std::fs::write(&order, "hosts: files dns\n").unwrap();
    std::fs::write(&resolver, "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n").unwrap();
    run("ip link set lo up");
    let mut addresses: Vec<_> = HOSTS.lines().map(|line| line.split(' ').next().unwrap()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    for address in addresses {
        if !["127.0.0.1", "::1"].contains(&address) && !address.starts_with("::ffff") {
            let (length, how) = if address.contains(':') { (128, " nodad") } else { (32, "") };
            run(&format!("ip addr add {address}/{length} dev lo{how}"));
        }
    }
    run(&format!("mount --bind {} /etc/hosts", hosts.display()));
    run(&format!("mount --bind {} /etc/nsswitch.conf", order.display()));
    run(&format!("mount --bind {} /etc/resolv.conf", resolver.display()));
}

fn run(command: &str) {
    let words: Vec<_> = command.split(' ').collect();
    let output = Command::new(words[0]).args(&words[1..]).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A name server that knows one name, which has another address each time: these in turn. It counts the questions.
pub(super) fn changing_name(name: &str, addresses: [Ipv4Addr; 2]) -> Arc<Mutex<usize>> {
    let (socket, asked) = (UdpSocket::bind("127.0.0.1:53").unwrap(), Arc::new(Mutex::new(0)));
    let (count, labels) = (Arc::clone(&asked), name.split('.').map(str::to_owned).collect::<Vec<_>>());
    std::thread::spawn(move || {
        let question: Vec<u8> = labels
            .iter()
            .flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat())
            .chain([0])
            .collect();
        let mut packet = [0; 512];
        while let Ok((length, client)) = socket.recv_from(&mut packet) {
            // The header, the name, the type and the class (RFC 1035, section 4.1).
            let asks = packet[12..length].starts_with(&question);
            let end = 12 + if asks { question.len() } else { 1 } + 4;
            let is_address = asks && packet[end - 4..end - 2] == [0, 1];
            let mut answer = packet[..end.min(length)].to_vec();
            answer[2..12].copy_from_slice(&[
                0x81,
                if asks { 0x80 } else { 0x83 },
                0,
                1,
                0,
                is_address.into(),
                0,
                0,
                0,
                0,
            ]);
            if is_address {
                let mut count = count.lock().unwrap();
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
                answer.extend(addresses[*count % 2].octets());
                *count += 1;
            }
            let _ = socket.send_to(&answer, client);
        }
    });
    asked
}

/// What the server does for a path.
#[derive(Clone, Debug)]
pub(super) enum Does {
    /// Answers: status, further header lines, body.
    Says(u16, &'static str, String),
    /// The same after so many seconds.
    Late(u64, String),
    /// Sends a body without an end.
    Endless,
    /// Sends a byte now and then.
    Drips,
}

#[derive(Default)]
struct State {
    requests: Vec<String>,
    does: BTreeMap<String, Does>,
    connections: usize,
}

/// An https server on all addresses. It counts connections, also those without a request.
#[derive(Clone, Default)]
pub(super) struct Site(Arc<Mutex<State>>);

impl Site {
    /// Starts it; its authority is `ca.pem` in `folder`.
    pub(super) fn start(folder: &Path) -> Self {
        let site = Self::default();
        let acceptor = Arc::new(acceptor(folder));
        for address in ["0.0.0.0:443", "[::]:443"] {
            // Either also takes what is for the other, depending on the system.
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let (site, acceptor) = (site.clone(), Arc::clone(&acceptor));
            std::thread::spawn(move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    site.0.lock().unwrap().connections += 1;
                    let (site, acceptor) = (site.clone(), Arc::clone(&acceptor));
                    std::thread::spawn(move || site.serve(&acceptor, stream));
                }
            });
        }
        site
    }

    /// From now on, for the account of that name.
    pub(super) fn does(&self, acct: &str, does: Does) {
        self.answers(&format!("/api/v1/accounts/lookup?acct={acct}"), does);
    }

    /// From now on, for a path.
    pub(super) fn answers(&self, path: &str, does: Does) {
        self.0.lock().unwrap().does.insert(path.to_owned(), does);
    }

    /// It has this account.
    pub(super) fn has(&self, acct: &str, counts: [u64; 3]) {
        self.does(acct, Does::Says(200, "", profile(acct, counts)));
    }

    /// The requests that came: the first line, the header and the body of each.
    pub(super) fn requests(&self) -> Vec<String> {
        self.0.lock().unwrap().requests.clone()
    }

    /// How many connections came.
    pub(super) fn connections(&self) -> usize {
        self.0.lock().unwrap().connections
    }

    fn serve(&self, acceptor: &TlsAcceptor, stream: TcpStream) {
        let Ok(stream) = acceptor.accept(stream) else { return };
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while reader.read_line(&mut head).is_ok_and(|length| length > 2) {}
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let length = |line: &str| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok();
        let mut body = vec![0; head.lines().find_map(length).unwrap_or(0)];
        let _ = reader.read_exact(&mut body);
        head.push_str(&String::from_utf8_lossy(&body));
        self.0.lock().unwrap().requests.push(head);
        let does = self.0.lock().unwrap().does.get(&path).cloned();
        let mut stream = reader.into_inner();
        let _ = match does {
            None => answer(&mut stream, 404, "", "{\"error\": \"Record not found\"}"),
            Some(Does::Says(status, header, body)) => answer(&mut stream, status, header, &body),
            Some(Does::Late(seconds, body)) => {
                pause(Duration::from_secs(seconds));
                answer(&mut stream, 200, "", &body)
            }
            Some(Does::Endless) => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n{\"acct\": \"");
                while stream.write_all(&[b'x'; 4096]).is_ok() {}
                Ok(())
            }
            Some(Does::Drips) => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
                while stream.write_all(b" ").is_ok() {
                    pause(Duration::from_millis(500));
                }
                Ok(())
            }
        };
        let _ = stream.shutdown();
        let _ = stream.read(&mut [0; 16]);
    }
}

/// An account as a Mastodon server describes it.
pub(super) fn profile(acct: &str, [followers, following, posts]: [u64; 3]) -> String {
    format!(
        "{{\"id\": \"1\", \"acct\": \"{acct}\", \"display_name\": \"Somebody\", \"bot\": false, \"note\": \"\", \
         \"created_at\": \"2020-01-01T00:00:00.000Z\", \"followers_count\": {followers}, \
         \"following_count\": {following}, \"statuses_count\": {posts}, \"fields\": []}}"
    )
}

fn answer(stream: &mut impl Write, status: u16, header: &str, body: &str) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{header}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// An authority, and a certificate for all names.
fn acceptor(folder: &Path) -> TlsAcceptor {
    let openssl = |arguments: &str| {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    let names: Vec<_> =
        HOSTS.lines().map(|line| format!("DNS:{}", line.split(' ').nth(1).unwrap())).collect();
    let names = format!("subjectAltName=DNS:{CHANGING},{}\n", names.join(","));
    std::fs::write(folder.join("san"), names).unwrap();
    openssl(&format!(
        "req -x509 {key} -keyout ca.key -out ca.pem -days 30 -subj /CN=followsift-test-authority"
    ));
    openssl(&format!("req {key} -keyout site.key -out site.csr -subj /CN=toots.example"));
    openssl(
        "x509 -req -in site.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile san -out site.pem",
    );
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    TlsAcceptor::new(Identity::from_pkcs8(&read("site.pem"), &read("site.key")).unwrap()).unwrap()
}
