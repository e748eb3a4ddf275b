//! An archive of Debian packages on the loopback, whose content can change.

use std::sync::{Arc, Mutex, PoisonError};

use super::debian::Package;
use super::server::{Reply, Server, absent, answer};

/// By name.
type Files = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// The archive: a flat one, that apt is told to trust.
pub(crate) struct Mirror {
    files: Files,
    pub(crate) server: Server,
}

impl Mirror {
    pub(crate) async fn of(packages: &[Package]) -> Mirror {
        let files: Files = Arc::default();
        let shown = Arc::clone(&files);
        let server = Server::start(move |asked| {
            let name = asked.target.trim_start_matches("/./").trim_start_matches('/');
            match shown.lock().unwrap_or_else(PoisonError::into_inner).iter().find(|(file, _)| file == name) {
                Some((_, bytes)) => Reply::Bytes(answer("200 OK", &[], bytes)),
                None => absent(),
            }
        })
        .await;
        let mirror = Mirror { files, server };
        mirror.hold(packages);
        mirror
    }

    /// Holds these packages from now on, and no others.
    pub(crate) fn hold(&self, packages: &[Package]) {
        let built: Vec<(String, Vec<u8>)> =
            packages.iter().map(|package| (package.file_name(), package.build())).collect();
        let list: String = packages.iter().zip(&built).map(|(package, (_, deb))| package.listed(deb)).collect();
        let all = built.into_iter().chain([("Packages".to_owned(), list.into_bytes())]).collect();
        *self.files.lock().unwrap_or_else(PoisonError::into_inner) = all;
    }

    /// Its line in `sources.list`.
    pub(crate) fn line(&self) -> String {
        format!("deb [trusted=yes] {} ./\n", self.server.url(""))
    }

    /// How often its list was asked for.
    pub(crate) fn updates(&self) -> usize {
        self.server.asked().iter().filter(|asked| asked.target.ends_with("/InRelease")).count()
    }
}
