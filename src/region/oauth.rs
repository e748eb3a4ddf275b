//! OAuth 1.0 with the PLAINTEXT method (contract REGION, "Credentials and signing").

use std::fmt::Write as _;

use rand::RngExt as _;
use reqwest::header::HeaderValue;

use super::Credentials;

/// The `Authorization` header of one attempt. `timestamp` is in seconds since 1970, by the region's clock.
///
/// The nonce is fresh at every call: the region refuses one that it has seen.
pub(super) fn authorization(credentials: &Credentials, timestamp: i64) -> HeaderValue {
    let nonce: u128 = rand::rng().random();
    let signature =
        format!("{}&{}", encode(credentials.consumer_secret.reveal()), encode(credentials.token_secret.reveal()));
    let header = format!(
        "OAuth realm=\"\", oauth_version=\"1.0\", oauth_signature_method=\"PLAINTEXT\", oauth_consumer_key=\"{}\", \
         oauth_token=\"{}\", oauth_nonce=\"{nonce:032x}\", oauth_timestamp=\"{timestamp}\", oauth_signature=\"{}\"",
        encode(&credentials.consumer_key),
        encode(credentials.token_key.reveal()),
        encode(&signature),
    );
    // Percent-encoded text is always a valid header value.
    let mut value = HeaderValue::from_str(&header).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// Percent-encoding of RFC 5849 §3.6: everything but letters, digits and `-._~`.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region::Secret;

    #[test]
    fn the_header_is_the_contracts() {
        let credentials = Credentials {
            consumer_key: "ck".into(),
            consumer_secret: Secret::default(),
            token_key: Secret::new("tk"),
            token_secret: Secret::new("a b&c"),
            source: String::new(),
        };
        let first = authorization(&credentials, 1_700_000_000);
        assert!(first.is_sensitive());
        let text = first.to_str().expect("ASCII");
        assert!(text.starts_with("OAuth realm=\"\", oauth_version=\"1.0\""), "{text}");
        assert!(text.contains("oauth_timestamp=\"1700000000\""), "{text}");
        assert!(text.ends_with("oauth_signature=\"%26a%2520b%2526c\""), "{text}");
        assert_ne!(first, authorization(&credentials, 1_700_000_000), "a nonce is used once");
    }
}
