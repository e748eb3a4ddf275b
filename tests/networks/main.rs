//! Regions as real networks have them: behind certificates that sites make themselves, and behind proxies.

mod certificates;
mod proxies;
mod site;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;

use shakedown::sandbox::Sandbox;

use site::Site;
use support::program::Finished;
use support::{Node, left_out, plain, region};

fn has_openssl() -> bool {
    let has = std::process::Command::new("openssl").arg("version").output().is_ok();
    if !has {
        left_out::say("certificates of sites: there is no openssl");
    }
    has
}

async fn hello() -> Sandbox {
    region(&[("testing/hello", plain("echo hello"))], |options| {
        options.status = shakedown::sandbox::NodeStatus::Testing;
    })
    .await
}

/// A run of a machine that trusts a bundle, against a region behind TLS.
async fn run(region: &Sandbox, url: &str, bundle: &Path) -> Finished {
    let node = Node::behind(region, url);
    node.run().args(["--exit-when-done", "--farewell", "1"]).env("SSL_CERT_FILE", bundle).finish().await
}

async fn passes(site: &Site) {
    let region = hello().await;
    let url = site.front(&region).await;
    let end = run(&region, &url, &site.path("ca.pem")).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert_eq!(support::row(&region, "hello").status, shakedown::script::Status::Passed);
}

async fn is_refused(site: &Site, bundle: &Path, says: &str) {
    let region = hello().await;
    let url = site.front(&region).await;
    let end = run(&region, &url, bundle).await;
    assert_ne!(end.code, Some(0), "{end:?}");
    assert!(end.stderr.contains(says), "{says:?} in {}", end.stderr);
    assert!(region.requests().is_empty(), "no secret goes to a server that is not trusted");
}
