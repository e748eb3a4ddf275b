//! Texts of the second recording, with what was that region's own told from what a region says.

use serde_json::{Value, json};

use crate::second::{mac, text};
use crate::second_request::Replayed;

impl Replayed<'_> {
    /// A text without what is this region's own.
    pub(crate) fn masked(&self, own: &str) -> String {
        let masked = crate::mask::text(&self.masked_names(own));
        if let Some((before, _)) = masked.split_once("Invalid YAML: ") {
            return format!("{before}Invalid YAML: ");
        }
        let complaint = "invalid YAML: ";
        match masked.split_once(complaint) {
            // What the region's parser says is its own; what the region itself says of a file is not.
            Some((before, rest)) if !OF_THE_REGION.iter().any(|text| rest.starts_with(text)) => {
                format!("{before}{complaint}")
            }
            _ => masked,
        }
    }

    /// The same, with what the region says of YAML as it stands.
    pub(crate) fn masked_names(&self, own: &str) -> String {
        let (hostname, id) = (self.sandbox.hostname(), self.sandbox.system_id());
        let mut masked = own.replace("<fqdn>(<system_id>)", "host.maas(id)").replace("nginx/1.22.1", "nginx");
        if !own.contains(&format!("{hostname}.maas(")) {
            if own == format!("{hostname}.maas") {
                return "<fqdn>".to_owned();
            }
            masked = masked.replace(&hostname, "<hostname>");
            masked = masked.replace(&id, "<system_id>").replace("{id}", "<system_id>");
        }
        masked = masked.replace(&hostname.to_uppercase(), "<HOSTNAME>");
        masked = masked.replace(&mac(self.scenario), "<mac>");
        if text(&self.scenario["scenario"]).starts_with("files API") {
            masked = masked.replace("ex2-449673c2", "<name>");
            if !self.key.is_empty() {
                masked = masked.replace(&self.key, "<key>");
            }
        }
        let key = self.caller.token_key();
        masked.replace(key, "…").replace("<token_key>", "…").replace("\r\n", "\n")
    }

    /// A text of the recording with what is this region's own in place of what was that one's.
    pub(crate) fn filled_in(&self, recorded: &str, step: &Value) -> String {
        let label = text(&step["label"]);
        let is_new = step["request"]["method"] == "POST" && label != "MAC of another machine";
        let mac = if is_new { free_mac(label) } else { mac(self.scenario) };
        let hostname = self.sandbox.hostname();
        let pairs = [
            ("{id}", self.sandbox.system_id()),
            ("<system_id>", self.sandbox.system_id()),
            ("<hostname>", hostname.clone()),
            ("<HOSTNAME>", hostname.to_uppercase()),
            ("<MAC in capitals>", mac.to_uppercase()),
            ("<mac with dashes>", mac.replace(':', "-")),
            ("<mac>", mac),
            ("<name>", "ex2-449673c2".to_owned()),
            ("<key>", self.key.clone()),
            // One host name that was not masked.
            ("ex2-8a096501", hostname.clone()),
        ];
        pairs.into_iter().fold(recorded.to_owned(), |text, (mark, own)| text.replace(mark, &own))
    }
}

/// A body as far as the recording keeps it; of a list of architectures it counts that there is one.
pub(crate) fn beginning(body: &str, recorded: &Value) -> Value {
    let kept = text(&recorded["body"]);
    let is_cut = recorded["body_bytes"]
        .as_u64()
        .is_some_and(|size| usize::try_from(size).is_ok_and(|size| size > kept.len() + 20));
    let body = match body.split_once("It should be one of: ") {
        Some((before, _)) => before,
        None => body,
    };
    if !is_cut {
        return json!(body);
    }
    // Blanks between the values of JSON are told by the bodies that are kept whole.
    let without_blanks = |text: &str| text.chars().filter(|c| !c.is_whitespace()).take(50).collect::<String>();
    let length = without_blanks(kept).chars().count();
    json!(without_blanks(body).chars().take(length).collect::<String>())
}

/// An address that no machine has.
fn free_mac(label: &str) -> String {
    let sum = label.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    let [a, b, c, d] = sum.to_be_bytes();
    format!("52:{a:02x}:{b:02x}:{c:02x}:{d:02x}:ee")
}

/// The value of a field of which a recording keeps only the size: that of the result of `check` that all others send.
pub(crate) fn whole<'a>(name: &str, value: &'a str) -> &'a str {
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
pub(crate) fn described(scenario: &str) -> Option<String> {
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
