//! Files below a root, so that a copied tree reads like a live machine: links are resolved inside the root and never lead
//! out of it (`openat2` with `RESOLVE_IN_ROOT`).

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags};

use super::Host;

/// Files larger than this are refused: nothing that the kernel shows comes near, and `pci.ids` is 1.4 MB.
const LARGEST: u64 = 16 << 20;

impl Host {
    /// The content of a regular file, links followed inside the root.
    ///
    /// # Errors
    /// When it is absent, unreadable, no regular file or unreasonably large.
    pub fn read(&self, absolute: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        // Not blocking: a tree may hold a FIFO in the place of a file.
        let file = self.open(absolute.as_ref(), OFlags::RDONLY | OFlags::NONBLOCK)?;
        let kind = rustix::fs::fstat(&file).map(|stat| FileType::from_raw_mode(stat.st_mode))?;
        if kind != FileType::RegularFile {
            return Err(io::Error::other("not a regular file"));
        }
        let mut bytes = Vec::new();
        File::from(file).take(LARGEST + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LARGEST { Err(io::Error::other("unreasonably large")) } else { Ok(bytes) }
    }

    /// The names in a directory in byte-wise order.
    ///
    /// # Errors
    /// When it is absent, unreadable or no directory.
    pub fn names(&self, absolute: impl AsRef<Path>) -> io::Result<Vec<String>> {
        let directory = self.open(absolute.as_ref(), OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut names = Vec::new();
        for entry in Dir::new(directory)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// What a symbolic link says, as it stands there; `None` when there is none.
    #[must_use]
    pub fn link(&self, absolute: impl AsRef<Path>) -> Option<PathBuf> {
        let (directory, name) = self.parent(absolute.as_ref())?;
        let target = rustix::fs::readlinkat(directory, name, Vec::new()).ok()?;
        Some(PathBuf::from(OsString::from_vec(target.into_bytes())))
    }

    /// The last part of what a symbolic link says, for example the name of a driver.
    #[must_use]
    pub fn link_name(&self, absolute: impl AsRef<Path>) -> Option<String> {
        Some(self.link(absolute)?.file_name()?.to_string_lossy().into_owned())
    }

    /// The absolute path below the root with all links resolved; `None` when it leads nowhere.
    #[must_use]
    pub fn real(&self, absolute: impl AsRef<Path>) -> Option<PathBuf> {
        use std::os::fd::AsRawFd;
        let file = self.open(absolute.as_ref(), OFlags::PATH).ok()?;
        let own = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()?;
        let root = std::fs::canonicalize(&self.root).ok()?;
        Some(Path::new("/").join(own.strip_prefix(&root).ok()?))
    }

    /// Whether something of that name is there, be it a link that leads nowhere.
    #[must_use]
    pub fn has(&self, absolute: impl AsRef<Path>) -> bool {
        self.parent(absolute.as_ref())
            .is_some_and(|(directory, name)| rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).is_ok())
    }

    /// Whether it is a directory, links followed.
    #[must_use]
    pub fn is_directory(&self, absolute: impl AsRef<Path>) -> bool {
        self.open(absolute.as_ref(), OFlags::PATH | OFlags::DIRECTORY).is_ok()
    }

    /// Whether it is a directory itself and not a link to one.
    #[must_use]
    pub fn is_real_directory(&self, absolute: impl AsRef<Path>) -> bool {
        self.open(absolute.as_ref(), OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW).is_ok()
    }

    fn parent(&self, absolute: &Path) -> Option<(OwnedFd, OsString)> {
        let directory = self.open(absolute.parent()?, OFlags::PATH | OFlags::DIRECTORY).ok()?;
        Some((directory, absolute.file_name()?.to_owned()))
    }

    fn open(&self, absolute: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let flags = flags | OFlags::CLOEXEC;
        if self.is_live() {
            return Ok(rustix::fs::open(absolute, flags, Mode::empty())?);
        }
        let root = rustix::fs::openat(CWD, &self.root, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        let inside = absolute.strip_prefix("/").unwrap_or(absolute);
        let inside = if inside.as_os_str().is_empty() { Path::new(".") } else { inside };
        // The kernel asks to try again when anything on the machine was renamed or mounted meanwhile.
        let mut tries = 0;
        loop {
            match rustix::fs::openat2(&root, inside, flags, Mode::empty(), ResolveFlags::IN_ROOT) {
                Err(rustix::io::Errno::AGAIN) if tries < 1000 => tries += 1,
                other => return Ok(other?),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_stay_inside_the_root() {
        let outside = tempfile::tempdir().expect("temporary directory");
        std::fs::write(outside.path().join("secret"), "no").expect("write");
        let root = tempfile::tempdir().expect("temporary directory");
        let at = |name: &str| root.path().join(name);
        std::fs::create_dir(at("d")).expect("directory");
        std::fs::write(at("d/file"), "yes").expect("write");
        symlink("/d/file", at("absolute")).expect("link");
        symlink("../../../d/file", at("d/climbing")).expect("link");
        symlink(outside.path().join("secret"), at("escaping")).expect("link");
        symlink("nowhere", at("dangling")).expect("link");
        let host = Host::at(root.path());
        assert_eq!(host.read("/absolute").ok().as_deref(), Some(&b"yes"[..]));
        assert_eq!(host.read("/d/climbing").ok().as_deref(), Some(&b"yes"[..]));
        assert!(host.read("/escaping").is_err());
        assert_eq!(host.real("/absolute"), Some(PathBuf::from("/d/file")));
        assert_eq!(host.link_name("/absolute").as_deref(), Some("file"));
        assert!(host.has("/dangling") && host.real("/dangling").is_none());
        assert_eq!(host.names("/").expect("readable"), ["absolute", "d", "dangling", "escaping"]);
        assert!(host.is_directory("/d") && !host.is_directory("/absolute"));
    }

    #[test]
    fn what_is_no_regular_file_is_refused_without_waiting() {
        let root = tempfile::tempdir().expect("temporary directory");
        nix::unistd::mkfifo(&root.path().join("fifo"), nix::sys::stat::Mode::S_IRUSR).expect("a FIFO");
        assert!(Host::at(root.path()).read("/fifo").is_err());
    }
}
