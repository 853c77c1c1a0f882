//! Tokens made by hand, as somebody makes them who wants in: any header, any claims, any signature.

use anyhow::{Result, anyhow};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use countersign_token::base64url;
use serde_json::{Value, json};

/// A key pair of a stranger, who signs whatever he likes.
pub(crate) struct Stranger {
    pair: EcdsaKeyPair,
}

impl Stranger {
    pub(crate) fn new() -> Result<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| anyhow!("no key"))?;
        Ok(Self { pair })
    }

    /// The public key, under the key id given.
    pub(crate) fn jwk(&self, kid: &str) -> Value {
        let point = self.pair.public_key().as_ref();
        let half = |range| base64url::encode(point.get::<std::ops::Range<usize>>(range).unwrap_or_default());
        json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "kid": kid, "x": half(1..33), "y": half(33..65) })
    }

    /// A compact token, rightly signed with ES256 by this key.
    pub(crate) fn sign(&self, header: &str, claims: &str) -> Result<String> {
        let body = unsigned(header, claims);
        let signature =
            self.pair.sign(&SystemRandom::new(), body.as_bytes()).map_err(|_| anyhow!("no signature"))?;
        Ok(format!("{body}.{}", base64url::encode(signature)))
    }
}

/// A compact token of these texts, signed by HMAC SHA-256 with `secret`.
pub(crate) fn hs256(header: &str, claims: &str, secret: &[u8]) -> String {
    let body = unsigned(header, claims);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), body.as_bytes());
    format!("{body}.{}", base64url::encode(tag))
}

/// Header and claims, encoded; the signature is missing.
pub(crate) fn unsigned(header: &str, claims: &str) -> String {
    format!("{}.{}", base64url::encode(header), base64url::encode(claims))
}

/// Header (text), claims (text) and signature (encoded) of a token.
pub(crate) fn parts(token: &str) -> Option<(String, String, String)> {
    let mut parts = token.split('.');
    let mut text = || String::from_utf8(base64url::decode(parts.next()?)?).ok();
    let (header, claims) = (text()?, text()?);
    Some((header, claims, parts.next()?.to_owned()))
}

/// A JSON object with one member set; `None` takes it out.
pub(crate) fn with(object: &Value, member: &str, value: Option<Value>) -> Value {
    let mut changed = object.clone();
    if let Some(members) = changed.as_object_mut() {
        match value {
            Some(value) => members.insert(member.to_owned(), value),
            None => members.remove(member),
        };
    }
    changed
}
