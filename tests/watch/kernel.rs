//! News of this machine's own kernel. What needs root or a driver that is not here is said aloud and left out.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use shakedown::host::{Hardware, Host, News};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::support::left_out;

/// News goes to all who listen: one test at a time.
static ALONE: Mutex<()> = Mutex::const_new(());
/// Nothing happens within this, so nothing will: the kernel delivers news before it answers the call that caused it.
const SILENCE: Duration = Duration::from_millis(300);

fn run(program: &str, words: &[&str]) -> Option<String> {
    let output = Command::new(program).args(words).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A device with hardware behind it that the kernel can be made to tell news of.
fn real_device() -> Option<(PathBuf, Hardware)> {
    let disk = |name: &str| !["loop", "ram", "zram", "dm-", "md"].iter().any(|prefix| name.starts_with(prefix));
    let names = |directory: &str| -> Vec<String> {
        fs::read_dir(directory)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|e| e.file_name().into_string().ok())
            .collect()
    };
    let found = names("/sys/block")
        .into_iter()
        .find(|name| disk(name))
        .map(|name| (format!("/sys/block/{name}"), Hardware::Disk));
    let card = || {
        let real = |name: &String| Path::new(&format!("/sys/class/net/{name}/device")).exists();
        let name = names("/sys/class/net").into_iter().find(real)?;
        Some((format!("/sys/class/net/{name}"), Hardware::Interface))
    };
    found.or_else(card).map(|(path, hardware)| (Path::new(&path).join("uevent"), hardware))
}

#[tokio::test]
async fn news_of_a_real_device_is_heard() {
    if !left_out::unless_root("real news of the kernel") {
        return;
    }
    let Some((uevent, hardware)) = real_device() else {
        return left_out::say("a real disk or interface: there is none");
    };
    let _alone = ALONE.lock().await;
    let mut news = News::of_kernel(Host::live()).expect("the kernel has such sockets");
    if fs::write(&uevent, "add").is_err() {
        return left_out::say("real news of the kernel: /sys cannot be written to");
    }
    let heard = timeout(crate::support::LIMIT, news.next()).await.expect("it is heard").expect("the socket works");
    assert_eq!(heard, hardware);
}

#[tokio::test]
async fn a_loop_device_is_no_news() {
    if !left_out::unless_root("real news of the kernel") {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("disk");
    fs::File::create(&file).and_then(|file| file.set_len(8 << 20)).expect("a sparse file");
    let _alone = ALONE.lock().await;
    let mut news = News::of_kernel(Host::live()).expect("the kernel has such sockets");
    let Some(device) = run("losetup", &["--find", "--show", &file.display().to_string()]) else {
        return left_out::say("a loop device: losetup does not work here");
    };
    let heard = timeout(SILENCE, news.next()).await;
    run("losetup", &["--detach", &device]).expect("it was attached");
    assert!(heard.is_err(), "{heard:?}");
    let heard = timeout(SILENCE, news.next()).await;
    assert!(heard.is_err(), "{heard:?}");
}

/// In a network namespace of its own, this test's binary once more: the sockets hear what happens in it.
#[test]
fn virtual_interfaces_are_no_news() {
    if !left_out::unless_root("real news of the kernel") {
        return;
    }
    let Ok(own) = std::env::current_exe() else {
        return left_out::say("virtual interfaces: this test does not know its own path");
    };
    let words = ["--exact", "kernel::in_a_namespace_of_its_own", "--ignored", "--nocapture"];
    let output = Command::new("unshare").args(["--net", "--mount"]).arg(own).args(words).output();
    let Ok(output) = output else { return left_out::say("virtual interfaces: unshare is not installed") };
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.starts_with("unshare: ") {
        return left_out::say("virtual interfaces: unshare --net --mount does not work here");
    }
    assert!(output.status.success(), "{}{errors}", String::from_utf8_lossy(&output.stdout));
    for line in errors.lines().filter(|line| line.starts_with("left out:")) {
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}

#[tokio::test]
#[ignore = "runs in a network namespace, started by virtual_interfaces_are_no_news"]
async fn in_a_namespace_of_its_own() {
    if run("ip", &["-V"]).is_none() {
        return left_out::say("virtual interfaces: ip (iproute2) is not installed");
    }
    run("mount", &["-t", "sysfs", "sysfs", "/sys"]).expect("a namespace has a view of its own interfaces");
    let mut news = News::of_kernel(Host::live()).expect("the kernel has such sockets");
    let kinds: [(&str, &[&str]); 4] = [
        ("dummy", &["link", "add", "test0", "type", "dummy"]),
        ("veth", &["link", "add", "test0", "type", "veth", "peer", "name", "test1"]),
        ("bridge", &["link", "add", "test0", "type", "bridge"]),
        ("ifb", &["link", "add", "test0", "type", "ifb"]),
    ];
    let mut tried = 0;
    for (kind, words) in kinds {
        if run("ip", words).is_none() {
            left_out::say(&format!("{kind} interfaces: this kernel has none"));
            continue;
        }
        run("ip", &["link", "set", "test0", "up"]).expect("it is there");
        run("ip", &["link", "delete", "test0"]).expect("it is there");
        tried += 1;
        let heard = timeout(SILENCE, news.next()).await;
        assert!(heard.is_err(), "{kind}: {heard:?}");
    }
    run("ip", &["link", "set", "lo", "up"]).expect("every namespace has one");
    let heard = timeout(SILENCE, news.next()).await;
    assert!(heard.is_err(), "lo: {heard:?}");
    if tried == 0 {
        left_out::say("virtual interfaces: this kernel has none of those tried");
    }
    // More than the buffer of a socket holds, of something that is no news: that some was lost is.
    for _ in 0..40_000 {
        fs::write("/sys/class/net/lo/uevent", "change").expect("the view of this namespace");
    }
    let heard = timeout(crate::support::LIMIT, news.next()).await.expect("it is heard").expect("the socket works");
    assert_eq!(heard, Hardware::Anything);
}
