//! The machine's load under the timeline: a row for each number, on the scale of the scripts' bars.

use super::escape::Html;
use super::timeline::{Scale, WIDTH};
use crate::host::{Load, LoadSample};
use crate::report::load::another_load;
use crate::report::table::bytes;
use crate::report::time::seconds;

/// Height of a row in its own units.
const HEIGHT: f64 = 20.0;

/// A number of a sample; `None` if nobody measured it.
type Pick = fn(&LoadSample) -> Option<f64>;

/// A row: its name, its largest value in words, what is drawn at its top, and a value of each sample for each of its lines.
struct Row {
    name: &'static str,
    most: String,
    top: f64,
    lines: Vec<(&'static str, Pick)>,
}

/// Nothing if nothing was measured.
pub(super) fn rows(load: &Load, scale: &Scale) -> String {
    let Some(began) = seconds(&load.began) else { return String::new() };
    let drawn: String = rows_of(load).iter().map(|row| drawn(row, load, began, scale)).collect();
    let told = another_load(load).map(|told| format!("<p class=\"degraded load\">{}</p>\n", Html(&capital(&told))));
    if drawn.is_empty() {
        return String::new();
    }
    format!("<ol class=\"timeline machine\">\n{drawn}</ol>\n{}", told.unwrap_or_default())
}

fn rows_of(load: &Load) -> Vec<Row> {
    let most = |pick: Pick| load.samples.iter().filter_map(pick).reduce(f64::max);
    let mut rows = Vec::new();
    let busy: Pick = |sample| Some((sample.own? + sample.foreign.unwrap_or(0.0)).min(100.0));
    if let Some(most) = most(busy) {
        rows.push(Row {
            name: "Processors",
            most: format!("{most:.0} %"),
            top: 100.0,
            lines: vec![("all", busy), ("others", |sample| sample.foreign)],
        });
    }
    let wanted: Pick = |sample| Some(sample.load);
    let largest = most(wanted).unwrap_or(0.0);
    rows.push(Row {
        name: "Load",
        most: format!("{largest:.1}"),
        top: largest.max(f64::from(load.processors)).max(1.0),
        lines: vec![("all", wanted)],
    });
    let memory = load.samples.iter().map(|sample| sample.memory_used).max().unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "a picture")]
    let used: Pick = |sample| Some(sample.memory_used as f64);
    #[expect(clippy::cast_precision_loss, reason = "a picture")]
    rows.push(Row {
        name: "Memory",
        most: bytes(memory),
        top: load.memory.max(memory).max(1) as f64,
        lines: vec![("all", used)],
    });
    let heat: Pick = |sample| sample.temperature;
    if let Some(most) = most(heat) {
        rows.push(Row {
            name: "Temperature",
            most: format!("{most:.0} °C"),
            top: most.max(100.0),
            lines: vec![("all", heat)],
        });
    }
    rows
}

fn drawn(row: &Row, load: &Load, began: f64, scale: &Scale) -> String {
    let areas: String =
        row.lines.iter().map(|(class, pick)| area(class, *pick, (load, began), row.top, scale)).collect();
    format!(
        "<li><span>{name}</span><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{name}, at most \
         {most}\"><path d=\"M0 {HEIGHT}H{WIDTH}\"/>{areas}</svg><span class=\"n\">{most}</span></li>\n",
        name = row.name,
        most = row.most,
    )
}

/// An area below a line; a pause between samples, as of a reboot, is a gap in it.
fn area(class: &str, pick: Pick, (load, began): (&Load, f64), top: f64, scale: &Scale) -> String {
    let every = f64::from(load.every.max(1));
    let known: Vec<(f64, f64)> = load
        .samples
        .iter()
        .filter_map(|sample| Some((f64::from(sample.after), pick(sample).filter(|value| value.is_finite())?)))
        .collect();
    let mut path = String::new();
    for part in known.chunk_by(|a, b| b.0 - a.0 <= 3.0 * every) {
        let (Some(first), Some(last)) = (part.first(), part.last()) else { continue };
        // A sample stands for the time before it.
        let start = scale.at(began + (first.0 - every).max(0.0));
        let y = |value: f64| HEIGHT - (value / top).clamp(0.0, 1.0) * (HEIGHT - 1.0);
        path.push_str(&format!("M{start:.1} {HEIGHT}V{:.1}", y(first.1)));
        for (after, value) in part {
            path.push_str(&format!("L{:.1} {:.1}", scale.at(began + after), y(*value)));
        }
        path.push_str(&format!("L{:.1} {HEIGHT}Z", scale.at(began + last.0)));
    }
    format!("<path class=\"{class}\" d=\"{path}\"/>")
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(samples: Vec<LoadSample>) -> Load {
        Load { began: "2026-11-20T12:00:00Z".into(), every: 5, processors: 4, memory: 1 << 30, samples }
    }

    fn scale() -> Scale {
        Scale { first: seconds("2026-11-20T12:00:00Z").expect("a time"), span: 100.0 }
    }

    #[test]
    fn a_number_that_nobody_measured_has_no_row() {
        let html = rows(
            &load(vec![LoadSample { after: 5, load: 1.0, memory_used: 1 << 29, ..LoadSample::default() }]),
            &scale(),
        );
        assert!(html.contains("Memory, at most 512 MiB") && html.contains("Load, at most 1.0"), "{html}");
        assert!(!html.contains("Temperature") && !html.contains("Processors"), "{html}");
    }

    #[test]
    fn a_pause_between_samples_is_a_gap() {
        let at = |after| LoadSample { after, temperature: Some(50.0), ..LoadSample::default() };
        let html = rows(&load(vec![at(5), at(10), at(60), at(65)]), &scale());
        let row = html.lines().find(|line| line.contains("Temperature")).expect("a row");
        assert_eq!(row.matches('Z').count(), 2, "{row}");
        assert!(row.contains("M550.0 20V"), "the second part begins at 55 s of 100: {row}");
    }

    #[test]
    fn a_series_that_says_nothing_sensible_is_drawn_within_its_row() {
        let mut odd = load(vec![LoadSample {
            after: u32::MAX,
            load: f64::NAN,
            foreign: Some(1e300),
            own: Some(f64::INFINITY),
            ..LoadSample::default()
        }]);
        let html = rows(&odd, &scale());
        assert!(!html.contains("<script") && html.contains("viewBox=\"0 0 1000 20\""), "{html}");
        odd.began = "<script>".into();
        assert_eq!(rows(&odd, &scale()), "");
    }
}
