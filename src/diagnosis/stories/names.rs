//! Two names of one device, where a log tells both.

use std::collections::HashMap;

use crate::diagnosis::name;

/// Which names mean the same device.
#[derive(Debug, Default)]
pub(in crate::diagnosis) struct Names {
    /// Names that a later or finer one replaces: `3:0:0:0` and `ata4` by `sdd`.
    better: HashMap<String, String>,
    /// The interface of a PCI address.
    interfaces: HashMap<String, String>,
}

/// So many names are kept.
const MOST: usize = 2000;

impl Names {
    /// Learns from a line that names a device twice.
    pub(in crate::diagnosis) fn learn(&mut self, text: &str) {
        if self.better.len() + self.interfaces.len() > MOST {
            return;
        }
        if let (Some(address), Some(disk)) = name::scsi(text) {
            if self.better.get(address).is_none_or(|known| known != disk) {
                self.better.insert(address.to_string(), disk.to_string());
            }
        } else if let Some((Some(address), interface)) = name::interface(text)
            && self.interfaces.get(&address).is_none_or(|known| known != interface)
        {
            self.interfaces.insert(address, interface.to_string());
        }
    }

    pub(super) fn is_called(&mut self, one: &str, better: &str) {
        if self.better.len() < MOST {
            self.better.entry(one.to_string()).or_insert_with(|| better.to_string());
        }
    }

    /// The best name of a device.
    pub(in crate::diagnosis) fn best<'a>(&'a self, device: &'a str) -> &'a str {
        self.better.get(device).map_or(device, String::as_str)
    }

    pub(in crate::diagnosis) fn interface(&self, address: &str) -> Option<&str> {
        self.interfaces.get(address).map(String::as_str)
    }
}
