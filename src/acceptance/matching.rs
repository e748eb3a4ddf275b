//! Devices to groups, so that as many places as possible are filled: a broad group never starves a narrow one.
//!
//! Groups are filled in the order that their caller gives, each place by a shortest augmenting path. What has been filled stays filled:
//! so of all largest assignments one is found that fills the earlier groups.

use std::collections::VecDeque;

/// Which devices each group would take.
pub(super) type Edges = Vec<Vec<usize>>;

/// Which group has each device.
#[derive(Clone, Debug)]
pub(super) struct Assignment {
    owners: Vec<Option<usize>>,
    filled: Vec<usize>,
}

impl Assignment {
    /// Nobody has anything.
    pub(super) fn new(groups: usize, devices: usize) -> Self {
        Assignment { owners: vec![None; devices], filled: vec![0; groups] }
    }

    /// The group that has a device.
    pub(super) fn owner(&self, device: usize) -> Option<usize> {
        self.owners[device]
    }

    /// How many devices a group has.
    pub(super) fn filled(&self, group: usize) -> usize {
        self.filled[group]
    }

    /// Gives a group devices until it has so many, as far as there are any.
    pub(super) fn fill(&mut self, group: usize, places: usize, edges: &Edges) {
        while self.filled[group] < places && self.augment(group, edges) {
            self.filled[group] += 1;
        }
    }

    /// Finds a device for one more place of a group: a free one, or one whose owner finds another.
    fn augment(&mut self, start: usize, edges: &Edges) -> bool {
        let mut taker: Vec<Option<usize>> = vec![None; self.owners.len()];
        let mut reached: Vec<Option<usize>> = vec![None; edges.len()];
        let mut is_seen = vec![false; edges.len()];
        is_seen[start] = true;
        let mut queue = VecDeque::from([start]);
        while let Some(group) = queue.pop_front() {
            for &device in &edges[group] {
                if taker[device].is_some() || self.owners[device] == Some(group) {
                    continue;
                }
                taker[device] = Some(group);
                match self.owners[device] {
                    None => {
                        self.hand_over(device, &taker, &reached);
                        return true;
                    }
                    Some(owner) if !is_seen[owner] => {
                        is_seen[owner] = true;
                        reached[owner] = Some(device);
                        queue.push_back(owner);
                    }
                    Some(_) => {}
                }
            }
        }
        false
    }

    /// Along the path back: each group takes a device and gives up the one by which it was reached.
    fn hand_over(&mut self, free: usize, taker: &[Option<usize>], reached: &[Option<usize>]) {
        let mut device = Some(free);
        while let Some(taken) = device {
            let group = taker[taken];
            self.owners[taken] = group;
            device = group.and_then(|group| reached[group]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The most places that can be filled at all, by trying everything.
    fn most(places: &[usize], edges: &[u8], device: usize, devices: usize, filled: &mut Vec<usize>) -> usize {
        if device == devices {
            return 0;
        }
        let mut best = most(places, edges, device + 1, devices, filled);
        for group in 0..places.len() {
            if edges[group] >> device & 1 == 1 && filled[group] < places[group] {
                filled[group] += 1;
                best = best.max(1 + most(places, edges, device + 1, devices, filled));
                filled[group] -= 1;
            }
        }
        best
    }

    proptest! {
        #[test]
        fn as_many_places_are_filled_as_can_be_and_each_by_a_device_that_fits(
            places in prop::collection::vec(0_usize..4, 1..5), masks in prop::collection::vec(any::<u8>(), 5), devices in 0_usize..7,
        ) {
            let edges: Edges =
                masks.iter().take(places.len()).map(|mask| (0..devices).filter(|device| mask >> device & 1 == 1).collect()).collect();
            let mut assignment = Assignment::new(places.len(), devices);
            for (group, &wanted) in places.iter().enumerate() {
                let before: Vec<usize> = (0..group).map(|group| assignment.filled(group)).collect();
                assignment.fill(group, wanted, &edges);
                let after: Vec<usize> = (0..group).map(|group| assignment.filled(group)).collect();
                prop_assert_eq!(before, after, "what was filled stays filled");
                let so_far = &places[..=group];
                let total: usize = (0..=group).map(|group| assignment.filled(group)).sum();
                prop_assert_eq!(total, most(so_far, &masks, 0, devices, &mut vec![0; group + 1]), "earlier groups come first");
            }
            let total: usize = (0..places.len()).map(|group| assignment.filled(group)).sum();
            prop_assert_eq!(total, most(&places, &masks, 0, devices, &mut vec![0; places.len()]));
            let mut counted = vec![0; places.len()];
            for device in 0..devices {
                if let Some(group) = assignment.owner(device) {
                    prop_assert!(edges[group].contains(&device));
                    counted[group] += 1;
                }
            }
            prop_assert!((0..places.len()).all(|group| counted[group] == assignment.filled(group) && counted[group] <= places[group]));
        }
    }

    #[test]
    fn a_broad_group_does_not_starve_a_narrow_one() {
        // The broad one comes first and takes what the narrow one needs; then it gives it up.
        let edges = vec![vec![0, 1], vec![0]];
        let mut assignment = Assignment::new(2, 2);
        assignment.fill(0, 1, &edges);
        assert_eq!(assignment.owner(0), Some(0));
        assignment.fill(1, 1, &edges);
        assert_eq!((assignment.owner(0), assignment.owner(1)), (Some(1), Some(0)));
    }
}
