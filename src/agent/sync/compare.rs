//! Comparison of the hardware found with the record: the changes, and the reason for a full report to the region, if there is one.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::Options;
use super::stored::Stored;
pub use crate::inventory::Items;
use crate::inventory::{
    Change, Inventory, NetworkVolumes, Uncounted, compare as compare_items, is_of_an_earlier_form, items_with,
};
use crate::journal::Hardware;

/// Why a region is sent everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The region was never sent anything with these credentials.
    First,
    /// A full report was requested (`--full`).
    Asked,
    /// The hardware changed.
    Changed,
    /// The region did not accept everything the last time.
    Owed,
    /// A kind of hardware can be read for the first time.
    MoreKnown,
    /// Data that the region stores beside the hardware changed: firmware, drivers, links, addresses.
    Stored,
    /// The last full report is older than the site's limit.
    Due,
}

impl Reason {
    /// The reason in words, for log and output.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Reason::First => "the first one",
            Reason::Asked => "asked for",
            Reason::Changed => "the hardware changed",
            Reason::Owed => "the region lacks something",
            Reason::MoreKnown => "more can be read than before",
            Reason::Stored => "what the region stores changed",
            Reason::Due => "the last full one is long ago",
        }
    }
}

/// The journal's record of the data that a region was sent.
#[derive(Debug, Default)]
pub(in super::super) struct OnRecord {
    pub(in super::super) hardware: Option<Hardware>,
    /// The hardware as the recorded events leave it; `None` when the region was never sent any, or the record cannot be read.
    pub(in super::super) items: Option<Items>,
    /// Digests of the other data that the region accepted; `None` when an earlier release recorded none.
    pub(in super::super) stored: Option<Stored>,
}

impl OnRecord {
    /// The hardware that the region was sent, without the items that do not count as hardware today.
    pub(in super::super) fn hardware_of_today(&self, uncounted: &Uncounted) -> Option<Items> {
        self.items.as_ref().map(|items| uncounted.taken_from(items, self.stored.is_none()))
    }
}

/// The state of the machine, as one inventory found it.
#[derive(Debug)]
pub(in super::super) struct Found {
    pub(in super::super) items: Items,
    /// Digests of the data that the region stores after a full report; `None` when a topic could not be read.
    pub(in super::super) stored: Option<Stored>,
    /// The parts of `stored` that are flapping: a change of these alone is no reason to send anything.
    pub(in super::super) restless: BTreeSet<String>,
    /// Devices that are present and do not count as hardware.
    pub(in super::super) uncounted: Uncounted,
}

impl Found {
    pub(in super::super) fn of(inventory: &Inventory, volumes: NetworkVolumes) -> Self {
        let (items, stored) = (items_with(inventory, volumes), Stored::of(inventory, volumes));
        let uncounted = Uncounted::of(inventory, volumes);
        Found { items, stored, restless: BTreeSet::new(), uncounted }
    }
}

/// The result of a comparison.
#[derive(Debug)]
pub(super) struct Compared {
    pub(super) reason: Option<Reason>,
    pub(super) changes: Vec<Change>,
    /// The items to record from now on, as JSON.
    pub(super) recorded: String,
    /// True if an item on record no longer counts as hardware, or the record of an earlier release can be replaced by today's.
    pub(super) forgets: bool,
    /// Digests of the data that the region stores once it accepted everything; `None` when a topic could not be read.
    pub(super) stored: Option<Stored>,
    /// The parts of `stored` that differ from those in the region, without the flapping ones.
    pub(super) differing: BTreeSet<String>,
}

/// Parses items from the journal's JSON; `None`, with an error in the log, for the form of another version of this program.
#[must_use]
pub fn parse(text: &str) -> Option<Items> {
    serde_json::from_str(text)
        .inspect_err(
            |error| tracing::error!(%error, "what the region was told cannot be read: it is told everything anew"),
        )
        .ok()
}

/// Compares the state found with the record.
pub(super) fn compare(on_record: &OnRecord, found: Found, options: &Options, now: Timestamp) -> Compared {
    let known = on_record.hardware.as_ref();
    let of_today = on_record.hardware_of_today(&found.uncounted);
    let is_earlier = on_record.items.as_ref().is_some_and(is_of_an_earlier_form);
    let old = of_today.as_ref();
    let Found { items: found, stored, restless, .. } = found;
    let both = on_record.stored.as_ref().zip(stored.as_ref());
    let mut differing = both.map(|(old, new)| old.differing(new)).unwrap_or_default();
    differing.retain(|part| !restless.contains(part));
    let (changed, unseen) = old.map(|old| compare_items(old, &found)).unwrap_or_default();
    let more_known = old.is_some_and(|old| found.keys().any(|kind| !old.contains_key(kind)));
    let mut recorded = found;
    for (kind, items) in old.into_iter().flatten() {
        // Hardware that could not be read counts as present until it can be read again.
        recorded.entry(*kind).or_insert_with(|| items.clone());
    }
    for (kind, items) in unseen {
        recorded.entry(kind).or_default().extend(items);
    }
    let is_owed = known.is_some_and(|known| known.owed);
    let told = known.and_then(|known| known.acknowledged_at);
    let is_due = options.full_after.is_some_and(|limit| told.is_none_or(|told| age(told, now) >= limit));
    let reason = match old {
        None => Some(Reason::First),
        Some(_) if options.full => Some(Reason::Asked),
        Some(_) if !changed.is_empty() => Some(Reason::Changed),
        Some(_) if is_owed => Some(Reason::Owed),
        Some(_) if more_known => Some(Reason::MoreKnown),
        Some(_) if !differing.is_empty() => Some(Reason::Stored),
        Some(_) => is_due.then_some(Reason::Due),
    };
    let is_respelled = is_earlier && !is_of_an_earlier_form(&recorded);
    let forgets = of_today != on_record.items || is_respelled;
    let recorded = serde_json::to_string(&recorded).unwrap_or_default();
    Compared { reason, changes: changed, recorded, forgets, stored, differing }
}

/// Time since the last report; zero when the clock was set back, so that this makes nothing due.
fn age(told: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(told)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::inventory::{Item, Kind};

    fn list(kind: Kind, names: &[&str]) -> Items {
        let item = |name: &&str| Item { identity: (*name).to_owned(), ..Item::default() };
        BTreeMap::from([(kind, names.iter().map(item).collect())])
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn hardware(items: &Items) -> Hardware {
        Hardware {
            region: "r".into(),
            recorded: serde_json::to_string(items).expect("JSON"),
            owed: false,
            acknowledged: Some(String::new()),
            acknowledged_at: Some(at(1000)),
            scripts: String::new(),
        }
    }

    fn why(known: &Hardware, found: Items, now: i64) -> (Option<Reason>, usize, String) {
        let options = Options { full_after: Some(Duration::from_secs(500)), ..Options::new("/nowhere", "") };
        let on_record =
            OnRecord { items: parse(&known.recorded), hardware: Some(known.clone()), ..OnRecord::default() };
        let found = Found { items: found, stored: None, restless: BTreeSet::new(), uncounted: Uncounted::default() };
        let compared = compare(&on_record, found, &options, at(now));
        (compared.reason, compared.changes.len(), compared.recorded)
    }

    #[test]
    fn the_region_is_sent_everything_when_there_is_a_reason() {
        let a = list(Kind::Cpu, &["a"]);
        assert_eq!(why(&hardware(&a), a.clone(), 1499), (None, 0, hardware(&a).recorded));
        assert_eq!(why(&hardware(&a), a.clone(), 1500).0, Some(Reason::Due));
        assert_eq!(why(&hardware(&a), a.clone(), 0).0, None, "the clock was set back");
        assert_eq!(why(&Hardware { owed: true, ..hardware(&a) }, a.clone(), 1001).0, Some(Reason::Owed));
        assert_eq!(why(&hardware(&a), list(Kind::Cpu, &["b"]), 1001).0, Some(Reason::Changed));
        assert_eq!(why(&Hardware { recorded: "?".into(), ..hardware(&a) }, a, 1001).0, Some(Reason::First));
    }

    #[test]
    fn a_record_of_an_earlier_release_is_respelled_without_a_change() {
        let earlier = r#"{"usb_device":[{"identity":"usb:0bda:8153:S1","name":"LAN","place":"1-3"}]}"#;
        let record = Hardware { recorded: earlier.to_owned(), ..hardware(&Items::new()) };
        let stick = |place: &str| Item {
            form: 1,
            identity: "usb:0bda:8153:S1".into(),
            name: "LAN".into(),
            place: place.into(),
            ..Item::default()
        };
        let now = |place: &str| Items::from([(Kind::UsbDevice, vec![stick(place)])]);
        let on_record = || OnRecord { items: parse(earlier), hardware: Some(record.clone()), ..OnRecord::default() };
        let found =
            |items: Items| Found { items, stored: None, restless: BTreeSet::new(), uncounted: Uncounted::default() };
        let options = Options::new("/nowhere", "");
        let compared = compare(&on_record(), found(now("0000:00/14.0/3")), &options, at(1001));
        assert_eq!((compared.reason, compared.forgets), (None, true), "it is adopted");
        assert_eq!(parse(&compared.recorded), Some(now("0000:00/14.0/3")));
        let adopted = OnRecord { items: parse(&compared.recorded), ..on_record() };
        let again = compare(&adopted, found(now("0000:00/14.0/3")), &options, at(1002));
        assert_eq!((again.reason, again.forgets), (None, false), "once");
        let moved = compare(&adopted, found(now("0000:00/1a.0/3")), &options, at(1003));
        assert_eq!((moved.reason, moved.changes.len()), (Some(Reason::Changed), 1));
    }

    #[test]
    fn what_could_not_be_read_stays_on_record() {
        let mut both = list(Kind::Cpu, &["a"]);
        both.extend(list(Kind::Memory, &["m"]));
        assert_eq!(why(&hardware(&both), list(Kind::Cpu, &["a"]), 1001), (None, 0, hardware(&both).recorded));
        let (reason, changes, recorded) = why(&hardware(&list(Kind::Cpu, &["a"])), both.clone(), 1001);
        assert_eq!((reason, changes), (Some(Reason::MoreKnown), 0), "it was there before it could be read");
        assert_eq!(recorded, hardware(&both).recorded);
    }
}
