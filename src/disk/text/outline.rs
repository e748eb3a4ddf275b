//! The outline of smartctl's text: how many reports there are in it, and what was begun and not ended. A text that was torn off looks
//! like one of a better drive: what is missing at its end is the self-test log, the error counters, the statistics.

use super::section::{self, Part};
use crate::disk::loose::leading_number;

/// How many reports there are: banners, or sections of information where the banners were taken out.
pub(in crate::disk) fn reports(text: &str) -> usize {
    let sections = memchr::memmem::find_iter(text.as_bytes(), "=== START OF INFORMATION SECTION");
    banners(text).count().max(sections.count())
}

/// Where smartctl says which version it is: at the beginning of a line, or behind what somebody put before it, with its date or the system
/// that it was made for. A command or a sentence that names the program has neither.
pub(in crate::disk) fn banners(text: &str) -> impl Iterator<Item = usize> + '_ {
    const NAME: &str = "smartctl ";
    /// More than a banner has.
    const LONGEST: usize = 160;
    let is_banner = move |at: &usize| {
        let rest = &text[at + NAME.len()..];
        let end = rest.char_indices().nth(LONGEST).map_or(rest.len(), |(end, _)| end);
        let rest = rest[..end].split('\n').next().unwrap_or_default();
        let rest = rest.trim_start_matches("version ").trim_start_matches("pre-");
        let (number, behind) = rest.split_at(rest.find(' ').unwrap_or(rest.len()));
        let before = text[..*at].trim_end_matches('\u{feff}');
        let begins_line = before.is_empty() || before.ends_with('\n');
        let dated = behind.contains(" [") || behind.trim_start().starts_with("20");
        number.starts_with(|c: char| c.is_ascii_digit()) && (begins_line || dated)
    };
    memchr::memmem::find_iter(text.as_bytes(), NAME).filter(move |at| is_banner(at))
}

/// What the text says in the places that show how far it goes.
struct Outline<'a> {
    text: &'a str,
    lines: Vec<&'a str>,
}

impl<'a> Outline<'a> {
    fn of(text: &'a str) -> Self {
        Outline { text, lines: text.lines().map(str::trim).collect() }
    }

    fn find(&self, words: &[&str]) -> Option<usize> {
        self.lines.iter().position(|line| words.iter().any(|word| line.contains(word)))
    }

    /// The drive's list of what it can do: bit 4 of it is the self-test, and smartctl prints how the last one ended only with it.
    fn can_test_itself(&self) -> bool {
        let line = self.lines.iter().find(|line| line.starts_with("capabilities:"));
        let bits = line.and_then(|line| line.split_once('(')).and_then(|(_, rest)| leading_number(rest));
        bits.is_none_or(|bits| bits & 0x10 != 0)
    }

    /// Of a log whose entries are all zero smartctl prints the heading alone, and of one whose index cannot be it says so; then something
    /// stands behind it.
    fn is_empty_log(&self, heading: usize) -> bool {
        let below = &self.lines[heading + 1..];
        let refused = ["Self-test Log failed", "Invalid Self-test Log index"];
        let is_refused = below.first().is_some_and(|line| refused.iter().any(|words| line.contains(words)));
        let goes_on = below.iter().skip(1).find(|line| !line.is_empty()).is_some_and(|line| section::is_known(line));
        is_refused || below.first().is_some_and(|line| line.is_empty()) && goes_on
    }

    fn has(&self, words: &[&str]) -> bool {
        words.iter().any(|words| super::find(self.text, words).is_some())
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
    if !text.ends_with('\n') && !is_ended(text) {
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

/// True if no part that counts can be missing of a last line without an end, as `$(smartctl -x)` has none: its words are the last ones of
/// a report, or it is one more row of a table that lists nothing behind which something can stand.
fn is_ended(text: &str) -> bool {
    let (before, last) = text.rsplit_once('\n').unwrap_or_default();
    let last = last.trim();
    let is_row = last.starts_with(|c: char| c.is_ascii_digit());
    section::is_whole(last) || is_row && !before.is_empty() && torn(&format!("{before}\n")).is_none()
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
    if values.is_some() && !outline.has(&["Self-test execution status:"]) && outline.can_test_itself() {
        return Some("how the last self-test ended is missing");
    }
    let log = outline.find(&["Self-test log structure revision", "Extended Self-test Log Version"]);
    if log.is_some_and(|log| !outline.has(&ENTRIES) && !outline.is_empty_log(log)) {
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
    let reads_tests = banners(outline.text).any(|at| {
        let version = outline.text[at..].trim_start_matches("smartctl ").split_once('.');
        let number = |text: &str| leading_number(text).unwrap_or_default();
        version.is_some_and(|(major, minor)| (number(major), number(minor)) >= (7, 4))
    });
    // smartctl stops where the error log cannot be read.
    let refused = outline.has(&["entries from Error Information Log failed"]);
    if errors.is_none() && health.is_some() && reads_tests && !refused && outline.has(&["Supported Power States"]) {
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
    // `-A` prints these logs of the vendor and no counters.
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
