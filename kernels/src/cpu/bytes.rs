//! Checksums, compression, sorting and copying.

use super::{Answer, WORDS};
use crate::memory::random;

fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    (0..bytes.div_ceil(8) as u64).flat_map(|at| random(seed ^ at).to_le_bytes()).take(bytes).collect()
}

/// Bytes that are summed for each word of an answer.
const SUMMED: usize = 2048;

/// A checksum of 32 bits from a table, by its reflected polynomial.
fn by_table(polynomial: u32, bytes: &[u8]) -> u32 {
    let mut table = [0_u32; 256];
    for (byte, entry) in (0..).zip(&mut table) {
        *entry = (0..8).fold(byte, |sum: u32, _| sum >> 1 ^ if sum & 1 == 1 { polynomial } else { 0 });
    }
    !bytes.iter().fold(u32::MAX, |sum, byte| sum >> 8 ^ table[((sum ^ u32::from(*byte)) & 0xff) as usize])
}

/// Both sums of a word: of all bytes, and of all but the first few, so that alignment differs.
fn sums(seed: u64, sum: impl Fn(&[u8]) -> u32) -> Answer {
    std::array::from_fn(|at| {
        let bytes = noise(seed ^ (at as u64) << 32, SUMMED);
        u64::from(sum(&bytes)) << 32 | u64::from(sum(&bytes[at % 13..]))
    })
}

pub(super) fn crc32_work(seed: u64) -> Answer {
    sums(seed, crc32fast::hash)
}

pub(super) fn crc32_answer(seed: u64) -> Answer {
    sums(seed, |bytes| by_table(0xedb8_8320, bytes))
}

#[cfg(target_arch = "x86_64")]
pub(super) fn has_crc32c() -> bool {
    is_x86_feature_detected!("sse4.2")
}

#[cfg(target_arch = "x86_64")]
pub(super) fn crc32c_work(seed: u64) -> Answer {
    assert!(has_crc32c(), "the kernel is offered only where the instructions are");
    // SAFETY: the processor has SSE4.2, as the line above makes sure.
    sums(seed, |bytes| unsafe { crc32c(bytes) })
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse4.2")]
fn crc32c(bytes: &[u8]) -> u32 {
    use std::arch::x86_64::{_mm_crc32_u8, _mm_crc32_u64};
    let (words, rest) = bytes.as_chunks::<8>();
    let sum = words.iter().fold(u64::from(u32::MAX), |sum, word| _mm_crc32_u64(sum, u64::from_le_bytes(*word)));
    !rest.iter().fold(sum as u32, |sum, byte| _mm_crc32_u8(sum, *byte))
}

#[cfg(target_arch = "x86_64")]
pub(super) fn crc32c_answer(seed: u64) -> Answer {
    sums(seed, |bytes| by_table(0x82f6_3b78, bytes))
}

/// Text that can be compressed: words of a small vocabulary.
fn text(seed: u64) -> Vec<u8> {
    (0..1500).flat_map(|at| (random(random(seed ^ at) % 500) % 1_000_000).to_string().into_bytes()).collect()
}

/// Checksums of slices of bytes.
fn digest(bytes: &[u8]) -> Answer {
    let part = bytes.len().div_ceil(WORDS).max(1);
    std::array::from_fn(|at| {
        let slice = bytes.get(at * part..).map_or(&[][..], |rest| &rest[..rest.len().min(part)]);
        u64::from(by_table(0xedb8_8320, slice)) << 32 | slice.len() as u64
    })
}

pub(super) fn deflate_work(seed: u64) -> Answer {
    let packed = miniz_oxide::deflate::compress_to_vec(&text(seed), 6);
    digest(&miniz_oxide::inflate::decompress_to_vec(&packed).unwrap_or_default())
}

pub(super) fn deflate_answer(seed: u64) -> Answer {
    digest(&text(seed))
}

/// Numbers to sort: a multiple of an odd number, so that all are different and their order is known.
const SORTED: u64 = 1 << 14;

pub(super) fn sort_work(seed: u64) -> Answer {
    let factor = random(seed) | 1;
    let mut numbers: Vec<u64> = (0..SORTED).map(|at| at.wrapping_mul(factor) % SORTED + seed % 1000).collect();
    numbers.sort_unstable();
    std::array::from_fn(|at| {
        let part = SORTED as usize / WORDS;
        numbers[at * part..][..part].iter().fold(0, |all: u64, number| all.wrapping_mul(0x0100_0000_01b3) ^ number)
    })
}

pub(super) fn sort_answer(seed: u64) -> Answer {
    let part = SORTED / WORDS as u64;
    std::array::from_fn(|at| {
        let first = at as u64 * part + seed % 1000;
        (first..first + part).fold(0, |all: u64, number| all.wrapping_mul(0x0100_0000_01b3) ^ number)
    })
}

/// Lengths and shifts of copies.
fn copies(seed: u64) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..WORDS as u64 * 8).map(move |at| {
        let dice = random(seed ^ at);
        let length = (dice % 4096) as usize >> (at % 5);
        (length, (dice >> 20 & 63) as usize, (dice >> 30 & 63) as usize)
    })
}

const AREA: usize = 4096 + 64;

pub(super) fn copy_work(seed: u64) -> Answer {
    let source = noise(seed, AREA);
    let mut target = vec![0; AREA];
    for (length, from, to) in copies(seed) {
        target[to..to + length].copy_from_slice(&source[from..from + length]);
        target.copy_within(to..to + length / 2, from);
    }
    digest(&target)
}

pub(super) fn copy_answer(seed: u64) -> Answer {
    let source = noise(seed, AREA);
    let mut target = vec![0_u8; AREA];
    for (length, from, to) in copies(seed) {
        for at in 0..length {
            target[to + at] = std::hint::black_box(source[from + at]);
        }
        let half: Vec<u8> = (0..length / 2).map(|at| std::hint::black_box(target[to + at])).collect();
        for (at, byte) in half.into_iter().enumerate() {
            target[from + at] = std::hint::black_box(byte);
        }
    }
    digest(&target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_their_catalogues() {
        // "123456789": CRC-32/ISO-HDLC and CRC-32/ISCSI in the catalogue of parametrised CRC algorithms; RFC 3720, B.4 for 32 zeros.
        assert_eq!(by_table(0xedb8_8320, b"123456789"), 0xcbf4_3926);
        assert_eq!(by_table(0x82f6_3b78, b"123456789"), 0xe306_9283);
        assert_eq!(by_table(0x82f6_3b78, &[0; 32]), 0x8a91_36aa);
    }
}
