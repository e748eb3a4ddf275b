//! Which devices a test is about.

use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use crate::disk::{Disks, Target};
use crate::host::Host;
use crate::hwtest::disk::{self, Disk, Erased};
use crate::hwtest::{Order, Outcome, Progress, Report};

/// The devices that somebody named; none of them means all. A region writes `all` where it knows of none.
pub(super) fn named(words: &[String]) -> Vec<String> {
    if words.iter().any(|word| word == "all") { Vec::new() } else { words.to_vec() }
}

/// Tests the disks that are named, else all. A word that names none is an error in the report, and hides nothing of the others.
pub(super) fn test_disks(host: &Host, order: &Order, named: &[String], progress: &Progress) -> Report {
    let all = Disks::of(host);
    let (mut chosen, mut wrong) = (Vec::new(), Vec::new());
    let mut other_paths = Vec::new();
    if named.is_empty() {
        (chosen, other_paths) = once(all.every());
    }
    for word in named {
        match chosen_by(&all, word) {
            Ok(disk) if chosen.contains(&disk) => {}
            Ok(disk) => chosen.push(disk),
            Err(reason) => wrong.push((word.clone(), reason)),
        }
    }
    let mut report = if chosen.is_empty() && !wrong.is_empty() {
        Report::new(order)
    } else {
        disk::run(host, order, &chosen, progress)
    };
    for (word, reason) in wrong {
        report
            .find(Outcome::Error, "disk-missing", word, format!("{reason}."))
            .next("List the disks: shakedown disk list.");
    }
    report.not_tested.extend(other_paths);
    report
}

/// The disks that are to be erased, each by its name.
///
/// # Errors
/// A finding's words for the first name that is none.
pub(super) fn to_erase(host: &Host, named: &[String]) -> Result<Vec<Erased>, (String, String)> {
    let all = Disks::of(host);
    let mut chosen: Vec<Erased> = Vec::new();
    for word in named {
        let disk = chosen_by(&all, word).map_err(|reason| (word.clone(), reason))?;
        if chosen.iter().any(|one| one.disk == disk || one.other_paths.contains(&disk)) {
            continue;
        }
        let target = all.every().iter().find(|target| of(target) == disk);
        let is_other =
            |other: &&Target| target.is_some_and(|target| target.name != other.name && is_same(target, other));
        chosen.push(Erased { other_paths: all.every().iter().filter(is_other).map(of).collect(), disk });
    }
    Ok(chosen)
}

/// Erases the disks that are named and tests that they keep what is written.
pub(super) fn write_disks(host: &Host, order: &Order, named: &[String], progress: &Progress) -> Report {
    match to_erase(host, named) {
        Ok(disks) if !disks.is_empty() => disk::run_writing(host, order, &disks, progress),
        Ok(_) => {
            let mut report = Report::new(order);
            let what = "No disk was named, so none was erased.";
            report.find(Outcome::Error, "disk-missing", "disk", what).next("Name it: --device.");
            report
        }
        Err((word, reason)) => {
            let mut report = Report::new(order);
            let what = format!("Nothing was written: {reason}.");
            report.find(Outcome::Error, "disk-missing", word, what).next("List the disks: shakedown disk list.");
            report
        }
    }
}

/// True if both targets are one disk, by serial number, model and size; namespaces of an NVMe drive share these and stay apart.
fn is_same(one: &Target, other: &Target) -> bool {
    let (one, other) = (&one.disk, &other.disk);
    !one.serial.is_empty()
        && one.serial == other.serial
        && one.model == other.model
        && one.size == other.size
        && !one.name.starts_with("nvme")
}

fn chosen_by(all: &Disks, word: &str) -> Result<Disk, String> {
    // A file has no driver, but is read as a disk is: for images, and to try this test.
    if word.contains('/') && std::fs::metadata(word).is_ok_and(|data| data.is_file()) {
        return Ok(Disk { name: word.to_owned(), path: word.into() });
    }
    let target = all.find(word).map_err(|error| error.to_string())?;
    if target.disk.name.is_empty() && target.bus.is_some() {
        return Err(
            "a disk behind a RAID controller cannot be read by itself; test its volume, or ask it for a self-test"
                .to_owned(),
        );
    }
    let disk = of(&target);
    match std::fs::metadata(&disk.path) {
        Ok(data) if !data.file_type().is_block_device() => {
            Err("no block device, so nothing can be read from it".to_owned())
        }
        // An error is the test's to tell.
        _ => Ok(disk),
    }
}

fn of(target: &Target) -> Disk {
    let name = target.name.strip_prefix("/dev/").unwrap_or(&target.name);
    Disk { name: name.to_owned(), path: Path::new(&target.name).to_owned() }
}

/// Each disk once: of several paths to it, the first.
fn once(targets: &[Target]) -> (Vec<Disk>, Vec<String>) {
    let (mut chosen, mut others): (Vec<&Target>, Vec<String>) = (Vec::new(), Vec::new());
    for target in targets {
        let same = |other: &&&Target| is_same(target, other);
        match chosen.iter().find(same) {
            Some(first) => others.push(format!("{}: another path to {}", target.name, first.name)),
            None => chosen.push(target),
        }
    }
    (chosen.into_iter().map(of).collect(), others)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hwtest::{Kind, Level};

    fn order() -> Order {
        Order { kind: Kind::Disk, level: Level::Smoke, seconds: 1, seed: 0, inject: None }
    }

    #[test]
    fn all_is_every_one() {
        assert_eq!(named(&["all".to_owned()]), [""; 0]);
        assert_eq!(named(&["sda".to_owned()]), ["sda"]);
    }

    #[test]
    fn what_is_no_disk_is_an_error_of_who_named_it_and_never_a_failed_drive() {
        for word in [".", "/dev/null", "/proc/self"] {
            let report = test_disks(&Host::live(), &order(), &[word.to_owned()], &Progress::silent());
            assert_eq!(report.outcome(), Outcome::Error, "{word}: {report:?}");
        }
    }

    #[test]
    fn a_word_that_names_no_disk_is_an_error_and_no_pass() {
        let report = test_disks(&Host::live(), &order(), &["no-such-disk".to_owned()], &Progress::silent());
        assert_eq!(report.outcome(), Outcome::Error);
    }
}
