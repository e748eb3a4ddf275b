//! Machines of a region and what their scripts printed, as an administrator reads them. Nothing here changes anything.

use std::collections::BTreeMap;

use base64::Engine as _;
use reqwest::Url;
use serde_json::Value;

use super::enlist::read;
use super::exchange::{Accepts, not_the_region, whole};
use super::registration::is_system_id;
use super::{Client, Error};
use crate::script::Status;

/// Most bytes that are read of one answer. The list of machines is one answer: the region has no pages for it.
const LARGEST: usize = 256 << 20;

/// A machine of a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedMachine {
    /// The region's system id.
    pub system_id: String,
    /// Host name.
    pub hostname: String,
}

/// The results of one run of scripts on a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultSet {
    /// The region's number; the newest run has the highest.
    pub id: i64,
    /// True for a commissioning script set.
    pub is_commissioning: bool,
    /// One result for each script and device.
    pub results: Vec<KeptResult>,
}

/// Result of a script, as the region keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptResult {
    /// Name of the script.
    pub script: String,
    /// Status; `None` for one that this program does not know.
    pub status: Option<Status>,
    /// Exit status, once known.
    pub exit_status: Option<i64>,
    /// The disk or interface that it was run for; empty for the whole machine.
    pub device: String,
    /// When it ended, as the region writes times; empty before.
    pub ended: String,
    /// Standard output; empty if the region was not asked for it.
    pub stdout: Vec<u8>,
    /// Result file; empty if there is none, or if the region was not asked for it.
    pub result: Vec<u8>,
}

impl KeptResult {
    fn of(value: &Value) -> Option<KeptResult> {
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let file = |key: &str| {
            let data = value[key].as_str().unwrap_or_default();
            base64::engine::general_purpose::STANDARD.decode(data).unwrap_or_default()
        };
        let number = value["status"].as_u64().and_then(|number| u8::try_from(number).ok());
        let parameters = value["parameters"].as_object();
        let is_device = |parameter: &&Value| matches!(parameter["type"].as_str(), Some("storage" | "interface"));
        let device =
            parameters.and_then(|all| all.values().find(is_device)).and_then(|one| one["value"]["name"].as_str());
        Some(KeptResult {
            script: value["name"].as_str()?.to_owned(),
            status: number.and_then(Status::from_number),
            exit_status: value["exit_status"].as_i64(),
            device: device.unwrap_or_default().to_owned(),
            ended: text("ended"),
            stdout: file("stdout"),
            result: file("result"),
        })
    }

    /// True if the script passed.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        self.status == Some(Status::Passed)
    }

    /// True if what the script measured counts: one that failed or was cut off measured nothing.
    #[must_use]
    pub fn counts(&self) -> bool {
        matches!(self.status, Some(Status::Passed | Status::Degraded))
    }
}

impl ResultSet {
    fn of(value: &Value) -> Option<ResultSet> {
        Some(ResultSet {
            id: value["id"].as_i64()?,
            is_commissioning: value["type_name"].as_str()?.eq_ignore_ascii_case("commissioning"),
            results: value["results"].as_array()?.iter().filter_map(KeptResult::of).collect(),
        })
    }
}

impl Client {
    /// All machines of the region.
    ///
    /// # Errors
    /// By class of answer.
    pub async fn machines(&self) -> Result<Vec<ListedMachine>, Error> {
        let url = self.resource("api/2.0/machines/")?;
        let value = self.shown_document(&url).await?;
        let machine = |value: &Value| {
            let system_id = value["system_id"].as_str().filter(|id| is_system_id(id))?.to_owned();
            Some(ListedMachine { hostname: value["hostname"].as_str().unwrap_or(&system_id).to_owned(), system_id })
        };
        let machines = value.as_array().map(|all| all.iter().filter_map(machine).collect());
        machines.ok_or_else(|| not_the_region(&self.shown(&url), "no list of machines".to_owned()))
    }

    /// The runs of scripts on a machine that the region keeps, without what the scripts printed.
    ///
    /// # Errors
    /// By class of answer.
    pub async fn result_sets(&self, machine: &ListedMachine) -> Result<Vec<ResultSet>, Error> {
        let url = self.resource(&format!("api/2.0/nodes/{}/results/", machine.system_id))?;
        let value = self.shown_document(&url).await?;
        let sets = value.as_array().map(|all| all.iter().filter_map(ResultSet::of).collect());
        sets.ok_or_else(|| not_the_region(&self.shown(&url), "no list of results".to_owned()))
    }

    /// One run with what these scripts printed; the region leaves the others out.
    ///
    /// # Errors
    /// By class of answer.
    pub async fn result_set(&self, machine: &ListedMachine, id: i64, scripts: &[&str]) -> Result<ResultSet, Error> {
        let mut url = self.resource(&format!("api/2.0/nodes/{}/results/{id}/", machine.system_id))?;
        url.query_pairs_mut().append_pair("include_output", "true").append_pair("filters", &scripts.join(","));
        let value = self.shown_document(&url).await?;
        ResultSet::of(&value).ok_or_else(|| not_the_region(&self.shown(&url), "no results".to_owned()))
    }

    /// Names of the results that each script of the region declares in its header, by script; scripts without any are left out.
    ///
    /// # Errors
    /// By class of answer.
    pub async fn declared_results(&self) -> Result<BTreeMap<String, Vec<String>>, Error> {
        let url = self.resource("api/2.0/scripts/")?;
        let value = self.shown_document(&url).await?;
        let script = |value: &Value| {
            let names: Vec<String> = value["results"].as_object()?.keys().cloned().collect();
            Some((value["name"].as_str()?.to_owned(), names)).filter(|(_, names)| !names.is_empty())
        };
        let scripts = value.as_array().map(|all| all.iter().filter_map(script).collect());
        scripts.ok_or_else(|| not_the_region(&self.shown(&url), "no list of scripts".to_owned()))
    }

    async fn shown_document(&self, url: &Url) -> Result<Value, Error> {
        let limit = self.options.request_timeout;
        let response = self.send(url, Accepts::Document, |url| Ok(self.http.get(url).timeout(limit))).await?;
        read(&self.shown(url), &whole(&self.shown(url), response, LARGEST).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_its_results_and_what_they_printed() {
        let value = serde_json::json!({"id": 7, "type_name": "Commissioning", "results": [
            {"name": "a", "status": 2, "stdout": "e30=", "result": "e30=", "parameters": {"storage": {"type": "storage", "value": {"name": "sda"}}}},
            {"name": "b", "status": 3, "parameters": {}}, {"status": 2}]});
        let set = ResultSet::of(&value).expect("a set");
        assert!(set.id == 7 && set.is_commissioning && set.results.len() == 2);
        assert_eq!((set.results[0].stdout.as_slice(), set.results[0].has_passed()), (&b"{}"[..], true));
        assert_eq!((set.results[0].result.as_slice(), set.results[0].device.as_str()), (&b"{}"[..], "sda"));
        assert!(!set.results[1].has_passed() && !set.results[1].counts() && set.results[1].stdout.is_empty());
        assert_eq!(ResultSet::of(&serde_json::json!({"detail": "no"})), None);
    }
}
