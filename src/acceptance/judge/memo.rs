//! What each device makes of each expectation, tested once: many groups ask the same, and many devices say the same.

use std::collections::HashMap;

use super::super::catalogue::Kind;
use super::super::machine::Device;
use super::super::profile::{Expect, Group};
use super::super::want::{Fit, Want};
use super::position::Edge;

/// The tests of a kind.
pub(super) struct Memo {
    /// A row for each different expectation, a cell for each device.
    rows: Vec<Vec<Edge>>,
    /// Rows of each group's expectations, in their order.
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

    /// How a device compares with an expectation of a group.
    pub(super) fn edge(&self, group: usize, expect: usize, device: usize) -> Edge {
        self.rows[self.places[group][expect]][device]
    }
}

/// For each device the first that says the same.
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
                Fit::Unknown(_) => Edge::Maybe,
                Fit::No | Fit::Newer => Edge::No,
            }
        };
        row.push(edge);
    }
    row
}
