//! Every kernel gives the answer that other code gives, and a different one for every seed.

use shakedown_kernels::cpu::Kernel;

#[test]
fn work_and_answer_agree() {
    for kernel in Kernel::available() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in [0, 1, u64::MAX, 0x5eed, 1 << 40] {
            let answer = kernel.answer(seed);
            let work = kernel.work(seed);
            assert!(work == answer, "{kernel:?} {seed:#x}");
            assert!(answer.iter().any(|word| *word != 0), "{kernel:?}");
            // An answer that does not depend on the seed could be computed once and for all, so each seed must give another one.
            assert!(seen.insert(answer), "{kernel:?} {seed:#x}");
        }
    }
}

#[test]
fn a_kernel_is_short_enough_to_look_at_the_time() {
    for kernel in Kernel::available() {
        let start = std::time::Instant::now();
        let _ = std::hint::black_box(kernel.work(3));
        println!("{kernel:?}: {:?}", start.elapsed());
        assert!(start.elapsed().as_secs() < 5, "{kernel:?}");
    }
}
