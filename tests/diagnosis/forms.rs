//! One log in all its forms.

use shakedown::diagnosis::{Judge, Severity, judge};

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
        // Colours of `dmesg --color=always`, also in the notation of a pager, and with the escape character lost.
        "\u{1b}[32m[   12.345678] \u{1b}[0m\u{1b}[1;31m",
        "\u{1b}[32m\u{1b}[1m[Nov30 05:52] \u{1b}[0m",
        "kern  :err   : \u{1b}[32m[   12.345678] \u{1b}[0m",
        "\u{1b}[32m[Mon Nov 30 05:52:12 2026] \u{1b}[0m",
        "^[[32m[   12.345678] ^[[0m",
        "[32m[   12.345678] [0m[31m",
        // `dmesg --time-format iso`, `-d`, `-H` of the days 1 to 9.
        "2023-12-22T12:26:25,559615-08:00 ",
        "kern  :err   : 2023-12-22T12:26:25,559615-08:00 ",
        "[   12.345678 <    0.000001>] ",
        "[<    0.000001>] ",
        "[Dec 1 03:47] ",
        "[Dec  1 03:47] ",
        // Other languages.
        "[Ter Set 19 06:01:41 2017] ",
        "[Di Mär  4 06:01:41 2025] ",
        "giu 13 15:33:41 host7 kernel: ",
        "mar. mars 4 15:33:41 host7 kernel: ",
        "11月 29 15:33:41 host7 kernel: ",
        // Quoted and indented.
        "> [   12.345678] ",
        ">> Apr 15 19:49:46 host7 kernel: ",
        "> > | ",
        "\t",
        "    $ ",
        "  [   12.345678] ",
        "\tApr 15 19:49:46 host7 kernel: ",
        "\u{feff}[   12.345678] ",
        // Journals and protocols.
        "1702345678.123456 host7 kernel: ",
        "Sat 2023-04-15 19:49:46.695052 UTC host7 kernel: ",
        "[   12.345678 <    0.000001 >] host7 kernel: ",
        "<3>1 2023-04-15T19:49:46.695052Z host7 kernel - - - ",
        "<3>1 2023-04-15T19:49:46.695052Z host7 kernel - - [origin x=\"1\"] [   12.345678] ",
        "2023-04-15T19:49:46.695052Z host7 kernel - - - ",
        // Containers, consoles of others, debuggers.
        "2023-12-22T12:26:25.559615123Z [   12.345678] ",
        "2023-12-22T12:26:25.559615123Z stderr F <3>",
        "node1  | [   12.345678] ",
        "[2026-09-10T01:28:40.861261Z ERROR console] [   12.345678] ",
        "10.0.0.7: kern: warning: [2026-04-22T21:30:51.52643656Z]: ",
        "0x000000000277BBFA |   1263.468579:   ",
        "2023-12-22T12:26:25.559615-05:00 kernel:\n",
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
        "\u{1b}[32m[   12.345678] \u{1b}[0m\u{1b}[33mmytest[4711]: \u{1b}[0m",
        "user  :err   : 2023-12-22T12:26:25,559615-08:00 ",
        "> Apr 15 19:49:46 host7 mytest[4711]: [   12.345678] ",
        "1702345678.123456 host7 mytest[4711]: ",
        "<11>1 2023-04-15T19:49:46.695052Z host7 mytest 4711 - - ",
        "giu 13 15:33:41 host7 mytest[4711]: ",
        "2023-12-22T12:26:25.559615123Z stdout F <11>",
    ];
    for head in heads {
        assert_eq!(says(&format!("{head}{TEXT}\n")), [""; 0], "{head:?}");
    }
}

#[test]
fn records_in_several_fields_are_read_and_those_of_programs_are_not() {
    let bytes: Vec<u8> = TEXT.bytes().collect();
    let of = |transport: &str| {
        [
            format!(
                "{{\"MESSAGE\":\"{TEXT}\",\"_TRANSPORT\":\"{transport}\",\"__REALTIME_TIMESTAMP\":\"1702345678123456\"}}\n"
            ),
            format!(
                "{{\"_SOURCE_MONOTONIC_TIMESTAMP\":\"12345678\",\"_TRANSPORT\":\"{transport}\",\"MESSAGE\":{bytes:?}}}\n"
            ),
            format!("{{\n\t\"_TRANSPORT\" : \"{transport}\",\n\t\"MESSAGE\" : \"{TEXT}\"\n}}\n"),
            format!("data: {{\"MESSAGE\":\"{TEXT}\",\"_TRANSPORT\":\"{transport}\"}}\n\n"),
            format!("\u{1e}{{\"MESSAGE\":\"{TEXT}\",\"_TRANSPORT\":\"{transport}\"}}\n"),
            format!("__CURSOR=s=1;i=2\n_TRANSPORT={transport}\nMESSAGE={TEXT}\nPRIORITY=3\n\n"),
            format!("__CURSOR=s=1;i=2\n_TRANSPORT={transport}\nMESSAGE\n\u{5}\0\0\0\0\0\0\0{TEXT}\n"),
            format!(
                "Fri 2023-12-22 12:26:25.559615 CET [s=1;i=2;b=3;m=4;t=5;x=6]\n    PRIORITY=3\n    _TRANSPORT={transport}\n    MESSAGE={TEXT}\n"
            ),
        ]
    };
    for log in of("kernel") {
        assert_eq!(says(&log), ["disk-medium-error@sda"], "{log}");
    }
    for log in of("stdout") {
        assert_eq!(says(&log), [""; 0], "{log}");
    }
    let dmesg = |facility: &str| {
        format!(
            "{{\n   \"dmesg\": [\n      {{\n         \"fac\": \"{facility}\",\n         \"pri\": \"err\",\n         \"time\":   12.345678,\n         \"msg\": \"{TEXT}\"\n      }},{{\n         \"pri\": 6,\n         \"time\":   13.0,\n         \"msg\": \"x\"\n      }}\n   ]\n}}\n"
        )
    };
    assert_eq!(says(&dmesg("kern")), ["disk-medium-error@sda"]);
    assert_eq!(says(&dmesg("user")), [""; 0]);
    // A brace alone, in a text that is no JSON, takes no line away.
    assert_eq!(says(&format!("if (x)\n{{\n[   12.345678] {TEXT}\n")), ["disk-medium-error@sda"]);
    assert_eq!(says(&format!("{{\n  \"a\": 1\n}}\n[   12.345678] {TEXT}\n")), ["disk-medium-error@sda"]);
    let docker =
        format!("{{\"log\":\"[   12.345678] {TEXT}\\n\",\"stream\":\"stdout\",\"time\":\"2023-12-22T12:26:25Z\"}}\n");
    assert_eq!(says(&docker), ["disk-medium-error@sda"]);
}

#[test]
fn the_time_of_a_record_of_the_journal_is_the_kernels_own() {
    let log =
        format!("{{\"_SOURCE_MONOTONIC_TIMESTAMP\":\"12345678\",\"_TRANSPORT\":\"kernel\",\"MESSAGE\":\"{TEXT}\"}}\n");
    assert_eq!(judge(&log)[0].first.as_deref(), Some("12.345678"));
}

#[test]
fn a_text_without_a_line_of_a_log_is_known_as_such() {
    let is_log = |text: &str| {
        let mut judge = Judge::default();
        judge.read(text);
        judge.has_read_a_log()
    };
    for text in
        ["Dear all,\n\nthe disk makes noise.\n", "{\n  \"a\": 1\n}\n", "fn main() {}\n", "a | b | c\n1 | 2 | 3\n"]
    {
        assert!(!is_log(text), "{text:?}");
    }
    for text in [
        "[    0.000000] Linux version 6.1.0\n",
        "Linux version 6.1.0 (x) (gcc) #1\nMemory: 1K/2K available\n",
        "Apr 15 19:49:46 host7 cron[4711]: done\n",
        " 1 | 11/29/2026 | 18:20:12 | Power Supply PS1 | Presence detected | Asserted\n",
        &format!("some words\n{TEXT}\n"),
    ] {
        assert!(is_log(text), "{text:?}");
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
