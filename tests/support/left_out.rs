//! What a machine cannot test.

use std::fs::OpenOptions;
use std::io::Write as _;

/// Tells that something is not tested here, and why, although the test passes: past its capture, and to `scripts/test`, which says it
/// at its end.
pub(crate) fn say(what: &str) {
    let _ = writeln!(std::io::stderr(), "left out: {what}");
    if let Some(path) = std::env::var_os("SHAKEDOWN_LEFT_OUT") {
        let file = OpenOptions::new().append(true).open(path);
        file.and_then(|mut file| file.write_all(format!("{what}\n").as_bytes())).expect("the file of scripts/test");
    }
}

/// Whether this is root, without whom something is not tested.
#[allow(dead_code, reason = "not every test file has tests for root")]
pub(crate) fn unless_root(what: &str) -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        say(&format!("{what}: this needs root"));
    }
    is_root
}
