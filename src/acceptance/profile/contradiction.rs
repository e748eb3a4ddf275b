//! Expectations that contradict each other, so that no machine can meet all of them.

use super::super::catalogue::Kind;
use super::super::pattern::Pattern;
use super::super::want::Want;
use super::problem::Notes;
use super::{Expect, Group, Profile};

/// Keys of which the first is never more than the second.
const NEVER_MORE: [(&str, &str); 7] = [
    ("cores", "threads"),
    ("configured_speed", "speed"),
    ("link.width", "link.maximum_width"),
    ("link.speed", "link.maximum_speed"),
    ("speed", "maximum_speed"),
    ("degraded", "devices"),
    ("logical_block_size", "physical_block_size"),
];
/// Most sockets that a machine has.
const SOCKETS: usize = 64;

/// Records a problem for each contradiction.
pub(super) fn check(notes: &mut Notes<'_>, profile: &Profile) {
    for group in &profile.groups {
        numbers(notes, &group.expects);
        models(notes, group);
        sockets(notes, group, profile);
        places(notes, group);
    }
    profile.tables.iter().for_each(|table| numbers(notes, &table.expects));
    settings(notes, profile);
}

fn of<'a>(expects: &'a [Expect], key: &str) -> Option<&'a Expect> {
    expects.iter().find(|expect| expect.key == key)
}

fn numbers(notes: &mut Notes<'_>, expects: &[Expect]) {
    for (less, more) in NEVER_MORE {
        let (Some(less), Some(more)) = (of(expects, less), of(expects, more)) else { continue };
        let (Some((low, _)), Some((_, high))) = (less.want.bounds(), more.want.bounds()) else { continue };
        if low > high {
            notes.add(
                less.at..less.at,
                format!("{} {} is more than {} {}: no part is so", less.key, less.shown, more.key, more.shown),
            );
        }
    }
}

/// Patterns of a required text; `None` if the value is of another kind.
pub(in super::super) fn patterns(want: &Want) -> Option<Vec<&Pattern>> {
    match want {
        Want::Text(pattern) => Some(vec![pattern]),
        Want::Any(wants) => {
            wants.iter().map(|want| if let Want::Text(pattern) = want { Some(pattern) } else { None }).collect()
        }
        _ => None,
    }
}

/// Compares the keys of tables by model with the models of the group.
fn models(notes: &mut Notes<'_>, group: &Group) {
    let Some(models) = of(&group.expects, "model").and_then(|model| patterns(&model.want)) else { return };
    let literals: Option<Vec<&str>> = models.iter().map(|model| model.literal()).collect();
    for expect in &group.expects {
        let Want::ByModel(entries) = &expect.want else { continue };
        for entry in entries {
            let can_be = match (entry.model.literal(), &literals) {
                (Some(own), _) => models.iter().any(|model| model.fits(own)),
                (None, Some(literals)) => literals.iter().any(|literal| entry.model.fits(literal)),
                // Two expressions may have a text in common.
                (None, None) => true,
            };
            if !can_be {
                let text = format!("{}: no model of this group is {}", expect.key, entry.model.show());
                notes.add(expect.at..expect.at, text);
            }
        }
        for literal in
            literals.iter().flatten().filter(|literal| !entries.iter().any(|entry| entry.model.fits(literal)))
        {
            notes.add(expect.at..expect.at, format!("{}: the table by model has no entry for {literal}", expect.key));
        }
    }
}

/// Compares the count of a group with its count for each socket.
fn sockets(notes: &mut Notes<'_>, group: &Group, profile: &Profile) {
    let Some(each) = group.per_socket else { return };
    let cpu = profile.tables.iter().find(|table| table.kind == Kind::Cpu).and_then(|table| of(&table.expects, "count"));
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let is_possible = |sockets: usize| {
        cpu.and_then(|expect| expect.want.bounds()).is_none_or(|(low, high)| (low..=high).contains(&(sockets as f64)))
    };
    let fits = |sockets: usize| {
        let least = each.least.saturating_mul(sockets);
        let most = each.most.map(|most| most.saturating_mul(sockets));
        group.count.most.is_none_or(|most| least <= most) && most.is_none_or(|most| most >= group.count.least)
    };
    if !(1..=SOCKETS).any(|sockets| is_possible(sockets) && fits(sockets)) {
        let text =
            format!("{} {} at each socket are never {} in all", each.show(), group.kind.plural(), group.count.show());
        notes.add(group.at..group.at, text);
    }
}

/// Compares the count of a group with the number of its places.
fn places(notes: &mut Notes<'_>, group: &Group) {
    let capacity = |key: &str| {
        let patterns = of(&group.expects, key).and_then(|expect| patterns(&expect.want))?;
        patterns.iter().try_fold(0_u64, |sum, pattern| sum.checked_add(pattern.places()?))
    };
    let is_exact = |pattern: &&Pattern| pattern.show().to_lowercase().starts_with("enclosure ");
    let place = of(&group.expects, "place").and_then(|expect| patterns(&expect.want));
    // Two enclosures may each have a bay of this name.
    let whole = place.filter(|patterns| patterns.iter().all(is_exact)).and_then(|_| capacity("place"));
    let parts = capacity("enclosure").and_then(|enclosures| enclosures.checked_mul(capacity("bay")?));
    for places in [whole, parts].into_iter().flatten().filter(|places| (group.count.least as u64) > *places) {
        let text = format!("{} do not fit into {places} places", group.kind.several(group.count.least));
        notes.add(group.at..group.at, text);
    }
}

fn settings(notes: &mut Notes<'_>, profile: &Profile) {
    let key = |kind: Kind, key: &str| {
        profile.tables.iter().filter(|table| table.kind == kind).find_map(|table| of(&table.expects, key))
    };
    let flag = |name: &str| {
        let expect = key(Kind::Settings, name)?;
        if let Want::Flag(flag) = expect.want { Some((flag, expect.at)) } else { None }
    };
    if let (Some((true, at)), Some((false, _))) = (flag("secure_boot"), flag("uefi")) {
        notes.add(at..at, "there is no Secure Boot without UEFI");
    }
    if let (Some((false, at)), Some(_)) = (flag("bmc"), key(Kind::Firmware, "bmc")) {
        notes.add(at..at, "[firmware] asks for a version of the BMC, so that there has to be one");
    }
    let bounds = |name: &str| key(Kind::Cpu, name).and_then(|expect| expect.want.bounds());
    if let (Some((smt, at)), Some((fewest, most)), Some((low, high))) =
        (flag("smt"), bounds("threads"), bounds("cores"))
    {
        let is_impossible = if smt { most <= low } else { fewest > high };
        if is_impossible {
            let word = if smt { "more threads than cores" } else { "as many threads as cores" };
            notes.add(at..at, format!("smt = {smt} means {word}; [cpu] asks for other numbers"));
        }
    }
}
