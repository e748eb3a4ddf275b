//! `shakedown diff`: what changed of a machine's hardware between two looks.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::format::Format;
use super::{answer, exit, help, state};
use crate::agent::sync::{Items, parse_items};
use crate::host::Host;
use crate::inventory::{
    Change, Inventory, Item, Kind, What, changes, changes_of_the_whole, collect_detail, device, items, open, uncompared,
};
use crate::report::table;

#[derive(Debug, clap::Args)]
#[command(after_help = help::DIFF)]
pub(super) struct Arguments {
    /// The earlier one: a snapshot, a copied tree, or what `shakedown inventory --format json` printed. Of snapshots take those with
    /// --keep-serials: others have serial numbers of their own
    #[arg(value_name = "OLD", required_unless_present = "last")]
    old: Option<PathBuf>,
    /// The later one
    #[arg(value_name = "NEW", required_unless_present = "last")]
    new: Option<PathBuf>,
    /// Compare this machine with what the region last took of it
    #[arg(long, conflicts_with_all = ["old", "new"])]
    last: bool,
    /// For people or for machines
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    state: state::Options,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let (old, new, whole) = match (&arguments.old, &arguments.new) {
        (Some(old), Some(new)) => {
            let (old, new) = (read(old)?, read(new)?);
            (items(&old), items(&new), changes_of_the_whole(&old, &new))
        }
        // The record of the last synchronization has the hardware alone.
        _ => (last(&arguments.state)?, items(&collect_detail(&Host::live())), Vec::new()),
    };
    let found = changes(&old, &new);
    let unread = uncompared(&old, &new);
    if arguments.format == Format::Json {
        let changes: Vec<Value> = whole.iter().map(document_of_the_whole).chain(found.iter().map(document)).collect();
        answer(&format!("{:#}", json!({"changes": changes, "unread": unread})))?;
        return Ok(exit::OK);
    }
    if !unread.is_empty() {
        complain!("shakedown: not compared, since it could not be read: {}", unread.join(", "));
    }
    if found.is_empty() && whole.is_empty() {
        answer("Nothing changed")?;
    } else {
        let of_the_whole = whole.iter().map(|what| columns(what, WHOLE.to_owned(), ends(what, None)));
        let rows: Vec<Vec<String>> = of_the_whole.chain(found.iter().map(row)).collect();
        answer(table(&["CHANGE", "DEVICE", "WHAT", "BEFORE", "AFTER"], &rows).trim_end())?;
    }
    Ok(exit::OK)
}

/// The device that names, numbers and firmware of the machine as a whole belong to.
const WHOLE: &str = "system";

/// The inventory of a machine in a file.
fn read(path: &Path) -> anyhow::Result<Inventory> {
    let shown = path.display();
    if path.is_file() {
        let file = File::open(path).with_context(|| format!("cannot read {shown}"))?;
        let mut reader = BufReader::new(file);
        let mut first = [0];
        let is_document = reader.read_exact(&mut first).is_ok() && first == *b"{";
        if is_document {
            let inventory: Inventory = serde_json::from_reader(first.as_slice().chain(reader))
                .with_context(|| format!("{shown} is no inventory as `shakedown inventory --format json` prints it"))?;
            anyhow::ensure!(
                inventory.form > 0,
                "{shown} is no inventory as `shakedown inventory --format json` prints it: it has no \"form\""
            );
            return Ok(inventory);
        }
    }
    let opened = open(path).with_context(|| format!("cannot read {shown}"))?;
    Ok(collect_detail(&opened.host))
}

fn last(state: &state::Options) -> anyhow::Result<Items> {
    let known = state.read()?.last_hardware()?;
    let known = known.and_then(|known| known.acknowledged).and_then(|text| parse_items(&text));
    known.context("no region has taken this machine's hardware yet: `shakedown sync` tells it")
}

fn row(change: &Change) -> Vec<String> {
    let device = if change.kind == Kind::Bmc { format!("bmc {}", device(change)) } else { device(change) };
    columns(&change.what, device, ends(&change.what, Some(change)))
}

fn columns(what: &What, device: String, (before, after): (String, String)) -> Vec<String> {
    let field = match what {
        What::Updated { field, .. } => field.clone(),
        What::Moved { .. } | What::PathLost { .. } | What::PathFound { .. } => "place".to_owned(),
        What::Renamed { .. } => "name".to_owned(),
        What::Added | What::Removed | What::Replaced => String::new(),
    };
    vec![what.word().to_owned(), device, field, before, after]
}

/// The values before and after; of an item that came or went, its label.
fn ends(what: &What, change: Option<&Change>) -> (String, String) {
    match what {
        What::Moved { from, to } | What::Renamed { from, to } => (from.clone(), to.clone()),
        What::Updated { before, after, .. } => (before.clone(), after.clone()),
        What::PathLost { place, .. } => (place.clone(), String::new()),
        What::PathFound { place, .. } => (String::new(), place.clone()),
        What::Added | What::Removed | What::Replaced => {
            let label =
                |end: fn(&Change) -> &Option<Item>| change.and_then(|it| end(it).as_ref()).map(|it| it.label.clone());
            (label(|it| &it.before).unwrap_or_default(), label(|it| &it.after).unwrap_or_default())
        }
    }
}

fn document(change: &Change) -> Value {
    json!({
        "kind": change.kind,
        "change": change.what.word(),
        "device": device(change),
        "what": change.what,
        "before": change.before,
        "after": change.after,
    })
}

fn document_of_the_whole(what: &What) -> Value {
    json!({"kind": WHOLE, "change": what.word(), "device": WHOLE, "what": what, "before": null, "after": null})
}
