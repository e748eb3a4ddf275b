use std::path::Path;

use super::super::super::{Kind, Level};
use super::*;
use crate::host::machine_of;

const MIB: usize = 1 << 20;

fn file(bytes: usize) -> Option<(tempfile::NamedTempFile, Erased)> {
    let file = tempfile::NamedTempFile::new_in(Path::new(env!("CARGO_MANIFEST_DIR")).join("target")).ok()?;
    std::fs::write(file.path(), vec![0x5a; bytes]).ok()?;
    let disk = Disk { name: file.path().to_string_lossy().into_owned(), path: file.path().to_owned() };
    Device::open(&disk.path).ok().map(|_| (file, Erased { disk, other_paths: Vec::new() }))
}

fn tested(disks: &[Erased], inject: Option<DiskFault>) -> Report {
    let inject = inject.map(Inject::Disk);
    let order = Order { kind: Kind::Disk, level: Level::Smoke, seconds: 10, seed: 7, inject };
    run(&Host::live(), &order, disks, &Progress::silent())
}

fn found<'a>(report: &'a Report, code: &str) -> &'a str {
    report
        .findings
        .iter()
        .find(|finding| finding.code == code)
        .map_or_else(|| panic!("{:?}", report.findings), |finding| finding.what.as_str())
}

#[test]
fn a_disk_that_keeps_what_is_written_passes_and_is_empty_then() {
    let Some((file, disk)) = file(9 * MIB + 4096) else { return };
    let report = tested(&[disk], None);
    assert_eq!(report.outcome(), Outcome::Passed, "{:?}", report.findings);
    assert_eq!(report.coverage[0].tested, 9 * MIB as u64 + 4096);
    assert!(std::fs::read(file.path()).expect("the file").iter().all(|byte| *byte == 0), "zeros at the end");
    assert!(found(&report, "disk-erased").contains("nothing that is known"));
}

#[test]
fn each_way_to_lose_a_write_is_told_from_the_others() {
    for (fault, code, words) in [
        (DiskFault::Wrong(Some(5001)), "disk-data-wrong", "sector 5001 (1 bits)"),
        (DiskFault::Lost(Some(5001)), "disk-write-lost", "sector 5001 (what was written before)"),
        (DiskFault::Misplaced(Some(5001)), "disk-write-misplaced", "sector 5009 (what belongs to sector 5001)"),
        (DiskFault::Eio(Some(5001)), "disk-unwritable", "sector 5001 (512 bytes)"),
    ] {
        let Some((_file, disk)) = file(9 * MIB) else { return };
        let report = tested(&[disk], Some(fault));
        assert_eq!(report.outcome(), Outcome::Failed, "{fault:?}");
        assert!(found(&report, code).contains(words), "{fault:?}: {:?}", report.findings);
    }
}

#[test]
fn nothing_is_written_to_any_disk_if_one_is_in_use() {
    let (Some((free, first)), Some((used, second))) = (file(MIB), file(MIB)) else { return };
    // Another program has it open to write.
    let (root, host) = machine_of(&[("proc/77/fdinfo/5", "flags:\t02100002\n"), ("proc/77/comm", "qemu\n")]);
    std::fs::create_dir_all(root.path().join("proc/77/fd")).expect("a folder");
    std::os::unix::fs::symlink(used.path(), root.path().join("proc/77/fd/5")).expect("a link");
    let order = Order { kind: Kind::Disk, level: Level::Smoke, seconds: 10, seed: 7, inject: None };
    let report = run(&host, &order, &[first, second], &Progress::silent());
    assert_eq!(report.outcome(), Outcome::Error);
    assert!(found(&report, "disk-in-use").contains("qemu (77) has"));
    assert!(std::fs::read(free.path()).expect("the file").iter().all(|byte| *byte == 0x5a), "untouched");
}

#[test]
fn a_member_of_something_larger_is_not_erased_even_if_nobody_uses_it() {
    let Some((file, disk)) = file(MIB) else { return };
    let mut bytes = vec![0; MIB];
    bytes[512..520].copy_from_slice(b"LABELONE");
    std::fs::write(file.path(), &bytes).expect("write");
    assert!(would_erase(&Host::live(), std::slice::from_ref(&disk))[0].contains("LVM2_member"));
    let report = tested(&[disk], None);
    assert_eq!(report.outcome(), Outcome::Error);
    assert!(found(&report, "disk-in-use").contains("LVM2_member"));
    assert_eq!(std::fs::read(file.path()).expect("the file"), bytes);
}
