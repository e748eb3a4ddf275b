//! The drives' own word: that one begins to fail is told by no news of the kernel, so they are asked now and then.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::sync::{self, Sync};
use super::notice::{Noticed, note};
use super::schedule::Looked;
use crate::disk::{self, Disks, Noted, RULES, Reason, Rule, Session, Severity, Tested, Verdict};
use crate::event::EventType;
use crate::host::Host;
use crate::journal::Store;

/// Where the journal keeps what was told of drives.
pub(super) const FACT: &str = "troubled drives";
/// A drive that was well for so long, or away, is told anew: one at its temperature limit is not told at each turn.
const FORGIVEN: i64 = 86_400;
/// Of many reasons the gravest are told.
const TOLD_REASONS: usize = 3;

/// Asks every drive that does not sleep how it is, and puts on record what is new: the region hears of it with the next look for
/// changes, which [`Looked::changed`] asks for.
///
/// # Errors
/// When the journal cannot be used.
pub async fn look_at_drives(sync: &Sync, session: &Session) -> Result<Looked, sync::Error> {
    let mut tested = session.test_all().await;
    tested.retain(|one| !was_pulled_out(one, session, &sync.host));
    if sync.stop.is_cancelled() {
        return Ok(Looked::default());
    }
    let read = sync.journal.with(FACT, |store| store.read_fact(FACT)).await.ok_or(sync::Error::NoJournal)?;
    let mut troubled: Troubled = read.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    troubled.say_obstacle(session);
    for one in tested.iter().filter(|one| one.verdict == Verdict::Error) {
        tracing::info!(drive = one.target.name, "not judged: {}", one.reason().unwrap_or_default());
    }
    remember(sync, &tested).await;
    let noticed = troubled.judge(&tested, &sync.node(), Timestamp::now().as_second());
    let changed = !noticed.is_empty();
    note(sync, FACT, serde_json::to_string(&troubled).unwrap_or_default(), noticed).await?;
    Ok(Looked { changed, ..Looked::default() })
}

/// Adds what the drives count to their histories, which `shakedown disk show` draws.
async fn remember(sync: &Sync, tested: &[Tested]) {
    let judged = tested.iter().filter(|one| one.verdict != Verdict::Error);
    let noted: Vec<Noted> = judged.filter_map(|one| Noted::of(one.report.as_ref()?)).collect();
    let write = move |store: &mut Store| noted.iter().try_for_each(|noted| disk::note(store, noted));
    if sync.journal.with("the histories of drives", write).await.is_none() {
        tracing::warn!("what the drives count now is not kept: their histories have a gap");
    }
}

/// Whether a drive that failed is no longer there: one that is pulled out while it answers may seem to be failing.
fn was_pulled_out(one: &Tested, session: &Session, host: &Host) -> bool {
    let lists = |disks: &Disks| disks.targets.iter().any(|target| target.name == one.target.name);
    one.verdict == Verdict::Failed && lists(&session.disks) && !lists(&Disks::of(host))
}

/// What was told.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Troubled {
    /// Of drives, by what they are.
    pub(super) drives: BTreeMap<String, Trouble>,
    /// What was counted when it was told, or first seen, by drive and reason.
    #[serde(default)]
    counts: BTreeMap<String, BTreeMap<String, Count>>,
    /// Why none of them can be asked.
    obstacle: Option<String>,
}

/// A number that gets worse by growing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Count {
    number: u64,
    /// In seconds since the Unix epoch.
    at: i64,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Trouble {
    /// It was told to fail, not only that something counts against it.
    pub(super) is_failing: bool,
    /// Since when it does not say so any more, or is away, in seconds since the Unix epoch.
    pub(super) better_since: Option<i64>,
}

impl Troubled {
    /// Says once in the service's log that the drives are not watched, and why.
    fn say_obstacle(&mut self, session: &Session) {
        let obstacle = session.smartctl.as_ref().err().filter(|_| !session.disks.targets.is_empty());
        let text = obstacle.map(ToString::to_string);
        if let Some(error) = obstacle.filter(|_| self.obstacle != text) {
            tracing::warn!(next_step = error.next_step(), "the health of the disks is not watched: {error}");
        }
        self.obstacle = text;
    }

    /// What is new: a drive that got into trouble or into worse, and one that has come out of it.
    fn judge(&mut self, tested: &[Tested], node: &str, now: i64) -> Vec<Noticed> {
        let mut noticed = Vec::new();
        let mut seen = Vec::new();
        for one in tested {
            let key = key(one);
            let worse = self.grown(&key, one, now);
            let known = self.drives.get(&key);
            match one.verdict {
                Verdict::Failed | Verdict::Degraded => {
                    let is_failing = one.verdict == Verdict::Failed;
                    if known.is_none_or(|known| is_failing && !known.is_failing) {
                        noticed.push(trouble(one, node));
                    } else if !worse.is_empty() {
                        noticed.push(got_worse(one, node, &worse));
                    }
                    // One that was failing stays told as that until it is well.
                    let is_failing = is_failing || known.is_some_and(|known| known.is_failing);
                    self.drives.insert(key.clone(), Trouble { is_failing, better_since: None });
                    seen.push(key);
                }
                Verdict::Healthy if worse.is_empty() && known.is_some_and(|known| known.is_over(now)) => {
                    self.drives.remove(&key);
                    let text = format!("{} has been well for a day on node {node}", named(one));
                    noticed.push(Noticed { action: "recovered", kind: KIND, text, is_failure: false });
                }
                // A drive that was not judged is as it was told.
                Verdict::Error | Verdict::NotSupported => seen.push(key),
                Verdict::Healthy if !worse.is_empty() => noticed.push(got_worse(one, node, &worse)),
                Verdict::Healthy => {}
            }
        }
        self.drives.retain(|key, trouble| seen.contains(key) || !trouble.is_over(now));
        for (_, trouble) in self.drives.iter_mut().filter(|(key, _)| !seen.contains(key)) {
            trouble.better_since.get_or_insert(now);
        }
        noticed
    }
}

impl Troubled {
    /// What got worse since it was told or first seen, each with the number of then: a number that grew, one that crossed a limit of wear,
    /// and what counts against the drive and was not there. A drive that is seen for the first time has no past; one that grows at each
    /// look is told when it doubles, and once a day.
    fn grown<'a>(&mut self, key: &str, one: &'a Tested, now: i64) -> Vec<(&'a Reason, Option<u64>)> {
        let is_judged = matches!(one.verdict, Verdict::Healthy | Verdict::Degraded | Verdict::Failed);
        let Some(health) = one.health.as_ref().filter(|_| is_judged) else { return Vec::new() };
        let is_known = self.counts.contains_key(key);
        let counts = self.counts.entry(key.to_owned()).or_default();
        let mut worse = Vec::new();
        for reason in &health.reasons {
            let Some(rule) = RULES.iter().find(|rule| rule.code == reason.code) else { continue };
            let name = format!("{} {}", reason.code, reason.subject.as_deref().unwrap_or_default());
            let told = counts.get(&name).copied();
            let step = if rule.grown.is_some() { growth(told, reason, now) } else { crossing(told, rule, reason, now) };
            let Some(step) = step else { continue };
            if is_known && step.is_worse {
                worse.push((reason, step.before));
            }
            counts.insert(name, step.count);
        }
        worse
    }
}

/// The state of a reason that is kept from now on, and true if it got worse.
struct Step {
    is_worse: bool,
    before: Option<u64>,
    count: Count,
}

/// Of a number whose growth counts.
fn growth(told: Option<Count>, reason: &Reason, now: i64) -> Option<Step> {
    let number = reason.number?;
    let before = told.map_or(0, |told| told.number);
    let is_time =
        told.is_none_or(|told| number >= told.number.saturating_mul(2) || now.saturating_sub(told.at) >= FORGIVEN);
    let is_worse = number > before && is_time;
    // A number that is less was set back, and counts from there.
    let is_kept = told.is_none() || is_worse || number < before;
    is_kept.then_some(Step { is_worse, before: Some(before), count: Count { number, at: now } })
}

/// Of what counts against the drive whatever its number: that it is there at all, and again at the next limit of wear. What was there
/// within a day is not new.
fn crossing(told: Option<Count>, rule: &Rule, reason: &Reason, now: i64) -> Option<Step> {
    if !matches!(reason.severity, Severity::Degraded | Severity::Failed) {
        return None;
    }
    let number = reason.number.unwrap_or_default();
    let crossed = |told: Count| rule.again.is_some_and(|limit| told.number < limit && number >= limit);
    let is_worse = told.is_none_or(|told| crossed(told) || now.saturating_sub(told.at) >= FORGIVEN);
    let before = told.filter(|told| crossed(*told)).map(|told| told.number);
    Some(Step { is_worse, before, count: Count { number, at: now } })
}

/// A drive that is known to be degraded, or that was well, and counts more than when it was told.
fn got_worse(one: &Tested, node: &str, worse: &[(&Reason, Option<u64>)]) -> Noticed {
    let said = |(reason, before): &(&Reason, Option<u64>)| {
        let before = before.map_or_else(|| "not there before".to_owned(), |before| format!("{before} before"));
        format!("{} ({}, {before})", reason.meaning, reason.seen)
    };
    let said: Vec<String> = worse.iter().take(TOLD_REASONS).map(said).collect();
    let next = worse.first().map(|(reason, _)| {
        let rule = RULES.iter().find(|rule| rule.code == reason.code);
        rule.and_then(|rule| rule.grown).map_or(reason.next, |grown| grown.next)
    });
    let next = next.unwrap_or("test it in depth");
    let text = format!("{} got worse on node {node}: {}. Next: {next}", named(one), said.join("; "));
    Noticed { action: "worse", kind: KIND, text, is_failure: false }
}

impl Trouble {
    fn is_over(&self, now: i64) -> bool {
        self.better_since.is_some_and(|since| now.saturating_sub(since) >= FORGIVEN)
    }
}

const KIND: EventType = EventType::NODE_HARDWARE_SYNC_BLOCK_DEVICE;

/// The drive itself where it says who it is, whatever its name is today.
fn key(one: &Tested) -> String {
    let serial = one.serial();
    let unit = one.report.as_ref().and_then(|report| report.identity.wwn.as_deref()).unwrap_or_default();
    let drive = || format!("{} {serial} {unit}", one.model()).trim_end().to_owned();
    if serial.trim().is_empty() { one.target.disk.identity.clone() } else { drive() }
}

/// As the events of changes name it, with what tells it from its neighbours.
fn named(one: &Tested) -> String {
    let name = one.target.name.strip_prefix("/dev/").unwrap_or(&one.target.name);
    match (one.model(), one.serial()) {
        (model, serial) if serial.trim().is_empty() => format!("block device {name} ({model})"),
        (model, serial) => format!("block device {name} ({model}, serial number {serial})"),
    }
}

fn trouble(one: &Tested, node: &str) -> Noticed {
    let is_failure = one.verdict == Verdict::Failed;
    let (action, does) = if is_failure { ("failing", "is failing") } else { ("degraded", "is degraded") };
    let reasons = one.health.iter().flat_map(|health| &health.reasons);
    let against = reasons.filter(|reason| matches!(reason.severity, Severity::Failed | Severity::Degraded));
    let against: Vec<String> =
        against.take(TOLD_REASONS).map(|reason| format!("{} ({})", reason.meaning, reason.seen)).collect();
    let (_, next) = one.details().into_iter().next().unwrap_or_default();
    let text = format!("{} {does} on node {node}: {}. Next: {next}", named(one), against.join("; "));
    Noticed { action, kind: KIND, text, is_failure }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Disks, Ending, State};
    use crate::host::Host;

    /// A drive as it was judged.
    fn drive(serial: &str, verdict: Verdict) -> Tested {
        let tree = tempfile::tempdir().expect("a temporary directory");
        let mut target =
            Disks::of(&Host::at(tree.path())).find("/dev/bus/0:megaraid,1").expect("a disk behind a controller");
        target.disk.serial = serial.to_owned();
        Tested {
            target,
            verdict,
            health: None,
            report: None,
            text: String::new(),
            self_test: Ending { state: State::NotAsked, reason: String::new() },
            problem: None,
            also: Vec::new(),
            runtime: std::time::Duration::ZERO,
        }
    }

    /// What is told at each turn, an hour apart, in one word each.
    fn story(turns: &[&[Tested]]) -> Vec<String> {
        let mut troubled = Troubled::default();
        let told = turns.iter().zip(1..).map(|(tested, hour)| {
            let noticed = troubled.judge(tested, "abc123", hour * 3600);
            noticed.iter().map(|one| one.action).collect::<Vec<_>>().join(" ")
        });
        told.collect()
    }

    fn count(told: &[String], word: &str) -> usize {
        told.iter().filter(|one| *one == word).count()
    }

    #[test]
    fn each_drive_is_told_by_itself_and_only_when_it_gets_worse() {
        use Verdict::{Degraded, Error, Failed, Healthy};
        let told = story(&[
            &[drive("A", Healthy), drive("B", Degraded)],
            &[drive("A", Degraded), drive("B", Degraded)],
            &[drive("A", Failed), drive("B", Error)],
            &[drive("A", Degraded), drive("B", Failed)],
            &[drive("A", Failed), drive("B", Failed)],
        ]);
        assert_eq!(told, ["degraded", "degraded", "failing", "failing", ""]);
    }

    #[test]
    fn a_drive_at_its_limit_is_not_told_at_each_turn_and_is_well_after_a_day() {
        use Verdict::{Degraded, Healthy};
        let mut turns: Vec<Vec<Tested>> = Vec::new();
        for hour in 0..40 {
            turns.push(vec![drive("A", if hour % 2 == 0 { Degraded } else { Healthy })]);
        }
        turns.extend((0..40).map(|_| vec![drive("A", Healthy)]));
        turns.push(vec![drive("A", Degraded)]);
        let told = story(&turns.iter().map(Vec::as_slice).collect::<Vec<_>>());
        assert_eq!((count(&told, "degraded"), count(&told, "recovered")), (2, 1), "{told:?}");
        assert_eq!(told[39 + 24], "recovered", "{told:?}");
    }

    /// A degraded drive with so many pending sectors, or a healthy one with so many errors of its cable.
    fn counting(verdict: Verdict, id: u64, raw: u64) -> Tested {
        let document = format!(
            r#"{{"smartctl":{{"version":[7,4],"exit_status":0}},"device":{{"name":"/dev/sda","protocol":"ATA"}},"rotation_rate":7200,
            "smart_status":{{"passed":true}},"ata_smart_attributes":{{"table":[{{"id":{id},"name":"Counted","value":100,"thresh":0,
            "raw":{{"value":{raw},"string":"{raw}"}}}}]}}}}"#
        );
        let report = crate::disk::parse(document.as_bytes()).expect("a report");
        let health = crate::disk::judge(&report, &crate::disk::Policy::default(), None);
        Tested { health: Some(health), report: Some(report), ..drive("A", verdict) }
    }

    #[test]
    fn a_drive_that_gets_worse_is_told_again_and_not_at_each_turn() {
        let turns: Vec<Vec<Tested>> =
            [1, 1, 2, 3, 500, 500].map(|raw| vec![counting(Verdict::Degraded, 197, raw)]).into();
        let told = story(&turns.iter().map(Vec::as_slice).collect::<Vec<_>>());
        assert_eq!(told, ["degraded", "", "worse", "", "worse", ""]);
        let turns: Vec<Vec<Tested>> = [0, 3, 3, 2412].map(|raw| vec![counting(Verdict::Healthy, 199, raw)]).into();
        let told = story(&turns.iter().map(Vec::as_slice).collect::<Vec<_>>());
        assert_eq!(told, ["", "worse", "", "worse"], "errors of the cable");
    }

    /// A drive whose rated endurance is used in so many percent, and whose warning of temperature is set or not.
    fn worn(used: u64, hot: bool) -> Tested {
        let bits = if hot { 2 } else { 0 };
        let document = format!(
            r#"{{"smartctl":{{"version":[7,5],"exit_status":0}},"device":{{"name":"/dev/nvme0","protocol":"NVMe"}},
            "smart_status":{{"passed":true}},"nvme_smart_health_information_log":{{"critical_warning":{bits},"available_spare":100,
            "available_spare_threshold":10,"percentage_used":{used},"media_errors":0}}}}"#
        );
        let report = crate::disk::parse(document.as_bytes()).expect("a report");
        let health = crate::disk::judge(&report, &crate::disk::Policy::default(), None);
        let verdict = health.verdict;
        Tested { health: Some(health), report: Some(report), ..drive("A", verdict) }
    }

    #[test]
    fn wear_is_told_at_each_of_its_limits_and_a_new_reason_once() {
        let turns: Vec<Vec<Tested>> =
            [(80, false), (91, false), (95, false), (100, false), (104, false), (104, true), (104, false), (104, true)]
                .map(|(used, hot)| vec![worn(used, hot)])
                .into();
        let told = story(&turns.iter().map(Vec::as_slice).collect::<Vec<_>>());
        assert_eq!(told, ["", "degraded", "", "worse", "", "worse", "", ""]);
    }

    #[test]
    fn what_got_worse_is_told_with_before_and_after() {
        let mut troubled = Troubled::default();
        let mut told = Vec::new();
        for (turn, raw) in [(1, 1), (2, 500)] {
            told = troubled.judge(&[counting(Verdict::Degraded, 197, raw)], "abc123", turn * 3600);
        }
        assert!(told[0].text.contains("raw 500, 1 before"), "{}", told[0].text);
    }

    #[test]
    fn a_drive_that_is_away_for_a_day_is_forgotten_without_a_word() {
        let mut turns = vec![vec![drive("A", Verdict::Failed)]];
        turns.extend((0..5).map(|_| Vec::new()));
        turns.push(vec![drive("A", Verdict::Failed)]);
        turns.extend((0..30).map(|_| Vec::new()));
        turns.push(vec![drive("A", Verdict::Failed)]);
        let told = story(&turns.iter().map(Vec::as_slice).collect::<Vec<_>>());
        assert_eq!((count(&told, "failing"), count(&told, "")), (2, turns.len() - 2), "{told:?}");
    }
}
