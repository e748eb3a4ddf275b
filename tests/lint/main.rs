//! `shakedown lint`: every mistake is found by its rule, where it is; scripts without one are left alone.

#[path = "../support/mod.rs"]
mod support;

mod command;
mod oracle;
mod seeded;

use shakedown::script::lint::{Finding, Level, lint};

/// A script of the kind that authors write, with nothing to complain about.
const BASE: &str = include_str!("base.sh");

/// Errors and warnings.
fn complaints(script: &[u8]) -> Vec<Finding> {
    lint(script).into_iter().filter(|finding| finding.level > Level::Info).collect()
}

#[test]
fn the_base_has_no_fault() {
    assert_eq!(complaints(BASE.as_bytes()), []);
}

/// Those of this project are for regions as well.
#[test]
fn the_resource_scripts_have_no_fault() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    let mut seen = 0;
    for folder in ["commissioning", "testing"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("a folder of scripts").flatten() {
            let script = std::fs::read(entry.path()).expect("a script");
            assert_eq!(complaints(&script), [], "{}", entry.path().display());
            seen += 1;
        }
    }
    assert!(seen >= 11, "{seen} scripts");
}

/// What scripts of the world may do without being complained about.
#[test]
fn harmless_scripts_are_left_alone() {
    let bodies = [
        "echo 'mkfs.ext4 /dev/sda; reboot'",
        "cat <<EOF\nreboot\ndd if=/dev/zero of=/dev/sda\nEOF",
        "dd if=/dev/sda of=/dev/null bs=1M count=1",
        "wipefs \"$1\"",
        "sudo -n smartctl -H /dev/sda",
        "sudo -nE true; sudo --non-interactive true",
        "sleep 1 & wait",
        "yes | head -n 3",
        "cat /dev/urandom | head -c 10 >/dev/null",
        "echo \"status: fine\"",
        "systemctl status ssh",
        "exit \"$status\"",
        "MAAS_PROFILE=mine; echo \"$MAAS_PROFILE\"",
        "nvme list; nvme smart-log /dev/nvme0; hdparm -I /dev/sda; badblocks -sv /dev/sda; parted -s /dev/sda print",
        "apt-get -s upgrade",
        "# shakedown: allow reboot-undeclared\nreboot",
    ];
    for body in bodies {
        let script = BASE.replace("exit 0\n", &format!("{body}\nexit 0\n"));
        assert_eq!(complaints(script.as_bytes()), [], "{body}");
    }
}

/// An allowance is for what is a matter of opinion.
#[test]
fn errors_cannot_be_allowed() {
    let script =
        BASE.replace("timeout: 00:05:00", "timeout: soon").replace("exit 0", "# shakedown: allow timeout\nexit 0");
    let rules: Vec<&str> = complaints(script.as_bytes()).iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, ["timeout", "allow-unknown"]);
}

/// Whatever bytes a file has, there is an answer.
#[test]
fn no_bytes_are_too_odd() {
    for end in (0..BASE.len()).step_by(7) {
        let _ = lint(&BASE.as_bytes()[..end]);
        let mut odd = BASE.as_bytes().to_vec();
        odd[end] = [0xff, b'"', b'{', b'\'', b'(', b'\n', b'$', b'<'][end % 8];
        let _ = lint(&odd);
    }
    for odd in ["", "#!/", "#!/bin/env", "\u{feff}", "#!/bin/sh\n<<", "#!/bin/sh\n$(((", "#!/bin/sh\n'\"`\\"] {
        let _ = lint(odd.as_bytes());
    }
}
