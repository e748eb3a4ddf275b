//! Stories of the layers above disks: RAID, paths, file systems.

use super::Story;
use super::sense::scsi_disk;
use crate::diagnosis::book::{Book, Found, Now};
use crate::diagnosis::code::{Code, Severity};
use crate::diagnosis::pattern::word;

/// RAID, paths and file systems over several disks.
pub(super) fn above(story: Story, part: &str, now: &Now<'_>, book: &mut Book) -> bool {
    let text = now.text;
    let array = || text.split(": ").next().unwrap_or("").rsplit(':').next().unwrap_or("").trim().to_string();
    let found = match story {
        Story::RaidRead => Found::new(Code::DiskMediumError, word(part)).weak(),
        Story::RaidStopped => {
            if let Some(entry) = book.more(&[Code::RaidDegraded], now) {
                entry.severity = Severity::Fatal;
                return true;
            }
            Found::new(Code::RaidDegraded, array()).severity(Severity::Fatal)
        }
        Story::RaidActive => {
            let numbers = text.split_once("active with ").map_or("", |(_, rest)| rest);
            let mut numbers = numbers.split(' ').filter_map(|word| word.parse::<u32>().ok());
            match (numbers.next(), numbers.next()) {
                (Some(active), Some(all)) if active < all => {
                    Found::new(Code::RaidDegraded, array()).severity(Severity::Warning)
                }
                _ => return true,
            }
        }
        Story::MegaraidVolume => {
            let state = text.rsplit("is now ").next().unwrap_or("");
            let Some(severity) = [("OFFLINE", Severity::Fatal), ("DEGRADED", Severity::Error)]
                .into_iter()
                .find(|(word, _)| state.contains(word))
            else {
                return true;
            };
            Found::new(Code::RaidDegraded, format!("VD {}", word(part))).severity(severity.1)
        }
        Story::MegaraidSense => match text.rsplit("Sense: ").next().unwrap_or("").split('/').next() {
            Some("1") => Found::new(Code::DiskRecoveredError, part),
            Some("3") => Found::new(Code::DiskMediumError, part),
            Some("4") => Found::new(Code::DiskHardwareError, part),
            _ => return true,
        },
        // The number of a device of the mapper; its major number differs between machines.
        Story::Mapped => match part.rsplit_once(':') {
            Some((_, minor)) if minor.bytes().all(|b| b.is_ascii_digit()) => {
                Found::new(Code::FilesystemError, format!("dm-{minor}"))
            }
            _ => return false,
        },
        Story::ZioError => Found::new(Code::DiskIoError, part.rsplit('/').next().unwrap_or(part)).weak(),
        Story::PathFailed => Found::new(Code::DiskPathFailed, scsi_disk(word(part))),
        _ => Found::new(Code::FilesystemError, word(part)),
    };
    book.note(found, now);
    true
}
