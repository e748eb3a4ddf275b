//! How the agent gets onto machines whose region nobody may change (contract ADOPTION).
//!
//! On the machine: `original` finds MAAS's runner among this program's ancestors, `takeover` hands over from it with two processes that
//! watch each other, `record` is what they both know, `next` what follows from how the agent ended, `evidence` what the journal says it did.
mod evidence;
mod next;
mod original;
mod record;
mod takeover;

pub use original::Original;
pub use record::{Ending, Phase, Record};
pub use takeover::{Error, Place, guard, hand_over, watch};
