//! `NVMe`'s part of smartctl's JSON, and nvme-cli's health log.

use crate::disk::loose::Loose;
use crate::disk::model::{MOST, Nvme, Protocol, Report};
use crate::disk::self_test::{Ability, Entry, Running, kind_of, nvme_outcome};

pub(super) fn read(root: Loose, report: &mut Report) {
    let log = root.at("nvme_smart_health_information_log");
    if log.is_there() {
        let nvme = Nvme {
            critical_warning: log.number_at("critical_warning"),
            available_spare: log.number_at("available_spare"),
            spare_threshold: log.number_at("available_spare_threshold"),
            percentage_used: log.number_at("percentage_used"),
            media_errors: log.number_at("media_errors"),
            error_log_entries: log.number_at("num_err_log_entries"),
            unsafe_shutdowns: log.number_at("unsafe_shutdowns"),
            endurance_groups: GROUPS.iter().find_map(|key| bits(log.at(key))),
            warning_minutes: log.number_at("warning_temp_time"),
            critical_minutes: log.number_at("critical_comp_time"),
        };
        report.temperature = report.temperature.or_else(|| log.at("temperature").signed());
        report.power_on_hours = report.power_on_hours.or_else(|| log.number_at("power_on_hours"));
        report.power_cycles = report.power_cycles.or_else(|| log.number_at("power_cycles"));
        note(report, nvme);
    }
    let supported = root.at("nvme_optional_admin_commands.self_test").flag();
    if let Some(supported) = supported {
        let ability = Ability { supported: Some(supported), estimate: None };
        (report.self_tests.short, report.self_tests.extended) = (ability, ability);
        report.self_tests.conveyance.supported = Some(false);
    }
    let log = root.at("nvme_self_test_log");
    if log.is_there() {
        self_tests(log, report);
    }
}

/// Keeps a health log; one without its warning or its errors was cut or is of something else.
fn note(report: &mut Report, nvme: Nvme) {
    if nvme.critical_warning.is_none() || nvme.media_errors.is_none() {
        report.cut.push("the health log is not whole".to_owned());
    }
    report.nvme = Some(nvme);
}

fn self_tests(log: Loose, report: &mut Report) {
    let operation = log.at("current_self_test_operation.value").number().unwrap_or_default();
    if operation > 0 {
        let done = log.at("current_self_test_completion_percent").number();
        let remaining = done.and_then(|done| u8::try_from(100u64.saturating_sub(done)).ok());
        let kind = log.at("current_self_test_operation.string").text().map(|text| kind_of(&text));
        report.self_tests.running = Some(Running { kind, remaining });
    }
    report.self_tests.log_read = true;
    let rows = log.at("table").list().into_iter().zip(0..).filter_map(|(row, place)| entry(row, place));
    report.self_tests.log = rows.take(MOST).collect();
    let there = log.at("table").list().into_iter().filter(|row| row.is_there()).count();
    if there > report.self_tests.log.len() && there <= MOST {
        report.cut.push("an entry of the self-test log has no result".to_owned());
    }
}

/// Every namespace, as -1 or all bits.
const ALL: u64 = 0xffff_ffff;

fn entry(row: Loose, place: u64) -> Option<Entry> {
    let text = row.at("self_test_result.string").text().unwrap_or_default();
    let outcome = nvme_outcome(row.at("self_test_result.value").number()?);
    let kind = row.at("self_test_code.string").text().map(|text| kind_of(&text));
    Some(Entry {
        hours: row.number_at("power_on_hours"),
        lba: row.number_at("lba"),
        segment: row.number_at("segment"),
        namespace: row.number_at("nsid").filter(|number| *number != ALL),
        place: Some(place),
        ..Entry::of(kind, outcome, &text)
    })
}

/// Names of the warnings of endurance groups: nvme-cli's, and smartctl's.
const GROUPS: [&str; 3] =
    ["endurance_grp_critical_warning_summary", "endurance_group_critical_warning_summary", "endurance_group_warning"];

/// Bits as a number, or as the object of nvme-cli's verbose form, which has the number beside the single ones.
fn bits(value: Loose) -> Option<u64> {
    value.number().or_else(|| value.at("value").number())
}

/// nvme-cli's `smart-log`: the same log under shorter names, temperatures in kelvin.
pub(super) fn smart_log(root: Loose) -> Option<Report> {
    let first = |keys: [&str; 2]| keys.into_iter().find_map(|key| root.number_at(key));
    let nvme = Nvme {
        critical_warning: Some(
            root.number_at("critical_warning").or_else(|| root.number_at("critical_warning.value"))?,
        ),
        available_spare: Some(first(["avail_spare", "available_spare"])?),
        spare_threshold: first(["spare_thresh", "available_spare_threshold"]),
        percentage_used: first(["percent_used", "percentage_used"]),
        media_errors: root.number_at("media_errors"),
        error_log_entries: root.number_at("num_err_log_entries"),
        unsafe_shutdowns: root.number_at("unsafe_shutdowns"),
        endurance_groups: GROUPS.iter().find_map(|key| bits(root.at(key))),
        warning_minutes: root.number_at("warning_temp_time"),
        critical_minutes: root.number_at("critical_comp_time"),
    };
    let kelvin = root.at("temperature").number().and_then(|kelvin| i64::try_from(kelvin).ok());
    let mut report = Report {
        protocol: Some(Protocol::Nvme),
        temperature: kelvin.filter(|kelvin| *kelvin > 0).map(|kelvin| kelvin - 273),
        power_on_hours: root.number_at("power_on_hours"),
        power_cycles: root.number_at("power_cycles"),
        ..Report::default()
    };
    note(&mut report, nvme);
    Some(report)
}
