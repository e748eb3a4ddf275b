//! The places of a profile that devices are to fill: a group, one of its slots, or its share of a socket.

use super::super::catalogue::Kind;
use super::super::fact::Fact;
use super::super::machine::{Device, Machine};
use super::super::profile::{Expect, Group};
use super::super::range::Count;
use super::super::want::Fit;

/// Keys by which a device is recognised in another place or with other firmware; the others weigh 1.
const WEIGHTS: [(&str, u64); 9] =
    [("kind", 3), ("model", 2), ("size", 2), ("ids", 2), ("product", 2), ("part", 2), ("watts", 2), ("level", 2), ("class", 2)];
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

/// What differs between a device and a position.
pub(super) struct Difference<'a> {
    /// The keys that differ.
    pub(super) keys: Vec<&'a Expect>,
    /// It is elsewhere.
    pub(super) is_elsewhere: bool,
    /// What differs, weighed.
    pub(super) cost: u64,
    /// Enough is as ordered to say that this device was meant.
    pub(super) is_near: bool,
}

/// All positions of a kind's groups, narrow ones first.
pub(super) fn positions<'a>(groups: &[&'a Group], machine: &Machine) -> Vec<Position<'a>> {
    let mut found = Vec::new();
    for (number, group) in groups.iter().copied().enumerate() {
        if let Some(count) = group.per_socket {
            let sockets = machine.sockets.iter();
            found.extend(sockets.map(|socket| Position { group, number, at: At::Socket(*socket), count }));
        } else if group.slots.is_empty() {
            found.push(Position { group, number, at: At::Anywhere, count: group.count });
        } else if group.count == Count::exactly(group.slots.len()) {
            let slots = group.slots.iter();
            found.extend(slots.map(|slot| Position { group, number, at: At::Slot(slot), count: Count::exactly(1) }));
        } else {
            found.push(Position { group, number, at: At::Slots(&group.slots), count: group.count });
        }
    }
    found.sort_by_key(|position| std::cmp::Reverse(position.group.expects.len() + usize::from(position.at != At::Anywhere)));
    found
}

impl Position<'_> {
    /// Whether a device fits.
    pub(super) fn edge(&self, kind: Kind, device: &Device) -> Edge {
        let mut edge = match self.is_here(kind, device) {
            Some(true) => Edge::Yes,
            Some(false) => return Edge::No,
            None => Edge::Maybe,
        };
        for expect in &self.group.expects {
            match super::fit(kind, expect, device) {
                Fit::Yes => {}
                Fit::Unknown(_) => edge = Edge::Maybe,
                Fit::No | Fit::Newer => return Edge::No,
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
            (At::Slot(wanted), Some(Fact::Text(own))) => Some(is_same(own, wanted)),
            (At::Slots(wanted), Some(Fact::Text(own))) => Some(wanted.iter().any(|wanted| is_same(own, wanted))),
            (At::Slot(_) | At::Slots(_), _) => None,
        }
    }

    /// What differs.
    pub(super) fn difference(&self, kind: Kind, device: &Device) -> Difference<'_> {
        let mut found = Difference { keys: Vec::new(), is_elsewhere: false, cost: 0, is_near: false };
        let (mut all, mut agreed, mut is_in_place) = (0, 0, false);
        if self.at != At::Anywhere {
            all += 1;
            match self.is_here(kind, device) {
                Some(true) => {
                    agreed += 1;
                    is_in_place = !matches!(self.at, At::Socket(_));
                }
                Some(false) => {
                    found.is_elsewhere = true;
                    found.cost += 1;
                }
                None => {}
            }
        }
        for expect in &self.group.expects {
            let weight = WEIGHTS.iter().find(|(key, _)| *key == expect.key).map_or(1, |(_, weight)| *weight);
            all += weight;
            match super::fit(kind, expect, device) {
                Fit::Yes => {
                    agreed += weight;
                    is_in_place |= PLACES.contains(&expect.key);
                }
                Fit::No | Fit::Newer => {
                    found.cost += weight;
                    found.keys.push(expect);
                }
                Fit::Unknown(_) => {}
            }
        }
        found.is_near = is_in_place || agreed > 0 && agreed * 4 >= all;
        found
    }
}

fn is_same(own: &str, wanted: &str) -> bool {
    own.chars().flat_map(char::to_lowercase).eq(wanted.chars().flat_map(char::to_lowercase))
}
