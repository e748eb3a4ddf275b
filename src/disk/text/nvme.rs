//! `NVMe`'s part of smartctl's text.

use super::speaks;
use crate::disk::loose::leading_number;
use crate::disk::model::{Protocol, Report};
use crate::disk::self_test::{Ability, Running, kind_of};

pub(super) fn field(key: &str, value: &str, report: &mut Report) {
    let number = || leading_number(value);
    match key {
        "NVMe Version" | "Model Number" => speaks(Protocol::Nvme, report),
        "Self-test status" => running(value, report),
        "Temperature" => report.temperature = number().and_then(|celsius| i64::try_from(celsius).ok()),
        "Warning  Comp. Temp. Threshold" | "Warning Comp. Temp. Threshold" => report.limits.operating = limit(value),
        "Critical Comp. Temp. Threshold" => report.limits.critical = limit(value),
        "Power On Hours" => report.power_on_hours = number(),
        "Power Cycles" => report.power_cycles = number(),
        _ if key.starts_with("Optional Admin Commands") => {
            let supported = Some(value.split_whitespace().any(|word| word == "Self_Test"));
            let ability = Ability { supported, estimate: None };
            (report.self_tests.short, report.self_tests.extended) = (ability, ability);
            report.self_tests.conveyance.supported = Some(false);
        }
        _ => {
            let mut nvme = report.nvme.unwrap_or_default();
            match key {
                "Critical Warning" => nvme.critical_warning = number(),
                "Available Spare" => nvme.available_spare = number(),
                "Available Spare Threshold" => nvme.spare_threshold = number(),
                "Percentage Used" => nvme.percentage_used = number(),
                "Warning  Comp. Temperature Time" | "Warning Comp. Temperature Time" => nvme.warning_minutes = number(),
                "Critical Comp. Temperature Time" => nvme.critical_minutes = number(),
                "Endurance Group Critical Warning Summary" | "endurance group critical warning summary" => {
                    nvme.endurance_groups = number();
                }
                "Unsafe Shutdowns" => nvme.unsafe_shutdowns = number(),
                "Media and Data Integrity Errors" => nvme.media_errors = number(),
                "Error Information Log Entries" => nvme.error_log_entries = number(),
                _ => return,
            }
            speaks(Protocol::Nvme, report);
            report.nvme = Some(nvme);
        }
    }
}

/// `85 Celsius`; 0 is none.
fn limit(value: &str) -> Option<i64> {
    leading_number(value).and_then(|celsius| i64::try_from(celsius).ok()).filter(|celsius| *celsius > 0)
}

/// `Short self-test in progress (37% completed)`, `No self-test in progress`.
fn running(value: &str, report: &mut Report) {
    report.self_tests.log_read = true;
    if value.starts_with("No ") || !value.contains("in progress") {
        return;
    }
    let done = value.split_once('(').and_then(|(_, rest)| leading_number(rest));
    let remaining = done.and_then(|done| u8::try_from(100u64.saturating_sub(done)).ok());
    report.self_tests.running = Some(Running { kind: Some(kind_of(value)), remaining });
}
