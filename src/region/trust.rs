//! Whose certificates are believed.

use std::path::Path;

use reqwest::Certificate;

use super::Error;

/// The system's, where it has any, and those of a bundle.
pub(super) fn certificates(ca_file: Option<&Path>) -> Result<Vec<Certificate>, Error> {
    let system = rustls_native_certs::load_native_certs();
    if system.certs.is_empty() {
        tracing::info!("this machine has no CA bundle: only plain HTTP and a given CA file will work");
    }
    let mut all: Vec<Certificate> =
        system.certs.iter().filter_map(|der| Certificate::from_der(der.as_ref()).ok()).collect();
    if let Some(path) = ca_file {
        let pem = std::fs::read(path).map_err(|source| Error::File { path: path.display().to_string(), source })?;
        let own = Certificate::from_pem_bundle(&pem)
            .map_err(|error| Error::Setup(format!("{} is not a PEM bundle: {error}", path.display())))?;
        if own.is_empty() {
            return Err(Error::Setup(format!("{} holds no certificate", path.display())));
        }
        all.extend(own);
    }
    Ok(all)
}
