//! A disk that fails below the program, and a machine that is short of file descriptors.

use std::path::{Path, PathBuf};
use std::process::Command;

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

use super::support::left_out;
use super::support::program::Program;

/// `fault.c`, compiled.
pub(crate) struct Library(PathBuf);

impl Library {
    /// `None` where there is no C compiler, which is told.
    pub(crate) fn build(home: &Path) -> Option<Library> {
        let library = home.join("fault.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/promise/fault.c");
        let built = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).status();
        if built.is_ok_and(|status| status.success()) {
            return Some(Library(library));
        }
        left_out::say("faults of the disk in random runs: there is no C compiler");
        None
    }
}

/// What goes wrong on this machine in a run.
#[derive(Clone, Debug)]
pub(crate) enum LocalFault {
    /// File operations fail.
    Files { library: PathBuf, path: &'static str, operation: &'static str, errno: i32, skip: u32, times: u32 },
    /// So many file descriptors, and no more.
    Descriptors(u32),
}

impl LocalFault {
    /// In half of the runs the machine is sound.
    pub(crate) fn any(random: &mut StdRng, library: &Library) -> Option<LocalFault> {
        /// Outputs, result files, the journal, the scripts, all that a run keeps.
        const PATHS: [&str; 7] = ["/out/", ".yaml", ".out", "journal.db", "/scripts/", "storage/", "state/"];
        const OPERATIONS: [&str; 4] = ["open", "read", "write", "sync"];
        if random.random_bool(0.5) {
            return None;
        }
        if random.random_bool(0.15) {
            return Some(LocalFault::Descriptors(random.random_range(40..90)));
        }
        let operation = OPERATIONS.choose(random).copied().unwrap_or("read");
        let errno = match operation {
            "open" => *[libc_errno("EMFILE"), libc_errno("EIO"), libc_errno("ENOSPC")].choose(random).unwrap_or(&5),
            "read" | "sync" => libc_errno("EIO"),
            _ => *[libc_errno("EIO"), libc_errno("ENOSPC")].choose(random).unwrap_or(&5),
        };
        Some(LocalFault::Files {
            library: library.0.clone(),
            path: PATHS.choose(random).copied().unwrap_or("/out/"),
            operation,
            errno,
            skip: random.random_range(0..12),
            // A want of descriptors is waited for, so it passes.
            times: random.random_range(u32::from(errno == libc_errno("EMFILE"))..4),
        })
    }

    /// All reads of files with `path` in their names fail, but for the first ones.
    pub(crate) fn reads(library: &Library, path: &'static str, skip: u32) -> LocalFault {
        let errno = libc_errno("EIO");
        LocalFault::Files { library: library.0.clone(), path, operation: "read", errno, skip, times: 0 }
    }

    pub(crate) fn strike(&self, program: Program) -> Program {
        match self {
            LocalFault::Descriptors(number) => program.through(&["prlimit", &format!("--nofile={number}:{number}")]),
            LocalFault::Files { library, path, operation, errno, skip, times } => program
                .env("LD_PRELOAD", library)
                .env("FAULT_PATH", path)
                .env("FAULT_OP", operation)
                .env("FAULT_ERRNO", errno.to_string())
                .env("FAULT_SKIP", skip.to_string())
                .env("FAULT_TIMES", times.to_string()),
        }
    }
}

/// An error's number by its name.
fn libc_errno(name: &str) -> i32 {
    match name {
        "EMFILE" => nix::errno::Errno::EMFILE as i32,
        "ENOSPC" => nix::errno::Errno::ENOSPC as i32,
        _ => nix::errno::Errno::EIO as i32,
    }
}
