//! What a machine's logs and counters say, judged.
//!
//! * `corpus`: excerpts of real logs, which are no part of this project: `SHAKEDOWN_SHARED` names the folder that holds them.
//! * `spoken.txt`: logs after the kernel's own format strings, with what they mean; `own` judges them.
//! * `forms`: the same log in every form in which logs are written.
//! * `command`: `shakedown diagnose` as a user calls it.
//! * `run`: what is said while a script runs, in its result.
//! * `damage`: whatever is cut out or changed, nothing panics.

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

/// What a log says, as `code@device`.
fn says(log: &str) -> Vec<String> {
    told(&judge(log))
}
