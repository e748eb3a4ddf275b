//! From what was looked at to what has to stand in a copied tree: the links on the way to it, and itself.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::{Node, Nodes};
use crate::host::{Host, Seen};

/// More links on one way than this lead nowhere, as for the kernel.
const MOST_LINKS: u32 = 40;

/// The nodes of a copied tree in which everything that was seen is seen again, and the errors of what could not be read.
pub(super) fn nodes(host: &Host, seen: BTreeMap<PathBuf, Seen>) -> (Nodes, BTreeMap<PathBuf, i32>) {
    let mut walk = Walk { host, nodes: Nodes::new() };
    let mut errors = BTreeMap::new();
    for (path, seen) in seen {
        let Some(place) = walk.follow(&path, 0) else { continue };
        match seen {
            Seen::File(content) => drop(walk.nodes.insert(place, Node::File(content))),
            Seen::Directory(names) => {
                walk.directory(&place);
                for name in names {
                    walk.entry(&place.join(name));
                }
            }
            Seen::Place => walk.entry(&place),
            Seen::Error(number) => {
                walk.entry(&place);
                errors.insert(path, number);
            }
        }
    }
    (walk.nodes, errors)
}

struct Walk<'a> {
    host: &'a Host,
    nodes: Nodes,
}

impl Walk<'_> {
    /// Keeps the directories and links of a path; its end with all links resolved, if it is there.
    fn follow(&mut self, path: &Path, links: u32) -> Option<PathBuf> {
        let mut place = PathBuf::from("/");
        let mut rest = path.components().peekable();
        while let Some(component) = rest.next() {
            let name = match component {
                Component::Normal(name) => name,
                Component::ParentDir => {
                    place.pop();
                    continue;
                }
                _ => continue,
            };
            let next = place.join(name);
            self.directory(&place);
            if let Some(target) = self.link(&next) {
                if links >= MOST_LINKS {
                    return None;
                }
                // An absolute target takes the place of all before it.
                place = self.follow(&place.join(target), links + 1)?;
            } else if self.nodes.contains_key(&next) || self.host.has(&next) {
                place = next;
            } else {
                return None;
            }
            if rest.peek().is_some() {
                self.directory(&place);
            }
        }
        Some(place)
    }

    /// The target of a link, which is kept. `/proc/self` is another process in every snapshot: a directory here.
    fn link(&mut self, place: &Path) -> Option<PathBuf> {
        match self.nodes.get(place) {
            Some(Node::Link(target)) => return Some(target.clone()),
            Some(_) => return None,
            None if place == Path::new("/proc/self") => return None,
            None => {}
        }
        let target = self.host.link(place)?;
        self.nodes.insert(place.to_owned(), Node::Link(target.clone()));
        Some(target)
    }

    fn directory(&mut self, place: &Path) {
        if place != Path::new("/") {
            self.nodes.entry(place.to_owned()).or_insert(Node::Directory);
        }
    }

    /// Keeps that something is there, and what kind of thing it is.
    fn entry(&mut self, place: &Path) {
        if place == Path::new("/") || self.nodes.contains_key(place) || self.link(place).is_some() {
            return;
        }
        if self.host.is_real_directory(place) {
            self.directory(place);
        } else if self.host.has(place) {
            self.nodes.insert(place.to_owned(), Node::File(Vec::new()));
        }
    }
}
