//! The files in which a site sets something.

use std::path::{Path, PathBuf};

use super::Error;

/// Where the file is if [`VARIABLE`] names no other.
const PATH: &str = "/etc/shakedown/config.toml";
const VARIABLE: &str = "SHAKEDOWN_CONFIG";
/// The folder of drop-ins, beside the file.
const DROP_INS: &str = "config.d";

/// The file and its drop-ins, in their order.
pub(super) fn files() -> Result<Vec<(PathBuf, String)>, Error> {
    let named = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = named.clone().unwrap_or_else(|| PATH.into());
    let folder = path.with_file_name(DROP_INS);
    let is_absent = |error: &std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
    let mut files = Vec::new();
    match std::fs::read_to_string(&path) {
        Ok(text) => files.push((path, text)),
        Err(error) if is_absent(&error) && named.is_none() => {}
        Err(source) => return Err(Error::Read { path, source }),
    }
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>(),
        Err(error) if is_absent(&error) || error.kind() == std::io::ErrorKind::NotADirectory => Ok(Vec::new()),
        Err(error) => Err(error),
    };
    let mut drop_ins = entries.map_err(|source| Error::Read { path: folder, source })?;
    drop_ins.retain(|path| is_drop_in(path));
    drop_ins.sort();
    for path in drop_ins {
        match std::fs::read_to_string(&path) {
            Ok(text) => files.push((path, text)),
            Err(source) => return Err(Error::Read { path, source }),
        }
    }
    Ok(files)
}

/// Not what editors and package managers leave beside one.
fn is_drop_in(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".toml") && !name.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drop_ins_are_not_what_editors_leave() {
        let is = |name: &str| is_drop_in(&Path::new("/etc/shakedown/config.d").join(name));
        assert!(
            is("10-site.toml") && !is("10-site.toml~") && !is(".10-site.toml.swp") && !is(".x.toml") && !is("README")
        );
    }
}
