//! Putting what was fetched once into the directory of each script that asked for it.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::unpack::make_directory;

/// Links the files of a tree below a directory, or copies them where links cannot be made. What stands in the way is replaced, and
/// nothing is written through a link.
pub(super) fn link_tree(from: &Path, to: &Path) -> io::Result<()> {
    make_directory(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        let is_directory = kind.is_dir();
        match fs::symlink_metadata(&target) {
            Ok(old) if old.is_dir() && is_directory => {}
            Ok(old) if old.is_dir() => fs::remove_dir_all(&target)?,
            Ok(_) => fs::remove_file(&target)?,
            Err(_) => {}
        }
        if is_directory {
            link_tree(&entry.path(), &target)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(entry.path())?, &target)?;
        } else if fs::hard_link(entry.path(), &target).is_err() {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_merged_and_leaves_by_no_link() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let path = |name: &str| root.path().join(name);
        for directory in ["from/a", "from/b", "to/a", "outside"] {
            fs::create_dir_all(path(directory)).expect("room");
        }
        fs::write(path("from/a/new"), "new").expect("room");
        fs::write(path("from/b/x"), "x").expect("room");
        fs::write(path("to/a/old"), "old").expect("room");
        std::os::unix::fs::symlink(path("outside"), path("to/b")).expect("a link");
        link_tree(&path("from"), &path("to")).expect("linked");
        link_tree(&path("from"), &path("to")).expect("again");
        let read = |name: &str| fs::read_to_string(path(name)).expect("it is there");
        assert_eq!([read("to/a/new"), read("to/a/old"), read("to/b/x")], ["new", "old", "x"]);
        assert_eq!(fs::read_dir(path("outside")).expect("it is there").count(), 0);
    }
}
