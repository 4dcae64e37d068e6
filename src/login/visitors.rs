//! The browsers that come to the address of this machine to which the provider sends them, several at once: a browser opens connections
//! that it may never use, and others on this machine can connect too. Reads the first line of a request, and answers with a page for the
//! user. Used by `redirect`, which waits and judges.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::{Duration, Instant};

use secrecy::zeroize::Zeroizing;

/// How long one may take to send its request, once it is connected.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many can be connected at once; the one that came first has to go when there are more.
const MOST: usize = 32;
/// The longest head of a request that is waited for. A browser sends the cookies of every server on this machine.
const LONGEST: usize = 64 << 10;

/// Those that are connected.
pub(super) struct Visitors {
    listener: TcpListener,
    connected: Vec<Visitor>,
}

struct Visitor {
    stream: TcpStream,
    head: Zeroizing<Vec<u8>>,
    until: Instant,
}

/// What is answered.
pub(super) struct Page {
    pub(super) status: &'static str,
    pub(super) words: &'static str,
}

impl Visitors {
    pub(super) fn new(listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self { listener, connected: Vec::new() })
    }

    /// What becomes readable when there is something to serve.
    pub(super) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let connected = self.connected.iter().map(|visitor| visitor.stream.as_fd());
        [self.listener.as_fd()].into_iter().chain(connected)
    }

    /// When the time of the first of them is up.
    pub(super) fn until(&self) -> Option<Instant> {
        self.connected.iter().map(|visitor| visitor.until).min()
    }

    /// Reads what has come, without waiting. `judge` is given what a request asks for; what it returns is answered, with the page.
    pub(super) fn serve<T>(&mut self, judge: impl Fn(&str) -> (T, Page)) -> Vec<T> {
        while let Ok((stream, _)) = self.listener.accept() {
            if stream.set_nonblocking(true).is_err() {
                continue;
            }
            if self.connected.len() == MOST {
                self.connected.remove(0);
            }
            let head = Zeroizing::new(Vec::with_capacity(LONGEST));
            self.connected.push(Visitor { stream, head, until: Instant::now() + PATIENCE });
        }
        let now = Instant::now();
        let mut judged = Vec::new();
        self.connected.retain_mut(|visitor| match visitor.read() {
            Has::Part => visitor.until > now,
            Has::Gone => false,
            Has::Request(target) => {
                let (said, page) = judge(&target);
                visitor.answer(&page);
                judged.push(said);
                false
            }
        });
        judged
    }
}

/// What has come of a request.
enum Has {
    Part,
    Gone,
    /// All that is needed: what it asks for.
    Request(Zeroizing<String>),
}

impl Visitor {
    fn read(&mut self) -> Has {
        let mut piece = Zeroizing::new([0; 4096]);
        loop {
            // Never more than there is room for, so that nothing is copied to another place.
            let room = (LONGEST - self.head.len()).min(piece.len());
            let is_whole = self.head.windows(4).any(|end| end == b"\r\n\r\n");
            if is_whole || room == 0 {
                return Has::Request(self.target());
            }
            match self.stream.read(piece.get_mut(..room).unwrap_or_default()) {
                Ok(0) => return Has::Gone,
                Ok(count) => self.head.extend_from_slice(piece.get(..count).unwrap_or_default()),
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => return Has::Part,
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Has::Gone,
            }
        }
    }

    /// What the first line asks for; empty where it is no request for a page.
    fn target(&self) -> Zeroizing<String> {
        let line = self.head.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = std::str::from_utf8(line).unwrap_or_default();
        let target = line.strip_prefix("GET ").and_then(|rest| rest.split(' ').next());
        Zeroizing::new(target.filter(|target| target.starts_with('/')).unwrap_or_default().to_owned())
    }

    fn answer(&mut self, page: &Page) {
        let Page { status, words } = page;
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
             Referrer-Policy: no-referrer\r\nConnection: close\r\n\r\n{words}",
            words.len()
        );
        // Less than what the kernel takes at once; and the browser may have gone.
        let _ = self.stream.write_all(answer.as_bytes());
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }
}
