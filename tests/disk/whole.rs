//! Reports that look cut off and are what smartctl prints of such a drive: of 24,142 public ones 589 were called cut.

use shakedown::disk::Verdict;

use crate::{gives, judged};

const WELL: &str = include_str!("made/ata-statistics.txt");

/// A drive that is well, with this in place of that.
#[track_caller]
fn with(places: &[(&str, &str)]) -> String {
    let well = WELL.replace("             14  ---  Number of", "              0  ---  Number of");
    places.iter().fold(well, |text, (old, new)| {
        assert!(text.contains(old), "{old:?} is not there");
        text.replace(old, new)
    })
}

#[track_caller]
fn is_well(text: &str) {
    let judgement = judged(text);
    assert_eq!(judgement.verdict, Verdict::Healthy, "{judgement:?}\n{text}");
}

#[track_caller]
fn is_cut(text: &str) {
    let judgement = judged(text);
    assert_eq!(judgement.verdict, Verdict::Error, "{judgement:?}\n{text}");
}

/// From the first of these words to the second.
fn section(from: &str, to: &str) -> String {
    let begin = WELL.find(from).expect("a section");
    WELL[begin..begin + WELL[begin..].find(to).expect("its end")].to_owned()
}

#[test]
fn a_drive_that_cannot_test_itself_has_no_status_of_its_last_test() {
    let status = section("Self-test execution status", "Total time");
    let capable = section("capabilities: \t\t\t (0x71)", "SMART capabilities");
    is_cut(&with(&[(&status, "")]));
    is_well(&with(&[
        (&status, ""),
        (&capable, "capabilities: \t\t\t (0x00) \tOffline data collection not supported.\n"),
    ]));
    let none = capable.replace("(0x71)", "(0x61)").replace("\tSelf-test supported", "\tNo Self-test supported");
    is_well(&with(&[(&status, ""), (&capable, &none)]));
}

#[test]
fn a_log_of_self_tests_may_be_a_heading_alone() {
    let rows = section("Num  Test_Description", "\nSMART Selective");
    is_well(&with(&[(&rows, "")]));
    is_well(&with(&[(&format!("{rows}\n"), "Invalid Self-test Log index = 0x454c (reserved = 0x00)\n")]));
    let cut = with(&[]);
    let at = cut.find("Num  Test_Description").expect("a table");
    is_cut(&cut[..at]);
    is_cut(&format!("{}\n", &cut[..at]));
}

#[test]
fn a_log_of_the_link_may_have_no_counters() {
    let rows = section("0x0001  2 ", "\n\n");
    is_well(&with(&[(&format!("{rows}\n"), "")]));
    let cut = with(&[]);
    is_cut(&cut[..cut.find("0x0001  2 ").expect("a row")]);
}

#[test]
fn statistics_without_a_value_need_no_explanation() {
    let rows = section("0x01  0x008", "\nPending").replace(" 14  ---", "  0  ---");
    is_well(&with(&[(&rows, "")]));
    let legend = section("                                |||_ C", "\nPending");
    let cut = with(&[(&legend, "")]);
    is_cut(&cut[..cut.find("Pending Defects").expect("a log")]);
}

#[test]
fn versions_before_6_5_number_the_pages_of_statistics_otherwise() {
    let rows = section("Page  Offset", "\nPending");
    let old = "Page Offset Size         Value  Description\n  4  =====  =                =  == General Errors Statistics (rev 1) ==\n\
        \x20 4  0x008  4               COUNT  Number of Reported Uncorrectable Errors\n\
        \x20                             |_ ~ normalized value\n";
    is_well(&with(&[(&rows.replace(" 14  ---", "  0  ---"), &old.replace("COUNT", "    0"))]));
    let lost = judged(with(&[(&rows.replace(" 14  ---", "  0  ---"), &old.replace("COUNT", "   14"))]));
    assert!(gives(&lost, "statistics-uncorrectable"), "{lost:?}");
}

const NVME: &str = "\
smartctl 7.4 2023-08-01 r5530 [FreeBSD 14.0-RELEASE arm64] (local build)

=== START OF INFORMATION SECTION ===
Model Number:                       EXAMPLE SSD 256
NVMe Version:                       1.2
Number of Namespaces:               1

Supported Power States
St Op     Max   Active     Idle   RL RT WL WT  Ent_Lat  Ex_Lat
 0 +     0.00W       -        -    0  0  0  0        0       0

=== START OF SMART DATA SECTION ===
SMART overall-health self-assessment test result: PASSED

SMART/Health Information (NVMe Log 0x02)
Critical Warning:                   0x00
Temperature:                        28 Celsius
Available Spare:                    100%
Available Spare Threshold:          99%
Percentage Used:                    0%
Power On Hours:                     4
Media and Data Integrity Errors:    0
Error Information Log Entries:      0

";

#[test]
fn a_controller_without_an_error_log_ends_its_report_there() {
    is_cut(NVME);
    let refused = format!("{NVME}Read 1 entries from Error Information Log failed: Invalid Command Opcode (0x001)\n\n");
    is_well(&refused);
    assert!(gives(&judged(&refused), "self-tests-unseen"));
}

#[test]
fn a_controller_that_numbers_its_tests_wrongly_is_told_as_one() {
    let log = "Error Information (NVMe Log 0x01, 16 of 256 entries)\nNo Errors Logged\n\nTRUNCATED\
        Self-test Log (NVMe Log 0x06, NSID 0xffffffff)\nSelf-test status: No self-test in progress\n\
        Num  Test_Description  Status                       Power_on_Hours  Failing_LBA  NSID Seg SCT Code\n\
        \x200   Short             Completed without error                   3            -     -   -   -    -\n\
        19   Unknown (0x7)     Fatal or unknown test error       7738144498426465849            - 538054855   -   -    -\n\n";
    let said = "Warning: self-test output truncated to 19 items to workaround controller bug\n";
    let told = judged(format!("{NVME}{}", log.replace("TRUNCATED", said)));
    assert!(told.verdict == Verdict::Healthy && gives(&told, "self-test-log-doubtful"), "{told:?}");
    is_cut(&format!("{NVME}{}", log.replace("TRUNCATED", "")));
}

#[test]
fn entries_that_no_test_can_have_made_are_not_believed() {
    let rows = section("# 1  Short", "\nSMART Selective");
    let rubbish = "# 1  Vendor (0x7a)       Fatal or unknown error        40%     65280         65535\n\
        # 2  Vendor (0xff)       Self-test routine in progress 150%       255         -\n\
        # 3  Offline             Self-test routine in progress 150%     65535         -\n";
    let told = judged(with(&[(&rows, rubbish)]));
    assert!(told.verdict == Verdict::Healthy && gives(&told, "self-test-log-doubtful"), "{told:?}");
    // A test that everybody knows is believed, whatever stands beside it.
    let failed = rubbish.replace(
        "# 3  Offline             Self-test routine in progress 150%     65535         -",
        "# 3  Extended offline    Completed: read failure       80%      3416         83025679",
    );
    assert_eq!(judged(with(&[(&rows, &failed)])).verdict, Verdict::Failed);
}

#[test]
fn a_log_that_cannot_be_read_is_no_drive_that_does_not_answer() {
    let refused = "Read SCT Data Table failed: Input/output error\nATA_READ_LOG_EXT (addr=0x04:0x00, page=0, n=1) failed: Input/output error\n";
    let text = with(&[("SCT Commands not supported\n", refused)]);
    is_well(&text);
    // Nor is it where nothing else is left.
    let lines = "smartctl 7.4 2023-08-01 r5530 [x86_64-linux-6.8.0] (local build)\n\n";
    let judgement = judged(format!("{lines}{refused}"));
    assert!(!gives(&judgement, "device-unreadable"), "{judgement:?}");
    assert_eq!(judgement.verdict, Verdict::Error);
}

#[test]
fn a_table_that_repeats_its_numbers_is_no_table() {
    let row = "199 UDMA_CRC_Error_Count    -O--CK   100   100   000    -    0\n";
    let rubbish = "200 Multi_Zone_Error_Rate   ------   223   000   200    Past 64424513290\n\
        200 Multi_Zone_Error_Rate   ------   100   000   200    NOW  214748365461\n\
        200 Multi_Zone_Error_Rate   PO----   045   000   200    NOW  77309411383\n";
    let told = judged(with(&[(row, rubbish)]));
    assert!(told.verdict == Verdict::Error && gives(&told, "row-not-understood"), "{told:?}");
}
