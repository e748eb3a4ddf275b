//! Multiplication with full width, division, shifts and counting of bits.

use std::hint::black_box;

use super::Answer;
use crate::memory::random;

const STEPS: u64 = 1500;

/// With the processor's instructions.
pub(super) fn work(seed: u64) -> Answer {
    let mut words: Answer = std::array::from_fn(|at| random(seed ^ at as u64));
    for step in 0..STEPS {
        for word in &mut words {
            let factor = random(seed ^ step) | 1;
            let product = u128::from(*word) * u128::from(factor);
            let (high, low) = ((product >> 64) as u64, product as u64);
            let (quotient, rest) = (low / (factor >> 20 | 1), low % (factor >> 20 | 1));
            let bits = u64::from(high.count_ones() + low.leading_zeros() + low.trailing_zeros());
            *word =
                high.rotate_left((low & 63) as u32) ^ quotient.wrapping_sub(rest) ^ low.swap_bytes().wrapping_add(bits);
        }
    }
    words
}

/// By hand: products of halves, long division, and bits one by one; the compiler must not see instructions for these in it.
pub(super) fn answer(seed: u64) -> Answer {
    let mut words: Answer = std::array::from_fn(|at| random(seed ^ at as u64));
    for step in 0..STEPS {
        for word in &mut words {
            let factor = random(seed ^ step) | 1;
            let (high, low) = product(*word, factor);
            let (quotient, rest) = division(low, factor >> 20 | 1);
            let bits = ones(high) + (64 - length(low)) + zeros_below(low);
            let shift = (low & 63) as u32;
            let turned = if shift == 0 { high } else { black_box(high << shift) | high >> (64 - shift) };
            *word = turned ^ quotient.wrapping_sub(rest) ^ swapped(low).wrapping_add(bits);
        }
    }
    words
}

fn product(a: u64, b: u64) -> (u64, u64) {
    let half = |x: u64| (x >> 32, x & 0xffff_ffff);
    let ((a1, a0), (b1, b0)) = (half(a), half(b));
    let middle = a1 * b0 + ((a0 * b0) >> 32);
    let other = a0 * b1 + (middle & 0xffff_ffff);
    (a1 * b1 + (middle >> 32) + (other >> 32), other << 32 | ((a0 * b0) & 0xffff_ffff))
}

fn division(dividend: u64, divisor: u64) -> (u64, u64) {
    let (mut quotient, mut rest) = (0, 0_u64);
    for bit in (0..64).rev() {
        // The divisor has at most 44 bits, so nothing is lost on the left.
        rest = rest << 1 | dividend >> bit & 1;
        quotient <<= 1;
        if rest >= divisor {
            rest -= divisor;
            quotient |= 1;
        }
    }
    (quotient, rest)
}

fn ones(mut x: u64) -> u64 {
    let mut count = 0;
    while x != 0 {
        count += x & 1;
        x = black_box(x >> 1);
    }
    count
}

fn length(mut x: u64) -> u64 {
    let mut count = 0;
    while x != 0 {
        count += 1;
        x = black_box(x >> 1);
    }
    count
}

fn zeros_below(x: u64) -> u64 {
    (0..64).find(|bit| x >> bit & 1 == 1).unwrap_or(64)
}

fn swapped(x: u64) -> u64 {
    (0..8).fold(0, |all, byte| all | (x >> (8 * byte) & 0xff) << (56 - 8 * byte))
}
