//! The command line: what it refuses to do, what it says, what it must never say, and what scripts find.

mod support;

#[path = "hwtest/all.rs"]
mod hwtest_all;
#[path = "hwtest/cpu.rs"]
mod hwtest_cpu;
#[path = "hwtest/devices.rs"]
mod hwtest_devices;
#[path = "hwtest/document.rs"]
mod hwtest_document;
#[path = "hwtest/memory.rs"]
mod hwtest_memory;
#[path = "hwtest/network.rs"]
mod hwtest_network;
#[path = "support/ocp.rs"]
mod ocp_schema;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};
use shakedown::host::Host;
use shakedown::sandbox::{Device, NodeStatus, Sandbox};
use shakedown::script::Status;

use support::program::{Finished, Program};
use support::{Node, answers, plain, region, row, script};

/// The value of a key in a node's configuration.
fn credential(region: &Sandbox, key: &str) -> String {
    let config = region.node_config();
    let line = config.lines().find_map(|line| line.trim().strip_prefix(key)).expect("a sandbox gives all credentials");
    line.trim_start_matches(':').trim().to_owned()
}

fn requests(region: &Sandbox, method: &str) -> usize {
    region.requests().iter().filter(|request| request["method"] == method).count()
}

async fn one_script() -> Sandbox {
    region(&[("commissioning/one", plain("echo one"))], |_| {}).await
}

/// OK from a deployed machine would release it.
#[tokio::test(flavor = "multi_thread")]
async fn a_deployed_machine_is_left_alone() {
    let scripts = [("commissioning/one", plain("echo one"))];
    let region = region(&scripts, |options| options.status = NodeStatus::Deployed).await;
    let node = Node::of(&region);
    let run = node.run().finish().await;
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.stderr.contains("deployed machine") && run.stderr.contains("nothing was run or signalled"), "{run:?}");
    assert_eq!((requests(&region, "GET"), requests(&region, "POST")), (1, 0));
    assert_eq!(region.node_status(), NodeStatus::Deployed);

    // The same credentials in the form in which MAAS gives them to deployed machines: not even asked.
    let config = format!(
        "reporting:\n  maas: {{type: webhook, endpoint: '{}metadata/status/{}', consumer_key: {}, token_key: {}, token_secret: {}}}\n",
        region.url(),
        region.system_id(),
        credential(&region, "consumer_key"),
        credential(&region, "token_key"),
        credential(&region, "token_secret"),
    );
    let node = Node::new(&config);
    let run = node.run().finish().await;
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.stderr.contains("Nothing was done"), "{}", run.stderr);
    let signal = Program::new("signal").arg("--config").arg(node.config()).arg("OK").finish().await;
    assert_eq!(signal.code, Some(3), "{signal:?}");
    assert_eq!(region.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_told_in_one_line_without_them() {
    let region = one_script().await;
    for (key, hint) in [
        ("token_secret", "the token secret is wrong"),
        ("token_key", "it does not know the token"),
        ("consumer_key", "it does not know the consumer key"),
    ] {
        let right = credential(&region, key);
        let wrong = format!("wrong{}", right.chars().rev().collect::<String>());
        let node = Node::new(&region.node_config().replace(&right, &wrong));
        let run = node.run().finish().await;
        assert_eq!((run.code, run.stderr.lines().count()), (Some(3), 1), "{key}: {run:?}");
        for expected in [node.config().display().to_string().as_str(), hint, "401"] {
            assert!(run.stderr.contains(expected), "{key}: {expected:?} in {}", run.stderr);
        }
        let loud = node.run().arg("-vvv").finish().await;
        assert_eq!(loud.code, Some(3));
        let texts = [&run.stdout, &run.stderr, &loud.stdout, &loud.stderr];
        for secret in [credential(&region, "token_secret"), credential(&region, "token_key"), wrong] {
            assert!(key == "consumer_key" || !texts.iter().any(|text| text.contains(&secret)), "{key}: {texts:?}");
        }
    }
    assert_eq!((requests(&region, "POST"), region.node_status()), (0, NodeStatus::Commissioning));
    assert_eq!(answers(&region, "GET", 200), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_never_shows_a_secret() {
    let region = one_script().await;
    let run = Node::of(&region).run().arg("-vvv").finish().await;
    assert_eq!(run.code, Some(0), "{run:?}");
    let text = run.stdout + &run.stderr;
    assert!(run.stderr.contains("DEBUG"), "much is told: {text}");
    for key in ["token_key", "token_secret"] {
        assert!(!text.contains(&credential(&region, key)), "{key} in {text}");
    }
    assert!(!text.contains('\x1b'), "no colours where no terminal is: {text}");
}

/// An ephemeral image may have no CA bundle; most regions speak plain HTTP.
#[tokio::test(flavor = "multi_thread")]
async fn no_ca_bundle_is_needed() {
    let region = one_script().await;
    let node = Node::of(&region);
    let run = node.run().env("SSL_CERT_FILE", "/nonexistent").env("SSL_CERT_DIR", "/nonexistent").finish().await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(region.node_status(), NodeStatus::Ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_can_keep_to_itself() {
    let scripts = [("commissioning/one", plain("echo one")), ("testing/two", plain("echo two; exit 5"))];
    let region = region(&scripts, |_| {}).await;
    let node = Node::of(&region);
    let run = node.run().arg("--no-send").finish().await;
    assert_eq!(run.code, Some(1), "{run:?}");
    assert_eq!((requests(&region, "GET"), requests(&region, "POST")), (1, 0));
    assert_eq!(node.output(&row(&region, "two"), ".out"), b"two\n");

    let run = node.run().args(["--no-send", "--no-download"]).finish().await;
    assert_eq!((run.code, region.requests().len()), (Some(1), 1), "{run:?}");

    let run = node.run().arg("--no-download").finish().await;
    assert_eq!((run.code, requests(&region, "GET")), (Some(1), 2), "asked whether it waits for a run: {run:?}");
    assert_eq!(row(&region, "one").status, Status::Passed);
    assert_eq!((row(&region, "two").status, row(&region, "two").exit_status), (Status::Failed, Some(5)));
    assert_eq!(region.node_status(), NodeStatus::FailedTesting);
    let empty = Node::of(&region).run().arg("--no-download").finish().await;
    assert_eq!(empty.code, Some(3), "{empty:?}");
    assert!(empty.stderr.contains("index.json"), "{empty:?}");
}

/// Scripts run in a directory of their own, where a path from the caller's means something else.
#[tokio::test(flavor = "multi_thread")]
async fn places_may_be_named_from_where_the_caller_stands() {
    let told = plain("echo \"$SHAKEDOWN_STATE_DIR\"; cd / && ls \"$SHAKEDOWN_STATE_DIR/journal.db\"");
    let region = region(&[("commissioning/one", told)], |_| {}).await;
    let node = Node::of(&region);
    let run = Program::new("run").directory(node.home()).env("SHAKEDOWN_STATE_DIR", "state").arg("--config");
    let finished = run.arg(node.config()).arg("storage").finish().await;
    assert_eq!((finished.code, row(&region, "one").status), (Some(0), Status::Passed), "{finished:?}");
    let state = node.home().join("state");
    let expected = format!("{}\n{}\n", state.display(), state.join("journal.db").display());
    assert_eq!(String::from_utf8_lossy(&row(&region, "one").stdout), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_run_is_no_failure() {
    let region = region::<&str>(&[], |_| {}).await;
    let run = Node::of(&region).run().args(["--retry-wait", "0.01"]).finish().await;
    assert_eq!(run.code, Some(0), "{run:?}");
    // Somebody on the way could have said so: the region is asked three times. It may wait for a signal all the same: a bare WORKING, and
    // then FAILED, end what was forgotten and harm nothing else.
    assert_eq!((requests(&region, "GET"), requests(&region, "POST")), (3, 2), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_names_of_the_reference_programs_are_understood() {
    let region = one_script().await;
    let node = Node::of(&region);
    let named = |name: &str| {
        let path = node.home().join(name);
        symlink(env!("CARGO_BIN_EXE_shakedown"), &path).expect("a link can be made");
        path
    };
    let runner = named("maas-run-remote-scripts");
    let run = Program::at(&runner).arg("--config").arg(node.config()).arg(node.storage()).finish().await;
    assert_eq!((run.code, region.node_status()), (Some(0), NodeStatus::Ready), "{run:?}");

    let region = one_script().await;
    let node = Node::of(&region);
    let signaller = named("maas-signal");
    let call = Program::at(&signaller).arg("--config").arg(node.config()).args(["FAILED", "it smokes"]);
    let run = call.finish().await;
    assert_eq!((run.code, region.node_status()), (Some(0), NodeStatus::FailedCommissioning), "{run:?}");
    assert_eq!(region.node_error(), "it smokes");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_signal_is_one_message() {
    let region = one_script().await;
    let node = Node::of(&region);
    let signal = |words: &[&str]| Program::new("signal").arg("--config").arg(node.config()).args(words).finish();
    let id = row(&region, "one").id.to_string();
    let run = signal(&["WORKING", "Starting one", "--script-result-id", &id]).await;
    assert_eq!((run.code, row(&region, "one").status), (Some(0), Status::Running), "{run:?}");
    let output = node.home().join("one");
    fs::write(&output, "by hand\n").expect("a small file");
    let file = output.display().to_string();
    let run = signal(&["WORKING", "--script-result-id", &id, "--exit-status", "3", "--file", &file]).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    let result = row(&region, "one");
    assert_eq!((result.status, result.exit_status, &result.output[..]), (Status::Failed, Some(3), &b"by hand\n"[..]));
    assert_eq!(requests(&region, "POST"), 2);

    let run = signal(&["GREAT"]).await;
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stderr.contains("OK, FAILED, WORKING") && run.stderr.contains("GREAT"), "{}", run.stderr);
    let run = signal(&["WORKING", "--file", "/nonexistent/one"]).await;
    assert_eq!(run.code, Some(3), "{run:?}");
    assert_eq!(requests(&region, "POST"), 2, "nothing was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_command_line_has_its_own_exit_code() {
    for words in [&["run", "--wish"][..], &["wish"], &["run", "a", "b"]] {
        let run = Program::at(Path::new(env!("CARGO_BIN_EXE_shakedown"))).args(words).finish().await;
        assert_eq!(run.code, Some(2), "{words:?}: {run:?}");
    }
    let run = Program::new("run").args(["--config", "/nonexistent/node.yaml", "/nonexistent/storage"]).finish().await;
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.stderr.contains("cannot read /nonexistent/node.yaml"), "{}", run.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_goes_into_a_file_and_is_read_from_there() {
    let place = tempfile::tempdir().expect("temporary directory");
    let file = place.path().join("machine.tar.xz");
    let taken = Program::new("snapshot").arg(&file).finish().await;
    assert_eq!(taken.code, Some(0), "{taken:?}");
    assert!(taken.stdout.contains("are replaced") && taken.stdout.contains("--root"), "{}", taken.stdout);
    for (verb, found) in [("resources", "\"api_version\": \"1.0\""), ("inventory", "CPU")] {
        let told = Program::new(verb).arg("--root").arg(&file).finish().await;
        assert_eq!(told.code, Some(0), "{told:?}");
        assert!(told.stdout.contains(found), "{}", told.stdout);
    }
    fs::write(&file, "no archive").expect("write");
    for (root, said) in [(file.as_path(), "neither a directory nor"), (Path::new("/nonexistent"), "No such file")] {
        let refused = Program::new("resources").arg("--root").arg(root).finish().await;
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(3), ""), "{refused:?}");
        assert!(refused.stderr.contains(said) && refused.stderr.contains(&root.display().to_string()), "{refused:?}");
    }
    let unwritable = Program::new("snapshot").arg("/nonexistent/machine.tar.xz").finish().await;
    assert_eq!(unwritable.code, Some(3), "{unwritable:?}");
    assert!(unwritable.stderr.contains("there is no folder /nonexistent"), "{}", unwritable.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_for_programs() {
    let region = one_script().await;
    let run = Node::of(&region).run().args(["--log-format", "json", "-v"]).finish().await;
    assert_eq!(run.code, Some(0), "{run:?}");
    let lines: Result<Vec<Value>, _> = run.stdout.lines().chain(run.stderr.lines()).map(serde_json::from_str).collect();
    let lines = lines.expect("every line is JSON");
    let ended = lines.iter().find(|line| line["ended"] == "one").expect("the end of the script");
    assert_eq!((&ended["status"], &ended["exit_status"]), (&json!("Passed"), &json!(0)));
}

/// A disk and an interface of this machine as a region knows them, under names that they no longer have.
fn devices(host: &Host) -> (Vec<Device>, Vec<Device>, Vec<String>) {
    let device = |value: Value| value.as_object().cloned().expect("an object");
    let (mut disks, mut interfaces, mut arguments) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(disk) = host.disks().first().filter(|disk| Path::new(&disk.path()).exists()) {
        let (model, serial) = (disk.models.first(), disk.serials.first());
        disks.push(device(json!({"id": 1, "name": "moved", "model": model, "serial": serial, "id_path": disk.path()})));
        arguments.push(format!("--storage={}", disk.path()));
    }
    let mut by_address = BTreeMap::new();
    for nic in host.interfaces().into_iter().filter(|nic| nic.physical && !nic.mac_address.is_empty()) {
        by_address.entry(nic.mac_address.clone()).or_insert_with(Vec::new).push(nic.name);
    }
    if let Some((mac, [name])) = by_address.iter().map(|(mac, names)| (mac, &names[..])).find(|(_, n)| n.len() == 1) {
        interfaces.push(device(json!({"id": 2, "name": "old0", "mac_address": mac, "vendor": "V", "product": null})));
        arguments.extend([format!("--nic={name}"), format!("--mac={mac}")]);
    }
    (disks, interfaces, arguments)
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_get_their_arguments() {
    let (disks, interfaces, mut expected) = devices(&Host::live());
    let mut header = "timeout: 45\nparameters:\n".to_owned();
    if !disks.is_empty() {
        header.push_str("  storage: {type: storage}\n");
    }
    if !interfaces.is_empty() {
        header.push_str("  interface: {type: interface, argument_format: '--nic={name} --mac={mac}'}\n");
    }
    header.push_str("  runtime: {type: runtime, default: 30}\n");
    header.push_str("  text: {type: string, default: two words}\n");
    header.push_str("  flag: {type: boolean, default: true, argument_format: '--flag {input}'}\n");
    expected.extend(["--runtime=30", "--text=two words", "--flag", "True"].map(str::to_owned));
    let body = "for word; do echo \"$word\"; done; echo \"RUNTIME $RUNTIME\"";
    let region = region(&[("testing/asked", script(header.trim_end(), body))], |options| {
        options.status = NodeStatus::Testing;
        (options.disks, options.interfaces) = (disks, interfaces);
    })
    .await;
    let run = Node::of(&region).run().finish().await;
    assert_eq!(run.code, Some(0), "{run:?}");
    let output = String::from_utf8(row(&region, "asked").stdout).expect("text");
    expected.push("RUNTIME 30".to_owned());
    assert_eq!(output.lines().collect::<Vec<_>>(), expected);
}

/// What a script prints of itself: `KEY=VALUE` lines.
async fn seen(path: &str, header: &str) -> (Node, BTreeMap<String, String>, String, Finished) {
    let body = "env; echo \"PLACE=$PWD\"; echo \"NICE=$(nice)\"; echo \"OOM=$(cat /proc/self/oom_score_adj)\"\n\
                echo \"DOWNLOAD=$(ls -d \"$DOWNLOAD_PATH\")\"; read -r line || echo INPUT=none";
    let region = region(&[(path, script(header, body))], |_| {}).await;
    let node = Node::of(&region);
    let run = node.run().env("OF_THE_CALLER", "kept").finish().await;
    let name = Path::new(path).file_name().expect("a path has a name").to_string_lossy().into_owned();
    let row = row(&region, &name);
    let output = String::from_utf8(row.stdout).expect("text");
    let pairs = output.lines().filter_map(|line| line.split_once('='));
    let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    (node, pairs, region.url().trim_end_matches("/MAAS/").to_owned(), run)
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_find_what_the_contract_promises() {
    let (node, seen_by_serial, region, run) = seen("commissioning/serial", "timeout: 60").await;
    assert_eq!(run.code, Some(0), "{run:?}");
    let storage = node.storage().display().to_string();
    let expected = [
        ("MAAS_BASE_URL", region),
        ("MAAS_RESOURCES_FILE", format!("{storage}/resources.json")),
        ("MAAS_MACHINE_EXTRA_FILE", "/machine-extra.json".to_owned()),
        ("MAAS_STORAGE_CONFIG_FILE", "/storage-config.json".to_owned()),
        ("OUTPUT_COMBINED_PATH", format!("{storage}/out/serial.4000")),
        ("OUTPUT_STDOUT_PATH", format!("{storage}/out/serial.4000.out")),
        ("OUTPUT_STDERR_PATH", format!("{storage}/out/serial.4000.err")),
        ("RESULT_PATH", format!("{storage}/out/serial.4000.yaml")),
        ("BMC_CONFIG_PATH", format!("{storage}/out/serial.4000.bmc")),
        ("DOWNLOAD_PATH", format!("{storage}/downloads/serial.4000")),
        ("DOWNLOAD", format!("{storage}/downloads/serial.4000")),
        ("PLACE", format!("{storage}/scripts")),
        ("RUNTIME", "60.0".to_owned()),
        ("HAS_STARTED", "False".to_owned()),
        ("DEBIAN_FRONTEND", "noninteractive".to_owned()),
        ("SHAKEDOWN_BINARY", env!("CARGO_BIN_EXE_shakedown").to_owned()),
        ("OF_THE_CALLER", "kept".to_owned()),
        ("NICE", "19".to_owned()),
        ("INPUT", "none".to_owned()),
    ];
    for (key, value) in expected {
        assert_eq!(seen_by_serial.get(key), Some(&value), "{key}");
    }
    // The program that reads it would make every region from 3.4 on forget the machine's sub-architecture.
    assert_eq!(seen_by_serial.get("MAAS_MACHINE_CONFIG_HINTS_FILE"), None);
    assert_ne!(seen_by_serial.get("OOM").map(String::as_str), Some("-1000"), "the agent's shield is not the script's");
    let (_, seen_by_parallel, _, _) = seen("commissioning/parallel", "parallel: any").await;
    assert_eq!(seen_by_parallel.get("BMC_CONFIG_PATH"), None, "only where one script runs at a time");
    assert_eq!(seen_by_parallel.get("RUNTIME").map(String::as_str), Some("None"));
}
