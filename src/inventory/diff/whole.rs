//! Names, serial numbers and firmware of the machine as a whole. The region has no event type for them, so they are no items; `shakedown
//! diff` reports them beside the changes of hardware.

use super::super::Inventory;
use super::change::What;

/// The changes of the machine's own names, numbers and firmware between two inventories. A value that only one of them has is no change.
#[must_use]
pub fn changes_of_the_whole(old: &Inventory, new: &Inventory) -> Vec<What> {
    let pairs = values(old).into_iter().zip(values(new));
    let changed = pairs.filter(|((_, before), (_, after))| before != after && !before.is_empty() && !after.is_empty());
    changed
        .map(|((field, before), (_, after))| What::Updated {
            field: field.to_owned(),
            before: before.to_owned(),
            after: after.to_owned(),
        })
        .collect()
}

/// The values by name of the field, always in the same order; empty ones are unknown.
fn values(inventory: &Inventory) -> [(&'static str, &str); 18] {
    let system = &inventory.machine_resources.resources.system;
    let (firmware, chassis) = (system.firmware.as_ref(), system.chassis.as_ref());
    let (board, tree) = (system.motherboard.as_ref(), inventory.device_tree.as_ref());
    [
        ("vendor", &system.vendor),
        ("product", &system.product),
        ("version", &system.version),
        ("sku", &system.sku),
        ("serial", &system.serial),
        ("uuid", &system.uuid),
        ("firmware vendor", firmware.map_or("", |it| &it.vendor)),
        ("firmware version", firmware.map_or("", |it| &it.version)),
        ("firmware date", firmware.map_or("", |it| &it.date)),
        ("board vendor", board.map_or("", |it| &it.vendor)),
        ("board product", board.map_or("", |it| &it.product)),
        ("board version", board.map_or("", |it| &it.version)),
        ("board serial", board.map_or("", |it| &it.serial)),
        ("chassis vendor", chassis.map_or("", |it| &it.vendor)),
        ("chassis version", chassis.map_or("", |it| &it.version)),
        ("chassis serial", chassis.map_or("", |it| &it.serial)),
        ("device tree model", tree.map_or("", |it| &it.model)),
        ("device tree serial", tree.map_or("", |it| &it.serial)),
    ]
}
