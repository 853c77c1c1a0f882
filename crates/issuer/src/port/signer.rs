//! A small pool for slow signatures (RSA, half a millisecond); fast ones are made on the spot.

use crate::error::Unavailable;
use async_trait::async_trait;
use countersign_token::{Algorithm, KeyError, Prepared, SigningKey};

/// Makes a slow signature off the event loop.
#[async_trait]
pub trait SignPool: Send + Sync {
    /// The compact token.
    async fn finish(&self, prepared: Prepared) -> Result<String, Unavailable>;
    /// Makes a new key. RSA takes some hundred milliseconds: an adapter on an event loop does it elsewhere.
    async fn generate(&self, alg: Algorithm) -> Result<SigningKey, KeyError> {
        SigningKey::generate(alg)
    }
}
