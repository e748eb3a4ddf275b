//! Talking to a MAAS region: the only place that speaks HTTP (contract REGION).
//!
//! [`Client`] makes one attempt and says in its [`Error`] what class of answer it met; [`persist`] repeats an attempt by
//! that class. [`Signal`] is a message to the region as data, so that it can be kept; `fit` says how it is
//! shortened to what the region takes; `archive` unpacks what the region hands out.

mod administration;
mod archive;
mod client;
mod credentials;
mod deployed;
mod enlist;
mod error;
mod event;
mod exchange;
mod file_part;
mod fit;
mod oauth;
mod options;
mod oversized;
mod presence;
mod refusal;
mod registration;
mod results;
mod retry;
mod signal;
mod version;

pub use administration::{LARGEST_FILE, StoredFile, StoredScript};
pub use archive::{ArchiveError, unpack};
pub use client::{Client, Fetched};
pub use credentials::{Credentials, Secret};
pub use deployed::{DeployedClient, DeployedSignal};
pub use enlist::{KnownMachine, NewMachine};
pub use error::{Disposition, Error};
pub use event::NodeEvent;
pub use file_part::{Content, FilePart};
pub use fit::{Slice, fit};
pub use options::ClientOptions;
pub use registration::MachineToken;
pub use results::{KeptResult, ListedMachine, ResultSet};
pub use retry::{Backoff, RetryOptions, persist};
pub use signal::{POWER_LABEL, ScriptReference, Signal, SignalStatus};
