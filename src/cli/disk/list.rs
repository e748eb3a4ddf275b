//! `shakedown disk list`.

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Format, Machine};
use crate::cli::{answer, exit};
use crate::disk::{Surveyed, Test, survey};
use crate::report::{bytes, table};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// For people or for machines
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    machine: Machine,
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let smartctl = arguments.machine.smartctl();
    let disks = survey(&smartctl, &arguments.machine.disks()?, &CancellationToken::new()).await;
    match arguments.format {
        Format::Json => {
            let disks: Vec<Value> = disks.iter().map(document).collect();
            answer(&format!("{:#}", json!({"disks": disks})))?;
        }
        Format::Table if disks.is_empty() => answer("This machine has no disk that could be tested.")?,
        Format::Table => {
            let rows: Vec<Vec<String>> = disks.iter().map(row).collect();
            answer(table(&["DEVICE", "TYPE", "MODEL", "SERIAL", "SIZE", "TESTS"], &rows).trim_end())?;
        }
    }
    if let Err(error) = smartctl {
        complain!("shakedown: {error}; {}", error.next_step());
    }
    Ok(exit::OK)
}

fn words(tests: &[Test]) -> Vec<&'static str> {
    tests.iter().map(|test| test.name()).collect()
}

fn row(disk: &Surveyed) -> Vec<String> {
    let size = if disk.target.disk.size == 0 { "-".to_owned() } else { bytes(disk.target.disk.size) };
    let tests = if disk.tests.is_empty() { format!("none: {}", disk.obstacle) } else { words(&disk.tests).join(" ") };
    let shown = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    let target = &disk.target;
    vec![
        target.name.clone(),
        shown(&target.disk.kind),
        shown(&target.disk.model),
        shown(&target.disk.serial),
        size,
        tests,
    ]
}

fn document(disk: &Surveyed) -> Value {
    let target = &disk.target;
    json!({
        "device": target.name,
        "smartctl_device": target.address.words(),
        "type": target.disk.kind,
        "identity": target.disk.identity,
        "model": target.disk.model,
        "serial": target.disk.serial,
        "size": target.disk.size,
        "tests": words(&disk.tests),
        "obstacle": disk.obstacle,
    })
}
