//! Results for people and programs. Pure: results in, text out. `table` are numbers and columns, `device` the facts
//! of devices; the rest is the report of
//! a run: a [`Report`] that its caller fills, and the forms that it is written in.

mod device;
mod drawing;
mod excerpt;
mod findings;
mod form;
mod html;
mod junit;
mod load;
mod markdown;
mod model;
mod ocp;
mod plain;
mod reason;
mod table;
mod time;
mod used;
mod verdict;

pub use device::{
    ARRAYS, BMC_LAN, CONTROLLERS, DISKS, Devices, FIRMWARE, FUNCTIONS, Field, GRAPHICS, INTERFACES, MODULES,
    MULTIPATHS, NODES, PACKAGES, PARTITIONS, POWER, REDFISH, SENSORS, USB, Unit, VIRTUAL_INTERFACES, VOLUMES, View,
};
pub use drawing::{Bar, Drawing, HardwareTest, Shape};
pub use excerpt::Excerpt;
pub use form::Form;
pub use html::Html;
pub use load::another_load;
pub use model::{
    Acceptance, Disk, Event, Grade, Inventory, Log, Machine, Parameter, Report, Run, Section, TestResult, Undelivered,
};
pub use plain::plain;
pub use reason::{Words, reason_and_next};
pub use table::{bytes, span, table};
pub use used::used;
pub use verdict::{Problem, Verdict};
