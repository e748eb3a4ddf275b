//! A region with TLS behind racks: what these answer leads nowhere, and the region's own address has a certificate of the site.

use shakedown::script::Status;

use crate::machine::{Machine, operator};
use crate::site_of_tls::{SAN, Site};
use crate::support::left_out;
use crate::support::program::Program;
use crate::support::row;
use crate::{binary, region, site};

/// A commissioning with these certificates in the scripts, before a region that bears the first's; the status of the takeover script.
async fn commissioned(server: &Site, trusted: &Site) -> (Status, String) {
    let machine = Machine::new();
    let region = region(&[site(&machine, "look", "", "")]).await;
    let front = server.front(&region).await;
    let install = Program::new("region").args(["install", "--url", &front, "--binary", &binary(&machine), "--cacert"]);
    let done = install.arg(server.path("ca.pem")).env("SHAKEDOWN_API_KEY", region.api_key()).finish().await;
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    if trusted.path("ca.pem") != server.path("ca.pem") {
        // The site has another authority by now.
        std::fs::copy(trusted.path("ca.pem"), server.path("ca.pem")).expect("a copy");
        std::fs::copy(trusted.path("ca.pem"), machine.at("other.pem")).expect("a copy");
        let text = std::fs::read_to_string(machine.at("other.pem")).expect("a certificate");
        replace_certificates(&region, &text).await;
    }
    operator(&region, "commission").await;
    // There nothing listens.
    let mut runner = machine.boot_behind(&region, "http://127.0.0.1:9");
    runner.finish(|| {}).await;
    (row(&region, "00-shakedown-commissioning").status, runner.log())
}

/// Puts other certificates into the scripts that take over.
async fn replace_certificates(region: &shakedown::sandbox::Sandbox, pem: &str) {
    let client = shakedown::region::Client::new(crate::degraded::options(region)).expect("a client");
    for script in client.scripts().await.expect("a list") {
        let text = String::from_utf8(script.content).expect("text");
        let Some((before, rest)) = text.split_once("-----BEGIN CERTIFICATE-----") else { continue };
        let (_, after) = rest.rsplit_once("-----END CERTIFICATE-----\n").expect("an end");
        let text = format!("{before}{pem}{after}");
        client.replace_script(&script.name, text.as_bytes(), "test").await.expect("taken");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_comes_from_the_regions_own_address_by_the_certificate_of_the_site_alone() {
    if std::process::Command::new("openssl").arg("version").output().is_err() {
        return left_out::say("a takeover in a region with TLS: there is no openssl");
    }
    let server = Site::signed_by_itself("-days 30", SAN);
    let (status, log) = commissioned(&server, &server).await;
    assert_eq!(status, Status::Passed, "{log}");
    assert!(log.contains("has done its work"), "{log}");

    let another = Site::signed_by_itself("-days 30", SAN);
    let (status, log) = commissioned(&server, &another).await;
    assert_eq!(status, Status::Degraded, "{log}");
    assert!(log.contains("no address gave the right file") && log.contains("stand-in: the end"), "{log}");
}
