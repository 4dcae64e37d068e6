//! Knows the links that gateways and bulk mailers write in place of a message's own links, and reads the target of those that
//! contain it. Never fetches anything. `profile` unwraps every link of a message with it.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode_str;

use super::link::Link;

/// The most wrappers around one link.
const DEEPEST: usize = 3;

/// Where a wrapper keeps the target.
enum Place {
    /// In one of these parameters of the query.
    Parameter(&'static [&'static str]),
    /// In this parameter, in base64.
    Base64(&'static str),
    /// In `u`, with `-` for `%` and `_` for `/`.
    ProofpointV2,
    /// Between `__` and `__;`.
    ProofpointV3,
    /// In the path, after its first segment.
    Path,
    /// In the path, as its second segment.
    Segment,
    /// The same without its scheme, which the first segment shows.
    Schemeless,
    /// In the path, as `href` of the object in base64 that follows `/e/c/`.
    Object,
    /// Only on the server of the wrapper.
    Server,
}

/// The link itself, or the target of the wrapper that it is. `None` if the target is not in the link, is not a web link, or is
/// wrapped more than three times.
pub(super) fn unwrap(link: Link) -> Option<Link> {
    if !is_wrapper(&link) {
        return Some(link);
    }
    unwrapped(link, |_| false).map(|(_, target)| target).filter(|target| !is_wrapper(target))
}

/// The target of a wrapper, as it is written there and as a link; a wrapper inside is a target if it is kept, or if only its server
/// knows where it leads.
fn unwrapped(mut link: Link, is_kept: impl Fn(&Link) -> bool) -> Option<(String, Link)> {
    let mut written = String::new();
    for _ in 0..=DEEPEST {
        let Some(place) = place(&link).filter(|_| !is_kept(&link)) else { return Some((written, link)) };
        written = match target(&link, &place) {
            None if matches!(place, Place::Server) && !written.is_empty() => return Some((written, link)),
            target => target?,
        };
        link = Link::parse(&written)?;
    }
    None
}

/// The text with the targets in place of their wrappers, except of those that `kept` has as well: a follower wrote them into their
/// name. `None` if there is nothing to replace. Wrappers that do not contain their targets are left, and `opaque` is called with
/// each, also where another wrapper was around it.
pub(super) fn unwrap_all(text: &str, kept: &str, mut opaque: impl FnMut(&Link)) -> Option<String> {
    let is_kept = |link: &Link| kept.contains(link.as_written());
    let (mut shown, mut end) = (String::new(), None);
    for (range, link) in Link::find_all(text).filter(|(_, link)| is_wrapper(link) && !is_kept(link)) {
        match unwrapped(link.clone(), is_kept) {
            // A target with a line break would put a line into the text.
            Some((target, last)) if !target.contains(|c: char| c.is_whitespace() || c.is_control()) => {
                if is_wrapper(&last) && !is_kept(&last) {
                    opaque(&last);
                }
                shown.push_str(text.get(end.unwrap_or(0)..range.start)?);
                shown.push_str(&target);
                end = Some(range.end);
            }
            _ => opaque(&link),
        }
    }
    shown.push_str(text.get(end?..)?);
    Some(shown)
}

/// Is it a wrapper? Then it is nobody's link.
pub(super) fn is_wrapper(link: &Link) -> bool {
    place(link).is_some()
}

/// Where the target is, if the link is a wrapper. Hosts are compared as a whole: a label is left open only where the vendor
/// puts the region or the customer.
fn place(link: &Link) -> Option<Place> {
    let (host, path) = (link.host(), link.path());
    let (region, domain) = host.split_once('.')?;
    match (host, domain) {
        // Microsoft Defender's Safe Links, in all regions and clouds (learn.microsoft.com, "Safe Links in Microsoft Defender
        // for Office 365": `https://nam01.safelinks.protection.outlook.com/?url=`).
        (
            _,
            "safelinks.protection.outlook.com"
            | "safelinks.protection.office365.us"
            | "safelinks.protection.partner.outlook.cn",
        ) => Some(Place::Parameter(&["url"])),
        // Proofpoint's URL Defense (help.proofpoint.com, "How do I decode a rewritten URL?", and the decoder offered there).
        ("urldefense.com" | "urldefense.us" | "urldefense.proofpoint.com", _) => Some(match path {
            "/v1/url" => Place::Parameter(&["u"]),
            "/v2/url" => Place::ProofpointV2,
            path if path.starts_with("/v3/__") => Place::ProofpointV3,
            _ => Place::Server,
        }),
        // Barracuda's Link Protection (campus.barracuda.com, "Understanding Link Protection").
        ("linkprotect.cudasvc.com", _) => Some(Place::Parameter(&["a"])),
        // Cisco's Outbreak Filters: `https://secure-web.cisco.com/{auth}/{url}` (the proxy template in its user guide).
        ("secure-web.cisco.com", _) => Some(Place::Path),
        // Sophos' Time of Click: `https://eu-west-1.protection.sophos.com?d={domain}&u={base64}` (docs.sophos.com,
        // "URL Protection"; community.sophos.com 148123).
        (_, "protection.sophos.com") => Some(Place::Base64("u")),
        // Mimecast's URL Protect has the target's domain at most (mimecastsupport.zendesk.com 34000782363539, and
        // 34000364820371 for the hosts).
        (_, "mimecast.com") if region.starts_with("protect-") || region == "protect" => Some(Place::Server),
        (_, domain) if domain.ends_with(".mimecastprotect.com") => Some(Place::Server),
        // Google's redirect, which Gmail, Groups and Calendar write.
        ("google.com" | "www.google.com", _) if path == "/url" => Some(Place::Parameter(&["q", "url"])),
        // Click tracking of bulk mailers. Amazon SES has the target in the path: `/L0/{url}/1/…`, or `/CL0/…` for secure links.
        (_, domain)
            if domain.ends_with(".awstrack.me")
                && (path.starts_with("/L0/") || path.starts_with("/CL0/")) =>
        {
            Some(Place::Segment)
        }
        ("mandrillapp.com", _) if path.starts_with("/track/click/") => Some(Place::Server),
        // Postmark: `/3s/{host and path}/…`, with an `s` if the target's scheme is https.
        ("click.pstmrk.it" | "track.pstmrk.it", _) => Some(match path.get(..2) {
            Some("/2" | "/3") => Place::Schemeless,
            _ => Place::Server,
        }),
        // Customer.io: `/e/c/{object}/…` (docs.customer.io, "Track links with your domain", for the hosts).
        ("e.customeriomail.com" | "e-eu.customeriomail.com", _) if path.starts_with(OBJECT) => {
            Some(Place::Object)
        }
        // Klaviyo (community.klaviyo.com, "Why do my campaign URLs say") and MailerLite.
        (_, "klclick.com" | "klclick1.com" | "klclick2.com" | "klclick3.com") => Some(Place::Server),
        ("click.mlsend.com", _) | (_, "clicks.mlsend.com") => Some(Place::Server),
        (_, "mjt.lu") if path.starts_with("/lnk/") => Some(Place::Server),
        (_, domain) if domain.ends_with("list-manage.com") && path == "/track/click" => Some(Place::Server),
        // These use hosts of their customers, and then only the path shows them. Nobody knows whether such a host leads to a target
        // that is in the path: a follower can write such a link, too.
        _ => {
            let is_sendgrid = path.ends_with("/ls/click") || path.ends_with("/wf/click");
            let is_new_sendgrid = path.contains("/ss/c/u001.");
            let is_customer_io = path.starts_with(OBJECT);
            let is_ses = path.starts_with("/L0/http") || path.starts_with("/CL0/http");
            let is_mailgun = region == "email" && path.starts_with("/c/eJ");
            let is_sparkpost = path.starts_with("/f/a/") && path.contains("~~");
            let is_brevo = path.starts_with("/tr/cl/");
            let is_elastic = path == "/tracking/click";
            let is_opaque = is_mailgun
                || is_new_sendgrid
                || is_customer_io
                || is_ses
                || is_sparkpost
                || is_brevo
                || is_sendgrid && link.raw_parameter("upn").is_some()
                || is_elastic && link.raw_parameter("d").is_some();
            is_opaque.then_some(Place::Server)
        }
    }
}

/// How the path of one of Customer.io's links begins: then comes `{"` in base64.
const OBJECT: &str = "/e/c/eyJ";

fn target(link: &Link, place: &Place) -> Option<String> {
    match place {
        Place::Parameter(names) => names.iter().find_map(|name| link.parameter(name)),
        Place::Base64(name) => base64(&decoded(link.raw_parameter(name)?)),
        Place::ProofpointV2 => Some(decoded(&link.raw_parameter("u")?.replace('-', "%").replace('_', "/"))),
        Place::ProofpointV3 => proofpoint_v3(link.as_written()),
        Place::Path => {
            let (_, target) = link.path().trim_start_matches('/').split_once('/')?;
            Some(decoded(target))
        }
        Place::Segment => link.path().split('/').nth(2).map(decoded),
        Place::Schemeless => {
            let (form, rest) = link.path().trim_start_matches('/').split_once('/')?;
            let scheme = if form.contains('s') { "https" } else { "http" };
            Some(format!("{scheme}://{}", decoded(rest.split('/').next()?)))
        }
        Place::Object => {
            let object = base64(link.path().split('/').nth(3)?)?;
            let object: serde_json::Value = serde_json::from_str(&object).ok()?;
            Some(object.get("href")?.as_str()?.to_owned())
        }
        Place::Server => None,
    }
}

/// `/v3/__{target}__;{characters}!…`: `*` in the target stands for the next of the characters, and `**` with a letter for a run
/// of them.
fn proofpoint_v3(link: &str) -> Option<String> {
    const LENGTHS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const SHORTEST: usize = 2;
    let (_, rest) = link.split_once("/v3/__")?;
    let (target, tail) = rest.rsplit_once("__;")?;
    let (characters, _) = tail.split_once('!')?;
    let characters = base64(characters)?;
    let mut characters = characters.chars();
    let mut pieces = target.chars();
    let mut unwrapped = String::with_capacity(target.len());
    while let Some(piece) = pieces.next() {
        if piece != '*' {
            unwrapped.push(piece);
            continue;
        }
        let mut ahead = pieces.clone();
        let run = if ahead.next() == Some('*') {
            let length = LENGTHS.find(ahead.next()?)? + SHORTEST;
            pieces = ahead;
            length
        } else {
            1
        };
        for _ in 0..run {
            unwrapped.push(characters.next()?);
        }
    }
    // Some mail programs join the slashes of a link within a path.
    let joined = unwrapped.split_once(":/").filter(|(_, rest)| !rest.starts_with('/'));
    Some(match joined {
        Some((scheme, rest)) => format!("{scheme}://{rest}"),
        None => unwrapped,
    })
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// In either alphabet, with or without padding.
fn base64(text: &str) -> Option<String> {
    let engine = GeneralPurpose::new(
        &base64::alphabet::URL_SAFE,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let text = text.replace('+', "-").replace('/', "_");
    String::from_utf8(engine.decode(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: &str = "https://toot.example/web/@ann@far.example?a=1";

    fn target_of(text: &str) -> Option<String> {
        unwrap(Link::parse(text)?).map(|link| link.as_written().to_owned())
    }

    fn encoded(text: &str) -> String {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    }

    fn in_base64(text: &str) -> String {
        base64::engine::general_purpose::URL_SAFE.encode(text)
    }

    fn in_safe_links(text: &str) -> String {
        let url = encoded(text);
        format!(
            "https://eur01.safelinks.protection.outlook.com/?url={url}&data=05%7C02&sdata=x%3D&reserved=0"
        )
    }

    fn customer_io(host: &str, target: &str) -> String {
        let object = serde_json::json!({"email_id": "x=", "href": target, "internal": "y", "link_id": 7});
        format!("{host}/e/c/{}/0a1b2c", in_base64(&object.to_string()).trim_end_matches('='))
    }

    /// A target in each form of wrapper that contains it.
    fn wrappers(target: &str) -> Vec<String> {
        let (url, base64) = (encoded(target), in_base64(target));
        let v2 = url.replace("%2F", "_").replace('%', "-");
        vec![
            in_safe_links(target),
            format!("https://gcc02.safelinks.protection.outlook.com/?url={url}&data=x"),
            format!("https://nam12.safelinks.protection.outlook.com/ap/x-59584e83/?url={url}&data=x"),
            format!("https://usg01.safelinks.protection.office365.us/?url={url}"),
            format!("https://chn01.safelinks.protection.partner.outlook.cn/?url={url}"),
            format!("https://urldefense.proofpoint.com/v1/url?u={url}&k=x"),
            format!("https://urldefense.proofpoint.com/v2/url?u={v2}&d=DwMFaQ&c=x&r=y&m=z&s=q&e="),
            format!("https://urldefense.com/v3/__{target}__;!!AbCd!xyz$"),
            format!("https://urldefense.us/v3/__{target}__;!!AbCd!xyz$"),
            format!("https://linkprotect.cudasvc.com/url?a={url}&c=E,1,x&typo=1"),
            format!("http://secure-web.cisco.com/1fCCdfJv_BYjz-x/{url}"),
            format!("https://eu-central-1.protection.sophos.com/?d=toot.example&u={base64}&i=x&t=y&h=z"),
            format!("https://us-west-2.protection.sophos.com?d=toot.example&u={}&i=x", encoded(&base64)),
            format!("https://www.google.com/url?q={url}&sa=D&source=x"),
            format!("https://www.google.com/url?sa=t&url={url}"),
            format!("https://a1b2.r.us-east-1.awstrack.me/L0/{url}/1/0100-x/y=1"),
            format!(
                "https://a1b2.r.eu-west-1.awstrack.me/CL0/{}/1/0100-x/y=1",
                target.replace('/', "%2F").replace('?', "%3F")
            ),
            customer_io("https://e.customeriomail.com", target),
        ]
    }

    #[test]
    fn the_target_of_every_vendors_wrapper_is_read() {
        for wrapper in wrappers(TARGET) {
            assert_eq!(target_of(&wrapper).as_deref(), Some(TARGET), "{wrapper}");
        }
        assert_eq!(target_of(TARGET).as_deref(), Some(TARGET));
        let postmark =
            |form: &str| target_of(&format!("https://click.pstmrk.it/{form}/toot.example%2F%40ann/aB1/cD-2"));
        assert_eq!(postmark("3s").as_deref(), Some("https://toot.example/@ann"));
        assert_eq!(postmark("2sm").as_deref(), Some("https://toot.example/@ann"));
        assert_eq!(postmark("2t").as_deref(), Some("http://toot.example/@ann"));
    }

    #[test]
    fn a_text_shows_the_targets_of_its_wrappers() {
        let wrapper = in_safe_links(TARGET);
        let opaque = "http://url1.toot.example/ls/click?upn=x";
        let mut found = Vec::new();
        let mut check = |text: &str, kept: &str, expected: Option<&str>, opaque: &[&str]| {
            let shown = unwrap_all(text, kept, |link| found.push(link.as_written().to_owned()));
            assert_eq!(shown.as_deref(), expected, "{text}");
            assert_eq!(std::mem::take(&mut found), opaque, "{text}");
        };
        check("View: https://toot.example/x. Or not", "", None, &[]);
        check(
            &format!("View<{wrapper}>, or\n{wrapper}.\n"),
            "",
            Some(&format!("View<{TARGET}>, or\n{TARGET}.\n")),
            &[],
        );
        check(&format!("View: {opaque}\n{TARGET}#x"), "", None, &[opaque]);
        let mixed = format!("{opaque} {wrapper}");
        check(&mixed, "", Some(&format!("{opaque} {TARGET}")), &[opaque]);
        // What stands in a name as it is, is left there, whatever is around it.
        let name = format!("{wrapper} & {opaque}");
        check(&name, &name, None, &[]);
        check(&in_safe_links(&wrapper), &name, Some(&wrapper), &[]);
        // Nor does a gateway hide the link of a bulk mailer.
        check(&in_safe_links(opaque), "", Some(opaque), &[opaque]);
        check(&in_safe_links(opaque), &name, Some(opaque), &[]);
    }

    #[test]
    fn characters_that_proofpoint_took_out_are_put_back() {
        let check = |wrapper: &str, target: &str| {
            assert_eq!(
                target_of(&format!("https://urldefense.com/v3/__{wrapper}")).as_deref(),
                Some(target),
                "{wrapper}"
            );
        };
        check("https://toot.example/*ann__;QA!!x!y$", "https://toot.example/@ann");
        check("https://toot.example/**Aann__;w6TDtg!!x!y$", "https://toot.example/äöann");
        check("https://toot.example/a__b__;!!x!y$", "https://toot.example/a__b");
        check("https:/toot.example/ann__;!!x!y$", "https://toot.example/ann");
    }

    #[test]
    fn a_target_adds_no_line_to_a_text() {
        for target in [
            "%0Ahttps://x.example/",
            "https://x.example/%0Aname",
            "https://x.example/%0D%0A",
            "https://x.example/",
        ] {
            let wrapped = format!("a https://www.google.com/url?q={target} b");
            let text = unwrap_all(&wrapped, "", |_| ()).unwrap_or(wrapped);
            assert_eq!(text.lines().count(), 1, "{text:?}");
        }
    }

    #[test]
    fn wrappers_in_wrappers_are_read_three_deep() {
        let mut link = TARGET.to_owned();
        for _ in 0..DEEPEST {
            link = in_safe_links(&link);
            assert_eq!(target_of(&link).as_deref(), Some(TARGET));
        }
        assert_eq!(target_of(&in_safe_links(&link)), None);
        let mixed = in_safe_links(&format!("https://urldefense.com/v3/__{TARGET}__;!!AbCd!xyz$"));
        assert_eq!(target_of(&mixed).as_deref(), Some(TARGET));
    }

    #[test]
    fn a_target_is_checked_like_any_link() {
        for hostile in [
            "javascript:alert(1)",
            "https://twitter.com@evil.example/x",
            "https://x.example/a b",
            "ftp://x",
            "/x",
        ] {
            for wrapper in wrappers(hostile) {
                assert_eq!(target_of(&wrapper), None, "{wrapper}");
            }
        }
    }

    #[test]
    fn a_host_that_looks_like_a_wrappers_is_an_ordinary_host() {
        for wrapper in wrappers(TARGET) {
            let (scheme, rest) = wrapper.split_once("://").unwrap();
            let end = rest.find(['/', '?']).unwrap();
            let (host, tail) = rest.split_at(end);
            for host in [
                format!("{host}.evil.example"),
                format!("evil-{host}.example"),
                format!("x.y.{host}.example"),
                format!("{host}:8443"),
                host.replace('.', "-") + ".example",
            ] {
                let link = format!("{scheme}://{host}{tail}");
                // Some paths alone show a wrapper, but never its target.
                assert!(target_of(&link).is_none_or(|target| target == link), "{link}");
            }
        }
        for host in [
            "safelinks.protection.outlook.com.evil.example",
            "a.b.safelinks.protection.outlook.com",
            "evilsafelinks.protection.outlook.com",
            "xurldefense.com",
            "google.com.evil.example",
        ] {
            let link = format!("https://{host}/?url={}", encoded(TARGET));
            assert_eq!(target_of(&link).as_deref(), Some(link.as_str()));
        }
    }

    #[test]
    fn a_wrapper_that_does_not_contain_its_target_gives_no_link() {
        for opaque in [
            "http://url3320.toot.example/ls/click?upn=u001.aB3dE-2F01",
            "https://u123.ct.sendgrid.net/wf/click?upn=aB3dE",
            "https://u.email.site.example/uni/ls/click?upn=aB3dE",
            "https://email.mg.toot.example/c/eJxVjcEOgjAQRL-GY7Nb2pYeejDRf0B3kUYoTXcR_Xs",
            "https://mandrillapp.com/track/click/30001234/toot.example?p=eyJzIjoi",
            "https://track.pstmrk.it/link/aB3dE",
            "https://links.toot.example/CL0/https:%2F%2Ftoot.example%2Fann/1/0100-x/y=1",
            "https://ctrk.klclick1.com/l/01AB_2",
            "https://click.mlsend.com/link/c/YT0xJmI9Mg==.aB3",
            "https://abcdef.clicks.mlsend.com/tl/c/eyJ2Ijoi",
            "https://elink56e.toot.example/ss/c/u001.aB3dE/4ab/cD-2/h1/h001.x",
            &customer_io("http://links.toot.example", TARGET),
            "https://x1y2.mjt.lu/lnk/AAAA/1/abc",
            "https://toot.us1.list-manage.com/track/click?u=1&id=2&e=3",
            "https://links.toot.example/f/a/abc~~/def~/ghi~",
            "https://abcdefg.r.bh.d.sendibt3.com/tr/cl/gabnPX8_XQD-3",
            "https://ab12.trk.elasticemail.com/tracking/click?d=4RSOGeS5",
            "https://tracking.toot.example/tracking/click?d=4RSOGeS5",
            "https://protect-us.mimecast.com/s/pwJhCWWA5rTzoqj7Lc6f?domain=toot.example",
            "https://url.uk.m.mimecastprotect.com/s/F6rYCAW0hl6wn3CQg3QZ?domain=toot.example",
        ] {
            assert_eq!(target_of(opaque), None, "{opaque}");
        }
    }

    #[test]
    fn a_wrapper_that_is_cut_leads_nowhere_else() {
        for wrapper in wrappers(TARGET) {
            let (host, _) = wrapper.split_once("toot").unwrap_or((wrapper.as_str(), ""));
            let longest = wrapper.len();
            for cut in host.len().min(60)..longest {
                let Some(found) = wrapper.get(..cut).and_then(target_of) else { continue };
                // An escape may be cut as well; before its path, the wrapper is a link to its own host.
                let escape = found.rfind('%').filter(|escape| found.len() - escape < 3);
                let is_part =
                    found.get(..escape.unwrap_or(found.len())).is_some_and(|it| TARGET.starts_with(it));
                assert!(is_part || wrapper.starts_with(&found), "{wrapper} at {cut}: {found}");
            }
        }
    }

    #[test]
    fn hostile_wrappers_take_bounded_time() {
        let stars = "*".repeat(3_000);
        assert_eq!(target_of(&format!("https://urldefense.com/v3/__https://{stars}__;QUFB!!x!y$")), None);
        let signs = "%25".repeat(1_000);
        assert_eq!(target_of(&format!("https://www.google.com/url?q={signs}")), None);
    }
}
