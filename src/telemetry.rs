//! Logging: one place decides where log lines go and how they look.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, fmt};

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
    let filter = EnvFilter::try_from_env("SHAKEDOWN_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    // A log line that cannot be written is lost. To complain of that where it cannot be written either would be a panic.
    let builder = builder.log_internal_errors(false);
    // A second start happens only in tests, where the first one holds.
    let _ = match format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
