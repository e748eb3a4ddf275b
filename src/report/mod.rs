//! What was found out, for people and machines. Pure: results in, text out.

mod table;

pub use table::{bytes, span, table};
