//! Other users and other runs of the same machine: what root runs and believes is root's alone, and one run at a time has a storage directory.

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;

use shakedown::sandbox::{NodeStatus, Sandbox};
use shakedown::script::Status;

use support::program::Program;
use support::{Node, left_out, plain, region, row, script};

const NOBODY: u32 = 65_534;

async fn hello() -> Sandbox {
    region(&[("testing/hello", plain("echo hello"))], |options| options.status = NodeStatus::Testing).await
}

fn open_to_all(directory: &Path) {
    fs::create_dir(directory).expect("a directory");
    fs::set_permissions(directory, fs::Permissions::from_mode(0o777)).expect("one's own directory");
}

/// A run that refuses its place, with the command that mends it, before the region hears of anything.
async fn is_refused(node: &Node, region: &Sandbox, state: &Path, storage: &Path, says: &str) {
    let run = node.run_at(storage).env("SHAKEDOWN_STATE_DIR", state).finish().await;
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.stderr.contains(says) && run.stderr.contains("Mend it with: "), "{says:?} in {}", run.stderr);
    assert_eq!(region.requests(), Vec::<serde_json::Value>::new(), "nothing is begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_others_can_change_is_refused_with_the_command_that_mends_it() {
    let region = hello().await;
    let node = Node::of(&region);
    let public = node.home().join("public");
    open_to_all(&public);
    let state = node.home().join("state");
    is_refused(&node, &region, &state, &public, "can be written by everybody").await;
    is_refused(&node, &region, &state, &public.join("below"), "can be written by everybody").await;
    is_refused(&node, &region, &public.join("state"), &node.storage(), "can be written by everybody").await;
    if left_out::unless_root("places of other users") {
        let theirs = node.home().join("theirs");
        fs::create_dir(&theirs).expect("a directory");
        chown(&theirs, Some(NOBODY), Some(NOBODY)).expect("root may");
        is_refused(&node, &region, &state, &theirs, "belongs to user 65534").await;
    }
}

/// Gives a directory the access list that `setfacl -m u:65534:rwx` makes; false where the file system has none.
fn let_nobody_write(directory: &Path) -> bool {
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (kind, permissions, id) in
        [(1_u16, 7_u16, u32::MAX), (2, 7, NOBODY), (4, 5, u32::MAX), (16, 7, u32::MAX), (32, 5, u32::MAX)]
    {
        list.extend(kind.to_le_bytes().iter().chain(&permissions.to_le_bytes()).chain(&id.to_le_bytes()));
    }
    let set = rustix::fs::setxattr(directory, "system.posix_acl_access", &list, rustix::fs::XattrFlags::empty());
    if let Err(error) = set {
        left_out::say(&format!("access control lists: {error}"));
    }
    set.is_ok()
}

fn mended_with(output: &str) -> Option<&str> {
    output.lines().find_map(|line| line.split_once("Mend it with: ")).map(|(_, command)| command)
}

/// Does what an error says, as a person does who copies it into a shell.
fn obey(command: &str) {
    let done = std::process::Command::new("sh").args(["-c", command]).status().expect("a shell");
    assert!(done.success(), "{command}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_list_that_lets_another_user_write_is_refused() {
    let region = hello().await;
    let node = Node::of(&region);
    let (state, listed) = (node.home().join("state"), node.home().join("listed"));
    fs::create_dir(&listed).expect("a directory");
    if let_nobody_write(&listed) {
        is_refused(&node, &region, &state, &listed, "user 65534 through its access control list").await;
        is_refused(&node, &region, &listed, &node.storage(), "setfacl -R -b ").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_user_made_inside_is_refused_and_the_command_mends_all_of_it() {
    if !left_out::unless_root("files of other users") {
        return;
    }
    let region = hello().await;
    let node = Node::of(&region);
    // The command is a shell's, whatever the directory is called.
    let place = node.home().join("it's mine; exit 1");
    let state = place.join("state");
    let first = node.run_at(&place.join("run")).env("SHAKEDOWN_STATE_DIR", &state).finish().await;
    assert_eq!(first.code, Some(0), "{first:?}");
    let before = region.requests().len();
    for path in [
        "state/journal.db",
        "state/enlisted.yaml",
        "run/.lock",
        "run/downloads",
        "run/scripts",
        "run/out",
        "run/resources.json",
    ] {
        let path = place.join(path);
        if !path.exists() {
            fs::write(&path, "").expect("a file");
        }
        chown(&path, Some(NOBODY), None).expect("root may");
        let other = path.with_file_name("beside");
        fs::write(&other, "").expect("a file");
        chown(&other, Some(NOBODY), None).expect("root may");
        // What this machine got when it enlisted is asked for where nothing else says who it is.
        let without = node.home().join("nobody.yaml");
        fs::write(&without, format!("datasource: {{MAAS: {{metadata_url: \"{}/MAAS/metadata/\"}}}}\n", region.url()))
            .expect("a file");
        let config = if path.ends_with("enlisted.yaml") { without } else { node.config() };
        let run = Program::new("run").arg("--config").arg(config).arg(place.join("run"));
        let run = run.env("SHAKEDOWN_STATE_DIR", &state).finish().await;
        assert_eq!(run.code, Some(3), "{}: {run:?}", path.display());
        assert!(run.stderr.contains("belongs to user 65534"), "{}: {}", path.display(), run.stderr);
        assert_eq!(region.requests().len(), before, "nothing is begun");
        obey(mended_with(&run.stderr).expect("a command"));
        assert_eq!(path.metadata().expect("it is there").uid(), 0, "{}", path.display());
        if path.is_file() {
            assert_eq!(other.metadata().expect("it is there").uid(), 0, "what lies beside it, too");
        }
        chown(&other, Some(0), None).expect("root may");
        if path.ends_with("enlisted.yaml") {
            fs::remove_file(&path).expect("a file");
        }
    }
    let run = node.run_at(&place.join("run")).env("SHAKEDOWN_STATE_DIR", &state).finish().await;
    assert!(mended_with(&run.stderr).is_none(), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn root_reads_nothing_where_another_user_decides_what_is_read() {
    let region = hello().await;
    let node = Node::of(&region);
    let state = node.home().join("state");
    let run = node.run().env("SHAKEDOWN_STATE_DIR", &state).finish().await;
    assert_eq!(run.code, Some(0), "{run:?}");
    let secret = node.home().join("secret");
    fs::write(&secret, "root:secret\n").expect("a file");
    let output = node.storage().join(format!("out/hello.{}", row(&region, "hello").id));
    let verbs = [
        vec!["results", "--script", "hello", "--output", "combined"],
        vec!["results"],
        vec!["runs"],
        vec!["report", "--format", "json"],
        vec!["events", "query"],
        vec!["events", "types"],
        vec!["events", "verify"],
    ];
    let call = async |words: &[&str]| {
        let program = Program::new(words[0]).env("SHAKEDOWN_STATE_DIR", &state);
        words[1..].iter().fold(program, Program::arg).finish().await
    };
    for words in &verbs {
        assert_eq!(call(words).await.code, Some(0), "one's own is read: {words:?}");
    }
    assert!(call(&verbs[0]).await.stdout.contains("hello"));
    fs::remove_file(&output).expect("the output");
    symlink(&secret, &output).expect("a link");
    let shown = call(&verbs[0]).await;
    assert!(shown.code == Some(3) && shown.stderr.contains("symbolic link"), "{shown:?}");
    let report = call(&verbs[3]).await;
    assert!(report.stdout.contains("symbolic link") && !report.stdout.contains("root:secret"), "{report:?}");
    if !left_out::unless_root("reading in places of other users") {
        return;
    }
    fs::remove_file(&output).expect("the link");
    fs::write(&output, "hello\n").expect("a file");
    chown(node.storage(), Some(NOBODY), None).expect("root may");
    let shown = call(&verbs[0]).await;
    assert!(shown.code == Some(3) && shown.stderr.contains("Mend it with: chown root"), "{shown:?}");
    let report = call(&verbs[3]).await;
    assert!(report.stdout.contains("belongs to user 65534"), "the report says why the output is absent: {report:?}");
    chown(&state, Some(NOBODY), None).expect("root may");
    for words in &verbs {
        let refused = call(words).await;
        assert_eq!(refused.code, Some(3), "{words:?}: {refused:?}");
        assert!(
            refused.stderr.contains("belongs to user 65534") && refused.stderr.contains("as that user"),
            "{refused:?}"
        );
        assert_eq!(refused.stdout, "", "{words:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_in_another_users_storage_is_not_delivered() {
    if !left_out::unless_root("storage of other users") {
        return;
    }
    let region = hello().await;
    let node = Node::of(&region);
    let state = node.home().join("state");
    let run = node.run().env("SHAKEDOWN_STATE_DIR", &state).finish().await;
    assert_eq!(run.code, Some(0), "{run:?}");
    // One result waits again, as after an outage.
    let journal = rusqlite::Connection::open(state.join("journal.db")).expect("the journal");
    let again =
        "UPDATE outbox SET state = 'waiting' WHERE id = (SELECT max(id) FROM outbox WHERE leads_to IS NOT NULL)";
    assert_eq!(journal.execute(again, []).expect("the outbox"), 1);
    drop(journal);
    for path in [node.storage(), node.storage().join("out")] {
        chown(path, Some(NOBODY), None).expect("root may");
    }
    let before = region.requests().len();
    let deliver = || {
        let program = Program::new("deliver").arg("--config").arg(node.config()).arg("--give-up-after").arg("20");
        program.env("SHAKEDOWN_STATE_DIR", &state).finish()
    };
    let refused = deliver().await;
    assert_eq!((refused.code, region.requests().len()), (Some(3), before), "{refused:?}");
    obey(mended_with(&refused.stderr).expect("a command"));
    assert_eq!(node.storage().join("out").metadata().expect("it is there").uid(), 0);
    assert_ne!(deliver().await.code, Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_was_forged_sends_no_file_of_the_machine() {
    let region = hello().await;
    let node = Node::of(&region);
    let state = node.home().join("state");
    assert_eq!(node.run().env("SHAKEDOWN_STATE_DIR", &state).finish().await.code, Some(0));
    let output = node.storage().join(format!("out/hello.{}", row(&region, "hello").id));
    let journal = rusqlite::Connection::open(state.join("journal.db")).expect("the journal");
    let forge = "UPDATE outbox SET state = 'waiting', payload = replace(payload, ?1, '/etc/shadow') WHERE payload LIKE '%' || ?1 || '%'";
    let forged = journal.execute(forge, [output.to_string_lossy()]).expect("the outbox");
    assert!(forged > 0, "messages name the output");
    drop(journal);
    let before = region.requests().len();
    let program = Program::new("deliver").arg("--config").arg(node.config()).arg("--give-up-after").arg("20");
    let delivered = program.env("SHAKEDOWN_STATE_DIR", &state).finish().await;
    assert_eq!(region.requests().len(), before, "{delivered:?}");
    let said = format!("{}{}", delivered.stdout, delivered.stderr);
    assert!(delivered.code != Some(0) && said.contains("/etc/shadow") && said.contains("undelivered"), "{delivered:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_keeps_in_the_storage_directory_is_not_deleted() {
    let region = hello().await;
    let node = Node::of(&region);
    let state = node.home().join("state");
    for theirs in ["scripts/mine", "incoming/mine", "config/netplan.yaml"] {
        let project = node.home().join("project");
        let kept = project.join(theirs);
        fs::create_dir_all(kept.parent().expect("a directory")).expect("directories");
        fs::write(&kept, "work of years").expect("a file");
        let run = node.run_at(&project).env("SHAKEDOWN_STATE_DIR", &state).finish().await;
        assert_eq!(run.code, Some(3), "{run:?}");
        assert!(run.stderr.contains("which no run has made") && run.stderr.contains("of its own"), "{}", run.stderr);
        assert!(kept.exists() && !project.join(".lock").exists() && region.requests().is_empty());
        fs::remove_dir_all(&project).expect("one's own");
    }
    // What nothing is lost with, and what a run has made, is taken over.
    fs::create_dir_all(node.storage().join("scripts")).expect("directories");
    for region in [region, hello().await] {
        let run = Node::of(&region).run_at(&node.storage()).env("SHAKEDOWN_STATE_DIR", &state).finish().await;
        assert_eq!(run.code, Some(0), "{run:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_is_a_link_is_not_followed() {
    let region = hello().await;
    let node = Node::of(&region);
    let (state, elsewhere) = (node.home().join("state"), node.home().join("elsewhere"));
    fs::create_dir(&state).expect("a directory");
    symlink(&elsewhere, state.join("journal.db")).expect("a link");
    let run = node.run().env("SHAKEDOWN_STATE_DIR", &state).finish().await;
    assert_eq!((run.code, elsewhere.exists()), (Some(0), false), "{run:?}");
    assert!(run.stderr.contains("no journal"), "{}", run.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_directory_has_one_run_at_a_time() {
    // The first run is held by its script until the second was refused.
    let node_home = tempfile::tempdir().expect("a temporary directory");
    let go = node_home.path().join("go");
    let waits = plain(&format!("until [ -e {} ]; do sleep 0.05; done; echo first", go.display()));
    let first_region = region(&[("testing/first", waits)], |options| options.status = NodeStatus::Testing).await;
    let second_region = hello().await;
    let (first, second) = (Node::of(&first_region), Node::of(&second_region));
    let running = first.run().start();
    support::until("the first script runs", || row(&first_region, "first").status == Status::Running).await;
    let refused = second.run_at(&first.storage()).finish().await;
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stderr.contains("another shakedown run uses the storage directory"), "{}", refused.stderr);
    fs::write(&go, "").expect("a file");
    let ended = running.finish(support::LIMIT).await;
    assert_eq!((ended.code, row(&first_region, "first").status), (Some(0), Status::Passed), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callers_mask_opens_nothing_to_others() {
    let scripts = [("testing/look", plain("umask; touch \"$DOWNLOAD_PATH/made\""))];
    let region = region(&scripts, |options| options.status = NodeStatus::Testing).await;
    let node = Node::of(&region);
    let run = node.run().through(&["sh", "-c", "umask 0; exec \"$0\" \"$@\""]).finish().await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(node.output(&row(&region, "look"), ""), b"0022\n");
    let mut open = vec![node.storage()];
    while let Some(path) = open.pop() {
        let mode = fs::symlink_metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o022, 0, "{} is {mode:o}", path.display());
        if path.is_dir() {
            open.extend(fs::read_dir(&path).expect("a directory").flatten().map(|entry| entry.path()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_file_size_ends_no_run() {
    let scripts = [("testing/prints", plain("head -c 4000000 /dev/zero")), ("testing/later", plain("echo later"))];
    let region = region(&scripts, |options| options.status = NodeStatus::Testing).await;
    let node = Node::of(&region);
    let run = node.run().through(&["prlimit", "--fsize=2000000"]).finish().await;
    assert!(matches!(run.code, Some(0 | 1)), "the agent was not killed: {run:?}");
    assert_eq!(row(&region, "later").status, Status::Passed);
    assert_ne!(row(&region, "prints").status, Status::Passed, "what it printed was lost");
}

/// A script that does something before the next one is run, in the folder of both, which `$0` tells.
fn before_next(deed: &str) -> [(&'static str, String); 2] {
    let first = script("parallel: disabled", &format!("cd \"$(dirname \"$0\")\" || exit 1; {deed}"));
    [("testing/a-first", first), ("testing/b-next", script("parallel: disabled", "echo honest"))]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_is_not_the_one_on_record_has_failed_and_never_ran() {
    let evil = "printf '#!/bin/sh\\necho evil\\n' >";
    for (deed, says) in [
        (format!("{evil}b-next"), "is on record"),
        (format!("{evil}new; chmod 755 new; mv new b-next"), "is on record"),
        (format!("{evil}/dev/null; mv b-next moved; ln -s moved b-next"), "cannot run"),
        ("rm b-next; mkdir b-next".to_owned(), "no regular file"),
    ] {
        let region = region(&before_next(&deed), |options| options.status = NodeStatus::Testing).await;
        let node = Node::of(&region);
        let run = node.run().finish().await;
        assert_eq!((run.code, row(&region, "a-first").status), (Some(1), Status::Passed), "{run:?}");
        let next = row(&region, "b-next");
        let output = String::from_utf8_lossy(&next.output).into_owned();
        assert_eq!(next.status, Status::Failed, "{deed}");
        assert!(output.contains(says) && !output.contains("evil") && !output.contains("honest"), "{deed}: {output}");
        assert_eq!(region.node_status(), NodeStatus::FailedTesting);
    }
    let region = region(&before_next("touch beside; true"), |options| options.status = NodeStatus::Testing).await;
    assert_eq!(Node::of(&region).run().finish().await.code, Some(0), "what lies beside it is nobody's business");
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_get_proxies_without_their_passwords_unless_the_site_says_so() {
    let prints = plain("echo $http_proxy $HTTPS_PROXY $all_proxy $ftp_proxy $no_proxy");
    for (whole, expected) in [
        ("", "http://proxy.invalid:1 proxy.invalid:2 socks5://proxy.invalid http://proxy.invalid 127.0.0.1\n"),
        (
            "HTTPS_PROXY all_proxy",
            "http://proxy.invalid:1 user:secret@proxy.invalid:2 socks5://user:secret@proxy.invalid http://proxy.invalid 127.0.0.1\n",
        ),
    ] {
        let region =
            region(&[("testing/prints", prints.clone())], |options| options.status = NodeStatus::Testing).await;
        let node = Node::of(&region);
        let run = node
            .run()
            .env("http_proxy", "http://user:secret@proxy.invalid:1")
            .env("HTTPS_PROXY", "user:secret@proxy.invalid:2")
            .env("all_proxy", "socks5://user:secret@proxy.invalid")
            .env("ftp_proxy", "http://user:secret@proxy.invalid")
            .env("no_proxy", "127.0.0.1")
            .env("SHAKEDOWN_RUNNER_PASS_ENVIRONMENT", whole);
        let run = run.finish().await;
        assert_eq!(run.code, Some(0), "{run:?}");
        assert_eq!(String::from_utf8_lossy(&row(&region, "prints").output), expected);
    }
}

/// A program behind a terminal of its own, whose screen is what it prints.
const TERMINAL: [&str; 3] = ["sh", "-c", "exec script -qec \"$0 $*\" /dev/null"];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_script_or_its_region_says_steers_a_terminal() {
    let body = "printf '\\033]0;TITLE\\007\\033[31mRED\\302\\2332J\\233\\n'\n\
                cp \"$(command -v sleep)\" \"$DOWNLOAD_PATH/$(printf 'z\\033[31mNAME')\"\n\
                \"$DOWNLOAD_PATH/$(printf 'z\\033[31mNAME')\" 3 >/dev/null 2>&1 &\n\
                printf 'status: \"\\033[31mSTATUS\"\\n' >\"$RESULT_PATH\"\nsleep 1";
    let evil = [("testing/evil\u{202e}", plain(body))];
    let region = region(&evil, |options| options.status = NodeStatus::Testing).await;
    let node = Node::of(&region);
    let state = node.home().join("state");
    let obeys = |screen: &str| {
        ["\u{1b}]0", "\u{1b}[31mRED", "\u{1b}[31mNAME", "\u{1b}[31mSTATUS", "\u{9b}", "\u{202e}"]
            .iter()
            .any(|it| screen.contains(it))
    };
    let run = node.run().env("SHAKEDOWN_STATE_DIR", &state).through(&TERMINAL).finish().await;
    assert!(run.stdout.contains("STATUS") && run.stdout.contains("NAME") && !obeys(&run.stdout), "{:?}", run.stdout);
    for words in [
        vec!["results"],
        vec!["runs"],
        vec!["events", "query"],
        vec!["events", "query", "--format", "table"],
        vec!["report"],
    ] {
        for terminal in [false, true] {
            let program = Program::new(words[0]).args(&words[1..]).env("SHAKEDOWN_STATE_DIR", &state);
            let shown = if terminal { program.through(&TERMINAL) } else { program }.finish().await;
            assert_eq!(shown.code, Some(0), "{shown:?}");
            assert!(!shown.stdout.contains('\u{1b}') && !obeys(&shown.stdout), "{words:?}: {:?}", shown.stdout);
        }
    }
    let output = || {
        let name = "evil\u{202e}";
        Program::new("results").args(["--script", name, "--output", "stdout"]).env("SHAKEDOWN_STATE_DIR", &state)
    };
    let shown = output().through(&TERMINAL).finish().await.stdout;
    assert!(shown.contains("\\u001b]0;TITLE\\u0007\\u001b[31mRED\\u009b2J\\x9b") && !obeys(&shown), "{shown:?}");
    for raw in [output().finish().await, output().arg("--raw").through(&TERMINAL).finish().await] {
        assert!(raw.stdout.contains("\u{1b}]0;TITLE\u{7}\u{1b}[31mRED"), "the bytes as they are: {:?}", raw.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_became_one_that_destroys_data_is_not_run_without_an_order() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let gone = home.path().join("gone");
    // Before the tests are put on record, but after the whole index was looked through.
    let changes = format!(
        "cd \"$(dirname \"$0\")/../testing\" || exit 1; sed 's/^# timeout: .*/&\\n# destructive: true/; s/^echo .*/touch {}/' b >new\n\
         chmod 755 new; mv new b; cat b",
        gone.display().to_string().replace('/', "\\/")
    );
    let scripts = [("commissioning/a", plain(&changes)), ("testing/b", script("timeout: 9", "echo honest"))];
    let region = region(&scripts, |_| {}).await;
    let node = Node::of(&region);
    let run = node.run().arg("--no-send").finish().await;
    let output = |name: &str| {
        let entries = fs::read_dir(node.storage().join("out")).expect("outputs").flatten();
        let found = entries.map(|entry| entry.path()).find(|path| path.to_string_lossy().contains(name));
        fs::read_to_string(found.expect("an output")).expect("text")
    };
    assert!(output("/a.").contains("destructive: true"), "{}", output("/a."));
    assert_eq!((run.code, gone.exists()), (Some(1), false), "{run:?}");
    assert!(run.stdout.contains("b failed"), "{}", run.stdout);
}
