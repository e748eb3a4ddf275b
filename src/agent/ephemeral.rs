//! What the region booted this machine for, as the user data of its ephemeral system say. An agent that an image starts at every boot is
//! also there while disks are erased and while the machine is installed, and the region's answers do not tell these from a test.

use std::io::Read as _;

use crate::host::Host;

/// Where cloud-init keeps what it was given: whole, and its scripts by themselves.
const USER_DATA: &str = "/var/lib/cloud/instance/user-data.txt";
const SCRIPTS: &str = "/var/lib/cloud/instance/scripts";
/// Of a file so much is read: user data with a program in it are some megabytes.
const LARGEST: u64 = 64 << 20;

/// What a boot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// There are no user data: no region booted this machine.
    None,
    /// Running scripts.
    Scripts,
    /// Erasing disks, by MAAS's own program (MAAS before 3.5; contract VERSIONS, §7).
    Erasing,
    /// Installing.
    Installing,
    /// There are user data, and they say nothing that is known here.
    Unknown,
}

impl Purpose {
    /// Reads it.
    pub(super) fn of(host: &Host) -> Self {
        let scripts = host.list(SCRIPTS).into_iter().map(|name| format!("{SCRIPTS}/{name}"));
        let mut found = Purpose::None;
        for path in std::iter::once(USER_DATA.to_owned()).chain(scripts) {
            let Ok(file) = std::fs::File::open(host.path(&path)) else { continue };
            let mut bytes = Vec::new();
            let _ = file.take(LARGEST).read_to_end(&mut bytes);
            let purpose = Self::told_by(&bytes);
            if found == Purpose::None || found == Purpose::Unknown {
                found = purpose;
            }
        }
        found
    }

    fn told_by(text: &[u8]) -> Self {
        const SIGNS: [(&str, Purpose); 4] = [
            ("maas-run-remote-scripts", Purpose::Scripts),
            ("shakedown", Purpose::Scripts),
            ("maas-wipe", Purpose::Erasing),
            ("curtin", Purpose::Installing),
        ];
        let holds = |word: &str| text.windows(word.len()).any(|window| window == word.as_bytes());
        SIGNS.into_iter().find(|(word, _)| holds(word)).map_or(Purpose::Unknown, |(_, purpose)| purpose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::machine_of;

    #[test]
    fn what_a_boot_is_for_stands_in_its_user_data() {
        let decoded = "var/lib/cloud/instance/scripts/part-001";
        let whole = "var/lib/cloud/instance/user-data.txt";
        let rows: [(&[(&str, &str)], Purpose); 5] = [
            (&[], Purpose::None),
            (&[(whole, "#cloud-config\n")], Purpose::Unknown),
            (&[(whole, "bWFhcy13aXBl"), (decoded, "#!/bin/sh\nmaas-wipe\nmaas-signal OK\n")], Purpose::Erasing),
            (&[(whole, "#!/bin/sh\nexec maas-run-remote-scripts --config=x /tmp/d\n")], Purpose::Scripts),
            (&[(whole, "#!/bin/sh\ncurtin install\n")], Purpose::Installing),
        ];
        for (files, purpose) in rows {
            let (_root, host) = machine_of(files);
            assert_eq!(Purpose::of(&host), purpose, "{files:?}");
        }
    }
}
