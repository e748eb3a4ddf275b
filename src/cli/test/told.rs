//! Output of one test or of several: text for people, JSON for programs, a result file for a region.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::cli::whole::{self, Readers};
use crate::hwtest::{Outcome, Report};
use crate::private;
use crate::script::{ResultFile, Verdict};

/// The outcome of all: the worst counts.
pub(super) fn outcome(reports: &[Report]) -> Outcome {
    reports.iter().map(Report::outcome).fold(Outcome::Skipped, Outcome::join)
}

/// For people; of several tests their outcomes stand first.
pub(super) fn pages(reports: &[Report]) -> String {
    let pages: Vec<String> = reports.iter().map(Report::page).collect();
    if let [page] = &pages[..] {
        return page.clone();
    }
    let heads: String = reports.iter().map(|report| format!("{}\n", report.headline())).collect();
    format!("{heads}\n{}", pages.join("\n"))
}

/// As JSON: the outcome, and one test, or a list of them as `tests`.
pub(super) fn document(reports: &[Report]) -> anyhow::Result<Value> {
    if let [report] = reports {
        return single(report);
    }
    let tests = reports.iter().map(single).collect::<anyhow::Result<Vec<Value>>>()?;
    Ok(serde_json::json!({"outcome": outcome(reports), "tests": tests}))
}

/// The report with its outcome, and the unit of each figure and series.
fn single(report: &Report) -> anyhow::Result<Value> {
    let mut document = serde_json::json!({"outcome": report.outcome()});
    let whole = serde_json::to_value(report).context("cannot write the report")?;
    if let (Some(document), Value::Object(whole)) = (document.as_object_mut(), whole) {
        document.extend(whole);
        let figures = document.get_mut("measurements").and_then(|figures| figures.as_array_mut());
        for (figure, one) in figures.into_iter().flatten().zip(&report.measurements) {
            figure["unit"] = one.metric.unit().symbol().into();
        }
        let series = document.get_mut("series").and_then(|series| series.as_array_mut());
        for (series, one) in series.into_iter().flatten().zip(&report.series) {
            series["unit"] = one.metric.unit().symbol().into();
        }
    }
    Ok(document)
}

/// Writes the result file of a script. Of several tests each key begins with the hardware, as `cpu_reason` does.
pub(super) fn write_result(path: &Path, reports: &[Report]) -> anyhow::Result<()> {
    let status = match outcome(reports) {
        Outcome::Passed => Verdict::Passed,
        Outcome::Degraded => Verdict::Degraded,
        Outcome::Skipped => Verdict::Skipped,
        // A region knows no error; the reason says it.
        Outcome::Error | Outcome::Failed => Verdict::Failed,
    };
    let results = if let [report] = reports {
        report.results()
    } else {
        let named = |report: &Report| {
            let kind = report.kind;
            report.results().into_iter().map(move |(key, value)| (format!("{kind}_{key}"), value))
        };
        reports.iter().flat_map(named).collect()
    };
    let file = ResultFile { status: Some(status), link_connected: None, results }.to_bytes();
    // The document first: who finds the file finds the document that belongs to it. Beside a pipe or a device is no place for one.
    if !private::is_stream(path) {
        let beside = document_beside(path);
        let mut document = document(reports)?;
        document["result_sha256"] = hex(&file).into();
        whole::write(&beside, document.to_string().as_bytes(), Readers::Owner)
            .with_context(|| format!("cannot write {}", beside.display()))?;
    }
    whole::write(path, &file, Readers::Owner)
        .with_context(|| format!("cannot write the result file {}", path.display()))
}

/// The file beside a result file that has the whole report, for `shakedown report`.
pub(in crate::cli) fn document_beside(result: &Path) -> PathBuf {
    result.with_extension("test.json")
}

/// The SHA-256 of a result file: the document beside it names the file that it belongs to.
pub(in crate::cli) fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(bytes))
}
