//! The result file of MAAS (contract SCRIPTS, "The result file"): a machine that was not accepted has not passed.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

use crate::acceptance::{Judgement, Verdict};
use crate::script::{ResultFile, Verdict as Status};

/// Most lines of deviations that go to the region; the output has all.
const MOST: usize = 20;

/// Writes the file, whole or not at all: its reader may come at any time.
pub(super) fn write(path: &Path, judged: Result<&Judgement, &anyhow::Error>) -> anyhow::Result<()> {
    let written = || -> std::io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut part = tempfile::NamedTempFile::new_in(folder)?;
        part.write_all(&file(judged).to_bytes())?;
        part.persist(path)?;
        Ok(())
    };
    written().with_context(|| format!("cannot write the result file {}", path.display()))
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
