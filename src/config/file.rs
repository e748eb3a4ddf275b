//! `/etc/shakedown/config.toml`: what a site sets once. Every key is optional; an unknown one is an error, since a misspelt
//! limit would otherwise be no limit.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Error;
use crate::journal::Retention;

/// Where the file is if `SHAKEDOWN_CONFIG` names no other.
const PATH: &str = "/etc/shakedown/config.toml";

/// The settings of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// What the journal keeps.
    pub retention: Retention,
    /// Hardware sync sends everything when the region took it so many days ago; `None` never does.
    pub full_after_days: Option<u32>,
}

impl Default for Site {
    fn default() -> Self {
        Site { retention: Retention::default(), full_after_days: Some(7) }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    journal: Journal,
    sync: Sync,
}

/// 0 is never.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Sync {
    full_after_days: Option<u32>,
}

/// 0 is no limit.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Journal {
    #[serde(rename = "keep_runs")]
    runs: Option<usize>,
    #[serde(rename = "keep_days")]
    days: Option<u32>,
    #[serde(rename = "keep_output_bytes")]
    output_bytes: Option<u64>,
}

/// Reads the site's settings; without a file they are the defaults.
///
/// # Errors
/// When the file cannot be read or says something that this program does not understand.
pub fn site() -> Result<Site, Error> {
    let named = std::env::var_os("SHAKEDOWN_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = named.clone().unwrap_or_else(|| PATH.into());
    match std::fs::read_to_string(&path) {
        Ok(text) => parse(&text, &path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => Ok(Site::default()),
        Err(source) => Err(Error::Read { path, source }),
    }
}

fn parse(text: &str, path: &Path) -> Result<Site, Error> {
    let file: File = toml::from_str(text).map_err(|error| Error::Malformed {
        origin: path.display().to_string(),
        reason: error.to_string().trim().replace('\n', " "),
    })?;
    let mut retention = Retention::default();
    if let Some(runs) = file.journal.runs {
        retention.runs = Some(runs).filter(|runs| *runs > 0);
    }
    if let Some(days) = file.journal.days {
        retention.days = Some(days).filter(|days| *days > 0);
    }
    if let Some(bytes) = file.journal.output_bytes {
        retention.bytes = Some(bytes).filter(|bytes| *bytes > 0);
    }
    let mut site = Site { retention, ..Site::default() };
    if let Some(days) = file.sync.full_after_days {
        site.full_after_days = Some(days).filter(|days| *days > 0);
    }
    Ok(site)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_keeps_its_default_and_zero_is_no_limit() {
        let site = parse("[journal]\nkeep_runs = 5\nkeep_days = 0\n", Path::new("x")).expect("valid");
        assert_eq!(site.retention, Retention { runs: Some(5), days: None, ..Retention::default() });
        assert_eq!(parse("", Path::new("x")).expect("empty"), Site::default());
        let days = |text| parse(text, Path::new("x")).expect("valid").full_after_days;
        assert_eq!(days("[sync]\nfull_after_days = 3"), Some(3));
        assert_eq!((days(""), days("[sync]\nfull_after_days = 0")), (Some(7), None));
    }

    #[test]
    fn a_misspelt_key_is_an_error_that_names_file_and_key() {
        let error = parse("[journal]\nkeep_run = 5\n", Path::new("/etc/x.toml")).expect_err("misspelt").to_string();
        assert!(error.contains("/etc/x.toml") && error.contains("keep_run"), "{error}");
    }
}
