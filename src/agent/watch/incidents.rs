//! Faults that a deployed machine reports itself: kernel log and counters, read now and then. Each fault is reported once; those from before
//! the first look are reported together, as no news.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::sync::{self, Sync};
use super::notice::{Noticed, note};
use super::schedule::Looked;
use crate::diagnosis::{Incident, Judge, Kind, Parts, Severity, Snapshot};
use crate::event::EventType;
use crate::host::Host;

/// Where the journal keeps what was told.
const FACT: &str = "told incidents";
/// A fault that was not seen for so many days is told anew.
const FORGOTTEN: i64 = 30;
/// Most faults of one look that are told one by one; more are told as a number.
const MOST: usize = 8;
const DAY: i64 = 86_400;

/// Reads the kernel's log since the start and the counters, and puts on record what is new of severity error and above: the region hears
/// of it with the next look for changes, which [`Looked::changed`] asks for.
///
/// # Errors
/// When the journal cannot be used.
pub async fn look_at_incidents(sync: &Sync) -> Result<Looked, sync::Error> {
    let host = sync.host.clone();
    let Ok(said) = tokio::task::spawn_blocking(move || said(&host)).await else { return Ok(Looked::default()) };
    let read = sync.journal.with(FACT, |store| store.read_fact(FACT)).await.ok_or(sync::Error::NoJournal)?;
    let before = read.unwrap_or_default();
    let mut told: Told = serde_json::from_str(&before).unwrap_or_default();
    told.say_obstacle(said.obstacle.as_deref());
    let today = Timestamp::now().as_second() / DAY;
    let noticed = if before.is_empty() {
        told.begin(&said.incidents, &sync.node()).into_iter().collect()
    } else {
        told.judge(&said.incidents, &sync.node(), today)
    };
    let text = serde_json::to_string(&told).unwrap_or_default();
    let changed = !noticed.is_empty();
    if changed || text != before {
        note(sync, FACT, text, noticed).await?;
    }
    Ok(Looked { changed, ..Looked::default() })
}

/// Incidents of a machine, and the reason if its log cannot be read.
struct Said {
    incidents: Vec<Incident>,
    /// Why the kernel's log is not read; `None` if it was.
    obstacle: Option<String>,
}

fn said(host: &Host) -> Said {
    let mut judge = Judge::default();
    let read = host.kernel_log().and_then(|mut log| {
        while let Some(record) = log.next_record()? {
            judge.read(&record);
        }
        Ok(())
    });
    let mut incidents = judge.end();
    incidents.extend(Snapshot::read(host).since_start());
    incidents.retain(|incident| incident.severity >= Severity::Error);
    if !incidents.is_empty() {
        Parts::read(host).name(&mut incidents);
    }
    Said { incidents, obstacle: read.err().map(|error| error.to_string()) }
}

/// Record of the faults that were reported.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    /// The day, counted from the Unix epoch, on which a fault was last seen, by code and device.
    faults: BTreeMap<String, i64>,
    /// Faults from before the first look, by code and device: how often, and the last time as the log has it. Nothing of them is new before
    /// one of these changes.
    #[serde(default)]
    earlier: BTreeMap<String, (u64, Option<String>)>,
    /// Why the kernel's log could not be read.
    obstacle: Option<String>,
}

impl Told {
    /// Logs once that the kernel's log is not watched, with the reason.
    fn say_obstacle(&mut self, obstacle: Option<&str>) {
        if let Some(error) = obstacle.filter(|error| self.obstacle.as_deref() != Some(error)) {
            tracing::warn!(
                error,
                "what the kernel says is not watched: its log is not readable; the counters are read"
            );
        }
        self.obstacle = obstacle.map(str::to_owned);
    }

    /// Takes what the machine said before anybody watched it, and tells that in one line: an operator who starts to watch an old machine wants to
    /// know it, and no alarm for each line of last year.
    fn begin(&mut self, incidents: &[Incident], node: &str) -> Option<Noticed> {
        let mark = |incident: &Incident| (key(incident), (incident.count, incident.last.clone()));
        self.earlier = incidents.iter().map(mark).collect();
        let named: Vec<String> = incidents.iter().take(MOST).map(short).collect();
        let more = incidents.len().saturating_sub(MOST);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let text = format!(
            "before it was watched, the machine had reported on node {node}: {}{more}. `shakedown diagnose` there tells what that means; from \
             now on what is new is told",
            named.join(", ")
        );
        (!named.is_empty()).then_some(Noticed { action: "incident", kind: EventType::NODE, text, is_failure: false })
    }

    /// True if a fault is as it was before the first look. One that came again since then is new.
    fn is_earlier(&mut self, incident: &Incident) -> bool {
        let key = key(incident);
        let is_same = |(count, last): &(u64, Option<String>)| incident.count <= *count && incident.last == *last;
        let is_earlier = self.earlier.get(&key).is_some_and(is_same);
        if !is_earlier {
            self.earlier.remove(&key);
        }
        is_earlier
    }

    /// The faults that were not told.
    fn judge(&mut self, incidents: &[Incident], node: &str, today: i64) -> Vec<Noticed> {
        self.faults.retain(|_, seen| today.saturating_sub(*seen) < FORGOTTEN);
        let mut new: Vec<&Incident> = Vec::new();
        for incident in incidents {
            if !self.is_earlier(incident) && self.faults.insert(key(incident), today).is_none() {
                new.push(incident);
            }
        }
        let more = new.len().saturating_sub(MOST);
        let mut noticed: Vec<Noticed> = new.iter().take(MOST).map(|incident| fault(incident, node)).collect();
        if more > 0 {
            let text = format!(
                "the machine reported {more} more faults on node {node}: `shakedown diagnose` there names them"
            );
            noticed.push(Noticed { action: "incident", kind: EventType::NODE, text, is_failure: true });
        }
        noticed
    }
}

/// Code and device; of a program its name without its number, which is another each time.
fn key(incident: &Incident) -> String {
    let device = incident.device.as_str();
    let program = device.strip_suffix(']').and_then(|rest| rest.rsplit_once('['));
    let numbered = program.filter(|(_, pid)| !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit()));
    format!("{} {}", incident.code.word(), numbered.map_or(device, |(name, _)| name))
}

/// `memory-uncorrected of CPU0_DIMM_A1 (2 times)`
fn short(incident: &Incident) -> String {
    format!("{}{} ({})", incident.code.word(), of_device(incident), times(incident.count))
}

fn of_device(Incident { device, part, .. }: &Incident) -> String {
    let part = part.as_ref().map(|part| format!(" ({part})")).unwrap_or_default();
    if device.is_empty() { String::new() } else { format!(" of {device}{part}") }
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

fn fault(incident: &Incident, node: &str) -> Noticed {
    let Incident { code, count, .. } = incident;
    let text = format!(
        "the machine reported {}{} on node {node}, {} since it was started: {}. Next: {}",
        code.word(),
        of_device(incident),
        times(*count),
        incident.meaning(),
        incident.next()
    );
    Noticed { action: "incident", kind: event_type(code.kind()), text, is_failure: true }
}

/// The type of the region for hardware of this kind; what is about none of it is about the node.
fn event_type(kind: Kind) -> EventType {
    match kind {
        Kind::Cpu => EventType::NODE_HARDWARE_SYNC_CPU,
        Kind::Memory => EventType::NODE_HARDWARE_SYNC_MEMORY,
        Kind::Pcie | Kind::Gpu => EventType::NODE_HARDWARE_SYNC_PCI_DEVICE,
        Kind::Disk => EventType::NODE_HARDWARE_SYNC_BLOCK_DEVICE,
        Kind::Network => EventType::NODE_HARDWARE_SYNC_INTERFACE,
        Kind::Usb => EventType::NODE_HARDWARE_SYNC_USB_DEVICE,
        Kind::Thermal | Kind::Power | Kind::Kernel | Kind::Script | Kind::Firmware => EventType::NODE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::judge;

    const UNCORRECTED: &str = "[9.0] EDAC MC0: 2 UE memory read error on CPU0_DIMM_A1 (channel:0 slot:0 page:0x1)\n";
    const OUT_OF_MEMORY: &str = "[9.0] Out of memory: Killed process 12 (chrome) total-vm:1kB, anon-rss:1kB\n";

    fn texts(told: &mut Told, log: &str, day: i64) -> Vec<String> {
        told.judge(&judge(log), "abc123", day).into_iter().map(|one| one.text).collect()
    }

    #[test]
    fn a_fault_is_told_once_and_anew_when_it_was_away_for_a_month() {
        let mut told = Told::default();
        let first = texts(&mut told, UNCORRECTED, 1);
        assert_eq!(
            first,
            [
                "the machine reported memory-uncorrected of CPU0_DIMM_A1 on node abc123, 2 times since it was started: memory returned data \
              that ECC could not correct. Next: replace the DIMM named; distrust everything computed since"
            ]
        );
        assert_eq!(texts(&mut told, UNCORRECTED, 20), [""; 0]);
        assert_eq!(texts(&mut told, "", 49), [""; 0]);
        assert_eq!(texts(&mut told, UNCORRECTED, 49), [""; 0], "it was seen 29 days before");
        assert_eq!(texts(&mut told, "", 79), [""; 0]);
        assert_eq!(texts(&mut told, UNCORRECTED, 79).len(), 1);
    }

    #[test]
    fn what_was_said_before_the_first_look_is_one_line_and_no_news_until_it_comes_again() {
        let mut told = Told::default();
        let first = told.begin(&judge(UNCORRECTED), "abc123").expect("a line");
        assert!(!first.is_failure);
        assert!(
            first.text.starts_with(
                "before it was watched, the machine had reported on node abc123: memory-uncorrected of CPU0_DIMM_A1 (2 times). "
            ),
            "{}",
            first.text
        );
        assert_eq!(texts(&mut told, UNCORRECTED, 1), [""; 0]);
        assert_eq!(texts(&mut told, &format!("{UNCORRECTED}{OUT_OF_MEMORY}"), 1).len(), 1, "another fault is new");
        let again = UNCORRECTED.replace("[9.0]", "[700.0]");
        assert_eq!(texts(&mut told, &format!("{UNCORRECTED}{again}"), 1).len(), 1, "it came again");
        assert_eq!(texts(&mut told, &format!("{UNCORRECTED}{again}"), 2), [""; 0], "and that was told");
        assert_eq!(Told::default().begin(&[], "abc123"), None, "a machine that said nothing is no news");
    }

    #[test]
    fn what_is_said_anew_after_a_restart_is_new() {
        let mut told = Told::default();
        told.begin(&judge(UNCORRECTED), "abc123");
        assert_eq!(texts(&mut told, &UNCORRECTED.replace("[9.0]", "[12.5]"), 2).len(), 1);
        let kept: Told = serde_json::from_str(r#"{"faults":{"memory-uncorrected x":3},"obstacle":null}"#)
            .expect("of an older version");
        assert_eq!((kept.faults.len(), kept.earlier.len()), (1, 0));
    }

    #[test]
    fn a_program_is_the_same_whatever_its_number() {
        let mut told = Told::default();
        assert_eq!(texts(&mut told, OUT_OF_MEMORY, 1).len(), 1);
        assert_eq!(texts(&mut told, &OUT_OF_MEMORY.replace("process 12", "process 13"), 1).len(), 0);
        assert_eq!(texts(&mut told, &OUT_OF_MEMORY.replace("chrome", "dd"), 1).len(), 1);
    }

    #[test]
    fn a_flood_of_faults_is_some_of_them_and_a_number() {
        let line = |cpu: u32| format!("[9.0] watchdog: BUG: soft lockup - CPU#{cpu} stuck for 22s! [a:1]\n");
        let log: String = (0..40).map(line).collect();
        let mut told = Told::default();
        let texts = texts(&mut told, &log, 1);
        assert_eq!(texts.len(), MOST + 1);
        assert!(texts[MOST].contains("32 more faults"), "{texts:?}");
    }
}
