//! The grammar of smartctl's text: which line begins a section or a table, and what proves its end. A text that was torn off at the end
//! of a line looks like one of a better drive, unless the last thing that it began is known to have no end.
//!
//! The table is what smartctl 6.0 to 8.0 print (`ataprint.cpp`, `nvmeprint.cpp`, `scsiprint.cpp`, `farmprint.cpp`). Anything that stands
//! behind the last section is the head of another one, so only the last one that was begun can be open.

/// The proof of a section's end, beside a section behind it.
#[derive(Clone, Copy, Debug)]
enum End {
    /// An empty line behind its rows.
    Empty,
    /// An empty line behind rows, of which one is an entry.
    Entries,
    /// An empty line anywhere below, since what it lists counts for nothing.
    Gap,
    /// A line that has one of these words, and nothing else.
    Words,
    /// A row: what may be missing of it counts for nothing.
    Row,
    /// A row, or the empty line of a table that has none.
    RowOrEmpty,
    /// The words; without a row there is nothing to explain, and an empty line below the headings is the end.
    Rowless,
    /// An empty line behind its rows, as many rows as the log has room for, or an extended test that passed: a text that ends with the
    /// log lacks its empty line where a program cut that off, and such a test shows health whatever stood below it.
    Log(usize),
}

/// The part of the text that a section is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::disk) enum Part {
    /// The rest behind it may fail a drive.
    Verdict,
    /// Statistics, scans, temperatures: the rest behind it degrades a drive at most.
    Statistics,
}

/// A section or a table that is in the text.
#[derive(Clone, Copy, Debug)]
struct Section {
    /// How its first line begins.
    begins: &'static [&'static str],
    end: End,
    /// Words of a line that end it, such as those that say that it is empty.
    closing: &'static [&'static str],
    part: Part,
    /// Its name, for people.
    name: &'static str,
}

const fn section(name: &'static str, part: Part, begins: &'static [&'static str], end: End) -> Section {
    Section { begins, end, closing: &[], part, name }
}

impl Section {
    const fn closing(self, closing: &'static [&'static str]) -> Self {
        Section { closing, ..self }
    }

    /// `lines` begin with its first one.
    fn ends(&self, lines: &[&str]) -> bool {
        let below = lines.get(1..).unwrap_or_default();
        let is_row = |line: &&str| line.starts_with(|c: char| c.is_ascii_digit());
        let emptied = || below.iter().skip_while(|line| line.is_empty()).any(|line| line.is_empty());
        let closed = lines.iter().any(|line| self.closing.iter().any(|words| line.contains(words)));
        let passed = |line: &&str| line.contains("Extended ") && line.contains("Completed without error");
        let ended = match self.end {
            End::Empty => emptied(),
            End::Entries => below.iter().any(|line| line.starts_with('#')) && emptied(),
            End::Gap => below.iter().any(|line| line.is_empty()),
            End::Words => false,
            End::Row => below.iter().any(is_row),
            End::RowOrEmpty => below.iter().any(is_row) || emptied(),
            End::Rowless => !below.iter().copied().any(tells) && emptied(),
            End::Log(most) => {
                let rows = || below.iter().copied().filter(|line| is_row(line));
                rows().count() > 0 && emptied() || rows().count() >= most || rows().any(|line| passed(&line))
            }
        };
        closed || ended
    }
}

/// True if a row of the device statistics has a value: those without one have a hyphen or equals signs in its place.
fn tells(line: &str) -> bool {
    let value = line.split_whitespace().nth(3).unwrap_or_default();
    is_statistic(line) && value.starts_with(|c: char| c.is_ascii_digit())
}

/// A row of the device statistics, the name of a page, or a value that the drive does not keep. Versions before 6.5 number the pages in
/// decimal digits.
pub(super) fn is_statistic(line: &str) -> bool {
    if !line.trim_start().starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let mut words = line.split_whitespace();
    let [page, offset] = [words.next(), words.next()].map(Option::unwrap_or_default);
    let number = |word: &str| word.strip_prefix("0x").unwrap_or(word).bytes().all(|byte| byte.is_ascii_hexdigit());
    let page = !page.is_empty() && page.len() <= 4 && number(page);
    page && (offset == "=====" || offset.len() == 5 && offset.starts_with("0x") && number(offset))
}

/// Lines that begin like a section and are the whole of it.
const WHOLE: [&str; 3] = ["not supported", "supported [", "failed"];
const EMPTY_LOG: [&str; 3] =
    ["No self-tests have been logged", "No Self-tests have been logged", "No Self-tests Logged"];
/// Most entries of `NVMe`'s log of self-tests.
const NVME_LOG: usize = 20;

use Part::{Statistics, Verdict};

#[rustfmt::skip]
const SECTIONS: [Section; 29] = [
    section("the list of capabilities", Verdict, &["General SMART Values:"], End::Empty),
    section("the table of attributes", Verdict, &["Vendor Specific SMART Attributes with Thresholds:", "Failed Attributes:", "Please note the following marginal Attributes:"], End::Empty)
        .closing(&["P prefailure"]),
    section("the directory of logs", Verdict, &["General Purpose Log Directory Version", "SMART Log Directory Version", "SMART           Log Directory Version"], End::Empty),
    section("the error log", Verdict, &["SMART Error Log Version:", "SMART Extended Comprehensive Error Log Version:"], End::Gap),
    section(ATA_TESTS, Verdict, &["SMART Self-test log structure revision", "SMART Extended Self-test Log Version:"], End::Empty).closing(&EMPTY_LOG),
    section("the log of selective self-tests", Statistics, &["SMART Selective self-test log data structure"], End::Words)
        .closing(&["Selective self-test is pending on power-up"]),
    section("the log of temperatures", Statistics, &["SCT Status Version:"], End::Empty).closing(&["Temperature Limit Count:"]),
    section("the log of temperatures", Statistics, &["SCT Temperature History Version:"], End::Words)
        .closing(&["Temperature History Size", "Temperature History is empty"]),
    section("the table of temperatures", Statistics, &["Index    Estimated Time"], End::Empty),
    section("the control of error recovery", Statistics, &["SCT Error Recovery Control:"], End::Empty).closing(&["Write:"]),
    section("the list of statistics", Statistics, &["Device Statistics (GP Log 0x04) supported pages", "Device Statistics (SMART Log 0x04) supported pages"], End::Empty),
    section("the log of device statistics", Statistics, &["Device Statistics (GP Log", "Device Statistics (SMART Log"], End::Rowless)
        .closing(&["N normalized value", "~ normalized value", "Read Device Statistics page"]),
    section("the log of pending defects", Statistics, &["Pending Defects log (GP Log"], End::Empty).closing(&["No Defects Logged"]),
    section("the log of the link", Statistics, &["SATA Phy Event Counters (GP Log"], End::RowOrEmpty),
    section("the FARM log", Verdict, &["Seagate Field Access Reliability Metrics log (FARM) (SCSI", "FARM Log Parameter", "FARM Log Actuator"], End::Empty),
    section("the FARM log", Statistics, &["Seagate Field Access", "FARM Log "], End::Empty),
    section("the health log", Verdict, &["SMART/Health Information (NVMe Log"], End::Words).closing(&["Error Information Log Entries:"]),
    section("the error log", Verdict, &["Error Information (NVMe Log"], End::Row).closing(&["No Errors Logged"]),
    section("the self-test log", Verdict, &["Self-test Log (NVMe Log"], End::Log(NVME_LOG)).closing(&EMPTY_LOG),
    section("the table of error counters", Verdict, &["Error counter log:", "Non-medium error count:"], End::Empty),
    section("the list of pending defects", Verdict, &["Pending defect count:"], End::Row).closing(&["Pending defect count:"]),
    section("the self-test log", Verdict, &["SMART Self-test log"], End::Entries).closing(&["No Self-tests have been logged", "Long (extended) Self"]),
    section("the background scan", Statistics, &["Background scan results log"], End::Words)
        .closing(&["Number of background medium scans performed", "Background scan results Log Sense"]),
    section("the table of the background scan", Statistics, &["#  when        lba(hex)"], End::Empty),
    section("the log of the link", Statistics, &["Protocol Specific port"], End::Words).closing(&["Phy reset problem"]),
    section("the log of general statistics", Statistics, &["General statistics and performance"], End::Row).closing(&[": "]),
    section("the vendor's log", Verdict, &["Vendor (Seagate"], End::Empty).closing(&["until next internal SMART test"]),
    section("the self-test log", Verdict, &EMPTY_LOG, End::Words).closing(&EMPTY_LOG),
    section("a log", Verdict, &["Device does not support "], End::Words).closing(&["Device does not support "]),
];

/// Other lines that smartctl begins like this, and no row of a table does.
const OTHERS: [&str; 24] = [
    "=== START OF ",
    "SMART ",
    "General ",
    "Selective Self-test",
    "Device does not support",
    "Device Statistics",
    "SCT ",
    "Read ",
    "Write ",
    "Warning",
    "Error ",
    "Note:",
    "Pending Defects log",
    "SATA Phy Event",
    "Seagate Field Access",
    "FARM ",
    "ATA_",
    "Long (extended)",
    "Background scan",
    "Protocol Specific",
    "The above only provides",
    "Self-test",
    "Error counter log",
    "smartctl ",
];

/// True if smartctl begins a part of its report with this line, or says something beside it.
pub(super) fn is_known(line: &str) -> bool {
    let outdated = line.contains("failed self-tests are outdated by");
    let begins = |words: &&str| line.starts_with(*words);
    outdated || OTHERS.iter().any(begins) || SECTIONS.iter().any(|one| one.begins.iter().any(begins))
}

/// The last lines of reports that are whole as soon as they are there: these words end them.
const LAST: [(&str, &str); 13] = [
    ("If Selective self-test is pending on power-up", "minute delay."),
    ("Selective Self-tests/Logging", "not supported"),
    ("SATA Phy Event Counters", "not supported"),
    ("Device does not support", "logging"),
    ("No self-tests have been logged", "smartctl -t]"),
    ("No Self-tests", "have been logged"),
    ("No Self-tests", "Logged"),
    ("No Errors", "Logged"),
    ("|", "N normalized value"),
    ("|", "~ normalized value"),
    ("Long (extended) Self", "minutes]"),
    ("Long (extended) Self", "hours]"),
    ("The above only provides legacy SMART information", "for more"),
];

/// True if nothing of the line is missing, although nothing stands behind it.
pub(super) fn is_whole(line: &str) -> bool {
    LAST.iter().any(|(begin, end)| line.starts_with(begin) && line.ends_with(end))
}

/// The name of ATA's log of self-tests.
pub(super) const ATA_TESTS: &str = "the log of self-tests";

/// The section that was begun last, if nothing proves its end.
pub(super) fn open(lines: &[&str]) -> Option<(&'static str, Part)> {
    let begun = |line: &str| {
        let whole = WHOLE.iter().any(|words| line.contains(words));
        SECTIONS.iter().find(|one| !whole && one.begins.iter().any(|words| line.starts_with(words)))
    };
    let (at, section) = lines.iter().enumerate().rev().find_map(|(at, line)| Some((at, begun(line)?)))?;
    (!section.ends(&lines[at..])).then_some((section.name, section.part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_open(text: &str) -> bool {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        open(&lines).is_some()
    }

    #[test]
    fn a_table_of_self_tests_ends_with_an_empty_line() {
        let log = "\
SMART Self-test log structure revision number 1
Num  Test_Description    Status                  Remaining  LifeTime(hours)  LBA_of_first_error
# 1  Short offline       Completed without error       00%       650         -
";
        assert!(is_open(log));
        assert!(!is_open(&format!("{log}\n")));
        assert!(!is_open("SMART Self-test log structure revision number 1\nNo self-tests have been logged.\n"));
    }

    #[test]
    fn the_last_table_of_nvme_may_lack_its_empty_line_if_it_shows_health_by_itself() {
        let log = "Self-test Log (NVMe Log 0x06)\nSelf-test status: No self-test in progress\nNum  Test_Description\n";
        let short = " 0   Short             Completed without error                8700            -\n";
        let extended = " 1   Extended          Completed without error                8600            -\n";
        assert!(is_open(log));
        assert!(is_open(&format!("{log}{short}")));
        assert!(!is_open(&format!("{log}{short}{extended}")));
        assert!(!is_open(&format!("{log}{}", short.repeat(NVME_LOG))));
        assert!(!is_open(&format!("{log}{short}\n")));
    }

    #[test]
    fn what_has_words_for_its_end_is_open_without_them() {
        let selective = "SMART Selective self-test log data structure revision number 1\n SPAN  MIN_LBA\n    1  0  0\n";
        assert!(is_open(selective));
        assert!(!is_open(&format!("{selective}If Selective self-test is pending on power-up, resume after 0\n")));
        let statistics = "Device Statistics (GP Log 0x04)\n0x01  0x008  4              39  ---  Resets\n";
        assert!(is_open(statistics) && is_open(&format!("{statistics}\n")));
        assert!(!is_open(&format!("{statistics}    |___ N normalized value\n")));
        assert!(!is_open("Device Statistics (GP/SMART Log 0x04) not supported\n"));
        let history = "SCT Temperature History Version:     2\nTemperature Logging Interval:        59 minutes\n";
        let table = "Index    Estimated Time   Temperature Celsius\n 31    2026-11-19 05:10     36  ***\n";
        let size = "Temperature History Size (Index):    128 (33)\n";
        assert!(is_open(history) && is_open(&format!("{history}\n")) && !is_open(&format!("{history}{size}")));
        assert!(is_open(&format!("{history}{size}\n{table}")));
        assert!(!is_open(&format!("{history}{size}\n{table}\n")));
        let scan = "Background scan results log\n  Status: waiting\n";
        let performed = "    Number of background medium scans performed: 182\n";
        let heading = "\n   #  when        lba(hex)    [sk,asc,ascq]    reassign_status\n";
        assert!(is_open(scan) && !is_open(&format!("{scan}{performed}")));
        assert!(is_open(&format!("{scan}{performed}{heading}")));
        assert!(is_open(&format!("{scan}{performed}{heading}   1 29001:10  00000000a1b2c3d4  [3,11,0]   Require\n")));
    }

    #[test]
    fn what_stands_behind_a_section_proves_its_end() {
        assert!(!is_open("SMART Self-test log structure revision number 1\n# 1  Short\nSCT Status Version: 3\nx\n\n"));
    }
}
