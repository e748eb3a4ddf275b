//! `shakedown inventory`: the machine in depth, for people and machines.

mod changed;
mod machine;
mod page;
mod section;
mod topic;

use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::Value;

use super::events::since;
use super::format::Format;
use super::resources::Machine;
use super::{answer_whole, exit, gap, help, state};
use crate::host::Host;
use crate::inventory::{Bmc, Inventory, collect_detail, schema};
use topic::Topic;

#[derive(Debug, clap::Args)]
#[command(after_help = help::INVENTORY)]
pub(super) struct Arguments {
    /// Only this topic
    #[arg(value_name = "TOPIC", value_enum)]
    topic: Option<Topic>,
    /// Only the device whose name, address, slot or identity this is, with all that is known of it
    #[arg(value_name = "DEVICE", requires = "topic")]
    device: Option<String>,
    /// For people or for machines
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Print the JSON Schema of `--format json` and nothing else
    #[arg(long)]
    schema: bool,
    /// What changed on this machine since then, from its event log: a time (2026-11-20T10:00:00Z), a date, or a span back from now
    /// (2h, 3d). `shakedown sync` keeps that log
    #[arg(long, value_name = "TIME", value_parser = since, conflicts_with_all = ["topic", "schema", "root"])]
    changed_since: Option<Timestamp>,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    state: state::Options,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    if arguments.schema {
        return print(schema());
    }
    if let Some(time) = arguments.changed_since {
        return print(&changed::since(time, &arguments.state, arguments.format == Format::Json)?);
    }
    let machine = arguments.machine.open()?;
    let inventory = collect_detail(&machine.host);
    gap::tell(&machine.host, &inventory.gaps, &arguments.state);
    let value = serde_json::to_value(&inventory).context("cannot write the inventory as JSON")?;
    let text = match (arguments.topic, &arguments.device, arguments.format) {
        (Some(topic), Some(name), format) => device(&inventory, &value, topic, name, format)?,
        (None, _, Format::Json) => pretty(&value),
        (Some(topic), None, Format::Json) => pretty(&topic.part_of(&value)),
        (topic, _, Format::Table) => tables(&inventory, &value, topic, &machine.host),
    };
    print(&text)
}

/// The table of a BMC, as `shakedown bmc` prints it.
pub(super) fn bmc_page(bmc: Bmc) -> anyhow::Result<String> {
    let inventory = Inventory { bmc: Some(bmc), ..Inventory::default() };
    Ok(tables(&inventory, &serde_json::to_value(&inventory)?, Some(Topic::Bmc), &Host::live()))
}

pub(super) fn print(text: &str) -> anyhow::Result<u8> {
    answer_whole(text)?;
    Ok(exit::OK)
}

pub(super) fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Prints all that is known of one device.
fn device(inventory: &Inventory, value: &Value, topic: Topic, name: &str, format: Format) -> anyhow::Result<String> {
    let found = topic.find(value, name).with_context(|| {
        format!("there is no {name} in this topic; `shakedown inventory {topic}` lists what there is")
    })?;
    if format == Format::Json {
        return Ok(pretty(found));
    }
    let identity = found["identity"].as_str().unwrap_or_default();
    let findings = inventory.findings.iter().filter(|finding| !identity.is_empty() && finding.device == identity);
    Ok(page::page(topic, name, found, findings.map(|finding| finding.text.as_str())))
}

/// The text for a topic without devices: "not known" for a copied machine that lacks the files of the topic.
fn nothing(topic: Topic, host: &Host) -> String {
    let is_plain_copy = !host.has_kernel();
    match topic.source().filter(|source| is_plain_copy && !host.has(source)) {
        Some(source) => format!("not known: the copy holds no {source}"),
        None => topic.nothing().to_owned(),
    }
}

fn tables(inventory: &Inventory, value: &Value, topic: Option<Topic>, host: &Host) -> String {
    let topics = Topic::ALL.into_iter().filter(|one| topic.is_none_or(|wanted| wanted == *one));
    topics
        .map(|topic| section::print(&topic.to_string(), &nothing(topic, host), &topic.sections(inventory, value)))
        .collect::<Vec<_>>()
        .join("\n")
}
