//! Slow signatures (RSA: half a millisecond and more) off the event loop.

use crate::pool::{Pool, Shape, Worker};
use async_trait::async_trait;
use countersign_issuer::Unavailable;
use countersign_issuer::port::SignPool;
use countersign_token::{Algorithm, KeyError, Prepared, SigningKey};
use std::time::Duration;

/// Signatures that may wait; at half a millisecond each, about one second of work.
const QUEUE: usize = 2_048;

/// The pool.
pub(crate) struct SlowSignatures(Pool<Pen>);

impl SlowSignatures {
    /// Starts one or two threads.
    pub(crate) fn start() -> std::io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let shape = Shape {
            name: "signer",
            workers: cores.min(2),
            capacity: QUEUE,
            deadline: Duration::from_secs(2),
            background: false,
        };
        Ok(Self(Pool::start(shape, || Pen)?))
    }
}

#[async_trait]
impl SignPool for SlowSignatures {
    async fn finish(&self, prepared: Prepared) -> Result<String, Unavailable> {
        self.0.run(prepared).await?.map_err(|e| Unavailable {
            what: "signer",
            detail: e.to_string(),
            retry_after: Duration::from_secs(1),
        })
    }

    async fn generate(&self, alg: Algorithm) -> Result<SigningKey, KeyError> {
        // Once in months; it must not hold up the event loop for the time an RSA key takes.
        let made = tokio::task::spawn_blocking(move || SigningKey::generate(alg)).await;
        made.unwrap_or_else(|e| Err(KeyError::new("provider", e.to_string())))
    }
}

struct Pen;

impl Worker for Pen {
    type Ask = Prepared;
    type Answer = Result<String, KeyError>;
    fn work(&mut self, prepared: Prepared) -> Self::Answer {
        prepared.finish()
    }
}
