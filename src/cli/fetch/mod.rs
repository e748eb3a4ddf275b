//! `shakedown region fetch`: brings the inventories of all machines of a region, as their commissioning left them there.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::register::Region;
use super::whole::{self, Readers};
use super::{answer, exit, help};
use crate::acceptance::Machine;
use crate::region::{Client, Error, KeptResult, ListedMachine, RetryOptions, persist};

/// Scripts that print an inventory, besides those that have `inventory` in their names.
const SCRIPTS: [&str; 2] = ["20-maas-03-machine-resources", "50-maas-01-commissioning"];
/// After so many machines in a row that could not be fetched, the region is left alone.
const ENOUGH: usize = 3;

#[derive(Debug, clap::Args)]
#[command(after_help = help::FETCH)]
pub(super) struct Arguments {
    /// The folder for the inventories, one file for each machine; those that are there are not fetched again
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Fetch at most so many machines now; the next call goes on with the others
    #[arg(long, value_name = "MACHINES", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    limit: Option<usize>,
    /// Milliseconds to wait after each request
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 200)]
    pause: u64,
    /// Fetch machines again whose inventories are there already
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
    let names = names(&machines);
    let (mut fetched, mut kept, mut left, mut failures) = (0, 0, 0, 0);
    let mut without = Vec::new();
    for (machine, name) in machines.iter().zip(&names) {
        let path = out.join(format!("{name}.{}.json", machine.system_id));
        if path.exists() && !arguments.again {
            kept += 1;
            continue;
        }
        if arguments.limit.is_some_and(|limit| fetched + without.len() >= limit) {
            left += 1;
            continue;
        }
        match asker.inventory(machine).await {
            Ok(Some(bytes)) => {
                // Others must not read it: there are serial numbers in it.
                whole::write(&path, &bytes, Readers::Owner)
                    .with_context(|| format!("cannot write {}", path.display()))?;
                (fetched, failures) = (fetched + 1, 0);
            }
            Ok(None) => {
                without.push(format!("{name}: no commissioning on record has an inventory"));
                failures = 0;
            }
            Err(error) => {
                failures += 1;
                without.push(format!("{name}: {error}"));
                let told = without.join("\n");
                anyhow::ensure!(failures < ENOUGH, "{told}\nthe region is left alone; the same command goes on later");
            }
        }
    }
    for line in &without {
        complain!("shakedown: {line}");
    }
    let more = if left > 0 { format!(", {left} left for the next call") } else { String::new() };
    answer(&format!(
        "{} machines: {fetched} fetched, {kept} were there already, {} without inventory{more}.",
        machines.len(),
        without.len()
    ))?;
    Ok(exit::OK)
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

    /// The newest inventory of a machine: the deep one of a script before the region's own. `None` if no script printed one.
    async fn inventory(&self, machine: &ListedMachine) -> Result<Option<Vec<u8>>, Error> {
        let mut sets = self.ask("asking for results", || self.client.result_sets(machine)).await?;
        sets.retain(|set| set.is_commissioning);
        sets.sort_by_key(|set| std::cmp::Reverse(set.id));
        for set in sets {
            let passed = set.results.iter().filter(|result| result.has_passed);
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
        let result = |stdout: &str| KeptResult { script: String::new(), has_passed: true, stdout: stdout.into() };
        let (own, deep) = (r#"{"resources": {"cpu": {}, "storage": {}}}"#, r#"{"form": 1}"#);
        assert_eq!(best(&[result(deep), result(own), result("{}")]), Some(deep.into()));
        assert_eq!(best(&[result("nothing"), result(own)]), Some(own.into()));
        assert_eq!(best(&[result("[]")]), None);
    }
}
