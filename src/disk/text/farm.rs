//! Seagate's FARM log in smartctl's text (7.4 and later): names and numbers with a colon between them, below a heading of its own.

use crate::disk::loose::leading_number;
use crate::disk::model::Report;

/// Reads a line of it. The names are FARM's alone, so the heading need not be there.
pub(super) fn line(line: &str, report: &mut Report) {
    if !line.starts_with(['\t', ' ']) {
        return;
    }
    let Some((key, value)) = line.split_once(':') else { return };
    let mut farm = report.farm.unwrap_or_default();
    let place = match key.trim() {
        "Power on Hours" | "Power on Hour" | "Power On Hours (POH)" => &mut farm.hours,
        "Spindle Power on Hours" | "Spindle Power on Hour" => &mut farm.spindle_hours,
        "Head Flight Hours" => &mut farm.head_hours,
        "Number of Unrecoverable Read Errors" | "Unrecoverable Read Errors" => &mut farm.unrecoverable_reads,
        "Number of Unrecoverable Write Errors" | "Unrecoverable Write Errors" => &mut farm.unrecoverable_writes,
        "Number of Reallocated Sectors" => &mut farm.reallocated,
        "Number of Reallocated Candidate Sectors" => &mut farm.candidates,
        _ => return,
    };
    *place = leading_number(value);
    report.farm = Some(farm);
}
