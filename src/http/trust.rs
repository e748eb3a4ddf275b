//! Whose certificates are trusted: those that the machine trusts, and those of a given file.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::{CaError, curves};

/// A TLS configuration that trusts the system's CA bundle and the given one. A certificate that cannot be read is passed over with a warning:
/// the others still count.
pub(super) fn configuration(ca_file: Option<&Path>) -> Result<ClientConfig, CaError> {
    let certificates = certificates(ca_file)?;
    let provider = Arc::clone(curves::provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| CaError::Setup(error.to_string()))?;
    let (roots, unusable) = roots(&certificates);
    if unusable > 0 {
        tracing::warn!(certificates = unusable, "certificates of the CA bundle cannot be used and are passed over");
    }
    if roots.is_empty() {
        return Ok(config.with_root_certificates(roots).with_no_client_auth());
    }
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| CaError::Setup(error.to_string()))?;
    let trusted = certificates.into_iter().collect();
    let verifier = Arc::new(Verifier { inner, trusted });
    Ok(config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

fn roots(certificates: &[CertificateDer<'static>]) -> (RootCertStore, usize) {
    let mut roots = RootCertStore::empty();
    let (_, unusable) = roots.add_parsable_certificates(certificates.iter().cloned());
    (roots, unusable)
}

fn certificates(ca_file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, CaError> {
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(%error, "a part of this machine's CA bundle cannot be read");
    }
    let mut all = system.certs;
    // The library passes over what only OpenSSL writes.
    if let Some(bundle) = std::env::var_os("SSL_CERT_FILE").and_then(|path| std::fs::read(path).ok()) {
        all.extend(pem(&bundle));
    }
    if all.is_empty() {
        tracing::info!("this machine has no CA bundle: only plain HTTP and a given CA file will work");
    }
    if let Some(path) = ca_file {
        let bytes = std::fs::read(path).map_err(|source| CaError::Read { path: path.to_owned(), source })?;
        let content = |reason: &str| CaError::Content { path: path.to_owned(), reason: reason.to_owned() };
        let own = pem(&bytes);
        if own.is_empty() {
            return Err(content("holds no certificate in PEM form"));
        }
        if roots(&own).0.is_empty() {
            return Err(content("holds no certificate that can be used"));
        }
        all.extend(own);
    }
    Ok(all)
}

/// The certificates of a PEM bundle, also of `OpenSSL`'s `TRUSTED CERTIFICATE`, whose additions behind the certificate are dropped, as they only
/// narrow what programs may use it for. A block that is not base64 is passed over.
fn pem(bytes: &[u8]) -> Vec<CertificateDer<'static>> {
    let text = String::from_utf8_lossy(bytes);
    let mut found = Vec::new();
    let mut rest = text.as_ref();
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let Some((label, body)) = after.split_once("-----") else { break };
        rest = body;
        let end = format!("-----END {label}-----");
        let Some((content, behind)) = body.split_once(end.as_str()) else { continue };
        rest = behind;
        if !["CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CERTIFICATE"].contains(&label) {
            continue;
        }
        let packed: String = content.split_whitespace().collect();
        let decoded = base64::engine::general_purpose::STANDARD.decode(packed).ok();
        found.extend(decoded.as_deref().and_then(first_element).map(CertificateDer::from));
    }
    found
}

/// The first DER element, without what follows it (ITU-T X.690, 8.1.3).
fn first_element(der: &[u8]) -> Option<Vec<u8>> {
    let short = usize::from(*der.get(1)?);
    let (start, length) = if short < 0x80 {
        (2, short)
    } else {
        let count = short & 0x7f;
        let bytes = der.get(2..2 + count).filter(|_| count <= 4)?;
        (2 + count, bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
    };
    der.get(..start.checked_add(length)?).map(<[u8]>::to_vec)
}

/// Checks as `WebPKI` does, and accepts one thing more: a certificate that is itself in the trusted bundle. The usual self-signed certificate of
/// a server (`openssl req -x509`) calls itself a CA, which `WebPKI` refuses for a server, and `OpenSSL` accepts. Its dates and its name count all
/// the same.
#[derive(Debug)]
struct Verifier {
    inner: Arc<WebPkiServerVerifier>,
    trusted: HashSet<CertificateDer<'static>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let checked = self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match checked {
            Err(error) if is_ca_as_server(&error) && self.trusted.contains(end_entity) => {
                // `WebPKI` looks at the dates before it looks for a CA.
                rustls::client::verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

fn is_ca_as_server(error: &rustls::Error) -> bool {
    let rustls::Error::InvalidCertificate(CertificateError::Other(other)) = error else { return false };
    matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_read_past_marks_labels_and_what_is_no_certificate() {
        // A DER sequence of one byte; two bytes of OpenSSL's additions stand behind it.
        let bundle = "\u{feff}# site CA\r\n-----BEGIN TRUSTED CERTIFICATE-----\r\nMAEFMAA=\r\n-----END TRUSTED CERTIFICATE-----\r\n\
                      -----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n\
                      -----BEGIN PRIVATE KEY-----\nMAEF\n-----END PRIVATE KEY-----\n\
                      -----BEGIN CERTIFICATE-----\nMAEG\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nMAE";
        let found: Vec<Vec<u8>> = pem(bundle.as_bytes()).iter().map(|der| der.as_ref().to_vec()).collect();
        assert_eq!(found, [vec![0x30, 1, 5], vec![0x30, 1, 6]]);
    }

    #[test]
    fn an_element_that_is_longer_than_the_data_is_none() {
        assert_eq!(first_element(&[0x30, 0x82, 0xff, 0xff, 0]), None);
        assert_eq!(first_element(&[0x30]), None);
        assert_eq!(first_element(&[0x30, 0x85, 1, 1, 1, 1, 1]), None);
    }
}
