//! The settings of a site, asked of the program itself: every place where they may be set, and what is said of mistakes.

mod support;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use support::program::{Finished, Program};
use support::{Node, plain, region};

struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Site {
        let site = Site { folder: tempfile::tempdir().expect("a temporary directory") };
        fs::create_dir(site.path("config.d")).expect("a folder");
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file");
    }

    /// With an empty file.
    fn of_file(self) -> Site {
        self.file("config.toml", "");
        self
    }

    fn of(&self, program: Program) -> Program {
        program.env("SHAKEDOWN_CONFIG", self.path("config.toml"))
    }

    async fn show(&self, words: &[&str], variables: &[(&str, &str)]) -> Finished {
        let program = self.of(Program::new("config")).arg("show").args(words);
        variables.iter().fold(program, |program, (name, value)| program.env(name, value)).finish().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn later_places_win_and_each_value_tells_its_own() {
    let site = Site::new();
    site.file("config.toml", "[journal]\nkeep_runs = 1\nkeep_days = 1\nkeep_output_bytes = 1\n");
    site.file("config.d/20-b.toml", "[journal]\nkeep_days = 20\n");
    site.file("config.d/10-a.toml", "# ours\n[journal]\nkeep_days = 10\nkeep_output_bytes = 10\n");
    site.file("config.d/30-c.toml~", "nonsense");
    let variables = [("SHAKEDOWN_JOURNAL_KEEP_OUTPUT_BYTES", "30")];
    let shown = site.show(&["--format", "json", "--set", "journal.keep_runs=40"], &variables).await;
    assert_eq!((shown.code, shown.stderr.as_str()), (Some(0), ""));
    let answer: Value = serde_json::from_str(&shown.stdout).expect("it is JSON");
    let setting = |key: &str| {
        let settings = answer["settings"].as_array().expect("a list");
        settings.iter().find(|setting| setting["key"] == key).cloned().expect("the key")
    };
    let is = |key: &str, value: &str, from: &str| {
        let setting = setting(key);
        assert_eq!((setting["value"].as_str(), setting["place"].as_str()), (Some(value), Some(from)), "{key}");
    };
    is("journal.keep_runs", "40", "command-line");
    is("journal.keep_days", "20", "file");
    is("journal.keep_output_bytes", "30", "environment");
    is("sync.full_after_days", "7", "default");
    let days = setting("journal.keep_days");
    assert_eq!((days["file"].as_str(), days["line"].as_u64()), (site.path("config.d/20-b.toml").to_str(), Some(2)));
    let table = site.show(&[], &[]).await;
    let line = table.stdout.lines().find(|line| line.starts_with("journal.keep_days")).expect("a line");
    assert!(line.contains("20-b.toml:2"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_anywhere_names_its_place_and_the_nearest_key() {
    let site = Site::new();
    site.file("config.toml", "");
    site.file("config.d/10-a.toml", "[sync]\nfull_after_day = 3\n");
    let shown = site.show(&[], &[]).await;
    assert_eq!(shown.code, Some(3));
    for part in ["10-a.toml:2", "no setting sync.full_after_day;", "did you mean sync.full_after_days?"] {
        assert!(shown.stderr.contains(part), "{part:?} in {}", shown.stderr);
    }
    site.file("config.d/10-a.toml", "[sync]\nfull_after_days = true\n");
    let shown = site.show(&[], &[]).await;
    assert!(shown.stderr.contains("10-a.toml:2: sync.full_after_days must be a whole number"), "{}", shown.stderr);
    site.file("config.d/10-a.toml", "");
    let shown = site.show(&[], &[("SHAKEDOWN_SYNC_FULL_AFTER_DAY", "3")]).await;
    assert_eq!(shown.code, Some(3));
    assert!(shown.stderr.contains("SHAKEDOWN_SYNC_FULL_AFTER_DAYS is one"), "{}", shown.stderr);
    let shown = site.show(&["--set", "sync.full=3"], &[]).await;
    assert_eq!(shown.code, Some(2));
    assert!(shown.stderr.contains("did you mean sync.full_after_days?"), "{}", shown.stderr);
    fs::remove_file(site.path("config.toml")).expect("it was there");
    assert_eq!(site.show(&[], &[]).await.code, Some(3), "a file that is named has to be there");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_region_is_shown_without_its_secrets() {
    let region = region(&[("commissioning/one", plain("echo one"))], |_| {}).await;
    let node = Node::of(&region);
    let config = node.config().display().to_string();
    for format in ["json", "table"] {
        let shown = Site::new().of_file().show(&["--region", "--format", format, "--config", &config], &[]).await;
        assert_eq!(shown.code, Some(0), "{shown:?}");
        assert!(shown.stdout.contains(&region.url()) && shown.stdout.contains(&config), "{}", shown.stdout);
        assert!(shown.stdout.contains("(hidden)"), "{}", shown.stdout);
        for line in region.node_config().lines().filter(|line| line.contains("_key:") || line.contains("_secret:")) {
            let secret = line.rsplit(' ').next().unwrap_or_default().trim_matches('"');
            assert!(secret.len() < 5 || !shown.stdout.contains(secret), "{line} in {}", shown.stdout);
        }
    }
    assert_eq!(region.requests().len(), 0, "nobody is asked");
}

/// A misspelt limit would otherwise be no limit: a run does not begin with one.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_heeds_what_is_set_and_does_not_begin_with_a_mistake() {
    let region = region(&[("commissioning/one", plain("echo one"))], |_| {}).await;
    let node = Node::of(&region);
    let site = Site::new();
    site.file("config.toml", "[journal]\nkeep_rums = 1\n");
    let run = site.of(node.run()).finish().await;
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.stderr.contains("config.toml:2") && run.stderr.contains("journal.keep_runs?"), "{}", run.stderr);
    assert!(!region.requests().iter().any(|request| request["method"] == "POST"), "nothing was told to the region");
    site.file("config.toml", "[journal]\nkeep_runs = 1\n");
    let run = site.of(node.run()).finish().await;
    assert_eq!(run.code, Some(0), "{run:?}");
}
