//! Results of each expectation for each device, computed once: many groups share an expectation, and many devices share a fact.

use std::collections::HashMap;

use super::super::catalogue::Kind;
use super::super::machine::Device;
use super::super::profile::{Expect, Group};
use super::super::want::{Fit, Want};
use super::position::Edge;

/// Results of all expectations of one kind.
pub(super) struct Memo {
    /// One row per different expectation, one cell per device.
    rows: Vec<Vec<Edge>>,
    /// For each group the row of each of its expectations, in their order.
    places: Vec<Vec<usize>>,
}

impl Memo {
    pub(super) fn new(kind: Kind, groups: &[&Group], devices: &[Device]) -> Self {
        let mut memo = Memo { rows: Vec::new(), places: Vec::with_capacity(groups.len()) };
        let mut known: HashMap<(usize, String), usize> = HashMap::new();
        let mut alike: HashMap<usize, Vec<usize>> = HashMap::new();
        for group in groups {
            let mut places = Vec::with_capacity(group.expects.len());
            for expect in &group.expects {
                let next = memo.rows.len();
                let place = *known.entry((expect.field, format!("{:?}", expect.want))).or_insert(next);
                if place == next {
                    let first = alike.entry(expect.field).or_insert_with(|| first_alike(expect.field, devices));
                    memo.rows.push(row(kind, expect, devices, first));
                }
                places.push(place);
            }
            memo.places.push(places);
        }
        memo
    }

    /// Result of an expectation for a device; the arguments are indexes of the group, its expectation and the device.
    pub(super) fn edge(&self, group: usize, expect: usize, device: usize) -> Edge {
        self.rows[self.places[group][expect]][device]
    }
}

/// For each device the index of the first device with the same fact.
fn first_alike(field: usize, devices: &[Device]) -> Vec<usize> {
    let mut first: HashMap<String, usize> = HashMap::new();
    devices
        .iter()
        .enumerate()
        .map(|(number, device)| *first.entry(format!("{:?}", device.facts[field])).or_insert(number))
        .collect()
}

fn row(kind: Kind, expect: &Expect, devices: &[Device], first: &[usize]) -> Vec<Edge> {
    let is_of_model = matches!(expect.want, Want::ByModel(_));
    let mut row: Vec<Edge> = Vec::with_capacity(devices.len());
    for (number, device) in devices.iter().enumerate() {
        let edge = if first[number] < number && !is_of_model {
            row[first[number]]
        } else {
            match super::fit(kind, expect, device) {
                Fit::Yes => Edge::Yes,
                Fit::Unknown(_) | Fit::Foreign(_) => Edge::Maybe,
                Fit::No | Fit::Newer | Fit::Beyond => Edge::No,
            }
        };
        row.push(edge);
    }
    row
}
