//! Custom networking: the real program with a region in a box, on a machine whose network is a folder of files. The programs that change
//! it are fakes that tell of every call.
//!
//! * `applied`: scripts that get the networking they ask for, and those that do not.
//! * `killed`: the agent is killed at every single call of a program; the next start puts all back.

mod applied;
mod killed;
mod machine;
#[path = "../support/mod.rs"]
mod support;
