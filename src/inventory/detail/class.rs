//! Names of PCI classes: from `pci.ids`, else the few words of the standard for base classes.

use super::super::names::Names;

/// PCI Code and ID Assignment Specification, 1.1 to 1.21.
const BASES: [&str; 20] = [
    "Unclassified device",
    "Mass storage controller",
    "Network controller",
    "Display controller",
    "Multimedia controller",
    "Memory controller",
    "Bridge",
    "Communication controller",
    "System peripheral",
    "Input device controller",
    "Docking station",
    "Processor",
    "Serial bus controller",
    "Wireless controller",
    "Intelligent controller",
    "Satellite communications controller",
    "Encryption controller",
    "Signal processing controller",
    "Processing accelerator",
    "Non-essential instrumentation",
];

/// The name of a class of six hexadecimal digits.
pub(super) fn name(names: &Names, class: &str) -> String {
    let byte = |place: usize| u8::from_str_radix(class.get(place..place + 2)?, 16).ok();
    let (Some(base), Some(subclass)) = (byte(0), byte(2)) else { return String::new() };
    let known = names.pci_class(base, subclass);
    if known.is_empty() {
        BASES.get(usize::from(base)).map(|name| (*name).to_owned()).unwrap_or_default()
    } else {
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;

    #[test]
    fn a_class_has_a_name_without_a_database() {
        let nowhere = Host::at("/nowhere");
        let none = Names::pci(&nowhere);
        assert_eq!(name(&none, "020000"), "Network controller");
        assert_eq!((name(&none, "ff0000"), name(&none, "02"), name(&none, "")), Default::default());
    }
}
