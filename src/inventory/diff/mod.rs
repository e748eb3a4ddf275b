//! What changed between two looks at a machine. Pure: two lists of items in, a list of changes out.
//!
//! `item` and `disks` take from an inventory what counts as hardware, with the places that `surroundings` tells; `known` tells by what an item is known,
//! `pairing` finds which is which, `change` compares, with the `paths` to disks; `text` says it in the region's words. `uncounted` is what was
//! on record and counts no longer; `whole` compares what is said of the machine itself. `earlier` knows how
//! earlier releases recorded items, and `rest` the list of memory modules that was cut off.

mod change;
mod disks;
mod earlier;
mod item;
mod known;
mod pairing;
mod paths;
mod rest;
mod surroundings;
mod text;
mod uncounted;
mod whole;

pub use change::{Change, What, changes, compare};
pub use earlier::is_of_an_earlier_form;
pub use item::{DiskPlace, Item, Items, Kind, items, items_with};
pub use rest::uncompared;
pub use text::{describe, device};
pub use uncounted::Uncounted;
pub use whole::changes_of_the_whole;
