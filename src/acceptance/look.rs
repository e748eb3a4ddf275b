//! One look at a device of an inventory document, with what is known of its surroundings.

use std::collections::HashMap;

use serde_json::Value;

use super::catalogue::{Field, Source};
use super::fact::Fact;

/// A document, and where its PCI functions are.
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

    /// The PCI function at an address.
    pub(super) fn function(&self, address: &str) -> Option<&'a Value> {
        self.functions.get(address).copied()
    }

    /// Where the MAAS part of the document has the hardware.
    pub(super) fn resources(&self) -> &'a Value {
        &self.document["machine_resources"]["resources"]
    }

    /// Why something of a topic could not be read, if that is told.
    pub(super) fn gap(&self, topics: &[&str], concerns: impl Fn(&str) -> bool) -> Option<String> {
        let gaps = self.document["gaps"].as_array().into_iter().flatten();
        let mut gaps = gaps.filter(|gap| gap["topic"].as_str().is_some_and(|topic| topics.contains(&topic)));
        let gap = gaps.find(|gap| gap["path"].as_str().is_some_and(&concerns))?;
        Some(format!("{}: {}", gap["path"].as_str().unwrap_or_default(), gap["reason"].as_str().unwrap_or_default()))
    }
}

/// A device, and all around it.
pub(super) struct Look<'a> {
    pub(super) index: &'a Index<'a>,
    pub(super) device: &'a Value,
}

impl<'a> Look<'a> {
    /// What a key holds.
    pub(super) fn fact(&self, field: &Field) -> Fact {
        match field.source {
            Source::Text(key) => Fact::text(self.text(key)),
            Source::Number(key) => number(&self.device[key]),
            Source::Flag(key) => flag(&self.device[key]),
            Source::Made(make) => make(self),
        }
    }

    /// A text of the device; empty where there is none.
    pub(super) fn text(&self, key: &str) -> &'a str {
        self.device[key].as_str().unwrap_or_default()
    }

    /// The device's PCI function: itself, or what it hangs on.
    pub(super) fn function(&self) -> Option<&'a Value> {
        let address = ["pci_address", "controller", "address"].into_iter().map(|key| self.text(key));
        address.filter(|address| !address.is_empty()).find_map(|address| self.index.function(address))
    }
}

/// A number, unless it is not told.
pub(super) fn number(value: &Value) -> Fact {
    value.as_f64().map_or_else(|| Fact::Unknown("the machine does not tell it".to_owned()), Fact::Number)
}

/// A flag, unless it is not told.
pub(super) fn flag(value: &Value) -> Fact {
    value.as_bool().map_or_else(|| Fact::Unknown("the machine does not tell it".to_owned()), Fact::Flag)
}
