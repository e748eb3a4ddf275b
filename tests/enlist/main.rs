//! A machine that the region does not know: the real program against the sandbox over real HTTP, on machines whose network interfaces
//! lie in a tree.

mod interrupted;
mod lost;
mod machine;
mod new;
mod reboot;
mod secrets;
#[path = "../support/mod.rs"]
mod support;
