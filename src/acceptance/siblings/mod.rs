//! Compares machines with their siblings: facts by majority, figures by median. The machines that deviate are called odd.

mod facts;
mod functions;
mod page;
mod text;

use std::collections::BTreeMap;

use serde::Serialize;

use super::better::Better;
use super::figure::{Amount, Figures};
use super::machine::Machine;
use super::statistics::{self, LEAST};
use facts::Told;

pub use page::page;
pub use text::text;

/// Minimum number of machines for a majority.
const MAJORITY: usize = 3;
/// Minimum number of machines for a rank.
const RANKED: usize = 4;

/// One machine of a comparison.
#[derive(Clone, Debug)]
pub struct Member {
    /// Name of the machine.
    pub name: String,
    /// Facts of the machine; `None` if only figures of it are known.
    pub machine: Option<Machine>,
    /// Figures that were measured on the machine.
    pub figures: Figures,
    /// Figures of its run before.
    pub last: Figures,
}

/// One fact on all machines of a herd.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FactRow {
    /// Name of the fact.
    pub name: String,
    /// Value of each machine, in the order of [`Herd::machines`]; `None` if unknown.
    pub values: Vec<Option<String>>,
    /// Value of the majority: more than 60 % of at least three known values; `None` if there is no majority.
    pub usual: Option<String>,
    /// Indexes of the machines whose value differs from the majority's.
    pub odd: Vec<usize>,
}

/// One figure on all machines of a herd.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FigureRow {
    /// Name of the figure.
    pub name: String,
    /// Unit of the values; empty if they have none.
    pub unit: String,
    /// Value of each machine, in the order of [`Herd::machines`]; `None` if it was not measured.
    pub values: Vec<Option<f64>>,
    /// Value of each machine in its run before, in the same unit; `None` if it is unknown.
    pub last: Vec<Option<f64>>,
    /// Indexes of the machines that are worse than in their run before, by more than the floor of such figures.
    pub fallen: Vec<usize>,
    /// Median of the values.
    pub median: f64,
    /// The side of the median on which values are better.
    pub better: Better,
    /// Indexes of the machines that are worse than the others, worst first.
    pub odd: Vec<usize>,
    /// Reason why there is no verdict, or the last in rank if there are too few machines; `None` if there is a verdict.
    pub remark: Option<String>,
}

/// A herd: machines of the same model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Herd {
    /// Name that all machines share: vendor, product and SKU.
    pub name: String,
    /// Names of the machines, in natural order (`node-9` before `node-12`).
    pub machines: Vec<String>,
    /// Facts, one row each.
    pub facts: Vec<FactRow>,
    /// Figures, one row each.
    pub figures: Vec<FigureRow>,
}

/// Sorts machines into herds of the same model, and compares the machines of each. The largest herd comes first.
#[must_use]
pub fn compare(mut members: Vec<Member>) -> Vec<Herd> {
    members.sort_by_cached_key(|member| natural(&member.name));
    let mut herds: BTreeMap<String, Vec<&Member>> = BTreeMap::new();
    for member in &members {
        let herd = member.machine.as_ref().map_or_else(|| "machines without inventory".to_owned(), facts::herd);
        herds.entry(herd).or_default().push(member);
    }
    let mut herds: Vec<Herd> = herds.into_iter().map(|(name, members)| herd(name, &members)).collect();
    herds.sort_by_key(|herd| std::cmp::Reverse(herd.machines.len()));
    herds
}

/// Sort key of a name, by which "node-9" comes before "node-12".
fn natural(name: &str) -> Vec<(String, u64)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let start = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let end = rest[start..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |end| start + end);
        parts.push((rest[..start].to_owned(), rest[start..end].parse().unwrap_or(u64::MAX)));
        rest = &rest[end..];
    }
    parts
}

fn herd(name: String, members: &[&Member]) -> Herd {
    let machines: Vec<&Machine> = members.iter().filter_map(|member| member.machine.as_ref()).collect();
    let keys = facts::keys(&machines);
    let facts_of = |member: &&Member| member.machine.as_ref().map(|machine| facts::facts(machine, &keys));
    let mut told: Vec<BTreeMap<String, Told>> =
        members.iter().map(|member| facts_of(member).unwrap_or_default()).collect();
    let known: Vec<Option<&Machine>> = members.iter().map(|member| member.machine.as_ref()).collect();
    told.iter_mut().zip(functions::facts(&known)).for_each(|(told, functions)| told.extend(functions));
    let mut names: Vec<&String> = told.iter().flat_map(BTreeMap::keys).collect();
    names.sort();
    names.dedup();
    let facts = names
        .into_iter()
        .map(|name| fact(name, &told.iter().map(|facts| facts.get(name)).collect::<Vec<_>>()))
        // What no machine has is no fact about the herd.
        .filter(|fact| fact.values.iter().flatten().any(|value| value != facts::NONE))
        .collect();
    let mut measured: Vec<&String> = members.iter().flat_map(|member| member.figures.keys()).collect();
    measured.sort();
    measured.dedup();
    let figures = measured.into_iter().filter_map(|name| {
        figure(
            name,
            &members.iter().map(|member| (member.figures.get(name), member.last.get(name))).collect::<Vec<_>>(),
        )
    });
    Herd {
        name,
        machines: members.iter().map(|member| member.name.clone()).collect(),
        facts,
        figures: figures.collect(),
    }
}

/// The value of the majority; `None` if there is no majority.
fn majority(values: &[Option<String>]) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    values.iter().flatten().for_each(|value| *counts.entry(value).or_default() += 1);
    let known: usize = counts.values().sum();
    let most = counts.iter().max_by_key(|(_, count)| **count).map(|(value, count)| ((*value).to_owned(), *count));
    most.filter(|(_, count)| known >= MAJORITY && *count * 10 > known * 6).map(|(value, _)| value)
}

/// Compares one fact. A majority needs at least three known values, and more than 60 % of them have to be equal. Of a value that is known in
/// part alone, what is known decides: it is odd if the majority does not have it, and else unknown.
fn fact(name: &str, told: &[Option<&Told>]) -> FactRow {
    let whole = |told: Option<&Told>| told.filter(|told| told.is_whole).map(Told::text);
    let any = |told: Option<&Told>| told.map(Told::text);
    let usual = majority(&told.iter().copied().map(whole).collect::<Vec<_>>());
    let usual = usual.or_else(|| majority(&told.iter().copied().map(any).collect::<Vec<_>>()));
    let usual_told = told.iter().flatten().find(|told| Some(told.text()) == usual);
    let value = |told: Option<&Told>| {
        let told = told?;
        (!usual_told.is_some_and(|usual| told.may_be(usual))).then(|| told.text())
    };
    let values: Vec<Option<String>> = told.iter().copied().map(value).collect();
    let is_odd = |value: &Option<String>| usual.is_some() && value.is_some() && *value != usual;
    let odd = values.iter().enumerate().filter(|(_, value)| is_odd(value)).map(|(place, _)| place).collect();
    FactRow { name: name.to_owned(), usual, odd, values }
}

/// A figure: of each machine that of now and that of the run before.
fn figure(name: &str, amounts: &[(Option<&Amount>, Option<&Amount>)]) -> Option<FigureRow> {
    let unit = usual_unit(amounts.iter().filter_map(|(now, _)| *now))?;
    let one = Amount { number: 1.0, unit: unit.unit.clone() };
    let number =
        |amount: Option<&Amount>| amount.and_then(|amount| amount.ratio(&one)).filter(|value| value.is_finite());
    let values: Vec<Option<f64>> = amounts.iter().map(|(now, _)| number(*now)).collect();
    let last: Vec<Option<f64>> = amounts.iter().map(|(_, last)| number(*last)).collect();
    let known: Vec<(usize, f64)> =
        values.iter().enumerate().filter_map(|(place, value)| Some((place, (*value)?))).collect();
    let numbers: Vec<f64> = known.iter().map(|(_, value)| *value).collect();
    let better = Better::of(name, &unit.unit);
    let floor = statistics::floor(name, better);
    let group = statistics::group(&numbers, better, floor);
    // Times and rates alone: what a machine uses or counts differs from run to run.
    let is_steady = better == Better::Large || better == Better::Small && unit.is_never_zero(name);
    let has_fallen = |place: &usize| match (values[*place], last[*place]) {
        (Some(now), Some(last)) => is_steady && last > 0.0 && better.loss(now, last) > floor * last,
        _ => false,
    };
    let remark = match (&group.reason, numbers.len()) {
        (None, _) => None,
        (Some(_), RANKED..LEAST) => rank(&known, group.median, better),
        (Some(reason), _) => Some(reason.to_string()),
    };
    let left_out = amounts.iter().zip(&values).filter(|((now, _), value)| now.is_some() && value.is_none()).count();
    let left_out =
        (left_out > 0).then(|| format!("left out, since the unit is missing or of another quantity: {left_out}"));
    let remark = remark.into_iter().chain(left_out).reduce(|remark, left_out| format!("{remark}; {left_out}"));
    Some(FigureRow {
        name: name.to_owned(),
        unit: unit.unit.clone(),
        median: group.median,
        better,
        odd: group.odd.iter().map(|place| known[*place].0).collect(),
        remark,
        fallen: (0..values.len()).filter(has_fallen).collect(),
        values,
        last,
    })
}

/// One of the amounts that the most others can be compared with.
fn usual_unit<'a>(amounts: impl Iterator<Item = &'a Amount>) -> Option<&'a Amount> {
    let amounts: Vec<&Amount> = amounts.collect();
    let comparable = |one: &Amount| amounts.iter().filter(|other| other.in_unit_of(one).is_some()).count();
    let most = amounts.iter().map(|one| comparable(one)).max()?;
    amounts.iter().copied().find(|one| comparable(one) == most)
}

/// Remark on four or five machines, too few for a verdict: how far the last is from the median; `None` without values.
fn rank(known: &[(usize, f64)], median: f64, better: Better) -> Option<String> {
    let loss = known.iter().map(|(_, value)| better.loss(*value, median)).reduce(f64::max)?.max(0.0);
    let share = if median > 0.0 { format!("{:.0} %", loss / median * 100.0) } else { loss.to_string() };
    Some(format!("too few for a verdict: the last of {} is {share} off the median", known.len()))
}
