//! Logging: one place decides where log lines go and how they look.

mod journald;
mod line;
mod thin;

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::OnceLock;

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use journald::Journald;
use line::{Lines, Sink};

/// Target of log lines that an operator reads although nothing is wrong: the journal of systemd always gets them, standard error with `-v`.
pub const NEWS: &str = "shakedown-news";

/// Identities of the lines with the target [`NEWS`], for `journalctl MESSAGE_ID=…` (`man 7 systemd.journal-fields`). They never change.
pub mod id {
    /// A script result changed its status.
    pub const SCRIPT_STATUS: &str = "5ed109a6ce4d4559994c2226d1aa04a4";
    /// A device was added, removed, moved or changed.
    pub const HARDWARE: &str = "b6bb67590d7f4272b0af9627e6267664";
    /// A drive or another part is in trouble, or a device comes and goes.
    pub const NOTICED: &str = "3fb192f0259a445c8f823dba72523bce";
}

/// Priorities of syslog (RFC 5424, 6.2.1), for lines with the target [`NEWS`]: news of a failure is no complaint of this program.
pub mod priority {
    /// Error conditions.
    pub const ERR: u8 = 3;
    /// Warning conditions.
    pub const WARNING: u8 = 4;
    /// Normal but significant conditions.
    pub const NOTICE: u8 = 5;
    /// Informational messages.
    pub const INFO: u8 = 6;
    /// Debug messages.
    pub const DEBUG: u8 = 7;
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for log collectors.
    Json,
}

static DESTINATION: OnceLock<Destination> = OnceLock::new();

/// True if log lines go to the journal of systemd: lines with the target [`NEWS`] are shown there, and need not be printed as well.
#[must_use]
pub fn is_journald() -> bool {
    DESTINATION.get() == Some(&Destination::Journald)
}

/// Where log lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Destination {
    /// Standard error.
    Stderr,
    /// The journal of systemd, with priority and fields.
    Journald,
}

/// Starts logging, at `warn` plus one step for each `verbosity`, unless `SHAKEDOWN_LOG` says otherwise: to the journal of systemd if standard error
/// leads there anyway, and to standard error if not.
pub fn start(format: LogFormat, verbosity: u8) {
    let (sink, destination) = match Journald::of_stderr() {
        Some(journal) if format == LogFormat::Text => (Sink::Journald(journal), Destination::Journald),
        _ => (Sink::Stderr { has_colours: io::stderr().is_terminal() }, Destination::Stderr),
    };
    let _ = DESTINATION.set(destination);
    let filter = filter(verbosity, destination);
    let layer = match format {
        LogFormat::Text => Lines::new(sink).boxed(),
        // A log line that cannot be written is lost. To complain of that where it cannot be written either would be a panic.
        LogFormat::Json => {
            fmt::layer().with_writer(|| JsonLine).with_ansi(false).log_internal_errors(false).json().boxed()
        }
    };
    // A second start happens only in tests, where the first one holds.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
}

/// The filter of log lines.
fn filter(verbosity: u8, destination: Destination) -> Targets {
    let default = match (verbosity, destination) {
        (0, Destination::Stderr) => "warn",
        (0, Destination::Journald) => "shakedown-news=info,warn",
        (1, _) => "shakedown=info,warn",
        (2, _) => "shakedown=debug,info",
        _ => "trace",
    };
    let default = || default.parse().unwrap_or_default();
    let Ok(asked) = std::env::var("SHAKEDOWN_LOG") else { return default() };
    match parse(&asked) {
        Ok(filter) => filter,
        Err(wrong) => {
            let _ = writeln!(
                io::stderr(),
                "shakedown: WARNING: SHAKEDOWN_LOG is not used: {wrong:?} is neither a level (error, warn, info, debug, trace, off) nor \
                 MODULE=LEVEL, for example shakedown=debug"
            );
            default()
        }
    }
}

/// Reads a filter: `module=level` for modules, not spans, since what takes those brings a regular expression engine of a megabyte. Returns the part
/// that is wrong.
fn parse(text: &str) -> Result<Targets, String> {
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let level = part.rsplit_once('=').map_or(part, |(_, level)| level);
        // The library takes a word that is no level for a module, of which everything is logged.
        if !level.eq_ignore_ascii_case("off") && level.parse::<Level>().is_err() {
            return Err(part.to_owned());
        }
    }
    text.parse().map_err(|_| text.to_owned())
}

/// Standard error, which gets each event as one line that no terminal obeys.
struct JsonLine;

impl io::Write for JsonLine {
    /// Takes a whole event.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        line::write_line(&String::from_utf8_lossy(bytes), None)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_filter_is_found_and_a_right_one_is_taken() {
        for wrong in ["debg", "shakedown::region", "shakedown=dbug", "warn,region=loud", "5x"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        for right in ["", "debug", "WARN", "off", "shakedown::region=debug", "warn, shakedown=trace", "hyper=off,info"]
        {
            assert!(parse(right).is_ok(), "{right}");
        }
    }
}
