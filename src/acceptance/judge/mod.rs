//! Compares a machine with a profile.

mod because;
mod group;
mod measure;
mod memo;
mod position;

use super::catalogue::{Field, Kind};
use super::fact::Fact;
use super::figure::Figures;
use super::machine::{Device, Machine};
use super::profile::{Expect, Profile, Severity};
use super::verdict::{Deviation, Judgement, Kept, Unknown};
use super::want::Fit;

pub use measure::Siblings;

/// Keys of `[cpu]` that are about the whole machine, not about each processor.
const WHOLE: [&str; 3] = ["count", "numa_nodes", "offline"];

/// Compares a machine, and the figures measured on it and on its siblings, with a profile.
#[must_use]
pub fn judge(profile: &Profile, machine: &Machine, figures: &Figures, siblings: &Siblings) -> Judgement {
    let mut found = Findings::default();
    for table in &profile.tables {
        section(&mut found, table.kind, &table.expects, machine);
    }
    for kind in Kind::GROUPS {
        let groups: Vec<_> = profile.groups.iter().filter(|group| group.kind == kind).collect();
        if !groups.is_empty() || profile.only.contains(&kind) {
            group::judge(&mut found, kind, &groups, machine, profile.only.contains(&kind));
        }
    }
    measure::judge(&mut found, &profile.limits, figures, siblings);
    because::settle(&mut found);
    let mut deviations: Vec<(Severity, Deviation)> =
        found.deviations.into_iter().map(|it| (it.severity, it.deviation)).collect();
    deviations.sort_by_key(|(severity, _)| *severity);
    Judgement {
        profile: profile.name.clone(),
        machine: machine.name.clone(),
        deviations: deviations.into_iter().map(|(_, deviation)| deviation).collect(),
        unknown: found.unknown.into_iter().map(|it| it.unknown).collect(),
        kept: found.kept,
        checked: found.checked,
    }
}

/// A deviation with the index of its device; `None` if it concerns no single device.
struct Found {
    kind: Kind,
    severity: Severity,
    device: Option<usize>,
    deviation: Deviation,
}

/// An unknown fact with the index of its device; `None` if it concerns no single device.
struct Missed {
    kind: Kind,
    device: Option<usize>,
    unknown: Unknown,
}

/// Deviations, unknown facts and expectations that were met so far, and the number of all expectations.
#[derive(Default)]
struct Findings {
    deviations: Vec<Found>,
    unknown: Vec<Missed>,
    kept: Vec<Kept>,
    checked: usize,
}

/// Subject of a finding: the kind, the index of the device and its place for messages.
#[derive(Clone, Copy)]
struct Of<'a> {
    kind: Kind,
    device: Option<usize>,
    place: &'a str,
}

impl Findings {
    fn deviates(&mut self, of: Of<'_>, severity: Severity, key: &str, (expected, found): (&str, &str), next: &str) {
        self.deviations.push(Found {
            kind: of.kind,
            severity,
            device: of.device,
            deviation: Deviation {
                severity: severity.word(),
                what: of.kind.name(),
                key: key.to_owned(),
                place: of.place.to_owned(),
                expected: expected.to_owned(),
                found: found.to_owned(),
                next: next.to_owned(),
            },
        });
    }

    fn is_unknown(&mut self, of: Of<'_>, key: &str, expected: &str, reason: &str) {
        self.unknown.push(Missed {
            kind: of.kind,
            device: of.device,
            unknown: Unknown {
                what: of.kind.name(),
                key: key.to_owned(),
                place: of.place.to_owned(),
                expected: expected.to_owned(),
                reason: reason.to_owned(),
            },
        });
    }

    /// Compares a fact with its expectation, and records a deviation or an unknown fact.
    fn compare(&mut self, of: Of<'_>, expect: &Expect, device: &Device) {
        let field = &of.kind.fields()[expect.field];
        let fact = &device.facts[expect.field];
        match fit(of.kind, expect, device) {
            Fit::Yes => self.kept.push(Kept {
                what: of.kind.name(),
                key: expect.key.to_owned(),
                place: of.place.to_owned(),
                expected: expect.shown.clone(),
                found: shown(field, fact),
            }),
            Fit::Unknown(reason) => self.is_unknown(of, expect.key, &expect.shown, &reason),
            fit => {
                // Newer firmware than asked for is no reason to send a machine back.
                let is_newer = fit == Fit::Newer;
                let severity = if is_newer { expect.severity.max(Severity::Note) } else { expect.severity };
                let next =
                    if is_newer { "this is newer: ask for it, or for a range, in the profile" } else { field.next };
                self.deviates(of, severity, expect.key, (&expect.shown, &shown(field, fact)), next);
            }
        }
    }
}

fn shown(field: &Field, fact: &Fact) -> String {
    fact.show(field.unit())
}

/// Result of one expectation for a device.
fn fit(kind: Kind, expect: &Expect, device: &Device) -> Fit {
    let nothing = Fact::Unknown("its model is not known".to_owned());
    let model = kind.field("model").map_or(&nothing, |(place, _)| &device.facts[place]);
    expect.want.test(&device.facts[expect.field], model)
}

/// Judges one section: `[cpu]` key by key for the machine or for each processor, `[firmware]` and `[settings]` for the machine.
fn section(found: &mut Findings, kind: Kind, expects: &[Expect], machine: &Machine) {
    let listing = machine.listing(kind);
    found.checked += expects.len();
    for expect in expects {
        let is_whole = kind != Kind::Cpu || WHOLE.contains(&expect.key);
        let devices = if is_whole { &listing.devices[..listing.devices.len().min(1)] } else { &listing.devices[..] };
        let none = Of { kind, device: None, place: "" };
        if devices.is_empty() {
            found.is_unknown(
                none,
                expect.key,
                &expect.shown,
                listing.unread.as_deref().unwrap_or("the machine tells none"),
            );
        }
        // If not all processors could be read, facts about all of them are unknown.
        let unread = listing.unread.as_ref().filter(|_| is_whole && kind == Kind::Cpu && !devices.is_empty());
        if let Some(reason) = unread {
            found.is_unknown(none, expect.key, &expect.shown, reason);
            continue;
        }
        for (number, device) in devices.iter().enumerate() {
            let of = if is_whole { none } else { Of { kind, device: Some(number), place: &device.place } };
            found.compare(of, expect, device);
        }
    }
}
