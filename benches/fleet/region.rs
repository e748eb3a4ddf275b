//! What one look costs on the wire, with the program's own client and a region in a box.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use shakedown::agent::sync::{self, Sync};
use shakedown::agent::watch::{Purpose, look};
use shakedown::config::{Given, connection};
use shakedown::host::Host;
use shakedown::journal::{Journal, Store};
use shakedown::region::{Client, ClientOptions, DeployedClient, DeployedSignal};
use shakedown::sandbox::{Library, NodeStatus, Options, Sandbox};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Requests and bytes, both ways.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) requests: u64,
    pub(crate) bytes: u64,
}

/// Of the looks that there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Costs {
    pub(crate) first: Cost,
    pub(crate) quiet: Cost,
    pub(crate) changed: Cost,
}

/// What became of a minute.
pub(crate) struct Replayed {
    pub(crate) answered: u64,
    pub(crate) peak: u64,
    pub(crate) slowest: Duration,
}

fn in_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(work)
}

async fn deployed() -> Sandbox {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/commissioning");
    let mut options = Options::new(Library::read(&[scripts]).expect("the scripts of this repository"));
    options.status = NodeStatus::Deployed;
    Sandbox::start(options).await.expect("the loopback can be listened on")
}

/// A connection that counts what passes.
async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, count: Arc<AtomicU64>) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(size) = from.read(&mut buffer).await {
        if size == 0 || to.write_all(&buffer[..size]).await.is_err() {
            break;
        }
        count.fetch_add(size as u64, Ordering::Relaxed);
    }
    let _ = to.shutdown().await;
}

/// Stands before a region; its own address.
async fn proxy(region: &Sandbox, count: Arc<AtomicU64>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it listens");
    let target = region.url().trim_start_matches("http://").trim_end_matches("/MAAS/").to_owned();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let Ok(far) = TcpStream::connect(&target).await else { continue };
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            tokio::spawn(pass(near_in, far_out, Arc::clone(&count)));
            tokio::spawn(pass(far_in, near_out, Arc::clone(&count)));
        }
    });
    format!("http://{address}/MAAS/")
}

async fn options(config: &str, home: &Path) -> ClientOptions {
    let path = home.join("creds.yml");
    fs::write(&path, config).expect("a small file");
    let given = Given { config: Some(path.display().to_string()), ..Given::default() };
    connection(&given, &Host::live()).await.expect("a complete configuration").client
}

/// Disks of a machine in a tree.
fn plug(root: &Path, number: u32) {
    let name = format!("sd{}", char::from(b'a' + u8::try_from(number % 26).unwrap_or(0)));
    let place = root.join(format!("sys/devices/disks/{name}"));
    for directory in ["queue", "device"] {
        fs::create_dir_all(place.join(directory)).expect("a directory");
    }
    let files = [
        ("dev", format!("8:{}", number * 16)),
        ("size", "976773168".into()),
        ("removable", "0".into()),
        ("ro", "0".into()),
        ("device/model", "MODEL".into()),
    ];
    for (file, text) in files {
        fs::write(place.join(file), text).expect("a file");
    }
    fs::create_dir_all(root.join("sys/class/block")).expect("a directory");
    symlink(format!("/sys/devices/disks/{name}"), root.join("sys/class/block").join(name)).expect("a link");
}

/// Three looks at a machine with twelve disks, which then gets another one.
pub(crate) fn measure() -> Costs {
    in_runtime(async {
        let region = deployed().await;
        let count: Arc<AtomicU64> = Arc::default();
        let address = proxy(&region, Arc::clone(&count)).await;
        let home = tempfile::tempdir().expect("a temporary directory");
        let root = home.path().join("root");
        (0..12).for_each(|number| plug(&root, number));
        let config = region.deployed_config().replace(&region.url(), &address);
        let client = Client::new(options(&config, home.path()).await).expect("HTTP can be set up");
        let client = Arc::new(DeployedClient::new(client));
        let store = Store::open(&home.path().join("state"), "host", &client.identity()).expect("a new journal").store;
        let options = sync::Options::new(home.path().join("storage"), client.base_url());
        let (notices, _unheard) = tokio::sync::mpsc::unbounded_channel();
        let journal = Arc::new(Journal::start(Some(store)));
        let stop = CancellationToken::new();
        let sync = Sync { client, host: Host::at(&root), journal, options, notices, stop };
        let mut costs = [Cost::default(); 3];
        for (number, cost) in (0u32..).zip(&mut costs) {
            if number == 2 {
                plug(&root, 12);
            }
            let (requests, bytes) = (region.requests().len(), count.load(Ordering::Relaxed));
            let looked = look(&sync, Purpose::Report).await.expect("a look");
            assert!(!looked.failed, "the region took everything");
            cost.requests = (region.requests().len() - requests) as u64;
            cost.bytes = count.load(Ordering::Relaxed) - bytes;
        }
        assert_eq!(region.node_status(), NodeStatus::Deployed);
        assert!(costs[2].requests > costs[1].requests, "a disk that was plugged in is a change");
        Costs { first: costs[0], quiet: costs[1], changed: costs[2] }
    })
}

/// Sends a minute's signs of life as they come, second by second, each from a client of its own as on as many machines.
pub(crate) fn replay(minute: &[u64]) -> Replayed {
    in_runtime(async {
        let region = deployed().await;
        let home = tempfile::tempdir().expect("a temporary directory");
        let options = options(&region.deployed_config(), home.path()).await;
        let mut sent = Vec::new();
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        for requests in minute {
            ticks.tick().await;
            for number in 0..*requests {
                let options = options.clone();
                let offset =
                    Duration::from_secs(1) * u32::try_from(number).unwrap_or(0) / u32::try_from(*requests).unwrap_or(1);
                sent.push(tokio::spawn(async move {
                    tokio::time::sleep(offset).await;
                    let client = DeployedClient::new(Client::new(options).expect("HTTP can be set up"));
                    let began = Instant::now();
                    client.signal(&DeployedSignal::alive()).await.expect("the region is well");
                    began.elapsed()
                }));
            }
        }
        let mut slowest = Duration::ZERO;
        for one in sent {
            slowest = slowest.max(one.await.expect("no panic"));
        }
        let answered = region.requests().iter().filter(|request| request["answer"] == 200).count() as u64;
        Replayed { answered, peak: minute.iter().max().copied().unwrap_or(0), slowest }
    })
}
