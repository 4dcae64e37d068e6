//! Where the service's events go: to the journal, with their fields, where standard error leads there; else to standard
//! error, on one line each, with the time, or as JSON (`json_log`).
//!
//! Messages and servers choose some of the words, so everything is written on one line and without control characters, the
//! journal's fields too; only FINDING, which cites lines of a file, keeps its line ends. In the journal the fields are
//! ACCOUNT, NETWORK, FOLLOWER, VERDICT, RULE, FOLDER, UID, TO, MAIL_ID (the Message-ID), TROUBLE, FINDING and WHY; and
//! MESSAGE_ID names the kind of event ([`kind`]).

use std::io::{self, Write};

use tracing::field::{Field, FieldSet, Value, ValueSet, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, MakeWriter};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer};

use super::json_log;
use crate::clock;
use crate::settings::log_filter::doubt;
use crate::text::{line, screen};

/// The kinds of events, each with a number of its own, as the journal's MESSAGE_ID has it (systemd.journal-fields(7)).
#[expect(missing_docs, reason = "each is named after its event")]
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
    pub const DIGEST: &str = "1151dbbfdeaa4193ad1232371a782396";
    pub const HOOK: &str = "5d1f6b0c9a7e4c2e8f3b7d6a1c0e9f42";
    pub const DRIFT: &str = "0a4517506c7f4e85a61e489680a2af4c";
}

/// The fields that only the journal has a use for: the message says them already, or they are of no use there.
const OF_THE_JOURNAL: [&str; 6] = ["message_id", "follower", "rule", "to", "trouble", "why"];

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Warnings and errors.
    Quiet,
    /// What happens to accounts and messages, too.
    Usual,
    /// Every step of followsift, too.
    Verbose,
}

impl Level {
    fn filter(self) -> &'static str {
        match self {
            Self::Quiet => "warn",
            Self::Usual => "info",
            Self::Verbose => "info,followsift=debug",
        }
    }
}

/// What is logged, and how.
#[derive(Clone, Copy, Debug)]
pub struct Log<'a> {
    /// How much is logged.
    pub level: Level,
    /// What is logged besides, or not, as in the `tracing` documentation (`debug`, `followsift=debug`).
    pub filter: &'a str,
    /// The stream that leads to the journal: its device and inode.
    pub journal: Option<(u64, u64)>,
    /// Whether events are JSON where no journal is.
    pub is_json: bool,
}

/// Starts logging. A filter that cannot be read changes nothing, and is warned of.
///
/// Where standard error is the stream to the journal, events go to the journal itself. Where that cannot be reached, each line
/// begins with its level as `<N>`, as sd-daemon(3) has it. Elsewhere it begins with the time. Returns whether the journal reads them.
pub fn start(log: &Log<'_>) -> bool {
    let journal = subscribe(log);
    if let Some(doubt) = doubt(log.filter) {
        tracing::warn!("FOLLOWSIFT_LOG: {doubt}");
    }
    journal
}

fn subscribe(&Log { level, filter, journal, is_json }: &Log<'_>) -> bool {
    let here = rustix::fs::fstat(io::stderr()).map(|stat| (stat.st_dev, stat.st_ino)).ok();
    let journal = journal.is_some() && journal == here;
    let usual = level.filter();
    let filter = EnvFilter::try_new(format!("{usual},{filter}")).unwrap_or_else(|_| EnvFilter::new(usual));
    // Set once, by the command that runs the service; a second start keeps the first.
    if journal && let Ok(layer) = tracing_journald::layer() {
        let priorities = tracing_journald::PriorityMappings {
            info: tracing_journald::Priority::Informational,
            debug: tracing_journald::Priority::Debug,
            ..tracing_journald::PriorityMappings::new()
        };
        let layer = layer.with_field_prefix(None).with_priority_mappings(priorities);
        let _ = tracing::subscriber::set_global_default(
            tracing_subscriber::registry().with(filter).with(Fit(layer)),
        );
        return journal;
    }
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(Harmless);
    if is_json && !journal {
        let subscriber = subscriber.fmt_fields(json_log::Parts).event_format(json_log::JsonLine).finish();
        let _ = tracing::subscriber::set_global_default(subscriber);
        return journal;
    }
    let subscriber = subscriber.fmt_fields(debug_fn(write_field)).event_format(OneLine { journal }).finish();
    let _ = tracing::subscriber::set_global_default(subscriber);
    journal
}

fn write_field(writer: &mut Writer<'_>, field: &Field, value: &dyn std::fmt::Debug) -> std::fmt::Result {
    match field.name() {
        "message" => write!(writer, "{value:?}"),
        name if OF_THE_JOURNAL.contains(&name) => Ok(()),
        name => write!(writer, " {name}={value:?}"),
    }
}

/// `2027-01-15T08:00:00Z  INFO [account=home] message field=value`; where the journal reads, which has the time, `<6>` and the like
/// instead of time and level.
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
            write!(writer, "{} {level:>5} ", clock::now().rfc3339())?;
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
fn priority(level: tracing::Level) -> u8 {
    match level {
        tracing::Level::ERROR => 3,
        tracing::Level::WARN => 4,
        tracing::Level::INFO => 6,
        tracing::Level::DEBUG | tracing::Level::TRACE => 7,
    }
}

/// The journal behind `text`: the layer within writes values unescaped, so it gets every value of every event and span escaped.
/// Each message begins with its account, since only the message is seen as the journal is usually shown.
struct Fit<L>(L);

/// The account of a span, for the messages of the events in it.
struct OfAccount(String);

impl<S: Subscriber + for<'span> LookupSpan<'span>, L: Layer<S>> Layer<S> for Fit<L> {
    fn on_new_span(&self, span: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let values = Values::of(span.metadata().fields(), |visit| span.record(visit));
        if let (Some(account), Some(known)) = (values.text("account"), context.span(id)) {
            known.extensions_mut().insert(OfAccount(account.to_owned()));
        }
        values.hand_to(|values| self.0.on_new_span(&Attributes::new(span.metadata(), values), id, context));
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.metadata(id) else { return };
        let fit = |values: &ValueSet<'_>| self.0.on_record(id, &Record::new(values), context);
        Values::of(span.fields(), |visit| record.record(visit)).hand_to(fit);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut values = Values::of(event.metadata().fields(), |visit| event.record(visit));
        let of_span = || {
            let mut spans = context.event_scope(event)?;
            spans.find_map(|span| span.extensions().get::<OfAccount>().map(|account| account.0.clone()))
        };
        if let Some(account) = values.text("account").map(str::to_owned).or_else(of_span) {
            values.name(&account);
        }
        values.hand_to(|values| self.0.on_event(&Event::new(event.metadata(), values), context));
    }
}

/// The harmless text of each field that has a value.
struct Values<'f> {
    fields: &'f FieldSet,
    texts: Vec<Option<String>>,
}

impl<'f> Values<'f> {
    fn of(fields: &'f FieldSet, record: impl FnOnce(&mut dyn Visit)) -> Self {
        let mut values = Self { fields, texts: vec![None; fields.len()] };
        record(&mut values);
        values
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(self.fields.field(name)?.index())?.as_deref()
    }

    /// Names the account at the beginning of the message.
    fn name(&mut self, account: &str) {
        let message = self.fields.field("message").and_then(|field| self.texts.get_mut(field.index()));
        if let Some(Some(message)) = message
            && !message.starts_with(&format!("{account}: "))
        {
            message.insert_str(0, &format!("{account}: "));
        }
    }

    fn hand_to(&self, layer: impl FnOnce(&ValueSet<'_>)) {
        let texts = self.texts.iter().map(|text| text.as_ref().map(|text| text as &dyn Value));
        layer(&self.fields.value_set_all(&texts.collect::<Vec<_>>()));
    }
}

impl Visit for Values<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        let fit = if field.name() == "finding" { screen(value, false) } else { line(value) };
        if let Some(text) = self.texts.get_mut(field.index()) {
            *text = Some(fit.into_owned());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
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
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    #[test]
    fn a_name_cannot_write_a_second_line_or_move_the_cursor() {
        assert_eq!(harmless("moved name=a\u{1b}[2Jb\n<3>forged\n"), "moved name=a\\u{1b}[2Jb <3>forged\n");
    }

    /// Notes every field of every span and event that it is handed, as the journal would.
    #[derive(Clone, Default)]
    struct Journal(Arc<Mutex<BTreeMap<String, String>>>);

    impl<S: Subscriber> Layer<S> for Journal {
        fn on_new_span(&self, span: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
            span.record(&mut self.clone());
        }

        fn on_record(&self, _: &Id, record: &Record<'_>, _: Context<'_, S>) {
            record.record(&mut self.clone());
        }

        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            event.record(&mut self.clone());
        }
    }

    impl Visit for Journal {
        fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
            self.0.lock().unwrap().insert(field.name().to_owned(), format!("{value:?}"));
        }

        fn record_str(&mut self, field: &Field, value: &str) {
            self.0.lock().unwrap().insert(field.name().to_owned(), value.to_owned());
        }
    }

    #[test]
    fn no_field_in_the_journal_holds_what_a_terminal_obeys() {
        const HOSTILE: &str = "a\u{1b}[2Jb\n<3>c\u{202e}d\u{9b}e";
        const HARMLESS: &str = "a\\u{1b}[2Jb <3>c\\u{202e}d\\u{9b}e";
        let journal = Journal::default();
        let subscriber = tracing_subscriber::registry().with(Fit(journal.clone()));
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("account", account = HOSTILE, later = tracing::field::Empty);
            span.record("later", HOSTILE);
            let _inside = span.entered();
            let cause = io::Error::other(HOSTILE);
            let nothing = None::<&str>;
            tracing::warn!(trouble = HOSTILE, folder = %HOSTILE, why = ?HOSTILE, uid = 7, share = 0.5, is_new = true,
                cause = &cause as &dyn std::error::Error, nothing, finding = "rules.toml:1\n  a\u{1b}b", "moved {HOSTILE}");
        });
        let journal = journal.0.lock().unwrap();
        let expected: BTreeMap<String, String> = [
            ("account", HARMLESS),
            ("later", HARMLESS),
            ("trouble", HARMLESS),
            ("folder", HARMLESS),
            ("why", "\"a\\u{1b}[2Jb\\n<3>c\\u{202e}d\\u{9b}e\""),
            ("uid", "7"),
            ("share", "0.5"),
            ("is_new", "true"),
            ("cause", HARMLESS),
            ("finding", "rules.toml:1\n  a\\u{1b}b"),
            ("message", &format!("{HARMLESS}: moved {HARMLESS}")),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        assert_eq!(*journal, expected);
    }

    #[test]
    fn a_line_ends_once() {
        assert_eq!(harmless("moved\n"), "moved\n");
        assert_eq!(harmless("moved"), "moved\n");
    }
}
