//! The project's own logs.

use shakedown::diagnosis::{Code, judge};

use crate::says;

#[test]
fn each_log_says_what_stands_above_it() {
    let text = include_str!("spoken.txt");
    let blocks: Vec<&str> = text.split("\n###").skip(1).collect();
    assert!(blocks.len() > 70, "only {} logs", blocks.len());
    let mut wrong = String::new();
    for block in blocks {
        let (labels, log) = block.split_once('\n').expect("a log below its labels");
        let mut expected: Vec<String> =
            labels.trim().split(';').filter(|label| !label.is_empty()).map(str::to_owned).collect();
        expected.sort();
        let found = says(log);
        if found != expected {
            wrong.push_str(&format!("{expected:?} expected, {found:?} found in\n{log}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_page_tells_every_code_as_the_program_does() {
    let page = include_str!("../../docs/diagnosis.md");
    for code in Code::ALL {
        let (kind, severity) = (code.kind().word(), code.severity());
        let row = format!("| `{}` | {kind} | {severity} | {} | {} |", code.word(), code.meaning(), code.next());
        assert!(page.contains(&row), "docs/diagnosis.md lacks the row\n{row}");
    }
}

#[test]
fn the_words_of_an_incident_are_those_of_its_lines() {
    let words = |log: &str| {
        let incidents = judge(log);
        let [incident] = incidents.as_slice() else { panic!("{incidents:?}") };
        (incident.device.clone(), incident.meaning(), incident.next())
    };
    let event =
        |sensor: &str, event: &str| words(&format!("   1 | 03/04/2026 | 05:06:07 | {sensor} | {event} | Asserted\n")).1;
    assert!(event("Fan FAN3", "Lower Critical going low").contains("slower"));
    assert!(event("Fan Fans", "Redundancy Lost").contains("spare fan"));
    assert!(event("Temperature Inlet", "Lower Critical going low").contains("below"));
    assert!(event("Temperature Inlet", "Upper Critical going high").contains("above"));
    assert!(event("Current CPU1 12V", "Upper Critical going high").contains("current"));
    assert!(event("Voltage P12V", "Lower Critical going low").contains("voltage"));
    assert!(event("System Event #0x4c", "Undetermined system hardware failure").contains("event names"));
    assert!(event("Watchdog2 #0x3a", "Power cycle").contains("watchdog"));
    let lost = words("[  412.000000] igc 0000:08:00.0 ens1: PCIe link lost, device now detached\n");
    assert_eq!((lost.0.as_str(), lost.1), ("ens1", "the network card left the PCIe bus"));
    let panic = words(
        "[    1.000001] Kernel panic - not syncing: Asynchronous SError Interrupt\n[    1.000002] CPU: 3 PID: 1 Comm: swapper/0 Not tainted 6.6.0 #1\n",
    );
    assert_eq!(panic.0, "cpu 3");
    assert!(panic.1.contains("SError") && !panic.2.contains("bank"), "{panic:?}");
    let cut = |cause: u32| {
        words(&format!(
            "[  412.000000] NVRM: Xid (PCI:0000:17:00): 45, pid=9, name=x, Ch 00000001 caused by previous Xid {cause}\n"
        ))
        .2
    };
    assert_eq!(cut(145), Code::GpuNvlinkError.next());
    assert_eq!(cut(48), Code::GpuMemoryUncorrected.next());
    assert_eq!(cut(31), Code::GpuApplicationFault.next());
}
