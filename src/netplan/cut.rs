//! What is left in `/etc/netplan` when the power fails, or this program is killed, between any two changes: tried out for each of them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use super::Error;
use super::files::{Place, Record};
use super::step::{Step, part, perform};
use crate::host::Host;

const GIVEN: &[u8] = b"network: {version: 2}";

/// Number of the file, mode, owner, content or target: what a file is, wherever it went meanwhile.
type Shape = BTreeMap<String, (u64, u32, u32, Vec<u8>)>;

struct Machine {
    root: tempfile::TempDir,
    place: Place,
    before: Shape,
}

impl Machine {
    fn new() -> Machine {
        let root = tempfile::tempdir().expect("a temporary directory");
        let netplan = root.path().join("etc/netplan");
        fs::create_dir_all(netplan.join("folder")).expect("directories");
        for (name, text, mode) in [
            ("50-cloud-init.yaml", "network: {version: 2, ethernets: {eth0: {dhcp4: true}}}", 0o600),
            ("90-site.yaml", "network: {}", 0o640),
            ("README", "not for netplan", 0o644),
            (".hidden.yaml", "not for netplan either", 0o600),
            ("folder/x.yaml", "nor this", 0o600),
        ] {
            fs::write(netplan.join(name), text).expect("a small file");
            fs::set_permissions(netplan.join(name), fs::Permissions::from_mode(mode)).expect("one's own file");
        }
        symlink("../elsewhere.yaml", netplan.join("60-link.yaml")).expect("a link");
        let place = Place::of(&Host::at(root.path()));
        let before = shape(&netplan);
        Machine { root, place, before }
    }

    fn netplan(&self) -> PathBuf {
        self.root.path().join("etc/netplan")
    }

    fn plan_in(&self) -> Vec<Step> {
        let files = self.place.own_files().expect("files of the test");
        let record = Record { script: "x".into(), since: "now".into(), files, up: Vec::new(), links: Vec::new() };
        self.place.plan_in(&record, GIVEN).expect("a record")
    }

    /// Back to the end, as the next start does it.
    fn recover(&self) {
        if !self.place.is_in_use() {
            return;
        }
        if !self.place.is_unchanged() {
            let (steps, _) = self.place.plan_back().expect("a directory");
            self.perform_watched(&steps);
        }
        perform(&self.place.plan_end()).expect("nothing stands in the way");
    }

    /// At every instant either the own files are there or the given one is.
    fn perform_watched(&self, steps: &[Step]) {
        for step in steps {
            step.perform().unwrap_or_else(|error| panic!("{step:?}: {error}"));
            self.assert_configured(step);
        }
    }

    fn assert_configured(&self, after: &Step) {
        let now = shape(&self.netplan());
        let own = self.before.iter().all(|(name, file)| now.get(name) == Some(file));
        let given = now.get("shakedown-configured.yaml").is_some_and(|(.., content)| content == GIVEN);
        assert!(own || given, "after {after:?} there is only {:?}", now.keys());
    }
}

fn shape(directory: &Path) -> Shape {
    let entries = fs::read_dir(directory).expect("a directory").flatten();
    let shape = entries.filter(|entry| entry.file_name() != ".shakedown").map(|entry| {
        let meta = entry.path().symlink_metadata().expect("a file");
        let content = match fs::read_link(entry.path()) {
            Ok(target) => target.into_os_string().into_encoded_bytes(),
            Err(_) if meta.is_dir() => Vec::new(),
            Err(_) => fs::read(entry.path()).expect("a file"),
        };
        (entry.file_name().into_string().expect("UTF-8"), (meta.ino(), meta.mode(), meta.uid(), content))
    });
    shape.collect()
}

/// What a write leaves that is cut off.
fn tear(step: Option<&Step>) {
    if let Some(Step::Write(path, bytes)) = step {
        fs::write(part(path), &bytes[..bytes.len() / 2]).expect("a small file");
    }
}

#[test]
fn wherever_it_is_cut_off_every_file_comes_back_and_the_directory_is_never_empty() {
    let steps_in = Machine::new().plan_in().len();
    for cut_in in 0..=steps_in {
        for cut_back in 0.. {
            let machine = Machine::new();
            let steps = machine.plan_in();
            machine.perform_watched(&steps[..cut_in]);
            tear(steps.get(cut_in));
            let back =
                if machine.place.is_in_use() { machine.place.plan_back().expect("a directory").0 } else { Vec::new() };
            let all: Vec<Step> = back.into_iter().chain(machine.place.plan_end()).collect();
            machine.perform_watched(&all[..cut_back]);
            machine.recover();
            assert_eq!(
                shape(&machine.netplan()),
                machine.before,
                "cut off after {cut_in} steps in and {cut_back} back"
            );
            assert!(!machine.place.is_in_use());
            if cut_back == all.len() {
                break;
            }
        }
    }
}

#[test]
fn the_record_is_there_before_anything_is_changed() {
    let machine = Machine::new();
    for step in machine.plan_in() {
        let is_change = matches!(&step, Step::Rename(..));
        assert!(!is_change || machine.place.record().is_some(), "{step:?}");
        step.perform().expect("nothing stands in the way");
    }
    let record = machine.place.record().expect("it was written");
    assert_eq!(record.files, ["50-cloud-init.yaml", "60-link.yaml", "90-site.yaml", "README"]);
    let names: Vec<String> = shape(&machine.netplan()).into_keys().collect();
    assert_eq!(
        names,
        [".hidden.yaml", "folder", "shakedown-configured.yaml"],
        "what netplan reads is the given one alone"
    );
    let mode = fs::metadata(machine.place.given()).expect("the given file").mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn without_its_record_all_comes_back_too() {
    let machine = Machine::new();
    perform(&machine.plan_in()).expect("nothing stands in the way");
    fs::write(machine.netplan().join(".shakedown/record.json"), "half").expect("a small file");
    machine.recover();
    assert_eq!(shape(&machine.netplan()), machine.before);
}

#[test]
fn what_a_script_wrote_is_kept_but_not_in_force() {
    let machine = Machine::new();
    perform(&machine.plan_in()).expect("nothing stands in the way");
    fs::write(machine.netplan().join("50-cloud-init.yaml"), "in the place of an own one").expect("a small file");
    fs::create_dir(machine.netplan().join("90-site.yaml")).expect("a directory");
    fs::write(machine.netplan().join("99-new.yaml"), "new").expect("a small file");
    fs::write(machine.netplan().join("99-new.yaml.shakedown-left"), "older").expect("a small file");
    machine.recover();
    let now = shape(&machine.netplan());
    assert!(machine.before.iter().all(|(name, file)| now.get(name) == Some(file)), "{now:?}");
    let left: Vec<&str> = now.keys().filter(|name| name.contains("-left")).map(String::as_str).collect();
    assert_eq!(
        left,
        [
            "50-cloud-init.yaml.shakedown-left",
            "90-site.yaml.shakedown-left",
            "99-new.yaml.shakedown-left",
            "99-new.yaml.shakedown-left.2"
        ]
    );
    assert!(!now.contains_key("99-new.yaml"));
}

#[test]
fn what_could_not_be_put_back_is_not_begun() {
    let machine = Machine::new();
    let yaml = shape(&machine.netplan()).into_keys().filter(|name| name.ends_with(".yaml") && !name.starts_with('.'));
    let yaml: Vec<PathBuf> = yaml.map(|name| machine.netplan().join(name)).collect();
    fs::write(machine.netplan().join("shakedown-configured.yaml"), "of somebody").expect("a small file");
    assert!(matches!(machine.place.own_files(), Err(Error::InTheWay(_))));
    fs::remove_file(machine.place.given()).expect("it is there");
    fs::create_dir(machine.place.given()).expect("a directory");
    assert!(matches!(machine.place.own_files(), Err(Error::InTheWay(_))), "it could be neither replaced nor removed");
    fs::remove_dir(machine.place.given()).expect("it is there");
    for path in yaml {
        fs::remove_file(path).expect("it is there");
    }
    assert!(matches!(machine.place.own_files(), Err(Error::NothingToPutBack(_))));
}

#[test]
fn two_at_a_time_keep_out_of_each_others_way() {
    let machine = Machine::new();
    let held = machine.place.lock().expect("nobody else");
    assert!(matches!(machine.place.lock(), Err(Error::Busy)));
    drop(held);
    machine.place.lock().expect("nobody else any more");
}
