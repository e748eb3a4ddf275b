//! A line of 64 bytes in registers, for each set of instructions.

#[cfg(target_arch = "x86_64")]
use std::arch::asm;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256i, __m512i, _mm_clflush, _mm_mfence, _mm_sfence, _mm256_add_epi64, _mm256_or_si256, _mm256_setzero_si256,
    _mm256_store_si256, _mm256_stream_si256, _mm256_testz_si256, _mm256_xor_si256, _mm512_add_epi64,
    _mm512_cmpneq_epi64_mask, _mm512_setzero_si512, _mm512_store_si512, _mm512_stream_si512,
};

use super::{LINE, Line, WORDS};

/// A line in registers.
///
/// # Safety
/// Each function needs a processor with the instructions of the type. `load`, `store` and `stream` need a place that is aligned to 64 bytes
/// and has 64 bytes that the caller may read or write.
pub(super) unsafe trait Wide: Copy {
    /// Reads once. The value stays as it was read: the compiler neither reads again nor knows what it must be.
    unsafe fn load(place: *const u8) -> Self;
    unsafe fn store(self, place: *mut u8);
    unsafe fn stream(self, place: *mut u8);
    unsafe fn differs(self, other: Self) -> bool;
    unsafe fn zero() -> Self;
    unsafe fn add(self, other: Self) -> Self;

    #[inline(always)]
    unsafe fn of(line: &Line) -> Self {
        // SAFETY: a `Line` is aligned and has 64 bytes; the caller answers for the instructions.
        unsafe { Self::load(std::ptr::from_ref(line).cast()) }
    }

    #[inline(always)]
    unsafe fn line(self) -> Line {
        let mut line = Line::of(0);
        // SAFETY: as above, and the line is written by nobody else.
        unsafe { self.store(std::ptr::from_mut(&mut line).cast()) };
        line
    }
}

/// Without vector instructions.
#[derive(Clone, Copy)]
pub(super) struct Plain([u64; WORDS]);

// SAFETY: plain reads and writes need no special instructions.
unsafe impl Wide for Plain {
    #[inline(always)]
    unsafe fn load(place: *const u8) -> Self {
        let words = place.cast::<u64>();
        // SAFETY: the caller gives an aligned place with 64 bytes to read.
        Plain(std::array::from_fn(|at| unsafe { words.add(at).read_volatile() }))
    }

    #[inline(always)]
    unsafe fn store(self, place: *mut u8) {
        // SAFETY: the caller gives an aligned place with 64 bytes to write.
        unsafe { place.cast::<[u64; WORDS]>().write(self.0) };
    }

    #[inline(always)]
    unsafe fn stream(self, place: *mut u8) {
        // SAFETY: as for `store`.
        unsafe { self.store(place) };
    }

    #[inline(always)]
    unsafe fn differs(self, other: Self) -> bool {
        self.0.iter().zip(other.0).fold(0, |bits, (mine, theirs)| bits | (mine ^ theirs)) != 0
    }

    #[inline(always)]
    unsafe fn zero() -> Self {
        Plain([0; WORDS])
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Plain(std::array::from_fn(|at| self.0[at].wrapping_add(other.0[at])))
    }
}

/// With AVX2.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Avx2(__m256i, __m256i);

// SAFETY: everything here is AVX2 or older, which the caller of each function answers for.
#[cfg(target_arch = "x86_64")]
unsafe impl Wide for Avx2 {
    #[inline(always)]
    unsafe fn load(place: *const u8) -> Self {
        // SAFETY: the caller answers for AVX2 and for 64 readable, aligned bytes.
        unsafe { Avx2(load_256(place), load_256(place.add(32))) }
    }

    #[inline(always)]
    unsafe fn store(self, place: *mut u8) {
        // SAFETY: the caller answers for AVX2 and for 64 writable, aligned bytes.
        unsafe {
            _mm256_store_si256(place.cast(), self.0);
            _mm256_store_si256(place.add(32).cast(), self.1);
        }
    }

    #[inline(always)]
    unsafe fn stream(self, place: *mut u8) {
        // SAFETY: as for `store`; `settle` orders these writes before anything is read again.
        unsafe {
            _mm256_stream_si256(place.cast(), self.0);
            _mm256_stream_si256(place.add(32).cast(), self.1);
        }
    }

    #[inline(always)]
    unsafe fn differs(self, other: Self) -> bool {
        // SAFETY: the caller answers for AVX2.
        unsafe {
            let low = _mm256_xor_si256(self.0, other.0);
            let bits = _mm256_or_si256(low, _mm256_xor_si256(self.1, other.1));
            _mm256_testz_si256(bits, bits) == 0
        }
    }

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the caller answers for AVX2.
        unsafe { Avx2(_mm256_setzero_si256(), _mm256_setzero_si256()) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the caller answers for AVX2.
        unsafe { Avx2(_mm256_add_epi64(self.0, other.0), _mm256_add_epi64(self.1, other.1)) }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load_256(place: *const u8) -> __m256i {
    let value;
    // SAFETY: the caller gives 32 readable, aligned bytes. Assembly, so that the value is read exactly once.
    unsafe {
        asm!("vmovdqa {0}, [{1}]", out(ymm_reg) value, in(reg) place, options(nostack, preserves_flags, readonly));
    }
    value
}

/// With AVX-512.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Avx512(__m512i);

// SAFETY: everything here is AVX-512F or older, which the caller of each function answers for.
#[cfg(target_arch = "x86_64")]
unsafe impl Wide for Avx512 {
    #[inline(always)]
    unsafe fn load(place: *const u8) -> Self {
        // SAFETY: the caller answers for AVX-512 and for 64 readable, aligned bytes.
        unsafe { Avx512(load_512(place)) }
    }

    #[inline(always)]
    unsafe fn store(self, place: *mut u8) {
        // SAFETY: the caller answers for AVX-512 and for 64 writable, aligned bytes.
        unsafe { _mm512_store_si512(place.cast(), self.0) };
    }

    #[inline(always)]
    unsafe fn stream(self, place: *mut u8) {
        // SAFETY: as for `store`; `settle` orders these writes before anything is read again.
        unsafe { _mm512_stream_si512(place.cast(), self.0) };
    }

    #[inline(always)]
    unsafe fn differs(self, other: Self) -> bool {
        // SAFETY: the caller answers for AVX-512.
        unsafe { _mm512_cmpneq_epi64_mask(self.0, other.0) != 0 }
    }

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the caller answers for AVX-512.
        unsafe { Avx512(_mm512_setzero_si512()) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the caller answers for AVX-512.
        unsafe { Avx512(_mm512_add_epi64(self.0, other.0)) }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn load_512(place: *const u8) -> __m512i {
    let value;
    // SAFETY: the caller gives 64 readable, aligned bytes. Assembly, so that the value is read exactly once.
    unsafe {
        asm!("vmovdqa64 {0}, [{1}]", out(zmm_reg) value, in(reg) place, options(nostack, preserves_flags, readonly));
    }
    value
}

/// Everything written before is in memory or in the caches, in order, before anything that follows; the compiler forgets what it knows of memory.
pub(super) fn settle() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the fence is part of SSE, which every x86-64 has, and touches no memory itself.
    unsafe {
        _mm_sfence();
    }
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
    // SAFETY: no instruction at all: the compiler must assume that any memory was written.
    unsafe { std::arch::asm!("", options(nostack, preserves_flags)) };
}

/// Takes a range of lines out of the caches, where the architecture lets programs do that.
///
/// # Safety
/// The range is mapped.
pub(super) unsafe fn flush(place: *const u8, bytes: usize) {
    #[cfg(target_arch = "x86_64")]
    for offset in (0..bytes).step_by(LINE) {
        // SAFETY: the caller answers for the range. Flushing changes no value.
        unsafe { _mm_clflush(place.add(offset)) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (place, bytes, LINE);
    settle();
}

/// Reads a word once more, past the caches where the architecture lets programs do that. The place is one that was read just before.
pub(super) fn read_again(place: *const u8) -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the line was read just before, so it is mapped; flushing changes no value.
    unsafe {
        _mm_clflush(place);
        _mm_mfence();
    }
    // SAFETY: the caller read this very word just before.
    unsafe { place.cast::<u64>().read_volatile() }
}

/// Calls a loop that is written once with the type for the instructions at hand. The loop is inlined into a function that may use them.
macro_rules! dispatch {
    ($isa:expr, $loop:ident :: < $($flag:ident),* > ( $($name:ident : $type:ty),* ) $(-> $result:ty)?) => {{
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2")]
        unsafe fn avx2<$(const $flag: bool),*>($($name: $type),*) $(-> $result)? {
            // SAFETY: the processor has AVX2, as the caller found; the rest is the caller's promise.
            unsafe { $loop::<$crate::memory::line::Avx2, $($flag),*>($($name),*) }
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512dq,avx2")]
        unsafe fn avx512<$(const $flag: bool),*>($($name: $type),*) $(-> $result)? {
            // SAFETY: the processor has AVX-512, as the caller found; the rest is the caller's promise.
            unsafe { $loop::<$crate::memory::line::Avx512, $($flag),*>($($name),*) }
        }
        match $isa {
            // SAFETY: the arm is taken only where the instructions were found; the rest is the promise of the place of call.
            #[cfg(target_arch = "x86_64")]
            $crate::Isa::Avx512 if $crate::Isa::best() >= $crate::Isa::Avx512 => unsafe { avx512::<$($flag),*>($($name),*) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            $crate::Isa::Avx2 | $crate::Isa::Avx512 if $crate::Isa::best() >= $crate::Isa::Avx2 => unsafe { avx2::<$($flag),*>($($name),*) },
            // SAFETY: no special instructions; the rest is the promise of the place of call.
            _ => unsafe { $loop::<$crate::memory::line::Plain, $($flag),*>($($name),*) },
        }
    }};
}
pub(super) use dispatch;
