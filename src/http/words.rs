//! Errors of TLS and HTTP in words that name the next step.

use rustls::{CertificateError, InvalidMessage};

/// What a TLS error means for whoever has to mend it; `None` where the error's own text says enough.
pub(super) fn of_tls(error: &rustls::Error) -> Option<String> {
    match error {
        rustls::Error::InvalidCertificate(error) => {
            Some(format!("the server's certificate is not accepted: {}", of_certificate(error)))
        }
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            Some("the server speaks plain HTTP and no TLS: try http:// in place of https://".to_owned())
        }
        _ => None,
    }
}

fn of_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => {
            "it is signed by an authority that this machine does not trust. Give the authority's certificate with --cacert FILE".to_owned()
        }
        CertificateError::BadSignature => {
            "its signature does not fit the authority of that name that this machine trusts. Give the right authority's certificate with --cacert FILE"
                .to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired. Have it renewed on the server, or set this machine's clock".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet. Set this machine's clock".to_owned()
        }
        CertificateError::NotValidForName => "it is for another name. Use the name that it is for".to_owned(),
        CertificateError::NotValidForNameContext { expected, presented } => format!(
            "it is not for {} but for {}. Use a name that it is for",
            expected.to_str(),
            if presented.is_empty() { "no name at all".to_owned() } else { presented.join(", ") }
        ),
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "it, or an authority above it, is signed in a way that this program cannot check. RSA from 2,048 bits, ECDSA on P-256, P-384 and P-521 and \
             Ed25519 can be checked"
                .to_owned()
        }
        other => other.to_string(),
    }
}

/// The same for what an HTTP client says when a server does not speak HTTP.
pub(super) fn of_http(text: &str) -> String {
    if text.contains("invalid HTTP version parsed") {
        return format!("{text} (the server may speak TLS: try https:// in place of http://)");
    }
    text.to_owned()
}
