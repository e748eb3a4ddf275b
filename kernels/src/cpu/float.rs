//! Floating point without vector instructions by hand: what vectors are compared with.
//!
//! The chains follow the logistic map, which is chaotic: an error in the last bit of one step has changed all bits some fifty steps later.

use std::hint::black_box;

use super::{Answer, WORDS};
use crate::memory::random;

/// Steps of a chain.
pub(super) const STEPS: usize = 4000;
/// Numbers of f32 in an answer: two in a word.
pub(super) const SINGLES: usize = WORDS * 2;

/// Start and factor of a chain of f64: between 0.1 and 0.9, and between 3.8 and 4.
pub(super) fn start_f64(seed: u64) -> ([f64; WORDS], [f64; WORDS]) {
    let unit = |counter: u64| (random(seed ^ counter) >> 11) as f64 / (1_u64 << 53) as f64;
    (
        std::array::from_fn(|at| 0.1 + 0.8 * unit(at as u64)),
        std::array::from_fn(|at| 3.8 + 0.19 * unit(at as u64 + 1000)),
    )
}

/// Start and factor of a chain of f32: between 0.1 and 0.9, and between 3.8 and 4.
pub(super) fn start_f32(seed: u64) -> ([f32; SINGLES], [f32; SINGLES]) {
    let unit = |counter: u64| (random(seed ^ counter) >> 40) as f32 / (1_u32 << 24) as f32;
    (
        std::array::from_fn(|at| 0.1 + 0.8 * unit(at as u64)),
        std::array::from_fn(|at| 3.8 + 0.19 * unit(at as u64 + 1000)),
    )
}

/// The bits of numbers as an answer.
pub(super) fn bits_f64(numbers: &[f64; WORDS]) -> Answer {
    numbers.map(f64::to_bits)
}

/// The bits of numbers as an answer.
pub(super) fn bits_f32(numbers: &[f32; SINGLES]) -> Answer {
    std::array::from_fn(|at| u64::from(numbers[2 * at].to_bits()) | u64::from(numbers[2 * at + 1].to_bits()) << 32)
}

/// Chains with one rounding a step, one number after the other.
pub(super) fn fused_f64(seed: u64) -> Answer {
    let (mut x, r) = start_f64(seed);
    for at in 0..WORDS {
        for _ in 0..STEPS {
            let y = r[at] * x[at];
            x[at] = (-y).mul_add(x[at], y);
        }
    }
    bits_f64(&x)
}

/// Chains with one rounding a step, one number after the other.
pub(super) fn fused_f32(seed: u64) -> Answer {
    let (mut x, r) = start_f32(seed);
    for at in 0..SINGLES {
        for _ in 0..STEPS {
            let y = r[at] * x[at];
            x[at] = (-y).mul_add(x[at], y);
        }
    }
    bits_f32(&x)
}

/// Chains with a rounding for each operation, all numbers in step: the compiler makes vectors of them.
pub(super) fn wide(seed: u64) -> Answer {
    let (mut x, r) = start_f64(seed);
    for _ in 0..STEPS {
        for at in 0..WORDS {
            x[at] = r[at] * x[at] * (1.0 - x[at]);
        }
    }
    bits_f64(&x)
}

/// Chains with a rounding for each operation, one number after the other and without vectors.
pub(super) fn narrow(seed: u64) -> Answer {
    let (mut x, r) = start_f64(seed);
    for at in 0..WORDS {
        for _ in 0..STEPS {
            let product = black_box(r[at] * x[at]);
            x[at] = product * black_box(1.0 - x[at]);
        }
    }
    bits_f64(&x)
}

/// Numbers whose roots and quotients are taken: bits of random words with an exponent near one.
pub(super) fn operand(seed: u64, step: u64) -> f64 {
    f64::from_bits(random(seed ^ step) >> 12 | 0x3ff0_0000_0000_0000)
}

/// Steps of [`divide`].
pub(super) const QUOTIENTS: u64 = 1500;

/// Roots and quotients, one after the other.
pub(super) fn divide(seed: u64) -> Answer {
    let mut answer: Answer = [0; WORDS];
    for step in 0..QUOTIENTS {
        for (at, word) in answer.iter_mut().enumerate() {
            let number = step * WORDS as u64 + at as u64;
            let (a, b) = (operand(seed, number), operand(!seed, number));
            *word ^= black_box(black_box(a / b).sqrt()).to_bits().rotate_left(step as u32 % 64);
        }
    }
    answer
}
