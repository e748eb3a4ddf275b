//! Results that were sound as they were judged, and break as they are sent: all reads of a file fail from the first one on, from the second
//! one on, and so on; somebody on the way says OK before he has all of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use shakedown::sandbox::{NodeStatus, ResultRow};
use shakedown::script::Status;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::LIMIT;
use super::disk::{Library, LocalFault};
use super::support::{Node, plain, region, row};

/// More reads than there are of one file.
const READS: u32 = 8;

/// What the region holds of a script, after a run in which reads of files with `path` in their names fail; with the run, for whoever has to
/// understand it.
async fn row_after(fault: &LocalFault, (name, body): (&str, &str)) -> (ResultRow, String) {
    let scripts = [(format!("commissioning/{name}"), plain(body))];
    let region = region(&scripts, |options| options.status = NodeStatus::Commissioning).await;
    let node = Node::of(&region);
    let end = fault.strike(node.run().args(["--retry-wait", "0.01"])).start().finish(LIMIT).await;
    let row = row(&region, name);
    let story = format!("{fault:?}: exit {:?}, {row:?}\n{}", end.code, end.stderr);
    (row, story)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_has_counted_is_not_lost_with_the_file_that_said_it() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let Some(library) = Library::build(home.path()) else { return };
    for skip in 0..READS {
        let fault = LocalFault::reads(&library, "written.", skip);
        let (row, story) = row_after(&fault, ("written", "echo 'status: failed' > \"$RESULT_PATH\"")).await;
        assert!(row.status.is_failure(), "{story}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn output_that_the_region_parses_arrives_whole_or_its_script_failed() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let Some(library) = Library::build(home.path()) else { return };
    for skip in 0..READS {
        let fault = LocalFault::reads(&library, "maas-lshw.", skip);
        let (row, story) = row_after(&fault, ("maas-lshw", "echo '{\"a\": 1}'")).await;
        assert!(row.status.is_failure() || row.stdout == b"{\"a\": 1}\n", "{story}");
        assert_ne!(row.status, Status::Running, "{story}");
    }
}

/// Forwards one request a connection, but says OK to the first large one when it has its head.
async fn hasty(listener: TcpListener, region: String, has_struck: Arc<AtomicBool>) {
    while let Ok((near, _)) = listener.accept().await {
        tokio::spawn(pass(near, region.clone(), Arc::clone(&has_struck)));
    }
}

async fn pass(mut near: TcpStream, region: String, has_struck: Arc<AtomicBool>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        head.push(near.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&head).to_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    if length.unwrap_or(0) > 4_000_000 && !has_struck.swap(true, Ordering::Relaxed) {
        near.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nOK").await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        return Ok(());
    }
    let mut far = TcpStream::connect(region).await?;
    far.write_all(&head[..head.len() - 2]).await?;
    far.write_all(b"Connection: close\r\n\r\n").await?;
    tokio::io::copy_bidirectional(&mut near, &mut far).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_before_the_end_of_a_request_is_no_acknowledgement() {
    let scripts = [("testing/loud", plain("head -c 6000000 /dev/zero | tr '\\0' x"))];
    let region = region(&scripts, |options| options.status = NodeStatus::Testing).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback can be listened on");
    let url = format!("http://{}/MAAS/", listener.local_addr().expect("a listener has an address"));
    let host = region.url().trim_start_matches("http://").split('/').next().unwrap_or_default().to_owned();
    let has_struck = Arc::new(AtomicBool::new(false));
    let front = tokio::spawn(hasty(listener, host, Arc::clone(&has_struck)));
    let end = Node::behind(&region, &url).run().args(["--retry-wait", "0.01"]).start().finish(LIMIT).await;
    front.abort();
    assert!(has_struck.load(Ordering::Relaxed), "{}", end.stderr);
    let row = row(&region, "loud");
    assert_eq!((row.status, end.code), (Status::Passed, Some(0)), "{}", end.stderr);
    assert!(row.output.len() > 1_000_000, "{} bytes", row.output.len());
}
