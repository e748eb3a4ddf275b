//! The facts of devices as people read them. Each fact has one [`Field`]: its key in the JSON, its title, its unit and its form. Tables on a
//! terminal, pages about one device and reports of runs are made of these fields. They read JSON, since a report shows documents that an
//! earlier release may have printed.

mod cards;
mod machine;
mod storage;

use serde_json::Value;

use super::model::Section;
use super::table::bytes;

pub use cards::{FUNCTIONS, GRAPHICS, INTERFACES, USB, VIRTUAL_INTERFACES};
pub use machine::{BMC_LAN, FIRMWARE, MODULES, NODES, PACKAGES, POWER, REDFISH, SENSORS};
pub use storage::{ARRAYS, CONTROLLERS, DISKS, MULTIPATHS, PARTITIONS, VOLUMES};

/// A fact of a device.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Key in the JSON of the device; empty for a fact that is made of several.
    pub key: &'static str,
    /// Title of its column.
    pub title: &'static str,
    /// Unit of its number.
    pub unit: Unit,
    made: Option<fn(&Value, &Value) -> String>,
    is_column: bool,
    report: u8,
    region: (u8, &'static str),
}

/// The unit of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes, which are shown as KiB, MiB …
    Bytes,
    /// These letters behind the number; none for a number without a unit.
    Letters(&'static str),
}

/// The devices of one kind, with their facts.
#[derive(Clone, Copy, Debug)]
pub struct Devices {
    title: &'static str,
    place: &'static str,
    /// Their facts.
    pub fields: &'static [Field],
}

/// The table that devices are shown in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// That of `shakedown inventory`.
    Inventory,
    /// That of a report, of the deep inventory.
    Report,
    /// That of a report, of the document for the region.
    Region,
}

/// A fact by its key.
const fn field(key: &'static str, title: &'static str) -> Field {
    Field { key, title, unit: Unit::Letters(""), made: None, is_column: true, report: 0, region: (0, "") }
}

/// A fact that is made of several values: those of the device, and those of the whole inventory.
const fn made(title: &'static str, made: fn(&Value, &Value) -> String) -> Field {
    Field { made: Some(made), ..field("", title) }
}

impl Field {
    const fn bytes(self) -> Self {
        Field { unit: Unit::Bytes, ..self }
    }

    const fn letters(self, letters: &'static str) -> Self {
        Field { unit: Unit::Letters(letters), ..self }
    }

    /// The fact has no column of the inventory's table, and on the page of a device its unit.
    const fn hidden(self) -> Self {
        Field { is_column: false, ..self }
    }

    const fn made(self, made: fn(&Value, &Value) -> String) -> Self {
        Field { made: Some(made), ..self }
    }

    /// The fact has this column of a report.
    const fn report(self, column: u8) -> Self {
        Field { report: column, ..self }
    }

    /// The fact has this column and this key where a report shows the document for the region.
    const fn region(self, column: u8, key: &'static str) -> Self {
        Field { region: (column, key), ..self }
    }

    /// The number of its column in a view, with the field as that view reads it; `None` if it has none.
    fn column(&self, view: View) -> Option<(u8, Field)> {
        let (column, field) = match view {
            View::Inventory => (u8::from(self.is_column), *self),
            View::Report => (self.report, *self),
            View::Region => (self.region.0, Field { key: self.region.1, made: None, ..*self }),
        };
        (column > 0).then_some((column, field))
    }

    /// The fact of a device as text; empty when unknown.
    fn cell(&self, device: &Value, whole: &Value) -> String {
        self.made.map_or_else(|| self.unit.written(&device[self.key]), |made| made(device, whole))
    }
}

impl Unit {
    /// A value with its unit; empty for null. Members of a list are separated by blanks.
    #[must_use]
    pub fn written(self, value: &Value) -> String {
        match (value, self) {
            (Value::String(text), _) => text.clone(),
            (Value::Bool(yes), _) => if *yes { "yes" } else { "no" }.to_owned(),
            (Value::Number(number), Unit::Bytes) => bytes(number.as_u64().unwrap_or(0)),
            // Whole numbers without a fraction.
            (Value::Number(number), Unit::Letters(unit)) => match number.as_u64() {
                Some(whole) => format!("{whole}{unit}"),
                None => format!("{}{unit}", number.as_f64().unwrap_or(0.0)),
            },
            (Value::Array(list), _) => list.iter().map(|one| self.written(one)).collect::<Vec<_>>().join(" "),
            (Value::Null | Value::Object(_), _) => String::new(),
        }
    }
}

impl Devices {
    /// Title, and JSON pointer to the list in the deep inventory; `*` stands for each member of a list.
    const fn new(title: &'static str, place: &'static str) -> Self {
        Devices { title, place, fields: &[] }
    }

    const fn with(self, fields: &'static [Field]) -> Self {
        Devices { fields, ..self }
    }

    /// The devices in a deep inventory.
    #[must_use]
    pub fn list<'a>(&self, inventory: &'a Value) -> Vec<&'a Value> {
        let members = |list: Option<&'a Value>| list.and_then(Value::as_array).into_iter().flatten();
        match self.place.split_once("/*") {
            Some((outer, inner)) => {
                members(inventory.pointer(outer)).flat_map(|one| members(one.pointer(inner))).collect()
            }
            None => members(inventory.pointer(self.place)).collect(),
        }
    }

    /// The table of these devices, with the columns that any of them fills.
    #[must_use]
    pub fn table(&self, view: View, devices: &[&Value], inventory: &Value) -> Section {
        let mut fields: Vec<(u8, Field)> = self.fields.iter().filter_map(|field| field.column(view)).collect();
        fields.sort_by_key(|(column, _)| *column);
        let row = |device: &&Value| fields.iter().map(|(_, field)| field.cell(device, inventory)).collect();
        Section::new(self.title, fields.iter().map(|(_, field)| field.title), devices.iter().map(row).collect())
    }
}

fn text<'a>(device: &'a Value, key: &str) -> &'a str {
    device[key].as_str().unwrap_or_default()
}

fn number(device: &Value, key: &str) -> u64 {
    device[key].as_u64().unwrap_or(0)
}

fn list<'a>(device: &'a Value, key: &str) -> &'a [Value] {
    device[key].as_array().map_or(&[], Vec::as_slice)
}

/// The known texts of these keys, separated by blanks.
fn joined(device: &Value, keys: &[&str]) -> String {
    keys.iter().map(|key| text(device, key)).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Vendor and product.
fn vendor_and_product(device: &Value, _: &Value) -> String {
    joined(device, &["vendor", "product"])
}
