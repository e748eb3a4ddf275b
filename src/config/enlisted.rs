//! What a machine got when it enlisted: kept in the state directory until its run has come to its end, so that a later start goes on as
//! this machine.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::source::{self, Found};
use super::{Error, Given, Origin, credentials};
use crate::private;
use crate::region::{ClientOptions, Credentials};

/// The file below a state directory.
#[must_use]
pub fn enlisted_file(state_directory: &Path) -> PathBuf {
    state_directory.join("enlisted.yaml")
}

/// The credentials in the configuration that a region gives a machine that enlists; `place` is where they will be kept, for
/// messages. No text of an error quotes the configuration.
///
/// # Errors
/// When it is not YAML, or holds no or only half of the credentials.
pub fn preseed_credentials(bytes: &[u8], place: &Path) -> Result<Credentials, Error> {
    let origin = || "the configuration that the region gave this machine".to_owned();
    let malformed = |reason: &str| Error::Malformed { origin: origin(), reason: reason.to_owned() };
    let found = source::parse(bytes, &origin(), false).map_err(|_| malformed("it is not valid YAML"))?;
    let found = found.ok_or_else(|| malformed("it has no datasource: MAAS: with credentials"))?;
    let credentials = credentials(&Given::default(), &found)?;
    let credentials = credentials.ok_or_else(|| malformed("its datasource: MAAS: has no credentials"))?;
    Ok(Credentials { source: place.display().to_string(), ..credentials })
}

/// Keeps what a machine needs to go on as the one that the region made, readable by its owner alone. Whoever reads meanwhile finds
/// all of it or nothing.
///
/// # Errors
/// The system's.
pub fn keep_enlisted(path: &Path, client: &ClientOptions) -> io::Result<()> {
    let Some(credentials) = &client.credentials else { return Ok(()) };
    let endpoint = client.system_id.as_ref().map(|id| format!("{}status/{id}", client.metadata_url));
    // JSON is YAML.
    let document = json!({
        "datasource": {"MAAS": {
            "metadata_url": client.metadata_url.as_str(),
            "consumer_key": credentials.consumer_key,
            "consumer_secret": credentials.consumer_secret.reveal(),
            "token_key": credentials.token_key.reveal(),
            "token_secret": credentials.token_secret.reveal(),
        }},
        "reporting": {"maas": {"endpoint": endpoint}},
    });
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let mut file = tempfile::Builder::new().prefix(".enlisted-").tempfile_in(directory)?;
    writeln!(file, "# What this machine got when it enlisted; shakedown deletes it at the end of that.\n{document:#}")?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    fs::File::open(directory)?.sync_all()
}

/// What was kept by an earlier start; a file that cannot be used is as none, since enlisting again leads to the same machine.
///
/// # Errors
/// When another user can have written it: that would be credentials of somebody else's choice.
pub(super) fn kept(path: &Path) -> Result<Option<Found>, Error> {
    let read = |mut file: fs::File| {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map(|_| bytes)
    };
    let bytes = match private::open(path) {
        Ok(file) => read(file),
        Err(private::Error::Unusable { source, .. }) => Err(source),
        Err(exposed) => return Err(Error::Exposed(exposed)),
    };
    let found = match bytes {
        Ok(bytes) => source::parse(&bytes, &path.display().to_string(), false),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(source) => Err(Error::Read { path: path.to_owned(), source }),
    };
    if let Ok(Some(found)) = found {
        return Ok(Some(Found { origin: Origin::Enlisted, ..found }));
    }
    tracing::warn!(path = %path.display(), "what this machine got when it enlisted cannot be read: it will enlist again");
    Ok(None)
}
