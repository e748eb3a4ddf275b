//! Commands of ATA drives that a drive may decline without a loss of data.

/// For a line that names a command: true if a drive may decline that, since it reads and writes no data of the medium; else `None`.
///
/// SET FEATURES, SMART, IDENTIFY DEVICE, logs, power, security, host protected area, configuration. Source: ACS-3, 7;
/// `drivers/ata/libata-eh.c` (names of commands).
pub(super) fn may_be_declined(text: &str) -> Option<bool> {
    const CODES: [&str; 22] = [
        "ef", "b0", "b1", "b4", "ec", "2f", "47", "3f", "57", "f5", "f8", "27", "f9", "37", "e0", "e1", "e2", "e3",
        "e6", "10", "91", "c6",
    ];
    const NAMES: [&str; 18] = [
        "SET FEATURES",
        "SMART",
        "DEVICE CONFIGURATION OVERLAY",
        "SANITIZE DEVICE",
        "IDENTIFY DEVICE",
        "READ LOG EXT",
        "READ LOG DMA EXT",
        "WRITE LOG EXT",
        "WRITE LOG DMA EXT",
        "SECURITY ",
        "READ NATIVE MAX",
        "SET MAX",
        "STANDBY",
        "IDLE",
        "SLEEP",
        "RECALIBRATE",
        "INITIALIZE DEVICE PARAMETERS",
        "SET MULTIPLE MODE",
    ];
    if let Some((_, name)) = text.split_once(": failed command: ") {
        return Some(NAMES.iter().any(|known| name.starts_with(known)));
    }
    let (_, command) = text.split_once(": cmd ")?;
    Some(command.get(2..3) == Some("/") && CODES.contains(&command.get(..2)?))
}

/// True for a result or an error register with the bit ABRT alone: `res 51/04:…`, `error: { ABRT }`.
pub(super) fn is_abort_alone(text: &str) -> bool {
    let register = text.split_once("res ").and_then(|(_, rest)| rest.get(2..6));
    register == Some("/04:") || text.ends_with("error: { ABRT }")
}
