//! Compares the groups of one kind with its devices, and reports differences, missing devices and surplus devices.

use std::collections::{BTreeMap, BTreeSet};

use super::super::catalogue::Kind;
use super::super::machine::{Device, Listing, Machine, Stay};
use super::super::matching::{Assignment, Edges};
use super::super::pairing::pair;
use super::super::profile::{Group, Severity};
use super::memo::Memo;
use super::position::{At, Edge, Position, gap, is_name, is_same, positions};
use super::words::{at, at_key, describe, empty_bays, named, others};
use super::{Findings, Of, READ, shown};

/// Next step if a profile names a slot that the firmware does not know.
const NAME: &str = "correct the name of the slot in the profile; if it is right, reseat the module";
/// Next step if more is there than was ordered.
pub(super) const MORE: &str = "take it out, or correct the profile";

/// Judges all groups of a kind. If `is_all` is set, devices outside all groups are reported too.
pub(super) fn judge(found: &mut Findings, kind: Kind, groups: &[&Group], machine: &Machine, is_all: bool) {
    found.checked += groups.iter().map(|group| group.expects.len() + 1).sum::<usize>() + usize::from(is_all);
    let listing = machine.listing(kind);
    for group in groups.iter().filter(|group| group.per_socket.is_some() && machine.sockets.is_empty()) {
        let of = Of { kind, device: None, place: "" };
        found.is_unknown(of, "per_socket", (&describe(group, group.count), "the machine tells no sockets"), READ);
    }
    let positions = positions(groups, machine);
    let memo = Memo::new(kind, groups, &listing.devices);
    let (yes, all) = edges(kind, &memo, &positions, &listing.devices);
    let assignment = assign(&positions, &yes, &all, &listing.devices);
    let mut work = Work { found, kind, positions: &positions, listing, machine, assignment, memo };
    work.fitting();
    let mut left: Vec<usize> =
        (0..listing.devices.len()).filter(|device| work.assignment.owner(*device).is_none()).collect();
    let mut lacking = work.nearly(&mut left);
    work.instead(&mut lacking, &mut left, is_all);
    work.missing(&lacking, &left);
    work.uncounted(&lacking);
    work.surplus(&yes, &mut left);
    work.elsewhere(&mut left);
    work.beyond(&lacking, &mut left);
    work.unplaced(&mut left);
    work.totals(groups);
    if is_all {
        work.strangers(&left);
    }
}

/// For each position the devices that fit, and the devices that fit or may fit (a fact is unknown).
fn edges(kind: Kind, memo: &Memo, positions: &[Position<'_>], devices: &[Device]) -> (Edges, Edges) {
    let (mut yes, mut all) = (Vec::with_capacity(positions.len()), Vec::with_capacity(positions.len()));
    for position in positions {
        let (mut fits, mut may) = (Vec::new(), Vec::new());
        for (number, device) in devices.iter().enumerate() {
            match position.edge(kind, memo, devices, number) {
                Edge::Yes => {
                    fits.push(number);
                    may.push(number);
                }
                // A removable device must not fill a place only because its facts are unknown.
                Edge::Maybe if device.stay == Stay::Fitted && position.is_likely(kind, memo, devices, number) => {
                    may.push(number);
                }
                Edge::Maybe | Edge::No => {}
            }
        }
        yes.push(fits);
        all.push(may);
    }
    (yes, all)
}

/// Assigns devices to positions. Minimum counts are filled first, with devices that fit and then with those that may fit; places up to
/// the maximum follow. Fitted devices take precedence over removable ones.
fn assign(positions: &[Position<'_>], yes: &Edges, all: &Edges, devices: &[Device]) -> Assignment {
    let is_fitted = |device: &usize| devices[*device].stay == Stay::Fitted;
    let fitted: Edges = yes.iter().map(|edges| edges.iter().copied().filter(is_fitted).collect()).collect();
    let mut assignment = Assignment::new(positions.len(), devices.len());
    for edges in [&fitted, yes, all] {
        for (number, position) in positions.iter().enumerate() {
            assignment.fill(number, position.count.least, edges);
        }
    }
    for edges in [&fitted, yes] {
        for (number, position) in positions.iter().enumerate() {
            assignment.fill(number, position.count.most.unwrap_or(devices.len()), edges);
        }
    }
    assignment
}

/// State while one kind is judged: positions of the profile, devices of the machine, and the assignment between them.
pub(super) struct Work<'a> {
    pub(super) found: &'a mut Findings,
    pub(super) kind: Kind,
    pub(super) positions: &'a [Position<'a>],
    pub(super) listing: &'a Listing,
    pub(super) machine: &'a Machine,
    pub(super) assignment: Assignment,
    pub(super) memo: Memo,
}

impl<'a> Work<'a> {
    fn of(&self, device: usize) -> Of<'a> {
        Of { kind: self.kind, device: Some(device), place: &self.listing.devices[device].place }
    }

    /// Reports the unknown facts of devices that were assigned to a position.
    fn fitting(&mut self) {
        for (number, device) in self.listing.devices.iter().enumerate() {
            let Some(owner) = self.assignment.owner(number) else { continue };
            let (position, of) = (&self.positions[owner], self.of(number));
            if position.is_here(self.kind, device).is_none() {
                let expected = (at(position.at), "the machine does not tell where it is");
                self.found.is_unknown(of, at_key(position.at), (&expected.0, expected.1), READ);
            }
            for expect in &position.group.expects {
                self.found.compare(of, expect, device);
            }
        }
    }

    /// Pairs free places with devices that nearly fit, and reports the differences. Returns the number of free places left per position.
    fn nearly(&mut self, left: &mut Vec<usize>) -> Vec<usize> {
        let free = |number: usize| self.positions[number].count.least.saturating_sub(self.assignment.filled(number));
        let rows: Vec<usize> = (0..self.positions.len()).flat_map(|number| vec![number; free(number)]).collect();
        let candidates: Vec<usize> =
            left.iter().copied().filter(|device| self.listing.devices[*device].stay == Stay::Fitted).collect();
        let costs = |position: &usize| -> Vec<Option<u64>> {
            let position = &self.positions[*position];
            let devices = &self.listing.devices;
            candidates.iter().map(|device| position.difference(self.kind, &self.memo, devices, *device)).collect()
        };
        // Equal places are adjacent, so `dedup` leaves one of each and its costs are computed once.
        let mut different = rows.clone();
        different.dedup();
        let known: BTreeMap<usize, Vec<Option<u64>>> =
            different.iter().map(|position| (*position, costs(position))).collect();
        let pairs = pair(rows.len(), candidates.len(), |row, column| known[&rows[row]][column]);
        let mut lacking: Vec<usize> = (0..self.positions.len()).map(free).collect();
        let mut is_free: Vec<bool> = vec![true; rows.len()];
        for (row, column) in pairs {
            is_free[row] = false;
            self.take(&mut lacking, left, (rows[row], candidates[column]));
        }
        // Devices of which too little is known to compare them come last.
        let rows: Vec<usize> =
            rows.into_iter().zip(is_free).filter(|(_, is_free)| *is_free).map(|(row, _)| row).collect();
        let candidates: Vec<usize> = candidates.into_iter().filter(|device| left.contains(device)).collect();
        let pairs = pair(rows.len(), candidates.len(), |row, column| {
            let edge = self.positions[rows[row]].edge(self.kind, &self.memo, &self.listing.devices, candidates[column]);
            (edge == Edge::Maybe).then_some(0)
        });
        for (row, column) in pairs {
            self.take(&mut lacking, left, (rows[row], candidates[column]));
        }
        lacking
    }

    /// Pairs the free places of groups that ask for one thing with the devices that are left over: what is there is there instead of what was
    /// ordered, and one change is one deviation. Another model is another thing, unless no others are allowed.
    fn instead(&mut self, lacking: &mut [usize], left: &mut Vec<usize>, is_all: bool) {
        for number in 0..self.positions.len() {
            let position = &self.positions[number];
            let [expect] = position.group.expects.as_slice() else { continue };
            if position.at != At::Anywhere || !is_all && is_name(self.kind, expect.key) {
                continue;
            }
            while lacking[number] > 0 {
                let devices = &self.listing.devices;
                let fitted = left.iter().copied().filter(|device| devices[*device].stay == Stay::Fitted);
                let gap = |device: usize| (gap(self.kind, expect, &devices[device]), device);
                let Some((_, device)) = fitted.map(gap).min_by(|a, b| a.0.total_cmp(&b.0)) else { break };
                self.take(lacking, left, (number, device));
            }
        }
    }

    /// Assigns a device to a free place, and reports what differs or is unknown.
    fn take(&mut self, lacking: &mut [usize], left: &mut Vec<usize>, (position, device): (usize, usize)) {
        lacking[position] -= 1;
        left.retain(|other| *other != device);
        self.differs(&self.positions[position], device);
    }

    pub(super) fn differs(&mut self, position: &Position<'_>, number: usize) {
        let (of, device) = (self.of(number), &self.listing.devices[number]);
        match position.is_here(self.kind, device) {
            Some(true) => {}
            None => {
                let expected = (at(position.at), "the machine does not tell where it is");
                self.found.is_unknown(of, at_key(position.at), (&expected.0, expected.1), READ);
            }
            Some(false) => {
                let here = match position.at {
                    At::Socket(_) => device.socket.map(|socket| socket.to_string()).unwrap_or_default(),
                    _ => self
                        .kind
                        .field("slot")
                        .map(|(place, field)| shown(field, &device.facts[place]))
                        .unwrap_or_default(),
                };
                let next = match position.at {
                    At::Slot(slot) if self.is_unnamed(slot) => NAME,
                    _ if self.kind == Kind::Memory => "move the module to its slot",
                    _ => "move the card to its slot",
                };
                let severity = position.group.severity;
                self.found.deviates(of, severity, at_key(position.at), (&at(position.at), &here), next);
            }
        }
        for expect in &position.group.expects {
            self.found.compare(of, expect, device);
        }
    }

    /// True if the firmware names the slots of the board, and this is none of them.
    fn is_unnamed(&self, slot: &str) -> bool {
        let known = &self.machine.slots;
        self.kind == Kind::Memory && !known.is_empty() && !known.iter().any(|name| is_same(name, slot))
    }

    /// Reports missing devices: by slot if the group names slots, otherwise by group.
    fn missing(&mut self, lacking: &[usize], left: &[usize]) {
        let mut unread = BTreeSet::new();
        for (number, position) in self.positions.iter().enumerate().filter(|(number, _)| lacking[*number] > 0) {
            let of = Of { kind: self.kind, device: None, place: "" };
            let there = position.count.least - lacking[number];
            let described = describe(position.group, position.count);
            let mut next = self.kind.missing();
            let (expected, mut what) = match position.at {
                At::Slot(slot) if self.is_unnamed(slot) => {
                    next = NAME;
                    let names: Vec<&str> = self.machine.slots.iter().map(String::as_str).collect();
                    (described, format!("the firmware names no slot {slot}; it names {}", named(&names)))
                }
                At::Slot(slot) if self.kind == Kind::Memory => (described, format!("slot {slot} is empty")),
                At::Slot(slot) => (described, format!("no {} is in slot {slot}", self.kind.singular())),
                At::Socket(socket) => (described, format!("socket {socket} has {there} of {}", position.count.least)),
                At::Anywhere | At::Slots(_) => {
                    (described, format!("{there} of {}", self.kind.several(position.count.least)))
                }
            };
            if let Some(reason) = &self.listing.unread {
                // One reason is told once, however many places a group has.
                if unread.insert(position.number) {
                    let all = describe(position.group, position.group.count);
                    self.found.is_unknown(of, "count", (&all, reason), READ);
                }
                continue;
            }
            if self.kind == Kind::Memory && !matches!(position.at, At::Slot(_)) {
                what.push_str(&self.empty_slots());
            }
            what.push_str(&empty_bays(position, self.listing, &self.memo));
            let left: Vec<&Device> = left.iter().map(|device| &self.listing.devices[*device]).collect();
            what.push_str(&others(position, &left));
            self.found.deviates(of, position.group.severity, "count", (&expected, &what), next);
        }
    }

    /// Reports counts with a maximum as unknown if not all devices could be read: there may be more than were ordered.
    fn uncounted(&mut self, lacking: &[usize]) {
        let Some(reason) = &self.listing.unread else { return };
        for position in self.positions.iter().zip(lacking).filter(|(_, lacking)| **lacking == 0).map(|(it, _)| it) {
            if position.count.most.is_some() {
                let of = Of { kind: self.kind, device: None, place: "" };
                let expected = describe(position.group, position.count);
                self.found.is_unknown(of, "count", (&expected, reason), READ);
            }
        }
    }

    fn empty_slots(&self) -> String {
        let slot = self.kind.field("slot").map_or(0, |(place, _)| place);
        let taken: Vec<&str> = self.listing.devices.iter().flat_map(|device| device.facts[slot].names()).collect();
        let is_free = |name: &&str| !name.is_empty() && !taken.contains(name);
        let names: Vec<&str> = self.machine.slots.iter().map(String::as_str).filter(is_free).collect();
        if names.is_empty() { String::new() } else { format!("; empty: {}", named(&names)) }
    }

    /// Leaves open what would fit if its socket were known: nobody is to take it out.
    fn unplaced(&mut self, left: &mut Vec<usize>) {
        let devices = &self.listing.devices;
        for number in left.clone() {
            let would_fit = |position: &&Position<'_>| {
                matches!(position.at, At::Socket(_))
                    && position.is_here(self.kind, &devices[number]).is_none()
                    && position.edge(self.kind, &self.memo, devices, number) == Edge::Maybe
            };
            let Some(position) = self.positions.iter().find(would_fit) else { continue };
            let expected = describe(position.group, position.count);
            let reason = "the machine does not tell its socket";
            self.found.is_unknown(self.of(number), "socket", (&expected, reason), READ);
            left.retain(|other| *other != number);
        }
    }

    /// Compares the total of each group that has `per_socket` with its `count`.
    fn totals(&mut self, groups: &[&Group]) {
        for (number, group) in groups.iter().enumerate().filter(|(_, group)| group.per_socket.is_some()) {
            let own = || self.positions.iter().enumerate().filter(|(_, position)| position.number == number);
            let there: usize = own().map(|(place, _)| self.assignment.filled(place)).sum();
            let wanted: usize = own().map(|(_, position)| position.count.least).sum();
            let fits = there >= group.count.least && group.count.most.is_none_or(|most| there <= most);
            // Devices that are missing or surplus at one socket have been reported already.
            if fits || there < wanted || self.machine.sockets.is_empty() {
                continue;
            }
            let of = Of { kind: self.kind, device: None, place: "" };
            let expected = describe(group, group.count);
            let sockets = self.machine.sockets.len();
            let word = if sockets == 1 { "socket" } else { "sockets" };
            let what = format!("{} at {sockets} {word}", self.kind.several(there));
            self.found.deviates(of, group.severity, "count", (&expected, &what), self.kind.missing());
        }
    }

    /// Reports devices that belong to no group of the profile.
    fn strangers(&mut self, left: &[usize]) {
        for number in left {
            let device = &self.listing.devices[*number];
            let severity = match device.stay {
                Stay::Fitted => Severity::Fail,
                Stay::Removable => Severity::Note,
                Stay::Virtual => continue,
            };
            let facts = self.kind.fields().iter().zip(&device.facts);
            let known =
                facts.filter(|(field, fact)| ["model", "size", "level"].contains(&field.key) && fact.is_known());
            let what: Vec<String> = known.map(|(field, fact)| shown(field, fact)).collect();
            let what = if what.is_empty() { "a device".to_owned() } else { what.join(", ") };
            self.found.deviates(self.of(*number), severity, "only", ("nothing here", &what), MORE);
        }
        if let Some(reason) = &self.listing.unread {
            let of = Of { kind: self.kind, device: None, place: "" };
            self.found.is_unknown(of, "only", ("no other devices", reason), READ);
        }
    }
}
