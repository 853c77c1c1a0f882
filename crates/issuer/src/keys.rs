//! The life of keys: pending -> active -> retiring -> archived, withdrawn at any time; and the ring of
//! loaded keys that flows sign and verify with.

use crate::Issuer;
use crate::error::Result;
use crate::model::{KeyRecord, Secret};
use countersign_token::{Algorithm, KeySet, SigningKey};
use std::sync::Arc;

/// A document served as it is: bytes made once, with a strong ETag.
#[derive(Clone, Debug)]
pub struct Document {
    /// The body.
    pub body: Arc<[u8]>,
    /// `"..."`, quoted.
    pub etag: Arc<str>,
}

/// The loaded keys.
#[derive(Default)]
pub struct KeyRing {}

impl KeyRing {
    /// The active key of that algorithm.
    pub fn signing(&self, _alg: Algorithm) -> Option<Arc<SigningKey>> {
        todo!()
    }
    /// Algorithms with an active key.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        todo!()
    }
    /// Published keys: pending, active, retiring.
    pub fn verifying(&self) -> Arc<KeySet> {
        todo!()
    }
    /// Archived ones too, for `id_token_hint`; never withdrawn ones.
    pub fn hint(&self) -> Arc<KeySet> {
        todo!()
    }
    /// The JWKS document.
    pub fn jwks(&self) -> Document {
        todo!()
    }
    /// The key set's version: caches of verified tokens are void when it moves.
    pub fn version(&self) -> i64 {
        todo!()
    }
    /// The refresh MAC key of that version.
    pub fn refresh(&self, _version: u16) -> Option<Arc<RefreshKey>> {
        todo!()
    }
    /// The newest refresh key's version.
    pub fn refresh_version(&self) -> u16 {
        todo!()
    }
}

/// A loaded refresh key (`oauth::grant::refresh_token` makes and checks tokens with it).
pub struct RefreshKey {
    /// Its version.
    pub version: u16,
    pub(crate) secret: zeroize::Zeroizing<Vec<u8>>,
}

pub(crate) async fn load_or_init(_issuer: &Issuer) -> Result<()> {
    todo!()
}
pub(crate) async fn follow(_issuer: &Issuer) -> Result<()> {
    todo!()
}
pub(crate) async fn tend(_issuer: &Issuer) -> Result<()> {
    todo!()
}
/// `key list`.
pub async fn list(_issuer: &Issuer) -> Result<Vec<KeyRecord>> {
    todo!()
}
/// `key rotate`: makes pending keys for each algorithm in use (or the one named); with `now`, they sign at
/// once although verifiers may not know them yet.
pub async fn rotate(_issuer: &Issuer, _alg: Option<Algorithm>, _now: bool) -> Result<Vec<KeyRecord>> {
    todo!()
}
/// `key withdraw`: out of JWKS, rule `kid`, replaced at once if it was active.
pub async fn withdraw(_issuer: &Issuer, _kid: &str) -> Result<()> {
    todo!()
}
/// The resource's HS256 key, opened.
pub fn resource_secret(_issuer: &Issuer, _resource: &crate::model::Resource) -> Result<Option<SigningKey>> {
    todo!()
}
/// A fresh client secret or API key: 32 random bytes, base64url.
pub fn fresh_secret(_issuer: &Issuer) -> Secret {
    todo!()
}
