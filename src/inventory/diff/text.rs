//! Changes in the region's words, with what the region cannot say.

use super::change::{Change, What};
use super::item::{Item, Kind, TOTAL};
use crate::event::{Event, EventType};

impl Kind {
    /// The type of the events about it.
    #[must_use]
    pub fn event_type(self) -> EventType {
        match self {
            Kind::BlockDevice => EventType::NODE_HARDWARE_SYNC_BLOCK_DEVICE,
            Kind::Bmc => EventType::NODE_HARDWARE_SYNC_BMC,
            Kind::Cpu => EventType::NODE_HARDWARE_SYNC_CPU,
            Kind::Interface => EventType::NODE_HARDWARE_SYNC_INTERFACE,
            Kind::Memory => EventType::NODE_HARDWARE_SYNC_MEMORY,
            Kind::PciDevice => EventType::NODE_HARDWARE_SYNC_PCI_DEVICE,
            Kind::UsbDevice => EventType::NODE_HARDWARE_SYNC_USB_DEVICE,
        }
    }
}

impl What {
    /// In one word, for the region's `action` and for tables.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            What::Added => "added",
            What::Removed => "removed",
            What::Replaced => "replaced",
            What::Moved { .. } => "moved",
            What::Renamed { .. } => "renamed",
            What::PathLost { .. } => "path lost",
            What::PathFound { .. } => "path found",
            What::Updated { .. } => "updated",
        }
    }
}

impl Change {
    /// The event of it, as the region's own log has them.
    #[must_use]
    pub fn event(&self, node: &str) -> Event {
        let action = self.what.word().to_owned();
        Event { action, ..Event::new(self.kind.event_type(), describe(self, node)) }
    }

    /// Whether the region cannot see it by comparing what it is sent: it knows no places, and makes no events of processors and
    /// of the BMC (contract REGION, "Events that the region derives").
    #[must_use]
    pub fn is_beyond_the_region(&self) -> bool {
        matches!(self.kind, Kind::Cpu | Kind::Bmc)
            || matches!(
                self.what,
                What::Replaced
                    | What::Moved { .. }
                    | What::Renamed { .. }
                    | What::PathLost { .. }
                    | What::PathFound { .. }
            )
    }
}

/// What an event is about, in the region's words: `block device sda`.
#[must_use]
pub fn device(change: &Change) -> String {
    let name = change.after.as_ref().or(change.before.as_ref()).map_or("", |item| item.name.as_str());
    let name = match &change.what {
        What::PathLost { path, .. } | What::PathFound { path, .. } => path,
        _ => name,
    };
    match change.kind {
        Kind::Memory | Kind::Bmc => name.to_owned(),
        kind => format!("{} {name}", kind.name()),
    }
}

/// A change of the node's hardware: `block device sda was added on node 4y3h7n`, with what is known more behind it.
#[must_use]
pub fn describe(change: &Change, node: &str) -> String {
    let label = |item: &Option<Item>| match item {
        Some(item) if !item.label.is_empty() => format!(" ({})", item.label),
        _ => String::new(),
    };
    if let Some(text) = total(change, node) {
        return text;
    }
    let device = match change.kind {
        Kind::Bmc => format!("bmc {}", device(change)),
        _ => device(change),
    };
    match &change.what {
        What::Replaced if change.kind == Kind::Cpu => {
            let [before, after] =
                [&change.before, &change.after].map(|item| item.as_ref().map_or("", |it| it.label.as_str()));
            format!("cpu {before} was replaced by {after} on node {node}")
        }
        What::Added => format!("{device} was added on node {node}{}", label(&change.after)),
        What::Removed => format!("{device} was removed on node {node}{}", label(&change.before)),
        What::Replaced => {
            let [before, after] = [&change.before, &change.after].map(label);
            format!("{device}{before} was replaced by another{after} on node {node}")
        }
        What::Moved { from, to } => format!("{device} was moved from {from} to {to} on node {node}"),
        What::Renamed { from, to } => format!("{device} was renamed from {from} to {to} on node {node}"),
        What::PathLost { place, .. } => {
            format!("{device}, a path to{} from {place}, was lost on node {node}", label(&change.before))
        }
        What::PathFound { place, .. } => {
            format!("{device}, a path to{} from {place}, was found on node {node}", label(&change.after))
        }
        What::Updated { field, before, after } => {
            format!(
                "{device} was updated on node {node}: {field} {} is now {}",
                shown(field, before),
                shown(field, after)
            )
        }
    }
}

/// All memory grew or shrank.
fn total(change: &Change, node: &str) -> Option<String> {
    let What::Updated { before, after, .. } = &change.what else { return None };
    let is_total = change.after.as_ref().is_some_and(|item| item.identity == TOTAL);
    let (before, after): (u64, u64) = (before.parse().ok()?, after.parse().ok()?);
    let what = if after > before { "added" } else { "removed" };
    is_total.then(|| format!("{} of memory was {what} on node {node}", amount(after.abs_diff(before))))
}

fn shown(field: &str, value: &str) -> String {
    match (field, value.parse()) {
        ("size", Ok(bytes)) => amount(bytes),
        _ if value.is_empty() => "unknown".to_owned(),
        _ => value.to_owned(),
    }
}

/// Bytes in the largest unit that leaves a whole number of them, or one digit after the point.
fn amount(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let unit = (0..UNITS.len()).rev().find(|unit| bytes >= 1 << (10 * unit)).unwrap_or(0);
    let tenths = (u128::from(bytes) * 10) >> (10 * unit);
    let rest = if tenths.is_multiple_of(10) { String::new() } else { format!(".{}", tenths % 10) };
    format!("{}{rest} {}", tenths / 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_say_what_the_regions_say_and_more() {
        let item = |name: &str, label: &str| Some(Item { name: name.into(), label: label.into(), ..Item::default() });
        let text = |kind, what, before, after| describe(&Change { kind, what, before, after }, "4y3h7n");
        let disk = |serial| item("sda", serial);
        assert_eq!(text(Kind::BlockDevice, What::Added, None, disk("")), "block device sda was added on node 4y3h7n");
        assert_eq!(
            text(Kind::BlockDevice, What::Replaced, disk("SSD S1"), disk("SSD S2")),
            "block device sda (SSD S1) was replaced by another (SSD S2) on node 4y3h7n"
        );
        // A processor is named after its model, so that another one has another name.
        let cpu = |model: &str, serial: &str| item(model, format!("{model} {serial}").trim());
        assert_eq!(
            text(Kind::Cpu, What::Replaced, cpu("Xeon 1", ""), cpu("Xeon 2", "S9")),
            "cpu Xeon 1 was replaced by Xeon 2 S9 on node 4y3h7n"
        );
        let moved = What::Moved { from: "slot 1".into(), to: "slot 2".into() };
        assert_eq!(
            text(Kind::Interface, moved, item("eth0", ""), item("eth0", "")),
            "interface eth0 was moved from slot 1 to slot 2 on node 4y3h7n"
        );
        let updated =
            What::Updated { field: "size".into(), before: (1u64 << 30).to_string(), after: "1610612736".into() };
        assert_eq!(
            text(Kind::BlockDevice, updated, disk(""), disk("")),
            "block device sda was updated on node 4y3h7n: size 1 GiB is now 1.5 GiB"
        );
    }

    #[test]
    fn memory_is_told_by_its_amount() {
        let total = Some(Item { identity: TOTAL.into(), name: "memory".into(), ..Item::default() });
        let what = What::Updated { field: "size".into(), before: "8589934592".into(), after: "7516192768".into() };
        let change = Change { kind: Kind::Memory, what, before: total.clone(), after: total };
        assert_eq!(describe(&change, "x"), "1 GiB of memory was removed on node x");
    }
}
