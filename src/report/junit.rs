//! `JUnit` XML, as CI systems read it: a suite for each set of scripts, a case for each result, and a suite for the run itself, so that
//! what is unfinished or undelivered is no pass. It keeps to the common schema: elements and attributes in its order, nothing besides.

use std::fmt;

use super::model::{Grade, Report, TestResult};
use super::verdict::Problem;
use crate::script::Status;

/// A text in XML, without the characters that XML forbids.
struct Xml<'a>(&'a str);

impl fmt::Display for Xml<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                // Else an attribute loses them.
                '\n' => f.write_str("&#10;")?,
                '\t' => f.write_str("&#9;")?,
                '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => f.write_char('\u{fffd}')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// What became of a case.
enum End {
    Passed,
    Skipped,
    Failure,
    Error,
}

struct Case {
    name: String,
    seconds: f64,
    end: End,
    /// `Timed out`.
    kind: String,
    message: String,
    text: String,
}

struct Suite<'a> {
    name: &'a str,
    cases: Vec<Case>,
    seconds: f64,
    started: &'a str,
    properties: Vec<(&'static str, &'a str)>,
    output: String,
}

pub(super) fn document(report: &Report) -> String {
    let mut sets: Vec<&str> = Vec::new();
    for result in &report.results {
        if !sets.contains(&result.set.as_str()) {
            sets.push(&result.set);
        }
    }
    let mut suites = vec![of_run(report)];
    suites.extend(sets.into_iter().map(|set| of_set(report, set)));
    let bodies: String =
        suites.iter().enumerate().map(|(id, suite)| suite.written(id, &report.machine.hostname)).collect();
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n{bodies}</testsuites>\n")
}

fn of_set<'a>(report: &'a Report, set: &'a str) -> Suite<'a> {
    let results: Vec<&TestResult> = report.results.iter().filter(|result| result.set == set).collect();
    let degraded = results.iter().filter(|result| result.grade == Grade::Degraded);
    let output = degraded
        .map(|result| format!("Degraded: {}: {}\n", result.subject, result.reason.as_deref().unwrap_or_default()));
    let noted = results.iter().filter(|result| result.grade != Grade::Degraded && !result.notes.is_empty());
    let noted = noted.map(|result| format!("Look at it: {}: {}\n", result.subject, result.notes));
    Suite {
        name: set,
        // A sum of nothing is -0.
        seconds: results.iter().filter_map(|result| result.seconds).sum::<f64>() + 0.0,
        started: results.iter().find_map(|result| result.started.as_deref()).unwrap_or(&report.run.started),
        properties: Vec::new(),
        output: output.chain(noted).collect(),
        cases: results.into_iter().map(of_result).collect(),
    }
}

fn of_result(result: &TestResult) -> Case {
    let end = match (result.grade, result.status) {
        (Grade::Passed | Grade::Noted | Grade::Degraded, _) => End::Passed,
        (Grade::Skipped, _) => End::Skipped,
        (_, Status::Failed | Status::TimedOut) => End::Failure,
        _ => End::Error,
    };
    let excerpt = &result.output;
    let gap = if excerpt.left_out == 0 {
        String::new()
    } else {
        format!("\n[... {} bytes left out; the whole is in {} ...]\n", excerpt.left_out, excerpt.path)
    };
    let next = result.next.iter().map(|next| format!("Next: {next}\n\n"));
    Case {
        name: result.subject.clone(),
        seconds: result.seconds.unwrap_or(0.0),
        end,
        kind: result.status.name().to_owned(),
        message: result.reason.clone().unwrap_or_default(),
        text: next.chain([excerpt.head.clone(), gap, excerpt.tail.clone()]).collect(),
    }
}

/// That the run came to its end, and that the region has everything.
fn of_run(report: &Report) -> Suite<'_> {
    let run = &report.run;
    let case = |name: &str, problem: Option<&Problem>| Case {
        name: name.to_owned(),
        seconds: 0.0,
        end: if problem.is_some() { End::Error } else { End::Passed },
        kind: problem.map(|problem| problem.status.clone()).unwrap_or_default(),
        message: problem.map(|problem| problem.reason.clone()).unwrap_or_default(),
        text: problem.map(|problem| format!("Next: {}", problem.next)).unwrap_or_default(),
    };
    let find = |is_delivery: bool| {
        let of_run =
            |problem: &&Problem| problem.result.is_none() && (problem.grade == Grade::Undelivered) == is_delivery;
        report.problems.iter().find(of_run)
    };
    let delivery = case("the region has every result", find(true));
    // With `--no-send` the region has nothing, as was asked for.
    let delivery = if run.is_for_region { delivery } else { Case { end: End::Skipped, ..delivery } };
    Suite {
        name: "run",
        seconds: 0.0,
        started: &run.started,
        properties: vec![
            ("region", &run.region),
            ("outcome", run.outcome.as_deref().unwrap_or("not at its end")),
            ("verdict", report.verdict.grade.word()),
        ],
        output: format!("{}\n", report.verdict.headline),
        cases: vec![case("the run came to its end", find(false)), delivery],
    }
}

impl Suite<'_> {
    fn written(&self, id: usize, hostname: &str) -> String {
        let count = |is: fn(&End) -> bool| self.cases.iter().filter(|case| is(&case.end)).count();
        // The schema wants a time without fraction and zone.
        let started = self.started.get(..19).unwrap_or("1970-01-01T00:00:00");
        let hostname = if hostname.is_empty() { "localhost" } else { hostname };
        let mut text = format!(
            "  <testsuite id=\"{id}\" package=\"shakedown\" name=\"{}\" timestamp=\"{}\" hostname=\"{}\" tests=\"{}\" failures=\"{}\" \
             errors=\"{}\" skipped=\"{}\" time=\"{:.3}\">\n    <properties>\n",
            Xml(self.name),
            Xml(started),
            Xml(hostname),
            self.cases.len(),
            count(|end| matches!(end, End::Failure)),
            count(|end| matches!(end, End::Error)),
            count(|end| matches!(end, End::Skipped)),
            self.seconds,
        );
        for (name, value) in &self.properties {
            text.push_str(&format!("      <property name=\"{name}\" value=\"{}\"/>\n", Xml(value)));
        }
        text.push_str("    </properties>\n");
        text.extend(self.cases.iter().map(|case| case.written(self.name)));
        text.push_str(&format!(
            "    <system-out>{}</system-out>\n    <system-err/>\n  </testsuite>\n",
            Xml(&self.output)
        ));
        text
    }
}

impl Case {
    fn written(&self, suite: &str) -> String {
        let (name, suite, message) = (Xml(&self.name), Xml(suite), Xml(&self.message));
        let open =
            format!("    <testcase classname=\"shakedown.{suite}\" name=\"{name}\" time=\"{:.3}\"", self.seconds);
        let element = match self.end {
            End::Passed => return open + "/>\n",
            End::Skipped => return format!("{open}><skipped message=\"{message}\"/></testcase>\n"),
            End::Failure => "failure",
            End::Error => "error",
        };
        let (kind, text) = (Xml(&self.kind), Xml(&self.text));
        format!("{open}>\n      <{element} type=\"{kind}\" message=\"{message}\">{text}</{element}>\n    </testcase>\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_forbids_does_not_come_through() {
        assert_eq!(
            Xml("a<b>&\"c\u{1}\u{0}\u{fffe}\n").to_string(),
            "a&lt;b&gt;&amp;&quot;c\u{fffd}\u{fffd}\u{fffd}&#10;"
        );
    }
}
