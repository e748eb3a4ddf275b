//! Keys of what a server is built of: processors, memory, disks, power, firmware and settings.

use super::catalogue::{
    CLAIM, Field, LINK, ORDER, Shape, Source, UPDATE, field, flag, of, place, text, version, whole,
};
use super::made;
use super::unit::Unit;

pub(super) const CPU: &[Field] = &[
    field("count", Shape::Whole, Source::Made(made::packages), "Processors fitted.", "seat the processor, or claim it"),
    text("model", "Model, as the processor tells it.", ORDER),
    text("vendor", "Maker, as the processor tells it.", ORDER),
    whole("cores", "Cores in use of each processor.", "BIOS: core disable; else claim the processor"),
    whole("threads", "Threads in use of each processor.", "BIOS: hyper-threading (SMT)"),
    field(
        "numa_nodes",
        Shape::Whole,
        Source::Made(made::numa_nodes),
        "NUMA nodes with processors, of the whole machine.",
        "BIOS: sub-NUMA clustering (SNC, NPS)",
    ),
    field(
        "offline",
        Shape::Whole,
        Source::Made(made::offline),
        "Threads that are there and not in use, of the whole machine.",
        "the kernel command line or the BIOS keeps them off",
    ),
];

pub(super) const MEMORY: &[Field] = &[
    field(
        "slot",
        Shape::Text,
        Source::Made(made::memory_slot),
        "Name of the slot on the board; with its bank where several slots have one name.",
        "move the module to its slot",
    ),
    text("bank", "Name of the bank.", "move the module to its slot"),
    field(
        "size",
        Shape::Number(Unit::Bytes, 0.0),
        Source::Number("size"),
        "Size of a module; it has to be met exactly.",
        CLAIM,
    ),
    text("kind", "`DDR4`, `DDR5` …", CLAIM),
    text("technology", "`DRAM`, `NVDIMM-N` …", CLAIM),
    field(
        "speed",
        Shape::Number(Unit::Megatransfers, 0.0),
        Source::Number("speed"),
        "MT/s that the module can do.",
        CLAIM,
    ),
    field(
        "configured_speed",
        Shape::Number(Unit::Megatransfers, 0.0),
        Source::Number("configured_speed"),
        "MT/s that it runs at.",
        "BIOS: memory speed; all modules of a channel run as the slowest",
    ),
    whole("ranks", "Ranks.", CLAIM),
    flag("ecc", "The module has bits for error correction.", CLAIM),
    text("manufacturer", "Maker.", ORDER),
    text("part", "Part number.", ORDER),
];

/// Kinds of disks: buses as the kernel names them, and what the medium is.
const DISK_KINDS: &[&str] = &["nvme", "sata", "scsi", "usb", "virtio", "mmc", "ide", "xen", "cdrom", "ssd", "hdd"];

pub(super) const DISK: &[Field] = &[
    text("model", "Model.", CLAIM),
    text("vendor", "Maker, where it is told apart from the model.", ORDER),
    field("size", Shape::Number(Unit::Bytes, 0.01), Source::Number("size"), "Size; it is met within 1 %.", CLAIM),
    version("firmware", "Firmware.", UPDATE),
    of(DISK_KINDS, field("kind", Shape::Text, Source::Made(made::disk_kind), "The bus; also `ssd` or `hdd`.", ORDER)),
    flag("rotational", "The medium rotates (a hard disk).", ORDER),
    field(
        "place",
        Shape::Place,
        Source::Made(made::disk_place),
        "`enclosure E bay B`, `bay B`, else the path without kernel names.",
        "move the disk to its bay",
    ),
    text("enclosure", "Enclosure.", "move the disk to its enclosure"),
    place("bay", "Bay or slot.", "move the disk to its bay"),
    whole("numa_node", "NUMA node.", "move the disk to a bay of the other socket"),
    whole("physical_block_size", "Bytes.", ORDER),
    whole("logical_block_size", "Bytes.", "format the disk anew with the other block size"),
    text("raid_level", "RAID level of a volume of a RAID controller.", "make the volume anew"),
    text("state", "`running`, `live` …", "look at `shakedown disk show`"),
    flag(
        "read_only",
        "The kernel lets nobody write.",
        "look at `shakedown disk show`; a worn drive makes itself read-only",
    ),
    LINK[0],
    LINK[1],
    LINK[2],
    LINK[3],
];

pub(super) const PSU: &[Field] = &[
    text("model", "Model.", ORDER),
    text("manufacturer", "Maker.", ORDER),
    field("watts", Shape::Number(Unit::Watts, 0.0), Source::Number("watts"), "The most watts.", CLAIM),
    text("state", "`ok`, `critical`, `unplugged`, `online` …", "check cord and input of the power supply"),
    of(&["supply", "mains"], text("kind", "`supply` by the firmware, `mains` by the kernel.", ORDER)),
    text("location", "Where it is.", "move the power supply"),
    version("revision", "Revision.", ORDER),
];

pub(super) const ARRAY: &[Field] = &[
    text("level", "`raid1`, `raid6` …", "make the array anew"),
    field(
        "size",
        Shape::Number(Unit::Bytes, 0.01),
        Source::Number("size"),
        "Size; it is met within 1 %.",
        "make the array anew",
    ),
    text("state", "`clean`, `active` …", "look at /proc/mdstat"),
    whole("devices", "Members that it should have.", "make the array anew"),
    whole("degraded", "Members that are missing.", "add the missing members"),
];

pub(super) const CONTROLLER: &[Field] = &[
    text("model", "Model.", ORDER),
    of(&["nvme", "raid", "scsi"], text("kind", "`nvme`, `raid` or `scsi`.", ORDER)),
    text("driver", "Driver.", "look at the kernel and its modules"),
    version("firmware", "Firmware.", UPDATE),
    text("state", "`live`, `running` …", "look at the kernel log"),
    text("transport", "`pcie`, `fc`, `tcp` …", ORDER),
    LINK[0],
    LINK[1],
    LINK[2],
    LINK[3],
];

pub(super) const FIRMWARE: &[Field] = &[
    field("bios", Shape::Version, Source::Made(made::bios), "BIOS of the machine.", "update the BIOS"),
    field("bmc", Shape::Version, Source::Made(made::bmc_firmware), "Firmware of the BMC.", "update the BMC"),
    field(
        "microcode",
        Shape::Version,
        Source::Made(made::microcode),
        "Microcode of all processors.",
        "update BIOS or microcode package",
    ),
    field(
        "embedded_controller",
        Shape::Version,
        Source::Made(made::embedded_controller),
        "Firmware of the embedded controller.",
        "update the BIOS",
    ),
];

pub(super) const SETTINGS: &[Field] = &[
    field("uefi", Shape::Flag, Source::Made(made::uefi), "The machine has started by UEFI.", "BIOS: boot mode"),
    field("secure_boot", Shape::Flag, Source::Made(made::secure_boot), "Secure Boot is on.", "BIOS: Secure Boot"),
    of(
        &["none", "1.2", "2.0"],
        field(
            "tpm",
            Shape::Version,
            Source::Made(made::tpm),
            "Version of the TPM, `1.2` or `2.0`; `none` where there is none.",
            "BIOS: TPM; else fit the module",
        ),
    ),
    field(
        "iommu",
        Shape::Flag,
        Source::Made(made::iommu),
        "Devices are in IOMMU groups.",
        "BIOS: VT-d or AMD-Vi; kernel: intel_iommu=on",
    ),
    field(
        "sriov",
        Shape::Flag,
        Source::Made(made::sriov),
        "Some network card offers virtual functions.",
        "BIOS: SR-IOV Global Enable, and in the card",
    ),
    field(
        "smt",
        Shape::Flag,
        Source::Made(made::smt),
        "Cores have more than one thread.",
        "BIOS: hyper-threading (SMT)",
    ),
    field("bmc", Shape::Flag, Source::Made(made::bmc), "There is a BMC.", "check the BMC; load the IPMI drivers"),
    of(
        &["none", "parity", "single-bit ECC", "multi-bit ECC", "CRC"],
        field(
            "error_correction",
            Shape::Text,
            Source::Made(made::error_correction),
            "Error correction of memory, as the firmware tells it.",
            "BIOS: memory mode",
        ),
    ),
    field(
        "memory_total",
        Shape::Number(Unit::Bytes, 0.03),
        Source::Made(made::memory_total),
        "Memory that the kernel has; it is met within 3 %.",
        "compare the modules; BIOS: mirroring and reserved memory",
    ),
    field(
        "architecture",
        Shape::Text,
        Source::Made(made::architecture),
        "`x86_64`, `aarch64` …",
        "boot the other system",
    ),
];
