//! What lets others change a file or directory, and the command that ends it.

use std::fmt;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::acl::{self, Writer};
use super::shell;

/// Permission to write, for the group and for others.
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;
/// In a directory with this bit, files can be renamed and deleted by their owners only.
const STICKY: u32 = 0o1000;

/// The object that is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// A directory, or a link, on the way to the one that is meant.
    Above,
    /// The directory that is meant.
    Itself,
    /// Something in it.
    File,
}

/// A way in which others can change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exposure {
    Link(u32),
    Owner(u32),
    /// The bits of the mode.
    Everybody,
    /// Everybody may write there, in a place for everybody's files.
    Public,
    Group(u32),
    /// Its access control list.
    Listed(Writer),
    /// The list that what is made in it begins with.
    Inherited(Writer),
}

impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exposure::Link(owner) => write!(f, "is a symbolic link of user {owner}"),
            Exposure::Owner(owner) => write!(f, "belongs to user {owner}"),
            Exposure::Everybody | Exposure::Public => f.write_str("can be written by everybody"),
            Exposure::Group(group) => write!(f, "can be written by group {group}"),
            Exposure::Listed(who) => write!(f, "can be written by {} through its access control list", Who(*who)),
            Exposure::Inherited(who) => {
                write!(f, "gives {} the right to write what is made in it (its default access control list)", Who(*who))
            }
        }
    }
}

struct Who(Writer);

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Writer::User(id) => write!(f, "user {id}"),
            Writer::Group(id) => write!(f, "group {id}"),
            Writer::OwningGroup => f.write_str("its group"),
            Writer::Everybody => f.write_str("everybody"),
        }
    }
}

impl Exposure {
    /// A command that sets it right. Of a directory that is meant, and for a file, it goes for all that is in there: what else another user
    /// left would stay theirs.
    pub(super) fn mend(&self, path: &Path, scope: Scope) -> String {
        let (directory, all) = match scope {
            Scope::Above => (path, ""),
            Scope::Itself => (path, "-R "),
            Scope::File => (path.parent().unwrap_or(path), "-R "),
        };
        let shown = shell::word(directory);
        match self {
            Exposure::Link(_) => format!("rm {}", shell::word(path)),
            Exposure::Owner(_) => {
                let owner = if super::is_root() { "root" } else { "\"$USER\"" };
                format!("chown {all}{owner} {shown} && chmod {all}go-w {shown}")
            }
            Exposure::Everybody | Exposure::Group(_) => format!("chmod {all}go-w {shown}"),
            Exposure::Public => format!("mkdir -m 700 {}, and use that", shell::word(&path.join("shakedown"))),
            Exposure::Listed(_) | Exposure::Inherited(_) => format!("setfacl {all}-b {shown}"),
        }
    }
}

/// The ways in which users other than root and `own` can change something that has this metadata, without following a link.
pub(super) fn exposure(path: &Path, metadata: &Metadata, own: u32, scope: Scope) -> io::Result<Option<Exposure>> {
    let (owner, mode) = (metadata.uid(), metadata.mode());
    let is_theirs = owner != 0 && owner != own;
    if metadata.is_symlink() {
        return Ok(is_theirs.then_some(Exposure::Link(owner)));
    }
    if is_theirs {
        return Ok(Some(Exposure::Owner(owner)));
    }
    let is_sticky = metadata.is_dir() && mode & STICKY != 0;
    if scope == Scope::Above && is_sticky {
        return Ok(None);
    }
    // A user's own group, as Debian gives everybody one, holds nobody else.
    let is_own = |group: u32| group == 0 || (own != 0 && group == own);
    let is_other = |writer: &Writer| match *writer {
        Writer::User(id) => id != 0 && id != own,
        Writer::Group(id) => !is_own(id),
        Writer::OwningGroup => !is_own(metadata.gid()),
        Writer::Everybody => true,
    };
    if mode & OTHERS_WRITE != 0 {
        let is_public = is_sticky && scope == Scope::Itself;
        return Ok(Some(if is_public { Exposure::Public } else { Exposure::Everybody }));
    }
    let by_access = match acl::writers(path)? {
        // The bits of the group are the mask of the list then.
        Some(writers) => writers.into_iter().find(is_other).map(Exposure::Listed),
        None => (mode & GROUP_WRITES != 0 && !is_own(metadata.gid())).then_some(Exposure::Group(metadata.gid())),
    };
    if by_access.is_some() || scope == Scope::Above || !metadata.is_dir() {
        return Ok(by_access);
    }
    Ok(acl::future_writers(path)?.into_iter().find(is_other).map(Exposure::Inherited))
}
