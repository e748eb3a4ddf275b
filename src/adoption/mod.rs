//! How the agent gets onto machines whose region nobody may change (contract ADOPTION).
//!
//! On the machine: `original` finds MAAS's runner among this program's ancestors, `takeover` hands over from it with two processes that
//! watch each other, one of them the `guardian`; `record` is what they both know, `next` what follows from how the agent ended, `evidence` what the journal says it did.
//!
//! In the region: `binary` the programs, `script` what takes over on each machine, `profiles` what machines are held against, `region` all of them put
//! there, and taken away again.

mod binary;
mod evidence;
mod guardian;
mod next;
mod original;
mod profiles;
mod record;
mod region;
mod script;
mod takeover;

pub use binary::{Architecture, Binary, of_file_name, sum};
pub use guardian::guard;
pub use original::Original;
pub use profiles::{CARRIER, Carried, Profiles, Refused};
pub use record::{Ending, Phase, Record};
pub use region::{Change, Present, SITE_SCRIPTS, Wanted, make, was_changed};
pub use takeover::{Error, Place, hand_over, watch};
