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
    /// `<N>`, syslog (RFC 3164 and 5424) and `journalctl -o short` and its variants, `ipmitool sel elist`; all of them also quoted,
    /// indented, or behind the stamp of a container.
    pub(super) fn read(line: &'a str) -> Option<Self> {
        Self::within(line, QUOTES)
    }

    /// Reads a line that may be quoted so many times.
    fn within(line: &'a str, quotes: usize) -> Option<Self> {
        let bytes = line.as_bytes();
        let first = *bytes.first()?;
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
        // A log within a report is indented or quoted.
        if matches!(first, b' ' | b'\t' | b'>' | b'|' | b'$' | b'`') && quotes > 0 {
            return Self::within(line[1..].trim_start(), quotes - 1);
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
        let Head { stamp, named, rest: after } = head(rest);
        if stamp.is_none()
            && named.is_none()
            && origin == Origin::Same
            && let Some(found) = inner(line)
        {
            return Some(found);
        }
        match named {
            Some(Sender::Kernel) => origin = if origin == Origin::Program { origin } else { Origin::Kernel },
            Some(Sender::Program) => origin = Origin::Program,
            Some(Sender::Container) => {
                let mut line = Self::within(after, quotes)?;
                line.stamp = line.stamp.or(stamp);
                return Some(line);
            }
            None if stamp.is_some() && origin == Origin::Same => origin = Origin::Kernel,
            None => {}
        }
        // `kernel: [   12.3] text`: the kernel's own stamp is the finer one, but the days are in the other.
        let (inner, after) = if named == Some(Sender::Kernel) { stamp::bracketed(after) } else { (None, after) };
        let (caller, text) = caller(after);
        let text = text.trim();
        if text.is_empty() && (stamp.is_none() || origin != Origin::Kernel) {
            return None;
        }
        let stamp = match (stamp, inner) {
            (Some(outer), Some(inner)) => Some(Stamp { since_boot: inner.since_boot, ..outer }),
            (outer, _) => outer,
        };
        Some(Line { stamp, origin, part: Part::Whole, caller, text, escaped: false })
    }

    /// True if only a log has such a line, whatever it says.
    pub(super) fn is_of_a_log(&self) -> bool {
        self.stamp.is_some() || self.origin != Origin::Same || is_of_a_start(self.text)
    }
}

/// Most marks of quotation and blanks before a line.
const QUOTES: usize = 12;

/// Words with which lines of the kernel begin, in a log without stamps (`dmesg -t`).
const STARTS: [&str; 30] = [
    "Linux version ",
    "Command line: ",
    "Kernel command line: ",
    "ACPI: ",
    "DMI: ",
    "PCI: ",
    "PM: ",
    "CPU: ",
    "Call Trace:",
    "Modules linked in:",
    "smpboot: ",
    "usb usb",
    "usbcore: ",
    "scsi host",
    "EXT4-fs ",
    "XFS (",
    "BTRFS ",
    "md: ",
    "md/raid",
    "device-mapper: ",
    "nvme nvme",
    "mmc0: ",
    "Memory: ",
    "NET: ",
    "audit: ",
    "random: ",
    "cgroup: ",
    "clocksource: ",
    "systemd[1]: ",
    "SEL has no ",
];

/// True if the kernel alone begins a line so, or if a device of a bus does: `igb 0000:01:00.0`, `ata3.00: `, `usb 1-1.2: `, `sd 0:0:0:0: `.
fn is_of_a_start(text: &str) -> bool {
    if STARTS.iter().any(|start| text.starts_with(start)) {
        return true;
    }
    let mut words = text.split(' ');
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let second = second.trim_end_matches(':');
    let numbers = |separators: &[char], least: usize| {
        second.split(separators).all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_hexdigit()))
            && second.split(separators).count() >= least
    };
    let is_port = first
        .strip_prefix("ata")
        .and_then(|rest| rest.strip_suffix(':'))
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
    is_port
        || matches!(first, "usb" | "hub" | "sd" | "scsi" | "sr") && numbers(&[':', '-', '.'], 2)
        || second.split(':').count() == 3 && second.len() >= 12 && numbers(&[':', '.'], 4)
}

/// The sender that the head of a line names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sender {
    Kernel,
    Program,
    /// A container: its output is a line of any form.
    Container,
}

/// Stamp and sender of a line; `None` for what the line does not name.
struct Head<'a> {
    stamp: Option<Stamp<'a>>,
    named: Option<Sender>,
    rest: &'a str,
}

fn of_kernel(kernel: bool) -> Sender {
    if kernel { Sender::Kernel } else { Sender::Program }
}

/// Reads the stamp and the sender of a line.
fn head(line: &str) -> Head<'_> {
    if let (Some(stamp), after) = stamp::bracketed(line) {
        let (named, after) = after_host(after);
        return Head { stamp: Some(stamp), named: named.map(of_kernel), rest: after };
    }
    if let Some((stamp, rest)) = stamp::iso_of_dmesg(line) {
        return Head { stamp: Some(stamp), named: None, rest };
    }
    if let Some((stamp, rest)) = stamp::of_container(line) {
        return Head { stamp: Some(stamp), named: Some(Sender::Container), rest };
    }
    if let Some((stamp, kernel, rest)) = protocol(line) {
        return Head { stamp, named: Some(of_kernel(kernel)), rest };
    }
    if let Some((stamp, kernel, after)) = stamp::syslog(line) {
        return Head { stamp: Some(stamp), named: Some(of_kernel(kernel)), rest: after };
    }
    match line.strip_prefix("kernel:").filter(|rest| rest.is_empty() || rest.starts_with([' ', '['])) {
        Some(after) => Head { stamp: None, named: Some(Sender::Kernel), rest: after.trim_start() },
        None => Head { stamp: None, named: None, rest: line },
    }
}

/// `TIME HOST APP PROCID MSGID SD MSG` of RFC 5424: the time, true if the kernel is the sender, and the message.
fn protocol(line: &str) -> Option<(Option<Stamp<'_>>, bool, &str)> {
    let (time, rest) = line.split_once(' ')?;
    let stamp = stamp::iso(time)?;
    let (_host, rest) = rest.split_once(' ')?;
    let (app, rest) = rest.split_once(' ')?;
    let (process, rest) = rest.split_once(' ')?;
    let (_message, rest) = rest.split_once(' ')?;
    let is_number = |word: &str| word == "-" || !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
    if app.ends_with(':') || !is_number(process) {
        return None;
    }
    let text = match rest.strip_prefix('[') {
        Some(data) => data.split_once("] ")?.1,
        None => rest.strip_prefix("- ")?,
    };
    Some((Some(stamp), app == "kernel", text.trim_start_matches('\u{feff}')))
}

/// A line of the kernel behind words that a console, a debugger or another logger puts before it. Only the kernel's own stamp, or the
/// facility's name, shows where the line begins.
fn inner(line: &str) -> Option<Line<'_>> {
    let start = line.get(..line.len().min(160)).unwrap_or(line);
    // talosctl: `10.0.0.1: kern: warning: [2026-04-22T21:30:51.526Z]: text`
    if let Some((node, rest)) = line.split_once(": ")
        && !node.contains(' ')
        && rest.starts_with("kern")
        && decoded_priority(rest).is_some()
    {
        return Line::within(rest, 0);
    }
    for (at, _) in start.match_indices('[') {
        if at > 0 && stamp::is_of_kernel(&line[at..]) {
            return Line::within(&line[at..], 0);
        }
    }
    // Trace32: `0x000000000277BBFA |   1263.468579:   text`
    let (_, rest) = line.split_once(" | ").filter(|_| line.starts_with("0x"))?;
    let (time, text) = rest.trim_start().split_once(": ")?;
    let stamp = stamp::plain(time)?;
    Some(Line {
        stamp: Some(stamp),
        origin: Origin::Kernel,
        part: Part::Whole,
        caller: "",
        text: text.trim(),
        escaped: false,
    })
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
    const LEVELS: [&str; 9] = ["emerg", "alert", "crit", "err", "warn", "warning", "notice", "info", "debug"];
    if !line.as_bytes().first()?.is_ascii_lowercase() {
        return None;
    }
    let (facility, rest) = line.split_once(':')?;
    let (level, rest) = rest.split_once(':')?;
    let named = |word: &str| word.len() < 9 && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let facility = facility.trim_end();
    (LEVELS.contains(&level.trim()) && named(facility)).then(|| (facility == "kern", rest.trim_start()))
}

/// `host kernel: ` after a stamp in brackets (`journalctl -o short-monotonic`).
fn after_host(rest: &str) -> (Option<bool>, &str) {
    if let Some(text) = rest.strip_prefix("kernel: ") {
        return (Some(true), text);
    }
    let rest = rest.strip_prefix(": ").unwrap_or(rest);
    let Some((host, after)) = rest.split_once(' ') else { return (None, rest) };
    match after.strip_prefix("kernel:") {
        Some(text) if !host.contains([':', '[', ',']) => (Some(true), text.trim_start_matches(' ')),
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
    let date = fields.next()?;
    // `Linux kernel panic: …` has no time, and `Pre-Init Time-stamp` of some is one column.
    let (time, sensor) = match date {
        panic if panic.starts_with("Linux kernel panic") => ("", panic),
        "Pre-Init Time-stamp" => ("", fields.next()?),
        _ => (fields.next()?, fields.next()?),
    };
    if !sensor.starts_with("Linux kernel panic") {
        fields.next()?;
    }
    let at = sensor.as_ptr() as usize - line.as_ptr() as usize;
    let stamp = if time.is_empty() { None } else { Stamp::of_bmc(line, date, time) };
    Some(Line { stamp, origin: Origin::Bmc, part: Part::Whole, caller: "", text: line.get(at..)?, escaped: false })
}
