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
    /// True for a step from the line before, as `dmesg -H` and `-d` write it.
    pub(super) fn is_step(&self) -> bool {
        self.text.starts_with('+')
    }

    /// The seconds of a step; 0 if it has none.
    pub(super) fn step(&self) -> f64 {
        seconds_of(self.text.trim_start_matches('+')).unwrap_or_default()
    }

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
        // The clock of some has 12 hours.
        let half = if time.contains(" PM") && !time.starts_with("12") { 43200.0 } else { 0.0 };
        let seconds = days(year, month, day) * 86400.0 + of_day(time)? + half;
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
    // An address of PCI is no time.
    let (hours, rest) = time.split_once(':').filter(|(hours, _)| hours.len() <= 2)?;
    let (minutes, rest) = rest.split_once(':')?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').unwrap_or(rest.len());
    let seconds: f64 = rest.get(..end)?.trim_end_matches(['.', ',']).replace(',', ".").parse().ok()?;
    Some(f64::from(hours.parse::<u32>().ok()?) * 3600.0 + f64::from(minutes.parse::<u32>().ok()?) * 60.0 + seconds)
}

/// The number of a month by its short name, in English and in languages of other locales; 0 of a word that may be a month of another
/// one, so that its days still have an order; `None` if it cannot be a month.
fn month(word: &str) -> Option<u32> {
    if let Some((_, number)) = MONTHS.iter().zip(1..).find(|(name, _)| **name == word) {
        return Some(number);
    }
    // `9月`, `9월`
    let digits = word.trim_end_matches(|c: char| !c.is_ascii_digit());
    if digits.len() < word.len()
        && !word.is_ascii()
        && let Ok(number @ 1..=12) = digits.parse()
    {
        return Some(number);
    }
    let word = word.trim_end_matches('.').to_lowercase();
    let is_word = (3..6).contains(&word.chars().count()) && word.chars().all(char::is_alphabetic);
    let known = OTHER_MONTHS.iter().zip(1..).find(|(names, _)| names.split(' ').any(|name| word.starts_with(name)));
    is_word.then(|| known.map_or(0, |(_, number)| number))
}

/// Starts of the months' names in Spanish, Portuguese, Italian, French, German, Dutch, Swedish and Polish.
const OTHER_MONTHS: [&str; 12] = [
    "jan ene gen sty",
    "feb fev fév lut",
    "mar mär mrt maa",
    "apr abr avr kwi",
    "may mai mag mei maj",
    "jun juin giu cze",
    "jul juil lug lip",
    "aug ago aoû sie",
    "sep set wrz",
    "oct okt out ott paź",
    "nov lis",
    "dec dic dez déc gru",
];

/// A stamp in brackets at the start, and what follows it: `[   12.345678]`, `[Sat Apr 15 19:49:46 2023]`, `[  +0.000001]`, `[Apr15 19:49]`.
pub(super) fn bracketed(line: &str) -> (Option<Stamp<'_>>, &str) {
    let Some((inner, rest)) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) else { return (None, line) };
    let text = inner.trim();
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    // `dmesg -d` without times: only the step from the line before.
    let text = text.strip_prefix('<').and_then(|step| step.strip_suffix('>')).map_or(text, str::trim);
    if inner.starts_with('<') {
        let known = seconds_of(text).is_some();
        let text = if known { "+" } else { "" };
        return if known { (Some(Stamp { text, seconds: 0.0, since_boot: None }), rest) } else { (None, line) };
    }
    let Some(first) = text.bytes().next() else { return (None, line) };
    if first.is_ascii_digit() {
        if let Some(stamp) = iso(text) {
            return (Some(stamp), rest.strip_prefix(": ").unwrap_or(rest));
        }
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

/// `Sat Apr 15 19:49:46 2023`, `Apr15 19:49`, `Apr 5 19:49`.
fn dated(text: &str) -> Option<f64> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let minutes = |time: &str| of_day(&format!("{time}:00"));
    match words.as_slice() {
        // Some locales end the name of the month with a letter of another alphabet, or a full stop.
        [first, time] => {
            let at = first.trim_end_matches(|c: char| c.is_ascii_digit()).len();
            let day = first[at..].parse::<u32>().ok()?;
            Some(days(0, month(&first[..at])?, day) * 86400.0 + minutes(time)?)
        }
        [name, day, time] => Some(days(0, month(name)?, day.parse().ok()?) * 86400.0 + minutes(time)?),
        [_, name, day, time, year] => {
            Some(days(year.parse().ok()?, month(name)?, day.parse().ok()?) * 86400.0 + of_day(time)?)
        }
        _ => None,
    }
}

/// `2023-12-22T12:26:25.559615Z`, alone.
pub(super) fn iso(text: &str) -> Option<Stamp<'_>> {
    (text.as_bytes().get(10) == Some(&b'T')).then_some(())?;
    let (day, time) = text.split_once('T')?;
    if time.contains(' ') {
        return None;
    }
    Some(Stamp { text, seconds: iso_day(day)? * 86400.0 + of_day(time)?, since_boot: None })
}

/// `2023-12-22T12:26:25,559615-08:00 text`: only `dmesg --time-format iso` has a comma there, and no host behind it.
pub(super) fn iso_of_dmesg(line: &str) -> Option<(Stamp<'_>, &str)> {
    (line.as_bytes().get(19) == Some(&b',')).then_some(())?;
    let (time, rest) = line.split_once(' ')?;
    Some((iso(time)?, rest))
}

/// `2023-12-22T12:26:25.559615123Z stdout F text`: containers count nanoseconds, and Kubernetes names the stream.
pub(super) fn of_container(line: &str) -> Option<(Stamp<'_>, &str)> {
    (line.as_bytes().get(19) == Some(&b'.')).then_some(())?;
    let (time, rest) = line.split_once(' ')?;
    let digits = time.get(20..)?.bytes().take_while(u8::is_ascii_digit).count();
    let streams = ["stdout F ", "stderr F ", "stdout P ", "stderr P "];
    let inner = streams.iter().find_map(|stream| rest.strip_prefix(stream));
    if digits != 9 && inner.is_none() {
        return None;
    }
    Some((iso(time)?, inner.unwrap_or(rest)))
}

/// True if a text begins with the kernel's own stamp, `[   12.345678]`.
pub(super) fn is_of_kernel(text: &str) -> bool {
    let Some((inner, _)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) else { return false };
    let inner = inner.trim_start();
    inner.split_once('.').is_some_and(|(_, fraction)| fraction.len() == 6) && seconds_of(inner).is_some()
}

/// `1263.468579`, alone.
pub(super) fn plain(text: &str) -> Option<Stamp<'_>> {
    let (_, fraction) = text.split_once('.')?;
    let seconds = seconds_of(text).filter(|_| fraction.len() == 6)?;
    Some(Stamp { text, seconds, since_boot: Some(seconds) })
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
    if !line.chars().next()?.is_alphanumeric() || bytes.len() < 15 {
        return None;
    }
    let (length, seconds) = since_1970(line).or_else(|| time_at_start(line))?;
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

/// `1702345678.123456 host kernel: ` of `journalctl -o short-unix`: the length of the time, and its seconds.
fn since_1970(line: &str) -> Option<(usize, f64)> {
    let (time, _) = line.split_once(' ')?;
    let (whole, fraction) = time.split_once('.')?;
    (whole.len() == 10 && fraction.len() == 6).then_some(())?;
    Some((time.len(), seconds_of(time)?))
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
        } else if let Some(number) = month(word).filter(|_| date.is_none()) {
            month_seen = Some(number);
        } else if let Some(seconds) = of_day(word).filter(|_| month_seen.is_none() || date.is_some()) {
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
