//! Every command line that README, `docs/` and the examples of `--help` show is executed by a test.
//!
//! * `page` finds them: the lines of `sh` and `console` blocks, and those under "Examples:" of a verb's help.
//! * A line that begins with a program of `scene::PROGRAMS` runs here unchanged, in a scene with everything that the page presupposes;
//!   `scene::STAND_INS` is the table of all words that are replaced. The lines of one page run in order in one folder.
//! * A line that changes the machine that it runs on, or needs a build, is run by another check: the table of `elsewhere` names that
//!   check, and a test here makes sure that the check exists and contains the line.

#[path = "../support/mod.rs"]
mod support;

#[path = "../disk/machine.rs"]
#[allow(dead_code, reason = "its own tests use all of it")]
mod disks;

#[path = "../../packaging/manual/completions.rs"]
mod completions;
#[path = "../../packaging/manual/pages.rs"]
mod pages;
#[path = "../../packaging/manual/roff.rs"]
mod roff;

mod citations;
mod elsewhere;
mod manual;
mod mistakes;
mod page;
mod playbooks;
mod questions;
mod scene;

use std::path::Path;

use page::Line;
use scene::Scene;

/// Commands that run before a page that reads a machine's record: a run, and a hardware sync.
const BEFORE: [&str; 2] = ["shakedown run --config node.yaml", "shakedown sync"];
/// Verbs that read the record.
const READERS: [&str; 6] = ["runs", "results", "report", "events", "deliver", "diff --last"];

fn before(lines: &[Line]) -> Vec<Line> {
    let reads = |line: &Line| READERS.iter().any(|verb| line.text.starts_with(&format!("shakedown {verb}")));
    let wanted = BEFORE.iter().filter(|_| lines.iter().any(reads));
    let line =
        |text: &&str| Line { page: lines[0].page.clone(), number: 0, heading: String::new(), text: (*text).into() };
    wanted.map(line).collect()
}

/// Runs the lines that are to run here, and fails with a list of all that went wrong.
async fn follow(lines: &[Line]) {
    let scene = Scene::new();
    let mut wrong = Vec::new();
    for line in before(lines).iter().chain(lines) {
        let done = if scene::is_ours(line) { scene.execute(line).await } else { elsewhere::check(line) };
        wrong.extend(done.err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_readme_do_what_it_says() {
    follow(&page::of_file("README.md")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_for_contributors_are_those_that_the_project_has() {
    follow(&page::of_file("CONTRIBUTING.md")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_other_pages_do_what_they_say() {
    for lines in page::of_docs() {
        follow(&lines).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_the_verbs_work_one_after_the_other() {
    let lines = page::of_helps();
    assert!(lines.len() > 20, "only {} examples", lines.len());
    follow(&lines).await;
}

/// True if a page has this heading.
fn has_heading(page: &Path, heading: &str) -> bool {
    let text = std::fs::read_to_string(page).unwrap_or_default();
    text.lines().any(|line| line.starts_with('#') && line.trim_start_matches('#').trim() == heading)
}

/// Links, and headings that are named behind them: `[x](x.md), "Heading"`.
#[test]
fn every_link_to_a_file_leads_to_one() {
    let mut dead = Vec::new();
    let above = ["README", "ARCHITECTURE", "CHANGELOG", "CONTRIBUTING", "SECURITY"].map(|name| format!("{name}.md"));
    for page in page::names().into_iter().chain(above) {
        let text = page::file(&page);
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join(&page);
        for (target, rest) in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')) {
            let leads_to = here.with_file_name(target);
            if target.contains("://") {
                continue;
            }
            let heading = rest.strip_prefix(", \"").and_then(|rest| rest.split_once('"')).map(|(heading, _)| heading);
            if !leads_to.exists() {
                dead.push(format!("{page}: {target}"));
            } else if let Some(heading) = heading.filter(|heading| !has_heading(&leads_to, heading)) {
                dead.push(format!("{page}: {target} has no heading \"{heading}\""));
            }
        }
    }
    assert_eq!(dead, [""; 0]);
}

/// The live view is drawn by a terminal, and is made by hand.
#[test]
fn the_report_that_the_readme_shows_is_the_one_that_the_program_prints() {
    let mut check = std::process::Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/dev/pictures"));
    check
        .arg("--check")
        .env("SHAKEDOWN", env!("CARGO_BIN_EXE_shakedown"))
        .env("NO_PROXY", "*")
        .env_remove("SHAKEDOWN_LOG");
    match check.output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => support::left_out::say(&format!("the picture of the README, which needs python3: {error}")),
    }
}

#[test]
fn every_module_of_the_source_has_a_line_in_the_map() {
    let map = page::file("ARCHITECTURE.md");
    let folder = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).expect("the source");
    let names = folder.map(|entry| entry.expect("readable").file_name().into_string().expect("a name in UTF-8"));
    let mut missing: Vec<String> = names
        .filter(|name| !["lib.rs", "main.rs"].contains(&name.as_str()))
        .map(|name| if name.ends_with(".rs") { format!("| `{name}` |") } else { format!("| `{name}/` |") })
        .filter(|row| !map.contains(row))
        .collect();
    missing.sort();
    assert_eq!(missing, [""; 0], "the table below \"The floors\" of ARCHITECTURE.md has no row that begins so");
}

#[test]
fn a_line_that_nobody_runs_is_an_error_that_says_what_to_do() {
    let line = |text: &str| Line { page: "docs/new.md".into(), number: 7, heading: "Try".into(), text: text.into() };
    let said = elsewhere::check(&line("frobnicate --all")).expect_err("no check runs this");
    assert!(said.starts_with("docs/new.md:7: `frobnicate --all`: no test executes this line"), "{said}");
    let said = elsewhere::check(&line("systemctl daemon-reload")).expect_err("no check reads this page");
    assert!(said.contains("tests/vm/package_test.py") && said.contains(r#""docs/new.md", "Try""#), "{said}");
}

#[test]
fn lines_are_taken_from_blocks_without_comments_and_in_one_piece() {
    let text = "# Top\n\n```sh\none 'a # b' # said\n\n# all said\ntwo \\\n  --three\n```\n## Next\n```console\n$ four\nits answer\n```\n```text\nno\n```\n";
    let lines = page::lines("x.md", text);
    let seen: Vec<_> = lines.iter().map(|line| (line.number, line.heading.as_str(), line.text.as_str())).collect();
    assert_eq!(seen, [(4, "Top", "one 'a # b'"), (7, "Top", "two --three"), (12, "Next", "four")]);
}
