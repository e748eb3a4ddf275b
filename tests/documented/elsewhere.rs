//! Command lines that are not for here, and the checks that run them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::page::{Line, file};

/// Programs of others, whose requests the tests of the project send.
const OF_OTHERS: [&str; 1] = ["maas"];
/// What runs a program of the project, and what stands there.
const CHECKS: [(&str, &str, &str); 9] = [
    // It is one call of this verb, which is run here for its own help's sake.
    ("scripts/demo", "scripts/demo", "exec ./target/debug/shakedown demo"),
    // Each script that builds begins with it.
    ("scripts/dev/setup", "scripts/demo", ". scripts/dev/setup"),
    // These are checks: the first runs this one.
    ("scripts/test", "scripts/test", "cargo test"),
    ("scripts/dev/vm-tests", "tests/vm/package_test.py", "class Documented"),
    ("scripts/dev/package", "scripts/dev/vm-tests", "scripts/dev/package"),
    ("scripts/dev/release", "scripts/dev/package", "scripts/dev/release"),
    ("maas", "tests/takeover/newcomer.rs", "maas PROFILE machine commission SYSTEM_ID"),
    // Figures, made by hand.
    ("scripts/dev/fleet", "scripts/dev/fleet", "--bench fleet"),
    ("scripts/dev/idle", "scripts/dev/idle", "shakedown watch"),
];
/// What changes a machine. The tests of the package read the page themselves and run the lines below a heading as they stand.
const FOR_A_MACHINE: [&str; 5] = ["cp", "dpkg", "rm", "systemctl", "apt"];
const PACKAGE_TESTS: &str = "tests/vm/package_test.py";

/// Whether another check runs it; else what to do.
pub(crate) fn check(line: &Line) -> Result<(), String> {
    let Line { page, number, heading, text } = line;
    let place = format!("{page}:{number}: `{text}`");
    let programs: Vec<&str> = text.split("&&").filter_map(|part| part.split_whitespace().next()).collect();
    for program in programs {
        if FOR_A_MACHINE.contains(&program) {
            let call = format!(r#""{page}", "{heading}""#);
            if !file(PACKAGE_TESTS).contains(&call) {
                return Err(format!(
                    "{place}: it changes a machine, so let {PACKAGE_TESTS} run it: documented.lines({call})"
                ));
            }
        } else if let Some((_, check, words)) = CHECKS.iter().find(|(one, ..)| *one == program) {
            if !OF_OTHERS.contains(&program) {
                is_runnable(program)?;
            }
            if !file(check).contains(words) {
                return Err(format!("{place}: {check}, which runs it, does not speak of `{words}` any more"));
            }
        } else {
            return Err(format!(
                "{place}: no test executes this line. Begin it with `shakedown`, add its program to PROGRAMS in \
                 tests/documented/scene.rs, or name the check that runs it in tests/documented/elsewhere.rs"
            ));
        }
    }
    Ok(())
}

fn is_runnable(program: &str) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(program);
    let mode = path.metadata().map_err(|error| format!("{program}: {error}"))?.permissions().mode();
    if mode & 0o111 == 0 { Err(format!("{program} is not executable")) } else { Ok(()) }
}
