//! The test of memory: as much of it as can be had without taking it from anybody, locked, written and read back.
//!
//! `limits` says how much there is, `plan` who tests what, `team` holds the memory and the threads, `course` is the order of the passes,
//! `figures` measures, `blame` says what wrong words point to. The loops themselves are in the crate of the kernels.

mod blame;
mod course;
mod figures;
mod limits;
mod load;
mod plan;
mod team;

pub use course::run;
