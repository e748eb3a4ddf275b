//! Learns a profile from one good machine, or from the facts that several machines share. Each value is checked before it is written, so
//! a machine always meets the profile that was learnt from it.

mod draft;
mod firmware;
mod write;

use super::catalogue::Kind;
use super::fact::Fact;
use super::machine::{Device, Machine, Stay};
use draft::{Learnt, Value};

/// Keys that are learnt of the machine as a whole.
const TABLES: [(Kind, &[&str]); 3] = [
    (Kind::Cpu, &["count", "model", "cores", "threads", "numa_nodes"]),
    (Kind::Firmware, &["bios", "bmc"]),
    (
        Kind::Settings,
        &["uefi", "secure_boot", "tpm", "iommu", "sriov", "error_correction", "memory_total", "architecture"],
    ),
];
/// Keys that are learnt of devices; if several machines differ, keys are dropped from the end of the list.
const GROUPS: [(Kind, &[&str]); 6] = [
    (Kind::Memory, &["size", "kind", "configured_speed", "ranks", "ecc"]),
    (Kind::Disk, &["size", "kind", "model", "link.width", "link.maximum_speed"]),
    (Kind::Nic, &["kind", "model", "maximum_speed", "link.width", "link.maximum_speed"]),
    (Kind::Gpu, &["model", "memory", "link.width", "link.maximum_speed"]),
    (Kind::Psu, &["watts", "model", "state"]),
    (Kind::Controller, &["model"]),
];

/// Learns a profile, in TOML, that all `machines` meet. Without `name`, the profile is named after the product.
///
/// # Errors
/// A message if there is no machine, or if nothing is known that a profile could ask for.
pub fn learn(machines: &[Machine], name: Option<&str>) -> Result<String, String> {
    let Some(first) = machines.first() else { return Err("there is no machine to learn from".to_owned()) };
    let mut learnt =
        Learnt { name: name.map_or_else(|| slug(&first.system.product), str::to_owned), ..Learnt::default() };
    learnt.matches = draft::matches(machines);
    for (key, of) in draft::names() {
        let each: Vec<&str> = machines.iter().map(|machine| of(&machine.system).as_str()).collect();
        if each.iter().any(|text| *text != each[0]) {
            learnt.left_out.push(format!("match.{key}: the machines differ: {}", firmware::split(machines, &each)));
        }
    }
    for (kind, keys) in TABLES {
        table(&mut learnt, kind, keys, machines);
    }
    for (kind, keys) in GROUPS {
        group(&mut learnt, kind, keys, machines);
    }
    never(&mut learnt, machines);
    learnt
        .left_out
        .push("serial numbers, addresses, names that the kernel gives: they differ from machine to machine".to_owned());
    if learnt.tables.iter().all(|(_, values)| values.is_empty()) && learnt.groups.is_empty() {
        return Err("nothing of this machine is known that a profile could ask for".to_owned());
    }
    Ok(write::profile(&learnt, machines.len()))
}

/// Makes a profile name that can be a file name: `poweredge-r760`.
fn slug(product: &str) -> String {
    let letters =
        product.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect::<String>();
    let words: Vec<&str> = letters.split('-').filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "learnt".to_owned() } else { words.join("-") }
}

fn table(learnt: &mut Learnt, kind: Kind, keys: &[&'static str], machines: &[Machine]) {
    let mut values = Vec::new();
    for key in keys {
        let has_modules = !machines.iter().any(|machine| machine.listing(Kind::Memory).devices.is_empty());
        if *key == "memory_total" && has_modules {
            continue;
        }
        let unread = machines.iter().find_map(|machine| machine.listing(kind).unread.clone());
        if let Some(reason) = unread.filter(|_| kind == Kind::Cpu) {
            learnt.left_out.push(format!("{}.{key}: {reason}", kind.name()));
            continue;
        }
        let each: Vec<Vec<&Fact>> = machines.iter().map(|machine| facts(machine, kind, key)).collect();
        let value = if kind == Kind::Firmware {
            firmware::least(learnt, (kind, key), machines, &each)
        } else {
            same(kind, key, &each.concat(), machines.len())
        };
        match value {
            Ok(value) => values.push(value),
            Err(reason) => learnt.left_out.push(format!("{}.{key}: {reason}", kind.name())),
        }
    }
    learnt.tables.push((kind, values));
}

/// Facts of one machine for a key: one, or one per processor.
fn facts<'a>(machine: &'a Machine, kind: Kind, key: &str) -> Vec<&'a Fact> {
    let Some((place, _)) = kind.field(key) else { return Vec::new() };
    machine.listing(kind).devices.iter().map(|device| &device.facts[place]).collect()
}

/// The value that all machines share; the processors of a single machine may have several. The error is the reason to leave the key out.
fn same(kind: Kind, key: &'static str, facts: &[&Fact], machines: usize) -> Result<Value, String> {
    if let Some(Fact::Unknown(reason)) = facts.iter().find(|fact| !fact.is_known()) {
        return Err(reason.clone());
    }
    let mut several: Vec<&Fact> = Vec::new();
    for fact in facts {
        if !several.contains(fact) {
            several.push(fact);
        }
    }
    if several.is_empty() {
        return Err("the machine does not tell it".to_owned());
    }
    if several.len() > 1 && machines > 1 {
        let shown: Vec<String> = several
            .iter()
            .map(|fact| fact.show(kind.field(key).map_or(super::unit::Unit::None, |(_, field)| field.unit())))
            .collect();
        return Err(format!("the machines differ: {}", shown.join(", ")));
    }
    draft::value(kind, key, &several).ok_or_else(|| "a profile has no words for it".to_owned())
}

/// Devices of one machine with equal values.
struct Alike<'a> {
    values: Vec<Value>,
    devices: Vec<&'a Device>,
}

fn alike<'a>(kind: Kind, keys: &[&'static str], machine: &'a Machine) -> Vec<Alike<'a>> {
    let mut found: Vec<Alike<'a>> = Vec::new();
    for device in machine.listing(kind).devices.iter().filter(|device| device.stay == Stay::Fitted) {
        let fact = |key: &&'static str| kind.field(key).map(|(place, _)| (*key, &device.facts[place]));
        let is_worth = |(key, fact): &(&str, &Fact)| {
            // The state of a power supply is learnt only if the supply is in order.
            *key != "state" || matches!(fact, Fact::Text(state) if state == "ok" || state == "online")
        };
        let known = keys.iter().filter_map(fact).filter(|(_, fact)| fact.is_known()).filter(is_worth);
        let values: Vec<Value> = known.filter_map(|(key, fact)| draft::value(kind, key, &[fact])).collect();
        match found.iter_mut().find(|alike| alike.values == values) {
            Some(alike) => alike.devices.push(device),
            None => found.push(Alike { values, devices: vec![device] }),
        }
    }
    found
}

fn group(learnt: &mut Learnt, kind: Kind, keys: &[&'static str], machines: &[Machine]) {
    outside(learnt, kind, machines);
    let silent = machines.iter().map(|machine| machine.listing(kind)).find(|listing| listing.devices.is_empty());
    if let Some(reason) = silent.and_then(|listing| listing.unread.as_ref()) {
        learnt.left_out.push(format!("{}: {reason}", kind.name()));
        return;
    }
    let levels = || (1..=keys.len()).rev().map(|kept| (kept, each(kind, &keys[..kept], machines)));
    // What all agree on with its numbers says most; then what all have, in whatever number.
    let same = levels().find(|(_, each)| each.iter().all(|groups| is_alike(groups, &each[0], true)));
    let found = same.or_else(|| levels().find(|(_, each)| each.iter().all(|groups| is_alike(groups, &each[0], false))));
    let found = found.or_else(|| levels().find(|(_, each)| each[0].iter().any(|group| in_all(group, each).is_some())));
    let Some((kept, each)) = found else {
        learnt.left_out.push(format!("{}: the machines have nothing in common", kind.name()));
        return;
    };
    for key in keys[kept..].iter().rev() {
        learnt.left_out.push(format!("{}.{key}: the machines differ", kind.name()));
    }
    let is_read = machines.iter().all(|machine| machine.listing(kind).unread.is_none());
    let is_whole = each.iter().all(|groups| is_alike(groups, &each[0], false));
    if !is_whole {
        learnt.left_out.push(format!("{}: some machines have others, too", kind.name()));
    }
    for own in &each[0] {
        let Some(groups) = in_all(own, &each) else { continue };
        let counts = || groups.iter().map(|group| group.devices.len());
        let (least, most) = (counts().min().unwrap_or(0), counts().max().unwrap_or(0));
        // If not all devices could be read, there may be more of them.
        let count = match (is_read && is_whole, least == most) {
            (false, _) => format!("\">={least}\""),
            (true, true) => least.to_string(),
            (true, false) => {
                learnt.left_out.push(format!("{}.count: the machines have {least} to {most}", kind.name()));
                format!("\"{least}..{most}\"")
            }
        };
        let devices: Vec<&[&Device]> = groups.iter().map(|group| group.devices.as_slice()).collect();
        missed(learnt, (kind, &keys[..kept]), own);
        learnt.group((kind, own.values.clone()), count, machines, &devices);
    }
}

/// Lists the devices that no profile should ask for.
fn outside(learnt: &mut Learnt, kind: Kind, machines: &[Machine]) {
    for machine in machines {
        for device in machine.listing(kind).devices.iter().filter(|device| device.stay != Stay::Fitted) {
            let model = kind.field("model").map(|(place, _)| device.facts[place].show(super::unit::Unit::None));
            let text = format!("{}: {} can be taken out, or is virtual", kind.name(), model.unwrap_or_default());
            if !learnt.left_out.contains(&text) {
                learnt.left_out.push(text);
            }
        }
    }
}

fn each<'a>(kind: Kind, keys: &[&'static str], machines: &'a [Machine]) -> Vec<Vec<Alike<'a>>> {
    machines.iter().map(|machine| alike(kind, keys, machine)).collect()
}

/// True if two machines have groups of the same values, and of the same numbers of devices if `is_counted` is set.
fn is_alike(own: &[Alike<'_>], other: &[Alike<'_>], is_counted: bool) -> bool {
    let has = |group: &Alike<'_>, groups: &[Alike<'_>]| {
        let is_same =
            |one: &Alike<'_>| one.values == group.values && (!is_counted || one.devices.len() == group.devices.len());
        groups.iter().any(is_same)
    };
    own.len() == other.len() && own.iter().all(|group| has(group, other))
}

/// The groups with these values of all machines; `None` if a machine has none.
fn in_all<'a, 'b>(group: &Alike<'a>, each: &'b [Vec<Alike<'a>>]) -> Option<Vec<&'b Alike<'a>>> {
    each.iter().map(|groups| groups.iter().find(|own| own.values == group.values)).collect()
}

/// Lists the keys that a group does not have because the machine does not tell them, or because they are not in order.
fn missed(learnt: &mut Learnt, (kind, keys): (Kind, &[&'static str]), group: &Alike<'_>) {
    for key in keys.iter().filter(|key| !group.values.iter().any(|value| value.key == **key)) {
        let fact = kind.field(key).and_then(|(place, _)| Some(&group.devices.first()?.facts[place]));
        let reason = match fact {
            Some(Fact::Unknown(reason)) => reason.clone(),
            Some(Fact::Text(state)) if *key == "state" => format!("{state} is not in order, so it is not asked for"),
            _ => "a profile has no words for it".to_owned(),
        };
        learnt.leaves_out(format!("{}.{key}: {reason}", kind.name()));
    }
}

/// Lists for each kind the keys that are never learnt.
fn never(learnt: &mut Learnt, machines: &[Machine]) {
    let learnt_keys = TABLES.iter().chain(&GROUPS).map(|(kind, keys)| (*kind, *keys));
    for (kind, keys) in learnt_keys.chain([(Kind::Array, &[][..]), (Kind::Pci, &[][..])]) {
        if machines.iter().all(|machine| machine.listing(kind).devices.is_empty()) {
            continue;
        }
        let is_asked = |key: &&str| {
            let is_firmware = Kind::GROUPS.contains(&kind) && *key == "firmware";
            keys.contains(key) || is_firmware
        };
        let names: Vec<&str> = kind.fields().iter().map(|field| field.key).filter(|key| !is_asked(key)).collect();
        if !names.is_empty() {
            let text = "may be otherwise on a good machine, or follows from the others; add what was ordered";
            learnt.leaves_out(format!("{}: never learnt: {}: {text}", kind.name(), names.join(", ")));
        }
    }
}

impl Learnt {
    /// Adds a reason once.
    fn leaves_out(&mut self, text: String) {
        if !self.left_out.contains(&text) {
            self.left_out.push(text);
        }
    }

    /// Adds a group; the firmware of its devices becomes the minimum, their slots become a comment. `devices` has those of each machine.
    fn group(
        &mut self,
        (kind, mut values): (Kind, Vec<Value>),
        count: String,
        machines: &[Machine],
        devices: &[&[&Device]],
    ) {
        let of = |key: &str| -> Vec<Vec<&Fact>> {
            let Some((place, _)) = kind.field(key) else { return Vec::new() };
            devices.iter().map(|devices| devices.iter().map(|device| &device.facts[place]).collect()).collect()
        };
        if values.is_empty() {
            self.left_out.push(format!("{count} {} of which nothing is known", kind.plural()));
            return;
        }
        let versions = of("firmware");
        if !versions.is_empty() {
            match firmware::least(self, (kind, "firmware"), machines, &versions) {
                Ok(value) => values.push(value),
                Err(reason) => self.leaves_out(format!("{}.firmware: {reason}", kind.name())),
            }
        }
        let places = [of("slot"), of("place")].into_iter().flatten().flatten();
        let mut slots: Vec<&str> = places.filter_map(|fact| fact.names().next()).collect();
        slots.sort_unstable();
        slots.dedup();
        let slots = slots.into_iter().map(str::to_owned).collect();
        self.groups.push(draft::Group { kind, count, values, slots });
    }
}
