//! Showing a trial: what the script prints as it prints it, then what became of it.

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;

use super::document::{result_file, row};
use crate::agent::{Notice, Outcome};
use crate::cli::raw_output;
use crate::cli::show::plain_line;
use crate::private;
use crate::report::{span, table};
use crate::sandbox::Sandbox;
use crate::script::Workspace;

/// Between two looks at the outputs.
const PACE: Duration = Duration::from_millis(100);
/// A line that is longer is shown in pieces.
const LONGEST: usize = 64 << 10;

/// Shows notices and outputs until the run has ended.
pub(super) async fn live(mut received: mpsc::UnboundedReceiver<Notice>, storage: PathBuf, is_shown: bool) {
    let workspace = Workspace::new(storage);
    let mut tails: BTreeMap<Option<i64>, Tail> = BTreeMap::new();
    let mut ticks = tokio::time::interval(PACE);
    loop {
        tokio::select! {
            notice = received.recv() => match notice {
                Some(notice) if is_shown => take(&notice, &workspace, &mut tails),
                Some(_) => {}
                None => return,
            },
            _ = ticks.tick() => {
                for tail in tails.values_mut() {
                    tail.show(false);
                }
            }
        }
    }
}

fn take(notice: &Notice, workspace: &Workspace, tails: &mut BTreeMap<Option<i64>, Tail>) {
    match notice {
        Notice::Running(script, _) => {
            let subject = script.subject();
            let device = [subject.disk, subject.interface].into_iter().flatten().collect::<Vec<_>>().join(" ");
            let tail = Tail { path: workspace.outputs(script).combined, device, shown: 0 };
            // Its packages run before itself, with the same output.
            tails.entry(script.result_id).or_insert(tail);
        }
        Notice::Transition { script, status, .. } if status.is_final() => {
            let path = workspace.outputs(script).combined;
            let unseen = || Tail { path, device: String::new(), shown: 0 };
            tails.remove(&script.result_id).unwrap_or_else(unseen).show(true);
        }
        _ => {}
    }
    if let Some(line) = plain_line(notice) {
        say!("{line}");
    }
}

/// An output and how much of it was shown. A terminal's carriage return can only change the last line, so whole lines are shown.
struct Tail {
    path: PathBuf,
    device: String,
    shown: u64,
}

impl Tail {
    /// Shows what is new; at the end also a line without an end.
    fn show(&mut self, is_end: bool) {
        let Ok(mut file) = private::regular(&self.path) else { return };
        loop {
            let mut piece = Vec::new();
            let read = file.seek(SeekFrom::Start(self.shown));
            if read.and_then(|_| (&mut file).take(LONGEST as u64).read_to_end(&mut piece)).is_err() {
                return;
            }
            let lines = piece.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let length = if lines == 0 && (is_end || piece.len() == LONGEST) { piece.len() } else { lines };
            if length == 0 {
                return;
            }
            self.shown += length as u64;
            self.print(&piece[..length]);
        }
    }

    fn print(&self, lines: &[u8]) {
        let mut text = Vec::new();
        for line in lines.strip_suffix(b"\n").unwrap_or(lines).split(|byte| *byte == b'\n') {
            text.extend_from_slice(self.device.as_bytes());
            text.extend_from_slice(b"| ");
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        let mut output = raw_output();
        let _ = output.write_all(&text).and_then(|()| output.flush());
    }
}

/// The table, what the result files say, and the region's events.
pub(super) fn summary(outcome: &Outcome, region: &Sandbox, kept: Option<&Path>) {
    let rows = region.results();
    let cells = outcome.scripts.iter().map(|script| {
        let status = row(script, &rows).map_or(script.status, |row| row.status);
        let time = script.runtime.map_or_else(|| "-".to_owned(), span);
        let size = std::fs::metadata(&script.output).map_or(0, |output| output.len());
        vec![
            script.subject.clone(),
            status.name().to_owned(),
            script.exit_status.to_string(),
            time,
            crate::report::bytes(size),
        ]
    });
    say!("\n{}", table(&["SCRIPT", "STATUS", "EXIT", "TIME", "OUTPUT"], &cells.collect::<Vec<_>>()).trim_end());
    let mut results = Vec::new();
    for script in &outcome.scripts {
        for note in &script.notes {
            say!("{}: {note}", script.subject);
        }
        let Some(Ok(file)) = row(script, &rows).map(result_file) else { continue };
        results
            .extend(file.results.iter().map(|(key, value)| vec![script.subject.clone(), key.clone(), spoken(value)]));
    }
    if !results.is_empty() {
        say!("\n{}", table(&["SCRIPT", "RESULT", "VALUE"], &results).trim_end());
    }
    say!("\nEvents that MAAS would show:");
    for event in region.events() {
        say!("  {:8} {}: {}", event.level.name(), event.type_description, event.description);
    }
    say!("\nThe machine would now be {}.", region.node_status().name());
    let place = kept.map(|directory| format!("Outputs are in {}.", directory.join("out").display()));
    say!("{}", place.as_deref().unwrap_or("Nothing of it is kept; --keep DIR keeps outputs and journal."));
}

fn spoken(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
