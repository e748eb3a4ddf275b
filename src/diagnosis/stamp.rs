//! Times as logs write them, read just exactly enough to measure the distance of two records.

use std::borrow::Cow;

/// The time of a record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stamp<'a> {
    /// As the log writes it.
    pub(super) text: &'a str,
    /// Seconds, by a clock that is the same for all records of one log.
    pub(super) seconds: f64,
    /// Seconds since the machine started; `None` if the stamp is of another clock.
    pub(super) since_boot: Option<f64>,
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl<'a> Stamp<'a> {
    /// As people read it: the microseconds of `/dev/kmsg` as `dmesg` prints them.
    pub(super) fn shown(&self) -> Cow<'a, str> {
        match self.since_boot {
            Some(seconds) if self.text.bytes().all(|byte| byte.is_ascii_digit()) => Cow::Owned(format!("{seconds:.6}")),
            _ => Cow::Borrowed(self.text),
        }
    }

    /// Microseconds since the start, as `/dev/kmsg` has them.
    #[expect(clippy::cast_precision_loss, reason = "microseconds of centuries")]
    pub(super) fn micros(text: &'a str, micros: u64) -> Self {
        let seconds = micros as f64 / 1e6;
        Self { text, seconds, since_boot: Some(seconds) }
    }

    /// Date and time as `ipmitool` prints them: month first.
    pub(super) fn of_bmc(line: &'a str, date: &'a str, time: &str) -> Option<Self> {
        let mut parts = date.split('/').map(|part| part.parse::<u32>().ok());
        let (month, day, year) = (parts.next()??, parts.next()??, parts.next()??);
        let from = date.as_ptr() as usize - line.as_ptr() as usize;
        let to = time.as_ptr() as usize - line.as_ptr() as usize + time.len();
        let seconds = days(year, month, day) * 86400.0 + of_day(time)?;
        Some(Self { text: line.get(from..to)?, seconds, since_boot: None })
    }
}

/// Days since some day; exact enough to subtract.
fn days(year: u32, month: u32, day: u32) -> f64 {
    const BEFORE: [u32; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let before = BEFORE.get(month.saturating_sub(1) as usize).copied().unwrap_or(0);
    let leap = u32::from(year.is_multiple_of(4) && month > 2);
    f64::from(year) * 365.0 + f64::from(year / 4) + f64::from(before + leap + day)
}

/// `HH:MM:SS[.,]frac`, with a zone behind it or not.
fn of_day(time: &str) -> Option<f64> {
    let (hours, rest) = time.split_once(':')?;
    let (minutes, rest) = rest.split_once(':')?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').unwrap_or(rest.len());
    let seconds: f64 = rest.get(..end)?.trim_end_matches(['.', ',']).replace(',', ".").parse().ok()?;
    Some(f64::from(hours.parse::<u32>().ok()?) * 3600.0 + f64::from(minutes.parse::<u32>().ok()?) * 60.0 + seconds)
}

fn month(word: &str) -> Option<u32> {
    MONTHS.iter().zip(1..).find(|(name, _)| **name == word).map(|(_, number)| number)
}

/// A stamp in brackets at the start, and what follows it: `[   12.345678]`, `[Sat Apr 15 19:49:46 2023]`, `[  +0.000001]`, `[Apr15 19:49]`.
pub(super) fn bracketed(line: &str) -> (Option<Stamp<'_>>, &str) {
    let Some((inner, rest)) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) else { return (None, line) };
    let text = inner.trim();
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    let Some(first) = text.bytes().next() else { return (None, line) };
    if first.is_ascii_digit() {
        return match seconds_of(text) {
            Some(seconds) => (Some(Stamp { text, seconds, since_boot: Some(seconds) }), rest),
            None => (None, line),
        };
    }
    if first == b'+' {
        // `+` stamps are steps from the line before; without their sum, only the order of the lines is of use.
        let known = seconds_of(&text[1..]).is_some();
        return if known { (Some(Stamp { text, seconds: 0.0, since_boot: None }), rest) } else { (None, line) };
    }
    match dated(text) {
        Some(seconds) => (Some(Stamp { text, seconds, since_boot: None }), rest),
        None => (None, line),
    }
}

/// `123.456789`, without the cost of a general parser: there is one in each line.
fn seconds_of(text: &str) -> Option<f64> {
    let (whole, fraction) = text.split_once('.')?;
    let digits = |part: &str| {
        (!part.is_empty() && part.len() < 13)
            .then(|| {
                part.bytes().try_fold(0_u32, |sum, b| {
                    b.is_ascii_digit().then(|| sum.wrapping_mul(10).wrapping_add(u32::from(b - b'0')))
                })
            })
            .flatten()
    };
    let micros = digits(fraction.get(..6).unwrap_or(fraction))?;
    let scale = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];
    Some(f64::from(digits(whole)?) + f64::from(micros) / scale.get(fraction.len().min(6)).copied().unwrap_or(1e6))
}

/// `Sat Apr 15 19:49:46 2023`, `Apr15 19:49`.
fn dated(text: &str) -> Option<f64> {
    let mut words = text.split_ascii_whitespace();
    let first = words.next()?;
    if let Some(day) = first.get(3..).and_then(|day| day.parse::<u32>().ok()) {
        let time = words.next()?;
        return Some(days(0, month(first.get(..3)?)?, day) * 86400.0 + of_day(&format!("{time}:00"))?);
    }
    let month = month(words.next()?)?;
    let day = words.next()?.parse().ok()?;
    let time = of_day(words.next()?)?;
    let year = words.next()?.parse().ok()?;
    Some(days(year, month, day) * 86400.0 + time)
}

/// Reads a line of syslog or `journalctl`: the stamp, true if the kernel wrote it, and the text.
///
/// The text between time and name differs (host, facility and level, a year), so only the time at the start and the name before
/// the first `: ` are read.
pub(super) fn syslog(line: &str) -> Option<(Stamp<'_>, bool, &str)> {
    let bytes = line.as_bytes();
    // A search in several files (`grep`) prints the file's name before the line.
    if line.starts_with('/')
        && let Some((file, rest)) = line.split_once(':')
        && !file.contains(' ')
    {
        return syslog(rest);
    }
    if !bytes.first()?.is_ascii_alphanumeric() || bytes.len() < 15 {
        return None;
    }
    let (length, seconds) = time_at_start(line)?;
    let text = line.get(..length)?;
    let rest = line.get(length..)?;
    let stamp = Stamp { text, seconds, since_boot: None };
    // The name ends at the first `: ` or at `kernel:`; a host name has neither.
    if let Some(at) = rest.find("kernel:")
        && !rest[..at].contains(": ")
        && at < 80
    {
        return Some((stamp, true, rest[at + 7..].trim_start_matches(' ')));
    }
    let at = rest.find(": ")?;
    Some((stamp, false, rest.get(at + 2..)?))
}

/// The length of the time at the start of a line, in bytes, and its seconds; `None` if there is no time.
fn time_at_start(line: &str) -> Option<(usize, f64)> {
    let mut end = 0;
    let mut date = None;
    let mut month_seen = None;
    for word in line.split(' ').take(6) {
        let at = end;
        end += word.len() + 1;
        let length = at + word.len();
        if let Some((day, time)) = word.split_once('T').filter(|(day, _)| day.len() == 10) {
            return Some((length, iso_day(day)? * 86400.0 + of_day(time)?));
        }
        if let Some(day) = iso_day(word) {
            date = Some(day);
        } else if let Some(number) = month(word) {
            month_seen = Some(number);
        } else if let Some(seconds) = of_day(word) {
            let has_year = line.get(length + 1..length + 6).filter(|next| next.ends_with(' '));
            let year = has_year
                .and_then(|next| next.trim_end().parse::<u32>().ok())
                .filter(|year| (1990..2200).contains(year));
            let length = if year.is_some() { length + 5 } else { length };
            return Some((length, date.unwrap_or(0.0) * 86400.0 + seconds));
        } else if let (Some(number), Ok(day)) = (month_seen, word.parse::<u32>()) {
            date = Some(days(0, number, day));
        } else if !word.is_empty() && (at != 0 || word.len() != 3) {
            return None;
        }
    }
    None
}

fn iso_day(word: &str) -> Option<f64> {
    let mut parts = word.split('-').map(|part| part.parse::<u32>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    (word.len() == 10).then(|| days(year, month, day))
}
