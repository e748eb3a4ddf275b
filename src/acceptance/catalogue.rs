//! The keys of a profile: for each section and kind of device the keys, their value types and the inventory fields they are read from.
//!
//! The parser, the schema, `--learn` and the judge all read this one table, so they cannot disagree.

use super::fact::Fact;
use super::look::Look;
use super::made;
use super::unit::Unit;

/// Value type of a key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape {
    /// A text; a profile may ask for a regular expression (`~…`).
    Text,
    /// A text in which a profile may write a range: `bay 0..59` fits each bay from 0 to 59.
    Place,
    /// A version, compared number by number.
    Version,
    /// Yes or no.
    Flag,
    /// A number in this unit. A single expected value is met within this tolerance, a share of the value (0.02 is 2 %).
    Number(Unit, f64),
    /// A whole number.
    Whole,
}

/// The place in the inventory that a fact is read from.
#[derive(Clone, Copy)]
pub(super) enum Source {
    /// The text field of the device with this name.
    Text(&'static str),
    /// The number field of the device with this name.
    Number(&'static str),
    /// The boolean field of the device with this name.
    Flag(&'static str),
    /// A function that computes the fact from several fields.
    Made(fn(&Look<'_>) -> Fact),
}

/// One key of a profile.
#[derive(Clone, Copy)]
pub(super) struct Field {
    /// Name of the key as a profile writes it; `link.width` is `width` in the table `link`.
    pub(super) key: &'static str,
    /// Value type of the key.
    pub(super) shape: Shape,
    /// The place in the inventory that the fact is read from.
    pub(super) source: Source,
    /// All possible values; empty if there is no fixed list.
    pub(super) words: &'static [&'static str],
    /// Description of the key in the JSON Schema.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test makes the schema of it"))]
    pub(super) about: &'static str,
    /// Next step for the operator when the fact differs from the order.
    pub(super) next: &'static str,
}

impl Field {
    /// Unit that numbers of this key are printed in; `Unit::None` for all other value types.
    pub(super) fn unit(&self) -> Unit {
        if let Shape::Number(unit, _) = self.shape { unit } else { Unit::None }
    }
}

/// A kind of device, or a section about the machine as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    /// Processors.
    Cpu,
    /// Memory modules.
    Memory,
    /// Disks.
    Disk,
    /// Network interfaces.
    Nic,
    /// Graphics and compute cards.
    Gpu,
    /// PCI functions.
    Pci,
    /// Power supplies.
    Psu,
    /// Software RAID.
    Array,
    /// Storage controllers.
    Controller,
    /// Firmware versions of the machine: BIOS, BMC …
    Firmware,
    /// Settings and features of the machine: UEFI, Secure Boot, IOMMU …
    Settings,
}

impl Kind {
    /// Kinds that a profile describes in groups (`[[disk]]`).
    pub(super) const GROUPS: [Kind; 8] =
        [Kind::Memory, Kind::Disk, Kind::Nic, Kind::Gpu, Kind::Pci, Kind::Psu, Kind::Array, Kind::Controller];
    /// Kinds that a profile describes in one table (`[cpu]`).
    pub(super) const TABLES: [Kind; 3] = [Kind::Cpu, Kind::Firmware, Kind::Settings];

    /// Name of the kind in a profile: `disk`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Cpu => "cpu",
            Kind::Memory => "memory",
            Kind::Disk => "disk",
            Kind::Nic => "nic",
            Kind::Gpu => "gpu",
            Kind::Pci => "pci",
            Kind::Psu => "psu",
            Kind::Array => "array",
            Kind::Controller => "controller",
            Kind::Firmware => "firmware",
            Kind::Settings => "settings",
        }
    }

    /// Plural noun for messages: `disks`.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Kind::Cpu => "processors",
            Kind::Memory => "modules",
            Kind::Disk => "disks",
            Kind::Nic => "interfaces",
            Kind::Gpu => "cards",
            Kind::Pci => "PCI functions",
            Kind::Psu => "power supplies",
            Kind::Array => "arrays",
            Kind::Controller => "controllers",
            Kind::Firmware | Kind::Settings => "settings",
        }
    }

    /// A number of devices in words: `1 disk`, `8 disks`.
    pub(super) fn several(self, count: usize) -> String {
        let word = if count == 1 { self.singular() } else { self.plural() };
        format!("{count} {word}")
    }

    /// Noun for one device in messages: `disk`.
    pub(super) fn singular(self) -> &'static str {
        match self {
            Kind::Cpu => "processor",
            Kind::Memory => "module",
            Kind::Disk => "disk",
            Kind::Nic => "interface",
            Kind::Gpu => "card",
            Kind::Pci => "PCI function",
            Kind::Psu => "power supply",
            Kind::Array => "array",
            Kind::Controller => "controller",
            Kind::Firmware | Kind::Settings => "setting",
        }
    }

    /// True if a device of this kind is assigned to a socket by its NUMA node.
    pub(super) fn has_socket(self) -> bool {
        matches!(self, Kind::Disk | Kind::Nic | Kind::Gpu | Kind::Pci)
    }

    /// True if the inventory has slot names for devices of this kind.
    pub(super) fn has_slots(self) -> bool {
        matches!(self, Kind::Memory | Kind::Nic | Kind::Gpu | Kind::Pci)
    }

    /// True if a slot holds one device. Network cards may have several ports in one slot, PCI cards several functions.
    pub(super) fn is_alone_in_slot(self) -> bool {
        matches!(self, Kind::Memory | Kind::Gpu)
    }

    /// Next step for the operator when a device is missing.
    pub(super) fn missing(self) -> &'static str {
        match self {
            Kind::Cpu => "seat the processor, or claim it",
            Kind::Memory => "reseat the module, or claim it",
            Kind::Disk => "check the bay, its cable and backplane, or claim the disk",
            Kind::Nic | Kind::Gpu | Kind::Pci => "reseat the card, check that its slot is on in the BIOS, or claim it",
            Kind::Psu => "seat the power supply and its cord, or claim it",
            Kind::Array => "make the array, or correct the profile",
            Kind::Controller => "check the controller in the BIOS, or claim it",
            Kind::Firmware | Kind::Settings => "look at the BIOS",
        }
    }

    /// Keys of this kind; `Device::facts` has the same order.
    pub(super) fn fields(self) -> &'static [Field] {
        match self {
            Kind::Cpu => super::table::CPU,
            Kind::Memory => super::table::MEMORY,
            Kind::Disk => super::table::DISK,
            Kind::Nic => super::cards::NIC,
            Kind::Gpu => super::cards::GPU,
            Kind::Pci => super::cards::PCI,
            Kind::Psu => super::table::PSU,
            Kind::Array => super::table::ARRAY,
            Kind::Controller => super::table::CONTROLLER,
            Kind::Firmware => super::table::FIRMWARE,
            Kind::Settings => super::table::SETTINGS,
        }
    }

    /// The key with this name and its index in `fields()`; `None` if the kind has no such key.
    pub(super) fn field(self, key: &str) -> Option<(usize, &'static Field)> {
        self.fields().iter().enumerate().find(|(_, field)| field.key == key)
    }
}

/// Stands for "no fixed list of values".
const NOTHING: &[&str] = &[];

/// Makes a key without a fixed list of values.
pub(super) const fn field(
    key: &'static str,
    shape: Shape,
    source: Source,
    about: &'static str,
    next: &'static str,
) -> Field {
    Field { key, shape, source, words: NOTHING, about, next }
}

/// Makes a key for a text; the inventory field has the same name as the key.
pub(super) const fn text(key: &'static str, about: &'static str, next: &'static str) -> Field {
    field(key, Shape::Text, Source::Text(key), about, next)
}

/// Makes a key for a version; the inventory field has the same name as the key.
pub(super) const fn version(key: &'static str, about: &'static str, next: &'static str) -> Field {
    field(key, Shape::Version, Source::Text(key), about, next)
}

/// Makes a key for a place (a text with ranges); the inventory field has the same name as the key.
pub(super) const fn place(key: &'static str, about: &'static str, next: &'static str) -> Field {
    field(key, Shape::Place, Source::Text(key), about, next)
}

/// Makes a key for a whole number; the inventory field has the same name as the key.
pub(super) const fn whole(key: &'static str, about: &'static str, next: &'static str) -> Field {
    field(key, Shape::Whole, Source::Number(key), about, next)
}

/// Makes a key for a yes or no; the inventory field has the same name as the key.
pub(super) const fn flag(key: &'static str, about: &'static str, next: &'static str) -> Field {
    field(key, Shape::Flag, Source::Flag(key), about, next)
}

/// Limits a key to a fixed list of values.
pub(super) const fn of(words: &'static [&'static str], field: Field) -> Field {
    Field { words, ..field }
}

/// Next step if another part than the ordered one was delivered.
pub(super) const ORDER: &str = "compare the part with the order";
/// Next step if the part is worse than the ordered one.
pub(super) const CLAIM: &str = "compare the part with the order; claim it";
/// Next step if firmware is older than ordered.
pub(super) const UPDATE: &str = "update the firmware; after an update it is told only after a restart";

/// Key for the slot of a card.
pub(super) const CARD_SLOT: Field = text("slot", "Name of the slot on the board.", "move the card to its slot");
/// Key for the NUMA node of a card.
pub(super) const CARD_NODE: Field = whole("numa_node", "NUMA node.", "move the card to a slot of the other socket");

/// Possible widths of a PCI Express link, in lanes.
const WIDTHS: &[&str] = &["1", "2", "4", "8", "12", "16", "32"];
/// The keys of a PCI Express link.
pub(super) const LINK: [Field; 4] = [
    of(
        WIDTHS,
        field(
            "link.width",
            Shape::Whole,
            Source::Made(made::width),
            "Lanes in use.",
            "reseat the card; check the riser",
        ),
    ),
    of(
        SPEEDS,
        field(
            "link.speed",
            Shape::Number(Unit::Gigatransfers, 0.0),
            Source::Made(made::link_speed),
            "GT/s of a lane. A link that saves power is slower: look while the device is busy.",
            "reseat the card; check riser and BIOS (link speed)",
        ),
    ),
    of(
        WIDTHS,
        field(
            "link.maximum_width",
            Shape::Whole,
            Source::Made(made::maximum_width),
            "Lanes that the device can use.",
            ORDER,
        ),
    ),
    of(
        SPEEDS,
        field(
            "link.maximum_speed",
            Shape::Number(Unit::Gigatransfers, 0.0),
            Source::Made(made::maximum_link_speed),
            "GT/s that the device can do.",
            ORDER,
        ),
    ),
];
/// Possible speeds of a PCI Express lane, in GT/s.
const SPEEDS: &[&str] = &["2.5", "5", "8", "16", "32", "64"];
