//! From a log to incidents.

use std::sync::LazyLock;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::book::{Book, Found, Now};
use super::code::{Code, Severity};
use super::intended::Intended;
use super::join::{Joiner, Record};
use super::pattern::Patterns;
use super::record::{Line, Origin};
use super::rules::{self, Act, Name, Rule};
use super::stamp::Stamp;
use super::stories::{State, Story};
use super::wrapping::Wrapping;
use super::{chain, name, sel, stories};

/// A fault or event of one device, with the lines that report it.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// The kind of fault or event.
    pub code: Code,
    /// Severity: the worst of its lines.
    pub severity: Severity,
    /// The device as an operator names it; empty if no line names one.
    pub device: String,
    /// Occurrences, including repetitions that the kernel counted but did not print.
    pub count: u64,
    /// The stamp of its first line, as the log writes it; `None` for lines without one.
    pub first: Option<String>,
    /// The stamp of its last line; `None` for lines without one.
    pub last: Option<String>,
    /// The first of its lines, as evidence.
    pub lines: Vec<String>,
    /// The hardware behind `device` on the live machine (model, serial number, bay, interface); `None` for a saved log or if unknown.
    pub part: Option<String>,
}

impl Serialize for Incident {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Incident", 10 + usize::from(self.part.is_some()))?;
        fields.serialize_field("code", self.code.word())?;
        fields.serialize_field("kind", self.code.kind().word())?;
        fields.serialize_field("severity", &self.severity)?;
        fields.serialize_field("device", &self.device)?;
        fields.serialize_field("count", &self.count)?;
        fields.serialize_field("first", &self.first)?;
        fields.serialize_field("last", &self.last)?;
        fields.serialize_field("meaning", self.meaning())?;
        fields.serialize_field("next", self.next())?;
        fields.serialize_field("lines", &self.lines)?;
        if let Some(part) = &self.part {
            fields.serialize_field("part", part)?;
        }
        fields.end()
    }
}

struct Table {
    rules: Vec<&'static Rule>,
    patterns: Patterns,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let rules: Vec<&Rule> = rules::all().collect();
    Table { patterns: Patterns::new(rules.iter().map(|rule| rule.pattern)), rules }
});

/// Reads a log, line after line.
#[derive(Debug, Default)]
pub struct Judge {
    book: Book,
    state: State,
    intended: Intended,
    clock: Clock,
    wrapping: Wrapping,
    /// True once a line was read that only a log has.
    is_log: bool,
    seen: Vec<usize>,
}

impl Judge {
    /// Reads lines of a log of any form; may be called again for the next piece of the same log.
    pub fn read(&mut self, log: &str) {
        let log = self.wrapping.plain(log);
        self.lines(&log);
    }

    fn lines(&mut self, log: &str) {
        let mut joiner = Joiner::default();
        for line in log.lines() {
            if let Some(line) = Line::read(line) {
                self.is_log = self.is_log || line.is_of_a_log();
                joiner.take(&line, |record| self.record(&record));
            }
        }
        joiner.end(&mut |record| self.record(&record));
    }

    /// True if a line so far was one of a log. A text without any was not judged.
    #[must_use]
    pub fn has_read_a_log(&self) -> bool {
        self.is_log
    }

    /// The incidents of the log, the worst first.
    #[must_use]
    pub fn end(mut self) -> Vec<Incident> {
        let rest = self.wrapping.end();
        self.lines(&rest);
        self.intended.take_back(&mut self.book, &self.state.names);
        stories::end(&mut self.state, &mut self.book);
        chain::settle(self.book.entries, &self.state.names)
    }

    fn record(&mut self, record: &Record<'_>) {
        match record.origin {
            Origin::Program => {}
            Origin::Bmc => {
                let now = Now { text: &record.text, stamp: record.stamp };
                if let Some(found) = sel::line(&now) {
                    self.book.note(found, &now);
                }
            }
            Origin::Kernel | Origin::Same => {
                let shown = record.stamp.and_then(|stamp| self.clock.minute(&stamp));
                let stamp = record.stamp.map(|stamp| match &shown {
                    Some(shown) => Stamp { text: shown, ..self.clock.read(stamp, &record.text) },
                    None => self.clock.read(stamp, &record.text),
                });
                for text in record.text.split('\n') {
                    self.line(Now { text: text.trim(), stamp });
                }
            }
        }
    }

    fn line(&mut self, now: Now<'_>) {
        let Table { rules, patterns } = &*TABLE;
        let Self { book, state, intended, is_log, seen, .. } = self;
        book.order += 1;
        let order = book.order;
        patterns.each(now.text, seen, |index, found| {
            let act = rules[index].act;
            *is_log = true;
            // In a log without facilities, `name[pid]: ` begins a program's line. The kernel writes it only in lines about crashed programs.
            if !matches!(act, Act::Story(Story::Crash)) && is_of_a_program(now.text) {
                return false;
            }
            match act {
                Act::Harmless => {
                    state.names.learn(now.text);
                    true
                }
                Act::Meant(action, step) => {
                    state.names.learn(now.text);
                    intended.note((action, step), order, &now);
                    false
                }
                Act::Is(code, how) => simple((book, state), (code, code.severity()), how, found.name, &now),
                Act::As(code, severity, how) => simple((book, state), (code, severity), how, found.name, &now),
                Act::Story(story) => stories::tell(story, found.name, &now, book, state),
            }
        });
    }
}

/// Records an incident that one line reports; false leaves the line to the rules that follow.
fn simple(
    (book, state): (&mut Book, &mut State),
    (code, severity): (Code, Severity),
    how: Name,
    part: &str,
    now: &Now<'_>,
) -> bool {
    state.names.learn(now.text);
    let device = name::of(how, part, now.text);
    if how == Name::Ata && device.is_empty() || how == Name::Page && device.is_empty() {
        return false;
    }
    if how == Name::Disk && device.starts_with("sr") {
        return true;
    }
    book.note(Found::new(code, device).severity(severity), now);
    true
}

/// The start of the machine by the clock of the log: only so do stamps of the wall clock tell how long the machine had been running.
#[derive(Debug, Default)]
struct Clock {
    started: Option<f64>,
    /// The last minute that `dmesg -H` printed, and the seconds since then.
    minute: Option<(String, f64)>,
    passed: f64,
}

impl Clock {
    /// The minute before a step of `dmesg -H`, which writes the time once a minute and steps between; `None` of any other stamp.
    fn minute(&mut self, stamp: &Stamp<'_>) -> Option<String> {
        if !stamp.is_step() {
            let is_minute = stamp.since_boot.is_none() && stamp.text.split(':').count() == 2;
            self.minute = is_minute.then(|| (stamp.text.to_owned(), stamp.seconds));
            self.passed = 0.0;
            return None;
        }
        self.passed += stamp.step();
        self.minute.as_ref().map(|(minute, _)| format!("{minute} {:+.6}", self.passed))
    }

    /// Adds the time since the start to a stamp that has none, once the log has shown the start.
    fn read<'t>(&mut self, stamp: Stamp<'t>, text: &str) -> Stamp<'t> {
        if stamp.since_boot.is_some() {
            return stamp;
        }
        let stamp = match &self.minute {
            Some((_, minute)) if stamp.is_step() => Stamp { seconds: minute + self.passed, ..stamp },
            _ if stamp.is_step() => return stamp,
            _ => stamp,
        };
        if text.starts_with(BANNER) {
            self.started = Some(stamp.seconds);
        }
        let since_boot = self.started.map(|started| stamp.seconds - started).filter(|seconds| *seconds >= 0.0);
        Stamp { since_boot, ..stamp }
    }
}

/// The first line of each start. Source: `init/version-timestamp.c`.
const BANNER: &str = "Linux version ";

/// True if the text starts like a program's line: `name[12]: `.
fn is_of_a_program(text: &str) -> bool {
    let Some((head, _)) = text.split_once("]: ") else { return false };
    let Some((name, pid)) = head.split_once('[') else { return false };
    !name.is_empty() && !name.contains([' ', ':']) && !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit())
}

/// The incidents of a saved log.
#[must_use]
pub fn judge(log: &str) -> Vec<Incident> {
    let mut judge = Judge::default();
    judge.read(log);
    judge.end()
}
