//! What a machine keeps of its own runs, and what that is good for: a specification of the journal with the real program
//! against a region in a box, over real HTTP.
//!
//! A module a subject; [`harness`] has the machine, its agent, the region and the scripts.

mod harness;

mod alone;
mod audit;
mod away;
mod bmc;
mod damaged;
mod evidence;
mod full;
mod gaps;
mod interrupted;
#[path = "../support/left_out.rs"]
mod left_out;
mod migrated;
mod query;
mod refused;
mod results;
mod retention;
mod secrets;
mod status;
mod tampered;
mod together;
mod unheard;
mod unusable;
