//! SMBIOS structures as bytes: processors that the kernel does not name, modules, slots, power supplies.

use super::survey::{Survey, legible, storable};

/// The firmware's table.
pub(super) const TABLE: &str = "/sys/firmware/dmi/tables/DMI";

/// A structure: its type, its fixed part and its strings.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Structure<'a> {
    pub(super) kind: u8,
    pub(super) fixed: &'a [u8],
    pub(super) strings: Vec<&'a [u8]>,
}

impl Structure<'_> {
    /// As it stands in a table.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.fixed.to_vec();
        self.strings.iter().for_each(|text| bytes.extend(text.iter().chain(&[0])));
        // A structure without strings ends in two zeros all the same.
        bytes.extend(if self.strings.is_empty() { &[0, 0][..] } else { &[0] });
        bytes
    }

    /// A byte of the fixed part; older firmware has shorter ones.
    pub(super) fn byte(&self, offset: usize) -> Option<u8> {
        self.fixed.get(offset).copied()
    }

    /// Two bytes.
    pub(super) fn word(&self, offset: usize) -> Option<u16> {
        Some(u16::from_le_bytes(self.fixed.get(offset..offset + 2)?.try_into().ok()?))
    }

    /// Four bytes.
    pub(super) fn double(&self, offset: usize) -> Option<u32> {
        Some(u32::from_le_bytes(self.fixed.get(offset..offset + 4)?.try_into().ok()?))
    }

    /// Eight bytes.
    pub(super) fn quad(&self, offset: usize) -> Option<u64> {
        Some(u64::from_le_bytes(self.fixed.get(offset..offset + 8)?.try_into().ok()?))
    }

    /// The string whose number stands at an offset; what makers write for "nothing" is nothing.
    pub(super) fn text(&self, offset: usize) -> String {
        const NOTHING: [&str; 8] =
            ["not specified", "unknown", "none", "no dimm", "n/a", "empty", "default string", "to be filled by o.e.m."];
        let number = usize::from(self.byte(offset).unwrap_or(0));
        let text = number.checked_sub(1).and_then(|index| self.strings.get(index)).copied().unwrap_or_default();
        let text = String::from_utf8_lossy(text).trim().to_owned();
        if NOTHING.contains(&text.to_lowercase().as_str()) { String::new() } else { text }
    }
}

/// True on a machine without SMBIOS: a kernel that found a table has the directories of it, whoever may read them, and these are the marks
/// of kernels that found none: firmware of another kind, or a guest's without tables. Absence is an answer there.
pub(super) fn is_foreign(survey: &Survey<'_>) -> bool {
    let has = |mark: &&str| survey.host.has(mark);
    let marks = [
        "/sys/firmware/devicetree",
        "/sys/firmware/acpi",
        "/sys/firmware/memmap",
        "/proc/device-tree",
        "/sys/bus/css",
        "/sys/hypervisor/type",
    ];
    !["/sys/firmware/dmi", "/sys/class/dmi"].iter().any(has) && marks.iter().any(has)
}

/// The whole table; nothing where there is none.
pub(super) fn table(survey: &Survey<'_>) -> Vec<u8> {
    survey.bytes(TABLE).unwrap_or_default()
}

/// Vendor and model of the first processor (type 4) that has both: the second and third string, as the reference takes them.
pub(super) fn processor(survey: &Survey<'_>) -> Option<(String, String)> {
    let table = survey.bytes(TABLE)?;
    structures(&table).into_iter().filter(|structure| structure.kind == 4).find_map(|structure| {
        let text = |index: usize| structure.strings.get(index).map(|text| storable(legible(text).trim()));
        let (vendor, model) = (text(1)?, text(2)?);
        (!vendor.is_empty() && !model.is_empty()).then_some((vendor, model))
    })
}

/// Splits a table; what is cut off or malformed ends it.
pub(super) fn structures(table: &[u8]) -> Vec<Structure<'_>> {
    let mut structures = Vec::new();
    let mut rest = table;
    while let [kind, length, _, _, ..] = *rest {
        let length = usize::from(length);
        if length < 4 || length > rest.len() {
            break;
        }
        let Some(end) = memchr::memmem::find(&rest[length..], &[0, 0]) else { break };
        let text = &rest[length..length + end];
        let strings = text.split(|&byte| byte == 0).filter(|text| !text.is_empty()).collect();
        structures.push(Structure { kind, fixed: &rest[..length], strings });
        if kind == 127 {
            break;
        }
        rest = &rest[length + end + 2..];
    }
    structures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_and_their_strings_are_split() {
        let table = b"\x04\x05\x00\x00\xffCPU0\0Intel\0Xeon\0\0\x01\x04\x01\x00\0\0\x7f\x04\x02\x00\0\0garbage";
        let found = structures(table);
        assert_eq!(found.len(), 3);
        assert_eq!(found[0].strings, [&b"CPU0"[..], b"Intel", b"Xeon"]);
        assert!(found[1].strings.is_empty());
        assert!(structures(b"\x04\xff\x00\x00").is_empty());
        assert!(structures(b"\x04\x03\x00\x00\0\0").is_empty());
    }
}
