//! One record of a log, freed of the form in which the log was written.

use super::stamp::{self, Stamp};

/// A line as it stands in a log of any form.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line<'a> {
    /// The stamp that the log writes; `None` if the line has none.
    pub(super) stamp: Option<Stamp<'a>>,
    /// The writer of the line: kernel, program or BMC.
    pub(super) origin: Origin,
    /// Completeness of the line: whole, or a fragment of one.
    pub(super) part: Part,
    /// `T12` or `C3`: the thread or CPU that printed the line; empty if the log does not name it.
    pub(super) caller: &'a str,
    /// The text, without stamp and prefix; escapes are still in it.
    pub(super) text: &'a str,
    /// True if `\x0a` and the like stand for single bytes.
    pub(super) escaped: bool,
}

/// The writer of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The kernel.
    Kernel,
    /// A program; such a line is never an incident.
    Program,
    /// Not named in the line: a line without stamp belongs to the one before.
    Same,
    /// The event log of a BMC.
    Bmc,
}

/// Completeness of a record of `/dev/kmsg`, from its flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A whole line.
    Whole,
    /// `c`: the first fragment of a line.
    Fragment,
    /// `+`: the continuation of a fragment.
    More,
}

impl<'a> Line<'a> {
    /// Reads a line of any form; `None` for lines that are no message: empty ones, the properties of a record.
    ///
    /// Forms: `/dev/kmsg` (Documentation/ABI/testing/dev-kmsg), `dmesg` with any of its stamps and with `-x`, console and pstore with
    /// `<N>`, syslog and `journalctl -o short` and its ISO variants, `ipmitool sel elist`.
    pub(super) fn read(line: &'a str) -> Option<Self> {
        let bytes = line.as_bytes();
        let first = *bytes.first()?;
        // A log within a report is indented.
        if first == b' ' && line.trim_start().starts_with('[') {
            return Self::read(line.trim_start());
        }
        if first.is_ascii_digit() {
            if let Some(found) = device_record(line) {
                return Some(found);
            }
        } else if first == b' ' {
            let trimmed = line.trim_start();
            if line.len() == trimmed.len() + 1 && is_property(trimmed) {
                return None;
            }
        }
        if let Some(found) = event_of_bmc(line) {
            return Some(found);
        }
        let mut rest = line;
        let mut origin = Origin::Same;
        if let Some((priority, after)) = priority(rest) {
            origin = if priority < 8 { Origin::Kernel } else { Origin::Program };
            rest = after;
        } else if let Some((kernel, after)) = decoded_priority(rest) {
            origin = if kernel { Origin::Kernel } else { Origin::Program };
            rest = after;
        }
        let (stamp, after, named) = head(rest);
        match named {
            Some(true) => origin = if origin == Origin::Program { origin } else { Origin::Kernel },
            Some(false) => origin = Origin::Program,
            None if stamp.is_some() && origin == Origin::Same => origin = Origin::Kernel,
            None => {}
        }
        // `kernel: [   12.3] text`: the kernel's own stamp is the finer one, but the days are in the other.
        let (inner, after) = if named == Some(true) { stamp::bracketed(after) } else { (None, after) };
        let (caller, text) = caller(after);
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let stamp = match (stamp, inner) {
            (Some(outer), Some(inner)) => Some(Stamp { since_boot: inner.since_boot, ..outer }),
            (outer, _) => outer,
        };
        Some(Line { stamp, origin, part: Part::Whole, caller, text, escaped: false })
    }
}

/// Reads the stamp and the sender of a line: the rest, and true for the kernel, false for a program, `None` if no sender is named.
fn head(line: &str) -> (Option<Stamp<'_>>, &str, Option<bool>) {
    if let (Some(stamp), after) = stamp::bracketed(line) {
        let (named, after) = after_host(after);
        return (Some(stamp), after, named);
    }
    if let Some((stamp, kernel, after)) = stamp::syslog(line) {
        return (Some(stamp), after, Some(kernel));
    }
    match line.strip_prefix("kernel: ") {
        Some(after) => (None, after, Some(true)),
        None => (None, line, None),
    }
}

/// ` KEY=value` below a record of `/dev/kmsg`.
fn is_property(text: &str) -> bool {
    text.split_once('=')
        .is_some_and(|(key, _)| !key.is_empty() && key.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
}

/// `pri,seq,usec,flags[,more];text`
fn device_record(line: &str) -> Option<Line<'_>> {
    let (head, text) = line.split_once(';')?;
    let mut fields = head.split(',');
    let priority: u32 = fields.next()?.parse().ok()?;
    fields.next()?.parse::<u64>().ok()?;
    let usec = fields.next()?;
    let micros: u64 = usec.parse().ok()?;
    let part = match fields.next()? {
        "c" => Part::Fragment,
        "+" => Part::More,
        _ => Part::Whole,
    };
    let caller = fields.find_map(|field| field.strip_prefix("caller=")).unwrap_or_default();
    let origin = if priority < 8 { Origin::Kernel } else { Origin::Program };
    Some(Line { stamp: Some(Stamp::micros(usec, micros)), origin, part, caller, text, escaped: true })
}

/// `<6>` before a line, as console and pstore have it; syslog adds a version.
fn priority(line: &str) -> Option<(u32, &str)> {
    let (number, rest) = line.strip_prefix('<')?.split_once('>')?;
    if number.len() > 3 {
        return None;
    }
    let number = number.parse().ok()?;
    Some((number, rest.strip_prefix("1 ").unwrap_or(rest)))
}

/// `kern  :err   : ` of `dmesg -x`: true if the kernel wrote the line, and the text; `None` if there is no such prefix.
fn decoded_priority(line: &str) -> Option<(bool, &str)> {
    const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"];
    if !line.as_bytes().first()?.is_ascii_lowercase() {
        return None;
    }
    let (facility, rest) = line.split_once(':')?;
    let (level, rest) = rest.split_once(':')?;
    let named = |word: &str| word.len() < 9 && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let facility = facility.trim_end();
    (LEVELS.contains(&level.trim_end()) && named(facility)).then(|| (facility == "kern", rest.trim_start()))
}

/// `host kernel: ` after a stamp in brackets (`journalctl -o short-monotonic`).
fn after_host(rest: &str) -> (Option<bool>, &str) {
    if let Some(text) = rest.strip_prefix("kernel: ") {
        return (Some(true), text);
    }
    let Some((host, after)) = rest.split_once(' ') else { return (None, rest) };
    match after.strip_prefix("kernel: ") {
        Some(text) if !host.contains([':', '[', ',']) => (Some(true), text),
        _ => (None, rest),
    }
}

/// `[  T511] ` or `[   C28] ` behind the stamp.
fn caller(rest: &str) -> (&str, &str) {
    let Some((name, after)) = rest.trim_start().strip_prefix('[').and_then(|inner| inner.split_once(']')) else {
        return ("", rest);
    };
    let name = name.trim_start();
    let is_caller = name
        .strip_prefix(['T', 'C'])
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()));
    if is_caller { (name, after) } else { ("", rest) }
}

/// `  1a | 11/29/2026 | 18:20:12 | Processor CPU1 Status | IERR | Asserted`
fn event_of_bmc(line: &str) -> Option<Line<'_>> {
    if !line.as_bytes().iter().take(8).any(|byte| *byte == b'|') {
        return None;
    }
    let mut fields = line.split('|').map(str::trim);
    let id = fields.next()?;
    if id.is_empty() || id.len() > 4 || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let (date, time) = (fields.next()?, fields.next()?);
    let sensor = fields.next()?;
    fields.next()?;
    let at = sensor.as_ptr() as usize - line.as_ptr() as usize;
    let stamp = Stamp::of_bmc(line, date, time);
    Some(Line { stamp, origin: Origin::Bmc, part: Part::Whole, caller: "", text: line.get(at..)?, escaped: false })
}
