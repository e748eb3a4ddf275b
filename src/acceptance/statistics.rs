//! Compares a machine's figure with its siblings' by median and median absolute deviation, which a single outlier does not move.
//!
//! The limits are from simulations (4 000 groups of normal figures with a scatter of 1 %). In groups of 4 to 8 machines, a limit of four
//! deviations raises a false alarm in 6 to 10 % of groups without a floor, in at most about 1 % with a floor of 3 %, in none with 5 %.

use std::fmt;

use super::better::Better;

/// Minimum number of machines for a verdict.
pub(super) const LEAST: usize = 6;
/// Distance from the median, in standard deviations, beyond which a figure is odd.
const DEVIATIONS: f64 = 4.0;
/// Factor from the median absolute deviation of normally distributed figures to their standard deviation.
const NORMAL: f64 = 1.4826;
/// Standard deviation, as a share of the median, beyond which no verdict is possible.
const SCATTER: f64 = 0.10;

/// Reason why there is no verdict.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// Too few machines; this is their number.
    Few(usize),
    /// More than a third of the machines are odd: number of odd machines, number of all.
    NotUniform(usize, usize),
    /// The figures scatter too much; standard deviation as a share of the median.
    Scattered(f64),
    /// The figures cannot be compared: one is not a finite number, or the median is not positive.
    NoNumbers,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Few(1) => write!(f, "one machine is too few: {LEAST} are needed"),
            Reason::Few(count) => write!(f, "{count} machines are too few: {LEAST} are needed"),
            Reason::NotUniform(odd, count) => write!(f, "the group is not uniform: {odd} of {count} are off"),
            Reason::Scattered(share) => {
                write!(f, "too scattered to judge ({:.0} %): measure three times and take the best", share * 100.0)
            }
            Reason::NoNumbers => write!(f, "the figures cannot be compared"),
        }
    }
}

/// Verdict on one figure of a group.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// Not worse than the limit allows.
    Usual,
    /// Worse than the limit allows.
    Odd {
        /// Distance from the median, as a share of it.
        share: f64,
    },
    /// No verdict, for this reason.
    Unjudged(Reason),
}

/// Statistics of a group of figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Median of the figures; NaN if they cannot be compared.
    pub median: f64,
    /// Estimated standard deviation, from the median absolute deviation; NaN if the figures cannot be compared.
    pub deviation: f64,
    /// Indexes of the figures that are worse than the limit allows, worst first; empty if there is no verdict.
    pub odd: Vec<usize>,
    /// Reason why there is no verdict; `None` if there is one.
    pub reason: Option<Reason>,
}

/// Median of the finite figures, for an even number the mean of the middle two; `None` if there are none.
#[must_use]
pub fn median(figures: &[f64]) -> Option<f64> {
    let mut sorted: Vec<f64> = figures.iter().copied().filter(|figure| figure.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len() % 2 == 1 { upper } else { f64::midpoint(sorted[middle - 1], upper) })
}

/// Judges a group. Only figures on the bad side of `better` are odd. A distance from the median counts only beyond `floor`, a share of the
/// median. A median of 0 is a number of errors or the like.
#[must_use]
pub fn group(figures: &[f64], better: Better, floor: f64) -> Group {
    let none = |reason| Group { median: f64::NAN, deviation: f64::NAN, odd: Vec::new(), reason: Some(reason) };
    if figures.iter().any(|figure| !figure.is_finite()) {
        return none(Reason::NoNumbers);
    }
    let Some(middle) = median(figures).filter(|median| *median > 0.0 || better == Better::Small && *median >= 0.0)
    else {
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
    let odd = beyond(figures, &found, better, floor);
    if odd.len() * 3 > figures.len() {
        found.reason = Some(Reason::NotUniform(odd.len(), figures.len()));
    } else {
        found.odd = odd;
    }
    found
}

/// Indexes of the figures that are worse than the limit allows, worst first.
fn beyond(figures: &[f64], group: &Group, better: Better, floor: f64) -> Vec<usize> {
    let limit = (DEVIATIONS * group.deviation).max(floor * group.median);
    let loss = |place: usize| better.loss(figures[place], group.median);
    let mut odd: Vec<usize> = (0..figures.len()).filter(|place| loss(*place) > limit).collect();
    odd.sort_by(|a, b| loss(*b).total_cmp(&loss(*a)));
    odd
}

/// Verdict on the figure at index `place` of a group; the other arguments are those of [`group`].
#[must_use]
pub fn standing(figures: &[f64], place: usize, better: Better, floor: f64) -> Standing {
    let group = group(figures, better, floor);
    match group.reason {
        Some(reason) => Standing::Unjudged(reason),
        None if group.odd.contains(&place) => {
            Standing::Odd { share: (figures[place] - group.median).abs() / group.median }
        }
        None => Standing::Usual,
    }
}

/// Smallest distance from the median that counts, as a share of it, by the figure's name: disks 0.10, times 0.08, memory and network 0.05,
/// others 0.03.
#[must_use]
pub fn floor(name: &str, better: Better) -> f64 {
    let name = name.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if has(&["disk", "nvme", "iops", "random", "sequential", "storage"]) {
        0.10
    } else if better == Better::Small {
        0.08
    } else if has(&["memory", "bandwidth", "stream"]) || has(&["network", "nic"]) {
        0.05
    } else {
        0.03
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers between 0 and 1, the same in every run (splitmix64).
    struct Random(u64);

    impl Random {
        fn next(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let bits = u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or(0);
            (f64::from(bits) + 0.5) / 4_294_967_296.0
        }

        /// Normal figures around 1 with a scatter of 1 % (Box-Muller).
        fn figure(&mut self) -> f64 {
            1.0 + 0.01 * (-2.0 * self.next().ln()).sqrt() * (std::f64::consts::TAU * self.next()).cos()
        }
    }

    const GROUPS: u32 = 4_000;

    /// Share of simulated groups for which `holds` is true; `losses` lowers the figures of the first machines.
    fn share(machines: usize, losses: &[f64], floor: f64, holds: impl Fn(&[usize]) -> bool) -> f64 {
        let mut random = Random(machines as u64 * 1000 + losses.len() as u64);
        let mut count = 0_u32;
        for _ in 0..GROUPS {
            let mut figures: Vec<f64> = (0..machines).map(|_| random.figure()).collect();
            figures.iter_mut().zip(losses).for_each(|(figure, loss)| *figure *= 1.0 - loss);
            let middle = median(&figures).expect("figures");
            let distances: Vec<f64> = figures.iter().map(|figure| (figure - middle).abs()).collect();
            let group = Group {
                median: middle,
                deviation: NORMAL * median(&distances).expect("figures"),
                odd: Vec::new(),
                reason: None,
            };
            count += u32::from(holds(&beyond(&figures, &group, Better::Large, floor)));
        }
        f64::from(count) / f64::from(GROUPS)
    }

    #[test]
    fn the_rates_are_those_that_were_simulated() {
        let alarm = |machines, floor| share(machines, &[], floor, |odd| !odd.is_empty());
        let found = |machines, loss| share(machines, &[loss], 0.03, |odd| odd.contains(&0));
        let both = |machines| share(machines, &[0.10, 0.10], 0.03, |odd| odd.contains(&0) && odd.contains(&1));
        // The expected rates are rounded to a percent; three standard errors of both simulations are allowed.
        let is_about = |measured: f64, low: f64, high: f64| {
            let error = |rate: f64| 3.0 * (2.0 * rate * (1.0 - rate) / f64::from(GROUPS)).sqrt() + 0.005;
            assert!(
                measured >= low - error(low) && measured <= high + error(high),
                "{measured} is not {low} to {high}"
            );
        };
        for machines in 4..=8 {
            is_about(alarm(machines, 0.0), 0.06, 0.10);
            is_about(alarm(machines, 0.03), 0.004, 0.011);
            assert!(alarm(machines, 0.05) < 0.001);
        }
        for (machines, much, little) in [(4, 0.93, 0.46), (6, 0.98, 0.58), (12, 0.997, 0.67)] {
            is_about(found(machines, 0.10), much, much);
            is_about(found(machines, 0.05), little, little);
        }
        is_about(both(5), 0.44, 0.44);
        is_about(both(8), 0.88, 0.88);
    }

    #[test]
    fn there_is_no_verdict_where_there_is_no_ground_for_one() {
        let reason = |figures: &[f64]| group(figures, Better::Large, 0.03).reason;
        assert_eq!(reason(&[10.0, 10.0, 10.0, 10.0, 5.0]), Some(Reason::Few(5)));
        assert_eq!(reason(&[10.0; 6]), None);
        assert_eq!(reason(&[10.0, 10.0, 10.0, 10.0, 5.0, 5.0, 5.0]), Some(Reason::NotUniform(3, 7)));
        assert!(matches!(reason(&[10.0, 12.0, 8.0, 14.0, 6.0, 10.0]), Some(Reason::Scattered(_))));
        assert_eq!(reason(&[f64::NAN; 8]), Some(Reason::NoNumbers));
        assert_eq!(
            group(&[10.0, 10.1, 9.9, 10.0, 10.0, 12.0], Better::Large, 0.03).odd,
            [0; 0],
            "only the bad side counts"
        );
        assert_eq!(
            group(&[10.0, 10.1, 9.9, 10.0, 10.0, 12.0], Better::Small, 0.03).odd,
            [5],
            "which is the other one of times"
        );
        assert_eq!(
            group(&[10.0, 10.1, 8.0, 10.0, 10.0, 10.0, 12.0], Better::Unknown, 0.03).odd,
            [2, 6],
            "and unknown of others"
        );
        assert_eq!(
            group(&[0.0, 0.0, 0.0, 0.0, 0.0, 7.0], Better::Small, 0.03).odd,
            [5],
            "seven errors, and none elsewhere"
        );
    }
}
