//! The keys of the vectors, and tokens that the engine's own signer would never make.

use countersign_token::provider::{AwsLc, Pair, PrivateKey, Provider};
use countersign_token::{Algorithm, Jwk, SigningKey, base64url};
use serde_json::Value;

pub(super) fn key_document(name: &str) -> Value {
    super::read("keys.json")["keys"][name].clone()
}

pub(super) fn key(name: &str) -> SigningKey {
    let document = serde_json::to_vec(&key_document(name)).unwrap();
    SigningKey::from_private_jwk(&document, None).unwrap()
}

pub(super) fn public(name: &str) -> Jwk {
    key(name).public_jwk().unwrap()
}

/// A signature of any bytes.
pub(super) fn raw(alg: Algorithm, stored: &[u8], message: &[u8]) -> Vec<u8> {
    let Pair { signer, .. } = AwsLc.private(alg, PrivateKey::Stored(stored)).unwrap();
    let mut out = Vec::new();
    signer.sign(message, &mut out).unwrap();
    out
}

pub(super) fn input(header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
    format!("{}.{}", base64url::encode(header), base64url::encode(claims))
}

/// Signs any header and claims with the key of that name, whatever the header says.
pub(super) fn signed(name: &str, header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
    let (key, input) = (key(name), input(header, claims));
    let signature = raw(key.algorithm(), &key.private_bytes(), input.as_bytes());
    format!("{input}.{}", base64url::encode(signature))
}
