//! The agent is killed in mid-run and started again: what had ended stays ended, what was running is told as interrupted or,
//! if it may reboot the machine, is run again; nothing of the first life is still at work in the second.

use shakedown::event::Level;
use shakedown::journal::RunEnd;
use shakedown::sandbox::{NodeStatus, Sandbox};
use shakedown::script::Status;

use crate::harness::{Ended, Machine, Script, region, row, texts, until};

/// Where the agent writes what a script prints; results are numbered from 4000 in their order.
fn output(name: &str, number: usize) -> String {
    format!("storage/out/{name}.{}", 4000 + number)
}

/// A script that notes each of its starts in a file of its name, says that it has begun, and stays at work.
fn lasting(machine: &Machine, name: &str) -> Script {
    let starts = machine.path(name);
    Script::testing(name, format!("echo start >> {}; echo begun; sleep 60; echo ended", starts.display()))
}

/// A script that looks whether another of it is at work, and stays at work itself the first time.
fn jealous(machine: &Machine, name: &str) -> Script {
    let (pid, overlap) = (machine.path("pid"), machine.path("overlap"));
    let body = format!(
        "[ -e {pid} ] && grep -q . /proc/$(cat {pid})/cmdline && echo overlap >> {overlap}\necho $$ > {pid}; echo begun\n\
         [ \"$HAS_STARTED\" = True ] || sleep 60",
        pid = pid.display(),
        overlap = overlap.display()
    );
    Script::testing(name, body)
}

/// The first life of a run: killed once `name` says that it has begun.
async fn killed_in(machine: &Machine, region: &Sandbox, name: &str, number: usize) {
    let file = output(name, number);
    machine.run(region).killed_when("the script has begun", || machine.has(&file, "begun")).await;
}

async fn again(machine: &Machine, region: &Sandbox) -> Ended {
    let ended = machine.run(region).end().await;
    assert!(matches!(ended.code, Some(0 | 1)), "{ended:?}");
    ended
}

async fn killed_and_started_again(machine: &Machine, sql: &str) -> (Sandbox, Ended) {
    let scripts = [Script::testing("a", "echo one"), lasting(machine, "b"), Script::testing("c", "echo three")];
    let region = region(NodeStatus::Testing, &scripts).await;
    killed_in(machine, &region, "b", 1).await;
    machine.execute(sql);
    let ended = again(machine, &region).await;
    (region, ended)
}

/// The text is in the result, in the local log, in the notes and in the region's log.
fn is_told_as_interrupted_by(machine: &Machine, region: &Sandbox, what: &str) {
    let by = format!("interrupted by {what}");
    let b = row(region, "b");
    assert_eq!(String::from_utf8_lossy(&b.output), format!("begun\n\n[shakedown: {by}]\n"));
    assert_eq!((b.status, b.exit_status), (Status::Failed, Some(137)));
    assert_eq!(texts(&machine.events("DEBUG"), &by), [format!("b was {by}")]);
    let told = texts(&region.events(), &by);
    assert_eq!(told.len(), 1, "{:?}", region.events());
    assert!(told[0].starts_with("'shakedown' ") && told[0].contains(&format!("b was {by}")), "{told:?}");
    let result = machine.store().results(1.into()).expect("readable").remove(1);
    assert_eq!((result.name.as_str(), result.status), ("b", Status::Failed));
    assert!(result.notes.contains(&by), "{}", result.notes);
    assert_eq!(texts(&machine.events("DEBUG"), "goes on after"), [format!("run 1 goes on after {what}")]);
    let goes_on = texts(&region.events(), "goes on after").join("; ");
    assert!(goes_on.contains(&format!("run 1 goes on after {what}")), "{goes_on}");
}

#[tokio::test]
async fn a_script_without_may_reboot_is_not_run_again_and_is_failed() {
    let machine = Machine::new();
    let (region, ended) = killed_and_started_again(&machine, "").await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.text().contains("Resuming run 1, interrupted by the end of the agent"), "{}", ended.text());
    assert_eq!(machine.read("b"), "start\n", "it was not run again");
    is_told_as_interrupted_by(&machine, &region, "the end of the agent, which was killed or crashed");
    for (script, output) in [("a", "one\n"), ("c", "three\n")] {
        assert_eq!((row(&region, script).status, row(&region, script).output), (Status::Passed, output.into()));
    }
    assert_eq!(region.node_status(), NodeStatus::FailedTesting);
}

#[tokio::test]
async fn a_reboot_is_told_as_a_reboot() {
    let machine = Machine::new();
    let (region, _) = killed_and_started_again(&machine, "UPDATE run SET boot_id = 'the boot before'").await;
    is_told_as_interrupted_by(&machine, &region, "a reboot or power loss of the machine");
}

/// What a script that had not ended says of itself is not believed.
#[tokio::test]
async fn an_interrupted_script_has_not_passed_whatever_its_result_file_says() {
    let machine = Machine::new();
    let body = "echo '{status: passed, results: {wear: 97}}' > \"$RESULT_PATH\"; echo begun; sleep 60";
    let region = region(NodeStatus::Testing, &[Script::testing("b", body)]).await;
    killed_in(&machine, &region, "b", 0).await;
    again(&machine, &region).await;
    let b = row(&region, "b");
    assert_eq!(b.status, Status::Failed);
    let result = String::from_utf8_lossy(&b.result).into_owned();
    assert!(
        result.contains("wear") && !result.contains("passed"),
        "its results are kept, its verdict is not: {result}"
    );
}

#[tokio::test]
async fn a_script_that_may_reboot_is_run_again_and_its_output_goes_on() {
    let machine = Machine::new();
    let body = "echo \"begun HAS_STARTED=$HAS_STARTED\"; [ \"$HAS_STARTED\" = True ] || sleep 60; echo ended";
    let region = region(NodeStatus::Testing, &[Script::testing("b", body).field("may_reboot: true")]).await;
    killed_in(&machine, &region, "b", 0).await;
    let ended = again(&machine, &region).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let b = row(&region, "b");
    let printed = "begun HAS_STARTED=False\nbegun HAS_STARTED=True\nended\n";
    assert_eq!((b.status, String::from_utf8_lossy(&b.output).as_ref()), (Status::Passed, printed));
    assert_eq!(String::from_utf8_lossy(&b.stdout), printed);
    assert_eq!(region.node_status(), NodeStatus::Ready);
}

/// A `systemctl` that says that the machine is going down, as the real one does while SIGTERM goes round. It is a fake: this machine stays up.
fn fake_systemctl(machine: &Machine) -> String {
    use std::os::unix::fs::PermissionsExt;
    let folder = machine.path("bin");
    std::fs::create_dir_all(&folder).expect("a folder");
    let program = folder.join("systemctl");
    std::fs::write(&program, "#!/bin/sh\n[ \"$*\" = is-system-running ] && echo stopping\nexit 1\n").expect("a file");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("its owner");
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default())
}

/// Starts the agent, ends it with SIGTERM once `b` says that it has begun, as a machine that goes down does; its exit code.
async fn terminated_in_b(machine: &Machine, region: &Sandbox) -> Option<i32> {
    let mut child = machine.run(region).variable("PATH", &fake_systemctl(machine)).start();
    let begun = output("b", 0);
    until("the script has begun", || machine.has(&begun, "begun")).await;
    let pid = i32::try_from(child.id().expect("it runs")).expect("a number");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGTERM).expect("it runs");
    child.wait().await.expect("a child").code()
}

#[tokio::test]
async fn a_script_that_reboots_the_machine_is_not_failed_by_the_signal_that_comes_with_it() {
    let machine = Machine::new();
    let body = "echo \"begun HAS_STARTED=$HAS_STARTED\"; [ \"$HAS_STARTED\" = True ] || sleep 60; echo ended";
    let region = region(NodeStatus::Testing, &[Script::testing("b", body).field("may_reboot: true")]).await;
    assert_eq!(terminated_in_b(&machine, &region).await, Some(130));
    assert_eq!((row(&region, "b").status, region.node_status()), (Status::Running, NodeStatus::Testing));
    let ended = again(&machine, &region).await;
    assert_eq!((ended.code, region.node_status()), (Some(0), NodeStatus::Ready), "{}", ended.stderr);
    let printed = "begun HAS_STARTED=False\nbegun HAS_STARTED=True\nended\n";
    assert_eq!(String::from_utf8_lossy(&row(&region, "b").stdout), printed);
}

#[tokio::test]
async fn a_script_that_has_no_business_with_a_reboot_is_failed_by_it() {
    let machine = Machine::new();
    let region = region(NodeStatus::Testing, &[lasting(&machine, "b")]).await;
    assert_eq!(terminated_in_b(&machine, &region).await, Some(130));
    assert_eq!((row(&region, "b").status, region.node_status()), (Status::Failed, NodeStatus::FailedTesting));
}

/// The archive on disk is from before the script was begun, and the region has heard nothing of it either.
#[tokio::test]
async fn that_it_was_begun_is_known_from_the_journal_alone() {
    let machine = Machine::new();
    let body = "echo \"begun HAS_STARTED=$HAS_STARTED\"; [ \"$HAS_STARTED\" = True ] || sleep 60; echo ended";
    let region = region(NodeStatus::Testing, &[Script::testing("b", body).field("may_reboot: true")]).await;
    let file = output("b", 0);
    let first = machine.run(&region).words(&["--no-send"]);
    first.killed_when("the script has begun", || machine.has(&file, "begun")).await;
    assert_eq!(row(&region, "b").status, Status::Pending);
    let ended = machine.run(&region).words(&["--no-send", "--no-download"]).end().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(machine.read(&file), "begun HAS_STARTED=False\nbegun HAS_STARTED=True\nended\n");
}

#[tokio::test]
async fn what_the_killed_agent_left_running_is_stopped_before_the_script_runs_again() {
    let machine = Machine::new();
    let region = region(NodeStatus::Testing, &[jealous(&machine, "b").field("may_reboot: true")]).await;
    killed_in(&machine, &region, "b", 0).await;
    let first: i32 = machine.read("pid").trim().parse().expect("a process id");
    // The dead have no command line, even before anybody has collected them.
    let alive = |pid: i32| std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty());
    assert!(alive(first), "the script outlives its agent");
    again(&machine, &region).await;
    assert_eq!(machine.read("overlap"), "", "there were never two of it");
    assert!(!alive(first));
    assert_eq!(row(&region, "b").status, Status::Passed);
}

#[tokio::test]
async fn finished_scripts_are_not_run_again() {
    let machine = Machine::new();
    let count = machine.path("count");
    let counting = |name: &str, then: &str| {
        let body = format!("echo {name} >> {}; echo ran; {then}", count.display());
        Script::commissioning(name, body).field("may_reboot: true")
    };
    let scripts = [
        counting("a", ""),
        counting("b", "exit 0"),
        counting("c", "echo begun; [ $HAS_STARTED = True ] || sleep 60"),
        Script::testing("d", format!("echo d >> {}", count.display())),
    ];
    let region = region(NodeStatus::Commissioning, &scripts).await;
    killed_in(&machine, &region, "c", 2).await;
    let ended = again(&machine, &region).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(machine.read("count"), "a\nb\nc\nc\nd\n");
    let runs = machine.store().runs().expect("readable");
    assert_eq!((runs.len(), runs[0].scripts, runs[0].failed), (1, 4, 0), "{runs:?}");
    assert!(
        ended.text().contains("4 scripts: 0 failed, 0 degraded, 0 skipped, 4 passed"),
        "the summary has all of them: {}",
        ended.text()
    );
}

#[tokio::test]
async fn a_failure_from_before_still_fails_the_run() {
    let machine = Machine::new();
    let rerun = "echo begun; [ $HAS_STARTED = True ] || sleep 60";
    let scripts = [Script::testing("a", "exit 3"), Script::testing("b", rerun).field("may_reboot: true")];
    let region = region(NodeStatus::Testing, &scripts).await;
    killed_in(&machine, &region, "b", 1).await;
    let ended = again(&machine, &region).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(region.node_status(), NodeStatus::FailedTesting);
    assert_eq!(region.node_error(), "1 test scripts failed to run");
}

#[tokio::test]
async fn fresh_begins_a_new_run_and_leaves_nothing_of_the_old_one_at_work() {
    let machine = Machine::new();
    let region = region(NodeStatus::Testing, &[Script::testing("a", "echo one"), jealous(&machine, "b")]).await;
    killed_in(&machine, &region, "b", 1).await;
    let ended = machine.run(&region).words(&["--fresh"]).end().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!ended.text().contains("Resuming"), "{}", ended.text());
    let runs = machine.store().runs().expect("readable");
    let ends: Vec<Option<RunEnd>> = runs.iter().map(|run| run.end).collect();
    assert_eq!(ends, [Some(RunEnd::Passed), Some(RunEnd::Abandoned)]);
    assert_eq!(texts(&machine.events("AUDIT"), "Resumed"), Vec::<String>::new());
    assert_eq!(machine.read("overlap"), "", "there were never two of it");
    assert_eq!(row(&region, "a").status, Status::Passed);
    assert_eq!(row(&region, "b").status, Status::Passed, "what the region still wants is run");
}

/// Not an end that the region's own events tell, so both logs get a line of ours.
#[tokio::test]
async fn a_degraded_script_is_told_on_both_sides() {
    let machine = Machine::new();
    let scripts = [Script::testing("worn", "echo '{status: degraded}' > \"$RESULT_PATH\"")];
    let region = region(NodeStatus::Testing, &scripts).await;
    assert_eq!(machine.run(&region).words(&["--exit-when-done"]).end().await.code, Some(0));
    assert_eq!(row(&region, "worn").status, Status::Degraded);
    let text = "worn is degraded: its output and results say why";
    assert_eq!(texts(&region.events(), "worn is degraded"), [format!("'shakedown' {text}")]);
    let local = machine.events("DEBUG");
    assert_eq!(texts(&local, "worn is degraded"), [text]);
    assert!(local.iter().all(|event| event.level != Level::Error), "{local:?}");
}

#[tokio::test]
async fn what_ran_while_nobody_was_to_be_told_does_not_count_when_the_region_is() {
    let machine = Machine::new();
    let region =
        region(NodeStatus::Testing, &[Script::testing("a", "echo one"), Script::testing("b", "echo begun; sleep 3")])
            .await;
    let file = output("b", 1);
    let first = machine.run(&region).words(&["--no-send"]);
    first.killed_when("the second script has begun", || machine.has(&file, "begun")).await;
    let ended = again(&machine, &region).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!((row(&region, "a").status, row(&region, "b").status), (Status::Passed, Status::Passed));
    assert_eq!(region.node_status(), NodeStatus::Ready);
}

#[tokio::test]
async fn a_script_that_told_of_the_bmc_and_goes_down_with_the_machine_is_run_again() {
    let machine = Machine::new();
    let body = "[ \"$HAS_STARTED\" = True ] && exit 0\nprintf 'power_type: manual\\n' > \"$BMC_CONFIG_PATH\"; kill -TERM $$; sleep 60";
    let script = Script::commissioning("b", body).field("may_reboot: true");
    let region = region(NodeStatus::Commissioning, &[script]).await;
    let down = machine.run(&region).variable("PATH", &fake_systemctl(&machine)).end().await;
    assert_eq!((down.code, row(&region, "b").status), (Some(130), Status::Running), "{}", down.stderr);
    let ended = again(&machine, &region).await;
    assert_eq!((ended.code, row(&region, "b").status), (Some(0), Status::Passed), "{}", ended.stderr);
    assert!(region.power().is_some(), "what it found is told");
}
