//! Shortening a result to what the region takes in one request: head and tail, with a line that says what is missing.

/// What is sent of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slice {
    /// All of it.
    Whole,
    /// The first and the last bytes.
    HeadAndTail {
        /// Bytes from the beginning.
        head: u64,
        /// Bytes from the end.
        tail: u64,
    },
    /// Nothing: cut it would do harm, and whole it does not fit.
    Omitted,
}

impl Slice {
    /// Bytes of the file that are sent.
    #[must_use]
    pub fn length(self, size: u64) -> u64 {
        match self {
            Slice::Whole => size,
            Slice::HeadAndTail { head, tail } => head + tail,
            Slice::Omitted => 0,
        }
    }
}

/// Distributes a budget of bytes over files.
///
/// `files` are sizes, and whether a file must not be cut. Those come first; one that does not fit even alone is omitted.
/// The rest share what is left: small files whole, the large ones equally.
#[must_use]
pub fn fit(files: &[(u64, bool)], budget: u64) -> Vec<Slice> {
    let mut left = budget;
    let mut slices = vec![Slice::Whole; files.len()];
    for (slice, &(size, _)) in slices.iter_mut().zip(files).filter(|(_, file)| file.1) {
        if size <= left {
            left -= size;
        } else {
            *slice = Slice::Omitted;
        }
    }
    let mut open: Vec<usize> = (0..files.len()).filter(|&i| !files[i].1).collect();
    open.sort_by_key(|&i| files[i].0);
    for (done, &i) in open.iter().enumerate() {
        let share = left / (open.len() - done) as u64;
        let size = files[i].0;
        if size <= share {
            left -= size;
        } else {
            let head = share / 2;
            slices[i] = Slice::HeadAndTail { head, tail: share - head };
            left -= share;
        }
    }
    slices
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_fits_is_whole() {
        assert_eq!(fit(&[(10, false), (20, true), (0, false)], 30), vec![Slice::Whole; 3]);
    }

    #[test]
    fn a_file_that_must_stay_whole_comes_first() {
        let slices = fit(&[(100, false), (60, true), (5, false)], 75);
        assert_eq!(slices, [Slice::HeadAndTail { head: 5, tail: 5 }, Slice::Whole, Slice::Whole]);
        assert_eq!(fit(&[(100, true), (10, false)], 50), [Slice::Omitted, Slice::Whole]);
    }

    proptest! {
        #[test]
        fn never_over_the_budget_and_never_wasteful(
            files in proptest::collection::vec((0u64..5000, any::<bool>()), 0..6), budget in 0u64..8000
        ) {
            let slices = fit(&files, budget);
            let sent: u64 = slices.iter().zip(&files).map(|(slice, file)| slice.length(file.0)).sum();
            prop_assert!(sent <= budget);
            let cut = slices.iter().any(|slice| matches!(slice, Slice::HeadAndTail { .. }));
            prop_assert!(!cut || sent == budget, "a file is cut only for want of room");
            for (slice, file) in slices.iter().zip(&files) {
                let is_cut = matches!(slice, Slice::HeadAndTail { .. });
                prop_assert!(!(file.1 && is_cut));
            }
        }
    }
}
