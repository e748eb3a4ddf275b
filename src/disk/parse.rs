//! Bytes in, report out: JSON, text, or JSON that carries its text.

use serde_json::Value;

use super::model::{Identity, Report};
use super::{json, text};

/// Most bytes that are read as one report. The largest real ones have 200 KiB.
pub const LIMIT: usize = 16 << 20;

/// There is no report in these bytes. Each of them means that no test was made, never that a drive is good or may be left out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It could not be read, for this reason.
    #[error("the output cannot be read: {0}")]
    Input(String),
    /// Nothing at all.
    #[error("the output is empty: smartctl did not run, or was killed")]
    Empty,
    /// More than any report has.
    #[error("the output is larger than the {LIMIT} bytes that are read")]
    TooLarge,
    /// It begins like JSON.
    #[error("the JSON is damaged: {0}")]
    Json(String),
    /// Neither a report nor a complaint of smartctl.
    #[error("this is no output of smartctl")]
    Foreign,
}

/// Reads a report from whatever smartctl printed. Bytes that are no UTF-8, which some drives have in their names, are replaced.
///
/// # Errors
/// When there is no report, be it one without any health.
pub fn parse(bytes: &[u8]) -> Result<Report, Unreadable> {
    if bytes.len() > LIMIT {
        return Err(Unreadable::TooLarge);
    }
    let decoded = String::from_utf8_lossy(bytes);
    let printed = decoded.trim_start_matches('\u{feff}').trim();
    if printed.is_empty() {
        return Err(Unreadable::Empty);
    }
    let Some(document) = document(printed) else { return text::read(printed).ok_or(Unreadable::Foreign) };
    let value: Value = serde_json::from_str(document).map_err(|error| Unreadable::Json(error.to_string()))?;
    let mut report = json::read(&value).ok_or(Unreadable::Foreign)?;
    if let Some(said) = json::text(&value).and_then(|said| text::read(&said)) {
        report.fill_from(said);
    }
    Ok(report)
}

/// The JSON in what was printed, if it is JSON: something that sudo complains of may stand before it.
fn document(printed: &str) -> Option<&str> {
    if printed.starts_with('{') {
        return Some(printed);
    }
    let (before, _) = printed.split_once("\n{").filter(|(before, _)| !before.contains("smartctl "))?;
    Some(&printed[before.len() + 1..])
}

impl Report {
    /// Takes from the text of the same call what its JSON does not say.
    fn fill_from(&mut self, text: Report) {
        let Report { call, protocol, identity, support, status, attributes, nvme, scsi, self_tests, .. } = text;
        self.call.version = self.call.version.or(call.version);
        for message in call.messages {
            if !self.call.messages.contains(&message) {
                self.call.messages.push(message);
            }
        }
        self.protocol = self.protocol.or(protocol);
        self.identity.fill_from(identity);
        self.support.available = self.support.available.or(support.available);
        self.support.enabled = self.support.enabled.or(support.enabled);
        self.status.passed = self.status.passed.or(status.passed);
        self.status.unreadable |= status.unreadable;
        self.status.exception = self.status.exception.or(status.exception);
        if self.attributes.is_empty() {
            self.attributes = attributes;
        }
        self.nvme = self.nvme.or(nvme);
        self.scsi = self.scsi.or(scsi);
        self.self_tests.fill_from(self_tests);
        self.percentage_used = self.percentage_used.or(text.percentage_used);
        self.error_log_count = self.error_log_count.or(text.error_log_count);
        self.temperature = self.temperature.or(text.temperature);
        self.trip_temperature = self.trip_temperature.or(text.trip_temperature);
        self.power_on_hours = self.power_on_hours.or(text.power_on_hours);
        self.power_cycles = self.power_cycles.or(text.power_cycles);
    }
}

impl Identity {
    fn fill_from(&mut self, other: Identity) {
        let texts = [
            (&mut self.model, other.model),
            (&mut self.family, other.family),
            (&mut self.serial, other.serial),
            (&mut self.firmware, other.firmware),
            (&mut self.wwn, other.wwn),
            (&mut self.kind, other.kind),
            (&mut self.form_factor, other.form_factor),
            (&mut self.link, other.link),
        ];
        for (mine, theirs) in texts {
            *mine = mine.take().or(theirs);
        }
        self.capacity = self.capacity.or(other.capacity);
        self.sector_size = self.sector_size.or(other.sector_size);
        self.rotation_rate = self.rotation_rate.or(other.rotation_rate);
    }
}
