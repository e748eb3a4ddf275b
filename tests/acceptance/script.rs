//! The script for MAAS, called as a region's runner calls it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;

use shakedown::script::{Header, ResultFile};

use crate::server;

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/commissioning/shakedown-accept")
}

/// Calls it on a compute server, and gives its result file, if it wrote one.
fn call(words: &[&str]) -> (Output, Option<ResultFile>) {
    let place = tempfile::tempdir().expect("a temporary directory");
    let path = |name: &str| place.path().join(name);
    fs::write(path("machine.json"), server::compute().to_string()).expect("a small file");
    let agent = format!(
        "#!/bin/sh\nexec {} \"$@\" --root {}\n",
        env!("CARGO_BIN_EXE_shakedown"),
        path("machine.json").display()
    );
    fs::write(path("agent"), agent).expect("a small file");
    fs::set_permissions(path("agent"), fs::Permissions::from_mode(0o755)).expect("one's own file");
    let mut command = Command::new(script());
    command.args(words).env("SHAKEDOWN_BINARY", path("agent")).env("RESULT_PATH", path("result.yaml"));
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(name);
    }
    let output = command.output().expect("sh is there");
    let written = fs::read(path("result.yaml")).ok();
    (output, written.map(|bytes| ResultFile::parse(&bytes, false).expect("a result file that a region takes")))
}

fn value(file: &ResultFile, key: &str) -> String {
    file.results
        .iter()
        .find(|(name, _)| name == key)
        .map(|(_, value)| value.as_str().unwrap_or_default().to_owned())
        .unwrap_or_default()
}

/// Answers one request with a text.
fn serve(text: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback can be listened on");
    let address = format!("http://{}/r760.toml", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a caller");
        let _ = stream.read(&mut [0; 4096]);
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}", text.len());
    });
    address
}

#[test]
fn the_header_is_one_that_a_region_takes_and_that_nobody_runs_unasked() {
    let header = Header::parse(&fs::read(script()).expect("a script")).expect("a header that a region takes");
    assert_eq!(header.name.as_deref(), Some("shakedown-accept"));
    assert!(header.tags.contains(&"noauto".to_owned()) && !header.destructive);
}

#[test]
fn a_profile_is_fetched_and_its_verdict_is_that_of_the_script() {
    let good = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/profiles/compute.toml"))
        .expect("a profile");
    let (output, result) = call(&[&format!("--profile={}", serve(good.clone()))]);
    assert!(output.status.success(), "{output:?}");
    let result = result.expect("a result file");
    assert_eq!(
        (value(&result, "profile"), value(&result, "verdict")),
        ("r760-compute-a".to_owned(), "accepted".to_owned())
    );

    let bad = good.replace("bmc = \">=7.10\"", "bmc = \">=8\"");
    let (output, result) = call(&[&format!("--profile={}", serve(bad))]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(value(&result.expect("a result file"), "deviations"), "firmware bmc 7.10, ordered at least 8");
}

#[test]
fn without_a_profile_nothing_has_passed() {
    let nowhere = format!(
        "--profile=http://{}/x",
        TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("an address")
    );
    for words in [vec![nowhere.as_str()], vec!["--profile=/etc/passwd"], vec!["--other"]] {
        let (output, _) = call(&words);
        assert_eq!(output.status.code(), Some(1), "{words:?}: {output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("failed: "), "{words:?}: {output:?}");
    }
}
