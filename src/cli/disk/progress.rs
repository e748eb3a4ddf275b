//! Telling how far self-tests are, on standard error: a bar for each disk on a terminal, elsewhere a line at each tenth.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::disk::{Notice, Progress};
use crate::printable::OneLine;
use crate::report::span;
use crate::telemetry::LogFormat;

/// Between two lines about a test that does not say how far it is.
const SILENCE: Duration = Duration::from_secs(10 * 60);

/// Shows notices until there are no more.
pub(super) async fn show(mut notices: UnboundedReceiver<Notice>, format: LogFormat) {
    if format == LogFormat::Text && std::io::stderr().is_terminal() {
        let mut screen = Screen::default();
        while let Some(notice) = notices.recv().await {
            screen.take(notice);
        }
        let _ = screen.bars.clear();
        return;
    }
    let mut lines = Lines::default();
    while let Some(notice) = notices.recv().await {
        if let Some(line) = lines.line(&notice, format) {
            complain!("{line}");
        }
    }
}

/// One bar for each disk that tests itself.
#[derive(Default)]
struct Screen {
    bars: MultiProgress,
    live: HashMap<String, ProgressBar>,
}

impl Screen {
    fn take(&mut self, notice: Notice) {
        match notice {
            Notice::Begun(name) => {
                let bar = self.bars.add(ProgressBar::new(100));
                let style = ProgressStyle::with_template("{prefix:20!} [{bar:20}] {wide_msg}");
                bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
                bar.set_prefix(OneLine(&name).to_string());
                bar.set_message("reading");
                self.live.insert(name, bar);
            }
            Notice::Testing(name, progress) => {
                if let Some(bar) = self.live.get(&name) {
                    bar.set_position(u64::from(share(progress).unwrap_or(0)));
                    bar.set_message(OneLine(told(progress)).to_string());
                }
            }
            Notice::Ended(name, _) => {
                if let Some(bar) = self.live.remove(&name) {
                    bar.finish_and_clear();
                }
            }
        }
    }
}

/// What has been told of each disk.
#[derive(Default)]
struct Lines {
    tenths: HashMap<String, (u8, Duration)>,
}

impl Lines {
    fn line(&mut self, notice: &Notice, format: LogFormat) -> Option<String> {
        match notice {
            Notice::Testing(name, progress) if self.is_news(name, *progress) => Some(match format {
                LogFormat::Json => json!({
                    "disk": name,
                    "percent": progress.done,
                    "elapsed": progress.elapsed.as_secs(),
                    "left": progress.left.map(|left| left.as_secs()),
                })
                .to_string(),
                LogFormat::Text => format!("{name}: self-test {}", told(*progress)),
            }),
            _ => None,
        }
    }

    /// The first news of a disk, each tenth, and now and then a sign of life.
    fn is_news(&mut self, name: &str, progress: Progress) -> bool {
        let tenth = share(progress).unwrap_or(0) / 10;
        let is_news = self.tenths.get(name).is_none_or(|(told, at)| tenth > *told || progress.elapsed > *at + SILENCE);
        if is_news {
            self.tenths.insert(name.to_owned(), (tenth, progress.elapsed));
        }
        is_news
    }
}

/// Percent done: what the drive says, else what the clock says.
fn share(progress: Progress) -> Option<u8> {
    let by_clock = || {
        let left = progress.left?;
        let whole = (progress.elapsed + left).as_secs().max(1);
        u8::try_from(progress.elapsed.as_secs() * 100 / whole).ok()
    };
    progress.done.or_else(by_clock).map(|done| done.min(100))
}

fn told(progress: Progress) -> String {
    let done = progress.done.map_or_else(|| "running".to_owned(), |done| format!("{done} % done"));
    let elapsed = span(progress.elapsed);
    let Some(left) = progress.left else { return format!("{done}, {elapsed} so far") };
    let end = Timestamp::now() + left;
    format!("{done}, {elapsed} so far, about {} left, until {} UTC", span(left), end.strftime("%H:%M"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn testing(done: Option<u8>, elapsed: u64, left: Option<u64>) -> Notice {
        let (elapsed, left) = (Duration::from_secs(elapsed), left.map(Duration::from_secs));
        Notice::Testing("/dev/sda".into(), Progress { done, elapsed, left })
    }

    #[test]
    fn there_is_a_line_at_each_tenth() {
        let mut lines = Lines::default();
        let mut told = |notice| lines.line(&notice, LogFormat::Text).is_some();
        let notices = [(0, true), (5, false), (10, true), (10, false), (37, true), (90, true), (99, false)];
        for (done, expected) in notices {
            assert_eq!(told(testing(Some(done), u64::from(done), None)), expected, "{done}");
        }
    }

    #[test]
    fn a_drive_that_does_not_say_how_far_it_is_is_told_by_the_clock() {
        let mut lines = Lines::default();
        let mut told = |notice| lines.line(&notice, LogFormat::Text);
        assert!(
            told(testing(None, 1, Some(99)))
                .is_some_and(|line| line.contains("running, 1.0 s so far, about 1:39 left"))
        );
        assert!(told(testing(None, 5, Some(95))).is_none());
        assert!(told(testing(None, 15, Some(85))).is_some());
        assert!(told(testing(None, 20, None)).is_none(), "nothing new can be said");
        assert!(told(testing(None, 700, None)).is_some(), "a sign of life");
    }
}
