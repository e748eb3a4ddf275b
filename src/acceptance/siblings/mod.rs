//! Machines against their siblings: facts by majority, figures by median, the odd ones named.

mod facts;
mod page;
mod text;

use std::collections::BTreeMap;

use serde::Serialize;

use super::figure::{Amount, Figures};
use super::machine::Machine;
use super::statistics::{self, LEAST};

pub use page::page;
pub use text::text;

/// Machines that a majority needs.
const MAJORITY: usize = 3;
/// Machines that a rank needs.
const RANKED: usize = 4;

/// One of many machines.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// What it is; `None` where only figures of it are known.
    pub machine: Option<Machine>,
    /// What was measured on it.
    pub figures: Figures,
}

/// What one fact is on the machines of a herd.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FactRow {
    /// Its name.
    pub name: String,
    /// What each machine says; `None` where it is not known.
    pub values: Vec<Option<String>>,
    /// What most say, if so many do that the others are odd.
    pub usual: Option<String>,
    /// Places of the odd ones.
    pub odd: Vec<usize>,
}

/// What one figure is on the machines of a herd.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FigureRow {
    /// Its name.
    pub name: String,
    /// The unit of the values.
    pub unit: String,
    /// What each machine measured.
    pub values: Vec<Option<f64>>,
    /// The median.
    pub median: f64,
    /// Small ones are the good ones.
    pub is_better_small: bool,
    /// Places of the odd ones, worst first.
    pub odd: Vec<usize>,
    /// Why there is no verdict, or the rank where there are too few for one.
    pub remark: Option<String>,
}

/// Machines of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Herd {
    /// What they have in common.
    pub name: String,
    /// Their names.
    pub machines: Vec<String>,
    /// Facts.
    pub facts: Vec<FactRow>,
    /// Figures.
    pub figures: Vec<FigureRow>,
}

/// Compares machines with those of their kind.
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

/// "node-9" comes before "node-12".
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
    let told: Vec<BTreeMap<String, String>> =
        members.iter().map(|member| member.machine.as_ref().map(facts::facts).unwrap_or_default()).collect();
    let mut names: Vec<&String> = told.iter().flat_map(BTreeMap::keys).collect();
    names.sort();
    names.dedup();
    let facts =
        names.into_iter().map(|name| fact(name, told.iter().map(|facts| facts.get(name).cloned()).collect())).collect();
    let mut measured: Vec<&String> = members.iter().flat_map(|member| member.figures.keys()).collect();
    measured.sort();
    measured.dedup();
    let figures = measured
        .into_iter()
        .filter_map(|name| figure(name, &members.iter().map(|member| member.figures.get(name)).collect::<Vec<_>>()));
    Herd {
        name,
        machines: members.iter().map(|member| member.name.clone()).collect(),
        facts,
        figures: figures.collect(),
    }
}

/// The majority of a fact needs three machines and more than 60 % of them.
fn fact(name: &str, values: Vec<Option<String>>) -> FactRow {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    values.iter().flatten().for_each(|value| *counts.entry(value).or_default() += 1);
    let known: usize = counts.values().sum();
    let most = counts.iter().max_by_key(|(_, count)| **count).map(|(value, count)| ((*value).to_owned(), *count));
    let usual = most.filter(|(_, count)| known >= MAJORITY && *count * 10 > known * 6).map(|(value, _)| value);
    let is_odd = |value: &Option<String>| usual.is_some() && value.is_some() && *value != usual;
    let odd = values.iter().enumerate().filter(|(_, value)| is_odd(value)).map(|(place, _)| place).collect();
    FactRow { name: name.to_owned(), usual, odd, values }
}

fn figure(name: &str, amounts: &[Option<&Amount>]) -> Option<FigureRow> {
    let unit = amounts.iter().flatten().next()?;
    let one = Amount { number: 1.0, unit: unit.unit.clone() };
    let values: Vec<Option<f64>> = amounts
        .iter()
        .map(|amount| amount.and_then(|amount| amount.ratio(&one)).filter(|value| value.is_finite()))
        .collect();
    let known: Vec<(usize, f64)> =
        values.iter().enumerate().filter_map(|(place, value)| Some((place, (*value)?))).collect();
    let numbers: Vec<f64> = known.iter().map(|(_, value)| *value).collect();
    let is_better_small = unit.is_better_small();
    let group = statistics::group(&numbers, is_better_small, statistics::floor(name, is_better_small));
    let remark = match (&group.reason, numbers.len()) {
        (None, _) => None,
        (Some(_), RANKED..LEAST) => rank(&known, group.median, is_better_small),
        (Some(reason), _) => Some(reason.to_string()),
    };
    Some(FigureRow {
        name: name.to_owned(),
        unit: unit.unit.clone(),
        median: group.median,
        is_better_small,
        odd: group.odd.iter().map(|place| known[*place].0).collect(),
        remark,
        values,
    })
}

/// Of four or five machines only who is last.
fn rank(known: &[(usize, f64)], median: f64, is_better_small: bool) -> Option<String> {
    let worst = known.iter().map(|(_, value)| *value);
    let worst = if is_better_small { worst.reduce(f64::max) } else { worst.reduce(f64::min) }?;
    let share = (worst - median).abs() / median * 100.0;
    Some(format!("too few for a verdict: the last of {} is {share:.0} % off the median", known.len()))
}
