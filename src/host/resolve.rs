//! Looking up paths below an open directory: by the kernel (`openat2`, Linux 5.6), and step by step where it lacks that or a sandbox refuses
//! it: Ubuntu 18.04 has 4.15, RHEL 8 has 4.18, and qemu-user 7.2 knows no `openat2` either.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::OnceLock;

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// Most symbolic links on the way, as the kernel has it (`path_resolution(7)`).
const LINKS: u32 = 40;
/// Longest text of a symbolic link.
const LONGEST: usize = 4096;

/// The treatment of symbolic links and of `..` in a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Both stay inside, as if the directory were the machine's root.
    InRoot,
    /// A link on the way is an error (`ELOOP`), and so is a path that would leave the directory (`EXDEV`).
    Plain,
}

/// Opens the file or directory at a relative path.
pub(super) fn open(directory: BorrowedFd<'_>, inside: &OsStr, flags: OFlags, way: Way) -> rustix::io::Result<OwnedFd> {
    let resolve = match way {
        Way::InRoot => ResolveFlags::IN_ROOT,
        Way::Plain => ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS,
    };
    match rustix::fs::openat2(directory, inside, flags, Mode::empty(), resolve) {
        Err(Errno::NOSYS | Errno::PERM) if is_missing() => step_by_step(directory, inside, flags, way),
        opened => opened,
    }
}

/// True if the kernel has no `openat2` (`ENOSYS`) or a sandbox refuses the call (seccomp may answer `EPERM`). Tried once.
fn is_missing() -> bool {
    static MISSING: OnceLock<bool> = OnceLock::new();
    *MISSING.get_or_init(|| {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let asked = rustix::fs::openat2(CWD, "/", flags, Mode::empty(), ResolveFlags::empty());
        matches!(asked, Err(Errno::NOSYS | Errno::PERM))
    })
}

/// The open directories from the top to the present place of a look-up. `..` goes back in this list and is never opened, so that a
/// directory that is moved meanwhile leads nowhere else.
struct Walk<'a> {
    top: BorrowedFd<'a>,
    below: Vec<OwnedFd>,
}

impl Walk<'_> {
    fn here(&self) -> BorrowedFd<'_> {
        self.below.last().map_or(self.top, |directory| directory.as_fd())
    }
}

/// A part of a path that is not yet looked up.
#[derive(Clone, Debug)]
struct Part {
    name: OsString,
    /// True if a slash follows: the name has to be a directory, and a link is followed whatever the flags are.
    slash: bool,
}

fn parts(path: &OsStr) -> Vec<Part> {
    let bytes = path.as_bytes();
    let mut found: Vec<Part> = Vec::new();
    for piece in bytes.split_inclusive(|&byte| byte == b'/') {
        let (name, slash) = piece.strip_suffix(b"/").map_or((piece, false), |name| (name, true));
        match (name, found.last_mut()) {
            // A leading or a repeated slash.
            (b"", Some(last)) => last.slash = true,
            (b"", None) => {}
            _ => found.push(Part { name: OsStr::from_bytes(name).to_owned(), slash }),
        }
    }
    found
}

fn step_by_step(top: BorrowedFd<'_>, inside: &OsStr, flags: OFlags, way: Way) -> rustix::io::Result<OwnedFd> {
    if inside.is_empty() {
        return Err(Errno::NOENT);
    }
    if inside.as_bytes().starts_with(b"/") && way == Way::Plain {
        return Err(Errno::XDEV);
    }
    let mut left: VecDeque<Part> = parts(inside).into();
    let mut walk = Walk { top, below: Vec::new() };
    let mut links = 0;
    while let Some(part) = left.pop_front() {
        if part.name == "." {
            continue;
        }
        if part.name == ".." {
            if walk.below.pop().is_none() && way == Way::Plain {
                return Err(Errno::XDEV);
            }
            continue;
        }
        let seen = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let there = rustix::fs::openat(walk.here(), &part.name, seen, Mode::empty())?;
        let is_last = left.is_empty();
        match FileType::from_raw_mode(rustix::fs::fstat(&there)?.st_mode) {
            FileType::Symlink if is_last && !part.slash && flags.contains(OFlags::NOFOLLOW) => {
                return match (flags.contains(OFlags::PATH), flags.contains(OFlags::DIRECTORY)) {
                    (_, true) => Err(Errno::NOTDIR),
                    (true, false) => Ok(there),
                    (false, false) => Err(Errno::LOOP),
                };
            }
            FileType::Symlink if way == Way::Plain => return Err(Errno::LOOP),
            FileType::Symlink => {
                links += 1;
                if links > LINKS {
                    return Err(Errno::LOOP);
                }
                follow(&there, &part, &mut walk, &mut left)?;
            }
            FileType::Directory => walk.below.push(there),
            _ if !is_last || part.slash => return Err(Errno::NOTDIR),
            _ => return last(&walk, &part.name, there, flags),
        }
    }
    // The end is a directory on the walk.
    rustix::fs::openat(walk.here(), ".", flags - OFlags::NOFOLLOW, Mode::empty())
}

/// Puts the target of a link in front of the parts that are not yet looked up.
fn follow(link: &OwnedFd, part: &Part, walk: &mut Walk<'_>, left: &mut VecDeque<Part>) -> rustix::io::Result<()> {
    let mut target = [MaybeUninit::uninit(); LONGEST];
    let (target, _) = rustix::fs::readlinkat_raw(link, "", &mut target)?;
    if target.starts_with(b"/") {
        walk.below.clear();
    }
    let mut said = parts(OsStr::from_bytes(target));
    if let Some(end) = said.last_mut() {
        end.slash |= part.slash;
    }
    said.into_iter().rev().for_each(|part| left.push_front(part));
    Ok(())
}

/// Opens a file by the name that was just checked. A link put in its place meanwhile is an error and is not followed.
fn last(walk: &Walk<'_>, name: &OsStr, there: OwnedFd, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    match (flags.contains(OFlags::PATH), flags.contains(OFlags::DIRECTORY)) {
        (_, true) => Err(Errno::NOTDIR),
        (true, false) => Ok(there),
        (false, false) => rustix::fs::openat(walk.here(), name, flags | OFlags::NOFOLLOW, Mode::empty()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};

    use proptest::prelude::*;

    use super::*;

    fn opened(path: &Path) -> OwnedFd {
        rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).expect("a directory")
    }

    /// The path of an opened file, as the kernel names it (`/proc/self/fd`).
    fn told(opened: rustix::io::Result<OwnedFd>) -> Result<PathBuf, Errno> {
        opened.map(|file| std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).expect("an open file"))
    }

    fn tree() -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(home.path().join("secret"), "no").expect("write");
        let root = home.path().join("root");
        std::fs::create_dir_all(root.join("a/b/c")).expect("directories");
        std::fs::write(root.join("a/file"), "yes").expect("write");
        std::fs::write(root.join("a/b/file"), "yes").expect("write");
        let links = [
            ("a", "l"),
            ("/a/b", "m"),
            ("../../../secret", "a/out"),
            ("../..", "a/b/up"),
            ("file", "a/here"),
            ("../file/", "a/b/slash"),
            ("loop", "loop"),
            ("nowhere", "a/dangling"),
            ("/", "a/top"),
            ("l/b/../b", "n"),
            ("../a//b/./c/", "a/long"),
        ];
        for (target, link) in links {
            symlink(target, root.join(link)).expect("a link");
        }
        symlink(home.path(), root.join("a/absolute")).expect("a link");
        (home, root)
    }

    fn ways(names: &[usize], slashes: &[usize]) -> OsString {
        const NAMES: [&str; 18] = [
            "a", "b", "c", "file", "l", "m", "out", "up", "here", "slash", "loop", "dangling", "top", "n", "long",
            "absolute", ".", "..",
        ];
        const SLASHES: [&str; 3] = ["/", "//", "/./"];
        let mut path = String::new();
        for (name, slash) in names.iter().zip(slashes) {
            if !path.is_empty() {
                path += SLASHES[slash % 3];
            }
            path += NAMES[name % NAMES.len()];
        }
        if slashes[0] > 4 {
            path.push('/');
        }
        path.into()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]
        #[test]
        fn every_path_leads_where_the_kernel_leads(
            names in prop::collection::vec(0usize..18, 1..6),
            slashes in prop::collection::vec(0usize..6, 6),
            number in 0usize..6,
            plain: bool,
        ) {
            thread_local! { static TREE: (tempfile::TempDir, PathBuf) = tree(); }
            let flags = [
                OFlags::PATH,
                OFlags::PATH | OFlags::NOFOLLOW,
                OFlags::PATH | OFlags::DIRECTORY,
                OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW,
                OFlags::RDONLY | OFlags::NONBLOCK,
                OFlags::RDONLY | OFlags::DIRECTORY,
            ][number] | OFlags::CLOEXEC;
            let path = ways(&names, &slashes);
            let way = if plain { Way::Plain } else { Way::InRoot };
            if !is_missing() {
                let (kernel, own) = TREE.with(|(_, root)| {
                    let top = opened(root);
                    (told(open(top.as_fd(), &path, flags, way)), told(step_by_step(top.as_fd(), &path, flags, way)))
                });
                prop_assert_eq!(own, kernel, "{:?} {:?} {:?}", path, flags, way);
            }
        }
    }

    #[test]
    fn links_lead_nowhere_outside() {
        let (_home, root) = tree();
        let top = opened(&root);
        let look = |path: &str| step_by_step(top.as_fd(), OsStr::new(path), OFlags::RDONLY, Way::InRoot);
        assert!(look("a/out").is_err() && look("../secret").is_err() && look("a/absolute/secret").is_err());
        assert_eq!(told(look("m/up/a/here")).ok(), root.join("a/file").canonicalize().ok());
        assert_eq!(told(look("loop")), Err(Errno::LOOP));
    }
}
