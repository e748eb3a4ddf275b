//! Records of a BMC's event log as `ipmitool sel elist` would word them, so that there is one reader for both.
//!
//! Source: IPMI 2.0, 32.1 (record), 41 (event types), 42 (sensor types).

/// A record in words; `None` for what the maker alone understands.
#[must_use]
pub fn event_in_words(record: &[u8]) -> Option<String> {
    let record: &[u8; 16] = record.first_chunk()?;
    let [id_low, id_high, kind, t0, t1, t2, t3, .., sensor_type, number, direction, data1, _, data3] = *record;
    if kind != 0x02 {
        return None;
    }
    let id = u16::from_le_bytes([id_low, id_high]);
    let (date, time) = date_and_time(u32::from_le_bytes([t0, t1, t2, t3]));
    let offset = data1 & 0x0f;
    let event = match direction & 0x7f {
        0x01 => threshold(offset)?.to_string(),
        0x0b => redundancy(offset)?.to_string(),
        0x6f => specific(sensor_type, offset)?.to_string(),
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
        0x0c => "Memory",
        0x0d => "Drive Slot / Bay",
        0x10 => "Event Logging Disabled",
        0x13 => "Critical Interrupt",
        0x20 => "OS Critical Stop",
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
        0x02 => "Redundancy Degraded",
        0x05 => "Non-Redundant: Insufficient Resources",
        _ => return None,
    })
}

fn specific(kind: u8, offset: u8) -> Option<&'static str> {
    Some(match (kind, offset) {
        (0x07, 0x0) => "IERR",
        (0x07, 0x1) => "Thermal Trip",
        (0x07, 0xa) => "Throttled",
        (0x07, 0xb) => "Uncorrectable machine check exception",
        (0x07, 0xc) => "Correctable machine check error",
        (0x08, 0x1) | (0x09, 0x6) => "Failure detected",
        (0x08, 0x2) => "Predictive failure",
        (0x08, 0x3) => "Power Supply AC lost",
        (0x08, 0x4) => "AC lost or out-of-range",
        (0x08, 0x6) => "Config Error",
        (0x09, 0x5) => "Soft-power control failure",
        (0x0c, 0x0) => "Correctable ECC",
        (0x0c, 0x1) => "Uncorrectable ECC",
        (0x0c, 0x2) => "Parity",
        (0x0c, 0x5) => "Correctable ECC logging limit reached",
        (0x0c, 0xa) => "Critical Overtemperature",
        (0x0d, 0x1) => "Drive Fault",
        (0x0d, 0x2) => "Predictive Failure",
        (0x0d, 0x6) => "In Failed Array",
        (0x10, 0x0) => "Correctable memory error logging disabled",
        (0x13, 0x0) => "NMI/Diag Interrupt",
        (0x13, 0x4) => "PCI PERR",
        (0x13, 0x5) => "PCI SERR",
        (0x13, 0x7) => "Bus Correctable error",
        (0x13, 0x8) => "Bus Uncorrectable error",
        (0x13, 0xa) => "Bus Fatal Error",
        (0x20, 0x1) => "Run-time critical stop",
        (0x29, 0x1) => "Failed",
        _ => return None,
    })
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
