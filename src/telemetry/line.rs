//! Events as lines of text, to standard error or to the journal of systemd.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::journald::Journald;
use super::thin::{Thinned, Thinner};
use crate::printable::OneLine;

/// Name of the field with the identity of a kind of message (`man 7 systemd.journal-fields`).
const MESSAGE_ID: &str = "message_id";

/// Name of the field with a priority that differs from that of the level: news of a failure is no complaint of this program.
const PRIORITY: &str = "syslog_priority";

/// Where lines go.
#[derive(Debug)]
pub(super) enum Sink {
    /// Standard error.
    Stderr {
        /// The level is shown by a colour.
        has_colours: bool,
    },
    /// The journal of systemd.
    Journald(Journald),
}

/// The layer that writes them.
#[derive(Debug)]
pub(super) struct Lines {
    sink: Sink,
    thinner: Mutex<Thinner>,
}

impl Lines {
    pub(super) fn new(sink: Sink) -> Self {
        Lines { sink, thinner: Mutex::default() }
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = *event.metadata().level();
        let mut told = Told::default();
        event.record(&mut told);
        if level <= Level::WARN {
            let mut thinner = self.thinner.lock().unwrap_or_else(PoisonError::into_inner);
            match thinner.decide(&told.key, Instant::now()) {
                Thinned::Show => {}
                Thinned::Hide => return,
                Thinned::Still(since, hidden) => {
                    let _ = write!(
                        told.text,
                        " (still, since {} minutes; {hidden} such lines left out)",
                        since.as_secs() / 60
                    );
                }
            }
        }
        // A line that cannot be written is lost: there is nobody to complain to.
        let _ = match &self.sink {
            Sink::Stderr { has_colours } => write_line(
                &format!("{:.6} {:>5} {}", Timestamp::now(), level.as_str(), told.text),
                has_colours.then(|| colour(level)),
            ),
            Sink::Journald(journal) => journal.send(level, &OneLine(&told.text).to_string(), &told.fields),
        };
    }
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "31",
        Level::WARN => "33",
        _ => "2",
    }
}

/// Writes a line to standard error. The only colour is our own.
pub(super) fn write_line(text: &str, colour: Option<&'static str>) -> io::Result<()> {
    let line = OneLine(text.trim_end_matches('\n'));
    let mut stderr = io::stderr().lock();
    match colour {
        Some(colour) => writeln!(stderr, "\u{1b}[{colour}m{line}\u{1b}[0m"),
        None => writeln!(stderr, "{line}"),
    }
}

/// An event as text.
#[derive(Debug, Default)]
struct Told {
    /// The message and its fields, as people read them.
    text: String,
    /// Message and fields without numbers. Two lines with one key count as one line that repeats.
    key: String,
    /// The fields by name.
    fields: Vec<(&'static str, String)>,
}

impl Told {
    fn take(&mut self, field: &Field, value: &dyn fmt::Display, is_number: bool) {
        match field.name() {
            "message" => {
                // The message comes before the fields, whatever their order.
                self.text.insert_str(0, &value.to_string());
                self.key.insert_str(0, &value.to_string());
            }
            name @ (MESSAGE_ID | PRIORITY) => self.fields.push((name, value.to_string())),
            name => {
                let _ = write!(self.text, " {name}={value}");
                if !is_number {
                    let _ = write!(self.key, " {name}={value}");
                }
                self.fields.push((name, value.to_string()));
            }
        }
    }
}

impl Visit for Told {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field, &format_args!("{value:?}"), false);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        // As the library's own lines show texts, so that their ends can be seen.
        if field.name() == MESSAGE_ID || field.name() == "message" {
            self.take(field, &value, false);
        } else {
            self.take(field, &format_args!("{value:?}"), false);
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.take(field, &value, true);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.take(field, &value, true);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.take(field, &value, true);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.take(field, &value, false);
    }
}
