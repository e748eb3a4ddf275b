//! Merges consequences into their causes, so that one cause gives one incident.

use super::book::Entry;
use super::code::{Code, Kind, Severity};
use super::judge::Incident;
use super::name::{family, is_block};
use super::stories::Names;

/// Most seconds between cause and consequence; error handling of disks takes minutes.
const SOON: f64 = 60.0;
const DISK: f64 = 180.0;
/// A controller's event within so many seconds of a disk's error is a report about the same command.
const MOMENT: f64 = 2.0;
/// Throttling that lasts longer, in seconds, makes performance figures worthless.
const LONG_HEAT: f64 = 60.0;
/// Corrected errors of one module from which on they are a storm.
const STORM: u64 = 100;

/// The incidents of all entries, worst first.
pub(super) fn settle(mut entries: Vec<Entry>, names: &Names) -> Vec<Incident> {
    rename(&mut entries, names);
    merge(&mut entries);
    for entry in &mut entries {
        if entry.code == Code::MemoryCorrected && entry.count >= STORM {
            entry.code = Code::MemoryCorrectedStorm;
            entry.severity = Code::MemoryCorrectedStorm.severity();
        }
    }
    for entry in entries.iter_mut().filter(|entry| entry.code == Code::CpuThrottled) {
        let long = entry.first.seconds.zip(entry.last.seconds).is_some_and(|(first, last)| last - first > LONG_HEAT);
        entry.severity = if long { Severity::Error } else { entry.severity };
    }
    let mut gone = vec![false; entries.len()];
    for (index, entry) in entries.iter().enumerate() {
        gone[index] = entries
            .iter()
            .enumerate()
            .any(|(other, cause)| other != index && follows(entry, cause) && !(gone[other] && follows(cause, entry)));
    }
    hand_over(&mut entries, &gone);
    let mut left: Vec<Entry> =
        entries.into_iter().zip(gone).filter(|(_, gone)| !gone).map(|(entry, _)| entry).collect();
    left.sort_by_key(|entry| std::cmp::Reverse(entry.severity));
    left.into_iter().map(Entry::into_incident).collect()
}

impl Entry {
    fn into_incident(self) -> Incident {
        let Self { code, severity, device, count, first, last, lines, .. } = self;
        Incident { code, severity, device, count, first: first.text, last: last.text, lines, part: None }
    }

    /// True if the entry's whole time span lies within `seconds` of the other's, or a time is unknown.
    fn within(&self, other: &Entry, seconds: f64) -> bool {
        match (self.first.seconds, self.last.seconds, other.first.seconds, other.last.seconds) {
            (Some(first), Some(last), Some(from), Some(to)) => first >= from - seconds && last <= to + seconds,
            _ => true,
        }
    }

    fn near(&self, other: &Entry, seconds: f64) -> bool {
        match (self.first.seconds, self.last.seconds, other.first.seconds, other.last.seconds) {
            (Some(first), Some(last), Some(other_first), Some(other_last)) => {
                first - other_last <= seconds && other_first - last <= seconds
            }
            _ => true,
        }
    }
}

/// Gives each device its best name.
fn rename(entries: &mut [Entry], names: &Names) {
    for entry in entries.iter_mut() {
        match entry.code.kind() {
            Kind::Disk => entry.device = names.best(&entry.device).to_string(),
            Kind::Network => {
                if let Some(interface) = names.interface(&entry.device) {
                    entry.device = interface.to_string();
                }
            }
            _ => {}
        }
    }
    // One SCSI address without a name and one disk in the whole log: the address is that disk's.
    let mut disks: Vec<&str> =
        entries.iter().filter(|entry| entry.code.kind() == Kind::Disk).map(|entry| entry.device.as_str()).collect();
    disks.sort_unstable();
    disks.dedup();
    let (addresses, disks): (Vec<&str>, Vec<&str>) =
        disks.into_iter().partition(|device| device.split(':').count() == 4);
    if let ([address], [disk]) = (addresses.as_slice(), disks.as_slice())
        && disk.starts_with("sd")
    {
        let (address, disk) = ((*address).to_string(), (*disk).to_string());
        entries.iter_mut().filter(|entry| entry.device == address).for_each(|entry| entry.device = disk.clone());
    }
    let gpu = entries
        .iter()
        .find(|entry| entry.code.kind() == Kind::Gpu && entry.device.contains(':'))
        .map(|entry| entry.device.clone());
    // NVIDIA's reports leave out the function.
    let cards: Vec<String> = entries
        .iter()
        .filter(|entry| entry.code.kind() == Kind::Gpu && entry.device.contains('.'))
        .map(|entry| entry.device.clone())
        .collect();
    for entry in entries.iter_mut().filter(|entry| entry.code.kind() == Kind::Gpu && !entry.device.contains('.')) {
        if let Some(card) = cards.iter().find(|card| card.strip_suffix(".0") == Some(entry.device.as_str())) {
            entry.device.clone_from(card);
        }
    }
    // The driver's own lines number the cards: `GPU6`.
    let silent: Vec<Entry> = entries
        .iter()
        .filter(|one| one.code == Code::GpuFirmwareTimeout && one.device.contains(':'))
        .cloned()
        .collect();
    if let [card] = silent.as_slice() {
        let numbered = |one: &Entry| one.code == card.code && !one.device.contains(':') && one.near(card, SOON);
        entries.iter_mut().filter(|one| numbered(one)).for_each(|one| one.device.clone_from(&card.device));
    }
    // The driver's lines name no card, and one card has to be reset.
    let mut reset: Vec<Entry> = entries
        .iter()
        .filter(|one| one.code == Code::GpuReset && one.weak && one.device.contains(':'))
        .cloned()
        .collect();
    if let (Some(card), true) = (reset.pop(), reset.is_empty()) {
        let unnamed =
            |one: &Entry| one.code == Code::GpuFirmwareTimeout && one.device.is_empty() && one.near(&card, SOON);
        entries.iter_mut().filter(|one| unnamed(one)).for_each(|one| one.device.clone_from(&card.device));
    }
    for entry in entries.iter_mut().filter(|entry| entry.device == "amdgpu") {
        entry.device = gpu.clone().unwrap_or_else(|| entry.device.clone());
    }
}

/// Entries that got the same name become one.
fn merge(entries: &mut Vec<Entry>) {
    let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
    for entry in entries.drain(..) {
        match kept.iter_mut().find(|known| known.code == entry.code && known.device == entry.device) {
            Some(known) => {
                known.count += entry.count;
                known.severity = known.severity.max(entry.severity);
                known.weak &= entry.weak;
                if entry.last.seconds >= known.last.seconds {
                    known.last = entry.last;
                }
                known.lines.extend(entry.lines);
            }
            None => kept.push(entry),
        }
    }
    *entries = kept;
}

/// Adds to each cause the times and lines of its consequences, and a better device name where they have one.
fn hand_over(entries: &mut [Entry], gone: &[bool]) {
    for index in 0..entries.len() {
        if !gone[index] {
            continue;
        }
        let Some(cause) = (0..entries.len()).find(|&other| !gone[other] && follows(&entries[index], &entries[other]))
        else {
            continue;
        };
        let entry = entries[index].clone();
        let cause = &mut entries[cause];
        if entry.first.seconds < cause.first.seconds && entry.first.seconds.is_some() {
            cause.first = entry.first;
        }
        if entry.last.seconds > cause.last.seconds {
            cause.last = entry.last;
        }
        if cause.code.kind() == Kind::Pcie || cause.code == entry.code {
            cause.severity = cause.severity.max(entry.severity);
        }
        let label = entry.code.kind() == Kind::Memory
            && !entry.weak
            && !entry.device.is_empty()
            && !entry.device.starts_with("pfn ");
        let page = cause.device.is_empty() || cause.device.starts_with("pfn ") || cause.weak;
        if label && page && cause.code.kind() == Kind::Memory {
            cause.device = entry.device;
        }
        if cause.lines.len() < 12 {
            cause.lines.extend(entry.lines.into_iter().take(4));
        }
    }
}

/// True if `entry` is a consequence of `cause`.
fn follows(entry: &Entry, cause: &Entry) -> bool {
    match (entry.code.kind(), cause.code.kind()) {
        (Kind::Memory | Kind::Cpu, Kind::Memory | Kind::Cpu) => memory(entry, cause),
        (Kind::Disk, Kind::Disk) => disk(entry, cause),
        // A drive at a USB controller that died cannot answer.
        (Kind::Disk, Kind::Usb) => {
            let over_usb = entry.lines.iter().any(|line| line.contains("uas_eh_"));
            entry.code == Code::DiskTaskAbort
                && over_usb
                && cause.code == Code::UsbControllerDied
                && entry.near(cause, SOON)
        }
        (Kind::Disk, Kind::Pcie) => entry.weak && entry.code == Code::DiskControllerReset && entry.near(cause, SOON),
        // The other functions of a card that is gone.
        (Kind::Pcie | Kind::Usb, Kind::Gpu) => {
            let slot = |device: &str| device.rsplit_once('.').map_or(device.to_string(), |(slot, _)| slot.to_string());
            let gone = matches!(entry.code, Code::PcieDeviceInaccessible | Code::UsbControllerDied);
            gone && cause.code == Code::GpuLost && slot(&entry.device) == slot(&cause.device) && entry.near(cause, SOON)
        }
        // A card that has to be reset, and another report of the reason, perhaps at the other end of a link.
        (Kind::Gpu, Kind::Gpu) if entry.code == Code::GpuReset && entry.weak && entry.code != cause.code => {
            entry.near(cause, SOON) && cause.code != Code::GpuApplicationFault
        }
        (Kind::Kernel, _) => kernel(entry, cause),
        _ => {
            let same = entry.device == cause.device;
            let consequence = consequence(entry.code, cause.code);
            let all = cause.code == Code::UsbControllerDied;
            // A card that is lost is no consequence of what it reported last.
            let worse = entry.code.kind() == Kind::Network && entry.severity > cause.severity;
            // A device that came back, and only after a second try.
            let tried = entry.code != Code::UsbEnumerationFailed || entry.weak || all;
            consequence && (same || all) && entry.within(cause, SOON) && !worse && tried
        }
    }
}

fn memory(entry: &Entry, cause: &Entry) -> bool {
    use Code as C;
    if !entry.near(cause, SOON) {
        return false;
    }
    let damaged = |code: Code| matches!(code, C::MemoryUncorrected | C::MemoryPoisonConsumed | C::MemoryFatal);
    let corrected = |code: Code| matches!(code, C::MemoryCorrected | C::MemoryCorrectedStorm);
    let same = entry.device == cause.device;
    match (entry.code, cause.code) {
        (C::MemoryPageOfflined, C::MemoryPageOfflined) => false,
        (C::MemoryPageOfflined, C::MemoryPoisonConsumed) => !cause.device.starts_with("pfn ") || same,
        (C::MemoryPageOfflined, code) => damaged(code),
        (C::MemoryUncorrected, C::MemoryPoisonConsumed) => !entry.weak && !cause.weak,
        (C::MemoryUncorrected | C::MemoryPoisonConsumed, C::MemoryFatal) => true,
        (C::CpuMceUncorrected | C::CpuMceFatal, C::MemoryFatal) => {
            entry.device == cause.device || entry.device.is_empty()
        }
        (C::MemoryPoisonConsumed, C::MemoryUncorrected) => entry.weak && !cause.weak,
        (C::MemoryPoisonConsumed, C::MemoryPoisonConsumed) => {
            entry.weak && !cause.weak || (entry.device.is_empty() && !cause.device.is_empty())
        }
        (one, two) if one == two => entry.weak && !cause.weak,
        (one, two) if corrected(one) && corrected(two) => entry.weak && !cause.weak,
        (one, two) if entry.weak && damaged(one) && damaged(two) => !cause.weak,
        (C::CpuMceUncorrected, C::CpuMceFatal) => true,
        (C::CpuMceFatal, C::CpuMceFatal) => entry.device.is_empty() && !cause.device.is_empty(),
        _ => false,
    }
}

/// True if one disk incident follows from another. Causes have ranks: a disk that is gone explains more than a failed request.
fn disk(entry: &Entry, cause: &Entry) -> bool {
    use Code as C;
    let same = entry.device == cause.device || family(&entry.device) == family(&cause.device);
    if !entry.within(cause, DISK) {
        return false;
    }
    let elsewhere = entry.device.starts_with("dm-") || entry.device.starts_with("md");
    if elsewhere && entry.code == C::DiskIoError && !cause.device.starts_with("dm-") && !cause.device.starts_with("md")
    {
        return true;
    }
    // ZFS repeats an error of a disk, which it knows under a name that no line of the kernel has.
    let of_zfs = entry.lines.iter().all(|line| line.contains("zio pool=")) && !is_block(&entry.device);
    if entry.code == C::DiskIoError && of_zfs && !entry.lines.is_empty() && cause.code != C::FilesystemError {
        return !cause.lines.iter().any(|line| line.contains("zio pool="));
    }
    // The controller's event repeats, in its own words, an answer of one of its disks.
    if entry.code == C::DiskHbaEvent && matches!(cause.code, C::DiskMediumError | C::DiskHardwareError) {
        return entry.within(cause, MOMENT);
    }
    // A member of a file system over several devices: its lines name the file system by another of them.
    if (entry.code, cause.code) == (C::FilesystemError, C::FilesystemError) && entry.device != cause.device {
        let of_it = format!("(device {}): bdev /dev/", cause.device);
        return !entry.lines.is_empty() && entry.lines.iter().all(|line| line.contains(&of_it));
    }
    if !same {
        return false;
    }
    if entry.code == cause.code {
        // One thing under two names: the disk rather than its partition.
        return entry.device != cause.device && entry.weak && !(cause.weak && cause.device.len() > entry.device.len());
    }
    // A request that the disk itself refused is why the port was reset; one that only the block layer reports may follow from the reset.
    match (entry.code, cause.code) {
        (C::DiskLinkReset, C::DiskIoError) => return !cause.weak,
        (C::DiskIoError, C::DiskLinkReset) => return entry.weak,
        _ => {}
    }
    let lesser: &[Code] = match cause.code {
        C::DiskOffline => &[
            C::DiskTimeout,
            C::DiskLinkReset,
            C::DiskLinkError,
            C::DiskLinkSpeedReduced,
            C::DiskIoError,
            C::DiskTaskAbort,
            C::DiskControllerReset,
        ],
        C::DiskMediumError | C::DiskHardwareError | C::DiskProtectionError => {
            &[C::DiskIoError, C::DiskLinkReset, C::DiskTaskAbort]
        }
        C::DiskTimeout => &[
            C::DiskLinkReset,
            C::DiskLinkError,
            C::DiskLinkSpeedReduced,
            C::DiskIoError,
            C::DiskTaskAbort,
            C::DiskControllerReset,
        ],
        C::DiskControllerReset => &[C::DiskIoError, C::DiskTaskAbort],
        C::DiskTaskAbort => &[C::DiskIoError, C::DiskLinkReset],
        C::DiskLinkSpeedReduced => &[C::DiskLinkError, C::DiskLinkReset, C::DiskIoError],
        C::DiskLinkError => &[C::DiskLinkReset, C::DiskIoError],
        C::DiskPathFailed => &[C::DiskIoError, C::DiskLinkError],
        C::DiskPredictedFailure => &[C::DiskRecoveredError],
        C::DiskLinkReset | C::DiskReservationConflict => &[C::DiskIoError],
        _ => &[],
    };
    lesser.contains(&entry.code)
}

/// True if a code is a consequence of another code of the same device; for devices other than memory and disks.
fn consequence(entry: Code, cause: Code) -> bool {
    use Code as C;
    let lesser: &[Code] = match cause {
        C::PcieDpcContained => &[C::PcieLinkDown, C::PcieUncorrected, C::PcieFatal],
        C::PcieFatal => &[C::PcieUncorrected],
        C::GpuMemoryUncorrected => &[C::GpuReset],
        C::GpuLost => &[C::GpuReset, C::GpuApplicationFault, C::GpuFirmwareTimeout],
        C::NetFirmwareError => &[C::NetAdapterReset, C::NetTxTimeout, C::NetLinkDown],
        C::NetTxTimeout => &[C::NetAdapterReset, C::NetLinkDown],
        C::NetAdapterReset | C::NetOverheated | C::NetModuleError => &[C::NetLinkDown],
        C::UsbDisconnect => &[C::UsbEnumerationFailed, C::UsbReset],
        C::UsbControllerDied => &[C::UsbDisconnect, C::UsbEnumerationFailed, C::UsbReset],
        _ => &[],
    };
    lesser.contains(&entry)
}

fn kernel(entry: &Entry, cause: &Entry) -> bool {
    use Code as C;
    if !entry.near(cause, SOON) {
        return false;
    }
    match (entry.code, cause.code) {
        (C::KernelOops, C::KernelPanic) => cause.lines.iter().any(|line| line.contains("Fatal exception")),
        (C::KernelRcuStall, C::KernelSoftLockup) => entry.device == cause.device,
        (C::KernelWarning, C::NetTxTimeout) => entry.lines.iter().any(|line| line.contains("dev_watchdog")),
        _ => false,
    }
}

impl Incident {
    /// True if the severity is `Warning` or above; such an incident is to be raised, not only noted.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.severity >= Severity::Warning
    }
}
