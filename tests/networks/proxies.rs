//! Proxies of the environment: when they are used, and what is said of one that does not do its part.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::signal::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::hello;
use crate::support::program::{Finished, Program};
use crate::support::{LIMIT, Node, until};

/// Nobody listens there.
const NOBODY: &str = "http://127.0.0.9:1";

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_is_excepted_is_reached_past_the_proxy() {
    let region = hello().await;
    let node = Node::of(&region);
    let program = node.run().args(["--exit-when-done", "--farewell", "1"]);
    let program = program.env("http_proxy", NOBODY).env("no_proxy", "*");
    let end = program.finish().await;
    assert_eq!(end.code, Some(0), "{end:?}");
}

fn quick(node: &Node) -> Program {
    node.run().args(["--exit-when-done", "--farewell", "1", "--retry-wait", "0.001"])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_variable_says_that_there_is_no_proxy() {
    let region = hello().await;
    let node = Node::of(&region);
    let end = quick(&node).env("http_proxy", "").env("HTTP_PROXY", NOBODY).finish().await;
    assert_eq!(end.code, Some(0), "{end:?}");
}

/// A proxy that gives every request the same answer.
struct Stub {
    /// Host and port.
    address: String,
    asked: Arc<AtomicU32>,
}

impl Stub {
    async fn answering(status: &'static str) -> Stub {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback can be listened on");
        let address = listener.local_addr().expect("a listener has an address").to_string();
        let asked = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(answer(client, status));
            }
        });
        Stub { address, asked }
    }
}

async fn answer(mut client: TcpStream, status: &'static str) {
    let (mut head, mut bytes) = (Vec::new(), [0; 4096]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match client.read(&mut bytes).await {
            Ok(count) if count > 0 => head.extend_from_slice(&bytes[..count]),
            _ => return,
        }
    }
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let _ = client.write_all(answer.as_bytes()).await;
}

/// A run to a region, by a proxy that both kinds of address are sent to.
async fn by_proxy(url: &str, proxy: &str) -> Finished {
    let region = hello().await;
    quick(&Node::behind(&region, url)).env("ALL_PROXY", proxy).finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_wants_a_password_is_named_with_the_next_step() {
    let Stub { address, .. } = Stub::answering("407 Proxy Authentication Required").await;
    for scheme in ["http", "https"] {
        let url = format!("{scheme}://region.invalid/MAAS/");
        let end = by_proxy(&url, &format!("http://{address}")).await;
        assert_ne!(end.code, Some(0), "{end:?}");
        let next = format!("ALL_PROXY=http://NAME:PASSWORD@{address}");
        assert!(end.stderr.contains(&format!("the proxy http://{address} wants")), "{}", end.stderr);
        assert!(end.stderr.contains(&next), "{}", end.stderr);
        // As people write passwords, and not as an address has them.
        let end = by_proxy(&url, &format!("http://operator:hunter2@: zebra9@{address}")).await;
        assert!(end.stderr.contains("correct them in ALL_PROXY"), "{}", end.stderr);
        assert!(!["operator", "hunter2", "zebra9"].iter().any(|word| end.stderr.contains(word)), "{}", end.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_came_by_a_proxy_names_the_proxy() {
    for status in ["403 Forbidden", "502 Bad Gateway", "200 OK", "302 Found"] {
        for scheme in ["http", "https"] {
            let Stub { address, asked } = Stub::answering(status).await;
            let region = hello().await;
            let node = Node::behind(&region, &format!("{scheme}://region.invalid/MAAS/"));
            let running = quick(&node).env("ALL_PROXY", format!("http://{address}")).start();
            until("it asked again", || asked.load(Ordering::Relaxed) > 1).await;
            running.signal(Signal::SIGTERM);
            let end = running.finish(LIMIT).await;
            assert!(end.stderr.contains(&format!("(by the proxy http://{address})")), "{status}: {}", end.stderr);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_of_another_kind_is_refused_at_once_with_the_next_step() {
    let end = by_proxy("http://region.invalid/MAAS/", "socks5://operator:hunter2@127.0.0.1:1080").await;
    assert_ne!(end.code, Some(0), "{end:?}");
    assert_eq!(end.stderr.matches("socks5://127.0.0.1:1080").count(), 1, "{}", end.stderr);
    assert!(end.stderr.contains("only proxies with http:// and https:// can"), "{}", end.stderr);
    assert!(!end.stderr.contains("hunter2"), "{}", end.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_no_address_is_passed_over_without_its_password() {
    let region = hello().await;
    for inside in ["/", "#", "?", "\\", "/?#"] {
        for scheme in ["http://", ""] {
            let proxy = format!("{scheme}operator:hunter2{inside}zebra9@127.0.0.9:1");
            let node = Node::of(&region);
            let end = quick(&node).env("http_proxy", &proxy).env("SHAKEDOWN_LOG", "debug").finish().await;
            let said = "the proxy of the environment is no address";
            assert_eq!(end.stderr.matches(said).count(), 1, "{proxy}: {}", end.stderr);
            let all = end.stdout + &end.stderr;
            assert!(!["operator", "hunter2", "zebra9"].iter().any(|word| all.contains(word)), "{proxy}: {all}");
        }
    }
}
