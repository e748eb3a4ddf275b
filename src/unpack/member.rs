//! Where a member may go.

use std::path::{Component, Path, PathBuf};

/// The path of a member without `.`; refused when it leads anywhere but down.
///
/// # Errors
/// What is wrong with it, to be put after the member's name.
pub fn plain_path(member: &Path) -> Result<PathBuf, &'static str> {
    let mut plain = PathBuf::new();
    for part in member.components() {
        match part {
            Component::Normal(name) => plain.push(name),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return Err("has an absolute path"),
            Component::ParentDir => return Err("leaves the archive's directory"),
        }
    }
    Ok(plain)
}

/// Everything where its path says. The directory itself, as in `./`, is there already.
///
/// # Errors
/// As [`plain_path`], and for a file without a name.
pub fn inside(member: &Path, is_directory: bool) -> Result<Option<PathBuf>, &'static str> {
    let plain = plain_path(member)?;
    match plain.as_os_str().is_empty() {
        false => Ok(Some(plain)),
        true if is_directory => Ok(None),
        true => Err("is a file without a name"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_down_or_is_refused() {
        let at = |path: &str| inside(Path::new(path), false);
        assert_eq!(at("a/./b"), Ok(Some("a/b".into())));
        assert_eq!(at("a/..b"), Ok(Some("a/..b".into())));
        for outside in ["../x", "/etc/passwd", "a/../../x", "a/..", "", "."] {
            assert!(at(outside).is_err(), "{outside}");
        }
        assert_eq!(inside(Path::new("./"), true), Ok(None));
    }
}
