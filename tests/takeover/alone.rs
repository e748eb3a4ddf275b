//! The takeover script by itself, started by a shell as MAAS's runner starts it, on machines that lack something.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Output;

use shakedown::sandbox::Sandbox;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use crate::degraded::options;
use crate::machine::Machine;
use crate::{administer, adopted, binary, region, site};

/// Programs that every ephemeral system has.
const ALWAYS: [&str; 16] = [
    "sh",
    "uname",
    "mkdir",
    "chmod",
    "cat",
    "rm",
    "mv",
    "cut",
    "df",
    "awk",
    "timeout",
    "sleep",
    "wc",
    "sha256sum",
    "xz",
    "true",
];

/// The script for commissioning, run with these programs and no others; further variables.
async fn run(machine: &Machine, region: &Sandbox, programs: &[&str], variables: &[(&str, &str)]) -> Output {
    let client = shakedown::region::Client::new(options(region)).expect("a client");
    let scripts = client.scripts().await.expect("a list");
    let script = scripts.iter().find(|script| script.name == "00-shakedown-commissioning").expect("installed");
    machine.program("takeover", &String::from_utf8_lossy(&script.content));
    let bin = machine.at("few");
    std::fs::create_dir(&bin).expect("a new folder");
    for program in ALWAYS.iter().chain(programs) {
        symlink(found(program), bin.join(program)).expect("a link");
    }
    let mut command = tokio::process::Command::new("/bin/sh");
    command.arg(machine.at("takeover")).env_clear().env("PATH", &bin).env("RESULT_PATH", machine.at("result"));
    command.env("SHAKEDOWN_PLACE", machine.at("place")).env("SHAKEDOWN_STATE_DIR", machine.state());
    command.env("SHAKEDOWN_RETRY_WAIT", "0.1").env("MAAS_BASE_URL", region.url().trim_end_matches("/MAAS/"));
    command.envs(variables.iter().copied());
    command.output().await.expect("a shell")
}

/// Where a program is; Python's own file, since what stands for it in PATH may be a script that needs others.
fn found(program: &str) -> PathBuf {
    if program == "python3" {
        let asked = std::process::Command::new(program).args(["-c", "import sys; print(sys.executable)"]).output();
        return String::from_utf8_lossy(&asked.expect("python3").stdout).trim().into();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).map(|folder| folder.join(program));
    places.find(|place| place.is_file()).unwrap_or_else(|| panic!("{program} is not here"))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn any_one_of_three_programs_downloads_the_agent() {
    for program in ["python3", "curl", "wget"] {
        let machine = Machine::new();
        let region = adopted(&machine, &[site(&machine, "look", "", "")]).await;
        let output = run(&machine, &region, &[program], &[]).await;
        // The agent is there and runs; a shell is not MAAS's runner.
        assert!(said(&output).contains("not started by MAAS's runner"), "{program}: {}", said(&output));
        assert_eq!(output.status.code(), Some(0));
        assert!(std::fs::read_to_string(machine.at("result")).expect("a result").contains("degraded"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_of_them_the_reason_is_said() {
    let machine = Machine::new();
    let region = adopted(&machine, &[site(&machine, "look", "", "")]).await;
    let output = run(&machine, &region, &[], &[]).await;
    assert!(said(&output).contains("neither python3 nor curl nor wget"), "{}", said(&output));
    assert_eq!(std::fs::read_to_string(machine.at("result")).expect("a result"), "status: degraded\n");
    assert!(std::fs::read_dir(machine.at("place")).expect("a folder").next().is_none(), "nothing is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_cannot_be_written_is_no_pass() {
    let machine = Machine::new();
    let region = adopted(&machine, &[site(&machine, "look", "", "")]).await;
    let output = run(&machine, &region, &[], &[("RESULT_PATH", "/dev/full")]).await;
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    // The agent cannot write it either.
    std::fs::remove_dir_all(machine.at("few")).expect("one's own");
    let output = run(&machine, &region, &["curl"], &[("RESULT_PATH", "/dev/full")]).await;
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_ends_fills_no_disk_and_takes_no_longer_than_it_may() {
    for is_silent in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback");
        let folder = format!("http://{}/", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                    while is_silent || stream.write_all(&[0; 8192]).await.is_ok() {
                        tokio::task::yield_now().await;
                        if is_silent {
                            std::future::pending::<()>().await;
                        }
                    }
                });
            }
        });
        for program in ["python3", "curl", "wget"] {
            let machine = Machine::new();
            let region = region(&[site(&machine, "look", "", "")]).await;
            let install = administer(&region, "install").arg("--binary").arg(binary(&machine));
            let done = install.args(["--binary-url", &folder]).finish().await;
            assert_eq!(done.code, Some(0), "{}", done.stderr);
            let began = std::time::Instant::now();
            let output = run(&machine, &region, &[program], &[("SHAKEDOWN_DOWNLOAD_SECONDS", "3")]).await;
            assert!(said(&output).contains("no address gave the right file"), "{program}: {}", said(&output));
            assert!(began.elapsed().as_secs() < 60, "{program} {:?}", began.elapsed());
            assert!(std::fs::read_dir(machine.at("place")).expect("a folder").next().is_none(), "nothing is left");
        }
    }
}
