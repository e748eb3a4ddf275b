//! What the region booted this machine for, as the user data of its ephemeral system say. An agent that an image starts at every boot is
//! also there while disks are erased and while the machine is installed, and the region's answers do not tell these from a test.

use std::io::Read as _;

use super::dispatcher::Dispatcher;
use super::run::{QUESTION, holds};
use super::{Agent, Error, messages};
use crate::host::Host;
use crate::region::{RetryOptions, Signal, SignalStatus, persist};
use crate::script::{Index, RegionVersion, ScriptType};

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

impl Agent {
    /// Ends a state that would last for ever: the region has nothing to run, and may wait for a signal all the same. It waits for any while
    /// rescue mode is entered, and for the end of a run whose results it has and whose record was lost here. A bare WORKING comes
    /// first, since FAILED would fail the entering of rescue mode, and is harmless once that is entered. Then FAILED ends commissioning and
    /// testing: OK would pass what failed. All other states ignore or refuse both, but for those in which another program than this one
    /// is at work (contract REGION, "What each does to the node"; corrections 4 to 6).
    pub(super) async fn end_what_was_forgotten(&self) {
        if !self.options.send || matches!(Purpose::of(&self.host), Purpose::Installing | Purpose::Erasing) {
            return;
        }
        let retry = RetryOptions { few: 2, ..self.options.retry.clone() };
        for (status, text) in [(SignalStatus::Working, messages::UP), (SignalStatus::Failed, messages::FORGOTTEN_RUN)] {
            let signal = Signal::node(status, text);
            let label = signal.label();
            let sending = persist(&retry, &self.give_up, &label, || self.client.signal(&signal));
            if let Err(error) = sending.await {
                // By then the region is past waiting, or in a state that nothing here is to end.
                tracing::info!(%error, "the region has no use for {}", status.word());
                return;
            }
        }
        self.say(messages::TOLD_FAILED.to_owned());
    }

    /// Refuses to run tests beside MAAS's program that erases disks: before MAAS 3.4.6 the OK of a run would release the machine half
    /// erased, and no answer of the region tells erasing from testing (contract VERSIONS, §10).
    pub(super) async fn check_purpose(&self, index: &Index, dispatcher: &Dispatcher) -> Result<(), Error> {
        let is_test = holds(index, ScriptType::Testing) && !dispatcher.has_outcomes_of(ScriptType::Commissioning);
        if !self.options.send || !is_test {
            return Ok(());
        }
        match Purpose::of(&self.host) {
            Purpose::Erasing => Err(Error::Erasing),
            Purpose::Unknown | Purpose::Installing
                if self.region_version().await.is_some_and(RegionVersion::releases_at_ok) =>
            {
                Err(Error::MayErase)
            }
            _ => Ok(()),
        }
    }

    /// Which MAAS this is, if it says so; asked once in a run.
    pub(super) async fn region_version(&self) -> Option<RegionVersion> {
        *self.version.get_or_init(|| self.client.version(QUESTION)).await
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
