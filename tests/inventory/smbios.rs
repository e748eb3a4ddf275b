//! SMBIOS tables in the making.

use crate::tree::Tree;

/// A structure.
pub(crate) struct Structure {
    fixed: Vec<u8>,
    strings: Vec<u8>,
    count: u8,
}

impl Structure {
    /// An empty one of a type, as long as its form is.
    pub(crate) fn new(kind: u8, length: u8) -> Self {
        let mut fixed = vec![0; usize::from(length)];
        (fixed[0], fixed[1]) = (kind, length);
        Structure { fixed, strings: Vec::new(), count: 0 }
    }

    /// A number of as many bytes as are given.
    pub(crate) fn bytes<const N: usize>(mut self, offset: usize, bytes: [u8; N]) -> Self {
        self.fixed[offset..offset + N].copy_from_slice(&bytes);
        self
    }

    /// Two bytes.
    pub(crate) fn word(self, offset: usize, number: u16) -> Self {
        self.bytes(offset, number.to_le_bytes())
    }

    /// A text; an empty one is none, for an empty string would end the structure.
    pub(crate) fn text(mut self, offset: usize, text: &str) -> Self {
        if text.is_empty() {
            return self;
        }
        self.strings.extend_from_slice(text.as_bytes());
        self.strings.push(0);
        self.count += 1;
        self.fixed[offset] = self.count;
        self
    }
}

/// A module of so many GiB and MT/s; an empty slot with none.
pub(crate) fn dimm(slot: &str, gib: u16, speed: u16, serial: &str) -> Structure {
    let module = Structure::new(17, 0x28).word(0x08, 72).word(0x0a, 64).word(0x0c, gib * 1024).bytes(0x12, [0x22]);
    let module = module.word(0x15, speed).word(0x20, speed).bytes(0x1b, [2]).text(0x10, slot);
    if gib == 0 {
        module.text(0x18, "NO DIMM")
    } else {
        module.text(0x17, "Maker").text(0x18, serial).text(0x1a, "PART-7")
    }
}

/// The bytes of a table with its end.
pub(crate) fn bytes(structures: Vec<Structure>) -> Vec<u8> {
    let end = Structure::new(127, 4);
    let one = |mut structure: Structure| {
        if structure.strings.is_empty() {
            structure.strings.push(0);
        }
        structure.strings.push(0);
        [structure.fixed, structure.strings].concat()
    };
    structures.into_iter().chain([end]).flat_map(one).collect()
}

/// Puts a table into a tree.
pub(crate) fn write(tree: &Tree, structures: Vec<Structure>) {
    tree.file("sys/firmware/dmi/tables/DMI", bytes(structures));
}
