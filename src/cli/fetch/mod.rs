//! `shakedown region fetch`: brings the inventories of all machines of a region, as their commissioning left them there, and what their
//! tests measured.

mod figures;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::register::Region;
use super::whole::{self, Readers};
use super::{answer, exit, help};
use crate::acceptance::Machine;
use crate::region::{Client, Error, KeptResult, ListedMachine, ResultSet, RetryOptions, persist};
use figures::Declared;

/// Scripts that print an inventory, besides those that have `inventory` in their names.
const SCRIPTS: [&str; 2] = ["20-maas-03-machine-resources", "50-maas-01-commissioning"];
/// After so many machines in a row that could not be fetched, the region is left alone.
const ENOUGH: usize = 3;

#[derive(Debug, clap::Args)]
#[command(after_help = help::FETCH)]
pub(super) struct Arguments {
    /// The folder for the inventories and results, two files for each machine; what is there is not fetched again
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Fetch at most so many machines now; the next call goes on with the others
    #[arg(long, value_name = "MACHINES", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    limit: Option<usize>,
    /// Milliseconds to wait after each request
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 200)]
    pause: u64,
    /// Fetch machines again whose files are there already
    #[arg(long)]
    again: bool,
    // The last one, since its heading counts for all that follows.
    #[command(flatten)]
    region: Region,
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let out = &arguments.out;
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let asker = Asker {
        client: arguments.region.client()?,
        pause: Duration::from_millis(arguments.pause),
        patience: arguments.region.patience(),
    };
    let machines = asker.ask("asking for the machines", || asker.client.machines()).await?;
    let declared = asker.declared().await;
    let mut tally = Tally::default();
    for (machine, name) in machines.iter().zip(names(&machines)) {
        let place = |ending: &str| out.join(format!("{name}.{}.{ending}", machine.system_id));
        let (inventory, results) = (place("json"), place("results.json"));
        let has = |path: &PathBuf| path.exists() && !arguments.again;
        let (has_inventory, has_results) = (has(&inventory), has(&results));
        if has_inventory && has_results {
            tally.kept += 1;
            continue;
        }
        if arguments.limit.is_some_and(|limit| tally.fetched + tally.without.len() >= limit) {
            tally.left += 1;
            continue;
        }
        let found = asker.machine(machine, has_inventory, &declared).await;
        if let Ok((_, Some(document))) = &found {
            tally.measured += usize::from(document["figures"].as_object().is_some_and(|figures| !figures.is_empty()));
            write(&results, format!("{document:#}\n").as_bytes())?;
        }
        match found {
            Ok((Some(bytes), _)) => {
                write(&inventory, &bytes)?;
                (tally.fetched, tally.failures) = (tally.fetched + 1, 0);
            }
            Ok((None, _)) if has_inventory => (tally.fetched, tally.failures) = (tally.fetched + 1, 0),
            Ok((None, _)) => {
                tally.without.push(format!("{name}: no commissioning on record has an inventory"));
                tally.failures = 0;
            }
            Err(error) => {
                tally.failures += 1;
                tally.without.push(format!("{name}: {error}"));
                let told = tally.without.join("\n");
                anyhow::ensure!(
                    tally.failures < ENOUGH,
                    "{told}\nthe region is left alone; the same command goes on later"
                );
            }
        }
    }
    tally.tell(machines.len())?;
    Ok(exit::OK)
}

/// Writes a file that others must not read: there are serial numbers in it.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    whole::write(path, bytes, Readers::Owner).with_context(|| format!("cannot write {}", path.display()))
}

/// Counts of the machines, by what was fetched of them.
#[derive(Default)]
struct Tally {
    fetched: usize,
    kept: usize,
    left: usize,
    /// Machines with figures of tests.
    measured: usize,
    /// Machines in a row that could not be fetched.
    failures: usize,
    /// Machines without inventory, with the reason.
    without: Vec<String>,
}

impl Tally {
    fn tell(&self, machines: usize) -> anyhow::Result<()> {
        for line in &self.without {
            complain!("shakedown: {line}");
        }
        let more = if self.left > 0 { format!(", {} left for the next call", self.left) } else { String::new() };
        let measured = if self.measured > 0 { format!(" Figures of tests: {}.", self.measured) } else { String::new() };
        answer(&format!(
            "{machines} machines: {} fetched, {} were there already, {} without inventory{more}.{measured}",
            self.fetched,
            self.kept,
            self.without.len()
        ))
    }
}

/// Names for the files: the host name as far as it may stand in a file name, or the system id where two machines have one name.
fn names(machines: &[ListedMachine]) -> Vec<String> {
    let plain = |machine: &ListedMachine| -> String {
        let label = machine.hostname.split('.').next().unwrap_or_default();
        let is_allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        label.chars().filter(is_allowed).take(63).collect()
    };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for machine in machines {
        *counts.entry(plain(machine)).or_default() += 1;
    }
    let name = |machine: &ListedMachine| {
        let own = plain(machine);
        if own.is_empty() || counts[&own] > 1 { machine.system_id.clone() } else { own }
    };
    machines.iter().map(name).collect()
}

/// Asks a region, one request after the other.
struct Asker {
    client: Client,
    pause: Duration,
    patience: Duration,
}

impl Asker {
    /// Repeats a request while the region cannot answer it, and waits after it.
    async fn ask<T, F: Future<Output = Result<T, Error>>>(
        &self,
        what: &str,
        attempt: impl FnMut() -> F,
    ) -> Result<T, Error> {
        let retry = RetryOptions { few: 2, ..RetryOptions::default() };
        let enough = CancellationToken::new();
        let answer = {
            let asking = persist(&retry, &enough, what, attempt);
            tokio::pin!(asking);
            tokio::select! {
                answer = &mut asking => answer,
                () = tokio::time::sleep(self.patience) => {
                    enough.cancel();
                    asking.await
                }
            }
        };
        tokio::time::sleep(self.pause).await;
        answer
    }

    /// The results that scripts declare; none if the region does not say, so that there are no figures.
    async fn declared(&self) -> Declared {
        match self.ask("asking for the scripts", || self.client.declared_results()).await {
            Ok(by_script) => Declared::new(by_script),
            Err(error) => {
                complain!("shakedown: no figures of tests: which scripts declare results is not known: {error}");
                Declared::default()
            }
        }
    }

    /// The inventory of a machine, unless it is there already, and its results; `None` for what the region does not have.
    async fn machine(
        &self,
        machine: &ListedMachine,
        has_inventory: bool,
        declared: &Declared,
    ) -> Result<(Option<Vec<u8>>, Option<Value>), Error> {
        let sets = self.ask("asking for results", || self.client.result_sets(machine)).await?;
        let inventory = if has_inventory { None } else { self.inventory(machine, &sets).await? };
        let mut answers = Vec::new();
        for (id, scripts) in declared.questions(&sets) {
            let asked = || self.client.result_set(machine, id, &scripts);
            answers.push(self.ask("asking for figures", asked).await?);
        }
        Ok((inventory, (!sets.is_empty()).then(|| declared.document(machine, &sets, &answers))))
    }

    /// The newest inventory of a machine: the deep one of a script before the region's own. `None` if no script printed one.
    async fn inventory(&self, machine: &ListedMachine, sets: &[ResultSet]) -> Result<Option<Vec<u8>>, Error> {
        let mut sets: Vec<&ResultSet> = sets.iter().filter(|set| set.is_commissioning).collect();
        sets.sort_by_key(|set| std::cmp::Reverse(set.id));
        for set in sets {
            let passed = set.results.iter().filter(|result| result.has_passed());
            let names: Vec<&str> = passed.map(|result| result.script.as_str()).filter(|name| may_print(name)).collect();
            if names.is_empty() {
                continue;
            }
            let asked = || self.client.result_set(machine, set.id, &names);
            let found = self.ask("asking for an inventory", asked).await?;
            if let Some(bytes) = best(&found.results) {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}

fn may_print(script: &str) -> bool {
    SCRIPTS.contains(&script) || script.contains("inventory")
}

/// The document that tells most.
fn best(results: &[KeptResult]) -> Option<Vec<u8>> {
    let documents = results.iter().filter_map(|result| {
        let document: Value = serde_json::from_slice(&result.stdout).ok()?;
        Machine::of(&document).ok()?;
        Some((document["form"].is_u64(), &result.stdout))
    });
    documents.max_by_key(|(is_deep, _)| *is_deep).map(|(_, bytes)| bytes.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_as_its_machine_and_two_of_one_name_by_their_ids() {
        let machine = |id: &str, name: &str| ListedMachine { system_id: id.to_owned(), hostname: name.to_owned() };
        // The label of "../x" is empty, so its file is called by the id.
        let odd = [machine("d4", "../x y"), machine("e5", "x/y z")];
        let machines = [machine("a1", "node-1"), machine("b2", "web.one"), machine("c3", "web")].into_iter().chain(odd);
        assert_eq!(names(&machines.collect::<Vec<_>>()), ["node-1", "b2", "c3", "d4", "xyz"]);
    }

    #[test]
    fn the_deep_inventory_comes_before_the_regions_own() {
        let result = |stdout: &str| KeptResult { stdout: stdout.into(), ..KeptResult::default() };
        let (own, deep) = (r#"{"resources": {"cpu": {}, "storage": {}}}"#, r#"{"form": 1}"#);
        assert_eq!(best(&[result(deep), result(own), result("{}")]), Some(deep.into()));
        assert_eq!(best(&[result("nothing"), result(own)]), Some(own.into()));
        assert_eq!(best(&[result("[]")]), None);
    }
}
