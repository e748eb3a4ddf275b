//! Figures of tests of the hardware, drawn with the page's own shapes and colours. Names and units stand beside the shapes, so that they keep
//! their size where the shapes are stretched.

use super::escape::Html;
use crate::report::drawing::{Bar, Drawing, HardwareTest, Shape};
use crate::report::time::length;

/// Width of a shape in its own units.
const WIDTH: f64 = 1000.0;
/// Height of a shape in its own units.
const HEIGHT: f64 = 100.0;
/// With more bars than this they stand side by side, without their names.
const ROWS: usize = 16;

pub(super) fn section(tests: &[HardwareTest]) -> String {
    if tests.is_empty() {
        return String::new();
    }
    let tests: String = tests.iter().map(one).collect();
    format!("<section id=\"tests\">\n<h2>Tests of hardware</h2>\n{tests}</section>\n")
}

fn one(test: &HardwareTest) -> String {
    let mut html = format!("<h3><a href=\"#r{}\">{}</a></h3>\n", test.result, Html(&test.source));
    if let Some(fault) = &test.injected {
        let what = Html(fault);
        html.push_str(&format!(
            "<p class=\"failed load\">A fault was made to happen ({what}): this says nothing about the hardware.</p>\n"
        ));
    }
    if let Some(share) = test.disturbed {
        html.push_str(&format!(
            "<p class=\"degraded load\">Disturbed: the test waited for processors for {share:.0} % of its time, so the hardware is quicker than \
             this.</p>\n"
        ));
    }
    if !test.coverage.is_empty() {
        html.push_str(&format!("<p class=\"source\">Tested: {}.</p>\n", Html(&test.coverage.join("; "))));
    }
    let drawings: String = test.drawings.iter().filter_map(drawn).collect();
    if !drawings.is_empty() {
        html.push_str(&format!("<ul class=\"drawings\">\n{drawings}</ul>\n"));
    }
    if test.left_out > 0 {
        html.push_str(&format!("<p class=\"none\">{} more drawings are left out.</p>\n", test.left_out));
    }
    html
}

/// Nothing of a drawing without a number.
fn drawn(drawing: &Drawing) -> Option<String> {
    let unit = drawing.unit.as_str();
    let body = match &drawing.shape {
        Shape::Bars { bars, left_out } => bars_of(bars, *left_out, unit)?,
        Shape::Map { values, marked } => map(values, marked, unit)?,
        Shape::Histogram { at, counts } => histogram(at, counts, unit)?,
        Shape::Line { at, values } => line(at, values, unit)?,
    };
    Some(format!("<li><p class=\"title\">{}</p>\n{body}</li>\n", Html(&drawing.title)))
}

/// A number that can be drawn: finite, and no less than nothing.
fn sound(value: f64) -> Option<f64> {
    (value.is_finite() && value >= 0.0).then_some(value)
}

fn most(values: impl Iterator<Item = f64>) -> Option<f64> {
    values.filter_map(sound).reduce(f64::max).filter(|most| *most > 0.0)
}

/// As many digits as a reader needs.
fn number(value: f64) -> String {
    match value {
        value if value >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

fn with_unit(value: f64, unit: &str) -> String {
    Html(&format!("{} {unit}", number(value))).to_string()
}

/// Under a shape: what stands at its left end, in its middle, and at its right end.
fn axis(words: [&str; 3]) -> String {
    let [left, middle, right] = words.map(|word| Html(word).to_string());
    format!("<p class=\"ends\"><span>{left}</span><span>{middle}</span><span>{right}</span></p>\n")
}

fn shape(label: &str, inner: &str) -> String {
    let label = Html(label);
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{label}\"><path class=\"floor\" \
         d=\"M0 {HEIGHT}H{WIDTH}\"/>{inner}</svg>\n"
    )
}

fn bars_of(bars: &[Bar], left_out: usize, unit: &str) -> Option<String> {
    let most = most(bars.iter().map(|bar| bar.value))?;
    let more =
        if left_out > 0 { format!("<p class=\"none\">{left_out} more are left out.</p>\n") } else { String::new() };
    Some(if bars.len() > ROWS { columns(bars, most, unit) } else { rows(bars, most, unit) } + &more)
}

fn rows(bars: &[Bar], most: f64, unit: &str) -> String {
    let row = |bar: &Bar| {
        let value = sound(bar.value).unwrap_or(0.0);
        let (class, word) = if bar.is_marked { ("bar marked", " – look at it") } else { ("bar", "") };
        format!(
            "<li><span>{}{word}</span><svg viewBox=\"0 0 {WIDTH} 10\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\"><rect \
             class=\"{class}\" width=\"{:.1}\" height=\"10\"/></svg><span class=\"n\">{}</span></li>\n",
            Html(&bar.name),
            with_unit(value, unit),
            value / most * WIDTH,
            with_unit(value, unit)
        )
    };
    format!("<ol class=\"bars\">\n{}</ol>\n", bars.iter().map(row).collect::<String>())
}

/// Many bars side by side. Those that are marked are named below.
fn columns(bars: &[Bar], most: f64, unit: &str) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a picture")]
    let width = WIDTH / bars.len() as f64;
    let mut x = 0.0;
    let mut inner = String::new();
    for bar in bars {
        let height = sound(bar.value).unwrap_or(0.0) / most * (HEIGHT - 2.0);
        let class = if bar.is_marked { "bar marked" } else { "bar" };
        inner.push_str(&format!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\"/>",
            HEIGHT - height,
            width * 0.8
        ));
        x += width;
    }
    let name = |bar: Option<&Bar>| bar.map(|bar| bar.name.clone()).unwrap_or_default();
    let ends = axis([&name(bars.first()), &format!("highest {} {unit}", number(most)), &name(bars.last())]);
    let marked: Vec<String> = bars
        .iter()
        .filter(|bar| bar.is_marked)
        .map(|bar| format!("{} {} {unit}", bar.name, number(bar.value)))
        .collect();
    let told = if marked.is_empty() {
        String::new()
    } else {
        format!("<p class=\"degraded load\">{}</p>\n", Html(&marked.join(", ")))
    };
    format!("{}{ends}{told}", shape(&format!("{} bars", bars.len()), &inner))
}

/// A column for each part, as high as its value; a part without a value stays empty.
fn map(values: &[Option<f64>], marked: &[usize], unit: &str) -> Option<String> {
    let known = || values.iter().flatten().copied().filter_map(sound);
    let (highest, lowest) = (most(known())?, known().reduce(f64::min)?);
    #[expect(clippy::cast_precision_loss, reason = "a picture")]
    let x = |at: usize| at as f64 / values.len() as f64 * WIDTH;
    let (mut plain, mut bad) = (String::new(), String::new());
    for (at, value) in values.iter().enumerate() {
        let value = value.and_then(sound);
        let is_marked = marked.contains(&at);
        // A part that could not be read has no height of its own.
        let height = match (value, is_marked) {
            (Some(value), _) => value / highest * (HEIGHT - 2.0),
            (None, true) => HEIGHT - 2.0,
            (None, false) => continue,
        };
        let path = if is_marked { &mut bad } else { &mut plain };
        path.push_str(&format!("M{:.1} {HEIGHT}V{:.1}H{:.1}V{HEIGHT}Z", x(at), HEIGHT - height, x(at + 1)));
    }
    let inner = format!("<path class=\"bar\" d=\"{plain}\"/><path class=\"bar marked\" d=\"{bad}\"/>");
    let range = format!("{} to {} {unit}", number(lowest), number(highest));
    let read = values.iter().flatten().count();
    let told = format!("{range}; {read} of {} zones read, {} marked", values.len(), marked.len());
    Some(shape(&told, &inner) + &axis(["begin", &told, "end"]))
}

/// Columns by the logarithm of their counts, so that a single slow request is seen beside a million quick ones.
fn histogram(at: &[f64], counts: &[f64], unit: &str) -> Option<String> {
    let height = |count: f64| (1.0 + sound(count).unwrap_or(0.0)).log10();
    let highest = most(counts.iter().copied())?;
    let (first, last) = (at.first()?, at.last()?);
    #[expect(clippy::cast_precision_loss, reason = "a picture")]
    let x = |place: usize| place as f64 / counts.len() as f64 * WIDTH;
    let mut path = String::new();
    for (place, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0.0) {
        let top = HEIGHT - height(*count) / height(highest) * (HEIGHT - 2.0);
        path.push_str(&format!("M{:.1} {HEIGHT}V{top:.1}H{:.1}V{HEIGHT}Z", x(place), x(place + 1)));
    }
    let told = format!("at most {} in a class; height by the logarithm", number(highest));
    let ends = axis([&format!("{} {unit}", number(*first)), &told, &format!("{} {unit}", number(*last))]);
    Some(shape(&told, &format!("<path class=\"bar\" d=\"{path}\"/>")) + &ends)
}

/// An area under a line.
fn line(at: &[f64], values: &[Option<f64>], unit: &str) -> Option<String> {
    let points: Vec<(f64, f64)> =
        at.iter().zip(values).filter_map(|(at, value)| Some((sound(*at)?, sound((*value)?)?))).collect();
    let (highest, end) = (most(points.iter().map(|point| point.1))?, most(points.iter().map(|point| point.0))?);
    let mut path = format!("M0 {HEIGHT}");
    let mut before = 0.0;
    for (at, value) in &points {
        // A value stands for the time before it.
        let y = HEIGHT - value / highest * (HEIGHT - 2.0);
        path.push_str(&format!("L{:.1} {y:.1}L{:.1} {y:.1}", before / end * WIDTH, at / end * WIDTH));
        before = *at;
    }
    path.push_str(&format!("L{WIDTH} {HEIGHT}Z"));
    let told = format!("at most {} {unit}", number(highest));
    let ends = axis(["0 s", &told, &length(Some(end))]);
    Some(shape(&told, &format!("<path class=\"bar\" d=\"{path}\"/>")) + &ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(shape: Shape) -> String {
        let drawing = Drawing { title: "<b>t".into(), unit: "<i>u".into(), shape };
        section(&[HardwareTest { source: "<script>".into(), drawings: vec![drawing], ..HardwareTest::default() }])
    }

    fn bar(name: &str, value: f64, is_marked: bool) -> Bar {
        Bar { name: name.into(), value, is_marked }
    }

    #[test]
    fn the_slow_one_is_marked_among_few_and_named_among_many() {
        let bars = vec![bar("cpu0", 100.0, false), bar("cpu1", 50.0, true)];
        let html = of(Shape::Bars { bars, left_out: 0 });
        assert!(html.contains("cpu1 – look at it") && html.contains("class=\"bar marked\" width=\"500.0\""), "{html}");
        let many = (0..256).map(|cpu| bar(&format!("cpu{cpu}"), 100.0 - f64::from(cpu % 3), cpu == 77)).collect();
        let html = of(Shape::Bars { bars: many, left_out: 3 });
        assert_eq!(html.matches("<rect").count(), 256);
        assert!(html.contains("cpu77 98") && html.contains("3 more are left out"), "{html}");
        assert!(html.len() < 32 << 10, "{}", html.len());
    }

    #[test]
    fn a_zone_that_was_not_read_is_empty_and_one_that_failed_is_not() {
        let html = of(Shape::Map { values: vec![Some(100.0), None, Some(50.0), None], marked: vec![3] });
        assert!(html.contains("class=\"bar\" d=\"M0.0 100V2.0H250.0V100ZM500.0 100V51.0H750.0V100Z\""), "{html}");
        assert!(html.contains("class=\"bar marked\" d=\"M750.0 100V2.0H1000.0V100Z\""), "{html}");
        assert!(html.contains("2 of 4 zones read, 1 marked"), "{html}");
    }

    #[test]
    fn a_single_slow_request_is_seen_beside_a_million_quick_ones() {
        let html = of(Shape::Histogram { at: vec![100.0, 200.0, 90_000.0], counts: vec![1e6, 0.0, 1.0] });
        // A twentieth of the height.
        assert!(html.contains("M666.7 100V95.1H1000.0"), "{html}");
    }

    #[test]
    fn what_is_no_number_and_what_is_markup_harms_nothing() {
        let odd = [f64::NAN, f64::INFINITY, -1.0, 1e300];
        let shapes = [
            Shape::Bars { bars: odd.iter().map(|value| bar("\"><script>", *value, true)).collect(), left_out: 0 },
            Shape::Bars { bars: (0..99).map(|_| bar("<x>", f64::NAN, true)).collect(), left_out: 0 },
            Shape::Map { values: odd.iter().map(|value| Some(*value)).collect(), marked: vec![usize::MAX] },
            Shape::Histogram { at: odd.to_vec(), counts: odd.to_vec() },
            Shape::Line { at: odd.to_vec(), values: vec![Some(1.0); 9] },
            Shape::Map { values: Vec::new(), marked: Vec::new() },
            Shape::Line { at: Vec::new(), values: Vec::new() },
        ];
        for shape in shapes {
            let html = of(shape);
            for bad in ["<script", "<x>", "<i>", "<b>", "width=\"NaN", "=\"inf", "VNaN", "Vinf", "LNaN", "Linf", "-1"] {
                assert!(!html.contains(bad), "{bad}: {html}");
            }
        }
    }

    #[test]
    fn a_run_without_such_tests_has_no_section() {
        assert_eq!(section(&[]), "");
    }
}
