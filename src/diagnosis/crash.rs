//! Crash records: the parts that the kernel cut its log into become one log again.
//!
//! The kernel saves the newest piece of its log as part 1, the piece before it as part 2, and so on; each part is a file of its own
//! and begins with `Panic#1 Part2`. Source: `fs/pstore/platform.c` (`pstore_dump`), Documentation/ABI/testing/pstore.

/// A file of a crash record store, as it was read.
#[derive(Clone, Debug)]
pub struct CrashFile {
    /// The path of the file.
    pub path: String,
    /// The text of the file.
    pub text: String,
}

/// The log of one crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrashLog {
    /// The file, or the first of its files with their number.
    pub name: String,
    /// The log, oldest line first.
    pub text: String,
}

/// The head of a part.
#[derive(Debug, PartialEq, Eq)]
struct Head<'a> {
    /// `Panic#1`: the reason, and the number of the dump since the machine started.
    dump: &'a str,
    part: u32,
}

impl<'a> Head<'a> {
    /// Reads `Panic#1 Part2`; `None` for files of another kind.
    fn read(text: &'a str) -> Option<Self> {
        let line = text.lines().next()?;
        let (dump, part) = line.split_once(" Part")?;
        let (reason, number) = dump.split_once('#')?;
        let plain = !reason.is_empty() && reason.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        number.parse::<u32>().ok().filter(|_| plain)?;
        Some(Self { dump, part: part.trim().parse().ok()? })
    }
}

/// Joins the parts of each crash. Files that are no part stay as they are.
#[must_use]
pub fn joined(mut files: Vec<CrashFile>) -> Vec<CrashLog> {
    files.sort_by(|one, other| order(&one.path).cmp(&order(&other.path)));
    let mut logs: Vec<Vec<CrashFile>> = Vec::new();
    for file in files {
        match logs.last_mut().filter(|log| continues(log, &file)) {
            Some(log) => log.push(file),
            None => logs.push(vec![file]),
        }
    }
    logs.iter().map(|parts| log(parts)).collect()
}

/// The name without the record's number, then the number by its size: 9 before 10.
fn order(path: &str) -> (&str, usize, &str) {
    let number = path.len() - path.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (name, digits) = path.split_at(number);
    let digits = digits.trim_start_matches('0');
    (name, digits.len(), digits)
}

/// True if a file is the next part of a log. A part with a smaller number begins another crash.
fn continues(log: &[CrashFile], file: &CrashFile) -> bool {
    let Some(last) = log.last() else { return false };
    let (Some(before), Some(head)) = (Head::read(&last.text), Head::read(&file.text)) else { return false };
    order(&last.path).0 == order(&file.path).0 && before.dump == head.dump && before.part < head.part
}

fn log(parts: &[CrashFile]) -> CrashLog {
    let name = match parts {
        [one] => one.path.clone(),
        [first, ..] => format!("{} ({} parts)", first.path, parts.len()),
        [] => String::new(),
    };
    let mut text = String::new();
    for part in parts.iter().rev() {
        let body = match Head::read(&part.text) {
            Some(_) => part.text.split_once('\n').map_or("", |(_, body)| body),
            None => part.text.as_str(),
        };
        text.push_str(body);
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    CrashLog { name, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> CrashFile {
        CrashFile { path: path.into(), text: text.into() }
    }

    #[test]
    fn the_parts_of_a_crash_are_one_log_with_the_oldest_line_first() {
        // An identifier of the efi store is made of seconds, part and count; the files are listed in any order.
        let files = vec![
            file("/p/dmesg-efi-170000000002001", "Panic#2 Part2\n[8.0] b\n"),
            file("/p/dmesg-efi-170000000003001", "Panic#2 Part3\n[7.0] a"),
            file("/p/dmesg-efi-170000000001001", "Panic#2 Part1\n[9.0] c\n"),
        ];
        let log = CrashLog {
            name: "/p/dmesg-efi-170000000001001 (3 parts)".into(),
            text: "[7.0] a\n[8.0] b\n[9.0] c\n".into(),
        };
        assert_eq!(joined(files), [log]);
    }

    #[test]
    fn crashes_stay_apart_even_if_their_heads_are_alike() {
        let files = vec![
            file("/p/dmesg-erst-9", "Oops#1 Part1\nx\n"),
            file("/p/dmesg-erst-10", "Oops#1 Part2\nw\n"),
            file("/p/dmesg-erst-11", "Oops#1 Part1\nz\n"),
            file("/p/dmesg-erst-12", "Panic#2 Part2\ny\n"),
            file("/q/dmesg-erst-13", "Panic#2 Part3\nv\n"),
            file("/q/dmesg.txt", "plain\n"),
            file("/q/mce-erst-1", "raw"),
        ];
        let texts: Vec<String> = joined(files).into_iter().map(|log| log.text).collect();
        assert_eq!(texts, ["w\nx\n", "z\n", "y\n", "v\n", "plain\n", "raw\n"]);
    }
}
