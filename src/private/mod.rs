//! Directories that nobody but root and the effective user can change: what is kept in them is run, or believed, as root.

mod acl;
mod content;
mod exposure;
mod file;
mod lock;
mod remove;
mod shell;
mod stream;

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Component, Path, PathBuf};

use exposure::{Exposure, Scope, exposure};

pub use content::{Seen, Sum};
pub use file::{check_file, check_tree, open, output, regular};
pub use lock::{Taken, exclusive, wait_for};
pub use remove::remove;
pub use shell::word;
pub use stream::{is_stream, stream};

/// Most symbolic links on the way to a directory, as the kernel has it.
const LINKS: u32 = 40;

/// Why a file or directory cannot be trusted with what root keeps.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else can put files of their own into the place of ours.
    #[error(
        "{path} {why}, so somebody other than root could change what is kept there, or has made it: look at it first. Mend it with: {mend}"
    )]
    Exposed {
        /// The file or directory, or one above it.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
        /// A command that sets it right.
        mend: String,
    },
    /// The system does not say, or the directory cannot be made.
    #[error("{path}: {source}")]
    Unusable {
        /// The file or directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl Error {
    fn exposed(path: &Path, why: &Exposure, scope: Scope) -> Error {
        Error::Exposed { path: path.to_owned(), why: why.to_string(), mend: why.mend(path, scope) }
    }

    fn unusable(path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::Unusable { path, source }
    }
}

/// True if this is root, whom others may want to lead somewhere.
#[must_use]
pub fn is_root() -> bool {
    own() == 0
}

fn own() -> u32 {
    nix::unistd::geteuid().as_raw()
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

/// Checks that a directory and all above it belong to root or to the effective user, and that nobody else may write there, by mode or by
/// access control list. Above it, a directory such as `/tmp` may be written by all if it is sticky. Symbolic links on the way, and the
/// directories that those are in, have to belong to the same users.
///
/// # Errors
/// `Exposed` names the first on the way that others can change.
pub fn check(path: &Path) -> Result<(), Error> {
    let whole = std::path::absolute(path).map_err(Error::unusable(path))?;
    let mut left: VecDeque<OsString> = whole.components().skip(1).map(name).collect();
    let (mut real, mut links) = (PathBuf::from("/"), 0);
    loop {
        let scope = if left.is_empty() { Scope::Itself } else { Scope::Above };
        look(&real, scope)?;
        let Some(next) = left.pop_front() else { return Ok(()) };
        if next == ".." {
            real.pop();
            continue;
        }
        real.push(next);
        if !real.symlink_metadata().map_err(Error::unusable(&real))?.is_symlink() {
            continue;
        }
        look(&real, Scope::Above)?;
        links += 1;
        if links > LINKS {
            return Err(Error::Unusable { path: path.to_owned(), source: io::Error::other("too many symbolic links") });
        }
        let target = fs::read_link(&real).map_err(Error::unusable(&real))?;
        real.pop();
        if target.is_absolute() {
            real = PathBuf::from("/");
        }
        let target: Vec<OsString> = target
            .components()
            .filter(|part| !matches!(part, Component::RootDir | Component::CurDir))
            .map(name)
            .collect();
        target.into_iter().rev().for_each(|part| left.push_front(part));
    }
}

fn name(part: Component<'_>) -> OsString {
    part.as_os_str().to_owned()
}

fn look(path: &Path, scope: Scope) -> Result<(), Error> {
    let metadata = path.symlink_metadata().map_err(Error::unusable(path))?;
    if scope == Scope::Itself && !metadata.is_dir() {
        return Err(Error::Unusable { path: path.to_owned(), source: io::ErrorKind::NotADirectory.into() });
    }
    match exposure(path, &metadata, own(), scope).map_err(Error::unusable(path))? {
        Some(why) => Err(Error::exposed(path, &why, scope)),
        None => Ok(()),
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
        for (mode, mend) in [(0o777, "chmod -R go-w "), (0o702, "chmod -R go-w "), (0o1777, "mkdir -m 700 ")] {
            let (_home, path) = directory(mode);
            let error = check(&path).expect_err("others can write there").to_string();
            assert!(error.contains("can be written by everybody") && error.contains(mend), "{error}");
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

    #[test]
    fn an_access_control_list_that_lets_others_write_exposes() {
        use acl::tests::{set, with_nobody};
        let (_home, path) = directory(0o755);
        if !set(&path, false, &with_nobody(7, 7)) {
            // A file system without lists has nothing to refuse.
            return check(&path).expect("no list");
        }
        let mend = format!("Mend it with: setfacl -R -b {}", path.display());
        let error = check(&path).expect_err("nobody may write there").to_string();
        assert!(error.contains("user 65534") && error.contains(&mend), "{error}");
        assert!(check(&path.join("below")).is_err() && make(&path.join("below")).is_err());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("one's own directory");
        check(&path).expect("the mask lets nobody write");
        assert!(set(&path, true, &with_nobody(7, 7)), "a default list");
        let error = check(&path).expect_err("what is made there is nobody's to write").to_string();
        assert!(error.contains("default") && error.contains(&mend), "{error}");
        assert!(set(&path, true, &with_nobody(5, 7)), "a default list");
        check(&path).expect("reading exposes nothing");
    }

    #[test]
    fn the_way_through_links_is_checked_where_the_links_are() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let (public, kept) = (home.path().join("public"), home.path().join("kept"));
        fs::create_dir(&public).expect("a directory");
        fs::create_dir(&kept).expect("a directory");
        std::os::unix::fs::symlink("../kept", public.join("link")).expect("a link");
        check(&public.join("link")).expect("all of it is the own");
        std::os::unix::fs::symlink(public.join("link"), home.path().join("first")).expect("a link");
        fs::set_permissions(&public, fs::Permissions::from_mode(0o777)).expect("one's own directory");
        for path in [public.join("link"), home.path().join("first")] {
            let error = check(&path).expect_err("the link can be replaced").to_string();
            assert!(error.contains("public can be written by everybody"), "{error}");
        }
        std::os::unix::fs::symlink("round", home.path().join("round")).expect("a link");
        assert!(matches!(check(&home.path().join("round")), Err(Error::Unusable { .. })));
    }
}
