//! `shakedown events`: the local log in the region's own form, and the region's log itself.

use serde_json::{Map, Value};
use shakedown::config::metadata_url;
use shakedown::region::{Client, ClientOptions, Credentials};
use shakedown::sandbox::{NodeStatus, Sandbox};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::harness::{Agent, Machine, PATIENCE, Script, region};

/// A machine with the record of a run, and the region that has the other record of it.
async fn after_a_run() -> (Machine, Sandbox) {
    let machine = Machine::new();
    let scripts = [
        Script::testing("a", "echo one"),
        Script::testing("b", "exit 3"),
        Script::testing("c", "echo '{status: degraded}' > \"$RESULT_PATH\""),
    ];
    let region = region(NodeStatus::Testing, &scripts).await;
    let agent = machine.run(&region).variable("SUDO_USER", "ann").variable("SUDO_UID", "1234");
    assert_eq!(agent.end().await.code, Some(1));
    (machine, region)
}

fn query(machine: &Machine, words: &[&str]) -> Agent {
    machine.ask("events").word("query").words(words)
}

async fn answer(machine: &Machine, words: &[&str]) -> Value {
    serde_json::from_str(&query(machine, words).end().await.answer()).expect("JSON")
}

/// One field of each event of an answer.
fn each(answer: &Value, key: &str) -> Vec<String> {
    let events = answer["events"].as_array().expect("a list");
    events.iter().map(|event| event[key].as_str().map_or_else(|| event[key].to_string(), str::to_owned)).collect()
}

/// The region's own answer to a query, as it sends it.
async fn from_region(region: &Sandbox, pairs: &[(&str, &str)]) -> Value {
    let credentials = Credentials::from_api_key(&region.api_key()).expect("a key");
    let address = metadata_url(&region.url()).expect("an address");
    let client = Client::new(ClientOptions::new(address, Some(credentials))).expect("a client");
    let pairs: Vec<(String, String)> =
        [("op", "query")].iter().chain(pairs).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    client.api("events/", &pairs).await.expect("the region answers")
}

/// Keys in their order with the types of their values.
fn shape(object: &Value) -> Vec<(String, &'static str)> {
    let kind = |value: &Value| match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    };
    object.as_object().unwrap_or(&Map::new()).iter().map(|(key, value)| (key.clone(), kind(value))).collect()
}

#[tokio::test]
async fn the_answer_has_the_regions_shape_key_by_key() {
    let (machine, region) = after_a_run().await;
    for level in ["DEBUG", "INFO"] {
        let local = answer(&machine, &["--level", level]).await;
        let remote = from_region(&region, &[("level", level)]).await;
        assert_eq!(shape(&local), shape(&remote), "{level}");
        assert_eq!(shape(&local["events"][0]), shape(&remote["events"][0]), "{level}");
        assert_eq!(local["count"], local["events"].as_array().map_or(0, Vec::len));
        for created in each(&local, "created") {
            let read = jiff::civil::DateTime::strptime("%a, %d %b. %Y %H:%M:%S", &created);
            assert!(read.is_ok_and(|time| time.strftime("%a, %d %b. %Y %H:%M:%S").to_string() == created), "{created}");
        }
    }
}

#[tokio::test]
async fn it_is_printed_as_the_maas_command_line_prints_it() {
    let (machine, _region) = after_a_run().await;
    let text = query(&machine, &["--limit", "1", "--level", "AUDIT"]).end().await.answer();
    let event = &answer(&machine, &["--limit", "1", "--level", "AUDIT"]).await["events"][0];
    let (hostname, node) = (event["hostname"].as_str().unwrap_or_default(), event["node"].as_str().unwrap_or_default());
    let (id, created, description) = (&event["id"], &event["created"], &event["description"]);
    let expected = format!(
        "{{\n    \"count\": 1,\n    \"events\": [\n        {{\n            \"username\": \"ann\",\n            \"node\": \
         \"{node}\",\n            \"hostname\": \"{hostname}\",\n            \"id\": {id},\n            \"level\": \
         \"AUDIT\",\n            \"created\": {created},\n            \"type\": \"Node\",\n            \"description\": \
         {description}\n        }}\n    ],\n    \"next_uri\": \"/MAAS/api/2.0/events/?op=query&level=AUDIT&limit=1&after={id}\",\n    \
         \"prev_uri\": \"/MAAS/api/2.0/events/?op=query&level=AUDIT&limit=1&before={id}\"\n}}\n"
    );
    assert_eq!(text, expected);
}

/// Both records are of one run.
#[tokio::test]
async fn both_logs_tell_the_same_of_the_scripts() {
    let (machine, region) = after_a_run().await;
    let about_scripts = |answer: &Value| -> Vec<(String, String)> {
        let kinds = ["Running test", "Script", "Script result"];
        let mut rows: Vec<_> = each(answer, "type").into_iter().zip(each(answer, "description")).collect();
        rows.retain(|(kind, _)| kinds.contains(&kind.as_str()));
        rows.sort();
        rows
    };
    let local = answer(&machine, &["--level", "DEBUG"]).await;
    let remote = from_region(&region, &[("level", "DEBUG")]).await;
    assert_eq!(about_scripts(&local), about_scripts(&remote));
    assert_eq!(about_scripts(&local).len(), 6);
    assert!(each(&local, "node").iter().all(|node| *node == region.system_id()));
}

#[tokio::test]
async fn the_words_of_the_maas_command_line_do_what_the_options_do() {
    let (machine, _region) = after_a_run().await;
    let rows: [(&[&str], &[&str]); 5] = [
        (&["level=AUDIT", "limit=2"], &["--level", "AUDIT", "--limit", "2"]),
        (&["level=DEBUG", "owner=ann"], &["--owner", "ann", "--level", "DEBUG"]),
        (&["level=DEBUG", "limit=3", "after=2"], &["--level", "DEBUG", "--limit", "3", "--after", "2"]),
        (&["level=DEBUG", "before=4"], &["--level", "DEBUG", "--before", "4"]),
        (&["level=DEBUG", "hostname=nobody"], &["--hostname", "nobody", "--level", "DEBUG"]),
    ];
    for (words, options) in rows {
        let (by_words, by_options) = (answer(&machine, words).await, answer(&machine, options).await);
        assert_eq!(by_words["events"], by_options["events"], "{words:?}");
        assert_eq!(by_words["count"], by_options["count"]);
    }
    assert_eq!(answer(&machine, &["level=AUDIT", "limit=2"]).await["count"], 2);
}

#[tokio::test]
async fn levels_are_asked_for_as_on_the_region() {
    let (machine, _region) = after_a_run().await;
    let levels = |answer: &Value| each(answer, "level");
    assert!(levels(&answer(&machine, &["level=AUDIT"]).await).iter().all(|level| level == "AUDIT"));
    let usual = answer(&machine, &[]).await;
    assert!(usual["count"].as_u64() > Some(0), "INFO is what is asked for without a word");
    assert!(levels(&usual).iter().all(|level| ["INFO", "WARNING", "ERROR", "CRITICAL"].contains(&level.as_str())));
    assert_eq!(answer(&machine, &["level=CRITICAL"]).await["count"], 0);
}

#[tokio::test]
async fn one_type_one_owner_or_one_time_alone() {
    let (machine, _region) = after_a_run().await;
    let failed = answer(&machine, &["--type", "SCRIPT_DID_NOT_COMPLETE"]).await;
    assert_eq!(each(&failed, "description"), ["b failed"]);
    let two = answer(&machine, &["--type", "SCRIPT_DID_NOT_COMPLETE", "--type", "RUNNING_TEST"]).await;
    assert_eq!(two["count"], 4);
    assert_eq!(answer(&machine, &["--type", "NO_SUCH_TYPE"]).await["count"], 0);

    let ann = answer(&machine, &["--level", "AUDIT", "--owner", "ann"]).await;
    assert_eq!(ann["count"], 2, "credentials and the run: {ann}");
    assert!(each(&ann, "username").iter().all(|name| name == "ann"));
    assert_eq!(answer(&machine, &["--level", "AUDIT", "--owner", "bob"]).await["count"], 0);

    let all = answer(&machine, &["--level", "DEBUG"]).await;
    for since in ["1h", "2d", "2020-01-01", "2020-01-01T00:00:00Z"] {
        let found = answer(&machine, &["--level", "DEBUG", "--since", since]).await;
        assert_eq!(found["events"], all["events"], "{since}");
    }
    for since in ["2100-01-01", "2100-01-01T00:00:00+02:00"] {
        assert_eq!(answer(&machine, &["--level", "DEBUG", "--since", since]).await["count"], 0, "{since}");
    }
}

/// To the second that the log shows: who asks for what happened since then gets what happened in that second.
#[tokio::test]
async fn since_a_second_includes_that_second() {
    let (machine, _region) = after_a_run().await;
    let first = machine.events("DEBUG").remove(0);
    let second = first.created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let found = answer(&machine, &["--level", "DEBUG", "--limit", "1000", "--since", &second]).await;
    assert!(each(&found, "id").contains(&first.id.to_string()), "{} is missing since {second}", first.created);
    let exact = answer(&machine, &["--level", "DEBUG", "--limit", "1000", "--since", &first.created.to_string()]).await;
    assert!(each(&exact, "id").contains(&first.id.to_string()), "since its very moment, {}", first.created);
}

#[tokio::test]
async fn mistakes_are_refused_in_the_regions_words() {
    let (machine, region) = after_a_run().await;
    let key = region.api_key();
    let rows: [(&[&str], &str); 4] = [
        (
            &["--before", "5", "--after", "3"],
            "There is undetermined behaviour when both `after` and `before` are specified.",
        ),
        (&["--limit", "1001"], "Requested number of events 1001 is greater than limit: 1000"),
        (&["--level", "GREAT"], "Unrecognised log level: GREAT"),
        (&["--limit", "many"], "Invalid limit: Please enter an integer value"),
    ];
    for (options, text) in rows {
        let local = query(&machine, options).end().await;
        assert_eq!((local.code, local.only_complaint()), (Some(3), format!("shakedown: {text}").as_str()));
        let url = region.url();
        let remote = query(&machine, options).words(&["--region", &url, "--api-key", &key]).end().await;
        assert_eq!(remote.code, Some(3));
        assert!(remote.only_complaint().ends_with(text), "the region itself says so: {}", remote.stderr);
    }
    assert_eq!(query(&machine, &["colour=blue"]).end().await.code, Some(2));
}

#[tokio::test]
async fn one_object_a_line_or_a_table() {
    let (machine, _region) = after_a_run().await;
    let objects = answer(&machine, &["--level", "DEBUG"]).await["events"].clone();
    let lines = query(&machine, &["--level", "DEBUG", "--format", "jsonl"]).end().await.answer();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(Value::Array(lines), objects);

    let table = query(&machine, &["--format", "table", "--type", "SCRIPT_DID_NOT_COMPLETE"]).end().await.answer();
    let rows: Vec<Vec<&str>> =
        table.lines().map(|line| line.split("  ").map(str::trim).filter(|c| !c.is_empty()).collect()).collect();
    assert_eq!(rows[0], ["ID", "CREATED", "LEVEL", "USER", "NODE", "TYPE", "DESCRIPTION"]);
    assert_eq!(rows.len(), 2, "{table}");
    assert_eq!((rows[1][2], rows[1][5], rows[1][6]), ("INFO", "Script", "b failed"));
}

#[tokio::test]
async fn what_happens_later_can_be_followed() {
    let (machine, _region) = after_a_run().await;
    let options = ["--follow", "--format", "jsonl", "--level", "DEBUG", "--type", "RUNNING_TEST"];
    let mut follower = query(&machine, &options).start();
    let mut lines = BufReader::new(follower.stdout.take().expect("a pipe")).lines();
    let mut seen = Vec::new();
    let mut look = async |number: usize| {
        while seen.len() < number {
            let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("a line in time");
            let line = line.expect("readable").expect("it goes on");
            let event: Value = serde_json::from_str(&line).expect("JSON");
            seen.push(event["description"].as_str().unwrap_or_default().to_owned());
        }
        seen.clone()
    };
    assert_eq!(look(3).await, ["a", "b", "c"], "what was there, oldest first");
    let later = region(NodeStatus::Testing, &[Script::testing("d-later", "echo later")]).await;
    assert_eq!(machine.run(&later).end().await.code, Some(0));
    assert_eq!(look(4).await[3], "d-later");
    follower.kill().await.expect("it is ended");
}

#[tokio::test]
async fn a_regions_own_log_is_asked_with_a_users_key() {
    let (machine, region) = after_a_run().await;
    let (url, key) = (region.url(), region.api_key());
    let asked = |words: &[&str]| query(&machine, words).words(&["--region", &url]).variable("SHAKEDOWN_API_KEY", &key);
    let printed = asked(&["level=DEBUG", "limit=5"]).end().await.answer();
    let read: Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!(read, from_region(&region, &[("level", "DEBUG"), ("limit", "5")]).await);
    assert!(
        printed.starts_with("{\n    \"count\": 5,\n    \"events\": [\n        {\n            \"username\""),
        "{printed}"
    );
    let option = query(&machine, &["level=DEBUG", "limit=5", "--region", &url, "--api-key", &key]).end().await.answer();
    assert_eq!(option, printed);
    let table = asked(&["--format", "table"]).end().await.answer();
    assert!(table.starts_with("ID ") && table.contains("b failed"), "{table}");
    let ended = asked(&["--type", "NODE"]).end().await;
    assert_eq!(ended.code, Some(3));
    assert!(ended.only_complaint().contains("knows neither --type"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_wrong_key_is_one_line_without_the_key() {
    let (machine, region) = after_a_run().await;
    let url = region.url();
    let key = region.api_key();
    let parts: Vec<&str> = key.split(':').collect();
    let wrong = [
        (format!("{}:{}:hidden-secret", parts[0], parts[1]), "the token secret is wrong"),
        (format!("{}:hidden-token:{}", parts[0], parts[2]), "it does not know the token"),
        (format!("hidden-consumer:{}:{}", parts[1], parts[2]), "it does not know the consumer key"),
        ("hidden".to_owned(), "--api-key is not CONSUMER:TOKEN:SECRET"),
    ];
    for (key, why) in wrong {
        let ended = query(&machine, &["--region", &url, "--api-key", &key]).end().await;
        assert_eq!((ended.code, ended.text().as_str()), (Some(3), ""));
        let complaint = ended.only_complaint();
        assert!(complaint.contains(why), "{complaint}");
        assert!(!complaint.contains("hidden") && !complaint.contains(parts[2]), "{complaint}");
    }
    assert_eq!(query(&machine, &["--region", &url]).end().await.code, Some(2), "a region wants a key");
}

#[tokio::test]
async fn the_state_directory_may_be_given_before_or_after_the_verb() {
    let (machine, _region) = after_a_run().await;
    for words in [["query", "--level=AUDIT"], ["verify", "-v"], ["types", "-v"]] {
        let before = machine.ask("events").words(&words).end().await.answer();
        let after = Agent::new("events").words(&words).word("--state-dir").word(&machine.state).end().await.answer();
        assert_eq!(before, after);
    }
}

#[tokio::test]
async fn the_types_are_those_of_the_region_with_their_levels() {
    let (machine, _region) = after_a_run().await;
    let table = machine.ask("events").word("types").end().await.answer();
    let rows: Vec<Vec<&str>> =
        table.lines().map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()).collect();
    assert_eq!(rows[0], ["LEVEL", "NAME", "DESCRIPTION"]);
    for expected in [
        ["AUDIT", "AUTHORISATION", "Authorisation"],
        ["AUDIT", "NODE", "Node"],
        ["DEBUG", "SCRIPT_RESULT_CHANGED_STATUS", "Script result"],
        ["INFO", "SCRIPT_DID_NOT_COMPLETE", "Script"],
        ["ERROR", "SCRIPT_RESULT_ERROR", "Script result lookup or storage error"],
    ] {
        assert!(rows.iter().any(|row| row[..] == expected), "{expected:?} in {table}");
    }
}
