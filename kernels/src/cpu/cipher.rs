//! AES-128 (FIPS-197): the processor's instructions, there and back, against the rules of the standard, byte by byte.
#![cfg(target_arch = "x86_64")]

use std::arch::x86_64::{
    __m128i, _mm_aesdec_si128, _mm_aesdeclast_si128, _mm_aesenc_si128, _mm_aesenclast_si128, _mm_aesimc_si128,
    _mm_loadu_si128, _mm_storeu_si128, _mm_xor_si128,
};
use std::sync::OnceLock;

use super::{Answer, WORDS};
use crate::memory::random;

type Block = [u8; 16];
/// The keys of all rounds.
type Keys = [Block; 11];

/// Times that each block is encrypted.
const ROUNDS: usize = 40;

pub(super) fn has_aes() -> bool {
    is_x86_feature_detected!("aes") && is_x86_feature_detected!("sse2")
}

/// Key and 32 blocks of a seed.
fn given(seed: u64) -> (Block, [Block; WORDS / 2]) {
    let block = |number: u64| {
        let mut block = [0; 16];
        block[..8].copy_from_slice(&random(seed ^ number).to_le_bytes());
        block[8..].copy_from_slice(&random(seed ^ number ^ 1 << 40).to_le_bytes());
        block
    };
    (block(1 << 20), std::array::from_fn(|at| block(at as u64)))
}

fn answer_of(blocks: &[Block; WORDS / 2]) -> Answer {
    std::array::from_fn(|at| {
        let half: [u8; 8] = std::array::from_fn(|byte| blocks[at / 2][at % 2 * 8 + byte]);
        u64::from_le_bytes(half)
    })
}

pub(super) fn work(seed: u64) -> Answer {
    assert!(has_aes(), "the kernel is offered only where the instructions are");
    let (key, mut blocks) = given(seed);
    let keys = expanded(key);
    for block in &mut blocks {
        for _ in 0..ROUNDS {
            // SAFETY: the processor has the instructions, as the first line makes sure.
            let (there, back) = unsafe {
                let there = encrypt(*block, &keys);
                (there, decrypt(there, &keys))
            };
            // A decryption that does not lead back changes the answer.
            let differs: Block = std::array::from_fn(|byte| back[byte] ^ block[byte]);
            *block = std::array::from_fn(|byte| there[byte] ^ differs[byte]);
        }
    }
    answer_of(&blocks)
}

#[target_feature(enable = "aes,sse2")]
fn encrypt(block: Block, keys: &Keys) -> Block {
    let mut out = block;
    // SAFETY: a block and a key have sixteen bytes each.
    unsafe {
        let key = |round: usize| _mm_loadu_si128(keys[round].as_ptr().cast::<__m128i>());
        let mut state = _mm_xor_si128(_mm_loadu_si128(block.as_ptr().cast::<__m128i>()), key(0));
        for round in 1..10 {
            state = _mm_aesenc_si128(state, key(round));
        }
        _mm_storeu_si128(out.as_mut_ptr().cast::<__m128i>(), _mm_aesenclast_si128(state, key(10)));
    }
    out
}

#[target_feature(enable = "aes,sse2")]
fn decrypt(block: Block, keys: &Keys) -> Block {
    let mut out = block;
    // SAFETY: a block and a key have sixteen bytes each.
    unsafe {
        let key = |round: usize| _mm_loadu_si128(keys[round].as_ptr().cast::<__m128i>());
        let mut state = _mm_xor_si128(_mm_loadu_si128(block.as_ptr().cast::<__m128i>()), key(10));
        for round in (1..10).rev() {
            state = _mm_aesdec_si128(state, _mm_aesimc_si128(key(round)));
        }
        _mm_storeu_si128(out.as_mut_ptr().cast::<__m128i>(), _mm_aesdeclast_si128(state, key(0)));
    }
    out
}

pub(super) fn answer(seed: u64) -> Answer {
    let (key, mut blocks) = given(seed);
    let keys = expanded(key);
    for block in &mut blocks {
        for _ in 0..ROUNDS {
            *block = by_the_standard(*block, &keys);
        }
    }
    answer_of(&blocks)
}

/// Multiplication by x in GF(2^8) with the standard's polynomial.
fn doubled(byte: u8) -> u8 {
    byte << 1 ^ if byte & 0x80 == 0 { 0 } else { 0x1b }
}

fn multiplied(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while b != 0 {
        if b & 1 == 1 {
            product ^= a;
        }
        a = doubled(a);
        b >>= 1;
    }
    product
}

/// The substitution box: inverses in GF(2^8), then the affine map of section 5.1.1.
fn substitutes() -> &'static [u8; 256] {
    static BOX: OnceLock<[u8; 256]> = OnceLock::new();
    BOX.get_or_init(|| {
        std::array::from_fn(|byte| {
            let inverse = (1..=255).find(|other| multiplied(byte as u8, *other) == 1).unwrap_or(0);
            (0..5).fold(0x63, |all, turn| all ^ inverse.rotate_left(turn))
        })
    })
}

fn expanded(key: Block) -> Keys {
    let table = substitutes();
    let mut keys = [key; 11];
    let mut constant = 1;
    for round in 1..11 {
        let before = keys[round - 1];
        let mut word = [13, 14, 15, 12].map(|at: usize| table[before[at] as usize]);
        word[0] ^= constant;
        constant = doubled(constant);
        for at in 0..16 {
            word[at % 4] ^= before[at];
            keys[round][at] = word[at % 4];
        }
    }
    keys
}

fn by_the_standard(block: Block, keys: &Keys) -> Block {
    let table = substitutes();
    let mut state: Block = std::array::from_fn(|at| block[at] ^ keys[0][at]);
    for (round, key) in keys.iter().enumerate().skip(1) {
        // Substitution and shift of rows: the byte of column c and row r comes from column c + r.
        let shifted: Block = std::array::from_fn(|at| table[state[(at + at % 4 * 4) % 16] as usize]);
        let mixed: Block = std::array::from_fn(|at| {
            let row = |further: usize| shifted[at / 4 * 4 + (at + further) % 4];
            doubled(row(0)) ^ doubled(row(1)) ^ row(1) ^ row(2) ^ row(3)
        });
        let last = if round == 10 { shifted } else { mixed };
        state = std::array::from_fn(|at| last[at] ^ key[at]);
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_give_the_example_of_the_standard() {
        // FIPS-197, appendix C.1.
        let key = std::array::from_fn(|at| at as u8);
        let plain = std::array::from_fn(|at| at as u8 * 0x11);
        let cipher = 0x69c4_e0d8_6a7b_0430_d8cd_b780_70b4_c55a_u128.to_be_bytes();
        assert_eq!(by_the_standard(plain, &expanded(key)), cipher);
        if has_aes() {
            // SAFETY: the processor has the instructions.
            let (there, back) = unsafe { (encrypt(plain, &expanded(key)), decrypt(cipher, &expanded(key))) };
            assert_eq!((there, back), (cipher, plain));
        }
    }
}
