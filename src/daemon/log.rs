//! Where the service's events go: standard error, with a level that the journal understands.
//!
//! Mails and servers choose some of the words, so everything is written on one line and without control characters.

use std::io::{self, Write};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

/// Starts logging to standard error. `filter` is as in the `tracing` documentation (`debug`, `followsift=debug`);
/// one that cannot be read counts as `info`.
///
/// Where standard error is `journal`, a stream to the journal (its device and inode), each line begins with its level as
/// `<N>`, as sd-daemon(3) has it.
pub fn start(filter: &str, journal: Option<(u64, u64)>) {
    let here = rustix::fs::fstat(io::stderr()).map(|stat| (stat.st_dev, stat.st_ino)).ok();
    let journal = journal.is_some() && journal == here;
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .fmt_fields(DefaultFields::new())
        .event_format(OneLine { journal })
        .with_writer(Harmless)
        .finish();
    // Set once, by the command that runs the service; a second start keeps the first.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// `LEVEL account{name=home}: message field=value`.
struct OneLine {
    journal: bool,
}

impl<S, N> FormatEvent<S, N> for OneLine
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let level = *event.metadata().level();
        if self.journal {
            write!(writer, "<{}>", priority(level))?;
        } else {
            write!(writer, "{level:>5} ")?;
        }
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>()
                && !fields.is_empty()
            {
                write!(writer, "[{fields}] ")?;
            }
        }
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

/// The level as syslog numbers it (RFC 5424, section 6.2.1).
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

/// Standard error behind a filter for control characters. An event arrives in one write.
struct Harmless;

impl<'a> MakeWriter<'a> for Harmless {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}

impl Write for Harmless {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        io::stderr().lock().write_all(harmless(&String::from_utf8_lossy(event)).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// The text on one line: control characters are shown as their escapes, but for the newline at the end.
fn harmless(text: &str) -> String {
    let line = text.strip_suffix('\n').unwrap_or(text);
    let mut shown = String::with_capacity(text.len() + 1);
    for c in line.chars() {
        if c.is_control() { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown.push('\n');
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_write_a_second_line_or_move_the_cursor() {
        assert_eq!(harmless("moved name=a\u{1b}[2Jb\n<3>forged\n"), "moved name=a\\u{1b}[2Jb\\n<3>forged\n");
    }

    #[test]
    fn a_line_ends_once() {
        assert_eq!(harmless("moved\n"), "moved\n");
        assert_eq!(harmless("moved"), "moved\n");
    }
}
