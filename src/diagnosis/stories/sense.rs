//! The meaning of a SCSI device's answers: sense data and results.

use crate::diagnosis::code::Code;
use crate::diagnosis::pattern::word;

/// The incident code of an additional sense text with its sense key; `None` if it is no fault or does not name one. Source: SPC-5
/// annex F, `drivers/scsi/sense_codes.h`.
pub(super) fn additional(key: &str, sense: &str) -> Option<Code> {
    let has = |part: &str| sense.contains(part);
    match () {
        () if has("(false)") || has("ata pass through information available") => None,
        () if has("failure prediction threshold exceeded") || has("impending failure") => {
            Some(Code::DiskPredictedFailure)
        }
        () if has("guard check failed") || has("tag check failed") => Some(Code::DiskProtectionError),
        () if has("specified temperature exceeded") => Some(Code::ThermalSensorHigh),
        () if key == "Recovered Error" => Some(Code::DiskRecoveredError),
        () if has("iucrc")
            || has("crc error")
            || has("nak received")
            || has("parity error")
            || has("information unit") =>
        {
            Some(Code::DiskLinkError)
        }
        () if key == "Aborted Command" => Some(Code::DiskIoError),
        () if key == "Not Ready"
            && (has("cause not reportable") || has("manual intervention") || has("hard reset")) =>
        {
            Some(Code::DiskIoError)
        }
        () if key == "Not Ready" && (has("does not respond") || has("communication failure")) => {
            Some(Code::DiskOffline)
        }
        () => None,
    }
}

/// The host byte of a result. Source: `include/scsi/scsi_status.h`.
pub(super) fn result(text: &str) -> Option<Code> {
    let (before, rest) = text.split_once("hostbyte=")?;
    let all = before.contains("FAILED");
    match word(rest) {
        "DID_NO_CONNECT" | "DID_BAD_TARGET" => Some(Code::DiskOffline),
        "DID_TIME_OUT" if all => Some(Code::DiskTimeout),
        "DID_PARITY" if all => Some(Code::DiskLinkError),
        "DID_ERROR" | "DID_SOFT_ERROR" | "DID_ABORT" | "DID_RESET" | "DID_BUS_BUSY" if all => Some(Code::DiskIoError),
        _ => None,
    }
}

/// `sde` of `8:64`. Source: Documentation/admin-guide/devices.txt.
pub(super) fn scsi_disk(number: &str) -> String {
    let parts = number
        .split_once(':')
        .and_then(|(major, minor)| Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?)));
    let Some((major, minor)) = parts else { return number.to_string() };
    let group = match major {
        8 => 0,
        65..=71 => major - 64,
        128..=135 => major - 120,
        _ => return number.to_string(),
    };
    let mut index = group * 16 + minor / 16;
    let mut letters = Vec::new();
    loop {
        letters.push(char::from(b'a' + u8::try_from(index % 26).unwrap_or(0)));
        if index < 26 {
            break;
        }
        index = index / 26 - 1;
    }
    format!("sd{}", letters.into_iter().rev().collect::<String>())
}
