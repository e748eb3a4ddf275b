//! What a node proves itself with.

use std::fmt;

/// Text that must never be seen: no `Debug`, no `Display`, no serialisation shows it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The secret itself, for the one header that needs it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether it is empty, as the consumer secret of a node is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "Secret(empty)" } else { "Secret(…)" })
    }
}

/// OAuth 1.0 credentials, and where they came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Consumer key.
    pub consumer_key: String,
    /// Consumer secret; empty for a node.
    pub consumer_secret: Secret,
    /// Token key.
    pub token_key: Secret,
    /// Token secret.
    pub token_secret: Secret,
    /// For messages: the file or option that they were read from.
    pub source: String,
}

impl Credentials {
    /// From an API key as users have it, `consumer_key:token_key:token_secret[:consumer_secret]`.
    #[must_use]
    pub fn from_api_key(key: &str) -> Option<Self> {
        let parts: Vec<&str> = key.trim().split(':').collect();
        let (consumer_key, token_key, token_secret, consumer_secret) = match parts[..] {
            [consumer, token, secret] => (consumer, token, secret, ""),
            [consumer, token, secret, consumer_secret] => (consumer, token, secret, consumer_secret),
            _ => return None,
        };
        if [consumer_key, token_key, token_secret].iter().any(|part| part.is_empty()) {
            return None;
        }
        Some(Credentials {
            consumer_key: consumer_key.to_owned(),
            consumer_secret: Secret::new(consumer_secret),
            token_key: Secret::new(token_key),
            token_secret: Secret::new(token_secret),
            source: "the API key".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let credentials = Credentials {
            consumer_key: "ck".into(),
            consumer_secret: Secret::new(""),
            token_key: Secret::new("tk-hidden"),
            token_secret: Secret::new("ts-hidden"),
            source: "a file".into(),
        };
        let text = format!("{credentials:?}");
        assert!(!text.contains("hidden"), "{text}");
    }
}
