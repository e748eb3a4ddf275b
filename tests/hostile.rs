//! Archives and answers that are wrong by accident or malice: a clear refusal, and nothing written where it must not be.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use axum::body::{Body, Bytes};
use axum::http::Method;
use axum::response::Response;
use base64::Engine as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use tar::EntryType;

use support::archive::{Tar, entry, honest};
use support::program::Finished;
use support::tap::Tap;
use support::{LIMIT, Node};

/// An archive with a PAX header and fractional times, as the region's Python makes it, compressed by `xz`.
const XZ: &str = "/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4Cf/AQ9dABcL3ASAUDIm7h19G/PyyzPs7Pg38OrWet1p0xtWH3Vust5adFcvqscwMsJbuXCJXx8FRYKU\
EuTToPQjMqVi8GwUOwtzVyBtH/h/j2i8fnuto/V1yJo5Q2GbcF1byuGGIq10M7SoT5ns//mbvNRIXmjS0EX9IliK1jPWZoIMmvoQ1xlT3LoSr8YMXK8W\
q7HrIsw0E2wgfjDUPl+qd+cvD71XNop/y7iuaC+RObKFpP453XRK0y6XTZpGVLP39YWhr71Dwu5wJPVHjLiF4xtMs2lAT034XyBBRUq2K88DPlKEdyjG\
s9Kwd5oOv+liIDNGdsbZB3wZt5HggicZ4q31eJ/SZDos6oh3i3gADu6YowAAAI+GCoe0mKdXAAGrAoBQAAAb/qtLscRn+wIAAAAABFla";

/// What one gzip member of [`zeros`] unpacks to.
const BLOCK: u64 = 64 << 20;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

/// Some gzip members that unpack to [`BLOCK`] zeros each.
fn zeros(blocks: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::copy(&mut std::io::Read::take(std::io::repeat(0), BLOCK), &mut encoder).expect("memory can be written");
    encoder.finish().expect("memory can be written").repeat(blocks)
}

/// Every file below a directory but the storage directory, with its content.
fn surroundings(home: &Path, storage: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![home.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).expect("a directory").flatten() {
            let path = entry.path();
            if path == storage {
                continue;
            }
            if entry.file_type().expect("a file").is_dir() {
                open.push(path);
            } else {
                let content = fs::read(&path).expect("a file");
                found.insert(path, content);
            }
        }
    }
    found
}

/// A run whose archive is refused: exit code 3, one line that says why, FAILED with the same text, nothing left behind.
async fn refused(what: &str, node: &Node, tap: &Tap, says: &str) -> Finished {
    let before = surroundings(node.home(), &node.storage());
    let run = node.run().start().finish(2 * LIMIT).await;
    assert_eq!(run.code, Some(3), "{what}: {run:?}");
    let lines: Vec<&str> = run.stderr.lines().filter(|line| line.contains(says)).collect();
    assert_eq!(lines.len(), 1, "{what}: {says:?} once in {}", run.stderr);
    assert!(lines[0].starts_with("shakedown: "), "{what}: {}", run.stderr);
    let signals = tap.signals();
    assert_eq!(signals.len(), 1, "{what}: {signals:?}");
    assert_eq!(signals[0].status(), "FAILED", "{what}");
    assert!(signals[0].field("error").contains(says), "{what}: {}", signals[0].field("error"));
    assert_eq!(surroundings(node.home(), &node.storage()), before, "{what}");
    let out = node.storage().join("out");
    let left: Vec<PathBuf> = fs::read_dir(node.storage()).expect("it is there").flatten().map(|e| e.path()).collect();
    let left: Vec<PathBuf> = left.into_iter().filter(|path| !path.ends_with(".lock")).collect();
    assert!(left == [out.clone()] || what.contains("index"), "{what}: {left:?} is left");
    assert_eq!(fs::read_dir(out).expect("it is there").count(), 0, "{what}");
    run
}

async fn archive_is_refused(what: &str, bytes: Vec<u8>, says: &str) {
    let tap = Tap::archive(bytes).await;
    refused(what, &Node::new(&tap.config()), &tap, says).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_wants_out_is_refused() {
    let paths = [
        "../escaped",
        "testing/../../../escaped",
        "out/../../escaped",
        "../config/other.yaml",
        "../config/../escaped",
        "../../config/netplan.yaml",
    ];
    for path in paths {
        let tar = Tar::new().file(path, 0o755, "x").index(&json!({}));
        archive_is_refused(path, tar.bytes(), "leaves the archive's directory").await;
    }
    let elsewhere = tempfile::tempdir().expect("a temporary directory");
    let absolute = elsewhere.path().join("escaped").display().to_string();
    let tar = Tar::new().file(&absolute, 0o755, "x").index(&json!({}));
    archive_is_refused("an absolute path", tar.bytes(), "has an absolute path").await;
    // The same in the two headers that can carry a longer name.
    let record = format!(" path={absolute}\n");
    let record = format!("{}{record}", record.len() + 2);
    let tar = Tar::new().claimed("x", EntryType::XHeader, record.len() as u64, record.as_bytes()).file("x", 0o755, "x");
    archive_is_refused("a PAX path", tar.index(&json!({})).bytes(), "has an absolute path").await;
    let tar = Tar::new().claimed("x", EntryType::GNULongName, 10, &b"../escaped"[..]).file("x", 0o755, "x");
    archive_is_refused("a GNU path", tar.index(&json!({})).bytes(), "leaves the archive's directory").await;
    assert_eq!(fs::read_dir(elsewhere.path()).expect("it is there").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_no_file_is_refused() {
    let elsewhere = tempfile::tempdir().expect("a temporary directory");
    let target = elsewhere.path().display().to_string();
    for kind in
        [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Block, EntryType::Fifo, EntryType::GNUSparse]
    {
        let tar =
            Tar::new().special("testing/x", kind, &target).file("testing/x/escaped", 0o755, "x").index(&json!({}));
        archive_is_refused(&format!("{kind:?}"), tar.bytes(), "is neither a file nor a directory").await;
    }
    assert_eq!(fs::read_dir(elsewhere.path()).expect("it is there").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_archive_is_refused() {
    let whole = honest("echo never").bytes();
    let packed = gzip(&whole);
    let damaged = "the script archive cannot be read, it is damaged or no archive";
    archive_is_refused("half a gzip", packed[..packed.len() / 2].to_vec(), damaged).await;
    archive_is_refused("half a tar", whole[..700].to_vec(), damaged).await;
    archive_is_refused("noise", b"\x00\x01noise".repeat(1000), damaged).await;
    archive_is_refused("zeros", zeros(32), damaged).await;
    let tar = Tar::new().file("testing/x", 0o755, "#!/bin/sh\n").bytes();
    archive_is_refused("no index", tar, "the script archive has no index.json").await;
    let tar = Tar::new().file("index.json", 0o644, "<html>").bytes();
    archive_is_refused("an index that is none", tar, "index.json is not JSON").await;
    let tar = Tar::new().file("index.json", 0o644, r#"{"2.0": {}}"#).bytes();
    archive_is_refused("an index of another version", tar, "index.json has no \"1.0\" object").await;
}

/// Small on the wire, endless when unpacked.
#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_does_not_go_off() {
    let too_much = "it unpacks to more than";
    let claim =
        |path: &str, kind, blocks: u64| gzip(&Tar::new().claimed(path, kind, blocks * BLOCK, &[][..]).bytes()[..512]);
    let endless = [claim("testing/x", EntryType::Regular, 1000), zeros(32)].concat();
    archive_is_refused("a file of 64 GB", endless, too_much).await;
    let two = [claim("a", EntryType::Regular, 9), zeros(9), claim("b", EntryType::Regular, 9), zeros(9)].concat();
    archive_is_refused("more than 1 GiB in two files", two, too_much).await;
    let records = &b"14 size=65536\n"[..];
    let two_sizes = Tar::new().claimed("x", EntryType::XHeader, 14, records).file("x", 0o755, "x").index(&json!({}));
    archive_is_refused("a size of its own", two_sizes.bytes(), "gives another size than its header").await;
    for kind in [EntryType::GNULongName, EntryType::GNULongLink, EntryType::XHeader] {
        let bomb = [claim("x", kind, 16), zeros(16), gzip(&honest("echo never").bytes())].concat();
        let tap = Tap::archive(bomb).await;
        let run =
            refused(&format!("{kind:?}"), &Node::new(&tap.config()), &tap, "the script archive was refused").await;
        assert!(run.peak_kib < 64 << 10, "{kind:?}: {} KiB in memory", run.peak_kib);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_end_is_not_kept() {
    let tap = Tap::alone(|parts, _| {
        let chunk = || Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 1 << 16]));
        let endless = Body::from_stream(futures_util::stream::repeat_with(chunk));
        let body = if parts.method == Method::GET { endless } else { Body::from("OK") };
        Some(Response::new(body))
    })
    .await;
    refused("an endless answer", &Node::new(&tap.config()), &tap, "the script archive is larger than").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_compression_is_taken() {
    let plain = honest("echo honest").bytes();
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    bzip2.write_all(&plain).expect("memory can be written");
    let archives = [
        ("gzip", gzip(&plain)),
        ("bzip2", bzip2.finish().expect("memory can be written")),
        ("xz", base64::engine::general_purpose::STANDARD.decode(XZ).expect("base64")),
        ("none", plain),
    ];
    for (name, archive) in archives {
        let tap = Tap::archive(archive).await;
        let node = Node::new(&tap.config());
        let run = node.run().finish().await;
        assert_eq!(run.code, Some(0), "{name}: {run:?}");
        assert_eq!(fs::read(node.storage().join("out/honest.1")).expect("its output"), b"honest\n", "{name}");
    }
}

/// The one member that may leave the directory goes to exactly one place; another archive takes the first one's place.
#[tokio::test(flavor = "multi_thread")]
async fn the_operators_networking_is_put_in_its_place() {
    let archive = |text: &str| honest("cat ../config/netplan.yaml").file("../config/netplan.yaml", 0o644, text).bytes();
    let tap = Tap::archive(archive("network: {}\n")).await;
    let node = Node::new(&tap.config());
    let before = surroundings(node.home(), &node.storage());
    assert_eq!(node.run().finish().await.code, Some(0));
    let output = fs::read(node.storage().join("out/honest.1")).expect("its output");
    assert_eq!(output, b"network: {}\n");
    assert_eq!(fs::read(node.storage().join("config/netplan.yaml")).expect("in its place"), b"network: {}\n");
    assert_eq!(surroundings(node.home(), &node.storage()), before);

    let stale = node.storage().join("scripts/testing/stale");
    fs::write(&stale, "of an earlier archive").expect("it can be written");
    assert_eq!(node.run().finish().await.code, Some(0));
    assert!(!stale.exists());
}

/// Scripts without a result are meant for a machine that the region does not know.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_for_strangers_is_not_run() {
    let mut unknown = entry("honest", 1);
    unknown.as_object_mut().expect("an object").remove("script_result_id");
    let tar = Tar::new().file("testing/honest", 0o755, "#!/bin/sh\n").index(&json!({"testing_scripts": [unknown]}));
    let tap = Tap::archive(tar.bytes()).await;
    let node = Node::new(&tap.config());
    let run = node.run().finish().await;
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.stderr.contains("it did not recognise the credentials"), "{}", run.stderr);
    assert_eq!(tap.signals(), [], "nobody would listen");
    assert!(!node.storage().join("out/honest").exists());
}

/// What somebody on the way says in the region's place is no answer, and no reason to call a machine commissioned or failed.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_in_the_regions_place_is_waited_out() {
    let page = "<!DOCTYPE html><html><body>Log in to the network</body></html>";
    for (what, kind, body) in [
        ("nothing", "", ""),
        ("a page", "text/html", page),
        ("a page without a type", "", page),
        ("a sentence", "text/plain", "OK, logged in"),
        ("JSON", "application/json", "{\"error\": \"quota\"}"),
    ] {
        let region = support::region(&[("testing/hello", support::plain("echo hello"))], |options| {
            options.status = shakedown::sandbox::NodeStatus::Testing;
        })
        .await;
        let count = std::sync::atomic::AtomicU32::new(0);
        let tap = Tap::before(&region, move |parts, _| {
            let strays = parts.uri.path().ends_with("maas-scripts");
            if !strays || count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= 2 {
                return None;
            }
            let response = Response::builder();
            let response = if kind.is_empty() { response } else { response.header("Content-Type", kind) };
            Some(response.body(Body::from(body)).expect("a response"))
        })
        .await;
        let run = Node::behind(&region, &tap.url()).run().args(["--retry-wait", "0.01"]).finish().await;
        assert_eq!(run.code, Some(0), "{what}: {run:?}");
    }
}
