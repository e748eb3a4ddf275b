//! What is to be run: the region's answer, or what is on the disk already (`--no-download`).

use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::{Agent, Error, order, prepare};
use crate::region::{self, Client, DeployedClient, Fetched, RetryOptions, persist, unpack};
use crate::script::{Index, Workspace, parse_index};

impl Agent {
    /// Fetches and reads the index; `None` when there is nothing to run.
    pub(super) async fn index(&self) -> Result<Option<Index>, Error> {
        let is_told = self.options.send && self.client.is_authenticated();
        if self.options.download {
            self.say("Asking the region for scripts".to_owned());
            if !self.download(&self.workspace).await? {
                return Ok(None);
            }
        }
        let index = read(&self.workspace)?;
        if is_told && !self.options.download && !self.is_waited_for().await? {
            return Ok(None);
        }
        if is_told {
            order::check_answer(&index)?;
        }
        order::check(&index, &self.workspace, &self.options, self.client.is_authenticated())?;
        Ok((!index.is_empty()).then_some(index))
    }

    /// Whether the region waits for a run of this machine. What is on the disk may be from another day: by now the machine may be
    /// deployed, and the OK of a run would release it.
    async fn is_waited_for(&self) -> Result<bool, Error> {
        self.say("Asking the region whether it waits for a run".to_owned());
        let root = self.workspace.root();
        let storage = |source| Error::Storage { path: root.to_owned(), source };
        // Not in place of what is to be run.
        let aside = tempfile::Builder::new().prefix(".answer-").tempdir_in(root).map_err(storage)?;
        let answer = Workspace::new(aside.path());
        prepare::storage(&answer)?;
        if !self.download(&answer).await? {
            return Ok(false);
        }
        order::check_answer(&read(&answer)?).map(|()| true)
    }

    async fn download(&self, workspace: &Workspace) -> Result<bool, Error> {
        fetch_into(workspace, &*self.client, &self.options.retry, &self.stop).await
    }
}

/// Who hands out script archives: a region, to any kind of machine.
pub(super) trait Source {
    /// Fetches one into a file, once.
    fn archive(&self, to: &Path) -> impl Future<Output = Result<Fetched, region::Error>> + Send;
}

impl Source for Client {
    fn archive(&self, to: &Path) -> impl Future<Output = Result<Fetched, region::Error>> + Send {
        self.fetch_scripts(to)
    }
}

impl Source for DeployedClient {
    fn archive(&self, to: &Path) -> impl Future<Output = Result<Fetched, region::Error>> + Send {
        self.fetch_scripts(to)
    }
}

/// Fetches the archive and unpacks it into a workspace; false when there is nothing to run.
pub(super) async fn fetch_into(
    workspace: &Workspace,
    source: &impl Source,
    retry: &RetryOptions,
    stop: &CancellationToken,
) -> Result<bool, Error> {
    let archive = workspace.root().join("scripts.tar.part");
    let fetched = persist(retry, stop, "fetching the scripts", || source.archive(&archive)).await;
    if !matches!(fetched, Ok(Fetched::Archive(_))) {
        let _ = std::fs::remove_file(&archive);
    }
    if fetched.map_err(Error::Fetch)? == Fetched::Nothing {
        return Ok(false);
    }
    let (place, part) = (workspace.clone(), archive.clone());
    let unpacked = tokio::task::spawn_blocking(move || unpack(&part, &place)).await;
    let _ = std::fs::remove_file(&archive);
    unpacked.map_err(|panic| unreadable(workspace, format!("unpacking failed: {panic}")))??;
    Ok(true)
}

/// Asks a region whether it has this machine as deployed: only then it lists scripts that have finished.
///
/// # Errors
/// When it does not say, or its answer cannot be kept or read.
pub async fn is_deployed(client: &Client, retry: &RetryOptions, stop: &CancellationToken) -> Result<bool, Error> {
    let aside = tempfile::tempdir().map_err(|source| Error::Storage { path: std::env::temp_dir(), source })?;
    let workspace = Workspace::new(aside.path());
    prepare::storage(&workspace)?;
    if !fetch_into(&workspace, client, retry, stop).await? {
        return Ok(false);
    }
    Ok(read(&workspace)?.scripts.iter().any(|script| script.has_finished))
}

/// The index of a workspace.
pub(super) fn read(workspace: &Workspace) -> Result<Index, Error> {
    let bytes = std::fs::read(workspace.index()).map_err(|error| unreadable(workspace, error.to_string()))?;
    parse_index(&bytes).map_err(|error| unreadable(workspace, error.to_string()))
}

fn unreadable(workspace: &Workspace, reason: String) -> Error {
    Error::Index { path: workspace.index(), reason }
}
