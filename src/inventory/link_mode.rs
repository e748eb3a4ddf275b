//! ethtool's link modes: what an interface can do, a bit each.

use std::ops::RangeInclusive;

use crate::host::LinkSettings;

/// Mbit/s of the fastest mode that a card has; `None` if it tells none.
#[must_use]
pub fn fastest(settings: &LinkSettings) -> Option<u64> {
    let speed = |name: &str| name.split("base").next().and_then(|speed| speed.parse().ok());
    let has = |bit: &usize| settings.supported.get(bit / 32).is_some_and(|word| word >> (bit % 32) & 1 == 1);
    let told = MODES.iter().filter(|(bit, _)| has(bit)).filter_map(|(_, name)| speed(name));
    let faster = FASTER.iter().filter(|(bits, _)| bits.clone().any(|bit| has(&bit))).map(|(_, speed)| *speed);
    told.chain(faster).max()
}

/// Bits of ethtool's link modes that the reference does not name, with their Mbit/s: groups of media and lanes of one speed (Linux,
/// `include/uapi/linux/ethtool.h`, `ETHTOOL_LINK_MODE_*`; 49 to 51 and 74 are error corrections).
const FASTER: [(RangeInclusive<usize>, u64); 17] = [
    (52..=56, 50_000),
    (57..=61, 100_000),
    (62..=66, 200_000),
    (67..=67, 100),
    (68..=68, 1000),
    (69..=73, 400_000),
    (75..=79, 100_000),
    (80..=84, 200_000),
    (85..=89, 400_000),
    (90..=91, 100),
    (92..=92, 10),
    (93..=98, 800_000),
    (99..=102, 10),
    (103..=108, 200_000),
    (109..=114, 400_000),
    (115..=120, 800_000),
    (121..=124, 1_600_000),
];

/// Bits of ethtool's link modes that name a speed.
pub(super) const MODES: [(usize, &str); 39] = [
    (0, "10baseT/Half"),
    (1, "10baseT/Full"),
    (2, "100baseT/Half"),
    (3, "100baseT/Full"),
    (4, "1000baseT/Half"),
    (5, "1000baseT/Full"),
    (12, "10000baseT/Full"),
    (15, "2500baseX/Full"),
    (17, "1000baseKX/Full"),
    (18, "10000baseKX4/Full"),
    (19, "10000baseKR/Full"),
    (21, "20000baseMLD2/Full"),
    (22, "20000baseKR2/Full"),
    (23, "40000baseKR4/Full"),
    (24, "40000baseCR4/Full"),
    (25, "40000baseSR4/Full"),
    (26, "40000baseLR4/Full"),
    (27, "56000baseKR4/Full"),
    (28, "56000baseCR4/Full"),
    (29, "56000baseSR4/Full"),
    (30, "56000baseLR4/Full"),
    (31, "25000baseCR/Full"),
    (32, "25000baseKR/Full"),
    (33, "25000baseSR/Full"),
    (34, "50000baseCR2/Full"),
    (35, "50000baseKR2/Full"),
    (36, "100000baseKR4/Full"),
    (37, "100000baseSR4/Full"),
    (38, "100000baseCR4/Full"),
    (39, "100000baseLR4_ER4/Full"),
    (40, "50000baseSR2/Full"),
    (41, "1000baseX/Full"),
    (42, "10000baseCR/Full"),
    (43, "10000baseSR/Full"),
    (44, "10000baseLR/Full"),
    (45, "10000baseLRM/Full"),
    (46, "10000baseER/Full"),
    (47, "2500baseT/Full"),
    (48, "5000baseT/Full"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_speed_up_to_1600_gigabits_is_known_by_its_bits() {
        let with = |bits: &[usize]| {
            let mut supported = vec![0u32; 4];
            for bit in bits {
                supported[bit / 32] |= 1 << (bit % 32);
            }
            fastest(&LinkSettings { supported, ..LinkSettings::default() })
        };
        assert_eq!(with(&[5, 12]), Some(10_000));
        assert_eq!(with(&[53]), Some(50_000));
        assert_eq!(with(&[62, 36]), Some(200_000));
        assert_eq!(with(&[70]), Some(400_000));
        assert_eq!(with(&[75, 80]), Some(200_000));
        assert_eq!(with(&[93]), Some(800_000));
        assert_eq!(with(&[124]), Some(1_600_000));
        assert_eq!(with(&[49, 50, 51, 74, 6, 13]), None, "error correction and connectors are no speeds");
    }
}
