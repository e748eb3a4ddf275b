//! `shakedown test network --listen` and `--peer`: figures of both ends, each verdict made to happen, and nothing passes that was not measured.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;
use shakedown::script::{Header, ResultFile, Verdict};

use crate::hwtest_document::document;
use crate::ocp_schema::faults;
use crate::support::left_out::say as left_out;
use crate::support::program::{Finished, Program, Running};
use crate::support::until;

const TOKEN: &str = "not-to-be-seen-7Fq";
const LIMIT: Duration = Duration::from_secs(120);

fn test(words: &[&str]) -> Program {
    in_form("json", words)
}

fn in_form(form: &str, words: &[&str]) -> Program {
    let program = Program::new("test").args(["network", "--format", form]).args(words);
    program.env("SHAKEDOWN_TOKEN", TOKEN)
}

/// A port that nobody has.
fn free() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback").local_addr().expect("an address")
}

/// A listener at an address, once it listens. Who looks is a stranger to it.
async fn listener(address: SocketAddr, words: &[&str]) -> Running {
    let address_word = address.to_string();
    let running = test(&["--listen", &address_word]).args(["--seconds", "60"]).args(words).start();
    until("the listener listens", || TcpStream::connect(address).is_ok()).await;
    running
}

fn codes(document: &Value) -> BTreeSet<String> {
    let findings = document["findings"].as_array().expect("findings");
    findings.iter().filter_map(|one| Some(format!("{} {}", one["outcome"].as_str()?, one["code"].as_str()?))).collect()
}

fn figure(document: &Value, name: &str) -> f64 {
    let figures = document["measurements"].as_array().expect("figures");
    let of_name = figures.iter().find(|one| one["metric"] == name);
    of_name.and_then(|one| one["value"].as_f64()).unwrap_or_else(|| panic!("{name}: {document}"))
}

/// An error with this finding, and never a pass.
fn assert_error(finished: &Finished, code: &str) {
    let document = document(finished);
    assert_eq!((finished.code, &document["outcome"]), (Some(3), &"error".into()), "{document}");
    assert!(codes(&document).contains(&format!("error {code}")), "{code}: {document}");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ends_measure_the_same_and_strangers_keep_nobody_out() {
    let address = free();
    let listener = listener(address, &["--level", "smoke"]).await;
    // Who says nothing, who says something else, and who claims to be a peer.
    let silent: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(address).expect("a connection")).collect();
    for bytes in [b"GET / HTTP/1.1\r\n\r\n".to_vec(), vec![0xff; 100_000], [b"SHKDNET1".to_vec(), vec![1; 64]].concat()]
    {
        let mut stream = TcpStream::connect(address).expect("a connection");
        let _ = stream.write_all(&bytes);
        let (mut answer, sent) = (Vec::new(), bytes.len());
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.len() <= 40 && answer.len() <= sent, "{answer:?}");
    }
    let peer = test(&["--peer", &address.to_string(), "--seconds", "5", "--level", "smoke"]).finish().await;
    let listener = listener.finish(LIMIT).await;
    drop(silent);
    let (one, other) = (document(&peer), document(&listener));
    for (finished, document) in [(&peer, &one), (&listener, &other)] {
        assert_eq!((finished.code, &document["outcome"]), (Some(0), &"passed".into()), "{document}");
        assert_eq!(document["coverage"][0]["tested"], 2);
        assert!(!format!("{finished:?}").contains(TOKEN));
        assert!(finished.peak_kib < 64 << 10, "{} KiB", finished.peak_kib);
        assert!(document["series"][0]["values"].as_array().is_some_and(|values| !values.is_empty()), "{document}");
    }
    for (sent, received) in [("throughput_sent", "throughput_received"), ("throughput_received", "throughput_sent")] {
        assert!(figure(&one, sent) > 100.0 && (figure(&one, sent) - figure(&other, received)).abs() < 1e-9);
    }
    assert!(figure(&one, "packets_sent") >= 200.0);
    let trips = ["round_trip_min", "round_trip_p50", "round_trip_p99", "round_trip_max"].map(|name| figure(&one, name));
    assert!(trips[0] > 0.0 && trips.is_sorted(), "{trips:?}");
    assert!(codes(&other).contains("passed net-strangers"), "{other}");
    assert_eq!(one["measurements"][0]["subject"], "lo");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loss_is_found_by_both_ends_with_its_direction() {
    for (ends, way) in
        [((&[][..], &["--inject", "net:loss"][..]), "to the peer"), ((&["--inject", "net:loss"], &[]), "from the peer")]
    {
        let address = free();
        let listener = listener(address, ends.0).await;
        let peer = test(&["--peer", &address.to_string(), "--seconds", "4"]).args(ends.1).finish().await;
        let listener = listener.finish(LIMIT).await;
        for finished in [&peer, &listener] {
            let document = document(finished);
            assert_eq!((finished.code, &document["outcome"]), (Some(1), &"failed".into()), "{document}");
            assert!(codes(&document).contains("failed net-loss"), "{document}");
        }
        let one = document(&peer);
        let what = one["findings"].to_string();
        assert!(what.contains(&format!("lost on the way {way}")), "{what}");
        let share = figure(&one, if way == "to the peer" { "packet_loss_sent" } else { "packet_loss_received" });
        assert!((1.9..2.3).contains(&share), "{share}");
    }
    let alone = test(&["--inject", "net:loss", "--seconds", "1"]).finish().await;
    assert!(alone.code == Some(2) && alone.stderr.contains("--listen or --peer"), "{alone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_token_is_refused_and_the_right_one_served_after_it() {
    let address = free();
    let listener = listener(address, &[]).await;
    let at = address.to_string();
    let wrong = test(&["--peer", &at, "--seconds", "4"]).env("SHAKEDOWN_TOKEN", "another-one-0123456").finish().await;
    assert_error(&wrong, "net-peer-token");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    fs::write(&file, format!("{TOKEN}\n")).expect("a file");
    let right = in_form("ocp", &["--peer", &at, "--seconds", "4", "--token-file"]).arg(&file);
    let right = right.env("SHAKEDOWN_TOKEN", "").finish().await;
    assert_eq!(right.code, Some(0), "{right:?}");
    assert_eq!(faults(&right.stdout), Vec::<String>::new(), "{}", right.stdout);
    assert!(right.stdout.contains("throughput_sent") && !right.stdout.contains(TOKEN));
    assert_eq!(listener.finish(LIMIT).await.code, Some(0));
    for (content, part) in [("short", "16 to 4096"), ("", "16 to 4096")] {
        fs::write(&file, content).expect("a file");
        let finished = test(&["--peer", &at, "--token-file"]).arg(&file).finish().await;
        assert!(finished.code == Some(3) && finished.stderr.contains(part), "{finished:?}");
        assert!(content.is_empty() || !finished.stderr.contains(content), "{finished:?}");
    }
    let none = test(&["--peer", &at]).env("SHAKEDOWN_TOKEN", "").finish().await;
    assert!(none.code == Some(3) && none.stderr.contains("--token-file"), "{none:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_cannot_be_reached_is_an_error_that_says_why() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback");
    let web = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback");
    let of_web = web.local_addr().expect("an address");
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = web.accept() {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let of_silent = silent.local_addr().expect("an address").to_string();
    for (at, seconds, code) in [
        (free().to_string(), "4", "net-peer-refused"),
        ("255.255.255.255".to_owned(), "4", "net-peer-no-route"),
        (of_silent, "4", "net-peer-no-answer"),
        (of_web.to_string(), "4", "net-peer-stranger"),
        (free().to_string(), "3", "net-too-short"),
    ] {
        assert_error(&test(&["--peer", &at, "--seconds", seconds]).finish().await, code);
    }
    let held = test(&["--peer", &free().to_string(), "--seconds", "4", "--device", "nosuch0"]).finish().await;
    assert_error(&held, "net-not-possible");
    assert_error(&test(&["--listen", "127.0.0.1:0", "--seconds", "1"]).finish().await, "net-no-peer");
    assert_error(&test(&["--listen", "192.0.2.1:0", "--seconds", "1"]).finish().await, "net-not-possible");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_vanishes_leaves_an_error_at_the_other_one() {
    let address = free();
    let at = address.to_string();
    let listening = listener(address, &[]).await;
    let peer = test(&["--peer", &at, "--seconds", "30"]).start();
    until("the test is under way", || is_connected(address.port())).await;
    listening.signal(Signal::SIGKILL);
    let start = Instant::now();
    assert_error(&peer.finish(LIMIT).await, "net-peer-gone");
    assert!(start.elapsed() < Duration::from_secs(25), "{:?}", start.elapsed());

    let address = free();
    let at = address.to_string();
    let listening = listener(address, &[]).await;
    let peer = test(&["--peer", &at, "--seconds", "30"]).start();
    until("the test is under way", || is_connected(address.port())).await;
    // A listener with a peer tells others so.
    assert_error(&test(&["--peer", &at, "--seconds", "4"]).finish().await, "net-peer-busy");
    peer.signal(Signal::SIGINT);
    let peer = peer.finish(LIMIT).await;
    assert_eq!((peer.code, &document(&peer)["outcome"]), (Some(130), &"error".into()), "{peer:?}");
    assert_error(&listening.finish(LIMIT).await, "net-peer-gone");
}

/// True if a test's datagrams have a socket on this port, which is so once the listener has let the peer in.
fn is_connected(port: u16) -> bool {
    let table = fs::read_to_string("/proc/net/udp").unwrap_or_default();
    table.lines().any(|line| line.contains(&format!(":{port:04X} ")))
}

#[tokio::test(flavor = "multi_thread")]
async fn ipv6_is_tested_like_ipv4() {
    let Ok(probe) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) else {
        left_out("a network test over IPv6: this machine has no ::1");
        return;
    };
    let address = probe.local_addr().expect("an address");
    drop(probe);
    let listener = listener(address, &[]).await;
    let peer = test(&["--peer", &address.to_string(), "--seconds", "4"]).finish().await;
    assert_eq!((peer.code, listener.finish(LIMIT).await.code), (Some(0), Some(0)), "{peer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_of_a_region_tests_with_a_peer_and_shows_no_token() {
    let folder = tempfile::tempdir().expect("a folder");
    let result = folder.path().join("result");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/testing/shakedown-network");
    let address = free();
    let listener = listener(address, &[]).await;
    let words =
        ["--device=lo".to_owned(), format!("--peer={address}"), format!("--token={TOKEN}"), "--level=smoke".to_owned()];
    let program = Program::at(&script).args(words).env("RUNTIME", "16").env("RESULT_PATH", &result);
    let finished = program.env("SHAKEDOWN_BINARY", env!("CARGO_BIN_EXE_shakedown")).finish().await;
    assert_eq!((finished.code, listener.finish(LIMIT).await.code), (Some(0), Some(0)), "{finished:?}");
    let file =
        ResultFile::parse(&fs::read(&result).expect("a result"), false).expect("a result file that a region takes");
    assert_eq!(file.status, Some(Verdict::Passed));
    let header = Header::parse(&fs::read(&script).expect("a script")).expect("a header that a region takes");
    let declared: BTreeSet<&str> = header.results.iter().map(|(key, _)| key.as_str()).collect();
    let written: BTreeSet<&str> = file.results.iter().map(|(key, _)| key.as_str()).collect();
    assert!(written.is_subset(&declared) && written.len() > 14, "{written:?} {declared:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn options_that_do_not_fit_are_told_before_anything_is_done() {
    for (words, part) in [
        (&["cpu", "--listen"][..], "for the test of the network"),
        (&["network", "--listen", "--peer", "node"], "cannot be used with"),
        (&["network", "--peer", "node:99999"], "[IPV6]:PORT"),
        (&["network", "--token-file", "x"], "--listen or --peer"),
        (&["network", "--peer", "node", "--device", "a", "--device", "b"], "--device once"),
        (&["network", "--listen", "--device", "eth0"], "the address of that port"),
    ] {
        let finished = Program::new("test").args(words).env("SHAKEDOWN_TOKEN", TOKEN).finish().await;
        assert!(finished.code != Some(0) && finished.stderr.contains(part), "{words:?} {finished:?}");
    }
}
