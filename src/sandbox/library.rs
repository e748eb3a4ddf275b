//! The scripts that the sandbox knows, from folders of files with MAAS 1.0 headers.

use std::fs;
use std::path::{Path, PathBuf};

use super::Error;
use crate::script::{Header, ScriptType, Sheet};

/// Scripts of this project that stand in for one that every region brings along. A region lets nobody upload them under that name, and
/// this one hands them out under it, with the tag that those have which deployed machines run.
const STAND_INS: [(&str, &str, &[&str]); 4] = [
    ("shakedown-kernel-cmdline", "maas-kernel-cmdline", &[]),
    ("shakedown-list-modaliases", "maas-list-modaliases", &["deploy-info"]),
    ("shakedown-machine-resources", "20-maas-03-machine-resources", &["deploy-info"]),
    ("shakedown-serial-ports", "maas-serial-ports", &["deploy-info"]),
];

/// A script with its content.
#[derive(Clone, Debug)]
pub struct LibraryScript {
    /// Its name: the header's, else the file's.
    pub name: String,
    /// Its metadata.
    pub header: Header,
    /// The file.
    pub content: Vec<u8>,
    /// The region's number for this version of it.
    pub version_id: i64,
    /// The record that a region keeps of it.
    pub(super) sheet: Box<Sheet>,
    /// Its versions, oldest first.
    pub(super) history: Vec<Revision>,
}

/// A version of a script.
#[derive(Clone, Debug)]
pub(super) struct Revision {
    pub(super) id: i64,
    pub(super) comment: Option<String>,
    pub(super) content: Vec<u8>,
}

/// Scripts besides those named `maas-…` that every region brings along, and that nobody uploads or deletes there.
const BUILT_IN: &str = "20-maas-01-install-lldpd 30-maas-01-bmc-config 50-curtin-install 7z badblocks badblocks-destructive fio \
    gateway-connectivity internet-connectivity memtester ntp rack-controller-connectivity smartctl-conveyance smartctl-long \
    smartctl-short smartctl-validate stress-ng-cpu-long stress-ng-cpu-short stress-ng-memory-long stress-ng-memory-short wipe-disks";

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Library {
    /// By type, then name.
    pub scripts: Vec<LibraryScript>,
}

impl Library {
    /// Reads folders with everything below them. Hidden files and files that do not begin with `#!` are passed over.
    ///
    /// # Errors
    /// When a folder cannot be read, or the region would refuse a header.
    pub fn read(folders: &[PathBuf]) -> Result<Self, Error> {
        let mut files = Vec::new();
        for folder in folders {
            collect(folder, &mut files)?;
        }
        files.sort();
        let mut library = Library::default();
        let mut refused = Vec::new();
        for path in files {
            let content = fs::read(&path).map_err(|source| Error::File { path: path.clone(), source })?;
            if !content.starts_with(b"#!") {
                continue;
            }
            match Header::parse(&content) {
                Ok(header) => library.add(&path, header, content),
                Err(problems) => refused.push((path, problems)),
            }
        }
        if refused.is_empty() { Ok(library) } else { Err(Error::Headers(refused)) }
    }

    /// Adds one script; the folder says its type where the header does not.
    pub fn add(&mut self, path: &Path, mut header: Header, content: Vec<u8>) {
        let text = String::from_utf8_lossy(&content);
        if !text.contains("script_type:")
            && !text.lines().any(|line| line.trim_start_matches(['#', ' ']).starts_with("type:"))
        {
            let folder = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
            let by_folder = ScriptType::ALL.into_iter().find(|kind| Some(kind.folder()) == folder.as_deref());
            header.kind = by_folder.unwrap_or(header.kind);
        }
        let file_name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut name = header.name.clone().unwrap_or(file_name);
        if let Some((_, other, tags)) = STAND_INS.iter().find(|(own, ..)| *own == name) {
            name = (*other).to_owned();
            header.tags.extend(tags.iter().map(|tag| (*tag).to_owned()));
        }
        let version_id = self.next_id();
        let sheet = Box::new(Sheet::read(&content, &name, &header));
        let history = vec![Revision { id: version_id, comment: None, content: content.clone() }];
        self.scripts.push(LibraryScript { name, header, content, version_id, sheet, history });
        self.sort();
    }

    fn next_id(&self) -> i64 {
        let newest = self.scripts.iter().flat_map(|script| &script.history).map(|revision| revision.id).max();
        newest.map_or(2000, |id| id + 1)
    }

    fn sort(&mut self) {
        self.scripts.sort_by(|a, b| (a.header.kind, &a.name).cmp(&(b.header.kind, &b.name)));
    }

    /// Keeps an upload: a new script, or a new version of the one at that place.
    pub(super) fn store(
        &mut self,
        place: Option<usize>,
        sheet: Sheet,
        content: Option<Vec<u8>>,
        comment: Option<String>,
    ) -> &LibraryScript {
        let (id, name) = (self.next_id(), sheet.name.clone());
        let revision = content.map(|content| Revision { id, comment, content });
        if let Some(place) = place {
            self.scripts[place].change(sheet, revision);
        } else {
            let mut script = LibraryScript {
                name: String::new(),
                header: Header::default(),
                content: Vec::new(),
                version_id: id,
                sheet: Box::new(sheet.clone()),
                history: Vec::new(),
            };
            script.change(sheet, revision);
            self.scripts.push(script);
        }
        self.sort();
        let place = self.scripts.iter().position(|script| script.name == name).unwrap_or_default();
        &self.scripts[place]
    }

    /// The scripts of a type that were asked for by name or tag; without a wish, all that are not tagged `noauto`.
    pub(super) fn select<'a>(
        &'a self,
        kind: ScriptType,
        wanted: Option<&'a [String]>,
    ) -> impl Iterator<Item = &'a LibraryScript> {
        self.scripts.iter().filter(move |script| script.header.kind == kind).filter(move |script| match wanted {
            None => !script.header.tags.iter().any(|tag| tag == "noauto"),
            Some(words) => words.iter().any(|word| *word == script.name || script.header.tags.contains(word)),
        })
    }

    /// The scripts for a machine that the region does not know: only those that every region brings along.
    pub(super) fn for_strangers(&self) -> impl Iterator<Item = &LibraryScript> {
        self.select(ScriptType::Commissioning, None).filter(|script| script.is_built_in())
    }
}

impl LibraryScript {
    fn change(&mut self, sheet: Sheet, revision: Option<Revision>) {
        if let Some(revision) = revision {
            self.content.clone_from(&revision.content);
            self.version_id = revision.id;
            self.history.push(revision);
        }
        self.name.clone_from(&sheet.name);
        self.header = sheet.header(&self.content);
        *self.sheet = sheet;
    }

    /// Whether every region brings it along: those have names like `maas-lshw` or `20-maas-03-machine-resources`.
    pub(super) fn is_built_in(&self) -> bool {
        let is_listed = BUILT_IN.split_whitespace().any(|name| name == self.name);
        is_listed || self.name.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-').starts_with("maas-")
    }
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    for entry in fs::read_dir(path).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
            continue;
        }
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
