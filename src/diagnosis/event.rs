//! Records of a BMC's event log as `ipmitool sel elist` would word them, so that there is one reader for both.
//!
//! Source: IPMI 2.0, 32.1 (record), 41 (event types), 42 (sensor types).

/// A record in words; `None` for what the maker alone understands.
#[must_use]
pub fn event_in_words(record: &[u8]) -> Option<String> {
    let record: &[u8; 16] = record.first_chunk()?;
    let [id_low, id_high, kind, t0, t1, t2, t3, .., sensor_type, number, direction, data1, data2, data3] = *record;
    if kind != 0x02 {
        return None;
    }
    let id = u16::from_le_bytes([id_low, id_high]);
    let (date, time) = date_and_time(u32::from_le_bytes([t0, t1, t2, t3]));
    let offset = data1 & 0x0f;
    let event = match direction & 0x7f {
        0x01 => threshold(offset)?.to_string(),
        0x0b => redundancy(offset)?.to_string(),
        kind @ (0x04 | 0x05 | 0x07 | 0x0a) => state(kind, offset)?.to_string(),
        0x6f => specific(sensor_type, offset, data2)?.to_string(),
        _ => return None,
    };
    let state = if direction & 0x80 == 0 { "Asserted" } else { "Deasserted" };
    let module = if sensor_type == 0x0c && data1 >> 4 & 3 != 0 && data3 != 0xff {
        format!(" | DIMM{data3}")
    } else {
        String::new()
    };
    Some(format!("{id:4x} | {date} | {time} | {} #0x{number:02x} | {event} | {state}{module}", sensor(sensor_type)?))
}

fn sensor(kind: u8) -> Option<&'static str> {
    Some(match kind {
        0x01 => "Temperature",
        0x02 => "Voltage",
        0x03 => "Current",
        0x04 => "Fan",
        0x07 => "Processor",
        0x08 => "Power Supply",
        0x09 => "Power Unit",
        0x0a => "Cooling Device",
        0x0b => "Other",
        0x0c => "Memory",
        0x0d => "Drive Slot / Bay",
        0x0f => "System Firmware Error",
        0x10 => "Event Logging Disabled",
        0x11 => "Watchdog1",
        0x12 => "System Event",
        0x13 => "Critical Interrupt",
        0x15 => "Module / Board",
        0x16 => "Microcontroller",
        0x17 => "Add-in Card",
        0x18 => "Chassis",
        0x19 => "Chip Set",
        0x1a => "Other FRU",
        0x1b => "Cable / Interconnect",
        0x20 => "OS Critical Stop",
        0x21 => "Slot / Connector",
        0x23 => "Watchdog2",
        0x28 => "Management Subsys Health",
        0x29 => "Battery",
        _ => return None,
    })
}

fn threshold(offset: u8) -> Option<&'static str> {
    Some(match offset {
        0x00 => "Lower Non-critical going low",
        0x02 => "Lower Critical going low",
        0x04 => "Lower Non-recoverable going low",
        0x07 => "Upper Non-critical going high",
        0x09 => "Upper Critical going high",
        0x0b => "Upper Non-recoverable going high",
        _ => return None,
    })
}

fn redundancy(offset: u8) -> Option<&'static str> {
    Some(match offset {
        0x01 => "Redundancy Lost",
        0x02 | 0x06 | 0x07 => "Redundancy Degraded",
        0x03..=0x05 => "Non-Redundant",
        _ => return None,
    })
}

/// Event types 04h, 05h, 07h and 0Ah: states without a number.
fn state(kind: u8, offset: u8) -> Option<&'static str> {
    Some(match (kind, offset) {
        (0x04, 0x01) => "Predictive Failure Asserted",
        (0x05, 0x01) => "Limit Exceeded",
        (0x07, 0x01) => "Transition to Non-critical from OK",
        (0x07, 0x02) => "Transition to Critical from less severe",
        (0x07, 0x03) => "Transition to Non-recoverable from less severe",
        (0x07, 0x06) => "Transition to Non-recoverable",
        (0x0a, 0x06) => "Transition to Degraded",
        (0x0a, 0x08) => "Install Error",
        _ => return None,
    })
}

/// Sensor type, offset and name of the events that report a fault (IPMI 2.0, table 42-3). Firmware errors have names of their own:
/// [`firmware_error`].
const SPECIFIC: [(u8, u8, &str); 77] = [
    (0x07, 0x0, "IERR"),
    (0x07, 0x1, "Thermal Trip"),
    (0x07, 0x2, "FRB1/BIST failure"),
    (0x07, 0x3, "FRB2/Hang in POST failure"),
    (0x07, 0x4, "FRB3/Processor startup/init failure"),
    (0x07, 0x5, "Configuration Error"),
    (0x07, 0x6, "SM BIOS Uncorrectable CPU-complex Error"),
    (0x07, 0xa, "Throttled"),
    (0x07, 0xb, "Uncorrectable machine check exception"),
    (0x07, 0xc, "Correctable machine check error"),
    (0x08, 0x1, "Failure detected"),
    (0x08, 0x2, "Predictive failure"),
    (0x08, 0x3, "Power Supply AC lost"),
    (0x08, 0x4, "AC lost or out-of-range"),
    (0x08, 0x5, "AC out-of-range, but present"),
    (0x08, 0x6, "Config Error"),
    (0x09, 0x2, "240VA power down"),
    (0x09, 0x3, "Interlock power down"),
    (0x09, 0x4, "AC lost"),
    (0x09, 0x5, "Soft-power control failure"),
    (0x09, 0x6, "Failure detected"),
    (0x09, 0x7, "Predictive failure"),
    (0x0c, 0x0, "Correctable ECC"),
    (0x0c, 0x1, "Uncorrectable ECC"),
    (0x0c, 0x2, "Parity"),
    (0x0c, 0x3, "Memory Scrub Failed"),
    (0x0c, 0x4, "Memory Device Disabled"),
    (0x0c, 0x5, "Correctable ECC logging limit reached"),
    (0x0c, 0x7, "Configuration Error"),
    (0x0c, 0x9, "Throttled"),
    (0x0c, 0xa, "Critical Overtemperature"),
    (0x0d, 0x1, "Drive Fault"),
    (0x0d, 0x2, "Predictive Failure"),
    (0x0d, 0x5, "In Critical Array"),
    (0x0d, 0x6, "In Failed Array"),
    (0x0d, 0x8, "Rebuild Aborted"),
    (0x10, 0x0, "Correctable memory error logging disabled"),
    (0x10, 0x6, "Correctable machine check error logging disabled"),
    (0x11, 0x0, "BIOS Reset"),
    (0x11, 0x1, "OS Reset"),
    (0x11, 0x2, "OS Shut Down"),
    (0x11, 0x3, "OS Power Down"),
    (0x11, 0x4, "OS Power Cycle"),
    (0x11, 0x5, "OS NMI/Diag Interrupt"),
    (0x11, 0x6, "OS Expired"),
    (0x12, 0x2, "Undetermined system hardware failure"),
    (0x13, 0x0, "NMI/Diag Interrupt"),
    (0x13, 0x1, "Bus Timeout"),
    (0x13, 0x2, "I/O Channel check NMI"),
    (0x13, 0x3, "Software NMI"),
    (0x13, 0x4, "PCI PERR"),
    (0x13, 0x5, "PCI SERR"),
    (0x13, 0x6, "EISA failsafe timeout"),
    (0x13, 0x7, "Bus Correctable error"),
    (0x13, 0x8, "Bus Uncorrectable error"),
    (0x13, 0x9, "Fatal NMI"),
    (0x13, 0xa, "Bus Fatal Error"),
    (0x13, 0xb, "Bus Degraded"),
    (0x19, 0x0, "Soft-power control failure"),
    (0x19, 0x1, "Thermal Trip"),
    (0x1b, 0x1, "Config Error"),
    (0x20, 0x0, "Error during system startup"),
    (0x20, 0x1, "Run-time critical stop"),
    (0x21, 0x0, "Fault Status"),
    (0x23, 0x0, "Timer expired"),
    (0x23, 0x1, "Hard reset"),
    (0x23, 0x2, "Power down"),
    (0x23, 0x3, "Power cycle"),
    (0x23, 0x8, "Timer interrupt"),
    (0x28, 0x0, "Sensor access degraded or unavailable"),
    (0x28, 0x1, "Controller access degraded or unavailable"),
    (0x28, 0x2, "Management controller off-line"),
    (0x28, 0x3, "Management controller unavailable"),
    (0x28, 0x4, "Sensor failure"),
    (0x28, 0x5, "FRU failure"),
    (0x29, 0x0, "Low"),
    (0x29, 0x1, "Failed"),
];

/// The name of an event of a type of sensor; `None` for one that reports no fault.
fn specific(kind: u8, offset: u8, data2: u8) -> Option<&'static str> {
    if (kind, offset) == (0x0f, 0x0) {
        return Some(firmware_error(data2));
    }
    SPECIFIC.iter().find(|(of, at, _)| (*of, *at) == (kind, offset)).map(|(_, _, name)| *name)
}

/// The second byte of an error of the firmware.
fn firmware_error(data2: u8) -> &'static str {
    match data2 {
        0x01 => "No system memory installed",
        0x02 => "No usable system memory",
        0x03 => "Unrecoverable IDE device failure",
        0x04 => "Unrecoverable system-board failure",
        0x05 => "Unrecoverable diskette failure",
        0x06 => "Unrecoverable hard-disk controller failure",
        0x07 => "Unrecoverable PS/2 or USB keyboard failure",
        0x08 => "Removable boot media not found",
        0x09 => "Unrecoverable video controller failure",
        0x0a => "No video device selected",
        0x0b => "BIOS corruption detected",
        0x0c => "CPU voltage mismatch",
        0x0d => "CPU speed mismatch failure",
        _ => "Unspecified",
    }
}

/// By the clock of the BMC; below 0x20000000 it counts from its own start.
fn date_and_time(seconds: u32) -> (String, String) {
    let (days, rest) = (i64::from(seconds / 86400), seconds % 86400);
    let time = format!("{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    // Days since 1970-01-01 to a date of the Gregorian calendar, whose years begin in March here.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (format!("{month:02}/{day:02}/{year}"), time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_the_specification_is_worded_as_ipmitool_words_it() {
        // 2026-11-29 18:02:31 UTC, memory, sensor 0x87, uncorrectable ECC, asserted, module 5.
        let time = 1_795_975_351_u32.to_le_bytes();
        let head =
            [0x60, 0, 0x02, time[0], time[1], time[2], time[3], 0x20, 0, 0x04, 0x0c, 0x87, 0x6f, 0xa1, 0xff, 0x05];
        assert_eq!(
            event_in_words(&head).as_deref(),
            Some("  60 | 11/29/2026 | 18:02:31 | Memory #0x87 | Uncorrectable ECC | Asserted | DIMM5")
        );
        assert_eq!(event_in_words(&head[..15]), None, "a torn record");
        assert_eq!(event_in_words(&[0xe0; 16]), None, "a maker's own record");
    }
}
