//! Graphics and compute cards (contract RESOURCES §1.3), from `/sys/class/drm` and PCI.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

use super::names::Names;
use super::pci::{self, Function};
use super::survey::{Survey, storable};

const DRM: &str = "/sys/class/drm";

/// All graphics cards.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Gpu {
    /// Virtual functions stand below their physical one.
    pub cards: Vec<GpuCard>,
    /// Cards and virtual functions.
    pub total: u64,
}

/// A graphics card.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct GpuCard {
    /// Name of its driver.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub driver: String,
    /// Version of the driver's module, else of the kernel.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub driver_version: String,
    /// Device nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drm: Option<Drm>,
    /// Virtual functions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sriov: Option<GpuSriov>,
    /// What NVIDIA's driver tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nvidia: Option<Nvidia>,
    /// Mediated device types.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub mdev: BTreeMap<String, Mdev>,
    /// NUMA node.
    pub numa_node: u64,
    /// PCI function.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pci_address: String,
    /// Name of the vendor.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub vendor: String,
    /// Four hexadecimal digits.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub vendor_id: String,
    /// Name of the product.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub product: String,
    /// Four hexadecimal digits.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub product_id: String,
}

/// Device nodes of a card.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Drm {
    /// Number of the card.
    pub id: u64,
    /// `card0`
    pub card_name: String,
    /// Its number.
    pub card_device: String,
    /// `controlD64`
    #[serde(skip_serializing_if = "String::is_empty")]
    pub control_name: String,
    /// Its number.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub control_device: String,
    /// `renderD128`
    #[serde(skip_serializing_if = "String::is_empty")]
    pub render_name: String,
    /// Its number.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub render_device: String,
}

/// Virtual functions of a card.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct GpuSriov {
    /// Switched on.
    pub current_vfs: u64,
    /// Possible.
    pub maximum_vfs: u64,
    /// Those that are there; `None` when there are none.
    pub vfs: Option<Vec<GpuCard>>,
}

/// What NVIDIA's driver tells in `/proc`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Nvidia {
    /// First word of the model.
    pub brand: String,
    /// Model.
    pub model: String,
    /// `nvidia0`
    pub card_name: String,
    /// Its number.
    pub card_device: String,
}

/// A type of mediated devices.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Mdev {
    /// Interface.
    pub api: String,
    /// How many more can be made.
    pub available: u64,
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Description.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Those that were made; `None` when there is no list.
    pub devices: Option<Vec<String>>,
}

pub(super) fn collect(survey: &Survey<'_>, names: &Names<'_>, functions: &[Function], kernel: &str) -> Gpu {
    let mut known = BTreeSet::new();
    let (mut cards, mut virtual_functions) = (Vec::new(), Vec::new());
    let mut take = |function: &Function, place: &Path| {
        let _near = survey.host.enter(place);
        let card = card(survey, names, function, place);
        match survey.host.link_name(place.join("physfn")) {
            Some(parent) => virtual_functions.push((parent, card)),
            None => cards.push(card),
        }
    };
    for name in survey.names(DRM) {
        let place = Path::new(DRM).join(&name);
        if !name.starts_with("card") || !survey.host.has(place.join("dev")) {
            continue;
        }
        let place = place.join("device");
        let address = survey.host.real(&place).and_then(|real| survey.pci_address(&real)).unwrap_or_default();
        if address.is_empty() || known.insert(address.clone()) {
            take(&Function::read(survey, &place, address, kernel), &place);
        }
    }
    for function in functions {
        if !known.contains(&function.address) && function.class.starts_with("0x03") {
            take(function, &Path::new(pci::DEVICES).join(&function.address));
        }
    }
    let mut total = cards.len();
    let by_address: HashMap<String, usize> =
        cards.iter().enumerate().rev().map(|(place, card)| (card.pci_address.clone(), place)).collect();
    for (parent, function) in virtual_functions {
        if let Some(sriov) = by_address.get(&parent).and_then(|place| cards[*place].sriov.as_mut()) {
            sriov.vfs.get_or_insert_default().push(function);
            total += 1;
        }
    }
    Gpu { cards, total: total as u64 }
}

fn card(survey: &Survey<'_>, names: &Names<'_>, function: &Function, place: &Path) -> GpuCard {
    let Function { address, vendor_id, product_id, driver, .. } = function;
    let has_functions = survey.host.has(place.join("sriov_numvfs"));
    GpuCard {
        driver_version: function.driver_version.clone(),
        drm: drm(survey, &place.join("drm")),
        sriov: has_functions.then(|| GpuSriov {
            current_vfs: survey.number(place.join("sriov_numvfs")).unwrap_or(0),
            maximum_vfs: survey.needed(place.join("sriov_totalvfs")).unwrap_or(0),
            vfs: None,
        }),
        nvidia: if driver == "nvidia" { nvidia(survey, address) } else { None },
        mdev: mdev(survey, &place.join("mdev_supported_types")),
        numa_node: function.numa_node,
        vendor: names.vendor(vendor_id),
        product: names.product(vendor_id, product_id),
        driver: driver.clone(),
        pci_address: address.clone(),
        vendor_id: vendor_id.clone(),
        product_id: product_id.clone(),
    }
}

fn drm(survey: &Survey<'_>, place: &Path) -> Option<Drm> {
    if !survey.host.is_directory(place) {
        return None;
    }
    let mut drm = Drm::default();
    for name in survey.names(place) {
        let device = || survey.needed_word(place.join(&name).join("dev"));
        if let Some(number) = name.strip_prefix("card") {
            drm.id = number.parse().unwrap_or_else(|_| {
                survey.gap(place.join(&name), "its name has no number");
                0
            });
            (drm.card_device, drm.card_name) = (device(), name);
        } else if name.starts_with("controlD") {
            (drm.control_device, drm.control_name) = (device(), name);
        } else if name.starts_with("renderD") {
            (drm.render_device, drm.render_name) = (device(), name);
        }
    }
    Some(drm)
}

/// `/proc/driver/nvidia/gpus/ADDRESS/information`.
fn nvidia(survey: &Survey<'_>, address: &str) -> Option<Nvidia> {
    let text = survey.text(format!("/proc/driver/nvidia/gpus/{address}/information"))?;
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix(':'));
        line.map(|value| storable(value.trim())).unwrap_or_default()
    };
    let (model, minor) = (value("Model"), value("Device Minor"));
    Some(Nvidia {
        brand: model.split(' ').next().unwrap_or_default().to_owned(),
        model,
        card_name: format!("nvidia{minor}"),
        card_device: format!("195:{minor}"),
    })
}

fn mdev(survey: &Survey<'_>, place: &Path) -> BTreeMap<String, Mdev> {
    let types = survey.names(place).into_iter().map(|name| {
        let place = place.join(&name);
        let devices = place.join("devices");
        let mdev = Mdev {
            api: survey.word(place.join("device_api")),
            available: survey.number(place.join("available_instances")).unwrap_or(0),
            name: survey.word(place.join("name")),
            description: survey.word(place.join("description")),
            devices: survey.host.is_directory(&devices).then(|| survey.names(&devices)),
        };
        (name, mdev)
    });
    types.collect()
}
