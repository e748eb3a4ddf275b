//! Where the files of a run lie.

use std::path::{Path, PathBuf};

use super::Script;

/// The storage directory of a run.
///
/// `scripts/` holds the unpacked archive, `out/` what the scripts print, `config/netplan.yaml` the operator's networking,
/// `downloads/` what scripts fetch, in
/// `.packages` what is being fetched for them, `resources.json` what they tell each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The layout below a directory; creates nothing. Scripts run in directories of their own: to them every path is absolute.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Workspace { root: std::path::absolute(&root).unwrap_or(root) }
    }

    /// The directory itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The unpacked archive.
    #[must_use]
    pub fn scripts(&self) -> PathBuf {
        self.root.join("scripts")
    }

    /// The index of the unpacked archive.
    #[must_use]
    pub fn index(&self) -> PathBuf {
        self.scripts().join("index.json")
    }

    /// An archive while it is unpacked; emptied without a question.
    #[must_use]
    pub fn incoming(&self) -> PathBuf {
        self.root.join("incoming")
    }

    /// The directories below it, which need not be there.
    #[must_use]
    pub fn directories(&self) -> [PathBuf; 6] {
        let folder = |name: &str| self.root.join(name);
        [self.scripts(), self.out(), self.incoming(), folder("config"), folder("downloads"), self.packages()]
    }

    /// What scripts print.
    #[must_use]
    pub fn out(&self) -> PathBuf {
        self.root.join("out")
    }

    /// The networking that the operator configured for the deployed machine.
    #[must_use]
    pub fn netplan(&self) -> PathBuf {
        self.root.join("config").join("netplan.yaml")
    }

    /// `MAAS_RESOURCES_FILE`: written by the inventory script, read by later ones.
    #[must_use]
    pub fn resources(&self) -> PathBuf {
        self.root.join("resources.json")
    }

    /// What is fetched for scripts, until it is in their own directories. It is emptied without a question, so that its name is one
    /// that nobody else gives.
    #[must_use]
    pub fn packages(&self) -> PathBuf {
        self.root.join("downloads").join(".packages")
    }

    /// The executable of a script.
    #[must_use]
    pub fn executable(&self, script: &Script) -> PathBuf {
        self.scripts().join(&script.path)
    }

    /// The output files of a script.
    #[must_use]
    pub fn outputs(&self, script: &Script) -> Outputs {
        let stem = match script.result_id {
            Some(id) => format!("{}.{id}", script.name),
            None => script.name.clone(),
        };
        let at = |suffix: &str| self.out().join(format!("{stem}{suffix}"));
        Outputs {
            combined: at(""),
            stdout: at(".out"),
            stderr: at(".err"),
            result: at(".yaml"),
            sent: at(".yaml.sent"),
            end: at(".end"),
            bmc_config: at(".bmc"),
            download: self.root.join("downloads").join(&stem),
        }
    }
}

/// The directory of a script's downloads, by where its combined output lies; `None` where that is in no workspace.
#[must_use]
pub fn download_of(combined: &Path) -> Option<PathBuf> {
    let (out, stem) = (combined.parent()?, combined.file_name()?);
    (out.file_name()? == "out").then(|| out.with_file_name("downloads").join(stem))
}

/// The files of one script result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outputs {
    /// Both streams in the order in which they were read.
    pub combined: PathBuf,
    /// Standard output.
    pub stdout: PathBuf,
    /// Standard error.
    pub stderr: PathBuf,
    /// The result file (`RESULT_PATH`).
    pub result: PathBuf,
    /// The file that is sent as the result file: the script's own as it was judged, or another one where that may not decide or could not be stored.
    pub sent: PathBuf,
    /// How the script ended, for a start that does not find it in the journal.
    pub end: PathBuf,
    /// `BMC_CONFIG_PATH`.
    pub bmc_config: PathBuf,
    /// `DOWNLOAD_PATH`.
    pub download: PathBuf,
}
