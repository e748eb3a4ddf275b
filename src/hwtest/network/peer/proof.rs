//! Both ends know one secret, and each shows the other that it does, without sending it: HMAC-SHA-256 (RFC 2104) over numbers that each end
//! chooses anew. The peer shows first, so a listener tells strangers nothing but a random number.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Bytes of a code.
pub(super) const CODE: usize = 32;
/// A number that is used once.
pub(super) type Nonce = [u8; 32];
/// A code of authentication.
pub(super) type Code = [u8; CODE];

/// Least length of a token: who listens on the way could try all shorter ones.
const LEAST: usize = 16;
const MOST: usize = 4096;

/// The secret of both ends. Nothing shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// A text that is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token has 16 to 4096 characters in one line")]
pub struct NoToken;

impl Token {
    /// A token from a text, without the white space around it.
    ///
    /// # Errors
    /// The text is too short or too long, or has several lines.
    pub fn new(text: &str) -> Result<Self, NoToken> {
        let text = text.trim();
        if !(LEAST..=MOST).contains(&text.len()) || text.contains(char::is_control) {
            return Err(NoToken);
        }
        Ok(Token(text.to_owned()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Purpose of a code. No code of one purpose is valid for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The peer proves that it knows the token.
    Peer = 1,
    /// The listener does.
    Listener = 2,
    /// The key of this one test.
    Session = 3,
    /// A message of the peer.
    PeerMessage = 4,
    /// A message of the listener.
    ListenerMessage = 5,
    /// A connection for data.
    Stream = 6,
    /// A datagram.
    Datagram = 7,
}

fn begun(key: &[u8], purpose: Purpose, parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of HMAC may have any length");
    mac.update(&[purpose as u8]);
    for part in parts {
        // With their lengths, so that no two lists of parts are the same bytes.
        mac.update(&(part.len() as u64).to_le_bytes());
        mac.update(part);
    }
    mac
}

/// The key of one test, made from the token and the numbers of both ends.
#[derive(Clone)]
pub(super) struct Key(Code);

impl Key {
    pub(super) fn code(&self, purpose: Purpose, parts: &[&[u8]]) -> Code {
        begun(&self.0, purpose, parts).finalize().into_bytes().into()
    }

    /// True if a code, or the beginning of one, is right. The check takes the same time whichever byte is wrong.
    pub(super) fn is_right(&self, purpose: Purpose, parts: &[&[u8]], code: &[u8]) -> bool {
        begun(&self.0, purpose, parts).verify_truncated_left(code).is_ok()
    }
}

impl Token {
    /// Returns the code that proves to the other end that this one knows the token.
    pub(super) fn proof(&self, purpose: Purpose, peer: &Nonce, listener: &Nonce) -> Code {
        begun(self.0.as_bytes(), purpose, &[peer, listener]).finalize().into_bytes().into()
    }

    pub(super) fn is_shown(&self, purpose: Purpose, peer: &Nonce, listener: &Nonce, code: &Code) -> bool {
        begun(self.0.as_bytes(), purpose, &[peer, listener]).verify_slice(code).is_ok()
    }

    pub(super) fn session(&self, peer: &Nonce, listener: &Nonce) -> Key {
        Key(self.proof(Purpose::Session, peer, listener))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_line_of_sixteen_characters_and_is_never_shown() {
        assert_eq!(Token::new("too short"), Err(NoToken));
        assert_eq!(Token::new("0123456789abcdef\n0123456789abcdef"), Err(NoToken));
        let token = Token::new(" 0123456789abcdef\n").expect("a token");
        assert_eq!(token, Token::new("0123456789abcdef").expect("a token"));
        assert!(!format!("{token:?}").contains("0123"));
    }

    #[test]
    fn the_code_is_that_of_the_standard() {
        // HMAC-SHA-256 by Python's hmac module: key "0123456789abcdef", message 01 20 00.. (32 zero bytes) 20 00.. (32 bytes of 01).
        let token = Token::new("0123456789abcdef").expect("a token");
        let code = token.proof(Purpose::Peer, &[0; 32], &[1; 32]);
        assert_eq!(base16ct::lower::encode_string(&code), PYTHON);
    }

    const PYTHON: &str = "a63aaf46f014f13aa4774725869166ad8ef7490424296b2d60aec1546b76f3e0";

    #[test]
    fn a_proof_is_good_for_one_purpose_one_token_and_these_numbers() {
        let (one, other) =
            (Token::new("0123456789abcdef").expect("a token"), Token::new("0123456789abcdeF").expect("another"));
        let (peer, listener) = ([7; 32], [8; 32]);
        let code = one.proof(Purpose::Peer, &peer, &listener);
        assert!(one.is_shown(Purpose::Peer, &peer, &listener, &code));
        assert!(!other.is_shown(Purpose::Peer, &peer, &listener, &code));
        assert!(
            !one.is_shown(Purpose::Listener, &peer, &listener, &code),
            "what a peer said is no answer of a listener"
        );
        assert!(!one.is_shown(Purpose::Peer, &listener, &peer, &code));
        let key = one.session(&peer, &listener);
        let code = key.code(Purpose::Stream, &[b"a", b"bc"]);
        assert!(key.is_right(Purpose::Stream, &[b"a", b"bc"], &code[..16]));
        assert!(!key.is_right(Purpose::Stream, &[b"ab", b"c"], &code));
        assert!(!key.is_right(Purpose::Stream, &[b"a", b"bc"], &[]), "no code is no proof");
    }
}
