//! Vector instructions that the processor has, found when the program runs.

use std::fmt;

/// A set of instructions that loops are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// Instructions that every processor of the architecture has.
    Plain,
    /// AVX2: 32 bytes at once.
    Avx2,
    /// AVX-512: 64 bytes at once.
    Avx512,
}

impl Isa {
    /// The sets that this processor has, the widest last.
    #[must_use]
    pub fn available() -> &'static [Isa] {
        #[cfg(target_arch = "x86_64")]
        {
            // POPCNT and BMI come with every AVX2; the vectors of 64 bytes are only taken where the multiplication is there, too.
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") && Isa::has_avx2() {
                return &[Isa::Plain, Isa::Avx2, Isa::Avx512];
            }
            if Isa::has_avx2() {
                return &[Isa::Plain, Isa::Avx2];
            }
        }
        &[Isa::Plain]
    }

    #[cfg(target_arch = "x86_64")]
    fn has_avx2() -> bool {
        is_x86_feature_detected!("avx2")
    }

    /// The widest set that this processor has.
    #[must_use]
    pub fn best() -> Isa {
        Isa::available().last().copied().unwrap_or(Isa::Plain)
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Isa::Plain => "plain",
            Isa::Avx2 => "AVX2",
            Isa::Avx512 => "AVX-512",
        })
    }
}
