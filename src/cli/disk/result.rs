//! The result file of MAAS (contract SCRIPTS, "The result file"), from what came of the disks.

use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

use super::super::whole::{self, Readers};
use crate::disk::{Report, State, Tested, Verdict};
use crate::script::{ResultFile, Verdict as Status};

/// The worst of all. A disk without SMART is no news beside one that was tested; one that is well but has not the test that was asked
/// for is: what was not tested did not pass.
pub(super) fn worst(tested: &[Tested]) -> Verdict {
    let is_well = |one: &Tested| one.health.as_ref().is_some_and(|health| health.verdict == Verdict::Healthy);
    let rank = |one: &&Tested| match one.verdict {
        Verdict::NotSupported if is_well(one) => 2,
        Verdict::NotSupported => 0,
        Verdict::Healthy => 1,
        Verdict::Degraded => 3,
        Verdict::Error => 4,
        Verdict::Failed => 5,
    };
    tested.iter().max_by_key(rank).map_or(Verdict::NotSupported, |one| one.verdict)
}

fn status(tested: &[Tested]) -> Status {
    let timed_out = |one: &Tested| one.self_test.state == State::TimedOut;
    let errors = || tested.iter().filter(|one| one.verdict == Verdict::Error);
    match worst(tested) {
        Verdict::Healthy => Status::Passed,
        Verdict::Degraded => Status::Degraded,
        Verdict::NotSupported => Status::Skipped,
        Verdict::Error if errors().all(timed_out) => Status::TimedOut,
        Verdict::Error | Verdict::Failed => Status::Failed,
    }
}

/// What the headers of `scripts/testing/shakedown-smartctl-*` announce.
fn values(one: &Tested) -> Vec<(&'static str, Option<Value>)> {
    let report = one.report.as_ref();
    let number = |pick: fn(&Report) -> Option<u64>| report.and_then(pick).map(Value::from);
    let self_test = one.self_test.state;
    vec![
        ("disk", Some(one.target.name.clone().into())),
        ("health", Some(one.verdict.name().into())),
        ("reason", one.reason().map(Value::from)),
        ("self_test", (self_test != State::NotAsked).then(|| self_test.name().into())),
        ("power_on_hours", number(|report| report.power_on_hours)),
        ("temperature", report.and_then(temperature).map(Value::from)),
        ("wear", number(wear)),
        ("reallocated_sectors", number(reallocated)),
        ("pending_sectors", number(|report| report.attribute(197)?.raw)),
        ("media_errors", number(media_errors)),
    ]
}

/// Degrees Celsius; SCSI devices that do not know say 0.
pub(super) fn temperature(report: &Report) -> Option<i64> {
    report.temperature.filter(|celsius| *celsius != 0)
}

/// Percent of the rated endurance that is used.
pub(super) fn wear(report: &Report) -> Option<u64> {
    report.nvme.and_then(|nvme| nvme.percentage_used).or(report.percentage_used)
}

fn reallocated(report: &Report) -> Option<u64> {
    report.attribute(5).and_then(|attribute| attribute.raw).or_else(|| report.scsi?.grown_defects)
}

fn media_errors(report: &Report) -> Option<u64> {
    let scsi = || {
        let scsi = report.scsi?;
        [scsi.read_uncorrected, scsi.write_uncorrected, scsi.verify_uncorrected]
            .into_iter()
            .flatten()
            .reduce(u64::saturating_add)
    };
    let attribute = || report.attribute(187)?.raw;
    report.nvme.and_then(|nvme| nvme.media_errors).or_else(scsi).or_else(attribute)
}

/// One disk's values as they are, several disks' as lists in the same order.
fn file(tested: &[Tested]) -> ResultFile {
    let mut results: Vec<(String, Value)> = Vec::new();
    if let [one] = tested {
        results.extend(values(one).into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
    } else if let Some(first) = tested.first() {
        for (at, (key, _)) in values(first).into_iter().enumerate() {
            let list: Vec<Option<Value>> = tested.iter().map(|one| values(one).swap_remove(at).1).collect();
            if list.iter().any(Option::is_some) {
                let list: Vec<Value> = list.into_iter().map(|value| value.unwrap_or_else(|| "".into())).collect();
                results.push((key.to_owned(), Value::Array(list)));
            }
        }
    } else {
        results.push(("reason".to_owned(), "this machine has no disk that could be tested".into()));
    }
    ResultFile { status: Some(status(tested)), link_connected: None, results }
}

/// Writes the file, whole or not at all: its reader may come at any time.
pub(super) fn write(path: &Path, tested: &[Tested]) -> anyhow::Result<()> {
    whole::write(path, &file(tested).to_bytes(), Readers::Owner)
        .with_context(|| format!("cannot write the result file {}", path.display()))
}
