//! Faults that the machine reports while scripts run: one reader of the kernel's log for all scripts, and counters before and after each.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::parameters;
use crate::diagnosis::{
    Code, Effect, Finding, Incident, Judge, Kind, Listening, MEANWHILE, Parts, Policy, Snapshot, leave_out_told_kills,
};
use crate::host::{Host, KernelLog};
use crate::script::{HardwareType, Machine, Script};

/// The start of a script's header line with the level at which the machine's reports are used for it (`count`, `note`, `off`).
const WISH: &str = "# shakedown: meanwhile=";
/// Bytes of a script that are searched for that line.
const HEAD: u64 = 64 << 10;

/// Interval of reading the kernel's log while scripts run, so that little is overwritten before it is read.
const EVERY: Duration = Duration::from_secs(1);
/// Most bytes of the log that are kept for the running scripts.
const MOST: usize = 4 << 20;

/// The one reader of the kernel's log for all scripts; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Witness {
    host: Host,
    log: Arc<Mutex<Log>>,
}

#[derive(Debug, Default)]
struct Log {
    /// Open while a script runs.
    source: Option<KernelLog>,
    records: VecDeque<String>,
    bytes: usize,
    /// The number of the oldest record in `records`.
    oldest: u64,
    /// The number of times that the kernel overwrote records before they were read.
    lost: u64,
    /// True once the warning that the log cannot be read has been logged; it is logged once.
    is_told: bool,
    next: u64,
    running: BTreeMap<u64, Running>,
}

/// A running script, with the scripts that ran at the same time.
#[derive(Debug)]
struct Running {
    name: String,
    subjects: Arc<Subjects>,
    beside: BTreeSet<String>,
    others: Vec<Arc<Subjects>>,
}

/// The disks and interfaces that a script was given, with their places before the test, which may make them vanish.
#[derive(Debug, Default)]
struct Subjects {
    names: Vec<String>,
    parts: Parts,
}

/// The owner of the device that an incident is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// The script itself: the device was given to it.
    Own,
    /// Another script that ran at the same time.
    Anothers,
    /// No script: a device of the machine.
    Nobodys,
}

/// The state at a script's begin: the position in the kernel's log, the counters, its devices.
#[derive(Debug)]
pub(super) struct Watch {
    number: u64,
    from: u64,
    lost: u64,
    before: Snapshot,
    subjects: Arc<Subjects>,
    /// Seconds since the machine started.
    began: f64,
}

/// The incidents that the machine reported while a script ran, with their owners; the lost log records; the scripts beside it.
#[derive(Debug, Default)]
pub(super) struct Testimony {
    incidents: Vec<(Incident, Whose)>,
    /// Seconds since the machine started, when the script began.
    began: f64,
    lost: u64,
    beside: BTreeSet<String>,
}

impl Witness {
    pub(super) fn new(host: Host) -> Self {
        Self { host, log: Arc::default() }
    }

    /// Starts to watch the machine for a script that begins; `None` if the task that does so panicked.
    pub(super) async fn begin(&self, script: &Script) -> Option<Watch> {
        let (this, script) = (self.clone(), script.clone());
        let begun = tokio::task::spawn_blocking(move || this.begun(&script)).await.ok()?;
        let (watch, is_first) = begun;
        if is_first {
            let log = Arc::clone(&self.log);
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(EVERY).await;
                    let mut log = lock(&log);
                    if log.running.is_empty() {
                        break;
                    }
                    log.read();
                }
            });
        }
        Some(watch)
    }

    fn begun(&self, script: &Script) -> (Watch, bool) {
        let name = script.to_string();
        let subjects = Arc::new(Subjects::of(script, &self.host));
        let before = Snapshot::read(&self.host);
        let mut log = lock(&self.log);
        let is_first = log.running.is_empty();
        if is_first {
            log.open(&self.host);
        }
        log.read();
        let number = log.next;
        log.next += 1;
        let (mut beside, mut others) = (BTreeSet::new(), Vec::new());
        for other in log.running.values_mut() {
            other.beside.insert(name.clone());
            other.others.push(Arc::clone(&subjects));
            beside.insert(other.name.clone());
            others.push(Arc::clone(&other.subjects));
        }
        log.running.insert(number, Running { name, subjects: Arc::clone(&subjects), beside, others });
        let from = log.oldest + log.records.len() as u64;
        (Watch { number, from, lost: log.lost, before, subjects, began: uptime(&self.host) }, is_first)
    }

    /// Ends the watch of a script and collects the incidents since its begin.
    pub(super) async fn end(&self, watch: Watch) -> Testimony {
        let this = self.clone();
        tokio::task::spawn_blocking(move || this.ended(&watch)).await.unwrap_or_default()
    }

    fn ended(&self, watch: &Watch) -> Testimony {
        let (text, lost, beside, others) = {
            let mut log = lock(&self.log);
            log.read();
            let skip = usize::try_from(watch.from.saturating_sub(log.oldest)).unwrap_or(usize::MAX);
            let dropped = log.oldest.saturating_sub(watch.from);
            let text: String = log.records.iter().skip(skip).map(String::as_str).collect();
            let running = log.running.remove(&watch.number);
            let (beside, others) = running.map(|one| (one.beside, one.others)).unwrap_or_default();
            let lost = log.lost - watch.lost + dropped;
            if log.running.is_empty() {
                log.close();
            }
            (text, lost, beside, others)
        };
        let mut judge = Judge::default();
        judge.read(&text);
        let mut incidents = judge.end();
        let mut counts = Snapshot::read(&self.host).since(&watch.before);
        // Programs that were killed at their own limit are in the log; the counter counts them, too.
        leave_out_told_kills(&mut counts, &incidents, &[Code::OomKillCgroup]);
        for counted in counts {
            // The incident from the log has more detail; the counter is added to it as further evidence.
            let told = incidents
                .iter_mut()
                .find(|one| one.code == counted.code && (one.device == counted.device || counted.device.is_empty()));
            match told {
                Some(told) => {
                    told.count = told.count.max(counted.count);
                    told.lines.extend(counted.lines);
                }
                None => incidents.push(counted),
            }
        }
        if !incidents.is_empty() {
            Parts::read(&self.host).name(&mut incidents);
        }
        let whose = |incident: &Incident| {
            if watch.subjects.has(&incident.device) {
                Whose::Own
            } else if others.iter().any(|other| other.has(&incident.device)) {
                Whose::Anothers
            } else {
                Whose::Nobodys
            }
        };
        let incidents = incidents.into_iter().map(|incident| {
            let whose = whose(&incident);
            (incident, whose)
        });
        Testimony { incidents: incidents.collect(), began: watch.began, lost, beside }
    }
}

impl Subjects {
    fn of(script: &Script, host: &Host) -> Self {
        let names = parameters::subjects(script, host);
        // Most scripts have none, and a quiet start costs little.
        let parts = if names.is_empty() { Parts::default() } else { Parts::read(host) };
        Self { names, parts }
    }

    fn has(&self, device: &str) -> bool {
        self.names.iter().any(|name| self.parts.belongs(device, name))
    }
}

impl Log {
    fn open(&mut self, host: &Host) {
        let opened = host.kernel_log().and_then(|mut log| log.skip_to_end().map(|()| log));
        match opened {
            Ok(log) => self.source = Some(log),
            Err(error) if !self.is_told => {
                self.is_told = true;
                tracing::warn!(%error, "the kernel log is not readable: what the kernel says while scripts run is not watched");
            }
            Err(_) => {}
        }
    }

    fn read(&mut self) {
        let Some(source) = &mut self.source else { return };
        while let Ok(Some(record)) = source.next_record() {
            self.bytes += record.len();
            self.records.push_back(record);
        }
        self.lost += source.take_lost();
        while self.bytes > MOST {
            let Some(record) = self.records.pop_front() else { break };
            self.bytes -= record.len();
            self.oldest += 1;
        }
    }

    fn close(&mut self) {
        self.source = None;
        self.oldest += self.records.len() as u64;
        self.records.clear();
        self.bytes = 0;
    }
}

/// Seconds since the machine started, as its kernel's log counts them; 0 if that cannot be read.
fn uptime(host: &Host) -> f64 {
    let text = host.text("/proc/uptime").unwrap_or_default();
    text.split(' ').next().and_then(|seconds| seconds.parse().ok()).unwrap_or(0.0)
}

fn lock(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Testimony {
    /// The strongest effect of the incidents on a pass of the script.
    pub(super) fn says(&self, script: &Script, policy: &Policy) -> Machine {
        match self.effects(script, policy).max() {
            Some(Effect::Failed) => Machine::Fails,
            Some(Effect::Degraded) => Machine::Degrades,
            _ => Machine::Quiet,
        }
    }

    fn effects(&self, script: &Script, policy: &Policy) -> impl Iterator<Item = Effect> {
        self.incidents.iter().map(move |said| effect(said, script, policy))
    }

    /// The incidents as the result keeps them, what changes a pass first.
    pub(super) fn findings(&self, script: &Script, policy: &Policy) -> Vec<Finding> {
        let found = self.incidents.iter().zip(self.effects(script, policy)).map(|((incident, _), effect)| {
            let first = incident.first.as_deref().and_then(|first| first.parse::<f64>().ok());
            let after = first.map(|first| first - self.began).filter(|after| *after >= 0.0);
            Finding::new(incident, effect, after)
        });
        let mut found: Vec<Finding> = found.collect();
        found.sort_by_key(|finding| std::cmp::Reverse((finding.effect, finding.severity)));
        found
    }

    /// The incidents that change a pass, in a line each.
    pub(super) fn reasons(&self, script: &Script, policy: &Policy) -> Vec<String> {
        let counts =
            self.incidents.iter().zip(self.effects(script, policy)).filter(|(_, effect)| *effect > Effect::Note);
        counts
            .map(|((incident, _), effect)| {
                let words = Finding::new(incident, effect, None).words();
                format!("while it ran, the machine reported {words}: a pass becomes {}", effect.word())
            })
            .collect()
    }

    /// The last section of the script's output; empty if there are no incidents and no lost records.
    pub(super) fn section(&self, script: &Script, policy: &Policy) -> String {
        if self.incidents.is_empty() && self.lost == 0 {
            return String::new();
        }
        let mut text = format!("\n{MEANWHILE}\n");
        for ((incident, whose), effect) in self.incidents.iter().zip(self.effects(script, policy)) {
            let Incident { code, severity, device, count, lines, part, .. } = incident;
            let part = part.as_ref().map(|part| format!(" ({part})")).unwrap_or_default();
            let device = if device.is_empty() { String::new() } else { format!(" {device}{part}") };
            let _ = writeln!(text, "- {severity}: {}{device}, {count} times: {}", code.word(), incident.meaning());
            let _ = writeln!(
                text,
                "  {}",
                match effect {
                    Effect::Note if *whose == Whose::Anothers =>
                        "changes nothing here: another script that ran at the same time was given this device",
                    Effect::Note => "changes nothing",
                    Effect::Degraded => "a pass becomes degraded",
                    Effect::Failed => "a pass becomes failed",
                }
            );
            let _ = writeln!(text, "  next: {}", incident.next());
            for line in lines.iter().take(5) {
                let _ = writeln!(text, "  | {line}");
            }
        }
        if self.lost > 0 {
            let _ = writeln!(text, "- not watched: records of the kernel log were lost, at least {}", self.lost);
        }
        if !self.beside.is_empty() && !self.incidents.is_empty() {
            let names: Vec<&str> = self.beside.iter().map(String::as_str).collect();
            let _ = writeln!(text, "  These ran at the same time: {}", names.join(", "));
        }
        text
    }
}

/// The level in a script's header (`# shakedown: meanwhile=note` or `off`); `Count` if there is none or the file cannot be read.
pub(super) fn wish_of(program: &Path) -> Listening {
    let mut head = Vec::new();
    let read = File::open(program).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    if read.is_err() {
        return Listening::Count;
    }
    let head = String::from_utf8_lossy(&head);
    let wish = head.lines().find_map(|line| Listening::from_word(line.trim().strip_prefix(WISH)?.trim()));
    wish.unwrap_or_default()
}

/// The effect of an incident on a pass of this script. Only a note for another script's device and for links that the script
/// configures itself.
fn effect((incident, whose): &(Incident, Whose), script: &Script, policy: &Policy) -> Effect {
    let own_links = script.apply_configured_networking && incident.code.kind() == Kind::Network;
    // Throttling spoils performance figures, and only CPU tests have such: a memory test, for example, has none.
    let other_heat = incident.code == Code::CpuThrottled && script.hardware_type != HardwareType::Cpu;
    match whose {
        _ if own_links || other_heat => Effect::Note,
        Whose::Anothers => Effect::Note,
        Whose::Own => policy.effect_on_subject(incident),
        Whose::Nobodys => policy.effect(incident),
    }
}
