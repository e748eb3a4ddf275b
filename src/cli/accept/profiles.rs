//! Profiles in files, and the one that is made for a machine.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::acceptance::{Machine, Profile};

/// Where a site keeps its profiles.
pub(super) const FOLDER: &str = "/etc/shakedown/profiles.d";
/// The most bytes of a profile.
const MOST: u64 = 4 << 20;
/// The most profiles that are named where none is made for a machine.
const MOST_NAMED: usize = 6;

/// A profile that is wrong, with all that is wrong with it in its text.
#[derive(Debug, thiserror::Error)]
#[error("{file}: the profile is wrong\n{text}")]
pub(in crate::cli) struct Wrong {
    file: String,
    text: String,
}

/// Reads a profile.
pub(super) fn read(path: &Path) -> anyhow::Result<Profile> {
    let shown = path.display().to_string();
    Profile::parse(&text(path)?).map_err(|error| {
        let lines: Vec<String> = error.problems.iter().map(|problem| format!("{shown}: {problem}")).collect();
        anyhow::Error::new(Wrong { file: shown, text: lines.join("\n") })
    })
}

/// The text of a profile, without a mark of the byte order.
pub(in crate::cli) fn text(path: &Path) -> anyhow::Result<String> {
    let shown = path.display().to_string();
    let size = fs::metadata(path).with_context(|| format!("cannot read {shown}"))?.len();
    anyhow::ensure!(size <= MOST, "{shown} is no profile: it has {size} bytes");
    let bytes = fs::read(path).with_context(|| format!("cannot read {shown}"))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].split(|byte| *byte == b'\n').count();
        Wrong {
            text: format!("{shown}: line {line}: a profile is a text in UTF-8, and this is none"),
            file: shown.clone(),
        }
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
}

/// The profiles of a folder.
pub(in crate::cli) fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read the profiles in {}", folder.display()))?;
    let is_profile = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".toml") && !name.starts_with('.')
    };
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_profile).collect();
    found.sort();
    Ok(found)
}

/// The profile of a file, or the one of a folder that is made for a machine: none or two accept nothing.
pub(in crate::cli) fn choose(path: &Path, machine: &Machine) -> anyhow::Result<Profile> {
    if !path.is_dir() {
        return read(path);
    }
    let shown = path.display();
    let (mut fitting, mut others) = (Vec::new(), Vec::new());
    for file in files(path)? {
        let profile = read(&file)?;
        if profile.is_for(&machine.system) {
            fitting.push((file, profile));
        } else {
            others.push(format!(
                "{} ({})",
                profile.name,
                profile.made_for().unwrap_or_else(|| "no `match`".to_owned())
            ));
        }
    }
    let more = others.len().saturating_sub(MOST_NAMED);
    others.truncate(MOST_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let there = if others.is_empty() { String::new() } else { format!("; there are {}{more}", others.join(", ")) };
    let system = &machine.system;
    let who = format!("{} {} {}", system.vendor, system.product, system.sku);
    anyhow::ensure!(
        !fitting.is_empty(),
        "no profile in {shown} is made for this machine ({}): its `match` has to name vendor, product or sku{there}",
        if who.trim().is_empty() { "which tells neither vendor nor product" } else { who.trim() }
    );
    if fitting.len() > 1 {
        let names: Vec<String> = fitting.iter().map(|(file, _)| file.display().to_string()).collect();
        anyhow::bail!(
            "several profiles are made for this machine: {}; name one, or narrow their `match`",
            names.join(", ")
        );
    }
    Ok(fitting.remove(0).1)
}
