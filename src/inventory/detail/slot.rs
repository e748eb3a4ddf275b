//! Names of PCI slots: the firmware's label of the device, SMBIOS type 9, or a hot-plug controller's.

use std::collections::HashMap;
use std::path::Path;

use super::super::smbios::{self, Structure};
use super::super::survey::{Survey, storable};

const SLOTS: &str = "/sys/bus/pci/slots";

/// Addresses without function, and the names of the slots where they are. SMBIOS's come first: they are what is printed on the board.
pub(super) fn all(survey: &Survey<'_>) -> HashMap<String, String> {
    let table = smbios::table(survey);
    let structures = smbios::structures(&table);
    let described = structures.iter().filter(|structure| structure.kind == 9).filter_map(described);
    let address = |name: &String| survey.text(Path::new(SLOTS).join(name).join("address"));
    let named = survey.names(SLOTS).into_iter().filter_map(|name| Some((address(&name)?, name)));
    let mut slots = HashMap::new();
    for (address, name) in described.chain(named) {
        slots.entry(address).or_insert(name);
    }
    slots
}

/// SMBIOS 3.4, table 54: segment, bus, device and function of what is in the slot.
fn described(structure: &Structure<'_>) -> Option<(String, String)> {
    let (segment, bus, device) = (structure.word(0x0d)?, structure.byte(0x0f)?, structure.byte(0x10)?);
    let name = storable(structure.text(0x04));
    // Firmware that does not know says all ones, or leaves zeros, where the host bridge is.
    let is_known = segment != 0xffff && bus != 0xff && device != 0xff && (bus, device) != (0, 0);
    (is_known && !name.is_empty()).then(|| (format!("{segment:04x}:{bus:02x}:{:02x}", device >> 3), name))
}

/// The name of the slot of a function; empty where nobody has named it.
pub(super) fn of(survey: &Survey<'_>, place: &Path, address: &str, slots: &HashMap<String, String>) -> String {
    let label = survey.host.text(place.join("label")).map(storable).unwrap_or_default();
    if !label.is_empty() {
        return label;
    }
    let device = address.rsplit_once('.').map_or(address, |(device, _)| device);
    slots.get(device).cloned().unwrap_or_default()
}
