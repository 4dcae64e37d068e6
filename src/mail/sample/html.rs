//! The HTML of a sample: its tags and their attributes as they are, its texts and links with other words.

use std::convert::Infallible;

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};

use super::words::Words;

/// HTML with other words. Comments and scripts are left out, and so are pictures that are in the text itself.
pub(super) fn replaced(html: &str, words: &Words) -> String {
    let mut writer = Writer {
        html: String::with_capacity(html.len()),
        words,
        tag: String::new(),
        attribute: String::new(),
    };
    let mut emitter = CallbackEmitter::<_, Infallible>::new(
        |event: CallbackEvent<'_>, _: Span<()>| -> Option<Infallible> {
            writer.take(event);
            None
        },
    );
    emitter.naively_switch_states(true);
    let Ok(()) = Tokenizer::new_with_emitter(html, emitter).finish();
    writer.html
}

struct Writer<'w> {
    html: String,
    words: &'w Words,
    /// The tag that is open, if its text is of another kind.
    tag: String,
    attribute: String,
}

impl Writer<'_> {
    fn take(&mut self, event: CallbackEvent<'_>) {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.tag = text(name);
                self.html.push('<');
                self.html.push_str(&self.tag);
            }
            CallbackEvent::AttributeName { name } => {
                self.attribute = text(name);
                self.html.push(' ');
                self.html.push_str(&self.attribute);
            }
            CallbackEvent::AttributeValue { value } => {
                let value = self.value(&text(value));
                self.html.push_str("=\"");
                self.html.push_str(&value.replace('&', "&amp;").replace('"', "&quot;"));
                self.html.push('"');
            }
            CallbackEvent::CloseStartTag { self_closing } => {
                self.html.push_str(if self_closing { " />" } else { ">" });
            }
            CallbackEvent::EndTag { name } => {
                self.tag.clear();
                self.html.push_str("</");
                self.html.push_str(&text(name));
                self.html.push('>');
            }
            CallbackEvent::String { value } => {
                let value = text(value);
                match self.tag.as_str() {
                    "script" => {}
                    "style" => self.html.push_str(&self.words.text(&value)),
                    _ => {
                        let value = self.words.text(&value);
                        self.html
                            .push_str(&value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
                    }
                }
            }
            CallbackEvent::Doctype { name, .. } => {
                self.html.push_str("<!DOCTYPE ");
                self.html.push_str(&text(name));
                self.html.push('>');
            }
            CallbackEvent::Comment { .. } | CallbackEvent::Error(_) => {}
        }
    }

    fn value(&self, value: &str) -> String {
        match self.attribute.as_str() {
            "href" | "src" | "background" | "action" | "cite" | "poster" => match value.split_once(':') {
                Some(("data", _)) => "data:,".to_owned(),
                Some(("http" | "https" | "HTTP" | "HTTPS", _)) => self.words.link(value, 0),
                _ => self.words.opaque(value),
            },
            name if name.starts_with("on") => String::new(),
            name if name.starts_with("data-") => self.words.opaque(value),
            _ => self.words.text(value),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
