//! How often the region wants to hear of a deployed machine: what stands in the timer unit that MAAS installs,
//! `maas_hardware_sync.timer`. MAAS writes an `OnCalendar=` with a step, such as `*-*-* *:00/15:00`; administrators may have written
//! something else, or a drop-in.

use std::time::Duration;

use crate::host::Host;

/// What MAAS sets if nobody sets anything else.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(900);
/// Whatever a unit says, no region is asked more often …
const SHORTEST: Duration = Duration::from_secs(60);
/// … nor more seldom.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);
const UNIT: &str = "maas_hardware_sync.timer";
/// As systemd looks: the first one has the unit, all may have drop-ins for it.
const DIRECTORIES: [&str; 4] =
    ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

/// The interval that the machine's timer unit asks for; `None` without one, or when it says nothing that is understood.
#[must_use]
pub fn sync_interval(host: &Host) -> Option<Duration> {
    let unit = DIRECTORIES.iter().find_map(|directory| host.text(format!("{directory}/{UNIT}")));
    let mut texts: Vec<String> = unit.into_iter().collect();
    let mut names: Vec<(String, &str)> = Vec::new();
    for directory in DIRECTORIES {
        let found = host.list(format!("{directory}/{UNIT}.d")).into_iter().filter(|name| name.ends_with(".conf"));
        // The first directory wins, and /lib is mostly the same as /usr/lib.
        let new: Vec<String> = found.filter(|name| names.iter().all(|(known, _)| known != name)).collect();
        names.extend(new.into_iter().map(|name| (name, directory)));
    }
    names.sort();
    texts.extend(names.iter().filter_map(|(name, directory)| host.text(format!("{directory}/{UNIT}.d/{name}"))));
    let shortest = settings(&texts.join("\n"))?;
    Some(shortest.clamp(SHORTEST, LONGEST))
}

/// The shortest of the intervals that hold in the end: an empty value takes back all before it.
fn settings(text: &str) -> Option<Duration> {
    let mut found: Vec<Duration> = Vec::new();
    for line in text.lines() {
        let Some((key, value)) = line.split_once('=') else { continue };
        match (key.trim(), value.trim()) {
            ("OnCalendar" | "OnUnitActiveSec" | "OnUnitInactiveSec" | "OnActiveSec" | "OnBootSec", "") => found.clear(),
            ("OnCalendar", value) => found.extend(calendar(value)),
            ("OnUnitActiveSec" | "OnUnitInactiveSec", value) => found.extend(span(value)),
            _ => {}
        }
    }
    found.into_iter().filter(|interval| !interval.is_zero()).min()
}

/// How often a calendar expression comes (`systemd.time(7)`), for the forms that repeat within a day.
fn calendar(text: &str) -> Option<Duration> {
    let seconds = match text.to_ascii_lowercase().as_str() {
        "minutely" => 60,
        "hourly" => 3600,
        "daily" => 86_400,
        "weekly" => 7 * 86_400,
        _ => {
            let time = text.split_whitespace().find(|word| word.contains(':'))?;
            let mut parts = time.split(':');
            let (hour, minute) = (parts.next()?, parts.next()?);
            let second = parts.next().unwrap_or("00");
            let steps = [(second, 1, 60), (minute, 60, 3600), (hour, 3600, 86_400)];
            // The smallest part that repeats decides.
            steps.iter().find_map(|(part, unit, whole)| step(part, *unit, *whole)).unwrap_or(86_400)
        }
    };
    Some(Duration::from_secs(seconds))
}

/// The seconds from one value of a part to the next; `None` when it has only one.
fn step(part: &str, unit: u64, whole: u64) -> Option<u64> {
    if part == "*" {
        return Some(unit);
    }
    if let Some((_, step)) = part.split_once('/') {
        return step.parse::<u64>().ok().filter(|step| *step > 0).map(|step| (step * unit).min(whole));
    }
    let values = u64::try_from(part.split(',').count()).unwrap_or(1);
    (values > 1).then(|| (whole / values).max(unit))
}

/// A time span such as `15min`, `1h 30m` or `900`.
fn span(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().ok().filter(|number: &f64| number.is_finite() && *number < 1e9)?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "ms" | "msec" => 0.001,
            "" | "s" | "sec" | "second" | "seconds" => 1.0,
            "m" | "min" | "minute" | "minutes" => 60.0,
            "h" | "hr" | "hour" | "hours" => 3600.0,
            "d" | "day" | "days" => 86_400.0,
            "w" | "week" | "weeks" => 604_800.0,
            _ => return None,
        };
        total += Duration::from_secs_f64(number * unit);
        rest = rest[letters..].trim_start();
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::machine_of;
    use proptest::prelude::*;

    #[test]
    fn every_way_of_saying_how_often_is_understood() {
        let rows = [
            ("OnCalendar=*-*-* *:00/15:00", 900),
            ("OnCalendar=*:0/5", 300),
            ("OnCalendar=*-*-* 00/2:00:00", 7200),
            ("OnCalendar=*-*-* *:*:00/30", 30),
            ("OnCalendar=*-*-* 01:30:00", 86_400),
            ("OnCalendar=*:00,20,40", 1200),
            ("OnCalendar=hourly", 3600),
            ("OnUnitActiveSec=15min", 900),
            ("OnUnitActiveSec = 1h 30m", 5400),
            ("OnUnitActiveSec=900", 900),
            ("OnBootSec=1min\nOnUnitActiveSec=20m", 1200),
            ("OnUnitActiveSec=15min\nOnUnitActiveSec=\nOnCalendar=hourly", 3600),
            ("OnCalendar=*:0/15\nRandomizedDelaySec=15min", 900),
        ];
        for (text, seconds) in rows {
            assert_eq!(settings(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for wrong in
            ["", "OnCalendar=", "OnUnitActiveSec=soon", "OnCalendar=Mon", "OnUnitActiveSec=0", "OnBootSec=5min"]
        {
            assert_eq!(settings(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_administrators_unit_comes_before_the_one_of_the_region_and_drop_ins_change_it() {
        let stock = ("lib/systemd/system/maas_hardware_sync.timer", "[Timer]\nOnCalendar=*-*-* *:00/15:00\n");
        assert_eq!(sync_interval(&machine_of(&[stock]).1), Some(DEFAULT_INTERVAL));
        assert_eq!(sync_interval(&machine_of(&[]).1), None);
        let own = ("etc/systemd/system/maas_hardware_sync.timer", "[Timer]\nOnUnitActiveSec=1h\n");
        assert_eq!(sync_interval(&machine_of(&[stock, own]).1), Some(Duration::from_secs(3600)));
        let drop_in =
            ("etc/systemd/system/maas_hardware_sync.timer.d/slow.conf", "[Timer]\nOnCalendar=\nOnCalendar=*:0/30\n");
        assert_eq!(sync_interval(&machine_of(&[stock, drop_in]).1), Some(Duration::from_secs(1800)));
    }

    #[test]
    fn no_unit_makes_a_machine_a_burden() {
        let often = ("lib/systemd/system/maas_hardware_sync.timer", "[Timer]\nOnUnitActiveSec=1s\n");
        assert_eq!(sync_interval(&machine_of(&[often]).1), Some(SHORTEST));
    }

    proptest! {
        #[test]
        fn no_text_is_a_problem(text in "(OnCalendar|OnUnitActiveSec)=[-*:/, 0-9a-z.]{0,30}") {
            let _ = settings(&text);
        }
    }
}
