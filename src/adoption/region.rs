//! The files and scripts that `shakedown region` installs in a region: compares the wanted ones with those there, and removes them again.

use std::collections::BTreeSet;

use super::binary::{Architecture, Binary, of_file_name, sum};
use super::profiles::{CARRIER, Profiles};
use super::script::{self, Contents, From, TAG};
use crate::region::{Client, Error, StoredFile, StoredScript};
use crate::script::ScriptType;

/// The project's own scripts that a region can have in addition, as name and text.
pub const SITE_SCRIPTS: [(&str, &str); 18] = {
    macro_rules! script {
        ($folder:literal, $name:literal) => {
            ($name, include_str!(concat!("../../scripts/", $folder, "/", $name)))
        };
    }
    [
        script!("commissioning", "shakedown-accept"),
        script!("commissioning", "shakedown-kernel-cmdline"),
        script!("commissioning", "shakedown-list-modaliases"),
        script!("commissioning", "shakedown-machine-resources"),
        script!("commissioning", "shakedown-serial-ports"),
        script!("testing", "shakedown-cpu"),
        script!("testing", "shakedown-disk-read"),
        script!("testing", "shakedown-disk-scan"),
        script!("testing", "shakedown-disk-write"),
        script!("testing", "shakedown-gpu"),
        script!("testing", "shakedown-memory"),
        script!("testing", "shakedown-network"),
        script!("testing", "shakedown-network-smoke"),
        script!("testing", "shakedown-pcie"),
        script!("testing", "shakedown-smartctl-conveyance"),
        script!("testing", "shakedown-smartctl-long"),
        script!("testing", "shakedown-smartctl-short"),
        script!("testing", "shakedown-smartctl-validate"),
    ]
};

/// The programs and scripts that a region is to have.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The programs, one for each architecture.
    pub binaries: Vec<Binary>,
    /// Address of a folder on a web server of the site that has the programs; `None` when the region stores them.
    pub site: Option<String>,
    /// The CA certificates that machines are to trust, in PEM; empty when they use those of their systems.
    pub certificates: String,
    /// The chosen names of [`SITE_SCRIPTS`].
    pub scripts: Vec<&'static str>,
    /// Profiles for [`CARRIER`]; `None` leaves those that it carries.
    pub profiles: Option<Profiles>,
}

/// One change of a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A program is uploaded.
    Upload {
        /// The name of its file.
        file: String,
        /// Size of the file, in bytes.
        bytes: usize,
    },
    /// A script with this name is created.
    Create(String),
    /// The script with this name gets a new version.
    Replace {
        /// The name.
        name: String,
        /// True if somebody else made the version that is the newest so far, which the region keeps.
        was_changed: bool,
    },
    /// The script with this name is deleted, with all its versions.
    DeleteScript(String),
    /// The program with this file name is deleted, since no script asks for it any more.
    DeleteFile(String),
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Change::Upload { file, bytes } => write!(f, "upload {file} ({bytes} bytes)"),
            Change::Create(name) => write!(f, "make script {name}"),
            Change::Replace { name, was_changed: false } => write!(f, "make a new version of script {name}"),
            Change::Replace { name, was_changed: true } => {
                write!(
                    f,
                    "make a new version of script {name} (the one there was changed by somebody; the region keeps it)"
                )
            }
            Change::DeleteScript(name) => write!(f, "delete script {name}"),
            Change::DeleteFile(name) => write!(f, "delete file {name}"),
        }
    }
}

/// The programs and scripts of this project that a region has.
#[derive(Clone, Debug, Default)]
pub struct Present {
    /// The programs, packed.
    pub files: Vec<StoredFile>,
    /// The scripts with the tag of `shakedown region install`.
    pub scripts: Vec<StoredScript>,
    /// The names of all other scripts in the region.
    pub others: BTreeSet<String>,
}

impl Present {
    /// Reads files and scripts from the region's API.
    ///
    /// # Errors
    /// The region gave no answer, or refused the request.
    pub async fn ask(client: &Client) -> Result<Present, Error> {
        let files = client.files("shakedown-").await?;
        let (scripts, others): (Vec<_>, Vec<_>) =
            client.scripts().await?.into_iter().partition(|script| script.tags.iter().any(|tag| tag == TAG));
        Ok(Present {
            files: files.into_iter().filter(|file| of_file_name(&file.name).is_some()).collect(),
            scripts,
            others: others.into_iter().map(|script| script.name).collect(),
        })
    }

    fn file(&self, name: &str) -> Option<&StoredFile> {
        self.files.iter().find(|file| file.name == name)
    }

    fn script(&self, name: &str) -> Option<&StoredScript> {
        self.scripts.iter().find(|script| script.name == name)
    }

    /// The changes that remove what was put into a region: scripts first, then the programs that they ask for. Scripts that somebody has
    /// changed since stay, with their programs, unless `with_changed`.
    #[must_use]
    pub fn removal(&self, with_changed: bool) -> Vec<Change> {
        let (gone, kept): (Vec<_>, Vec<_>) =
            self.scripts.iter().partition(|script| with_changed || !was_changed(script));
        let is_idle = |file: &&StoredFile| !kept.iter().any(|script| asks_for(&script.content, file));
        let scripts = gone.into_iter().map(|script| Change::DeleteScript(script.name.clone()));
        let files = self.files.iter().filter(is_idle).map(|file| Change::DeleteFile(file.name.clone()));
        scripts.chain(files).collect()
    }

    /// The paths on the region that a script takes a program from and where the region has none; in a region that is as it should be, none.
    #[must_use]
    pub fn missing_of(&self, script: &StoredScript) -> Vec<String> {
        let text = String::from_utf8_lossy(&script.content);
        let paths = text.lines().filter_map(|line| line.trim().strip_prefix("path='")?.split('\'').next());
        let is_missing = |path: &&str| !path.is_empty() && !self.files.iter().any(|file| file.address == **path);
        paths.filter(is_missing).map(str::to_owned).collect()
    }

    /// Version and architecture of each program in the region whose path the script's text contains.
    #[must_use]
    pub fn programs_of<'a>(&'a self, script: &StoredScript) -> Vec<(&'a str, Architecture)> {
        let asked = self.files.iter().filter(|file| asks_for(&script.content, file));
        asked.filter_map(|file| of_file_name(&file.name)).collect()
    }
}

/// True if the text of a script has the path of a file.
fn asks_for(content: &[u8], file: &StoredFile) -> bool {
    String::from_utf8_lossy(content).contains(&file.address)
}

/// The comment of a version that this program uploads: who made it, and the beginning of its SHA-256, so that it is known for its own.
fn comment(text: &[u8]) -> String {
    format!("shakedown {} ({})", env!("CARGO_PKG_VERSION"), &sum(text)[..12])
}

/// True if somebody else made the newest version of a script that [`make`] had put there.
#[must_use]
pub fn was_changed(script: &StoredScript) -> bool {
    !script.comment.ends_with(&format!("({})", &sum(&script.content)[..12]))
}

impl Wanted {
    /// Name and text of each script that the region is to have. A program that is not uploaded yet has an empty path in the text.
    #[must_use]
    pub fn contents(&self, present: &Present, region: &str) -> Vec<(String, String)> {
        let binaries = self.places(present);
        let contents = Contents { binaries: &binaries, region, certificates: &self.certificates };
        let own = [ScriptType::Commissioning, ScriptType::Testing]
            .map(|kind| (script::name(kind), script::script(kind, &contents)));
        let chosen = SITE_SCRIPTS.iter().filter(|(name, _)| self.scripts.contains(name));
        let text = |name: &str, text: &str| script::tagged(&self.with_profiles(present, name, text));
        own.into_iter().chain(chosen.map(|(name, own)| ((*name).to_owned(), text(name, own)))).collect()
    }

    /// The script with its profiles, if it carries some: the wanted ones, else those that the region's script has already.
    fn with_profiles(&self, present: &Present, name: &str, text: &str) -> String {
        if name != CARRIER {
            return text.to_owned();
        }
        let there = || present.script(name).map(|script| Profiles::kept(Profiles::carried_by(&script.content)));
        self.profiles.clone().or_else(there).unwrap_or_default().put_into(text)
    }

    /// The preseed with which machines that boot an ephemeral system run the agent, also those that enlist, whose scripts are not the site's.
    #[must_use]
    pub fn preseed(&self, present: &Present, region: &str) -> String {
        let binaries = self.places(present);
        script::preseed(&Contents { binaries: &binaries, region, certificates: &self.certificates })
    }

    fn places(&self, present: &Present) -> Vec<(Binary, From)> {
        let place = |binary: &Binary| match &self.site {
            Some(folder) => From::Site(format!("{}/{}", folder.trim_end_matches('/'), binary.file_name())),
            None => {
                From::Region(present.file(&binary.file_name()).map_or_else(String::new, |file| file.address.clone()))
            }
        };
        self.binaries.iter().map(|binary| (binary.clone(), place(binary))).collect()
    }

    /// The names of wanted scripts that the region already has and that `shakedown region install` did not put there.
    #[must_use]
    pub fn conflicts(&self, present: &Present, region: &str) -> Vec<String> {
        let names = self.contents(present, region).into_iter().map(|(name, _)| name);
        names.filter(|name| present.others.contains(name)).collect()
    }

    /// The programs that the region does not store yet; none when a web server of the site has them.
    #[must_use]
    pub fn uploads(&self, present: &Present) -> Vec<&Binary> {
        let is_wanted = |binary: &&Binary| self.site.is_none() && present.file(&binary.file_name()).is_none();
        self.binaries.iter().filter(is_wanted).collect()
    }

    /// All changes of scripts with their new text, then the deletion of programs that neither a new script nor its previous version asks
    /// for: a machine may still be running the previous version.
    #[must_use]
    pub fn changes(&self, present: &Present, region: &str) -> Vec<(Change, String)> {
        let contents = self.contents(present, region);
        let mut changes = Vec::new();
        for (name, text) in &contents {
            match present.script(name) {
                None => changes.push((Change::Create(name.clone()), text.clone())),
                Some(script) if script.content != text.as_bytes() => {
                    let change = Change::Replace { name: name.clone(), was_changed: was_changed(script) };
                    changes.push((change, text.clone()));
                }
                Some(_) => {}
            }
        }
        let is_asked_for = |file: &StoredFile| {
            let mut before = present.scripts.iter().flat_map(|script| {
                let is_replaced = changes
                    .iter()
                    .any(|(change, _)| matches!(change, Change::Replace { name, .. } if *name == script.name));
                // The version before the newest one after all these changes.
                [&script.content, if is_replaced { &script.content } else { &script.previous }]
            });
            contents.iter().any(|(_, text)| asks_for(text.as_bytes(), file)) || before.any(|text| asks_for(text, file))
        };
        let idle = present.files.iter().filter(|file| !is_asked_for(file));
        let idle: Vec<_> = idle.map(|file| (Change::DeleteFile(file.name.clone()), String::new())).collect();
        changes.extend(idle);
        changes
    }
}

/// Makes one change in the region; `text` is the new text of the script. A script is tagged by its own header, in the request that creates it.
///
/// # Errors
/// The region gave no answer, or refused the change.
pub async fn make(client: &Client, change: &Change, text: &str) -> Result<(), Error> {
    let comment = comment(text.as_bytes());
    match change {
        Change::Create(_) => client.create_script(text.as_bytes(), &comment).await,
        Change::Replace { name, .. } => client.replace_script(name, text.as_bytes(), &comment).await,
        Change::DeleteScript(name) => client.delete_script(name).await,
        Change::DeleteFile(name) => client.delete_file(name).await,
        // Uploads are made elsewhere, by the caller, who has the bytes.
        Change::Upload { .. } => Ok(()),
    }
}
