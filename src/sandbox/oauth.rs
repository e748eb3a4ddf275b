//! Checking OAuth 1.0 PLAINTEXT as the region does, in its order and with its texts.

use std::collections::HashMap;

use rand::RngExt as _;
use reqwest::Url;

use super::state::State;

/// A difference of clocks that the region forgives, in seconds, towards the past.
const THRESHOLD: i64 = 300;

/// Credentials that the region gave out.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) consumer_key: String,
    pub(super) key: String,
    pub(super) secret: String,
}

impl Token {
    pub(super) fn random() -> Self {
        Token { consumer_key: word(18), key: word(18), secret: word(32) }
    }

    /// As users have it.
    pub(super) fn api_key(&self) -> String {
        format!("{}:{}:{}", self.consumer_key, self.key, self.secret)
    }
}

/// A random word of letters and digits.
pub(super) fn word(length: usize) -> String {
    const LETTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut random = rand::rng();
    (0..length).map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())])).collect()
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaker {
    /// The node.
    Node,
    /// An administrator.
    Admin,
    /// Nobody known: no header, or one that is not OAuth.
    Anonymous,
}

/// Checks an `Authorization` header.
///
/// # Errors
/// The text of the 401.
pub(super) fn check(header: Option<&str>, state: &mut State, now: i64) -> Result<Speaker, String> {
    let Some(fields) = header.and_then(fields) else { return Ok(Speaker::Anonymous) };
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    let tokens = [(Speaker::Node, &state.node.token), (Speaker::Admin, &state.admin)];
    if !tokens.iter().any(|(_, token)| token.consumer_key == field("oauth_consumer_key")) {
        return Err("Invalid API key.".to_owned());
    }
    let token_key = field("oauth_token");
    let known = tokens
        .iter()
        .find(|(speaker, token)| token.key == token_key && (*speaker != Speaker::Node || state.node.token_is_valid));
    let Some((speaker, token)) = known else { return Err(format!("'Invalid access token: {token_key}'")) };
    let given: i64 = field("oauth_timestamp").parse().unwrap_or(0);
    if now - given > THRESHOLD {
        return Err(format!(
            "'Expired timestamp: given {given} and now {now} has a greater difference than threshold {THRESHOLD}'"
        ));
    }
    let expected = format!("&{}", token.secret);
    let signed = field("oauth_signature_method") == "PLAINTEXT" && field("oauth_signature") == expected;
    let speaker = *speaker;
    let nonce = field("oauth_nonce").to_owned();
    if !state.nonces.insert(nonce.clone()) {
        return Err(format!("'Nonce already used: {nonce}'"));
    }
    if !signed {
        // As the region does: the text echoes the secret, so nobody may show it.
        return Err(format!("'Invalid signature. Expected signature base string: {expected}'"));
    }
    Ok(speaker)
}

/// The `key="value"` pairs of an OAuth header, decoded; `None` when it is no such header.
fn fields(header: &str) -> Option<HashMap<String, String>> {
    let list = header.strip_prefix("OAuth ")?;
    let mut fields = HashMap::new();
    for pair in list.split(',') {
        let (key, value) = pair.trim().split_once('=')?;
        fields.insert(key.to_owned(), decode(value.trim_matches('"')));
    }
    fields.contains_key("oauth_token").then_some(fields)
}

fn decode(text: &str) -> String {
    let query = format!("http://x/?v={}", text.replace('+', "%2B"));
    let url = Url::parse(&query).ok();
    url.and_then(|url| url.query_pairs().next().map(|(_, value)| value.into_owned())).unwrap_or_default()
}
