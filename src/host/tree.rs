//! Files below a root, so that a copied tree reads like a live machine: links are resolved inside the root and never lead
//! out of it (`resolve`). On a live machine paths are handed to the kernel as they are. All with as few
//! calls as can be: an inventory is little else than tens of thousands of them.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::buffer::spare_capacity;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;

use super::resolve::{self, Way};
use super::{Host, Seen};

/// Files larger than this are refused: nothing that the kernel shows comes near, and `pci.ids` is 1.4 MB.
const LARGEST: usize = 16 << 20;
/// What a file is expected to hold at least; the kernel's attributes are never longer. Nor is a path.
const PAGE: usize = 4096;
/// How often a path is looked up again that was changed during the look-up.
const ATTEMPTS: u32 = 1000;

/// The top of a copied tree.
#[derive(Debug)]
pub(super) struct Root {
    directory: OwnedFd,
    path: PathBuf,
}

impl Root {
    fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(CWD, path, flags, Mode::empty())?;
        Ok(Root { directory, path: std::fs::canonicalize(path)? })
    }
}

impl Host {
    /// The content of a regular file, links followed inside the root.
    ///
    /// # Errors
    /// When it is absent, unreadable, no regular file or unreasonably large.
    pub fn read(&self, absolute: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        let read = self.content(absolute.as_ref());
        self.note_read(absolute.as_ref(), &read, Seen::File);
        read
    }

    fn content(&self, absolute: &Path) -> io::Result<Vec<u8>> {
        self.noted_error(absolute)?;
        // Not blocking: a tree may hold a FIFO in the place of a file.
        let file = self.open(absolute, OFlags::RDONLY | OFlags::NONBLOCK)?;
        let mut page = [0; PAGE];
        let head = match rustix::io::retry_on_intr(|| rustix::io::read(&file, &mut page)) {
            Err(Errno::ISDIR) => return Err(not_regular()),
            read => &page[..read?],
        };
        // Nearly all files end before the page does, which one call tells. Those of /proc come in pieces.
        if !head.is_empty() && head.len() < PAGE && !absolute.starts_with("/proc") {
            return Ok(head.to_vec());
        }
        let stat = rustix::fs::fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(not_regular());
        }
        if head.is_empty() {
            return Ok(Vec::new());
        }
        read_on(&file, head, usize::try_from(stat.st_size).unwrap_or(usize::MAX))
    }

    /// A regular file, links followed inside the root, for one that is too long to be held whole.
    ///
    /// # Errors
    /// As for [`Host::read`].
    pub fn open_file(&self, absolute: impl AsRef<Path>) -> io::Result<File> {
        let absolute = absolute.as_ref();
        if self.is_recorded() {
            self.read(absolute)?;
        }
        self.noted_error(absolute)?;
        let file = self.open(absolute, OFlags::RDONLY | OFlags::NONBLOCK)?;
        let stat = rustix::fs::fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(not_regular());
        }
        if usize::try_from(stat.st_size).is_ok_and(|size| size <= LARGEST) { Ok(file.into()) } else { Err(too_large()) }
    }

    /// The names in a directory in byte-wise order.
    ///
    /// # Errors
    /// When it is absent, unreadable or no directory.
    pub fn names(&self, absolute: impl AsRef<Path>) -> io::Result<Vec<String>> {
        let names = self.entries(absolute.as_ref());
        self.note_read(absolute.as_ref(), &names, Seen::Directory);
        names
    }

    fn entries(&self, absolute: &Path) -> io::Result<Vec<String>> {
        self.noted_error(absolute)?;
        let directory = self.open(absolute, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut names = Vec::new();
        let mut buffer = [MaybeUninit::uninit(); 2 * PAGE];
        let mut entries = RawDir::new(directory, &mut buffer);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(String::from_utf8_lossy(name).into_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// What a symbolic link says, as it stands there; `None` when there is none.
    #[must_use]
    pub fn link(&self, absolute: impl AsRef<Path>) -> Option<PathBuf> {
        self.with_link(absolute.as_ref(), |target| Some(target.to_owned()))
    }

    /// The last part of what a symbolic link says, for example the name of a driver.
    #[must_use]
    pub fn link_name(&self, absolute: impl AsRef<Path>) -> Option<String> {
        self.with_link(absolute.as_ref(), |target| Some(target.file_name()?.to_string_lossy().into_owned()))
    }

    fn with_link<T>(&self, absolute: &Path, say: impl FnOnce(&Path) -> Option<T>) -> Option<T> {
        self.note_place(absolute);
        let mut target = [MaybeUninit::uninit(); PAGE];
        let (target, _) = if let Some((directory, name)) = self.parent(absolute) {
            rustix::fs::readlinkat_raw(&directory, name, &mut target)
        } else if self.is_live() {
            rustix::fs::readlinkat_raw(CWD, absolute, &mut target)
        } else {
            let link = self.open(absolute, OFlags::PATH | OFlags::NOFOLLOW).ok()?;
            rustix::fs::readlinkat_raw(link, "", &mut target)
        }
        .ok()?;
        say(Path::new(OsStr::from_bytes(target)))
    }

    /// The absolute path below the root with all links resolved; `None` when it leads nowhere.
    #[must_use]
    pub fn real(&self, absolute: impl AsRef<Path>) -> Option<PathBuf> {
        self.note_place(absolute.as_ref());
        if self.is_live() {
            // Without /proc, which in a chroot may be another machine's.
            return std::fs::canonicalize(absolute).ok();
        }
        let own = |file: BorrowedFd<'_>| std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok();
        let own = match self.nearest(absolute.as_ref()) {
            Some((entered, inside)) if inside == "." => own(entered.as_fd()),
            _ => own(self.open(absolute.as_ref(), OFlags::PATH).ok()?.as_fd()),
        }?;
        Some(Path::new("/").join(own.strip_prefix(&self.top().ok()?.path).ok()?))
    }

    /// Whether something of that name is there, be it a link that leads nowhere.
    #[must_use]
    pub fn has(&self, absolute: impl AsRef<Path>) -> bool {
        let absolute = absolute.as_ref();
        self.note_place(absolute);
        if let Some((directory, name)) = self.parent(absolute) {
            return rustix::fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW).is_ok();
        }
        if self.is_live() {
            return rustix::fs::lstat(absolute).is_ok();
        }
        self.open(absolute, OFlags::PATH | OFlags::NOFOLLOW).is_ok()
    }

    /// Whether it is a directory, links followed.
    #[must_use]
    pub fn is_directory(&self, absolute: impl AsRef<Path>) -> bool {
        self.note_place(absolute.as_ref());
        if self.is_live() {
            let stat = rustix::fs::stat(absolute.as_ref());
            return stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory);
        }
        self.open(absolute.as_ref(), OFlags::PATH | OFlags::DIRECTORY).is_ok()
    }

    /// Whether it is a directory itself and not a link to one.
    #[must_use]
    pub fn is_real_directory(&self, absolute: impl AsRef<Path>) -> bool {
        self.note_place(absolute.as_ref());
        self.open(absolute.as_ref(), OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW).is_ok()
    }

    pub(super) fn open(&self, absolute: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let flags = flags | OFlags::CLOEXEC;
        if let Some(opened) = self.open_near(absolute, flags) {
            return opened;
        }
        if self.is_live() {
            return Ok(rustix::fs::open(absolute, flags, Mode::empty())?);
        }
        let root = self.top()?;
        let inside = absolute.strip_prefix("/").unwrap_or(absolute);
        let inside = if inside.as_os_str().is_empty() { Path::new(".") } else { inside };
        for _ in 1..ATTEMPTS {
            // The kernel gives up, to be safe, on a path with ".." while anything on the machine is renamed or mounted.
            match resolve::open(root.directory.as_fd(), inside.as_os_str(), flags, Way::InRoot) {
                Err(Errno::AGAIN) => {}
                opened => return Ok(opened?),
            }
        }
        Err(io::Error::other("the machine's directories change too fast"))
    }

    /// The open top of a copied tree.
    fn top(&self) -> io::Result<&Root> {
        if let Some(root) = self.top.get() {
            return Ok(root);
        }
        let root = Root::open(&self.root)?;
        Ok(self.top.get_or_init(|| root))
    }
}

fn not_regular() -> io::Error {
    io::Error::other("not a regular file")
}

fn too_large() -> io::Error {
    io::Error::other("unreasonably large")
}

/// The rest of a file after what was read of it. Those of /proc do not tell how long they are.
fn read_on(file: &OwnedFd, head: &[u8], size: usize) -> io::Result<Vec<u8>> {
    // One byte more than the file says, so that its end is seen without growing.
    let mut bytes = Vec::with_capacity(size.clamp(head.len(), LARGEST) + 1);
    bytes.extend_from_slice(head);
    while size <= LARGEST && bytes.len() <= LARGEST {
        if bytes.len() == bytes.capacity() {
            bytes.reserve(bytes.len());
        }
        if rustix::io::retry_on_intr(|| rustix::io::read(file, spare_capacity(&mut bytes)))? == 0 {
            return Ok(bytes);
        }
    }
    Err(too_large())
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
    fn files_of_every_length_are_read_whole() {
        let root = tempfile::tempdir().expect("temporary directory");
        let host = Host::at(root.path());
        for length in [0, 1, PAGE - 1, PAGE, PAGE + 1, 10 * PAGE] {
            let content: Vec<u8> = (0..length).map(|place| place.to_le_bytes()[0]).collect();
            std::fs::write(root.path().join("file"), &content).expect("write");
            assert_eq!(host.read("/file").ok(), Some(content), "{length}");
        }
        let live = Host::live().read("/proc/self/environ").expect("our own environment");
        assert_eq!(live, std::fs::read("/proc/self/environ").expect("our own environment"));
        std::fs::File::create(root.path().join("huge")).and_then(|file| file.set_len(1 << 40)).expect("a hole");
        assert!(host.read("/huge").is_err());
    }

    #[test]
    fn what_is_no_regular_file_is_refused_without_waiting() {
        let root = tempfile::tempdir().expect("temporary directory");
        nix::unistd::mkfifo(&root.path().join("fifo"), nix::sys::stat::Mode::S_IRUSR).expect("a FIFO");
        assert!(Host::at(root.path()).read("/fifo").is_err());
    }
}
