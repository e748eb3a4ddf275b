//! The second recording (contract, `exchanges-2.jsonl`): many short scenarios about edges. Read as plain JSON, since each kind has
//! fields of its own; what a step records of `after` is compared, whatever it is.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use shakedown::sandbox::{Device, Library, NodeStatus, Options, Sandbox};
use shakedown::script::{ScriptType, Status};

use crate::caller::Caller;
use crate::recording::Sets;
use crate::second_body::Multipart;
use crate::second_request::Replayed;

/// Reads the recording.
pub(crate) fn read(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("a scenario a line")).collect()
}

/// Replays every scenario: those that differ, and how many were equal.
pub(crate) async fn replay(scenarios: &[Value], library: &Library, built_in: &Sets<String>) -> (Vec<String>, usize) {
    let (mut complaints, mut equal) = (Vec::new(), 0);
    let mut kinds: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for scenario in scenarios {
        let name = text(&scenario["scenario"]);
        let difference = first_difference(scenario, library, built_in).await;
        let kind = kinds.entry(name.split(':').next().unwrap_or_default().to_owned()).or_default();
        kind.1 += 1;
        if let Some(difference) = difference {
            complaints.push(format!("{name}: {difference}"));
        } else {
            equal += 1;
            kind.0 += 1;
        }
    }
    for (kind, (good, all)) in kinds {
        crate::say(&format!("{good:4} of {all:4} equal: {kind}"));
    }
    (complaints, equal)
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

async fn first_difference(scenario: &Value, library: &Library, built_in: &Sets<String>) -> Option<String> {
    let sandbox = match start(scenario, library, built_in).await {
        Ok(sandbox) => sandbox,
        Err(reason) => return Some(reason),
    };
    let mut replayed =
        Replayed { sandbox: &sandbox, caller: Caller::new(&sandbox), scenario, key: String::new(), last_sync: None };
    if let Some(parameters) = text(&scenario["node"]["then"]).strip_prefix("script ex2-p with parameters: ") {
        upload(&replayed.caller, parameters).await;
    }
    if ["events: each", "machines: creating"].iter().any(|name| text(&scenario["scenario"]).starts_with(name)) {
        // Allocated by an agent, and commissioned by an administrator.
        sandbox.set_agent_name("agent-x");
        replayed.caller.commission().await;
        sandbox.boot();
        replayed.caller = Caller::new(&sandbox);
        replayed.caller.post_result("first").await;
    }
    let forgets = text(&scenario["scenario"]).starts_with("script header")
        && !text(&scenario["scenario"]).contains("new versions");
    let is_webhook = text(&scenario["scenario"]).starts_with("webhook");
    let (mut recorded_events, mut events) = (Vec::new(), Vec::new());
    for step in scenario["steps"].as_array().into_iter().flatten().filter(|step| step.get("artefact").is_none()) {
        let label = text(&step["label"]);
        if let Some(word) = label.strip_prefix("is_registered, machine is ").and_then(|rest| rest.split(' ').next()) {
            sandbox.set_node_status(NodeStatus::from_word(word).expect("the sandbox knows every status"));
        }
        replayed.begin_anew(step).await;
        let earlier = sandbox.events().len();
        let answer = match replayed.send(step).await {
            Ok(answer) => answer,
            Err(reason) => return Some(format!("{}: {reason}", text(&step["label"]))),
        };
        let mut facts = replayed.answer(step, &answer, built_in);
        if forgets && answer.status == 200 {
            // Each upload is one of a script that the region does not have.
            replayed.caller.delete_script(&answer).await;
        }
        facts.extend(replayed.after(step));
        let (recorded, came, updates) = replayed.new_events(step, earlier);
        facts.push(updates);
        if is_webhook {
            // The region takes these up to a minute later, in an order of its own.
            recorded_events.extend(recorded);
            events.extend(came);
        } else if step.get("after").is_some() {
            facts.push(("new events", json!(recorded), json!(came)));
        }
        if let Some((what, recorded, came)) = facts.into_iter().find(|(_, recorded, came)| recorded != came) {
            let label = text(&step["label"]);
            return Some(format!("{label}: {what}\n  expected {}\n  came     {}", short(&recorded), short(&came)));
        }
    }
    recorded_events.sort_by_key(Value::to_string);
    events.sort_by_key(Value::to_string);
    (recorded_events != events)
        .then(|| format!("events\n  expected {}\n  came     {}", short(&json!(recorded_events)), short(&json!(events))))
}

/// Uploads the script of a scenario about parameters.
async fn upload(caller: &Caller<'_>, parameters: &str) {
    let script = format!(
        "#!/bin/sh\n# --- Start MAAS 1.0 script metadata ---\n# name: ex2-p\n# script_type: testing\n# parameters: {parameters}\n\
         # --- End MAAS 1.0 script metadata ---\necho\n"
    );
    let mut body = Multipart::new();
    body.file("script", &[], script.as_bytes());
    assert_eq!(caller.post_script(body).await.status, 200, "{parameters}");
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(600).collect()
}

/// A region in the state in which the scenario found it.
async fn start(scenario: &Value, library: &Library, built_in: &Sets<String>) -> Result<Sandbox, String> {
    let node = &scenario["node"];
    let then = text(&node["then"]);
    let mut options = Options::new(library.clone());
    let word = node["status"].as_str().unwrap_or("ready");
    options.status = NodeStatus::from_word(word).ok_or("a status that the sandbox does not know")?;
    if then.starts_with("has a commissioning set") {
        options.status = NodeStatus::Commissioning;
    }
    options.commissioned = matches!(options.status, NodeStatus::Deployed);
    options.hardware_sync = !is_without_sync(node);
    options.previous = then.contains("previous status Deployed").then_some(NodeStatus::Deployed);
    options.commissioning = Some(selection(node, ScriptType::Commissioning, built_in));
    options.testing = Some(selection(node, ScriptType::Testing, built_in));
    if then.starts_with("has a commissioning set") {
        options.commissioning = Some(vec!["first".into(), "second".into()]);
        options.testing = Some(vec!["check".into()]);
    }
    let mac = mac(scenario);
    let nic = json!({"id": 1, "name": "eth0", "mac_address": mac, "vendor": "Acme", "product": "NIC"});
    options.interfaces = device(scenario, "interface", nic);
    options.disks = device(
        scenario,
        "storage",
        json!({"id": 1, "name": "sda", "model": "GHOST0", "serial": "GS0", "id_path": null}),
    );
    let sandbox = Sandbox::start(options).await.expect("the loopback can be listened on");
    let scripts: Vec<String> = sandbox.results().into_iter().map(|row| row.script).collect();
    if then.contains("enlisting") {
        sandbox.set_enlisting();
    }
    let clauses = if then.starts_with("script ex2-p") { "" } else { then };
    for clause in clauses.split(';') {
        prepare(&sandbox, clause.trim(), &scripts);
    }
    Ok(sandbox)
}

/// What was done to the machine before the recording began.
fn prepare(sandbox: &Sandbox, clause: &str, scripts: &[String]) {
    if let Some(name) = clause.strip_prefix("node put into ") {
        let name = name.split(',').next().unwrap_or_default();
        let status = NodeStatus::ALL.iter().find(|status| status.name() == name);
        sandbox.set_node_status(*status.expect("the sandbox knows every status"));
    } else if clause.starts_with("has a commissioning set") {
        for script in scripts {
            sandbox.set_result(script, Status::Passed);
        }
        sandbox.set_node_status(NodeStatus::EnteringRescueMode);
    } else if clause.to_lowercase().ends_with("all passed") || clause.ends_with("one failed") {
        for script in scripts {
            sandbox.set_result(script, Status::Passed);
        }
        if clause.ends_with("one failed") {
            sandbox.set_result(&scripts[0], Status::Failed);
        }
    } else {
        let mut named = Vec::new();
        for word in clause.split(", ") {
            let (script, rest) = word.split_once(' ').map_or((word, ""), |(script, rest)| (script, rest));
            named.push(script);
            if let Some(status) = Status::ALL.into_iter().find(|status| status.name() == rest) {
                named.drain(..).for_each(|script| sandbox.set_result(script, status));
            }
        }
    }
}

/// The scripts of a set: those that `--only` names, else the chosen ones, with those of every region unless only custom ones were
/// wanted.
fn selection(node: &Value, kind: ScriptType, built_in: &Sets<String>) -> Vec<String> {
    let options: Vec<&str> = node["options"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let named = |option: &str| options.iter().skip_while(|word| **word != option).nth(1).copied();
    let set = if kind == ScriptType::Commissioning { "--commissioning-scripts" } else { "--testing-scripts" };
    let list = |names: &str| names.split(',').filter(|name| *name != "none").map(str::to_owned).collect::<Vec<_>>();
    let mut scripts = named(set).map(list).unwrap_or_default();
    if kind == ScriptType::Testing {
        return scripts;
    }
    if node["status"] == "deployed" && is_without_sync(node) {
        return built_in.get(kind.index_key()).cloned().unwrap_or_default();
    }
    if node["status"] == "deployed" {
        // What hardware sync runs.
        return vec!["20-maas-03-machine-resources".to_owned(), "50-maas-01-commissioning".to_owned()];
    }
    if let Some(only) = named("--only") {
        return list(only);
    }
    if !options.contains(&"--only-custom") && node["status"] == "commissioning" {
        scripts.extend(built_in.get(kind.index_key()).cloned().unwrap_or_default());
    }
    scripts
}

/// True if the recording says of a deployed machine that it does not tell of its hardware.
fn is_without_sync(node: &Value) -> bool {
    node["options"].as_array().is_some_and(|words| words.iter().all(|word| word != "--hw-sync"))
}

/// The device that the recorded region gave a script, else this one.
fn device(scenario: &Value, kind: &str, usual: Value) -> Vec<Device> {
    let results = scenario["steps"].as_array().into_iter().flatten();
    let results = results.filter_map(|step| step["after"]["parameters_of_the_results"].as_array()).flatten();
    let parameters = results.filter_map(Value::as_object).flat_map(serde_json::Map::values);
    let mut given =
        parameters.filter(|parameter| parameter["type"] == kind).map(|parameter| parameter["value"].clone());
    given.next().unwrap_or(usual).as_object().cloned().into_iter().collect()
}

/// The address of the interface that the machine was made with.
pub(crate) fn mac(scenario: &Value) -> String {
    let options = scenario["node"]["options"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let named = options.skip_while(|word| *word != "--macs").nth(1);
    named.unwrap_or("52:54:00:aa:bb:01").to_owned()
}
