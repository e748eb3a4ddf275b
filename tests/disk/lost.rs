//! A loss in a report never makes a bad drive healthy: a text that was cut off at any byte, a line or a key that is missing. The ignored
//! tests check every byte of every report, which takes minutes; the others check a sample.

use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use shakedown::disk::Verdict;

use crate::{fixture, fixtures, judged};

type Input = (String, Vec<u8>);

/// The share of all cases that a test checks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Sample,
    Everything,
}

/// The reports by name: the fixtures of this project, and those in `SHAKEDOWN_SHARED` where it is set.
fn inputs() -> Vec<Input> {
    let mut inputs: Vec<Input> = fixtures().into_iter().map(|(name, _)| (name.clone(), fixture(&name))).collect();
    if let Some(shared) = std::env::var_os("SHAKEDOWN_SHARED").filter(|folder| !folder.is_empty()) {
        for folder in ["cases/disk", "fixtures/smartctl"] {
            gather(&Path::new(&shared).join(folder), "", &mut inputs);
        }
    }
    inputs.sort();
    inputs
}

/// Adds all reports of a folder and those below it, by their path in it.
fn gather(folder: &Path, above: &str, inputs: &mut Vec<Input>) {
    let files = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for file in files.flatten() {
        let name = format!("{above}{}", file.file_name().to_string_lossy());
        if file.path().is_dir() {
            gather(&file.path(), &format!("{name}/"), inputs);
        } else if name.ends_with(".txt") || name.ends_with(".json") {
            inputs.push((name, std::fs::read(file.path()).expect("a file")));
        }
    }
}

/// The rank of a verdict: worse ones are larger. An error is as bad as a failed drive, so that a torn report may always end in one.
fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::NotSupported | Verdict::Healthy => 0,
        Verdict::Degraded => 1,
        Verdict::Failed | Verdict::Error => 2,
    }
}

/// Runs `look` on every input, on all processors, and returns all its lines.
fn of_each(inputs: &[Input], look: impl Fn(&str, &[u8]) -> Vec<String> + Sync) -> Vec<String> {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((name, whole)) = inputs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let own = look(name, whole);
                    found.lock().expect("no panic").extend(own);
                }
            });
        }
    });
    let mut found = found.into_inner().expect("no panic");
    found.sort();
    found
}

/// The offsets at which a text is cut off: after each line, and in the middle of each. Any other cut ends the text without a line end, like
/// one in the middle, which [`a_line_that_has_no_end_is_never_good`] covers.
fn text_cuts(whole: &[u8], part: Part) -> Vec<usize> {
    let wide = whole.iter().take(200).filter(|byte| **byte == 0).count() > 50;
    // UTF-16 has its line end in two bytes.
    let ends: Vec<usize> =
        (1..=whole.len()).filter(|at| whole[at - 1] == b'\n').map(|at| at + usize::from(wide)).collect();
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let middles = starts.zip(&ends).map(|(start, end)| usize::midpoint(start, *end));
    let every = if part == Part::Everything { 1 } else { 5 };
    let all: Vec<usize> = ends.iter().copied().chain(middles).filter(|at| *at < whole.len()).collect();
    all.into_iter().enumerate().filter(|(place, _)| place % every == 0).map(|(_, at)| at).collect()
}

/// The state at the end of a prefix of a JSON document: the nesting depth, true if inside a string, and the kind of the last character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Class {
    depth: usize,
    in_string: bool,
    behind: u8,
}

/// The class of each prefix of a document.
fn classes(document: &[u8]) -> Vec<Class> {
    let (mut class, mut escaped) = (Class { depth: 0, in_string: false, behind: b' ' }, false);
    let mut step = |byte: u8| {
        let quote = byte == b'"' && !escaped;
        escaped = class.in_string && byte == b'\\' && !escaped;
        match byte {
            b'{' | b'[' if !class.in_string => class.depth += 1,
            b'}' | b']' if !class.in_string => class.depth -= 1,
            _ => {}
        }
        class.in_string ^= quote;
        class.behind = match byte {
            _ if class.in_string => b'"',
            b'0'..=b'9' => b'0',
            byte if byte.is_ascii_alphabetic() => b'a',
            byte => byte,
        };
        class
    };
    document.iter().map(|byte| step(*byte)).collect()
}

/// The offsets at which a document is cut off: once in each class of places, at each sixteenth, and at every byte before it begins.
/// No prefix is a whole document.
fn document_cuts(name: &str, whole: &[u8], part: Part) -> Vec<usize> {
    let start = whole.iter().position(|byte| *byte == b'{').unwrap_or_default();
    let end = whole.trim_ascii_end().len();
    let classes = classes(&whole[start..end]);
    let open = classes.iter().take(classes.len().saturating_sub(1)).all(|class| class.depth > 0 || class.in_string);
    assert!(open || name.contains("malformed"), "{name} is more than one document");
    let mut seen = std::collections::HashSet::new();
    let first = classes.iter().enumerate().filter(|(_, class)| seen.insert(**class)).map(|(at, _)| start + at + 1);
    let every = if part == Part::Everything { 1 } else { 4 };
    let mut cuts: Vec<usize> = (0..start).chain(first).chain((1..16).map(|part| whole.len() * part / 16)).collect();
    cuts.retain(|at| *at < end);
    cuts.into_iter().enumerate().filter(|(place, _)| place % every == 0).map(|(_, at)| at).collect()
}

/// Cut reports with a better verdict than the whole ones. A cut text that could be a whole report goes to `proven`.
fn better_when_torn(part: Part, ends: &[&str], proven: &Mutex<Vec<String>>) -> Vec<String> {
    of_each(&inputs(), |name, whole| {
        if !ends.iter().any(|end| name.ends_with(end)) {
            return Vec::new();
        }
        let verdict = judged(whole).verdict;
        if rank(verdict) == 0 || verdict == Verdict::Error {
            return Vec::new();
        }
        let mut better = Vec::new();
        let is_document = whole.starts_with(b"{") || name.ends_with(".json");
        let cuts = if is_document { document_cuts(name, whole, part) } else { text_cuts(whole, part) };
        for end in cuts {
            let found = judged(&whole[..end]).verdict;
            if rank(found) >= rank(verdict) {
                continue;
            }
            let tail = String::from_utf8_lossy(&whole[end.saturating_sub(60)..end]).into_owned();
            let (was, is) = (verdict.name(), found.name());
            let line = format!("{name}: {end} of {} bytes: {is} instead of {was}: {tail:?}", whole.len());
            if may_be_whole(&String::from_utf8_lossy(&whole[..end])) {
                proven.lock().expect("no panic").push(line);
            } else {
                better.push(line);
            }
        }
        better
    })
}

/// Some texts show health by themselves: verdict, attributes, and a log of self-tests that ended (what `smartctl -a` prints of a drive
/// without selective tests), or an extended self-test that passed and is the newest (`NVMe`, whose log comes last).
fn may_be_whole(text: &str) -> bool {
    let extended = ["Log Directory Version", "Extended Self-test Log Version", "Extended Comprehensive Error Log"];
    let shown = ["test result: PASSED", "Vendor Specific SMART Attributes", "SMART Self-test log structure"];
    let log = text.split_once("SMART Self-test log structure").map_or("", |(_, log)| log);
    let ended = log.contains("\n\n") || log.contains("No self-tests have been logged");
    let ata = shown.iter().all(|words| text.contains(words)) && !extended.iter().any(|words| text.contains(words));
    let log = text.split_once("Self-test Log (NVMe Log").map_or("", |(_, log)| log);
    let nvme = log.lines().any(|line| line.contains("Extended ") && line.contains("Completed without error"));
    ata && ended || nvme && text.contains("test result: PASSED")
}

#[test]
fn a_report_that_is_torn_off_is_never_better_than_the_whole() {
    let better = better_when_torn(Part::Sample, &[".txt", ".json"], &Mutex::default());
    assert!(better.is_empty(), "{} of them:\n{}", better.len(), better.join("\n"));
}

/// A text that ends within a line is an error, or of a drive that failed: at every byte of the first one of each kind. A whole last line
/// without its end is another matter (`copied`).
#[test]
fn a_line_that_has_no_end_is_never_good() {
    let kinds = ["Vendor Specific SMART Attributes", "NVMe Log 0x02", "Error counter log"];
    let texts: Vec<Input> = inputs().into_iter().filter(|(name, _)| name.ends_with(".txt")).collect();
    let first = |kind: &str| texts.iter().find(|(_, text)| String::from_utf8_lossy(text).contains(kind)).cloned();
    let chosen: Vec<Input> = kinds.iter().filter_map(|kind| first(kind)).collect();
    assert!(chosen.len() > 1, "texts of several kinds");
    let good = of_each(&chosen, |name, whole| {
        let inside = (1..whole.len()).filter(|at| whole[at - 1] != b'\n' && whole[*at] != b'\n').step_by(3);
        let bad = |at: &usize| matches!(judged(&whole[..*at]).verdict, Verdict::Error | Verdict::Failed);
        inside.filter(|at| !bad(at)).map(|at| format!("{name}: {at} bytes")).collect()
    });
    assert!(good.is_empty(), "{} of them:\n{}", good.len(), good.join("\n"));
}

/// Prints the cut reports that show health by themselves.
fn list(proven: Mutex<Vec<String>>) {
    let mut out = std::io::stdout().lock();
    for line in proven.into_inner().expect("no panic") {
        writeln!(out, "health is proven by what is left: {line}").expect("stdout takes it");
    }
}

/// The thorough form of these tests: every byte.
fn is_never_better_at_any_byte(ends: &[&str]) {
    let proven = Mutex::default();
    let better = better_when_torn(Part::Everything, ends, &proven);
    list(proven);
    assert!(better.is_empty(), "{} of them:\n{}", better.len(), better.join("\n"));
}

#[test]
#[ignore = "every line of every text: a minute or two"]
fn a_text_that_is_torn_off_at_any_byte_is_never_better_than_the_whole() {
    is_never_better_at_any_byte(&[".txt"]);
}

#[test]
#[ignore = "every kind of place of every document: a minute or two"]
fn a_document_that_is_torn_off_at_any_byte_is_never_better_than_the_whole() {
    is_never_better_at_any_byte(&[".json"]);
}

/// Failed drives that are judged healthy, or left out, when one line of their text is missing. Texts that still show health by themselves
/// go to `proven`.
fn healthy_without_a_line(part: Part, proven: &Mutex<Vec<String>>) -> Vec<String> {
    of_each(&inputs(), |name, whole| {
        if !name.ends_with(".txt")
            || judged(whole).verdict != Verdict::Failed
            || whole.len() > 6000 && part == Part::Sample
        {
            return Vec::new();
        }
        let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
        let without = |lost: usize| {
            let rest: Vec<u8> =
                lines.iter().enumerate().filter(|(at, _)| *at != lost).flat_map(|(_, line)| line.to_vec()).collect();
            let found = judged(rest).verdict;
            // On a drive with the verdict "passed" a single row may show the fault: the last one of the log, or of the attributes.
            let line = String::from_utf8_lossy(lines[lost]);
            let alone = ["read failure", "FAILING_NOW", "failed segments", "Fatal or unknown"]
                .iter()
                .any(|words| line.contains(words));
            let healthy = (rank(found) == 0).then(|| format!("{name} without {line:?}: {}", found.name()))?;
            if alone {
                proven.lock().expect("no panic").push(healthy);
                return None;
            }
            Some(healthy)
        };
        (0..lines.len()).filter_map(without).collect()
    })
}

#[test]
fn a_line_that_is_lost_makes_no_bad_drive_healthy() {
    let healthy = healthy_without_a_line(Part::Sample, &Mutex::default());
    assert!(healthy.is_empty(), "{} of them:\n{}", healthy.len(), healthy.join("\n"));
}

#[test]
#[ignore = "every line of every recording of a failed drive: minutes"]
fn any_line_that_is_lost_makes_no_bad_drive_healthy() {
    let proven = Mutex::default();
    let healthy = healthy_without_a_line(Part::Everything, &proven);
    list(proven);
    assert!(healthy.is_empty(), "{} of them:\n{}", healthy.len(), healthy.join("\n"));
}

/// Every document that lacks one key.
fn without_a_key(value: &Value, path: &str, found: &mut dyn FnMut(String, Value)) {
    match value {
        Value::Object(object) => {
            for key in object.keys() {
                let here = format!("{path}.{key}");
                let mut rest = object.clone();
                rest.remove(key);
                found(here.clone(), Value::Object(rest));
                without_a_key(&object[key], &here, &mut |path, inner| {
                    let mut whole = object.clone();
                    whole.insert(key.clone(), inner);
                    found(path, Value::Object(whole));
                });
            }
        }
        Value::Array(list) => {
            for (at, one) in list.iter().enumerate() {
                without_a_key(one, &format!("{path}[{at}]"), &mut |path, inner| {
                    let mut whole = list.clone();
                    whole[at] = inner;
                    found(path, Value::Array(whole));
                });
            }
        }
        _ => {}
    }
}

/// Failed drives that are judged healthy, or left out, when one key of their document is missing. Documents that still show health by
/// themselves go to `proven`.
fn healthy_without_a_key(part: Part, proven: &Mutex<Vec<String>>) -> Vec<String> {
    of_each(&inputs(), |name, whole| {
        if !name.ends_with(".json")
            || judged(whole).verdict != Verdict::Failed
            || whole.len() > 20_000 && part == Part::Sample
        {
            return Vec::new();
        }
        let Ok(document) = serde_json::from_slice::<Value>(whole) else { return Vec::new() };
        let mut healthy = Vec::new();
        without_a_key(&document, "", &mut |path, rest| {
            let found = judged(rest.to_string()).verdict;
            // An NVMe log without rows belongs to a drive that was never tested, and a missing log to a drive without self-tests, for which
            // the answer contains `self-tests-unseen`.
            let is_known = [".nvme_self_test_log", ".nvme_self_test_log.table"].contains(&path.as_str());
            let line = || format!("{name} without {path}: {}", found.name());
            match (rank(found) == 0, is_known) {
                (true, true) => proven.lock().expect("no panic").push(line()),
                (true, false) => healthy.push(line()),
                (false, _) => {}
            }
        });
        healthy
    })
}

#[test]
fn a_key_that_is_lost_makes_no_bad_drive_healthy() {
    let healthy = healthy_without_a_key(Part::Sample, &Mutex::default());
    assert!(healthy.is_empty(), "{} of them:\n{}", healthy.len(), healthy.join("\n"));
}

#[test]
#[ignore = "every key of every recording of a failed drive: minutes"]
fn any_key_that_is_lost_makes_no_bad_drive_healthy() {
    let proven = Mutex::default();
    let healthy = healthy_without_a_key(Part::Everything, &proven);
    list(proven);
    assert!(healthy.is_empty(), "{} of them:\n{}", healthy.len(), healthy.join("\n"));
}
