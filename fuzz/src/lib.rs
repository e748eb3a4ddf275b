//! What reads bytes of others, each as a function that must neither panic nor hang, whatever they are. The fuzzers in `fuzz_targets/` and
//! the loop in `src/bin/mutate.rs` call the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use shakedown::host::{Host, Record, Uevent, decode_udev, ipmi_answers};
use shakedown::unpack::{Error, Limits, inside};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A name and what is called.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 10] = [
    ("yaml", yaml),
    ("header", header),
    ("index", index),
    ("tar", tar),
    ("zip", zip),
    ("smartctl", smartctl),
    ("smbios", smbios),
    ("uevent", uevent),
    ("udev", udev),
    ("ipmi", ipmi),
];

/// YAML of a region, of cloud-init, of a result file, of what a script found of a BMC.
pub fn yaml(bytes: &[u8]) {
    if let Ok(node) = shakedown::yaml::parse(bytes) {
        let _ = (node.to_text(), node.pairs().len());
    }
    let _ = shakedown::script::BmcConfig::parse(bytes);
    for has_interface in [false, true] {
        let _ = shakedown::script::ResultFile::parse(bytes, has_interface);
    }
}

/// A script with its header: what is refused strictly may be read leniently, and linting says why.
pub fn header(bytes: &[u8]) {
    let is_accepted = shakedown::script::Header::parse(bytes).is_ok();
    let _ = shakedown::script::Declared::of(Some(bytes)).may_destroy();
    let findings = shakedown::script::lint::lint(bytes);
    let has_error = findings.iter().any(|found| found.level == shakedown::script::lint::Level::Error);
    assert!(is_accepted || has_error, "what a region refuses is no error of lint");
}

/// The index of a region's archive.
pub fn index(bytes: &[u8]) {
    let _ = shakedown::script::parse_index(bytes);
}

/// What smartctl printed, as JSON or as text.
pub fn smartctl(bytes: &[u8]) {
    if let Ok(report) = shakedown::disk::parse(bytes) {
        let judgement = shakedown::disk::judge(&report, &shakedown::disk::Policy::default(), None);
        let _ = format!("{report:?} {judgement:?}");
    }
}

/// A message of the kernel.
pub fn uevent(bytes: &[u8]) {
    if let Some(event) = Uevent::parse(bytes) {
        let _ = event.hardware();
    }
}

/// A record of udev.
pub fn udev(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let record = Record::parse(&text);
    let _ = (record.get("ID_MODEL_ENC").and_then(decode_udev), record.links().len());
}

/// What a BMC answered, each answer as long as its first byte says.
pub fn ipmi(bytes: &[u8]) {
    ipmi_answers(bytes);
}

/// The firmware's table, read as an inventory reads it.
pub fn smbios(bytes: &[u8]) {
    static TREE: OnceLock<TempDir> = OnceLock::new();
    let root = TREE.get_or_init(temporary).path();
    let table = root.join("sys/firmware/dmi/tables");
    fs::create_dir_all(&table).expect("a directory of our own");
    fs::write(table.join("DMI"), bytes).expect("a file of our own");
    let _ = shakedown::inventory::collect_detail(&Host::at(root));
}

/// A tar archive, packed in any way.
pub fn tar(bytes: &[u8]) {
    unpacked(bytes, |archive, to, limits| shakedown::unpack::untar(archive, to, limits, inside));
}

/// A zip archive.
pub fn zip(bytes: &[u8]) {
    unpacked(bytes, |archive, to, limits| shakedown::unpack::unzip(archive, to, limits, inside));
}

/// Unpacks, and sees that nothing is outside of the directory and that the limits hold.
fn unpacked(bytes: &[u8], unpack: impl Fn(&Path, &Path, &Limits) -> Result<u64, Error>) {
    let place = temporary();
    let archive = place.path().join("archive");
    fs::write(&archive, bytes).expect("a file of our own");
    let limits = Limits { members: 64, bytes: 1 << 20, links: true, stop: CancellationToken::new() };
    let _ = unpack(&archive, &place.path().join("to"), &limits);
    let left: Vec<PathBuf> =
        fs::read_dir(place.path()).expect("readable").map(|entry| entry.expect("an entry").path()).collect();
    let is_known = |path: &PathBuf| path.ends_with("archive") || path.ends_with("to");
    assert!(left.iter().all(is_known), "something is outside: {left:?}");
}

fn temporary() -> TempDir {
    let in_memory = Path::new("/dev/shm");
    tempfile::tempdir_in(in_memory).or_else(|_| tempfile::tempdir()).expect("a temporary directory")
}
