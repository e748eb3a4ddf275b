//! Whose certificates are trusted: those that the machine trusts, and those of a given file.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};

use super::certificate::{self, Certificate};
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
    if let Some(path) = std::env::var_os("SSL_CERT_FILE")
        && let Ok(bundle) = std::fs::read(&path)
    {
        all.extend(pem(&bundle));
    }
    if all.is_empty() {
        tracing::info!("this machine has no CA bundle: only plain HTTP and a given CA file will work");
    }
    if let Some(path) = ca_file {
        let bytes = std::fs::read(path).map_err(|source| CaError::Read { path: path.to_owned(), source })?;
        let content = |reason: &str| CaError::Content { path: path.to_owned(), reason: reason.to_owned() };
        let own = pem(&bytes);
        tell_expired(&own, path);
        if own.is_empty() {
            return Err(content("holds no certificate in PEM form, or none that vouches for servers"));
        }
        if roots(&own).0.is_empty() {
            return Err(content("holds no certificate that can be used"));
        }
        all.extend(own);
    }
    Ok(all)
}

/// The certificates of a PEM bundle, also of `OpenSSL`'s `TRUSTED CERTIFICATE`, unless its additions say that it does not vouch for servers.
/// A block that is not base64, or has no end, is passed over.
fn pem(bytes: &[u8]) -> Vec<CertificateDer<'static>> {
    const BEGIN: &str = "-----BEGIN ";
    let text = String::from_utf8_lossy(bytes);
    let mut found = Vec::new();
    let mut rest = text.as_ref();
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let Some((label, body)) = after.split_once("-----") else { break };
        rest = body;
        let end = format!("-----END {label}-----");
        let Some((content, behind)) = body.split_once(end.as_str()) else { continue };
        // A block that was cut off is none, and the one behind it is whole.
        if content.contains(BEGIN) {
            continue;
        }
        rest = behind;
        if !["CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CERTIFICATE"].contains(&label) {
            continue;
        }
        let packed: String = content.split_whitespace().collect();
        let decoded = base64::engine::general_purpose::STANDARD.decode(packed).unwrap_or_default();
        match certificate::first_element(&decoded) {
            Some((_, added)) if !certificate::vouches_for_servers(added) => {
                tracing::warn!(
                    "a certificate of the CA bundle is passed over: its trust settings do not let it vouch for servers"
                );
            }
            Some((own, _)) => found.push(CertificateDer::from(own.to_vec())),
            None => {}
        }
    }
    found
}

/// Tells of authorities of the site that have expired; a system's bundle always has some. They are trusted all the same: their servers' certificates have dates of their own.
fn tell_expired(certificates: &[CertificateDer<'static>], path: &Path) {
    let now = jiff::Timestamp::now().as_second();
    let ends = certificates.iter().filter_map(|own| Certificate::read(own)?.not_after);
    let expired: Vec<String> = ends
        .filter(|end| *end < now)
        .filter_map(|end| Some(jiff::Timestamp::from_second(end).ok()?.strftime("%Y-%m-%d").to_string()))
        .collect();
    if !expired.is_empty() {
        tracing::warn!(
            file = %path.display(),
            ended = expired.join(", "),
            "certificates of the CA bundle have expired. They are trusted all the same; have them renewed, or set this machine's clock"
        );
    }
}

/// Why a signature cannot be checked although its algorithm can: ring checks RSA keys of 2,048 to 8,192 bits.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnfitKey {
    /// The server's own.
    #[error(
        "its key of {bits} bits is too {}: RSA keys must have 2,048 to 8,192 bits. Have it made anew on the server with another key",
        weak_or_long(*bits)
    )]
    Server {
        /// The key's length.
        bits: usize,
    },
    /// That of the authority that signed it, or of one above.
    #[error(
        "the key of an authority that signed it has {bits} bits and is too {}: RSA keys must have 2,048 to 8,192 bits. Have it signed by another authority",
        weak_or_long(*bits)
    )]
    Authority {
        /// The key's length.
        bits: usize,
    },
}

fn weak_or_long(bits: usize) -> &'static str {
    if bits < SHORTEST { "weak" } else { "long" }
}

const SHORTEST: usize = 2048;
const LONGEST: usize = 8192;

fn unfit_bits(certificate: &Certificate<'_>) -> Option<usize> {
    certificate.rsa_bits().filter(|bits| !(SHORTEST..=LONGEST).contains(bits))
}

impl UnfitKey {
    fn of_server(certificate: &CertificateDer<'_>) -> Option<Self> {
        unfit_bits(&Certificate::read(certificate)?).map(|bits| UnfitKey::Server { bits })
    }

    /// Among those who may have signed a certificate of the chain.
    fn of_authority<'a>(
        chain: &[&'a CertificateDer<'a>],
        trusted: impl Iterator<Item = &'a CertificateDer<'a>>,
    ) -> Option<Self> {
        let chain: Vec<_> = chain.iter().filter_map(|own| Certificate::read(own)).collect();
        let trusted = trusted.filter_map(|own| Certificate::read(own));
        let has_signed = |authority: &Certificate<'_>| chain.iter().any(|own| own.issuer == authority.subject);
        let of_trusted = trusted.filter(|own| has_signed(own)).find_map(|own| unfit_bits(&own));
        let of_chain = || chain.iter().skip(1).filter(|own| has_signed(own)).find_map(unfit_bits);
        of_trusted.or_else(of_chain).map(|bits| UnfitKey::Authority { bits })
    }

    /// The key in place of a signature that does not fit, if it is the reason.
    fn explains(error: rustls::Error, reason: impl FnOnce() -> Option<UnfitKey>) -> rustls::Error {
        if error != rustls::Error::InvalidCertificate(CertificateError::BadSignature) {
            return error;
        }
        match reason() {
            Some(reason) => CertificateError::Other(OtherError(Arc::new(reason))).into(),
            None => error,
        }
    }
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
            Err(error) if lacks_only_authority(&error) && self.trusted.contains(end_entity) => {
                // `WebPKI` looks at the dates before it looks for a CA, or for who signed it.
                rustls::client::verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            other => other.map_err(|error| {
                let chain: Vec<_> = std::iter::once(end_entity).chain(intermediates).collect();
                UnfitKey::explains(error, || UnfitKey::of_authority(&chain, self.trusted.iter()))
            }),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let checked = self.inner.verify_tls12_signature(message, cert, dss);
        checked.map_err(|error| UnfitKey::explains(error, || UnfitKey::of_server(cert)))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let checked = self.inner.verify_tls13_signature(message, cert, dss);
        checked.map_err(|error| UnfitKey::explains(error, || UnfitKey::of_server(cert)))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// True if a certificate was refused for nothing but what signed it: `WebPKI` says so only when its dates hold.
fn lacks_only_authority(error: &rustls::Error) -> bool {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => true,
        rustls::Error::InvalidCertificate(CertificateError::Other(other)) => {
            matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
        }
        _ => false,
    }
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
    fn a_block_that_was_cut_off_does_not_take_the_next_one_with_it() {
        let bundle =
            "-----BEGIN CERTIFICATE-----\nMAEF\n-----BEGIN CERTIFICATE-----\nMAEG\n-----END CERTIFICATE-----\n";
        let found: Vec<Vec<u8>> = pem(bundle.as_bytes()).iter().map(|der| der.as_ref().to_vec()).collect();
        assert_eq!(found, [vec![0x30, 1, 6]]);
    }
}
