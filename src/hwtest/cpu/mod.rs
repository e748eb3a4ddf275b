//! The test of processors: work whose answers are known from other code, on every processor that this process may use.
//!
//! `course` is the order of the phases, `tally` what each processor did, `judge` what follows from all tallies. The work itself is in the
//! crate of the kernels.

mod clock;
mod course;
mod judge;
mod tally;

pub use course::run;
