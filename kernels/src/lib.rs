//! Loops that work hardware hard, for the tests of Shakedown. All `unsafe` code for memory and vector instructions lives here, each block
//! with the reason why it holds. What is exported is safe to call.
//!
//! Which instructions a processor has is found when the program runs ([`Isa`]), so one binary serves all machines.

pub mod cpu;
mod isa;
pub mod memory;
mod piece;
pub mod place;
mod same;

pub use isa::Isa;
pub use piece::{Piece, Refusal};
pub use same::same;
