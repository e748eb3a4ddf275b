//! Whatever is cut out or changed, nothing panics.

use proptest::prelude::*;

use crate::says;

const LOGS: &str = include_str!("spoken.txt");

proptest! {
    #[test]
    fn a_log_of_any_bytes_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        says(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn a_log_with_a_hole_is_read(from in 0..LOGS.len(), length in 0_usize..90, put in ".{0,6}") {
        let bytes = LOGS.as_bytes();
        let to = (from + length).min(bytes.len());
        let start = from.saturating_sub(4000);
        let end = (to + 2000).min(bytes.len());
        let log = [&bytes[start..from], put.as_bytes(), &bytes[to..end]].concat();
        says(&String::from_utf8_lossy(&log));
    }
}

#[test]
fn letters_of_many_bytes_are_no_trouble_at_any_place() {
    for line in LOGS.lines() {
        for at in (0..line.len()).filter(|at| line.is_char_boundary(*at)) {
            says(&format!("{}é{}", &line[..at], &line[at..]));
        }
    }
}
