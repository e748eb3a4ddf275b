//! Damping of devices that come and go again and again – a loose cable, a failing expander: flapping is reported once, and the device not
//! again until it has settled.
//! Pure: the clock is handed in, as seconds since the Unix epoch.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::super::sync::Stored;
use crate::inventory::{Item, Items, Kind};

/// More changes of one device than this within [`WINDOW`] are flapping.
const FEW: usize = 4;
/// The window in which changes are counted, in seconds.
const WINDOW: u64 = 300;
/// Prefix of the keys of stored parts, which share a map with the devices.
const STORED: &str = "stored ";
/// A device that has not changed for this many seconds has settled.
const CALM: u64 = 300;

/// The recent changes of a machine's devices, kept in the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Damper {
    /// A digest of each device as last seen, by kind and identity.
    #[serde(default)]
    seen: BTreeMap<String, String>,
    /// The devices and stored parts that changed recently.
    #[serde(default)]
    restless: BTreeMap<String, Restless>,
    /// The data that a region stores, as last seen.
    #[serde(default)]
    stored: Option<Stored>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Restless {
    /// Times of the changes, in seconds since the Unix epoch.
    changes: Vec<u64>,
    /// True once the changes were too many; until it has settled.
    flapping: bool,
}

impl Restless {
    /// True if the last change is less than [`CALM`] ago. A change in the future (the clock was set back) does not count.
    fn is_uneasy(&self, now: u64) -> bool {
        self.changes.last().is_some_and(|at| *at <= now && now - at < CALM)
    }
}

/// The result of damping one inventory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Damped {
    /// The hardware, with flapping devices as they were last reported.
    pub items: Items,
    /// The devices that began to flap, each to be reported once.
    pub began: Vec<(Kind, Item)>,
    /// Seconds until the last flapping device may have settled; `None` when none is flapping.
    pub again: Option<u64>,
}

impl Damper {
    /// Records the devices found and holds back changes of flapping ones. `told` is the hardware as it was last reported.
    pub(super) fn damp(&mut self, told: &Items, found: Items, now: u64) -> Damped {
        if self.seen.is_empty() {
            self.seen = marks(told);
        }
        let mut seen = marks(&found);
        // Devices that could not be read count as unchanged.
        seen.extend(self.seen.clone().into_iter().filter(|(key, _)| !found.keys().any(|kind| is_of(*kind, key))));
        if !self.seen.is_empty() {
            let keys: BTreeSet<&String> = self.seen.keys().chain(seen.keys()).collect();
            for key in keys.into_iter().filter(|key| self.seen.get(*key) != seen.get(*key)) {
                self.restless.entry(key.clone()).or_default().changes.push(now);
            }
        }
        self.seen = seen;
        let mut began = Vec::new();
        for (key, restless) in &mut self.restless {
            restless.changes.retain(|at| now.saturating_sub(*at) < WINDOW);
            if restless.changes.len() > FEW && !restless.flapping {
                restless.flapping = true;
                began.extend(find(&found, key).or_else(|| find(told, key)));
            }
        }
        // A clock that was set back must not make a device restless for ever.
        self.restless.retain(|_, restless| restless.is_uneasy(now));
        let calm =
            self.restless.values().filter(|restless| restless.flapping).filter_map(|restless| restless.changes.last());
        let again = calm.map(|at| CALM - (now - at)).max();
        Damped { items: self.hold(told, found), began, again }
    }

    /// Records the data that a region would store, and returns the names of its flapping parts, such as a link. A change of those alone is
    /// no reason for a report, but a report for another reason contains them: so they are left out of the comparison, and not held back.
    pub(super) fn damp_stored(&mut self, told: Option<&Stored>, found: Option<&Stored>, now: u64) -> BTreeSet<String> {
        let Some(found) = found else { return BTreeSet::new() };
        let last = self.stored.as_ref().or(told);
        for part in last.map(|last| last.differing(found)).unwrap_or_default() {
            let restless = self.restless.entry(format!("{STORED}{part}")).or_default();
            if !restless.is_uneasy(now) {
                *restless = Restless::default();
            }
            restless.changes.retain(|at| now.saturating_sub(*at) < WINDOW);
            restless.changes.push(now);
            if restless.changes.len() > FEW && !restless.flapping {
                restless.flapping = true;
                tracing::warn!(part, "it changes again and again: not told again until it has settled");
            }
        }
        self.stored = Some(found.clone());
        let flapping = self.restless.iter().filter(|(_, one)| one.flapping && one.is_uneasy(now));
        flapping.filter_map(|(key, _)| key.strip_prefix(STORED).map(str::to_owned)).collect()
    }

    /// The hardware found, with flapping devices replaced by their last reported state.
    fn hold(&self, told: &Items, found: Items) -> Items {
        let is_flapping =
            |kind: Kind, item: &Item| self.restless.get(&key(kind, item)).is_some_and(|restless| restless.flapping);
        let mut items = found;
        for (kind, list) in &mut items {
            list.retain(|item| !is_flapping(*kind, item));
        }
        for (kind, list) in &mut items {
            let held = told.get(kind).into_iter().flatten().filter(|item| is_flapping(*kind, item));
            list.extend(held.cloned());
        }
        items
    }
}

fn key(kind: Kind, item: &Item) -> String {
    format!("{} {}", kind.name(), item.identity)
}

fn is_of(kind: Kind, key: &str) -> bool {
    key.strip_prefix(kind.name()).is_some_and(|rest| rest.starts_with(' '))
}

fn find(items: &Items, wanted: &str) -> Option<(Kind, Item)> {
    let mut all = items.iter().flat_map(|(kind, list)| list.iter().map(|item| (*kind, item)));
    all.find(|(kind, item)| key(*kind, item) == wanted).map(|(kind, item)| (kind, item.clone()))
}

/// A short digest of every item, by kind and identity; a different digest means a different state.
fn marks(items: &Items) -> BTreeMap<String, String> {
    let all = items.iter().flat_map(|(kind, list)| list.iter().map(|item| (*kind, item)));
    let mark = |item: &Item| {
        base16ct::lower::encode_string(&Sha256::digest(format!("{}\n{:?}", item.place, item.fields))[..8])
    };
    all.map(|(kind, item)| (key(kind, item), mark(item))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::changes;

    use proptest::prelude::*;

    fn items(identities: &[&str]) -> Items {
        let item = |identity: &&str| Item { identity: (*identity).to_owned(), ..Item::default() };
        BTreeMap::from([(Kind::BlockDevice, identities.iter().map(item).collect())])
    }

    /// Takes an inventory every `pace` seconds of a machine whose disk b is present or not. Returns the number of reported changes, how
    /// often flapping was reported, and the hardware last reported.
    fn looks(presence: &[bool], pace: u64) -> (usize, usize, Items) {
        let mut told = items(&["a", "b"]);
        let (mut damper, mut count, mut flapping) = (Damper::default(), 0, 0);
        for (number, present) in (1u64..).zip(presence) {
            let found = if *present { items(&["a", "b"]) } else { items(&["a"]) };
            let outcome = damper.damp(&told, found, 1_000_000 + number * pace);
            count += changes(&told, &outcome.items).len();
            flapping += outcome.began.len();
            told = outcome.items;
        }
        (count, flapping, told)
    }

    #[test]
    fn a_disk_that_goes_or_comes_back_is_told_at_once() {
        assert_eq!(looks(&[true, false, false], 2), (1, 0, items(&["a"])));
        assert_eq!(looks(&[true, false, true], 2), (2, 0, items(&["a", "b"])));
    }

    #[test]
    fn a_disk_that_comes_and_goes_all_the_time_is_told_once_as_flapping() {
        let presence: Vec<bool> = (0..200).map(|number| number % 2 == 0).collect();
        let (count, flapping, _) = looks(&presence, 5);
        assert_eq!((count, flapping), (FEW, 1));
    }

    #[test]
    fn when_it_is_settled_it_is_told_as_it_is() {
        let mut presence: Vec<bool> = (0..21).map(|number| number % 2 == 0).collect();
        presence.extend([false; 70]);
        let (count, flapping, told) = looks(&presence, 5);
        assert_eq!((flapping, told), (1, items(&["a"])));
        assert_eq!(count, FEW + 1);
    }

    #[test]
    fn slow_changes_are_no_flapping() {
        let presence: Vec<bool> = (0..50).map(|number| number % 2 == 0).collect();
        assert_eq!(looks(&presence, 120), (49, 0, items(&["a"])));
    }

    #[test]
    fn while_it_flaps_another_look_is_asked_for() {
        let told = items(&["a", "b"]);
        let mut damper = Damper::default();
        let found = |number: u64| if number.is_multiple_of(2) { items(&["a", "b"]) } else { items(&["a"]) };
        let again: Vec<Option<u64>> = (0..7).map(|number| damper.damp(&told, found(number), number).again).collect();
        assert_eq!(again[3], None);
        assert_eq!(again[6], Some(CALM));
    }

    #[test]
    fn what_it_knows_survives_a_restart() {
        let told = items(&["a", "b"]);
        let mut damper = Damper::default();
        for number in 0..20 {
            let found = if number % 2 == 0 { items(&["a", "b"]) } else { items(&["a"]) };
            let written = serde_json::to_string(&damper).expect("plain data");
            damper = serde_json::from_str(&written).expect("as it was written");
            damper.damp(&told, found, number);
        }
        assert_eq!(damper.damp(&told, items(&["a"]), 21).items, told, "still held");
    }

    #[test]
    fn what_could_not_be_read_neither_goes_nor_flaps() {
        let told = items(&["a", "b"]);
        let mut damper = Damper::default();
        for number in 0..20 {
            let found = if number % 2 == 0 { told.clone() } else { Items::new() };
            let outcome = damper.damp(&told, found.clone(), number);
            assert_eq!((outcome.items, outcome.began.len()), (found, 0));
        }
    }

    #[test]
    fn a_link_that_goes_up_and_down_is_not_compared_until_it_has_settled() {
        let stored = |text: &str| Stored::parse(&format!("{{\"networks[eth0]\":\"{text}\"}}")).expect("parts");
        let (mut damper, mut told, mut count) = (Damper::default(), stored("up"), 0);
        let mut again = None;
        for number in 0..40u64 {
            let found = stored(if number % 2 == 0 { "down" } else { "up" });
            let restless = damper.damp_stored(Some(&told), Some(&found), 1000 + number * 5);
            again = damper.damp(&Items::new(), Items::new(), 1000 + number * 5).again;
            if restless.is_empty() && told != found {
                (told, count) = (found, count + 1);
            }
        }
        assert_eq!((count, again), (FEW, Some(CALM)), "and another look is asked for");
        let restless = damper.damp_stored(Some(&told), Some(&stored("down")), 1000 + 200 + 2 * CALM);
        assert_eq!(restless, BTreeSet::new(), "it is told as it is");
        assert_eq!(damper.damp_stored(Some(&told), None, 9999), BTreeSet::new(), "what could not be read");
    }

    proptest! {
        #[test]
        fn what_settles_is_told_in_the_end(mut presence in proptest::collection::vec(any::<bool>(), 1..60), last: bool) {
            presence.extend([last; 80]);
            let expected = if last { items(&["a", "b"]) } else { items(&["a"]) };
            prop_assert_eq!(looks(&presence, 5).2, expected);
        }

        #[test]
        fn no_minutes_bring_more_than_a_few_changes(presence in proptest::collection::vec(any::<bool>(), 1..60)) {
            prop_assert!(looks(&presence, 5).0 <= FEW + 1);
        }
    }
}
