//! `shakedown bmc`: the machine's BMC as firmware, kernel and the BMC itself tell of it. Nothing in it is changed.

use serde_json::json;

use super::format::Format;
use super::inventory::{bmc_page, pretty, print};
use super::resources::Machine;
use super::{gap, help, state};
use crate::inventory::collect_bmc;

#[derive(Debug, clap::Args)]
#[command(after_help = help::BMC)]
pub(super) struct Arguments {
    /// For people or for machines
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    state: state::Options,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let machine = arguments.machine.open()?;
    let found = collect_bmc(&machine.host);
    gap::tell(&machine.host, &found.gaps, &arguments.state);
    match (arguments.format, found.value) {
        (Format::Json, bmc) => print(&pretty(&json!({"bmc": bmc, "gaps": found.gaps}))),
        (Format::Table, Some(bmc)) => {
            let has_no_lan = bmc.lan.is_empty() && !bmc.devices.is_empty();
            print(&bmc_page(bmc)?)?;
            print(if has_no_lan { "\nno connection to a network is known\n" } else { "" })
        }
        (Format::Table, None) => {
            print("this machine has no BMC: neither SMBIOS nor the kernel (/sys/class/ipmi, /dev/ipmi*) tells of one\n")
        }
    }
}
