//! The tests of a file once more, on a kernel as old as those of Ubuntu 18.04 and RHEL 8: one without `openat2`, handles of processes, and
//! all else that came after 4.15.

use std::path::Path;
use std::process::{Command, Stdio};

/// Runs tests of this file by the name, under a filter of calls, and tells whether they pass there.
pub(crate) fn again(names: &[&str], but: &[&str], say: impl Fn(&str)) {
    // As the kernel answers, and as a container's profile of calls does.
    for (errno, names) in [("38", names), ("1", &names[..1])] {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/dev/old-kernel");
        let mut command = Command::new("python3");
        command.arg(program).args(["--errno", errno]).arg(std::env::current_exe().expect("a test file"));
        command.args(names).args(but.iter().flat_map(|name| ["--skip", name])).stdin(Stdio::null());
        let told = match command.output() {
            Ok(ended) if ended.status.code() != Some(77) => ended,
            _ => return say("an old kernel: this needs python3 and filters of calls (seccomp)"),
        };
        let text = String::from_utf8_lossy(&told.stdout);
        assert!(
            told.status.success() && text.contains("test result: ok"),
            "errno {errno}: {text}{}",
            String::from_utf8_lossy(&told.stderr)
        );
        assert!(!text.contains(" 0 passed"), "{text}");
    }
}
