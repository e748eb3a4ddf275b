//! What is to be run: the region's answer, or what is on the disk already (`--no-download`).

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::uplink::Uplink;
use super::{Agent, Error, order, prepare};
use crate::region::{self, Client, Fetched, RetryOptions, persist, unpack};
use crate::script::{Index, Workspace, parse_index};

impl Agent {
    /// Fetches and reads the index; `None` when there is nothing to run. A run that has begun waits for what a run that has not is ended by.
    pub(super) async fn index(&self, has_begun: bool) -> Result<Option<Index>, Error> {
        let is_told = self.options.send && self.client.is_authenticated();
        if self.options.download {
            self.say("Asking the region for scripts".to_owned());
            if !self.download(&self.workspace, has_begun).await? {
                return Ok(None);
            }
        } else {
            prepare::check_scripts(&self.workspace)?;
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
        let _storage = prepare::storage(&answer)?;
        if !self.download(&answer, false).await? {
            return Ok(false);
        }
        order::check_answer(&read(&answer)?).map(|()| true)
    }

    async fn download(&self, workspace: &Workspace, has_begun: bool) -> Result<bool, Error> {
        let uplink = Uplink::Node(Arc::clone(&self.client));
        fetch_into(workspace, &uplink, has_begun, &self.options.retry, &self.stop).await
    }
}

/// Fetches the archive and unpacks it into a workspace; false when there is nothing to run. Who has begun something waits for what a run that has
/// not is ended by.
pub(super) async fn fetch_into(
    workspace: &Workspace,
    uplink: &Uplink,
    has_begun: bool,
    retry: &RetryOptions,
    stop: &CancellationToken,
) -> Result<bool, Error> {
    let archive = workspace.root().join("scripts.tar.part");
    let attempt = || async {
        let fetched = uplink.fetch_scripts(&archive).await;
        if has_begun { fetched.map_err(region::Error::as_outage) } else { fetched }
    };
    let fetched = persist(retry, stop, "fetching the scripts", attempt).await;
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

/// Asks the region once what it waits for, and leaves nothing of the answer behind; `None` is nothing.
pub(super) async fn ask(uplink: &Uplink) -> Result<Option<Index>, region::Error> {
    let aside =
        tempfile::tempdir().map_err(|error| region::Error::Setup(format!("no temporary directory: {error}")))?;
    let (archive, workspace) = (aside.path().join("archive"), Workspace::new(aside.path().join("unpacked")));
    if uplink.fetch_scripts(&archive).await? == Fetched::Nothing {
        return Ok(None);
    }
    let unusable = |reason: String| region::Error::Unusable(reason);
    let place = workspace.clone();
    let unpacked = tokio::task::spawn_blocking(move || unpack(&archive, &place)).await;
    unpacked.map_err(|panic| unusable(panic.to_string()))?.map_err(|error| unusable(error.to_string()))?;
    read(&workspace).map(Some).map_err(|error| unusable(error.to_string()))
}

/// Asks a region whether it has this machine as deployed: only then it lists scripts that have finished.
///
/// # Errors
/// When it does not say, or its answer cannot be kept or read.
pub async fn is_deployed(client: &Arc<Client>, retry: &RetryOptions, stop: &CancellationToken) -> Result<bool, Error> {
    let uplink = Uplink::Node(Arc::clone(client));
    let asked = persist(retry, stop, "asking for the state of this machine", || ask(&uplink)).await;
    Ok(asked.map_err(Error::Fetch)?.is_some_and(|index| index.scripts.iter().any(|script| script.has_finished)))
}

/// Asks a region whether it waits for a run of this machine, as a run of its scripts would begin.
///
/// # Errors
/// When it does not answer, its answer cannot be read, or it is for a machine in another state.
pub async fn is_expected(client: &Arc<Client>, retry: &RetryOptions, stop: &CancellationToken) -> Result<bool, Error> {
    let uplink = Uplink::Node(Arc::clone(client));
    let asked = persist(retry, stop, "asking the region for scripts", || ask(&uplink)).await;
    let Some(index) = asked.map_err(Error::Fetch)? else { return Ok(false) };
    order::check_answer(&index).map(|()| !index.is_empty())
}

/// The index of a workspace.
pub(super) fn read(workspace: &Workspace) -> Result<Index, Error> {
    let bytes = std::fs::read(workspace.index()).map_err(|error| unreadable(workspace, error.to_string()))?;
    parse_index(&bytes).map_err(|error| unreadable(workspace, error.to_string()))
}

fn unreadable(workspace: &Workspace, reason: String) -> Error {
    Error::Index { path: workspace.index(), reason }
}
