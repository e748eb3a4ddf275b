//! Files in directories that are root's alone: what is believed is the own, and what scripts left is read without following them elsewhere.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use nix::libc;

use super::exposure::{Scope, exposure};
use super::{Error, check, is_root, own};

/// Checks a file that this program believes: a regular one, which belongs to root or to the effective user, and which nobody else may write.
/// True if it is there.
///
/// # Errors
/// `Exposed` when others have made it or can change it, `Unusable` when it is something else.
pub fn check_file(path: &Path) -> Result<bool, Error> {
    let metadata = match path.symlink_metadata() {
        Ok(metadata) => metadata,
        Err(error) if is_absent(&error) => return Ok(false),
        Err(source) => return Err(Error::Unusable { path: path.to_owned(), source }),
    };
    if let Some(why) = exposure(path, &metadata, own(), Scope::File).map_err(Error::unusable(path))? {
        return Err(Error::exposed(path, &why, Scope::File));
    }
    regular_or(&metadata).map_err(Error::unusable(path))?;
    Ok(true)
}

/// Opens a file that this program believes, checked as [`check_file`] does.
///
/// # Errors
/// As of [`check_file`]; `Unusable` also when there is none.
pub fn open(path: &Path) -> Result<File, Error> {
    check_file(path)?;
    regular(path).map_err(Error::unusable(path))
}

/// Opens a file to read what a script left in it, whatever has come into its place: neither a link is followed, nor a pipe waited for.
///
/// # Errors
/// The system's, or that there is something else than a regular file.
pub fn regular(path: &Path) -> io::Result<File> {
    let flags = libc::O_NONBLOCK | libc::O_NOFOLLOW | libc::O_NOCTTY;
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = opened.map_err(|error| match error.raw_os_error() {
        Some(libc::ELOOP) => io::Error::other("it is a symbolic link, which is not followed"),
        _ => error,
    })?;
    regular_or(&file.metadata()?)?;
    Ok(file)
}

/// Opens a file for whoever looks by hand at a run: root does not read in a place where another user decides what is read.
///
/// # Errors
/// As of [`regular`], or that others can change the directory of the file.
pub fn output(path: &Path) -> io::Result<File> {
    if let (true, Some(directory)) = (is_root(), path.parent()) {
        check(directory).map_err(|error| match error {
            Error::Unusable { source, .. } => source,
            exposed @ Error::Exposed { .. } => io::Error::new(io::ErrorKind::PermissionDenied, exposed),
        })?;
    }
    regular(path)
}

/// Checks a directory with all that is in it, however deep: what is run from it is believed.
///
/// # Errors
/// As of [`check`].
pub fn check_tree(path: &Path) -> Result<(), Error> {
    check(path)?;
    let mut open = vec![path.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).map_err(Error::unusable(&directory))? {
            let path = entry.map_err(Error::unusable(&directory))?.path();
            let metadata = path.symlink_metadata().map_err(Error::unusable(&path))?;
            if let Some(why) = exposure(&path, &metadata, own(), Scope::File).map_err(Error::unusable(&path))? {
                return Err(Error::exposed(&path, &why, Scope::File));
            }
            if metadata.is_dir() {
                open.push(path);
            }
        }
    }
    Ok(())
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn regular_or(metadata: &Metadata) -> io::Result<()> {
    match metadata.file_type() {
        kind if kind.is_file() => Ok(()),
        kind if kind.is_symlink() => Err(io::Error::other("it is a symbolic link, which is not followed")),
        kind if kind.is_dir() => Err(io::Error::from_raw_os_error(libc::EISDIR)),
        _ => Err(io::Error::other("it is no regular file")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
    use std::path::PathBuf;

    use super::*;

    fn file(mode: u32) -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().expect("a temporary directory");
        let path = home.path().join("kept");
        fs::write(&path, "kept").expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("one's own file");
        (home, path)
    }

    #[test]
    fn only_a_regular_file_that_nobody_else_may_write_is_believed() {
        let (home, path) = file(0o644);
        assert!(
            check_file(&path).expect("others may only read")
                && !check_file(&home.path().join("none")).expect("no file")
        );
        open(&path).expect("it is there");
        let (_home, path) = file(0o666);
        let error = open(&path).expect_err("others can write it").to_string();
        assert!(error.contains("can be written by everybody"), "{error}");
        for special in ["link", "directory"] {
            let path = home.path().join(special);
            let _ = if special == "link" { symlink(home.path().join("kept"), &path) } else { fs::create_dir(&path) };
            assert!(matches!(open(&path), Err(Error::Unusable { .. })), "{special}");
            assert!(regular(&path).is_err(), "{special}");
        }
    }

    #[test]
    fn what_another_user_made_is_not_believed_and_the_command_gives_root_all_of_it() {
        if !is_root() {
            return;
        }
        let (home, path) = file(0o600);
        chown(&path, Some(65534), None).expect("root may");
        let mend = format!("chown -R root {0} && chmod -R go-w {0}", home.path().display());
        let error = open(&path).expect_err("it is another's").to_string();
        assert!(error.contains("belongs to user 65534") && error.contains(&mend), "{error}");
        check(home.path()).expect("the directory is root's");
        check_tree(home.path()).expect_err("what is in it is not");
        regular(&path).expect("what is only read may be anybody's");
    }

    #[test]
    fn root_reads_no_output_where_others_decide_what_is_read() {
        if !is_root() {
            return;
        }
        let (home, path) = file(0o600);
        output(&path).expect("root's own");
        assert_eq!(output(&home.path().join("none/x")).expect_err("nothing").kind(), io::ErrorKind::NotFound);
        chown(home.path(), Some(65534), None).expect("root may");
        assert_eq!(output(&path).expect_err("another's").kind(), io::ErrorKind::PermissionDenied);
    }
}
