//! The temperatures that an ATA drive logged, in smartctl's text: a row each, and one for those that repeat the row before it.

use crate::disk::loose::leading_number;
use crate::disk::model::{READINGS, Report};

/// Knows whether it is in the table.
#[derive(Debug, Default)]
pub(super) struct Reader {
    inside: bool,
}

impl Reader {
    /// True if the line was of the table.
    pub(super) fn line(&mut self, line: &str, report: &mut Report) -> bool {
        if line.starts_with("Index ") && line.contains("Temperature Celsius") {
            self.inside = true;
            return true;
        }
        if let Some(value) = line.strip_prefix("Temperature Logging Interval:") {
            report.temperatures.get_or_insert_default().interval_minutes = leading_number(value);
            return true;
        }
        if !self.inside {
            return false;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let readings = &mut report.temperatures.get_or_insert_default().readings;
        let (reading, times) = match words.as_slice() {
            // `  67    2026-11-19 22:33    35  ****************`; a question mark where nothing was logged.
            [index, date, _time, celsius, ..] if is_number(index) && date.contains('-') => (celsius.parse().ok(), 1),
            // ` ...    ..( 12 skipped).    ..  ****************`
            _ if line.contains("skipped") => {
                let times = line.split_once("..(").and_then(|(_, rest)| leading_number(rest)).unwrap_or_default();
                (readings.last().copied().flatten(), usize::try_from(times).unwrap_or(READINGS))
            }
            _ => {
                self.inside = false;
                return false;
            }
        };
        // Nothing was logged yet before the first one.
        if reading.is_some() || !readings.is_empty() {
            let room = READINGS.saturating_sub(readings.len());
            readings.extend(std::iter::repeat_n(reading, times.min(room)));
        }
        true
    }
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_repeat_are_repeated() {
        let text = "\
Temperature Logging Interval:        10 minutes
Index    Estimated Time   Temperature Celsius
  31    2026-11-19 05:10     ?  -
  32    2026-11-19 05:20    36  *****************
 ...    ..(  2 skipped).    ..  *****************
  35    2026-11-19 05:50    37  ******************

SCT Error Recovery Control:
";
        let (mut reader, mut report) = (Reader::default(), Report::default());
        let of_table = text.lines().filter(|line| reader.line(line, &mut report)).count();
        let found = report.temperatures.expect("temperatures");
        assert_eq!((found.interval_minutes, of_table), (Some(10), 6));
        assert_eq!(found.readings, [36, 36, 36, 37].map(Some));
    }
}
