//! Diagnosis of a machine from its logs and counters.
//!
//! * `corpus`: excerpts of real logs, which are no part of this project: `SHAKEDOWN_SHARED` names the folder that holds them.
//! * `spoken.txt`: logs after the kernel's own format strings, with what they mean; `own` judges them.
//! * `forms`: the same log in every form in which logs are written.
//! * `command`: `shakedown diagnose` as a user calls it.
//! * `run`: incidents that are logged while a script runs appear in its result.
//! * `damage`: no log that is cut or changed causes a panic.

mod command;
mod corpus;
mod damage;
mod forms;
mod own;
mod run;

use shakedown::diagnosis::{Incident, judge};

/// Incidents as `code@device`, sorted.
fn told(incidents: &[Incident]) -> Vec<String> {
    let mut told: Vec<String> =
        incidents.iter().map(|incident| format!("{}@{}", incident.code.word(), incident.device)).collect();
    told.sort();
    told
}

/// The incidents in a log, as `code@device`, sorted.
fn says(log: &str) -> Vec<String> {
    told(&judge(log))
}
