//! The places of a profile that devices are to fill: a group, one of its slots, or its share of a socket.

use super::super::catalogue::Kind;
use super::super::machine::{Device, Machine};
use super::super::profile::Group;
use super::super::range::Count;
use super::memo::Memo;

/// Keys by which a device is recognised in another place or with other firmware; the others weigh 1.
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
/// Keys that say where a device is: what is in the place of another is told as that.
const PLACES: [&str; 4] = ["slot", "place", "bay", "location"];

/// Where a device has to be beside what it has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At<'a> {
    /// Anywhere.
    Anywhere,
    /// In this slot.
    Slot(&'a str),
    /// In one of these slots.
    Slots(&'a [String]),
    /// Next to this socket.
    Socket(u64),
}

/// A place, or several that are alike.
pub(super) struct Position<'a> {
    /// Whose it is.
    pub(super) group: &'a Group,
    /// Which group of the kind.
    pub(super) number: usize,
    /// Where.
    pub(super) at: At<'a>,
    /// How many.
    pub(super) count: Count,
    /// What each expectation weighs, and whether it says where the device is.
    weights: Vec<(u64, bool)>,
}

/// How a device compares with a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    /// It fits.
    Yes,
    /// It may fit: something is not known.
    Maybe,
    /// It does not.
    No,
}

/// All positions of a kind's groups, narrow ones first.
pub(super) fn positions<'a>(groups: &[&'a Group], machine: &Machine) -> Vec<Position<'a>> {
    let mut found = Vec::new();
    let weigh = |key: &str| {
        let weight = WEIGHTS.iter().find(|(known, _)| *known == key).map_or(1, |(_, weight)| *weight);
        (weight, PLACES.contains(&key))
    };
    for (number, group) in groups.iter().copied().enumerate() {
        let weights: Vec<(u64, bool)> = group.expects.iter().map(|expect| weigh(expect.key)).collect();
        let mut add = |at, count| found.push(Position { group, number, at, count, weights: weights.clone() });
        if let Some(count) = group.per_socket {
            machine.sockets.iter().for_each(|socket| add(At::Socket(*socket), count));
        } else if group.slots.is_empty() {
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
    /// Whether a device fits.
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

    /// Whether a device is where it has to be; none where nobody knows where it is.
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

    /// Whether most of what is known of a device speaks for it.
    pub(super) fn is_likely(&self, kind: Kind, memo: &Memo, devices: &[Device], device: usize) -> bool {
        let place = u64::from(self.at != At::Anywhere);
        let is_here = place == 1 && self.is_here(kind, &devices[device]) == Some(true);
        let fits = |expect: &usize| memo.edge(self.number, *expect, device) == Edge::Yes;
        let agreed: u64 = (0..self.weights.len()).filter(fits).map(|expect| self.weights[expect].0).sum();
        let all: u64 = self.weights.iter().map(|(weight, _)| weight).sum();
        (agreed + u64::from(is_here)) * 2 >= all + place
    }

    /// How much differs, weighed; none if too little is as ordered to say that this device was meant.
    pub(super) fn difference(&self, kind: Kind, memo: &Memo, devices: &[Device], device: usize) -> Option<u64> {
        let (mut all, mut agreed, mut cost, mut is_in_place) = (0, 0, 0, false);
        if self.at != At::Anywhere {
            all += 1;
            match self.is_here(kind, &devices[device]) {
                Some(true) => {
                    agreed += 1;
                    is_in_place = !matches!(self.at, At::Socket(_));
                }
                Some(false) => cost += 1,
                None => {}
            }
        }
        for (expect, (weight, is_place)) in self.weights.iter().enumerate() {
            all += weight;
            match memo.edge(self.number, expect, device) {
                Edge::Yes => {
                    agreed += weight;
                    is_in_place |= is_place;
                }
                Edge::No => cost += weight,
                Edge::Maybe => {}
            }
        }
        (is_in_place || agreed > 0 && agreed * 4 >= all).then_some(cost)
    }
}

fn is_same(own: &str, wanted: &str) -> bool {
    own.chars().flat_map(char::to_lowercase).eq(wanted.chars().flat_map(char::to_lowercase))
}
