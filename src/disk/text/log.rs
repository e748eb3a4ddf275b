//! The logs of self-tests: three tables of columns whose texts may fill them to the last character.

use super::{notes, section};
use crate::disk::loose::leading_number;
use crate::disk::model::{MOST, Report};
use crate::disk::self_test::{Entry, Outcome, Running, kind_of, outcome_of, possible};

/// How the results of tests are written, longest first where one begins like another.
const RESULTS: [&str; 30] = [
    "Completed without error",
    "Completed: unknown failed segment",
    "Completed: unknown failure",
    "Completed: electrical failure",
    "Completed: servo/seek failure",
    "Completed: read failure",
    "Completed: handling damage??",
    "Completed: failed segments",
    "Completed, segment failed",
    "Completed",
    "Aborted by host",
    "Aborted (by user command)",
    "Aborted (device reset ?)",
    "Aborted: Self-test command",
    "Aborted: Controller Reset",
    "Aborted: Namespace removed",
    "Aborted: Format NVM command",
    "Aborted: unknown reason",
    "Aborted: sanitize operation",
    "Interrupted (host reset)",
    "Fatal or unknown error",
    "Fatal or unknown test error",
    "Unknown error, incomplete",
    "Failed in first segment",
    "Failed in second segment",
    "Failed in segment -->",
    "Failed in",
    "Self-test routine in progress",
    "Self test in progress",
    "Unknown",
];

/// Which table the lines belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Table {
    Ata,
    Nvme,
    Scsi,
}

/// Knows in which table it is.
#[derive(Debug, Default)]
pub(super) struct Reader {
    table: Option<Table>,
    /// Where in the log this table begins: of two tables with entries the first one counts.
    full: bool,
    /// The place of the last entry of this table.
    last: Option<u64>,
    /// The table has a heading, which smartctl prints with its first entry, and no entry yet.
    headed: bool,
    /// smartctl has said that it leaves entries out, since some controllers number them wrongly.
    truncated: bool,
}

impl Reader {
    /// Whether the line was of a log.
    pub(super) fn line(&mut self, line: &str, report: &mut Report) -> bool {
        self.truncated |= line.starts_with("Warning: self-test output truncated");
        if let Some(table) = heading(line) {
            self.table = Some(table);
            self.headed = true;
            self.last = None;
            self.full = !report.self_tests.log.is_empty();
            report.self_tests.log_read = true;
            return true;
        }
        let tests = &mut report.self_tests;
        if line.starts_with("No Self-tests Logged") || line.starts_with("No self-tests have been logged") {
            tests.log_read = true;
            return true;
        }
        let found = match self.table {
            Some(table) => entry(line, table),
            // The heading is lost, but what an entry says is not.
            None => likely(line).and_then(|table| entry(line, table)),
        };
        let Some(entry) = found else {
            self.other(line.trim(), report);
            return false;
        };
        self.headed = false;
        if entry.outcome == Outcome::Running && self.table == Some(Table::Scsi) {
            tests.running = tests.running.or(Some(Running { kind: entry.kind, remaining: None }));
        }
        self.count(entry.place, report);
        if !self.full && report.self_tests.log.len() < MOST {
            report.self_tests.log.push(entry);
        }
        true
    }
}

impl Reader {
    /// A line that is no entry: the table ends with an empty line, or where something else of smartctl's begins. Any other one may be an
    /// entry that somebody changed.
    fn other(&mut self, words: &str, report: &mut Report) {
        // SCSI's heading has a second line.
        if self.table.is_none() || words.starts_with("Description") {
            return;
        }
        if words.is_empty() || section::is_known(words) {
            self.end(report);
        } else {
            notes::lost(words, report);
        }
    }

    /// The table ends, at the latest with the text.
    pub(super) fn end(&mut self, report: &mut Report) {
        if std::mem::take(&mut self.headed) {
            report.cut.push("the self-test log has a heading and no entry".to_owned());
        }
        self.table = None;
    }

    /// Entries are numbered, `NVMe`'s from 0 on: one that is missing may have been a failed test.
    fn count(&mut self, place: Option<u64>, report: &mut Report) {
        let first = u64::from(self.table != Some(Table::Nvme));
        let expected = self.last.map_or(first, |last| last.saturating_add(1));
        if place.is_some_and(|place| place > expected) && !self.truncated {
            report.cut.push("entries of the self-test log are missing".to_owned());
        }
        self.last = place;
    }
}

/// Which table a numbered line is of: ATA's has a percentage, SCSI's sense in brackets.
fn likely(line: &str) -> Option<Table> {
    let rest = line.trim_start().strip_prefix('#')?.trim_start();
    let is_numbered = rest.starts_with(|c: char| c.is_ascii_digit());
    match () {
        () if !is_numbered => None,
        () if rest.ends_with(']') => Some(Table::Scsi),
        () => rest.contains('%').then_some(Table::Ata),
    }
}

fn heading(line: &str) -> Option<Table> {
    let columns = line.strip_prefix("Num ")?;
    match () {
        () if columns.contains("Power_on_Hours") => Some(Table::Nvme),
        () if columns.contains("LifeTime(hours)") => Some(Table::Ata),
        () if columns.contains("LBA_first_err") => Some(Table::Scsi),
        () => None,
    }
}

fn entry(line: &str, table: Table) -> Option<Entry> {
    let rest = line.trim_start();
    let rest = if table == Table::Nvme { rest } else { rest.strip_prefix('#')?.trim_start() };
    let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|digits| *digits > 0)?;
    let place = rest[..digits].parse().ok();
    let rest = &rest[digits..];
    let (at, result) = RESULTS.iter().find_map(|result| Some((rest.find(result)?, *result)))?;
    let columns: Vec<&str> = rest[at + result.len()..].split_whitespace().collect();
    let column = |number: usize| columns.get(number).and_then(|column| leading_number(column));
    let percent = columns.iter().position(|column| column.ends_with('%'));
    let (hours, lba, segment, namespace) = match table {
        Table::Ata => (column(percent?.saturating_add(1)), column(percent?.saturating_add(2)), None, None),
        Table::Nvme => (column(0), column(1), column(3), column(2)),
        // From the right, since the words of a result may go on: segment, hours, sector, sense in brackets.
        Table::Scsi => {
            let sense = columns.iter().position(|column| column.starts_with('[')).unwrap_or(columns.len());
            let segment = sense.checked_sub(3).and_then(column);
            (column(sense.checked_sub(2)?), column(sense - 1), segment, None)
        }
    };
    let namespace = namespace.filter(|number| *number != 0xffff_ffff);
    let kind = Some(kind_of(&rest[..at]));
    let left = percent.and_then(|at| leading_number(columns[at])).unwrap_or_default();
    let known = Entry::of(kind, possible(kind, outcome_of(result), left), result.trim_end_matches(" -->"));
    Some(Entry { hours, lba, segment, namespace, place, ..known })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(Outcome, Option<u64>, Option<u64>)> {
        let (mut reader, mut report) = (Reader::default(), Report::default());
        text.lines().for_each(|line| {
            reader.line(line, &mut report);
        });
        report.self_tests.log.iter().map(|entry| (entry.outcome, entry.hours, entry.lba)).collect()
    }

    #[test]
    fn the_logs_of_ata_have_newest_first_and_columns_that_may_be_full() {
        let log = "\
Num  Test_Description    Status                  Remaining  LifeTime(hours)  LBA_of_first_error
# 1  Extended offline    Self-test routine in progress 90%      4663         -
# 2  Short offline       Completed: handling damage??  90%      6736         0
#10  Conveyance captive  Interrupted (host reset)      90%      1502         -
";
        let entries = [
            (Outcome::Running, Some(4663), None),
            (Outcome::Failed, Some(6736), Some(0)),
            (Outcome::Aborted, Some(1502), None),
        ];
        assert_eq!(read(log), entries);
    }

    #[test]
    fn the_logs_of_nvme_and_scsi_are_read_too() {
        let nvme = "\
Num  Test_Description  Status                       Power_on_Hours  Failing_LBA  NSID Seg SCT Code
 0   Extended          Completed: failed segments             8755       987654     1   2 0x2 0x81
 1   Short             Completed without error                8700            -     -   -   -    -
";
        assert_eq!(read(nvme), [(Outcome::Failed, Some(8755), Some(987_654)), (Outcome::Passed, Some(8700), None)]);
        let scsi = "\
Num  Test              Status                 segment  LifeTime  LBA_first_err [SK ASC ASQ]
     Description                              number   (hours)
# 1  Background long   Failed in segment -->       3    1234            567890 [0x3 0x11 0x0]
# 2  Background short  Completed                   -     302                 - [-   -    -]
";
        assert_eq!(read(scsi), [(Outcome::Failed, Some(1234), Some(567_890)), (Outcome::Passed, Some(302), None)]);
    }
}
