//! Where the service's events go: to the journal, with their fields, where standard error leads there; else to standard
//! error, on one line each.
//!
//! Messages and servers choose some of the words, so everything is written on one line and without control characters. In the
//! journal the fields are ACCOUNT, NETWORK, FOLLOWER, VERDICT, RULE, FOLDER, UID, TO, MAIL_ID (the Message-ID),
//! TROUBLE, FINDING and WHY; and MESSAGE_ID names the kind of event ([`kind`]).

use std::io::{self, Write};

use tracing::field::Field;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;

use crate::settings::log_filter::doubt;
use crate::text::line;

/// The kinds of events, each with a number of its own, as the journal's MESSAGE_ID has it (systemd.journal-fields(7)).
#[expect(missing_docs, reason = "each is named after the event that bears it")]
pub mod kind {
    pub const CONNECTED: &str = "701f1420a280401a9c5cfd242ed1b276";
    pub const AWAY: &str = "a06308f13ac444999c84d0b3c38d1153";
    pub const PARKED: &str = "046c8c9b118a47959d0704a2dc32a2b3";
    pub const DIED: &str = "840912025c6f4e2b94e47d7a7f17e71c";
    pub const HANGS: &str = "a2949d17f191420b8d9bfdf2055c2936";
    pub const PANICKED: &str = "2b8bf14769244720b8da223cfde809d6";
    pub const RELOADED: &str = "dc219a4d6ead4abd92c78da2419aa7b9";
    pub const REFUSED: &str = "e6236f5db4374f0eadb2d7c6590f0630";
    pub const MOVED: &str = "627ec91fdfd94da58081e6adb77bc16a";
    pub const MARKED: &str = "a7f5768a4a274dd6b84b91e10078c380";
    pub const OBSERVED: &str = "e720c55cb0514678891c965339242333";
    pub const PUT_BACK: &str = "0fab8e385f844a0688030a36c8a57f86";
    pub const LEFT: &str = "cf3bf03e01dc4aa4b934374bba662c77";
    pub const GONE: &str = "35f9df72169340308afd0cbd4828e5a9";
    pub const STAYS: &str = "1e0d845d08b540e6bc520c4cd1fbc427";
    pub const FOLDER: &str = "41dd8cf735994643937b06a6fe272dbd";
    pub const HELD_BACK: &str = "fa0cda140c624135900938588dc33042";
    pub const INCOMPLETE: &str = "5db53e18245546fda128f00854cffb4c";
    pub const REMAINS: &str = "4b0c3d7f2f7e4c52a7be1d9db0c7e0f3";
    pub const BLOCKED: &str = "c1de93b64e4a4f0f8a6d1f7e35b2a98d";
    pub const DRIFT: &str = "0a4517506c7f4e85a61e489680a2af4c";
}

/// The fields that only the journal has a use for: the message says them already, or they are of no use there.
const OF_THE_JOURNAL: [&str; 6] = ["message_id", "follower", "rule", "to", "trouble", "why"];

/// Starts logging. `filter` is as in the `tracing` documentation (`debug`, `followsift=debug`), and adds to `info`; one that
/// cannot be read changes nothing, and is warned of.
///
/// Where standard error is `journal`, a stream to the journal (its device and inode), events go to the journal itself. Where
/// that cannot be reached, each line begins with its level as `<N>`, as sd-daemon(3) has it.
pub fn start(filter: &str, journal: Option<(u64, u64)>) {
    subscribe(filter, journal);
    if let Some(doubt) = doubt(filter) {
        tracing::warn!("FOLLOWSIFT_LOG: {doubt}");
    }
}

fn subscribe(filter: &str, journal: Option<(u64, u64)>) {
    let here = rustix::fs::fstat(io::stderr()).map(|stat| (stat.st_dev, stat.st_ino)).ok();
    let journal = journal.is_some() && journal == here;
    let filter = EnvFilter::try_new(format!("info,{filter}")).unwrap_or_else(|_| EnvFilter::new("info"));
    // Set once, by the command that runs the service; a second start keeps the first.
    if journal && let Ok(layer) = tracing_journald::layer() {
        let priorities = tracing_journald::PriorityMappings {
            info: tracing_journald::Priority::Informational,
            debug: tracing_journald::Priority::Debug,
            ..tracing_journald::PriorityMappings::new()
        };
        let layer = layer.with_field_prefix(None).with_priority_mappings(priorities);
        let _ =
            tracing::subscriber::set_global_default(tracing_subscriber::registry().with(filter).with(layer));
        return;
    }
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .fmt_fields(debug_fn(write_field))
        .event_format(OneLine { journal })
        .with_writer(Harmless)
        .finish();
    let _ = tracing::subscriber::set_global_default(subscriber);
}

fn write_field(writer: &mut Writer<'_>, field: &Field, value: &dyn std::fmt::Debug) -> std::fmt::Result {
    match field.name() {
        "message" => write!(writer, "{value:?}"),
        name if OF_THE_JOURNAL.contains(&name) => Ok(()),
        name => write!(writer, " {name}={value:?}"),
    }
}

/// ` INFO [account=home] message field=value`, after `<6>` and the like instead of the level where the journal reads.
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
                write!(writer, "[{}] ", fields.trim_start())?;
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

/// Standard error behind `text::line`. An event arrives in one write.
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

/// The event on one line, whose end it keeps.
fn harmless(text: &str) -> String {
    format!("{}\n", line(text.strip_suffix('\n').unwrap_or(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_write_a_second_line_or_move_the_cursor() {
        assert_eq!(harmless("moved name=a\u{1b}[2Jb\n<3>forged\n"), "moved name=a\\u{1b}[2Jb <3>forged\n");
    }

    #[test]
    fn a_line_ends_once() {
        assert_eq!(harmless("moved\n"), "moved\n");
        assert_eq!(harmless("moved"), "moved\n");
    }
}
