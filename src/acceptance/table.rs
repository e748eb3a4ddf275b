//! Keys of what a server is built of: processors, memory, disks, power, firmware and settings.

use super::catalogue::{Field, LINK, Shape, Source, field, of};
use super::made;
use super::unit::Unit;

pub(super) const CPU: &[Field] = &[
    field("count", Shape::Whole, Source::Made(made::packages), "Processors fitted.", "seat the processor, or claim it"),
    field(
        "model",
        Shape::Text,
        Source::Text("model"),
        "Model, as the processor tells it.",
        "compare the part with the order",
    ),
    field(
        "vendor",
        Shape::Text,
        Source::Text("vendor"),
        "Maker, as the processor tells it.",
        "compare the part with the order",
    ),
    field(
        "cores",
        Shape::Whole,
        Source::Number("cores"),
        "Cores in use of each processor.",
        "BIOS: core disable; else claim the processor",
    ),
    field(
        "threads",
        Shape::Whole,
        Source::Number("threads"),
        "Threads in use of each processor.",
        "BIOS: hyper-threading (SMT)",
    ),
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
    field("bank", Shape::Text, Source::Text("bank"), "Name of the bank.", "move the module to its slot"),
    field(
        "size",
        Shape::Number(Unit::Bytes, 0.0),
        Source::Number("size"),
        "Size of a module; it has to be met exactly.",
        "compare the part with the order; claim it",
    ),
    field("kind", Shape::Text, Source::Text("kind"), "`DDR4`, `DDR5` …", "compare the part with the order; claim it"),
    field(
        "technology",
        Shape::Text,
        Source::Text("technology"),
        "`DRAM`, `NVDIMM-N` …",
        "compare the part with the order; claim it",
    ),
    field(
        "speed",
        Shape::Number(Unit::Megatransfers, 0.0),
        Source::Number("speed"),
        "MT/s that the module can do.",
        "compare the part with the order; claim it",
    ),
    field(
        "configured_speed",
        Shape::Number(Unit::Megatransfers, 0.0),
        Source::Number("configured_speed"),
        "MT/s that it runs at.",
        "BIOS: memory speed; all modules of a channel run as the slowest",
    ),
    field("ranks", Shape::Whole, Source::Number("ranks"), "Ranks.", "compare the part with the order; claim it"),
    field(
        "ecc",
        Shape::Flag,
        Source::Flag("ecc"),
        "It has bits for error correction.",
        "compare the part with the order; claim it",
    ),
    field("manufacturer", Shape::Text, Source::Text("manufacturer"), "Maker.", "compare the part with the order"),
    field("part", Shape::Text, Source::Text("part"), "Part number.", "compare the part with the order"),
];

pub(super) const DISK: &[Field] = &[
    field("model", Shape::Text, Source::Text("model"), "Model.", "compare the part with the order; claim it"),
    field(
        "vendor",
        Shape::Text,
        Source::Text("vendor"),
        "Maker, where it is told apart from the model.",
        "compare the part with the order",
    ),
    field(
        "size",
        Shape::Number(Unit::Bytes, 0.01),
        Source::Number("size"),
        "Size; it is met within 1 %.",
        "compare the part with the order; claim it",
    ),
    field(
        "firmware",
        Shape::Version,
        Source::Text("firmware"),
        "Firmware.",
        "update the firmware; after an update it is told only after a restart",
    ),
    field(
        "kind",
        Shape::Text,
        Source::Made(made::disk_kind),
        "`nvme`, `sata`, `scsi` …; also `ssd` or `hdd`.",
        "compare the part with the order",
    ),
    field("rotational", Shape::Flag, Source::Flag("rotational"), "It turns.", "compare the part with the order"),
    field(
        "place",
        Shape::Place,
        Source::Made(made::disk_place),
        "`enclosure E bay B`, `bay B`, else the path without kernel names.",
        "move the disk to its bay",
    ),
    field("enclosure", Shape::Text, Source::Text("enclosure"), "Enclosure.", "move the disk to its enclosure"),
    field("bay", Shape::Place, Source::Text("bay"), "Bay or slot.", "move the disk to its bay"),
    field(
        "numa_node",
        Shape::Whole,
        Source::Number("numa_node"),
        "NUMA node.",
        "move the disk to a bay of the other socket",
    ),
    field(
        "physical_block_size",
        Shape::Whole,
        Source::Number("physical_block_size"),
        "Bytes.",
        "compare the part with the order",
    ),
    field(
        "logical_block_size",
        Shape::Whole,
        Source::Number("logical_block_size"),
        "Bytes.",
        "format the disk anew with the other block size",
    ),
    field(
        "raid_level",
        Shape::Text,
        Source::Text("raid_level"),
        "RAID level of a volume of a RAID controller.",
        "make the volume anew",
    ),
    field("state", Shape::Text, Source::Text("state"), "`running`, `live` …", "look at `shakedown disk show`"),
    LINK[0],
    LINK[1],
    LINK[2],
    LINK[3],
];

pub(super) const PSU: &[Field] = &[
    field("model", Shape::Text, Source::Text("model"), "Model.", "compare the part with the order"),
    field("manufacturer", Shape::Text, Source::Text("manufacturer"), "Maker.", "compare the part with the order"),
    field(
        "watts",
        Shape::Number(Unit::Watts, 0.0),
        Source::Number("watts"),
        "The most watts.",
        "compare the part with the order; claim it",
    ),
    field(
        "state",
        Shape::Text,
        Source::Text("state"),
        "`ok`, `critical`, `unplugged`, `online` …",
        "check cord and input of the power supply",
    ),
    of(
        &["supply", "mains"],
        field(
            "kind",
            Shape::Text,
            Source::Text("kind"),
            "`supply` by the firmware, `mains` by the kernel.",
            "compare the part with the order",
        ),
    ),
    field("location", Shape::Text, Source::Text("location"), "Where it is.", "move the power supply"),
    field("revision", Shape::Version, Source::Text("revision"), "Revision.", "compare the part with the order"),
];

pub(super) const ARRAY: &[Field] = &[
    field("level", Shape::Text, Source::Text("level"), "`raid1`, `raid6` …", "make the array anew"),
    field(
        "size",
        Shape::Number(Unit::Bytes, 0.01),
        Source::Number("size"),
        "Size; it is met within 1 %.",
        "make the array anew",
    ),
    field("state", Shape::Text, Source::Text("state"), "`clean`, `active` …", "look at /proc/mdstat"),
    field("devices", Shape::Whole, Source::Number("devices"), "Members that it should have.", "make the array anew"),
    field("degraded", Shape::Whole, Source::Number("degraded"), "Members that are missing.", "add the missing members"),
];

pub(super) const CONTROLLER: &[Field] = &[
    field("model", Shape::Text, Source::Text("model"), "Model.", "compare the part with the order"),
    of(
        &["nvme", "raid", "scsi"],
        field(
            "kind",
            Shape::Text,
            Source::Text("kind"),
            "`nvme`, `raid` or `scsi`.",
            "compare the part with the order",
        ),
    ),
    field("driver", Shape::Text, Source::Text("driver"), "Driver.", "look at the kernel and its modules"),
    field(
        "firmware",
        Shape::Version,
        Source::Text("firmware"),
        "Firmware.",
        "update the firmware; after an update it is told only after a restart",
    ),
    field("state", Shape::Text, Source::Text("state"), "`live`, `running` …", "look at the kernel log"),
    field(
        "transport",
        Shape::Text,
        Source::Text("transport"),
        "`pcie`, `fc`, `tcp` …",
        "compare the part with the order",
    ),
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
