//! SMBIOS structures as bytes: just enough to name a processor that the kernel does not name.

use super::survey::Survey;

/// A structure: its type and its strings.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Structure<'a> {
    pub(super) kind: u8,
    pub(super) strings: Vec<&'a [u8]>,
}

/// Vendor and model of the first processor (type 4) that has both: the second and third string, as the reference takes them.
pub(super) fn processor(survey: &Survey<'_>) -> Option<(String, String)> {
    let table = survey.bytes("/sys/firmware/dmi/tables/DMI")?;
    structures(&table).into_iter().filter(|structure| structure.kind == 4).find_map(|structure| {
        let text =
            |index: usize| structure.strings.get(index).map(|text| String::from_utf8_lossy(text).trim().to_owned());
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
        structures.push(Structure { kind, strings });
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
