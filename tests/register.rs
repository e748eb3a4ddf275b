//! A machine that is in use already becomes one that its region knows, by an administrator's key: what is written where, what is
//! refused, that no key is ever shown, and that the machine reports with what it got. And the names of the programs that this one
//! replaces, each through a symbolic link.

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use shakedown::event::{EventQuery, EventRecord};
use shakedown::journal::Store;
use shakedown::sandbox::{Acquaintance, Action, Fault, NodeStatus, Sandbox};
use shakedown::script::Status;
use tempfile::TempDir;

use support::program::{Finished, Program};
use support::tap::Tap;
use support::{Node, plain, region, row, script};

/// A region that knows no machine yet.
async fn empty_region() -> Sandbox {
    let inventory = script("tags: deploy-info", "echo the script itself; exit 9");
    let scripts = [("commissioning/20-maas-03-machine-resources", inventory)];
    region(&scripts, |options| options.acquaintance = Acquaintance::Stranger).await
}

/// A machine's file system, as far as it matters.
struct Machine {
    home: TempDir,
}

impl Machine {
    fn new() -> Machine {
        Machine { home: tempfile::tempdir().expect("a temporary directory") }
    }

    fn base(&self) -> PathBuf {
        self.home.path().join("base")
    }

    fn credentials(&self) -> PathBuf {
        self.base().join("etc/maas/maas-machine-creds.yml")
    }

    fn state(&self) -> PathBuf {
        self.home.path().join("state")
    }

    fn call(&self, verb: &str) -> Program {
        Program::new(verb).env("SHAKEDOWN_STATE_DIR", self.state())
    }

    fn register(&self, region: &Sandbox) -> Program {
        let program = self.call("register-machine").arg("--base-dir").arg(self.base());
        program.args(["--hostname", "web-1", "--maas-url"]).arg(region.url())
    }

    fn audit(&self) -> Vec<EventRecord> {
        let store = Store::read(&self.state()).expect("a journal");
        store.verify_audit().expect("readable").expect("nobody touched it");
        let query = EventQuery::parse(&[("level".to_owned(), "AUDIT".to_owned())]).expect("a query");
        store.events(&query).expect("readable")
    }
}

/// What nobody may see: the parts of the key, and of the machine's token.
fn secrets(region: &Sandbox) -> Vec<String> {
    let key = region.api_key();
    let config = region.deployed_config();
    let token = config.lines().filter_map(|line| line.trim().split_once(": "));
    let token = token.filter(|(name, _)| name.starts_with("token_")).map(|(_, value)| value.to_owned());
    key.split(':').skip(1).map(str::to_owned).chain(token).collect()
}

fn shows_no_secret(region: &Sandbox, finished: &Finished) {
    for secret in secrets(region) {
        assert!(!finished.stdout.contains(&secret) && !finished.stderr.contains(&secret), "{finished:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registered_machine_reports_its_hardware() {
    let region = empty_region().await;
    let machine = Machine::new();
    let key = machine.home.path().join("key");
    fs::write(&key, format!("{}\n", region.api_key())).expect("a small file");
    let registered = machine.register(&region).arg("-vvv").arg("--api-key-file").arg(&key).finish().await;
    assert_eq!((registered.code, region.node_status()), (Some(0), NodeStatus::Deployed), "{registered:?}");
    let file = machine.credentials();
    for word in ["web-1", &region.system_id(), &file.display().to_string(), "shakedown sync --config"] {
        assert!(registered.stdout.contains(word), "{word}: {}", registered.stdout);
    }
    shows_no_secret(&region, &registered);
    assert_eq!(file.metadata().expect("it is there").permissions().mode() & 0o777, 0o600);
    let beside = fs::read_dir(file.parent().expect("a parent")).expect("a directory").count();
    assert_eq!(beside, 1, "no part of it is left beside it");

    let rows = machine.audit();
    let texts: Vec<&str> = rows.iter().map(|row| row.description.as_str()).collect();
    let address = region.url().trim_end_matches("/MAAS/").to_owned();
    let id = region.system_id();
    assert_eq!(
        texts,
        [
            format!("Fetched the credentials of {id} from {address} for {}.", file.display()),
            format!("Registered 'web-1' as deployed machine {id} of {address}."),
        ]
    );
    assert!(rows.iter().all(|row| !row.username.is_empty() && row.type_name == "AUTHORISATION"), "{rows:?}");
    for file in fs::read_dir(machine.state()).expect("a directory").flatten() {
        let bytes = fs::read(file.path()).expect("a file of the journal");
        for secret in secrets(&region) {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "a secret in {file:?}");
        }
    }

    let synced = machine.call("sync").arg("--config").arg(&file).finish().await;
    assert_eq!(synced.code, Some(0), "{synced:?}");
    let inventory = row(&region, "20-maas-03-machine-resources");
    assert_eq!(inventory.status, Status::Passed, "{synced:?}");
    assert!(inventory.stdout.starts_with(b"{"), "the machine's hardware");
    assert_eq!(region.node_status(), NodeStatus::Deployed);
    let again = machine.call("sync").arg("--config").arg(&file).finish().await;
    assert!(again.code == Some(0) && again.stdout.contains("nothing changed"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_need_not_be_on_the_command_line() {
    let region = empty_region().await;
    let machine = Machine::new();
    let by_variable = machine.register(&region).env("SHAKEDOWN_API_KEY", region.api_key()).finish().await;
    assert_eq!(by_variable.code, Some(0), "{by_variable:?}");
    let other = Machine::new();
    let shell = format!(
        "printf '%s' \"$KEY\" | \"$0\" get-machine-token {} --maas-url {} --api-key - --base-dir {}",
        region.system_id(),
        region.url(),
        other.base().display()
    );
    let by_pipe = Program::at(Path::new("/bin/sh")).args(["-c", &shell, env!("CARGO_BIN_EXE_shakedown")]);
    let by_pipe = by_pipe.env("KEY", region.api_key()).finish().await;
    assert_eq!(by_pipe.code, Some(0), "{by_pipe:?}");
    shows_no_secret(&region, &by_pipe);
    let texts = [machine, other].map(|machine| fs::read_to_string(machine.credentials()).expect("credentials"));
    assert_eq!(texts[0], texts[1], "the same machine, the same credentials");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_are_there_are_not_replaced_unasked() {
    let region = empty_region().await;
    let machine = Machine::new();
    fs::create_dir_all(machine.credentials().parent().expect("a parent")).expect("directories");
    fs::write(machine.credentials(), "precious").expect("a small file");
    let key = ["--api-key", &region.api_key()].map(str::to_owned);
    let refused = machine.register(&region).args(&key).finish().await;
    assert_eq!((refused.code, region.requests().len()), (Some(3), 0), "{refused:?}");
    assert!(refused.stderr.contains("--force") && refused.stderr.contains("maas-machine-creds.yml"), "{refused:?}");
    assert_eq!(fs::read_to_string(machine.credentials()).expect("it is there"), "precious");
    let forced = machine.register(&region).args(&key).arg("--force").finish().await;
    assert_eq!(forced.code, Some(0), "{forced:?}");
    assert!(fs::read_to_string(machine.credentials()).expect("it is there").contains(&region.system_id()));
}

/// Each with what it says; nothing is written, and no part of a key is shown.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_what_to_do() {
    let region = empty_region().await;
    let first = Machine::new();
    let registered = first.register(&region).args(["--api-key", &region.api_key()]).finish().await;
    assert_eq!(registered.code, Some(0), "{registered:?}");
    let secret = region.api_key().split(':').next_back().expect("three parts").to_owned();
    let rows: [(&str, &[&str], &[&str]); 7] = [
        ("register-machine", &["--api-key", &region.api_key()], &["web-1", "already exists", "get-machine-token"]),
        ("register-machine", &["--api-key", "a:b"], &["CONSUMER_KEY:TOKEN_KEY:TOKEN_SECRET"]),
        ("register-machine", &["--api-key", ":hidden-token:"], &["CONSUMER_KEY:TOKEN_KEY:TOKEN_SECRET"]),
        ("register-machine", &[], &["--api-key-file", "SHAKEDOWN_API_KEY"]),
        ("register-machine", &["--api-key-file", "/nonexistent/key"], &["/nonexistent/key"]),
        ("get-machine-token", &["nobody", "--api-key", &region.api_key()], &["nobody", "404", "No Machine matches"]),
        ("get-machine-token", &["../users", "--api-key", &region.api_key()], &["../users", "no system id"]),
    ];
    for (verb, words, said) in rows {
        let machine = Machine::new();
        let program = match verb {
            "register-machine" => machine.register(&region),
            _ => machine.call(verb).arg("--base-dir").arg(machine.base()).arg("--maas-url").arg(region.url()),
        };
        let refused = program.args(words).arg("-vvv").finish().await;
        assert_eq!((refused.code, machine.credentials().exists()), (Some(3), false), "{words:?}: {refused:?}");
        for word in said {
            assert!(refused.stderr.contains(word), "{words:?}: {word} in {}", refused.stderr);
        }
        shows_no_secret(&region, &refused);
        assert!(!refused.stderr.contains("hidden"), "{}", refused.stderr);
    }
    let wrong = region.api_key().replace(&secret, "hidden-secret");
    let refused = Machine::new().register(&region).args(["--api-key", &wrong, "-vvv"]).finish().await;
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stderr.contains("401") && refused.stderr.contains("administrator"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("hidden-secret"), "{}", refused.stderr);
    shows_no_secret(&region, &refused);
    assert_eq!(region.machines(), 1);
}

/// A machine that would be registered with nobody having its credentials, or nobody knowing who did it.
#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_cannot_be_written_is_found_before_the_region_is_asked() {
    let region = empty_region().await;
    let machine = Machine::new();
    fs::write(machine.base(), "in the way").expect("a small file");
    let key = ["--api-key".to_owned(), region.api_key()];
    let refused = machine.register(&region).args(&key).finish().await;
    assert_eq!((refused.code, region.requests().len()), (Some(3), 0), "{refused:?}");
    assert!(refused.stderr.contains("cannot write"), "{}", refused.stderr);
    let machine = Machine::new();
    fs::write(machine.state(), "in the way").expect("a small file");
    let refused = machine.register(&region).args(&key).finish().await;
    assert_eq!((refused.code, region.requests().len()), (Some(3), 0), "{refused:?}");
    assert!(refused.stderr.contains("--state-dir"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_credentials_is_told_as_that() {
    let tap = Tap::alone(|_, _| Some("null".into_response())).await;
    let machine = Machine::new();
    let program = machine.call("get-machine-token").arg("abc123").arg("--base-dir").arg(machine.base());
    let told = program.arg("--maas-url").arg(tap.url()).args(["--api-key", "a:b:c"]).finish().await;
    assert_eq!((told.code, machine.credentials().exists()), (Some(3), false), "{told:?}");
    assert!(told.stderr.contains("no credentials for abc123"), "{}", told.stderr);
}

/// The name is taken by then, so that a second attempt would only tell that.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_a_registration_is_not_asked_for_again() {
    let region = empty_region().await;
    region.inject(Fault::parse("post:drop-after").expect("a fault"));
    let machine = Machine::new();
    let lost = machine.register(&region).args(["--api-key", &region.api_key()]).finish().await;
    assert_eq!((lost.code, region.machines()), (Some(3), 1), "{lost:?}");
    assert!(lost.stderr.contains("may be registered all the same") && lost.stderr.contains("web-1"), "{}", lost.stderr);
    let posts = region.requests().iter().filter(|request| request["method"] == "POST").count();
    assert_eq!((posts, machine.credentials().exists()), (1, false));
    let program = machine.call("get-machine-token").arg(region.system_id()).arg("--base-dir").arg(machine.base());
    let fetched = program.arg("--maas-url").arg(region.url()).args(["--api-key", &region.api_key()]).finish().await;
    assert_eq!((fetched.code, machine.credentials().exists()), (Some(0), true), "{fetched:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_stays_away_is_given_up() {
    let tap = Tap::alone(|_, _| Some(StatusCode::NOT_FOUND.into_response())).await;
    let url = tap.url();
    drop(tap);
    let machine = Machine::new();
    let program = machine.call("get-machine-token").args(["abc123", "--maas-url", &url, "--api-key", "a:b:c"]);
    let gone = program.args(["--give-up-after", "1", "--base-dir"]).arg(machine.base()).finish().await;
    assert_eq!(gone.code, Some(3), "{gone:?}");
    assert!(gone.stderr.contains("cannot reach"), "{}", gone.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_0_seconds_a_region_is_waited_for_until_it_answers() {
    let (region, machine) = (empty_region().await, Machine::new());
    region.inject(Fault::new("GET", 1, Action::Answer(503, String::new())));
    let program = machine.register(&region).args(["--api-key", &region.api_key(), "--give-up-after", "0"]);
    let finished = program.finish().await;
    assert_eq!((finished.code, machine.credentials().exists()), (Some(0), true), "{finished:?}");
}

/// What a name does with some words.
struct Call<'a> {
    name: &'static str,
    words: Vec<&'a str>,
    code: i32,
    stdout: &'static str,
    stderr: &'static str,
}

fn call<'a>(name: &'static str, words: &[&'a str], code: i32, stdout: &'static str, stderr: &'static str) -> Call<'a> {
    Call { name, words: words.to_vec(), code, stdout, stderr }
}

/// The options that every reference program takes, without a file.
fn by_options(region: &Sandbox) -> Vec<String> {
    let config = region.node_config();
    let value = |key: &str| {
        let line = config.lines().find_map(|line| line.trim().strip_prefix(key)).expect("a line of it");
        line.trim_start_matches(':').trim().to_owned()
    };
    let options = [
        ("--ckey", value("consumer_key")),
        ("--tkey", value("token_key")),
        ("--tsec", value("token_secret")),
        ("--csec", String::new()),
        ("--url", format!("{}metadata/", region.url())),
        ("--apiver", "2012-03-01".to_owned()),
    ];
    options.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_name_of_a_reference_program_is_that_program() {
    let region = region(&[("commissioning/one", plain("echo one"))], |_| {}).await;
    let node = Node::of(&region);
    let (config, storage) = (node.config().display().to_string(), node.storage().display().to_string());
    let id = row(&region, "one").id.to_string();
    let output = node.home().join("one.out");
    fs::write(&output, "by hand\n").expect("a small file");
    let output = output.display().to_string();
    let options = by_options(&region);
    let with_options = |words: &[&'static str]| -> Vec<&str> {
        options.iter().map(String::as_str).chain(words.iter().copied()).collect()
    };
    let power = r#"{"power_address": "10.0.0.1"}"#;
    let (signal, runner, scripts, resources) =
        ("maas-signal", "maas-run-remote-scripts", "maas-run-scripts", "machine-resources");
    let table = [
        call(signal, &[], 2, "", "Usage: maas-signal"),
        call(signal, &["--config", &config], 2, "", "<STATUS>"),
        call(signal, &["--config", &config, "GREAT"], 2, "", "OK, FAILED, WORKING"),
        call(signal, &["--config", "/nonexistent", "WORKING"], 3, "", "/nonexistent"),
        call(signal, &["--help"], 0, "--script-result-id", ""),
        call(signal, &["--config", &config, "WORKING", "still at work"], 0, "", ""),
        call(signal, &with_options(&["WORKING"]), 0, "", ""),
        call(signal, &["--config", &config, "WORKING", "--power-type", "ipmi", "--power-parameters", power], 0, "", ""),
        call(
            signal,
            &["--config", &config, "--script-result-id", &id, "--exit-status", "0", "--file", &output, "WORKING"],
            0,
            "",
            "",
        ),
        call(runner, &["--wish"], 2, "", "Usage: maas-run-remote-scripts"),
        call(runner, &["--help"], 0, "--no-download", ""),
        call(runner, &["--config", "/nonexistent", &storage], 3, "", "/nonexistent"),
        call(scripts, &[], 2, "", "report-results"),
        call(scripts, &["run"], 2, "", "unrecognized subcommand"),
        call(scripts, &["--help"], 0, "register-machine", ""),
        call(scripts, &["report-results", "--help"], 0, "Usage: maas-run-scripts report-results", ""),
        call(scripts, &["register-machine", "--help"], 0, "maas-machine-creds.yml", ""),
        call(scripts, &["get-machine-token"], 2, "", "<SYSTEM_ID>"),
        call(scripts, &["register-machine"], 3, "", "--maas-url"),
        call(resources, &[], 0, "\"api_version\": \"1.0\"", ""),
        call(resources, &["--root", "/nonexistent"], 1, "", "ERROR: "),
        call(resources, &["--version"], 0, "machine-resources", ""),
    ];
    for Call { name, words, code, stdout, stderr } in table {
        let path = node.home().join(name);
        if !path.exists() {
            symlink(env!("CARGO_BIN_EXE_shakedown"), &path).expect("a link can be made");
        }
        let finished = Program::at(&path).args(&words).finish().await;
        assert_eq!(finished.code, Some(code), "{name} {words:?}: {finished:?}");
        assert!(finished.stdout.contains(stdout) && finished.stderr.contains(stderr), "{name} {words:?}: {finished:?}");
    }
    let result = row(&region, "one");
    assert_eq!((result.status, &result.stdout[..]), (Status::Passed, &b"by hand\n"[..]));
    let run = Program::at(&node.home().join(runner)).args(with_options(&[])).arg(&storage).finish().await;
    assert_eq!(run.code, Some(0), "nothing is left to run: {run:?}");
}

/// The only form that MAAS's program has.
#[tokio::test(flavor = "multi_thread")]
async fn maas_run_scripts_fetches_credentials_and_never_shows_the_key() {
    let region = region::<&str>(&[], |options| options.status = NodeStatus::Deployed).await;
    let machine = Machine::new();
    let name = machine.home.path().join("maas-run-scripts");
    symlink(env!("CARGO_BIN_EXE_shakedown"), &name).expect("a link can be made");
    let file = machine.home.path().join("machine.yaml");
    let call = || Program::at(&name).env("SHAKEDOWN_STATE_DIR", machine.state()).arg("get-machine-token");
    let (url, key, id) = (region.url(), region.api_key(), region.system_id());
    for words in [vec![&*url, &*key], vec![&*url, &*key, &*id], vec![&*url, &*key, &*id, "f", "more"]] {
        let run = call().args(&words).finish().await;
        assert!(matches!(run.code, Some(2 | 3)), "{words:?}: {run:?}");
        shows_no_secret(&region, &run);
    }
    let fetched = call().args([&url, &key, &id]).arg(&file).finish().await;
    assert_eq!(fetched.code, Some(0), "{fetched:?}");
    shows_no_secret(&region, &fetched);
    assert!(fs::read_to_string(&file).expect("the file").contains("token_secret"));
}

/// Whatever form the credentials have: OK would take the machine out of use.
#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_its_region_has_as_deployed_does_not_end_that_by_a_signal() {
    let scripts = [("commissioning/20-maas-03-machine-resources", plain("true"))];
    let region = region(&scripts, |options| options.status = NodeStatus::Deployed).await;
    let node = Node::of(&region);
    let config = node.config().display().to_string();
    let by_file = vec!["--config".to_owned(), config];
    for credentials in [by_options(&region), by_file] {
        for word in ["OK", "FAILED", "TESTING", "COMMISSIONING"] {
            let run = Program::new("signal").args(&credentials).arg(word).finish().await;
            assert_eq!((run.code, region.node_status()), (Some(3), NodeStatus::Deployed), "{word}: {run:?}");
            assert!(run.stderr.contains("--really"), "{word}: {run:?}");
        }
        let run = Program::new("signal").args(&credentials).arg("WORKING").finish().await;
        assert_eq!(run.code, Some(0), "{run:?}");
    }
    let run = Program::new("signal").args(by_options(&region)).args(["OK", "--really"]).finish().await;
    assert_eq!((run.code, region.node_status()), (Some(0), NodeStatus::Ready), "{run:?}");
}

/// As operators know it: address and key without their options.
#[tokio::test(flavor = "multi_thread")]
async fn maas_run_scripts_registers_a_machine() {
    let region = empty_region().await;
    let machine = Machine::new();
    let name = machine.home.path().join("maas-run-scripts");
    symlink(env!("CARGO_BIN_EXE_shakedown"), &name).expect("a link can be made");
    let file = machine.home.path().join("web-2-creds.yaml");
    let call = |verb: &str| Program::at(&name).env("SHAKEDOWN_STATE_DIR", machine.state()).arg(verb);
    let program = call("register-machine").args(["--hostname", "web-2", "--token-file"]).arg(&file);
    let registered = program.args([region.url(), region.api_key()]).finish().await;
    assert_eq!((registered.code, region.node_status()), (Some(0), NodeStatus::Deployed), "{registered:?}");
    let storage = machine.home.path().join("storage");
    let reported = call("report-results").arg("--config").arg(&file).arg("--storage").arg(storage).finish().await;
    assert_eq!(reported.code, Some(0), "{reported:?}");
    assert_eq!(row(&region, "20-maas-03-machine-resources").status, Status::Passed);
}
