//! The programs that a region is to give its machines.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use crate::adoption::{Architecture, Binary};

/// The programs that the command line names, else this program and those beside it.
pub(super) fn binaries(words: &[String]) -> anyhow::Result<Vec<Binary>> {
    let mut found: Vec<Binary> = Vec::new();
    let given = words.iter().map(|word| {
        let said = word.split_once('=').and_then(|(name, file)| Some((Architecture::from_name(name)?, file)));
        said.map_or_else(|| (None, PathBuf::from(word)), |(said, file)| (Some(said), file.into()))
    });
    let mut files: Vec<(Option<Architecture>, PathBuf)> = given.collect();
    if files.is_empty() {
        let own = std::env::current_exe().context("this program's own file is not known: give --binary FILE")?;
        files = beside(&own).into_iter().map(|path| (None, path)).collect();
    }
    for (said, path) in files {
        let binary =
            Binary::read(&path, said).context("this cannot be given to machines; --binary names another file")?;
        let is_twice = found.iter().any(|other| other.architecture == binary.architecture && *other != binary);
        ensure!(!is_twice || words.is_empty(), "two different programs are given for {}", binary.architecture.name());
        if !found.iter().any(|other| other.architecture == binary.architecture) {
            found.push(binary);
        }
    }
    found.sort_by_key(|binary| binary.architecture);
    Ok(found)
}

/// The programs of this release in the folder of this program, packed ones first, and this program itself where none is for its
/// architecture.
fn beside(own: &Path) -> Vec<PathBuf> {
    let folder = own.parent().unwrap_or(Path::new("/"));
    let mut found = Vec::new();
    for architecture in Architecture::ALL {
        let name = format!("shakedown-{}-{}", env!("CARGO_PKG_VERSION"), architecture.name());
        let places = [folder.join(format!("{name}.xz")), folder.join(name)];
        let own = (architecture.name() == std::env::consts::ARCH).then(|| own.to_owned());
        found.extend(places.into_iter().chain(own).find(|path| path.is_file()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_found_beside_the_program_and_stands_for_it() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let file = |name: &str| {
            let path = place.path().join(name);
            std::fs::write(&path, "").expect("a file");
            path
        };
        let own = file("shakedown");
        assert_eq!(beside(&own), std::slice::from_ref(&own));
        let version = env!("CARGO_PKG_VERSION");
        let other = file(&format!("shakedown-{version}-s390x"));
        assert_eq!(beside(&own), [own.clone(), other.clone()]);
        let same = file(&format!("shakedown-{version}-{}.xz", std::env::consts::ARCH));
        assert_eq!(beside(&own), [same, other]);
        file("shakedown-0.0.1-aarch64.xz");
        assert_eq!(beside(&own).len(), 2, "another version is another program");
    }
}
