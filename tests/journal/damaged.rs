//! A damaged journal is set aside with every byte, its name is printed, and a new one is begun. One of a newer program is
//! told of and left as it is.

use std::fs;
use std::path::PathBuf;

use shakedown::journal::Store;
use shakedown::sandbox::NodeStatus;

use crate::harness::{Ended, Machine, Script, region};

async fn run(machine: &Machine) -> Ended {
    let region = region(NodeStatus::Testing, &[Script::testing("fine", "echo all is well")]).await;
    let ended = machine.run(&region).words(&["--fresh", "--exit-when-done"]).end().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(region.node_status(), NodeStatus::Ready);
    ended
}

/// A machine with the journal of one run in one file.
async fn machine_with_journal() -> Machine {
    let machine = Machine::new();
    assert_eq!(run(&machine).await.stderr, "");
    machine.settle_file();
    machine
}

/// What was set aside, without its companions.
fn set_aside(machine: &Machine) -> Vec<PathBuf> {
    let mut found = set_aside_with_companions(machine);
    found.retain(|path| {
        !path
            .extension()
            .is_some_and(|end| end.as_encoded_bytes().ends_with(b"-wal") || end.as_encoded_bytes().ends_with(b"-shm"))
    });
    found
}

fn set_aside_with_companions(machine: &Machine) -> Vec<PathBuf> {
    let entries = fs::read_dir(&machine.state).expect("the state directory");
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    found.retain(|path| path.display().to_string().contains("damaged"));
    found.sort();
    found
}

/// The next run begins a new journal, and `bytes` are kept under the name that is printed.
async fn is_set_aside(machine: &Machine, bytes: &[u8], what: &str) {
    let ended = run(machine).await;
    let complaint = ended.only_complaint();
    let kept = set_aside(machine);
    assert!(complaint.contains("WARNING: the journal was damaged"), "{what}: {complaint}");
    assert!(complaint.contains(&kept[0].display().to_string()), "{what}: {complaint} names {kept:?}");
    assert!(fs::read(&kept[0]).expect("the kept file") == bytes, "{what}: every byte is kept");
    let store = machine.store();
    assert_eq!(store.runs().expect("readable").len(), 1, "{what}: a new journal");
    assert!(store.verify_audit().expect("readable").is_ok(), "{what}: a new chain");
}

/// Bytes without any order, the same each time.
fn noise(length: usize) -> Vec<u8> {
    let step = |state: &mut u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Some((*state >> 56) as u8)
    };
    std::iter::repeat_n((), length).scan(7, |state, ()| step(state)).collect()
}

#[tokio::test]
async fn whatever_happened_to_the_file() {
    let machine = machine_with_journal().await;
    let sound = fs::read(machine.journal()).expect("the journal");
    let (page, half) = (4096, sound.len() / 2);
    let replaced = |from: usize, bytes: &[u8]| [&sound[..from], bytes, &sound[from + bytes.len()..]].concat();
    let damages: [(&str, Vec<u8>); 7] = [
        ("random bytes over all of it", noise(sound.len())),
        ("a zeroed header", replaced(0, &[0; 100])),
        ("random bytes over the header", replaced(0, &noise(100))),
        ("random bytes over all but the first page", replaced(page, &noise(sound.len() - page))),
        ("zeroes over the second half", replaced(half, &vec![0; sound.len() - half])),
        ("the second half is missing", sound[..half].to_vec()),
        ("it ends in the header", sound[..50].to_vec()),
    ];
    for (what, bytes) in damages {
        fs::write(machine.journal(), &bytes).expect("the journal is damaged");
        is_set_aside(&machine, &bytes, what).await;
        for path in set_aside_with_companions(&machine) {
            fs::remove_file(path).expect("what was set aside");
        }
        machine.settle_file();
    }
}

#[tokio::test]
async fn with_what_belongs_to_it() {
    let machine = machine_with_journal().await;
    let (bytes, log) = (noise(20_000), noise(5000));
    fs::write(machine.journal(), &bytes).expect("the journal is damaged");
    fs::write(machine.state.join("journal.db-wal"), &log).expect("its log is damaged");
    is_set_aside(&machine, &bytes, "file and log").await;
    let kept = set_aside_with_companions(&machine);
    let kept_log = kept.iter().find(|path| path.display().to_string().ends_with("-wal"));
    assert_eq!(fs::read(kept_log.expect("the log is kept, too")).expect("readable"), log);
}

#[tokio::test]
async fn a_file_without_a_byte_beside_a_log_is_damage() {
    let machine = machine_with_journal().await;
    let log = noise(5000);
    fs::write(machine.journal(), "").expect("the journal is gone");
    fs::write(machine.state.join("journal.db-wal"), &log).expect("its log is not");
    is_set_aside(&machine, b"", "no file, a log").await;
    let kept = set_aside_with_companions(&machine);
    let kept_log = kept.iter().find(|path| path.display().to_string().ends_with("-wal"));
    assert_eq!(fs::read(kept_log.expect("the log is kept")).expect("readable"), log);
}

#[tokio::test]
async fn again_and_again() {
    let machine = machine_with_journal().await;
    for number in 1..=3 {
        fs::write(machine.journal(), noise(9000 + number)).expect("the journal is damaged");
        let _ = fs::remove_file(machine.state.join("journal.db-wal"));
        run(&machine).await;
        let sizes: Vec<u64> =
            set_aside(&machine).iter().map(|path| fs::metadata(path).map_or(0, |m| m.len())).collect();
        assert_eq!(sizes.len(), number, "none takes the place of another");
        assert!((1..=number).all(|number| sizes.contains(&(9000 + number as u64))), "{sizes:?}");
    }
}

/// `SQLite` itself leaves out what a log holds after its last whole transaction.
#[tokio::test]
async fn a_log_that_is_noise_or_torn_costs_at_most_its_last_transactions() {
    for damage in ["noise", "torn", "bytes changed"] {
        let machine = machine_with_journal().await;
        let log = machine.state.join("journal.db-wal");
        let reader = machine.sql();
        reader
            .query_row("SELECT count(*) FROM run", [], |_| Ok(()))
            .expect("a reader keeps the log from being folded in");
        run(&machine).await;
        let (file, mut bytes) = (fs::read(machine.journal()).expect("readable"), fs::read(&log).expect("a log"));
        drop(reader);
        let half = bytes.len() / 2;
        match damage {
            "noise" => bytes = noise(bytes.len()),
            "torn" => bytes.truncate(half + 17),
            _ => bytes[half..half + 64].fill(0xaa),
        }
        let _ = fs::remove_file(machine.state.join("journal.db-shm"));
        fs::write(machine.journal(), &file).expect("as it was");
        fs::write(&log, &bytes).expect("the log is damaged");
        assert_eq!(run(&machine).await.stderr, "", "{damage}");
        let store = machine.store();
        assert!(
            (2..=3).contains(&store.runs().expect("readable").len()),
            "{damage}: the first run and the last are there"
        );
        assert!(store.verify_audit().expect("readable").is_ok(), "{damage}: whole transactions are an unbroken chain");
        assert_eq!(set_aside(&machine), Vec::<PathBuf>::new(), "{damage}");
    }
}

#[tokio::test]
async fn what_looks_at_a_damaged_journal_says_so_and_changes_nothing() {
    let machine = machine_with_journal().await;
    let bytes = noise(9000);
    fs::write(machine.journal(), &bytes).expect("the journal is damaged");
    for verb in ["runs", "results"] {
        let ended = machine.ask(verb).end().await;
        assert_eq!(ended.code, Some(3));
        assert!(ended.stderr.contains("not a database"), "{}", ended.stderr);
    }
    assert!(fs::read(machine.journal()).expect("readable") == bytes);
}

#[tokio::test]
async fn a_delivery_tells_that_it_found_the_journal_damaged() {
    let machine = machine_with_journal().await;
    fs::write(machine.journal(), noise(9000)).expect("the journal is damaged");
    let region = region(NodeStatus::Testing, &[]).await;
    let ended = machine.deliver(&region).end().await;
    let complaint = ended.only_complaint();
    assert!(complaint.contains("WARNING: the journal was damaged"), "{complaint}");
    assert!(complaint.contains(&set_aside(&machine)[0].display().to_string()), "{complaint}");
}

#[tokio::test]
async fn a_journal_of_a_newer_program_is_told_of_and_not_touched() {
    for mode in ["WAL", "DELETE"] {
        let machine = machine_with_journal().await;
        machine.execute(&format!("PRAGMA journal_mode = {mode}; PRAGMA user_version = 99; CREATE TABLE later (x)"));
        machine.settle_file();
        let bytes = fs::read(machine.journal()).expect("readable");
        let ended = run(&machine).await;
        let complaint = ended.only_complaint();
        assert!(complaint.contains("WARNING: no journal") && complaint.contains("schema version 99"), "{complaint}");
        assert!(complaint.contains("use the newer program"), "{complaint}");
        assert!(fs::read(machine.journal()).expect("readable") == bytes, "{mode}: not touched");
        let looked = machine.ask("runs").end().await;
        assert_eq!(looked.code, Some(3));
        assert!(looked.only_complaint().contains("schema version 99"), "{}", looked.stderr);
        assert!(Store::read(&machine.state).is_err());
    }
}

#[tokio::test]
async fn a_file_without_a_byte_is_no_damage() {
    let machine = Machine::new();
    fs::create_dir_all(&machine.state).expect("a directory");
    fs::write(machine.journal(), "").expect("an empty file");
    assert_eq!(run(&machine).await.stderr, "");
    assert_eq!(machine.store().runs().expect("readable").len(), 1);
}
