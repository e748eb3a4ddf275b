//! Self-tests of a drive, in the same terms for every transport: what runs, what ran, what could run and for how long.

use std::time::Duration;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// All that a report tells of self-tests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct SelfTests {
    /// The test that runs now.
    pub running: Option<Running>,
    /// The end of the last test, where the drive tells it outside of the log (ATA's self-test execution status).
    pub last: Option<Outcome>,
    /// The log, newest first.
    pub log: Vec<Entry>,
    /// The log has been read, be it empty. smartctl before 7.4 cannot read `NVMe`'s, before 7.3 SCSI's is in the text only.
    pub log_read: bool,
    /// The ability to do short tests; unknown in much output.
    pub short: Ability,
    /// The ability to do extended tests.
    pub extended: Ability,
    /// The ability to do conveyance tests.
    pub conveyance: Ability,
}

/// A test that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Running {
    /// The kind of test, if the drive says so.
    pub kind: Option<Kind>,
    /// The part that is left, in percent: in steps of 10 for ATA, unknown for SCSI before smartctl 8.
    pub remaining: Option<u8>,
}

/// The knowledge of one kind of test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Ability {
    /// The drive can do it; `None` where the output does not say.
    pub supported: Option<bool>,
    /// The drive's own estimate, in documents in seconds; `NVMe` gives none.
    #[serde(rename = "estimate_seconds", serialize_with = "seconds")]
    #[cfg_attr(test, schemars(with = "Option<u64>"))]
    pub estimate: Option<Duration>,
}

#[expect(clippy::ref_option, reason = "serde hands a reference to the field")]
fn seconds<S: Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs()).serialize(to)
}

/// A kind of test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Minutes at most.
    Short,
    /// The whole surface: hours.
    Extended,
    /// Damage in transport; some ATA drives.
    Conveyance,
    /// A part of the surface, which only who ran it knows.
    Selective,
    /// Anything else: offline collection, a vendor's own …
    Other,
}

/// The end of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The test ended without an error.
    Passed,
    /// The drive found itself defective.
    Failed,
    /// Someone ended it, or it was interrupted: neither good nor bad.
    Aborted,
    /// The test has not ended.
    Running,
    /// The drive gives a number that means nothing.
    Unknown,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Entry {
    /// The kind of test.
    pub kind: Option<Kind>,
    /// The end of the test.
    pub outcome: Outcome,
    /// smartctl's words for how it ended.
    pub text: String,
    /// Power-on hours at the time; ATA's wrap at 65536.
    pub hours: Option<u64>,
    /// The first sector that could not be read.
    pub lba: Option<u64>,
    /// The part of the test that failed (`NVMe`, SCSI).
    pub segment: Option<u64>,
    /// The namespace that was tested; none for all of them.
    pub namespace: Option<u64>,
    /// Its place in the drive's log, as the drive or smartctl numbers it.
    pub place: Option<u64>,
}

impl Entry {
    /// An entry of which nothing else is known.
    #[must_use]
    pub fn of(kind: Option<Kind>, outcome: Outcome, text: &str) -> Self {
        let text = text.to_owned();
        Entry { kind, outcome, text, hours: None, lba: None, segment: None, namespace: None, place: None }
    }

    /// Whether this passed test shows that what a failed one found is gone. Only a test of the whole surface does for every other one;
    /// a short or conveyance test only for its like; a selective or vendor's test for nothing, since nobody knows where it looked.
    #[must_use]
    pub fn refutes(&self, failed: &Entry) -> bool {
        let same = self.kind == failed.kind && !matches!(self.kind, Some(Kind::Other | Kind::Selective));
        self.outcome == Outcome::Passed && (self.kind == Some(Kind::Extended) || same)
    }
}

impl SelfTests {
    /// The newest entry of a test that has ended.
    #[must_use]
    pub fn newest(&self) -> Option<&Entry> {
        self.log.iter().find(|entry| entry.outcome != Outcome::Running)
    }

    /// The newest entry that says whether the drive is good: what was aborted does not.
    #[must_use]
    pub fn newest_conclusive(&self) -> Option<&Entry> {
        self.log.iter().find(|entry| matches!(entry.outcome, Outcome::Passed | Outcome::Failed))
    }

    /// What is known of a kind of test.
    #[must_use]
    pub fn ability(&self, kind: Kind) -> Ability {
        match kind {
            Kind::Short => self.short,
            Kind::Extended => self.extended,
            Kind::Conveyance => self.conveyance,
            Kind::Selective | Kind::Other => Ability::default(),
        }
    }

    /// Notes ATA's self-test execution status: the upper four bits are the outcome, the lower ones tenths that remain.
    pub(super) fn note_ata_status(&mut self, value: u64) {
        let outcome = ata_outcome(value);
        if outcome == Outcome::Running {
            self.running = Some(Running { kind: None, remaining: u8::try_from((value & 15) * 10).ok() });
        } else {
            self.last = Some(outcome);
        }
    }

    /// Takes from another view of the same call what this one does not know.
    pub(super) fn fill_from(&mut self, other: SelfTests) {
        self.running = self.running.or(other.running);
        self.last = self.last.or(other.last);
        self.log_read |= other.log_read;
        if self.log.is_empty() {
            self.log = other.log;
        }
        let pairs = [
            (&mut self.short, other.short),
            (&mut self.extended, other.extended),
            (&mut self.conveyance, other.conveyance),
        ];
        for (mine, theirs) in pairs {
            mine.supported = mine.supported.or(theirs.supported);
            mine.estimate = mine.estimate.or(theirs.estimate);
        }
    }
}

/// The outcome in ATA's status byte.
pub(super) fn ata_outcome(value: u64) -> Outcome {
    match value >> 4 {
        0 => Outcome::Passed,
        1 | 2 => Outcome::Aborted,
        3..=8 => Outcome::Failed,
        15 => Outcome::Running,
        _ => Outcome::Unknown,
    }
}

/// The outcome of an entry of ATA's log with so many percent left. No test has more than all of it left: such an entry was never one,
/// unless it is of a test that everybody knows and that failed.
pub(super) fn possible(kind: Option<Kind>, outcome: Outcome, left: u64) -> Outcome {
    let is_known = !matches!(kind, Some(Kind::Other));
    if left <= 100 || outcome == Outcome::Failed && is_known { outcome } else { Outcome::Unknown }
}

/// The outcome in `NVMe`'s result field.
pub(super) fn nvme_outcome(value: u64) -> Outcome {
    match value {
        0 => Outcome::Passed,
        1..=4 | 8 | 9 => Outcome::Aborted,
        5..=7 => Outcome::Failed,
        _ => Outcome::Unknown,
    }
}

/// The outcome in SCSI's result field (SPC, self-test results log page).
pub(super) fn scsi_outcome(value: u64) -> Outcome {
    match value {
        0 => Outcome::Passed,
        1 | 2 => Outcome::Aborted,
        3..=7 => Outcome::Failed,
        15 => Outcome::Running,
        _ => Outcome::Unknown,
    }
}

/// The kind of test in smartctl's words: `Extended offline`, `Background short`, `Short captive` …
pub(super) fn kind_of(text: &str) -> Kind {
    let text = text.to_ascii_lowercase();
    let is = |word| text.contains(word);
    match () {
        () if is("conveyance") => Kind::Conveyance,
        () if is("selective") => Kind::Selective,
        () if is("extended") || is("long") => Kind::Extended,
        () if is("short") => Kind::Short,
        () => Kind::Other,
    }
}

/// The outcome in smartctl's words, which are much the same for all transports.
pub(super) fn outcome_of(text: &str) -> Outcome {
    let text = text.trim().to_ascii_lowercase();
    let has = |word| text.contains(word);
    match () {
        () if has("in progress") => Outcome::Running,
        () if has("abort") || has("interrupted") => Outcome::Aborted,
        () if has("fail") || has("fatal") || has("damage") || has("unknown error") => Outcome::Failed,
        () if text == "completed" || text.starts_with("completed without error") => Outcome::Passed,
        () => Outcome::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(outcome: Outcome) -> Entry {
        Entry { outcome, ..Entry::of(Some(Kind::Short), Outcome::Passed, "") }
    }

    #[test]
    fn an_aborted_test_says_nothing_of_the_drive() {
        let log =
            vec![entry(Outcome::Running), entry(Outcome::Aborted), entry(Outcome::Failed), entry(Outcome::Passed)];
        let tests = SelfTests { log, ..SelfTests::default() };
        assert_eq!(tests.newest().map(|entry| entry.outcome), Some(Outcome::Aborted));
        assert_eq!(tests.newest_conclusive().map(|entry| entry.outcome), Some(Outcome::Failed));
    }

    #[test]
    fn the_status_byte_of_ata_holds_outcome_and_tenths() {
        let mut tests = SelfTests::default();
        tests.note_ata_status(0xf9);
        assert_eq!(tests.running, Some(Running { kind: None, remaining: Some(90) }));
        tests.note_ata_status(121);
        assert_eq!(tests.last, Some(Outcome::Failed));
        assert_eq!([0x10, 0x21, 0x30, 0x80, 0x90].map(ata_outcome), {
            use Outcome::{Aborted, Failed, Unknown};
            [Aborted, Aborted, Failed, Failed, Unknown]
        });
    }

    #[test]
    fn words_say_the_same_as_numbers() {
        for text in ["Completed: read failure", "Fatal or unknown error", "Completed: handling damage??"] {
            assert_eq!(outcome_of(text), Outcome::Failed, "{text}");
        }
        for text in ["Failed in segment -->", "Unknown error, incomplete", "Completed, segment failed"] {
            assert_eq!(outcome_of(text), Outcome::Failed, "{text}");
        }
        for text in ["Aborted by host", "Interrupted (host reset)", "Aborted (by user command)"] {
            assert_eq!(outcome_of(text), Outcome::Aborted, "{text}");
        }
        assert_eq!(outcome_of("Completed"), Outcome::Passed);
        assert_eq!(outcome_of("Vendor (0x9)"), Outcome::Unknown);
    }
}
