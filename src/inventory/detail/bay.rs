//! Where a disk sits: enclosure and slot, from SES, from the SAS transport, or from a RAID controller's driver.

use std::path::Path;

use super::super::survey::{Survey, storable};

/// Enclosure and slot of a SCSI device; empty where nobody knows.
pub(super) fn of(survey: &Survey<'_>, device: &Path) -> (String, String) {
    let found =
        by_enclosure(survey, device).or_else(|| by_transport(survey, device)).or_else(|| by_driver(survey, device));
    found.unwrap_or_default()
}

/// `device/enclosure_device:SLOT` leads to `/sys/class/enclosure/ENCLOSURE/SLOT`.
fn by_enclosure(survey: &Survey<'_>, device: &Path) -> Option<(String, String)> {
    let names = survey.names(device);
    let (link, slot) = names.iter().find_map(|name| Some((name, name.strip_prefix("enclosure_device:")?)))?;
    let target = survey.host.link(device.join(link)).unwrap_or_default();
    let enclosure = target.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    Some((enclosure.unwrap_or_default(), storable(slot)))
}

/// `…/end_device-0:0:3/sas_device/end_device-0:0:3/{enclosure,bay}_identifier`.
fn by_transport(survey: &Survey<'_>, device: &Path) -> Option<(String, String)> {
    let real = survey.host.real(device)?;
    let end = real
        .ancestors()
        .find(|place| place.file_name().is_some_and(|name| name.to_string_lossy().starts_with("end_device-")))?;
    let place = end.join("sas_device").join(end.file_name()?);
    // Both refuse to be read where the expander does not tell.
    let bay = survey.host.text(place.join("bay_identifier"))?;
    Some((survey.host.text(place.join("enclosure_identifier")).unwrap_or_default(), storable(bay)))
}

/// `path_info` of hpsa and smartpqi: `[1:0:3:0]  Direct-Access PORT: 1I BOX: 1 BAY: 4 Active`.
fn by_driver(survey: &Survey<'_>, device: &Path) -> Option<(String, String)> {
    let text = survey.host.text(device.join("path_info"))?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let after = |key: &str| words.iter().position(|word| *word == key).and_then(|place| words.get(place + 1)).copied();
    let bay = after("BAY:")?;
    let enclosure =
        [after("PORT:").map(|port| format!("port {port}")), after("BOX:").map(|number| format!("box {number}"))];
    Some((enclosure.into_iter().flatten().collect::<Vec<_>>().join(" "), storable(bay)))
}
