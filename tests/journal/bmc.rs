//! The access to a BMC that a commissioning script finds: the region gets it once and whole, and nothing else ever holds its
//! password, whatever happens on the way.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::json;
use shakedown::sandbox::{Action, Fault, NodeStatus, Sandbox};
use shakedown::script::Status;

use crate::harness::{Agent, Ended, Machine, Script, region, row, texts, until};

const PASSWORD: &str = "swordfish-of-the-bmc";

/// A script that writes `BMC_CONFIG_PATH` without having the password in its text.
fn finder(name: &str, power_type: &str) -> Script {
    let password: String = PASSWORD.chars().map(|c| if c.is_ascii_lowercase() { rot13(c) } else { c }).collect();
    Script::commissioning(
        name,
        format!(
            "password=$(echo {password} | tr a-z n-za-m)\n\
             printf 'power_type: {power_type}\\npower_address: 10.0.0.9\\npower_user: maas\\npower_pass: %s\\n' \
             $password >\"$BMC_CONFIG_PATH\"\necho found"
        ),
    )
}

fn rot13(c: char) -> char {
    char::from(b'a' + (u8::try_from(c).expect("ASCII") - b'a' + 13) % 26)
}

/// Every file of the machine but the region's configuration that holds the password.
fn holders(machine: &Machine) -> Vec<String> {
    fn below(directory: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(directory).expect("a directory").flatten() {
            let path = entry.path();
            if path.is_dir() {
                below(&path, found);
            } else if memchr::memmem::find(&fs::read(&path).expect("readable"), PASSWORD.as_bytes()).is_some() {
                found.push(path.display().to_string());
            }
        }
    }
    let mut found = Vec::new();
    below(&machine.path(""), &mut found);
    found
}

/// Nothing on the machine, nothing that was printed, and nothing that the region shows has the password.
async fn nobody_shows_it(machine: &Machine, region: &Sandbox, ended: &Ended) {
    assert_eq!(holders(machine), [""; 0]);
    let mut shown = vec![ended.text(), ended.stderr.clone()];
    for verb in ["results", "events", "runs"] {
        shown.push(machine.ask(verb).end().await.text());
    }
    shown.push(machine.ask("events").words(&["--level", "DEBUG", "--format", "json"]).end().await.text());
    shown.push(format!("{:?} {:?} {:?}", region.events(), region.power(), region.requests()));
    for text in shown {
        assert!(!text.contains(PASSWORD), "{text}");
    }
}

/// The region can reach the BMC.
fn region_has_it(region: &Sandbox) {
    let power = region.power().expect("the region was told");
    let parameters: serde_json::Value = serde_json::from_str(&power.parameters_json()).expect("JSON");
    let expected = json!({"power_address": "10.0.0.9", "power_user": "maas", "power_pass": PASSWORD});
    assert_eq!((power.power_type(), parameters), ("ipmi", expected));
}

fn debug(agent: Agent) -> Agent {
    agent.variable("SHAKEDOWN_LOG", "debug")
}

#[tokio::test]
async fn the_region_is_told_once_and_nobody_else() {
    let machine = Machine::new();
    let scripts = [finder("a", "ipmi"), finder("b", "redfish")];
    let region = region(NodeStatus::Commissioning, &scripts).await;
    let ended = debug(machine.run(&region)).end().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    region_has_it(&region);
    assert_eq!((row(&region, "a").status, row(&region, "b").status), (Status::Passed, Status::Passed));
    assert_eq!(region.node_status(), NodeStatus::Ready);
    nobody_shows_it(&machine, &region, &ended).await;
    let told = texts(&machine.events("DEBUG"), "found the BMC");
    assert_eq!(told, ["a found the BMC ipmi power_address=10.0.0.9 power_user=maas power_pass=…"]);
}

#[tokio::test]
async fn a_file_that_is_wrong_fails_its_script_and_says_what_is_wrong() {
    let machine = Machine::new();
    let script = Script::commissioning(
        "a",
        "{ echo 'power_user: maas'; echo 'power_pass: ['; } >\"$BMC_CONFIG_PATH\"\n\
         echo '{status: passed, results: {a: 1}}' >\"$RESULT_PATH\"; echo found",
    );
    let region = region(NodeStatus::Commissioning, &[script]).await;
    let ended = machine.run(&region).end().await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let row = row(&region, "a");
    let output = String::from_utf8_lossy(&row.output).into_owned();
    assert_eq!((row.status, row.exit_status), (Status::Failed, Some(1)), "{output}");
    assert!(output.starts_with("found\n") && output.contains("is wrong: it is not valid YAML (line 3)"), "{output}");
    assert_eq!(String::from_utf8_lossy(&row.result), r#"{"status":"failed","results":{"a":1}}"#);
    assert_eq!(region.power(), None);
    assert_eq!(region.node_status(), NodeStatus::FailedCommissioning);
}

#[tokio::test]
async fn what_the_region_refuses_fails_the_script_and_the_next_one_may_know_better() {
    let machine = Machine::new();
    let region = region(NodeStatus::Commissioning, &[finder("a", "nonsense"), finder("b", "ipmi")]).await;
    let ended = debug(machine.run(&region)).end().await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let row_a = row(&region, "a");
    let output = String::from_utf8_lossy(&row_a.output).into_owned();
    assert_eq!((row_a.status, row_a.exit_status), (Status::Failed, Some(1)), "{output}");
    assert!(
        output.contains("cannot be used: the region refuses it with 400 Bad Request: Bad power_type 'nonsense'"),
        "{output}"
    );
    assert_eq!(row(&region, "b").status, Status::Passed);
    region_has_it(&region);
    nobody_shows_it(&machine, &region, &ended).await;
}

#[tokio::test]
async fn a_region_that_quotes_what_it_refuses_is_not_quoted() {
    let machine = Machine::new();
    let region = region(NodeStatus::Commissioning, &[finder("a", "ipmi")]).await;
    // The start of the script, then the access to the BMC.
    for text in ["Unknown status: 'X'", &format!("Bad power_type: what is {PASSWORD}?")] {
        let fault = Fault::new("POST", 1, Action::Answer(400, text.to_owned()));
        region.inject(Fault { path: "/2012-03-01/".to_owned(), ..fault });
    }
    let ended = debug(machine.run(&region)).end().await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let output = String::from_utf8_lossy(&row(&region, "a").output).into_owned();
    assert!(output.contains("what is …?"), "{output}");
    nobody_shows_it(&machine, &region, &ended).await;
}

/// A region without a connected rack answers 503.
#[tokio::test]
async fn an_outage_delays_it_and_only_its_own_file_holds_the_password_meanwhile() {
    let machine = Machine::new();
    let region = region(NodeStatus::Commissioning, &[finder("a", "ipmi")]).await;
    region.inject(Fault::new("POST", 1_000_000, Action::Answer(503, "Unable to connect to a rack".to_owned())));
    let agent = debug(machine.run(&region)).start();
    waits(&machine).await;
    let file = machine.path("storage/out/a.4000.bmc");
    assert_eq!(holders(&machine), [file.display().to_string()]);
    assert_eq!(fs::metadata(&file).expect("the file").permissions().mode() & 0o777, 0o600);
    region.clear_faults();
    let ended = Ended::of(agent).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    region_has_it(&region);
    nobody_shows_it(&machine, &region, &ended).await;
}

/// Until the message about the BMC is on record.
async fn waits(machine: &Machine) {
    let sql = "SELECT count(*) FROM outbox WHERE state = 'waiting' AND label = 'access to the BMC'";
    let count = || machine.sql().query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap_or(0);
    until("the region is to be told of the BMC", || machine.journal().exists() && count() == 1).await;
}

/// A machine on which a script found the BMC, and whose agent was killed before the region, which is back now, took that.
async fn killed_before_the_region_heard() -> (Machine, Sandbox) {
    let machine = Machine::new();
    let region = region(NodeStatus::Commissioning, &[finder("a", "ipmi")]).await;
    region.inject(Fault::new("POST", 1_000_000, Action::Answer(503, String::new())));
    let mut agent = machine.run(&region).start();
    waits(&machine).await;
    agent.kill().await.expect("the agent is killed");
    region.clear_faults();
    (machine, region)
}

#[tokio::test]
async fn neither_it_nor_how_its_script_ended_is_lost_in_a_crash() {
    let (machine, region) = killed_before_the_region_heard().await;
    let ended = debug(machine.run(&region)).end().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    region_has_it(&region);
    let row = row(&region, "a");
    assert_eq!((row.status, row.exit_status), (Status::Passed, Some(0)));
    assert_eq!(String::from_utf8_lossy(&row.output), "found\n");
    nobody_shows_it(&machine, &region, &ended).await;
}

#[tokio::test]
async fn that_it_is_gone_with_its_file_is_told() {
    let (machine, region) = killed_before_the_region_heard().await;
    let file = machine.path("storage/out/a.4000.bmc");
    fs::remove_file(&file).expect("it was there");
    let ended = debug(machine.run(&region)).end().await;
    assert_eq!((ended.code, region.power()), (Some(0), None), "{}", ended.stderr);
    let told = format!("the access to the BMC that a found is gone from this machine ({})", file.display());
    let events = texts(&machine.events("DEBUG"), "is gone");
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(events[0].starts_with(&told) && events[0].contains("run a again"), "{events:?}");
    assert!(region.events().iter().any(|event| event.description.contains(&told)), "the region's operator hears of it");
    nobody_shows_it(&machine, &region, &ended).await;
}

#[tokio::test]
async fn a_script_that_was_stopped_may_have_written_half_of_it() {
    let machine = Machine::new();
    let script = Script::commissioning("a", "echo 'power_type: ipmi' >\"$BMC_CONFIG_PATH\"; echo begun; sleep 600");
    let region = region(NodeStatus::Commissioning, &[script]).await;
    machine.run(&region).killed_when("it has begun", || machine.has("storage/out/a.4000", "begun")).await;
    assert_eq!(machine.run(&region).end().await.code, Some(1));
    assert_eq!(region.power(), None);
    assert!(!machine.path("storage/out/a.4000.bmc").exists());
}
