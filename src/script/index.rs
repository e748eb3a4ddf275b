//! `index.json` of a script archive, read tolerantly: one bad entry is that script's failure, the others run.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value};

use super::{HardwareType, Parallel, Parameter, Script, ScriptType, packages};

/// All that an archive asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Index {
    /// In the order of the sets and of the file.
    pub scripts: Vec<Script>,
    /// Entries that cannot be run.
    pub bad: Vec<BadEntry>,
}

impl Index {
    /// The scripts of one type.
    pub fn of(&self, kind: ScriptType) -> impl Iterator<Item = &Script> {
        self.scripts.iter().filter(move |script| script.kind == kind)
    }

    /// Whether there is nothing to run and nothing to complain about.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scripts.is_empty() && self.bad.is_empty()
    }
}

/// An entry that could not be understood, with what is needed to report it as failed.
#[derive(Clone, Debug, PartialEq)]
pub struct BadEntry {
    /// Which list it stood in.
    pub kind: ScriptType,
    /// Its name, or a description of its place.
    pub name: String,
    /// The region's script result, when at least that is readable.
    pub result_id: Option<i64>,
    /// What is wrong, naming the field.
    pub reason: String,
}

/// Why no script of an index can be run.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// Not JSON.
    #[error("index.json is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// JSON without the version this program knows.
    #[error("index.json has no \"1.0\" object, its top level is {0}")]
    Version(String),
}

/// Parses `index.json`.
///
/// # Errors
/// When the file as a whole is not an index; a single bad entry is an element of [`Index::bad`].
pub fn parse_index(bytes: &[u8]) -> Result<Index, IndexError> {
    let top: Value = serde_json::from_slice(bytes)?;
    let Some(Value::Object(sets)) = top.get("1.0") else {
        let shape = match &top {
            Value::Object(map) => format!("an object with the keys {:?}", map.keys().collect::<Vec<_>>()),
            _ => "not an object".to_owned(),
        };
        return Err(IndexError::Version(shape));
    };
    let mut index = Index::default();
    for kind in ScriptType::ALL {
        match sets.get(kind.index_key()) {
            None | Some(Value::Null) => {}
            Some(Value::Array(entries)) => {
                for (place, entry) in entries.iter().enumerate() {
                    match script(kind, entry) {
                        Ok(script) => index.scripts.push(script),
                        Err(reason) => index.bad.push(bad_entry(kind, place, entry, reason)),
                    }
                }
            }
            Some(_) => index.bad.push(BadEntry {
                kind,
                name: kind.index_key().to_owned(),
                result_id: None,
                reason: format!("{} is not a list", kind.index_key()),
            }),
        }
    }
    reject_repeated_results(&mut index);
    Ok(index)
}

/// An entry that is there twice counts once. Different scripts for one script result would overwrite each other's output, and the region could
/// have the end of one of them only: neither is run, and the result fails.
fn reject_repeated_results(index: &mut Index) {
    let mut kept: Vec<Script> = Vec::new();
    let mut contested: BTreeMap<i64, BadEntry> = BTreeMap::new();
    for script in index.scripts.drain(..) {
        let earlier = kept.iter().find(|earlier| earlier.result_id.is_some() && earlier.result_id == script.result_id);
        match (earlier, script.result_id) {
            (Some(earlier), Some(id)) if *earlier == script => {
                tracing::warn!(script = %script, id, "the index lists a script result twice");
            }
            (Some(earlier), Some(id)) => {
                let reason = format!("script result {id} is listed for {earlier} and, otherwise, for {script}");
                let (kind, name) = (earlier.kind, earlier.name.clone());
                contested.entry(id).or_insert(BadEntry { kind, name, result_id: Some(id), reason });
            }
            _ => kept.push(script),
        }
    }
    kept.retain(|script| script.result_id.is_none_or(|id| !contested.contains_key(&id)));
    index.scripts = kept;
    index.bad.extend(contested.into_values());
}

fn bad_entry(kind: ScriptType, place: usize, entry: &Value, reason: String) -> BadEntry {
    let name = entry.get("name").and_then(Value::as_str).filter(|name| name_problem(name).is_none());
    BadEntry {
        kind,
        name: name.map_or_else(|| format!("{}[{place}]", kind.index_key()), str::to_owned),
        result_id: entry.get("script_result_id").and_then(Value::as_i64),
        reason,
    }
}

fn script(kind: ScriptType, entry: &Value) -> Result<Script, String> {
    let Value::Object(entry) = entry else {
        return Err("the entry is not an object".to_owned());
    };
    let name = entry.get("name").and_then(Value::as_str).ok_or("\"name\" is missing or not text")?;
    if let Some(problem) = name_problem(name) {
        return Err(format!("the name {name:?} {problem}"));
    }
    let path = entry.get("path").and_then(Value::as_str).ok_or("\"path\" is missing or not text")?;
    Ok(Script {
        name: name.to_owned(),
        kind,
        path: inside(path).ok_or_else(|| format!("the path {path:?} leaves the archive's directory"))?,
        result_id: integer(entry, "script_result_id")?,
        version_id: integer(entry, "script_version_id")?,
        timeout_seconds: match entry.get("timeout_seconds") {
            None | Some(Value::Null) => None,
            Some(Value::Number(number)) => Some(number.clone()),
            Some(other) => return Err(format!("\"timeout_seconds\" is {other}, not a number")),
        },
        parallel: Parallel::from_number(integer(entry, "parallel")?.unwrap_or(0)),
        hardware_type: HardwareType::from_number(integer(entry, "hardware_type")?.unwrap_or(0)),
        parameters: parameters(entry)?,
        packages: packages(entry.get("packages").and_then(Value::as_object)),
        apply_configured_networking: flag(entry, "apply_configured_networking"),
        has_started: flag(entry, "has_started"),
        has_finished: flag(entry, "has_finished"),
        default: flag(entry, "default"),
        tags: entry
            .get("tags")
            .and_then(Value::as_array)
            .map(|tags| tags.iter().filter_map(|tag| tag.as_str().map(str::to_owned)).collect())
            .unwrap_or_default(),
    })
}

fn integer(entry: &Map<String, Value>, key: &str) -> Result<Option<i64>, String> {
    match entry.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_i64().map(Some).ok_or_else(|| format!("{key:?} is {value}, not a whole number")),
    }
}

fn flag(entry: &Map<String, Value>, key: &str) -> bool {
    entry.get(key).and_then(Value::as_bool).unwrap_or(false)
}

fn parameters(entry: &Map<String, Value>) -> Result<Vec<(String, Parameter)>, String> {
    match entry.get("parameters") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Object(map)) => map
            .iter()
            .map(|(name, value)| {
                serde_json::from_value(value.clone())
                    .map(|parameter| (name.clone(), parameter))
                    .map_err(|error| format!("the parameter {name:?} cannot be read: {error}"))
            })
            .collect(),
        Some(_) => Err("\"parameters\" is not an object".to_owned()),
    }
}

/// A name becomes a file name and a header field: it must be able to be both.
fn name_problem(name: &str) -> Option<&'static str> {
    if name.is_empty() || name == "." || name == ".." {
        Some("is empty or a directory")
    } else if name.contains('/') || name.chars().any(char::is_control) {
        Some("cannot be a file name")
    } else if name.len() > 200 {
        Some("is longer than 200 bytes")
    } else {
        None
    }
}

/// A relative path with no step upwards.
fn inside(path: &str) -> Option<PathBuf> {
    let path = Path::new(path);
    let plain = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    (plain && path.file_name().is_some()).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn parse(text: &str) -> Index {
        parse_index(text.as_bytes()).expect("an index")
    }

    #[test]
    fn a_region_entry_is_read_whole() {
        let index = parse(
            r#"{"1.0": {"testing_scripts": [{"name": "disk-check", "script_result_id": 4595, "script_version_id": 2068,
            "timeout_seconds": 60.0, "parallel": 1, "hardware_type": 3, "parameters": {"runtime": {"type": "runtime", "value": 90},
            "storage": {"type": "storage", "value": {"id": 16, "name": "sda", "model": "RIGDISK", "serial": "R1", "id_path": null},
            "argument_format": "{path}"}}, "packages": {"apt": ["fio"]}, "for_hardware": [], "has_started": true,
            "tags": ["storage"], "path": "testing/disk-check", "a_new_field": [1]}]}}"#,
        );
        assert!(index.bad.is_empty(), "{:?}", index.bad);
        let script = &index.scripts[0];
        assert_eq!(script.kind, ScriptType::Testing);
        assert_eq!(script.limit(), Some(Duration::from_secs(90)), "the runtime parameter beats the index");
        assert_eq!(script.label(), "disk-check (id: 4595, script_version_id: 2068)");
        assert_eq!(script.subject().to_string(), "disk-check on sda");
        assert_eq!(script.packages.apt, ["fio"]);
        assert!(script.has_started);
    }

    #[test]
    fn one_bad_entry_is_told_and_the_others_run() {
        let index = parse(
            r#"{"1.0": {"commissioning_scripts": [
            {"name": "good", "path": "commissioning/good"},
            {"name": "climber", "path": "../../etc/passwd", "script_result_id": 7},
            {"name": "a/b", "path": "commissioning/b"},
            {"name": "late", "path": "commissioning/late", "timeout_seconds": "soon"},
            "nonsense"],
            "testing_scripts": {}}}"#,
        );
        assert_eq!(index.scripts.len(), 1);
        let told: Vec<_> = index.bad.iter().map(|bad| (bad.name.as_str(), bad.result_id)).collect();
        assert_eq!(
            told,
            [
                ("climber", Some(7)),
                ("commissioning_scripts[2]", None),
                ("late", None),
                ("commissioning_scripts[4]", None),
                ("testing_scripts", None)
            ]
        );
    }

    #[test]
    fn one_result_for_two_scripts_is_a_failure_of_it_and_no_pass_of_either() {
        let entry = |name: &str, id: u32| {
            format!(r#"{{"name": "{name}", "path": "testing/{name}", "script_result_id": {id}}}"#)
        };
        let entries =
            [entry("a", 1), entry("b", 1), entry("c", 1), entry("d", 2), entry("d", 2), entry("e", 3)].join(",");
        let index = parse(&format!(r#"{{"1.0": {{"testing_scripts": [{entries}]}}}}"#));
        let names: Vec<&str> = index.scripts.iter().map(|script| script.name.as_str()).collect();
        assert_eq!(names, ["d", "e"], "the same entry twice is one");
        let [bad] = &index.bad[..] else { panic!("{:?}", index.bad) };
        assert_eq!((bad.name.as_str(), bad.result_id), ("a", Some(1)));
        assert!(bad.reason.contains("for a and, otherwise, for b"), "{}", bad.reason);
    }

    #[test]
    fn what_is_no_index_is_an_error() {
        assert!(matches!(parse_index(b"<html>"), Err(IndexError::NotJson(_))));
        assert!(matches!(parse_index(b"{\"2.0\": {}}"), Err(IndexError::Version(_))));
        assert!(matches!(parse_index(b"[]"), Err(IndexError::Version(_))));
    }

    #[test]
    fn zero_and_null_are_no_limit() {
        for timeout in ["0", "0.0", "null"] {
            let index = parse(&format!(
                r#"{{"1.0": {{"testing_scripts": [{{"name": "x", "path": "testing/x", "timeout_seconds": {timeout}}}]}}}}"#
            ));
            assert_eq!(index.scripts[0].limit(), None);
            assert_eq!(index.scripts[0].limit_seconds(), None);
        }
    }
}
