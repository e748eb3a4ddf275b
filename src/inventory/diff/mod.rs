//! What changed between two looks at a machine. Pure: two lists of items in, a list of changes out.
//!
//! `item` takes from an inventory what counts as hardware, with the places that `surroundings` tells; `known` tells by what an item is known,
//! `pairing` finds which is which, `change` compares, with the `paths` to disks; `text` says it in the region's words. `uncounted` is what was
//! on record and counts no longer; `whole` compares what is said of the machine itself.

mod change;
mod item;
mod known;
mod pairing;
mod paths;
mod surroundings;
mod text;
mod uncounted;
mod whole;

pub use change::{Change, What, changes, compare};
pub use item::{DiskPlace, Item, Items, Kind, items, items_with};
pub use text::{describe, device};
pub use uncounted::Uncounted;
pub use whole::changes_of_the_whole;
