//! Errors of TLS and HTTP in words that name the next step. No name of a library's own type is shown.

use rustls::{AlertDescription as Alert, CertificateError, Error, InvalidMessage, PeerIncompatible};

use super::trust::UnfitKey;

const NOT_TRUSTED: &str = "it is signed by an authority that this machine does not trust. Give the authority's certificate with --cacert FILE";
const OLD_TLS: &str = "the server speaks neither TLS 1.2 nor TLS 1.3. Enable one of them on the server";
const NOTHING_IN_COMMON: &str = "the server and this program have no encryption in common. This program takes TLS 1.3, and TLS 1.2 with ECDHE and \
    AES-GCM or ChaCha20-Poly1305; keys of RSA (not of RSASSA-PSS), of ECDSA on P-256, P-384 and P-521, and of Ed25519; and it has no certificate of its \
    own, if the server wants one. Enable one of these on the server, or give the server such a key";
const NOT_SIGNED_SO: &str = "it, or an authority above it, is signed in a way that this program cannot check. RSA from 2,048 bits, ECDSA on P-256, P-384 \
    and P-521 and Ed25519 can be checked";
const WANTS_CERTIFICATE: &str = "the server wants a certificate of this machine, and this program has none. Let the server take machines without one";
const NO_REAL_TLS: &str = "the server's answer is no TLS as the standards have it. Look whether address and port are the right ones, and what stands \
    between it and this machine";
const MADE_ANEW: &str = "Have it made anew on the server";

/// The meaning of a TLS error for whoever has to mend it.
pub(super) fn of_tls(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => {
            format!("the server's certificate is not accepted: {}", of_certificate(error))
        }
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the server speaks plain HTTP and no TLS: try http:// in place of https://".to_owned()
        }
        Error::PeerIncompatible(why) => of_incompatible(why).to_owned(),
        Error::AlertReceived(alert) => of_alert(*alert),
        Error::InvalidMessage(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. }
        | Error::PeerMisbehaved(_)
        | Error::PeerSentOversizedRecord
        | Error::DecryptError => NO_REAL_TLS.to_owned(),
        Error::NoCertificatesPresented => "the server shows no certificate. Give it one".to_owned(),
        Error::NoApplicationProtocol => of_alert(Alert::NoApplicationProtocol),
        Error::UnsupportedNameType => "the address has a name that no certificate can hold. Use another".to_owned(),
        Error::FailedToGetCurrentTime => "this machine does not tell the time. Set its clock".to_owned(),
        Error::FailedToGetRandomBytes => "this machine's kernel gives no random numbers".to_owned(),
        // Those of the program's own side, of what it does not ask for, and what a later library adds.
        _ => unknown(),
    }
}

fn unknown() -> String {
    "the encrypted connection to the server fails for a reason that this program has no words for. The server's log may say more".to_owned()
}

fn of_incompatible(why: &PeerIncompatible) -> &'static str {
    match why {
        PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
        | PeerIncompatible::SupportedVersionsExtensionRequired
        | PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::Tls13RequiredForQuic => OLD_TLS,
        _ => NOTHING_IN_COMMON,
    }
}

/// The words of an alert with which a server ends a handshake (RFC 8446, 6.2).
fn of_alert(alert: Alert) -> String {
    match alert {
        Alert::ProtocolVersion | Alert::InappropriateFallback => OLD_TLS.to_owned(),
        Alert::HandshakeFailure
        | Alert::InsufficientSecurity
        | Alert::ExportRestriction
        | Alert::IllegalParameter
        | Alert::MissingExtension
        | Alert::UnsupportedExtension => NOTHING_IN_COMMON.to_owned(),
        Alert::CertificateRequired
        | Alert::NoCertificate
        | Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::CertificateUnobtainable
        | Alert::UnknownCA => WANTS_CERTIFICATE.to_owned(),
        Alert::UnrecognisedName => {
            "the server knows no host of that name. Use the name that it is configured for".to_owned()
        }
        Alert::NoApplicationProtocol => "the server does not speak HTTP/1.1. Enable it on the server".to_owned(),
        Alert::AccessDenied => "the server lets this machine not in. Allow it there".to_owned(),
        // The others say that something went wrong, and not what is to be mended.
        other => format!(
            "the server ended the encrypted connection (TLS alert {}). The server's log says why",
            u8::from(other)
        ),
    }
}

fn of_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => NOT_TRUSTED.to_owned(),
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
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names: Vec<&str> = presented.iter().filter_map(|name| server_name(name)).collect();
            if names.is_empty() {
                format!(
                    "it is not for {} but for no name at all. {MADE_ANEW} with that name among its subjectAltName",
                    expected.to_str()
                )
            } else {
                format!("it is not for {} but for {}. Use a name that it is for", expected.to_str(), names.join(", "))
            }
        }
        #[allow(deprecated, reason = "it is named here so that it has words, too")]
        CertificateError::UnsupportedSignatureAlgorithm
        | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => NOT_SIGNED_SO.to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            format!("it, or an authority above it, is not for servers. {MADE_ANEW} with extendedKeyUsage=serverAuth, or without extendedKeyUsage")
        }
        CertificateError::BadEncoding => format!("it, or an authority above it, is damaged. {MADE_ANEW}"),
        CertificateError::Revoked => format!("it has been revoked. {MADE_ANEW}"),
        CertificateError::UnhandledCriticalExtension => {
            format!("it, or an authority above it, has a critical extension that this program does not know. {MADE_ANEW} without it")
        }
        CertificateError::UnknownRevocationStatus
        | CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. }
        | CertificateError::InvalidOcspResponse => {
            "nobody says that it has not been revoked. Have the server's authority say it anew".to_owned()
        }
        CertificateError::Other(other) => match (other.0.downcast_ref(), other.0.downcast_ref::<UnfitKey>()) {
            (Some(error), _) => of_webpki(error),
            (_, Some(key)) => key.to_string(),
            (None, None) => no_words(),
        },
        _ => no_words(),
    }
}

fn no_words() -> String {
    format!(
        "it breaks a rule for certificates that this program has no words for. {MADE_ANEW}, and look at it with openssl x509 -text"
    )
}

/// The words of an error that says which rule of RFC 5280 a certificate breaks.
fn of_webpki(error: &webpki::Error) -> String {
    use webpki::Error as E;
    match error {
        E::UnsupportedCertVersion => {
            format!("it, or an authority above it, is of version 1, which holds no names of servers. {MADE_ANEW} with version 3 and a subjectAltName")
        }
        E::EndEntityUsedAsCa => {
            "its signer is no authority: that one's certificate has not CA:TRUE. Have it signed by an authority, or the authority's certificate made anew \
             with basicConstraints=CA:TRUE"
                .to_owned()
        }
        E::CaUsedAsEndEntity => format!(
            "it is an authority's (CA:TRUE) and not a server's. {MADE_ANEW} with basicConstraints=CA:FALSE, or give this very certificate with --cacert FILE"
        ),
        E::NameConstraintViolation => {
            "the authority that signed it may not sign for this name (nameConstraints). Use a name that it may sign for, or another authority".to_owned()
        }
        E::PathLenConstraintViolated => {
            "there are more authorities between it and the trusted one than that one allows (pathlen). Have it signed by an authority further up".to_owned()
        }
        E::MaximumPathDepthExceeded
        | E::MaximumPathBuildCallsExceeded
        | E::MaximumSignatureChecksExceeded
        | E::MaximumNameConstraintComparisonsExceeded => {
            "the chain of its authorities is too long. Let the server send the certificates that lead to a trusted authority, and no others".to_owned()
        }
        E::InvalidSerialNumber => {
            format!("it, or an authority above it, has a serial number that is negative or too long. {MADE_ANEW}")
        }
        E::EmptyEkuExtension => format!("it, or an authority above it, names no purpose in its extendedKeyUsage. {MADE_ANEW} with serverAuth"),
        E::SignatureAlgorithmMismatch
        | E::BadDer
        | E::BadDerTime
        | E::TrailingData(_)
        | E::ExtensionValueInvalid
        | E::MalformedExtensions
        | E::MalformedDnsIdentifier
        | E::MalformedNameConstraint
        | E::InvalidNetworkMaskConstraint
        | E::InvalidCertValidity
        | E::UnsupportedNameType => format!("it, or an authority above it, is damaged. {MADE_ANEW}"),
        E::UnsupportedCriticalExtension => of_certificate(&CertificateError::UnhandledCriticalExtension),
        E::CertDistrusted | E::CertRevoked => of_certificate(&CertificateError::Revoked),
        E::UnknownIssuer => NOT_TRUSTED.to_owned(),
        // The others have words as errors of certificates, or are about lists of revoked ones, which are not asked for.
        _ => no_words(),
    }
}

/// The name in a name of a certificate, which comes as `DnsName("…")` or `IpAddress(…)`; `None` of what is no server's.
fn server_name(text: &str) -> Option<&str> {
    let inside = |before: &str, after: &str| text.strip_prefix(before)?.strip_suffix(after);
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "*.-_:".contains(c));
    inside("DnsName(\"", "\")")
        .or_else(|| inside("IpAddress(", ")"))
        .or((is_plain && text != "DirectoryName").then_some(text))
}

/// True of what an HTTP client says when a proxy wants a name and a password before it connects.
pub(super) fn is_proxy_refusal(text: &str) -> bool {
    text.ends_with("proxy authorization required")
}

/// The words of an error of the HTTP client: the server does not speak HTTP, or a proxy does not connect.
pub(super) fn of_http(text: &str) -> String {
    if text.contains("invalid HTTP version parsed") {
        return format!("{text} (the server may speak TLS: try https:// in place of http://)");
    }
    match text {
        "tunnel error: unsuccessful" => {
            "the proxy does not connect to it. Allow it on the proxy, or except the address with no_proxy".to_owned()
        }
        "tunnel error: unexpected end of file" | "tunnel error: proxy response headers too long" => {
            "the proxy gives no answer of a proxy. Look whether address and port of the proxy are the right ones"
                .to_owned()
        }
        "tunnel error: proxy authorization required" => "the proxy wants a name and a password, or others".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::OtherError;

    use super::*;

    /// A word that only a programmer writes: capitals inside of it.
    fn is_raw(word: &str) -> bool {
        const KNOWN: [&str; 7] = [
            "subjectAltName",
            "extendedKeyUsage",
            "basicConstraints",
            "nameConstraints",
            "serverAuth",
            "ChaCha20",
            "RSASSA",
        ];
        let inner_capital = word.chars().zip(word.chars().skip(1)).any(|(a, b)| a.is_lowercase() && b.is_uppercase());
        inner_capital && !KNOWN.iter().any(|known| word.contains(known))
    }

    fn is_in_words(text: &str) -> bool {
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        !words.into_iter().any(is_raw) && !text.contains("Error(") && text.len() > 30
    }

    #[test]
    fn every_fault_of_a_certificate_is_said_in_words() {
        use webpki::Error as E;
        for fault in [
            E::BadDer,
            E::CaUsedAsEndEntity,
            E::EmptyEkuExtension,
            E::EndEntityUsedAsCa,
            E::ExtensionValueInvalid,
            E::InvalidNetworkMaskConstraint,
            E::InvalidSerialNumber,
            E::MalformedDnsIdentifier,
            E::MalformedExtensions,
            E::MalformedNameConstraint,
            E::MaximumPathDepthExceeded,
            E::MaximumSignatureChecksExceeded,
            E::NameConstraintViolation,
            E::PathLenConstraintViolated,
            E::SignatureAlgorithmMismatch,
            E::UnknownIssuer,
            E::UnsupportedCertVersion,
            E::UnsupportedCriticalExtension,
            E::UnsupportedNameType,
            E::UnsupportedCrlVersion,
        ] {
            let text = of_certificate(&CertificateError::Other(OtherError(Arc::new(fault.clone()))));
            assert!(is_in_words(&text), "{fault:?}: {text}");
        }
        for fault in [
            CertificateError::BadEncoding,
            CertificateError::Revoked,
            CertificateError::InvalidPurpose,
            CertificateError::UnhandledCriticalExtension,
            CertificateError::UnknownRevocationStatus,
            CertificateError::InvalidOcspResponse,
            CertificateError::ApplicationVerificationFailure,
            CertificateError::Other(OtherError(Arc::new(std::fmt::Error))),
        ] {
            let text = of_certificate(&fault);
            assert!(is_in_words(&text), "{fault:?}: {text}");
        }
        assert!(!is_in_words("the server's certificate is not accepted: Other(OtherError(UnsupportedCertVersion))"));
    }

    #[test]
    fn every_alert_of_a_server_is_said_in_words() {
        for number in 0..=u8::MAX {
            let text = of_tls(&Error::AlertReceived(Alert::from(number)));
            assert!(is_in_words(&text), "alert {number}: {text}");
        }
        assert!(of_alert(Alert::from(70)).contains("neither TLS 1.2 nor TLS 1.3"), "RFC 8446, 6: protocol_version");
        assert!(of_alert(Alert::from(40)).contains("no encryption in common"), "RFC 8446, 6: handshake_failure");
        assert!(
            of_alert(Alert::from(116)).contains("certificate of this machine"),
            "RFC 8446, 6: certificate_required"
        );
        assert!(of_alert(Alert::from(80)).contains("TLS alert 80"), "RFC 8446, 6: internal_error");
    }

    #[test]
    fn other_ends_of_a_handshake_are_said_in_words() {
        for error in [
            Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13),
            Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon),
            Error::InvalidMessage(InvalidMessage::MissingKeyExchange),
            Error::NoCertificatesPresented,
            Error::General("anything".to_owned()),
            Error::Other(OtherError(Arc::new(std::fmt::Error))),
            Error::BadMaxFragmentSize,
        ] {
            assert!(is_in_words(&of_tls(&error)), "{error:?}: {}", of_tls(&error));
        }
    }

    #[test]
    fn names_of_a_certificate_are_shown_as_people_write_them() {
        assert_eq!(server_name("DnsName(\"*.maas.example\")"), Some("*.maas.example"));
        assert_eq!(server_name("IpAddress(10.0.0.1)"), Some("10.0.0.1"));
        assert_eq!(server_name("IpAddress(fd00::1)"), Some("fd00::1"));
        assert_eq!(server_name("UniformResourceIdentifier(\"http://x\")"), None);
        assert_eq!(server_name("Unsupported(0x81)"), None);
        assert_eq!(server_name("DirectoryName"), None);
        // "DirectoryName" has no name to show.
        assert_eq!(server_name("maas.example"), Some("maas.example"));
    }
}
