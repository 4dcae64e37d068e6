//! The only HTTP client: one request, one answer, within limits of time and size.
//!
//! Owns the use of ureq: https only (http to a loopback address, for a server on this machine), certificates checked against the
//! system's authorities and the account's `ca-file`, no redirects, a proxy where the caller names one. A request ends when its
//! time is up or its stop becomes readable. Never logs, and no fault shows more of an address than its host: what follows it can be a
//! secret. For look-ups, it connects to public addresses only. Called by `login` and `lookup`.

mod fault;
mod public;
mod tls;

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::Path;
use std::sync::{Arc, OnceLock, mpsc};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;
use ureq::http::{Request, Response, Uri};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector as _, SocksConnector, TcpConnector};
use ureq::{Agent, Body};

use crate::clock;
use crate::settings::Proxy;
use crate::trust::Certificate;
use public::PublicResolver;

pub use fault::WebFault;
/// The requests and answers.
pub use ureq::http;

/// For one request, from the look-up of the name to the last byte of the answer.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// The longest answer. Those of authorization servers have a few thousand bytes.
const LONGEST: u64 = 256 << 10;

/// How a server is reached.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reach<'a> {
    /// A PEM file of authorities to trust in addition to the system's.
    pub ca_file: Option<&'a Path>,
    /// The proxy on the way to servers on other machines.
    pub proxy: Option<&'a Proxy>,
}

/// The HTTP client.
#[derive(Debug)]
pub struct Web<'s> {
    connector: Arc<native_tls::TlsConnector>,
    /// Trusts every certificate: only to see one.
    blind: Arc<native_tls::TlsConnector>,
    proxy: Option<ureq::Proxy>,
    stop: BorrowedFd<'s>,
    patience: Duration,
    most: u64,
    only_public: bool,
}

impl<'s> Web<'s> {
    /// A client whose requests end when `stop` becomes readable.
    ///
    /// # Errors
    /// If the file of authorities cannot be used, or the proxy's address is none.
    pub fn new(reach: Reach<'_>, stop: BorrowedFd<'s>) -> Result<Self, WebFault> {
        let connector = tls::connector(reach.ca_file)?;
        let proxy = reach.proxy.map(proxy).transpose()?;
        let blind = tls::blind_connector()?;
        Ok(Self { connector, blind, proxy, stop, patience: PATIENCE, most: LONGEST, only_public: false })
    }

    /// The same with another limit of time.
    #[must_use]
    pub fn patient_for(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The same for servers that a message names: https alone, public addresses alone, and answers of so many bytes at most. Where
    /// a proxy is set, the proxy resolves the name, and the address cannot be checked.
    #[must_use]
    pub fn for_public_servers(self, most: u64) -> Self {
        Self { most, only_public: true, ..self }
    }

    /// Sends a request and reads the whole answer, whatever its status, except a redirect.
    ///
    /// # Errors
    /// If the address is not allowed, the server cannot be reached, is not trusted, is too slow, redirects, or answers too much.
    pub fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, WebFault> {
        let host = allowed(request.uri(), self.only_public)?;
        let begun = Instant::now();
        let agent = self.agent(&host, tls::Handshake { connector: self.connector.clone(), shown: None });
        let shown = Arc::default();
        let looking = tls::Handshake { connector: self.blind.clone(), shown: Some(Arc::clone(&shown)) };
        let looker = Looker { agent: self.agent(&host, looking), shown, until: begun + self.patience / 2 };
        let machine = |cause: io::Error| WebFault::Machine { cause };
        let done = Arc::new(eventfd(0, EventfdFlags::CLOEXEC).map_err(|error| machine(error.into()))?);
        let (sender, receiver) = mpsc::channel();
        // The look-up of a name and the connection take no stop, hence the thread; one that must not be waited for is abandoned, and
        // ends by its own limit of time.
        let most = self.most;
        let (its_agent, its_done, its_host) = (agent.clone(), Arc::clone(&done), host.clone());
        let work = move || {
            let uri = request.uri().clone();
            let answer = run(&its_agent, request, most).map_err(|cause| WebFault::of(&its_host, cause));
            // The caller may have given up.
            let _ = sender.send(answer.map_err(|fault| looker.explain(fault, uri)));
            let _ = rustix::io::write(&*its_done, &1_u64.to_ne_bytes());
        };
        std::thread::Builder::new().name("web".to_owned()).spawn(work).map_err(machine)?;
        // A little longer than the thread takes by its own limit.
        let deadline = begun + self.patience + Duration::from_secs(1);
        let stopped = self.wait(done.as_fd(), deadline).map_err(machine)?;
        if stopped {
            agent.shutdown();
            return Err(WebFault::Stopped { host });
        }
        match receiver.try_recv() {
            Ok(Ok(answer)) if answer.status().is_redirection() => Err(WebFault::Redirected { host }),
            Ok(answer) => answer,
            Err(_) => Err(WebFault::Late { host }),
        }
    }

    /// Waits until the request is done or its time is up; `true` at a stop.
    fn wait(&self, done: BorrowedFd<'_>, deadline: Instant) -> io::Result<bool> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
            let mut polled = [
                PollFd::from_borrowed_fd(self.stop, PollFlags::IN),
                PollFd::from_borrowed_fd(done, PollFlags::IN),
            ];
            match poll(&mut polled, Some(&timeout)) {
                Err(Errno::INTR) => {}
                Ok(0) if !left.is_zero() => {}
                Ok(_) => return Ok(polled.first().is_some_and(|stop| !stop.revents().is_empty())),
                Err(cause) => return Err(cause.into()),
            }
        }
    }

    /// An agent for one request: no connection outlives it.
    fn agent(&self, host: &str, handshake: tls::Handshake) -> Agent {
        // To look at a certificate comes after a request that took at most half of the time.
        let patience = if handshake.shown.is_some() { self.patience / 2 } else { self.patience };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("followsift/", env!("CARGO_PKG_VERSION")))
            .max_idle_connections(0)
            .timeout_global(Some(patience))
            .proxy(self.proxy.clone().filter(|_| self.only_public || !is_loopback(host)))
            .build();
        let connector =
            ().chain(SocksConnector::default())
                .chain(ConnectProxyConnector::default())
                .chain(TcpConnector::default())
                .chain(handshake);
        if self.only_public && self.proxy.is_none() {
            Agent::with_parts(config, connector, PublicResolver::default())
        } else {
            Agent::with_parts(config, connector, DefaultResolver::default())
        }
    }
}

/// Looks at the certificate of a server that is not trusted. Connects once more, since native-tls does not show one that it does not
/// trust, and sends nothing after the handshake.
struct Looker {
    agent: Agent,
    shown: Arc<OnceLock<Certificate>>,
    until: Instant,
}

impl Looker {
    /// The same fault, with the server's certificate if there is time to see it.
    fn explain(&self, fault: WebFault, uri: Uri) -> WebFault {
        match fault {
            WebFault::Untrusted(distrust) if Instant::now() < self.until => {
                let _ = Request::get(uri).body(()).map(|request| self.agent.run(request));
                let shown = self.shown.get().cloned();
                WebFault::Untrusted(Box::new(distrust.shows(shown, clock::now())))
            }
            fault => fault,
        }
    }
}

/// Refuses an address that a browser must not be sent to, as this client would not ask it.
///
/// # Errors
/// With why.
pub fn require_allowed(address: &str) -> Result<(), WebFault> {
    let uri = address
        .parse()
        .map_err(|_| WebFault::NotAllowed { host: String::new(), why: "it cannot be read" })?;
    allowed(&uri, false).map(drop)
}

/// The host of an address, if it may be asked.
fn allowed(uri: &Uri, only_public: bool) -> Result<String, WebFault> {
    let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
    let host = uri.host().unwrap_or_default().to_owned();
    let why = match uri.scheme_str() {
        _ if host.is_empty() => "it names no server",
        // A password in an address would be shown with it.
        _ if authority.contains('@') => "it contains a user name",
        Some("https") => return Ok(host),
        Some("http") if is_loopback(&host) && !only_public => return Ok(host),
        _ => "it does not begin with https:// (http:// is for 127.0.0.1 and [::1] only)",
    };
    Err(WebFault::NotAllowed { host, why })
}

/// Is it the address of this machine? A name could be resolved to another one.
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn proxy(setting: &Proxy) -> Result<ureq::Proxy, WebFault> {
    let unusable = |_| WebFault::Proxy { source: setting.source() };
    let read = ureq::Proxy::new(setting.address()).map_err(unusable)?;
    let mut builder = ureq::Proxy::builder(read.protocol()).host(read.host()).port(read.port());
    if let Some(user) = read.username() {
        builder = builder.username(user);
    }
    if let Some(password) = read.password() {
        builder = builder.password(password);
    }
    for exempt in setting.exempt() {
        builder = builder.no_proxy(exempt);
    }
    builder.build().map_err(unusable)
}

fn run(agent: &Agent, request: Request<Vec<u8>>, most: u64) -> Result<Response<Vec<u8>>, ureq::Error> {
    let response: Response<Body> = agent.run(request)?;
    let (parts, mut body) = response.into_parts();
    let body = body.with_config().limit(most).read_to_vec()?;
    Ok(Response::from_parts(parts, body))
}
