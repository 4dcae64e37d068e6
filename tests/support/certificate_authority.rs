//! An authority with good and bad certificates, by the openssl program, and `openssl s_server`, which presents them.

use std::fs;
use std::io::{BufReader, Read as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use followsift::clock::{self, Timestamp};
use followsift::settings::Fingerprint;

/// A folder with the certificates of an authority, and when they were made.
pub struct Authority(pub tempfile::TempDir, pub Timestamp);

/// Each certificate: its name, its subject, its extensions, who signs it, and for how many days it is good.
pub const CERTIFICATES: [(&str, &str, &str, &str, &str); 11] = [
    ("good", "localhost", "subjectAltName=DNS:localhost", "ca", "2"),
    // OpenSSL takes the common name for the host where no other is there (RFC 6125, section 6.4.4), and native-tls leaves no choice.
    ("cn-alone", "other.example", "basicConstraints=CA:FALSE", "ca", "2"),
    ("other-name", "localhost", "subjectAltName=DNS:other.example", "ca", "2"),
    ("wildcard", "localhost", "subjectAltName=DNS:*,DNS:*.localhost,DNS:local*", "ca", "2"),
    ("expired", "localhost", "subjectAltName=DNS:localhost", "ca", "-1"),
    ("for-clients", "localhost", "subjectAltName=DNS:localhost\nextendedKeyUsage=clientAuth", "ca", "2"),
    ("self-signed", "localhost", "subjectAltName=DNS:localhost", "self-signed", "2"),
    ("leaf", "leaf.example", "subjectAltName=DNS:leaf.example\nbasicConstraints=CA:FALSE", "ca", "2"),
    ("signed-by-leaf", "localhost", "subjectAltName=DNS:localhost", "leaf", "2"),
    ("between", "between.example", "basicConstraints=critical,CA:TRUE", "ca", "2"),
    // Its server does not present the certificate between its own and the authority's.
    ("no-chain", "localhost", "subjectAltName=DNS:localhost", "between", "2"),
];

impl Authority {
    pub fn new() -> Self {
        let it = Self(tempfile::tempdir().unwrap(), clock::now());
        it.openssl(&format!(
            "req -x509 {KEY} -keyout ca.key -out ca.pem -days 2 -subj /CN=followsift-test-authority"
        ));
        for (name, subject, extensions, signer, days) in CERTIFICATES {
            fs::write(it.file("extensions"), extensions).unwrap();
            it.openssl(&format!("req {KEY} -keyout {name}.key -out {name}.csr -subj /CN={subject}"));
            let by = match signer == name {
                true => format!("-signkey {name}.key"),
                false => format!("-CA {signer}.pem -CAkey {signer}.key -CAcreateserial"),
            };
            it.openssl(&format!(
                "x509 -req -in {name}.csr {by} -days {days} -extfile extensions -out {name}.pem"
            ));
        }
        it
    }

    pub fn file(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    pub fn openssl(&self, arguments: &str) {
        let output = openssl(self.0.path(), arguments).output().unwrap();
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Makes a certificate that is not valid before tomorrow. Of OpenSSL's commands only `ca` takes a date.
    pub fn certify_for_tomorrow(&self, name: &str, extensions: &str) {
        let config = "[ca]\ndefault_ca=c\n[c]\ndatabase=index\nnew_certs_dir=.\nrand_serial=yes\n\
                      default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n[x]\n";
        fs::write(self.file("config"), format!("{config}{extensions}\n")).unwrap();
        fs::write(self.file("index"), "").unwrap();
        let tomorrow = Timestamp(clock::now().0 + 86_400);
        let day = tomorrow.date().replace('-', "");
        self.openssl(&format!("req {KEY} -keyout {name}.key -out {name}.csr -subj /CN={name}"));
        self.openssl(&format!(
            "ca -batch -notext -config config -extensions x -cert ca.pem -keyfile ca.key -startdate {day}235959Z \
             -days 9 -in {name}.csr -out {name}.pem"
        ));
    }

    /// The digest by which a certificate is pinned.
    pub fn fingerprint(&self, name: &str) -> Fingerprint {
        self.openssl(&format!("x509 -in {name}.pem -outform DER -out {name}.der"));
        Fingerprint::of(&fs::read(self.file(&format!("{name}.der"))).unwrap())
    }

    /// A server with a certificate.
    pub fn serve(&self, certificate: &str, more: &str) -> Server {
        let chain = match certificate {
            // It shows its signer too, as if that were an authority.
            "signed-by-leaf" => "-cert_chain leaf.pem",
            "signed-tomorrow" => "-cert_chain authority-of-tomorrow.pem",
            _ => "",
        };
        Server::start(
            self.0.path(),
            &format!("-cert {certificate}.pem -key {certificate}.key {chain} {more}"),
        )
    }
}

pub const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";

pub fn openssl(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new("openssl");
    command.args(arguments.split_whitespace()).current_dir(folder).stdin(Stdio::null());
    command
}

/// `openssl s_server`, which notes what it is sent, and sends the greeting of an IMAP server.
pub struct Server {
    pub child: Child,
    pub stdin: ChildStdin,
    pub port: u16,
    pub heard: Arc<Mutex<String>>,
    listener: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    pub fn start(folder: &Path, more: &str) -> Self {
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut child = openssl(folder, &format!("s_server -quiet -accept 127.0.0.1:{port} {more}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let heard: Arc<Mutex<String>> = Arc::default();
        let (mut stdout, noted) = (BufReader::new(child.stdout.take().unwrap()), Arc::clone(&heard));
        let listener = std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(count @ 1..) = stdout.read(&mut piece) {
                noted.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..count]));
            }
        });
        let stdin = child.stdin.take().unwrap();
        let server = Self { child, stdin, port, heard, listener: Some(listener) };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "openssl s_server {more} does not listen");
            super::pause(Duration::from_millis(20));
        }
        server
    }

    /// Ends it, and returns all that it was sent.
    pub fn stop(mut self) -> String {
        self.end();
        // It ends with the output of the program.
        if let Some(listener) = self.listener.take() {
            listener.join().unwrap();
        }
        self.heard.lock().unwrap().clone()
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Does it talk to a client that takes anything?
    pub fn talks(&self, folder: &Path, more: &str) -> bool {
        let client =
            openssl(folder, &format!("s_client -connect 127.0.0.1:{} {more}", self.port)).output().unwrap();
        let said = String::from_utf8_lossy(&client.stdout).into_owned();
        said.contains("Cipher is ") && !said.contains("Cipher is (NONE)")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}
