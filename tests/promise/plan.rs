//! The scripts of a run, and which of them prove a pass.

use rand::RngExt as _;
use rand::rngs::StdRng;
use shakedown::sandbox::{NodeStatus, Sandbox};

use super::support::{region as start, script};

/// What a script does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Exit 0, without a result file.
    Passes,
    /// Exit 0, and the result file says so, too.
    PassesInWriting,
    /// An exit status that is none of success.
    Fails(u8),
    /// Exit 0, and a result file that says failed.
    FailsInWriting,
    /// The same in a file of some hundred kilobytes.
    FailsAtLength,
    /// A result file that says passed, and then a signal.
    DiesAfterPassing(&'static str),
    /// Exit 0, and a pipe in the place of the result file.
    LeavesAPipe,
    /// Exit 0, and a directory in the place of the result file.
    LeavesADirectory,
    /// Exit 0, and a result file that says degraded.
    Degrades,
    /// Runs into its limit after a result file that says degraded.
    HangsAfterDegraded,
}

impl Deed {
    pub(crate) fn proves_a_pass(self) -> bool {
        matches!(self, Deed::Passes | Deed::PassesInWriting)
    }

    fn body(self) -> String {
        let written = |status: &str| format!("echo 'status: {status}' > \"$RESULT_PATH\"\n");
        match self {
            Deed::Passes => "echo fine\n".to_owned(),
            Deed::PassesInWriting => written("passed"),
            Deed::Fails(exit) => format!("echo broken\nexit {exit}\n"),
            Deed::FailsInWriting => written("failed"),
            Deed::FailsAtLength => written("failed") + "head -c 300000 /dev/zero | tr '\\0' '#' >> \"$RESULT_PATH\"\n",
            Deed::DiesAfterPassing(signal) => written("passed") + &format!("kill -{signal} $$\nsleep 5\n"),
            Deed::LeavesAPipe => "mkfifo \"$RESULT_PATH\"\n".to_owned(),
            Deed::LeavesADirectory => "mkdir \"$RESULT_PATH\"\n".to_owned(),
            Deed::Degrades => written("degraded"),
            Deed::HangsAfterDegraded => written("degraded") + "sleep 30\n",
        }
    }
}

/// A script.
pub(crate) struct Planned {
    pub(crate) name: String,
    pub(crate) deed: Deed,
    is_parallel: bool,
}

/// Some scripts. In a third of the runs all of them pass, so that a run can end well.
pub(crate) fn any(random: &mut StdRng) -> Vec<Planned> {
    let all_pass = random.random_bool(0.33);
    let deed = |random: &mut StdRng| match random.random_range(0..if all_pass { 2 } else { 15 }) {
        0 | 10 | 12 => Deed::Passes,
        1 | 11 => Deed::PassesInWriting,
        2 => Deed::Fails(random.random_range(1..=255)),
        3 | 13 => Deed::FailsInWriting,
        4 => Deed::FailsAtLength,
        5 => Deed::DiesAfterPassing("KILL"),
        6 => Deed::DiesAfterPassing("SEGV"),
        7 => Deed::LeavesAPipe,
        8 => Deed::LeavesADirectory,
        9 => Deed::Degrades,
        _ => Deed::HangsAfterDegraded,
    };
    (0..random.random_range(1..7))
        .map(|number| Planned { name: format!("s{number}"), deed: deed(random), is_parallel: random.random_bool(0.5) })
        .collect()
}

/// The region that hands them out, while it commissions or tests the machine.
pub(crate) async fn region(plan: &[Planned], commissions: bool) -> Sandbox {
    let (kind, status) =
        if commissions { ("commissioning", NodeStatus::Commissioning) } else { ("testing", NodeStatus::Testing) };
    let scripts: Vec<(String, String)> = plan
        .iter()
        .map(|planned| {
            let parallel = if planned.is_parallel { "any" } else { "disabled" };
            let timeout = if planned.deed == Deed::HangsAfterDegraded { 1 } else { 60 };
            let name = &planned.name;
            let header = format!("name: {name}\nscript_type: {kind}\nparallel: {parallel}\ntimeout: {timeout}");
            (format!("{kind}/{name}"), script(&header, &planned.deed.body()))
        })
        .collect();
    start(&scripts, |options| options.status = status).await
}
