//! The topics of an inventory, and the consequences of one that could not be read.

use std::fmt;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::diff::Kind;

/// A part of the machine that is read by its own reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    /// Processors of the region's document.
    Cpu,
    /// Memory of the region's document.
    Memory,
    /// Graphics cards of the region's document.
    Gpu,
    /// Network cards of the region's document.
    Network,
    /// Interfaces as they are set up, of the region's document.
    Networks,
    /// Disks of the region's document.
    Storage,
    /// USB devices of the region's document.
    Usb,
    /// PCI functions of the region's document.
    Pci,
    /// Names of the machine, of the region's document.
    System,
    /// Kernel and distribution, of the region's document.
    Environment,
    /// Processors and memory of the region's document, which one thread reads together.
    #[serde(rename = "cpu and memory")]
    CpuAndMemory,
    /// PCI functions and graphics cards, of the region's document and in depth.
    Cards,
    /// Processors in depth.
    Processors,
    /// Memory modules.
    Modules,
    /// Disks and their controllers in depth.
    Disks,
    /// Arrays, volumes and paths.
    #[serde(rename = "stacked disks")]
    StackedDisks,
    /// Network interfaces in depth.
    Interfaces,
    /// USB devices and hubs in depth.
    #[serde(rename = "usb tree")]
    UsbTree,
    /// Versions of firmware, TPM and Secure Boot.
    Firmware,
    /// Power supplies.
    Power,
    /// The baseboard management controller.
    Bmc,
    /// Readings.
    Sensors,
    /// A topic of another release of this program.
    #[serde(other)]
    Other,
}

impl Topic {
    /// All topics that this release reads.
    pub const ALL: [Topic; 22] = [
        Topic::Cpu,
        Topic::Memory,
        Topic::Gpu,
        Topic::Network,
        Topic::Networks,
        Topic::Storage,
        Topic::Usb,
        Topic::Pci,
        Topic::System,
        Topic::Environment,
        Topic::CpuAndMemory,
        Topic::Cards,
        Topic::Processors,
        Topic::Modules,
        Topic::Disks,
        Topic::StackedDisks,
        Topic::Interfaces,
        Topic::UsbTree,
        Topic::Firmware,
        Topic::Power,
        Topic::Bmc,
        Topic::Sensors,
    ];

    /// The name of the topic, as it is written in documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Topic::Cpu => "cpu",
            Topic::Memory => "memory",
            Topic::Gpu => "gpu",
            Topic::Network => "network",
            Topic::Networks => "networks",
            Topic::Storage => "storage",
            Topic::Usb => "usb",
            Topic::Pci => "pci",
            Topic::System => "system",
            Topic::Environment => "environment",
            Topic::CpuAndMemory => "cpu and memory",
            Topic::Cards => "cards",
            Topic::Processors => "processors",
            Topic::Modules => "modules",
            Topic::Disks => "disks",
            Topic::StackedDisks => "stacked disks",
            Topic::Interfaces => "interfaces",
            Topic::UsbTree => "usb tree",
            Topic::Firmware => "firmware",
            Topic::Power => "power",
            Topic::Bmc => "bmc",
            Topic::Sensors => "sensors",
            Topic::Other => "other",
        }
    }

    /// The kinds of hardware whose items, or their places, are unknown when the whole topic could not be read.
    #[must_use]
    pub fn hides(self) -> &'static [Kind] {
        match self {
            Topic::Processors | Topic::Cpu => &[Kind::Cpu],
            Topic::Modules | Topic::Memory => &[Kind::Memory],
            Topic::CpuAndMemory => &[Kind::Cpu, Kind::Memory],
            Topic::Disks | Topic::Storage => &[Kind::BlockDevice],
            Topic::Interfaces => &[Kind::Interface],
            Topic::Bmc => &[Kind::Bmc],
            Topic::UsbTree | Topic::Usb => &[Kind::UsbDevice],
            // The places of drives and interfaces are those of their cards.
            Topic::Cards | Topic::Pci => &[Kind::PciDevice, Kind::Interface, Kind::BlockDevice],
            Topic::Gpu
            | Topic::Network
            | Topic::Networks
            | Topic::System
            | Topic::Environment
            | Topic::StackedDisks
            | Topic::Firmware
            | Topic::Power
            | Topic::Sensors
            | Topic::Other => &[],
        }
    }

    /// True if the region's document is made from this topic: a region takes data that are missing there for hardware that is gone.
    #[must_use]
    pub fn is_of_the_document(self) -> bool {
        match self {
            Topic::Cpu
            | Topic::Memory
            | Topic::Gpu
            | Topic::Network
            | Topic::Networks
            | Topic::Storage
            | Topic::Usb
            | Topic::Pci
            | Topic::System
            | Topic::Environment
            | Topic::CpuAndMemory
            | Topic::Cards => true,
            Topic::Processors
            | Topic::Modules
            | Topic::Disks
            | Topic::StackedDisks
            | Topic::Interfaces
            | Topic::UsbTree
            | Topic::Firmware
            | Topic::Power
            | Topic::Bmc
            | Topic::Sensors
            | Topic::Other => false,
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The part of a topic that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Missing {
    /// The whole topic; written as `/`.
    Everything,
    /// This file or device.
    File(String),
}

impl From<String> for Missing {
    fn from(path: String) -> Self {
        if path == "/" { Missing::Everything } else { Missing::File(path) }
    }
}

impl From<Missing> for String {
    fn from(missing: Missing) -> Self {
        missing.to_string()
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Missing::Everything => "/",
            Missing::File(path) => path,
        })
    }
}

/// A part of the machine that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Gap {
    /// `cpu`, `memory` …
    #[cfg_attr(test, schemars(with = "String"))]
    pub topic: Topic,
    /// The file, below the root; `/` for the whole topic.
    #[cfg_attr(test, schemars(with = "String"))]
    pub path: Missing,
    /// The reason why it could not be read.
    pub reason: String,
}

impl Gap {
    /// The gap of a topic of which nothing could be read.
    #[must_use]
    pub fn of_all(topic: Topic, reason: impl fmt::Display) -> Self {
        Gap { topic, path: Missing::Everything, reason: reason.to_string() }
    }

    /// The gap of one file or device of a topic.
    #[must_use]
    pub fn of_file(topic: Topic, path: impl Into<String>, reason: impl fmt::Display) -> Self {
        Gap { topic, path: Missing::File(path.into()), reason: reason.to_string() }
    }

    /// The kinds of hardware whose items are unknown because of this gap.
    #[must_use]
    pub fn hides(&self) -> &'static [Kind] {
        match self.path {
            Missing::Everything => self.topic.hides(),
            Missing::File(_) => &[],
        }
    }

    /// True if this gap leaves the region's document incomplete.
    #[must_use]
    pub fn halves_the_document(&self) -> bool {
        self.path == Missing::Everything && self.topic.is_of_the_document()
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.topic, self.path, self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_written_by_its_name_and_another_releases_topic_can_be_read() {
        for topic in Topic::ALL {
            assert_eq!(serde_json::to_value(topic).ok(), Some(topic.name().into()));
            assert_eq!(serde_json::from_value::<Topic>(topic.name().into()).ok(), Some(topic));
        }
        assert_eq!(serde_json::from_value::<Topic>("of tomorrow".into()).ok(), Some(Topic::Other));
    }

    #[test]
    fn every_kind_of_hardware_is_hidden_by_a_topic_that_is_missing_and_by_no_file() {
        for kind in Kind::ALL {
            assert!(Topic::ALL.iter().any(|topic| topic.hides().contains(&kind)), "{kind:?}");
        }
        let gap = |path: &str| Gap { topic: Topic::Storage, path: path.to_owned().into(), reason: String::new() };
        assert_eq!((gap("/").hides(), gap("/sys/x").hides()), (&[Kind::BlockDevice][..], &[][..]));
        assert!(gap("/").halves_the_document() && !gap("/sys/x").halves_the_document());
        assert_eq!(
            serde_json::to_value(gap("/")).ok(),
            Some(serde_json::json!({"topic": "storage", "path": "/", "reason": ""}))
        );
    }
}
