//! `/etc/shakedown/config.toml`: what a site sets once. Every key is optional; an unknown one is an error, since a misspelt
//! limit would otherwise be no limit.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::Error;
use crate::download;
use crate::journal::Retention;

/// Where the file is if `SHAKEDOWN_CONFIG` names no other.
const PATH: &str = "/etc/shakedown/config.toml";

/// The settings of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// What the journal keeps.
    pub retention: Retention,
    /// Hardware sync sends everything when the region took it so many days ago; `None` never does.
    pub full_after_days: Option<u32>,
    /// A directory of packages that is looked into before anything is fetched.
    pub package_cache: Option<PathBuf>,
    /// Limits of what scripts have downloaded.
    pub download: download::Options,
}

impl Default for Site {
    fn default() -> Self {
        let download = download::Options::default();
        Site { retention: Retention::default(), full_after_days: Some(7), package_cache: None, download }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    journal: Journal,
    sync: Sync,
    packages: Packages,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Packages {
    cache: Option<PathBuf>,
    download_bytes: Option<NonZeroU64>,
    download_seconds: Option<NonZeroU64>,
    stall_seconds: Option<NonZeroU64>,
    tries: Option<NonZeroU32>,
}

impl Packages {
    fn limits(&self) -> download::Options {
        let usual = download::Options::default();
        let time = |seconds: Option<NonZeroU64>, or| seconds.map_or(or, |seconds| Duration::from_secs(seconds.get()));
        download::Options {
            most: self.download_bytes.map_or(usual.most, NonZeroU64::get),
            total: time(self.download_seconds, usual.total),
            stall: time(self.stall_seconds, usual.stall),
            tries: self.tries.map_or(usual.tries, NonZeroU32::get),
            ca_file: None,
        }
    }
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
    let download = file.packages.limits();
    let mut site = Site { retention, download, package_cache: file.packages.cache, ..Site::default() };
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
    fn downloads_have_limits_that_a_site_may_move_but_not_lift() {
        let parsed = |text| parse(text, Path::new("x"));
        let site =
            parsed("[packages]\ncache = \"/srv/packages\"\ndownload_bytes = 10\nstall_seconds = 2\n").expect("valid");
        assert_eq!(site.package_cache.as_deref(), Some(Path::new("/srv/packages")));
        let usual = download::Options::default();
        assert_eq!(site.download, download::Options { most: 10, stall: Duration::from_secs(2), ..usual });
        assert!(parsed("[packages]\ndownload_seconds = 0").is_err());
    }

    #[test]
    fn the_file_that_is_shipped_says_what_holds_without_it() {
        let shipped = include_str!("../../packaging/config/config.toml");
        assert_eq!(parse(shipped, Path::new("x")).expect("valid"), Site::default());
    }

    #[test]
    fn a_misspelt_key_is_an_error_that_names_file_and_key() {
        let error = parse("[journal]\nkeep_run = 5\n", Path::new("/etc/x.toml")).expect_err("misspelt").to_string();
        assert!(error.contains("/etc/x.toml") && error.contains("keep_run"), "{error}");
    }
}
