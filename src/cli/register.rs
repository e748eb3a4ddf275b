//! `shakedown register-machine` and `get-machine-token`, also of `maas-run-scripts`: a machine that is in use already becomes one
//! that its region knows, and gets the file with which `shakedown sync` speaks for it.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio_util::sync::CancellationToken;

use super::{answer, exit, help, state};
use crate::config::{CredentialsPlace, credentials_file, metadata_url};
use crate::event::{Event, EventType};
use crate::host::Host;
use crate::journal::{Actor, Store};
use crate::region::{Client, ClientOptions, Credentials, Error, RetryOptions, persist};

/// A key is not longer than this.
const LONGEST_KEY: u64 = 4096;
/// Where the key may stand, so that it is on no command line.
const KEY_VARIABLE: &str = "SHAKEDOWN_API_KEY";

#[derive(Debug, clap::Args)]
#[command(after_help = help::REGISTER)]
pub(super) struct Register {
    /// The machine's name on the region; by default this machine's, up to the first dot
    #[arg(long, value_name = "NAME")]
    hostname: Option<String>,
    /// The same as --maas-url
    #[arg(value_name = "MAAS_URL", conflicts_with = "maas_url")]
    url: Option<String>,
    /// The same as --api-key, also `-`
    #[arg(value_name = "API_KEY", conflicts_with_all = ["api_key", "api_key_file"])]
    key: Option<Key>,
    #[command(flatten)]
    state: state::Options,
    // The last ones, since their headings count for all that follows.
    #[command(flatten)]
    region: Region,
    #[command(flatten)]
    file: FileOptions,
    /// Called as MAAS's program: the file lies where that leaves it.
    #[arg(skip)]
    as_maas_does: bool,
}

impl Register {
    /// The file is NAME-creds.yaml in the current directory unless a place is given.
    pub(super) fn where_maas_leaves_it(self) -> Self {
        Register { as_maas_does: true, ..self }
    }
}

#[derive(Debug, clap::Args)]
#[command(after_help = help::GET_TOKEN)]
pub(super) struct GetToken {
    /// What the region calls the machine, for example `s8wyar`; or, as MAAS's program has it, `MAAS_URL API_KEY SYSTEM_ID FILE`
    #[arg(value_name = "SYSTEM_ID", required = true, num_args = 1..=4)]
    words: Vec<Word>,
    #[command(flatten)]
    state: state::Options,
    #[command(flatten)]
    region: Region,
    #[command(flatten)]
    file: FileOptions,
}

/// Which region, and by whose word.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Region and key")]
#[group(id = "administration")]
pub(super) struct Region {
    /// Address of the region, for example <http://region:5240/MAAS>; over plain HTTP the key can be read on its way
    #[arg(long, value_name = "URL", visible_alias = "url")]
    maas_url: Option<String>,
    /// An administrator's API key, `CONSUMER_KEY:TOKEN_KEY:TOKEN_SECRET`; `-` reads it from standard input. Everybody on this machine
    /// can read command lines: prefer `-`, --api-key-file, or the variable `SHAKEDOWN_API_KEY`
    #[arg(long, value_name = "KEY", visible_alias = "admin-token")]
    api_key: Option<Key>,
    /// A file that holds the key
    #[arg(long, value_name = "FILE", conflicts_with = "api_key")]
    api_key_file: Option<PathBuf>,
    /// CA bundle (PEM) to trust besides the system's
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// Give up after so many seconds; 0 tries for ever
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    give_up_after: u64,
}

impl Region {
    /// A client for the region, as its administrator.
    pub(super) fn client(&self) -> anyhow::Result<Client> {
        let url = self.maas_url.as_ref().context("no region is known: give --url URL (or --maas-url URL)")?;
        let mut options = ClientOptions::new(metadata_url(url)?, Some(key(self)?));
        options.ca_file.clone_from(&self.cacert);
        Ok(Client::new(options)?)
    }

    /// Repeats what may pass until the region answers or nobody waits any longer.
    pub(super) async fn ask<T, F: Future<Output = Result<T, Error>>>(
        &self,
        what: &str,
        attempt: impl FnMut() -> F,
    ) -> Result<T, Error> {
        patiently(self.patience(), what, attempt).await
    }

    /// How long to wait for answers.
    pub(super) fn patience(&self) -> Duration {
        if self.give_up_after == 0 { Duration::MAX } else { Duration::from_secs(self.give_up_after) }
    }

    /// The CA bundle that was given.
    pub(super) fn ca_file(&self) -> Option<&Path> {
        self.cacert.as_deref()
    }
}

/// Where the credentials go.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Credentials file")]
#[group(id = "credentials_file")]
struct FileOptions {
    /// The directory that counts as the root of the file system: the file is DIR/etc/maas/maas-machine-creds.yml, where MAAS's
    /// hardware sync and `shakedown sync` look for it; `/` unless given
    #[arg(long, value_name = "DIR")]
    base_dir: Option<PathBuf>,
    /// Another place for the file; `shakedown sync --config FILE` reads it there
    #[arg(long, value_name = "FILE", conflicts_with = "base_dir")]
    token_file: Option<PathBuf>,
    /// Replace a file that is there already
    #[arg(long)]
    force: bool,
}

/// An API key as it was given, which nothing shows.
#[derive(Clone)]
struct Key(String);

/// A word of the command line, which may be a key.
#[derive(Clone)]
struct Word(String);

impl From<String> for Word {
    fn from(text: String) -> Self {
        Word(text)
    }
}

impl std::fmt::Debug for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Word(…)")
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        Key(text)
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

pub(super) async fn register(arguments: Register) -> anyhow::Result<u8> {
    let Register { hostname, mut region, mut file, state, url, key, as_maas_does } = arguments;
    region.maas_url = region.maas_url.or(url);
    region.api_key = region.api_key.or(key);
    let own = Host::live().hostname();
    let hostname = hostname.unwrap_or_else(|| own.split('.').next().unwrap_or_default().to_owned());
    ensure!(!hostname.is_empty(), "this machine has no name: give --hostname");
    if as_maas_does && file.token_file.is_none() && file.base_dir.is_none() {
        file.token_file = Some(std::path::absolute(format!("{hostname}-creds.yaml"))?);
    }
    let mut desk = Desk::open(&region, &file, &state, &own)?;
    let registering = desk.ask("registering the machine", || register_once(&desk.client, &hostname)).await;
    let system_id = registering.with_context(|| refusal(&hostname))?;
    let address = desk.client.base_url();
    desk.record(&format!("Registered '{hostname}' as deployed machine {system_id} of {address}."));
    let told = format!(
        "the machine is registered as {system_id}, but its credentials are not here; fetch them with \
         `shakedown get-machine-token {system_id}`"
    );
    let path = desk.fetch(&system_id).await.context(told)?;
    answer(&format!("Registered '{hostname}' as {system_id}; {}", next(&path)))?;
    Ok(exit::OK)
}

pub(super) async fn get_token(arguments: GetToken) -> anyhow::Result<u8> {
    let own = Host::live().hostname();
    let GetToken { words, state, mut region, mut file } = arguments;
    let system_id = match words.as_slice() {
        [Word(system_id)] => system_id.clone(),
        [Word(url), Word(key), Word(system_id), Word(path)] => {
            let is_twice = region.maas_url.is_some() || region.api_key.is_some() || region.api_key_file.is_some();
            ensure!(!is_twice, "address and key are given twice: as options and as words");
            ensure!(file.token_file.is_none(), "the file is given twice: as an option and as a word");
            (region.maas_url, region.api_key) = (Some(url.clone()), Some(Key(key.clone())));
            file.token_file = Some(path.into());
            system_id.clone()
        }
        // The words may be a key: they are not shown.
        other => anyhow::bail!("give SYSTEM_ID, or MAAS_URL API_KEY SYSTEM_ID FILE: these are {} words", other.len()),
    };
    let desk = Desk::open(&region, &file, &state, &own)?;
    let path = desk.fetch(&system_id).await?;
    answer(&format!("The credentials of {system_id} are here; {}", next(&path)))?;
    Ok(exit::OK)
}

/// A second attempt after one that may have arrived would only hear that the name is taken.
async fn register_once(client: &Client, hostname: &str) -> Result<String, Error> {
    client.register_deployed(hostname).await.map_err(|error| match error {
        error if error.may_have_arrived() => Error::Unusable(format!(
            "{error}; the machine may be registered all the same: look for '{hostname}' on the region, and fetch its credentials with \
             `shakedown get-machine-token SYSTEM_ID`"
        )),
        error => error,
    })
}

fn refusal(hostname: &str) -> String {
    format!(
        "registering '{hostname}' did not succeed. The key must be an administrator's, and the name must be new to the region: for a machine \
         that it has already, use `shakedown get-machine-token SYSTEM_ID`"
    )
}

fn next(path: &Path) -> String {
    if path == credentials_file(Path::new("/")) {
        format!("{} holds its credentials, and `shakedown sync` reports its hardware", path.display())
    } else {
        format!("{0} holds its credentials, and `shakedown sync --config {0}` reports its hardware", path.display())
    }
}

/// Asks the region until it answers or nobody waits any longer.
async fn patiently<T, F: Future<Output = Result<T, Error>>>(
    patience: Duration,
    what: &str,
    attempt: impl FnMut() -> F,
) -> Result<T, Error> {
    let retry = RetryOptions { few: 2, ..RetryOptions::default() };
    let enough = CancellationToken::new();
    let asking = persist(&retry, &enough, what, attempt);
    tokio::pin!(asking);
    tokio::select! {
        answer = &mut asking => return answer,
        () = tokio::time::sleep(patience) => enough.cancel(),
    }
    asking.await
}

/// All that is found good before the region is asked for anything.
struct Desk {
    client: Client,
    place: CredentialsPlace,
    store: Store,
    patience: Duration,
}

impl Desk {
    fn open(region: &Region, file: &FileOptions, state: &state::Options, hostname: &str) -> anyhow::Result<Self> {
        let path = file
            .token_file
            .clone()
            .unwrap_or_else(|| credentials_file(file.base_dir.as_deref().unwrap_or(Path::new("/"))));
        let client = region.client()?;
        let store = Store::open_beside(&state.state_dir, hostname).context(
            "nobody can be told later who did this, so nothing was done; --state-dir names another directory",
        )?;
        let place = CredentialsPlace::prepare(&path, file.force)?;
        Ok(Desk { client, place, store, patience: region.patience() })
    }

    /// Asks the region until it answers or nobody waits any longer.
    async fn ask<T, F: Future<Output = Result<T, Error>>>(
        &self,
        what: &str,
        attempt: impl FnMut() -> F,
    ) -> Result<T, Error> {
        patiently(self.patience, what, attempt).await
    }

    /// What was done is told at the end also when it cannot be written down.
    fn record(&mut self, text: &str) {
        if let Err(error) = self.store.append_event(&Event::new(EventType::AUTHORISATION, text), &Actor::current()) {
            complain!("shakedown: WARNING: this is not on record here: {text} {error}");
        }
    }

    /// Fetches the credentials of a machine into the file.
    async fn fetch(mut self, system_id: &str) -> anyhow::Result<PathBuf> {
        let asking = self.ask("fetching the credentials", || self.client.machine_token(system_id));
        let token = asking.await.with_context(|| format!("the credentials of {system_id} were not fetched"))?;
        let token = token.with_context(|| {
            format!("the region has no credentials for {system_id}: a machine gets them when it is deployed")
        })?;
        let path = self.place.path().to_owned();
        let address = self.client.base_url();
        self.record(&format!("Fetched the credentials of {system_id} from {address} for {}.", path.display()));
        self.place.write(&self.client.status_endpoint(system_id)?, &token)?;
        Ok(path)
    }
}

/// The administrator's key, from wherever it was given.
fn key(region: &Region) -> anyhow::Result<Credentials> {
    let (text, source) = match (&region.api_key, &region.api_key_file) {
        (Some(Key(word)), _) if word == "-" => {
            (read_key(std::io::stdin()).context("cannot read the API key")?, "standard input".to_owned())
        }
        (Some(Key(word)), _) => (word.clone(), "the command line".to_owned()),
        (None, Some(path)) => {
            let text = std::fs::File::open(path).and_then(read_key);
            (text.with_context(|| format!("cannot read {}", path.display()))?, path.display().to_string())
        }
        (None, None) => {
            let text = std::env::var(KEY_VARIABLE).ok().filter(|text| !text.is_empty());
            let missing = "an administrator's API key is needed: --api-key-file FILE, --api-key - (standard input), or the variable";
            (text.with_context(|| format!("{missing} {KEY_VARIABLE}"))?, format!("the variable {KEY_VARIABLE}"))
        }
    };
    let credentials = Credentials::from_api_key(&text)
        .with_context(|| format!("the API key from {source} is not CONSUMER_KEY:TOKEN_KEY:TOKEN_SECRET"))?;
    Ok(Credentials { source: format!("the API key from {source}"), ..credentials })
}

fn read_key(source: impl std::io::Read) -> std::io::Result<String> {
    let mut text = String::new();
    source.take(LONGEST_KEY).read_to_string(&mut text)?;
    Ok(text)
}
