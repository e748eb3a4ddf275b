//! Bytes in, report out: JSON, text, or JSON that carries its text.

use serde_json::Value;

use super::model::{Identity, Limits, Report, Scsi};
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
    /// More than one: put together they would be a drive that does not exist.
    #[error("there is more than one report in it: give each one in a file of its own")]
    Several,
}

/// Reads a report from whatever smartctl printed, in UTF-8 or, as a shell of Windows writes it, in UTF-16. Bytes that are neither, which
/// some drives have in their names, are replaced.
///
/// # Errors
/// When there is no report, be it one without any health, or more than one.
pub fn parse(bytes: &[u8]) -> Result<Report, Unreadable> {
    if bytes.len() > LIMIT {
        return Err(Unreadable::TooLarge);
    }
    let decoded = uncoloured(decoded(bytes));
    let printed = decoded.trim_start_matches('\u{feff}');
    if printed.trim().is_empty() {
        return Err(Unreadable::Empty);
    }
    let Some(at) = document(printed) else {
        let plain = text::Plain::of(printed);
        if text::reports(plain.text()) > 1 {
            return Err(Unreadable::Several);
        }
        let mut report = text::read(plain.text()).ok_or(Unreadable::Foreign)?;
        if plain.hides() {
            report.cut.push("something stands before some of its lines".to_owned());
        }
        match text::torn(plain.printed()) {
            Some((words, text::Part::Verdict)) => report.cut.push(words),
            Some((words, text::Part::Statistics)) => report.open_end = Some(words),
            None => {}
        }
        report.doubt_attributes();
        return Ok(report);
    };
    let value = only(&printed[at..])?;
    let mut report = json::read(&value).ok_or(Unreadable::Foreign)?;
    if let Some(said) = json::text(&value).and_then(|said| text::read(&said)) {
        report.fill_from(said);
    }
    report.pending_defects = report.pending_defects.max(text::pending(&printed[..at]));
    report.doubt_attributes();
    Ok(report)
}

/// The text, whatever its encoding. Of UTF-16 without a mark, every other byte of the first ones is zero.
fn decoded(bytes: &[u8]) -> String {
    let wide = |low: bool| {
        let pairs = bytes.chunks_exact(2).map(|pair| {
            let pair = [pair[0], pair[1]];
            if low { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) }
        });
        // An odd byte at the end is half a character: nothing ends there.
        let rest = if bytes.len() % 2 == 1 { "\u{fffd}" } else { "" };
        char::decode_utf16(pairs).map(|one| one.unwrap_or('\u{fffd}')).collect::<String>() + rest
    };
    match bytes {
        [0xff, 0xfe, ..] | [1..=255, 0, 1..=255, 0, ..] => wide(true),
        [0xfe, 0xff, ..] | [0, 1..=255, 0, 1..=255, ..] => wide(false),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// The text without the codes that colour a terminal, which some programs put into it.
fn uncoloured(text: String) -> String {
    if !text.contains("\u{1b}[") {
        return text;
    }
    let mut parts = text.split("\u{1b}[");
    let plain = parts.next().unwrap_or_default().to_owned();
    parts.fold(plain, |plain, part| {
        let code = part.find(|c: char| c.is_ascii_alphabetic()).map_or(0, |at| at + 1);
        plain + &part[code..]
    })
}

/// Where the JSON in what was printed begins, if it is JSON. Something may stand before it: what sudo complains of, or what smartctl 7.1
/// and 7.2 print there of the pending defects of SAS drives.
pub(super) fn document(printed: &str) -> Option<usize> {
    let opens = |rest: &str| {
        let rest = rest.trim_start();
        rest.is_empty() || rest.starts_with(['"', '{', '}'])
    };
    let text = text::banners(printed).chain(printed.find("=== START OF ")).min();
    for (at, _) in printed.match_indices(['{', '[']) {
        let (before, rest) = (&printed[..at], &printed[at + 1..]);
        if text.is_some_and(|text| text < at) {
            return None;
        }
        // Damaged at once, unless it is a word in brackets, such as sudo's; a text has words before its first brace.
        let is_word = printed[at..].starts_with('[') && rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
        if opens(rest) || before.trim().is_empty() && !is_word {
            return Some(at);
        }
    }
    None
}

/// The only document of these. What a forum or a shell puts behind it, in a line of its own, is no part of it.
fn only(printed: &str) -> Result<Value, Unreadable> {
    let damaged = |error: serde_json::Error| Unreadable::Json(error.to_string());
    let mut found = serde_json::Deserializer::from_str(printed).into_iter::<Value>();
    let first = found.next().ok_or(Unreadable::Empty)?.map_err(damaged)?;
    let behind = &printed[found.byte_offset()..];
    if text::reports(behind) > 0 {
        return Err(Unreadable::Several);
    }
    if let Some(at) = document(behind) {
        let second = serde_json::Deserializer::from_str(&behind[at..]).into_iter::<Value>().next();
        return Err(match second {
            Some(Err(error)) => damaged(error),
            _ => Unreadable::Several,
        });
    }
    let own_line = behind.trim_start_matches([' ', '\t', '\r']).starts_with('\n');
    let goes_on = behind.trim_start().starts_with(['}', ']', ',', ':', '"']);
    if !behind.trim().is_empty() && (!own_line || goes_on) {
        return Err(Unreadable::Json("something stands behind it".to_owned()));
    }
    match first {
        Value::Array(mut list) => match list.len() {
            0 => Err(Unreadable::Empty),
            1 => Ok(list.remove(0)),
            _ => Err(Unreadable::Several),
        },
        first => Ok(first),
    }
}

/// Rows of a table that have the number of another one before nothing in it is believed. A drive has each attribute once.
const REPEATED: usize = 2;

impl Report {
    /// Leaves out a table of attributes that the drive filled with something else: nothing in it is bad or good.
    fn doubt_attributes(&mut self) {
        let mut seen = [false; 256];
        let mut is_new =
            |id: u64| usize::try_from(id).is_ok_and(|id| id > 255 || !std::mem::replace(&mut seen[id], true));
        let repeated = self.attributes.iter().filter(|one| !is_new(one.id)).count();
        if repeated >= REPEATED {
            self.attributes.clear();
            self.notes.lost_rows.push(format!("{repeated} attributes with the numbers of others"));
        }
    }

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
        self.database = self.database.or(text.database);
        self.limits.fill_from(text.limits);
        self.pending_defects = self.pending_defects.or(text.pending_defects);
        self.scan_defects = self.scan_defects.or(text.scan_defects);
        self.farm = self.farm.or(text.farm);
        self.scan = self.scan.take().or(text.scan);
        self.temperatures = self.temperatures.take().or(text.temperatures);
        for checksum in text.checksums {
            if !self.checksums.contains(&checksum) {
                self.checksums.push(checksum);
            }
        }
        if self.statistics.is_empty() {
            self.statistics = text.statistics;
        }
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
        self.scsi = self.scsi.take().map(|mine| mine.filled(scsi)).or(scsi);
        self.self_tests.fill_from(self_tests);
        self.percentage_used = self.percentage_used.or(text.percentage_used);
        self.error_log_count = self.error_log_count.or(text.error_log_count);
        self.temperature = self.temperature.or(text.temperature);
        self.trip_temperature = self.trip_temperature.or(text.trip_temperature);
        self.power_on_hours = self.power_on_hours.or(text.power_on_hours);
        self.power_cycles = self.power_cycles.or(text.power_cycles);
    }
}

impl Limits {
    fn fill_from(&mut self, other: Limits) {
        self.operating = self.operating.or(other.operating);
        self.critical = self.critical.or(other.critical);
        self.highest = self.highest.or(other.highest);
        self.lowest = self.lowest.or(other.lowest);
        self.exceeded = self.exceeded.or(other.exceeded);
    }
}

impl Scsi {
    /// Before 7.2 the JSON counts the bytes of the list of grown defects; the text counts the defects.
    fn filled(mut self, text: Option<Scsi>) -> Self {
        let Some(text) = text else { return self };
        self.grown_defects = text.grown_defects.or(self.grown_defects);
        self.non_medium = self.non_medium.or(text.non_medium);
        self
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
