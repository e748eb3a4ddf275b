//! The settings of a site from every place where they may be set, later ones winning: defaults, `config.toml`, its drop-ins in
//! `config.d` in the order of their names, variables `SHAKEDOWN_…`, `--set` on the command line.
//!
//! Every key is optional; an unknown one is an error, since a misspelt limit would otherwise be no limit.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use toml::de::{DeTable, DeValue};

use super::Error;
use super::files::files;
use super::nearest::nearest;
use super::site::{KEYS, Site};
use super::value::Key;

/// What the command line says, for whoever asks for the settings later.
static COMMAND_LINE: OnceLock<Vec<Assignment>> = OnceLock::new();

/// A key with its value, as given on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    key: &'static str,
    value: String,
}

/// Reads `KEY=VALUE`.
///
/// # Errors
/// When there is no such key, or it cannot have that value.
pub fn assignment(text: &str) -> Result<Assignment, String> {
    let (name, value) = text.split_once('=').ok_or("it is not KEY=VALUE")?;
    let key = find(name.trim()).ok_or_else(|| unknown(name.trim()))?;
    let value = value.trim().to_owned();
    if !(key.set)(&mut Site::default(), &value) {
        return Err(wrong(key, &value));
    }
    Ok(Assignment { key: key.name, value })
}

/// Keeps what the command line says. Called once, before anybody asks for the settings.
pub fn set_by_command_line(assignments: Vec<Assignment>) {
    let _ = COMMAND_LINE.set(assignments);
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// Nobody set it.
    Default,
    /// A file, and the line in it.
    File(PathBuf, usize),
    /// An environment variable.
    Variable(String),
    /// The command line.
    CommandLine,
}

impl fmt::Display for From {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            From::Default => f.write_str("default"),
            From::File(path, line) => write!(f, "{}:{line}", path.display()),
            From::Variable(name) => f.write_str(name),
            From::CommandLine => f.write_str("command line"),
        }
    }
}

/// A setting as it is in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Section and name.
    pub key: &'static str,
    /// The value, as text.
    pub value: String,
    /// Where it came from.
    pub from: From,
    /// What it means, in a few words.
    pub meaning: &'static str,
    /// The variable that would set it.
    pub variable: String,
}

/// The site's settings; without a file they are the defaults.
///
/// # Errors
/// When a file cannot be read, or anything is set that this program does not understand.
pub fn site() -> Result<Site, Error> {
    Ok(effective()?.site)
}

/// Every setting with where it came from.
///
/// # Errors
/// Those of [`site`].
pub fn settings() -> Result<Vec<Setting>, Error> {
    let effective = effective()?;
    let setting = |(key, from): (&Key, &From)| Setting {
        key: key.name,
        value: (key.text)(&effective.site),
        from: from.clone(),
        meaning: key.meaning,
        variable: key.variable(),
    };
    Ok(KEYS.iter().zip(&effective.from).map(setting).collect())
}

/// The defaults with some values set, whatever this machine has.
#[cfg(test)]
pub(crate) fn site_with(assignments: &[Assignment]) -> Site {
    let mut layers = Layers::default();
    layers.command_line(assignments);
    layers.site
}

/// The name of every key.
#[cfg(test)]
pub(crate) fn site_keys() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|key| key.name)
}

fn effective() -> Result<Layers, Error> {
    let mut layers = Layers::default();
    for (path, text) in files()? {
        layers.file(&path, &text)?;
    }
    layers.variables(std::env::vars_os().map(|(name, value)| {
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        (text(name), text(value))
    }))?;
    layers.command_line(COMMAND_LINE.get().map_or(&[], Vec::as_slice));
    Ok(layers)
}

/// The settings as far as they are put together.
struct Layers {
    site: Site,
    /// For each of [`KEYS`].
    from: Vec<From>,
}

impl Default for Layers {
    fn default() -> Self {
        Layers { site: Site::default(), from: vec![From::Default; KEYS.len()] }
    }
}

impl Layers {
    fn set(&mut self, key: &Key, value: &str, from: From) -> Result<(), String> {
        if !(key.set)(&mut self.site, value) {
            return Err(wrong(key, value));
        }
        if let Some(place) = KEYS.iter().position(|one| one.name == key.name) {
            self.from[place] = from;
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, text: &str) -> Result<(), Error> {
        let malformed = |line: Option<usize>, reason: String| Error::Malformed {
            origin: line.map_or_else(|| path.display().to_string(), |line| format!("{}:{line}", path.display())),
            reason,
        };
        let parsed = DeTable::parse(text);
        let table = parsed.map_err(|error| malformed(None, error.to_string().trim().replace('\n', " ")))?;
        for (name, line, value) in flat(table.get_ref(), "", text) {
            let result = assigned(&name, value)
                .and_then(|(key, value)| self.set(key, &value, From::File(path.to_owned(), line)));
            result.map_err(|reason| malformed(Some(line), reason))?;
        }
        Ok(())
    }

    fn variables(&mut self, variables: impl Iterator<Item = (String, String)>) -> Result<(), Error> {
        for (name, value) in variables {
            let result = match KEYS.iter().find(|key| key.variable() == name) {
                Some(key) => self.set(key, value.trim(), From::Variable(name.clone())),
                // Other variables of this program are none of the settings.
                None if KEYS.iter().any(|key| name.starts_with(&section_of(&key.variable(), key))) => {
                    let nearest = nearest(&name, KEYS.iter().map(Key::variable));
                    Err(format!("no setting has this variable; {nearest} is one"))
                }
                None => Ok(()),
            };
            result.map_err(|reason| Error::Malformed { origin: format!("the variable {name}"), reason })?;
        }
        Ok(())
    }

    fn command_line(&mut self, assignments: &[Assignment]) {
        for Assignment { key, value } in assignments {
            if let Some(key) = find(key) {
                // It was checked when it was read.
                let _ = self.set(key, value, From::CommandLine);
            }
        }
    }
}

/// `SHAKEDOWN_JOURNAL_` of `SHAKEDOWN_JOURNAL_KEEP_RUNS`.
fn section_of(variable: &str, key: &Key) -> String {
    let name = key.name.split_once('.').map_or(key.name, |(_, name)| name);
    variable[..variable.len() - name.len()].to_owned()
}

/// Every value of a file with its whole name and its line. Tables that hold settings are gone into.
fn flat<'a>(table: &'a DeTable<'a>, prefix: &str, text: &str) -> Vec<(String, usize, &'a DeValue<'a>)> {
    let mut found = Vec::new();
    for (name, value) in table {
        let line = 1 + text.get(..name.span().start).map_or(0, |before| before.matches('\n').count());
        let name = format!("{prefix}{}", name.get_ref());
        let within = format!("{name}.");
        match value.get_ref() {
            DeValue::Table(inner) if KEYS.iter().any(|key| key.name.starts_with(&within)) => {
                found.extend(flat(inner, &within, text));
            }
            value => found.push((name, line, value)),
        }
    }
    // In the order of the file, so that its first mistake is told.
    found.sort_by_key(|(_, line, _)| *line);
    found
}

/// The key of that name, and the value as text if it has the right form.
fn assigned(name: &str, value: &DeValue<'_>) -> Result<(&'static Key, String), String> {
    let Some(key) = find(name) else {
        let within = format!("{name}.");
        return Err(match KEYS.iter().find(|key| key.name.starts_with(&within)) {
            Some(key) => {
                format!("{name} is a section: [{name}], and below it keys such as {}", &key.name[within.len()..])
            }
            None => unknown(name),
        });
    };
    let form = (key.form)(&Site::default());
    if value.type_str() != form {
        let what = (key.what)(&Site::default());
        return Err(format!("{name} must be {what}; this is of the type {}", value.type_str()));
    }
    let text = match value {
        DeValue::Integer(number) => {
            i128::from_str_radix(number.as_str(), number.radix()).map(|number| number.to_string()).unwrap_or_default()
        }
        DeValue::Boolean(is_so) => is_so.to_string(),
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    Ok((key, text))
}

fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

fn wrong(key: &Key, value: &str) -> String {
    format!("{} must be {}, which {value:?} is not", key.name, (key.what)(&Site::default()))
}

fn unknown(name: &str) -> String {
    let nearest = nearest(name, KEYS.iter().map(|key| key.name.to_owned()));
    format!("there is no setting {name}; did you mean {nearest}? `shakedown config show` lists all")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::download;
    use crate::journal::Retention;

    fn file(text: &str) -> Result<Site, String> {
        let mut layers = Layers::default();
        layers.file(Path::new("/etc/x.toml"), text).map_err(|error| error.to_string())?;
        Ok(layers.site)
    }

    #[test]
    fn what_is_not_set_keeps_its_default_and_zero_is_no_limit() {
        let site = file("[journal]\nkeep_runs = 5\nkeep_days = 0\n").expect("valid");
        assert_eq!(site.retention, Retention { runs: Some(5), days: None, ..Retention::default() });
        assert_eq!(file(""), Ok(Site::default()));
        assert_eq!(file("journal.keep_output_bytes = 0x10").map(|site| site.retention.bytes), Ok(Some(16)));
        let days = |text| file(text).expect("valid").full_after_days;
        assert_eq!((days("[sync]\nfull_after_days = 3"), days("[sync]\nfull_after_days = 0")), (Some(3), None));
    }

    #[test]
    fn later_layers_win_and_each_value_knows_where_it_is_from() {
        let mut layers = Layers::default();
        layers
            .file(Path::new("/a"), "# x\n[journal]\nkeep_runs = 1\nkeep_days = 1\nkeep_output_bytes = 1")
            .expect("valid");
        layers.file(Path::new("/b"), "[journal]\nkeep_days = 2\nkeep_output_bytes = 2").expect("valid");
        let variables = [("SHAKEDOWN_JOURNAL_KEEP_OUTPUT_BYTES", "3"), ("SHAKEDOWN_LOG", "x"), ("OTHER", "y")];
        layers
            .variables(variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())))
            .expect("valid");
        assert_eq!(layers.site.retention, Retention { runs: Some(1), days: Some(2), bytes: Some(3) });
        layers.command_line(&[assignment("journal.keep_runs = 4").expect("valid")]);
        assert_eq!(layers.site.retention.runs, Some(4));
        let from: Vec<String> = layers.from.iter().map(ToString::to_string).collect();
        let set = ["command line", "/b:2", "SHAKEDOWN_JOURNAL_KEEP_OUTPUT_BYTES"];
        assert!(
            from.starts_with(&set.map(str::to_owned)) && from[3..].iter().all(|from| from == "default"),
            "{from:?}"
        );
    }

    #[test]
    fn limits_of_downloads_may_be_moved_but_not_lifted() {
        let mut layers = Layers::default();
        let text = "[packages]\ncache = \"/srv/packages\"\ndownload_bytes = 10\nstall_seconds = 2\n";
        layers.file(Path::new("/a"), text).expect("valid");
        assert_eq!(layers.site.package_cache.as_deref(), Some(Path::new("/srv/packages")));
        let usual = download::Options::default();
        assert_eq!(layers.site.download, download::Options { most: 10, stall: Duration::from_secs(2), ..usual });
        let error = layers.file(Path::new("/a"), "[packages]\ndownload_seconds = 0").expect_err("no limit").to_string();
        assert!(error.starts_with("/a:2: packages.download_seconds must be "), "{error}");
    }

    #[test]
    fn a_mistake_is_told_with_file_line_key_and_what_would_be_right() {
        let rows = [
            (
                "\n[journal]\nkeep_run = 5",
                "/etc/x.toml:3: there is no setting journal.keep_run; did you mean journal.keep_runs?",
            ),
            ("[jornal]\nkeep_runs = 5", "/etc/x.toml:1: there is no setting jornal; did you mean"),
            (
                "[journal]\nkeep_runs = \"5\"",
                "/etc/x.toml:2: journal.keep_runs must be a whole number, 0 or more; this is of the type string",
            ),
            (
                "[journal]\nkeep_runs = -5",
                "/etc/x.toml:2: journal.keep_runs must be a whole number, 0 or more, which \"-5\" is not",
            ),
            ("[journal]\nkeep_days = 99999999999", "journal.keep_days must be"),
            ("journal = 5", "/etc/x.toml:1: journal is a section: [journal], and below it keys such as keep_runs"),
            ("journal = ", "/etc/x.toml: "),
        ];
        for (text, expected) in rows {
            let error = file(text).expect_err(text);
            assert!(error.contains(expected), "{expected:?} in {error:?}");
        }
    }

    #[test]
    fn a_misspelt_variable_or_assignment_is_an_error_too() {
        let variable = |name: &str, value: &str| {
            let mut layers = Layers::default();
            layers.variables([(name.to_owned(), value.to_owned())].into_iter()).map_err(|error| error.to_string())
        };
        let error = variable("SHAKEDOWN_JOURNAL_KEEP_RUN", "5").expect_err("misspelt");
        assert!(
            error.contains("SHAKEDOWN_JOURNAL_KEEP_RUN:") && error.contains("SHAKEDOWN_JOURNAL_KEEP_RUNS is one"),
            "{error}"
        );
        assert!(variable("SHAKEDOWN_JOURNAL_KEEP_RUNS", "many").is_err());
        for own in ["SHAKEDOWN_CONFIG", "SHAKEDOWN_STATE_DIR", "SHAKEDOWN_BINARY", "SHAKEDOWN_API_KEY"] {
            assert_eq!(variable(own, "x"), Ok(()), "{own}");
        }
        assert!(assignment("journal.keep_rums=5").is_err_and(|error| error.contains("journal.keep_runs?")));
        assert!(assignment("journal.keep_runs=x").is_err() && assignment("journal.keep_runs").is_err());
    }

    /// A line that sets a key, also behind a `#`, where keys stand that have no default.
    fn setting(line: &str) -> Option<&str> {
        let line = line.strip_prefix('#').unwrap_or(line).trim_start();
        let (name, _) = line.split_once(" = ")?;
        name.chars().all(|c| c.is_ascii_lowercase() || c == '_').then_some(line)
    }

    /// The file that is shipped: every key, with its default, and a comment above it.
    #[test]
    fn the_file_that_is_shipped_explains_every_key_and_no_other() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/config/config.toml");
        let shipped = std::fs::read_to_string(&path).expect("the file");
        let text: String = shipped.lines().map(|line| format!("{}\n", setting(line).unwrap_or(line))).collect();
        let table = DeTable::parse(&text).expect("it is TOML");
        let mut names: Vec<String> = flat(table.get_ref(), "", &text).into_iter().map(|(name, ..)| name).collect();
        names.sort();
        let mut keys: Vec<String> = KEYS.iter().map(|key| key.name.to_owned()).collect();
        keys.sort();
        assert_eq!(names, keys);
        assert_eq!(file(&shipped), Ok(Site::default()), "what stands there are the defaults");
        for (line, before) in shipped.lines().skip(1).zip(shipped.lines()) {
            let is_explained = before.starts_with("# ") && setting(before).is_none();
            assert!(setting(line).is_none() || is_explained, "no explanation above {line:?}");
        }
    }
}
