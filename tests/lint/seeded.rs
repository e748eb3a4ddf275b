//! One mistake at a time.

use std::collections::BTreeSet;

use shakedown::script::lint::lint;

use super::BASE;

/// Rule, line, what is written in place of what.
const MISTAKES: &[(&str, usize, &str, &str)] = &[
    // The file.
    ("shebang", 1, "#!/bin/sh", "#! /bin/sh"),
    ("shebang", 1, "#!/bin/sh", "echo"),
    ("bom", 1, "#!/bin/sh", "\u{feff}#!/bin/sh"),
    ("crlf", 1, "#!/bin/sh\n", "#!/bin/sh\r\n"),
    ("crlf-body", 34, "set -u\n\n", "set -u\n\r\n"),
    ("env-arguments", 1, "#!/bin/sh", "#!/usr/bin/env bash -e"),
    ("interpreter", 1, "#!/bin/sh", "#!/usr/bin/python"),
    ("interpreter", 1, "#!/bin/sh", "#!/usr/bin/env -S ruby -w"),
    ("allow-unknown", 33, "set -u", "# shakedown: allow everything"),
    // The block.
    ("block-open", 2, "# --- End MAAS 1.0 script metadata ---", "# the end"),
    ("block-line", 8, "# parallel: instance", "parallel: instance"),
    ("block-twice", 33, "set -u", "# --- Start MAAS 1.0 script metadata ---\n# --- End MAAS 1.0 script metadata ---"),
    ("yaml", 5, "# description: Reads the beginning of a disk.", "# description: Reads: the beginning: of a disk."),
    ("yaml", 13, "[pci:8086:1234]", "[pci:8086:1234"),
    ("yaml", 6, "script_type: testing", "script_type:\ttesting"),
    ("key-twice", 13, "{apt: [fio]}", "{apt: [jq]}\n# packages: {apt: [fio]}"),
    ("nul", 33, "set -u", "echo \0"),
    // Fields.
    ("comment", 4, "# title: A look at a disk", "# comment: new"),
    ("script-type", 6, "script_type: testing", "script_type: Testing"),
    ("parallel", 8, "parallel: instance", "parallel: Instance"),
    ("parallel", 8, "parallel: instance", "parallel: no"),
    (
        "results",
        28,
        "# results:\n#   megabytes:\n#     title: Megabytes\n#     description: MiB that were read.\n",
        "# results:\n",
    ),
    ("name-text", 3, "disk-look", "12:30"),
    ("unknown-field", 10, "destructive: false", "destrutive: false"),
    ("text", 4, "A look at a disk", "[a, b]"),
    ("flag", 10, "destructive: false", "destructive: perhaps"),
    ("name-reserved", 3, "disk-look", "None"),
    ("name-digits", 3, "disk-look", "'12'"),
    ("name-quoting", 3, "disk-look", "disk look"),
    ("name-slash", 3, "disk-look", "disk/look"),
    ("name-built-in", 3, "disk-look", "smartctl-short"),
    ("name-missing", 3, "# name: disk-look\n", "#\n"),
    ("script-type", 6, "script_type: testing", "script_type: installation"),
    ("hardware-type", 7, "hardware_type: storage", "hardware_type: tape"),
    ("parallel", 8, "parallel: instance", "parallel: sometimes"),
    ("one-after-another", 8, "parallel: instance", "parallel: disabled"),
    ("timeout", 9, "00:05:00", "5 minutes"),
    ("timeout-day", 9, "00:05:00", "24:00:00"),
    ("timeout-none", 9, "00:05:00", "0"),
    ("words", 11, "[storage, mine]", "{a: b}"),
    ("words", 11, "[storage, mine]", "[storage, 3]"),
    ("tag-special", 11, "[storage, mine]", "[storage, deploy-info]"),
    ("tag-special", 11, "[storage, mine]", "[storage, update_firmware]"),
    ("recommission-type", 10, "destructive: false", "recommission: true"),
    ("may-reboot-type", 10, "destructive: false", "may_reboot: true"),
    ("networking-unused", 10, "destructive: false", "apply_configured_networking: true"),
    ("type-alias", 6, "script_type: testing", "type: testing"),
    ("for-hardware", 12, "[pci:8086:1234]", "[pci:8086]"),
    ("for-hardware", 12, "[pci:8086:1234]", "[vendor:acme]"),
    ("for-hardware", 12, "[pci:8086:1234]", "modalias:a*, modalias:b*"),
    ("for-hardware", 12, "[pci:8086:1234]", "\" modalias:x\""),
    ("for-hardware", 12, "[pci:8086:1234]", "\"\""),
    ("for-hardware-form", 12, "[pci:8086:1234]", "[pci:8086:1234x]"),
    ("words", 12, "[pci:8086:1234]", "[1]"),
    ("packages", 13, "{apt: [fio]}", "snapd"),
    ("packages", 13, "{apt: [fio]}", "[apt, fio]"),
    ("packages-kind", 13, "{apt: [fio]}", "[fio]"),
    ("packages-kind", 13, "{apt: [fio]}", "fio"),
    ("package-name", 13, "{apt: [fio]}", "{apt: 1.5}"),
    ("unstorable", 13, "{apt: [fio]}", "{apt: [\"a\\0\"]}"),
    ("unstorable", 14, "default: low", "title: \"\\ud83d\"\n#     default: low"),
    ("unstorable", 14, "default: low", "title: \"a\\0b\"\n#     default: low"),
    ("unstorable", 28, "    title: Megabytes\n", "    title: Megabytes\n#     since: 2024-01-01\n"),
    ("unstorable", 28, "    title: Megabytes\n", "    title: Megabytes\n#     most: .inf\n"),
    ("unstorable", 28, "#   megabytes:\n", "#   2024-01-01: {title: Day}\n#   megabytes:\n"),
    ("text-nul", 4, "A look at a disk", "\"a\\0b\""),
    ("text-nul", 11, "[storage, mine]", "[storage, \"a\\0b\"]"),
    (
        "text-long",
        12,
        "[pci:8086:1234]",
        "\"modalias:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"",
    ),
    ("comment", 4, "# title: A look at a disk", "# comment: ~"),
    ("timeout", 9, "00:05:00", "' 60 '"),
    ("timeout", 9, "00:05:00", "99999999999999"),
    ("timeout", 9, "00:05:00", "''"),
    ("key-twice", 14, "{apt: [fio]}", "\n#   url: ['https://example.com/a']\n#   url: ['https://example.com/b']"),
    (
        "key-twice",
        17,
        "argument_format: --disk={path}",
        "argument_format: '--x={path}'\n#     argument_format: --disk={path}",
    ),
    ("parameter-value", 20, "choices: [low, high]", "choices: [low, [high]]"),
    ("packages-kind", 13, "{apt: [fio]}", "{rpm: [fio]}"),
    ("package-name", 13, "{apt: [fio]}", "{apt: [{name: fio}]}"),
    ("package-words", 13, "{apt: [fio]}", "{apt: fio smartmontools}"),
    ("package-address", 13, "{apt: [fio]}", "{url: [tools.tar]}"),
    ("snap-address", 13, "{apt: [fio]}", "{url: ['https://example.com/x.snap']}"),
    ("snap-name", 13, "{apt: [fio]}", "{snap: [{channel: edge}]}"),
    ("snap-channel", 13, "{apt: [fio]}", "{snap: [{name: x, channel: nightly}]}"),
    ("snap-mode", 13, "{apt: [fio]}", "{snap: [{name: x, mode: wild}]}"),
    // Parameters.
    ("parameter-type", 16, "  type: storage", "  type: disk"),
    ("parameter-field", 22, "required: false", "requird: false"),
    ("parameter-value", 22, "required: false", "required: maybe"),
    ("parameter-value", 25, "min: 10", "min: ten"),
    ("parameter-name", 23, "#   limit:", "#   7:"),
    ("min-max-unsupported", 17, "argument_format: --disk={path}", "min: 3"),
    ("min-max-order", 25, "min: 10", "min: 100"),
    ("min-max-order", 25, "min: 10", "min: -1"),
    ("argument-format", 17, "--disk={path}", "--disk"),
    ("argument-format-key", 17, "--disk={path}", "--disk={path} {size}"),
    ("argument-format-key", 17, "--disk={path}", "'--disk={path} {'"),
    ("choices-missing", 19, "#     choices: [low, high]\n#     default: low\n", "#     default: low\n"),
    ("choices-unsupported", 25, "min: 10", "choices: [a]"),
    ("choices-default", 21, "default: low", "default: medium"),
    ("allow-list", 22, "required: false", "allow_list: true"),
    ("default-type", 20, "choices: [low, high]\n#     default: low", "default: 3\n#     choices: [3]"),
    ("default-type", 27, "default: '30'", "default: 30"),
    ("default-type", 25, "runtime\n#     min: 10\n#     max: 60\n#     default: '30'", "boolean\n#     default: true"),
    ("runtime-default", 27, "default: '30'", "default: soon"),
    ("default-range", 27, "default: '30'", "default: '5'"),
    (
        "default-range",
        27,
        "runtime\n#     min: 10\n#     max: 60\n#     default: '30'",
        "string\n#     min: 3\n#     max: 4\n#     default: 'ab'",
    ),
    ("required-default", 22, "default: low\n#     required: false", "title: Depth\n#     required: true"),
    ("many-devices", 18, "#   depth:\n", "#   other: {type: storage}\n#   depth:\n"),
    (
        "parameter-unused",
        15,
        "for argument in \"$@\"; do\n    case $argument in\n        --disk=*)",
        "for argument in x; do\n    case $argument in\n        -d)",
    ),
    ("password-visible", 18, "#   depth:\n", "#   secret: {type: password, required: false}\n#   depth:\n"),
    // Results.
    ("result-title", 29, "#   megabytes:\n#     title: Megabytes\n", "#   megabytes:\n"),
    (
        "results",
        28,
        "# results:\n#   megabytes:\n#     title: Megabytes\n#     description: MiB that were read.\n",
        "# results: many\n",
    ),
    ("result-description", 31, "description: MiB that were read.", "description: [a]"),
    ("results-unwritten", 28, "$RESULT_PATH", "/tmp/results"),
    ("result-undeclared", 45, "  megabytes: 4", "  megabytes: 4\n  seconds: 1"),
    ("result-status", 42, "status: passed", "status: ok"),
    ("result-key", 42, "status: passed", "result: passed"),
    ("result-value", 44, "megabytes: 4", "megabytes: 2026-11-30"),
    ("result-value", 44, "megabytes: 4", "megabytes: 2026-02-30"),
    ("result-value", 44, "megabytes: 4", "megabytes: ~"),
    ("result-value", 44, "megabytes: 4", "megabytes: $(date -I)"),
    ("result-value", 44, "megabytes: 4", "megabytes: $(date -u \"+%Y-%m-%dT%H:%M:%S\")"),
    ("result-value", 44, "megabytes: 4", "megabytes: ${when}\nEND\nwhen=$(date --rfc-3339=seconds)"),
    ("link-connected", 42, "status: passed", "link_connected: true"),
    // The body.
    ("sudo-asks", 33, "set -u", "sudo true"),
    ("apt-asks", 33, "set -u", "apt-get install fio"),
    ("apt-in-body", 33, "set -u", "apt-get -y install fio"),
    ("background", 33, "set -u", "sleep 100 &"),
    ("reboot-undeclared", 33, "set -u", "systemctl reboot"),
    ("reboot-undeclared", 33, "set -u", "if true; then sudo -n shutdown -r now; fi"),
    ("destructive-undeclared", 33, "set -u", "mkfs.ext4 /dev/sdb"),
    ("destructive-undeclared", 33, "set -u", "dd if=/dev/zero of=/dev/sdb"),
    ("destructive-undeclared", 33, "set -u", "true && wipefs -a \"$1\""),
    ("destructive-undeclared", 33, "set -u", "blkdiscard \"$1\""),
    ("destructive-undeclared", 33, "set -u", "hdparm --security-erase p /dev/sdb"),
    ("destructive-undeclared", 33, "set -u", "x=$(nvme format /dev/nvme0n1)"),
    ("destructive-undeclared", 33, "set -u", "cat /dev/zero >/dev/sdb"),
    ("output-large", 33, "set -u", "cat /dev/urandom"),
    ("exit-range", 46, "exit 0", "exit -1"),
    ("exit-range", 46, "exit 0", "exit 300"),
    ("unknown-variable", 33, "set -u", "echo \"$MAAS_RESOURCE_FILE\""),
    ("bmc-config", 33, "set -u", "echo power_type: ipmi >\"$BMC_CONFIG_PATH\""),
    ("placeholder", 4, "A look at a disk", "'{{name}}'"),
];

/// Rule and line of every finding that the base does not have.
fn new_findings(script: &[u8]) -> Vec<(&'static str, usize)> {
    let old: BTreeSet<_> = lint(BASE.as_bytes()).into_iter().map(|finding| finding.rule).collect();
    let found = lint(script).into_iter();
    found.filter(|finding| !old.contains(finding.rule)).map(|finding| (finding.rule, finding.line)).collect()
}

#[test]
fn each_mistake_is_found_where_it_is_and_nothing_else() {
    let mut wrong = Vec::new();
    for (rule, line, from, to) in MISTAKES {
        assert!(BASE.contains(from), "{rule}: {from:?} is not in the base");
        let script = BASE.replacen(from, to, 1);
        let found = new_findings(script.as_bytes());
        if found != [(*rule, *line)] {
            wrong.push(format!("{rule}:{line} {to:?}: {found:?}"));
        }
    }
    assert_eq!(wrong, [""; 0]);
    let rules: BTreeSet<&str> = MISTAKES.iter().map(|(rule, ..)| *rule).collect();
    assert!(rules.len() >= 60, "{} rules", rules.len());
}

/// Recorded or read as Django reads them.
#[test]
fn spellings_that_a_region_takes_are_no_mistakes() {
    for timeout in
        ["1 days 00:00:10", "'1,5'", "1:02:03,5", "PT", "P1DT5M", "1 day, 0:05:00", "'2 02:00:00'", "-5", "010"]
    {
        let script = BASE.replace("timeout: 00:05:00", &format!("timeout: {timeout}"));
        let errors: Vec<_> = lint(script.as_bytes()).into_iter().filter(|found| found.rule == "timeout").collect();
        assert_eq!(errors, [], "{timeout}");
    }
    for words in [
        "'pci:8086:1234,usb:1d6b:0002'",
        "xpci:8086:1234",
        "PCI:8086:ABCD",
        "'mainboard_vendor:HP, system_vendor:x'",
        "[]",
    ] {
        let script = BASE.replace("[pci:8086:1234]", words);
        let errors: Vec<_> = lint(script.as_bytes()).into_iter().filter(|found| found.rule == "for-hardware").collect();
        assert_eq!(errors, [], "{words}");
    }
}

/// Mistakes that make others, or that take more than one edit.
#[test]
fn larger_mistakes_are_found() {
    let body = |body: &str| format!("#!/bin/sh\n{body}\n");
    assert_eq!(new_findings(body("exit 0").as_bytes()), [("block-missing", 1)]);
    let version = BASE.replace("MAAS 1.0", "MAAS 2.0");
    assert_eq!(new_findings(version.as_bytes()), [("block-version", 2)]);
    let long = BASE.replace("disk-look", &"x".repeat(256));
    assert_eq!(new_findings(long.as_bytes()), [("name-long", 3)]);
    let large = format!("{BASE}# {}", "x".repeat(10_000_000));
    assert_eq!(new_findings(large.as_bytes()), [("too-large", 1)]);
    let latin = [BASE.as_bytes(), b"echo \xe4\n"].concat();
    assert_eq!(new_findings(&latin), [("not-utf8", 47)]);
    let interface = BASE.replace("  type: storage", "  type: interface");
    assert_eq!(new_findings(interface.as_bytes())[0], ("storage-parameter", 7));
    let network = interface.replace("hardware_type: storage", "hardware_type: network");
    let mac = network.replace("--disk={path}", "--disk={mac}");
    assert_eq!(new_findings(mac.as_bytes()), [("apply-networking", 14), ("argument-format-mac", 17)]);
    let mac_address = network.replace("--disk={path}", "--disk={mac_address}");
    assert_eq!(new_findings(mac_address.as_bytes()), [("apply-networking", 14), ("argument-format", 17)]);
    let deviceless = BASE.replace("#   storage:\n#     type: storage\n#     argument_format: --disk={path}\n", "");
    assert_eq!(new_findings(deviceless.as_bytes()), [("storage-parameter", 7)]);
}

#[test]
fn every_rule_is_in_the_documentation() {
    let page = include_str!("../../docs/scripts.md");
    let missing: Vec<&str> =
        MISTAKES.iter().map(|(rule, ..)| *rule).filter(|rule| !page.contains(&format!("`{rule}`"))).collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn a_suggestion_names_the_nearest_word() {
    let advice = |from: &str, to: &str| {
        let found = lint(BASE.replace(from, to).as_bytes());
        found.into_iter().map(|finding| finding.advice).collect::<Vec<_>>().join("\n")
    };
    assert!(advice("destructive:", "destrutive:").contains("\"destructive\""));
    assert!(advice("set -u", "echo $MAAS_RESOURCE_FILE").contains("\"MAAS_RESOURCES_FILE\""));
    assert!(advice("{path}", "{path} {serail}").contains("\"serial\""));
}
