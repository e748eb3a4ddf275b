//! What a device is: decided once, from what smartctl and the kernel say together, with the evidence kept. Only what is known to be
//! something without SMART may be left out of a test; what nobody can name is an error (contract SMART §13.1).

use serde::Serialize;

use super::model::{Protocol, Report};

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Device {
    /// A SATA or PATA drive.
    Sata,
    /// A SAS drive, or another SCSI drive of its own.
    Sas,
    /// An `NVMe` drive.
    Nvme,
    /// Whatever is behind a USB bridge.
    UsbBridge,
    /// A drive behind a RAID controller, asked by its number.
    RaidMember,
    /// A volume that a RAID controller makes of drives.
    RaidVolume,
    /// A volume of a storage array, reached over a network.
    ArrayVolume,
    /// A disk of a virtual machine, or one that the kernel makes of something else.
    Virtual,
    /// A CD, a tape, an enclosure: no disk.
    NoDisk,
    /// Nobody says.
    Unknown,
}

/// A device with the evidence for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identified {
    /// What it is.
    pub device: Device,
    /// Which words say so; empty where nothing does.
    pub evidence: String,
}

impl Device {
    /// Whether it may have no SMART: of every other one the absence of health is an error.
    #[must_use]
    pub fn may_lack_smart(self) -> bool {
        matches!(self, Self::UsbBridge | Self::RaidVolume | Self::ArrayVolume | Self::Virtual | Self::NoDisk)
    }

    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sata => "sata",
            Self::Sas => "sas",
            Self::Nvme => "nvme",
            Self::UsbBridge => "usb-bridge",
            Self::RaidMember => "raid-member",
            Self::RaidVolume => "raid-volume",
            Self::ArrayVolume => "array-volume",
            Self::Virtual => "virtual",
            Self::NoDisk => "no-disk",
            Self::Unknown => "unknown",
        }
    }
}

/// How smartctl calls the drives behind RAID controllers.
pub(super) const MEMBERS: [&str; 10] =
    ["megaraid", "cciss", "areca", "aacraid", "3ware", "hpt", "jmb39x", "sssraid", "marvell", "csmi"];
/// Names of block devices that stand for no drive of their own.
const VIRTUAL_NAMES: [&str; 15] =
    ["vd", "xvd", "loop", "nbd", "dm-", "md", "zram", "ram", "rbd", "drbd", "pmem", "bcache", "mmcblk", "null", "zero"];
/// Vendors and products of disks of virtual machines.
const VIRTUAL: [&str; 17] = [
    "qemu",
    "vmware",
    "virtual disk",
    "virtual hd",
    "vbox",
    "virtualbox",
    "msft",
    "google persistentdisk",
    "xensrc",
    "virtio",
    "bhyve",
    "nutanix",
    "bochs",
    "amazon elastic block",
    "amazon ec2 nvme",
    "nvme_card",
    "parallels",
];
/// The revision of QEMU's emulated disks.
const QEMU_REVISION: &str = "2.5+";
/// Kernel drivers of SCSI hosts that only hypervisors have (their `proc_name`).
const HYPERVISORS: [&str; 4] = ["virtio_scsi", "vmw_pvscsi", "storvsc_host", "scsifront"];
/// Those of RAID controllers, which may answer in place of a drive.
const RAID_DRIVERS: [&str; 12] = [
    "megaraid_sas",
    "megaraid",
    "aacraid",
    "hpsa",
    "cciss",
    "smartpqi",
    "arcmsr",
    "3w-xxxx",
    "3w-9xxx",
    "3w-sas",
    "hptiop",
    "mvumi",
];
/// Vendors and products of volumes of RAID controllers, of the controllers themselves, and of software that does the same.
const VOLUMES: [&str; 40] = [
    "megaraid",
    "perc ",
    "perch",
    "mr9",
    "mr8",
    "mr10i",
    "mr-sas",
    "mrsas",
    "rs3",
    "rs2",
    "rms25",
    "serveraid",
    "servraid",
    "logical volume",
    "logical disk",
    "raid 0",
    "raid 1",
    "raid 5",
    "raid 6",
    "raid 10",
    "raid volume",
    "raid array",
    "smart array",
    "smart adapter",
    "areca",
    "arc-1",
    "-vol#",
    "adaptec",
    "aacraid",
    "3ware",
    "amcc",
    "9750-",
    "9650se",
    "asr",
    "lsi logical",
    "marvell raid",
    "virtualdisk",
    "vroc",
    "sata raid",
    "hw raid",
];
/// Vendors and products of storage arrays and of software that exports disks over a network.
const ARRAYS: [&str; 34] = [
    "netapp",
    "iet ",
    "lio-org",
    "symmetrix",
    "clariion",
    "dgc ",
    "emc ",
    "3pardata",
    "equallogic",
    "100e-00",
    "pure",
    "nimble",
    "compellnt",
    "hitachi open-",
    "open-v",
    "hp hsv",
    "hpe msa",
    "hp msa",
    "dothill",
    "ibm 2145",
    "ibm 2107",
    "ibm 2810",
    "infinibox",
    "nfinidat",
    "freenas",
    "truenas",
    "synology",
    "qnap",
    "scst_",
    "tgt",
    "nexenta",
    "dell md3",
    "md32xx",
    "md36xx",
];

/// Decides. The most certain evidence comes first: names that stand for nothing of their own, types that were asked for, what SCSI says
/// of the kind of device, products that are known, links and forms that only drives have.
#[must_use]
pub fn identify(report: &Report) -> Identified {
    named(report)
        .or_else(|| by_type(report))
        .or_else(|| by_product(report))
        .or_else(|| by_body(report))
        .or_else(|| by_words(report))
        .unwrap_or(Identified { device: Device::Unknown, evidence: String::new() })
}

#[expect(clippy::unnecessary_wraps, reason = "each of its callers may find nothing")]
fn is(device: Device, evidence: impl Into<String>) -> Option<Identified> {
    Some(Identified { device, evidence: evidence.into() })
}

/// By the name of the node, in the report or in what smartctl complains of.
fn named(report: &Report) -> Option<Identified> {
    let known = report.name.as_deref().and_then(|name| name.strip_prefix("/dev/"));
    let said = report.call.messages.iter().filter_map(|said| said.split_once("/dev/")).map(|(_, rest)| rest);
    let names = known.into_iter().chain(said).map(|name| name.split([' ', ':', ',']).next().unwrap_or_default());
    for name in names {
        if ["sr", "scd", "cd", "st", "nst"].iter().any(|kind| counted(name, kind)) {
            return is(Device::NoDisk, format!("the name /dev/{name}"));
        }
        let stands_alone = |kind: &str| name == kind || counted(name, kind) || lettered(name, kind);
        if VIRTUAL_NAMES.iter().any(|kind| stands_alone(kind)) {
            return is(Device::Virtual, format!("the name /dev/{name}"));
        }
    }
    match report.kernel.as_deref() {
        Some(kind @ ("virtio" | "loop" | "mmc" | "nbd" | "xen")) => {
            return is(Device::Virtual, format!("the kernel says {kind}"));
        }
        Some(kind @ ("cdrom" | "tape")) => return is(Device::NoDisk, format!("the kernel says {kind}")),
        _ => {}
    }
    let driver = report.driver.as_deref().filter(|driver| HYPERVISORS.contains(driver))?;
    is(Device::Virtual, format!("the kernel's driver {driver}"))
}

/// True if a RAID controller stands between the kernel and whatever this is, so that an error may be the controller's own.
pub(super) fn is_behind_controller(report: &Report) -> bool {
    report.driver.as_deref().is_some_and(|driver| RAID_DRIVERS.contains(&driver))
}

/// `md127`, `dm-3`: a kind and a number.
fn counted(name: &str, kind: &str) -> bool {
    name.strip_prefix(kind).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// `vda`: a kind and letters.
fn lettered(name: &str, kind: &str) -> bool {
    let letters = |rest: &str| !rest.is_empty() && rest.len() < 4 && rest.bytes().all(|b| b.is_ascii_lowercase());
    matches!(kind, "vd" | "xvd") && name.strip_prefix(kind).is_some_and(letters)
}

/// By the type that smartctl found or was told, by the kernel's, and by SCSI's kind of device.
fn by_type(report: &Report) -> Option<Identified> {
    let kind = report.device_type.as_deref().unwrap_or_default();
    let said = |words: &str| report.call.messages.iter().any(|one| one.contains(words));
    let scsi = report.identity.kind.as_deref().filter(|kind| !is_disk(kind));
    match () {
        () if MEMBERS.iter().any(|member| kind.contains(member)) && !is_virtual(report) => {
            is(Device::RaidMember, format!("the type {kind}"))
        }
        () if kind.starts_with("usb") || kind.starts_with("snt") => is(Device::UsbBridge, format!("the type {kind}")),
        () if report.kernel.as_deref() == Some("usb") => is(Device::UsbBridge, "the kernel says usb"),
        () if said("USB bridge") || said("[USB NVMe") => is(Device::UsbBridge, "smartctl names a USB bridge"),
        // Only a bridge puts SCSI's words, or Windows' request for SCSI, into the answer of an NVMe drive.
        () if said("Read NVMe Identify Controller failed: scsi")
            || said("Read NVMe Identify Controller failed: IOCTL_SCSI_PASS_THROUGH") =>
        {
            is(Device::UsbBridge, "smartctl asks for NVMe through SCSI")
        }
        () => scsi.and_then(|kind| is(Device::NoDisk, format!("the device type {kind}"))),
    }
}

/// Disks whose zones the host manages are another kind of SCSI device, and are disks.
fn is_disk(kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    ["disk", "zoned", "direct", "simplified", "reduced block"].iter().any(|word| kind.contains(word))
}

fn product(report: &Report) -> String {
    report.identity.model.as_deref().unwrap_or_default().to_ascii_lowercase()
}

/// By vendor and product, or by the revision that QEMU's disks have had since its version 2.5, whatever they are told to call themselves.
pub(super) fn is_virtual(report: &Report) -> bool {
    let model = product(report);
    VIRTUAL.iter().any(|word| model.contains(word)) || report.identity.firmware.as_deref() == Some(QEMU_REVISION)
}

/// By vendor and product of what presents itself as SCSI. Real drives bear the names of array makers, too: those have a link of their own.
fn by_product(report: &Report) -> Option<Identified> {
    if report.protocol == Some(Protocol::Ata) || report.protocol == Some(Protocol::Nvme) {
        return is_virtual(report).then_some(()).and_then(|()| match report.protocol {
            // An emulated SATA or NVMe drive has SMART like a real one.
            Some(Protocol::Ata) => is(Device::Sata, "it speaks ATA"),
            _ => is(Device::Nvme, "it speaks NVMe"),
        });
    }
    let model = product(report);
    let found = |words: &'static [&'static str]| words.iter().find(|word| format!("{model} ").contains(**word));
    let link = report.identity.link.as_deref().unwrap_or_default();
    let counts = super::access::has_counters(report);
    if let Some(word) = found(&VIRTUAL) {
        return is(Device::Virtual, format!("the product {:?}", word.trim()));
    }
    if is_virtual(report) {
        return is(Device::Virtual, format!("the revision {QEMU_REVISION:?} of emulated disks"));
    }
    if let Some(word) = found(&VOLUMES).filter(|_| !link.starts_with("SAS") && !counts) {
        return is(Device::RaidVolume, format!("the product {:?}", word.trim()));
    }
    if let Some(word) = found(&ARRAYS).filter(|_| !link.starts_with("SAS") && !counts) {
        return is(Device::ArrayVolume, format!("the product {:?}", word.trim()));
    }
    let networked =
        ["iscsi", "fibre", "fcp", "srp", "infiniband"].iter().any(|word| link.to_ascii_lowercase().contains(word));
    (networked && !counts)
        .then_some(())
        .and_then(|()| is(Device::ArrayVolume, format!("the link {link}, and no counter")))
}

/// By what only a drive has: its protocol, its link, its form, its platters.
fn by_body(report: &Report) -> Option<Identified> {
    let identity = &report.identity;
    match report.protocol {
        Some(Protocol::Ata) => return is(Device::Sata, "it speaks ATA"),
        Some(Protocol::Nvme) => return is(Device::Nvme, "it speaks NVMe"),
        _ => {}
    }
    if let Some(link) = &identity.link {
        return is(Device::Sas, format!("the link {link}"));
    }
    if let Some(form) = &identity.form_factor {
        return is(Device::Sas, format!("the form factor {form}"));
    }
    if let Some(rate) = identity.rotation_rate.filter(|rate| *rate > 0) {
        return is(Device::Sas, format!("{rate} rotations per minute"));
    }
    // World-wide names of drives begin with 5; those of volumes with 6, unless a drive has several units.
    if report.protocol == Some(Protocol::Scsi)
        && identity.wwn.as_deref().is_some_and(|wwn| wwn.len() == 16 && wwn.starts_with('5'))
    {
        return is(Device::Sas, "the world-wide name of a drive");
    }
    None
}

/// By what smartctl says of it when it cannot be opened as what it seems.
fn by_words(report: &Report) -> Option<Identified> {
    const VOLUME: [&str; 3] = ["requires option '-d cciss", "please try adding '-d megaraid", "please try adding"];
    let messages = || report.call.messages.iter();
    if let Some(said) = messages().find(|said| VOLUME.iter().any(|word| said.contains(word))) {
        return is(Device::RaidVolume, said.clone());
    }
    // A unit that only says of itself that it has SMART, and counts nothing, is a volume (contract SMART §13.7).
    let alone = report.protocol == Some(Protocol::Scsi)
        && report.identity.model.is_some()
        && report.status.passed == Some(true)
        && report.call.messages.is_empty()
        && report.support.available == Some(true)
        && !super::access::has_counters(report);
    alone.then_some(()).and_then(|()| is(Device::ArrayVolume, "no counter, no log, no hours, no temperature"))
}
