//! Reports that somebody copied: into a mail, a forum, an issue, a log, out of a terminal of 80 columns. A form that loses nothing changes
//! no verdict; one that does never makes a bad drive healthy.
//!
//! `made/` holds texts that were written for this by hand.

use shakedown::disk::Verdict;

use crate::{fixture, gives, judged};

/// A change of a text, by its name.
type Form = (&'static str, fn(&str) -> String);

const STATISTICS: &str = include_str!("made/ata-statistics.txt");
const SAS: &str = include_str!("made/sas-long-failed.txt");

fn text(name: &str) -> String {
    String::from_utf8(fixture(name)).expect("a text")
}

/// Reports and their verdicts: a defect in each part of a report that may be lost, and drives without any.
fn reports() -> Vec<(&'static str, String, Verdict)> {
    let well = STATISTICS.replace("             14  ---  Number of", "              0  ---  Number of");
    let sas = SAS.replace(
        "Failed in segment -->       -   34617            109273 [0x3 0x11 0x0]",
        "Completed                   -   34617                 - [-   -    -]",
    );
    assert!(well != STATISTICS && sas != SAS);
    let extended = STATISTICS.replace(
        "# 2  Extended offline    Completed without error       00%      3964         -",
        "# 2  Extended offline    Completed: read failure       90%      3964         12345678",
    );
    vec![
        ("statistics", STATISTICS.to_owned(), Verdict::Degraded),
        ("extended", extended, Verdict::Failed),
        ("well", well, Verdict::Healthy),
        ("sas", SAS.to_owned(), Verdict::Failed),
        ("sas well", sas, Verdict::Healthy),
        ("pending", text("ata-pending-7.5.txt"), Verdict::Degraded),
        ("attribute", text("ata-attribute-failing-7.5.txt"), Verdict::Failed),
        ("self-test", text("ata-self-test-failed-7.5.txt"), Verdict::Failed),
        ("nvme", text("nvme-self-test-failed-7.5.txt"), Verdict::Failed),
        ("nvme spare", text("nvme-spare-low-7.5.txt"), Verdict::Failed),
        ("well 7.1", text("ata-well-7.1.txt"), Verdict::Healthy),
    ]
}

/// Each line, with its number, made anew.
fn each(text: &str, make: impl Fn(usize, &str) -> String) -> String {
    text.lines().enumerate().map(|(at, line)| make(at, line) + "\n").collect()
}

fn before(text: &str, prefix: &str) -> String {
    each(text, |_, line| format!("{prefix}{line}"))
}

/// Columns of a terminal: tabs are blanks there, and no byte is half a character.
fn columns(line: &str) -> String {
    let mut columns = String::new();
    for one in line.chars() {
        match one {
            '\t' => columns.extend(std::iter::repeat_n(' ', 8 - columns.len() % 8)),
            one => columns.push(one),
        }
    }
    columns
}

fn wrapped(text: &str, width: usize) -> String {
    let parts = |line: &str| {
        let line = columns(line);
        let parts: Vec<&str> =
            line.as_bytes().chunks(width).map(|part| std::str::from_utf8(part).expect("ASCII")).collect();
        parts.join("\n")
    };
    each(text, |_, line| parts(line))
}

/// Forms that lose nothing of a report.
const FORMS: &[Form] = &[
    ("as it is", str::to_owned),
    ("CR LF", |text| text.replace('\n', "\r\n")),
    ("CR", |text| text.replace('\n', "\r")),
    ("CR CR LF", |text| text.replace('\n', "\r\r\n")),
    ("four blanks", |text| before(text, "    ")),
    ("a blank", |text| before(text, " ")),
    ("a tab", |text| before(text, "\t")),
    ("quoted", |text| before(text, "> ")),
    ("quoted without a blank", |text| before(text, ">")),
    ("quoted twice", |text| before(text, "> > ")),
    ("quoted, ends trimmed", |text| each(text, |_, line| format!("> {line}").trim_end().to_owned())),
    ("a list", |text| before(text, "- ")),
    ("a table", |text| before(text, "| ")),
    ("an added file", |text| before(text, "+")),
    ("numbered", |text| each(text, |at, line| format!("{:6}\t{line}", at + 1))),
    ("found", |text| each(text, |at, line| format!("{}:{line}", at + 1))),
    ("stamped", |text| each(text, |at, line| format!("2026-11-19T05:{:02}:07+0100 {line}", at % 60))),
    ("logged", |text| {
        each(text, |at, line| format!("Nov {:2} 05:10:07 host smart[{}]: {line}", 7 + at / 40, 900 + at))
    }),
    ("of a container", |text| before(text, "tester-1  | ")),
    ("fenced", |text| format!("Is it well?\n\n```\nroot@host:~# smartctl -x /dev/sda\n{text}```\n\nThanks\n")),
    ("fenced, the end trimmed", |text| format!("```console\n{}\n```", text.trim_end())),
    ("[CODE]", |text| format!("[CODE]{}[/CODE]\n", text.trim_end())),
    ("[CODE] in lines", |text| format!("[CODE]\n{text}[/CODE]")),
    ("<pre>", |text| format!("<pre>{}</pre>\n", text.replace('<', "&lt;").replace('>', "&gt;"))),
    ("a prompt behind it", |text| format!("root@nas[~]# smartctl -x /dev/ada0\n{text}root@nas[~]# ")),
    ("a prompt, the blank line lost", |text| format!("{}\n[root@host ~]# exit\n", text.trim_end())),
    ("a shell's dollar", |text| format!("$ sudo smartctl -x /dev/sda\n{text}$ ")),
    ("protected blanks", |text| text.replace("  ", "\u{a0} ")),
    ("wide blanks", |text| text.replace("  ", "\u{2002} ")),
    ("dashes", |text| text.replace(" - ", " \u{2013} ")),
    ("escaped", |text| text.replace('_', "\\_").replace('*', "\\*").replace('#', "\\#")),
    ("double-spaced", |text| text.replace('\n', "\n\n")),
    ("blanks at the ends", |text| each(text, |_, line| format!("{line}   "))),
    ("quoted-printable", |text| {
        each(&text.replace('=', "=3D"), |_, line| {
            if line.len() > 70 { format!("{}=\n{}", &line[..70], &line[70..]) } else { line.to_owned() }
        })
    }),
    ("indented in a fence", |text| format!("- disk:\n    ```\n{}    ```\n", before(text, "    "))),
];

/// Forms that may lose something.
const LOSSY: &[Form] = &[
    ("one blank for several", |text| each(text, |_, line| line.split_whitespace().collect::<Vec<_>>().join(" "))),
    ("beginnings trimmed", |text| each(text, |_, line| line.trim_start().to_owned())),
    ("without empty lines", |text| {
        text.lines().filter(|line| !line.trim().is_empty()).map(|line| format!("{line}\n")).collect()
    }),
    ("cut at 80", |text| each(text, |_, line| columns(line).chars().take(80).collect())),
    ("cut at 72", |text| each(text, |_, line| columns(line).chars().take(72).collect())),
    ("wrapped at 60", |text| wrapped(text, 60)),
    ("wrapped at 72", |text| wrapped(text, 72)),
    ("wrapped at 80", |text| wrapped(text, 80)),
    ("wrapped at 90", |text| wrapped(text, 90)),
    ("without its end", |text| text.trim_end().to_owned()),
    ("with one end", |text| format!("{}\n", text.trim_end())),
    ("stars before each entry", |text| text.replace("\n# ", "\n* # ").replace("\n 0  ", "\n * 0  ")),
    ("stars before each row", |text| {
        each(text, |_, line| if line.starts_with("0x") { format!("* {line}") } else { line.to_owned() })
    }),
    ("half of it quoted", |text| {
        each(text, |at, line| if at % 2 == 0 { format!("> {line}") } else { line.to_owned() })
    }),
];

#[test]
fn a_form_that_loses_nothing_changes_no_verdict() {
    for (name, report, verdict) in reports() {
        for (form, make) in FORMS {
            let judgement = judged(make(&report));
            assert_eq!(judgement.verdict, verdict, "{name}, {form}: {judgement:?}");
        }
    }
}

#[test]
fn a_form_that_may_lose_something_never_makes_a_bad_drive_healthy() {
    for (name, report, verdict) in reports() {
        for (form, make) in LOSSY {
            let found = judged(make(&report));
            let better =
                verdict != Verdict::Healthy && matches!(found.verdict, Verdict::Healthy | Verdict::NotSupported);
            assert!(!better, "{name}, {form}: {found:?}");
        }
    }
}

#[test]
fn a_report_that_is_cut_off_is_cut_in_every_form() {
    for form in ["fenced", "quoted", "stamped", "a prompt behind it", "a prompt, the blank line lost", "double-spaced"]
    {
        let (_, make) = FORMS.iter().find(|(name, _)| *name == form).expect("a form");
        for at in [
            "SMART Extended Self-test Log Version",
            "# 2  Extended",
            "\nSMART Selective",
            "0x04  0x008",
            "SMART Extended Comprehensive",
        ] {
            let cut = &STATISTICS[..STATISTICS.find(at).expect("a place")];
            assert_eq!(judged(make(cut)).verdict, Verdict::Error, "{form}, before {at}");
        }
    }
}

#[test]
fn what_no_other_line_can_follow_needs_no_end_of_its_own() {
    // `$(smartctl -a /dev/sda)`: the shell takes the last ends of lines away.
    let whole = text("ata-pending-7.5.txt");
    assert_eq!(judged(whole.trim_end()).verdict, Verdict::Degraded);
    assert_eq!(judged(STATISTICS.trim_end()).verdict, Verdict::Degraded, "the counters of the link are the last part");
    let log = "# 2  Extended offline    Completed without error       00%      3964         -";
    let cut = &STATISTICS[..STATISTICS.find(log).expect("a row") + log.len()];
    assert!(gives(&judged(cut), "report-cut"));
}

#[test]
fn a_line_of_a_log_of_self_tests_that_is_no_entry_is_an_error() {
    for (name, whole) in [
        ("ata", text("ata-self-test-failed-7.5.txt")),
        ("sas", SAS.to_owned()),
        ("nvme", text("nvme-self-test-failed-7.5.txt")),
    ] {
        let row = whole
            .lines()
            .find(|line| {
                line.contains(": read failure") || line.contains("ailed segments") || line.contains("Failed in")
            })
            .expect("a row");
        for changed in ["~~ Extended offline ~~", "(the row that my provider asked me to hide)"] {
            let judgement = judged(whole.replace(row, changed));
            assert!(gives(&judgement, "row-not-understood"), "{name}: {judgement:?}");
        }
    }
}

#[test]
fn a_log_of_self_tests_has_an_entry_below_its_heading() {
    let without: String =
        STATISTICS.lines().filter(|line| !line.starts_with("# ")).map(|line| format!("{line}\n")).collect();
    assert!(gives(&judged(without), "report-cut"));
}

#[test]
fn an_attribute_without_its_counter_is_a_row_that_was_cut() {
    let row = "  5 Reallocated_Sector_Ct   PO--C-   100   100   010    -    0";
    let cut = STATISTICS.replace(row, row.trim_end_matches(" 0"));
    assert!(gives(&judged(cut), "row-not-understood"));
}

#[test]
fn two_reports_are_two_in_whatever_form() {
    let quoted = before(STATISTICS, "> ");
    for both in [
        format!("{quoted}\n{STATISTICS}"),
        format!("{quoted}{quoted}"),
        format!("```\n{STATISTICS}```\n\n```\n{SAS}```\n"),
    ] {
        let judgement = judged(&both);
        assert!(gives(&judgement, "unreadable"), "{judgement:?}");
    }
}

#[test]
fn what_stands_behind_a_prompt_of_the_same_report_counts() {
    // Two calls whose banners somebody took out.
    let (health, rest) = STATISTICS.split_once("Device Statistics (GP").expect("a section");
    let both = format!("{health}root@host:~# smartctl -l devstat /dev/sda\nDevice Statistics (GP{rest}");
    assert_eq!(judged(both).verdict, Verdict::Degraded);
}

#[test]
fn a_document_may_stand_in_a_text() {
    let document = text("nvme-media-errors-7.5.json");
    let texts = [
        format!("```json\n{document}\n```\n"),
        format!("root@host:~# smartctl -x -j /dev/nvme0\n{document}\nroot@host:~# "),
        format!(
            "time=\"2026-05-08T03:46:05Z\" msg=\"Executing command: smartctl -x -j /dev/nvme0\"\n{document}\ntime=\"2026-05-08T03:46:06Z\" msg=\"sent\"\n"
        ),
        format!("[CODE]\n{document}\n[/CODE]\n"),
    ];
    for one in texts {
        assert_eq!(judged(&one).verdict, Verdict::Degraded, "{one}");
    }
    for two in [format!("{document}\n{document}"), format!("{document}\n{STATISTICS}")] {
        assert_eq!(judged(two).verdict, Verdict::Error);
    }
    let open = document.trim_end().trim_end_matches('}');
    for damaged in [format!("{open}\n```\n"), format!("{document}}}\n"), format!("{document},\n")] {
        assert_eq!(judged(damaged).verdict, Verdict::Error);
    }
}
