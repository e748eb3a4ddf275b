//! Whatever is broken in a tree, its inventory ends, is valid JSON, is taken by a region, comes of no reader that failed, and tells all that
//! has nothing to do with the damage. `SHAKEDOWN_DAMAGES` sets how often each tree is damaged at random.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::stat::Mode;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use shakedown::host::Host;
use shakedown::inventory::collect;

use crate::{document, machine, region, shared};

/// Far more than any of these trees takes, and far less than the time limit of a topic.
const LONGEST: Duration = Duration::from_secs(10);

/// A way to break a file, a link or a directory.
#[derive(Clone, Debug)]
enum Damage {
    Delete,
    Truncate(usize),
    Garbage(Vec<u8>),
    Directory,
    Fifo,
    Loop,
    Dangling,
    /// A file of so many bytes, which takes no room.
    Huge(u64),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        Damage::delete(),
        any::<usize>().prop_map(|length| Damage::Truncate(length % 64)),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(Damage::Garbage),
        "[0-9a-fx.:,\n -]{0,40}".prop_map(|text| Damage::Garbage(text.into_bytes())),
        proptest::strategy::Just(Damage::Directory),
        proptest::strategy::Just(Damage::Fifo),
        proptest::strategy::Just(Damage::Loop),
        proptest::strategy::Just(Damage::Dangling),
        proptest::sample::select(vec![5_000_u64, 17 << 20, 1 << 40]).prop_map(Damage::Huge),
    ]
}

impl Damage {
    fn delete() -> impl Strategy<Value = Damage> {
        proptest::strategy::Just(Damage::Delete)
    }

    /// Puts something broken where nothing is any more.
    fn put(&self, place: &Path, before: &Path) -> std::io::Result<()> {
        match self {
            Damage::Delete => Ok(()),
            Damage::Truncate(length) => {
                // No more is read than is kept: an earlier damage may have made the file a terabyte.
                let mut start = Vec::new();
                if before.is_file() {
                    File::open(before)?.take(*length as u64).read_to_end(&mut start)?;
                }
                fs::write(place, start)
            }
            Damage::Garbage(bytes) => fs::write(place, bytes),
            Damage::Directory => fs::create_dir(place),
            Damage::Fifo => Ok(nix::unistd::mkfifo(place, Mode::S_IRUSR)?),
            Damage::Loop => symlink(place.file_name().unwrap_or_default(), place),
            Damage::Dangling => symlink("/nowhere/at/all", place),
            Damage::Huge(size) => File::create(place)?.set_len(*size),
        }
    }
}

/// A tree with something broken in it, until it is dropped.
struct Broken {
    place: PathBuf,
    aside: PathBuf,
}

impl Broken {
    fn new(root: &Path, place: &Path, damage: &Damage) -> Self {
        // On the same file system, so that it can be moved, and where no reader looks.
        let mut places = (0..u32::MAX).map(|number| root.join(format!(".aside{number}")));
        let aside = places.find(|aside| fs::symlink_metadata(aside).is_err()).expect("there is always room");
        fs::rename(place, &aside).expect("it can be moved");
        damage.put(place, &aside).expect("a tree takes any damage");
        Broken { place: place.to_owned(), aside }
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        let is_directory = fs::symlink_metadata(&self.place).is_ok_and(|meta| meta.is_dir());
        let _ = if is_directory { fs::remove_dir(&self.place) } else { fs::remove_file(&self.place) };
        fs::rename(&self.aside, &self.place).expect("it can be moved back");
    }
}

/// Everything below a root that can be damaged, as absolute paths of the machine.
fn paths(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).expect("a directory in the tree") {
            let entry = entry.expect("an entry");
            if entry.file_type().expect("a type").is_dir() {
                waiting.push(entry.path());
            }
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

/// The parts of the document that a path has to do with. Below what is not named here stands everything.
fn concerned(path: &str) -> &'static [&'static str] {
    const PARTS: [(&str, &[&str]); 24] = [
        ("sys/devices/system/cpu/", &["cpu"]),
        ("sys/devices/system/node/", &["cpu", "memory"]),
        ("sys/devices/system/memory/", &["memory"]),
        ("sys/devices/disks/", &["storage"]),
        ("sys/devices/pci", &["gpu", "network", "storage", "usb", "pci", "networks"]),
        ("sys/bus/pci/", &["pci", "network", "gpu"]),
        ("sys/class/net", &["network", "networks"]),
        ("sys/class/dmi", &["system"]),
        ("sys/devices/virtual/dmi", &["system"]),
        ("stub/virt", &["system"]),
        ("etc/", &["environment"]),
        ("usr/lib/os-release", &["environment"]),
        ("usr/share/misc/usb.ids", &["usb"]),
        ("usr/share/misc/pci.ids", &["pci", "network", "gpu"]),
        ("run/udev", &["storage"]),
        ("dev/disk", &["storage"]),
        ("sys/class/block", &["storage"]),
        ("proc/self/mountinfo", &["storage"]),
        ("sys/class/drm", &["gpu"]),
        ("sys/bus/usb/devices", &["usb"]),
        ("proc/cpuinfo", &["cpu", "environment"]),
        ("proc/meminfo", &["memory"]),
        ("sys/devices/virtual/net", &["networks"]),
        ("proc/net", &["networks"]),
    ];
    let all = &["cpu", "memory", "gpu", "network", "storage", "usb", "pci", "networks", "system", "environment"];
    PARTS.iter().find(|(start, _)| path.starts_with(start)).map_or(all, |(_, parts)| parts)
}

/// The document without NUMA nodes: which of them devices may stand on depends on processors and memory.
fn without_nodes(value: &Value) -> Value {
    match value {
        Value::Array(values) => values.iter().map(without_nodes).collect(),
        Value::Object(pairs) => {
            let pairs = pairs.iter().filter(|(key, _)| *key != "numa_node");
            Value::Object(pairs.map(|(key, value)| (key.clone(), without_nodes(value))).collect())
        }
        other => other.clone(),
    }
}

/// Compares what a damage has nothing to do with.
fn check_unconcerned(path: &str, before: &Value, after: &Value) {
    let parts = concerned(path);
    let of_system = path.starts_with("sys/devices/system");
    let [before, after] = [before, after].map(|one| if of_system { without_nodes(one) } else { one.clone() });
    let resources = before["resources"].as_object().expect("resources").keys();
    for part in resources.filter(|part| !parts.contains(&part.as_str())) {
        assert_eq!(before["resources"][part], after["resources"][part], "{part} is damaged by {path}");
    }
    for part in ["networks", "environment"].iter().filter(|part| !parts.contains(part)) {
        assert_eq!(before[*part], after[*part], "{part} is damaged by {path}");
    }
}

/// Damages a tree in many ways, one to three at a time.
fn damage_often(root: &Path) {
    let cases = std::env::var("SHAKEDOWN_DAMAGES").ok().and_then(|text| text.parse().ok()).unwrap_or(150);
    let host = Host::at(root);
    let before = document::of(root);
    let paths = paths(root);
    let places = proptest::collection::vec((0..paths.len(), damage()), 1..4);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let outcome = TestRunner::new(config).run(&places, |places| {
        let mut broken: Vec<Broken> = Vec::new();
        for (place, damage) in &places {
            // What stands below an earlier damage is gone.
            if fs::symlink_metadata(&paths[*place]).is_ok() {
                broken.push(Broken::new(root, &paths[*place], damage));
            }
        }
        let started = Instant::now();
        let collected = collect(&host);
        let elapsed = started.elapsed();
        while broken.pop().is_some() {}
        assert!(elapsed < LONGEST, "it takes {elapsed:?}");
        let failed: Vec<_> = collected.gaps.iter().filter(|gap| gap.reason.contains("defect")).collect();
        assert!(failed.is_empty(), "{failed:?}");
        let after = document::printed(&collected);
        assert_eq!(region::objections(&after), [""; 0]);
        if let [(place, _)] = places.as_slice() {
            let path = paths[*place].strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
            check_unconcerned(&path, &before, &after);
        }
        Ok(())
    });
    if let Err(error) = outcome {
        let names = |place: usize| paths.get(place).map(|path| path.display().to_string());
        let told: Vec<_> = match &error {
            proptest::test_runner::TestError::Fail(_, places) => {
                places.iter().map(|(place, _)| names(*place)).collect()
            }
            proptest::test_runner::TestError::Abort(_) => Vec::new(),
        };
        panic!("{told:?}: {error}");
    }
}

/// Each file, link and directory of the small machine, one after another, in each way.
#[test]
fn any_single_damage_leaves_the_rest() {
    let tree = machine::small();
    let host = Host::at(tree.root());
    let before = tree.told().0;
    let ways = [
        Damage::Delete,
        Damage::Truncate(0),
        Damage::Garbage(vec![0xff, 0, b'1', 0x80]),
        Damage::Directory,
        Damage::Fifo,
        Damage::Loop,
        Damage::Dangling,
        Damage::Huge(17 << 20),
    ];
    let mut changes = 0;
    for path in paths(tree.root()) {
        for damage in &ways {
            let broken = Broken::new(tree.root(), &path, damage);
            let collected = collect(&host);
            drop(broken);
            let told = path.strip_prefix(tree.root()).expect("below the root").to_string_lossy().into_owned();
            let after = document::printed(&collected);
            assert_eq!(region::objections(&after), [""; 0], "{told} {damage:?}");
            assert!(!collected.gaps.iter().any(|gap| gap.reason.contains("defect")), "{told}: {:?}", collected.gaps);
            check_unconcerned(&told, &before, &after);
            changes += usize::from(before != after);
        }
    }
    assert!(changes > 500, "only {changes} damages made a difference, so they were none");
}

#[test]
fn random_damage_leaves_the_rest() {
    damage_often(machine::small().root());
}

#[test]
fn random_damage_to_real_machines_leaves_the_rest() {
    let Some(shared) = shared::folder() else { return };
    for name in ["own-firecracker-vm", "qemu-q35", "synth-server"] {
        damage_often(&shared::unpack_as_referenced(&shared, name).root);
    }
}
