//! One reading of a drive.

use tokio_util::sync::CancellationToken;

use super::model::{Protocol, Report};
use super::smartctl::{Address, Error, Smartctl};
use super::target::Target;

/// What a drive said.
#[derive(Debug)]
pub struct Reading {
    /// As values.
    pub report: Report,
    /// As smartctl prints it for people.
    pub text: String,
    /// As smartctl printed it.
    pub json: String,
}

impl Reading {
    /// All that is known of a drive.
    pub const EVERYTHING: [&str; 1] = ["-x"];
    /// The same, unless the drive would have to be woken for it.
    pub const UNLESS_ASLEEP: [&str; 3] = ["-n", "standby", "-x"];
    /// Who the drive is, and what it can do.
    pub const IDENTITY: [&str; 2] = ["-i", "-c"];

    /// Reads a drive.
    ///
    /// # Errors
    /// When smartctl gives no answer that could be used.
    pub async fn of(
        smartctl: &Smartctl,
        address: &Address,
        arguments: &[&str],
        cancel: &CancellationToken,
    ) -> Result<Self, Error> {
        let reply = smartctl.ask(address, arguments, cancel).await?;
        Ok(Reading { report: reply.report()?, text: reply.text(), json: reply.json })
    }

    /// Reads a drive whose type smartctl has to find out. A SATA drive behind a translation may look like a SCSI drive without SMART
    /// until it is asked in its own language; that is kept then.
    ///
    /// # Errors
    /// When smartctl gives no answer that could be used.
    pub async fn first(
        smartctl: &Smartctl,
        target: &mut Target,
        arguments: &[&str],
        cancel: &CancellationToken,
    ) -> Result<Self, Error> {
        let first = Reading::of(smartctl, &target.address, arguments, cancel).await?;
        let report = &first.report;
        let is_silent = report.protocol == Some(Protocol::Scsi) && report.support.available != Some(true);
        if target.address.kind.is_some() || !is_silent || report.status.passed.is_some() {
            return Ok(first);
        }
        let address = Address { kind: Some("sat".to_owned()), ..target.address.clone() };
        match Reading::of(smartctl, &address, arguments, cancel).await {
            Ok(translated) if translated.report.support.available == Some(true) => {
                target.address = address;
                Ok(translated)
            }
            Err(Error::Cancelled) => Err(Error::Cancelled),
            _ => Ok(first),
        }
    }
}
