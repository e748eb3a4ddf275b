//! The words of a profile: each section and kind of device with its keys, what they hold and where the inventory tells them.
//!
//! One table for all: the parser, the schema, `--learn` and the judge read it.

use super::fact::Fact;
use super::look::Look;
use super::made;
use super::unit::Unit;

/// What a key holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape {
    /// A text.
    Text,
    /// A text in which `0..59` is any number from one to the other.
    Place,
    /// A version.
    Version,
    /// Yes or no.
    Flag,
    /// A number, which fits within a share of it.
    Number(Unit, f64),
    /// A number without fractions.
    Whole,
}

/// Where an inventory tells a fact.
#[derive(Clone, Copy)]
pub(super) enum Source {
    /// A text of the device.
    Text(&'static str),
    /// A number of the device.
    Number(&'static str),
    /// A flag of the device.
    Flag(&'static str),
    /// It is made of more.
    Made(fn(&Look<'_>) -> Fact),
}

/// A key.
#[derive(Clone, Copy)]
pub(super) struct Field {
    /// As it is written; `link.width` is `width` in the table `link`.
    pub(super) key: &'static str,
    /// What it holds.
    pub(super) shape: Shape,
    /// Where it comes from.
    pub(super) source: Source,
    /// All that there is, where that is known; else empty.
    pub(super) words: &'static [&'static str],
    /// What it is, for the schema.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test makes the schema of it"))]
    pub(super) about: &'static str,
    /// What to do when it is not as ordered.
    pub(super) next: &'static str,
}

impl Field {
    /// The unit that its numbers are told in.
    pub(super) fn unit(&self) -> Unit {
        if let Shape::Number(unit, _) = self.shape { unit } else { Unit::None }
    }
}

/// A kind of devices, or the machine as a whole.
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
    /// What disks hang on.
    Controller,
    /// Firmware of the machine.
    Firmware,
    /// What the firmware switches.
    Settings,
}

impl Kind {
    /// Those of which a profile has groups.
    pub(super) const GROUPS: [Kind; 8] =
        [Kind::Memory, Kind::Disk, Kind::Nic, Kind::Gpu, Kind::Pci, Kind::Psu, Kind::Array, Kind::Controller];
    /// Those of which a profile has one table.
    pub(super) const TABLES: [Kind; 3] = [Kind::Cpu, Kind::Firmware, Kind::Settings];

    /// Its name in a profile.
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

    /// What several of them are called.
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

    /// Whether its devices belong to sockets by their NUMA nodes.
    pub(super) fn has_socket(self) -> bool {
        matches!(self, Kind::Disk | Kind::Nic | Kind::Gpu | Kind::Pci)
    }

    /// The key that says where a device is in words of the board.
    pub(super) fn has_slots(self) -> bool {
        matches!(self, Kind::Memory | Kind::Nic | Kind::Gpu | Kind::Pci)
    }

    /// Whether a slot holds one device; a card may have several ports or functions.
    pub(super) fn is_alone_in_slot(self) -> bool {
        matches!(self, Kind::Memory | Kind::Gpu)
    }

    /// What to do when one is missing.
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

    /// Its keys.
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

    /// One of its keys, and where it stands among them.
    pub(super) fn field(self, key: &str) -> Option<(usize, &'static Field)> {
        self.fields().iter().enumerate().find(|(_, field)| field.key == key)
    }
}

const NOTHING: &[&str] = &[];

/// A key that holds what the inventory has under a name.
pub(super) const fn field(
    key: &'static str,
    shape: Shape,
    source: Source,
    about: &'static str,
    next: &'static str,
) -> Field {
    Field { key, shape, source, words: NOTHING, about, next }
}

/// A text that the inventory has under the name of the key.
pub(super) const fn text(key: &'static str, about: &'static str, next: &'static str) -> Field {
    field(key, Shape::Text, Source::Text(key), about, next)
}

/// A version that the inventory has under the name of the key.
pub(super) const fn version(key: &'static str, about: &'static str, next: &'static str) -> Field {
    field(key, Shape::Version, Source::Text(key), about, next)
}

/// A place that the inventory has under the name of the key.
pub(super) const fn place(key: &'static str, about: &'static str, next: &'static str) -> Field {
    field(key, Shape::Place, Source::Text(key), about, next)
}

/// A whole number that the inventory has under the name of the key.
pub(super) const fn whole(key: &'static str, about: &'static str, next: &'static str) -> Field {
    field(key, Shape::Whole, Source::Number(key), about, next)
}

/// A flag that the inventory has under the name of the key.
pub(super) const fn flag(key: &'static str, about: &'static str, next: &'static str) -> Field {
    field(key, Shape::Flag, Source::Flag(key), about, next)
}

/// One of which all words are known.
pub(super) const fn of(words: &'static [&'static str], field: Field) -> Field {
    Field { words, ..field }
}

/// Next step where another part than the ordered one was delivered.
pub(super) const ORDER: &str = "compare the part with the order";
/// Next step where the part is worse than the ordered one.
pub(super) const CLAIM: &str = "compare the part with the order; claim it";
/// Next step where firmware is older than ordered.
pub(super) const UPDATE: &str = "update the firmware; after an update it is told only after a restart";

/// The slot of a card.
pub(super) const CARD_SLOT: Field = text("slot", "Name of the slot on the board.", "move the card to its slot");
/// The NUMA node of a card.
pub(super) const CARD_NODE: Field = whole("numa_node", "NUMA node.", "move the card to a slot of the other socket");

/// The widths of a PCI Express link.
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
const SPEEDS: &[&str] = &["2.5", "5", "8", "16", "32", "64"];
