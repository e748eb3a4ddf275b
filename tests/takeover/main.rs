//! From a region that nobody may change to machines that Shakedown runs, over real HTTP: `region install`, commissioning and tests through the
//! takeover on this machine, `region remove`; and whatever goes wrong on the way, no machine hangs, and no result is lost or doubled.
//!
//! MAAS's runner is a stand-in (`maas-run-remote-scripts` beside this file).

#[path = "../support/mod.rs"]
mod support;

mod accepted;
mod alone;
mod degraded;
mod installed;
mod interrupted;
mod killed;
mod machine;
mod newcomer;
mod preseed;
#[path = "../networks/site.rs"]
#[allow(dead_code, reason = "its own tests use all of it")]
mod site_of_tls;
mod tls;

use shakedown::sandbox::{NodeStatus, Sandbox};

use machine::{Machine, operator};
use support::program::Program;

/// A script of the site, which leaves a line of where it ran.
pub(crate) fn site(machine: &Machine, name: &str, header: &str, body: &str) -> (String, String) {
    let folder = if name.starts_with("test") { "testing" } else { "commissioning" };
    let header = format!("name: {name}\nscript_type: {folder}\n{header}");
    let trace = machine.at("trace");
    let body = format!("echo \"{name} ${{SHAKEDOWN_BINARY:+shakedown}}\" >>{}\n{body}", trace.display());
    (format!("{folder}/{name}"), support::script(&header, &body))
}

/// A region with these scripts and nothing of Shakedown yet, its machine ready.
pub(crate) async fn region(scripts: &[(String, String)]) -> Sandbox {
    support::region(scripts, |options| options.status = NodeStatus::Ready).await
}

/// `shakedown region VERB` against a region.
pub(crate) fn administer(region: &Sandbox, verb: &str) -> Program {
    let program = Program::new("region").arg(verb).arg("--url").arg(region.url().trim_end_matches('/'));
    program.env("SHAKEDOWN_API_KEY", region.api_key())
}

/// This machine's architecture and the program that is tested.
pub(crate) fn binary(machine: &Machine) -> String {
    format!("{}={}", std::env::consts::ARCH, machine.at("shakedown").display())
}

/// A region with Shakedown, and a machine that is to be commissioned.
pub(crate) async fn adopted(machine: &Machine, scripts: &[(String, String)]) -> Sandbox {
    let region = region(scripts).await;
    let done = administer(&region, "install").arg("--binary").arg(binary(machine)).finish().await;
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    operator(&region, "commission").await;
    region
}
