//! Takes samples of how loaded this machine is. Cheap by design: no process table, and of all sensors only those of processors.

use std::time::Instant;

use sysinfo::{Component, Components, MemoryRefreshKind, System};

use super::load::LoadSample;

/// Ticks of `/proc/stat` and `/proc/PID/stat` a second: a constant of the kernel's interface to programs (`man 5 proc_stat`).
pub const USER_HZ: f64 = 100.0;
/// Most sensors that are read: each core of a large machine has its own.
const SENSORS: usize = 16;

/// Seconds of processor time that this program and all that it started used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OwnTime {
    /// In programs and in the kernel for them.
    pub total: f64,
    /// In programs alone.
    pub user: f64,
}

/// Takes samples of this machine.
#[derive(Debug)]
pub struct Sampler {
    system: System,
    sensors: Components,
    /// The places of those of processors.
    of_processors: Vec<usize>,
    began: Instant,
    before: Option<Moment>,
}

/// The counters at one time.
#[derive(Clone, Copy, Debug)]
struct Moment {
    at: Instant,
    /// Seconds that programs had all processors together, with what a hypervisor took.
    others: Option<f64>,
    own: Option<OwnTime>,
}

impl Sampler {
    /// Looks for sensors and reads the counters for the first time; `None` on a system that nothing is known of.
    ///
    /// Reads each temperature of the machine once, which a broken device may delay: not for a thread that others wait for.
    #[must_use]
    pub fn new(own: Option<OwnTime>) -> Option<Self> {
        let began = Instant::now();
        let sensors = Components::new_with_refreshed_list().ok()?;
        let labels: Vec<&str> = sensors.iter().map(Component::label).collect();
        let of_processors = of_processors(&labels);
        let mut sampler = Sampler { system: System::new().ok()?, sensors, of_processors, began, before: None };
        sampler.before = Some(Moment { at: began, others: others(), own });
        Some(sampler)
    }

    /// The number of processors and the bytes of memory that the machine has.
    pub fn size(&mut self) -> (u32, u64) {
        self.system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        let processors = std::fs::read_to_string("/proc/stat").map(|text| processors(&text)).unwrap_or_default();
        (processors, self.system.total_memory())
    }

    /// A sample; shares of processors are of the time since the last one.
    pub fn sample(&mut self, own: Option<OwnTime>) -> LoadSample {
        let now = Moment { at: Instant::now(), others: others(), own };
        let (processors, memory) = self.size();
        let heat = self.hottest();
        let before = self.before.replace(now);
        let shares = before.map(|before| shares(&before, &now, processors));
        let (own, foreign) = shares.unwrap_or_default();
        LoadSample {
            after: u32::try_from(self.began.elapsed().as_secs()).unwrap_or(u32::MAX),
            load: System::load_average().map(|load| load.one).unwrap_or_default(),
            memory_used: memory.saturating_sub(self.system.available_memory()),
            temperature: heat.map(f64::from),
            own,
            foreign,
        }
    }

    fn hottest(&mut self) -> Option<f32> {
        let mut hottest: Option<f32> = None;
        for place in &self.of_processors {
            let Some(sensor) = self.sensors.get_mut(*place) else { continue };
            sensor.refresh();
            let heat = sensor.temperature().filter(|heat| heat.is_finite() && *heat > 0.0);
            hottest = [hottest, heat].into_iter().flatten().reduce(f32::max);
        }
        hottest
    }
}

/// Shares of all processors in percent: of this program's family, and of others' programs.
fn shares(before: &Moment, now: &Moment, processors: u32) -> (Option<f64>, Option<f64>) {
    let all = now.at.duration_since(before.at).as_secs_f64() * f64::from(processors);
    if all <= 0.0 {
        return (None, None);
    }
    let percent = |seconds: f64| (seconds / all * 100.0).clamp(0.0, 100.0);
    let own = now.own.zip(before.own).map(|(now, before)| (now.total - before.total, now.user - before.user));
    let others = now.others.zip(before.others).map(|(now, before)| now - before);
    (own.map(|(total, _)| percent(total)), others.zip(own).map(|(others, (_, user))| percent(others - user)))
}

/// The places of the sensors of processors; of those with one for each core only those of whole packages. Disks and cards are left alone:
/// reading a temperature is a command to them, while they are tested.
fn of_processors(labels: &[&str]) -> Vec<usize> {
    let names = ["coretemp", "k10temp", "zenpower", "cpu", "x86_pkg_temp", "soc", "acpitz"];
    let is_processor = |label: &str| names.iter().any(|name| label.to_ascii_lowercase().starts_with(name));
    let has_packages = labels.iter().any(|label| label.starts_with("coretemp Package"));
    let is_read = |label: &str| is_processor(label) && !(has_packages && label.starts_with("coretemp Core"));
    (0..labels.len()).filter(|place| is_read(labels[*place])).take(SENSORS).collect()
}

/// Seconds that programs had the processors, and that a hypervisor gave to others. The kernel's own work is not in it: much of that is
/// done for the tests, by threads that are nobody's.
fn others() -> Option<f64> {
    in_programs(&std::fs::read_to_string("/proc/stat").ok()?)
}

/// `cpu  USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ STEAL GUEST GUEST_NICE`: guests are in USER and NICE already.
fn in_programs(stat: &str) -> Option<f64> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<f64> = line.split_whitespace().map_while(|word| word.parse().ok()).collect();
    Some((ticks.first()? + ticks.get(1)? + ticks.get(7).unwrap_or(&0.0)) / USER_HZ)
}

fn processors(stat: &str) -> u32 {
    let is_one =
        |line: &&str| line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    u32::try_from(stat.lines().filter(is_one).count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const STAT: &str = "cpu  1000 200 300 9000 50 0 10 40 500 0\ncpu0 500 100 150 4500 25 0 5 20 0 0\ncpu1 500 100 150 4500 25 0 5 20 0 0\nintr 1\n";

    #[test]
    fn only_sensors_of_processors_are_read_and_of_a_package_one() {
        let labels = [
            "nvme Composite temp1",
            "coretemp Core 0",
            "coretemp Package id 0",
            "coretemp Core 1",
            "acpitz temp1",
            "drivetemp temp1",
        ];
        assert_eq!(of_processors(&labels), [2, 4]);
        assert_eq!(of_processors(&["coretemp Core 0", "amdgpu edge", "k10temp Tctl", "mlx5 asic"]), [0, 2]);
    }

    #[test]
    fn guests_count_once_and_the_kernels_work_is_nobodys() {
        assert_eq!(in_programs(STAT), Some(12.4));
        assert_eq!(processors(STAT), 2);
        assert_eq!((in_programs(""), in_programs("cpu  x"), processors("")), (None, None, 0));
    }

    #[test]
    fn what_the_family_did_not_use_is_foreign() {
        let at = Instant::now();
        let own = |total: f64, user: f64| Some(OwnTime { total, user });
        let before = Moment { at, others: Some(100.0), own: own(10.0, 5.0) };
        // In 10 seconds of 4 processors programs had 24 s, of which 4 are the family's.
        let now = Moment { at: at + Duration::from_secs(10), others: Some(124.0), own: own(20.0, 9.0) };
        assert_eq!(shares(&before, &now, 4), (Some(25.0), Some(50.0)));
        let unknown = Moment { own: None, ..now };
        assert_eq!(shares(&before, &unknown, 4), (None, None));
        assert_eq!(shares(&before, &before, 4), (None, None), "no time, no share");
    }

    #[test]
    fn this_machine_can_be_sampled() {
        let mut sampler = Sampler::new(Some(OwnTime::default())).expect("a known system");
        let (processors, memory) = sampler.size();
        assert!(processors > 0 && memory > 1 << 20, "{processors} {memory}");
        let sample = sampler.sample(Some(OwnTime::default()));
        assert!(sample.memory_used > 0 && sample.memory_used < memory, "{sample:?}");
        assert!(sample.foreign.is_none_or(|share| (0.0..=100.0).contains(&share)), "{sample:?}");
    }
}
