//! Reading the counters. Source: the kernel's Documentation/ABI, named at each reader.

use super::super::code::Code;
use super::{Snapshot, Standing};
use crate::host::Host;

impl Snapshot {
    /// Reads all counters that the machine has.
    #[must_use]
    pub fn read(host: &Host) -> Self {
        let mut found = Self::default();
        edac(host, &mut found);
        interrupts(host, &mut found);
        pci(host, &mut found);
        throttle(host, &mut found);
        disks(host, &mut found);
        file_systems(host, &mut found);
        networks(host, &mut found);
        kernel(host, &mut found);
        found
    }
}

/// A number in decimal, or with `0x` before it.
fn number(host: &Host, path: &str) -> Option<u64> {
    let text = host.text(path)?;
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Memory errors (testing/sysfs-devices-edac). A controller's own counters hold only errors whose module is unknown.
fn edac(host: &Host, found: &mut Snapshot) {
    const TOP: &str = "/sys/devices/system/edac/mc";
    for controller in host.list(TOP).into_iter().filter(|name| name.starts_with("mc")) {
        let directory = format!("{TOP}/{controller}");
        for module in
            host.list(&directory).into_iter().filter(|name| name.starts_with("dimm") || name.starts_with("rank"))
        {
            let path = format!("{directory}/{module}");
            let label = host.text(format!("{path}/dimm_label")).unwrap_or_else(|| format!("{controller} {module}"));
            for (file, code) in [("dimm_ce_count", Code::MemoryCorrected), ("dimm_ue_count", Code::MemoryUncorrected)] {
                let place = format!("{path}/{file}");
                if let Some(number) = number(host, &place) {
                    found.add(code, &label, place, number, Standing::SinceStart);
                }
            }
        }
        for (file, code) in [("ce_noinfo_count", Code::MemoryCorrected), ("ue_noinfo_count", Code::MemoryUncorrected)] {
            let place = format!("{directory}/{file}");
            if let Some(number) = number(host, &place) {
                found.add(code, &controller, place, number, Standing::SinceStart);
            }
        }
    }
}

/// The rows of `/proc/interrupts` that only errors raise (`arch/x86/kernel/irq.c`).
fn interrupts(host: &Host, found: &mut Snapshot) {
    let Some(text) = host.text("/proc/interrupts") else { return };
    let rows = [("MCE", Code::CpuMceUncorrected), ("THR", Code::CpuMceCorrected), ("DFR", Code::CpuMceUncorrected)];
    for line in text.lines() {
        let Some((name, rest)) = line.trim_start().split_once(':') else { continue };
        let Some((_, code)) = rows.iter().find(|(row, _)| *row == name) else { continue };
        let sum: u64 = rest.split_ascii_whitespace().map_while(|word| word.parse::<u64>().ok()).sum();
        found.add(*code, "", format!("/proc/interrupts {name}"), sum, Standing::SinceStart);
    }
}

/// testing/sysfs-bus-pci-devices-aer_stats, and the width of links.
fn pci(host: &Host, found: &mut Snapshot) {
    const TOP: &str = "/sys/bus/pci/devices";
    let files = [
        ("aer_dev_correctable", "TOTAL_ERR_COR", Code::PcieCorrected),
        ("aer_dev_nonfatal", "TOTAL_ERR_NONFATAL", Code::PcieUncorrected),
        ("aer_dev_fatal", "TOTAL_ERR_FATAL", Code::PcieFatal),
    ];
    for address in host.list(TOP) {
        let directory = format!("{TOP}/{address}");
        for (file, total, code) in files {
            let place = format!("{directory}/{file}");
            let Some(text) = host.text(&place) else { continue };
            let total = text.lines().find_map(|line| line.strip_prefix(total)?.trim().parse::<u64>().ok());
            if let Some(total) = total {
                found.add(code, &address, place, total, Standing::SinceStart);
            }
        }
        link_width(host, &address, &directory, found);
    }
}

/// A link that is narrower than both of its ends support. Speed also drops to save power, so it is no sign of a fault.
fn link_width(host: &Host, address: &str, directory: &str, found: &mut Snapshot) {
    let width = |path: &str| number(host, path).filter(|lanes| (1..=32).contains(lanes));
    let place = format!("{directory}/current_link_width");
    let (Some(now), Some(most)) = (width(&place), width(&format!("{directory}/max_link_width"))) else { return };
    let parent = host
        .real(directory)
        .and_then(|path| Some(path.parent()?.join("max_link_width").to_string_lossy().into_owned()));
    let Some(slot) = parent.as_deref().and_then(width) else { return };
    if now < most.min(slot) {
        found.add(
            Code::PcieLinkDegraded,
            address,
            format!("{place} (could be {})", most.min(slot)),
            now,
            Standing::State,
        );
    }
}

/// `thermal_throttle` (`arch/x86/kernel/cpu/mce/therm_throt.c`): all CPUs of a package count the package's events.
fn throttle(host: &Host, found: &mut Snapshot) {
    const TOP: &str = "/sys/devices/system/cpu";
    let mut packages = std::collections::BTreeSet::new();
    for cpu in host.list(TOP) {
        let Some(index) =
            cpu.strip_prefix("cpu").filter(|rest| rest.bytes().all(|b| b.is_ascii_digit()) && !rest.is_empty())
        else {
            continue;
        };
        let directory = format!("{TOP}/{cpu}/thermal_throttle");
        let mut add = |file: &str, code: Code, device: &str| {
            let place = format!("{directory}/{file}");
            if let Some(number) = number(host, &place) {
                found.add(code, device, place, number, Standing::SinceStart);
            }
        };
        add("core_throttle_count", Code::CpuThrottled, &format!("cpu {index}"));
        let package = host.text(format!("{TOP}/{cpu}/topology/physical_package_id")).unwrap_or_default();
        if packages.insert(package.clone()) {
            add("package_throttle_count", Code::CpuThrottled, &format!("package {package}"));
            add("package_power_limit_count", Code::PowerLimited, &format!("package {package}"));
        }
    }
}

/// Errors of disks (`drivers/scsi/scsi_sysfs.c`), links of ATA (testing/sysfs-ata), members that a RAID misses.
fn disks(host: &Host, found: &mut Snapshot) {
    for disk in host.list("/sys/block") {
        let directory = format!("/sys/block/{disk}");
        let files = [
            ("ioerr_cnt", Code::DiskIoError, Standing::Nothing),
            ("iotmo_cnt", Code::DiskTimeout, Standing::SinceStart),
        ];
        for (file, code, standing) in files {
            let place = format!("{directory}/device/{file}");
            if let Some(number) = number(host, &place) {
                found.add(code, &disk, place, number, standing);
            }
        }
        let place = format!("{directory}/md/degraded");
        if let Some(number) = number(host, &place) {
            found.add(Code::RaidDegraded, &disk, place, number, Standing::State);
        }
    }
    for device in host.list("/sys/class/ata_device") {
        let place = format!("/sys/class/ata_device/{device}/spdn_cnt");
        let port = device.trim_start_matches("dev").split('.').next().unwrap_or_default().to_string();
        if let Some(number) = number(host, &place) {
            found.add(Code::DiskLinkSpeedReduced, &format!("ata{port}"), place, number, Standing::SinceStart);
        }
    }
}

/// The count lives in the superblock and may be years old.
fn file_systems(host: &Host, found: &mut Snapshot) {
    for device in host.list("/sys/fs/ext4") {
        let place = format!("/sys/fs/ext4/{device}/errors_count");
        if let Some(number) = number(host, &place) {
            found.add(Code::FilesystemError, &device, place, number, Standing::Nothing);
        }
    }
}

/// testing/sysfs-class-net, stable/sysfs-class-infiniband. Links go down at every start; only what comes later counts.
fn networks(host: &Host, found: &mut Snapshot) {
    for interface in host.list("/sys/class/net") {
        let directory = format!("/sys/class/net/{interface}");
        if !host.exists(format!("{directory}/device")) {
            continue;
        }
        let place = format!("{directory}/carrier_down_count");
        if let Some(number) = number(host, &place) {
            found.add(Code::NetLinkDown, &interface, place, number, Standing::Nothing);
        }
        for queue in host.list(format!("{directory}/queues")).into_iter().filter(|queue| queue.starts_with("tx-")) {
            let place = format!("{directory}/queues/{queue}/tx_timeout");
            if let Some(number) = number(host, &place) {
                found.add(Code::NetTxTimeout, &interface, place, number, Standing::SinceStart);
            }
        }
    }
    for device in host.list("/sys/class/infiniband") {
        let ports = format!("/sys/class/infiniband/{device}/ports");
        for port in host.list(&ports) {
            for file in ["link_downed", "link_error_recovery", "local_link_integrity_errors", "symbol_error"] {
                let place = format!("{ports}/{port}/counters/{file}");
                if let Some(number) = number(host, &place) {
                    found.add(Code::IbLinkError, &device, place, number, Standing::Nothing);
                }
            }
        }
    }
}

/// The kernel's own counters: OOM kills, memory pages taken out of use, oopses, warnings.
fn kernel(host: &Host, found: &mut Snapshot) {
    let word = |path: &str, name: &str| {
        let text = host.text(path)?;
        text.lines().find_map(|line| {
            line.strip_prefix(name)?.trim_start_matches(':').split_ascii_whitespace().next()?.parse::<u64>().ok()
        })
    };
    let mut add = |code: Code, place: &str, number: Option<u64>| {
        if let Some(number) = number {
            found.add(code, "", place.to_string(), number, Standing::SinceStart);
        }
    };
    add(Code::OomKill, "/proc/vmstat oom_kill", word("/proc/vmstat", "oom_kill "));
    let corrupted = word("/proc/meminfo", "HardwareCorrupted:").map(|kib| kib / 4);
    add(Code::MemoryPageOfflined, "/proc/meminfo HardwareCorrupted, in pages", corrupted);
    for (file, code) in [("oops_count", Code::KernelOops), ("warn_count", Code::KernelWarning)] {
        let place = format!("/sys/kernel/{file}");
        add(code, &place, number(host, &place));
    }
}
