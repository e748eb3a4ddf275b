//! Numbers with units: parsed as people write them in a profile, and printed for people.

/// Unit in which the inventory counts a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// No unit, for example a number of devices.
    None,
    /// Bytes.
    Bytes,
    /// Speed of a network in Mbit/s.
    Megabits,
    /// Speed of a PCI Express lane in GT/s.
    Gigatransfers,
    /// Speed of memory in MT/s.
    Megatransfers,
    /// Watts.
    Watts,
}

const BYTES: [(&str, f64); 12] = [
    ("B", 1.0),
    ("kB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("TB", 1e12),
    ("PB", 1e15),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("TiB", 1_099_511_627_776.0),
    ("PiB", 1_125_899_906_842_624.0),
    ("bytes", 1.0),
];
const MEGABITS: [(&str, f64); 8] = [
    ("Mbit/s", 1.0),
    ("Gbit/s", 1e3),
    ("Mb/s", 1.0),
    ("Gb/s", 1e3),
    ("Mbps", 1.0),
    ("Gbps", 1e3),
    ("M", 1.0),
    ("G", 1e3),
];

/// GT/s of a lane, by generation of PCI Express.
const SPEEDS: [f64; 6] = [2.5, 5.0, 8.0, 16.0, 32.0, 64.0];

impl Unit {
    /// Accepted unit names, each with its factor to the inventory's unit (`GiB`: 1,073,741,824 bytes).
    fn names(self) -> &'static [(&'static str, f64)] {
        match self {
            Unit::None => &[],
            Unit::Bytes => &BYTES,
            Unit::Megabits => &MEGABITS,
            Unit::Gigatransfers => &[("GT/s", 1.0), ("GT/s PCIe", 1.0)],
            Unit::Megatransfers => &[("MT/s", 1.0), ("MHz", 1.0)],
            Unit::Watts => &[("W", 1.0), ("kW", 1e3), ("watts", 1.0)],
        }
    }

    /// Parses a number with or without a unit name: `64 GiB` is 68,719,476,736. The error shows how such numbers are written.
    pub(super) fn parse(self, text: &str) -> Result<f64, String> {
        let text = text.trim();
        if let (Unit::Gigatransfers, Some(speed)) = (self, generation(text)) {
            return Ok(speed);
        }
        let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
        let (digits, name) = (&text[..end], text[end..].trim());
        if name.strip_prefix(',').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
            return Err(format!(
                "\"{text}\" has a comma: decimals follow a point, as in \"{}\"",
                text.replacen(',', ".", 1)
            ));
        }
        let number: f64 = digits.parse().map_err(|_| format!("\"{text}\" is no number{}", self.hint()))?;
        if name.is_empty() {
            return Ok(number);
        }
        let known = self.names().iter().find(|(known, _)| is_same(known, name));
        known
            .map(|(_, factor)| number * factor)
            .ok_or_else(|| format!("\"{name}\" is no unit here{}{}", self.other(name), self.hint()))
    }

    /// The quantity that a unit is of if it is bits in the place of bytes, or the other way round.
    fn other(self, name: &str) -> String {
        let is_near = self.names().iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        match self {
            Unit::Bytes if is_near => " (b is bits, B is bytes)".to_owned(),
            Unit::Megabits if is_near || name.contains('B') => {
                " (B is bytes, b is bits: 1 GB/s is 8 Gbit/s)".to_owned()
            }
            _ => String::new(),
        }
    }

    /// Refuses a number without unit that no part has in the inventory's unit, so that another one was meant: 100 of a network are Gbit/s.
    ///
    /// # Errors
    /// A message with the way to write what was meant.
    pub(super) fn check_bare(self, number: f64, text: &str) -> Result<(), String> {
        let (is_meant, as_in) = match self {
            Unit::None => (true, ""),
            Unit::Bytes => (number >= 1_048_576.0, "\"64 GiB\""),
            Unit::Megabits => (number >= 1e3, "\"100 Gbit/s\" or \"100 Mbit/s\""),
            Unit::Gigatransfers => (SPEEDS.contains(&number), "\"16 GT/s\" or \"Gen4\""),
            Unit::Megatransfers => (number >= 200.0, "\"4800 MT/s\""),
            Unit::Watts => (number >= 20.0, "\"1400 W\" or \"1.4 kW\""),
        };
        if is_meant || number == 0.0 {
            return Ok(());
        }
        Err(format!("{} are meant by {}: a unit is missing, as in {as_in}", self.show(number), text.trim()))
    }

    fn hint(self) -> &'static str {
        match self {
            Unit::None => ": a number without unit is wanted",
            Unit::Bytes => ": sizes are written as \"64 GiB\", \"7.68 TB\" or in bytes",
            Unit::Megabits => ": speeds are written as \"100 Gbit/s\" or in Mbit/s",
            Unit::Gigatransfers => ": speeds of links are written as \"16 GT/s\"",
            Unit::Megatransfers => ": speeds of memory are written as 4800 or \"4800 MT/s\"",
            Unit::Watts => ": power is written as 1400 or \"1400 W\"",
        }
    }

    /// Formats a number with all its digits, for where the rounded one would look like what was ordered.
    pub(super) fn show_exactly(self, number: f64) -> String {
        match self {
            Unit::Bytes => format!("{number} B"),
            _ => self.show(number),
        }
    }

    /// Formats a number for people and for a profile: `64 GiB`, `2.5 Gbit/s`. `parse` reads the result again.
    pub(super) fn show(self, number: f64) -> String {
        match self {
            Unit::None => number.to_string(),
            Unit::Bytes => bytes(number),
            Unit::Megabits if number >= 1e3 => format!("{} Gbit/s", number / 1e3),
            Unit::Megabits => format!("{number} Mbit/s"),
            Unit::Gigatransfers => format!("{number} GT/s"),
            Unit::Megatransfers => format!("{number} MT/s"),
            Unit::Watts => format!("{number} W"),
        }
    }
}

/// True if two unit names are the same. The case of a lone `b` is the difference between bits and bytes; all other letters may have any.
pub(super) fn is_same(known: &str, given: &str) -> bool {
    let is_word = |name: &str| ["bit", "byte"].iter().any(|word| name.to_ascii_lowercase().contains(word));
    let fold =
        |name: &str| -> String { name.chars().map(|c| if c == 'B' { 'B' } else { c.to_ascii_lowercase() }).collect() };
    if is_word(known) || is_word(given) { known.eq_ignore_ascii_case(given) } else { fold(known) == fold(given) }
}

/// GT/s of a lane by the generation of PCI Express: `Gen4`, `PCIe 4.0`.
fn generation(text: &str) -> Option<f64> {
    let text = text.to_ascii_lowercase();
    let number = ["pcie gen", "pcie", "gen"].into_iter().find_map(|word| text.strip_prefix(word))?;
    let number = number.trim().trim_end_matches(".0");
    SPEEDS.get(number.parse::<usize>().ok()?.checked_sub(1)?).copied()
}

/// Formats bytes in TiB, GiB or MiB if they are a multiple of a quarter of it, as memory is; otherwise in decimal units rounded to two
/// digits, as disks are sold.
fn bytes(number: f64) -> String {
    for (name, factor) in
        ["TiB", "GiB", "MiB"].into_iter().filter_map(|name| BYTES.iter().find(|(known, _)| *known == name))
    {
        let count = number / factor;
        if (1.0..1024.0).contains(&count) && (count * 4.0).fract() == 0.0 {
            return format!("{count} {name}");
        }
    }
    for (name, factor) in
        ["PB", "TB", "GB", "MB"].into_iter().filter_map(|name| BYTES.iter().find(|(known, _)| *known == name))
    {
        if number >= *factor {
            return format!("{} {name}", (number / factor * 100.0).round() / 100.0);
        }
    }
    format!("{number} B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_in_any_case_and_bare_numbers_are_the_inventorys() {
        assert_eq!(Unit::Bytes.parse("64 GiB"), Ok(68_719_476_736.0));
        assert_eq!(Unit::Bytes.parse("7.68TB"), Ok(7_680_000_000_000.0));
        assert_eq!(Unit::Bytes.parse("512"), Ok(512.0));
        assert_eq!(Unit::Megabits.parse("100 Gbit/s"), Ok(100_000.0));
        assert_eq!(Unit::Megabits.parse("25000"), Ok(25_000.0));
        assert_eq!(Unit::Gigatransfers.parse("2.5 GT/s"), Ok(2.5));
        assert!(Unit::Bytes.parse("64 GiX").is_err_and(|reason| reason.contains("GiX")));
        assert!(Unit::None.parse("-1").is_err());
        for text in ["Gen4", "gen 4", "PCIe 4.0", "16 GT/s"] {
            assert_eq!(Unit::Gigatransfers.parse(text), Ok(16.0), "{text}");
        }
        assert!(Unit::Gigatransfers.parse("Gen9").is_err());
    }

    #[test]
    fn bits_are_no_bytes() {
        for text in ["100 Gb/s", "100 gbit/s", "100 Gbps", "100 GBit/s", "100G"] {
            assert_eq!(Unit::Megabits.parse(text), Ok(100_000.0), "{text}");
        }
        for text in ["100 GB/s", "100 GBps", "100 GiB/s"] {
            assert!(Unit::Megabits.parse(text).is_err_and(|reason| reason.contains("1 GB/s is 8 Gbit/s")), "{text}");
        }
        for text in ["3.84 Tb", "64 Gib", "64 gb"] {
            assert!(Unit::Bytes.parse(text).is_err_and(|reason| reason.contains("b is bits")), "{text}");
        }
        for text in ["64 GiB", "64 giB", "64 GIB"] {
            assert_eq!(Unit::Bytes.parse(text), Ok(68_719_476_736.0), "{text}");
        }
    }

    #[test]
    fn what_is_shown_is_read_as_the_same() {
        for number in [68_719_476_736.0, 1_073_741_824.0, 34_359_738_368.0 * 3.0] {
            assert_eq!(Unit::Bytes.parse(&Unit::Bytes.show(number)), Ok(number));
        }
        assert_eq!(Unit::Bytes.show(7_681_501_126_656.0), "7.68 TB");
        assert_eq!(Unit::Bytes.show(18_000_207_937_536.0), "18 TB");
        assert_eq!(Unit::Megabits.show(2500.0), "2.5 Gbit/s");
    }
}
