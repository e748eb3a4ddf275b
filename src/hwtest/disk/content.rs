//! Content of a disk's blocks: a solid-state drive answers blocks that were never written from its map, without reading its flash.

/// Blocks are compared in this size.
const BLOCK: usize = 4096;

/// Kind of data that one request read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Content {
    /// Something.
    Data,
    /// Zeros only.
    Zeros,
    /// All bits set.
    Ones,
    /// One block, repeated through the whole request.
    Repeated,
}

impl Content {
    /// Of the bytes of a request. A single block is no repetition.
    #[must_use]
    pub(super) fn of(bytes: &[u8]) -> Self {
        let (first, rest) = bytes.split_at(bytes.len().min(BLOCK));
        let repeats = rest.chunks(BLOCK).all(|block| block == &first[..block.len()]);
        if !repeats || first.is_empty() {
            return Content::Data;
        }
        match first[0] {
            byte @ (0 | 0xff) if first.iter().all(|other| *other == byte) => {
                if byte == 0 {
                    Content::Zeros
                } else {
                    Content::Ones
                }
            }
            _ if rest.is_empty() => Content::Data,
            _ => Content::Repeated,
        }
    }

    /// True if the drive may have answered from its map, without reading its medium.
    #[must_use]
    pub(super) fn may_be_unwritten(self) -> bool {
        self != Content::Data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_that_may_never_have_been_written_are_told_from_data() {
        let mut data = vec![0; 1 << 20];
        assert_eq!(Content::of(&data), Content::Zeros);
        data[700_001] = 1;
        assert_eq!(Content::of(&data), Content::Data);
        assert_eq!(Content::of(&vec![0xff; 3 * 4096 + 512]), Content::Ones);
        let pattern: Vec<u8> = (0..=255u8).cycle().take(4096).collect();
        assert_eq!(Content::of(&pattern.repeat(8)), Content::Repeated);
        assert_eq!(Content::of(&pattern), Content::Data, "one block is no repetition");
        assert_eq!(Content::of(&[]), Content::Data);
    }
}
