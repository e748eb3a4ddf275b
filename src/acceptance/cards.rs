//! Keys of cards: network, graphics, PCI.

use super::catalogue::{Field, LINK, Shape, Source, field, of};
use super::made;
use super::unit::Unit;

pub(super) const NIC: &[Field] = &[
    field("model", Shape::Text, Source::Text("model"), "Maker and name of the card.", "compare the part with the order; claim it"),
    of(&["ethernet", "infiniband", "wireless", "other"], field("kind", Shape::Text, Source::Text("kind"), "`ethernet`, `infiniband`, `wireless` or `other`.", "compare the part with the order")),
    field("driver", Shape::Text, Source::Text("driver"), "Driver.", "look at the kernel and its modules"),
    field("firmware", Shape::Version, Source::Text("firmware"), "Firmware, as the driver tells it.", "update the firmware; after an update it is told only after a restart"),
    field("speed", Shape::Number(Unit::Megabits, 0.0), Source::Made(made::nic_speed), "Mbit/s of the link; the port has to be up.", "check cable, optics and the port of the switch"),
    field("maximum_speed", Shape::Number(Unit::Megabits, 0.0), Source::Number("maximum_speed"), "The most Mbit/s that the card can do.", "compare the part with the order; claim it"),
    of(&["full", "half"], field("duplex", Shape::Text, Source::Text("duplex"), "`full` or `half`.", "check the port of the switch")),
    field("state", Shape::Text, Source::Text("state"), "`up`, `down` …", "check cable, optics and the port of the switch"),
    field("slot", Shape::Text, Source::Text("slot"), "Name of the slot on the board.", "move the card to its slot"),
    field("numa_node", Shape::Whole, Source::Number("numa_node"), "NUMA node.", "move the card to a slot of the other socket"),
    field("port", Shape::Whole, Source::Number("port"), "Number of the port on the card, from 0.", "compare the part with the order"),
    field("mtu", Shape::Whole, Source::Number("mtu"), "Bytes of the largest packet.", "set the MTU"),
    field("virtual_functions", Shape::Whole, Source::Made(made::virtual_functions), "Virtual functions that are possible.", "BIOS: SR-IOV Global Enable, and in the card"),
    LINK[0],
    LINK[1],
    LINK[2],
    LINK[3],
];

pub(super) const GPU: &[Field] = &[
    field("model", Shape::Text, Source::Made(made::card_model), "Maker and name of the card.", "compare the part with the order; claim it"),
    field("vendor", Shape::Text, Source::Text("vendor"), "Maker.", "compare the part with the order; claim it"),
    field("product", Shape::Text, Source::Text("product"), "Name.", "compare the part with the order; claim it"),
    field("driver", Shape::Text, Source::Text("driver"), "Driver.", "install the driver"),
    field("driver_version", Shape::Version, Source::Text("driver_version"), "Version of the driver.", "install the other version of the driver"),
    field("firmware", Shape::Version, Source::Text("firmware"), "Firmware (video BIOS), where the driver tells it.", "update the firmware"),
    field("memory", Shape::Number(Unit::Bytes, 0.03), Source::Number("memory"), "Its own memory, where the driver tells it; it is met within 3 %.", "compare the part with the order; claim it"),
    field("slot", Shape::Text, Source::Text("slot"), "Name of the slot on the board.", "move the card to its slot"),
    field("numa_node", Shape::Whole, Source::Number("numa_node"), "NUMA node.", "move the card to a slot of the other socket"),
    LINK[0],
    LINK[1],
    LINK[2],
    LINK[3],
];

pub(super) const PCI: &[Field] = &[
    field("model", Shape::Text, Source::Made(made::card_model), "Maker and name of the device.", "compare the part with the order; claim it"),
    field("vendor", Shape::Text, Source::Text("vendor"), "Maker.", "compare the part with the order; claim it"),
    field("product", Shape::Text, Source::Text("product"), "Name.", "compare the part with the order; claim it"),
    field("ids", Shape::Text, Source::Text("ids"), "`VENDOR:PRODUCT`, hexadecimal.", "compare the part with the order; claim it"),
    field("subsystem_ids", Shape::Text, Source::Text("subsystem_ids"), "The same of the maker of the card.", "compare the part with the order; claim it"),
    field("class", Shape::Text, Source::Text("class"), "Six hexadecimal digits.", "compare the part with the order"),
    field("class_name", Shape::Text, Source::Text("class_name"), "Name of the class.", "compare the part with the order"),
    field("revision", Shape::Text, Source::Text("revision"), "Two hexadecimal digits.", "compare the part with the order"),
    field("driver", Shape::Text, Source::Text("driver"), "Driver.", "look at the kernel and its modules"),
    field("slot", Shape::Text, Source::Text("slot"), "Name of the slot on the board.", "move the card to its slot"),
    field("numa_node", Shape::Whole, Source::Number("numa_node"), "NUMA node.", "move the card to a slot of the other socket"),
    LINK[0],
    LINK[1],
    LINK[2],
    LINK[3],
];
