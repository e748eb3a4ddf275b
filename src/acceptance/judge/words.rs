//! Words for the groups of a profile and the places of devices.

use super::super::fact::Fact;
use super::super::machine::{Device, Listing, Stay};
use super::super::profile::{Group, patterns};
use super::super::range::Count;
use super::memo::Memo;
use super::position::{At, Edge, Position, is_same};

/// Maximum number of places or values listed in one line.
const NAMED: usize = 6;
/// Most bays that a group may name for the empty ones to be looked for.
const MOST: u64 = 1_000;
/// Keys by which people know a device, the best known first.
const KNOWN: [&str; 14] = [
    "size",
    "kind",
    "model",
    "part",
    "product",
    "ids",
    "watts",
    "memory",
    "speed",
    "maximum_speed",
    "level",
    "place",
    "bay",
    "class",
];

/// Key of a location in documents.
pub(super) fn at_key(at: At<'_>) -> &'static str {
    if matches!(at, At::Socket(_)) { "socket" } else { "slot" }
}

/// A required location.
pub(super) fn at(at: At<'_>) -> String {
    match at {
        At::Anywhere => "anywhere".to_owned(),
        At::Slot(slot) => slot.to_owned(),
        At::Slots(slots) => named(&slots.iter().map(String::as_str).collect::<Vec<_>>()),
        At::Socket(socket) => socket.to_string(),
    }
}

/// Joins names for one line; names beyond `NAMED` become `and 3 more`.
pub(super) fn named(names: &[&str]) -> String {
    let shown = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    if names.len() > NAMED { format!("{shown} and {} more", names.len() - NAMED) } else { shown }
}

/// So many devices of a group, with up to three of the keys that they are known by: `16 modules (64 GiB, DDR5)`.
pub(super) fn describe(group: &Group, count: Count) -> String {
    let known = KNOWN.iter().filter_map(|key| group.expects.iter().find(|expect| expect.key == *key));
    let mut texts: Vec<String> = known.take(3).map(|expect| expect.shown.clone()).collect();
    if texts.is_empty() {
        let all = group.expects.iter().take(3);
        texts = all.map(|expect| format!("{} {}", expect.key.replace(['_', '.'], " "), expect.shown)).collect();
    }
    let noun = if count.is_one() { group.kind.singular() } else { group.kind.plural() };
    let text = format!("{} {noun}", count.show());
    if texts.is_empty() { text } else { format!("{text} ({})", texts.join(", ")) }
}

/// The bays that a group names and no device is in; empty if it names none, or if some device does not tell its bay.
pub(super) fn empty_bays(position: &Position<'_>, listing: &Listing, memo: &Memo) -> String {
    let mut expects = position.group.expects.iter();
    let Some(expect) = expects.find(|expect| expect.key == "bay" || expect.key == "place") else {
        return String::new();
    };
    let bays: Option<Vec<Vec<String>>> =
        patterns(&expect.want).and_then(|patterns| patterns.iter().map(|pattern| pattern.all(MOST)).collect());
    let fitted = || listing.devices.iter().enumerate().filter(|(_, device)| device.stay == Stay::Fitted);
    let may_be_in = |(number, device): (usize, &Device)| {
        let is_other = position.edge(position.group.kind, memo, &listing.devices, number) == Edge::No;
        !is_other && !device.facts[expect.field].is_known()
    };
    if fitted().any(may_be_in) {
        return String::new();
    }
    let facts: Vec<&Fact> = fitted().map(|(_, device)| &device.facts[expect.field]).collect();
    let is_free = |bay: &String| !facts.iter().any(|fact| fact.names().any(|taken| is_same(taken, bay)));
    // A path of the bus is no place that anybody can look at.
    let name = |bay: String| match expect.key {
        "bay" => Some(format!("bay {bay}")),
        _ => (bay.starts_with("bay ") || bay.starts_with("enclosure ")).then_some(bay),
    };
    let free: Vec<String> = bays.into_iter().flatten().flatten().filter(is_free).filter_map(name).collect();
    let free: Vec<&str> = free.iter().map(String::as_str).collect();
    if free.is_empty() { String::new() } else { format!("; empty: {}", named(&free)) }
}

/// Values that the remaining devices have in place of the one thing that a group asks for; empty if the group asks for more or less.
pub(super) fn others(position: &Position<'_>, left: &[&Device]) -> String {
    let [expect] = position.group.expects.as_slice() else { return String::new() };
    let field = &position.group.kind.fields()[expect.field];
    let mut values: Vec<(String, usize)> = Vec::new();
    for device in left.iter().filter(|device| device.stay == Stay::Fitted) {
        let value = device.facts[expect.field].show(field.unit());
        match values.iter_mut().find(|(known, _)| *known == value) {
            Some((_, count)) => *count += 1,
            None => values.push((value, 1)),
        }
    }
    if values.is_empty() {
        return String::new();
    }
    let texts: Vec<String> = values.iter().map(|(value, count)| format!("{value} on {count}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    format!("; {} of the others: {}", field.key.replace(['_', '.'], " "), named(&texts))
}
