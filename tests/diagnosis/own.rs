//! The project's own logs.

use shakedown::diagnosis::Code;

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
