//! What changed between two looks at a machine. Pure: two lists of items in, a list of changes out.
//!
//! `item` takes from an inventory what counts as hardware, `change` compares, `text` says it in the region's words.

mod change;
mod item;
mod text;

pub use change::{Change, What, changes};
pub use item::{Item, Kind, items};
pub use text::{describe, device};
