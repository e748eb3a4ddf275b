//! The outline of smartctl's text: how many reports there are in it, and what was begun and not ended. A text that was torn off looks
//! like one of a better drive: what is missing at its end is the self-test log, the error counters, the statistics.

use super::section::{self, Part};
use crate::disk::loose::leading_number;

/// How many reports there are: banners, or sections of information where the banners were taken out.
pub(in crate::disk) fn reports(text: &str) -> usize {
    let starts = |line: &&str| {
        let version = line.trim_start_matches('\u{feff}').strip_prefix("smartctl ");
        let number = |rest: &str| rest.trim_start_matches("version ").trim_start_matches("pre-").to_owned();
        version.is_some_and(|rest| number(rest).starts_with(|c: char| c.is_ascii_digit()))
    };
    let banners = text.lines().filter(starts).count();
    let sections = text.lines().filter(|line| line.starts_with("=== START OF INFORMATION SECTION")).count();
    banners.max(sections)
}

/// What the text says in the places that show how far it goes.
struct Outline<'a> {
    lines: Vec<&'a str>,
}

impl<'a> Outline<'a> {
    fn of(text: &'a str) -> Self {
        Outline { lines: text.lines().map(str::trim).collect() }
    }

    fn find(&self, words: &[&str]) -> Option<usize> {
        self.lines.iter().position(|line| words.iter().any(|word| line.contains(word)))
    }

    fn has(&self, words: &[&str]) -> bool {
        self.find(words).is_some()
    }

    /// Whether something stands behind a line: `at` is the place of the heading, so its table has begun.
    fn goes_on(&self, at: usize) -> bool {
        self.lines[at + 1..].iter().any(|line| !line.is_empty())
    }
}

/// What smartctl says of the self-test log, whether there is one or not.
const SELF_TESTS: [&str; 11] = [
    "Self-test log structure",
    "Self-test Log Version",
    "Self-test Log not supported",
    "Self-test Log failed",
    "Self-tests not supported",
    "Self-test Log (NVMe",
    "No self-tests have been logged",
    "No Self-tests have been logged",
    "No Self-tests Logged",
    "Self Test logging",
    "Self-test log",
];
/// How a line of it begins.
const ENTRIES: [&str; 5] = ["# 1", "#1", "No self-tests", "No Self-tests", "Self-test status"];

/// The words for the part that was torn off, and its place; nothing if the text may be whole.
pub(in crate::disk) fn torn(text: &str) -> Option<(String, Part)> {
    if !text.ends_with('\n') {
        return Some(("the last line has no end".to_owned(), Part::Verdict));
    }
    let outline = Outline::of(text);
    let health = outline.has(&["=== START OF READ SMART DATA SECTION", "=== START OF SMART DATA SECTION"]);
    if outline.has(&["=== START OF INFORMATION SECTION"]) && !health && !outline.has(&["SMART Health Status"]) {
        // Only identities were asked for, or it ends here: there is no health in it either way.
        return None;
    }
    let due = ata(&outline).or_else(|| nvme(&outline)).or_else(|| scsi(&outline));
    if let Some(words) = due {
        return Some((words.to_owned(), Part::Verdict));
    }
    let open = section::open(&outline.lines).filter(|(name, _)| *name != section::ATA_TESTS || !is_excerpt(&outline));
    let open = open.map(|(name, part)| (format!("{name} has no end"), part));
    open.or_else(|| late(&outline).map(|words| (words.to_owned(), Part::Statistics)))
}

/// Rows of a log of self-tests in an excerpt that are many.
const MANY: usize = 8;

/// smartctl prints what the drive can do with its values, always. Where that is left out and many self-tests follow, somebody has made an
/// excerpt, of which the end says nothing.
fn is_excerpt(outline: &Outline) -> bool {
    let values = outline.has(&["General SMART Values:"]) && !outline.has(&["SMART capabilities:"]);
    values && outline.lines.iter().filter(|line| line.starts_with('#')).count() >= MANY
}

/// The ends of ATA's `-x`; the directory of logs names the counters of the link, too. Some readers leave those out.
const LAST: [&str; 4] = [
    "Phy Event Counters (GP Log",
    "Phy Event Counters with",
    "Read SATA Phy Event Counters failed",
    "N normalized value",
];

/// The last parts of `-x`: the counters of the link of ATA drives, SAS's background scan and what stands behind it.
fn late(outline: &Outline) -> Option<&'static str> {
    let extended =
        outline.has(&["Log Directory Version", "Extended Self-test Log Version", "Extended Comprehensive Error Log"]);
    let everything = extended && outline.has(&["General SMART Values:", "Log Directory Version"]);
    if everything && !outline.has(&LAST) {
        return Some("the last sections are missing");
    }
    // Nothing else asks a SCSI drive for its caches.
    let extended = outline.has(&["Read Cache is:", "Writeback Cache is:"]) && outline.has(&["Error counter log:"]);
    let is_disk = outline.lines.iter().any(|line| line.starts_with("Device type:") && line.ends_with("disk"));
    if extended && is_disk && !outline.has(&["Background scan results"]) {
        return Some("the background scan is missing");
    }
    let follows = ["Protocol Specific port", "General statistics", "does not support Background scan"];
    let sas = outline.has(&["Transport protocol:   SAS"]);
    (extended && sas && is_disk && !outline.has(&follows)).then_some("the last sections are missing")
}

/// `-a` and `-x` print in this order: verdict, values, attributes, errors, self-tests, statistics.
fn ata(outline: &Outline) -> Option<&'static str> {
    let values = outline.find(&["General SMART Values:"]);
    let table = outline.find(&["Vendor Specific SMART Attributes with Thresholds:"]);
    let refused = outline.has(&[
        "Read SMART Data failed",
        "Attributes and Thresholds cannot be read",
        "Read SMART Thresholds failed",
    ]);
    let informed = outline.has(&["=== START OF INFORMATION SECTION"]) && outline.has(&["Device Model:"]);
    if informed && outline.has(&["self-assessment test result: PASSED"]) && values.is_none() && table.is_none() {
        return Some("nothing stands behind the verdict");
    }
    // Capabilities alone have no verdict before them.
    let whole = outline.has(&["self-assessment test result"]);
    if values.is_some() && whole && table.is_none() && !refused {
        return Some("the attributes are missing");
    }
    if values.is_some() && table.is_some() && whole && !outline.has(&SELF_TESTS) {
        return Some("the self-test log is missing");
    }
    if values.is_some() && !outline.has(&["Self-test execution status:"]) {
        return Some("how the last self-test ended is missing");
    }
    let log = outline.find(&["Self-test log structure revision", "Extended Self-test Log Version"]);
    if log.is_some() && !outline.has(&ENTRIES) && !outline.has(&["Self-test Log failed", "Num  Test_Description"]) {
        return Some("the self-test log has no end");
    }
    // The table of -x has its flags explained behind it.
    (outline.has(&["WORST THRESH FAIL RAW_VALUE"]) && !outline.has(&["K auto-keep"]))
        .then_some("the table of attributes has no end")
}

/// The health log ends with the count of errors; since 7.4 the self-tests stand behind the errors.
fn nvme(outline: &Outline) -> Option<&'static str> {
    let health = outline.find(&["SMART/Health Information (NVMe Log"]);
    if health.is_some() && !outline.has(&["Error Information Log Entries:"]) {
        return Some("the health log has no end");
    }
    let informed = outline.has(&["=== START OF INFORMATION SECTION"]);
    let is_nvme = outline.has(&[
        "Number of Namespaces:",
        "NVMe Version:",
        "PCI Vendor/Subsystem ID:",
        "=== START OF SMART DATA SECTION",
    ]);
    let refused = outline.has(&["Read NVMe SMART/Health Information failed"]);
    if health.is_none() && !refused && is_nvme && informed && outline.has(&["SMART DATA SECTION"]) {
        return Some("the health log is missing");
    }
    let errors = outline.find(&["Error Information (NVMe Log"]);
    let reads_tests = outline.lines.iter().any(|line| {
        let version = line.strip_prefix("smartctl ").and_then(|rest| rest.split_once('.'));
        let number = |text: &str| leading_number(text).unwrap_or_default();
        version.is_some_and(|(major, minor)| (number(major), number(minor)) >= (7, 4))
    });
    if errors.is_none() && health.is_some() && reads_tests && outline.has(&["Supported Power States"]) {
        return Some("the error log is missing");
    }
    if errors.is_some() && reads_tests && !outline.has(&SELF_TESTS) {
        return Some("the self-test log is missing");
    }
    // Its heading may be lost, which leaves rows of no table.
    let log =
        outline.has(&["Self-test Log (NVMe Log"]) && !outline.has(&["No Self-tests Logged", "Num  Test_Description"]);
    log.then_some("the self-test log has no heading")
}

/// Newer versions print a heading before the verdict, and the error counters and self-tests behind it, or that there are none.
fn scsi(outline: &Outline) -> Option<&'static str> {
    let status = outline.find(&["SMART Health Status:"])?;
    let counters = outline.find(&["Error counter log:", "Error Counter logging not supported"]);
    let vendor = outline.has(&["Vendor (Seagate"]);
    let headed =
        outline.has(&["=== START OF READ SMART DATA SECTION"]) && outline.has(&["=== START OF INFORMATION SECTION"]);
    if headed && counters.is_none() && !vendor && !outline.has(&SELF_TESTS) {
        return Some(if outline.goes_on(status) {
            "the error counters are missing"
        } else {
            "nothing stands behind the verdict"
        });
    }
    (counters.is_some() && !outline.has(&SELF_TESTS)).then_some("the self-test log is missing")
}

/// Rows of ATA's log of pending defects, or the count that some versions print before them.
pub(super) fn pending_defects(lines: &[&str]) -> Option<u64> {
    let heading = lines.iter().position(|line| line.contains("Pending Defects log (GP Log"))?;
    let below = || lines[heading + 1..].iter().map(|line| line.trim()).take_while(|line| !line.is_empty());
    let is_row = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.len() == 3 && words[..2].iter().all(|word| word.bytes().all(|b| b.is_ascii_digit()))
    };
    let rows = below().filter(|line| is_row(line)).count();
    let more = below()
        .filter_map(|line| line.strip_prefix("..."))
        .filter_map(|rest| leading_number(rest.trim_start_matches(['.', ' ', '('])));
    Some(more.fold(u64::try_from(rows).unwrap_or(u64::MAX), u64::saturating_add))
}
