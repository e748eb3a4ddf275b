//! ATA's device statistics in smartctl's text: a table of pages, offsets and values.

use super::{notes, section};
use crate::disk::loose::leading_number;
use crate::disk::model::{MOST, Report, Statistic};

/// Knows whether it is in the table.
#[derive(Debug, Default)]
pub(super) struct Reader {
    inside: bool,
}

impl Reader {
    /// True if the line was a row of it. A line of the table that is none may be one that somebody changed.
    pub(super) fn line(&mut self, line: &str, report: &mut Report) -> bool {
        let words = line.trim_start();
        if words.starts_with("Page ") && words.contains("Offset Size") {
            self.inside = true;
            return true;
        }
        if !self.inside && !words.starts_with("0x") {
            return false;
        }
        if let Some(statistic) = statistic(words) {
            if statistic.page == 7 && statistic.offset == 8 {
                report.percentage_used = Some(statistic.value);
            }
            if report.statistics.len() < MOST {
                report.statistics.push(statistic);
            }
            return true;
        }
        // The flags are explained below the table, each behind bars.
        if words.is_empty() || words.starts_with('|') || section::is_known(words) {
            self.inside = false;
        }
        if self.inside && !section::is_statistic(words) {
            notes::lost(words, report);
        }
        false
    }
}

/// `0x04  0x008  4              96  ---  Number of Reported Uncorrectable Errors`, or before 6.5 `  4  0x008  4               96  Number …`,
/// whose normalised values have `~` behind them; what is not valid has `-` for its value.
fn statistic(line: &str) -> Option<Statistic> {
    if !section::is_statistic(line) {
        return None;
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let [page, offset, size, value, rest @ ..] = words.as_slice() else { return None };
    size.parse::<u8>().ok()?;
    let flagged = page.starts_with("0x");
    let name = if flagged { rest.split_first().filter(|(flags, _)| flags.len() == 3)?.1 } else { rest };
    let normalised = if flagged { rest[0].starts_with('N') } else { value.ends_with('~') };
    let [page, offset] = [page, offset].map(|word| leading_number(word));
    let (page, offset, value) = (page?, offset?, leading_number(value)?);
    (!name.is_empty()).then(|| Statistic { page, offset, name: name.join(" "), value, normalised })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Report {
        let (mut reader, mut report) = (Reader::default(), Report::default());
        text.lines().for_each(|line| {
            reader.line(line, &mut report);
        });
        report
    }

    #[test]
    fn both_forms_of_the_table_are_read() {
        let new = "\
Page  Offset Size        Value Flags Description
0x04  =====  =               =  ===  == General Errors Statistics (rev 1) ==
0x04  0x008  4              96  ---  Number of Reported Uncorrectable Errors
0x04  0x010  4               -  ---  Resets Between Cmd Acceptance and Completion
0x07  0x008  1              91  N--  Percentage Used Endurance Indicator
                                |||_ C monitored condition met
";
        let old = "\
Page Offset Size         Value  Description
  4  =====  =                =  == General Errors Statistics (rev 1) ==
  4  0x008  4               96  Number of Reported Uncorrectable Errors
  4  0x010  4                -  Resets Between Cmd Acceptance and Completion
  7  0x008  1               91~ Percentage Used Endurance Indicator
                              |_ ~ normalized value
";
        for text in [new, old] {
            let report = read(text);
            assert_eq!(
                (report.statistic(4, 8), report.statistic(4, 16), report.percentage_used),
                (Some(96), None, Some(91))
            );
            assert_eq!(report.statistics.iter().map(|one| one.normalised).collect::<Vec<_>>(), [false, true]);
            assert!(report.notes.lost_rows.is_empty(), "{report:?}");
        }
    }

    #[test]
    fn a_line_of_the_table_that_is_no_row_is_noted() {
        let changed = "\
Page  Offset Size        Value Flags Description
0x04  0x008  4               0  ---  Number of Reported Uncorrectable Errors
* 0x04  0x010  4              96  ---  Resets
";
        assert_eq!(read(changed).notes.lost_rows.len(), 1);
    }
}
