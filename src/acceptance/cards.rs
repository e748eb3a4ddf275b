//! Keys of cards: network, graphics, PCI.

use super::catalogue::{
    CARD_NODE, CARD_SLOT, CLAIM, Field, LINK, ORDER, Shape, Source, UPDATE, field, of, text, version, whole,
};
use super::made;
use super::unit::Unit;

pub(super) const NIC: &[Field] = &[
    text("model", "Maker and name of the card.", CLAIM),
    of(
        &["ethernet", "infiniband", "wireless", "other"],
        text("kind", "`ethernet`, `infiniband`, `wireless` or `other`.", ORDER),
    ),
    text("driver", "Driver.", "look at the kernel and its modules"),
    version("firmware", "Firmware, as the driver tells it.", UPDATE),
    field(
        "speed",
        Shape::Number(Unit::Megabits, 0.0),
        Source::Made(made::nic_speed),
        "Mbit/s of the link; the port has to be up.",
        "check cable, optics and the port of the switch",
    ),
    field(
        "maximum_speed",
        Shape::Number(Unit::Megabits, 0.0),
        Source::Number("maximum_speed"),
        "The most Mbit/s that the card can do.",
        CLAIM,
    ),
    of(&["full", "half"], text("duplex", "`full` or `half`.", "check the port of the switch")),
    text("state", "`up`, `down` …", "check cable, optics and the port of the switch"),
    CARD_SLOT,
    CARD_NODE,
    whole("port", "Number of the port on the card, from 0.", ORDER),
    whole("mtu", "Bytes of the largest packet.", "set the MTU"),
    field(
        "virtual_functions",
        Shape::Whole,
        Source::Made(made::virtual_functions),
        "Virtual functions that are possible.",
        "BIOS: SR-IOV Global Enable, and in the card",
    ),
    LINK[0],
    LINK[1],
    LINK[2],
    LINK[3],
];

pub(super) const GPU: &[Field] = &[
    field("model", Shape::Text, Source::Made(made::card_model), "Maker and name of the card.", CLAIM),
    text("vendor", "Maker.", CLAIM),
    text("product", "Name.", CLAIM),
    text("driver", "Driver.", "install the driver"),
    version("driver_version", "Version of the driver.", "install the other version of the driver"),
    version("firmware", "Firmware (video BIOS), where the driver tells it.", "update the firmware"),
    field(
        "memory",
        Shape::Number(Unit::Bytes, 0.03),
        Source::Number("memory"),
        "Its own memory, where the driver tells it; it is met within 3 %.",
        CLAIM,
    ),
    CARD_SLOT,
    CARD_NODE,
    LINK[0],
    LINK[1],
    LINK[2],
    LINK[3],
];

pub(super) const PCI: &[Field] = &[
    field("model", Shape::Text, Source::Made(made::card_model), "Maker and name of the device.", CLAIM),
    text("vendor", "Maker.", CLAIM),
    text("product", "Name.", CLAIM),
    text("ids", "`VENDOR:PRODUCT`, hexadecimal.", CLAIM),
    text("subsystem_ids", "The same of the maker of the card.", CLAIM),
    text("class", "Six hexadecimal digits.", ORDER),
    text("class_name", "Name of the class.", ORDER),
    text("revision", "Two hexadecimal digits.", ORDER),
    text("driver", "Driver.", "look at the kernel and its modules"),
    CARD_SLOT,
    CARD_NODE,
    LINK[0],
    LINK[1],
    LINK[2],
    LINK[3],
];
