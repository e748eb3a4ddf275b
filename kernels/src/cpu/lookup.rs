//! Gathers and permutations of values that name their index.
#![cfg(target_arch = "x86_64")]

use std::arch::x86_64::{
    __m256i, _mm256_i64gather_epi64, _mm256_loadu_si256, _mm256_permutevar8x32_epi32, _mm256_storeu_si256,
};

use super::{Answer, WORDS};
use crate::memory::random;

/// Entries of the table: larger than the first cache.
const SIZE: u64 = 8192;
const STEPS: u64 = 1500;

fn table(seed: u64) -> Vec<i64> {
    (0..SIZE).map(|index| (random(seed ^ index) & !(SIZE - 1) | index) as i64).collect()
}

/// Where a lane looks in a step, and how the halves of four words are mixed.
fn places(seed: u64, step: u64, first: usize) -> ([i64; 4], [i32; 8]) {
    let dice = |lane: usize| random(!seed ^ step << 16 ^ (first + lane) as u64);
    let mix = random(seed.rotate_left(7) ^ step << 16 ^ first as u64);
    (std::array::from_fn(|lane| (dice(lane) % SIZE) as i64), std::array::from_fn(|half| (mix >> (3 * half) & 7) as i32))
}

pub(super) fn gather_avx2(seed: u64) -> Answer {
    assert!(super::vector::has_avx2(), "the kernel is offered only where the instructions are");
    // SAFETY: the processor has AVX2, as the line above makes sure.
    unsafe { gather(seed) }
}

#[target_feature(enable = "avx2")]
fn gather(seed: u64) -> Answer {
    let table = table(seed);
    let mut answer: Answer = [0; WORDS];
    for step in 0..STEPS {
        for first in (0..WORDS).step_by(4) {
            let (indices, mix) = places(seed, step, first);
            let mut mixed = [0_u64; 4];
            // SAFETY: every index is below the size of the table, and each array holds one vector.
            unsafe {
                let indices = _mm256_loadu_si256(indices.as_ptr().cast::<__m256i>());
                let found = _mm256_i64gather_epi64::<8>(table.as_ptr(), indices);
                let mix = _mm256_loadu_si256(mix.as_ptr().cast::<__m256i>());
                _mm256_storeu_si256(mixed.as_mut_ptr().cast::<__m256i>(), _mm256_permutevar8x32_epi32(found, mix));
            }
            for (lane, word) in mixed.into_iter().enumerate() {
                answer[first + lane] = answer[first + lane].rotate_left(1) ^ word;
            }
        }
    }
    answer
}

/// One after the other.
pub(super) fn one_by_one(seed: u64) -> Answer {
    let table = table(seed);
    let mut answer: Answer = [0; WORDS];
    for step in 0..STEPS {
        for first in (0..WORDS).step_by(4) {
            let (indices, mix) = places(seed, step, first);
            let found = indices.map(|index| table[index as usize] as u64);
            let half = |at: i32| found[at as usize / 2] >> (32 * (at % 2)) & 0xffff_ffff;
            for lane in 0..4 {
                let word = half(mix[2 * lane]) | half(mix[2 * lane + 1]) << 32;
                answer[first + lane] = answer[first + lane].rotate_left(1) ^ word;
            }
        }
    }
    answer
}
