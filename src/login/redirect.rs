//! The browser flow (RFC 8252, with PKCE, RFC 7636): the provider sends the browser back to this machine, with a code in the address.
//! followsift listens there; where the browser is on another machine, the user copies the address from it. Called by
//! `authorization`.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::{Duration, Instant};

use oauth2::url::Url;
use oauth2::{AuthUrl, AuthorizationCode, CsrfToken, PkceCodeChallenge, RedirectUrl, Scope};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use secrecy::zeroize::Zeroizing;

use super::GrantFault;
use super::answer::Answer;
use super::authority::{TO_AGREE, address};
use super::flow::{Flow, Means, Request};
use crate::text;
use crate::web::require_allowed;

/// How long a browser may take to send its request, once it is connected.
const BROWSER: Duration = Duration::from_secs(2);
/// The longest request or typed line that is read.
const LONGEST: usize = 16 << 10;

/// Shows the page, and waits until the browser comes back.
pub(super) fn run(
    flow: &Flow<'_>,
    means: Means<'_>,
    tell: &mut dyn FnMut(Request<'_>),
) -> Result<Answer, GrantFault> {
    let host = flow.authority.host();
    let endpoint = flow.authority.authorization.as_deref().ok_or(GrantFault::NoWay {
        host: host.clone(),
        why: "it has no page on which a browser could agree; add `authorization-endpoint`",
    })?;
    let page = address(endpoint, endpoint)?;
    require_allowed(page.as_str())?;
    let place = Place::of(flow.oauth2.redirect_uri.as_deref(), means.paste, &host)?;
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let client = flow
        .client
        .clone()
        .set_auth_uri(AuthUrl::from_url(page))
        .set_redirect_uri(RedirectUrl::from_url(place.url.clone()));
    let mut asked = client
        .authorize_url(CsrfToken::new_random)
        .add_scopes(flow.oauth2.scopes.iter().cloned().map(Scope::new))
        .add_extra_param("login_hint", flow.user)
        // Google gives a refresh token only with this; others ignore it (RFC 6749, section 3.1).
        .add_extra_param("access_type", "offline")
        .set_pkce_challenge(challenge);
    if flow.oauth2.scopes.iter().any(|scope| scope == "offline_access") {
        // OpenID Connect Core, section 11.
        asked = asked.add_extra_param("prompt", "consent");
    }
    let (page, state) = asked.url();
    let input = means.input.filter(|_| means.paste || place.listener.is_none() || is_terminal(means.input));
    tell(Request::Browser {
        page: page.as_str(),
        redirect: place.url.as_str(),
        listens: place.listener.is_some(),
        reads: input.is_some(),
    });
    let expected = Expected { url: &place.url, state: state.secret() };
    let code = wait_for(&expected, place.listener.as_ref(), input, means.stop, tell)?;
    client
        .exchange_code(AuthorizationCode::new(code.to_string()))
        .set_pkce_verifier(verifier)
        .request(&|request| flow.authority.ask(request))
        .map_err(|error| flow.fault(flow.authority.failure(error, &flow.secrets())))
}

fn is_terminal(input: Option<BorrowedFd<'_>>) -> bool {
    input.is_some_and(|input| input.is_terminal())
}

/// Where the browser is sent back to.
struct Place {
    url: Url,
    listener: Option<TcpListener>,
}

impl Place {
    /// The address that the user has registered, or any port of this machine (RFC 8252, section 7.3). A registered address of this
    /// machine without a port gets one.
    fn of(registered: Option<&str>, paste: bool, host: &str) -> Result<Self, GrantFault> {
        let mut url = Url::parse(registered.unwrap_or("http://127.0.0.1/")).map_err(|_| {
            GrantFault::NoWay { host: host.to_owned(), why: "`redirect-uri` is not an address" }
        })?;
        let Some(local) = local_address(&url) else { return Ok(Self { url, listener: None }) };
        if paste {
            // Nothing of the user's should listen there, on whichever machine the browser is.
            let port = url.port().or(Some(fastrand::u16(49_152..)));
            let _ = url.set_port(port);
            return Ok(Self { url, listener: None });
        }
        let wanted = SocketAddr::new(local, url.port().unwrap_or(0));
        let listener = TcpListener::bind(wanted)
            .map_err(|cause| GrantFault::Listener { address: wanted.to_string(), cause })?;
        if url.port().is_none() {
            let port = listener.local_addr().ok().map(|bound| bound.port());
            // An http address of a host takes a port.
            let _ = url.set_port(port);
        }
        Ok(Self { url, listener: Some(listener) })
    }
}

/// The address of this machine that an address means.
fn local_address(url: &Url) -> Option<IpAddr> {
    if url.scheme() != "http" {
        return None;
    }
    match url.host()? {
        oauth2::url::Host::Ipv4(address) => address.is_loopback().then_some(address.into()),
        oauth2::url::Host::Ipv6(address) => address.is_loopback().then_some(address.into()),
        oauth2::url::Host::Domain(name) => {
            name.eq_ignore_ascii_case("localhost").then_some(Ipv4Addr::LOCALHOST.into())
        }
    }
}

/// What the address has to contain that the browser is sent to.
struct Expected<'a> {
    url: &'a Url,
    state: &'a str,
}

/// What an address says.
enum Said {
    Code(Zeroizing<String>),
    Refused(String),
    /// It is not the answer to our question.
    Other,
}

impl Expected<'_> {
    /// What an address says. One without our state may come from anybody (RFC 6749, section 10.12).
    fn read(&self, address: &str) -> Said {
        let Ok(url) = self.url.join(address.trim()) else { return Said::Other };
        let of = |key: &str| {
            url.query_pairs()
                .find(|(name, _)| name == key)
                .map(|(_, value)| Zeroizing::new(value.into_owned()))
        };
        if url.path() != self.url.path() || of("state").is_none_or(|state| state.as_str() != self.state) {
            return Said::Other;
        }
        match (of("code"), of("error")) {
            (Some(code), None) if !code.is_empty() => Said::Code(code),
            (_, Some(error)) => {
                let words = of("error_description").unwrap_or_default();
                Said::Refused(text::ascii(format!("{} {}", *error, *words).trim(), 200))
            }
            _ => Said::Other,
        }
    }
}

/// Waits until a browser or the user brings the address.
fn wait_for(
    expected: &Expected<'_>,
    listener: Option<&TcpListener>,
    mut input: Option<BorrowedFd<'_>>,
    stop: BorrowedFd<'_>,
    tell: &mut dyn FnMut(Request<'_>),
) -> Result<Zeroizing<String>, GrantFault> {
    let deadline = Instant::now() + TO_AGREE;
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || listener.is_none() && input.is_none() {
            return Err(GrantFault::TooLate);
        }
        let timeout = Timespec::try_from(left).ok();
        // What there is nothing of is watched by the stop in its place.
        let mut polled = [stop, listener.map_or(stop, |it| it.as_fd()), input.unwrap_or(stop)]
            .map(|descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN));
        match poll(&mut polled, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return Err(GrantFault::TooLate),
        }
        let [stopped, connected, typed] = polled.each_ref().map(|it| !it.revents().is_empty());
        if stopped {
            return Err(GrantFault::TooLate);
        }
        let mut said = Said::Other;
        if let Some(listener) = listener.filter(|_| connected)
            && let Ok((stream, _)) = listener.accept()
        {
            said = serve(stream, expected);
        }
        if let Some(descriptor) = input.filter(|_| typed) {
            match type_more(descriptor, &mut line) {
                Typed::Line(address) => {
                    said = expected.read(&address);
                    if matches!(said, Said::Other) {
                        tell(Request::NotTheAddress);
                    }
                }
                Typed::Part => {}
                Typed::End => input = None,
            }
        }
        match said {
            Said::Code(code) => return Ok(code),
            Said::Refused(said) => return Err(GrantFault::Denied { said }),
            Said::Other => {}
        }
    }
}

enum Typed {
    Line(Zeroizing<String>),
    Part,
    End,
}

/// Reads what was typed, up to the end of a line.
fn type_more(input: BorrowedFd<'_>, line: &mut Zeroizing<Vec<u8>>) -> Typed {
    let mut piece = Zeroizing::new([0; 4096]);
    let read = rustix::io::read(input, piece.as_mut_slice());
    match read {
        Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => return Typed::Part,
        Err(_) | Ok(0) if line.is_empty() => return Typed::End,
        Err(_) | Ok(0) => {}
        Ok(count) => {
            if line.len() + count > LONGEST {
                line.clear();
            }
            line.extend_from_slice(piece.get(..count).unwrap_or_default());
            if !line.contains(&b'\n') {
                return Typed::Part;
            }
        }
    }
    let whole = Zeroizing::new(
        String::from_utf8_lossy(line.split(|byte| *byte == b'\n').next().unwrap_or_default()).into_owned(),
    );
    line.clear();
    Typed::Line(whole)
}

/// Reads one request of a browser, and answers it with a page for the user.
fn serve(mut stream: TcpStream, expected: &Expected<'_>) -> Said {
    let Some(request) = request_of(&mut stream) else { return Said::Other };
    let mut words = request.split(' ');
    let said = match (words.next(), words.next()) {
        (Some("GET"), Some(target)) if target.starts_with('/') => expected.read(target),
        _ => Said::Other,
    };
    let (status, words) = match said {
        Said::Code(_) => {
            ("200 OK", "followsift has what it needs. Close this page and go back to the terminal.")
        }
        Said::Refused(_) => ("200 OK", "Access was not granted. Go back to the terminal."),
        Said::Other => ("404 Not Found", "This is not the page that followsift waits for."),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         Referrer-Policy: no-referrer\r\nConnection: close\r\n\r\n{words}",
        words.len()
    );
    // The browser may have gone.
    let _ = stream.write_all(answer.as_bytes());
    said
}

/// The first line of a request, after all of its head has come.
fn request_of(stream: &mut TcpStream) -> Option<Zeroizing<String>> {
    let deadline = Instant::now() + BROWSER;
    let mut head = Zeroizing::new(Vec::with_capacity(LONGEST));
    let mut piece = Zeroizing::new([0; 2048]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || head.len() + piece.len() > LONGEST {
            return None;
        }
        stream.set_read_timeout(Some(left)).ok()?;
        match stream.read(piece.as_mut_slice()) {
            Ok(0) | Err(_) => return None,
            Ok(count) => head.extend_from_slice(piece.get(..count).unwrap_or_default()),
        }
    }
    stream.set_write_timeout(Some(BROWSER)).ok()?;
    let line = head.split(|byte| *byte == b'\r').next()?;
    Some(Zeroizing::new(std::str::from_utf8(line).ok()?.to_owned()))
}
