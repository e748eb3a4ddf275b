//! A folder with all that a page takes for granted, regions for it, and its command lines at work there.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use shakedown::host::Host;
use shakedown::sandbox::{Acquaintance, Library, NodeStatus, Options, Sandbox};
use tempfile::TempDir;
use tokio::process::Command;

use crate::disks::{self, Machine};
use crate::page::Line;
use crate::support::{left_out, until};

/// Programs whose lines run here.
pub(crate) const PROGRAMS: [&str; 2] = ["shakedown", "packaging/image/user-data"];
/// Those that stay until they are told to end.
const STAY: [&str; 2] = ["shakedown watch", "shakedown sandbox"];
/// A command runs scripts; on a machine that compiles meanwhile this may take its time. Longer means that it hangs.
const LIMIT: Duration = Duration::from_secs(400);

/// The machine that a line is about, if it is not the deployed one.
const ROOTS: [(&str, &str); 2] = [("shakedown run --url", "bare"), ("shakedown run", "ephemeral")];

/// What stands in a line, in lines that begin so, and what stands there for here; `+` adds to the end, the first that
/// fits. In braces: see `Around`.
const STAND_INS: [(&str, &str, &str); 24] = [
    ("shakedown run", "http://region:5240/MAAS", "{stranger}"),
    ("shakedown register-machine", "http://region:5240/MAAS", "{deployed}"),
    ("shakedown get-machine-token", "http://region:5240/MAAS", "{deployed}"),
    ("shakedown get-machine-token", "SYSTEM_ID", "{system-id}"),
    ("shakedown region", "http://region:5240/MAAS", "{deployed}"),
    // Where the files of the system are else.
    ("shakedown run", "+", " storage"),
    ("shakedown register-machine", "+", " --base-dir base"),
    ("shakedown get-machine-token", "+", " --base-dir base"),
    // The program as it is tested is no static one.
    ("shakedown region install", "+", " --binary x86_64=scripts/testing/shakedown-disk-read"),
    // No test asks a drive of the machine that it runs on; what waits between two looks at a self-test need not here.
    ("shakedown inventory disk sda", "+", " --root {disks}"),
    ("shakedown inventory finding", "+", " --root {disks}"),
    ("shakedown disk list", "+", " --root {disks} --smartctl {smartctl}"),
    ("shakedown disk show", "+", " --root {disks} --smartctl {smartctl}"),
    ("shakedown disk test", "+", " --root {disks} --smartctl {smartctl} --poll 0.02"),
    // A disk may be somebody's, and busy; a file on it is read as a disk is.
    ("shakedown test disk", "sda", "{file}"),
    // A disk of this machine may be kept from programs; without that the end is 0.
    ("shakedown test all", "+", " --seconds 12 || [ $? = 3 ]"),
    // Two machines, which are this one: the first line waits for the second.
    ("shakedown test network --listen", "192.0.2.7", "127.0.0.1:47878"),
    ("shakedown test network --peer", "192.0.2.7", "127.0.0.1:47878"),
    (
        "shakedown test network --listen",
        "+",
        " --seconds 120 >listens 2>&1 & until grep -q wait listens; do sleep 0.1; done",
    ),
    ("shakedown test network --peer", "+", " --seconds 5 --level smoke"),
    // A script that only looks may have one of this machine's.
    ("shakedown try", "/dev/sda", "{disk}"),
    // Where the package puts them.
    ("shakedown demo --scripts", "/usr/share/shakedown/scripts", "scripts"),
    ("shakedown demo --scripts", "+", ""),
    // What it does with its own scripts takes minutes.
    ("shakedown demo", "+", " --scripts scripts/commissioning demo"),
];

/// Whether a line is for here.
pub(crate) fn is_ours(line: &Line) -> bool {
    PROGRAMS.iter().any(|program| begins(&line.text, program))
}

/// The folder.
pub(crate) struct Scene {
    home: TempDir,
    disks: Machine,
}

/// The regions of one line, each as if nobody had been there yet.
struct Around {
    node: Sandbox,
    deployed: Sandbox,
    stranger: Sandbox,
}

async fn region(change: impl FnOnce(&mut Options)) -> Sandbox {
    let scripts = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scripts/commissioning");
    let mut library = Library::read(&[scripts]).expect("the scripts of the project");
    // `region install` puts this one there itself.
    library.scripts.retain(|script| script.name != "shakedown-accept");
    let mut options = Options::new(library);
    change(&mut options);
    Sandbox::start(options).await.expect("the loopback can be listened on")
}

impl Around {
    async fn new() -> Around {
        let deployed = region(|options| options.status = NodeStatus::Deployed).await;
        let recording = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/machines/emulated-server.resources.json");
        let printed = fs::read(recording).expect("a recording");
        deployed.add_machine("node-1", &[("50-maas-01-commissioning", &printed)]);
        let stranger = region(|options| options.acquaintance = Acquaintance::Stranger).await;
        Around { node: region(|_| {}).await, deployed, stranger }
    }
}

impl Scene {
    pub(crate) fn new() -> Scene {
        let scene = Scene { home: tempfile::tempdir().expect("a temporary directory"), disks: self_testing() };
        let project = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let program = PathBuf::from(env!("CARGO_BIN_EXE_shakedown"));
        for folder in ["bin", "work/packages", "bare", "ephemeral/etc/cloud/cloud.cfg.d", "deployed/etc/maas"] {
            fs::create_dir_all(scene.path(folder)).expect("a new folder");
        }
        // By which the region knows a machine that enlists.
        for (file, text) in [("address", "52:54:00:aa:86:01\n"), ("device/vendor", "0x8086\n")] {
            let place = scene.path("bare/sys/class/net/eno1").join(file);
            fs::create_dir_all(place.parent().expect("a folder")).expect("a new folder");
            fs::write(place, text).expect("a small file");
        }
        let links = [
            (program.clone(), "bin/shakedown"),
            (program, "work/shakedown"),
            (project.join("scripts"), "work/scripts"),
            (project.join("packaging"), "work/packaging"),
            (project.join("tests/disk/fixtures/nvme-well-7.3.json"), "work/smartctl.json"),
            (project.join("tests/diagnosis/spoken.txt"), "work/dmesg.txt"),
        ];
        for (target, link) in links {
            symlink(target, scene.path(link)).expect("a link");
        }
        fs::write(scene.path("work/token"), "a secret of two machines\n").expect("a small file");
        for snapshot in ["machine", "before", "after"] {
            let place = scene.path(&format!("work/{snapshot}.tar.xz"));
            fs::copy(project.join("tests/machines/emulated-server.tar.xz"), place).expect("a small file");
        }
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The files with credentials, of regions that are there now.
    fn write_credentials(&self, around: &Around) {
        let files = [
            ("work/node.yaml", around.node.node_config()),
            ("ephemeral/etc/cloud/cloud.cfg.d/91_kernel_cmdline_url.cfg", around.node.node_config()),
            ("deployed/etc/maas/maas-machine-creds.yml", around.deployed.deployed_config()),
            ("work/key", around.deployed.api_key()),
        ];
        for (file, text) in files {
            fs::write(self.path(file), text).expect("a small file");
        }
    }

    /// Runs a line as it stands; it has to end well.
    pub(crate) async fn execute(&self, line: &Line) -> Result<(), String> {
        let around = Around::new().await;
        self.write_credentials(&around);
        let Some(text) = self.stand_in(&line.text, &around) else {
            return Ok(());
        };
        let stays = STAY.iter().any(|start| begins(&text, start));
        let mut command = Command::new("sh");
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap_or_default());
        // The signal that ends it is for the program, not for the shell.
        command
            .arg("-c")
            .arg(format!("{}{text}", if stays { "exec " } else { "" }))
            .current_dir(self.path("work"))
            .env("PATH", path);
        command
            .env("SHAKEDOWN_STATE_DIR", self.path("state"))
            .env_remove("SHAKEDOWN_LOG")
            .env_remove("SHAKEDOWN_CONFIG");
        command.env("NO_PROXY", "*").env("no_proxy", "*").stdin(Stdio::null()).kill_on_drop(true);
        // What acts for a machine has no option that says which.
        let root = ROOTS.iter().find(|(start, _)| begins(&line.text, start)).map_or("deployed", |(_, root)| *root);
        command.env("SHAKEDOWN_TEST_ROOT", self.path(root));
        let output = if stays {
            self.see_it_stay(command, &around).await
        } else {
            tokio::time::timeout(LIMIT, command.output()).await.expect("it ends").expect("sh is there")
        };
        if output.status.success() {
            return Ok(());
        }
        let Line { page, number, text: shown, .. } = line;
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Err(format!("{page}:{number}: `{shown}`, here `{text}`: {}\n{stdout}{stderr}", output.status))
    }

    /// Until it is up: it has printed something, or its region has heard of it.
    async fn see_it_stay(&self, mut command: Command, around: &Around) -> Output {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let log = self.path(&format!("log{}", COUNT.fetch_add(1, Ordering::Relaxed)));
        let file = fs::File::create(&log).expect("a new file");
        let child = command.stdout(file).stderr(Stdio::piped()).spawn().expect("sh is there");
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).expect("it has just begun");
        until("it is up", || {
            fs::metadata(&log).is_ok_and(|file| file.len() > 0) || !around.deployed.requests().is_empty()
        })
        .await;
        kill(Pid::from_raw(pid), Signal::SIGTERM).expect("one's own child");
        tokio::time::timeout(LIMIT, child.wait_with_output()).await.expect("it ends").expect("its end is seen")
    }

    /// The line for here; none, which is told, where this machine has not what it needs.
    fn stand_in(&self, line: &str, around: &Around) -> Option<String> {
        let mut text = line.to_owned();
        for (_, word, instead) in STAND_INS.iter().filter(|(start, word, _)| *word != "+" && begins(line, start)) {
            text = text.replace(word, instead);
        }
        let end = STAND_INS.iter().find(|(start, word, _)| *word == "+" && begins(line, start));
        text.push_str(end.map_or("", |(.., end)| end));
        let disk = Host::live().disks().first().map(shakedown::host::Disk::path);
        if text.contains("{disk}") && disk.is_none() {
            left_out::say(&format!("`{line}`: this machine has no disk"));
            return None;
        }
        let values = [
            ("{stranger}", around.stranger.url()),
            ("{deployed}", around.deployed.url()),
            ("{system-id}", around.deployed.system_id()),
            ("{disks}", self.disks.path("root").display().to_string()),
            ("{smartctl}", self.disks.smartctl().display().to_string()),
            ("{file}", env!("CARGO_BIN_EXE_shakedown").to_owned()),
            ("{disk}", disk.unwrap_or_default()),
        ];
        Some(values.iter().fold(text, |text, (name, value)| text.replace(name, value)))
    }
}

/// Whether a line's first words are these.
fn begins(line: &str, words: &str) -> bool {
    line.strip_prefix(words).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// A machine with one disk that passes its short self-test.
fn self_testing() -> Machine {
    let (well, end) = (disks::ata(), disks::ata_after(0, "Short offline"));
    let machine = Machine::with("sda", &well);
    for (answer, report) in [("look", &well), ("look.1", &disks::ata_running(90)), ("look.2", &end), ("x.1", &end)] {
        machine.answer("/dev/sda", answer, report);
    }
    machine
}
