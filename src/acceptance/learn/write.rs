//! Writes a learnt profile as TOML with comments.

use super::super::catalogue::Kind;
use super::draft::{Group, Learnt, Value, literal, quoted};

/// Keys of firmware versions: older firmware is a warning, not a reason to send the machine back.
const FIRMWARE: [&str; 3] = ["firmware", "bios", "bmc"];

pub(super) fn profile(learnt: &Learnt, machines: usize) -> String {
    let from = if machines == 1 { "one machine".to_owned() } else { format!("what {machines} machines agree on") };
    let mut text = format!(
        "# Learnt from {from}: read it, and make it what was ordered. `shakedown accept --check` checks it.\n\
         schema = 1\nname = {}\n",
        quoted(&learnt.name)
    );
    if !learnt.matches.is_empty() {
        let pairs: Vec<String> = learnt.matches.iter().map(|(key, value)| format!("{key} = {value}")).collect();
        text.push_str(&format!("match = {{ {} }}\n", pairs.join(", ")));
    }
    text.push_str("# only = [\"disk\", \"nic\"]  # what is there of these, and is not listed, deviates\n");
    for (kind, values) in learnt.tables.iter().filter(|(_, values)| !values.is_empty()) {
        text.push_str(&format!("\n[{}]\n{}", kind.name(), lines(values)));
    }
    learnt.groups.iter().for_each(|group| text.push_str(&table(group)));
    text.push_str("\n# Left out:\n");
    for reason in &learnt.left_out {
        text.push_str(&format!("# - {}\n", remark(reason)));
    }
    text
}

fn table(group: &Group) -> String {
    let mut text = format!("\n[[{}]]\ncount = {}\n{}", group.kind.name(), group.count, lines(&group.values));
    if !group.slots.is_empty() {
        let key = if group.kind == Kind::Disk { "place" } else { "slots" };
        // Slots are names; a place may be an expression, and one that looks like it has to be written as one.
        let name = |slot: &String| if key == "place" { quoted(&literal(slot)) } else { quoted(slot) };
        let slots: Vec<String> = group.slots.iter().map(name).collect();
        text.push_str(&format!("# {key} = [{}]\n", slots.join(", ")));
    }
    text
}

/// Lines of keys and values; the `link.…` keys become one table `link`.
fn lines(values: &[Value]) -> String {
    let mut text = String::new();
    for value in values.iter().filter(|value| !value.key.contains('.')) {
        text.push_str(&format!("{} = {}\n", value.key, value.text));
    }
    let link: Vec<String> = values
        .iter()
        .filter_map(|value| Some(format!("{} = {}", value.key.strip_prefix("link.")?, value.text)))
        .collect();
    if !link.is_empty() {
        text.push_str(&format!("link = {{ {} }}\n", link.join(", ")));
    }
    let warn: Vec<String> = values
        .iter()
        .filter(|value| FIRMWARE.contains(&value.key) && value.text.starts_with("\">="))
        .map(|value| quoted(value.key))
        .collect();
    if !warn.is_empty() {
        text.push_str(&format!("warn = [{}]\n", warn.join(", ")));
    }
    text
}

/// Replaces control characters by `?`, because TOML allows none in a comment.
fn remark(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}
