//! A step of the second recording: its request sent to the sandbox, and what is compared afterwards.

use std::time::Duration;

use base64::Engine as _;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::multipart::{Form, Part};
use serde_json::{Map, Value, json};
use shakedown::sandbox::{ResultRow, Sandbox};

use crate::caller::{Answer, Caller, finish};
use crate::compare;
use crate::recording::Sets;
use crate::second::text;

/// What was seen, as recorded and as it came.
pub(crate) type Fact = (&'static str, Value, Value);

/// A scenario under way.
pub(crate) struct Replayed<'a> {
    pub(crate) sandbox: &'a Sandbox,
    pub(crate) caller: Caller<'a>,
    pub(crate) scenario: &'a Value,
}

impl Replayed<'_> {
    /// Sends the request of a step.
    ///
    /// # Errors
    /// When the recording keeps too little of it.
    pub(crate) async fn send(&self, step: &Value) -> Result<Answer, String> {
        let request = &step["request"];
        if request.get("via").is_some() || text(&request["credentials"]) == "altered" {
            return Err("a request past nginx, or with altered credentials".to_owned());
        }
        let path = text(&request["path"]).replace("{id}", &self.sandbox.system_id());
        let mut builder = self.caller.request(text(&request["method"]), &path);
        if let Some(header) = self.caller.signed_by(text(&request["credentials"])) {
            builder = builder.header(AUTHORIZATION, header);
        }
        for (name, value) in request["headers"].as_object().into_iter().flatten() {
            builder = builder.header(name, text(value));
        }
        if step["response"]["status"] == 0 {
            builder = builder.timeout(Duration::from_millis(300));
        }
        if let Some(multipart) = request.get("multipart") {
            builder = builder.multipart(self.multipart(multipart)?);
        } else if let Some(fields) = request.get("form") {
            let fields: Vec<(String, String)> = serde_json::from_value(fields.clone()).map_err(|e| e.to_string())?;
            let url = reqwest::Url::parse_with_params("http://x/", fields).map_err(|error| error.to_string())?;
            let body = url.query().unwrap_or_default().to_owned();
            builder = builder.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
        } else if let Some(json) = request.get("json") {
            builder = builder.json(&self.event(json)?);
        } else if let Some(raw) = request.get("raw") {
            let bytes: Vec<u8> = text(raw).chars().filter_map(|byte| u8::try_from(byte).ok()).collect();
            builder = builder.header(CONTENT_TYPE, text(&request["content_type"])).body(bytes);
        }
        Ok(finish(builder).await)
    }

    fn multipart(&self, recorded: &Value) -> Result<Form, String> {
        let mut form = Form::new();
        for pair in recorded["fields"].as_array().into_iter().flatten() {
            let (name, value) = (text(&pair[0]), whole(text(&pair[0]), text(&pair[1])));
            let meant = value.strip_prefix("{id:").and_then(|rest| rest.strip_suffix('}'));
            let value = match (meant, value.strip_prefix('<').and_then(|rest| rest.strip_suffix(" bytes>"))) {
                (Some(script), _) => self.result_id(script).to_string(),
                (None, Some(bytes)) => "e".repeat(bytes.parse().unwrap_or(0)),
                _ => value.to_owned(),
            };
            form = form.text(name.to_owned(), value);
        }
        for file in recorded["files"].as_array().into_iter().flatten() {
            let name = text(&file["name"]).to_owned();
            let part = Part::bytes(self.content(file)?).file_name(name.clone());
            if file.get("part_headers").is_some() {
                return Err("headers of a part".to_owned());
            }
            form = form.part(name, part);
        }
        Ok(form)
    }

    fn content(&self, file: &Value) -> Result<Vec<u8>, String> {
        let size = usize::try_from(file["bytes"].as_u64().unwrap_or(0)).unwrap_or(0);
        let bytes = match (file.get("text"), file.get("base64")) {
            (Some(content), _) => text(content).as_bytes().to_vec(),
            (None, Some(content)) => {
                base64::engine::general_purpose::STANDARD.decode(text(content)).map_err(|error| error.to_string())?
            }
            (None, None) => match described(text(&self.scenario["scenario"])) {
                Some(content) if text(&file["name"]).ends_with(".yaml") => content.into_bytes(),
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

    /// A node event whose files are for the results of this region.
    fn event(&self, event: &Value) -> Result<Value, String> {
        if event.is_string() {
            return Err("a body that is only described".to_owned());
        }
        let mut event = event.clone();
        for file in event.get_mut("files").and_then(Value::as_array_mut).into_iter().flatten() {
            let content = text(&file["content"]);
            if content.contains('…') || content.contains("MB") {
                return Err("a file that the recording does not keep".to_owned());
            }
            if content.starts_with('<') {
                let inventory = self.inventory(18_925)?;
                file["content"] = base64::engine::general_purpose::STANDARD.encode(inventory).into();
            }
            if file.get("script_result_id").is_some() {
                let path = text(&file["path"]);
                file["script_result_id"] = self.result_id(path.trim_end_matches(".out")).into();
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
        if let Some(body) = recorded.get("body") {
            facts.push((
                "body",
                json!(self.masked(text(body))),
                json!(self.masked(&String::from_utf8_lossy(&came.body))),
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
            let named =
                |own: &&ResultRow| key == "results" || list.iter().any(|row| row["script"] == own.script.as_str());
            let mut came: Vec<Value> = rows.iter().filter(named).map(own_row).collect();
            recorded.sort_by_key(Value::to_string);
            came.sort_by_key(Value::to_string);
            facts.push((key, json!(recorded), json!(came)));
        }
        for (key, value) in after {
            match key.as_str() {
                "boot_interface" => facts.push(("boot interface", value.clone(), json!(self.sandbox.boot_interface()))),
                "has_token" => facts.push(("token", value.clone(), json!(self.sandbox.has_token()))),
                "rows" | "updated_events" | "interfaces" => facts.push(("hardware", value.clone(), Value::Null)),
                _ => {}
            }
        }
        facts
    }

    /// The new events of a step.
    pub(crate) fn new_events(&self, step: &Value, earlier: usize) -> (Vec<Value>, Vec<Value>) {
        let recorded = step["after"]["new_events"].as_array().into_iter().flatten();
        let recorded = recorded.map(|event| {
            let description = self.masked(text(&event["description"]));
            json!([event["level"], event["type"], event["type_description"], description, event["action"]])
        });
        let came = self.sandbox.events().split_off(earlier).into_iter().map(|row| {
            let description = self.masked(&row.description);
            json!([row.level.name(), row.type_name, row.type_description, description, row.action])
        });
        (recorded.collect(), came.collect())
    }

    /// A text without what is this region's own.
    fn masked(&self, own: &str) -> String {
        let mut masked = own.replace("<fqdn>(<system_id>)", "host.maas(id)").replace("nginx/1.22.1", "nginx");
        let key = self.caller.token_key();
        masked = masked.replace(key, "…").replace("<token_key>", "…").replace("\r\n", "\n");
        let masked = crate::mask::text(&masked);
        let complaint = "invalid YAML: ";
        match masked.split_once(complaint) {
            // What the region's parser says is its own; what the region itself says of a file is not.
            Some((before, rest)) if !OF_THE_REGION.iter().any(|text| rest.starts_with(text)) => {
                format!("{before}{complaint}")
            }
            _ => masked,
        }
    }
}

/// The value of a field of which a recording keeps only the size: that of the result of `check` that all others send.
fn whole<'a>(name: &str, value: &'a str) -> &'a str {
    let usual = match name {
        "op" => "signal",
        "status" => "WORKING",
        "script_result_id" => "{id:check}",
        "exit_status" => "0",
        "runtime" => "1.5",
        "error" => "Finished check: 0",
        _ => return value,
    };
    if value == format!("<{} bytes>", usual.len()) { usual } else { value }
}

/// A result file that the recording describes in place of keeping it; its size tells whether this is the same.
fn described(scenario: &str) -> Option<String> {
    let value = |text: String| Some(format!("status: failed\nresults:\n  a: {text}\n"));
    let flow = |depth: usize, open: &str, inner: &str, close: &str| {
        Some(format!("status: failed\nx: {}{inner}{}\n", open.repeat(depth), close.repeat(depth)))
    };
    if let Some(rest) = scenario.strip_prefix("result file nested ") {
        let depth: usize = rest.split(' ').next()?.parse().ok()?;
        return match rest.rsplit(": ").next()? {
            "flow lists" => flow(depth, "[", "", "]"),
            "flow maps" => flow(depth, "{a: ", "1", "}"),
            _ => {
                let levels: String = (1..=depth).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
                Some(format!("status: failed\nx:\n{levels}{}a: 1\n", " ".repeat(depth + 1)))
            }
        };
    }
    match scenario.strip_prefix("result file (edge): ")? {
        "int-5000-digits" => value("1".repeat(5000)),
        "int-4300-digits" => value("1".repeat(4300)),
        "hex-5000-digits" => value(format!("0x{}", "f".repeat(5000))),
        "text-1MB" => value("x".repeat(1_000_000)),
        "list-5000" => value(format!("[{}]", (0..5000).map(|n| n.to_string()).collect::<Vec<_>>().join(","))),
        "entries-2000" => {
            let entries: String = (0..2000).map(|n| format!("  k{n}: {n}\n")).collect();
            Some(format!("status: failed\nresults:\n{entries}"))
        }
        "deep-5000" => flow(5000, "[", "", "]"),
        _ => None,
    }
}

/// How the region's own complaints about a result file begin.
const OF_THE_REGION: [&str; 6] =
    ["YAML must be", "status must be", "link_connected", "All keys", "All values", "results must be"];

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
