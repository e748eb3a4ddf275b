//! The places of a profile that devices are to fill: a group, one of its slots, or its share of a socket.

use super::super::catalogue::Kind;
use super::super::fact::Fact;
use super::super::machine::{Device, Machine};
use super::super::profile::{Expect, Group};
use super::super::range::Count;
use super::super::want::Fit;
use super::memo::Memo;

/// Weights of the keys that identify a device even in another place or with other firmware; all other keys weigh 1.
const WEIGHTS: [(&str, u64); 9] = [
    ("kind", 3),
    ("model", 2),
    ("size", 2),
    ("ids", 2),
    ("product", 2),
    ("part", 2),
    ("watts", 2),
    ("level", 2),
    ("class", 2),
];
/// Keys of a device's location. A device in an ordered place is compared with the order for that place, whatever else differs.
const PLACES: [&str; 4] = ["slot", "place", "bay", "location"];

/// Keys by which a device is known to be one of a group.
const NAMES: [&str; 6] = ["model", "size", "product", "ids", "part", "memory"];
/// Keys of what a device may have wrong and still be the one that was meant.
const STATES: [&str; 2] = ["state", "firmware"];

/// Required location of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At<'a> {
    /// Anywhere.
    Anywhere,
    /// In this slot.
    Slot(&'a str),
    /// In one of these slots.
    Slots(&'a [String]),
    /// At the processor socket with this number.
    Socket(u64),
}

/// One place, or several equal ones, that devices of a group have to fill.
pub(super) struct Position<'a> {
    /// Group that the position belongs to.
    pub(super) group: &'a Group,
    /// Index of the group among the groups of its kind.
    pub(super) number: usize,
    /// Required location.
    pub(super) at: At<'a>,
    /// Required number of devices.
    pub(super) count: Count,
    /// Weight of each expectation of the group; true if its key is a location.
    weights: Vec<(u64, bool)>,
}

/// Result of comparing a device with a position or with one expectation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    /// The device fits.
    Yes,
    /// The device may fit: a fact or its location is unknown.
    Maybe,
    /// The device does not fit.
    No,
}

/// Positions of all groups of a kind; those with the most expectations come first.
pub(super) fn positions<'a>(groups: &[&'a Group], machine: &Machine) -> Vec<Position<'a>> {
    let mut found = Vec::new();
    let weigh = |key: &str| {
        let weight = WEIGHTS.iter().find(|(known, _)| *known == key).map_or(1, |(_, weight)| *weight);
        (weight, PLACES.contains(&key))
    };
    for (number, group) in groups.iter().copied().enumerate() {
        let weights: Vec<(u64, bool)> = group.expects.iter().map(|expect| weigh(expect.key)).collect();
        let mut add = |at, count| found.push(Position { group, number, at, count, weights: weights.clone() });
        if let Some(count) = group.per_socket.filter(|_| !machine.sockets.is_empty()) {
            machine.sockets.iter().for_each(|socket| add(At::Socket(*socket), count));
        } else if group.slots.is_empty() {
            // Where no socket is known, the devices are still those of the group.
            add(At::Anywhere, group.count);
        } else if group.count == Count::exactly(group.slots.len()) {
            group.slots.iter().for_each(|slot| add(At::Slot(slot), Count::exactly(1)));
        } else {
            add(At::Slots(&group.slots), group.count);
        }
    }
    found.sort_by_key(|position| {
        std::cmp::Reverse(position.group.expects.len() + usize::from(position.at != At::Anywhere))
    });
    found
}

impl Position<'_> {
    /// Compares a device with the location and all expectations of this position.
    pub(super) fn edge(&self, kind: Kind, memo: &Memo, devices: &[Device], device: usize) -> Edge {
        let mut edge = match self.is_here(kind, &devices[device]) {
            Some(true) => Edge::Yes,
            Some(false) => return Edge::No,
            None => Edge::Maybe,
        };
        for expect in 0..self.group.expects.len() {
            match memo.edge(self.number, expect, device) {
                Edge::Yes => {}
                Edge::Maybe => edge = Edge::Maybe,
                Edge::No => return Edge::No,
            }
        }
        edge
    }

    /// True if the group names places: slots, or a location among its expectations.
    pub(super) fn has_place(&self) -> bool {
        matches!(self.at, At::Slot(_) | At::Slots(_)) || self.weights.iter().any(|(_, is_location)| *is_location)
    }

    /// True if the device is known to meet all expectations of the group but those of its location.
    pub(super) fn is_like(&self, memo: &Memo, device: usize) -> bool {
        let others = (0..self.weights.len()).filter(|expect| !self.weights[*expect].1);
        let mut others = others.peekable();
        others.peek().is_some() && others.all(|expect| memo.edge(self.number, expect, device) == Edge::Yes)
    }

    /// True if the device is at the required location; `None` if its location is unknown.
    pub(super) fn is_here(&self, kind: Kind, device: &Device) -> Option<bool> {
        let slot = || kind.field("slot").map(|(place, _)| &device.facts[place]);
        match (self.at, slot()) {
            (At::Anywhere, _) => Some(true),
            (At::Socket(socket), _) => device.socket.map(|own| own == socket),
            (At::Slot(wanted), Some(own)) if own.is_known() => Some(own.names().any(|own| is_same(own, wanted))),
            (At::Slots(wanted), Some(own)) if own.is_known() => {
                Some(own.names().any(|own| wanted.iter().any(|wanted| is_same(own, wanted))))
            }
            (At::Slot(_) | At::Slots(_), _) => None,
        }
    }

    /// True if at least half of the expectations, by weight, are known to be met.
    pub(super) fn is_likely(&self, kind: Kind, memo: &Memo, devices: &[Device], device: usize) -> bool {
        let place = u64::from(self.at != At::Anywhere);
        let is_here = place == 1 && self.is_here(kind, &devices[device]) == Some(true);
        let fits = |expect: &usize| memo.edge(self.number, *expect, device) == Edge::Yes;
        let agreed: u64 = (0..self.weights.len()).filter(fits).map(|expect| self.weights[expect].0).sum();
        let all: u64 = self.weights.iter().map(|(weight, _)| weight).sum();
        (agreed + u64::from(is_here)) * 2 >= all + place
    }

    /// Total weight of the expectations that the device does not meet; `None` if less than a quarter, by weight, is met, so that another
    /// device may have been meant. A device in the required slot or bay always counts as the one that was meant.
    pub(super) fn difference(&self, kind: Kind, memo: &Memo, devices: &[Device], device: usize) -> Option<u64> {
        let tally = self.tally(kind, (memo, devices, device), |_| true);
        tally.is_near().then_some(tally.cost)
    }

    /// The difference from a place that may stay free because enough devices are there. A bus or a kind in common is not enough, unless a machine has
    /// nothing else of the kind: every module and every power supply was meant for one of its groups. A device that may fit is near if
    /// something else of it is known to fit, or if what it is known by is unknown.
    pub(super) fn resemblance(&self, kind: Kind, memo: &Memo, devices: &[Device], device: usize) -> Option<u64> {
        let edges = || {
            self.group.expects.iter().enumerate().map(|(at, expect)| (expect.key, memo.edge(self.number, at, device)))
        };
        let other = if kind == Kind::Memory { "technology" } else { "kind" };
        if edges().any(|(key, edge)| key == other && edge == Edge::No) {
            return None;
        }
        if matches!(kind, Kind::Memory | Kind::Psu) {
            return Some(self.tally(kind, (memo, devices, device), |_| true).cost);
        }
        let tally = self.tally(kind, (memo, devices, device), |key| key != "kind");
        let is_unnamed = edges().any(|(key, edge)| NAMES.contains(&key) && edge == Edge::Maybe);
        let is_state = |key: &str| STATES.contains(&key) || kind == Kind::Disk && key.starts_with("link.");
        let is_alone = self.group.expects.len() == 1 && edges().any(|(key, edge)| is_state(key) && edge == Edge::No);
        (tally.is_near() || is_alone || tally.cost == 0 && is_unnamed).then_some(tally.cost)
    }

    fn tally(
        &self,
        kind: Kind,
        (memo, devices, device): (&Memo, &[Device], usize),
        counts: impl Fn(&str) -> bool,
    ) -> Tally {
        let mut tally = Tally::default();
        if self.at != At::Anywhere {
            tally.all += 1;
            match self.is_here(kind, &devices[device]) {
                Some(true) => {
                    tally.agreed += 1;
                    tally.is_in_place = !matches!(self.at, At::Socket(_));
                }
                Some(false) => tally.cost += 1,
                None => {}
            }
        }
        for (expect, (weight, is_place)) in self.weights.iter().enumerate() {
            if !counts(self.group.expects[expect].key) {
                continue;
            }
            tally.all += weight;
            match memo.edge(self.number, expect, device) {
                Edge::Yes => {
                    tally.agreed += weight;
                    tally.is_in_place |= is_place;
                }
                Edge::No => tally.cost += weight,
                Edge::Maybe => {}
            }
        }
        tally
    }
}

/// Weights of the expectations of a position for one device.
#[derive(Default)]
struct Tally {
    all: u64,
    /// Weight of those that are known to be met.
    agreed: u64,
    /// Weight of those that are not met.
    cost: u64,
    is_in_place: bool,
}

impl Tally {
    fn is_near(&self) -> bool {
        self.is_in_place || self.agreed > 0 && self.agreed * 4 >= self.all
    }
}

/// The position that a device which is left over was meant for, although enough devices are there; `None` if it is another thing, or nearer to a
/// position that is full. `room` has the number of devices that each position still takes.
pub(super) fn meant(
    positions: &[Position<'_>],
    room: &[usize],
    kind: Kind,
    (memo, devices, device): (&Memo, &[Device], usize),
) -> Option<usize> {
    let near = |(number, position): (usize, &Position<'_>)| {
        Some((position.resemblance(kind, memo, devices, device)?, room[number] == 0, number))
    };
    let (_, is_full, number) = positions.iter().enumerate().filter_map(near).min()?;
    (!is_full).then_some(number)
}

/// Keys of the name or the place of a device: with another one it is another thing.
const OTHER: [&str; 16] = [
    "model",
    "vendor",
    "product",
    "ids",
    "subsystem_ids",
    "class",
    "class_name",
    "kind",
    "technology",
    "part",
    "manufacturer",
    "slot",
    "bay",
    "place",
    "enclosure",
    "location",
];

/// True if a device with another value of this key is another thing. Whatever is in a slot for modules or supplies was meant for it.
pub(super) fn is_name(kind: Kind, key: &str) -> bool {
    let is_uniform = matches!(kind, Kind::Memory | Kind::Psu) && !matches!(key, "kind" | "technology");
    OTHER.contains(&key) && !is_uniform
}

/// How far a device is from an expectation: 0 for newer versions, the distance of numbers as a share, 1 for all else.
pub(super) fn gap(kind: Kind, expect: &Expect, device: &Device) -> f64 {
    match (super::fit(kind, expect, device), &device.facts[expect.field], expect.want.bounds()) {
        (Fit::Yes | Fit::Newer | Fit::Beyond, ..) => 0.0,
        (_, Fact::Number(own), Some((low, high))) => {
            let end = if *own < low { low } else { high };
            (own - end).abs() / end.abs().max(f64::MIN_POSITIVE)
        }
        _ => 1.0,
    }
}

/// True if two names of slots are the same, whatever their case.
pub(super) fn is_same(own: &str, wanted: &str) -> bool {
    own.chars().flat_map(char::to_lowercase).eq(wanted.chars().flat_map(char::to_lowercase))
}
