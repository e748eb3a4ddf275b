//! Shakedown: the agent that a MAAS region drives on a machine while it is commissioned, tested and watched.
pub mod agent;
pub mod cli;
pub mod config;
pub mod disk;
pub mod event;
pub mod host;
pub mod inventory;
pub mod journal;
pub mod netplan;
pub mod process;
pub mod region;
pub mod report;
pub mod runner;
pub mod sandbox;
pub mod script;
pub mod telemetry;
pub mod yaml;
