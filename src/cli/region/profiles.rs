//! The profiles that `shakedown region install` is given.

use std::path::PathBuf;

use anyhow::ensure;

use super::super::accept::profiles;
use crate::acceptance::Profile;
use crate::adoption::{CARRIER, Change, Present, Profiles, Wanted};

/// Reads profiles, and those of folders; `None` if none were asked for.
pub(super) fn read(paths: &[PathBuf]) -> anyhow::Result<Option<Profiles>> {
    if paths.is_empty() {
        return Ok(None);
    }
    let mut files = Vec::new();
    for path in paths {
        let is_address = path.to_str().is_some_and(|path| path.starts_with("http://") || path.starts_with("https://"));
        ensure!(
            !is_address,
            "{}: profiles that travel are files here; the address of one is the parameter of {CARRIER} when a machine is commissioned",
            path.display()
        );
        let own = if path.is_dir() { profiles::files(path)? } else { vec![path.clone()] };
        ensure!(!own.is_empty(), "there is no profile in {}: profiles are files called NAME.toml", path.display());
        files.extend(own);
    }
    let texts = files.iter().map(|file| Ok((file.display().to_string(), profiles::text(file)?)));
    let profiles = Profiles::of(texts.collect::<anyhow::Result<_>>()?)?;
    for one in profiles.all().filter(|one| one.profile.as_ref().is_ok_and(Profile::asks_for_figures)) {
        complain!(
            "shakedown: {}: it has [measure], and nothing is measured yet when a machine is commissioned: the verdict will be incomplete, \
             which fails the script. Leave [measure] to `shakedown accept --measured`",
            one.show()
        );
    }
    Ok(Some(profiles))
}

/// Profiles that a change of the script adds or takes out, one line each.
pub(super) fn news(wanted: &Wanted, present: &Present, changes: &[(Change, String)]) -> Vec<String> {
    let is_it =
        |change: &Change| matches!(change, Change::Create(name) | Change::Replace { name, .. } if name == CARRIER);
    let (Some(own), true) = (&wanted.profiles, changes.iter().any(|(change, _)| is_it(change))) else {
        return Vec::new();
    };
    let there = present.scripts.iter().find(|script| script.name == CARRIER);
    let there = there.map_or_else(Vec::new, |script| Profiles::carried_by(&script.content));
    let gone = own.left_out(there).into_iter().map(|one| format!("take {} out of {CARRIER}", one.show()));
    own.all().map(|one| format!("have {CARRIER} carry {}", one.show())).chain(gone).collect()
}
