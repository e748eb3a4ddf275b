//! Resources that a script used, in words.

use std::time::Duration;

use super::table::{bytes, span};
use crate::process::Cost;

/// `12 s of processor, 340 MiB of memory, 1.2 GiB read, 8.0 MiB written, 1234 switches`; what is not known is left out.
#[must_use]
pub fn used(cost: &Cost) -> String {
    let processor = cost.cpu_seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let parts = [
        processor.map(|time| format!("{} of processor", span(time))),
        cost.peak_memory.map(|memory| format!("{} of memory", bytes(memory))),
        cost.read_bytes.map(|read| format!("{} read", bytes(read))),
        cost.written_bytes.map(|written| format!("{} written", bytes(written))),
        cost.context_switches.map(|switches| format!("{switches} switches")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_counted_is_left_out() {
        let cost = Cost { cpu_seconds: Some(75.0), read_bytes: Some(1536), ..Cost::default() };
        assert_eq!(used(&cost), "1:15 of processor, 1.5 KiB read");
        assert_eq!(used(&Cost::default()), "");
    }
}
