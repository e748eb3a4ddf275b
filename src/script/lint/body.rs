//! The body of a script: what it does that its metadata does not say. Guesses, and so warnings.

use super::names::{VARIABLES, suggestion};
use super::shell::Command;
use super::source::Source;
use super::{Level, Rule, Told, told};
use crate::script::{Parallel, ScriptType};

pub(super) const RULES: &[Rule] = &[
    Rule { id: "sudo-asks", level: Level::Warning, check: sudo },
    Rule { id: "apt-asks", level: Level::Warning, check: apt_asks },
    Rule { id: "apt-in-body", level: Level::Warning, check: apt_in_body },
    Rule { id: "background", level: Level::Warning, check: background },
    Rule { id: "reboot-undeclared", level: Level::Warning, check: reboot },
    Rule { id: "destructive-undeclared", level: Level::Warning, check: destructive_undeclared },
    Rule { id: "output-large", level: Level::Info, check: output_large },
    Rule { id: "exit-range", level: Level::Warning, check: exit_range },
    Rule { id: "unknown-variable", level: Level::Warning, check: unknown_variable },
    Rule { id: "bmc-config", level: Level::Warning, check: bmc_config },
    Rule { id: "placeholder", level: Level::Warning, check: placeholder },
];

/// A finding for each command that something holds for.
fn commands(source: &Source, holds: fn(&Command) -> bool, message: &str, advice: &str) -> Vec<Told> {
    source.commands.iter().filter(|command| holds(command)).map(|command| told(command.line, message, advice)).collect()
}

fn sudo(source: &Source) -> Vec<Told> {
    let asks = |command: &Command| {
        let quiet =
            |option: &String| option == "--non-interactive" || !option.starts_with("--") && option.contains('n');
        command.sudo.as_ref().is_some_and(|options| !options.iter().any(quiet))
    };
    commands(source, asks, "sudo may ask for a password, and nobody answers", "write sudo -n")
}

fn installs(command: &Command) -> bool {
    match command.program() {
        "apt" | "apt-get" | "aptitude" => ["install", "upgrade", "dist-upgrade", "full-upgrade", "remove", "purge"]
            .iter()
            .any(|verb| command.has(&[verb])),
        _ => false,
    }
}

fn asks(command: &Command) -> bool {
    let answers = |word: &String| {
        ["--yes", "--assume-yes", "--simulate", "--download-only"].contains(&word.as_str())
            || word.starts_with('-') && !word.starts_with("--") && word.contains(['y', 's', 'd'])
    };
    installs(command) && !command.arguments().iter().any(answers)
}

fn apt_asks(source: &Source) -> Vec<Told> {
    commands(
        source,
        asks,
        "apt asks whether to go on, and nobody answers",
        "name the packages under packages: {apt: […]}, or add -y",
    )
}

fn apt_in_body(source: &Source) -> Vec<Told> {
    let holds = |command: &Command| {
        installs(command) && !asks(command) && command.has(&["install"])
            || command.program() == "snap" && command.has(&["install"])
    };
    let message = "what is installed by the script itself takes of its time limit, and its failure is the script's";
    commands(source, holds, message, "name it under packages: of the metadata")
}

fn background(source: &Source) -> Vec<Told> {
    if source.commands.iter().any(|command| ["wait", "kill", "pkill"].contains(&command.program())) {
        return Vec::new();
    }
    let message = "it goes on after the script, under the tests that follow, and what it prints then is lost";
    commands(source, |command| command.background, message, "wait for it, or stop it, before the script ends")
}

fn reboot(source: &Source) -> Vec<Told> {
    if source.header().may_reboot {
        return Vec::new();
    }
    let holds = |command: &Command| match command.program() {
        "reboot" | "poweroff" | "halt" | "shutdown" | "kexec" => true,
        "systemctl" => command.has(&["reboot", "poweroff", "halt", "kexec"]),
        _ => false,
    };
    let message =
        "the machine goes down in mid-run, and the metadata does not say may_reboot: the script counts as failed";
    commands(source, holds, message, "write may_reboot: true, and look at HAS_STARTED when it is started again")
}

/// Whether a command destroys what is on a device.
pub(super) fn destroys(command: &Command) -> bool {
    let starts =
        |prefixes: &[&str]| command.arguments().iter().any(|word| prefixes.iter().any(|p| word.starts_with(p)));
    let writes_device = |target: &str| {
        let harmless =
            ["/dev/null", "/dev/zero", "/dev/full", "/dev/std", "/dev/shm", "/dev/fd", "/dev/tty", "/dev/kmsg"];
        target.starts_with("/dev/") && !harmless.iter().any(|device| target.starts_with(device))
    };
    let redirect = command.words.iter().enumerate().any(|(at, word)| {
        let target = word.split_once('>').map(|(_, target)| target.trim_start_matches(['>', '|', '&']));
        let next = || command.words.get(at + 1).map(String::as_str).unwrap_or_default();
        target.is_some_and(|target| writes_device(if target.is_empty() { next() } else { target }))
    });
    let program = command.program();
    let by_program = match program {
        "dd" => command.arguments().iter().any(|word| {
            let target = word.strip_prefix("of=").unwrap_or_default();
            let variable = ["disk", "storage", "dev", "drive", "blockdev"];
            let name = target.trim_start_matches(['$', '{']).to_lowercase();
            writes_device(target) || target.starts_with('$') && variable.iter().any(|word| name.starts_with(word))
        }),
        "wipefs" => command.has(&["-a", "--all", "-af", "-fa", "-o", "--offset"]),
        "blkdiscard" | "sg_format" | "sg_sanitize" | "shred" | "pvcreate" | "mkswap" | "nwipe" => true,
        "hdparm" => {
            starts(&["--security-erase", "--trim-sector", "--make-bad-sector", "--write-sector", "--dco-restore"])
        }
        "nvme" => {
            command.has(&["format", "sanitize", "write", "write-zeroes", "write-uncor", "dsm", "delete-ns", "reset"])
        }
        "badblocks" => command.arguments().iter().any(|word| word.starts_with('-') && word.contains('w')),
        "sgdisk" => starts(&["-Z", "--zap", "-z", "-o", "--clear", "-n", "--new", "-d", "--delete"]),
        "parted" => command.has(&["mklabel", "mktable", "mkpart", "rm", "resizepart"]),
        "cryptsetup" => command.has(&["luksFormat", "erase", "luksErase", "reencrypt"]),
        "mdadm" => command.has(&["--create", "-C", "--zero-superblock"]),
        "zpool" => command.has(&["create", "destroy", "labelclear"]),
        _ => program.starts_with("mkfs") || program.starts_with("mke2fs"),
    };
    redirect || by_program
}

fn destructive_undeclared(source: &Source) -> Vec<Told> {
    if source.header().destructive {
        return Vec::new();
    }
    let message = "it destroys data, and the metadata does not say so: anybody may run it on a machine in use";
    commands(source, destroys, message, "write destructive: true")
}

fn output_large(source: &Source) -> Vec<Told> {
    let holds = |command: &Command| {
        let program = command.program();
        !command.redirected
            && (program == "yes" || program == "cat" && command.has(&["/dev/zero", "/dev/urandom", "/dev/random"]))
    };
    let message = "output over 10 MB in one request is refused by the region: MAAS's own runner loses the result";
    commands(source, holds, message, "print what somebody reads, the rest into a file")
}

fn exit_range(source: &Source) -> Vec<Told> {
    let code = |command: &Command| command.arguments().first().and_then(|word| word.parse::<i64>().ok());
    let odd = source.commands.iter().filter(|command| command.program() == "exit");
    let odd = odd.filter_map(|command| Some((command.line, code(command).filter(|code| !(0..256).contains(code))?)));
    odd.map(|(line, code)| {
        let seen = code.rem_euclid(256);
        told(
            line,
            format!("an exit status has eight bits: {code} is seen as {seen}"),
            "exit with 0 for passed, 1 to 255 for failed",
        )
    })
    .collect()
}

fn unknown_variable(source: &Source) -> Vec<Told> {
    let mut found: Vec<Told> = Vec::new();
    for (number, line) in source.body.iter().enumerate() {
        for word in line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            let looks = word.starts_with("MAAS_") || word.starts_with("OUTPUT_") && word.ends_with("_PATH");
            // A variable of its own is not the region's.
            let own = || source.body.iter().any(|line| line.contains(&format!("{word}=")));
            if looks && word.len() > 5 && !VARIABLES.contains(&word) && !own() {
                found.push(told(number + 1, format!("no runner sets {word}"), suggestion(word, &VARIABLES)));
            }
        }
    }
    found
}

fn bmc_config(source: &Source) -> Vec<Told> {
    let header = source.header();
    let is_set = header.kind == ScriptType::Commissioning && header.parallel == Parallel::Disabled;
    let Some(line) = source.mention("BMC_CONFIG_PATH").filter(|_| !is_set) else { return Vec::new() };
    let message = "BMC_CONFIG_PATH is set for commissioning scripts that run alone only";
    vec![told(line, message, "write script_type: commissioning and parallel: disabled")]
}

fn placeholder(source: &Source) -> Vec<Told> {
    let found = ["{{name}}", "{{timeout}}", "{{inject_file}}", "{{title}}", "{{description}}"];
    let lines = source.text.lines().enumerate();
    let odd = lines
        .filter_map(|(number, line)| found.iter().find(|word| line.contains(**word)).map(|word| (number + 1, *word)));
    odd.map(|(line, word)| {
        told(
            line,
            format!("{word} is filled in for the scripts that regions bring along, for no others"),
            "write the text itself",
        )
    })
    .take(1)
    .collect()
}
