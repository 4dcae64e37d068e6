//! What gateways and mail services put around links, as they write it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::mail::Mail;

/// As `encodeURIComponent` encodes.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn encoded(link: &str) -> String {
    utf8_percent_encode(link, COMPONENT).to_string()
}

/// Microsoft 365, "Safe Links".
pub(crate) fn safe_links(link: &str) -> String {
    format!(
        "https://eur01.safelinks.protection.outlook.com/?url={}&data=05%7C02%7Crob%40home.example%7C0a1b%7C0%7C0\
         %7C638000000000000000%7CUnknown%7CTWFpbGZsb3d8%7C0%7C%7C%7C&sdata=aBc%2FdEf%3D&reserved=0",
        encoded(link)
    )
}

/// Proofpoint's second form: percent signs become hyphens, slashes underscores.
pub(crate) fn proofpoint_2(link: &str) -> String {
    const STRICT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'/');
    let target = utf8_percent_encode(link, STRICT).to_string().replace('%', "-").replace('/', "_");
    format!("https://urldefense.proofpoint.com/v2/url?u={target}&d=DwMFaQ&c=aBc&r=dEf&m=gHi-jK_l&s=mNo&e=")
}

/// Proofpoint's third form: some characters become stars and follow in base64; a run of them is `**` with its length.
pub(crate) fn proofpoint_3(link: &str) -> String {
    const LENGTHS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let is_taken = |c: char| !c.is_ascii() || matches!(c, '%' | '#' | '~' | '!' | '*' | '\'' | '+' | '|');
    let (mut target, mut taken, mut rest) = (String::new(), String::new(), link);
    while let Some(c) = rest.chars().next() {
        let run: String = rest.chars().take_while(|c| is_taken(*c)).collect();
        match run.chars().count() {
            0 => target.push(c),
            1 => target.push('*'),
            many => {
                target.push_str("**");
                target.push(char::from(*LENGTHS.get(many - 2).unwrap_or(&b'A')));
            }
        }
        rest = rest.get(run.len().max(if run.is_empty() { c.len_utf8() } else { 0 })..).unwrap_or_default();
        taken.push_str(&run);
    }
    format!(
        "https://urldefense.com/v3/__{target}__;{}!!AbCd!xyz0-_$",
        URL_SAFE.encode(taken).trim_end_matches('=')
    )
}

/// Barracuda, "Link Protection".
pub(crate) fn barracuda(link: &str) -> String {
    format!("https://linkprotect.cudasvc.com/url?a={}&c=E,1,aBc-dEf_,&typo=1", encoded(link))
}

/// Cisco Secure Email.
pub(crate) fn cisco(link: &str) -> String {
    format!("https://secure-web.cisco.com/1aBcDeF-gHi_jKl/{}", encoded(link))
}

/// Sophos, "Time of Click": the target in base64.
pub(crate) fn sophos(link: &str) -> String {
    let host = link.split('/').nth(2).unwrap_or_default();
    format!(
        "https://eu-central-1.protection.sophos.com?d={host}&u={}&p=m&i=NWZh&t=aBc&h=0a1b&s=AVNPUEh0T0NFTkNSWVBUSVY",
        encoded(&STANDARD.encode(link))
    )
}

/// Google, as its mail programs and groups write.
pub(crate) fn google(link: &str) -> String {
    format!("https://www.google.com/url?q={}&sa=D&source=calendar&usg=AOvVaw0", encoded(link))
}

/// Two wrappers, as where a message passes two gateways.
pub(crate) fn both(link: &str) -> String {
    safe_links(&proofpoint_2(link))
}

/// Mimecast as of today: only the target's domain is in it.
pub(crate) fn mimecast(link: &str) -> String {
    let host = link.split(['/', '?']).nth(2).unwrap_or_default();
    format!("https://protect-eu.mimecast.com/s/{}?domain={host}", opaque(link))
}

/// SendGrid, on a host of the sender.
pub(crate) fn sendgrid(link: &str) -> String {
    format!("http://url3320.mail.example/ls/click?upn=u001.{}-2F01", opaque(link))
}

/// Mailgun, on a host of the sender.
pub(crate) fn mailgun(link: &str) -> String {
    format!("https://email.mail.example/c/eJx{}", opaque(link))
}

/// Characters that differ with the link, and do not show it.
fn opaque(link: &str) -> String {
    let sum = link.bytes().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    format!("aB3dE{sum:x}")
}

/// Rewrites every link of the text part; is there one?
pub(crate) fn in_text(mail: &mut Mail, wrap: fn(&str) -> String) -> bool {
    let Some(text) = &mut mail.text else { return false };
    let (mut written, mut rest, mut is_changed) = (String::new(), text.as_str(), false);
    while let Some(start) = [rest.find("https://"), rest.find("http://")].into_iter().flatten().min() {
        let (before, link) = rest.split_at(start);
        let end = link
            .find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | ']' | ')'))
            .unwrap_or(link.len());
        let end = link.get(..end).unwrap_or_default().trim_end_matches(['.', ',', ';', ':', '!']).len();
        let (link, after) = link.split_at(end);
        written.push_str(before);
        written.push_str(&wrap(link));
        (rest, is_changed) = (after, true);
    }
    written.push_str(rest);
    *text = written;
    is_changed
}

/// Rewrites every link of the HTML part; is there one?
pub(crate) fn in_html(mail: &mut Mail, wrap: fn(&str) -> String) -> bool {
    let Some(html) = &mut mail.html else { return false };
    let (mut written, mut rest, mut is_changed) = (String::new(), html.as_str(), false);
    let starts = ["href=\"", "href='", "HREF=\"", "href = \""];
    while let Some((start, open)) =
        starts.iter().filter_map(|open| Some((rest.find(open)?, open))).min_by_key(|(start, _)| *start)
    {
        let (before, after) = rest.split_at(start + open.len());
        let quote = if open.ends_with('\'') { '\'' } else { '"' };
        let (target, after) = after.split_at(after.find(quote).unwrap_or(after.len()));
        written.push_str(before);
        let link = unescaped(target.trim());
        if link.starts_with("http") {
            written
                .push_str(&wrap(&link).replace('&', "&amp;").replace('"', "&quot;").replace('\'', "&#39;"));
            is_changed = true;
        } else {
            written.push_str(target);
        }
        rest = after;
    }
    written.push_str(rest);
    *html = written;
    is_changed
}

/// The entities that links and plain text have.
pub(crate) fn unescaped(text: &str) -> String {
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#039;", "'"),
        ("&#x27;", "'"),
        ("&#x2F;", "/"),
        ("&#47;", "/"),
        ("&#x3D;", "="),
        ("&#61;", "="),
        ("&#64;", "@"),
        ("&#x40;", "@"),
        ("&nbsp;", "\u{a0}"),
        ("&#38;", "&"),
        ("&#038;", "&"),
        ("&amp;", "&"),
    ];
    entities.iter().fold(text.to_owned(), |text, (entity, by)| text.replace(entity, by))
}
