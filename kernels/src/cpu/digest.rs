//! SHA-256 (FIPS-180-4): a library that uses the processor's instructions where there are any, against the rules of the standard.

use sha2::{Digest as _, Sha256};

use super::{Answer, WORDS};
use crate::memory::random;

/// Bytes that are hashed for each part of an answer.
const BYTES: usize = 2000;

fn message(seed: u64, part: usize) -> Vec<u8> {
    // Lengths differ, so that the padding does, too.
    let words = 0..(BYTES / 8) as u64;
    let bytes = words.flat_map(|at| random(seed ^ at ^ (part as u64) << 32).to_le_bytes());
    bytes.take(BYTES - part * 7).collect()
}

fn answer_of(digest: impl Fn(&[u8]) -> [u8; 32], seed: u64) -> Answer {
    let mut answer: Answer = [0; WORDS];
    for part in 0..WORDS / 4 {
        let digest = digest(&message(seed, part));
        for (word, bytes) in answer[part * 4..].iter_mut().zip(digest.as_chunks::<8>().0) {
            *word = u64::from_be_bytes(*bytes);
        }
    }
    answer
}

pub(super) fn work(seed: u64) -> Answer {
    answer_of(|bytes| Sha256::digest(bytes).into(), seed)
}

pub(super) fn answer(seed: u64) -> Answer {
    answer_of(by_the_standard, seed)
}

/// The first 32 bits of the fractional part of a root of a prime, found by trying: an integer whose power is just below.
fn fraction(prime: u128, cubic: bool) -> u32 {
    let (mut low, mut high) = (0_u128, 1 << 36);
    while high - low > 1 {
        let middle = u128::midpoint(low, high);
        // Roots with 32 binary places: (x / 2^32)^n <= p.
        let fits = if cubic { middle * middle * middle <= prime << 96 } else { middle * middle <= prime << 64 };
        if fits { low = middle } else { high = middle }
    }
    low as u32
}

fn primes() -> impl Iterator<Item = u128> {
    (2_u128..).filter(|n| (2..*n).all(|d| n % d != 0))
}

/// Initial values and constants of the standard: the first square roots and cube roots of primes.
fn constants() -> &'static ([u32; 8], [u32; 64]) {
    static BOTH: std::sync::OnceLock<([u32; 8], [u32; 64])> = std::sync::OnceLock::new();
    BOTH.get_or_init(|| {
        let primes: Vec<u128> = primes().take(64).collect();
        (std::array::from_fn(|at| fraction(primes[at], false)), std::array::from_fn(|at| fraction(primes[at], true)))
    })
}

fn by_the_standard(message: &[u8]) -> [u8; 32] {
    let (start, k) = constants();
    let mut padded = message.to_vec();
    padded.push(0x80);
    padded.resize((message.len() + 9).next_multiple_of(64) - 8, 0);
    padded.extend((message.len() as u64 * 8).to_be_bytes());
    let mut state = *start;
    for block in padded.as_chunks::<64>().0 {
        let mut w = [0_u32; 64];
        for (word, bytes) in w.iter_mut().zip(block.as_chunks::<4>().0) {
            *word = u32::from_be_bytes(*bytes);
        }
        for t in 16..64 {
            let s0 = w[t - 15].rotate_right(7) ^ w[t - 15].rotate_right(18) ^ w[t - 15] >> 3;
            let s1 = w[t - 2].rotate_right(17) ^ w[t - 2].rotate_right(19) ^ w[t - 2] >> 10;
            w[t] = w[t - 16].wrapping_add(s0).wrapping_add(w[t - 7]).wrapping_add(s1);
        }
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = state;
        for t in 0..64 {
            let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
            let t1 = h.wrapping_add(s1).wrapping_add(e & f ^ !e & g).wrapping_add(k[t]).wrapping_add(w[t]);
            let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
            let t2 = s0.wrapping_add(a & b ^ a & c ^ b & c);
            (h, g, f, e, d, c, b, a) = (g, f, e, d.wrapping_add(t1), c, b, a, t1.wrapping_add(t2));
        }
        for (word, now) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            *word = word.wrapping_add(now);
        }
    }
    let mut digest = [0; 32];
    for (bytes, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_standard_come_out() {
        // NIST, "Secure Hash Standard: example values", SHA-256 of "abc" and of the message of 448 bits.
        let known = [
            ("abc", 0xba78_16bf_8f01_cfea_u64),
            ("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 0x248d_6a61_d206_38b8),
        ];
        for (message, first) in known {
            let digest = by_the_standard(message.as_bytes());
            assert_eq!(u64::from_be_bytes(digest[..8].try_into().expect("eight")), first, "{message}");
        }
    }
}
