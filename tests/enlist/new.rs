//! How a machine enlists in fair weather, and what a region may have against it.

use shakedown::sandbox::{Acquaintance, Action, Fault, NodeStatus};
use shakedown::script::{BmcConfig, Status};

use crate::machine::{BESIDE, FIRST, Machine, SECOND, asked, assert_enlisted, mac, stranger};
use crate::support::program::Program;
use crate::support::{events, plain, region, row, script, table, until};

/// What a script says of a BMC.
const BMC: &str = "printf 'power_type: ipmi\\npower_address: 10.1.2.3\\npower_user: maas\\n' > \"$BMC_CONFIG_PATH\"";

#[tokio::test]
async fn an_unknown_machine_enlists_with_all_its_addresses() {
    for interfaces in [1, 2, 9] {
        let machine = Machine::new(interfaces);
        let region = machine.region("", "").await;
        let finished = machine.run(&region.url()).finish().await;
        assert_enlisted(&machine, &region, &finished);
        assert_eq!(region.mac_addresses(), (1..=interfaces).map(mac).collect::<Vec<_>>());
        assert_eq!(asked(&region, "POST", "/machines/"), 1);
        assert_eq!(asked(&region, "GET", "is_registered"), interfaces, "each address is asked about");
        for name in [FIRST, SECOND, BESIDE] {
            assert_eq!(row(&region, name).output, format!("output of {name}\n").into_bytes());
            assert_eq!(machine.ran(name), 1, "{name}");
        }
        assert_eq!(region.power(), None);
    }
}

#[tokio::test]
async fn what_was_kept_is_told_in_the_order_in_which_it_happened() {
    let machine = Machine::new(1);
    let scripts: Vec<(String, String)> =
        (10..30).map(|number| (format!("commissioning/{number}-maas-x"), plain("echo x"))).collect();
    let region = region(&scripts, stranger).await;
    region.inject(Fault::for_results(1, Action::DropBefore));
    let finished = machine.run(&region.url()).finish().await;
    assert_enlisted(&machine, &region, &finished);
    let told: Vec<String> = events(&region).into_iter().filter(|text| text.contains("-maas-x changed")).collect();
    let expected: Vec<String> =
        (10..30).map(|number| format!("{number}-maas-x changed status from 'Pending' to 'Passed'")).collect();
    assert_eq!(told, expected, "no need to say afterwards that a script was about to start");
}

#[tokio::test]
async fn the_machine_is_made_as_soon_as_its_bmc_is_known_and_with_it() {
    let machine = Machine::new(2);
    let region = machine.region(BMC, &machine.wait_for("go")).await;
    let running = machine.run(&region.url()).start();
    until("the machine is known while a script runs", || region.machines() == 1).await;
    until("its first result has arrived", || row(&region, FIRST).status == Status::Passed).await;
    assert!(!row(&region, SECOND).status.is_final());
    machine.write("go", "");
    let finished = running.finish(crate::support::LIMIT).await;
    assert_enlisted(&machine, &region, &finished);
    let parameters = serde_json::json!({"power_address": "10.1.2.3", "power_user": "maas"});
    let expected = BmcConfig::new("ipmi", parameters.as_object().cloned().unwrap_or_default());
    assert_eq!(region.power(), Some(expected));
    assert_eq!(asked(&region, "POST", "/machines/"), 1);
    assert!(!machine.path(&format!("storage/out/{FIRST}.bmc")).exists(), "nobody needs the file any longer");
}

#[tokio::test]
async fn a_bmc_that_the_region_refuses_does_not_keep_the_machine_out() {
    let nonsense = BMC.replace("ipmi", "nonsense");
    let no_rack = Fault::for_power(u32::MAX, Action::Answer(503, "No rack controllers are connected".into()));
    for (body, fault, reason) in
        [(nonsense.as_str(), None, "not one of the available choices"), (BMC, Some(no_rack), "No rack")]
    {
        let machine = Machine::new(2);
        let region = machine.region(body, "").await;
        if let Some(fault) = fault {
            region.inject(fault);
        }
        let finished = machine.run(&region.url()).finish().await;
        assert_enlisted(&machine, &region, &finished);
        assert_eq!(region.power(), None);
        assert!(finished.stdout.contains("without its BMC") && finished.stdout.contains(reason), "{}", finished.stdout);
    }
}

#[tokio::test]
async fn a_proxy_that_stumbles_over_the_machine_does_not_cost_it_its_bmc() {
    let machine = Machine::new(1);
    let region = machine.region(BMC, "").await;
    region.inject(Fault::for_power(1, Action::Answer(502, "Bad Gateway".into())));
    let finished = machine.run(&region.url()).finish().await;
    assert_enlisted(&machine, &region, &finished);
    assert!(region.power().is_some() && !finished.stdout.contains("without its BMC"), "{}", finished.stdout);
}

#[tokio::test]
async fn of_two_scripts_that_find_the_bmc_the_first_is_told_and_nothing_of_the_other_stays() {
    let machine = Machine::new(1);
    let other = BMC.replace("10.1.2.3", "10.9.9.9");
    let region = machine.region(BMC, &other).await;
    // The second one ends before the region has made the machine.
    region.inject(Fault::for_power(8, Action::Answer(502, String::new())));
    let finished = machine.run(&region.url()).finish().await;
    assert_enlisted(&machine, &region, &finished);
    assert!(region.power().is_some_and(|power| power.parameters_json().contains("10.1.2.3")));
    for name in [FIRST, SECOND] {
        assert!(!machine.path(&format!("storage/out/{name}.bmc")).exists(), "the file of {name} holds a password");
    }
}

#[tokio::test]
async fn a_machine_that_the_region_has_already_does_not_enlist() {
    let machine = Machine::new(3);
    let region = region(&machine.scripts("", ""), |options| options.acquaintance = Acquaintance::Registered).await;
    let finished = machine.run(&region.url()).finish().await;
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(
        finished.stdout.contains("knows this machine already, by its address 52:54:00:aa:86:01"),
        "{}",
        finished.stdout
    );
    assert_eq!((machine.ran(FIRST), asked(&region, "POST", ""), asked(&region, "GET", "maas-scripts")), (0, 0, 0));
}

#[tokio::test]
async fn a_machine_that_is_past_enlisting_is_left_alone() {
    let machine = Machine::new(1);
    let region = machine.region("", "").await;
    let deployed = serde_json::json!({"system_id": region.system_id(), "status_name": "Deployed"});
    region.inject(Fault::new("POST", 1, Action::Answer(200, deployed.to_string())).at("api/2.0/machines/"));
    let finished = machine.run(&region.url()).finish().await;
    assert_eq!(finished.code, Some(3));
    assert!(finished.stderr.contains("and it is Deployed; nothing was signalled"), "{}", finished.stderr);
    assert_eq!((asked(&region, "GET", "by-id"), asked(&region, "POST", "metadata")), (0, 0));
}

#[tokio::test]
async fn a_failing_script_fails_commissioning_and_the_others_run_all_the_same() {
    let machine = Machine::new(1);
    let region = machine.region("exit 7", "").await;
    let finished = machine.run(&region.url()).finish().await;
    assert_eq!(
        (finished.code, region.node_status()),
        (Some(1), NodeStatus::FailedCommissioning),
        "{}",
        finished.stderr
    );
    let rows = table(&region);
    assert_eq!(rows[FIRST], (Status::Failed, Some(7)));
    assert_eq!((rows[SECOND], rows[BESIDE]), ((Status::Passed, Some(0)), (Status::Passed, Some(0))));
    assert_eq!(region.node_error(), "1 commissioning scripts failed to run");
}

#[tokio::test]
async fn what_the_region_asks_for_besides_once_it_knows_the_machine_is_run_as_well() {
    let machine = Machine::new(1);
    let mut scripts = machine.scripts("", "");
    scripts.push(("commissioning/own".to_owned(), plain(&machine.counted("own", ""))));
    scripts.push(("testing/check".to_owned(), script("script_type: testing", &machine.counted("check", ""))));
    let region = region(&scripts, |options| {
        stranger(options);
        options.commissioning = Some(vec!["own".to_owned()]);
        options.testing = Some(vec!["check".to_owned()]);
    })
    .await;
    let finished = machine.run(&region.url()).finish().await;
    assert_enlisted(&machine, &region, &finished);
    assert_eq!((machine.ran("own"), machine.ran("check"), machine.ran(FIRST)), (1, 1, 1));
}

#[tokio::test]
async fn without_an_address_there_is_nothing_to_enlist_with() {
    let machine = Machine::new(0);
    let region = machine.region("", "").await;
    let finished = machine.run(&region.url()).finish().await;
    assert_eq!((finished.code, region.requests().len()), (Some(3), 0));
    assert!(finished.stderr.contains("no network interface with a MAC address"), "{}", finished.stderr);
}

#[tokio::test]
async fn under_the_name_of_the_reference_program_it_enlists_too() {
    let machine = Machine::new(1);
    let region = machine.region("", "").await;
    let link = machine.path("maas-run-remote-scripts");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_shakedown"), &link).expect("a link");
    machine.write("91_kernel_cmdline_url.cfg", &region.stranger_config());
    let program = machine.options(Program::at(&link)).arg("--config").arg(machine.path("91_kernel_cmdline_url.cfg"));
    let finished = program.arg(machine.path("storage")).finish().await;
    assert_enlisted(&machine, &region, &finished);
}
