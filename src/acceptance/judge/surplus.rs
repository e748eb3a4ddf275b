//! Devices that a machine has beyond those that its profile asks for.

use std::collections::BTreeSet;

use super::super::catalogue::Kind;
use super::super::machine::Stay;
use super::super::matching::Edges;
use super::Of;
use super::group::{MORE, Work};
use super::position::{Position, meant};
use super::words::{describe, named};

impl Work<'_> {
    /// Reports surplus devices of each position, and removes them from `left`.
    pub(super) fn surplus(&mut self, yes: &Edges, left: &mut Vec<usize>) {
        for (number, position) in self.positions.iter().enumerate() {
            // A USB stick is not a surplus disk, unless the profile allows no disk at all.
            let counts =
                |device: &usize| position.count.most == Some(0) || self.listing.devices[*device].stay == Stay::Fitted;
            let more = left.iter().copied().filter(|device| yes[number].binary_search(device).is_ok());
            let more: Vec<usize> = more.filter(counts).collect();
            if more.is_empty() {
                continue;
            }
            left.retain(|device| !more.contains(device));
            let there = self.assignment.filled(number) + more.len();
            // Any of those that fit may be the one too many, so all of them are named.
            let own = (0..self.listing.devices.len()).filter(|device| self.assignment.owner(*device) == Some(number));
            let mut all: Vec<usize> = own.chain(more.iter().copied()).collect();
            all.sort_unstable();
            let places: Vec<&str> = all.iter().map(|device| self.listing.devices[*device].place.as_str()).collect();
            let of = Of { kind: self.kind, device: None, place: "" };
            let what = format!("{}, {} too many, in: {}", self.kind.several(there), more.len(), named(&places));
            let expected = describe(position.group, position.count);
            self.found.deviates(of, position.group.severity, "count", (&expected, &what), MORE);
        }
    }

    /// Reports modules and disks that are all that a group asks for, but for their places, where the group has all that it may have: one more is
    /// one too many, wherever it is. A group that names the places of only a few says nothing of the others, and neither does one of cards.
    pub(super) fn elsewhere(&mut self, left: &mut Vec<usize>) {
        if !matches!(self.kind, Kind::Memory | Kind::Disk) {
            return;
        }
        let numbers: BTreeSet<usize> = self.positions.iter().map(|position| position.number).collect();
        for number in numbers {
            let own: Vec<usize> =
                (0..self.positions.len()).filter(|place| self.positions[*place].number == number).collect();
            let Some(position) = own.first().map(|place| &self.positions[*place]) else { continue };
            let devices = &self.listing.devices;
            let is_one =
                |device: &usize| devices[*device].stay == Stay::Fitted && position.is_like(&self.memo, *device);
            let more: Vec<usize> = left.iter().copied().filter(is_one).collect();
            let placed: usize = own.iter().map(|place| self.assignment.filled(*place)).sum();
            let has_most = more.len() < placed;
            if more.is_empty() || !has_most || position.group.count.most.is_none() || !position.has_place() {
                continue;
            }
            left.retain(|device| !more.contains(device));
            let there = placed + more.len();
            let positions: Vec<&str> = more.iter().map(|device| devices[*device].place.as_str()).collect();
            let of = Of { kind: self.kind, device: None, place: "" };
            let what = format!("{}, {} too many, in: {}", self.kind.several(there), more.len(), named(&positions));
            let expected = describe(position.group, position.group.count);
            self.found.deviates(of, position.group.severity, "count", (&expected, &what), MORE);
        }
    }

    /// Reports devices that nearly fit or may fit a group whose count is a range, although its minimum is reached: a bad device is none that
    /// nobody ordered.
    pub(super) fn beyond(&mut self, lacking: &[usize], left: &mut Vec<usize>) {
        let there = |(number, position): (usize, &Position<'_>)| {
            let most = position.count.most.unwrap_or(self.listing.devices.len());
            // A place that may stay free belongs to a range; where the count is exact, the devices that are there are the ones that were meant.
            let is_range = position.count.most != Some(position.count.least);
            let paired = position.count.least.saturating_sub(lacking[number]);
            if is_range { most.saturating_sub(self.assignment.filled(number).max(paired)) } else { 0 }
        };
        let mut room: Vec<usize> = self.positions.iter().enumerate().map(there).collect();
        if room.iter().all(|room| *room == 0) {
            return;
        }
        let devices = &self.listing.devices;
        for device in left.clone().into_iter().filter(|device| devices[*device].stay == Stay::Fitted) {
            let Some(number) = meant(self.positions, &room, self.kind, (&self.memo, devices, device)) else { continue };
            room[number] -= 1;
            left.retain(|other| *other != device);
            self.differs(&self.positions[number], device);
        }
    }
}
