//! Files from servers of every kind.

use nix::sys::signal::Signal;
use sha2::{Digest as _, Sha256};

use super::server::{Reply, Server, absent, answer, file, head};
use super::support::{LIMIT, until};
use super::{HASTY, files_below, left_behind, needs_urls, not_installed, passed, ran, run, scene, text};

/// Runs and says so; a script whose packages are missing must not.
const BODY: &str = "echo SCRIPT RAN; cd \"$DOWNLOAD_PATH\" && ls -A1";

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A hundred thousand bytes that are no archive.
fn noise() -> Vec<u8> {
    (0..100_000u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_left_as_it_came_under_a_name_that_is_only_a_name() {
    let server = Server::start(|asked| match asked.target.as_str() {
        "/a/tool.bin?key=1" => file(asked, "\"1\"", &noise()),
        "/hostile" => {
            let place = "attachment; filename=\"../../../../../../tmp/shakedown-was-here\"";
            Reply::Bytes(answer("200 OK", &[("Content-Disposition", place)], b"harmless"))
        }
        "/moved" => Reply::Bytes(answer("302 Found", &[("Location", "/new/place/.hidden")], b"")),
        "/new/place/.hidden" => Reply::Bytes(answer("200 OK", &[], b"harmless")),
        _ => absent(),
    })
    .await;
    let body = format!("{BODY}; sha256sum tool.bin");
    let urls = [
        server.url(&format!("/a/tool.bin?key=1#sha256={}", sha256(&noise()))),
        server.url("/hostile"),
        server.url("/moved"),
    ];
    let (region, node, _) = ran(&[needs_urls("files", &urls, &body)], HASTY).await;
    let sum = format!("{}  tool.bin", sha256(&noise()));
    assert_eq!(
        passed(&region, "files").lines().collect::<Vec<_>>(),
        ["SCRIPT RAN", "hidden", "shakedown-was-here", "tool.bin", &sum]
    );
    assert!(!std::path::Path::new("/tmp/shakedown-was-here").exists());
    assert_eq!(files_below(&node.storage().join("downloads/.packages")).len(), 0, "the store goes with the run");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_was_cut_off_goes_on_where_it_ended() {
    let server = Server::start(|asked| {
        let (whole, half) = (noise(), noise().len() / 2);
        let tag = if asked.target == "/changes" && asked.before > 0 { "\"2\"" } else { "\"1\"" };
        if asked.before == 0 {
            let mut cut = head("200 OK", &[("ETag", tag)], whole.len());
            cut.extend_from_slice(&whole[..half]);
            return Reply::Bytes(cut);
        }
        file(asked, tag, &whole)
    })
    .await;
    let sum = sha256(&noise());
    let scripts = ["same", "changes"].map(|name| {
        let body = format!("echo \"{sum}  {name}\" | (cd \"$DOWNLOAD_PATH\" && sha256sum -c)");
        needs_urls(name, &[server.url(&format!("/{name}"))], &body)
    });
    let (region, _, _) = ran(&scripts, HASTY).await;
    assert_eq!([passed(&region, "same"), passed(&region, "changes")], ["same: OK\n", "changes: OK\n"]);
    for target in ["/same", "/changes"] {
        let asked: Vec<_> = server.asked().into_iter().filter(|asked| asked.target == target).collect();
        assert_eq!(asked.len(), 2, "{asked:?}");
        assert_eq!((asked[1].header("range"), asked[1].header("if-range")), (Some("bytes=50000-"), Some("\"1\"")));
    }
}

/// A server may answer with less than the rest that it was asked for, and say so (RFC 9110, 15.3.7).
#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_the_rest_is_not_taken_for_all_of_it() {
    let server = Server::start(|asked| {
        let (whole, step) = (noise(), noise().len() / 4);
        let tag = ("ETag", "\"1\"");
        if asked.before == 0 {
            let mut cut = head("200 OK", &[tag], whole.len());
            cut.extend_from_slice(&whole[..step]);
            return Reply::Bytes(cut);
        }
        let from = step * asked.before;
        let range = format!("bytes {from}-{}/{}", from + step - 1, whole.len());
        Reply::Bytes(answer("206 Partial Content", &[tag, ("Content-Range", &range)], &whole[from..from + step]))
    })
    .await;
    let body = format!("echo \"{}  parts\" | (cd \"$DOWNLOAD_PATH\" && sha256sum -c)", sha256(&noise()));
    let (region, _, _) = ran(&[needs_urls("parts", &[server.url("/parts")], &body)], HASTY).await;
    assert_eq!(passed(&region, "parts"), "parts: OK\n");
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_had_is_told_with_its_reason_and_leaves_nothing() {
    let server = Server::start(|asked| match asked.target.as_str() {
        "/stalls" => Reply::Silence(head("200 OK", &[], 1000)),
        "/silent" => Reply::Silence(Vec::new()),
        "/endless" => Reply::Endless(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec(), vec![0; 64 << 10], 0),
        "/claims" => Reply::Silence(head("200 OK", &[], 1_000_001)),
        "/loop" => Reply::Bytes(answer("302 Found", &[("Location", "/loop")], b"")),
        "/elsewhere" => Reply::Bytes(answer("302 Found", &[("Location", "ftp://u:secret@h/x")], b"")),
        "/broken" => Reply::Bytes(answer("503 Service Unavailable", &[], b"")),
        "/other" => file(asked, "\"1\"", b"not what was asked for"),
        _ => absent(),
    })
    .await;
    let checksum = "0".repeat(64);
    let cases = [
        ("absent", server.url("/absent"), "the server answers 404 Not Found"),
        ("stalls", server.url("/stalls"), "the server says nothing for 1 s, 2 times"),
        ("silent", server.url("/silent"), "the server says nothing for 1 s, 2 times"),
        ("endless", server.url("/endless"), "it is larger than 1,000,000 bytes; packages.download_bytes"),
        ("claims", server.url("/claims"), "it is larger than 1,000,000 bytes; packages.download_bytes"),
        ("loop", server.url("/loop"), "it is redirected more than 10 times"),
        ("elsewhere", server.url("/elsewhere"), "it is redirected to ftp://h/x, which is neither HTTP nor HTTPS"),
        ("broken", server.url("/broken"), "the server answers 503 Service Unavailable, 2 times"),
        ("other", server.url(&format!("/other#sha256={checksum}")), "has the SHA-256 "),
        ("unreachable", "http://127.0.0.1:1/x".to_owned(), "refused"),
        ("file", "file:///etc/passwd".to_owned(), "only http:// and https:// can be downloaded, not file://"),
        ("nonsense", "x.tgz".to_owned(), "x.tgz: it is no address"),
    ];
    let scripts = cases.clone().map(|(name, url, _)| needs_urls(name, &[url], BODY));
    let (region, node, finished) = ran(&scripts, HASTY).await;
    for (name, _, says) in cases {
        assert_eq!(not_installed(&region, name, says).exit_status, Some(1), "{name}");
    }
    assert_eq!(left_behind(&node), [""; 0].map(std::path::PathBuf::from));
    let asked = |target: &str| server.asked().iter().filter(|asked| asked.target == target).count();
    assert_eq!((asked("/absent"), asked("/loop")), (1, 11), "what never changes is not asked for again");
    assert_eq!(finished.code, Some(1), "{finished:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_drips_ends_at_its_limit() {
    let server = Server::start(|_| Reply::Endless(head("200 OK", &[], 900_000), vec![0], 50)).await;
    let settings = format!("{HASTY}download_seconds = 1\n");
    let (region, node, _) = ran(&[needs_urls("drips", &[server.url("/x")], BODY)], &settings).await;
    not_installed(&region, "drips", "it took longer than 1 s");
    assert_eq!(left_behind(&node).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_text_shows_the_secrets_of_an_address() {
    let server = Server::start(|_| absent()).await;
    let url = server.url("/private/x.tgz?signature=s3cret").replace("http://", "http://me:s3cret@");
    let scripts = [
        needs_urls("masked", &[url], BODY),
        needs_urls("unreadable", &["http://me:s3cret@h:port/".to_owned()], BODY),
        needs_urls("scheme", &["ftp://me:s3cret@h/x?s3cret".to_owned()], BODY),
    ];
    let (region, node) = scene(&scripts, |_| {}).await;
    let finished = run(&node, HASTY).env("SHAKEDOWN_LOG", "debug").finish().await;
    assert_eq!(server.asked()[0].header("authorization"), Some("Basic bWU6czNjcmV0"), "the server gets them");
    for (name, shown) in
        [("masked", "/private/x.tgz?…"), ("unreadable", "http://h:port/: it is no address"), ("scheme", "ftp://h/x?…")]
    {
        let output = text(&not_installed(&region, name, shown).output);
        assert!(!output.contains("s3cret"), "{output}");
    }
    let told = format!("{}{}{:?}", finished.stdout, finished.stderr, region.events());
    assert!(!told.contains("s3cret"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_of_the_environment_is_used() {
    let proxy = Server::start(|asked| match asked.target.as_str() {
        "http://nowhere.invalid/x" => Reply::Bytes(answer("200 OK", &[], b"by proxy")),
        _ => absent(),
    })
    .await;
    let scripts = [needs_urls("proxied", &["http://nowhere.invalid/x".to_owned()], "cat \"$DOWNLOAD_PATH\"/x")];
    let (region, node) = scene(&scripts, |_| {}).await;
    run(&node, HASTY).env("http_proxy", proxy.url("")).env("no_proxy", "127.0.0.1").finish().await;
    assert_eq!(passed(&region, "proxied"), "by proxy");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_script_has_fetched_another_need_not() {
    let server = Server::of(vec![("/x".to_owned(), noise())]).await;
    let scripts = ["one", "two"]
        .map(|name| needs_urls(name, &[server.url("/x")], "wc -c <\"$DOWNLOAD_PATH\"/x; rm \"$DOWNLOAD_PATH\"/x"));
    let (region, _, _) = ran(&scripts, HASTY).await;
    assert_eq!([passed(&region, "one"), passed(&region, "two")], ["100000\n", "100000\n"]);
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_a_download() {
    let server = Server::start(|_| Reply::Silence(head("200 OK", &[], 1000))).await;
    let (region, node) = scene(&[needs_urls("stopped", &[server.url("/x")], BODY)], |_| {}).await;
    let running = run(&node, "").start();
    until("the download is under way", || !server.asked().is_empty()).await;
    running.signal(Signal::SIGTERM);
    let finished = running.finish(LIMIT).await;
    assert_eq!(not_installed(&region, "stopped", "was stopped").exit_status, Some(143), "{finished:?}");
    assert_eq!(left_behind(&node).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_was_killed_leaves_a_part_that_the_next_one_removes() {
    let server = Server::start(|_| {
        let mut half = head("200 OK", &[("ETag", "\"1\"")], noise().len());
        half.extend_from_slice(&noise()[..50_000]);
        Reply::Silence(half)
    })
    .await;
    let (region, node) =
        scene(&[needs_urls("killed", &[server.url("/x")], "wc -c <\"$DOWNLOAD_PATH\"/x")], |_| {}).await;
    let state = node.home().join("state");
    let store = node.storage().join("downloads/.packages");
    let running = run(&node, "").env("SHAKEDOWN_STATE_DIR", &state).start();
    until("half of it is there", || {
        files_below(&store).iter().any(|path| path.metadata().is_ok_and(|metadata| metadata.len() > 0))
    })
    .await;
    running.signal(Signal::SIGKILL);
    running.finish(LIMIT).await;
    let left = files_below(&store);
    assert!(left.len() == 1 && left[0].to_string_lossy().ends_with(".part"), "{left:?}");
    run(&node, "").env("SHAKEDOWN_STATE_DIR", &state).finish().await;
    not_installed(&region, "killed", "interrupted by the end of the agent");
    assert_eq!(files_below(&store).len(), 0);
}
