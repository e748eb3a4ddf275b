//! Watching a deployed machine: the real program, a region in a box, real news of this machine's kernel where there are any, and a
//! machine in a tree that can be changed where there are none.

#[path = "../support/mod.rs"]
mod support;

mod drives;
mod kernel;
mod machine;
mod program;
mod unit;
