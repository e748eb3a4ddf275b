//! One page for a batch of machines: no network, no font, no script but its own few lines, without which it reads as well.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::text::{number, text};
use super::{FactRow, FigureRow, Herd};
use crate::report::{Html, plain};

const STYLE: &str = include_str!("page.css");
const SORT: &str = include_str!("sort.js");
/// Width of a strip of dots.
const STRIP: f64 = 160.0;

/// The page.
#[must_use]
pub fn page(herds: &[Herd]) -> String {
    let count: usize = herds.iter().map(|herd| herd.machines.len()).sum();
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; \
         base-uri 'none'; form-action 'none'\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{count} machines compared</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<h1>{count} machines compared</h1>\n",
        STANDARD.encode(Sha256::digest(STYLE)),
        STANDARD.encode(Sha256::digest(SORT)),
    );
    for herd in herds {
        html.push_str(&section(herd));
    }
    html.push_str(&format!(
        "<footer>Facts are odd where three machines or more tell them and more than 60 % agree; figures where six or more are known, beyond \
         four median deviations and a floor on the bad side.</footer>\n<script>{SORT}</script>\n</body>\n</html>\n"
    ));
    html
}

fn cell(text: &str) -> String {
    Html(&plain(text.as_bytes())).to_string()
}

fn section(herd: &Herd) -> String {
    let (headline, odd, remarks) = text(herd);
    let mut html = format!(
        "<h2>{}</h2>\n<p>{}</p>\n",
        cell(&headline),
        match odd.len() {
            0 => "Nothing is odd.".to_owned(),
            1 => "1 thing is odd.".to_owned(),
            count => format!("{count} things are odd."),
        }
    );
    if !remarks.is_empty() {
        let items: String = remarks.iter().map(|remark| format!("<li>{}</li>", cell(remark))).collect();
        html.push_str(&format!("<ul>{items}</ul>\n"));
    }
    let (same, different): (Vec<&FactRow>, Vec<&FactRow>) = herd.facts.iter().partition(|fact| is_same(fact));
    if !same.is_empty() {
        let pairs: String =
            same.iter().map(|fact| format!("<dt>{}</dt><dd>{}</dd>", cell(&fact.name), cell(&said(fact)))).collect();
        html.push_str(&format!(
            "<details><summary>The same on all: {} facts</summary>\n<dl>{pairs}</dl></details>\n",
            same.len()
        ));
    }
    let heads = different.iter().map(|fact| format!("<th><button>{}</button></th>", cell(&fact.name)));
    let heads: String = heads.chain(herd.figures.iter().map(head)).collect();
    let rows: String = (0..herd.machines.len()).map(|place| row(herd, &different, place)).collect();
    html + &format!(
        "<div class=\"wide\"><table>\n<thead><tr><th><button>Machine</button></th>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n"
    )
}

fn is_same(fact: &FactRow) -> bool {
    fact.values.iter().all(|value| *value == fact.values[0])
}

fn said(fact: &FactRow) -> String {
    fact.values.first().cloned().flatten().unwrap_or_default()
}

/// The name of a figure, its median, and a dot for each machine.
fn head(figure: &FigureRow) -> String {
    let unit = if figure.unit.is_empty() { String::new() } else { format!(" <small>{}</small>", cell(&figure.unit)) };
    let Some((low, high)) = figure.ends() else {
        return format!("<th class=\"n\"><button>{}</button></th>", cell(&figure.name));
    };
    let range = if high > low { high - low } else { 1.0 };
    let at = |value: f64| 4.0 + (value - low) / range * (STRIP - 8.0);
    // The odd ones come last, so that no other dot hides them.
    let (mut dots, mut odd) = (String::new(), String::new());
    for (place, value) in figure.values.iter().enumerate() {
        let Some(value) = value else { continue };
        if figure.odd.contains(&place) {
            odd.push_str(&format!("<circle class=\"off\" cx=\"{:.1}\" cy=\"10\" r=\"4\"/>", at(*value)));
        } else {
            dots.push_str(&format!("<circle cx=\"{:.1}\" cy=\"10\" r=\"3\"/>", at(*value)));
        }
    }
    let median = at(figure.median);
    let line = if median.is_finite() {
        format!("<line class=\"median\" x1=\"{median:.1}\" x2=\"{median:.1}\" y1=\"2\" y2=\"18\"/>")
    } else {
        String::new()
    };
    format!(
        "<th class=\"n\"><button>{}</button>{unit}<svg viewBox=\"0 0 {STRIP} 20\" role=\"img\" aria-label=\"{} to {}, median {}\">\
         <line x1=\"0\" x2=\"{STRIP}\" y1=\"10\" y2=\"10\"/>{line}{dots}{odd}</svg></th>",
        cell(&figure.name),
        cell(&number(low, &figure.unit)),
        cell(&number(high, &figure.unit)),
        cell(&number(figure.median, &figure.unit)),
    )
}

fn row(herd: &Herd, facts: &[&FactRow], place: usize) -> String {
    let mut html = format!("<tr><th>{}</th>", cell(&herd.machines[place]));
    for fact in facts {
        let class = if fact.odd.contains(&place) { " class=\"odd\"" } else { "" };
        html.push_str(&format!("<td{class}>{}</td>", fact.values[place].as_deref().map(cell).unwrap_or_default()));
    }
    for figure in &herd.figures {
        let has_fallen = figure.fallen.contains(&place);
        let class = if figure.odd.contains(&place) || has_fallen { "n odd" } else { "n" };
        let value = figure.values[place];
        let last = figure.last[place].filter(|_| has_fallen).map(|last| format!(" (last {})", number(last, "")));
        let shown = value.map(|value| number(value, "") + &last.unwrap_or_default()).unwrap_or_default();
        let key = value.map(|value| value.to_string()).unwrap_or_default();
        html.push_str(&format!("<td class=\"{class}\" data-v=\"{key}\">{}</td>", cell(&shown)));
    }
    html + "</tr>\n"
}
