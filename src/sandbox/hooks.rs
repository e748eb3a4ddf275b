//! What the region reads out of results: the inventory, the interface that was booted from, and scripts that want commissioning
//! to begin anew (contract REGION, corrections 7 and 8).

use serde_json::Value;

use super::machines::Nic;
use super::state::{Region, ResultRow, State};
use crate::event::{Event, EventType};
use crate::script::{Evidence, ScriptType, Status, Transition};

const INVENTORY: &str = "50-maas-01-commissioning";
const KERNEL_COMMAND_LINE: &str = "maas-kernel-cmdline";

/// Why a hook gives up.
enum Unusable {
    /// With a word of its own for it.
    Told(&'static str),
    Silently,
}

/// Which files came with a result; what an earlier one brought stays and does not count.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Came {
    pub(super) stdout: bool,
    pub(super) result: bool,
}

impl ResultRow {
    /// Stores files by their suffixes.
    pub(super) fn keep(&mut self, files: Vec<(String, Vec<u8>)>) -> Came {
        let mut came = Came::default();
        for (name, bytes) in files {
            match name.to_ascii_lowercase().rsplit('.').next() {
                Some("out") => {
                    came.stdout = true;
                    self.stdout = bytes;
                }
                Some("err") => self.stderr = bytes,
                Some("yaml") => {
                    came.result = true;
                    self.result = bytes;
                }
                _ => self.output = bytes,
            }
        }
        came
    }
}

impl State {
    /// Lets the hook of a script read its stdout, if the script succeeded and stdout came: what the result comes to then.
    pub(super) fn process(&mut self, index: usize, came: Came, transition: Transition) -> Transition {
        let row = &self.results[index];
        if row.exit_status != Some(0) || !came.stdout {
            return transition;
        }
        let stdout = row.stdout.clone();
        let outcome = match row.script.as_str() {
            INVENTORY => self.take_inventory(&stdout),
            KERNEL_COMMAND_LINE => self.take_command_line(&stdout),
            _ => Ok(()),
        };
        let Err(reason) = outcome else { return transition };
        if let Unusable::Told(text) = reason {
            self.log_event(Event::new(EventType::SCRIPT_RESULT_ERROR, text));
        }
        let script = self.results[index].script.clone();
        let text = format!("{}: commissioning script '{script}' failed during post-processing.", self.who());
        self.log_event(Event::new(EventType::SCRIPT_RESULT_ERROR, text));
        Transition::of_a_node(1, Evidence::on_the_word_of_a_node())
    }

    /// The interfaces of the node are those of the inventory from now on; the one it booted from is none if it is not among
    /// them.
    fn take_inventory(&mut self, stdout: &[u8]) -> Result<(), Unusable> {
        let told = Unusable::Told("Failed processing commissioning data: invalid JSON data");
        let inventory: Value = serde_json::from_slice(stdout).map_err(|_| told)?;
        if !inventory.get("resources").is_some_and(Value::is_object) {
            return Err(Unusable::Silently);
        }
        let networks = inventory.get("networks").and_then(Value::as_object);
        let own = |(name, network): (&String, &Value)| {
            let mac = network.get("hwaddr")?.as_str().filter(|mac| !mac.is_empty())?.to_ascii_lowercase();
            (name != "lo").then(|| Nic { name: name.clone(), mac })
        };
        let interfaces: Vec<Nic> = networks.into_iter().flatten().filter_map(own).collect();
        let booted = self.node.boot_interface.take();
        let mac = self.node.interfaces.iter().find(|nic| Some(&nic.name) == booted.as_ref()).map(|nic| nic.mac.clone());
        let still = interfaces.iter().find(|nic| Some(&nic.mac) == mac.as_ref());
        self.node.boot_interface = still.map(|nic| nic.name.clone());
        self.node.interfaces = interfaces;
        Ok(())
    }

    /// `BOOTIF=01-` and the address in lower case with dashes, as PXELINUX writes it; nothing else counts.
    fn take_command_line(&mut self, stdout: &[u8]) -> Result<(), Unusable> {
        let text = std::str::from_utf8(stdout).map_err(|_| Unusable::Silently)?;
        let mac =
            text.split_whitespace().find_map(|word| word.strip_prefix("BOOTIF=01-")).map(|mac| mac.replace('-', ":"));
        let booted = self.node.interfaces.iter().find(|nic| Some(&nic.mac) == mac.as_ref());
        if let Some(nic) = booted {
            self.node.boot_interface = Some(nic.name.clone());
        }
        Ok(())
    }

    /// A script with `recommission: true` that passed lets every script that the region brings along run again.
    pub(super) fn recommission(&mut self, region: &Region, index: usize) {
        let row = &self.results[index];
        let script = region.library.scripts.iter().find(|script| script.name == row.script);
        if row.status != Status::Passed || !script.is_some_and(|script| script.header.recommission) {
            return;
        }
        let is_built_in = |row: &ResultRow| {
            let mut scripts = region.library.scripts.iter();
            scripts.any(|script| script.name == row.script && script.is_built_in())
        };
        let again = |row: &&mut ResultRow| row.kind == Some(ScriptType::Commissioning) && is_built_in(row);
        for row in self.results.iter_mut().filter(again) {
            (row.status, row.started, row.ended) = (Status::Pending, None, None);
        }
    }
}
