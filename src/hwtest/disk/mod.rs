//! Disks.
pub mod bench;
pub mod content;
pub mod course;
pub mod errno;
pub mod geometry;
pub mod histogram;
pub mod medium;
pub mod narrow;
pub mod pass;
pub mod plan;
pub mod scan;
pub mod zones;
