//! A message taken apart into what a gateway, an alias service or a mail program rewrites, and put together again.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use followsift::mail::{Message, Notification};

/// A message in pieces. Its parts are decoded; what it has besides text and HTML is left out.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    /// Header fields without those of MIME, their values unfolded but not decoded.
    fields: Vec<(String, String)>,
    pub(crate) text: Option<String>,
    pub(crate) html: Option<String>,
    /// Texts that stand as parts of their own before and after the message's.
    pub(crate) before: Vec<String>,
    pub(crate) after: Vec<String>,
    /// Is it inside another multipart, beside an attachment?
    pub(crate) is_nested: bool,
    /// Are its parts written in base64, in pieces that are padded each?
    pub(crate) is_in_padded_pieces: bool,
    pub(crate) line_end: &'static str,
    /// What was read in it before, if it is a notification.
    pub(crate) genuine: Option<Notification>,
    /// What its links were changed to, where the site has moved.
    pub(crate) moves: Vec<(String, String)>,
}

impl Mail {
    pub(crate) fn take_apart(bytes: &[u8], genuine: Option<&Notification>) -> Option<Self> {
        let message = Message::parse(bytes).ok()?;
        let source = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
        let header = source.split("\n\n").next()?;
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in header.split('\n') {
            match (line.starts_with([' ', '\t']), fields.last_mut(), line.split_once(':')) {
                (true, Some((_, value)), _) => value.push_str(line),
                (false, _, Some((name, value))) => fields.push((name.to_owned(), value.trim().to_owned())),
                _ => {}
            }
        }
        fields.retain(|(name, _)| !name.to_lowercase().starts_with("content-"));
        fields.retain(|(name, _)| !name.eq_ignore_ascii_case("mime-version"));
        Some(Self {
            fields,
            text: message.text().map(str::to_owned),
            html: message.html().map(str::to_owned),
            before: Vec::new(),
            after: Vec::new(),
            is_nested: false,
            is_in_padded_pieces: false,
            line_end: "\r\n",
            genuine: genuine.cloned(),
            moves: Vec::new(),
        })
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let fields: String = self.fields.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        let parts: Vec<_> = [("plain", &self.text), ("html", &self.html)]
            .into_iter()
            .filter_map(|(kind, body)| Some(self.part(kind, body.as_ref()?)))
            .collect();
        let mut body = match parts.as_slice() {
            [part] => part.clone(),
            parts => multipart("alternative", parts),
        };
        if self.is_nested {
            let attached =
                "Content-Type: application/octet-stream\nContent-Disposition: attachment\n\n\0\u{1}\n"
                    .to_owned();
            body = multipart("mixed", &[multipart("related", &[body]), attached]);
        }
        if !self.before.is_empty() || !self.after.is_empty() {
            let before = self.before.iter().map(|text| self.part("plain", text));
            let after = self.after.iter().map(|text| self.part("plain", text));
            body = multipart("mixed", &before.chain([body]).chain(after).collect::<Vec<_>>());
        }
        format!("{fields}MIME-Version: 1.0\n{body}")
            .replace("\r\n", "\n")
            .replace('\n', self.line_end)
            .into_bytes()
    }

    fn part(&self, kind: &str, body: &str) -> String {
        if !self.is_in_padded_pieces {
            return format!(
                "Content-Type: text/{kind}; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{body}\n"
            );
        }
        let lines: Vec<_> = body.as_bytes().chunks(40).map(|piece| STANDARD.encode(piece)).collect();
        let head = format!("Content-Type: text/{kind}; charset=utf-8\nContent-Transfer-Encoding: base64\n\n");
        head + &lines.join("\n") + "\n"
    }

    /// The value of a field as it stands.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        field.map(|(_, value)| value.as_str())
    }

    /// Writes a field in the place of the one of that name, or above all others.
    pub(crate) fn set(&mut self, name: &str, value: String) {
        match self.fields.iter_mut().find(|(other, _)| other.eq_ignore_ascii_case(name)) {
            Some((_, old)) => *old = value,
            None => self.fields.insert(0, (name.to_owned(), value)),
        }
    }

    /// Takes a field away; was it there?
    pub(crate) fn drop(&mut self, name: &str) -> bool {
        let before = self.fields.len();
        self.fields.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.fields.len() < before
    }

    /// The subject as people read it.
    pub(crate) fn subject(&self) -> String {
        Message::parse(format!("Subject: {}\n\n", self.field("Subject").unwrap_or_default()).as_bytes())
            .map(|message| message.subject().to_owned())
            .unwrap_or_default()
    }

    /// Name, local part and domain of the sender.
    pub(crate) fn sender(&self) -> Option<(String, String, String)> {
        let from = self.field("From")?;
        let name = from.rsplit_once('<').map_or("", |(name, _)| name).trim().trim_matches('"').to_owned();
        let message = format!("From: {from}\n\n");
        let address = Message::parse(message.as_bytes()).ok()?.from()?;
        let (local, domain) = address.rsplit_once('@')?;
        // An encoded name is kept as it is, outside of quotes.
        Some((name, local.to_owned(), domain.to_owned()))
    }

    /// The host of the site: the server that a notification shows, else the sender's domain.
    pub(crate) fn host(&self) -> Option<String> {
        let shown = self.genuine.as_ref().and_then(|genuine| genuine.instance.clone());
        shown.or_else(|| Some(self.sender()?.2))
    }

    /// Replaces text wherever it stands in the parts; did it stand anywhere?
    pub(crate) fn replace(&mut self, from: &str, to: &str) -> bool {
        let mut is_changed = false;
        for part in [&mut self.text, &mut self.html].into_iter().flatten() {
            is_changed |= part.contains(from);
            *part = part.replace(from, to);
        }
        is_changed
    }
}

fn multipart(kind: &str, parts: &[String]) -> String {
    // Parts inside have other boundaries, since they are shorter.
    let boundary = format!("=_{kind}{}", parts.iter().map(String::len).sum::<usize>());
    let parts: String = parts.iter().map(|part| format!("--{boundary}\n{part}\n")).collect();
    format!("Content-Type: multipart/{kind}; boundary=\"{boundary}\"\n\n{parts}--{boundary}--\n")
}
