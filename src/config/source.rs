//! The places where MAAS leaves a node's credentials.

use std::path::{Path, PathBuf};

use reqwest::Url;
use tokio_util::sync::CancellationToken;

use super::Error;
use crate::host::Host;
use crate::http::masked_whole;
use crate::region::{Client, ClientOptions, RetryOptions, persist};
use crate::yaml::{self, Node};

/// What the command line says.
#[derive(Clone, Default)]
pub struct Given {
    /// A file, or an address that answers one.
    pub config: Option<String>,
    /// OAuth consumer key.
    pub consumer_key: Option<String>,
    /// OAuth consumer secret.
    pub consumer_secret: Option<String>,
    /// OAuth token key.
    pub token_key: Option<String>,
    /// OAuth token secret.
    pub token_secret: Option<String>,
    /// Address of the region.
    pub url: Option<String>,
    /// Version of the metadata service.
    pub api_version: Option<String>,
    /// CA bundle besides the system's.
    pub ca_file: Option<PathBuf>,
    /// The machine is deployed: what hardware sync left on it comes before what cloud-init did.
    pub deployed: bool,
    /// Where an earlier start kept what this machine got when it enlisted.
    pub enlisted: Option<PathBuf>,
}

impl Given {
    /// Nothing has to be looked for.
    pub(super) fn is_complete(&self) -> bool {
        self.config.is_none()
            && self.url.is_some()
            && self.consumer_key.is_some()
            && self.token_key.is_some()
            && self.token_secret.is_some()
    }
}

impl std::fmt::Debug for Given {
    /// Without the values, which are secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Given").field("config", &self.config).finish_non_exhaustive()
    }
}

/// What kind of place the credentials came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// The command line alone.
    #[default]
    CommandLine,
    /// A cloud-init datasource: a machine in an ephemeral system.
    CloudInit,
    /// What this machine got when it enlisted, kept by an earlier start.
    Enlisted,
    /// The hardware-sync file, or what the installer left: a **deployed** machine, whose status must not be signalled.
    HardwareSync,
}

/// What was found on this machine.
#[derive(Clone, Default)]
pub struct Found {
    /// Address of the metadata service or of the status endpoint.
    pub metadata_url: Option<String>,
    /// OAuth consumer key.
    pub consumer_key: Option<String>,
    /// OAuth consumer secret.
    pub consumer_secret: Option<String>,
    /// OAuth token key.
    pub token_key: Option<String>,
    /// OAuth token secret.
    pub token_secret: Option<String>,
    /// What the region calls this node.
    pub system_id: Option<String>,
    /// The file or address that it came from.
    pub place: String,
    /// Kind of that place.
    pub origin: Origin,
    /// Places that were tried without success.
    pub looked: Vec<String>,
}

impl std::fmt::Debug for Found {
    /// Without the values, which are secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Found").field("place", &self.place).field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// The hardware-sync file.
pub(super) const HARDWARE_SYNC: &str = "/etc/maas/maas-machine-creds.yml";
/// What the installer leaves on a deployed machine.
const INSTALLED: &str = "90_dpkg_local_cloud_config.cfg";

/// Looks where the contract says: `--config` alone if given, else cloud-init's files, the kernel command line, the
/// hardware-sync file; the last one first on a deployed machine.
pub(super) async fn find(given: &Given, host: &Host) -> Result<Found, Error> {
    if let Some(config) = &given.config {
        let bytes = if config.starts_with("http://") || config.starts_with("https://") {
            fetch(config, "--config", given).await?
        } else {
            std::fs::read(config).map_err(|source| Error::Read { path: config.into(), source })?
        };
        let place = masked_whole(config);
        return parse(&bytes, &place, given.deployed)?.ok_or_else(|| Error::Malformed {
            origin: place,
            reason: "it has neither datasource: MAAS: nor reporting: maas:, as cloud-init and hardware sync write them"
                .to_owned(),
        });
    }
    let mut looked = Vec::new();
    let sync = PathBuf::from(HARDWARE_SYNC);
    for path in given.deployed.then_some(sync.clone()).into_iter().chain(cloud_init_files(host)) {
        looked.push(path.display().to_string());
        if let Some(found) = read(host, &path, given.deployed)? {
            let is_installed = path.ends_with(INSTALLED);
            return Ok(if is_installed { Found { origin: Origin::HardwareSync, ..found } } else { found });
        }
    }
    let command_line = host.text("/proc/cmdline").unwrap_or_default();
    looked.push("/proc/cmdline (cloud-config-url=, url=)".to_owned());
    if let Some(address) = config_address(&command_line) {
        let bytes = fetch(address, "the kernel command line", given).await?;
        if let Some(found) = parse(&bytes, &masked_whole(address), given.deployed)? {
            return Ok(found);
        }
    }
    if !given.deployed {
        looked.push(sync.display().to_string());
    }
    Ok(read(host, &sync, given.deployed)?.unwrap_or(Found { looked, ..Found::default() }))
}

fn cloud_init_files(host: &Host) -> Vec<PathBuf> {
    let directory = Path::new("/etc/cloud/cloud.cfg.d");
    let names = host.list(directory);
    let command_line = names.iter().filter(|name| name.contains("cmdline") && name.ends_with(".cfg"));
    let installed = names.iter().filter(|name| *name == INSTALLED);
    command_line.chain(installed).map(|name| directory.join(name)).collect()
}

fn read(host: &Host, path: &Path, deployed: bool) -> Result<Option<Found>, Error> {
    match std::fs::read(host.path(path)) {
        Ok(bytes) => parse(&bytes, &path.display().to_string(), deployed),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Read { path: path.to_owned(), source }),
    }
}

/// `cloud-config-url=` beats `url=`.
fn config_address(command_line: &str) -> Option<&str> {
    let value = |key: &str| command_line.split_whitespace().find_map(|word| word.strip_prefix(key));
    value("cloud-config-url=").or_else(|| value("url=")).filter(|address| address.starts_with("http"))
}

async fn fetch(address: &str, origin: &str, given: &Given) -> Result<Vec<u8>, Error> {
    let url = Url::parse(address)
        .map_err(|error| Error::Address { text: masked_whole(address), reason: error.to_string() })?;
    let failed = |source| Error::Fetch { origin: origin.to_owned(), source };
    let mut options = ClientOptions::new(url.clone(), None);
    options.ca_file.clone_from(&given.ca_file);
    let client = Client::new(options).map_err(failed)?;
    let never = CancellationToken::new();
    persist(&RetryOptions::default(), &never, "fetching the configuration", || client.fetch_small(&url))
        .await
        .map_err(failed)
}

/// The credentials of a document in either form, with both in the one that is meant; `None` when it is about something else.
pub(super) fn parse(bytes: &[u8], place: &str, deployed: bool) -> Result<Option<Found>, Error> {
    let node =
        yaml::parse(bytes).map_err(|error| Error::Malformed { origin: place.to_owned(), reason: error.to_string() })?;
    let text = |node: &Node, key: &str| node.get(key).and_then(Node::to_text).filter(|value| !value.is_empty());
    let reporting = node.get("reporting").and_then(|reporting| reporting.get("maas"));
    let system_id = reporting.and_then(|maas| text(maas, "endpoint")).as_deref().and_then(system_id);
    let found = |node: &Node, address: &str, origin| Found {
        metadata_url: text(node, address),
        consumer_key: text(node, "consumer_key"),
        consumer_secret: text(node, "consumer_secret"),
        token_key: text(node, "token_key"),
        token_secret: text(node, "token_secret"),
        system_id: system_id.clone(),
        place: place.to_owned(),
        origin,
        looked: Vec::new(),
    };
    let sync = reporting.filter(|maas| text(maas, "token_key").is_some());
    if let (true, Some(maas)) = (deployed, sync) {
        return Ok(Some(found(maas, "endpoint", Origin::HardwareSync)));
    }
    if let Some(maas) = node.get("datasource").and_then(|datasource| datasource.get("MAAS")) {
        return Ok(Some(found(maas, "metadata_url", Origin::CloudInit)));
    }
    Ok(reporting.map(|maas| found(maas, "endpoint", Origin::HardwareSync)))
}

/// The last part of a status endpoint, `{region}/MAAS/metadata/status/{system_id}`.
fn system_id(endpoint: &str) -> Option<String> {
    let (_, id) = endpoint.split_once("/metadata/status/")?;
    let id = id.trim_matches('/');
    (!id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric())).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::connection;
    use super::*;
    use crate::host::machine_of;

    const CLOUD_INIT: &str = "datasource:\n  MAAS: {metadata_url: 'http://r:5240/MAAS/metadata/', consumer_key: ck, \
                              token_key: tk, token_secret: ts, consumer_secret: ''}\n";
    const HARDWARE_SYNC: &str = "reporting:\n  maas: {type: webhook, endpoint: 'http://r:5240/MAAS/metadata/status/abc', \
                                 consumer_key: ck2, token_key: tk2, token_secret: ts2}\n";

    #[tokio::test]
    async fn cloud_init_comes_before_hardware_sync() {
        let (_root, host) = machine_of(&[
            ("etc/cloud/cloud.cfg.d/05_logging.cfg", "datasource: {MAAS: {token_key: wrong}}"),
            ("etc/cloud/cloud.cfg.d/91_kernel_cmdline_url.cfg", CLOUD_INIT),
            ("etc/maas/maas-machine-creds.yml", HARDWARE_SYNC),
        ]);
        let connection = connection(&Given::default(), &host).await.expect("found");
        assert_eq!(connection.origin, Origin::CloudInit);
        let credentials = connection.client.credentials.expect("credentials");
        assert_eq!((credentials.consumer_key.as_str(), credentials.token_secret.reveal()), ("ck", "ts"));
        assert!(credentials.source.ends_with("91_kernel_cmdline_url.cfg"));
    }

    #[tokio::test]
    async fn a_deployed_machine_is_told_by_its_file() {
        let (_root, host) = machine_of(&[("etc/maas/maas-machine-creds.yml", HARDWARE_SYNC)]);
        let connection = connection(&Given::default(), &host).await.expect("found");
        assert_eq!(connection.origin, Origin::HardwareSync);
        assert_eq!(connection.client.system_id.as_deref(), Some("abc"));
        assert_eq!(connection.client.metadata_url.as_str(), "http://r:5240/MAAS/metadata/");
    }

    #[tokio::test]
    async fn on_a_deployed_machine_hardware_sync_comes_first() {
        let (_root, host) = machine_of(&[
            ("etc/cloud/cloud.cfg.d/90_dpkg_local_cloud_config.cfg", CLOUD_INIT),
            ("etc/maas/maas-machine-creds.yml", HARDWARE_SYNC),
        ]);
        let key = async |deployed| {
            let connection = connection(&Given { deployed, ..Given::default() }, &host).await.expect("found");
            (connection.client.credentials.expect("credentials").consumer_key, connection.origin)
        };
        assert_eq!(key(true).await, ("ck2".to_owned(), Origin::HardwareSync));
        assert_eq!(
            key(false).await,
            ("ck".to_owned(), Origin::HardwareSync),
            "an installer writes that file, no ephemeral system"
        );
    }

    #[tokio::test]
    async fn the_command_line_wins_and_a_file_fills_the_rest() {
        let (root, host) = machine_of(&[("my.yaml", CLOUD_INIT)]);
        let given = Given {
            config: Some(root.path().join("my.yaml").display().to_string()),
            token_secret: Some("mine".into()),
            ..Given::default()
        };
        let connection = connection(&given, &host).await.expect("found");
        let credentials = connection.client.credentials.expect("credentials");
        assert_eq!((credentials.token_key.reveal(), credentials.token_secret.reveal()), ("tk", "mine"));
    }

    #[tokio::test]
    async fn what_is_missing_is_named() {
        let (_root, host) = machine_of(&[]);
        let error = connection(&Given::default(), &host).await.expect_err("nothing there").to_string();
        assert!(error.contains("/etc/maas/maas-machine-creds.yml") && error.contains("/proc/cmdline"), "{error}");
        let (_root, host) = machine_of(&[(
            "etc/cloud/cloud.cfg.d/91_kernel_cmdline_url.cfg",
            "datasource: {MAAS: {metadata_url: 'http://r', consumer_key: ck, token_key: tk}}",
        )]);
        let error = connection(&Given::default(), &host).await.expect_err("half").to_string();
        assert!(error.contains("token secret") && error.contains("91_kernel_cmdline_url.cfg"), "{error}");
    }

    #[test]
    fn the_kernel_command_line_is_read() {
        assert_eq!(config_address("quiet url=http://a/ cloud-config-url=http://b/"), Some("http://b/"));
        assert_eq!(config_address("root=/dev/sda url=http://a/"), Some("http://a/"));
        assert_eq!(config_address("cloud-config-url=/dev/null"), None);
    }
}
