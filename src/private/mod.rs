//! Directories that nobody but root and the effective user can change: what is kept in them is run, or believed, as root.

mod lock;
mod remove;

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

pub use lock::{Taken, exclusive, wait_for};
pub use remove::remove;

/// Permission to write, for the group and for others.
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;
/// In a directory with this bit, files can be renamed and deleted by their owners only.
const STICKY: u32 = 0o1000;

/// Why a directory cannot be trusted with what root keeps.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else can put files of their own into the place of ours.
    #[error("{directory} {why}, so somebody other than root could change what is kept below it. Mend it with: {mend}")]
    Exposed {
        /// The directory, or one above it.
        directory: PathBuf,
        /// What is wrong with it.
        why: String,
        /// A command that sets it right.
        mend: String,
    },
    /// The system does not say, or the directory cannot be made.
    #[error("{path}: {source}")]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// Files that this program or a script makes can be written by their owner alone, whatever the caller's mask was; what is secret is made with
/// less from the start. Writing beyond a limit of file size is an error to be told, and no reason to die (`SIGXFSZ`): for that a runtime has
/// to be there.
pub fn settle_masks() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let beyond_the_limit = tokio::signal::unix::SignalKind::from_raw(nix::sys::signal::Signal::SIGXFSZ as i32);
    // From now on it is caught for as long as the process lives, and does nothing.
    if let Err(error) = tokio::signal::unix::signal(beyond_the_limit) {
        tracing::debug!(%error, "SIGXFSZ cannot be caught");
    }
}

/// Makes a directory with all parents, for its owner alone, and checks it as [`check`] does.
///
/// # Errors
/// `Unusable` when it cannot be made, `Exposed` when others can change it.
pub fn make(path: &Path) -> Result<(), Error> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| Error::Unusable { path: path.to_owned(), source })?;
    check(path)
}

/// Checks that a directory and all above it belong to root or to the effective user, and that nobody else may write there. Above it, a
/// directory such as `/tmp` may be written by all if it is sticky. Symbolic links on the way have to belong to the same users.
///
/// # Errors
/// `Exposed` names the first directory that others can change.
pub fn check(path: &Path) -> Result<(), Error> {
    let unusable = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Unusable { path, source }
    };
    let own = nix::unistd::geteuid().as_raw();
    for link in path.ancestors().filter(|part| part.is_symlink()) {
        let owner = fs::symlink_metadata(link).map_err(unusable(link))?.uid();
        if owner != 0 && owner != own {
            return Err(exposed(link, format!("is a symbolic link of user {owner}"), format!("rm {}", link.display())));
        }
    }
    let real = fs::canonicalize(path).map_err(unusable(path))?;
    for directory in real.ancestors() {
        let metadata = fs::metadata(directory).map_err(unusable(directory))?;
        if let Some(why) = exposure(&metadata, own, directory != real) {
            let owner = if own == 0 { "root" } else { "\"$USER\"" };
            let shown = directory.display();
            return Err(exposed(directory, why, format!("chown {owner} {shown} && chmod go-w {shown}")));
        }
    }
    Ok(())
}

fn exposed(directory: &Path, why: String, mend: String) -> Error {
    Error::Exposed { directory: directory.to_owned(), why, mend }
}

/// What lets others change a directory.
fn exposure(metadata: &fs::Metadata, own: u32, is_above: bool) -> Option<String> {
    let (owner, mode) = (metadata.uid(), metadata.mode());
    if owner != 0 && owner != own {
        return Some(format!("belongs to user {owner}"));
    }
    if is_above && mode & STICKY != 0 {
        return None;
    }
    // A user's own group, as Debian gives everybody one, holds nobody else.
    let is_own_group = metadata.gid() == 0 || (own != 0 && metadata.gid() == own);
    match (mode & OTHERS_WRITE != 0, mode & GROUP_WRITES != 0 && !is_own_group) {
        (true, _) => Some("can be written by everybody".to_owned()),
        (_, true) => Some(format!("can be written by group {}", metadata.gid())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn directory(mode: u32) -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().expect("a temporary directory");
        let path = home.path().join("kept");
        fs::create_dir(&path).expect("a directory");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("one's own directory");
        (home, path)
    }

    #[test]
    fn what_others_may_write_is_no_place_for_what_root_believes() {
        for mode in [0o777, 0o1777, 0o702] {
            let (_home, path) = directory(mode);
            let error = check(&path).expect_err("others can write there").to_string();
            assert!(error.contains("can be written by everybody") && error.contains("chmod go-w"), "{error}");
        }
        let (_home, path) = directory(0o755);
        check(&path).expect("others may only look");
    }

    #[test]
    fn what_lies_below_a_place_that_others_may_write_is_theirs_unless_it_is_sticky() {
        let (_home, path) = directory(0o777);
        assert!(make(&path.join("storage")).is_err());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o1777)).expect("one's own directory");
        make(&path.join("storage")).expect("as below /tmp");
    }

    #[test]
    fn what_belongs_to_another_user_is_exposed() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let (home, path) = directory(0o755);
        std::os::unix::fs::chown(&path, Some(65534), None).expect("root may");
        let error = check(&path).expect_err("it is another's").to_string();
        assert!(error.contains("belongs to user 65534"), "{error}");
        let link = home.path().join("link");
        std::os::unix::fs::symlink(home.path(), &link).expect("a link");
        check(&link).expect("root's own link");
        std::os::unix::fs::lchown(&link, Some(65534), None).expect("root may");
        let error = check(&link).expect_err("it can be pointed elsewhere").to_string();
        assert!(error.contains("symbolic link of user 65534"), "{error}");
    }
}
