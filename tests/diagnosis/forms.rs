//! One log in all its forms.

use shakedown::diagnosis::{Severity, judge};

use crate::says;

const TEXT: &str = "critical medium error, dev sda, sector 8 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2";

#[test]
fn every_form_of_a_line_of_the_kernel_is_read() {
    let heads = [
        "[   12.345678] ",
        "[12345.345678][  T511] ",
        "[   12.345678] [   C28] ",
        "<3>[   12.345678] ",
        "<3>",
        "[Sat Apr 15 19:49:46 2023] ",
        "[  +0.000001] ",
        "[Apr15 19:49] ",
        "kern  :err   : [   12.345678] ",
        "kern  :err   : ",
        "Apr 15 19:49:46 host7 kernel: ",
        "Apr  5 19:49:46 host7 kernel: [   12.345678] ",
        "2023-04-15T19:49:46.695052+08:00 host7 kernel: ",
        "2023-04-15T19:49:46+0200 host7.example.org kernel: [   12.345678] ",
        "Mon Dec 31 10:50:45 2018 kern.err kernel: [   12.345678] ",
        "Sat 2023-04-15 19:49:46 UTC host7 kernel: ",
        "[   12.345678] host7 kernel: ",
        "<3>1 2023-04-15T19:49:46.695052Z host7 kernel: ",
        "19:49:46,681 INFO kernel:",
        "Feb 23 03:28:16 kernel: ",
        "kernel: ",
        "/var/log/syslog.1:Sep  7 06:25:20 host7 kernel: [14413531.517195] ",
        "3,100,12345678,-;",
        "3,100,12345678,-,caller=T511;",
        "3,100,12345678,-,caller=C14,more=1;",
        "",
    ];
    for head in heads {
        assert_eq!(says(&format!("{head}{TEXT}\n")), ["disk-medium-error@sda"], "{head:?}");
    }
}

#[test]
fn what_a_program_writes_is_never_a_finding() {
    let heads = [
        "11,100,12345678,-;",
        "12,100,12345678,-;mytest: ",
        "<11>[   12.345678] ",
        "<14>",
        "user  :err   : [   12.345678] ",
        "[   12.345678] mytest[4711]: ",
        "Apr 15 19:49:46 host7 mytest: ",
        "Apr 15 19:49:46 host7 mytest[4711]: kernel: ",
        "2023-04-15T19:49:46.695052+08:00 host7 systemd[1]: ",
    ];
    for head in heads {
        assert_eq!(says(&format!("{head}{TEXT}\n")), [""; 0], "{head:?}");
    }
}

#[test]
fn fragments_are_one_line_also_with_others_between_them() {
    let log = "3,1,1000000,c;critical medium error, dev\n6,2,1000001,-;usb 1-1: new device\n3,3,1000002,+; sda, sector 8 op 0x0:(READ)\n";
    assert_eq!(says(log), ["disk-medium-error@sda"]);
}

#[test]
fn a_record_with_a_newline_in_it_is_read_in_both_of_its_forms() {
    let record = "3,1,1000000,-;ata4.00: cmd 60/08:90:c8:3a:7d tag 18 ncq dma 4096 in\\x0a         res 41/40:08:c8:3a:7d Emask 0x409 (media error) <F>\n";
    let lines = "[    1.000000] ata4.00: cmd 60/08:90:c8:3a:7d tag 18 ncq dma 4096 in\n                        res 41/40:08:c8:3a:7d Emask 0x409 (media error) <F>\n";
    assert_eq!(says(record), ["disk-medium-error@ata4"]);
    assert_eq!(says(lines), ["disk-medium-error@ata4"]);
}

#[test]
fn an_incident_counts_its_lines_and_what_the_kernel_did_not_print() {
    let log = format!(
        "[   10.000000] {TEXT}\n[   11.000000] blk_print_req_error: 40 callbacks suppressed\n[   12.000000] {TEXT}\n"
    );
    let incidents = judge(&log);
    let [incident] = incidents.as_slice() else { panic!("{incidents:?}") };
    assert_eq!((incident.count, incident.severity), (42, Severity::Error));
    assert_eq!((incident.first.as_deref(), incident.last.as_deref()), (Some("10.000000"), Some("12.000000")));
    assert_eq!(incident.lines.len(), 2);
}

#[test]
fn what_happens_an_hour_later_to_the_same_disk_is_another_incident() {
    let log = "[  100.000000] ata3: exception Emask 0x10 SAct 0x0 SErr 0x4040000 action 0xe frozen\n\
               [  100.000001] ata3: SError: { CommWake DevExch }\n\
               [ 9000.000000] ata3.00: exception Emask 0x0 SAct 0x1 SErr 0x0 action 0x6 frozen\n\
               [ 9000.000001] ata3.00: cmd 60/08:00 tag 0 ncq 4096 in\n\
               [ 9000.000001]          res 40/00:10 Emask 0x4 (timeout)\n";
    assert_eq!(says(log), ["disk-link-reset@ata3", "disk-timeout@ata3"]);
}

#[test]
fn the_microseconds_of_a_record_are_told_in_seconds() {
    let incidents = judge(&format!("3,100,12345678,-;{TEXT}\n"));
    assert_eq!(incidents[0].first.as_deref(), Some("12.345678"));
    assert!(incidents[0].lines[0].starts_with("[12.345678] critical medium error"), "{incidents:?}");
}
