//! A document as a graph: what is written, with its tags, and aliases as edges.

use super::Fault;
use super::resolve::Tag;

/// Collections inside of each other that the region reads; 402 were read, and 501 were too many for its stack (REGION, corrections 2).
pub(super) const MAX_DEPTH: usize = 402;

/// A node's place in the graph.
pub(super) type Id = usize;

/// What stands at a node.
#[derive(Debug)]
pub(super) enum Content {
    Scalar(String),
    Sequence(Vec<Id>),
    /// Keys and values by turns.
    Mapping(Vec<Id>),
}

/// A node as written.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) tag: Tag,
    pub(super) content: Content,
    pub(super) line: usize,
}

/// What has been read, also before a fault.
#[derive(Default)]
pub(super) struct Graph {
    pub(super) items: Vec<Item>,
    pub(super) root: Option<Id>,
    pub(super) poison: Option<Fault>,
    /// There is more of it than is read.
    pub(super) is_too_much: bool,
}
