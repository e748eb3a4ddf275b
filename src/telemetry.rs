//! Logging: one place decides where log lines go and how they look.

use std::io::IsTerminal as _;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

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
    let layer = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    // A log line that cannot be written is lost. To complain of that where it cannot be written either would be a panic.
    let layer = layer.log_internal_errors(false);
    let layer = match format {
        LogFormat::Text => layer.with_target(false).boxed(),
        LogFormat::Json => layer.json().boxed(),
    };
    // A second start happens only in tests, where the first one holds.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
}
