//! Logging: one place decides where log lines go and how they look.

use std::io::{self, IsTerminal as _, Write};

use tracing::{Level, Metadata};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use crate::printable::OneLine;

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for log collectors.
    Json,
}

/// Starts logging to standard error, at `warn` plus one step for each `verbosity`, unless `SHAKEDOWN_LOG` says otherwise.
pub fn start(format: LogFormat, verbosity: u8) {
    let default = match verbosity {
        0 => "warn",
        1 => "shakedown=info,warn",
        2 => "shakedown=debug,info",
        _ => "trace",
    };
    // `module=level` for modules, not spans: what takes those brings a regular expression engine of a megabyte.
    let asked = std::env::var("SHAKEDOWN_LOG").ok().and_then(|filter| filter.parse().ok());
    let filter: Targets = asked.or_else(|| default.parse().ok()).unwrap_or_default();
    let layer = fmt::layer().with_writer(Lines { has_colours: io::stderr().is_terminal() }).with_ansi(false);
    // A log line that cannot be written is lost. To complain of that where it cannot be written either would be a panic.
    let layer = layer.log_internal_errors(false);
    let layer = match format {
        LogFormat::Text => layer.with_target(false).boxed(),
        LogFormat::Json => layer.json().boxed(),
    };
    // A second start happens only in tests, where the first one holds.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
}

/// Standard error, which gets every event as one line that no terminal obeys. The only colour is its own.
#[derive(Clone, Copy)]
struct Lines {
    has_colours: bool,
}

struct Line {
    colour: Option<&'static str>,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { colour: None }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Line {
        let colour = match *event.level() {
            Level::ERROR => "31",
            Level::WARN => "33",
            _ => "2",
        };
        Line { colour: self.has_colours.then_some(colour) }
    }
}

impl Write for Line {
    /// Takes a whole event.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let line = OneLine(text.trim_end_matches('\n'));
        let mut stderr = io::stderr().lock();
        match self.colour {
            Some(colour) => writeln!(stderr, "\u{1b}[{colour}m{line}\u{1b}[0m")?,
            None => writeln!(stderr, "{line}")?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
