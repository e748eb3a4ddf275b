//! Packages of the distribution, by this machine's own apt and dpkg.

use std::fs;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc::{F_WRLCK, SEEK_SET, flock};
use nix::sys::signal::Signal;
use serde_json::json;

use super::debian::{Package, Root, is_here};
use super::mirror::Mirror;
use super::support::{LIMIT, Marker, until};
use super::{GIVES_NOTHING, HASTY, fake, needs_apt, needs_urls, not_installed, passed, run, scene, text};

/// A package that depends on a second and recommends a third.
fn family() -> [Package; 3] {
    [
        Package::new("tiny", "1.0", "Depends: tiny-lib\nRecommends: tiny-extra"),
        Package::new("tiny-lib", "1.0", ""),
        Package::new("tiny-extra", "1.0", ""),
    ]
}

/// Runs one script that needs packages, in a root.
async fn ran_in(root: &Root, packages: &[&str]) -> (shakedown::sandbox::Sandbox, String) {
    let body = "echo SCRIPT RAN; cat \"$DPKG_ROOT\"/usr/share/tiny";
    let (region, node) = scene(&[needs_apt("needs", packages, body)], |_| {}).await;
    let finished = root.around(run(&node, HASTY)).finish().await;
    let output = text(&super::support::row(&region, "needs").output);
    assert!(finished.code.is_some_and(|code| code <= 1), "{finished:?}");
    (region, output)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_is_there_before_the_script_and_costs_nothing_when_it_was_there_already() {
    if !is_here() {
        return;
    }
    let mirror = Mirror::of(&family()).await;
    let root = Root::new(&mirror.line());
    let (region, output) = ran_in(&root, &["tiny"]).await;
    assert!(passed(&region, "needs").ends_with("SCRIPT RAN\n1.0"), "{output}");
    let versions = ["tiny", "tiny-lib", "tiny-extra"].map(|name| root.version_of(name).is_some());
    assert_eq!(versions, [true, true, false], "what is only recommended is not installed");
    assert!(
        output.contains("apt-get -qy update\n") && output.contains("--no-install-recommends install -- tiny\n"),
        "{output}"
    );
    let events = super::support::events(&region);
    let change = "needs changed status from 'Installing dependencies' to 'Running'";
    assert!(events.iter().any(|text| text == change), "{events:?}");
    let asked = mirror.server.asked().len();
    for names in [&["tiny"][..], &["tiny=1.0", "tiny-lib:all"]] {
        let (region, output) = ran_in(&root, names).await;
        passed(&region, "needs");
        assert!(output.starts_with(&format!("[{} installed already]", names.join(" "))), "{output}");
    }
    assert_eq!(mirror.server.asked().len(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_that_are_too_old_are_fetched_once() {
    if !is_here() {
        return;
    }
    let mirror = Mirror::of(&family()).await;
    let root = Root::new(&mirror.line());
    ran_in(&root, &["tiny-lib"]).await;
    let before = mirror.updates();
    mirror.hold(&[Package::new("tiny", "2.0", "")]);
    let (region, _) = ran_in(&root, &["tiny"]).await;
    assert!(passed(&region, "needs").ends_with("2.0"), "the old list names a file that is gone");
    assert_eq!(mirror.updates(), before + 1);
    let (region, output) = ran_in(&root, &["tiny=9"]).await;
    let row = not_installed(&region, "needs", "the machine's package sources do not have it");
    assert_eq!((row.exit_status, mirror.updates()), (Some(100), before + 2), "{output}");
    assert!(output.contains("E: Version '9' for 'tiny' was not found"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_name_never_reaches_apt() {
    for (name, says) in [("-oDPkg::Pre-Invoke::=id", "is no name of a package"), ("tiny-", "would remove a package")] {
        let (region, node) = scene(&[needs_apt("needs", &[name], "echo SCRIPT RAN")], |_| {}).await;
        run(&node, HASTY).finish().await;
        let row = not_installed(&region, "needs", says);
        assert!(row.exit_status == Some(1) && !text(&row.output).contains('$'), "{}", text(&row.output));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_an_installer() {
    let marker = Marker::new();
    let (region, node) = scene(&[needs_apt("needs", &["tiny"], "echo SCRIPT RAN")], |_| {}).await;
    let path = fake(&node.home().join("bin"), "apt-get", &format!("sleep {}", marker.word()));
    fake(&node.home().join("bin"), "sudo", GIVES_NOTHING);
    let running = run(&node, HASTY).env("PATH", path).start();
    until("the installer is at work", || !marker.alive().is_empty()).await;
    running.signal(Signal::SIGTERM);
    let finished = running.finish(LIMIT).await;
    assert_eq!(not_installed(&region, "needs", "was stopped with the run").exit_status, Some(143), "{finished:?}");
    assert_eq!(marker.alive().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_apt_says_so() {
    let (region, node) = scene(&[needs_apt("needs", &["tiny"], "echo SCRIPT RAN")], |_| {}).await;
    let finished = run(&node, HASTY).env("PATH", node.home()).finish().await;
    let row = not_installed(&region, "needs", "this machine's image does not have that program");
    assert_eq!(row.exit_status, Some(2), "{finished:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_configuration_file_is_kept_without_a_question() {
    if !is_here() {
        return;
    }
    let with = |version, config| Package { config: Some(config), ..Package::new("tiny", version, "") };
    let mirror = Mirror::of(&[with("1.0", "first\n")]).await;
    let root = Root::new(&mirror.line());
    ran_in(&root, &["tiny"]).await;
    root.write("etc/tiny.conf", "the site's\n");
    mirror.hold(&[with("2.0", "second\n")]);
    let (region, _) = ran_in(&root, &["tiny=2.0"]).await;
    assert!(passed(&region, "needs").ends_with("2.0"));
    assert_eq!(fs::read_to_string(root.path("etc/tiny.conf")).expect("it is there"), "the site's\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_package_manager_is_waited_for() {
    if !is_here() {
        return;
    }
    let mirror = Mirror::of(&family()).await;
    let root = Root::new(&mirror.line());
    let lock = fs::File::create(root.path("var/lib/apt/lists/lock")).expect("room");
    let short = |number: i32| i16::try_from(number).expect("the system's own constant");
    let whole = flock { l_type: short(F_WRLCK), l_whence: short(SEEK_SET), l_start: 0, l_len: 0, l_pid: 0 };
    fcntl(&lock, FcntlArg::F_SETLK(&whole)).expect("nobody else has it");
    let (region, node) = scene(&[needs_apt("needs", &["tiny"], "echo SCRIPT RAN")], |_| {}).await;
    let running = root.around(run(&node, HASTY)).start();
    let output =
        || super::files_below(&node.storage().join("out")).into_iter().filter_map(|path| fs::read_to_string(path).ok());
    until("it waits", || output().any(|text| text.contains("waiting for it"))).await;
    drop(lock);
    let finished = running.finish(LIMIT).await;
    assert!(passed(&region, "needs").ends_with("SCRIPT RAN\n"), "{finished:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_that_was_cut_off_is_completed_first() {
    if !is_here() {
        return;
    }
    let mirror = Mirror::of(&family()).await;
    let root = Root::new(&mirror.line());
    ran_in(&root, &["tiny-lib"]).await;
    // What dpkg leaves in its log of updates when the power fails.
    let stanza = fs::read_to_string(root.path("var/lib/dpkg/status")).expect("it is there");
    root.write("var/lib/dpkg/updates/0000", stanza.replace("install ok installed", "install ok unpacked").trim_start());
    let (region, output) = ran_in(&root, &["tiny"]).await;
    assert!(passed(&region, "needs").ends_with("1.0"), "{output}");
    assert!(output.contains("--configure -a\n"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_without_an_archive_brings_its_packages_along() {
    if !is_here() {
        return;
    }
    let root = Root::new("");
    let cache = tempfile::tempdir().expect("a temporary directory");
    for package in family() {
        fs::write(cache.path().join(package.file_name()), package.build()).expect("room");
    }
    let file = Package::new("by-name", "3", "");
    fs::write(cache.path().join("by-name.deb"), file.build()).expect("room");
    fs::write(cache.path().join("data.bin"), "from the cache").expect("room");
    let wrong = format!("http://nowhere.invalid/data.bin#sha256={}", "0".repeat(64));
    let urls = ["http://nowhere.invalid/a/data.bin", "http://nowhere.invalid/by-name.deb"].map(str::to_owned);
    let scripts = [
        needs_apt("apt", &["tiny"], "echo SCRIPT RAN"),
        needs_urls("url", &urls, "cat \"$DOWNLOAD_PATH\"/data.bin"),
        needs_urls("wrong", &[wrong], "echo SCRIPT RAN"),
    ];
    let (region, node) = scene(&scripts, |_| {}).await;
    let finished = root.around(run(&node, HASTY)).arg("--package-cache").arg(cache.path()).finish().await;
    passed(&region, "apt");
    assert!(passed(&region, "url").ends_with("from the cache"), "{finished:?}");
    not_installed(&region, "wrong", "replace or remove it");
    let versions = ["tiny", "tiny-lib", "tiny-extra", "by-name"].map(|name| root.version_of(name).unwrap_or_default());
    assert_eq!(versions, ["1.0", "1.0", "", "3"], "only what is needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_from_a_url_brings_what_it_depends_on_or_fails() {
    if !is_here() {
        return;
    }
    let mirror = Mirror::of(&family()).await;
    let root = Root::new(&mirror.line());
    let alone = Package::new("alone", "1.0", "Depends: nobody-has-this");
    let files = super::server::Server::of(vec![
        ("/tiny".to_owned(), family()[0].build()),
        ("/alone".to_owned(), alone.build()),
        ("/broken".to_owned(), b"!<arch>\ndebian-binary   and nothing of it".to_vec()),
    ])
    .await;
    let scripts =
        ["tiny", "alone", "broken"].map(|name| needs_urls(name, &[files.url(&format!("/{name}"))], "echo SCRIPT RAN"));
    let (region, node) = scene(&scripts, |_| {}).await;
    let finished = root.around(run(&node, HASTY)).finish().await;
    passed(&region, "tiny");
    let row = not_installed(&region, "alone", "alone depends on nobody-has-this");
    assert_ne!(row.exit_status, Some(0), "{finished:?}");
    not_installed(&region, "broken", "is no Debian package that dpkg-deb can read");
    assert_eq!([root.version_of("tiny"), root.version_of("tiny-lib")], [Some("1.0".into()), Some("1.0".into())]);
    assert_eq!(super::left_behind(&node).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_is_none_is_refused_before_anything_runs() {
    let (region, node) = scene(&[needs_apt("needs", &["tiny"], "echo SCRIPT RAN")], |_| {}).await;
    let settings = format!("{HASTY}cache = {}\n", json!(node.home().join("nonexistent")));
    let finished = run(&node, &settings).finish().await;
    assert_ne!(finished.code, Some(0));
    assert!(finished.stderr.contains("nonexistent is no directory that can be read"), "{finished:?}");
    assert!(region.requests().is_empty(), "nobody was asked");
}
