//! MAAS's own runner: a Python program with a thread for its heartbeat, which runs scripts as its children (contract ADOPTION, §1).

use std::ffi::OsString;
use std::path::Path;

use crate::process::Peer;

/// File names of MAAS's runner: the program, and the Python module without its ending.
const NAMES: [&str; 2] = ["maas-run-remote-scripts", "maas_run_remote_scripts"];
/// Options of MAAS's runner that name the region and the credentials; the agent's options have the same names.
const OPTIONS: [&str; 7] = ["--config", "--ckey", "--tkey", "--csec", "--tsec", "--apiver", "--url"];

/// The running MAAS runner that started this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// The process of the runner.
    pub process: Peer,
    /// The runner's options that the agent needs, too.
    pub options: Vec<OsString>,
    /// The runner's other child processes: scripts that run beside the one that this program is part of.
    pub others: Vec<Peer>,
}

impl Original {
    /// Looks for MAAS's runner among this program's ancestors; `None` when this program was started by something else.
    #[must_use]
    pub fn among_ancestors() -> Option<Original> {
        let ancestors = Peer::ancestors();
        let at = ancestors.iter().position(|peer| is_runner(&peer.arguments()))?;
        let process = ancestors[at];
        let (own, this) = (&ancestors[..at], Peer::this());
        let others = process.children().into_iter().filter(|child| !own.contains(child) && Some(*child) != this);
        let mut options = options(&process.arguments());
        if let Some(directory) = process.directory() {
            absolute(&mut options, &directory);
        }
        Some(Original { process, options, others: others.collect() })
    }
}

/// The result that MAAS's runner has begun for the script that this program is part of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Begun {
    /// The region's number of it; `None` when the runner's files do not tell.
    pub(super) number: Option<i64>,
    /// The names of other tests that the runner has begun before. What came of them is known to the region alone, which judges no test.
    pub(super) tests: Vec<String>,
}

impl Begun {
    /// Reads it from the place of the script's output. MAAS's runner makes a folder `DIR/out/NAME.NUMBER` for each script of a set, and a file
    /// `NAME` in it when that script begins; it has tests in `DIR/scripts/testing` (seen of the runner of 3.8).
    pub(super) fn of(output: &Path) -> Begun {
        let Some((own, place)) = output.parent().and_then(|own| Some((own, own.parent()?))) else {
            return Begun::default();
        };
        let split = |path: &Path| {
            let (name, number) = path.file_name()?.to_str()?.rsplit_once('.')?;
            Some((name.to_owned(), number.parse::<i64>().ok()?))
        };
        let tests = place.with_file_name("scripts").join("testing");
        let others = std::fs::read_dir(place).into_iter().flatten().flatten().map(|entry| entry.path());
        let begun =
            |path: std::path::PathBuf| split(&path).map(|(name, _)| name).filter(|name| path.join(name).exists());
        let others = others.filter(|path| path != own).filter_map(begun).filter(|name| tests.join(name).exists());
        Begun { number: split(own).map(|(_, number)| number), tests: others.collect() }
    }
}

/// True of `python3 …/maas-run-remote-scripts …`, and of the program itself.
fn is_runner(arguments: &[OsString]) -> bool {
    let named = |word: &OsString| {
        let name = Path::new(word).file_name().and_then(|name| name.to_str()).unwrap_or_default();
        NAMES.contains(&name.trim_end_matches(".py"))
    };
    // An interpreter has its own options before the program, and none of them has this name.
    arguments.iter().take(4).any(named)
}

fn options(arguments: &[OsString]) -> Vec<OsString> {
    let mut found = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let Some(text) = word.to_str() else { continue };
        let name = text.split('=').next().unwrap_or_default();
        if !OPTIONS.contains(&name) {
            continue;
        }
        let value = match text.split_once('=') {
            Some((_, value)) => value.into(),
            None => words.next().cloned().unwrap_or_default(),
        };
        found.extend([name.into(), value]);
    }
    found
}

/// The runner's configuration file as an absolute path: a relative one counts from the runner's working directory.
fn absolute(options: &mut [OsString], directory: &Path) {
    let Some(at) = options.iter().position(|word| word == "--config") else { return };
    let is_file = |value: &OsString| !value.to_string_lossy().contains("://");
    if let Some(value) = options.get_mut(at + 1).filter(|value| is_file(value)) {
        *value = directory.join(&*value).into_os_string();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_runner_is_known_by_its_program_and_nothing_else() {
        for line in [
            "/usr/bin/python3 /tmp/tmp.x/bin/maas-run-remote-scripts --config=/tmp/creds /tmp/d",
            "python3 -u /t/maas_run_remote_scripts.py",
            "maas-run-remote-scripts /tmp/d",
        ] {
            assert!(is_runner(&words(line)), "{line}");
        }
        for line in
            ["/bin/sh /tmp/d/scripts/testing/x maas", "vi a b c maas-run-remote-scripts", "python3 maas-run-scripts"]
        {
            assert!(!is_runner(&words(line)), "{line}");
        }
    }

    #[test]
    fn what_the_runner_has_begun_stands_in_its_files() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let at = |name: &str| place.path().join(name);
        for folder in ["out/00-shakedown-testing.41", "out/look.40", "scripts/testing"] {
            std::fs::create_dir_all(at(folder)).expect("a folder");
        }
        let output = at("out/00-shakedown-testing.41/00-shakedown-testing");
        assert_eq!(Begun::of(&output), Begun { number: Some(41), tests: Vec::new() }, "look is no test");
        std::fs::write(at("scripts/testing/look"), "").expect("written");
        assert_eq!(Begun::of(&output).tests, [""; 0], "look has not begun");
        std::fs::write(at("out/look.40/look"), "").expect("written");
        assert_eq!(Begun::of(&output).tests, ["look"]);
        assert_eq!(Begun::of(Path::new("/")), Begun::default());
        assert_eq!(Begun::of(&at("out/00-shakedown-testing/00-shakedown-testing")).number, None);
    }

    #[test]
    fn its_region_and_credentials_are_taken_over() {
        let mut found =
            options(&words("python3 maas-run-remote-scripts --config=creds.yaml --url http://r/MAAS --no-send /tmp/d"));
        absolute(&mut found, Path::new("/tmp/x"));
        assert_eq!(found, words("--config /tmp/x/creds.yaml --url http://r/MAAS"));
        let mut found = options(&words("maas-run-remote-scripts --config http://r/preseed d"));
        absolute(&mut found, Path::new("/tmp/x"));
        assert_eq!(found, words("--config http://r/preseed"));
    }
}
