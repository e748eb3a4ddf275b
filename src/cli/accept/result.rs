//! The result file of MAAS (contract SCRIPTS, "The result file"): a machine that was not accepted has not passed.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;

use super::super::whole::{self, Readers};
use crate::acceptance::{Judgement, Verdict};
use crate::private;
use crate::script::{ResultFile, Verdict as Status};

/// Most lines of deviations that go to the region; the output has all.
const MOST: usize = 20;

/// The file beside a result file that has the whole judgement, for `shakedown report`.
pub(in crate::cli) fn document_beside(result: &Path) -> PathBuf {
    result.with_extension("acceptance.json")
}

/// Writes the result file, and the document beside it before: who reads the one finds the other. Without a judgement there is no document.
pub(super) fn write(path: &Path, judged: Result<&Judgement, &anyhow::Error>) -> anyhow::Result<()> {
    let beside = document_beside(path);
    match judged {
        _ if private::is_stream(path) => Ok(()),
        Ok(judged) => whole::write(&beside, judged.document().to_string().as_bytes(), Readers::Owner),
        Err(_) => std::fs::remove_file(&beside).or_else(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        }),
    }
    .with_context(|| format!("cannot write {}", beside.display()))?;
    whole::write(path, &file(judged).to_bytes(), Readers::Owner)
        .with_context(|| format!("cannot write the result file {}", path.display()))
}

fn file(judged: Result<&Judgement, &anyhow::Error>) -> ResultFile {
    let mut results: Vec<(String, Value)> = Vec::new();
    let mut add = |key: &str, value: String| results.push((key.to_owned(), Value::from(value)));
    let status = match judged {
        Err(error) => {
            add("verdict", "not judged".to_owned());
            add("deviations", format!("{error:#}").lines().take(MOST).collect::<Vec<_>>().join("; "));
            Status::Failed
        }
        Ok(judged) => {
            add("profile", judged.profile.clone());
            add("verdict", judged.headline());
            let deviations: Vec<String> =
                judged.deviations.iter().map(|one| format!("{} {}", one.what, one.sentence())).collect();
            let unknown: Vec<String> =
                judged.unknown.iter().map(|one| format!("{} {} {}", one.what, one.place, one.key)).collect();
            for (key, lines) in [("deviations", deviations), ("unknown", unknown)] {
                let more = lines.len().saturating_sub(MOST);
                let text = lines.into_iter().take(MOST).collect::<Vec<_>>().join("; ");
                let text = if more > 0 { format!("{text}; and {more} more") } else { text };
                add(key, if text.is_empty() { "none".to_owned() } else { text });
            }
            match judged.verdict() {
                Verdict::Accepted | Verdict::Noted => Status::Passed,
                Verdict::Rejected | Verdict::Incomplete => Status::Failed,
            }
        }
    };
    ResultFile { status: Some(status), link_connected: None, results }
}
