//! Whether a machine is as good as its siblings: by median and median deviation, which the odd one does not move.
//!
//! The numbers are those of simulations (4 000 groups of normal figures with a scatter of 1 %): without a floor four deviations cry wolf
//! in 6 to 10 % of groups of 4 to 8 machines, with a floor of 3 % in about 1 % at most, with 5 % in none.

use std::fmt;

/// Machines that a verdict needs.
pub(super) const LEAST: usize = 6;
/// Deviations that are too many.
const DEVIATIONS: f64 = 4.0;
/// What makes a median deviation of normal figures their standard deviation.
const NORMAL: f64 = 1.4826;
/// Scatter, as a share of the median, beyond which nothing can be said.
const SCATTER: f64 = 0.10;

/// Why there is no verdict.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// Too few machines.
    Few(usize),
    /// More than a third are off.
    NotUniform(usize, usize),
    /// The figures scatter too much; the share.
    Scattered(f64),
    /// The figures are no numbers that can be compared.
    NoNumbers,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Few(count) => write!(f, "{count} machines are too few: {LEAST} are needed"),
            Reason::NotUniform(odd, count) => write!(f, "the group is not uniform: {odd} of {count} are off"),
            Reason::Scattered(share) => {
                write!(f, "too scattered to judge ({:.0} %): measure three times and take the best", share * 100.0)
            }
            Reason::NoNumbers => write!(f, "the figures cannot be compared"),
        }
    }
}

/// Where one figure stands in its group.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// As the others.
    Usual,
    /// On the bad side, by this share of the median.
    Odd {
        /// Share of the median.
        share: f64,
    },
    /// Nobody can tell.
    Unjudged(Reason),
}

/// A group of figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Their median.
    pub median: f64,
    /// Their deviation.
    pub deviation: f64,
    /// Those on the bad side, by their places in the group, worst first. Of fewer machines than a verdict needs there are none.
    pub odd: Vec<usize>,
    /// Why there is no verdict.
    pub reason: Option<Reason>,
}

/// The median; of an even number the mean of both in the middle.
#[must_use]
pub fn median(figures: &[f64]) -> Option<f64> {
    let mut sorted: Vec<f64> = figures.iter().copied().filter(|figure| figure.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len() % 2 == 1 { upper } else { f64::midpoint(sorted[middle - 1], upper) })
}

/// Judges a group. Only the bad side counts: small figures, or large ones where small ones are better.
#[must_use]
pub fn group(figures: &[f64], is_better_small: bool, floor: f64) -> Group {
    let none = |reason| Group { median: f64::NAN, deviation: f64::NAN, odd: Vec::new(), reason: Some(reason) };
    if figures.iter().any(|figure| !figure.is_finite()) {
        return none(Reason::NoNumbers);
    }
    let Some(middle) = median(figures).filter(|median| *median > 0.0) else {
        return none(if figures.is_empty() { Reason::Few(0) } else { Reason::NoNumbers });
    };
    let distances: Vec<f64> = figures.iter().map(|figure| (figure - middle).abs()).collect();
    let deviation = NORMAL * median(&distances).unwrap_or(0.0);
    let mut found = Group { median: middle, deviation, odd: Vec::new(), reason: None };
    if figures.len() < LEAST {
        found.reason = Some(Reason::Few(figures.len()));
        return found;
    }
    if deviation / middle > SCATTER {
        found.reason = Some(Reason::Scattered(deviation / middle));
        return found;
    }
    let limit = (DEVIATIONS * deviation).max(floor * middle);
    let loss = |place: usize| if is_better_small { figures[place] - middle } else { middle - figures[place] };
    let mut odd: Vec<usize> = (0..figures.len()).filter(|place| loss(*place) > limit).collect();
    odd.sort_by(|a, b| loss(*b).total_cmp(&loss(*a)));
    if odd.len() * 3 > figures.len() {
        found.reason = Some(Reason::NotUniform(odd.len(), figures.len()));
    } else {
        found.odd = odd;
    }
    found
}

/// Where one figure of a group stands.
#[must_use]
pub fn standing(figures: &[f64], place: usize, is_better_small: bool, floor: f64) -> Standing {
    let group = group(figures, is_better_small, floor);
    match group.reason {
        Some(reason) => Standing::Unjudged(reason),
        None if group.odd.contains(&place) => {
            Standing::Odd { share: (figures[place] - group.median).abs() / group.median }
        }
        None => Standing::Usual,
    }
}

/// The least share of the median that counts, by what a figure is of.
#[must_use]
pub fn floor(name: &str, is_better_small: bool) -> f64 {
    let name = name.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if has(&["disk", "nvme", "iops", "random", "sequential", "storage"]) {
        0.10
    } else if is_better_small || has(&["latency"]) {
        0.08
    } else if has(&["memory", "bandwidth", "stream"]) || has(&["network", "nic"]) {
        0.05
    } else {
        0.03
    }
}
