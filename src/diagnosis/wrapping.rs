//! Logs whose lines are wrapped: in colours, in JSON, in the fields of a journal. They become plain lines again.
//!
//! Sources: systemd `src/shared/logs-show.c` and "Journal Export Formats", util-linux `sys-utils/dmesg.c`, Docker's `json-file`
//! logging driver.

use std::borrow::Cow;

use memchr::{memchr, memmem};
use serde_json::Value;

/// The record that is being unwrapped; it may go on in the next piece of the log.
#[derive(Debug, Default)]
pub(super) struct Wrapping {
    open: Open,
}

#[derive(Debug, Default)]
enum Open {
    /// Plain lines.
    #[default]
    Nothing,
    /// An object of JSON over several lines.
    Object(String),
    /// A record in lines `KEY=value`.
    Fields(Fields),
}

/// The fields of one record that tell who wrote it, when and what.
#[derive(Debug, Default)]
struct Fields {
    message: Option<String>,
    /// `kernel` of `_TRANSPORT`; empty if there is none.
    transport: String,
    /// The sender that a record without `_TRANSPORT` names.
    sender: String,
    /// True if a facility other than the kernel's is named.
    is_program: bool,
    /// Microseconds since the machine started.
    since_boot: Option<u64>,
    /// Microseconds since 1970.
    wall: Option<u64>,
    /// The next line is a message with bytes that are no text, behind its length in 8 bytes.
    raw: bool,
}

/// Marks that a coloured log has: an escape in the notation of a pager; the end of a colour whose escape character got lost.
const COLOURS: [&str; 2] = ["^[[", "[0m"];
/// Marks that a log of records in fields has.
const RECORDS: [&str; 4] = ["{\"", "{\n", "__CURSOR=", " [s="];
/// Most bytes of a record over several lines. What is longer is no record.
const LONGEST: usize = 1 << 20;

impl Wrapping {
    /// The log without what it is wrapped in; the same text if it is not wrapped.
    pub(super) fn plain<'t>(&mut self, log: &'t str) -> Cow<'t, str> {
        let log = log.strip_prefix('\u{feff}').unwrap_or(log);
        let has = |mark: &str| memmem::find(log.as_bytes(), mark.as_bytes()).is_some();
        let is_coloured = memchr(0x1b, log.as_bytes()).is_some() || COLOURS.iter().any(|mark| has(mark));
        let is_open = !matches!(self.open, Open::Nothing);
        if !is_coloured && !is_open && !RECORDS.iter().any(|mark| has(mark)) {
            return Cow::Borrowed(log);
        }
        let mut out = String::with_capacity(log.len());
        for line in log.lines() {
            let line = if is_coloured { colourless(line) } else { Cow::Borrowed(line) };
            self.line(&line, &mut out);
        }
        Cow::Owned(out)
    }

    /// Returns the record that is still open at the end of the log.
    pub(super) fn end(&mut self) -> String {
        let mut out = String::new();
        match std::mem::take(&mut self.open) {
            Open::Fields(fields) => fields.tell(&mut out),
            Open::Object(text) => out = text,
            Open::Nothing => {}
        }
        out
    }

    fn line(&mut self, line: &str, out: &mut String) {
        let trimmed = line.trim();
        match std::mem::take(&mut self.open) {
            Open::Object(object) if is_in_object(trimmed) && object.len() < LONGEST => {
                self.open = in_object(object, trimmed, out);
            }
            // A brace in a text: what follows are plain lines.
            Open::Object(object) => {
                out.push_str(&object);
                self.begin(line, out);
            }
            Open::Fields(mut fields) => {
                let is_field =
                    fields.raw || line.starts_with([' ', '\t']) || trimmed == "MESSAGE" || trimmed.contains('=');
                if trimmed.is_empty() || !is_field || is_head(line) || trimmed.starts_with("__CURSOR=") {
                    fields.tell(out);
                    self.begin(line, out);
                } else {
                    fields.read(line);
                    self.open = Open::Fields(fields);
                }
            }
            Open::Nothing => self.begin(line, out),
        }
    }

    fn begin(&mut self, line: &str, out: &mut String) {
        let trimmed = line.trim().trim_start_matches('\u{1e}');
        let object = trimmed.strip_prefix("data: ").unwrap_or(trimmed);
        if is_head(line) || trimmed.starts_with("__CURSOR=") {
            self.open = Open::Fields(Fields::default());
        } else if object == "{" {
            self.open = Open::Object(String::new());
        } else if let Some(Value::Object(object)) =
            object.starts_with('{').then(|| serde_json::from_str(object).ok()).flatten()
        {
            tell(&object, out);
        } else {
            out.push_str(line);
            out.push('\n');
        }
    }
}

/// Takes a line within an object; what is inside of another object begins anew.
fn in_object(mut object: String, line: &str, out: &mut String) -> Open {
    if line == "{" || line.ends_with(": {") {
        return Open::Object(String::new());
    }
    if line.starts_with('}') {
        let body = format!("{{{}}}", object.trim_end().trim_end_matches(','));
        if let Ok(Value::Object(fields)) = serde_json::from_str(&body) {
            tell(&fields, out);
        }
        return if line.ends_with('{') { Open::Object(String::new()) } else { Open::Nothing };
    }
    object.push_str(line);
    object.push('\n');
    Open::Object(object)
}

/// True if a line can stand within an object that is written over several lines.
fn is_in_object(line: &str) -> bool {
    line.is_empty()
        || line.starts_with(['"', '{', '}', ']'])
        || line == "["
        || line.bytes().all(|byte| byte.is_ascii_digit() || byte == b',')
}

/// Writes the record of an object of JSON as a line.
fn tell(object: &serde_json::Map<String, Value>, out: &mut String) {
    let mut fields = Fields::default();
    for (key, value) in object {
        match key.as_str() {
            // A line of any form, printed by a container (a JSON object with `log` and `stream`).
            "log" if object.contains_key("stream") => {
                out.push_str(text(value).trim_end());
                out.push('\n');
                return;
            }
            "msg" if object.contains_key("pri") || object.contains_key("time") => {
                fields.message = Some(text(value));
                fields.transport = "kernel".into();
            }
            "fac" => fields.is_program = value != "kern" && value != 0,
            "pri" => fields.is_program |= value.as_u64().is_some_and(|number| number >= 8),
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds since a start")]
            "time" => {
                fields.since_boot = value.as_f64().filter(|time| *time >= 0.0).map(|time| (time * 1e6) as u64);
            }
            key => fields.set(key, &text(value)),
        }
    }
    fields.tell(out);
}

/// A text, a number, or the bytes of a text that is not all characters.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(bytes) if bytes.iter().all(Value::is_u64) => {
            let bytes: Vec<u8> = bytes.iter().filter_map(|byte| u8::try_from(byte.as_u64()?).ok()).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        }
        // A field that stands several times.
        Value::Array(values) => values.first().map(text).unwrap_or_default(),
        other => other.to_string(),
    }
}

impl Fields {
    fn read(&mut self, line: &str) {
        let trimmed = line.trim_start();
        if std::mem::take(&mut self.raw) {
            self.message = Some(line.chars().skip(8).collect());
        } else if trimmed == "MESSAGE" {
            self.raw = true;
        } else if let Some((key, value)) = trimmed.split_once('=') {
            self.set(key, value);
        }
    }

    fn set(&mut self, key: &str, value: &str) {
        match key {
            "MESSAGE" => self.message = Some(value.to_owned()),
            "_TRANSPORT" => value.clone_into(&mut self.transport),
            "SYSLOG_IDENTIFIER" => value.clone_into(&mut self.sender),
            "_SOURCE_MONOTONIC_TIMESTAMP" => self.since_boot = value.parse().ok(),
            "__REALTIME_TIMESTAMP" => self.wall = value.parse().ok(),
            _ => {}
        }
    }

    /// Writes the record as a line of `/dev/kmsg`, or with the time of the wall clock.
    fn tell(self, out: &mut String) {
        let Some(message) = self.message else { return };
        let of_kernel = if self.transport.is_empty() { self.sender == "kernel" } else { self.transport == "kernel" };
        if !of_kernel || self.is_program {
            out.push_str("14,0,0,-;(of a program)\n");
            return;
        }
        let escaped = || message.replace('\\', "\\x5c").replace('\n', "\\x0a");
        let line = match (self.since_boot, self.wall) {
            (Some(micros), _) => format!("6,0,{micros},-;{}\n", escaped()),
            (None, Some(micros)) => {
                format!("{}.{:06} host kernel: {message}\n", micros / 1_000_000, micros % 1_000_000)
            }
            (None, None) => format!("kernel: {message}\n"),
        };
        out.push_str(&line);
    }
}

/// The head of a record of `journalctl -o verbose`: a date and a cursor.
fn is_head(line: &str) -> bool {
    line.ends_with(']') && line.contains(" [s=") && line.contains(";i=")
}

/// A colour at the start whose escape character got lost on the way: `[32m[    1.234567] `.
fn has_bare_colour(line: &str) -> bool {
    line.strip_prefix('[').is_some_and(|rest| colour(rest).is_some())
}

/// The length of `1;31m`.
fn colour(rest: &str) -> Option<usize> {
    let end = rest.bytes().take(12).position(|byte| !byte.is_ascii_digit() && byte != b';')?;
    (rest.as_bytes()[end] == b'm').then_some(end + 1)
}

/// The line without control sequences (ECMA-48, 5.4), also in the notation `^[[0m`.
fn colourless(line: &str) -> Cow<'_, str> {
    if !line.contains(['\u{1b}', '^']) && !has_bare_colour(line) {
        return Cow::Borrowed(line);
    }
    let bare = has_bare_colour(line);
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(['\u{1b}', '^', '[']) {
        out.push_str(&rest[..at]);
        let here = &rest[at..];
        let after = here.strip_prefix("\u{1b}[").or_else(|| here.strip_prefix("^[["));
        if let Some(after) = after {
            let end = after.bytes().position(|byte| (0x40..=0x7e).contains(&byte));
            rest = end.and_then(|end| after.get(end + 1..)).unwrap_or_default();
        } else if let Some(after) = here.strip_prefix('[').filter(|_| bare)
            && let Some(length) = colour(after)
        {
            rest = &after[length..];
        } else {
            let first = here.chars().next().unwrap_or_default();
            if first != '\u{1b}' {
                out.push(first);
            }
            rest = &here[first.len_utf8()..];
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}
