//! Work for processors with answers that are known from other code: vector against scalar instructions, an instruction against a table,
//! hardware against long division.
//!
//! Every kernel takes a seed and gives all of its output. [`Kernel::work`] uses the instructions under test, [`Kernel::answer`] computes the
//! same by other means.

mod bytes;
mod cipher;
mod coherency;
mod digest;
mod float;
mod integer;
mod lookup;
mod vector;

pub use coherency::{Shared, exchange};

/// Words of an answer.
pub const WORDS: usize = 64;

/// All of the output of a kernel.
pub type Answer = [u64; WORDS];

/// One kind of work.
#[derive(Clone, Copy)]
pub struct Kernel {
    /// Stable name.
    pub name: &'static str,
    /// True if this processor has the instructions.
    has: fn() -> bool,
    work: fn(u64) -> Answer,
    answer: fn(u64) -> Answer,
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Kernel {
    /// The kernels whose instructions this processor has; long chains of multiplications and additions first, which find most.
    #[must_use]
    pub fn available() -> Vec<Kernel> {
        ALL.iter().copied().filter(|kernel| (kernel.has)()).collect()
    }

    /// The names of kernels whose instructions this processor lacks.
    #[must_use]
    pub fn missing() -> Vec<&'static str> {
        ALL.iter().filter(|kernel| !(kernel.has)()).map(|kernel| kernel.name).collect()
    }

    /// Does the work.
    #[must_use]
    #[inline(never)]
    pub fn work(&self, seed: u64) -> Answer {
        (self.work)(std::hint::black_box(seed))
    }

    /// The right answer, by other means.
    #[must_use]
    #[inline(never)]
    pub fn answer(&self, seed: u64) -> Answer {
        (self.answer)(std::hint::black_box(seed))
    }
}

fn always() -> bool {
    true
}

const ALL: &[Kernel] = &[
    #[cfg(target_arch = "x86_64")]
    Kernel { name: "fma-f64-avx512", has: vector::has_avx512, work: vector::f64_avx512, answer: float::fused_f64 },
    #[cfg(target_arch = "x86_64")]
    Kernel { name: "fma-f32-avx512", has: vector::has_avx512, work: vector::f32_avx512, answer: float::fused_f32 },
    #[cfg(target_arch = "x86_64")]
    Kernel { name: "fma-f64-avx2", has: vector::has_fma, work: vector::f64_avx2, answer: float::fused_f64 },
    #[cfg(target_arch = "x86_64")]
    Kernel { name: "fma-f32-avx2", has: vector::has_fma, work: vector::f32_avx2, answer: float::fused_f32 },
    Kernel { name: "multiply-f64", has: always, work: float::wide, answer: float::narrow },
    #[cfg(target_arch = "x86_64")]
    Kernel { name: "divide-root-avx2", has: vector::has_avx2, work: vector::divide_avx2, answer: float::divide },
    Kernel { name: "integer", has: always, work: integer::work, answer: integer::answer },
    #[cfg(target_arch = "x86_64")]
    Kernel {
        name: "gather-permute-avx2",
        has: vector::has_avx2,
        work: lookup::gather_avx2,
        answer: lookup::one_by_one,
    },
    #[cfg(target_arch = "x86_64")]
    Kernel { name: "aes", has: cipher::has_aes, work: cipher::work, answer: cipher::answer },
    Kernel { name: "sha256", has: always, work: digest::work, answer: digest::answer },
    #[cfg(target_arch = "x86_64")]
    Kernel { name: "crc32c", has: bytes::has_crc32c, work: bytes::crc32c_work, answer: bytes::crc32c_answer },
    Kernel { name: "crc32", has: always, work: bytes::crc32_work, answer: bytes::crc32_answer },
    Kernel { name: "deflate", has: always, work: bytes::deflate_work, answer: bytes::deflate_answer },
    Kernel { name: "sort", has: always, work: bytes::sort_work, answer: bytes::sort_answer },
    Kernel { name: "copy", has: always, work: bytes::copy_work, answer: bytes::copy_answer },
];
