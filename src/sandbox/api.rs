//! The part of the region's API that shows what became of a node: its status and its script results.

use base64::Engine as _;
use serde_json::{Value, json};

use super::state::{INSTALLATION, ResultRow, State};
use crate::script::{BmcConfig, RegionVersion, ScriptType};

const CAPABILITIES: [&str; 9] = [
    "networks-management",
    "static-ipaddresses",
    "ipv6-deployment-ubuntu",
    "devices-management",
    "storage-deployment-ubuntu",
    "network-deployment-ubuntu",
    "bridging-interface-ubuntu",
    "bridging-automatic-ubuntu",
    "authenticate-api",
];

/// `GET /MAAS/api/2.0/version/`, which everybody gets.
pub(super) fn version(version: RegionVersion) -> Value {
    json!({"capabilities": CAPABILITIES, "version": version.to_string(), "subversion": ""})
}

/// `GET /MAAS/api/2.0/machines/{system_id}/`
pub(super) fn machine(state: &State) -> Value {
    let power = state.node.power.as_ref();
    json!({
        "system_id": state.node.system_id,
        "hostname": state.node.hostname,
        "fqdn": format!("{}.maas", state.node.hostname),
        "node_type_name": "Machine",
        "status_name": state.node.status.name(),
        "error_description": state.node.error,
        "power_type": power.map_or("", BmcConfig::power_type),
        // The region has an operation of its own for them, with the secrets; a sandbox shows none.
        "power_parameters": power.map(BmcConfig::masked),
        "last_sync": state.node.last_sync.map(|time| time.to_string()),
        "resource_uri": format!("/MAAS/api/2.0/machines/{}/", state.node.system_id),
    })
}

/// `GET /MAAS/api/2.0/nodes/{system_id}/results/`, one object for each script set.
pub(super) fn sets(system_id: &str, rows: &[&ResultRow], include_output: bool) -> Vec<Value> {
    let set = |(id, kind): (usize, Option<ScriptType>)| {
        let own = rows.iter().filter(|row| row.kind == kind);
        let own: Vec<Value> = own.map(|row| result(row, include_output)).collect();
        let name = kind.map_or(INSTALLATION, ScriptType::folder);
        (!own.is_empty()).then(|| {
            json!({
                "id": id + 1,
                "system_id": system_id,
                "type_name": format!("{}{}", name[..1].to_uppercase(), &name[1..]),
                "last_ping": null,
                "results": own,
            })
        })
    };
    let kinds = ScriptType::ALL.into_iter().map(Some).chain([None]);
    kinds.enumerate().filter_map(set).collect()
}

fn result(row: &ResultRow, include_output: bool) -> Value {
    let time = |time: Option<jiff::Timestamp>| time.map(|time| time.to_string());
    let mut value = json!({
        "id": row.id,
        "name": row.script,
        "status": row.status.number(),
        "status_name": row.status.name(),
        "exit_status": row.exit_status,
        "started": time(row.started),
        "ended": time(row.ended),
        "parameters": row.parameters,
        "script_revision_id": row.version_id,
    });
    if let (true, Value::Object(fields)) = (include_output, &mut value) {
        let outputs =
            [("output", &row.output), ("stdout", &row.stdout), ("stderr", &row.stderr), ("result", &row.result)];
        for (key, bytes) in outputs {
            fields.insert(key.into(), base64::engine::general_purpose::STANDARD.encode(bytes).into());
        }
    }
    value
}
