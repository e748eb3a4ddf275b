//! What happens to a script, its event and what the region is to hear of it go on record together or not at all, and what is
//! on record is on disk.

use shakedown::event::{Event, EventType};
use shakedown::journal::{
    Audience, Message, MessageId, NewResult, NewRun, ResultChange, RunEnd, RunEnding, RunId, Store,
};
use shakedown::script::{Script, ScriptType, Status, Workspace};

use crate::harness::Machine;

const REGION: &str = "http://192.0.2.1:5240 token 01234567";

/// A run with one script that has not begun.
fn begun(store: &mut Store, machine: &Machine) -> RunId {
    let storage = machine.path("storage");
    let workspace = Workspace::new(&storage);
    let (region, audience) = (REGION.into(), Audience::Region);
    let new = NewRun { region, audience, storage, boot_id: "a boot".into(), requested_by: "ann".into() };
    let id = store.begin_run(&new).expect("it is written");
    let script = Script::placeholder(ScriptType::Testing, "a", Some(7));
    let outputs = workspace.outputs(&script);
    let result = NewResult { script, sha256: None, may_reboot: false, outputs };
    store.expect_results(id, &[result]).expect("it is written");
    id
}

fn starts(run_id: RunId) -> ResultChange {
    ResultChange {
        run_id,
        name: "a".into(),
        result_id: Some(7),
        status: Status::Running,
        exit_status: None,
        runtime: None,
        notes: String::new(),
        findings: Vec::new(),
        cost: None,
    }
}

fn message(run_id: RunId, label: &str) -> Message {
    let (label, payload) = (label.to_owned(), "{}".to_owned());
    Message {
        id: MessageId::default(),
        run_id: Some(run_id),
        label,
        payload,
        leads_to: Some(Status::Running),
        may_have_arrived: false,
    }
}

/// From now on a message of this label cannot be written.
fn refuse(machine: &Machine, label: &str) {
    let trigger = format!(
        "CREATE TRIGGER refuse BEFORE INSERT ON outbox WHEN NEW.label = '{label}'
         BEGIN SELECT RAISE (ABORT, 'refused'); END"
    );
    machine.sql().execute_batch(&trigger).expect("a trigger");
}

fn open(machine: &Machine) -> Store {
    Store::open(&machine.state, "host", REGION).expect("a journal").store
}

/// Status of the script, number of events, ids of the messages: as another process sees them.
fn on_record(machine: &Machine, run_id: RunId) -> (Status, usize, Vec<MessageId>) {
    let store = machine.store();
    let status = store.results(run_id).expect("readable")[0].status;
    let messages = store.waiting_messages(REGION).expect("readable");
    (status, machine.events("DEBUG").len(), messages.iter().map(|message| message.id).collect())
}

#[test]
fn all_of_it_or_nothing() {
    let machine = Machine::new();
    let mut store = open(&machine);
    let run_id = begun(&mut store, &machine);
    refuse(&machine, "no");
    let events = [Event::new(EventType::RUNNING_TEST, "a")];
    let refused = store.record(Some(&starts(run_id)), &events, &[message(run_id, "yes"), message(run_id, "no")]);
    assert!(refused.is_err(), "the second message cannot be written");
    assert_eq!(on_record(&machine, run_id), (Status::Pending, 0, vec![]), "nothing of it");
    let ids = store.record(Some(&starts(run_id)), &events, &[message(run_id, "yes")]).expect("it is written");
    assert_eq!(on_record(&machine, run_id), (Status::Running, 1, ids), "all of it");
}

#[test]
fn the_end_of_a_run_and_its_last_message_are_one_as_well() {
    let machine = Machine::new();
    let mut store = open(&machine);
    let run_id = begun(&mut store, &machine);
    refuse(&machine, "no");
    let ending = RunEnding { end: RunEnd::Passed, outcome: "done", took: None };
    assert!(store.end_run(run_id, &ending, |_| vec![message(run_id, "no")]).is_err());
    assert_eq!(machine.store().runs().expect("readable")[0].ended, None);
    let ids = store.end_run(run_id, &ending, |_| vec![message(run_id, "yes")]).expect("it is written");
    let run = machine.store().runs().expect("readable").remove(0);
    assert_eq!((run.end, run.outcome.as_deref()), (Some(RunEnd::Passed), Some("done")));
    assert!(!run.is_complete, "its script has no end, whatever the run says of itself");
    assert!(run.duration.is_some_and(|duration| duration.as_secs() < 600), "{:?}", run.duration);
    assert_eq!(on_record(&machine, run_id).2, ids);
}

#[test]
fn a_message_is_finished_once_and_says_how() {
    let machine = Machine::new();
    let mut store = open(&machine);
    let run_id = begun(&mut store, &machine);
    let messages = ["sent", "refused", "waiting"].map(|label| message(run_id, label));
    let ids = store.record(None, &[], &messages).expect("it is written");
    store.finish_message(ids[0], None).expect("it is written");
    store.finish_message(ids[1], Some("it is Tuesday")).expect("it is written");
    assert_eq!(on_record(&machine, run_id).2, [ids[2]]);
    let refused = store.refused_messages().expect("readable");
    assert_eq!((refused[0].0.as_str(), refused[0].1.as_str(), refused.len()), ("refused", "it is Tuesday", 1));
    let waiting = store.waiting_messages(REGION).expect("readable").remove(0);
    assert!(waiting.may_have_arrived, "whoever finds it there does not know whether it was sent");
}

#[test]
fn the_number_of_a_message_is_never_used_again() {
    let machine = Machine::new();
    let mut store = open(&machine);
    let run_id = begun(&mut store, &machine);
    let first = store.record(None, &[], &[message(run_id, "first")]).expect("it is written");
    machine.sql().execute_batch("DELETE FROM outbox").expect("it is deleted");
    let second = store.record(None, &[], &[message(run_id, "second")]).expect("it is written");
    assert!(second > first, "{second:?} after {first:?}");
}

/// As `maasserver_eventtype` and `maasserver_event` are documented for the region.
#[test]
fn the_tables_have_the_regions_columns() {
    let machine = Machine::new();
    drop(open(&machine));
    let connection = machine.sql();
    let columns = |table: &str| -> Vec<String> {
        let mut statement =
            connection.prepare(&format!("SELECT name FROM pragma_table_info('{table}')")).expect("a table");
        statement.query_map([], |row| row.get(0)).expect("rows").map(|name| name.expect("a name")).collect()
    };
    let event = [
        "id",
        "created",
        "updated",
        "action",
        "description",
        "node_id",
        "type_id",
        "node_hostname",
        "username",
        "ip_address",
        "user_agent",
        "endpoint",
        "node_system_id",
        "user_id",
    ];
    assert_eq!(columns("maasserver_event"), event);
    assert_eq!(columns("maasserver_eventtype"), ["id", "created", "updated", "name", "description", "level"]);
}
