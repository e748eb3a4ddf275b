//! The link of an interface, and what its driver counts, as the kernel shows them.

use std::collections::BTreeMap;

use crate::host::Host;
use crate::inventory::fastest_link;

const NET: &str = "/sys/class/net";

/// Cause that an error on a link points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// Cable, module or port: frames that came broken.
    Wire,
    /// This machine was too slow to take frames.
    Host,
}

/// Counters of `/sys/class/net/NAME/statistics` (Documentation/ABI/testing/sysfs-class-net-statistics).
const STATISTICS: [(&str, Cause); 8] = [
    ("rx_crc_errors", Cause::Wire),
    ("rx_frame_errors", Cause::Wire),
    ("rx_length_errors", Cause::Wire),
    ("tx_carrier_errors", Cause::Wire),
    ("rx_missed_errors", Cause::Host),
    ("rx_fifo_errors", Cause::Host),
    ("rx_over_errors", Cause::Host),
    ("tx_fifo_errors", Cause::Host),
];

/// Parts of names that drivers give to counters of their own (`ethtool -S`): there is no common list.
const DRIVERS: [(&[&str], Cause); 5] = [
    (&["symbol", "err"], Cause::Wire),
    (&["fec", "uncorr"], Cause::Wire),
    (&["pcs", "err"], Cause::Wire),
    (&["no_buffer"], Cause::Host),
    (&["out_of_buffer"], Cause::Host),
];

/// An interface at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// Somebody set it up; without that nobody knows whether there is a link.
    pub(super) is_up: bool,
    /// There is a link.
    pub(super) carrier: bool,
    /// Mbit/s; `None` where the driver does not know.
    pub(super) speed: Option<u64>,
    /// The link can send and receive at a time; `None` where the driver does not know.
    pub(super) full_duplex: Option<bool>,
    /// How often the link came or went.
    pub(super) changes: u64,
    /// Frames received and sent.
    pub(super) frames: (u64, u64),
    /// Bytes received and sent.
    pub(super) bytes: (u64, u64),
    /// Counters of errors.
    pub(super) errors: BTreeMap<(Cause, String), u64>,
}

impl State {
    /// Of an interface; `None` if there is none of this name.
    pub(super) fn read(host: &Host, name: &str) -> Option<Self> {
        if name.is_empty() || name.contains('/') || name.starts_with('.') || !host.has(format!("{NET}/{name}")) {
            return None;
        }
        let text = |key: &str| host.text(format!("{NET}/{name}/{key}"));
        let number = |key: &str| text(key).and_then(|text| text.parse::<u64>().ok());
        let flags = text("flags").and_then(|text| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok());
        let counter = |key: &str| number(&format!("statistics/{key}"));
        let mut errors: BTreeMap<(Cause, String), u64> = BTreeMap::new();
        for (key, cause) in STATISTICS {
            if let Some(count) = counter(key) {
                errors.insert((cause, key.to_owned()), count);
            }
        }
        for (key, count) in host.driver_counters(name).unwrap_or_default() {
            if let Some(cause) = cause_of(&key) {
                errors.insert((cause, key), count);
            }
        }
        Some(State {
            is_up: flags.is_some_and(|flags| flags & 1 == 1),
            carrier: number("carrier") == Some(1),
            // Drivers that do not know say -1, its unsigned forms, or 0.
            speed: number("speed").filter(|speed| ![0, 65_535, 4_294_967_295].contains(speed)),
            full_duplex: text("duplex").and_then(|text| match text.as_str() {
                "full" => Some(true),
                "half" => Some(false),
                _ => None,
            }),
            changes: number("carrier_changes").unwrap_or(0),
            frames: (counter("rx_packets").unwrap_or(0), counter("tx_packets").unwrap_or(0)),
            bytes: (counter("rx_bytes").unwrap_or(0), counter("tx_bytes").unwrap_or(0)),
            errors,
        })
    }

    /// Errors that were counted since an earlier look, by what they point to. A counter that fell began anew.
    pub(super) fn errors_since(&self, before: &State, cause: Cause) -> Vec<(String, u64)> {
        let of_cause = self.errors.iter().filter(|((other, _), _)| *other == cause);
        let more = of_cause.map(|(key, count)| {
            let earlier = before.errors.get(key).copied().unwrap_or(0);
            (key.1.clone(), if *count >= earlier { count - earlier } else { *count })
        });
        more.filter(|(_, count)| *count > 0).collect()
    }
}

fn cause_of(name: &str) -> Option<Cause> {
    let name = name.to_ascii_lowercase();
    DRIVERS.iter().find(|(parts, _)| parts.iter().all(|part| name.contains(part))).map(|(_, cause)| *cause)
}

/// Interfaces of this machine with hardware behind them, without virtual functions' representors and the like: those with a device and
/// a type of Ethernet (1) or InfiniBand (32).
pub(super) fn with_hardware(host: &Host) -> Vec<String> {
    let is_wired = |name: &String| {
        host.exists(format!("{NET}/{name}/device"))
            && host.text(format!("{NET}/{name}/type")).is_some_and(|kind| ["1", "32"].contains(&kind.as_str()))
            && !host.has(format!("{NET}/{name}/wireless"))
    };
    host.list(NET).into_iter().filter(is_wired).collect()
}

/// The most that the card can, in Mbit/s, as the driver tells.
pub(super) fn most(host: &Host, name: &str) -> Option<u64> {
    fastest_link(&host.link_settings(name).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_of_drivers_are_known_by_the_words_in_their_names() {
        // mlx5, ixgbe, i40e, bnxt, ice: as their drivers name them.
        for (name, cause) in [
            ("rx_symbol_err_phy", Some(Cause::Wire)),
            ("rx_fec_uncorrectable_blks", Some(Cause::Wire)),
            ("rx_pcs_symbol_err_phy", Some(Cause::Wire)),
            ("rx_out_of_buffer", Some(Cause::Host)),
            ("rx_no_buffer_count", Some(Cause::Host)),
            ("rx_fec_corrected_blks", None),
            ("rx_packets", None),
        ] {
            assert_eq!(cause_of(name), cause, "{name}");
        }
    }

    #[test]
    fn a_counter_that_fell_began_anew() {
        let key = (Cause::Wire, "rx_crc_errors".to_owned());
        let of = |count| State { errors: BTreeMap::from([(key.clone(), count)]), ..State::default() };
        assert_eq!(of(5).errors_since(&of(5), Cause::Wire), []);
        assert_eq!(of(7).errors_since(&of(5), Cause::Wire), [("rx_crc_errors".to_owned(), 2)]);
        assert_eq!(of(1).errors_since(&of(5), Cause::Wire), [("rx_crc_errors".to_owned(), 1)]);
        assert_eq!(of(7).errors_since(&of(5), Cause::Host), []);
    }
}
