//! `GET {md}maas-scripts`: the archive that the region hands out.

use serde_json::{Map, Value, json};

use super::library::LibraryScript;
use super::node::NodeStatus;
use super::state::{Region, ResultRow, State};
use crate::script::ScriptType;

/// tar pads to whole records.
const RECORD: usize = 10_240;

/// The archive for the node; `None` when there is nothing to run.
pub(super) fn for_node(region: &Region) -> Option<Vec<u8>> {
    let state = region.lock();
    let mut rows: Vec<&ResultRow> = state.results.iter().filter(|row| state.is_handed_out(row)).collect();
    if rows.is_empty() {
        return None;
    }
    rows.sort_by(|a, b| (a.kind, &a.script, a.id).cmp(&(b.kind, &b.script, b.id)));
    let mut tar = Tar::default();
    let mut sets: Map<String, Value> = Map::new();
    let mut wants_networking = false;
    for row in rows {
        let script = region.library.scripts.iter().find(|script| script.name == row.script);
        let (Some(script), Some(kind)) = (script, row.kind) else { continue };
        let started = row.started.is_some() || row.status.is_final();
        let mut entry = entry(script, kind);
        let own = json!({
            "script_result_id": row.id,
            "script_version_id": row.version_id,
            "parameters": row.parameters,
            "has_started": started,
            "has_finished": row.status.is_final(),
        });
        entry.extend(own.as_object().cloned().unwrap_or_default());
        tar.add(&format!("{}/{}", kind.folder(), script.name), 0o755, &script.content);
        if started {
            let stem = format!("out/{}.{}", row.script, row.id);
            tar.add(&stem, 0o755, &row.output);
            tar.add(&format!("{stem}.out"), 0o755, &row.stdout);
            tar.add(&format!("{stem}.err"), 0o755, &row.stderr);
            tar.add(&format!("{stem}.yaml"), 0o755, &row.result);
        }
        push(&mut sets, kind, entry);
        wants_networking |= script.header.apply_configured_networking;
    }
    if let Some(netplan) = region.netplan.as_ref().filter(|_| wants_networking) {
        tar.add_beside("../config/netplan.yaml", netplan);
    }
    Some(tar.finish(&sets))
}

/// The archive for a machine that the region does not know: no script results.
pub(super) fn for_strangers(region: &Region) -> Vec<u8> {
    let mut tar = Tar::default();
    let mut sets = Map::new();
    for script in region.library.for_strangers() {
        tar.add(&format!("commissioning/{}", script.name), 0o755, &script.content);
        push(&mut sets, ScriptType::Commissioning, entry(script, ScriptType::Commissioning));
    }
    tar.finish(&sets)
}

impl State {
    fn is_handed_out(&self, row: &ResultRow) -> bool {
        let is_unfinished = |kind: ScriptType| !row.status.is_final() && row.kind == Some(kind);
        match self.node.status {
            NodeStatus::Deployed => row.kind == Some(ScriptType::Commissioning),
            NodeStatus::Commissioning => !row.status.is_final(),
            NodeStatus::EnteringRescueMode | NodeStatus::RescueMode => is_unfinished(ScriptType::Commissioning),
            NodeStatus::Releasing | NodeStatus::DiskErasing if self.version.has_release_scripts() => {
                is_unfinished(ScriptType::Release)
            }
            NodeStatus::Testing | NodeStatus::Releasing | NodeStatus::DiskErasing => is_unfinished(ScriptType::Testing),
            NodeStatus::Deploying => self.version.has_deployment_scripts() && is_unfinished(ScriptType::Deployment),
            _ => false,
        }
    }
}

fn push(sets: &mut Map<String, Value>, kind: ScriptType, entry: Map<String, Value>) {
    let set = sets.entry(kind.index_key()).or_insert_with(|| json!([]));
    if let Value::Array(entries) = set {
        entries.push(Value::Object(entry));
    }
}

/// What the index says of a script, whoever asks.
fn entry(script: &LibraryScript, kind: ScriptType) -> Map<String, Value> {
    let header = &script.header;
    let mut tags = header.tags.clone();
    if !tags.iter().any(|tag| tag == header.hardware_type.name()) {
        tags.push(header.hardware_type.name().to_owned());
    }
    let entry = json!({
        "name": script.name,
        "path": format!("{}/{}", kind.folder(), script.name),
        "timeout_seconds": Value::from(std::time::Duration::from_secs(header.timeout).as_secs_f64()),
        "parallel": header.parallel.number(),
        "hardware_type": header.hardware_type.number(),
        "parameters": {},
        "packages": header.packages,
        "for_hardware": header.for_hardware,
        "apply_configured_networking": header.apply_configured_networking,
        "has_started": false,
        "has_finished": false,
        "default": script.is_built_in(),
        "tags": tags,
    });
    entry.as_object().cloned().unwrap_or_default()
}

/// A tar in memory.
struct Tar(tar::Builder<Vec<u8>>);

impl Default for Tar {
    fn default() -> Self {
        Tar(tar::Builder::new(Vec::new()))
    }
}

impl Tar {
    fn add(&mut self, path: &str, mode: u32, content: &[u8]) {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(mode);
        header.set_mtime(jiff::Timestamp::now().as_second().cast_unsigned());
        // Writing to memory cannot fail; a name too long for a tar is left out.
        let _ = self.0.append_data(&mut header, path, content);
    }

    /// A member outside of the directory that the archive is unpacked to, which the library would rather not write.
    fn add_beside(&mut self, path: &str, content: &[u8]) {
        let mut header = tar::Header::new_gnu();
        let name = &mut header.as_old_mut().name;
        name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        let _ = self.0.append(&header, content);
    }

    fn finish(mut self, sets: &Map<String, Value>) -> Vec<u8> {
        let index = json!({ "1.0": sets }).to_string();
        self.add("index.json", 0o644, index.as_bytes());
        let mut bytes = self.0.into_inner().unwrap_or_default();
        bytes.resize(bytes.len().div_ceil(RECORD) * RECORD, 0);
        bytes
    }
}
