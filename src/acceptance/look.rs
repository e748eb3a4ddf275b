//! Reads the facts of one device from an inventory document, with the rest of the document at hand.

use std::collections::HashMap;

use serde_json::Value;

use super::catalogue::{Field, Source};
use super::fact::Fact;

/// An inventory document, with its PCI functions by address.
pub(super) struct Index<'a> {
    pub(super) document: &'a Value,
    functions: HashMap<&'a str, &'a Value>,
}

impl<'a> Index<'a> {
    pub(super) fn new(document: &'a Value) -> Self {
        let functions = document["pci"].as_array().into_iter().flatten();
        let functions = functions.filter_map(|function| Some((function["address"].as_str()?, function))).collect();
        Index { document, functions }
    }

    /// The PCI function at an address; `None` if the document has none there.
    pub(super) fn function(&self, address: &str) -> Option<&'a Value> {
        self.functions.get(address).copied()
    }

    /// The hardware in the MAAS part of the document: `machine_resources.resources`.
    pub(super) fn resources(&self) -> &'a Value {
        &self.document["machine_resources"]["resources"]
    }

    /// Path and reason of the first gap of these topics whose path `concerns` accepts; `None` if there is no such gap.
    pub(super) fn gap(&self, topics: &[&str], concerns: impl Fn(&str) -> bool) -> Option<String> {
        let gaps = self.document["gaps"].as_array().into_iter().flatten();
        let mut gaps = gaps.filter(|gap| gap["topic"].as_str().is_some_and(|topic| topics.contains(&topic)));
        let gap = gaps.find(|gap| gap["path"].as_str().is_some_and(&concerns))?;
        Some(format!("{}: {}", gap["path"].as_str().unwrap_or_default(), gap["reason"].as_str().unwrap_or_default()))
    }
}

/// A device, and the document that it is part of.
pub(super) struct Look<'a> {
    pub(super) index: &'a Index<'a>,
    pub(super) device: &'a Value,
}

impl<'a> Look<'a> {
    /// The device's fact for a key.
    pub(super) fn fact(&self, field: &Field) -> Fact {
        match field.source {
            Source::Text(key) => Fact::text(self.text(key)),
            Source::Number(key) => number(&self.device[key]),
            Source::Flag(key) => flag(&self.device[key]),
            Source::Made(make) => make(self),
        }
    }

    /// A text field of the device; empty if the device does not have it.
    pub(super) fn text(&self, key: &str) -> &'a str {
        self.device[key].as_str().unwrap_or_default()
    }

    /// PCI function of the device, or of its controller; `None` if it has neither.
    pub(super) fn function(&self) -> Option<&'a Value> {
        let address = ["pci_address", "controller", "address"].into_iter().map(|key| self.text(key));
        address.filter(|address| !address.is_empty()).find_map(|address| self.index.function(address))
    }
}

/// A number field as a fact; `Unknown` if it is missing.
pub(super) fn number(value: &Value) -> Fact {
    value.as_f64().map_or_else(|| Fact::Unknown("the machine does not tell it".to_owned()), Fact::Number)
}

/// A boolean field as a fact; `Unknown` if it is missing.
pub(super) fn flag(value: &Value) -> Fact {
    value.as_bool().map_or_else(|| Fact::Unknown("the machine does not tell it".to_owned()), Fact::Flag)
}
