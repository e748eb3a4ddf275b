//! The incidents as they are found, before consequences are merged into their causes (`chain`).

use std::collections::HashMap;

use super::code::{Code, Severity};
use super::intended;
use super::stamp::Stamp;

/// The time of a log line; fields are `None` where the log has no stamp.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct At {
    pub(super) text: Option<String>,
    pub(super) seconds: Option<f64>,
    /// Seconds since the machine started, where they are known.
    pub(super) since_boot: Option<f64>,
}

impl At {
    /// Sets the time like [`At::new`], but reuses the text's memory. No stamp leaves the time unchanged.
    fn set(&mut self, stamp: Option<Stamp<'_>>) {
        let Some(stamp) = stamp else { return };
        let text = self.text.get_or_insert_default();
        text.clear();
        text.push_str(&stamp.shown());
        self.seconds = Some(stamp.seconds).filter(|_| !stamp.text.starts_with('+'));
        self.since_boot = stamp.since_boot;
    }

    pub(super) fn new(stamp: Option<Stamp<'_>>) -> Self {
        let step = stamp.is_some_and(|stamp| stamp.text.starts_with('+'));
        Self {
            text: stamp.map(|stamp| stamp.shown().into_owned()),
            seconds: stamp.filter(|_| !step).map(|stamp| stamp.seconds),
            since_boot: stamp.and_then(|stamp| stamp.since_boot),
        }
    }
}

/// A log line that matched a rule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now<'t> {
    pub(super) text: &'t str,
    pub(super) stamp: Option<Stamp<'t>>,
}

impl Now<'_> {
    pub(super) fn at(&self) -> At {
        At::new(self.stamp)
    }

    /// The line as reports show it: the stamp in brackets, then at most [`LONGEST_LINE`] characters.
    pub(super) fn line(&self) -> String {
        let text: String = self.text.chars().take(LONGEST_LINE).collect();
        match self.stamp {
            Some(stamp) => format!("[{}] {text}", stamp.shown()),
            None => text,
        }
    }
}

/// Most characters of a line that are kept.
const LONGEST_LINE: usize = 400;
/// Most lines that are kept for an incident; all are counted.
const MOST_LINES: usize = 12;
/// Most incidents of one log. A log that names more devices is not a log of one machine.
const MOST_INCIDENTS: usize = 500;
/// Most occurrences of an incident that are kept one by one. A storm is not the result of an intended action.
const MOST_MARKS: usize = 64;

/// An incident while the log is still being read.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) code: Code,
    pub(super) severity: Severity,
    pub(super) device: String,
    pub(super) count: u64,
    pub(super) first: At,
    pub(super) last: At,
    pub(super) lines: Vec<String>,
    /// The first occurrences one by one, for codes that an intended action can explain; else empty.
    pub(super) marks: Vec<Mark>,
    /// True if the device is only the reporter, or the code only a distant symptom: another entry may be more exact.
    pub(super) weak: bool,
    /// The number of its last line in the log.
    updated: u64,
}

/// One occurrence of an incident.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// The number of the line in the log.
    pub(super) order: u64,
    pub(super) at: At,
    count: u64,
}

/// A finding in one line or story, before it is added to the book.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) code: Code,
    pub(super) severity: Severity,
    pub(super) device: String,
    pub(super) count: u64,
    pub(super) weak: bool,
}

impl Found {
    pub(super) fn new(code: Code, device: impl Into<String>) -> Self {
        Self { code, severity: code.severity(), device: device.into(), count: 1, weak: false }
    }
    pub(super) fn severity(self, severity: Severity) -> Self {
        Self { severity, ..self }
    }
    pub(super) fn times(self, count: u64) -> Self {
        Self { count, ..self }
    }
    pub(super) fn weak(self) -> Self {
        Self { weak: true, ..self }
    }
}

/// All incidents found so far.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) entries: Vec<Entry>,
    index: HashMap<(Code, String), usize>,
    last: Option<usize>,
    /// The number of the line that is being read, from 1.
    pub(super) order: u64,
    /// Repetitions that the kernel did not print before it printed one: they are added to the next entry with one of these codes.
    owed: Option<(&'static [Code], u64)>,
}

impl Book {
    /// Records the finding of one line.
    pub(super) fn note(&mut self, found: Found, now: &Now<'_>) {
        let repeated = |entry: &&mut Entry| entry.code == found.code && entry.device == found.device;
        let last = self.last.and_then(|last| self.entries.get_mut(last)).filter(repeated);
        // Most hits of a long log repeat the one before: they cost no more than a comparison.
        let Some(entry) = last else {
            self.note_lines(found, now.at(), now.at(), vec![now.line()]);
            return;
        };
        let count = found.count + owed(&mut self.owed, found.code);
        entry.count += count;
        entry.updated = self.order;
        entry.severity = entry.severity.max(found.severity);
        entry.weak &= found.weak;
        entry.last.set(now.stamp);
        if intended::can_explain(entry.code) && entry.marks.len() < MOST_MARKS {
            entry.marks.push(Mark { order: self.order, at: now.at(), count });
        }
        if entry.lines.len() < MOST_LINES {
            entry.lines.push(now.line());
        }
    }

    /// Records a finding that several lines make together.
    pub(super) fn note_lines(&mut self, found: Found, first: At, last: At, mut lines: Vec<String>) {
        let key = (found.code, found.device.clone());
        let count = found.count + owed(&mut self.owed, found.code);
        if let Some(&at) = self.index.get(&key)
            && let Some(entry) = self.entries.get_mut(at)
        {
            self.last = Some(at);
            entry.updated = self.order;
            entry.count += count;
            entry.severity = entry.severity.max(found.severity);
            if intended::can_explain(entry.code) && entry.marks.len() < MOST_MARKS {
                entry.marks.push(Mark { order: self.order, at: last.clone(), count });
            }
            entry.last = last;
            entry.weak &= found.weak;
            lines.truncate(MOST_LINES.saturating_sub(entry.lines.len()));
            entry.lines.append(&mut lines);
            return;
        }
        if self.entries.len() >= MOST_INCIDENTS {
            return;
        }
        lines.truncate(MOST_LINES);
        self.index.insert(key, self.entries.len());
        self.last = Some(self.entries.len());
        let Found { code, severity, device, weak, .. } = found;
        let marks = if intended::can_explain(code) {
            vec![Mark { order: self.order, at: last.clone(), count }]
        } else {
            Vec::new()
        };
        self.entries.push(Entry {
            code,
            severity,
            device,
            count,
            first,
            last,
            lines,
            marks,
            weak,
            updated: self.order,
        });
    }

    /// Adds a line to the newest entry with one of these codes; `None` if there is none.
    pub(super) fn more(&mut self, codes: &[Code], now: &Now<'_>) -> Option<&mut Entry> {
        let entry = self.entries.iter_mut().rev().find(|entry| codes.contains(&entry.code))?;
        entry.last = now.at();
        if entry.lines.len() < MOST_LINES {
            entry.lines.push(now.line());
        }
        Some(entry)
    }

    /// Adds repetitions that the kernel did not print to the entry with one of these codes that was printed last; if there is none, to
    /// the next one.
    pub(super) fn suppressed(&mut self, codes: &'static [Code], number: u64) {
        let entries = self.entries.iter_mut().filter(|entry| codes.contains(&entry.code));
        match entries.max_by_key(|entry| entry.updated) {
            Some(entry) => entry.count += number,
            None => self.owed = Some((codes, number)),
        }
    }

    /// Takes back an entry that a later line explains.
    pub(super) fn withdraw(&mut self, what: impl Fn(&Entry) -> bool) {
        self.entries.retain(|entry| !what(entry));
        self.index_again();
    }

    /// Drops the occurrences for which `keep` is false, with their lines; an entry without any left is removed.
    pub(super) fn keep(&mut self, keep: impl Fn(&Entry, &Mark) -> bool) {
        self.entries.retain_mut(|entry| {
            let kept: Vec<bool> = entry.marks.iter().map(|mark| keep(entry, mark)).collect();
            if kept.iter().all(|kept| *kept) {
                return true;
            }
            let gone: u64 = entry.marks.iter().zip(&kept).filter(|(_, kept)| !**kept).map(|(mark, _)| mark.count).sum();
            entry.count = entry.count.saturating_sub(gone);
            // An occurrence brings one line, until there are enough of them.
            let mut of_line = kept.iter().copied().chain(std::iter::repeat(true));
            entry.lines.retain(|_| of_line.next().unwrap_or(true));
            let mut of_mark = kept.iter().copied();
            let all_known = entry.marks.len() < MOST_MARKS;
            entry.marks.retain(|_| of_mark.next().unwrap_or(true));
            if let (Some(first), Some(last)) = (entry.marks.first(), entry.marks.last()) {
                entry.first = first.at.clone();
                if all_known {
                    entry.last = last.at.clone();
                }
            }
            entry.count > 0
        });
        self.index_again();
    }

    fn index_again(&mut self) {
        let places = self.entries.iter().enumerate();
        self.index = places.map(|(at, entry)| ((entry.code, entry.device.clone()), at)).collect();
        self.last = None;
    }

    pub(super) fn has(&self, code: Code) -> bool {
        self.entries.iter().any(|entry| entry.code == code)
    }
}

/// Takes the repetitions that are owed to a code.
fn owed(owed: &mut Option<(&'static [Code], u64)>, code: Code) -> u64 {
    owed.take_if(|(codes, _)| codes.contains(&code)).map_or(0, |(_, number)| number)
}
