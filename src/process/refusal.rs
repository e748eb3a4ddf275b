//! Reasons why the kernel does not run a file, in words that say what to do.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// Most bytes of a first line that the kernel looks at (`BINPRM_BUF_SIZE`, include/uapi/linux/binfmts.h).
const FIRST_LINE: u64 = 256;

/// Explains an error of a start, to be put after it; empty if the error says it all.
pub(super) fn explain(path: &Path, error: &io::Error) -> String {
    let interpreter = interpreter(path);
    match (error.raw_os_error(), interpreter) {
        // The kernel says of the script what it means of the interpreter.
        (Some(nix::libc::ENOENT), Some(name)) if name.ends_with('\r') => {
            ": its first line ends with a carriage return, as in Windows; remove those, for example with sed -i 's/\\r$//'".to_owned()
        }
        (Some(nix::libc::ENOENT), Some(name)) => format!(
            ": its first line asks for the interpreter {name}, which this machine does not have; install it, for example as a package \
             of the script, or correct the line"
        ),
        (Some(nix::libc::EACCES), Some(name)) if Path::new(&name).exists() => {
            ": the file or its interpreter is not executable, or its file system is mounted with noexec".to_owned()
        }
        (Some(nix::libc::ENOEXEC), None) => {
            ": it has no '#!' line that names its interpreter, and is no program for this machine's processor".to_owned()
        }
        _ => String::new(),
    }
}

/// The interpreter that the first line of a file names.
fn interpreter(path: &Path) -> Option<String> {
    // Nothing that could keep a reader waiting.
    if !path.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return None;
    }
    let mut start = Vec::new();
    File::open(path).ok()?.take(FIRST_LINE).read_to_end(&mut start).ok()?;
    let line = start.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    let name = line.trim_start_matches([' ', '\t']).split([' ', '\t']).next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// The explanation for a file with this content, which the kernel refuses to run.
    fn said(content: &str) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("script");
        std::fs::write(&path, content).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("executable");
        let error = loop {
            match std::process::Command::new(&path).spawn() {
                // Another test has just been forked and still holds the file open.
                Err(error) if error.raw_os_error() == Some(nix::libc::ETXTBSY) => {}
                Err(error) => break error,
                Ok(_) => panic!("{content:?} was run"),
            }
        };
        explain(&path, &error)
    }

    #[test]
    fn a_missing_interpreter_is_named() {
        let text = said("#! /no/such/python9 -u\n");
        assert!(text.contains("/no/such/python9, which this machine does not have"), "{text}");
        assert!(said("#!/bin/sh\r\necho\r\n").contains("carriage return"));
    }

    #[test]
    fn what_the_kernel_says_clearly_needs_no_explanation() {
        assert_eq!(explain(Path::new("/no/such/file"), &io::Error::from_raw_os_error(nix::libc::ENOENT)), "");
        assert_eq!(explain(Path::new("/dev"), &io::Error::from_raw_os_error(nix::libc::EACCES)), "");
    }
}
