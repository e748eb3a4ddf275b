//! The three commands that README shows somebody with a region and a key, one after the other, against the sandbox.

use shakedown::script::Status;

use crate::machine::{Machine, lines, operator};
use crate::support::program::Program;
use crate::support::row;
use crate::{binary, region, site};

/// The lines of the block of README below a heading, without comments.
fn commands(heading: &str) -> Vec<String> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("README");
    let (_, below) = text.split_once(&format!("\n## {heading}\n")).expect("the heading");
    let (_, block) = below.split_once("```sh\n").expect("a block");
    let (block, _) = block.split_once("```").expect("its end");
    block.lines().map(|line| line.split("  #").next().unwrap_or(line).trim().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_commands_have_a_machine_commissioned_by_shakedown() {
    let commands = commands("On every machine of a region");
    let [build, install, commission] = &commands[..] else { panic!("they are not three: {commands:?}") };
    // `.ci/run` runs the first; what it makes is the program that is tested here.
    assert_eq!(build, "scripts/dev/release");

    let machine = Machine::new();
    let region = region(&[site(&machine, "look", "", "")]).await;
    let key = machine.at("key");
    std::fs::write(&key, region.api_key()).expect("written");
    let line = install.replace("http://region:5240/MAAS", region.url().trim_end_matches('/'));
    let line = line.replace("--api-key-file key", &format!("--api-key-file {}", key.display()));
    let words: Vec<&str> = line.split_whitespace().collect();
    let ["shakedown", verb, rest @ ..] = &words[..] else { panic!("{line}") };
    // The program as it is tested is no static one.
    let done = Program::new(verb).args(rest).arg("--binary").arg(binary(&machine)).finish().await;
    assert_eq!(done.code, Some(0), "{line}: {}{}", done.stdout, done.stderr);

    // MAAS's own command line sends this request.
    assert_eq!(commission, "maas PROFILE machine commission SYSTEM_ID");
    operator(&region, "commission").await;
    let mut runner = machine.boot(&region);
    assert_eq!(runner.finish(|| {}).await, None, "{}", runner.log());
    assert_eq!(row(&region, "look").status, Status::Passed);
    assert_eq!(lines(&machine.at("trace")), ["look shakedown"]);
}
