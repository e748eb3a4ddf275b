//! Errors of PCI Express that the kernel counts (Documentation/ABI/testing/sysfs-bus-pci-devices-aer_stats).

use std::collections::BTreeMap;

use crate::host::Host;

const DEVICES: &str = "/sys/bus/pci/devices";

/// How bad an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    /// The link put it right.
    Correctable,
    /// Lost, and the link goes on.
    NonFatal,
    /// Lost, and the link with it.
    Fatal,
}

impl Severity {
    const ALL: [(Severity, &'static str); 3] = [
        (Severity::Correctable, "aer_dev_correctable"),
        (Severity::NonFatal, "aer_dev_nonfatal"),
        (Severity::Fatal, "aer_dev_fatal"),
    ];
}

/// Counters of all functions: function, severity, name of the error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Errors(BTreeMap<(String, Severity, String), u64>);

/// An error that was counted meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct New {
    /// The function.
    pub(super) address: String,
    /// How bad.
    pub(super) severity: Severity,
    /// Errors by name: `RxErr`.
    pub(super) names: Vec<(String, u64)>,
}

impl New {
    /// All of them.
    #[must_use]
    pub(super) fn count(&self) -> u64 {
        self.names.iter().map(|(_, count)| count).sum()
    }
}

impl Errors {
    /// Reads them.
    #[must_use]
    pub(super) fn read(host: &Host) -> Self {
        let mut found = Errors::default();
        for address in host.list(DEVICES) {
            for (severity, file) in Severity::ALL {
                let Some(text) = host.text(format!("{DEVICES}/{address}/{file}")) else { continue };
                for line in text.lines() {
                    // The sum is the sum of the others.
                    let Some((name, count)) = line.rsplit_once(' ').filter(|(name, _)| !name.starts_with("TOTAL"))
                    else {
                        continue;
                    };
                    if let Ok(count) = count.parse() {
                        found.0.insert((address.clone(), severity, name.trim().to_owned()), count);
                    }
                }
            }
        }
        found
    }

    /// How many functions count errors.
    #[must_use]
    pub(super) fn functions(&self) -> usize {
        let mut addresses: Vec<&String> = self.0.keys().map(|(address, ..)| address).collect();
        addresses.dedup();
        addresses.len()
    }

    /// Returns the errors counted since an earlier look. A function that came since then, or whose counter fell, began at zero.
    #[must_use]
    pub(super) fn since(&self, before: &Errors) -> Vec<New> {
        let mut found: Vec<New> = Vec::new();
        for ((address, severity, name), count) in &self.0 {
            let earlier = before.0.get(&(address.clone(), *severity, name.clone())).copied().unwrap_or(0);
            let more = if *count >= earlier { count - earlier } else { *count };
            if more == 0 {
                continue;
            }
            match found.iter_mut().find(|new| new.address == *address && new.severity == *severity) {
                Some(new) => new.names.push((name.clone(), more)),
                None => {
                    found.push(New {
                        address: address.clone(),
                        severity: *severity,
                        names: vec![(name.clone(), more)],
                    });
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::machine_of;

    /// As Linux 6.1 prints it (`drivers/pci/pcie/aer.c`).
    fn correctable(receiver: u64, replay: u64) -> String {
        format!(
            "RxErr {receiver}\nBadTLP 0\nBadDLLP 0\nRollover {replay}\nTimeout 0\nNonFatalErr 0\nTOTAL_ERR_COR {}\n",
            receiver + replay
        )
    }

    #[test]
    fn only_what_was_counted_meanwhile_counts() {
        const PLACE: &str = "sys/bus/pci/devices/0000:01:00.0";
        let of = |receiver, replay, fatal: &str| {
            let (_root, host) = machine_of(&[
                (&format!("{PLACE}/aer_dev_correctable"), &correctable(receiver, replay)),
                (&format!("{PLACE}/aer_dev_fatal"), fatal),
            ]);
            Errors::read(&host)
        };
        let before = of(100, 0, "DLP 0\nTOTAL_ERR_FATAL 0\n");
        assert_eq!(before.functions(), 1);
        assert_eq!(of(100, 0, "DLP 0\nTOTAL_ERR_FATAL 0\n").since(&before), []);
        let after = of(104, 1, "DLP 2\nTOTAL_ERR_FATAL 2\n").since(&before);
        let counts: Vec<_> = after.iter().map(|new| (new.severity, new.count())).collect();
        assert_eq!(counts, [(Severity::Correctable, 5), (Severity::Fatal, 2)]);
        assert_eq!(after[0].names, [("Rollover".to_owned(), 1), ("RxErr".to_owned(), 4)]);
        assert_eq!(of(3, 0, "").since(&before)[0].count(), 3, "a device that was reset began anew");
    }
}
