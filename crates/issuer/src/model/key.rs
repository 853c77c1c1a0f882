//! Signing keys and refresh keys as they are kept: sealed, with a state.

use super::Sealed;
use countersign_token::{Algorithm, Timestamp};
use serde::{Deserialize, Serialize};

/// Where a signing key is in its life. Withdrawn may follow any other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// Published, not signing.
    Pending,
    /// Published, signing.
    Active,
    /// Published, not signing.
    Retiring,
    /// Not published; verifies `id_token_hint` only.
    Archived,
    /// Not published, verifies nothing; rule `kid`.
    Withdrawn,
}

/// What a key signs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyUse {
    /// Access and ID tokens: published in JWKS.
    Token,
    /// Heads of the revocation feed: published in its metadata, never in JWKS. Signs nothing else.
    Feed,
}

/// A signing key's row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyRecord {
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// Its one algorithm.
    pub alg: Algorithm,
    /// What it signs.
    pub purpose: KeyUse,
    /// State.
    pub state: KeyState,
    /// PKCS#8, sealed with `kid` as additional data.
    pub private: Sealed,
    /// When made and published.
    pub created_at: Timestamp,
    /// When it may sign, or began to.
    pub active_at: Timestamp,
    /// When it left `active`.
    pub retired_at: Option<Timestamp>,
}

impl KeyRecord {
    /// What it follows others in.
    pub(crate) fn line(&self) -> (KeyUse, Algorithm) {
        (self.purpose, self.alg)
    }
}

/// A refresh key's row: the MAC key of refresh tokens, by version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefreshKeyRecord {
    /// Written into every refresh token.
    pub version: u16,
    /// 32 bytes, sealed with the version as additional data.
    pub secret: Sealed,
    /// When made.
    pub created_at: Timestamp,
}
