//! What the disks of a machine can be tested with: identities and capabilities, no health.

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::model::{Protocol, Report};
use super::plan::{Test, obstacle};
use super::reading::Reading;
use super::smartctl::{Error, Smartctl};
use super::target::{Disks, Target};

const TESTS: [Test; 4] = [Test::Validate, Test::Short, Test::Long, Test::Conveyance];

/// A disk and its tests.
#[derive(Clone, Debug)]
pub struct Surveyed {
    /// The disk, with what the drive says of itself where the kernel knows less.
    pub target: Target,
    /// What it can be tested with.
    pub tests: Vec<Test>,
    /// Why it cannot be tested at all; empty if it can.
    pub obstacle: String,
}

/// Asks every disk, all at once. Without smartctl the disks that the kernel knows are told.
pub async fn survey(smartctl: &Result<Smartctl, Error>, disks: &Disks, cancel: &CancellationToken) -> Vec<Surveyed> {
    let program = match smartctl {
        Ok(program) => program,
        Err(error) => {
            return disks.targets.iter().map(|target| untestable(target.clone(), error.to_string())).collect();
        }
    };
    let known = join_all(disks.targets.iter().map(|target| ask(program, target.clone(), cancel)));
    let members = async {
        let found = disks.behind_controllers(program, cancel).await.unwrap_or_default();
        join_all(found.into_iter().map(|target| ask(program, target, cancel))).await
    };
    let (mut surveyed, members) = tokio::join!(known, members);
    for member in members {
        if !is_shown(program, disks, Some(&member.target.disk.serial), cancel).await {
            surveyed.push(member);
        }
    }
    surveyed
}

/// Whether the disk with this serial number, which was found behind a RAID controller, is one that the kernel shows and that tells of its
/// health there, too. A volume may go by the serial number of the disk behind it and still let no question through.
pub(super) async fn is_shown(
    smartctl: &Smartctl,
    disks: &Disks,
    serial: Option<&str>,
    cancel: &CancellationToken,
) -> bool {
    let Some(known) = disks.known(serial) else { return false };
    let reading = Reading::first(smartctl, &mut known.clone(), &Reading::IDENTITY, cancel).await;
    reading.is_ok_and(|reading| has_smart(&reading.report))
}

fn untestable(target: Target, obstacle: impl Into<String>) -> Surveyed {
    Surveyed { target, tests: Vec::new(), obstacle: obstacle.into() }
}

async fn ask(smartctl: &Smartctl, mut target: Target, cancel: &CancellationToken) -> Surveyed {
    let report = match Reading::first(smartctl, &mut target, &Reading::IDENTITY, cancel).await {
        Ok(reading) => reading.report,
        Err(error) => return untestable(target, error.to_string()),
    };
    let fill = |known: &mut String, told: &Option<String>| {
        if known.is_empty() {
            *known = told.clone().unwrap_or_default();
        }
    };
    fill(&mut target.disk.model, &report.identity.model);
    fill(&mut target.disk.serial, &report.identity.serial);
    if target.disk.size == 0 {
        target.disk.size = report.identity.capacity.unwrap_or(0);
    }
    if !has_smart(&report) {
        let said = report.call.messages.join("; ");
        return untestable(target, if said.is_empty() { "it has no SMART".to_owned() } else { said });
    }
    let can = |test: &&Test| test.kind().is_none_or(|kind| obstacle(kind, &report).is_none());
    Surveyed { target, tests: TESTS.iter().filter(can).copied().collect(), obstacle: String::new() }
}

/// Before 7.3 smartctl says nothing of NVMe drives' SMART, which they all have.
fn has_smart(report: &Report) -> bool {
    report.support.available.unwrap_or(report.protocol == Some(Protocol::Nvme))
}
