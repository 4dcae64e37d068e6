//! Events as JSON, one object on a line, for programs that collect the log of a container.
//!
//! An object has `time`, `level` and `message`, and the fields of the event and of the spans around it. `log` uses it where it is
//! asked for and where no journal is.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use crate::clock;
use crate::text::json;

/// Fields, as they are kept of a span: a part of an object.
pub(super) struct Parts;

impl<'w> FormatFields<'w> for Parts {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut found = Found::default();
        fields.record(&mut found);
        for (name, value) in found.0 {
            write!(writer, ",{}:{value}", Value::from(name))?;
        }
        Ok(())
    }
}

/// The line of an event.
pub(super) struct JsonLine;

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut found = Found::default();
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>()
                && let Ok(fields) = serde_json::from_str(&format!("{{{}}}", fields.trim_start_matches(',')))
            {
                let fields: Map<String, Value> = fields;
                found.0.extend(fields);
            }
        }
        event.record(&mut found);
        let mut line = String::new();
        let message = found.0.remove("message").unwrap_or_default();
        let level = event.metadata().level().as_str().to_lowercase();
        write!(
            line,
            "{{\"time\":\"{}\",\"level\":\"{level}\",\"message\":{message}",
            clock::now().rfc3339()
        )?;
        for (name, value) in found.0 {
            write!(line, ",{}:{value}", Value::from(name))?;
        }
        writeln!(writer, "{}}}", json(&line))
    }
}

/// The fields of an event or a span.
#[derive(Default)]
struct Found(Map<String, Value>);

impl Found {
    fn note(&mut self, field: &Field, value: Value) {
        self.0.insert(field.name().to_owned(), value);
    }
}

impl Visit for Found {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.note(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.note(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.note(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.note(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.note(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.note(field, format!("{value:?}").into());
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        const HOSTILE: &str = "a\u{1b}[2Jb\n<3>c\u{202e}\"d\\";
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .fmt_fields(Parts)
            .event_format(JsonLine)
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("account", account = %HOSTILE, later = tracing::field::Empty);
            span.record("later", HOSTILE);
            let _inside = span.entered();
            let cause = io::Error::other(HOSTILE);
            tracing::warn!(
                uid = 7,
                share = 0.5,
                is_new = true,
                cause = &cause as &dyn std::error::Error,
                "moved {HOSTILE}"
            );
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let line = text.strip_suffix('\n').unwrap();
        assert_eq!(crate::text::line(line), line);
        let event: Value = serde_json::from_str(line).unwrap();
        assert!(event["time"].as_str().is_some_and(|time| time.len() == 20 && time.ends_with('Z')), "{line}");
        let expected = serde_json::json!({
            "time": event["time"], "level": "warn", "message": format!("moved {HOSTILE}"), "account": HOSTILE, "later": HOSTILE,
            "uid": 7, "share": 0.5, "is_new": true, "cause": HOSTILE,
        });
        assert_eq!(event, expected);
    }
}
