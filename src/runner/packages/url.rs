//! Files from anywhere: archives are unpacked, packages installed, anything else is left as it came.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Failure, Job, State, cache};
use crate::download::{Downloader, Error, RESERVE, Source, sha256_of};
use crate::unpack::{self, Kind, Limits, in_words, inside, make_directory, remove, untar, unzip};

/// More members of an archive than this are refused.
const MAX_MEMBERS: u64 = 200_000;
/// An archive may unpack to so many times the largest download.
const FACTOR: u64 = 4;

/// A file that is on this machine.
struct Local {
    path: PathBuf,
    name: String,
    /// Whether it may be moved.
    is_ours: bool,
}

impl Job<'_> {
    /// Fetches a file and does what its content asks for; the tree to be put into `DOWNLOAD_PATH`, if it is not for installing.
    pub(super) async fn url(&self, state: &mut State, address: &str) -> Result<Option<PathBuf>, Failure> {
        let source = Source::parse(address).map_err(|error| Failure::new(error.to_string()))?;
        if let Some(done) = state.urls.get(&source.key()) {
            return Ok(done.clone());
        }
        let store = self.runner.workspace.packages();
        let file = store.join(format!("{}.part", source.key()));
        let tree = store.join(source.key());
        let done = self.fetch_and_use(state, &source, &file, &tree).await;
        let _ = fs::remove_file(&file);
        if !matches!(done, Ok(true)) {
            let _ = remove(&tree);
        }
        let done = done?.then_some(tree);
        state.urls.insert(source.key(), done.clone());
        Ok(done)
    }

    async fn fetch_and_use(
        &self,
        state: &mut State,
        source: &Source,
        file: &Path,
        tree: &Path,
    ) -> Result<bool, Failure> {
        let unusable = |path: &Path, error: &std::io::Error| Failure::new(format!("{}: {error}", path.display()));
        make_directory(&self.runner.workspace.packages()).map_err(|error| unusable(file, &error))?;
        let local = self.get(source, file).await?;
        let shown = source.shown();
        let kind = blocking(&local.path, unpack::kind).await.map_err(|error| {
            Failure::new(format!(
                "{shown} cannot be used, it is damaged: {error}; the server's file needs to be replaced"
            ))
        })?;
        match kind {
            Kind::Tar | Kind::Zip => self.unpack(&shown, kind, &local.path, tree).await.map(|()| true),
            Kind::Deb => self.deb(state, &local.path).await.map(|()| false),
            Kind::Snap => self.snap_file(&local.path, Vec::new()).await.map(|()| false),
            Kind::Other => {
                let target = tree.join(&local.name);
                let kept = make_directory(tree).and_then(|()| {
                    if local.is_ours {
                        fs::rename(&local.path, &target)
                    } else {
                        fs::copy(&local.path, &target).map(drop)
                    }
                });
                kept.map_err(|error| unusable(&target, &error))?;
                self.say(&format!("{} is in DOWNLOAD_PATH", local.name));
                Ok(true)
            }
        }
    }

    /// From the cache directory, else from the network.
    async fn get(&self, source: &Source, to: &Path) -> Result<Local, Failure> {
        let options = &self.runner.options.packages;
        if let Some((path, name)) = options.cache.as_deref().and_then(|cache| cache::file(cache, source)) {
            self.say(&format!("{} is in the package cache: {}", source.shown(), path.display()));
            if let Some(expected) = source.sha256() {
                let found = blocking(&path, sha256_of)
                    .await
                    .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
                if found != expected {
                    let text = format!("has the SHA-256 {found}, not {expected}: replace or remove it");
                    return Err(Failure::new(format!("{} {text}", path.display())));
                }
            }
            return Ok(Local { path, name, is_ours: false });
        }
        self.say(&format!("$ download {}", source.shown()));
        tracing::info!(script = %self.script, address = source.shown(), "downloading");
        let failed = |error: Error| match error {
            Error::Cancelled(_) => Failure { text: error.to_string(), ..Failure::stopped() },
            other => Failure::new(other.to_string()),
        };
        let downloader = Downloader::new(options.download.clone()).map_err(failed)?;
        let fetched = downloader.fetch(source, to, &self.runner.cancel).await.map_err(failed)?;
        self.say(&format!("{}: {} bytes, SHA-256 {}", fetched.name, fetched.bytes, fetched.sha256));
        Ok(Local { path: to.to_owned(), name: fetched.name, is_ours: true })
    }

    /// Into a directory of its own, of which nothing stays if anything is wrong.
    async fn unpack(&self, shown: &str, kind: Kind, archive: &Path, tree: &Path) -> Result<(), Failure> {
        let most = self.runner.options.packages.download.most.saturating_mul(FACTOR);
        let room = free(archive).saturating_sub(RESERVE);
        let stop = self.runner.cancel.clone();
        let limits = Limits { members: MAX_MEMBERS, bytes: most.min(room), links: true, stop };
        let to = tree.to_owned();
        let unpacked = blocking(archive, move |archive| {
            remove(&to)
                .and_then(|()| make_directory(&to))
                .map_err(|source| unpack::Error::Write { path: to.clone(), source })?;
            if kind == Kind::Zip { unzip(archive, &to, &limits, inside) } else { untar(archive, &to, &limits, inside) }
        });
        let members = unpacked.await.map_err(|error| {
            if self.runner.cancel.is_cancelled() {
                return Failure::stopped();
            }
            let room =
                if room < most { format!("; {} is all the room there is", in_words(room)) } else { String::new() };
            Failure::new(format!("the archive {shown} is refused: {error}{room}; nothing of it was kept"))
        })?;
        self.say(&format!("{members} members are unpacked in DOWNLOAD_PATH"));
        Ok(())
    }
}

/// Bytes that may still be written where a file is.
fn free(path: &Path) -> u64 {
    let system = path.parent().and_then(|parent| rustix::fs::statvfs(parent).ok());
    system.map_or(u64::MAX, |system| system.f_bavail.saturating_mul(system.f_frsize))
}

/// Reading and unpacking take their time, and heartbeats must not wait for that.
async fn blocking<T, E>(path: &Path, work: impl FnOnce(&Path) -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: Send + 'static,
{
    let path = path.to_owned();
    match tokio::task::spawn_blocking(move || work(&path)).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
