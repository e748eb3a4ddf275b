//! Scripts that get the networking they ask for, and those that do not.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;

use nix::sys::signal::Signal;
use shakedown::sandbox::{Action, Fault, Sandbox};
use shakedown::script::Status;

use crate::machine::{GIVEN, Machine, handing_out, networking};
use crate::support::program::Finished;
use crate::support::{LIMIT, events, row, script, table, until};

const INTERFACE: &str = "parameters: {interface: {type: interface}}";

/// Runs one script to its end; all has to be as it was.
async fn run(machine: &Machine) -> Finished {
    let before = machine.network();
    let ended = machine.run().finish().await;
    assert_eq!(machine.network(), before, "{}", ended.stderr);
    ended
}

fn assert_not_applied(region: &Sandbox, machine: &Machine, why: &str) {
    let row = row(region, "net");
    assert_eq!((row.status, row.exit_status), (Status::FailedApplyingNetconf, Some(1)));
    let output = machine.output(region);
    assert!(output.contains(why), "{why:?} is not in {output}");
    assert!(!output.contains("it ran"), "{output}");
}

#[tokio::test]
async fn a_script_finds_the_regions_networking_and_leaves_the_machines_own() {
    let region = handing_out(&[networking(INTERFACE, "echo \"it ran with $*\"")], Some(GIVEN)).await;
    let machine = Machine::new(&region);
    let ended = run(&machine).await;
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let output = machine.output(&region);
    assert_eq!(
        output,
        "shakedown-configured.yaml\neth0 198.51.100.1\neth1 198.51.100.2\nvlan7 198.51.100.7\nit ran with --interface=lan0\n",
        "the given file alone, its addresses, and the name that it gives the interface"
    );
    let statuses: Vec<String> = events(&region).into_iter().filter(|text| text.starts_with("net ")).collect();
    assert_eq!(
        statuses,
        [
            "net on eth0",
            "net on eth0 changed status from 'Applying custom network configuration' to 'Running'",
            "net on eth0 changed status from 'Running' to 'Passed'"
        ]
    );
    let audit = machine.log("AUDIT").join("\n");
    assert!(audit.contains("Applied custom network configuration for script 'net"), "{audit}");
    assert!(audit.contains("ended. The machine's own networking is as it was."), "{audit}");
}

#[tokio::test]
async fn links_go_before_netplan_applies_and_the_machines_own_come_back_up() {
    let region = handing_out(&[networking("", "")], Some(GIVEN)).await;
    let machine = Machine::new(&region);
    assert_eq!(run(&machine).await.code, Some(0));
    let calls = machine.calls();
    let first = ["ip -V", "netplan generate --root-dir "];
    assert!(calls.iter().zip(first).all(|(call, expected)| call.starts_with(expected)), "{calls:?}");
    let links = |virtual_links: &[&str]| {
        let gone = virtual_links
            .iter()
            .flat_map(|link| [format!("ip link set dev {link} down"), format!("ip link delete dev {link}")]);
        let down = ["eth0", "eth1"].map(|link| format!("ip link set dev {link} down"));
        let applied = ["netplan apply", "systemctl is-active systemd-networkd"].map(str::to_owned);
        gone.chain(down).chain(applied).collect::<Vec<_>>()
    };
    let up = "ip link set dev eth0 up".to_owned();
    let expected: Vec<String> =
        links(&["bond0", "sit0"]).into_iter().chain(links(&["sit0", "vlan7"])).chain([up]).collect();
    assert_eq!(calls[2..], expected);
}

#[tokio::test]
async fn a_region_that_does_not_answer_any_more_fails_the_script() {
    // The last is what a captive portal answers.
    for action in [Action::DropBefore, Action::Answer(502, String::new()), Action::Page("<html>".to_owned())] {
        the_region_is_lost(action).await;
    }
}

async fn the_region_is_lost(action: Action) {
    let region = handing_out(&[networking("", "echo it ran")], Some(GIVEN)).await;
    let machine = Machine::new(&region);
    let before = machine.network();
    machine.hold(9);
    let agent = machine.verb("run").args(["--networking-wait", "2"]).arg(machine.node().storage()).start();
    machine.held().await;
    assert_eq!(machine.calls().last().map(String::as_str), Some("netplan apply"));
    region.inject(Fault::new("GET", 1000, action));
    machine.release();
    until("the machine's own is applied", || machine.count("netplan apply") == 2).await;
    region.clear_faults();
    let ended = agent.finish(LIMIT).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(machine.network(), before);
    assert_not_applied(&region, &machine, "the region did not answer within 2 s");
    let output = machine.output(&region);
    assert!(output.contains("The machine's own networking is as it was."), "{output}");
    assert!(output.contains("$ netplan apply\n") && output.contains("eth1 52:54:00:00:00:02 is up"), "{output}");
}

#[tokio::test]
async fn what_netplan_cannot_apply_is_told_in_its_own_words() {
    let given = format!("{GIVEN}# UNAPPLICABLE\n");
    let region = handing_out(&[networking("", "echo it ran")], Some(&given)).await;
    let machine = Machine::new(&region);
    assert_eq!(run(&machine).await.code, Some(1));
    assert_not_applied(&region, &machine, "`netplan apply` failed");
    assert!(machine.output(&region).contains("a fake netplan: cannot apply that"));
    assert!(row(&region, "net").output.windows(7).any(|bytes| bytes == b"netplan"), "the region has it, too");
}

/// Nothing is called but what only looks.
async fn assert_untouched(machine: &Machine, region: &Sandbox, why: &str) {
    assert_eq!(run(machine).await.code, Some(1));
    assert_not_applied(region, machine, why);
    let looks = |call: &String| call == "ip -V" || call.starts_with("netplan generate --root-dir ");
    assert!(machine.calls().iter().all(looks), "{:?}", machine.calls());
}

#[tokio::test]
async fn what_cannot_work_touches_nothing() {
    let scripts = [networking("", "echo it ran")];
    for (given, why) in [
        (None, "the region gave no network configuration"),
        (Some("network: {}\n"), "it has no \"network\""),
        (Some("network: ["), "cannot be read"),
        (Some("network: {version: 2}\n# BROKEN\n"), "a fake netplan: Error in network definition"),
    ] {
        let region = handing_out(&scripts, given).await;
        assert_untouched(&Machine::new(&region), &region, why).await;
    }
    for program in ["netplan", "ip"] {
        let region = handing_out(&scripts, Some(GIVEN)).await;
        let machine = Machine::new(&region);
        fs::remove_file(machine.bin(program)).expect("it is there");
        // Where the real one is installed it must not be found.
        if ["/usr/bin/", "/bin/"].iter().any(|folder| File::open(format!("{folder}{program}")).is_ok()) {
            continue;
        }
        assert_untouched(&machine, &region, &format!("there is no program {program} on this machine")).await;
    }
    for (file, text, why) in [
        ("tree/proc/mounts", "server:/x / nfs4 rw 0 0", "the root file system is nfs4"),
        ("tree/sys/class/iscsi_session/session1/state", "LOGGED_IN", "iSCSI session1"),
    ] {
        let region = handing_out(&scripts, Some(GIVEN)).await;
        let machine = Machine::new(&region);
        machine.write(file, text);
        assert_untouched(&machine, &region, why).await;
    }
    let region = handing_out(&scripts, Some(GIVEN)).await;
    let machine = Machine::new(&region);
    fs::remove_dir_all(machine.netplan()).expect("it is there");
    fs::create_dir(machine.netplan()).expect("its parent is there");
    assert_untouched(&machine, &region, "was set up by something else than netplan").await;
}

#[tokio::test]
async fn a_network_that_another_process_changes_is_left_to_it() {
    let region = handing_out(&[networking("", "echo it ran")], Some(GIVEN)).await;
    let machine = Machine::new(&region);
    let other = File::open(machine.netplan()).expect("a directory");
    other.lock().expect("nobody else has it");
    assert_untouched(&machine, &region, "another shakedown is changing this machine's networking").await;
}

#[tokio::test]
async fn all_is_put_back_after_a_script_that_takes_too_long() {
    // Enough for what it prints before, also on a machine that compiles meanwhile.
    let region = handing_out(&[networking("timeout: 5", "exec sleep 1000")], Some(GIVEN)).await;
    let machine = Machine::new(&region);
    assert_eq!(run(&machine).await.code, Some(1));
    assert_eq!(row(&region, "net").status, Status::TimedOut);
    assert!(machine.output(&region).contains("eth0 198.51.100.1"));
}

#[tokio::test]
async fn a_region_may_be_waited_for_for_ever() {
    let region = handing_out(&[networking("", "echo it ran")], Some(GIVEN)).await;
    let machine = Machine::new(&region);
    let before = machine.network();
    let run = machine.verb("run").args(["--networking-wait", &u64::MAX.to_string()]);
    let ended = run.arg(machine.path("storage")).finish().await;
    assert_eq!((ended.code, machine.network()), (Some(0), before), "{}", ended.stderr);
    assert_eq!(row(&region, "net").status, Status::Passed);
}

#[tokio::test]
async fn all_is_put_back_when_the_run_is_stopped() {
    // While the script runs, and while netplan applies.
    for call in [None, Some(9)] {
        let region = handing_out(&[networking("", "touch running; exec sleep 1000")], Some(GIVEN)).await;
        let machine = Machine::new(&region);
        let before = machine.network();
        call.inspect(|number| machine.hold(*number));
        let agent = machine.run().start();
        match call {
            Some(_) => machine.held().await,
            None => until("the script runs", || machine.path("running").exists()).await,
        }
        agent.signal(Signal::SIGTERM);
        until("it is put back", || machine.network() == before && machine.count("netplan apply") == 2).await;
        machine.release();
        let ended = agent.finish(LIMIT).await;
        assert_eq!(ended.code, Some(130), "{}", ended.stderr);
        assert_eq!(machine.network(), before);
        assert!(row(&region, "net").status.is_failure());
    }
}

#[tokio::test]
async fn all_is_put_back_when_the_run_is_stopped_while_packages_are_installed() {
    let more = "packages: {apt: tiny}\n";
    let region = handing_out(&[networking(more, "echo SCRIPT RAN")], Some(GIVEN)).await;
    let machine = Machine::new(&region);
    let before = machine.network();
    // Who is not root finds a `sudo` that gives nothing.
    let sudo = "#!/bin/sh\n[ \"$1\" != -n ] || shift\nexec env \"$@\"\n";
    for (program, text) in [("apt-get", "#!/bin/sh\ntouch \"$MACHINE/installing\"\nexec sleep 1000\n"), ("sudo", sudo)]
    {
        let program = format!("bin/{program}");
        machine.write(&program, text);
        fs::set_permissions(machine.path(&program), fs::Permissions::from_mode(0o755)).expect("one's own file");
    }
    let agent = machine.run().start();
    until("the packages are being installed", || machine.path("installing").exists()).await;
    assert!(machine.netplan().join("shakedown-configured.yaml").exists(), "they come over the region's networking");
    agent.signal(Signal::SIGTERM);
    let ended = agent.finish(LIMIT).await;
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    assert_eq!(machine.network(), before);
    let output = machine.output(&region);
    assert!(output.contains("stopped with the run") && !output.contains("SCRIPT RAN"), "{output}");
}

#[tokio::test]
async fn not_even_a_second_signal_leaves_the_regions_networking_here() {
    let body = "trap 'touch asked' TERM; touch running; while :; do sleep 0.1; done";
    let region = handing_out(&[networking("", body)], Some(GIVEN)).await;
    let machine = Machine::new(&region);
    let before = machine.network();
    let agent = machine.run().start();
    until("the script runs", || machine.path("running").exists()).await;
    agent.signal(Signal::SIGTERM);
    until("the script is asked to end", || machine.path("asked").exists()).await;
    region.inject(Fault::new("", 1000, Action::DropBefore));
    agent.signal(Signal::SIGTERM);
    let ended = agent.finish(LIMIT).await;
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    assert_eq!(machine.network(), before);
    assert!(!machine.netplan().join(".shakedown").exists());
}

#[tokio::test]
async fn scripts_that_change_the_network_run_alone() {
    let alone = "test ! -e alone || echo TWO; touch alone; sleep 0.3; rm alone";
    let others = |name: &str| {
        let header = "script_type: testing\nparallel: any";
        (format!("testing/{name}"), script(header, &format!("cd \"$MACHINE\"; {alone}; cat addresses/eth0")))
    };
    let (_, net) = networking("parallel: any", alone);
    let scripts = [("testing/net-a".to_owned(), net.clone()), ("testing/net-b".to_owned(), net), others("other")];
    let region = handing_out(&scripts, Some(GIVEN)).await;
    let machine = Machine::new(&region);
    assert_eq!(run(&machine).await.code, Some(0));
    assert!(table(&region).values().all(|(status, _)| *status == Status::Passed));
    for row in region.results() {
        let output = String::from_utf8(machine.node().output(&row, "")).expect("UTF-8");
        assert!(!output.contains("TWO"), "{output}");
        assert_eq!(output.contains("192.0.2.1"), row.script == "other", "{output}");
    }
}

#[tokio::test]
async fn a_manager_that_failed_is_started_again() {
    let region = handing_out(&[networking("", "")], Some(GIVEN)).await;
    let machine = Machine::new(&region);
    machine.write("networkd", "failed\n");
    assert_eq!(run(&machine).await.code, Some(0));
    assert_eq!(machine.count("systemctl restart systemd-networkd"), 1);
    assert_eq!(machine.count("systemctl reset-failed systemd-networkd"), 1);
}

#[tokio::test]
async fn an_interface_without_a_link_is_told_after_a_failure() {
    let body = "echo down > tree/sys/class/net/eth0/operstate; exit 1";
    let given = GIVEN.replace("set-name: lan0, ", "");
    let given = given.replace("nic:", "eth0:");
    let region = handing_out(&[networking(INTERFACE, body)], Some(&given)).await;
    let machine = Machine::new(&region);
    assert_eq!(run(&machine).await.code, Some(1));
    let row = row(&region, "net");
    assert_eq!(row.status, Status::Failed);
    let result = String::from_utf8(row.result).expect("UTF-8");
    assert_eq!(result, r#"{"link_connected":false}"#, "it was looked at before the machine's own came back");
}

/// Where the real one is installed it judges what the region gives; only what would change this machine is done by the fake.
#[tokio::test]
async fn the_real_netplan_judges_the_regions_file() {
    if File::open("/usr/sbin/netplan").is_err() {
        crate::support::left_out::say("the real netplan: it is not installed here");
        return;
    }
    let scripts = [networking("", "echo it ran")];
    for (given, why) in
        [(GIVEN.to_owned(), ""), (GIVEN.replace("dhcp4: true", "dhcp4: maybe"), "invalid boolean value")]
    {
        let region = handing_out(&scripts, Some(&given)).await;
        let machine = Machine::new(&region);
        fs::rename(machine.bin("netplan"), machine.bin("fake")).expect("it is there");
        let both = "#!/bin/sh\nexport PATH=$PATH:/usr/sbin\ncase $1 in\ngenerate) exec /usr/sbin/netplan \"$@\" ;;\n\
            *) ln -sf fake \"$MACHINE/bin/netplan\" && exec \"$MACHINE/bin/netplan\" \"$@\" ;;\nesac\n";
        machine.write("bin/netplan", both);
        fs::set_permissions(machine.bin("netplan"), fs::Permissions::from_mode(0o755)).expect("one's own file");
        let ended = run(&machine).await;
        if why.is_empty() {
            assert_eq!(ended.code, Some(0), "{}", machine.output(&region));
        } else {
            assert_not_applied(&region, &machine, why);
        }
    }
}
