//! The floors of `src/`, checked: an import points to a strictly lower floor or into the own module, and what only one
//! module may know is named in that module alone.

use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up; the crate roots stand above the top floor, since they name the modules and start the command line.
const FLOORS: &str = "event host private yaml printable ocp/script process unpack http telemetry diagnosis/\
    region download journal inventory netplan/runner sandbox report disk hwtest/config acceptance/agent/adoption status/cli/lib main";
/// What may be named by some modules only; the first line that fits a name decides.
const OWNERS: [(&str, &str); 7] = [
    ("reqwest::Url", "region sandbox download http config"),
    ("reqwest", "region sandbox download http"),
    ("std::process::Command", "process"),
    ("std::process::{", "process"),
    ("use std::process;", "process"),
    ("tokio::process", "process"),
    ("on_the_word_of_a_node", "sandbox script"),
];
/// Reviewed files that may hold unsafe code.
const UNSAFE_FILES: [&str; 1] = ["host/ioctl.rs"];
/// Most lines of a file.
const LONGEST: usize = 400;

fn floor(module: &str) -> Option<usize> {
    FLOORS.split('/').position(|modules| modules.split(' ').any(|one| one == module))
}

fn is_part_of_a_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What a file names directly below the crate's root, in whatever way.
fn imports<'a>(path: &str, code: &'a str) -> Vec<&'a str> {
    let up = "super::".repeat(path.split('/').filter(|part| *part != "mod.rs").count());
    let after = ["crate::", "shakedown::", &up].into_iter().flat_map(|root| code.split(root).skip(1));
    after.map(|rest| &rest[..rest.find(|c| !is_part_of_a_word(c)).unwrap_or(rest.len())]).collect()
}

/// What is wrong with a file. Imports of its test module are free; the rest of the test module is not.
fn problems(path: &str, text: &str) -> Vec<String> {
    let code: String = text.lines().filter(|l| !l.trim_start().starts_with("//")).map(|l| format!("{l}\n")).collect();
    let shipped = code.split("#[cfg(test)]\nmod tests").next().unwrap_or(&code);
    let module = path.split('/').next().unwrap_or(path).trim_end_matches(".rs");
    let Some(own) = floor(module) else {
        return vec![format!("{path}: `{module}` has no floor yet: give it one in FLOORS of tests/architecture.rs")];
    };
    let mut found = Vec::new();
    for import in imports(path, shipped).into_iter().filter(|import| *import != module) {
        match floor(import) {
            Some(other) if other < own => {}
            Some(other) => found.push(format!("{path}: `{module}` (F{own}) must not import `{import}` (F{other})")),
            None => found.push(format!("{path}: `{import}` after `crate::` is no module of FLOORS; write no groups")),
        }
    }
    let mut rest = code.clone();
    for (name, owners) in OWNERS {
        if rest.contains(name) && !owners.split(' ').any(|owner| owner == module) {
            found.push(format!("{path}: only {owners} may name `{name}`"));
        }
        rest = rest.replace(name, "");
    }
    if code.split(|c| !is_part_of_a_word(c)).any(|word| ["unsafe", "unsafe_code"].contains(&word))
        && !UNSAFE_FILES.contains(&path)
    {
        found.push(format!("{path}: unsafe code belongs into a reviewed file of UNSAFE_FILES"));
    }
    if text.lines().count() > LONGEST {
        found.push(format!("{path}: longer than {LONGEST} lines: split it"));
    }
    found
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory of the source tree").flatten();
    entries.flat_map(|e| if e.path().is_dir() { sources(&e.path()) } else { vec![e.path()] }).collect()
}

#[test]
fn every_file_keeps_to_its_floor() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let found = sources(&root).into_iter().flat_map(|file| {
        let path = file.strip_prefix(&root).expect("a file below the root").to_string_lossy();
        problems(&path, &fs::read_to_string(&file).expect("a source file in UTF-8"))
    });
    assert_eq!(found.collect::<Vec<_>>(), [""; 0], "tests/architecture.rs tells the rules");
}

/// `unsafe` is allowed in one more crate, which holds nothing else: it imports no module of this one, and each block says why it holds.
#[test]
fn the_crate_of_the_kernels_stands_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels");
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("the manifest of the kernels");
    for rule in ["unsafe_op_in_unsafe_fn = \"deny\"", "undocumented_unsafe_blocks = \"deny\""] {
        assert!(manifest.contains(rule), "kernels/Cargo.toml lacks {rule}");
    }
    let (dependencies, _) = manifest.split_once("[dev-dependencies]").expect("dependencies before those of tests");
    let (_, dependencies) = dependencies.split_once("[dependencies]").expect("dependencies");
    let names: Vec<_> = dependencies.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name).collect();
    assert!(
        names.iter().all(|name| ["rustix", "sha2", "crc32fast", "miniz_oxide"].contains(name)),
        "{names:?}: kernels know nothing above them"
    );
    for file in sources(&root.join("src")) {
        let text = fs::read_to_string(&file).expect("a source file in UTF-8");
        assert!(text.lines().count() <= LONGEST, "{}: longer than {LONGEST} lines: split it", file.display());
    }
}

#[test]
fn a_wrong_line_is_found() {
    let upward =
        ["use crate::region::Error;", "fn f() { crate::runner::x() }", "use super::yaml;", "use crate::novel;"];
    let others =
        ["use reqwest::Url;", "std::process::Command::new(x)", "fn f() { unsafe { g() } }", "use crate::{cli};"];
    for line in upward.iter().chain(&others) {
        assert_eq!(problems("host/mod.rs", line).len(), 1, "{line}");
    }
    assert!(problems("novel.rs", "")[0].contains("no floor"));
    assert!(problems("config/mod.rs", "use reqwest::Url;\nuse crate::region::Error;\n// unsafe").is_empty());
}
