//! The facts in smartctl's text beside the health: a password that locks the drive, an offline collection that broke off, errors of the
//! link, and rows of a table that are none.

use crate::disk::loose::leading_number;
use crate::disk::model::{MOST, Report};

/// The status of the offline collection that the drive itself broke off (ACS-3, SMART READ DATA, bit 7 is another matter).
pub(in crate::disk) const OFFLINE_FATAL: u64 = 6;

/// Knows whether it is in the table of attributes.
#[derive(Debug, Default)]
pub(super) struct Reader {
    inside: bool,
}

impl Reader {
    /// Notes a line of the table of attributes that no row was read from: it may have been the row that tells of the defect.
    pub(super) fn line(&mut self, line: &str, is_row: bool, report: &mut Report) {
        let words = line.trim();
        if words.starts_with("ID#") && words.contains("ATTRIBUTE_NAME") {
            self.inside = true;
            return;
        }
        // The flags are explained below the table of `-x`, each behind bars.
        let explains = words.starts_with("||") || words.starts_with("|_");
        if words.is_empty() || explains || words.starts_with("SMART ") || words.starts_with("===") {
            self.inside = false;
        }
        if self.inside && !is_row {
            lost(words, report);
        }
    }
}

/// Keeps a row that was not understood.
pub(super) fn lost(row: &str, report: &mut Report) {
    if report.notes.lost_rows.len() < MOST {
        report.notes.lost_rows.push(row.to_owned());
    }
}

/// True if the text has a section of health at all; `-i` prints none.
pub(super) fn has_health(text: &str) -> bool {
    ["START OF READ SMART DATA", "START OF SMART DATA", "SMART Health Status", "overall-health", "General SMART Values"]
        .iter()
        .any(|words| super::find(text, words).is_some())
}

pub(super) fn line(line: &str, report: &mut Report) {
    let words = line.trim();
    let add = |number: Option<u64>, to: &mut Option<u64>| {
        if let Some(number) = number {
            *to = Some(to.unwrap_or_default().saturating_add(number));
        }
    };
    if let Some(state) = words.strip_prefix("ATA Security is:") {
        report.notes.locked = Some(state.contains("**LOCKED**"));
    } else if let Some(status) = words.strip_prefix("Offline data collection status:") {
        let hexadecimal = status.trim().trim_start_matches("(0x").split(')').next().unwrap_or_default();
        let status = u64::from_str_radix(hexadecimal, 16).ok();
        report.notes.offline_fatal = status.map(|status| status & 0x7f == OFFLINE_FATAL);
    } else if let Some(count) = words.strip_prefix("Invalid DWORD count =") {
        add(leading_number(count), &mut report.notes.link_errors);
    } else if words.starts_with("0x0001 ") && words.ends_with("Command failed due to ICRC error") {
        add(words.split_whitespace().nth(2).and_then(leading_number), &mut report.notes.link_errors);
    } else if let Some(status) = words.strip_prefix("Status: ").filter(|_| line.starts_with("  Status: ")) {
        report.scan.get_or_insert_default().status = Some(status.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_in_the_table_that_is_no_row_is_noted() {
        let table = [
            "ID# ATTRIBUTE_NAME          FLAG     VALUE WORST THRESH TYPE      UPDATED  WHEN_FAILED RAW_VALUE",
            "  1 Raw_Read_Error_Rate",
            "||||||_ K auto-keep",
            "",
            "no table any more",
        ];
        let (mut reader, mut report) = (Reader::default(), Report::default());
        for (line, is_row) in table.iter().zip([false, true, false, false, false]) {
            reader.line(line, is_row, &mut report);
        }
        assert_eq!(report.notes.lost_rows, Vec::<String>::new(), "what begins with a bar explains flags");
        reader.line(table[0], false, &mut report);
        reader.line("| 197 Current_Pending_Sector -O--CK", false, &mut report);
        assert_eq!(report.notes.lost_rows, ["| 197 Current_Pending_Sector -O--CK"]);
    }

    #[test]
    fn what_stands_beside_the_health_is_read() {
        let mut report = Report::default();
        let lines = [
            "ATA Security is:  ENABLED, PW level HIGH, **LOCKED** [SEC4]",
            "Offline data collection status:  (0x86)\tOffline data collection activity",
            "    Invalid DWORD count = 4",
            "    Invalid DWORD count = 3",
            "0x0001  2          912  Command failed due to ICRC error",
            "  Status: halted due to fatal error",
        ];
        for one in lines {
            line(one, &mut report);
        }
        let notes = &report.notes;
        assert_eq!((notes.locked, notes.offline_fatal, notes.link_errors), (Some(true), Some(true), Some(919)));
        assert_eq!(report.scan.and_then(|scan| scan.status).as_deref(), Some("halted due to fatal error"));
    }
}
