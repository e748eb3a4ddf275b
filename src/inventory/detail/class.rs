//! Names of PCI classes: from `pci.ids`, else from this program's own table.

use super::super::names::Names;

/// The name of a class of six hexadecimal digits.
pub(super) fn name(names: &[Names; 2], class: &str) -> String {
    let byte = |place: usize| u8::from_str_radix(class.get(place..place + 2)?, 16).ok();
    let (Some(base), Some(subclass)) = (byte(0), byte(2)) else { return String::new() };
    let known = names.iter().map(|names| names.pci_class(base, subclass));
    known.into_iter().find(|name| !name.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;

    #[test]
    fn a_class_has_a_name_without_a_database() {
        let nowhere = Host::at("/nowhere");
        let none = [Names::pci(&nowhere), Names::pci_by_itself()];
        assert_eq!(
            (name(&none, "020000"), name(&none, "02ee00")),
            ("Ethernet controller".into(), "Network controller".into())
        );
        assert_eq!((name(&none, "fe0000"), name(&none, "02"), name(&none, "")), Default::default());
    }
}
