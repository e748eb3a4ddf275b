//! Compares a machine with a profile.

mod because;
mod group;
mod measure;
mod memo;
mod position;
mod surplus;
mod words;

use super::catalogue::{Field, Kind};
use super::fact::Fact;
use super::figure::Figures;
use super::machine::{Device, Machine};
use super::profile::{Expect, Profile, Severity, patterns};
use super::verdict::{Deviation, Judgement, Kept, Unknown};
use super::want::{Fit, Want};

pub use measure::Siblings;

/// Next step if a fact could not be read.
const READ: &str = "make it readable (root, links, load), or take it out of the profile";

/// Keys of `[cpu]` that are about the whole machine, not about each processor.
const WHOLE: [&str; 3] = ["count", "numa_nodes", "offline"];

/// Compares a machine, and the figures measured on it and on its siblings, with a profile.
#[must_use]
pub fn judge(profile: &Profile, machine: &Machine, figures: &Figures, siblings: &Siblings) -> Judgement {
    judge_over_time(profile, machine, figures, siblings, &Figures::new())
}

/// Compares as [`judge`] does, and also with the figures of the machine's last run.
#[must_use]
pub fn judge_over_time(
    profile: &Profile,
    machine: &Machine,
    figures: &Figures,
    siblings: &Siblings,
    last: &Figures,
) -> Judgement {
    let mut found = Findings::default();
    identity(&mut found, profile, machine);
    for table in &profile.tables {
        section(&mut found, table.kind, &table.expects, machine);
    }
    for kind in Kind::GROUPS {
        let groups: Vec<_> = profile.groups.iter().filter(|group| group.kind == kind).collect();
        if !groups.is_empty() || profile.only.contains(&kind) {
            group::judge(&mut found, kind, &groups, machine, profile.only.contains(&kind));
        }
    }
    measure::judge(&mut found, &profile.limits, figures, (siblings, last));
    because::settle(&mut found);
    let mut deviations: Vec<Deviation> = found.deviations.into_iter().map(|it| it.deviation).collect();
    deviations.sort_by_key(|deviation| deviation.severity);
    Judgement {
        profile: profile.name.clone(),
        machine: machine.name.clone(),
        deviations,
        unknown: found.unknown.into_iter().map(|it| it.unknown).collect(),
        kept: found.kept,
        checked: found.checked,
    }
}

/// Compares the machine with `match`: a profile that was named by its file may be that of another machine.
fn identity(found: &mut Findings, profile: &Profile, machine: &Machine) {
    found.checked += profile.match_keys();
    for (key, expected, text) in profile.mismatches(&machine.system) {
        let of = Of { kind: Kind::Settings, device: None, place: "" };
        if text.is_empty() {
            found.is_unknown(of, key, (&expected, "the machine does not tell it"), READ);
            found.unknown.last_mut().into_iter().for_each(|it| it.unknown.what = "match");
        } else {
            let next = "take the profile of this machine; after a new board write its names into the board";
            found.deviates(of, Severity::Fail, key, (&expected, text), next);
            found.deviations.last_mut().into_iter().for_each(|it| it.deviation.what = "match");
        }
    }
}

/// A deviation with the index of its device; `None` if it concerns no single device.
struct Found {
    kind: Kind,
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
            device: of.device,
            deviation: Deviation {
                severity,
                what: of.kind.name(),
                key: key.to_owned(),
                place: of.place.to_owned(),
                expected: expected.to_owned(),
                found: found.to_owned(),
                next: next.to_owned(),
            },
        });
    }

    fn is_unknown(&mut self, of: Of<'_>, key: &str, (expected, reason): (&str, &str), next: &str) {
        self.unknown.push(Missed {
            kind: of.kind,
            device: of.device,
            unknown: Unknown {
                what: of.kind.name(),
                key: key.to_owned(),
                place: of.place.to_owned(),
                expected: expected.to_owned(),
                reason: reason.to_owned(),
                next: next.to_owned(),
            },
        });
    }

    /// Compares a fact with its expectation, and records a deviation or an unknown fact.
    fn compare(&mut self, of: Of<'_>, expect: &Expect, device: &Device) {
        let field = &of.kind.fields()[expect.field];
        let fact = &device.facts[expect.field];
        let expected = expect.want.shown_for(model(of.kind, device)).unwrap_or(&expect.shown);
        // Newer firmware than asked for is no reason to send a machine back.
        let (severity, next) = match fit(of.kind, expect, device) {
            Fit::Yes => {
                self.kept.push(Kept {
                    what: of.kind.name(),
                    key: expect.key.to_owned(),
                    place: of.place.to_owned(),
                    expected: expected.to_owned(),
                    found: shown(field, fact),
                });
                return;
            }
            Fit::Unknown(reason) => {
                let is_table = fact.is_known() && matches!(expect.want, Want::ByModel(_));
                let next = if is_table { "add the model to the table of the profile" } else { READ };
                return self.is_unknown(of, expect.key, (expected, &reason), next);
            }
            Fit::Foreign(reason) => {
                let next = "compare the part with the order; write the versions of this scheme into the profile";
                return self.is_unknown(of, expect.key, (expected, &reason), next);
            }
            Fit::Newer => {
                (expect.severity.max(Severity::Note), "this is newer: ask for it, or for a range, in the profile")
            }
            Fit::Beyond => (
                expect.severity,
                "this is newer than what was ordered: install what was ordered, or widen it in the profile",
            ),
            Fit::No => (expect.severity, field.next),
        };
        let found = match fact {
            Fact::Number(number) if expected.ends_with(&shown(field, fact)) => field.unit().show_exactly(*number),
            _ => shown(field, fact),
        };
        // A number alone says little of the machine as a whole.
        let found = if expect.key == "count" { of.kind.several(found.parse().unwrap_or(0)) } else { found };
        self.deviates(of, severity, expect.key, (expected, &found), next);
    }
}

fn shown(field: &Field, fact: &Fact) -> String {
    fact.show(field.unit())
}

/// Result of one expectation for a device.
fn fit(kind: Kind, expect: &Expect, device: &Device) -> Fit {
    let fact = &device.facts[expect.field];
    match expect.want.test(fact, model(kind, device)) {
        // A disk without a bay has the path alone, which says nothing about its bay.
        Fit::No if kind == Kind::Disk && expect.key == "place" && !is_place_told(expect, fact) => {
            Fit::Unknown("the machine does not tell its bay".to_owned())
        }
        fit => fit,
    }
}

/// True if the place of a disk is told by the words that the profile asks for: enclosure and bay, bay, or path.
fn is_place_told(expect: &Expect, fact: &Fact) -> bool {
    let Some(wanted) = patterns(&expect.want) else { return true };
    let form = |text: &str| {
        let text = text.to_lowercase();
        ["enclosure ", "bay "].into_iter().find(|word| text.starts_with(word)).unwrap_or_default()
    };
    let told: Vec<&str> = fact.names().map(form).collect();
    wanted.iter().any(|pattern| pattern.is_expression() || told.contains(&form(&pattern.show())))
}

/// The model of a device; unknown for kinds without models.
fn model(kind: Kind, device: &Device) -> &Fact {
    static NOTHING: Fact = Fact::Unknown(String::new());
    kind.field("model").map_or(&NOTHING, |(place, _)| &device.facts[place])
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
            let reason = listing.unread.as_deref().unwrap_or("the machine tells none");
            found.is_unknown(none, expect.key, (&expect.shown, reason), READ);
        }
        // If not all processors could be read, facts about all of them are unknown.
        let unread = listing.unread.as_ref().filter(|_| is_whole && kind == Kind::Cpu && !devices.is_empty());
        if let Some(reason) = unread {
            found.is_unknown(none, expect.key, (&expect.shown, reason), READ);
            continue;
        }
        for (number, device) in devices.iter().enumerate() {
            let of = if is_whole { none } else { Of { kind, device: Some(number), place: &device.place } };
            found.compare(of, expect, device);
        }
    }
}
