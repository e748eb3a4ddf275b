//! The audit log: what somebody is answerable for, with who that was, from where, and through what.

use nix::unistd::{Uid, User};
use shakedown::sandbox::{NodeStatus, Sandbox};
use shakedown::script::Status;

use crate::harness::{Agent, Machine, Script, region, row};

/// Who, from where, through what.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    type_name: String,
    description: String,
    username: String,
    user_id: Option<i64>,
    ip_address: Option<String>,
    user_agent: String,
    hostname: String,
    system_id: Option<String>,
}

fn audit(machine: &Machine) -> Vec<Row> {
    let connection = machine.sql();
    let sql = "SELECT t.name, e.description, e.username, e.user_id, e.ip_address, e.user_agent, e.node_hostname, e.node_system_id
        FROM maasserver_event e JOIN maasserver_eventtype t ON t.id = e.type_id WHERE t.level = 0 ORDER BY e.id";
    let mut statement = connection.prepare(sql).expect("the region's columns");
    let row = |row: &rusqlite::Row<'_>| {
        Ok(Row {
            type_name: row.get(0)?,
            description: row.get(1)?,
            username: row.get(2)?,
            user_id: row.get(3)?,
            ip_address: row.get(4)?,
            user_agent: row.get(5)?,
            hostname: row.get(6)?,
            system_id: row.get(7)?,
        })
    };
    statement.query_map([], row).expect("rows").map(|row| row.expect("a row")).collect()
}

/// The rows whose text holds something.
fn about(machine: &Machine, part: &str) -> Vec<Row> {
    audit(machine).into_iter().filter(|row| row.description.contains(part)).collect()
}

async fn simple_region() -> Sandbox {
    region(NodeStatus::Testing, &[Script::testing("a", "echo one")]).await
}

async fn ends_well(agent: Agent) {
    let ended = agent.end().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

fn base(region: &Sandbox) -> String {
    region.url().trim_end_matches("/MAAS/").to_owned()
}

#[tokio::test]
async fn who_started_a_run_over_the_network_with_sudo() {
    let machine = Machine::new();
    let region = simple_region().await;
    let agent = machine.run(&region).variable("SUDO_USER", "ann").variable("SUDO_UID", "1234");
    ends_well(agent.variable("SSH_CONNECTION", "192.0.2.7 50022 192.0.2.1 22")).await;
    let started = about(&machine, "Started a run").remove(0);
    let hostname = nix::unistd::gethostname().expect("a host name").to_string_lossy().into_owned();
    assert_eq!(
        started,
        Row {
            type_name: "NODE".into(),
            description: format!("Started a run on '{hostname}' for {}.", base(&region)),
            username: "ann".into(),
            user_id: Some(1234),
            ip_address: Some("192.0.2.7".into()),
            user_agent: concat!("shakedown/", env!("CARGO_PKG_VERSION")).into(),
            hostname,
            system_id: Some(region.system_id()),
        }
    );
    assert_eq!(machine.store().runs().expect("readable")[0].requested_by, "ann");
    let shown = machine.ask("events").words(&["query", "level=AUDIT", "owner=ann"]).end().await.answer();
    assert!(shown.contains("Started a run on"), "{shown}");
}

#[tokio::test]
async fn without_sudo_it_is_the_user_of_the_process_and_no_address() {
    let machine = Machine::new();
    let region = simple_region().await;
    ends_well(machine.run(&region)).await;
    let started = about(&machine, "Started a run").remove(0);
    let user =
        User::from_uid(Uid::current()).ok().flatten().map_or_else(|| Uid::current().to_string(), |user| user.name);
    assert_eq!((started.username, started.user_id), (user, Some(i64::from(Uid::current().as_raw()))));
    assert_eq!(started.ip_address, None);
}

#[tokio::test]
async fn credentials_are_registered_once_and_then_rotated() {
    let machine = Machine::new();
    let (first, second) = (simple_region().await, simple_region().await);
    ends_well(machine.run(&first).variable("SUDO_USER", "ann")).await;
    let registered = about(&machine, "credentials").remove(0);
    assert_eq!((registered.type_name.as_str(), registered.username.as_str()), ("AUTHORISATION", "ann"));
    let source = machine.path("node.yaml").display().to_string();
    assert_eq!(registered.description, format!("Registered credentials for {} (from {source}).", base(&first)));

    ends_well(machine.run(&second).variable("SUDO_USER", "bob")).await;
    let rotated = about(&machine, "credentials").remove(1);
    assert_eq!((rotated.type_name.as_str(), rotated.username.as_str()), ("AUTHORISATION", "bob"));
    assert_eq!(rotated.description, format!("Rotated credentials for {} (from {source}).", base(&second)));
}

#[tokio::test]
async fn known_credentials_are_no_news() {
    let machine = Machine::new();
    let region = region(NodeStatus::Testing, &[Script::testing("a", "echo begun; sleep 60")]).await;
    machine.run(&region).killed_when("it has begun", || machine.has("storage/out/a.4000", "begun")).await;
    let ended = machine.run(&region).variable("SUDO_USER", "ann").end().await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(about(&machine, "credentials").len(), 1);
    let resumed = about(&machine, "Resumed a run on");
    assert_eq!((resumed.len(), resumed[0].username.as_str()), (1, "ann"), "whoever goes on with it answers for that");
}

#[tokio::test]
async fn a_script_whose_content_changed_is_told_with_both_contents() {
    let machine = Machine::new();
    let mut hashes = Vec::new();
    for text in ["one", "one", "two"] {
        let scripts = [Script::testing("a", format!("echo {text}")), Script::testing("same", "echo same")];
        let region = region(NodeStatus::Testing, &scripts).await;
        ends_well(machine.run(&region)).await;
        let run = machine.store().runs().expect("readable").remove(0);
        let results = machine.store().results(run.id).expect("readable");
        let of_a = results.into_iter().find(|result| result.name == "a").expect("its result");
        hashes.push(of_a.script_sha256.expect("its content is known"));
    }
    let (old, new) = (&hashes[1], &hashes[2]);
    let changed = about(&machine, "changed since it last ran here");
    assert_eq!(changed.len(), 1, "{changed:?}");
    let text = format!("Script 'a' (test) changed since it last ran here: SHA-256 {old} became {new}.");
    assert_eq!((changed[0].type_name.as_str(), &changed[0].description), ("SETTINGS", &text));
    assert_eq!((changed[0].username.as_str(), changed[0].user_id), ("region", None), "the region answers for it");
    assert_eq!(changed[0].user_agent, concat!("shakedown/", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn a_script_that_destroys_data_is_told_before_it_runs() {
    let machine = Machine::new();
    let scripts =
        [Script::testing("harmless", "echo one"), Script::testing("wipe", "echo two").field("destructive: true")];
    let region = region(NodeStatus::Testing, &scripts).await;
    ends_well(machine.run(&region)).await;
    let told = about(&machine, "destructive");
    assert_eq!(told.len(), 1, "{told:?}");
    let host = &told[0].hostname;
    assert_eq!(told[0].description, format!("Started destructive testing script 'wipe' on '{host}'."));
    assert_eq!((told[0].type_name.as_str(), told[0].username.as_str()), ("NODE", "region"));
    let events = machine.events("DEBUG");
    let begun = events.iter().find(|event| event.description == "wipe").expect("it ran");
    let audit = machine.events("AUDIT");
    let noted = audit.iter().find(|event| event.description.contains("destructive")).expect("it was told");
    assert!(noted.id < begun.id, "before it ran");
    assert!(about(&machine, "harmless").is_empty());
}

#[tokio::test]
async fn so_is_a_release_script() {
    let machine = Machine::new();
    let scripts =
        [Script::release("scrub", "echo one"), Script::release("wipe", "echo two").field("destructive: true")];
    let region = region(NodeStatus::Releasing, &scripts).await;
    ends_well(machine.run(&region)).await;
    assert_eq!(row(&region, "wipe").status, Status::Passed);
    let told: Vec<String> = about(&machine, "release script").into_iter().map(|row| row.description).collect();
    let host = &audit(&machine)[0].hostname;
    assert_eq!(
        told,
        [
            format!("Started release script 'scrub' on '{host}'."),
            format!("Started destructive release script 'wipe' on '{host}'."),
        ]
    );
}

#[tokio::test]
async fn ordinary_events_are_nobodys() {
    let machine = Machine::new();
    let region = simple_region().await;
    ends_well(machine.run(&region).variable("SUDO_USER", "ann")).await;
    let events = machine.events("DEBUG");
    assert!(!events.is_empty() && events.iter().all(|event| event.username.is_empty()), "{events:?}");
}
