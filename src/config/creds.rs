//! Writing the file by which a deployed machine knows its region (contract REGION, "Where credentials come from", 3).

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::Error;
use super::source::HARDWARE_SYNC;
use crate::region::MachineToken;

/// The file below a root directory where hardware sync looks for it.
#[must_use]
pub fn credentials_file(root: &Path) -> PathBuf {
    root.join(HARDWARE_SYNC.trim_start_matches('/'))
}

/// A place for a credentials file, found good before anybody is asked for the credentials.
#[derive(Debug)]
pub struct CredentialsPlace {
    path: PathBuf,
    part: NamedTempFile,
    replaces: bool,
}

impl CredentialsPlace {
    /// Makes the directories and an empty file beside the place, readable by its owner alone.
    ///
    /// # Errors
    /// When the directory cannot be written, or there is a file already and it must not be replaced.
    pub fn prepare(path: &Path, replace: bool) -> Result<Self, Error> {
        if !replace && path.symlink_metadata().is_ok() {
            return Err(Error::Exists { path: path.to_owned() });
        }
        let failed = |source| Error::Write { path: path.to_owned(), source };
        if path.is_dir() {
            return Err(failed(std::io::ErrorKind::IsADirectory.into()));
        }
        // Secrets are kept in a file; the machine's devices are not replaced by one.
        if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
            return Err(failed(std::io::Error::other("it is no file, but a device or a pipe")));
        }
        let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(directory).map_err(failed)?;
        // Such files have the mode 0600 from their first moment.
        let part = tempfile::Builder::new().prefix(".maas-machine-creds.").tempfile_in(directory).map_err(failed)?;
        Ok(CredentialsPlace { path: path.to_owned(), part, replaces: replace })
    }

    /// The place.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the file: all of it or nothing, on disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written, or somebody else wrote one in the meantime.
    pub fn write(self, endpoint: &str, token: &MachineToken) -> Result<(), Error> {
        let CredentialsPlace { path, mut part, replaces } = self;
        let failed = |source| Error::Write { path: path.clone(), source };
        part.write_all(document(endpoint, token).as_bytes()).map_err(failed)?;
        part.as_file().sync_all().map_err(failed)?;
        if replaces {
            part.persist(&path).map_err(|error| failed(error.error))?;
        } else {
            part.persist_noclobber(&path).map_err(|error| failed(error.error))?;
        }
        let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)
    }
}

/// The hardware-sync YAML. Every value is quoted as JSON, which is YAML, too.
fn document(endpoint: &str, token: &MachineToken) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    format!(
        "reporting:\n  maas:\n    type: webhook\n    endpoint: {}\n    consumer_key: {}\n    token_key: {}\n    token_secret: {}\n",
        quoted(endpoint),
        quoted(&token.consumer_key),
        quoted(token.token_key.reveal()),
        quoted(token.token_secret.reveal()),
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::{Given, Origin, connection};
    use super::*;
    use crate::host::Host;
    use crate::region::Secret;

    fn token() -> MachineToken {
        let secret = |text: &str| Secret::new(text);
        MachineToken { consumer_key: "ck: #1".into(), token_key: secret("tk\"'"), token_secret: secret("ts\\") }
    }

    #[tokio::test]
    async fn what_is_written_is_what_a_deployed_machine_reads() {
        let root = tempfile::tempdir().expect("temporary directory");
        let path = credentials_file(root.path());
        let place = CredentialsPlace::prepare(&path, false).expect("a place");
        place.write("http://r:5240/MAAS/metadata/status/abc", &token()).expect("written");
        assert_eq!(path.metadata().expect("there").permissions().mode() & 0o777, 0o600);
        let names = fs::read_dir(path.parent().expect("parent")).expect("a directory").count();
        assert_eq!(names, 1, "nothing is left beside it");
        let found = connection(&Given { deployed: true, ..Given::default() }, &Host::at(root.path())).await;
        let found = found.expect("found");
        assert_eq!((found.origin, found.client.system_id.as_deref()), (Origin::HardwareSync, Some("abc")));
        let credentials = found.client.credentials.expect("credentials");
        let read = (credentials.consumer_key, credentials.token_key, credentials.token_secret);
        assert_eq!(read, (token().consumer_key, token().token_key, token().token_secret));
    }

    #[test]
    fn a_file_that_is_there_stays() {
        let root = tempfile::tempdir().expect("temporary directory");
        let path = root.path().join("creds.yml");
        let early = CredentialsPlace::prepare(&path, false).expect("nothing there yet");
        fs::write(&path, "theirs").expect("write");
        assert!(matches!(CredentialsPlace::prepare(&path, false), Err(Error::Exists { .. })));
        early.write("http://r/", &token()).expect_err("somebody was quicker");
        assert_eq!(fs::read_to_string(&path).expect("read"), "theirs");
        let forced = CredentialsPlace::prepare(&path, true).expect("it may be replaced");
        forced.write("http://r/", &token()).expect("written");
        CredentialsPlace::prepare(root.path(), true).expect_err("a directory is no file");
        assert!(fs::read_to_string(&path).expect("read").contains("token_secret"));
    }
}
