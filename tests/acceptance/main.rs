//! Acceptance: is this the machine that was ordered?
//!
//! * `seeded`: one change of a machine, one deviation; `fixtures`: so on recorded machines.
//! * `meant`: what operators write, and what they mean by it.
//! * `learnt`: what is learnt from a machine accepts it.
//! * `fetch`: the inventories of a region.
//! * `ocp`: the judgement in the form of OCP Test & Validation.
//! * `program`: `shakedown accept` as people and scripts call it, `script`: as a region does; `siblings`: `shakedown compare`.

#[path = "../support/schema.rs"]
mod checker;
mod fetch;
mod fixtures;
mod learnt;
#[path = "../support/left_out.rs"]
mod left_out;
mod meant;
mod ocp;
#[path = "../support/ocp.rs"]
mod ocp_schema;
mod program;
mod ranges;
mod script;
mod seeded;
mod server;
#[path = "../resources/shared.rs"]
mod shared;
mod siblings;
