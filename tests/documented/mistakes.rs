//! Mistakes that people make on the command line, each with the exact answer: `mistakes.txt`. A reader of that file is the judge of the answers;
//! the test keeps them as they were judged, and looks for marks of a text that was made for nobody.
//!
//! To add one, add its line with `$` and run this test with `SHAKEDOWN_BLESS=1`; then read what it says.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// The lines of the file that begin a command.
const PROMPT: &str = "$ shakedown";

/// Files that people give by mistake.
fn scene(folder: &Path) {
    let script = "#!/bin/sh\n# --- Start MAAS 1.0 script metadata ---\n# name: mine\n# timeout: 5\n# --- End MAAS 1.0 script metadata ---\ntrue\n";
    let files: [(&str, &[u8]); 9] = [
        ("empty", b""),
        ("garbage", b"not json\n"),
        ("binary", &[0xfe, 0x00, 0x9d, 0x07, 0xff, 0x80, 0x01, 0x00]),
        ("crlf.sh", b"#!/bin/sh\r\necho hi\r\n"),
        ("interpreter.sh", b"#!/no/such/python9 -u\necho hi\n"),
        ("nothing.sh", b"echo hi\n"),
        ("good.sh", script.as_bytes()),
        ("half.json", b"{\"a\": [1, 2"),
        ("half.toml", b"name = \n"),
    ];
    for (name, content) in files {
        std::fs::write(folder.join(name), content).expect("a file");
    }
    std::fs::create_dir(folder.join("folder")).expect("a folder");
    std::os::unix::fs::symlink("nowhere", folder.join("dangling")).expect("a link");
}

/// The answer to a command line: its lines, and how it ended.
fn answer(words: &str, folder: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_shakedown"))
        .args(words.split_whitespace())
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("NO_PROXY", "*")
        .env("SHAKEDOWN_CONFIG", "/dev/null")
        .stdin(Stdio::null())
        .output()
        .expect("the program");
    let mut text = String::new();
    let here = folder.display().to_string();
    for (mark, stream) in [('!', &output.stderr), ('>', &output.stdout)] {
        for line in String::from_utf8_lossy(stream).replace(&here, "HERE").lines() {
            let _ = writeln!(text, "{}", format!("{mark} {line}").trim_end());
        }
    }
    let _ = writeln!(text, "= {}", output.status.code().map_or("a signal".to_owned(), |code| code.to_string()));
    text
}

fn file() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/documented/mistakes.txt")
}

/// The command lines of the file, each with the answer that was judged.
fn judged() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(file()).expect("the file with the mistakes");
    let blocks = text.split(PROMPT).skip(1);
    let pairs = blocks.map(|block| block.split_once('\n').expect("a line"));
    pairs.map(|(words, answer)| (words.trim().to_owned(), answer.trim_end().to_owned())).collect()
}

#[test]
fn every_mistake_gets_the_answer_that_was_judged() {
    let folder = tempfile::tempdir().expect("a folder");
    scene(folder.path());
    let (mut wrong, mut new) = (Vec::new(), String::new());
    let judged = judged();
    for (words, expected) in &judged {
        let said = answer(words, folder.path());
        let _ = writeln!(new, "{PROMPT} {words}\n{said}");
        if said.trim_end() != expected {
            wrong.push(format!("shakedown {words}\nwas judged\n{expected}\nand says now\n{said}"));
        }
    }
    if std::env::var_os("SHAKEDOWN_BLESS").is_some() {
        std::fs::write(file(), format!("{}\n", new.trim_end())).expect("the file");
        return;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_answer_is_a_pass_a_panic_or_written_for_programmers() {
    for (words, answer) in judged() {
        assert!(!answer.ends_with("= 0") && !answer.ends_with("a signal"), "shakedown {words}\n{answer}");
        for mark in ["panicked", "Some(", "Err(", "Error {", "digit found", "unwrap", "os error 2) at path"] {
            assert!(!answer.contains(mark), "shakedown {words}\n{answer}");
        }
    }
}

#[test]
fn every_verb_has_its_mistakes() {
    let known: BTreeSet<String> =
        shakedown::cli::command().get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    for verb in known.iter().filter(|verb| *verb != "help") {
        let count = judged().iter().filter(|(words, _)| words.split_whitespace().next() == Some(verb)).count();
        assert!(count >= 10, "{verb} has {count} mistakes");
    }
}
