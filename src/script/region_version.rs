//! The version of a MAAS region, and what differs from version to version (contract VERSIONS).

use std::fmt;
use std::str::FromStr;

/// A version of MAAS, for example `3.4.10`. Ordered by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionVersion {
    major: u16,
    minor: u16,
    patch: u16,
}

/// A text that is no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no version of MAAS such as 3.6 or 3.4.10")]
pub struct NoVersion(String);

impl RegionVersion {
    /// The oldest that is known here.
    pub const OLDEST: RegionVersion = RegionVersion::new(3, 2, 0);
    /// The newest that is known here.
    pub const NEWEST: RegionVersion = RegionVersion::new(3, 8, 0);
    /// The latest releases of the lines 3.2 to 3.7, and the newest.
    pub const LINES: [RegionVersion; 7] = [
        RegionVersion::new(3, 2, 11),
        RegionVersion::new(3, 3, 11),
        RegionVersion::new(3, 4, 10),
        RegionVersion::new(3, 5, 13),
        RegionVersion::new(3, 6, 5),
        RegionVersion::new(3, 7, 3),
        RegionVersion::NEWEST,
    ];

    /// A version by its numbers.
    #[must_use]
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        RegionVersion { major, minor, patch }
    }

    fn since(self, major: u16, minor: u16, patch: u16) -> bool {
        self >= RegionVersion::new(major, minor, patch)
    }

    /// True if the index hands out release scripts and the signal RELEASING is known; before that, a machine whose disks are
    /// being erased gets its pending tests.
    #[must_use]
    pub fn has_release_scripts(self) -> bool {
        self.since(3, 5, 0)
    }

    /// True if the index hands out deployment scripts and the signal DEPLOYING is known.
    #[must_use]
    pub fn has_deployment_scripts(self) -> bool {
        self.since(3, 8, 0)
    }

    /// True if a second result of a finished script is answered with a text; before, the 500 has an empty body.
    #[must_use]
    pub fn explains_second_results(self) -> bool {
        self.since(3, 4, 0)
    }

    /// True if OK while disks are being erased releases the machine at once, half erased as it may be.
    #[must_use]
    pub fn releases_at_ok(self) -> bool {
        !self.since(3, 4, 6)
    }

    /// True if a required parameter may be of type `boolean`, and an `argument_format` may do without `{input}`.
    #[must_use]
    pub fn has_lenient_parameters(self) -> bool {
        self.since(3, 5, 0)
    }

    /// True if the stock runner names an argument after its parameter (`--colour=red`); before, after its type
    /// (`--string=red`).
    #[must_use]
    pub fn names_arguments_by_key(self) -> bool {
        self.since(3, 6, 0)
    }

    /// True if hardware sync tells of what changed only, at level INFO; before, of every device at each report, at AUDIT.
    #[must_use]
    pub fn tells_changed_devices_only(self) -> bool {
        self.since(3, 4, 2)
    }

    /// True if a query for audit events honours the filters for nodes.
    #[must_use]
    pub fn filters_audit_events(self) -> bool {
        self.since(3, 3, 0)
    }
}

impl Default for RegionVersion {
    fn default() -> Self {
        RegionVersion::NEWEST
    }
}

impl fmt::Display for RegionVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for RegionVersion {
    type Err = NoVersion;

    /// Reads `3.4`, `3.4.10`, and what regions say of themselves before a release: `3.8.0a1`, `3.6.0~rc2`.
    fn from_str(text: &str) -> Result<Self, NoVersion> {
        let wrong = || NoVersion(text.to_owned());
        let mut numbers = [0_u16; 3];
        let mut parts = text.trim().splitn(3, '.');
        for (place, number) in numbers.iter_mut().enumerate() {
            let Some(part) = parts.next() else {
                if place < 2 {
                    return Err(wrong());
                }
                break;
            };
            let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            // Only the last part carries a qualifier.
            if end < part.len() && place < 2 {
                return Err(wrong());
            }
            *number = part[..end].parse().map_err(|_| wrong())?;
        }
        let [major, minor, patch] = numbers;
        Ok(RegionVersion { major, minor, patch })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_regions_say_them() {
        let rows = [
            ("3.4", RegionVersion::new(3, 4, 0)),
            ("3.4.10", RegionVersion::new(3, 4, 10)),
            ("3.8.0a1", RegionVersion::new(3, 8, 0)),
            ("3.6.0~rc2-1234-g.abc", RegionVersion::new(3, 6, 0)),
        ];
        for (text, version) in rows {
            assert_eq!(text.parse(), Ok(version), "{text}");
        }
        for wrong in ["", "3", "three", "3.x", "3.4a.1", "3.4.", "3.99999.1"] {
            assert_eq!(wrong.parse::<RegionVersion>(), Err(NoVersion(wrong.to_owned())), "{wrong}");
        }
    }

    #[test]
    fn they_are_ordered_by_their_numbers_and_not_by_their_letters() {
        assert!(RegionVersion::new(3, 4, 10) > RegionVersion::new(3, 4, 9));
        assert!(RegionVersion::LINES.is_sorted());
        assert!(RegionVersion::new(3, 4, 5).releases_at_ok() && !RegionVersion::new(3, 4, 6).releases_at_ok());
    }
}
