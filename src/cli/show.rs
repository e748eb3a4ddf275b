//! Showing a run: live lines on a terminal, plain lines elsewhere, JSON lines for machines; a table at the end.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::agent::{Notice, Outcome, Refused, ScriptOutcome, sync};
use crate::event::EventType;
use crate::printable::{OneLine, Printable};
use crate::process::Progress;
use crate::report::{bytes, span, table};
use crate::script::{Script, Status};
use crate::telemetry::{self, LogFormat};

/// Between two looks at the running scripts.
const PACE: Duration = Duration::from_millis(250);

/// Shows notices until the run has ended.
pub(super) async fn notices(mut received: mpsc::UnboundedReceiver<Notice>, format: LogFormat) {
    if format == LogFormat::Json {
        while let Some(notice) = received.recv().await {
            if let Some(line) = json_line(&notice) {
                say!("{line}");
            }
        }
        return;
    }
    if !std::io::stderr().is_terminal() {
        // The journal of systemd has these already, with priority and fields.
        let is_logged = |notice: &Notice| {
            telemetry::is_journald() && matches!(notice, Notice::Transition { .. } | Notice::Changed(_))
        };
        while let Some(notice) = received.recv().await {
            if let Some(line) = plain_line(&notice).filter(|_| !is_logged(&notice)) {
                say!("{line}");
            }
        }
        return;
    }
    let mut screen = Screen::new();
    let mut ticks = tokio::time::interval(PACE);
    loop {
        tokio::select! {
            notice = received.recv() => match notice {
                Some(notice) => screen.take(notice),
                None => break,
            },
            _ = ticks.tick() => screen.refresh(),
        }
    }
    screen.clear();
}

pub(super) fn plain_line(notice: &Notice) -> Option<String> {
    match notice {
        Notice::Said(text) | Notice::Changed(text) => Some(text.clone()),
        Notice::Transition { event, .. } if event.kind == EventType::RUNNING_TEST => {
            Some(format!("{}: {}", event.kind.description, event.description))
        }
        Notice::Transition { event, .. } => Some(event.description.clone()),
        Notice::Ended(outcome) if !outcome.notes.is_empty() => {
            Some(format!("{}: {}", outcome.subject, outcome.notes.join("; ")))
        }
        Notice::Ended(_) | Notice::Running(..) => None,
    }
}

fn json_line(notice: &Notice) -> Option<Value> {
    match notice {
        Notice::Said(text) | Notice::Changed(text) => Some(json!({"said": text})),
        Notice::Transition { script, status, event } => Some(json!({
            "script": script.name,
            "script_result_id": script.result_id,
            "status": status.name(),
            "type": event.kind.name,
            "level": event.kind.level.name(),
            "description": event.description,
        })),
        Notice::Ended(outcome) => Some(json!({
            "ended": outcome.subject,
            "script_result_id": outcome.result_id,
            "status": outcome.status.name(),
            "exit_status": outcome.exit_status,
            "runtime": outcome.runtime.map(|runtime| runtime.as_secs_f64()),
            "notes": outcome.notes,
            "output": outcome.output,
        })),
        Notice::Running(..) => None,
    }
}

struct Live {
    script: Arc<Script>,
    progress: Arc<Progress>,
    began: Instant,
    bar: ProgressBar,
}

/// One line for each running script at the bottom, what is final above.
struct Screen {
    bars: MultiProgress,
    live: HashMap<(String, Option<i64>), Live>,
}

impl Screen {
    fn new() -> Self {
        Screen { bars: MultiProgress::new(), live: HashMap::new() }
    }

    fn take(&mut self, notice: Notice) {
        if let Some(line) = plain_line(&notice) {
            let _ = self.bars.println(Printable(line).to_string());
        }
        match notice {
            Notice::Running(script, progress) => {
                let bar = self.bars.add(ProgressBar::new_spinner());
                bar.set_style(
                    ProgressStyle::with_template("{spinner} {wide_msg}")
                        .unwrap_or_else(|_| ProgressStyle::default_spinner()),
                );
                let key = (script.name.clone(), script.result_id);
                if let Some(old) = self.live.insert(key, Live { script, progress, began: Instant::now(), bar }) {
                    old.bar.finish_and_clear();
                }
            }
            Notice::Transition { script, status, .. } if status.is_final() => {
                if let Some(live) = self.live.remove(&(script.name.clone(), script.result_id)) {
                    live.bar.finish_and_clear();
                }
            }
            _ => {}
        }
    }

    fn refresh(&self) {
        for live in self.live.values() {
            let limit = live.script.limit().map_or_else(|| "no limit".to_owned(), span);
            let line = format!(
                "{}  {} / {limit}  {}  {}",
                live.script.subject(),
                span(live.began.elapsed()),
                bytes(live.progress.bytes()),
                live.progress.last_line(),
            );
            live.bar.set_message(OneLine(line).to_string());
            live.bar.tick();
        }
    }

    fn clear(&self) {
        let _ = self.bars.clear();
    }
}

/// The table of results and what the operator has to know.
pub(super) fn summary(outcome: &Outcome, format: LogFormat) {
    if format == LogFormat::Json {
        let refused: Vec<Value> =
            outcome.refused.iter().map(|one| json!({"message": one.label, "reason": one.reason})).collect();
        say!(
            "{}",
            json!({"end": format!("{:?}", outcome.end), "enlisted": outcome.enlisted, "scripts": outcome.scripts.len(), "refused": refused,
                "undelivered": outcome.undelivered})
        );
        return;
    }
    if !outcome.scripts.is_empty() {
        let rows: Vec<Vec<String>> = outcome.scripts.iter().map(row).collect();
        say!("\n{}", table(&["SCRIPT", "SET", "STATUS", "EXIT", "TIME", "OUTPUT"], &rows));
    }
    for script in outcome.scripts.iter().filter(|script| !script.notes.is_empty()) {
        say!("{}: {}", script.subject, script.notes.join("; "));
    }
    for Refused { label, reason, .. } in &outcome.refused {
        say!("The region did not take the {label}: {reason}");
    }
    if let Some(id) = &outcome.enlisted {
        say!("This machine has enlisted: the region calls it {id}");
    }
    if outcome.undelivered > 0 {
        say!("{} messages could not be delivered yet: `shakedown deliver` tries again", outcome.undelivered);
    }
    let failed = outcome.scripts.iter().filter(|script| script.status.is_failure()).count();
    let other = |status| outcome.scripts.iter().filter(|script| script.status == status).count();
    say!(
        "{} scripts: {failed} failed, {} degraded, {} skipped, {} passed",
        outcome.scripts.len(),
        other(Status::Degraded),
        other(Status::Skipped),
        other(Status::Passed),
    );
}

/// What a synchronisation came to.
pub(super) fn synchronised(outcome: &sync::Outcome, format: LogFormat) {
    if format == LogFormat::Json {
        say!(
            "{}",
            json!({"reason": outcome.reason.map(sync::Reason::text), "changes": outcome.changes, "scripts": outcome.scripts.len(),
                "other_scripts": outcome.other_scripts, "delivered": outcome.is_delivered, "stopped": outcome.is_stopped,
                "trouble": outcome.trouble.as_ref().map(ToString::to_string)})
        );
        return;
    }
    if !outcome.scripts.is_empty() {
        let rows: Vec<Vec<String>> = outcome.scripts.iter().map(row).collect();
        say!("\n{}", table(&["SCRIPT", "SET", "STATUS", "EXIT", "TIME", "OUTPUT"], &rows));
    }
    if outcome.other_scripts {
        say!("The region asks for other scripts than the last time");
    }
    say!("{}", outcome.text());
}

fn row(script: &ScriptOutcome) -> Vec<String> {
    vec![
        script.subject.clone(),
        script.kind.folder().to_owned(),
        script.status.name().to_owned(),
        script.exit_status.to_string(),
        script.runtime.map_or_else(|| "-".to_owned(), span),
        script.output.display().to_string(),
    ]
}
