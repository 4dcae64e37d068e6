//! The browser flow (RFC 8252, with PKCE, RFC 7636): the provider sends the browser back to this machine, with a code in the address.
//! followsift listens there; where the browser is on another machine, the user copies the address from it. Called by
//! `authorization`.

use std::io::IsTerminal as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use oauth2::url::Url;
use oauth2::{AuthUrl, AuthorizationCode, CsrfToken, PkceCodeChallenge, RedirectUrl, Scope};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use secrecy::zeroize::Zeroizing;

use super::GrantFault;
use super::answer::Answer;
use super::authority::{Issuer, TO_AGREE, address};
use super::flow::{Flow, Means, Request};
use super::visitors::{Page, Visitors};
use crate::text;
use crate::web::{WebFault, require_allowed};

/// The longest text that is read from standard input.
const LONGEST: usize = 16 << 10;
/// How long the rest of an address that was pasted over several lines may take.
const REST: Duration = Duration::from_millis(100);

/// Shows the page, and waits until the browser comes back.
pub(super) fn run(
    flow: &Flow<'_>,
    means: Means<'_>,
    tell: &mut dyn FnMut(Request<'_>),
) -> Result<Answer, GrantFault> {
    let host = flow.authority.host();
    let endpoint = flow.authority.authorization.as_deref().ok_or(GrantFault::NoWay {
        host: host.clone(),
        why: "it has no page on which you could agree in a browser; add `authorization-endpoint` to `oauth2`"
            .to_owned(),
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
    let expected =
        Expected { url: &place.url, state: state.secret(), issuer: flow.authority.issuer.as_ref() };
    let code = match wait_for(&expected, place.listener, input, means.stop, tell) {
        Ok(code) => code,
        Err(End::Fault(fault)) => return Err(fault),
        Err(End::Stopped) => return Err(WebFault::Stopped { host }.into()),
        Err(End::Stranger) => {
            let why =
                "the browser came back from another provider; run the command again, and open the new page";
            return Err(GrantFault::NoWay { host, why: why.to_owned() });
        }
    };
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
    listener: Option<Visitors>,
}

impl Place {
    /// The address that the user has registered, or any port of this machine (RFC 8252, section 7.3). A registered address of this
    /// machine without a port gets one.
    fn of(registered: Option<&str>, paste: bool, host: &str) -> Result<Self, GrantFault> {
        let mut url = Url::parse(registered.unwrap_or("http://127.0.0.1/")).map_err(|_| {
            GrantFault::NoWay { host: host.to_owned(), why: "`redirect-uri` is not an address".to_owned() }
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
        let listener = Visitors::new(listener)
            .map_err(|cause| GrantFault::Listener { address: wanted.to_string(), cause })?;
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
    issuer: Option<&'a Issuer>,
}

/// What an address says.
enum Said {
    Code(Zeroizing<String>),
    Refused(String),
    /// It is the answer of another provider.
    Stranger,
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
        // RFC 9207, section 2.4: else one provider could pass on the code of another.
        if let Some(issuer) = self.issuer {
            let is_it = |said: Zeroizing<String>| *said == issuer.name;
            if !of("iss").map_or(!issuer.signs, is_it) {
                return Said::Stranger;
            }
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

/// Why there is no code.
enum End {
    Fault(GrantFault),
    Stopped,
    Stranger,
}

/// Waits until a browser or the user brings the address.
fn wait_for(
    expected: &Expected<'_>,
    mut visitors: Option<Visitors>,
    mut input: Option<BorrowedFd<'_>>,
    stop: BorrowedFd<'_>,
    tell: &mut dyn FnMut(Request<'_>),
) -> Result<Zeroizing<String>, End> {
    let deadline = Instant::now() + TO_AGREE;
    let mut typed = Zeroizing::new(Vec::with_capacity(LONGEST));
    loop {
        let until = visitors.as_ref().and_then(Visitors::until).map_or(deadline, |until| until.min(deadline));
        let left = until.saturating_duration_since(Instant::now());
        if deadline <= Instant::now() {
            return Err(End::Fault(GrantFault::TooLate));
        }
        if visitors.is_none() && input.is_none() {
            return Err(End::Fault(GrantFault::NoInput));
        }
        let timeout = Timespec::try_from(left).ok();
        let watched = [Some(stop), input].into_iter().flatten();
        let watched = watched.chain(visitors.iter().flat_map(Visitors::descriptors));
        let mut polled: Vec<_> = watched.map(|it| PollFd::from_borrowed_fd(it, PollFlags::IN)).collect();
        match poll(&mut polled, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return Err(End::Stopped),
        }
        let is_ready = |at: usize| polled.get(at).is_some_and(|it| !it.revents().is_empty());
        let (stopped, is_typed) = (is_ready(0), input.is_some() && is_ready(1));
        if stopped {
            return Err(End::Stopped);
        }
        let mut said = Vec::new();
        if let Some(visitors) = &mut visitors {
            said = visitors.serve(|target| {
                let said = expected.read(target);
                let page = page_for(&said);
                (said, page)
            });
        }
        if let Some(descriptor) = input.filter(|_| is_typed) {
            let ended = read_typed(descriptor, &mut typed);
            if ended {
                input = None;
            }
            if typed.ends_with(b"\n") || ended && !typed.is_empty() {
                match judge_typed(expected, &typed) {
                    Said::Other => tell(Request::NotTheAddress),
                    other => said.push(other),
                }
            }
        }
        for said in said {
            match said {
                Said::Code(code) => return Ok(code),
                Said::Refused(said) => return Err(End::Fault(GrantFault::Denied { said })),
                Said::Stranger => return Err(End::Stranger),
                Said::Other => {}
            }
        }
    }
}

/// Reads all that was typed or pasted at once, behind what was typed before; `true` at the end of the input.
fn read_typed(input: BorrowedFd<'_>, typed: &mut Zeroizing<Vec<u8>>) -> bool {
    let mut piece = Zeroizing::new([0; 4096]);
    let mut is_more = true;
    while is_more {
        match rustix::io::read(input, piece.as_mut_slice()) {
            Err(rustix::io::Errno::INTR) => continue,
            Err(rustix::io::Errno::AGAIN) => return false,
            Err(_) | Ok(0) => return true,
            Ok(count) => {
                if typed.len() + count > LONGEST {
                    typed.clear();
                }
                typed.extend_from_slice(piece.get(..count).unwrap_or_default());
            }
        }
        let rest = Timespec::try_from(REST).ok();
        let mut polled = [PollFd::from_borrowed_fd(input, PollFlags::IN)];
        is_more = poll(&mut polled, rest.as_ref()).is_ok_and(|ready| ready > 0);
    }
    false
}

/// What the lines say that were typed or pasted. The address may have words, quotes or brackets around it, and a terminal's marks of a
/// paste; it may have been broken into several lines, and there may be others before it.
fn judge_typed(expected: &Expected<'_>, typed: &[u8]) -> Said {
    let text = Zeroizing::new(String::from_utf8_lossy(typed).into_owned());
    let pieces: Vec<&str> = text.split(['\n', '\r', '\u{1b}']).map(without_mark).collect();
    let scheme = format!("{}:", expected.url.scheme());
    let begins = pieces.iter().enumerate().rev().flat_map(|(at, piece)| {
        piece.rmatch_indices(&scheme).map(move |(from, _)| (at, from)).collect::<Vec<_>>()
    });
    // Without one, the path alone may have been copied.
    let last = pieces.iter().rposition(|piece| !piece.is_empty()).map(|at| (at, 0));
    for (at, from) in begins.chain(last) {
        let (before, first) =
            pieces.get(at).and_then(|piece| piece.split_at_checked(from)).unwrap_or_default();
        let rest = pieces.iter().skip(at + 1).take_while(|piece| !piece.contains(char::is_whitespace));
        let whole: Zeroizing<String> = Zeroizing::new([&first].into_iter().chain(rest).copied().collect());
        for text in [whole.as_str(), first] {
            let address = address_at(before, text);
            for address in [address, address.trim_end_matches(SENTENCE)] {
                match expected.read(address) {
                    Said::Other => {}
                    said => return said,
                }
            }
        }
    }
    Said::Other
}

/// A line without the blanks around it, and without the rest of a terminal's mark (bracketed paste: `ESC [200~` before, `ESC [201~` after).
fn without_mark(line: &str) -> &str {
    let rest = line.strip_prefix("[200~").or_else(|| line.strip_prefix("[201~"));
    rest.unwrap_or(line).trim()
}

/// What may end a sentence with an address in it.
const SENTENCE: [char; 5] = ['.', ',', ';', '!', '?'];

/// The address at the beginning of a text, up to a character that none has (RFC 3986, section 2), or to the quote or bracket that closes
/// the one before it.
fn address_at<'t>(before: &str, text: &'t str) -> &'t str {
    let closes = match before.chars().next_back() {
        Some('(') => Some(')'),
        Some('[') => Some(']'),
        Some('\'') => Some('\''),
        _ => None,
    };
    let ends = |c: char| !c.is_ascii_graphic() || matches!(c, '"' | '<' | '>' | '`') || Some(c) == closes;
    text.split(ends).next().unwrap_or_default()
}

/// What the browser shows.
fn page_for(said: &Said) -> Page {
    let (status, words) = match said {
        Said::Code(_) => {
            ("200 OK", "followsift has what it needs. Close this page and go back to the terminal.")
        }
        Said::Refused(_) | Said::Stranger => ("200 OK", "Access was not granted. Go back to the terminal."),
        Said::Other => ("404 Not Found", "This is not the page that followsift waits for."),
    };
    Page { status, words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_whatever_it_was_pasted_with() {
        const ADDRESS: &str = "http://127.0.0.1:50123/?state=s.t_a-t~e&code=4/0A(b)c'd.e";
        let url = Url::parse("http://127.0.0.1:50123/").unwrap();
        let expected = Expected { url: &url, state: "s.t_a-t~e", issuer: None };
        let code = |typed: &str| match judge_typed(&expected, typed.as_bytes()) {
            Said::Code(code) => Some(code.to_string()),
            Said::Refused(_) | Said::Stranger | Said::Other => None,
        };
        for typed in [
            "A",
            " A ",
            "\"A\"",
            "<A>",
            "`A`",
            "\u{201c}A\u{201d}",
            "url=A",
            "The address is A and that is it.",
            "(see <A>).",
            "GET A HTTP/1.1",
            "\u{1b}[200~A\u{1b}[201~",
            "\u{1b}[200~\"A\"\n\u{1b}[201~",
            "http://other.example/?state=x&code=y\nA",
            "A\nthanks, http://other.example/",
            "[the page](<A>)",
        ] {
            let found = code(&format!("{}\n", typed.replace('A', ADDRESS)));
            assert_eq!(found.as_deref(), Some("4/0A(b)c'd.e"), "{typed}");
        }
        let plain = ADDRESS.replace("(b)c'd.e", "bc");
        let broken = plain.replace("tate", "\n  tate").replace("0A", "0\r\n  A");
        for typed in ["'A'", "(A)", "[A]", "[the page](A)", "\u{1b}[200~'A'\u{1b}[201~\r"] {
            assert_eq!(code(&typed.replace('A', &plain)).as_deref(), Some("4/0Abc"), "{typed}");
        }
        assert_eq!(code(&format!("see <{broken}>")).as_deref(), Some("4/0Abc"));
        assert_eq!(code("/?state=s.t_a-t~e&code=4/0Abc\n").as_deref(), Some("4/0Abc"));
        let ended = "It is http://127.0.0.1:50123/?code=4/0Abc&state=s.t_a-t~e. What now?";
        assert_eq!(code(ended).as_deref(), Some("4/0Abc"));
        for typed in [
            "",
            "\n",
            "http:",
            "\u{1b}[200~\u{1b}[201~\n",
            "http://127.0.0.1:50123/?state=s.t_a-t~",
            "the code is 4/0Abc",
        ] {
            assert_eq!(code(typed), None, "{typed}");
        }
    }
}
