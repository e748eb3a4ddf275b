//! What changed between two looks at a machine. Pure: two lists of items in, a list of changes out.
//!
//! `item` takes from an inventory what counts as hardware, `known` tells by what an item
//! is known, `pairing` finds which is which, `change` compares, `text` says it in the region's words.

mod change;
mod item;
mod known;
mod pairing;
mod surroundings;
mod text;
mod uncounted;

pub use change::{Change, What, changes, compare};
pub use item::{DiskPlace, Item, Items, Kind, items, items_with};
pub use text::{describe, device};
pub use uncounted::Uncounted;
