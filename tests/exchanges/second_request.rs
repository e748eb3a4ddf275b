//! A step of the second recording: its request sent to the sandbox, and what is compared afterwards.

use std::time::Duration;

use base64::Engine as _;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Map, Value, json};
use shakedown::sandbox::{ResultRow, Sandbox};

use crate::caller::{Answer, Caller, finish, raw_request};
use crate::compare;
use crate::recording::Sets;
use crate::second::text;
use crate::second_body::{Multipart, squeezed, with_body};
use crate::second_hardware;
use crate::second_own::{beginning, described, whole};
use crate::second_summary::summarised;

/// What was seen, as recorded and as it came.
pub(crate) type Fact = (&'static str, Value, Value);

/// A scenario under way.
pub(crate) struct Replayed<'a> {
    pub(crate) sandbox: &'a Sandbox,
    pub(crate) caller: Caller<'a>,
    pub(crate) scenario: &'a Value,
    /// The key of the file that was spoken of last.
    pub(crate) key: String,
    /// When the node was heard of before the step.
    pub(crate) last_sync: Option<jiff::Timestamp>,
}

impl Replayed<'_> {
    /// Sends the request of a step.
    ///
    /// # Errors
    /// When the recording keeps too little of it.
    pub(crate) async fn send(&mut self, step: &Value) -> Result<Answer, String> {
        let request = &step["request"];
        let path = self.filled_in(text(&request["path"]), step);
        if path.contains("/./") {
            // A client that takes itself seriously does not send such an address.
            return Ok(raw_request(&self.sandbox.url(), text(&request["method"]), &path).await);
        }
        self.boot(step);
        let mut builder = self.caller.request(text(&request["method"]), &path);
        let who = text(&request["credentials"]);
        if let Some(header) = self.caller.signed_by(if who == "altered" { "node" } else { who }) {
            builder = builder.header(AUTHORIZATION, header);
        }
        for (name, value) in request["headers"].as_object().into_iter().flatten() {
            let is_ours = ["Transfer-Encoding", "Accept-Encoding"].contains(&name.as_str());
            if !is_ours && !text(value).is_empty() {
                builder = builder.header(name, text(value));
            }
        }
        if step["response"]["status"] == 0 {
            builder = builder.timeout(Duration::from_millis(300));
        }
        if let Some(multipart) = request.get("multipart") {
            let size = request["body_bytes"].as_u64().and_then(|size| usize::try_from(size).ok());
            let is_plain = request["headers"].get("Content-Encoding").is_none();
            let (kind, body) = self.multipart(multipart, step)?.finish(size.filter(|_| is_plain));
            builder = with_body(builder.header(CONTENT_TYPE, kind), step, body);
        } else if let Some(fields) = request.get("form") {
            let fields: Vec<(String, String)> = serde_json::from_value(fields.clone()).map_err(|e| e.to_string())?;
            let fields: Vec<_> = fields.into_iter().map(|(key, value)| (key, self.filled_in(&value, step))).collect();
            let url = reqwest::Url::parse_with_params("http://x/", fields).map_err(|error| error.to_string())?;
            let body = url.query().unwrap_or_default().to_owned();
            builder = builder.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
        } else if let Some(json) = request.get("json") {
            let body = self.event(json, step)?.to_string().into_bytes();
            builder = with_body(builder.header(CONTENT_TYPE, "application/json"), step, body);
        } else if let Some(raw) = request.get("raw") {
            let raw = text(raw).replace("\r\nID\r\n", &format!("\r\n{}\r\n", self.result_id("first")));
            let bytes: Vec<u8> = raw.chars().filter_map(|byte| u8::try_from(byte).ok()).collect();
            let has_kind = request["headers"].get("Content-Type").is_some();
            if !has_kind {
                builder = builder.header(CONTENT_TYPE, text(&request["content_type"]));
            }
            builder = builder.body(bytes);
        }
        let is_past_nginx = request["via"] == "regiond";
        self.sandbox.go_past_proxy(is_past_nginx);
        let answer = finish(builder).await;
        self.sandbox.go_past_proxy(false);
        self.remember(&answer);
        Ok(answer)
    }

    /// Sends the first inventory again, if that was done before the step.
    pub(crate) async fn begin_anew(&mut self, step: &Value) {
        if second_hardware::begins_anew(self.scenario, step) {
            let mut inventory = second_hardware::inventory("").to_string().into_bytes();
            inventory.resize(18_925, b' ');
            for _ in 0..2 {
                self.caller.post_output("50-maas-01-commissioning", &inventory).await;
            }
        }
        self.last_sync = self.sandbox.last_sync();
    }

    /// The node boots for its tests, and has new credentials then.
    fn boot(&mut self, step: &Value) {
        let is_meant = text(&self.scenario["scenario"]).starts_with("parameters");
        if is_meant && text(&step["label"]) == "scripts" && !self.sandbox.has_token() {
            self.sandbox.boot();
            self.caller = Caller::new(self.sandbox);
        }
    }

    /// Keeps what later requests ask for.
    fn remember(&mut self, answer: &Answer) {
        let body = String::from_utf8_lossy(&answer.body);
        if let Some((_, rest)) = body.split_once("op=get_by_key&key=") {
            self.key = rest.split('"').next().unwrap_or_default().to_owned();
        }
    }

    fn multipart(&self, recorded: &Value, step: &Value) -> Result<Multipart, String> {
        let mut body = Multipart::new();
        for pair in recorded["fields"].as_array().into_iter().flatten() {
            let (name, value) = (text(&pair[0]), whole(text(&pair[0]), text(&pair[1])));
            let meant = value.strip_prefix("{id:").and_then(|rest| rest.strip_suffix('}'));
            let value = match (meant, value.strip_prefix('<').and_then(|rest| rest.strip_suffix(" bytes>"))) {
                (Some(script), _) => self.result_id(script).to_string(),
                (None, Some(bytes)) => "e".repeat(bytes.parse().unwrap_or(0)),
                _ => value.to_owned(),
            };
            body.field(name, &value);
        }
        for file in recorded["files"].as_array().into_iter().flatten() {
            let headers: Vec<(String, String)> = file.get("part_headers").map_or_else(Vec::new, |headers| {
                serde_json::from_value::<std::collections::BTreeMap<_, _>>(headers.clone())
                    .unwrap_or_default()
                    .into_iter()
                    .collect()
            });
            body.file(text(&file["name"]), &headers, &self.content(file, step)?);
        }
        Ok(body)
    }

    fn content(&self, file: &Value, step: &Value) -> Result<Vec<u8>, String> {
        let size = usize::try_from(file["bytes"].as_u64().unwrap_or(0)).unwrap_or(0);
        let bytes = match (file.get("text"), file.get("base64")) {
            (Some(content), _) => text(content).as_bytes().to_vec(),
            (None, Some(content)) => {
                base64::engine::general_purpose::STANDARD.decode(text(content)).map_err(|error| error.to_string())?
            }
            (None, None) => match described(text(&self.scenario["scenario"])) {
                Some(content) if text(&file["name"]).ends_with(".yaml") => content.into_bytes(),
                _ if size > 10 && is_about_hardware(self.scenario) => {
                    let mut bytes = second_hardware::inventory(text(&step["label"])).to_string().into_bytes();
                    bytes.resize(size.max(bytes.len()), b' ');
                    bytes
                }
                // Whatever a script printed.
                _ if size < 10 => vec![b'x'; size],
                _ => self.inventory(size)?,
            },
        };
        if bytes.len() == size { Ok(bytes) } else { Err("a file that is not whole".to_owned()) }
    }

    /// An inventory of that size, of a machine with the interfaces that the scenario speaks of; the recording keeps none.
    fn inventory(&self, size: usize) -> Result<Vec<u8>, String> {
        let all = self.scenario.to_string();
        let named = all.split("BOOTIF=01-").nth(1).and_then(|rest| rest.get(..17));
        let first = named.map_or("52:54:ee:00:00:11".to_owned(), |mac| mac.to_lowercase().replace('-', ":"));
        let stem = if first.ends_with("ff:ff:ff") { "52:54:ee:00:00:" } else { &first[..15] };
        let networks = json!({"enp4s0": {"hwaddr": format!("{stem}11")}, "enp5s0": {"hwaddr": format!("{stem}12")}});
        let mut bytes = json!({"api_extensions": ["resources", "resources_v2"], "resources": {}, "networks": networks})
            .to_string()
            .into_bytes();
        if bytes.len() > size {
            return Err("a file that the recording does not keep".to_owned());
        }
        bytes.resize(size, b' ');
        Ok(bytes)
    }

    /// A node event whose files are for the results of this region. Of some the recording keeps a description only.
    fn event(&self, event: &Value, step: &Value) -> Result<Value, String> {
        let size = step["request"]["body_bytes"].as_u64().and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
        if event.is_string() {
            // Whatever was told of 12 MB, it made no event.
            let kind = if size > 1_000_000 { "finish" } else { "start" };
            let mut event = json!({"event_type": kind, "origin": "shakedown", "name": "shakedown/x", "description": "",
                "timestamp": 0.5});
            let letters = if size > 1_000_000 { size - event.to_string().len() } else { 100_000 };
            event["description"] = "d".repeat(letters).into();
            return Ok(event);
        }
        let mut event = event.clone();
        let has_files = event.get("files").is_some();
        for file in event.get_mut("files").and_then(Value::as_array_mut).into_iter().flatten() {
            let mut content = match text(&file["content"]) {
                "<the inventory>" => Some(self.inventory(18_925)?),
                "<40 MB inventory>" => Some(self.inventory(40_000_000)?),
                "…" => Some(b"plain".to_vec()),
                described if described.contains('…') || described.starts_with('<') => {
                    return Err("a file that the recording does not keep".to_owned());
                }
                _ => None,
            };
            if let (Some(plain), "bzip2") = (&mut content, text(&file["compression"])) {
                *plain = squeezed(plain);
            }
            if let Some(content) = content {
                file["content"] = base64::engine::general_purpose::STANDARD.encode(content).into();
            }
            if file.get("script_result_id").is_some() {
                let path = text(&file["path"]);
                file["script_result_id"] = self.result_id(path.trim_end_matches(".out")).into();
            }
        }
        let is_event = text(&step["request"]["path"]).contains("/metadata/status");
        if is_event && has_files {
            // What goes without saying is not recorded.
            let words = text(&step["label"]).split('\'');
            let described = format!("compression {}", words.into_iter().nth(1).unwrap_or_default());
            let usual = json!({"event_type": "progress", "origin": "shakedown", "name": "shakedown/x",
                "description": described, "timestamp": 0.5});
            for (key, value) in usual.as_object().into_iter().flatten() {
                if event.get(key).is_none() {
                    event[key] = value.clone();
                }
            }
        }
        Ok(event)
    }

    fn result_id(&self, script: &str) -> i64 {
        self.sandbox.results().iter().find(|row| row.script == script).map_or(0, |row| row.id)
    }

    /// The answer beside the recorded one.
    pub(crate) fn answer(&self, step: &Value, came: &Answer, built_in: &Sets<String>) -> Vec<Fact> {
        let recorded = &step["response"];
        let mut facts = vec![("status", recorded["status"].clone(), json!(came.status))];
        if recorded["status"] == 0 {
            return facts;
        }
        facts.push(("content type", recorded["content_type"].clone(), json!(came.content_type)));
        if recorded["status"] == 500 && text(&self.scenario["scenario"]).starts_with("result file") {
            // The text is the one of an exception of Python.
            return facts;
        }
        for (name, value) in [("allow", &recorded["allow"]), ("location", &recorded["location"])] {
            if !value.is_null() {
                facts.push((name, value.clone(), json!(came.header(name))));
            }
        }
        let body = self.masked_names(&String::from_utf8_lossy(&came.body));
        if let Some((recorded, came)) = summarised(step, &body) {
            facts.push(("summary", recorded, came));
        } else if let Some(body) = recorded.get("body") {
            facts.push((
                "body",
                beginning(&self.masked(text(body)), recorded),
                beginning(&self.masked(&String::from_utf8_lossy(&came.body)), recorded),
            ));
        } else if recorded.get("members").is_some() {
            facts.extend(Self::archive(recorded, came, built_in));
        }
        facts
    }

    /// The scripts that are handed out, with their states, and of what is held of them already the names.
    fn archive(recorded: &Value, came: &Answer, built_in: &Sets<String>) -> Vec<Fact> {
        let (index, members) = match compare::unpack(&came.body) {
            Ok(unpacked) => unpacked,
            Err(error) => return vec![("archive", json!("an archive"), json!(error))],
        };
        let state = |entry: &Value| json!([entry["name"], entry["has_started"], entry["has_finished"]]);
        let is_built_in = |name: &str| built_in.values().flatten().any(|known| known == name);
        let mut recorded_states: Vec<Value> = sets(&recorded["index"]).map(state).collect();
        recorded_states.extend(sets(&recorded["index_others"]).map(state));
        // Of some scripts of the region the recording keeps no more than the name.
        let keeps_state = |name: &Value| {
            recorded_states.iter().any(|state| state[0] == *name && !(is_built_in(text(name)) && state[1].is_null()))
        };
        let came_index = Value::Object(index);
        let came_states = sets(&came_index)
            .map(|entry| if keeps_state(&entry["name"]) { state(entry) } else { json!([entry["name"], null, null]) });
        let mut came_states: Vec<Value> = came_states.collect();
        recorded_states.sort_by_key(Value::to_string);
        came_states.sort_by_key(Value::to_string);
        let out = |name: &str| name.starts_with("out/").then(|| crate::mask::member(name));
        let members_of =
            recorded["members"].as_array().into_iter().flatten().filter_map(|member| out(text(&member["name"])));
        let mut recorded_out: Vec<String> = members_of.collect();
        let mut came_out: Vec<String> = members.iter().filter_map(|(name, _)| out(name)).collect();
        recorded_out.sort();
        came_out.sort();
        vec![("index", json!(recorded_states), json!(came_states)), ("members", json!(recorded_out), json!(came_out))]
    }

    /// What the region holds afterwards, as far as the step records it.
    pub(crate) fn after(&self, step: &Value) -> Vec<Fact> {
        let Some(after) = step.get("after").and_then(Value::as_object) else { return Vec::new() };
        let mut facts = vec![
            ("node", after["node"].clone(), json!(self.sandbox.node_status().name())),
            ("node's error", after["error"].clone(), json!(self.sandbox.node_error())),
        ];
        for (key, list) in [("results", after.get("results")), ("changed results", after.get("changed_results"))] {
            let Some(list) = list.and_then(Value::as_array) else { continue };
            let mut recorded: Vec<Value> = list.iter().map(row).collect();
            let rows = self.sandbox.results();
            // Of a deployed machine some scenarios show the results that they are about.
            let is_whole = key == "results" && (text(&self.scenario["node"]["status"]) != "deployed" || list.len() > 1);
            let name = text(&self.scenario["scenario"]);
            let shows_some = ["webhook, deployed: files", "deployed without"].iter().any(|some| name.starts_with(some));
            let is_whole = is_whole && !shows_some;
            let named = |own: &&ResultRow| is_whole || list.iter().any(|row| row["script"] == own.script.as_str());
            let mut came: Vec<Value> = rows.iter().filter(named).map(own_row).collect();
            recorded.sort_by_key(Value::to_string);
            came.sort_by_key(Value::to_string);
            facts.push((key, json!(recorded), json!(came)));
        }
        for (key, value) in after {
            match key.as_str() {
                "boot_interface" => facts.push(("boot interface", value.clone(), json!(self.sandbox.boot_interface()))),
                "has_token" => facts.push(("token", value.clone(), json!(self.sandbox.has_token()))),
                "parameters_of_the_results" => facts.push(("parameters", value.clone(), self.parameters())),
                "stdout_stored" => facts.push(("stdout", value.clone(), self.stdout_of("second"))),
                "last_sync_moved" => {
                    facts.push(("last sync moved", value.clone(), json!(self.sandbox.last_sync() != self.last_sync)));
                }
                // Rows are what a region keeps of an inventory that the recording does not keep; its events are compared.
                _ => {}
            }
        }
        facts
    }

    /// The parameters of the results of a test; nothing where none was begun.
    fn parameters(&self) -> Value {
        let rows: Vec<Value> = self.sandbox.results().into_iter().map(|row| row.parameters.into()).collect();
        if rows.is_empty() { Value::Null } else { rows.into() }
    }

    fn stdout_of(&self, script: &str) -> Value {
        let row = self.sandbox.results().into_iter().find(|row| row.script == script);
        row.map_or(Value::Null, |row| String::from_utf8_lossy(&row.stdout).into_owned().into())
    }

    /// The new events of a step.
    pub(crate) fn new_events(&self, step: &Value, earlier: usize) -> (Vec<Value>, Vec<Value>, Fact) {
        let recorded = step["after"]["new_events"].as_array().into_iter().flatten();
        let recorded = recorded.map(|event| {
            let description = self.masked(text(&event["description"]));
            json!([event["level"], event["type"], event["type_description"], description, event["action"]])
        });
        let came = self.sandbox.events().split_off(earlier).into_iter().map(|row| {
            // Of a long one the recording keeps so much.
            let description: String = self.masked(&row.description).chars().take(700).collect();
            json!([row.level.name(), row.type_name, row.type_description, description, row.action])
        });
        let (came, counts) = second_hardware::counted(step, came.collect());
        let mut recorded_counts = step["after"]["updated_events"].clone();
        if let Some(counts) = recorded_counts.as_object_mut() {
            counts.remove("NODE_HARDWARE_SYNC_PCI_DEVICE");
        }
        (recorded.collect(), came, ("updates", recorded_counts, counts))
    }
}

/// True if a scenario is about what a region makes of inventories.
fn is_about_hardware(scenario: &Value) -> bool {
    ["hardware sync", "deployed without hardware sync"].iter().any(|name| text(&scenario["scenario"]).starts_with(name))
}

fn sets(index: &Value) -> impl Iterator<Item = &Value> {
    index.as_object().into_iter().flat_map(Map::values).filter_map(Value::as_array).flatten()
}

/// A recorded row of results.
fn row(row: &Value) -> Value {
    json!({"set": row["set"], "script": row["script"], "status": row["status"], "exit_status": row["exit_status"], "bytes": row["bytes"]})
}

fn own_row(row: &ResultRow) -> Value {
    json!({
        "set": row.set(),
        "script": row.script,
        "status": row.status.name(),
        "exit_status": row.exit_status,
        "bytes": {
            "output": row.output.len(),
            "stdout": row.stdout.len(),
            "stderr": row.stderr.len(),
            "result": row.result.len(),
        },
    })
}
