//! Floating point with AVX2 and AVX-512.
#![cfg(target_arch = "x86_64")]

use std::arch::x86_64::{
    _mm256_div_pd, _mm256_fnmadd_pd, _mm256_fnmadd_ps, _mm256_loadu_pd, _mm256_loadu_ps, _mm256_mul_pd, _mm256_mul_ps,
    _mm256_sqrt_pd, _mm256_storeu_pd, _mm256_storeu_ps, _mm512_fnmadd_pd, _mm512_fnmadd_ps, _mm512_loadu_pd,
    _mm512_loadu_ps, _mm512_mul_pd, _mm512_mul_ps, _mm512_storeu_pd, _mm512_storeu_ps,
};

use super::float::{QUOTIENTS, SINGLES, STEPS, bits_f32, bits_f64, operand, start_f32, start_f64};
use super::{Answer, WORDS};

pub(super) fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
}

pub(super) fn has_fma() -> bool {
    is_x86_feature_detected!("fma") && has_avx2()
}

pub(super) fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
}

/// Chains of one vector type: `$lanes` numbers in each of the vectors that are in flight together.
macro_rules! chains {
    ($name:ident, $inner:ident, $has:ident, $feature:literal, $start:ident, $bits:ident, $count:expr, $lanes:literal,
     $load:ident, $store:ident, $mul:ident, $fnmadd:ident) => {
        pub(super) fn $name(seed: u64) -> Answer {
            assert!($has(), "the kernel is offered only where the instructions are");
            // SAFETY: the processor has the instructions, as the line above makes sure.
            unsafe { $inner(seed) }
        }

        #[target_feature(enable = $feature)]
        fn $inner(seed: u64) -> Answer {
            let (mut numbers, factors) = $start(seed);
            // Eight vectors at once keep every unit busy.
            for part in (0..$count).step_by(8 * $lanes) {
                let at = |vector: usize| part + vector * $lanes;
                // SAFETY: `part` and `vector` stay below the length of the arrays, which is a multiple of eight vectors.
                let (mut x, r): ([_; 8], [_; 8]) = unsafe {
                    (
                        std::array::from_fn(|v| $load(numbers.as_ptr().add(at(v)))),
                        std::array::from_fn(|v| $load(factors.as_ptr().add(at(v)))),
                    )
                };
                for _ in 0..STEPS {
                    for v in 0..8 {
                        let y = $mul(r[v], x[v]);
                        x[v] = $fnmadd(y, x[v], y);
                    }
                }
                for (v, x) in x.into_iter().enumerate() {
                    // SAFETY: as above.
                    unsafe { $store(numbers.as_mut_ptr().add(at(v)), x) };
                }
            }
            $bits(&numbers)
        }
    };
}

chains!(
    f64_avx512,
    f64_512,
    has_avx512,
    "avx512f",
    start_f64,
    bits_f64,
    WORDS,
    8,
    _mm512_loadu_pd,
    _mm512_storeu_pd,
    _mm512_mul_pd,
    _mm512_fnmadd_pd
);
chains!(
    f32_avx512,
    f32_512,
    has_avx512,
    "avx512f",
    start_f32,
    bits_f32,
    SINGLES,
    16,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_mul_ps,
    _mm512_fnmadd_ps
);
chains!(
    f64_avx2,
    f64_256,
    has_fma,
    "avx2,fma",
    start_f64,
    bits_f64,
    WORDS,
    4,
    _mm256_loadu_pd,
    _mm256_storeu_pd,
    _mm256_mul_pd,
    _mm256_fnmadd_pd
);
chains!(
    f32_avx2,
    f32_256,
    has_fma,
    "avx2,fma",
    start_f32,
    bits_f32,
    SINGLES,
    8,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_mul_ps,
    _mm256_fnmadd_ps
);

pub(super) fn divide_avx2(seed: u64) -> Answer {
    assert!(has_avx2(), "the kernel is offered only where the instructions are");
    // SAFETY: the processor has AVX2, as the line above makes sure.
    unsafe { divide(seed) }
}

#[target_feature(enable = "avx2")]
fn divide(seed: u64) -> Answer {
    let mut answer: Answer = [0; WORDS];
    for step in 0..QUOTIENTS {
        for first in (0..WORDS).step_by(4) {
            let number = |lane: usize| step * WORDS as u64 + (first + lane) as u64;
            let a: [f64; 4] = std::array::from_fn(|lane| operand(seed, number(lane)));
            let b: [f64; 4] = std::array::from_fn(|lane| operand(!seed, number(lane)));
            let mut roots = [0.0; 4];
            // SAFETY: each array holds the four numbers of one vector.
            unsafe {
                let quotient = _mm256_div_pd(_mm256_loadu_pd(a.as_ptr()), _mm256_loadu_pd(b.as_ptr()));
                _mm256_storeu_pd(roots.as_mut_ptr(), _mm256_sqrt_pd(quotient));
            }
            for (lane, root) in roots.into_iter().enumerate() {
                answer[first + lane] ^= root.to_bits().rotate_left(step as u32 % 64);
            }
        }
    }
    answer
}
