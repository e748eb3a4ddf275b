//! Which figures are good: large ones, small ones, or nobody can say.

use serde::Serialize;

use super::figure::Amount;

/// The side of the median on which a figure is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Larger figures are better: rates.
    Large,
    /// Smaller figures are better: times, errors, temperatures.
    Small,
    /// Neither name nor unit tells it, so that both sides are judged.
    Unknown,
}

/// Units of rates; whatever the name says, more of them is better.
const RATES: [&str; 9] =
    ["iops", "flops", "ops/s", "op/s", "events/s", "requests/s", "transfers/s", "t/s", "updates/s"];
/// Units of times, temperatures and power.
const COSTS: [&str; 22] = [
    "s", "ms", "us", "µs", "μs", "ns", "ps", "sec", "seconds", "min", "minutes", "h", "hours", "c", "°c", "celsius",
    "k", "w", "kw", "mw", "watts", "j",
];
/// Words of a name that tell that less is better.
const SMALL: [&str; 28] = [
    "temperature",
    "temp",
    "temperatures",
    "inlet",
    "error",
    "errors",
    "ecc",
    "loss",
    "lost",
    "drop",
    "drops",
    "dropped",
    "retries",
    "retry",
    "retransmits",
    "power",
    "watt",
    "watts",
    "wear",
    "latency",
    "latencies",
    "lat",
    "duration",
    "time",
    "seconds",
    "jitter",
    "delay",
    "offset",
];
/// Words of a name that tell that more is better.
const LARGE: [&str; 16] = [
    "bandwidth",
    "bw",
    "throughput",
    "rate",
    "iops",
    "flops",
    "score",
    "efficiency",
    "read",
    "write",
    "copy",
    "triad",
    "stream",
    "randread",
    "randwrite",
    "performance",
];

impl Better {
    /// The good side of a figure, by its unit and the words of its name.
    #[must_use]
    pub fn of(name: &str, unit: &str) -> Better {
        let unit = unit.trim().to_lowercase();
        let is_rate = Amount::is_rate(&unit) || RATES.iter().any(|rate| unit.ends_with(rate));
        let name = name.to_lowercase();
        let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let has = |known: &[&str]| words.iter().any(|word| known.contains(word));
        let is_percentile = |word: &&str| {
            word.strip_prefix('p').is_some_and(|digits| digits.len() >= 2 && digits.chars().all(|c| c.is_ascii_digit()))
        };
        if is_rate {
            Better::Large
        } else if COSTS.contains(&unit.as_str())
            || has(&SMALL)
            || words.iter().any(|word| word.starts_with("throttl") || is_percentile(word))
        {
            Better::Small
        } else if has(&LARGE) {
            Better::Large
        } else {
            Better::Unknown
        }
    }

    /// How much worse a figure is than another: positive if it is on the bad side.
    pub(super) fn loss(self, figure: f64, usual: f64) -> f64 {
        match self {
            Better::Large => usual - figure,
            Better::Small => figure - usual,
            Better::Unknown => (figure - usual).abs(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bad_side_is_told_by_name_or_unit_and_else_both_are() {
        for (name, unit) in [
            ("p99", "us"),
            ("fio-lat-p99", ""),
            ("build-time", "s"),
            ("duration", "min"),
            ("ecc-errors", ""),
            ("retries", "1"),
            ("packet-loss", "%"),
            ("power-idle", "W"),
            ("gpu-temperature", "C"),
            ("inlet", "°C"),
            ("nvme-wear", "%"),
            ("memory-latency", ""),
            ("throttle-count", ""),
            ("cpu_throttled", ""),
            ("read-latency", ""),
        ] {
            assert_eq!(Better::of(name, unit), Better::Small, "{name} {unit}");
        }
        for (name, unit) in [
            ("ib-bw", "Gbit/s"),
            ("hpl", "TFLOPS"),
            ("stream-triad", "MB/s"),
            ("randread", "IOPS"),
            ("ecc-memory", "GiB/s"),
            ("cpu-rate", "events/s"),
            ("clock", "MHz"),
            ("disk-read", ""),
        ] {
            assert_eq!(Better::of(name, unit), Better::Large, "{name} {unit}");
        }
        for (name, unit) in [("fan-rpm", "rpm"), ("cycles", "cycles"), ("x", ""), ("uptimes", "")] {
            assert_eq!(Better::of(name, unit), Better::Unknown, "{name} {unit}");
        }
    }
}
