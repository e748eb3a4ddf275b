//! Signatures that ring cannot check, and that certificates of site CAs bear: ECDSA on P-521, and SHA-512 on the smaller curves.
//!
//! Only certificates and handshakes are checked with them; keys are agreed upon and data is encrypted by ring alone.

use std::sync::{Arc, OnceLock};

use p521::ecdsa::signature::hazmat::PrehashVerifier as _;
use rustls::SignatureScheme;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// Checks a hash with a public key and a signature.
type Verify = fn(key: &[u8], hash: &[u8], signature: &[u8]) -> Option<()>;

/// A signature algorithm of a certificate or a handshake.
#[derive(Debug)]
struct Ecdsa {
    curve: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
    hash: fn(&[u8]) -> Vec<u8>,
    verify: Verify,
}

impl SignatureVerificationAlgorithm for Ecdsa {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        (self.verify)(public_key, &(self.hash)(message), signature).ok_or(InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.curve
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

/// Padded to the length of SHA-512, since the library takes no hash that is shorter than half of the curve: zeros in front do not change the
/// number that is signed (FIPS 186-5, 6.4.2).
fn sha256(message: &[u8]) -> Vec<u8> {
    [[0; 32].as_slice(), Sha256::digest(message).as_slice()].concat()
}

fn sha384(message: &[u8]) -> Vec<u8> {
    Sha384::digest(message).to_vec()
}

fn sha512(message: &[u8]) -> Vec<u8> {
    Sha512::digest(message).to_vec()
}

fn p256(key: &[u8], hash: &[u8], signature: &[u8]) -> Option<()> {
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
    key.verify_prehash(hash, &p256::ecdsa::DerSignature::from_bytes(signature).ok()?).ok()
}

fn p384(key: &[u8], hash: &[u8], signature: &[u8]) -> Option<()> {
    let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
    key.verify_prehash(hash, &p384::ecdsa::DerSignature::from_bytes(signature).ok()?).ok()
}

fn p521(key: &[u8], hash: &[u8], signature: &[u8]) -> Option<()> {
    let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
    key.verify_prehash(hash, &p521::ecdsa::DerSignature::from_bytes(signature).ok()?).ok()
}

static P256_SHA512: &dyn SignatureVerificationAlgorithm =
    &Ecdsa { curve: alg_id::ECDSA_P256, signature: alg_id::ECDSA_SHA512, hash: sha512, verify: p256 };
static P384_SHA512: &dyn SignatureVerificationAlgorithm =
    &Ecdsa { curve: alg_id::ECDSA_P384, signature: alg_id::ECDSA_SHA512, hash: sha512, verify: p384 };
/// What `openssl x509 -req` makes of a P-521 key unless it is told otherwise.
static P521_SHA256: &dyn SignatureVerificationAlgorithm =
    &Ecdsa { curve: alg_id::ECDSA_P521, signature: alg_id::ECDSA_SHA256, hash: sha256, verify: p521 };
static P521_SHA384: &dyn SignatureVerificationAlgorithm =
    &Ecdsa { curve: alg_id::ECDSA_P521, signature: alg_id::ECDSA_SHA384, hash: sha384, verify: p521 };
static P521_SHA512: &dyn SignatureVerificationAlgorithm =
    &Ecdsa { curve: alg_id::ECDSA_P521, signature: alg_id::ECDSA_SHA512, hash: sha512, verify: p521 };

const MORE: [&dyn SignatureVerificationAlgorithm; 5] =
    [P256_SHA512, P384_SHA512, P521_SHA256, P521_SHA384, P521_SHA512];
static P521_HANDSHAKE: [&dyn SignatureVerificationAlgorithm; 1] = [P521_SHA512];

/// ring, with the signatures that it lacks. Made once, since its lists live as long as the program.
pub(super) fn provider() -> &'static Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| {
        let ring = rustls::crypto::ring::default_provider();
        let known = ring.signature_verification_algorithms;
        let all = known.all.iter().copied().chain(MORE);
        let p521 = (SignatureScheme::ECDSA_NISTP521_SHA512, &P521_HANDSHAKE[..]);
        let mapping = known.mapping.iter().copied().chain([p521]);
        let signature_verification_algorithms = WebPkiSupportedAlgorithms {
            all: all.collect::<Vec<_>>().leak(),
            mapping: mapping.collect::<Vec<_>>().leak(),
        };
        Arc::new(CryptoProvider { signature_verification_algorithms, ..ring })
    })
}
