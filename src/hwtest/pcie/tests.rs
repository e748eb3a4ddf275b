//! Small machines with one link each, as the kernel shows them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::super::{Kind, Level};
use super::*;

const PORT: &str = "sys/devices/pci0000:00/0000:00:01.0";

struct Machine {
    root: tempfile::TempDir,
}

impl Machine {
    /// A root port, x16 at 16 GT/s.
    fn new() -> Self {
        let machine = Machine { root: tempfile::tempdir().expect("temporary directory") };
        machine.function(PORT, "0x060400", "16", "16.0 GT/s PCIe", "16", "16.0 GT/s PCIe");
        machine
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().expect("parent")).expect("directories");
        fs::write(path, bytes).expect("write");
    }

    fn function(&self, place: &str, class: &str, most: &str, most_speed: &str, width: &str, speed: &str) {
        for (key, value) in [
            ("class", class),
            ("vendor", "0x8086"),
            ("max_link_width", most),
            ("max_link_speed", most_speed),
            ("current_link_width", width),
            ("current_link_speed", speed),
        ] {
            self.write(&format!("{place}/{key}"), format!("{value}\n"));
        }
        self.write(&format!("{place}/config"), [0x86, 0x80, 0x12, 0x34]);
        let (link, name) =
            (self.root.path().join("sys/bus/pci/devices"), Path::new(place).file_name().expect("a name"));
        fs::create_dir_all(&link).expect("directories");
        symlink(Path::new("../../../..").join(place), link.join(name)).expect("a link");
    }

    /// A card in the slot.
    fn card(self, class: &str, most: &str, width: &str, speed: &str) -> Self {
        self.function(&format!("{PORT}/0000:01:00.0"), class, most, "16.0 GT/s PCIe", width, speed);
        self
    }

    fn tested(&self) -> Report {
        let order = Order { kind: Kind::Pcie, level: Level::Smoke, seconds: 0, seed: 0, inject: None };
        run(&Host::at(self.root.path()), &order, &Progress::silent())
    }
}

fn codes(report: &Report) -> Vec<&str> {
    report.findings.iter().map(|finding| finding.code.as_str()).collect()
}

const DISK: &str = "0x010802";
const GRAPHICS: &str = "0x030200";

#[test]
fn a_card_that_is_narrower_than_its_slot_is_right() {
    let report = Machine::new().card(DISK, "4", "4", "16.0 GT/s PCIe").tested();
    assert_eq!((report.outcome(), codes(&report)), (Outcome::Passed, vec![]));
    assert_eq!(report.coverage[0].tested, 1, "the port is the other end of the same link");
}

#[test]
fn a_wide_card_in_a_narrow_slot_is_right_as_well() {
    let machine = Machine::new();
    machine.write(&format!("{PORT}/max_link_width"), "8\n");
    let report = machine.card(GRAPHICS, "16", "8", "16.0 GT/s PCIe").tested();
    assert_eq!((report.outcome(), codes(&report)), (Outcome::Passed, vec![]));
}

#[test]
fn a_link_that_is_narrower_than_both_ends_is_degraded() {
    let report = Machine::new().card(DISK, "4", "2", "16.0 GT/s PCIe").tested();
    assert_eq!((report.outcome(), codes(&report)), (Outcome::Degraded, vec!["pcie-link-narrow"]));
    assert!(report.findings[0].what.contains("2 lanes; both ends can have 4"), "{}", report.findings[0].what);
}

#[test]
fn a_slow_link_is_degraded_unless_such_devices_rest_so() {
    let disk = Machine::new().card(DISK, "4", "4", "8.0 GT/s PCIe").tested();
    assert_eq!((disk.outcome(), codes(&disk)), (Outcome::Degraded, vec!["pcie-link-slow"]));
    let card = Machine::new().card(GRAPHICS, "16", "16", "2.5 GT/s PCIe").tested();
    assert_eq!((card.outcome(), codes(&card)), (Outcome::Passed, vec!["pcie-link-slow-at-rest"]));
    assert!(card.not_tested.iter().any(|line| line.contains("0000:01:00.0: its speed under load")));
}

#[test]
fn a_device_that_reads_as_all_ones_has_failed() {
    let machine = Machine::new().card(DISK, "4", "4", "16.0 GT/s PCIe");
    machine.write(&format!("{PORT}/0000:01:00.0/config"), [0xff; 64]);
    let report = machine.tested();
    assert_eq!((report.outcome(), codes(&report)), (Outcome::Failed, vec!["pcie-gone"]));
}

#[test]
fn further_functions_virtual_ones_and_those_of_a_hypervisor_are_no_links_of_their_own() {
    let machine = Machine::new().card(DISK, "4", "2", "16.0 GT/s PCIe");
    machine.function(&format!("{PORT}/0000:01:00.1"), DISK, "4", "16.0 GT/s PCIe", "2", "16.0 GT/s PCIe");
    machine.function(&format!("{PORT}/0000:01:00.2"), DISK, "4", "16.0 GT/s PCIe", "2", "16.0 GT/s PCIe");
    machine.write(&format!("{PORT}/0000:01:00.2/physfn"), "");
    assert_eq!(codes(&machine.tested()), ["pcie-link-narrow"], "one link, one finding");
    let guest = Machine::new().card(DISK, "4", "2", "16.0 GT/s PCIe");
    guest.write(&format!("{PORT}/0000:01:00.0/vendor"), "0x1af4\n");
    let report = guest.tested();
    assert_eq!((report.outcome(), codes(&report)), (Outcome::Skipped, vec!["no-pcie-link"]));
    assert!(report.not_tested.iter().any(|line| line == "1 functions made by a hypervisor"), "{:?}", report.not_tested);
}

#[test]
fn errors_count_only_if_they_were_counted_meanwhile_and_by_their_severity() {
    let seen = |severity| Seen {
        links: Links::read(&Host::at(Machine::new().card(DISK, "4", "4", "16.0 GT/s PCIe").root.path())),
        errors: vec![New { address: "0000:01:00.0".into(), severity, names: vec![("RxErr".into(), 3)] }],
        counting: 1,
        seconds: 60,
        ..Seen::default()
    };
    for (severity, outcome) in [
        (Severity::Correctable, Outcome::Degraded),
        (Severity::NonFatal, Outcome::Failed),
        (Severity::Fatal, Outcome::Failed),
    ] {
        let mut report =
            Report::new(&Order { kind: Kind::Pcie, level: Level::Smoke, seconds: 0, seed: 0, inject: None });
        judge(&seen(severity), &mut report);
        assert_eq!(report.outcome(), outcome, "{severity:?}");
    }
    let machine = Machine::new().card(DISK, "4", "4", "16.0 GT/s PCIe");
    machine.write(&format!("{PORT}/0000:01:00.0/aer_dev_correctable"), "RxErr 9\nTOTAL_ERR_COR 9\n");
    assert_eq!(machine.tested().outcome(), Outcome::Passed, "what was counted before is no finding of this test");
}

#[test]
fn a_machine_without_pci_express_is_skipped() {
    let root = tempfile::tempdir().expect("temporary directory");
    let order = Order { kind: Kind::Pcie, level: Level::Smoke, seconds: 0, seed: 0, inject: None };
    let report = run(&Host::at(root.path()), &order, &Progress::silent());
    assert_eq!(report.outcome(), Outcome::Skipped);
}
